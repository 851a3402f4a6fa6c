/** A recurring master as the model's series. */
import { instant, instantMs, plainDate } from '../model/index.ts'
import type { EventFields, EventTime, Exception, Instant, OccurrenceStart, PlainDate, Recurrence, Series } from '../model/index.ts'
import { expand, firstOccurrence, occurrenceAt } from '../recurrence/index.ts'
import { child, childText, childrenOf } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { toLocal } from '../lib/zoned.ts'
import { readRecurrence } from './recurrence-xml.ts'
import { addDays, nearestDay, parseInstant, readTime, wholeMinute } from './times.ts'

const HOUR = 3_600_000
/** Farther from where the rule has it than any change of the clocks moves it, a start belongs to another occurrence. */
const NEAR = 3 * HOUR

type Rule = Pick<Series, 'recurrence' | 'time'>

/** What a master tells of an occurrence that was edited. */
export interface ListedException {
  readonly id: string
  readonly start: OccurrenceStart
  readonly time: EventTime
}

/**
 * @param time the master's own start and end
 * @param zone IANA, in which the series keeps its wall clock time
 * @throws RangeError when the rule cannot be read or never happens
 */
export function ruleOf(properties: XmlElement, time: EventTime, zone: string): Rule {
  const recurrence: Recurrence = readRecurrence(child(properties, 'Recurrence') ?? properties)
  const first = firstOccurrence(recurrence, time.allDay ? time : { ...time, zone })
  if (first === null) throw new RangeError('a recurrence without any occurrence')
  return { recurrence, time: first.time }
}

/** Those that say which occurrence of the rule they are; one that does not must not lose the series (rule R-31). */
export function listedExceptions(properties: XmlElement, rule: Rule, zone: string): ListedException[] {
  return childrenOf(child(properties, 'ModifiedOccurrences'), 'Occurrence').flatMap((occurrence) => {
    const id = child(occurrence, 'ItemId')?.attributes['Id']
    const start = startIn(occurrence, 'OriginalStart', rule, zone)
    const time = told(() => readTime(childText(occurrence, 'Start') ?? '', childText(occurrence, 'End') ?? '', rule.time.allDay, undefined, zone))
    if (id === undefined || start === null || time === null) return []
    return [{ id, start, time: time.allDay ? time : { ...time, zone } }]
  })
}

export function deletedStarts(properties: XmlElement, rule: Rule, zone: string): OccurrenceStart[] {
  const starts = childrenOf(child(properties, 'DeletedOccurrences'), 'DeletedOccurrence').flatMap((one) => startIn(one, 'Start', rule, zone) ?? [])
  return [...new Set(starts)].toSorted()
}

/**
 * @param read the exceptions that could be read, by id
 * @param master what an exception that could not be read still shares with the series
 */
export function seriesOf(properties: XmlElement, rule: Rule, zone: string, read: ReadonlyMap<string, Omit<Exception, 'start'>>, master: Partial<EventFields>): Series {
  const exceptions = new Map<OccurrenceStart, Exception>()
  for (const { id, start, time } of listedExceptions(properties, rule, zone)) {
    exceptions.set(start, { start, ...(read.get(id) ?? { fields: { ...master, time } }) })
  }
  return {
    ...rule,
    exceptions: [...exceptions.values()].toSorted((left, right) => (left.start < right.start ? -1 : 1)),
    deleted: deletedStarts(properties, rule, zone).filter((start) => !exceptions.has(start)),
  }
}

function startIn(element: XmlElement, name: string, rule: Rule, zone: string): OccurrenceStart | null {
  const at = told(() => wholeMinute(parseInstant(childText(element, name) ?? '')))
  return at === null ? null : ruleStart(rule, at, zone)
}

/**
 * The occurrence that a server means. Original starts may be an hour off across a change of the clocks (rules R-21,
 * R-29), and gromox 3.1 gives the midnight of the day.
 * @returns null when the rule has nothing near
 */
export function ruleStart(rule: Rule, at: Instant, zone: string): OccurrenceStart | null {
  if (rule.time.allDay) {
    const day = nearestDay(at, zone)
    return [day, addDays(day, -1), addDays(day, 1)].find((candidate) => occurrenceAt(rule, candidate) !== null) ?? null
  }
  if (occurrenceAt(rule, at) !== null) return at
  const around = expand(rule, moved(at, -26 * HOUR), moved(at, 26 * HOUR)).map(({ start }) => start as Instant)
  const { date, time } = toLocal(at, zone)
  const sameDay = around.find((start) => toLocal(start, zone).date === date)
  if (time === '00:00:00' && sameDay !== undefined) return sameDay
  const distance = (start: Instant) => Math.abs(instantMs(start) - instantMs(at))
  const nearest = around.toSorted((left, right) => distance(left) - distance(right))[0]
  return nearest !== undefined && distance(nearest) <= NEAR ? nearest : sameDay ?? null
}

const moved = (at: Instant, ms: number): Instant => instant(instantMs(at) + ms)

function told<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** The day of a start in the zone of its series. @throws RangeError */
export const dayOfStart = (start: OccurrenceStart, zone: string): PlainDate =>
  start.length === 10 ? plainDate(start) : (toLocal(start, zone).date as PlainDate)
