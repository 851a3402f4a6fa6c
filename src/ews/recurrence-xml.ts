/**
 * The Recurrence element both ways.
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype
 */
import { WEEKDAYS } from '../model/index.ts'
import type { PlainDate, Recurrence, RecurrencePattern, RecurrenceRange, RelativeDay, WeekIndex, Weekday } from '../model/index.ts'
import { childText } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { literalDate } from './times.ts'

const WEEK_INDEXES: readonly WeekIndex[] = ['first', 'second', 'third', 'fourth', 'last']
const WORK_DAYS = WEEKDAYS.slice(1, 6)
const WEEKEND: readonly Weekday[] = ['sunday', 'saturday']
const MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December',
]
/** The most that Exchange takes: months and weeks, days. */
const MAX_INTERVAL = 99
const MAX_DAYS = 999

/** @throws RangeError saying what of the element makes no rule */
export function readRecurrence(element: XmlElement): Recurrence {
  const range = element.children.find(({ name }) => name in RANGES)
  const pattern = element.children.find(({ name }) => name in PATTERNS)
  if (range === undefined || pattern === undefined) throw new RangeError('a recurrence without pattern or range')
  return { pattern: PATTERNS[pattern.name]?.(pattern) as RecurrencePattern, range: RANGES[range.name]?.(range) as RecurrenceRange }
}

const PATTERNS: Readonly<Record<string, (element: XmlElement) => RecurrencePattern>> = {
  DailyRecurrence: (element) => ({ type: 'daily', interval: intervalIn(element) }),
  WeeklyRecurrence: (element) => ({
    type: 'weekly', interval: intervalIn(element), days: weekdaysIn(element),
    firstDay: (childText(element, 'FirstDayOfWeek') ?? '') === '' ? 'sunday' : wordIn(WEEKDAYS, element, 'FirstDayOfWeek'),
  }),
  AbsoluteMonthlyRecurrence: (element) => ({ type: 'absoluteMonthly', interval: intervalIn(element), day: dayIn(element) }),
  RelativeMonthlyRecurrence: (element) => ({ type: 'relativeMonthly', interval: intervalIn(element), ...relativeIn(element) }),
  AbsoluteYearlyRecurrence: (element) => ({ type: 'absoluteYearly', interval: 1, month: monthIn(element), day: dayIn(element) }),
  RelativeYearlyRecurrence: (element) => ({ type: 'relativeYearly', interval: 1, month: monthIn(element), ...relativeIn(element) }),
}

/** Dates are days of the series' own zone, whatever follows them: `Z`, an offset, gromox's midnight of nowhere. */
const RANGES: Readonly<Record<string, (element: XmlElement) => RecurrenceRange>> = {
  NoEndRecurrence: (element) => ({ type: 'endless', first: dateIn(element, 'StartDate') }),
  EndDateRecurrence: (element) => ({ type: 'until', first: dateIn(element, 'StartDate'), last: dateIn(element, 'EndDate') }),
  NumberedRecurrence: (element) => ({ type: 'count', first: dateIn(element, 'StartDate'), count: numberIn(element, 'NumberOfOccurrences', 1, 100_000) }),
}

const dateIn = (element: XmlElement, name: string): PlainDate => literalDate(childText(element, name) ?? '')
const intervalIn = (element: XmlElement) => numberIn(element, 'Interval', 1, MAX_DAYS)
const dayIn = (element: XmlElement) => numberIn(element, 'DayOfMonth', 1, 31)
const wordsIn = (element: XmlElement, name: string) => (childText(element, name) ?? '').trim().toLowerCase().split(/\s+/).filter(Boolean)

function numberIn(element: XmlElement, name: string, least: number, most: number): number {
  const text = (childText(element, name) ?? '').trim()
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most)) throw new RangeError(`${element.name} with ${name} "${text}"`)
  return value
}

function wordIn<Word extends string>(words: readonly Word[], element: XmlElement, name: string): Word {
  const text = (childText(element, name) ?? '').trim().toLowerCase()
  const word = words.find((candidate) => candidate.toLowerCase() === text)
  if (word === undefined) throw new RangeError(`${element.name} with ${name} "${text}"`)
  return word
}

