import { ResponseError } from './errors.ts'
import type { Fields, FieldValue, Item, Series, XmlText } from './model.ts'
import type { Recurrence } from './recurrence.ts'
import { DAY_MS, daysOf, firstDay, isInSeries, readRecurrence, recurrenceXml } from './recurrence.ts'
import { instantOf, offsetText, wallOf } from './zones.ts'

const READ = new WeakMap<XmlText, Recurrence>()

/** The recurrence of a master or recurring task; null when the fields have none. */
export function recurrenceOf(fields: Readonly<Record<string, unknown>>): Recurrence | null {
  const text = fields['Recurrence'] as XmlText | undefined
  if (!text) return null
  let recurrence = READ.get(text)
  if (!recurrence) {
    recurrence = readRecurrence(text.xml)
    READ.set(text, recurrence)
  }
  return recurrence
}

function zoneOf(fields: Fields): string {
  return String(fields['StartTimeZone'] ?? 'UTC')
}

/**
 * Settles the series of a calendar item after its times are known: moves Start and End to the first occurrence and
 * writes the Recurrence in its stored form. The time of day and the dates are those of the wall clock in
 * StartTimeZone, so occurrences keep their hour when daylight saving time begins or ends.
 * @param fields the fields as they will be; changed in place.
 * @param before the item as it was; null when it is new.
 * @param keepExceptions keeps exceptions whose day the new pattern has too, where Exchange drops them.
 * @returns null when the item does not recur (any more).
 */
export function settleSeries(
  fields: Fields,
  before: Pick<Item, 'fields' | 'series'> | null,
  keepExceptions: boolean,
): Series | null {
  const given = recurrenceOf(fields)
  if (!given) return null
  if (given.pattern.type === 'Regeneration') throw new ResponseError('ErrorCalendarInvalidRecurrence')
  const old = before?.series ? before : null
  const zone = zoneOf(fields)
  const clock = clockOf(fields, old)
  const sameRecurrence = fields['Recurrence'] === old?.fields['Recurrence']
  const moved = fields['Start'] !== old?.fields['Start']
  // A master moved to another date takes its pattern along; a recurrence in the same request names its own date.
  const start = sameRecurrence && moved ? Math.floor(wallOf(zone, fields['Start'] as number) / DAY_MS) : given.start
  const first = firstDay({ ...given, start })
  const recurrence = { ...given, start: first }
  checkGaps(recurrence, clock.length)
  const xml = recurrenceXml(recurrence, (day) => offsetText(zone, instantOf(zone, day * DAY_MS)))
  fields['Recurrence'] = { xml }
  const series: Series = { ...clock, exceptions: new Map(), deleted: new Set() }
  const aligned = startOn({ fields, series }, first)
  if (fields['ReminderDueBy'] === fields['Start']) fields['ReminderDueBy'] = aligned
  fields['Start'] = aligned
  fields['End'] = endOn({ fields, series }, first)
  if (old?.series) {
    const unchanged = patternKey(fields, series) === patternKey(old.fields, old.series)
    if (unchanged || keepExceptions) keepOccurrences(recurrence, old.series, series)
  }
  return series
}

/** Wall clock of the occurrences. Untouched times keep it: the first one may lie in a gap of the clock and so differ. */
function clockOf(fields: Fields, old: Pick<Item, 'fields' | 'series'> | null): Pick<Series, 'timeOfDay' | 'length'> {
  const names = ['Start', 'End', 'StartTimeZone', 'IsAllDayEvent']
  if (old?.series && names.every((name) => fields[name] === old.fields[name])) {
    return { timeOfDay: old.series.timeOfDay, length: old.series.length }
  }
  const zone = zoneOf(fields)
  const from = wallOf(zone, fields['Start'] as number)
  return { timeOfDay: from - Math.floor(from / DAY_MS) * DAY_MS, length: wallOf(zone, fields['End'] as number) - from }
}

/** What makes exceptions worthless when it changes; a new end of the range does not. */
function patternKey(fields: Fields, series: Series): string {
  const { pattern, start } = recurrenceOf(fields) ?? {}
  return JSON.stringify([
    pattern, start, series.timeOfDay, series.length, fields['StartTimeZone'], fields['IsAllDayEvent'] === true,
  ])
}

