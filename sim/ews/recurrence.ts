import { ResponseError } from './errors.ts'
import type { XmlElement } from './xml.ts'
import { childText, parseXml, TYPES_NS } from './xml.ts'

/** Days of a series are counted from 1970-01-01 on the wall calendar of its zone; no instant is involved here. */
export const DAY_MS = 86_400_000

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June',
  'July', 'August', 'September', 'October', 'November', 'December',
]
const INDEXES = ['First', 'Second', 'Third', 'Fourth', 'Last']

export type Pattern =
  | { type: 'DailyRecurrence'; interval: number }
  | { type: 'WeeklyRecurrence'; interval: number; days: number[]; firstDay: number }
  | { type: 'AbsoluteMonthlyRecurrence'; interval: number; dayOfMonth: number }
  | { type: 'RelativeMonthlyRecurrence'; interval: number; daysOfWeek: string; index: string }
  | { type: 'AbsoluteYearlyRecurrence'; month: number; dayOfMonth: number }
  | { type: 'RelativeYearlyRecurrence'; month: number; daysOfWeek: string; index: string }
  /** Of tasks only: the next one comes so long after this one was completed. */
  | { type: 'Regeneration'; unit: 'Daily' | 'Weekly' | 'Monthly' | 'Yearly'; interval: number }

/** A recurrence in wall-calendar days. `end` and `count` are null when the range has none. */
export interface Recurrence {
  pattern: Pattern
  start: number
  end: number | null
  count: number | null
}

/** The last day an end date may name, by the documentation of ErrorRecurrenceEndDateTooBig: 4500-09-01. */
const LAST_DAY = dayOf('4500-09-01')

export function dayOf(date: string): number {
  return Math.floor(Date.parse(`${date.trim().slice(0, 10)}T00:00:00Z`) / DAY_MS)
}

/** YYYY-MM-DD of a day number. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** Reads the `t:` XML of a Recurrence element; throws ResponseError when it describes no possible series. */
export function readRecurrence(xml: string): Recurrence {
  const [element] = parseXml(`<r xmlns:t="${TYPES_NS}">${xml}</r>`).children
  const pattern = element?.children.find((part) => /(?:Recurrence|Regeneration)$/.test(part.name) && !isRange(part))
  const range = element?.children.find(isRange)
  if (!pattern || !range) throw new ResponseError('ErrorCalendarInvalidRecurrence')
  return { pattern: readPattern(pattern), ...readRange(range) }
}

function isRange({ name }: XmlElement): boolean {
  return name === 'NoEndRecurrence' || name === 'EndDateRecurrence' || name === 'NumberedRecurrence'
}

/** Reads a pattern: https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype */
function readPattern(element: XmlElement): Pattern {
  const interval = () => number(element, 'Interval', element.name === 'DailyRecurrence' ? 999 : 99)
  const dayOfMonth = () => number(element, 'DayOfMonth', 31)
  const month = () => known(MONTHS, childText(element, 'Month'))
  const relative = () => {
    const daysOfWeek = childText(element, 'DaysOfWeek')?.trim() ?? ''
    weekdaysOf(daysOfWeek)
    const index = INDEXES[known(INDEXES, childText(element, 'DayOfWeekIndex'))] ?? ''
    return { daysOfWeek, index }
  }
  switch (element.name) {
    case 'DailyRecurrence':
      return { type: element.name, interval: interval() }
    case 'WeeklyRecurrence':
      return { type: element.name, interval: interval(), ...readWeekdays(element) }
    case 'AbsoluteMonthlyRecurrence':
      return { type: element.name, interval: interval(), dayOfMonth: dayOfMonth() }
    case 'RelativeMonthlyRecurrence':
      return { type: element.name, interval: interval(), ...relative() }
    case 'AbsoluteYearlyRecurrence':
      return { type: element.name, month: month(), dayOfMonth: dayOfMonth() }
    case 'RelativeYearlyRecurrence':
      return { type: element.name, month: month(), ...relative() }
    case 'DailyRegeneration':
    case 'WeeklyRegeneration':
    case 'MonthlyRegeneration':
    case 'YearlyRegeneration': {
      const unit = element.name.replace('Regeneration', '') as 'Daily' | 'Weekly' | 'Monthly' | 'Yearly'
      return { type: 'Regeneration', unit, interval: number(element, 'Interval', 999) }
    }
    default:
      throw new ResponseError('ErrorCalendarInvalidRecurrence')
  }
}

