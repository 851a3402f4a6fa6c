import { toInstant, toLocal } from '../lib/zoned.ts'
import type { EventTime, Recurrence, RecurrencePattern, RelativeDay, Weekday, WeekIndex } from '../model/index.ts'
import { WEEKDAYS } from '../model/index.ts'
import { dayInMonth, firstOfMonth, monthOf, relativeDayInMonth, toDate, toDayNumber, weekdayOf } from './calendar.ts'
import { patternDays } from './pattern.ts'
import type { Rule } from './rule.ts'
import { openRule } from './rule.ts'

export type Rhythm = 'daily' | 'weekly' | 'monthly' | 'yearly'

/**
 * The simplest rule that gives exactly these times, as a series with a count.
 * @param times by number, at least two; all timed or all whole days. The first one sets the time of day: a series whose
 * first occurrence itself fell into a skipped hour is not found.
 * @param zone IANA name of the zone in which they keep their time of day
 * @param hint wins where several rules fit
 * @returns null when no rule of Exchange fits
 * @throws RangeError when the zone is not an IANA name
 */
export function inferSeries(
  times: readonly EventTime[], zone: string, hint?: Rhythm,
): { readonly recurrence: Recurrence; readonly time: EventTime } | null {
  const [first] = times
  if (first === undefined || times.length < 2) return null
  const clock = first.allDay ? '' : toLocal(first.start, zone).time
  const days = times.map((time) => dayOf(time, clock, zone))
  if (days.some((day, i) => day <= (days[i - 1] ?? -Infinity))) return null
  const time: EventTime = first.allDay ? first : { ...first, zone }
  for (const pattern of candidates(days, hint)) {
    const range = { type: 'count', first: toDate(days[0] ?? 0), count: times.length } as const
    const series = { recurrence: { pattern, range }, time }
    if (hasDays(pattern, days) && hasTimes(series, times)) return series
  }
  return null
}

/** A start that fell into a skipped midnight belongs to the day before. */
function dayOf(time: EventTime, clock: string, zone: string): number {
  if (time.allDay) return toDayNumber(time.firstDay)
  const day = toDayNumber(toLocal(time.start, zone).date)
  return clock !== '' && toInstant(toDate(day - 1), clock, zone) === time.start ? day - 1 : day
}

/** Tells most of what does not fit without looking at the zone. */
function hasDays(pattern: RecurrencePattern, days: readonly number[]): boolean {
  const expected = patternDays(pattern, days[0] ?? 0)
  return days.every((day, place) => expected.at(place) === day)
}

function hasTimes(series: Rule, times: readonly EventTime[]): boolean {
  const rule = openRule(series)
  return times.every((time, place) => sameTime(rule.occurrence(place).time, time))
}

function sameTime(left: EventTime, right: EventTime): boolean {
  if (left.allDay) return right.allDay && left.firstDay === right.firstDay && left.lastDay === right.lastDay
  return !right.allDay && left.start === right.start && left.end === right.end
}

/** What might fit, the simplest first. Most are told by the distances alone; the caller looks closely. */
function candidates(days: readonly number[], hint: Rhythm | undefined): RecurrencePattern[] {
  const all = [...daily(days), ...weekly(days), ...monthly(days)]
  const cost = (pattern: RecurrencePattern) => costOf(pattern) + (rhythmOf(pattern) === hint ? 0 : 10_000)
  return all.sort((left, right) => cost(left) - cost(right))
}

/** How far a human would go for a rule: every 31 days is stranger than the same day of each month. */
function costOf(pattern: RecurrencePattern): number {
  switch (pattern.type) {
    case 'daily': return pattern.interval
    case 'weekly': return pattern.interval + 2 * pattern.days.length - 1
    case 'absoluteMonthly': case 'absoluteYearly': return pattern.interval + 2
    case 'relativeMonthly': case 'relativeYearly':
      return pattern.interval + (WEEKDAYS.includes(pattern.day as Weekday) ? 5 : 6)
  }
}

function rhythmOf({ type }: RecurrencePattern): Rhythm {
  if (type === 'daily' || type === 'weekly') return type
  return type === 'absoluteMonthly' || type === 'relativeMonthly' ? 'monthly' : 'yearly'
}

/** Exchange takes no more. */
const MOST_DAYS = 999
const MOST_WEEKS = 99

function daily(days: readonly number[]): RecurrencePattern[] {
  const interval = (days[1] ?? 0) - (days[0] ?? 0)
  return interval <= MOST_DAYS ? [{ type: 'daily', interval }] : []
}

function weekly(days: readonly number[]): RecurrencePattern[] {
  const named = WEEKDAYS.filter((_, number) => days.some((day) => weekdayOf(day) === number))
  return (['monday', 'sunday'] as const).flatMap((firstDay) => {
    const begin = WEEKDAYS.indexOf(firstDay)
    const weeks = days.map((day) => Math.floor((day + 4 - begin) / 7))
    const interval = commonStep(weeks)
    return interval <= MOST_WEEKS ? [{ type: 'weekly', interval, days: named, firstDay } as const] : []
  })
}

function monthly(days: readonly number[]): RecurrencePattern[] {
  const months = days.map(monthOf)
  const interval = (months[1] ?? 0) - (months[0] ?? 0)
  if (interval < 1) return []
  const month = ((months[0] ?? 0) % 12) + 1
  const day = Math.max(...days.map((each, i) => each - firstOfMonth(months[i] ?? 0) + 1))
  const spans = interval <= MOST_WEEKS ? [{ interval }] : []
  const yearly = interval === 12
  const absolute = days.every((each, i) => dayInMonth(months[i] ?? 0, day) === each)
  const relative = relativeDays(days, months)
  return [
    ...(absolute ? spans.map((span) => ({ type: 'absoluteMonthly', ...span, day }) as const) : []),
    ...spans.flatMap((span) => relative.map((each) => ({ type: 'relativeMonthly', ...span, ...each }) as const)),
    // Exchange has no yearly rule with an interval; every second year is every 24 months.
    ...(absolute && yearly ? [{ type: 'absoluteYearly', interval: 1, month, day } as const] : []),
    ...(yearly ? relative.map((each) => ({ type: 'relativeYearly', interval: 1, month, ...each }) as const) : []),
  ]
}

const RELATIVE_DAYS: readonly RelativeDay[] = [...WEEKDAYS, 'weekday', 'weekendDay']
const INDEXES: readonly WeekIndex[] = ['first', 'second', 'third', 'fourth', 'last']

/** Every way of naming them all as "the second tuesday"; "the last day" is already day 31. */
const relativeDays = (days: readonly number[], months: readonly number[]) =>
  RELATIVE_DAYS.flatMap((day) => INDEXES.map((index) => ({ day, index }))).filter(({ day, index }) =>
    days.every((each, i) => relativeDayInMonth(months[i] ?? 0, day, index) === each))

/** The greatest step that meets them all; 1 where all are the same. */
function commonStep(values: readonly number[]): number {
  const divisor = (left: number, right: number): number => (right === 0 ? left : divisor(right, left % right))
  return values.reduce((step, value) => divisor(step, value - (values[0] ?? 0)), 0) || 1
}
