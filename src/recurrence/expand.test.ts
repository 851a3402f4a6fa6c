import { describe, expect, it } from 'vitest'
import type { EventTime, Instant, PlainDate, RecurrencePattern, RecurrenceRange } from '../model/index.ts'
import { expand, firstOccurrence, last, next, occurrenceAt, occurrenceByIndex } from './index.ts'
import type { Rule } from './index.ts'

const at = (text: string) => `${text}Z` as Instant
const day = (text: string) => text as PlainDate
const endless = (first: string): RecurrenceRange => ({ type: 'endless', first: day(first) })
const times = (first: string, count: number): RecurrenceRange => ({ type: 'count', first: day(first), count })
const until = (first: string, end: string): RecurrenceRange => ({ type: 'until', first: day(first), last: day(end) })
const wholeDay = (first: string, end = first): EventTime => ({ allDay: true, firstDay: day(first), lastDay: day(end) })
const timed = (start: string, end: string, zone?: string): EventTime =>
  ({ allDay: false, start: at(start), end: at(end), ...(zone === undefined ? {} : { zone }) })
const rule = (pattern: RecurrencePattern, range: RecurrenceRange, time: EventTime = wholeDay(range.first)): Rule =>
  ({ recurrence: { pattern, range }, time })

const DAILY: RecurrencePattern = { type: 'daily', interval: 1 }
const ROME = 'Europe/Rome'
const FROM = at('1900-01-01T00:00:00')
const TO = at('2100-01-01T00:00:00')
const days = (series: Rule, from = FROM, to = TO) => expand(series, from, to).map(({ start }) => start)
const indexes = (series: Rule, from = FROM, to = TO) => expand(series, from, to).map(({ index }) => index)