function readWeekdays(element: XmlElement): { days: number[]; firstDay: number } {
  const names = (childText(element, 'DaysOfWeek') ?? '').trim().split(/\s+/).filter(Boolean)
  const days = names.map((name) => WEEKDAYS.indexOf(name))
  // Day, Weekday and WeekendDay belong to the relative patterns.
  if (days.length === 0 || days.includes(-1)) throw new ResponseError('ErrorCalendarInvalidDayForWeeklyRecurrence')
  const first = childText(element, 'FirstDayOfWeek')
  return { days: [...new Set(days)].sort(), firstDay: first === undefined ? 0 : known(WEEKDAYS, first) }
}

function readRange(element: XmlElement): Omit<Recurrence, 'pattern'> {
  const start = dayOf(childText(element, 'StartDate') ?? '')
  if (Number.isNaN(start)) throw new ResponseError('ErrorCalendarInvalidRecurrence')
  const count = element.name === 'NumberedRecurrence' ? number(element, 'NumberOfOccurrences', 999) : null
  const end = element.name === 'EndDateRecurrence' ? dayOf(childText(element, 'EndDate') ?? '') : null
  if (end !== null && end > LAST_DAY) throw new ResponseError('ErrorRecurrenceEndDateTooBig')
  return { start, end, count }
}

function number(element: XmlElement, name: string, most: number): number {
  const value = Number(childText(element, name))
  if (!Number.isInteger(value) || value < 1 || value > most) throw new ResponseError('ErrorCalendarOutOfRange')
  return value
}

function known(names: string[], name: string | undefined): number {
  const index = names.indexOf(name?.trim() ?? '')
  if (index < 0) throw new ResponseError('ErrorCalendarOutOfRange')
  return index
}

/** Weekdays (0 is Sunday) that the DaysOfWeek of a relative pattern means. */
function weekdaysOf(name: string): number[] {
  if (name === 'Day') return [0, 1, 2, 3, 4, 5, 6]
  if (name === 'Weekday') return [1, 2, 3, 4, 5]
  if (name === 'WeekendDay') return [0, 6]
  return [known(WEEKDAYS, name)]
}

/** Writes the Recurrence element; `offset` (`Z`, `+01:00`) follows its dates as Exchange writes them. */
export function recurrenceXml({ pattern, start, end, count }: Recurrence, offset: (day: number) => string): string {
  const date = (name: string, day: number) => `<t:${name}>${dateOf(day)}${offset(day)}</t:${name}>`
  const from = date('StartDate', start)
  let range = `<t:NoEndRecurrence>${from}</t:NoEndRecurrence>`
  if (end !== null) range = `<t:EndDateRecurrence>${from}${date('EndDate', end)}</t:EndDateRecurrence>`
  if (count !== null) {
    const number = `<t:NumberOfOccurrences>${count}</t:NumberOfOccurrences>`
    range = `<t:NumberedRecurrence>${from}${number}</t:NumberedRecurrence>`
  }
  return `<t:Recurrence>${patternXml(pattern)}${range}</t:Recurrence>`
}

function patternXml(pattern: Pattern): string {
  const name = pattern.type === 'Regeneration' ? `${pattern.unit}Regeneration` : pattern.type
  const parts: [string, string | number][] = []
  if ('interval' in pattern) parts.push(['Interval', pattern.interval])
  if ('days' in pattern) {
    parts.push(['DaysOfWeek', pattern.days.map((day) => WEEKDAYS[day]).join(' ')])
    parts.push(['FirstDayOfWeek', WEEKDAYS[pattern.firstDay] ?? 'Sunday'])
  }
  if ('daysOfWeek' in pattern) parts.push(['DaysOfWeek', pattern.daysOfWeek], ['DayOfWeekIndex', pattern.index])
  if ('dayOfMonth' in pattern) parts.push(['DayOfMonth', pattern.dayOfMonth])
  if ('month' in pattern) parts.push(['Month', MONTHS[pattern.month] ?? ''])
  return `<t:${name}>${parts.map(([part, value]) => `<t:${part}>${value}</t:${part}>`).join('')}</t:${name}>`
}