function keepOccurrences(recurrence: Recurrence, old: Series, series: Series): void {
  for (const [day, exception] of old.exceptions)
    if (isInSeries(recurrence, day)) series.exceptions.set(day, exception)
  for (const day of old.deleted) if (isInSeries(recurrence, day)) series.deleted.add(day)
}

/** An occurrence longer than the time to the next one would overlap it. */
function checkGaps(recurrence: Recurrence, length: number): void {
  let previous: number | null = null
  let seen = 0
  for (const day of daysOf(recurrence)) {
    if (previous !== null && length > (day - previous) * DAY_MS) throw new ResponseError('ErrorOccurrenceTimeSpanTooBig')
    previous = day
    if (++seen === 60) return
  }
}

type Master = Pick<Item, 'fields' | 'series'>

function startOn({ fields, series }: Master, day: number): number {
  return instantOf(zoneOf(fields), day * DAY_MS + (series?.timeOfDay ?? 0))
}

/** The end keeps its wall clock too; where a gap of the clock swallows it, the occurrence keeps its length. */
function endOn(master: Master, day: number): number {
  const start = startOn(master, day)
  const { timeOfDay = 0, length = 0 } = master.series ?? {}
  const end = instantOf(zoneOf(master.fields), day * DAY_MS + timeOfDay + length)
  return end < start || (end === start && length > 0) ? start + length : end
}

/** One occurrence, as an item of its own; null when it is deleted or the pattern has no such day. */
export function occurrenceOn(master: Item, day: number): Item | null {
  const recurrence = recurrenceOf(master.fields)
  if (!recurrence || !master.series || master.series.deleted.has(day) || !isInSeries(recurrence, day)) return null
  return pictureOf(master, day)
}

/** The n-th day of the pattern, counted from 1 and with deleted ones; undefined beyond its ends. */
export function dayAtIndex(master: Item, index: number): number | undefined {
  const recurrence = recurrenceOf(master.fields)
  let at = 0
  if (recurrence && index > 0) for (const day of daysOf(recurrence)) if (++at === index) return day
  return undefined
}

function pictureOf(master: Item, day: number): Item {
  const exception = master.series?.exceptions.get(day)
  const originalStart = startOn(master, day)
  const { Recurrence: _, ...inherited } = master.fields
  const fields: Fields = { ...inherited, Start: originalStart, End: endOn(master, day) }
  if (fields['ReminderDueBy'] !== undefined) fields['ReminderDueBy'] = originalStart
  overlay(fields, exception?.fields ?? {})
  Object.assign(fields, { RecurrenceId: originalStart, OriginalStart: originalStart })
  const extended = { ...master.extended }
  overlay(extended, exception?.extended ?? {})
  const occurrence = { day, originalStart, exception: exception !== undefined }
  return { ...master, fields, extended: Object.keys(extended).length > 0 ? extended : null, series: null, occurrence }
}

function overlay<V>(values: Record<string, V>, own: Record<string, V | null>): void {
  for (const [name, value] of Object.entries(own)) {
    if (value === null) delete values[name]
    else values[name] = value
  }
}

/** All occurrences that are not deleted, in the order of the pattern. */
export function* occurrencesOf(master: Item): Generator<Item, void> {
  const recurrence = recurrenceOf(master.fields)
  if (!recurrence || !master.series) return
  for (const day of daysOf(recurrence)) if (!master.series.deleted.has(day)) yield pictureOf(master, day)
}

/** Does an item overlap the time between two instants? */
export function overlaps({ fields }: Item, from: number, to: number): boolean {
  return Number(fields['Start']) < to && Number(fields['End']) > from
}

