import type { DayName, Pattern, Range, Recurrence } from './model.ts'

const DAY = 86_400_000
const DAYS: readonly DayName[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const ORDINALS = ['first', 'second', 'third', 'fourth']
/** A rule that never meets a day (its endless search) stops here. */
const LAST_DAY = Date.UTC(4500, 0, 1) / DAY

/** Days since 1970-01-01 of a date YYYY-MM-DD. */
export function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY
}

export function dateOf(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10)
}

const weekday = (day: number) => (((day + 4) % 7) + 7) % 7

/** Days a rule has, in order. A day of month that a month lacks becomes its last, as Outlook does. */
function* ruleDays(pattern: Pattern, first: number): Generator<number> {
  if (pattern.type === 'daily') for (let day = first; day < LAST_DAY; day += pattern.interval) yield day
  else if (pattern.type === 'weekly') yield* weeklyDays(pattern, first)
  else yield* monthlyDays(pattern, first)
}

function* weeklyDays(pattern: Pattern, first: number): Generator<number> {
  const begin = DAYS.indexOf(pattern.firstDayOfWeek)
  const week = first - ((weekday(first) - begin + 7) % 7)
  const wanted = pattern.daysOfWeek.map((name) => (DAYS.indexOf(name) - begin + 7) % 7).sort((a, b) => a - b)
  for (let start = week; start < LAST_DAY; start += 7 * pattern.interval)
    for (const offset of wanted) if (start + offset >= first) yield start + offset
}

function* monthlyDays(pattern: Pattern, first: number): Generator<number> {
  const yearly = pattern.type.endsWith('Yearly')
  const begin = new Date(first * DAY)
  const step = yearly ? 12 * pattern.interval : pattern.interval
  let month = begin.getUTCFullYear() * 12 + (yearly ? pattern.month - 1 : begin.getUTCMonth())
  for (; ; month += step) {
    const day = pattern.type.startsWith('absolute') ? dayOfMonth(month, pattern.dayOfMonth) : relativeDay(month, pattern)
    if (day >= LAST_DAY) return
    if (day >= first) yield day
  }
}

const firstOf = (month: number) => Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY

function dayOfMonth(month: number, wanted: number): number {
  return Math.min(firstOf(month) + wanted - 1, firstOf(month + 1) - 1)
}

/** The nth of the allowed days of a month; several allowed days count together. */
function relativeDay(month: number, pattern: Pattern): number {
  const allowed: number[] = []
  for (let day = firstOf(month); day < firstOf(month + 1); day++)
    if (pattern.daysOfWeek.includes(DAYS[weekday(day)] as DayName)) allowed.push(day)
  const index = pattern.index === 'last' ? allowed.length - 1 : ORDINALS.indexOf(pattern.index)
  return allowed[Math.min(index, allowed.length - 1)] ?? LAST_DAY
}

/**
 * The days of a series by its rule, exceptions and cancelled ones included, as days since 1970-01-01.
 * @param until last day of interest; a series without end is cut there
 */
export function* occurrenceDays({ pattern, range }: Recurrence, until: number): Generator<number> {
  const last = range.type === 'endDate' ? Math.min(until, dayOf(range.endDate)) : until
  let left = range.type === 'numbered' ? range.numberOfOccurrences : Number.POSITIVE_INFINITY
  for (const day of ruleDays(pattern, dayOf(range.startDate))) {
    if (day > last || left-- <= 0) return
    yield day
  }
}

/** Does the rule have an occurrence on this date? */
export function hasDay(recurrence: Recurrence, date: string): boolean {
  const wanted = dayOf(date)
  for (const day of occurrenceDays(recurrence, wanted)) if (day === wanted) return true
  return false
}

/** First day of the rule; null when it has none at all. */
export function firstDay(recurrence: Recurrence): number | null {
  for (const day of occurrenceDays(recurrence, LAST_DAY)) return day
  return null
}

/** Is this what a fresh pattern says of the unused properties? Graph shows them with these values. */
export function emptyPattern(type: Pattern['type']): Pattern {
  return { type, interval: 1, month: 0, dayOfMonth: 0, daysOfWeek: [], firstDayOfWeek: 'sunday', index: 'first' }
}

export function emptyRange(type: Range['type'], startDate: string): Range {
  return { type, startDate, endDate: '0001-01-01', recurrenceTimeZone: '', numberOfOccurrences: 0 }
}

export { DAYS }
