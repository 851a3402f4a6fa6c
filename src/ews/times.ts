/** Dates and times as EWS writes them, and the zone rules around them. */
import { instant, plainDate } from '../model/index.ts'
import type { EventTime, Instant, PlainDate } from '../model/index.ts'
import { toInstant, toLocal } from '../lib/zoned.ts'
import { toIanaZone, toWindowsZone } from '../lib/windows-zones.ts'

/**
 * xs:dateTime; without offset it is UTC, as we ask for in TimeZoneContext. Fractions of any length are cut.
 * @throws RangeError
 */
export function parseInstant(text: string): Instant {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:\d{2})?$/.exec(text.trim())
  if (match === null) throw new RangeError(`"${text}" is not a date and time.`)
  // Date.parse would take the 30th of February for the 2nd of March.
  const day = plainDate(match[1] ?? '')
  const ms = Date.parse(`${day}T${match[2]}${match[3] ?? 'Z'}`)
  if (Number.isNaN(ms)) throw new RangeError(`"${text}" is not a time of day.`)
  return instant(ms)
}

/**
 * A day that EWS dresses up as a moment (task dates, birthdays): the date as written, never converted.
 * @throws RangeError
 */
export function literalDate(text: string): PlainDate {
  return plainDate(text.trim().slice(0, 10))
}

/** Such a day as EWS wants it. */
export const dayText = (day: PlainDate): string => `${day}T00:00:00Z`

export interface WireTime {
  readonly start: string
  readonly end: string
  readonly allDay: boolean
  readonly windowsZone: string
}

/** @param windowsZone the item's own zone as Windows id, undefined when the server tells none */
export function readTime(start: string, end: string, allDay: boolean, windowsZone: string | undefined, mailboxZone: string): EventTime {
  const from = parseInstant(start)
  const to = parseInstant(end)
  const zone = windowsZone === undefined ? undefined : toIanaZone(windowsZone)
  if (!allDay) return { allDay, start: wholeMinute(from), end: wholeMinute(to), ...(zone === undefined ? {} : { zone }) }
  const firstDay = nearestDay(from, zone ?? mailboxZone)
  const lastDay = addDays(nearestDay(to, zone ?? mailboxZone), -1)
  return { allDay, firstDay, lastDay: lastDay < firstDay ? firstDay : lastDay }
}

/**
 * A zone Windows does not know becomes UTC.
 * @param ownZone IANA: the item's where it has one, the mailbox's otherwise; all-day events lie between its midnights
 */
export function writeTime(time: EventTime, ownZone: string): WireTime {
  if (!time.allDay) {
    const windowsZone = (time.zone === undefined ? undefined : toWindowsZone(time.zone)) ?? toWindowsZone(ownZone) ?? 'UTC'
    return { start: time.start, end: time.end, allDay: false, windowsZone }
  }
  const windowsZone = toWindowsZone(ownZone)
  const zone = windowsZone === undefined ? 'UTC' : ownZone
  return {
    start: toInstant(time.firstDay, '00:00', zone),
    end: toInstant(addDays(time.lastDay, 1), '00:00', zone),
    allDay: true,
    windowsZone: windowsZone ?? 'UTC',
  }
}

export const wholeMinute = (at: Instant): Instant => `${at.slice(0, 16)}:00Z` as Instant

/** The day whose midnight is nearest: clients of another zone leave all-day events hours off it. */
export function nearestDay(at: Instant, zone: string): PlainDate {
  const { date, time } = toLocal(at, zone)
  return time >= '12:00' ? addDays(date as PlainDate, 1) : (date as PlainDate)
}

export function addDays(day: PlainDate, days: number): PlainDate {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10) as PlainDate
}
