/** Graph's patternedRecurrence both ways. https://learn.microsoft.com/graph/api/resources/patternedrecurrence */
import { plainDate, WEEKDAYS } from '../model/index.ts'
import type { Recurrence, RecurrencePattern, RecurrenceRange, RelativeDay, WeekIndex, Weekday } from '../model/index.ts'
import { toWindowsZone } from '../lib/windows-zones.ts'
import type { PatternResource, RangeResource, RecurrenceResource } from './resources.ts'

const WEEK_INDEXES: readonly WeekIndex[] = ['first', 'second', 'third', 'fourth', 'last']
const WORK_DAYS = WEEKDAYS.slice(1, 6)
const WEEKEND: readonly Weekday[] = ['sunday', 'saturday']

/** @throws RangeError saying what makes no rule */
export function readRecurrence({ pattern, range }: RecurrenceResource): Recurrence {
  if (pattern === undefined || range === undefined) throw new RangeError('a recurrence without pattern or range')
  return { pattern: readPattern(pattern), range: readRange(range) }
}

function readPattern(pattern: PatternResource): RecurrencePattern {
  const interval = whole(pattern.interval ?? 1, 'interval', 1, 999)
  const day = () => whole(pattern.dayOfMonth, 'dayOfMonth', 1, 31)
  const month = () => whole(pattern.month, 'month', 1, 12)
  switch (pattern.type) {
    case 'daily': return { type: 'daily', interval }
    case 'weekly': return { type: 'weekly', interval, days: weekdays(pattern), firstDay: WEEKDAYS.find((name) => name === pattern.firstDayOfWeek) ?? 'sunday' }
    case 'absoluteMonthly': return { type: 'absoluteMonthly', interval, day: day() }
    case 'relativeMonthly': return { type: 'relativeMonthly', interval, ...relative(pattern) }
    case 'absoluteYearly': return { type: 'absoluteYearly', interval, month: month(), day: day() }
    case 'relativeYearly': return { type: 'relativeYearly', interval, month: month(), ...relative(pattern) }
    default: throw new RangeError(`a recurrence of the type "${pattern.type ?? ''}"`)
  }
}

function whole(value: number | undefined, name: string, least: number, most: number): number {
  if (value === undefined || !Number.isInteger(value) || value < least || value > most) throw new RangeError(`a recurrence with ${name} ${value ?? 'missing'}`)
  return value
}

function weekdays({ daysOfWeek = [] }: PatternResource): Weekday[] {
  const days = WEEKDAYS.filter((day) => daysOfWeek.includes(day))
  if (days.length === 0) throw new RangeError('a recurrence without days of the week')
  return days
}

/** Several days mean the first that fits, which the model knows of all days, working days and weekend days. */
function relative(pattern: PatternResource): { day: RelativeDay; index: WeekIndex } {
  const days = weekdays(pattern)
  const same = (group: readonly Weekday[]) => days.length === group.length && days.every((day) => group.includes(day))
  const day = days.length === 1 ? days[0] : same(WEEKDAYS) ? 'day' : same(WORK_DAYS) ? 'weekday' : same(WEEKEND) ? 'weekendDay' : undefined
  const index = WEEK_INDEXES.find((word) => word === (pattern.index ?? 'first'))
  if (day === undefined || index === undefined) throw new RangeError(`a recurrence on the ${pattern.index ?? ''} ${days.join(', ')}`)
  return { day, index }
}

function readRange({ type, startDate, endDate, numberOfOccurrences }: RangeResource): RecurrenceRange {
  const first = plainDate(startDate ?? '')
  switch (type) {
    case 'noEnd': return { type: 'endless', first }
    case 'endDate': return { type: 'until', first, last: plainDate(endDate ?? '') }
    case 'numbered': return { type: 'count', first, count: whole(numberOfOccurrences, 'numberOfOccurrences', 1, 100_000) }
    default: throw new RangeError(`a recurrence that ends as "${type ?? ''}"`)
  }
}

/** Only what belongs to the type: Graph refuses the rest. @param zone IANA, of the series */
export function recurrenceResource({ pattern, range }: Recurrence, zone: string): RecurrenceResource {
  const recurrenceTimeZone = toWindowsZone(zone) ?? 'UTC'
  return { pattern: patternResource(pattern), range: { ...rangeResource(range), recurrenceTimeZone } }
}

function patternResource(pattern: RecurrencePattern): PatternResource {
  switch (pattern.type) {
    case 'daily': return pattern
    case 'weekly': return { type: pattern.type, interval: pattern.interval, daysOfWeek: pattern.days, firstDayOfWeek: pattern.firstDay }
    case 'absoluteMonthly': return { type: pattern.type, interval: pattern.interval, dayOfMonth: pattern.day }
    case 'relativeMonthly': return { type: pattern.type, interval: pattern.interval, daysOfWeek: daysOf(pattern.day), index: pattern.index }
    case 'absoluteYearly': return { type: pattern.type, interval: pattern.interval, month: pattern.month, dayOfMonth: pattern.day }
    case 'relativeYearly': return { type: pattern.type, interval: pattern.interval, month: pattern.month, daysOfWeek: daysOf(pattern.day), index: pattern.index }
  }
}

function daysOf(day: RelativeDay): readonly Weekday[] {
  switch (day) {
    case 'day': return WEEKDAYS
    case 'weekday': return WORK_DAYS
    case 'weekendDay': return WEEKEND
    default: return [day]
  }
}

function rangeResource(range: RecurrenceRange): RangeResource {
  switch (range.type) {
    case 'endless': return { type: 'noEnd', startDate: range.first }
    case 'until': return { type: 'endDate', startDate: range.first, endDate: range.last }
    case 'count': return { type: 'numbered', startDate: range.first, numberOfOccurrences: range.count }
  }
}