function monthIn(element: XmlElement): number {
  return MONTHS.indexOf(wordIn(MONTHS, element, 'Month')) + 1
}

function weekdaysIn(element: XmlElement): Weekday[] {
  const named = new Set(wordsIn(element, 'DaysOfWeek').flatMap((word): readonly Weekday[] => {
    if (word === 'day') return WEEKDAYS
    if (word === 'weekday') return WORK_DAYS
    if (word === 'weekendday') return WEEKEND
    return WEEKDAYS.filter((day) => day === word)
  }))
  if (named.size === 0) throw new RangeError(`${element.name} with DaysOfWeek "${childText(element, 'DaysOfWeek') ?? ''}"`)
  return WEEKDAYS.filter((day) => named.has(day))
}

function relativeIn(element: XmlElement): { day: RelativeDay; index: WeekIndex } {
  const days = weekdaysIn(element)
  const same = (group: readonly Weekday[]) => days.length === group.length && days.every((day) => group.includes(day))
  const [only, ...others] = days
  const day = same(WEEKDAYS) ? 'day' : same(WORK_DAYS) ? 'weekday' : same(WEEKEND) ? 'weekendDay' : only
  if (day === undefined || (others.length > 0 && day === only)) throw new RangeError(`${element.name} with DaysOfWeek "${days.join(' ')}"`)
  return { day, index: wordIn(WEEK_INDEXES, element, 'DayOfWeekIndex') }
}

/**
 * @param first day of the first occurrence; a pattern that counts from it counts the same from `range.first`
 * @throws RangeError for an interval that Exchange has no form for
 */
export function recurrenceXml({ pattern, range }: Recurrence, first: PlainDate): string {
  return `<t:Recurrence>${patternXml(pattern)}${rangeXml(range, first)}</t:Recurrence>`
}

function patternXml(pattern: RecurrencePattern): string {
  switch (pattern.type) {
    case 'daily':
      return element('DailyRecurrence', interval(pattern.interval, MAX_DAYS))
    case 'weekly':
      return element('WeeklyRecurrence', interval(pattern.interval)
        + element('DaysOfWeek', WEEKDAYS.filter((day) => pattern.days.includes(day)).map(capital).join(' '))
        + element('FirstDayOfWeek', capital(pattern.firstDay)))
    case 'absoluteMonthly':
      return element('AbsoluteMonthlyRecurrence', interval(pattern.interval) + element('DayOfMonth', pattern.day))
    case 'relativeMonthly':
      return element('RelativeMonthlyRecurrence', interval(pattern.interval) + relative(pattern))
    case 'absoluteYearly':
      // A yearly pattern has no interval of its own: every second year is every 24th month from the first occurrence.
      if (pattern.interval > 1) return patternXml({ type: 'absoluteMonthly', interval: 12 * pattern.interval, day: pattern.day })
      return element('AbsoluteYearlyRecurrence', element('DayOfMonth', pattern.day) + element('Month', MONTHS[pattern.month - 1] ?? ''))
    case 'relativeYearly':
      if (pattern.interval > 1) return patternXml({ type: 'relativeMonthly', interval: 12 * pattern.interval, day: pattern.day, index: pattern.index })
      return element('RelativeYearlyRecurrence', relative(pattern) + element('Month', MONTHS[pattern.month - 1] ?? ''))
  }
}

function rangeXml(range: RecurrenceRange, first: PlainDate): string {
  const start = element('StartDate', first)
  switch (range.type) {
    case 'endless': return element('NoEndRecurrence', start)
    case 'until': return element('EndDateRecurrence', start + element('EndDate', range.last))
    case 'count': return element('NumberedRecurrence', start + element('NumberOfOccurrences', range.count))
  }
}

const element = (name: string, content: string | number) => `<t:${name}>${content}</t:${name}>`
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
const relative = ({ day, index }: { readonly day: RelativeDay; readonly index: WeekIndex }) =>
  element('DaysOfWeek', capital(day)) + element('DayOfWeekIndex', capital(index))

function interval(every: number, most = MAX_INTERVAL): string {
  if (every > most) throw new RangeError(`A series that repeats every ${every} (at most ${most}) has no form in it.`)
  return element('Interval', every)
}
