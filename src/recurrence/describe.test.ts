import { describe as group, expect, it } from 'vitest'
import type { PlainDate, RecurrencePattern, RecurrenceRange } from '../model/index.ts'
import { describe } from './index.ts'

const first = '2026-01-01' as PlainDate
const ENDLESS: RecurrenceRange = { type: 'endless', first }

group('a rule in words', () => {
  it.each<[string, RecurrencePattern, RecurrenceRange]>([
    ['every day, 3 times', { type: 'daily', interval: 1 }, { type: 'count', first, count: 3 }],
    ['every second day, once', { type: 'daily', interval: 2 }, { type: 'count', first, count: 1 }],
    ['every 3 days, until 2026-12-31', { type: 'daily', interval: 3 }, { type: 'until', first, last: '2026-12-31' as PlainDate }],
    ['every second week on Monday and Friday, 10 times', { type: 'weekly', interval: 2, days: ['friday', 'monday'], firstDay: 'monday' },
      { type: 'count', first, count: 10 }],
    ['every week on Tuesday, Saturday and Sunday, without end', { type: 'weekly', interval: 1, days: ['sunday', 'tuesday', 'saturday'], firstDay: 'sunday' }, ENDLESS],
    ['every month on day 15, without end', { type: 'absoluteMonthly', interval: 1, day: 15 }, ENDLESS],
    ['every 3 months on day 31 (or the last), without end', { type: 'absoluteMonthly', interval: 3, day: 31 }, ENDLESS],
    ['every month on the second Tuesday, without end', { type: 'relativeMonthly', interval: 1, day: 'tuesday', index: 'second' }, ENDLESS],
    ['every month on the last weekday, without end', { type: 'relativeMonthly', interval: 1, day: 'weekday', index: 'last' }, ENDLESS],
    ['every month on the first weekend day, without end', { type: 'relativeMonthly', interval: 1, day: 'weekendDay', index: 'first' }, ENDLESS],
    ['every year on 25 December, without end', { type: 'absoluteYearly', interval: 1, month: 12, day: 25 }, ENDLESS],
    ['every second year on the third Sunday of March, without end', { type: 'relativeYearly', interval: 2, month: 3, day: 'sunday', index: 'third' }, ENDLESS],
  ])('%s', (text, pattern, range) => {
    expect(describe({ pattern, range })).toBe(text)
  })
})
