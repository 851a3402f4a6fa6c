import { badRequest, notValid } from './errors.ts'
import type { DayName, Pattern, Range, Recurrence } from './model.ts'
import { DAYS, emptyPattern, emptyRange, firstDay } from './recurrence.ts'
import { ianaOf } from './zones.ts'

const TYPES: readonly Pattern['type'][] = ['daily', 'weekly', 'absoluteMonthly', 'relativeMonthly', 'absoluteYearly', 'relativeYearly']
const INDEXES: readonly Pattern['index'][] = ['first', 'second', 'third', 'fourth', 'last']
const DATE = /^\d{4}-\d{2}-\d{2}$/

/**
 * A patternedRecurrence from a request, checked.
 * Documentation: https://learn.microsoft.com/graph/api/resources/recurrencepattern and .../recurrencerange
 * @param startDate local date on which the event begins, YYYY-MM-DD
 * @throws GraphError 400 with what is wrong
 */
export function readRecurrence(value: any, startDate: string): Recurrence {
  if (typeof value !== 'object' || !value.pattern || !value.range)
    throw notValid('A recurrence needs a pattern and a range.')
  const recurrence = { pattern: readPattern(value.pattern), range: readRange(value.range, startDate) }
  if (firstDay(recurrence) === null)
    throw badRequest('The recurrence pattern has no occurrences within its range.', 'ErrorRecurrenceHasNoOccurrence')
  return recurrence
}

function readPattern(value: any): Pattern {
  const type = oneOf(TYPES, value.type, 'RecurrencePattern.Type')
  const pattern = emptyPattern(type)
  pattern.interval = wholeNumber(value.interval, 1, 999, 'RecurrencePattern.Interval')
  if (type === 'weekly' || type.startsWith('relative')) pattern.daysOfWeek = readDays(value.daysOfWeek)
  if (type === 'weekly' && value.firstDayOfWeek !== undefined)
    pattern.firstDayOfWeek = oneOf(DAYS, lower(value.firstDayOfWeek), 'RecurrencePattern.FirstDayOfWeek')
  if (type.startsWith('absolute')) pattern.dayOfMonth = wholeNumber(value.dayOfMonth, 1, 31, 'RecurrencePattern.DayOfMonth')
  if (type.endsWith('Yearly')) pattern.month = wholeNumber(value.month, 1, 12, 'RecurrencePattern.Month')
  if (type.startsWith('relative')) pattern.index = oneOf(INDEXES, value.index ?? 'first', 'RecurrencePattern.Index')
  return pattern
}

function readDays(value: unknown): DayName[] {
  if (!Array.isArray(value) || value.length === 0) throw notValid('RecurrencePattern.DaysOfWeek must name at least one day.')
  return value.map((day) => oneOf(DAYS, lower(day), 'RecurrencePattern.DaysOfWeek'))
}

function readRange(value: any, startDate: string): Range {
  const type = oneOf(['endDate', 'noEnd', 'numbered'] as const, value.type, 'RecurrenceRange.Type')
  if (!DATE.test(value.startDate ?? '')) throw notValid('RecurrenceRange.StartDate must be a date such as 2026-12-01.')
  if (value.startDate !== startDate)
    throw notValid(`RecurrenceRange.StartDate ${value.startDate} must be the date on which the event starts, ${startDate}.`)
  const range = emptyRange(type, value.startDate)
  if (value.recurrenceTimeZone) {
    if (ianaOf(value.recurrenceTimeZone) === null) throw unknownZone(value.recurrenceTimeZone)
    range.recurrenceTimeZone = value.recurrenceTimeZone
  }
  if (type === 'numbered')
    range.numberOfOccurrences = wholeNumber(value.numberOfOccurrences, 1, 999, 'RecurrenceRange.NumberOfOccurrences')
  if (type === 'endDate') {
    if (!DATE.test(value.endDate ?? '')) throw notValid('RecurrenceRange.EndDate must be a date such as 2026-12-31.')
    if (value.endDate < value.startDate) throw notValid('RecurrenceRange.EndDate is before RecurrenceRange.StartDate.')
    range.endDate = value.endDate
  }
  return range
}

export function unknownZone(name: unknown): Error {
  return badRequest(
    `A valid TimeZone value must be specified. The following TimeZone value is not supported: '${String(name)}'.`,
    'TimeZoneNotSupportedException',
  )
}

const lower = (value: unknown) => String(value).toLowerCase()

function oneOf<T extends string>(values: readonly T[], value: unknown, what: string): T {
  const found = values.find((one) => one.toLowerCase() === lower(value))
  if (found === undefined) throw badRequest(`Requested value '${String(value)}' was not found (${what}).`, 'RequestBodyRead')
  return found
}

function wholeNumber(value: unknown, from: number, to: number, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > to)
    throw notValid(`${what} is ${JSON.stringify(value)}; it must be a whole number from ${from} to ${to}.`)
  return value
}