describe('the days of a rule', () => {
  const weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] as const
  it.each<[string, RecurrencePattern, RecurrenceRange, string[]]>([
    ['every day', DAILY, times('2026-02-27', 3), ['2026-02-27', '2026-02-28', '2026-03-01']],
    ['every third day until a day that is none of them', { type: 'daily', interval: 3 }, until('2026-12-30', '2027-01-06'),
      ['2026-12-30', '2027-01-02', '2027-01-05']],
    ['until a day that is one of them', { type: 'daily', interval: 3 }, until('2026-12-30', '2027-01-05'),
      ['2026-12-30', '2027-01-02', '2027-01-05']],
    ['every week on weekdays, from a thursday', { type: 'weekly', interval: 1, days: weekdays, firstDay: 'monday' }, times('2026-01-01', 4),
      ['2026-01-01', '2026-01-02', '2026-01-05', '2026-01-06']],
    ['every second week on two days, from the second of them', { type: 'weekly', interval: 2, days: ['monday', 'wednesday'], firstDay: 'monday' },
      times('2026-12-02', 5), ['2026-12-02', '2026-12-14', '2026-12-16', '2026-12-28', '2026-12-30']],
    ['every second week on tuesday and sunday, weeks from monday', { type: 'weekly', interval: 2, days: ['tuesday', 'sunday'], firstDay: 'monday' },
      times('2026-08-04', 4), ['2026-08-04', '2026-08-09', '2026-08-18', '2026-08-23']],
    ['every second week on tuesday and sunday, weeks from sunday', { type: 'weekly', interval: 2, days: ['tuesday', 'sunday'], firstDay: 'sunday' },
      times('2026-08-04', 4), ['2026-08-04', '2026-08-16', '2026-08-18', '2026-08-30']],
    ['weekdays in any order and twice', { type: 'weekly', interval: 1, days: ['friday', 'monday', 'friday'], firstDay: 'saturday' },
      times('2026-01-02', 3), ['2026-01-02', '2026-01-05', '2026-01-09']],
    ['until later in the month', { type: 'absoluteMonthly', interval: 1, day: 20 }, until('2026-01-20', '2026-03-25'),
      ['2026-01-20', '2026-02-20', '2026-03-20']],
    ['every month on a day, from a later day', { type: 'absoluteMonthly', interval: 1, day: 10 }, times('2026-01-15', 2), ['2026-02-10', '2026-03-10']],
    ['day 31 in short months is the last', { type: 'absoluteMonthly', interval: 1, day: 31 }, times('2028-01-31', 5),
      ['2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30', '2028-05-31']],
    ['day 30 from the end of february', { type: 'absoluteMonthly', interval: 1, day: 30 }, times('2026-02-28', 2), ['2026-02-28', '2026-03-30']],
    ['every 24 months', { type: 'absoluteMonthly', interval: 24, day: 29 }, times('2026-02-28', 3), ['2026-02-28', '2028-02-29', '2030-02-28']],
    ['the second tuesday', { type: 'relativeMonthly', interval: 1, day: 'tuesday', index: 'second' }, times('2026-09-01', 3),
      ['2026-09-08', '2026-10-13', '2026-11-10']],
    ['the last friday of every third month', { type: 'relativeMonthly', interval: 3, day: 'friday', index: 'last' }, times('2026-01-01', 3),
      ['2026-01-30', '2026-04-24', '2026-07-31']],
    ['the last weekday', { type: 'relativeMonthly', interval: 1, day: 'weekday', index: 'last' }, times('2026-01-01', 3),
      ['2026-01-30', '2026-02-27', '2026-03-31']],
    ['the fourth weekend day', { type: 'relativeMonthly', interval: 1, day: 'weekendDay', index: 'fourth' }, times('2026-08-01', 2),
      ['2026-08-09', '2026-09-13']],
    ['the third day', { type: 'relativeMonthly', interval: 1, day: 'day', index: 'third' }, times('2026-08-04', 2), ['2026-09-03', '2026-10-03']],
    ['the last day', { type: 'relativeMonthly', interval: 1, day: 'day', index: 'last' }, times('2027-01-31', 2), ['2027-01-31', '2027-02-28']],
    ['every year', { type: 'absoluteYearly', interval: 1, month: 12, day: 20 }, until('2026-12-20', '2028-12-31'),
      ['2026-12-20', '2027-12-20', '2028-12-20']],
    ['29 february', { type: 'absoluteYearly', interval: 1, month: 2, day: 29 }, times('2028-02-29', 3), ['2028-02-29', '2029-02-28', '2030-02-28']],
    ['every year on a day that is over this year', { type: 'absoluteYearly', interval: 1, month: 3, day: 1 }, times('2026-03-02', 2),
      ['2027-03-01', '2028-03-01']],
    ['the third sunday of december', { type: 'relativeYearly', interval: 1, month: 12, day: 'sunday', index: 'third' }, times('2026-12-20', 3),
      ['2026-12-20', '2027-12-19', '2028-12-17']],
    ['a range that ends before its first day', DAILY, until('2026-01-02', '2026-01-01'), []],
  ])('%s', (_what, pattern, range, expected) => {
    const series = rule(pattern, range)
    expect(days(series)).toEqual(expected)
    expect(indexes(series)).toEqual(expected.map((_, i) => i + 1))
    expect(last(series)?.start ?? null).toEqual(expected.at(-1) ?? null)
    expect(firstOccurrence(series.recurrence, series.time)?.start ?? null).toEqual(expected[0] ?? null)
  })

  it('are counted from the first occurrence where the range begins earlier', () => {
    const mondays: RecurrencePattern = { type: 'weekly', interval: 2, days: ['monday'], firstDay: 'monday' }
    expect(days(rule(mondays, times('2026-01-07', 2)))).toEqual(['2026-01-19', '2026-02-02'])
    expect(days(rule(mondays, times('2026-01-07', 2), wholeDay('2026-01-12')))).toEqual(['2026-01-12', '2026-01-26'])
  })

  it('follow the rule where the series is said to begin on a day that does not fit', () => {
    const mondays: RecurrencePattern = { type: 'weekly', interval: 1, days: ['monday'], firstDay: 'monday' }
    expect(days(rule(mondays, times('2026-01-07', 2), wholeDay('2026-01-14')))).toEqual(['2026-01-12', '2026-01-19'])
  })

  it('never begin before the range does', () => {
    expect(days(rule(DAILY, times('2026-01-10', 2), wholeDay('2026-01-05')))).toEqual(['2026-01-10', '2026-01-11'])
  })

  it('end with Exchange\'s calendar', () => {
    const series = rule({ type: 'absoluteYearly', interval: 99, month: 1, day: 1 }, times('4400-01-01', 99))
    expect(last(series)).toMatchObject({ index: 2, start: '4499-01-01' })
    expect(next(rule(DAILY, endless('2026-01-01')), at('4500-12-31T00:00:00'))).toBeNull()
  })
})

