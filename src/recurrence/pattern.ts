import type { RecurrencePattern, RelativeDay, Weekday, WeekIndex } from '../model/index.ts'
import { WEEKDAYS } from '../model/index.ts'
import { dayInMonth, modulo, monthOf, relativeDayInMonth, weekdayOf } from './calendar.ts'

/** The days of a pattern, in order and without end. Both directions cost the same wherever they look. */
export interface PatternDays {
  /** The day at a place; places count from 0. */
  at(place: number): number
  /** The place of the first day that is not before this one. */
  placeFrom(day: number): number
}

/**
 * The days of a pattern from a first day on. Weeks, months and years are counted from those that hold the first day:
 * every second monday from a wednesday on skips the monday of the week after.
 * @param first day number; need not fit the pattern
 * @throws RangeError for what no calendar can mean: an interval below 1, no weekday, a 13th month
 */
export function patternDays(pattern: RecurrencePattern, first: number): PatternDays {
  need(whole(pattern.interval, 1, 9_999), `interval ${pattern.interval}: it must be a whole number from 1 to 9999`)
  const year = Math.floor(monthOf(first) / 12) * 12
  switch (pattern.type) {
    case 'daily':
      return stepping(first, pattern.interval)
    case 'weekly':
      return weekly(pattern.days, pattern.firstDay, pattern.interval, first)
    case 'absoluteMonthly':
      needDay(pattern.day)
      return monthly(monthOf(first), pattern.interval, (month) => dayInMonth(month, pattern.day), first)
    case 'relativeMonthly':
      return monthly(monthOf(first), pattern.interval, relativeTo(pattern), first)
    case 'absoluteYearly':
      needMonth(pattern.month)
      needDay(pattern.day)
      return monthly(year + pattern.month - 1, pattern.interval * 12, (month) => dayInMonth(month, pattern.day), first)
    case 'relativeYearly':
      needMonth(pattern.month)
      return monthly(year + pattern.month - 1, pattern.interval * 12, relativeTo(pattern), first)
  }
}

const relativeTo = ({ day, index }: { readonly day: RelativeDay; readonly index: WeekIndex }) =>
  (month: number) => relativeDayInMonth(month, day, index)

/** Whether the day is one of the pattern's. */
export const holds = (days: PatternDays, day: number): boolean => days.at(days.placeFrom(day)) === day

const stepping = (first: number, interval: number): PatternDays => ({
  at: (place) => first + place * interval,
  placeFrom: (day) => Math.max(0, Math.ceil((day - first) / interval)),
})

function weekly(names: readonly Weekday[], firstDay: Weekday, interval: number, first: number): PatternDays {
  const begin = WEEKDAYS.indexOf(firstDay)
  const numbers = names.map((name) => WEEKDAYS.indexOf(name))
  const known = begin >= 0 && !numbers.includes(-1)
  need(known, `weekdays ${[...names, firstDay].join(', ')}: they must be sunday to saturday`)
  need(names.length > 0, 'no weekday: a weekly rule must name at least one')
  const offsets = [...new Set(numbers.map((number) => modulo(number - begin, 7)))].sort((left, right) => left - right)
  const weekOf = (day: number) => day - modulo(weekdayOf(day) - begin, 7)
  const before = (day: number) => offsets.filter((offset) => offset < day - weekOf(day)).length
  const start = weekOf(first)
  const missed = before(first)
  return {
    at(place) {
      const round = Math.floor((place + missed) / offsets.length)
      return start + round * interval * 7 + (offsets[(place + missed) % offsets.length] ?? 0)
    },
    placeFrom(day) {
      const week = (weekOf(day) - start) / 7
      const round = Math.ceil(week / interval)
      return Math.max(0, round * offsets.length + (round * interval === week ? before(day) : 0) - missed)
    },
  }
}

function monthly(start: number, interval: number, dayIn: (month: number) => number, first: number): PatternDays {
  const missed = dayIn(start) < first ? 1 : 0
  const at = (place: number) => dayIn(start + (place + missed) * interval)
  return {
    at,
    placeFrom(day) {
      const place = Math.max(0, Math.ceil((monthOf(day) - start) / interval) - missed)
      return at(place) < day ? place + 1 : place
    },
  }
}

const whole = (value: number, from: number, to: number) => Number.isInteger(value) && value >= from && value <= to
const needDay = (day: number) => need(whole(day, 1, 31), `day of month ${day}: it must be a whole number from 1 to 31`)
const needMonth = (month: number) => need(whole(month, 1, 12), `month ${month}: it must be a whole number from 1 to 12`)

function need(fine: boolean, problem: string): void {
  if (!fine) throw new RangeError(`The recurrence rule has ${problem}.`)
}
