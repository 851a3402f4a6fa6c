import type { EventTime, Instant, Occurrence, OccurrenceStart, Recurrence } from '../model/index.ts'
import { toDayNumber } from './calendar.ts'
import type { OpenRule, Rule } from './rule.ts'
import { momentsOf, openRule } from './rule.ts'

/**
 * The occurrences by the rule alone that overlap a window; one that ends as the window begins does not. Costs what is
 * inside the window, however long ago the series began.
 * @param from first moment, inclusive; for all-day series days are taken as those of UTC
 * @param to last moment, inclusive
 * @throws RangeError when the rule cannot be meant by any calendar, or its zone is not an IANA name
 */
export function expand(series: Rule, from: Instant, to: Instant): Occurrence[] {
  const rule = openRule(series)
  const found: Occurrence[] = []
  for (const occurrence of occurrencesFrom(rule, rule.dayAt(from) - rule.reach)) {
    const { begins, ends } = momentsOf(occurrence.time)
    if (begins > to) break
    if (ends > from || begins >= from) found.push(occurrence)
  }
  return found
}

/** The occurrence that begins so by the rule; null where the rule has none. @throws RangeError as `expand` does */
export function occurrenceAt(series: Rule, start: OccurrenceStart): Occurrence | null {
  const moment = start.length > 10
  if (moment === series.time.allDay) return null
  const rule = openRule(series)
  const day = moment ? rule.dayAt(start as Instant) : toDayNumber(start)
  for (const occurrence of occurrencesFrom(rule, day)) {
    if (occurrence.start >= start) return occurrence.start === start ? occurrence : null
  }
  return null
}

/** @param index from 1; deleted occurrences count. @throws RangeError as `expand` does */
export function occurrenceByIndex(series: Rule, index: number): Occurrence | null {
  const rule = openRule(series)
  return Number.isInteger(index) && index >= 1 && index <= rule.size ? rule.occurrence(index - 1) : null
}

/**
 * The first occurrence that begins after a moment; days of all-day series begin at midnight UTC.
 * @throws RangeError as `expand` does
 */
export function next(series: Rule, after: Instant): Occurrence | null {
  const rule = openRule(series)
  for (const occurrence of occurrencesFrom(rule, rule.dayAt(after))) {
    if (momentsOf(occurrence.time).begins > after) return occurrence
  }
  return null
}

/** The last occurrence; null when the series never ends or has none at all. @throws RangeError as `expand` does */
export function last(series: Rule): Occurrence | null {
  if (series.recurrence.range.type === 'endless') return null
  return occurrenceByIndex(series, openRule(series).size)
}

/**
 * The first occurrence of a rule. `time` lends its time of day, its length and its zone, and may lie on a day that does
 * not fit: a master has to begin with its first occurrence. Null when the range ends before.
 * @throws RangeError as `expand` does
 */
export const firstOccurrence = (recurrence: Recurrence, time: EventTime): Occurrence | null =>
  occurrenceByIndex({ recurrence, time }, 1)

/** Begins a day early: a start that falls into a skipped midnight moves to the day after. */
function* occurrencesFrom(rule: OpenRule, day: number): Generator<Occurrence> {
  for (let place = rule.placeFrom(day - 1); place < rule.size; place += 1) yield rule.occurrence(place)
}