describe('the clock of the series', () => {
  const starts = (time: EventTime, first: string, count: number) =>
    expand(rule(DAILY, times(first, count), time), FROM, TO).map((one) => (one.time.allDay ? [] : [one.time.start, one.time.end]))

  it('keeps its time of day over both changes of the clocks', () => {
    expect(starts(timed('2026-03-28T08:00:00', '2026-03-28T09:00:00', ROME), '2026-03-28', 2)).toEqual([
      ['2026-03-28T08:00:00Z', '2026-03-28T09:00:00Z'], ['2026-03-29T07:00:00Z', '2026-03-29T08:00:00Z'],
    ])
    expect(starts(timed('2026-10-24T07:00:00', '2026-10-24T08:00:00', ROME), '2026-10-24', 2)).toEqual([
      ['2026-10-24T07:00:00Z', '2026-10-24T08:00:00Z'], ['2026-10-25T08:00:00Z', '2026-10-25T09:00:00Z'],
    ])
  })

  it('a start in the skipped hour moves forward on that day only', () => {
    expect(starts(timed('2026-03-28T01:30:00', '2026-03-28T03:00:00', ROME), '2026-03-28', 3)).toEqual([
      ['2026-03-28T01:30:00Z', '2026-03-28T03:00:00Z'],
      ['2026-03-29T01:30:00Z', '2026-03-29T02:00:00Z'],
      ['2026-03-30T00:30:00Z', '2026-03-30T02:00:00Z'],
    ])
  })

  it('an occurrence that would end before it begins keeps its length', () => {
    expect(starts(timed('2026-03-28T01:30:00', '2026-03-28T02:00:00', ROME), '2026-03-28', 2)[1]).toEqual(['2026-03-29T01:30:00Z', '2026-03-29T02:00:00Z'])
    expect(starts(timed('2026-10-25T00:30:00', '2026-10-25T01:15:00', ROME), '2026-10-25', 2)[1]).toEqual(['2026-10-26T01:30:00Z', '2026-10-26T02:15:00Z'])
  })

  it('a doubled start is the earlier, and the end stays on the clock', () => {
    expect(starts(timed('2026-10-24T00:30:00', '2026-10-24T02:00:00', ROME), '2026-10-24', 2)[1]).toEqual(['2026-10-25T00:30:00Z', '2026-10-25T03:00:00Z'])
  })

  it('a night that loses or gains an hour is shorter or longer', () => {
    expect(starts(timed('2026-03-27T21:00:00', '2026-03-28T05:00:00', ROME), '2026-03-27', 2)[1]).toEqual(['2026-03-28T21:00:00Z', '2026-03-29T04:00:00Z'])
    expect(starts(timed('2026-10-23T20:00:00', '2026-10-24T04:00:00', ROME), '2026-10-23', 2)[1]).toEqual(['2026-10-24T20:00:00Z', '2026-10-25T05:00:00Z'])
  })

  it('is UTC where the zone is not known, and then no zone is made up', () => {
    const [one] = expand(rule(DAILY, times('2026-03-29', 1), timed('2026-03-29T01:30:00', '2026-03-29T02:30:00')), FROM, TO)
    expect(one?.time).toEqual({ allDay: false, start: '2026-03-29T01:30:00Z', end: '2026-03-29T02:30:00Z' })
  })

  it('has its days in its own zone', () => {
    const series = rule({ type: 'weekly', interval: 1, days: ['monday'], firstDay: 'monday' }, until('2026-01-05', '2026-01-12'),
      timed('2026-01-04T19:00:00', '2026-01-04T20:00:00', 'Pacific/Auckland'))
    expect(days(series)).toEqual(['2026-01-04T19:00:00Z', '2026-01-11T19:00:00Z'])
  })

  it('a start in a skipped midnight moves to the day after, and is found there', () => {
    const series = rule(DAILY, times('2024-03-29', 4), timed('2024-03-30T01:30:00', '2024-03-30T02:30:00', 'America/Nuuk'))
    const moved = { index: 2, start: '2024-03-31T01:30:00Z', time: timed('2024-03-31T01:30:00', '2024-03-31T02:30:00', 'America/Nuuk') }
    expect(days(series)).toEqual(['2024-03-30T01:30:00Z', '2024-03-31T01:30:00Z', '2024-04-01T00:30:00Z', '2024-04-02T00:30:00Z'])
    expect(occurrenceAt(series, at('2024-03-31T01:30:00'))).toEqual(moved)
    expect(next(series, at('2024-03-31T01:15:00'))).toEqual(moved)
  })

  it('a day that a country skips as a whole moves onto the next', () => {
    const series = rule(DAILY, times('2011-12-28', 4), timed('2011-12-29T09:00:00', '2011-12-29T11:00:00', 'Pacific/Apia'))
    expect(days(series)).toEqual(['2011-12-29T09:00:00Z', '2011-12-30T09:00:00Z', '2011-12-31T09:00:00Z', '2011-12-31T09:00:00Z'])
    expect(indexes(series, at('2011-12-31T10:30:00'), at('2011-12-31T10:45:00'))).toEqual([3, 4])
  })

  it('an event without length has none anywhere', () => {
    expect(starts(timed('2026-03-28T01:30:00', '2026-03-28T01:30:00', ROME), '2026-03-28', 2)[1]).toEqual(['2026-03-29T01:30:00Z', '2026-03-29T01:30:00Z'])
  })

  it('whole days keep their number', () => {
    const [, second] = expand(rule({ type: 'weekly', interval: 1, days: ['friday'], firstDay: 'monday' }, times('2026-01-30', 2), wholeDay('2026-01-30', '2026-02-01')), FROM, TO)
    expect(second?.time).toEqual({ allDay: true, firstDay: '2026-02-06', lastDay: '2026-02-08' })
  })
})

