import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toInstant } from '../lib/zoned.ts'
import type { EventTime, Instant, PlainDate, RecurrencePattern, RelativeDay } from '../model/index.ts'
import { WEEKDAYS } from '../model/index.ts'
import { expand, inferSeries } from './index.ts'
import type { Rhythm } from './index.ts'

const ROME = 'Europe/Rome'
const wholeDay = (day: string, lastDay = day): EventTime => ({ allDay: true, firstDay: day as PlainDate, lastDay: lastDay as PlainDate })
const wholeDays = (...days: string[]) => days.map((day) => wholeDay(day))
const clock = (day: string, from: string, to: string, zone = ROME): EventTime =>
  ({ allDay: false, start: toInstant(day, from, zone) as Instant, end: toInstant(day, to, zone) as Instant })
const patternOf = (times: readonly EventTime[], hint?: Rhythm, zone = ROME) => inferSeries(times, zone, hint)?.recurrence.pattern ?? null

describe('the simplest rule', () => {
  it.each<[string, string[], Rhythm | undefined, RecurrencePattern]>([
    ['every day', ['2026-01-01', '2026-01-02', '2026-01-03'], undefined, { type: 'daily', interval: 1 }],
    ['two days side by side', ['2026-01-01', '2026-01-02'], undefined, { type: 'daily', interval: 1 }],
    ['every third day', ['2026-01-01', '2026-01-04', '2026-01-07'], undefined, { type: 'daily', interval: 3 }],
    ['every seventh day is every week', ['2026-01-01', '2026-01-08', '2026-01-15'], undefined,
      { type: 'weekly', interval: 1, days: ['thursday'], firstDay: 'monday' }],
    ['unless it was called daily', ['2026-01-01', '2026-01-08', '2026-01-15'], 'daily', { type: 'daily', interval: 7 }],
    ['every second week', ['2026-01-01', '2026-01-15'], undefined, { type: 'weekly', interval: 2, days: ['thursday'], firstDay: 'monday' }],
    ['workdays over a weekend', ['2026-01-01', '2026-01-02', '2026-01-05', '2026-01-06'], undefined,
      { type: 'weekly', interval: 1, days: ['monday', 'tuesday', 'thursday', 'friday'], firstDay: 'monday' }],
    ['two days every second week', ['2026-12-02', '2026-12-14', '2026-12-16', '2026-12-28'], undefined,
      { type: 'weekly', interval: 2, days: ['monday', 'wednesday'], firstDay: 'monday' }],
    ['sunday with the monday after it', ['2026-01-04', '2026-01-05', '2026-01-18', '2026-01-19'], undefined,
      { type: 'weekly', interval: 2, days: ['sunday', 'monday'], firstDay: 'sunday' }],
    ['two days of one week called weekly', ['2026-01-05', '2026-01-07'], 'weekly', { type: 'weekly', interval: 1, days: ['monday', 'wednesday'], firstDay: 'monday' }],
    ['the same day of two months', ['2026-01-15', '2026-02-15'], undefined, { type: 'absoluteMonthly', interval: 1, day: 15 }],
    ['the same day although four weeks lie between', ['2026-02-05', '2026-03-05'], undefined, { type: 'absoluteMonthly', interval: 1, day: 5 }],
    ['and every four weeks where it was called weekly', ['2026-02-05', '2026-03-05'], 'weekly',
      { type: 'weekly', interval: 4, days: ['thursday'], firstDay: 'monday' }],
    ['day 31', ['2026-01-31', '2026-02-28', '2026-03-31'], undefined, { type: 'absoluteMonthly', interval: 1, day: 31 }],
    ['day 30 from february on', ['2026-02-28', '2026-03-30', '2026-04-30', '2026-05-30'], undefined, { type: 'absoluteMonthly', interval: 1, day: 30 }],
    ['every quarter', ['2026-01-15', '2026-04-15', '2026-07-15'], undefined, { type: 'absoluteMonthly', interval: 3, day: 15 }],
    ['the second tuesday', ['2026-09-08', '2026-10-13', '2026-11-10'], undefined, { type: 'relativeMonthly', interval: 1, day: 'tuesday', index: 'second' }],
    ['the last friday', ['2026-05-29', '2026-06-26', '2026-07-31'], undefined, { type: 'relativeMonthly', interval: 1, day: 'friday', index: 'last' }],
    ['the last weekday', ['2026-01-30', '2026-02-27', '2026-03-31'], undefined, { type: 'relativeMonthly', interval: 1, day: 'weekday', index: 'last' }],
    ['a relative day called monthly although weeks fit', ['2026-01-05', '2026-02-02'], 'monthly',
      { type: 'relativeMonthly', interval: 1, day: 'monday', index: 'first' }],
    ['every year', ['2026-03-01', '2027-03-01'], undefined, { type: 'absoluteYearly', interval: 1, month: 3, day: 1 }],
    ['every year called monthly', ['2026-03-01', '2027-03-01'], 'monthly', { type: 'absoluteMonthly', interval: 12, day: 1 }],
    ['29 february', ['2028-02-29', '2029-02-28', '2030-02-28'], undefined, { type: 'absoluteYearly', interval: 1, month: 2, day: 29 }],
    ['a relative day of every year', ['2026-12-20', '2027-12-19', '2028-12-17'], undefined,
      { type: 'relativeYearly', interval: 1, month: 12, day: 'sunday', index: 'third' }],
    ['every second year, which Exchange calls months', ['2026-03-01', '2028-03-01', '2030-03-01'], 'yearly', { type: 'absoluteMonthly', interval: 24, day: 1 }],
    ['a hint that does not fit', ['2026-01-01', '2026-01-02', '2026-01-03'], 'yearly', { type: 'daily', interval: 1 }],
  ])('%s', (_what, days, hint, pattern) => {
    const series = inferSeries(wholeDays(...days), ROME, hint)
    expect(series?.recurrence).toEqual({ pattern, range: { type: 'count', first: days[0], count: days.length } })
    expect(series?.time).toEqual(wholeDay(days[0] ?? ''))
  })
})

