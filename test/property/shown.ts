import { instant } from '../../src/model/index.ts'
import type { EventFields, EventTime, Instant, OccurrenceStart, PlainDate, Recurrence, Series, Weekday } from '../../src/model/index.ts'
import { expand, firstOccurrence, occurrenceAt } from '../../src/recurrence/index.ts'
import type { MailboxRow } from '../../sim/memory-mailbox.ts'

export const DAY_MS = 86_400_000
export const ROME = 'Europe/Rome'

/** One event as a person sees it in a calendar: a single item, or one occurrence of a series. */
export interface Shown {
  readonly row: MailboxRow
  readonly start: OccurrenceStart | null
  readonly fields: Partial<EventFields>
}

/** What the calendar shows of an item between two moments. */
export function shown(row: MailboxRow, from: Instant, to: Instant): Shown[] {
  const own = row.item.fields as Partial<EventFields>
  const { series } = row
  if (series === undefined) return [{ row, start: null, fields: own }].filter(({ fields }) => within(fields.time, from, to))
  const byRule = expand(series, from, to).map(({ start, time }) => ({ start, fields: { ...own, time } }))
  const edited = series.exceptions.filter(({ start }) => occurrenceAt(series, start) !== null)
  const starts = new Set(edited.map(({ start }) => start))
  return [...byRule.filter(({ start }) => !starts.has(start)), ...edited]
    .filter(({ start, fields }) => !series.deleted.includes(start) && within(fields.time, from, to))
    .map(({ start, fields }) => ({ row, start, fields }))
}

export const startMs = (time: EventTime): number => Date.parse(time.allDay ? `${time.firstDay}T00:00:00Z` : time.start)

export const within = (time: EventTime | undefined, from: Instant, to: Instant): boolean =>
  time !== undefined && startMs(time) >= Date.parse(from) && startMs(time) <= Date.parse(to)

const WEEK: readonly Weekday[][] = [['monday', 'thursday'], ['tuesday'], ['monday', 'wednesday', 'friday'], ['saturday', 'sunday']]

/** A rule, made from two numbers. `minute` sets the time of day, so that no two series begin at the same one. */
export function someSeries(day: string, pick: number, field: number, minute: number): Series {
  const first = day as PlainDate
  const patterns: Recurrence['pattern'][] = [
    { type: 'daily', interval: 1 + (pick % 3) },
    { type: 'weekly', interval: 1 + (pick % 2), days: WEEK[pick % 4] as Weekday[], firstDay: 'monday' },
    { type: 'daily', interval: 1 },
    { type: 'absoluteMonthly', interval: 1, day: 1 + (pick % 31) },
    { type: 'relativeMonthly', interval: 1, day: 'tuesday', index: 'second' },
  ]
  const pattern = patterns[field % 5] as Recurrence['pattern']
  const ranges: Recurrence['range'][] = [
    { type: 'endless', first },
    { type: 'count', first, count: 2 + (pick % 7) },
    { type: 'until', first, last: later(day, 4 + (pick % 20)) },
  ]
  const recurrence = { pattern, range: ranges[Math.floor(field / 5) % 3] as Recurrence['range'] }
  const time: EventTime = field % 4 === 3 ? { allDay: true, firstDay: first, lastDay: first } : timeOn(day, 9, minute, ROME)
  const begin = firstOccurrence(recurrence, time)
  if (begin !== null) return { recurrence, time: begin.time, exceptions: [], deleted: [] }
  return { recurrence: { pattern, range: { type: 'count', first, count: 3 } }, time: firstOccurrence({ pattern, range: { type: 'count', first, count: 3 } }, time)?.time ?? time, exceptions: [], deleted: [] }
}

export function timeOn(day: string, hour: number, minute: number, zone?: string): EventTime {
  const start = Date.parse(`${day}T00:00:00Z`) + (hour * 60 + minute) * 60_000
  return { allDay: false, start: instant(start), end: instant(start + 1_800_000), ...(zone === undefined ? {} : { zone }) }
}

export const later = (day: string, days: number): PlainDate => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10) as PlainDate

export const dayOf = (time: EventTime): string => (time.allDay ? time.firstDay : time.start.slice(0, 10))
