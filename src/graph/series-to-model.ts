/** A series master as the model's series. */
import { instant, instantMs } from '../model/index.ts'
import type { EventFields, EventTime, Exception, Instant, OccurrenceStart, PlainDate, Series } from '../model/index.ts'
import { expand, firstOccurrence, occurrenceAt } from '../recurrence/index.ts'
import { toInstant, toLocal } from '../lib/zoned.ts'
import { readRecurrence } from './recurrence-json.ts'
import type { EventResource, RecurrenceResource } from './resources.ts'
import { addDays, ianaOf, nearestDay, parseInstant, wholeMinute } from './times.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Farther from where the rule has it than any change of the clocks moves it, a start belongs to another occurrence. */
const NEAR = 3 * HOUR

export type Rule = Pick<Series, 'recurrence' | 'time'>

/** What belongs to a master besides its own properties; read with it. */
export interface MasterParts {
  readonly exceptionOccurrences?: readonly EventResource[]
  /** Ids that end in the day of the occurrence, `OID.<master>.2026-12-01`. */
  readonly cancelledOccurrences?: readonly string[]
  /** Where the server does not tell what was deleted: what is still there between two moments. */
  readonly remaining?: { readonly from: Instant; readonly to: Instant; readonly instances: readonly EventResource[] }
}

/** The zone in which a series keeps its wall clock time. */
export function zoneOfSeries(event: EventResource, mailboxZone: string): string {
  const range = (event.recurrence as RecurrenceResource | null | undefined)?.range
  return ianaOf(range?.recurrenceTimeZone) ?? ianaOf(event.originalStartTimeZone) ?? mailboxZone
}

/** @throws RangeError when the rule cannot be read or never happens */
export function ruleOf(event: EventResource, time: EventTime, zone: string): Rule {
  const recurrence = readRecurrence((event.recurrence ?? {}) as RecurrenceResource)
  const first = firstOccurrence(recurrence, time.allDay ? time : { ...time, zone })
  if (first === null) throw new RangeError('a recurrence without any occurrence')
  return { recurrence, time: first.time }
}

/** @param read an exception's own fields; null for one that cannot be read, which must not lose the series (rule R-31) */
export function seriesOf(parts: MasterParts, rule: Rule, zone: string, read: (exception: EventResource) => Partial<EventFields> | null): Series {
  const exceptions = new Map<OccurrenceStart, Exception>()
  for (const exception of parts.exceptionOccurrences ?? []) {
    const start = originalStart(exception, rule, zone)
    const fields = read(exception)
    if (start === null || fields === null) continue
    const modifiedAt = told(() => parseInstant(exception.lastModifiedDateTime ?? ''))
    exceptions.set(start, { start, fields, ...(modifiedAt === null ? {} : { modifiedAt }) })
  }
  const gone = parts.cancelledOccurrences === undefined ? missing(parts, rule, zone) : parts.cancelledOccurrences.flatMap((id) => cancelledStart(id, rule, zone) ?? [])
  return {
    ...rule,
    exceptions: [...exceptions.values()].toSorted((left, right) => (left.start < right.start ? -1 : 1)),
    deleted: [...new Set(gone)].filter((start) => !exceptions.has(start)).toSorted(),
  }
}

/** Which occurrence of the rule an instance is. @returns null when it does not say */
export function originalStart(event: EventResource, rule: Rule, zone: string): OccurrenceStart | null {
  const at = told(() => wholeMinute(parseInstant(event.originalStart ?? event.start?.dateTime ?? '')))
  return at === null ? null : ruleStart(rule, at, zone)
}

function cancelledStart(id: string, rule: Rule, zone: string): OccurrenceStart | null {
  const day = /(\d{4}-\d{2}-\d{2})(?:T[\d:.]+Z?)?$/.exec(id)?.[1] as PlainDate | undefined
  if (day === undefined) return null
  if (rule.time.allDay) return occurrenceAt(rule, day) === null ? null : day
  const midnight = told(() => toInstant(day, '00:00', zone) as Instant)
  if (midnight === null) return null
  return expand(rule, moved(midnight, -HOUR), moved(midnight, DAY + HOUR)).map(({ start }) => start as Instant).find((start) => toLocal(start, zone).date === day) ?? null
}

/** What the rule has and the server no longer shows. */
function missing({ remaining }: MasterParts, rule: Rule, zone: string): OccurrenceStart[] {
  if (remaining === undefined) return []
  const there = new Set(remaining.instances.flatMap((event) => originalStart(event, rule, zone) ?? []))
  // At the ends an occurrence that was moved may lie outside.
  return expand(rule, moved(remaining.from, DAY), moved(remaining.to, -DAY)).map(({ start }) => start).filter((start) => !there.has(start))
}

/**
 * The occurrence that a server means. Original starts may be off across a change of the clocks (rules ).
 * @returns null when the rule has nothing near
 */
export function ruleStart(rule: Rule, at: Instant, zone: string): OccurrenceStart | null {
  if (rule.time.allDay) {
    const days = [at.slice(0, 10) as PlainDate, nearestDay(at, zone)].flatMap((day) => (at.slice(11, 16) === '00:00' || day !== at.slice(0, 10) ? [day, addDays(day, -1), addDays(day, 1)] : []))
    return [...new Set([nearestDay(at, zone), ...days])].find((day) => occurrenceAt(rule, day) !== null) ?? null
  }
  if (occurrenceAt(rule, at) !== null) return at
  const around = expand(rule, moved(at, -26 * HOUR), moved(at, 26 * HOUR)).map(({ start }) => start as Instant)
  const distance = (start: Instant) => Math.abs(instantMs(start) - instantMs(at))
  const nearest = around.toSorted((left, right) => distance(left) - distance(right))[0]
  if (nearest !== undefined && distance(nearest) <= NEAR) return nearest
  const { date } = toLocal(at, zone)
  return around.find((start) => toLocal(start, zone).date === date) ?? null
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
