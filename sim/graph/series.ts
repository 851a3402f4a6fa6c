import type { EventFields, EventItem, Mailbox } from './model.ts'
import { dateOf, dayOf, hasDay, occurrenceDays } from './recurrence.ts'
import { dateIn, instantOf, wallOf } from './zones.ts'

const DAY = 86_400_000

/** One appearance in the calendar: a single event (`date` null), an occurrence or an exception of a series. */
export interface Instance {
  event: EventItem
  date: string | null
  type: 'singleInstance' | 'occurrence' | 'exception'
  fields: EventFields
  /** When the rule has it; for a single event its start. */
  originalStart: number
}

export type Planned = Pick<EventItem, 'fields' | 'series'>

/** The zone in which the rule of a series is read. */
export function seriesZone(event: Planned): string {
  return event.series?.recurrence.range.recurrenceTimeZone || event.fields.startZone
}

/** The date of the master's first occurrence, in the zone of the series. */
export function startDate(fields: EventFields, zone: string): string {
  return fields.isAllDay ? new Date(fields.start).toISOString().slice(0, 10) : dateIn(zone, fields.start)
}

/** When an event occupies the calendar, in UTC milliseconds: an all-day event lasts from midnight to midnight there. */
export function span(mailbox: Mailbox, fields: EventFields): { from: number; to: number } {
  if (!fields.isAllDay) return { from: fields.start, to: fields.end }
  return { from: instantOf(mailbox.zone, fields.start), to: instantOf(mailbox.zone, fields.end) }
}

export function overlaps(mailbox: Mailbox, fields: EventFields, from: number, to: number): boolean {
  const occupied = span(mailbox, fields)
  // An event without duration counts where it stands.
  return occupied.from < to && (occupied.to > from || (occupied.to === occupied.from && occupied.from >= from))
}

/** Start and end of the occurrence that the rule has on a date. */
export function ruleTimes(event: Planned, date: string): { start: number; end: number } {
  const { fields } = event
  const zone = seriesZone(event)
  const shift = dayOf(date) * DAY
  if (fields.isAllDay) return { start: shift, end: shift + (fields.end - fields.start) }
  const wall = wallOf(zone, fields.start)
  const start = instantOf(zone, shift + (((wall % DAY) + DAY) % DAY))
  const length = wallOf(zone, fields.end) - wall
  return { start, end: instantOf(zone, wallOf(zone, start) + length) }
}

/** The instance of a date; null when the rule has none there or it was cancelled. */
export function instanceOn(event: EventItem, date: string): Instance | null {
  const { series } = event
  if (!series || series.cancelled.has(date) || !hasDay(series.recurrence, date)) return null
  return makeInstance(event, date)
}

function makeInstance(event: EventItem, date: string): Instance {
  const times = ruleTimes(event, date)
  const exception = event.series?.exceptions.get(date)
  return {
    event,
    date,
    type: exception ? 'exception' : 'occurrence',
    fields: { ...event.fields, ...times, ...exception?.own },
    originalStart: times.start,
  }
}

/** All appearances of an event that touch the window [from, to), in order of time. */
export function instancesOf(mailbox: Mailbox, event: EventItem, from: number, to: number): Instance[] {
  const { series, fields } = event
  if (!series) {
    const single: Instance = { event, date: null, type: 'singleInstance', fields, originalStart: fields.start }
    return overlaps(mailbox, fields, from, to) ? [single] : []
  }
  const found: Instance[] = []
  // No zone is further than a day from UTC.
  const earliest = Math.floor((from - (fields.end - fields.start)) / DAY) - 2
  for (const day of occurrenceDays(series.recurrence, Math.floor(to / DAY) + 1)) {
    if (day < earliest) continue
    const date = dateOf(day)
    if (series.cancelled.has(date) || series.exceptions.has(date)) continue
    const instance = makeInstance(event, date)
    if (overlaps(mailbox, instance.fields, from, to)) found.push(instance)
  }
  for (const date of series.exceptions.keys()) {
    const instance = makeInstance(event, date)
    if (overlaps(mailbox, instance.fields, from, to)) found.push(instance)
  }
  return found.sort((a, b) => a.fields.start - b.fields.start)
}

/** The occurrences beside a date that are still there, for the rule that none may jump over its neighbour. */
export function neighbours(event: EventItem, date: string): { before: Instance | null; after: Instance | null } {
  const { series } = event
  let before: Instance | null = null
  if (!series) return { before, after: null }
  for (const day of occurrenceDays(series.recurrence, dayOf(date) + 4_000)) {
    const other = dateOf(day)
    if (other === date || series.cancelled.has(other)) continue
    const instance = makeInstance(event, other)
    if (other > date) return { before, after: instance }
    before = instance
  }
  return { before, after: null }
}