describe('times of day', () => {
  it('stay on the clock over a night that changes it', () => {
    const times = ['2026-03-27', '2026-03-28', '2026-03-29', '2026-03-30'].map((day) => clock(day, '09:00', '10:00'))
    expect(inferSeries(times, ROME)).toEqual({
      recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-03-27', count: 4 } },
      time: { ...times[0], zone: ROME },
    })
    expect(inferSeries(times, 'UTC')).toBeNull()
  })

  it('one that fell into the skipped hour moves on that day only', () => {
    const times = ['2026-03-28', '2026-03-29', '2026-03-30'].map((day) => clock(day, '02:30', '04:00'))
    expect(patternOf(times)).toEqual({ type: 'daily', interval: 1 })
  })

  it('one that fell into a skipped midnight moves to the day after and still counts', () => {
    const times = ['2024-03-29', '2024-03-30', '2024-03-31', '2024-04-01'].map((day) => clock(day, '23:30', '23:45', 'America/Nuuk'))
    expect(patternOf(times, undefined, 'America/Nuuk')).toEqual({ type: 'daily', interval: 1 })
  })

  it('are those of the zone, also for the day', () => {
    const times = ['2026-01-05', '2026-01-12'].map((day) => clock(day, '08:00', '09:00', 'Pacific/Auckland'))
    expect(patternOf(times, undefined, 'Pacific/Auckland')).toEqual({ type: 'weekly', interval: 1, days: ['monday'], firstDay: 'monday' })
  })
})