/** Occurrences and exceptions that overlap the time between two instants, by start. */
export function occurrencesBetween(master: Item, from: number, to: number): Item[] {
  const recurrence = recurrenceOf(master.fields)
  if (!recurrence || !master.series) return []
  const { deleted, exceptions, length } = master.series
  const days = new Set(exceptions.keys())
  // Two days more on both sides: wall clocks are up to 14 hours away from UTC.
  const since = (from - length) / DAY_MS - 2
  const until = to / DAY_MS + 2
  for (const day of daysOf(recurrence)) {
    if (day > until) break
    if (day >= since && !deleted.has(day)) days.add(day)
  }
  return [...days]
    .map((day) => pictureOf(master, day))
    .filter((occurrence) => overlaps(occurrence, from, to))
    .sort((a, b) => Number(a.fields['Start']) - Number(b.fields['Start']))
}

export function lastOccurrence(master: Item): Item | null {
  const recurrence = recurrenceOf(master.fields)
  if (!recurrence || (recurrence.end === null && recurrence.count === null)) return null
  const live = [...daysOf(recurrence)].filter((day) => !master.series?.deleted.has(day))
  const day = live.at(-1)
  return day === undefined ? null : pictureOf(master, day)
}

export function originalStartOn(master: Item, day: number): number {
  return startOn(master, day)
}

/**
 * Makes an occurrence an exception, or changes one.
 * @param fields all fields it shall have; what equals the master's and was never its own stays inherited.
 * @param touched names that become its own even when they equal the master's.
 */
export function putException(
  master: Item,
  occurrence: Item,
  fields: Fields,
  extended: Item['extended'],
  touched: ReadonlySet<string>,
): void {
  const day = occurrence.occurrence?.day
  if (day === undefined || !master.series) throw new Error('Only an occurrence of a series can become an exception.')
  const known = master.series.exceptions.get(day)
  const own = {
    fields: difference<FieldValue>(occurrence.fields, fields, known?.fields ?? {}, touched),
    extended: difference(occurrence.extended ?? {}, extended ?? {}, known?.extended ?? {}, touched),
  }
  own.fields['Start'] = fields['Start'] as number
  own.fields['End'] = fields['End'] as number
  delete own.fields['RecurrenceId']
  delete own.fields['OriginalStart']
  delete own.fields['Recurrence']
  master.series.exceptions.set(day, own)
}

function difference<V>(
  before: Record<string, V>,
  after: Record<string, V>,
  known: Record<string, V | null>,
  touched: ReadonlySet<string>,
): Record<string, V | null> {
  const own = { ...known }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[name] !== after[name] || touched.has(name)) own[name] = after[name] ?? null
  }
  return own
}

/** Takes an occurrence out of its series; a series keeps at least one. */
export function dropOccurrence(master: Item, day: number): void {
  let others = false
  for (const { occurrence } of occurrencesOf(master)) {
    others = occurrence?.day !== day
    if (others) break
  }
  if (!others) throw new ResponseError('ErrorRecurrenceHasNoOccurrence')
  master.series?.exceptions.delete(day)
  master.series?.deleted.add(day)
}

/**
 * An occurrence stays between its neighbours: not on or beyond the day of one, and not over its time.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
 */
export function checkNeighbours(master: Item, day: number, start: number, end: number): void {
  const zone = zoneOf(master.fields)
  const onDay = (instant: unknown) => Math.floor(wallOf(zone, Number(instant)) / DAY_MS)
  const { before, after } = neighboursOf(master, day)
  const crosses = (before && onDay(start) <= onDay(before['Start'])) || (after && onDay(start) >= onDay(after['Start']))
  if (crosses) throw new ResponseError('ErrorOccurrenceCrossingBoundary')
  if ((before && start < Number(before['End'])) || (after && end > Number(after['Start'])))
    throw new ResponseError('ErrorOccurrenceTimeSpanTooBig')
}

function neighboursOf(master: Item, day: number): { before: Fields | null; after: Fields | null } {
  const recurrence = recurrenceOf(master.fields)
  const fieldsOn = (other: number | null) => (other === null ? null : pictureOf(master, other).fields)
  let before: number | null = null
  let after: number | null = null
  for (const other of recurrence ? daysOf(recurrence) : []) {
    if (other === day || master.series?.deleted.has(other)) continue
    if (other < day) before = other
    else {
      after = other
      break
    }
  }
  return { before: fieldsOn(before), after: fieldsOn(after) }
}