/** The days of a series in order, deleted ones included: the n-th is the one with InstanceIndex n. */
export function* daysOf({ pattern, start, end, count }: Recurrence): Generator<number, void> {
  let left = count ?? Number.POSITIVE_INFINITY
  const last = Math.min(end ?? LAST_DAY, LAST_DAY)
  for (const day of candidates(pattern, start)) {
    if (day > last || left === 0) return
    if (day < start) continue
    left -= 1
    yield day
  }
}

export function firstDay(recurrence: Recurrence): number {
  for (const day of daysOf(recurrence)) return day
  throw new ResponseError('ErrorRecurrenceHasNoOccurrence')
}

export function isInSeries(recurrence: Recurrence, day: number): boolean {
  for (const candidate of daysOf(recurrence)) if (candidate >= day) return candidate === day
  return false
}

/** Days the pattern names, ascending, from somewhat before `start` on and without an end. */
function* candidates(pattern: Pattern, start: number): Generator<number, void> {
  switch (pattern.type) {
    case 'DailyRecurrence':
      for (let day = start; ; day += pattern.interval) yield day
      break
    case 'WeeklyRecurrence': {
      // Weeks are counted from the one that holds the start date, and begin on FirstDayOfWeek.
      const after = (day: number) => (day - pattern.firstDay + 7) % 7
      const inWeek = pattern.days.map(after).sort((a, b) => a - b)
      for (let week = start - after(weekday(start)); ; week += 7 * pattern.interval)
        for (const offset of inWeek) yield week + offset
      break
    }
    case 'AbsoluteMonthlyRecurrence':
      yield* monthly(monthOf(start), pattern.interval, (month) => dayInMonth(month, pattern.dayOfMonth))
      break
    case 'AbsoluteYearlyRecurrence':
      yield* monthly(firstMonth(start, pattern.month), 12, (month) => dayInMonth(month, pattern.dayOfMonth))
      break
    case 'RelativeMonthlyRecurrence':
      yield* monthly(monthOf(start), pattern.interval, (month) => nthInMonth(month, pattern))
      break
    case 'RelativeYearlyRecurrence':
      yield* monthly(firstMonth(start, pattern.month), 12, (month) => nthInMonth(month, pattern))
      break
    case 'Regeneration':
      yield start
      break
  }
}

function weekday(day: number): number {
  return (((day + 4) % 7) + 7) % 7
}

/** Months counted from January of year 0. */
function monthOf(day: number): number {
  const date = new Date(day * DAY_MS)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

function firstMonth(start: number, month: number): number {
  return Math.floor(monthOf(start) / 12) * 12 + month
}

function firstOfMonth(month: number): number {
  return Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY_MS
}

function* monthly(first: number, step: number, pick: (month: number) => number): Generator<number, void> {
  for (let month = first; ; month += step) yield pick(month)
}

/** A day that the month does not have is its last one. */
function dayInMonth(month: number, dayOfMonth: number): number {
  return Math.min(firstOfMonth(month) + dayOfMonth, firstOfMonth(month + 1)) - 1
}

function nthInMonth(month: number, { daysOfWeek, index }: { daysOfWeek: string; index: string }): number {
  const wanted = weekdaysOf(daysOfWeek)
  const matching: number[] = []
  for (let day = firstOfMonth(month); day < firstOfMonth(month + 1); day++)
    if (wanted.includes(weekday(day))) matching.push(day)
  return matching.at(index === 'Last' ? -1 : INDEXES.indexOf(index)) ?? 0
}

/** Where a regenerating task goes when it was completed on `done`. */
export function regenerated(pattern: Extract<Pattern, { type: 'Regeneration' }>, done: number): number {
  if (pattern.unit === 'Daily') return done + pattern.interval
  if (pattern.unit === 'Weekly') return done + 7 * pattern.interval
  const months = pattern.unit === 'Monthly' ? pattern.interval : 12 * pattern.interval
  return dayInMonth(monthOf(done) + months, new Date(done * DAY_MS).getUTCDate())
}