describe('a window', () => {
  const series = rule(DAILY, endless('2026-01-01'), timed('2026-01-01T09:00:00', '2026-01-01T10:00:00', 'UTC'))

  it.each([
    ['takes what begins on its last moment', '2026-01-02T08:00:00', '2026-01-02T09:00:00', [2]],
    ['takes what goes on when it begins', '2026-01-02T09:59:59', '2026-01-02T20:00:00', [2]],
    ['leaves out what ends when it begins', '2026-01-02T10:00:00', '2026-01-02T20:00:00', []],
    ['before the series is empty', '2025-01-01T00:00:00', '2025-12-31T00:00:00', []],
    ['that ends before it begins is empty', '2026-01-05T00:00:00', '2026-01-03T00:00:00', []],
  ])('%s', (_what, from, to, expected) => {
    expect(indexes(series, at(from), at(to))).toEqual(expected)
  })

  it('takes an event without length on its first moment', () => {
    const point = rule(DAILY, endless('2026-01-01'), timed('2026-01-01T09:00:00', '2026-01-01T09:00:00', 'UTC'))
    expect(indexes(point, at('2026-01-03T09:00:00'), at('2026-01-04T08:00:00'))).toEqual([3])
  })

  it('takes all that overlap each other', () => {
    const long = rule(DAILY, endless('2026-01-01'), timed('2026-01-01T09:00:00', '2026-01-04T10:00:00', 'UTC'))
    expect(indexes(long, at('2026-02-10T00:00:00'), at('2026-02-10T01:00:00'))).toEqual([38, 39, 40])
    expect(indexes(rule(DAILY, endless('2026-01-01'), wholeDay('2026-01-01', '2026-01-03')), at('2026-02-10T00:00:00'), at('2026-02-10T01:00:00'))).toEqual([39, 40, 41])
  })

  it('far from the beginning of an endless series has the right numbers', () => {
    expect(indexes(rule(DAILY, endless('1990-01-01')), at('2026-01-01T00:00:00'), at('2026-01-02T00:00:00'))).toEqual([13_150, 13_151])
    const workdays: RecurrencePattern = { type: 'weekly', interval: 1, days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], firstDay: 'sunday' }
    const old = rule(workdays, endless('1990-01-03'))
    expect(indexes(old, at('2026-01-01T00:00:00'), at('2026-01-05T00:00:00'))).toEqual([9_392, 9_393, 9_394])
    expect(occurrenceByIndex(old, 9_394)?.start).toBe('2026-01-05')
  })
})