describe('no rule', () => {
  const [one, two, three] = ['2026-01-01', '2026-01-02', '2026-01-03'].map((day) => clock(day, '09:00', '10:00'))
  const all = [one, two, three] as EventTime[]
  it.each<[string, readonly EventTime[]]>([
    ['for nothing', []],
    ['for one time', wholeDays('2026-01-01')],
    ['for days without order', wholeDays('2026-01-01', '2026-01-03', '2026-01-12', '2026-01-20')],
    ['for a week with a day missing', wholeDays('2026-01-05', '2026-01-07', '2026-01-12', '2026-01-19', '2026-01-21')],
    ['for a month left out', wholeDays('2026-01-15', '2026-02-15', '2026-04-15')],
    ['for more months than Exchange takes', wholeDays('2000-01-15', '2008-05-15', '2016-09-15')],
    ['for times that go back', wholeDays('2026-01-02', '2026-01-01')],
    ['for one time twice', wholeDays('2026-01-01', '2026-01-01')],
    ['where one begins at another time', [...all.slice(0, 2), clock('2026-01-03', '09:01', '10:00')]],
    ['where one is longer', [...all.slice(0, 2), clock('2026-01-03', '09:00', '10:01')]],
    ['where one has more days', [wholeDay('2026-01-01'), wholeDay('2026-01-08', '2026-01-09')]],
    ['for whole days among others', [...all.slice(0, 2), wholeDay('2026-01-03')]],
    ['for others among whole days', [...wholeDays('2026-01-01', '2026-01-02'), ...all.slice(2)]],
    ['beyond what Exchange takes', wholeDays('2000-01-01', '2026-05-03')],
  ])('%s', (_what, times) => {
    expect(inferSeries(times, ROME)).toBeNull()
  })
})

describe('every series that was expanded', () => {
  const interval = fc.integer({ min: 1, max: 12 })
  const month = fc.integer({ min: 1, max: 12 })
  const relative = { day: fc.constantFrom<RelativeDay>(...WEEKDAYS, 'weekday', 'weekendDay', 'day'), index: fc.constantFrom('first', 'second', 'third', 'fourth', 'last') }
  const day = fc.integer({ min: 1, max: 31 })
  const pattern: fc.Arbitrary<RecurrencePattern> = fc.oneof(
    fc.record({ type: fc.constant('daily' as const), interval }),
    fc.record({
      type: fc.constant('weekly' as const), interval, firstDay: fc.constantFrom('monday' as const, 'sunday' as const),
      days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
    }),
    fc.record({ type: fc.constant('absoluteMonthly' as const), interval, day }),
    fc.record({ type: fc.constant('relativeMonthly' as const), interval, ...relative }),
    fc.record({ type: fc.constant('absoluteYearly' as const), interval: fc.constant(1), month, day }),
    fc.record({ type: fc.constant('relativeYearly' as const), interval: fc.constant(1), month, ...relative }),
  )

  it('is found again from its times, whatever the hint', () => {
    const hint = fc.constantFrom<Rhythm | undefined>(undefined, 'daily', 'weekly', 'monthly', 'yearly')
    const first = fc.integer({ min: 0, max: 2_000 }).map((offset) => new Date(Date.UTC(2024, 0, 1 + offset)).toISOString().slice(0, 10))
    const ALL = ['1990-01-01T00:00:00Z', '2200-01-01T00:00:00Z'] as [Instant, Instant]
    fc.assert(fc.property(pattern, first, fc.integer({ min: 2, max: 40 }), hint, fc.boolean(), (of, from, count, hinted, allDay) => {
      const range = { type: 'count', first: from as PlainDate, count } as const
      const time = allDay ? wholeDay(from) : { ...clock(from, '09:00', '10:30'), zone: ROME }
      const times = expand({ recurrence: { pattern: of, range }, time }, ...ALL).map((one) => one.time)
      const series = inferSeries(times, ROME, hinted)
      if (series === null) throw new Error('no rule was found')
      expect(expand(series, ...ALL).map((one) => one.time)).toEqual(times)
    }), { numRuns: 300 })
  })
})
