import { toInstant, toLocal } from '../lib/zoned.ts'
import { plainDate, type EventTime, type Instant, type PlainDate } from '../model/index.ts'
import type { RawRecord } from './record.ts'

/** What turning a record into an item and back depends on besides the record itself. */
export interface Zones {
  /** The zone all of the CRM's times are in. */
  readonly server: string
  /** The zone of the record's owner, in which an all-day event begins and ends. */
  readonly owner: string
}

const MINUTE = 60_000
const DAY = 86_400_000

/**
 * The time of an event record.
 * @throws RangeError in words for the CRM's user when the times cannot be
 */
export function decodeTime(raw: RawRecord, zones: Zones): EventTime {
  const start = moment(raw.date_start, raw.time_start, zones.server, 'start')
  const end = moment(raw.due_date, raw.time_end, zones.server, 'end')
  if (end < start) {
    throw new RangeError(
      `ends (${raw.due_date} ${raw.time_end}) before it starts (${raw.date_start} ${raw.time_start}).` +
        ' Correct the end in the CRM.',
    )
  }
  if (raw.is_all_day_event !== '1') return { allDay: false, start, end, zone: zones.owner }
  const firstDay = nearestDay(start, zones.owner)
  const after = nearestDay(shift(end, MINUTE), zones.owner)
  const lastDay = addDays(after, -1)
  return { allDay: true, firstDay, lastDay: lastDay < firstDay ? firstDay : lastDay }
}

/** The four date and time fields and the all-day flag that store a time. */
export function encodeTime(time: EventTime, zones: Zones): Record<string, string> {
  const start = time.allDay ? toInstant(time.firstDay, '00:00', zones.owner) : time.start
  const end = time.allDay ? toInstant(time.lastDay, '23:59', zones.owner) : time.end
  const from = toLocal(start, zones.server)
  const to = toLocal(end, zones.server)
  return {
    date_start: from.date,
    time_start: from.time.slice(0, 5),
    due_date: to.date,
    time_end: to.time.slice(0, 5),
    is_all_day_event: time.allDay ? '1' : '0',
  }
}

/**
 * A time as vtenext keeps it: whole minutes of the server's clock, which cannot tell the two halves of the doubled
 * hour in autumn apart.
 */
export function holdTime(time: EventTime, server: string | null): EventTime {
  if (time.allDay) return time
  const start = holdMoment(time.start, server)
  const end = holdMoment(time.end, server)
  return { ...time, start, end: end < start ? start : end }
}

function holdMoment(at: Instant, server: string | null): Instant {
  const minute = `${at.slice(0, 16)}:00Z` as Instant
  if (server === null) return minute
  const shown = toLocal(minute, server)
  return toInstant(shown.date, shown.time, server) as Instant
}

function moment(date: string | undefined, time: string | undefined, zone: string, what: string): Instant {
  try {
    // An event without a time of day begins with the day; tasks never come here.
    return toInstant(date ?? '', time === undefined || time === '' ? '00:00' : time.slice(0, 5), zone) as Instant
  } catch {
    throw new RangeError(`its ${what} "${date ?? ''} ${time ?? ''}" is not a date and time. Correct it in the CRM.`)
  }
}

/** All-day events are stored in the server's zone and made in whichever zone: the nearest midnight is the meant one. */
function nearestDay(at: Instant, zone: string): PlainDate {
  return plainDate(toLocal(shift(at, 12 * 60 * MINUTE), zone).date)
}

const shift = (at: Instant, ms: number) => `${new Date(Date.parse(at) + ms).toISOString().slice(0, 19)}Z` as Instant

const addDays = (day: PlainDate, days: number) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10) as PlainDate

/**
 * The minutes that reading gives after writing `minutes * 60` seconds: vtenext turns a minutes part of 0 into 1.
 * The next one below is held instead, so that the reminder is not later than asked. Idempotent.
 */
export function holdReminder(minutes: number | null): number | null {
  if (minutes === null) return null
  const whole = Math.max(1, Math.round(minutes))
  return whole % 60 === 0 ? whole - 1 : whole
}
