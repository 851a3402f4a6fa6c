import { describe, expect, it } from 'vitest'
import type { PlainDate, Recurrence } from '../model/index.ts'
import { readRecurrence, recurrenceResource } from './recurrence-json.ts'

const first = '2026-12-01' as PlainDate
const endless = { type: 'noEnd', startDate: first }
const rule = (pattern: Recurrence['pattern']): Recurrence => ({ pattern, range: { type: 'endless', first } })

describe('a rule as Graph writes it', () => {
  it.each<[string, object, Recurrence['pattern']]>([
    ['every third day', { type: 'daily', interval: 3 }, { type: 'daily', interval: 3 }],
    ['a week that begins on Sunday unless it is said', { type: 'weekly', interval: 2, daysOfWeek: ['friday', 'monday'] }, { type: 'weekly', interval: 2, days: ['monday', 'friday'], firstDay: 'sunday' }],
    ['a week that begins on another day', { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'monday'], firstDayOfWeek: 'monday' }, { type: 'weekly', interval: 2, days: ['sunday', 'monday'], firstDay: 'monday' }],
    ['the 31st', { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 }, { type: 'absoluteMonthly', interval: 1, day: 31 }],
    ['the last Friday', { type: 'relativeMonthly', interval: 2, daysOfWeek: ['friday'], index: 'last' }, { type: 'relativeMonthly', interval: 2, day: 'friday', index: 'last' }],
    ['the first one, unless it is said', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['friday'] }, { type: 'relativeMonthly', interval: 1, day: 'friday', index: 'first' }],
    ['the first working day', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['friday', 'monday', 'tuesday', 'wednesday', 'thursday'], index: 'first' }, { type: 'relativeMonthly', interval: 1, day: 'weekday', index: 'first' }],
    ['the second weekend day', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['saturday', 'sunday'], index: 'second' }, { type: 'relativeMonthly', interval: 1, day: 'weekendDay', index: 'second' }],
    ['the last day of a month of every second year', { type: 'relativeYearly', interval: 2, month: 2, daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'], index: 'last' }, { type: 'relativeYearly', interval: 2, month: 2, day: 'day', index: 'last' }],
    ['a birthday', { type: 'absoluteYearly', interval: 1, month: 2, dayOfMonth: 29 }, { type: 'absoluteYearly', interval: 1, month: 2, day: 29 }],
  ])('is understood (%s), and written so that it reads the same', (_what, pattern, expected) => {
    // Graph tells the properties of the other types, too, with zeros and defaults.
    const whole = { dayOfMonth: 0, month: 0, ...pattern }
    expect(readRecurrence({ pattern: whole, range: endless })).toEqual(rule(expected))
    expect(readRecurrence(recurrenceResource(rule(expected), 'Europe/Rome'))).toEqual(rule(expected))
  })

  it.each<[string, Recurrence['range'], object]>([
    ['never', { type: 'endless', first }, { type: 'noEnd', startDate: first }],
    ['on a day', { type: 'until', first, last: '2026-12-24' as PlainDate }, { type: 'endDate', startDate: first, endDate: '2026-12-24' }],
    ['after a number', { type: 'count', first, count: 5 }, { type: 'numbered', startDate: first, numberOfOccurrences: 5 }],
  ])('ends %s', (_when, range, resource) => {
    const written = recurrenceResource({ pattern: { type: 'daily', interval: 1 }, range }, 'Europe/Rome')
    expect(written.range).toEqual({ ...resource, recurrenceTimeZone: 'W. Europe Standard Time' })
    expect(readRecurrence(written).range).toEqual(range)
    // Graph names an end also where there is none.
    expect(readRecurrence({ ...written, range: { endDate: '0001-01-01', numberOfOccurrences: 0, ...written.range } }).range).toEqual(range)
  })

  it.each<[string, object]>([
    ['several days that are no group', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday', 'friday'], index: 'first' }],
    ['a week without days', { type: 'weekly', interval: 1, daysOfWeek: [] }],
    ['no interval at all', { type: 'daily', interval: 0 }],
    ['a thirteenth month', { type: 'absoluteYearly', interval: 1, month: 13, dayOfMonth: 1 }],
    ['a type of the future', { type: 'lunar', interval: 1 }],
  ])('that says %s is none', (_what, pattern) => {
    expect(() => readRecurrence({ pattern, range: endless })).toThrow(RangeError)
  })
})
