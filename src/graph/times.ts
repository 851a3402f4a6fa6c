/** Dates and times as Graph writes them, and the zone rules around them. */
import { instant, plainDate } from '../model/index.ts'
import type { EventTime, Instant, PlainDate } from '../model/index.ts'
import { isZone, toInstant, toLocal } from '../lib/zoned.ts'
import { toIanaZone, toWindowsZone } from '../lib/windows-zones.ts'
import type { DateTimeTimeZone } from './resources.ts'

/**
 * A moment with offset or Z (`createdDateTime`); fractions are cut.
 * @throws RangeError
 */
export function parseInstant(text: string): Instant {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?$/.exec(text.trim())
  if (match === null) throw new RangeError(`"${text}" is not a date and time.`)
  const day = plainDate(match[1] ?? '')
  const ms = Date.parse(`${day}T${match[2]}${match[3] ?? 'Z'}`)
  if (Number.isNaN(ms)) throw new RangeError(`"${text}" is not a time of day.`)
  return instant(ms)
}

interface WallClock {
  readonly date: PlainDate
  /** HH:MM:SS */
  readonly time: string
  /** IANA; UTC is what we ask for, but some services answer in a zone of their own. */
  readonly zone: string
}

/** https://learn.microsoft.com/graph/api/resources/datetimetimezone @throws RangeError */
function wallClock(value: DateTimeTimeZone): WallClock {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?Z?$/.exec((value.dateTime ?? '').trim())
  if (match === null) throw new RangeError(`"${value.dateTime ?? ''}" is not a date and time.`)
  const time = match[2] ?? ''
  return { date: plainDate(match[1] ?? ''), time: time.length === 5 ? `${time}:00` : time, zone: ianaOf(value.timeZone) ?? 'UTC' }
}

/** @param zone Windows or IANA name; undefined for a custom one (`tzone://Microsoft/Custom`) */
export function ianaOf(zone: string | undefined): string | undefined {
  if (zone === undefined || zone === '') return undefined
  return toIanaZone(zone) ?? (isZone(zone) ? zone : undefined)
}

const momentOf = ({ date, time, zone }: WallClock): Instant => toInstant(date, time, zone) as Instant

/**
 * @param creationZone `originalStartTimeZone`: only a hint, the event may have been moved to another zone since
 * @throws RangeError
 */
export function readTime(start: DateTimeTimeZone, end: DateTimeTimeZone, allDay: boolean, creationZone: string | undefined, mailboxZone: string): EventTime {
  const zone = ianaOf(creationZone)
  if (!allDay) return { allDay, start: wholeMinute(momentOf(wallClock(start))), end: wholeMinute(momentOf(wallClock(end))), ...(zone === undefined ? {} : { zone }) }
  const firstDay = readDay(start, zone ?? mailboxZone)
  const lastDay = addDays(readDay(end, zone ?? mailboxZone), -1)
  return { allDay, firstDay, lastDay: lastDay < firstDay ? firstDay : lastDay }
}

/**
 * A day that Graph dresses up as a moment (all-day events, task dates): a midnight is taken as written; anything else is
 * the midnight of some client's zone, seen from UTC, and becomes the nearest one.
 * @throws RangeError
 */
export function readDay(value: DateTimeTimeZone, zone: string): PlainDate {
  const wall = wallClock(value)
  return wall.time.startsWith('00:00') ? wall.date : nearestDay(momentOf(wall), zone)
}

/** The day whose midnight is nearest: clients of another zone leave whole days hours off it. */
export function nearestDay(at: Instant, zone: string): PlainDate {
  const { date, time } = toLocal(at, zone)
  return time >= '12:00' ? addDays(date as PlainDate, 1) : (date as PlainDate)
}

/** The date of a birthday, as written. @throws RangeError */
export const literalDate = (text: string): PlainDate => plainDate(text.trim().slice(0, 10))

/** Such a day as Graph wants it. */
export const writeDay = (day: PlainDate): DateTimeTimeZone => ({ dateTime: `${day}T00:00:00`, timeZone: 'UTC' })

/** Start, end and all-day, always together: one of them alone moves the event by hours (rule R-20). */
export interface WireTime {
  readonly start: DateTimeTimeZone
  readonly end: DateTimeTimeZone
  readonly isAllDay: boolean
}

/** All-day events lie between midnights of the mailbox's zone; a zone Windows does not know becomes UTC. */
export function writeTime(time: EventTime, mailboxZone: string): WireTime {
  if (time.allDay) {
    const timeZone = toWindowsZone(mailboxZone) ?? 'UTC'
    return {
      start: { dateTime: `${plainDate(time.firstDay)}T00:00:00`, timeZone },
      end: { dateTime: `${addDays(plainDate(time.lastDay), 1)}T00:00:00`, timeZone },
      isAllDay: true,
    }
  }
  const zone = time.zone !== undefined && toWindowsZone(time.zone) !== undefined && isZone(time.zone) ? time.zone : mailboxZone
  return { start: inZone(time.start, zone), end: inZone(time.end, zone), isAllDay: false }
}

/** A wall clock that names another moment, in the hour the clocks go back, is written in UTC instead. */
function inZone(at: Instant, zone: string): DateTimeTimeZone {
  const windowsZone = toWindowsZone(zone)
  if (windowsZone === undefined || !isZone(zone)) return { dateTime: at.slice(0, 19), timeZone: 'UTC' }
  const { date, time } = toLocal(at, zone)
  if (toInstant(date, time, zone) !== at) return { dateTime: at.slice(0, 19), timeZone: 'UTC' }
  return { dateTime: `${date}T${time}`, timeZone: windowsZone }
}

export const wholeMinute = (at: Instant): Instant => `${at.slice(0, 16)}:00Z` as Instant

export function addDays(day: PlainDate, days: number): PlainDate {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10) as PlainDate
}