describe('one occurrence', () => {
  const series = rule(DAILY, times('2026-03-28', 3), timed('2026-03-28T01:30:00', '2026-03-28T02:30:00', ROME))

  it('is found by its start', () => {
    expect(occurrenceAt(series, at('2026-03-29T01:30:00'))?.index).toBe(2)
    expect(occurrenceAt(series, at('2026-03-30T00:30:00'))?.index).toBe(3)
    expect(occurrenceAt(rule(DAILY, endless('2026-01-01')), day('2026-01-31'))?.index).toBe(31)
  })

  it.each([
    ['another time of the day', series, at('2026-03-28T02:30:00')],
    ['a day after the end', series, at('2026-03-31T00:30:00')],
    ['a day before the beginning', series, at('2026-03-27T01:30:00')],
    ['a day of a timed series', series, day('2026-03-28')],
    ['a moment of an all-day series', rule(DAILY, endless('2026-01-01')), at('2026-01-31T00:00:00')],
    ['a day between', rule({ type: 'daily', interval: 2 }, endless('2026-01-01')), day('2026-01-02')],
  ])('%s is none', (_what, of, start) => {
    expect(occurrenceAt(of, start)).toBeNull()
  })

  it('is found by its number', () => {
    expect([0, 1, 3, 4, 1.5, Number.NaN].map((index) => occurrenceByIndex(series, index)?.start ?? null))
      .toEqual([null, '2026-03-28T01:30:00Z', '2026-03-30T00:30:00Z', null, null, null])
  })

  it('is the next one after a moment', () => {
    expect(next(series, at('2020-01-01T00:00:00'))?.index).toBe(1)
    expect(next(series, at('2026-03-28T01:29:59'))?.index).toBe(1)
    expect(next(series, at('2026-03-28T01:30:00'))?.index).toBe(2)
    expect(next(series, at('2026-03-30T00:30:00'))).toBeNull()
    expect(next(rule(DAILY, endless('2026-01-01')), at('2026-01-05T00:00:00'))?.start).toBe('2026-01-06')
    expect(next(rule(DAILY, endless('2026-01-01')), at('2026-01-04T23:59:59'))?.start).toBe('2026-01-05')
  })

  it('is the last one, where there is an end', () => {
    expect(last(series)?.index).toBe(3)
    expect(last(rule(DAILY, endless('2026-01-01')))).toBeNull()
  })

  it('is the first one on a day that fits', () => {
    const recurrence = { pattern: { type: 'weekly', interval: 2, days: ['monday'], firstDay: 'monday' }, range: endless('2026-01-07') } as const
    expect(firstOccurrence(recurrence, timed('2026-01-07T08:00:00', '2026-01-07T09:00:00', ROME)))
      .toEqual({ index: 1, start: '2026-01-19T08:00:00Z', time: timed('2026-01-19T08:00:00', '2026-01-19T09:00:00', ROME) })
  })
})

describe('a rule that nobody can mean is refused', () => {
  it.each<[string, RecurrencePattern, RecurrenceRange, RegExp]>([
    ['an interval of none', { type: 'daily', interval: 0 }, endless('2026-01-01'), /interval 0: it must be/],
    ['half an interval', { type: 'absoluteMonthly', interval: 1.5, day: 1 }, endless('2026-01-01'), /interval 1\.5: it must be/],
    ['no weekday', { type: 'weekly', interval: 1, days: [], firstDay: 'monday' }, endless('2026-01-01'), /no weekday/],
    ['an unknown weekday', { type: 'weekly', interval: 1, days: ['noday' as 'monday'], firstDay: 'monday' }, endless('2026-01-01'), /noday/],
    ['day 32', { type: 'absoluteMonthly', interval: 1, day: 32 }, endless('2026-01-01'), /day of month 32/],
    ['a 13th month', { type: 'relativeYearly', interval: 1, month: 13, day: 'day', index: 'last' }, endless('2026-01-01'), /month 13/],
    ['no occurrences', DAILY, times('2026-01-01', 0), /0 occurrences: it must be/],
    ['a day that does not exist', DAILY, endless('2026-02-30'), /2026-02-30/],
  ])('%s', (_what, pattern, range, message) => {
    expect(() => expand(rule(pattern, range, wholeDay('2026-01-01')), FROM, TO)).toThrow(message)
  })

  it('an unknown zone', () => {
    expect(() => next(rule(DAILY, endless('2026-01-01'), timed('2026-01-01T09:00:00', '2026-01-01T10:00:00', 'Mars/Base')), FROM))
      .toThrow(/time zone "Mars\/Base": it must be an IANA name/)
  })
})
