import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WEEKDAYS } from '../model/index.ts'
import type { EventTime, Instant, PlainDate, Recurrence, RecurrencePattern, RecurrenceRange } from '../model/index.ts'
import { expand, firstOccurrence } from '../recurrence/index.ts'
import { parseXml } from '../lib/xml.ts'
import { createItemXml } from './from-model.ts'
import { readItem } from './operations/ids.ts'
import { readRecurrence, recurrenceXml } from './recurrence-xml.ts'
import { ruleStart } from './series-to-model.ts'
import { toSnapshot } from './to-model.ts'

const first = '2026-12-01' as PlainDate
const read = (xml: string) => readRecurrence(parseXml(xml))
const range: RecurrenceRange = { type: 'count', first, count: 3 }

const month = fc.integer({ min: 1, max: 12 })
const day = fc.integer({ min: 1, max: 31 })
const relative = {
  day: fc.constantFrom(...WEEKDAYS, 'day' as const, 'weekday' as const, 'weekendDay' as const),
  index: fc.constantFrom('first' as const, 'second' as const, 'third' as const, 'fourth' as const, 'last' as const),
}
const interval = fc.integer({ min: 1, max: 8 })
const pattern: fc.Arbitrary<RecurrencePattern> = fc.oneof(
  fc.record({ type: fc.constant('daily' as const), interval: fc.integer({ min: 1, max: 999 }) }),
  fc.record({
    type: fc.constant('weekly' as const), interval: fc.integer({ min: 1, max: 99 }), firstDay: fc.constantFrom(...WEEKDAYS),
    days: fc.subarray([...WEEKDAYS], { minLength: 1 }),
  }),
  fc.record({ type: fc.constant('absoluteMonthly' as const), interval: fc.integer({ min: 1, max: 99 }), day }),
  fc.record({ type: fc.constant('relativeMonthly' as const), interval: fc.integer({ min: 1, max: 99 }), ...relative }),
  fc.record({ type: fc.constant('absoluteYearly' as const), interval, month, day }),
  fc.record({ type: fc.constant('relativeYearly' as const), interval, month, ...relative }),
)
const anyRange: fc.Arbitrary<RecurrenceRange> = fc.oneof(
  fc.constant({ type: 'endless' as const, first }),
  fc.constant({ type: 'until' as const, first, last: '2999-12-31' as PlainDate }),
  fc.integer({ min: 1, max: 999 }).map((count) => ({ type: 'count' as const, first, count })),
)
const times: readonly EventTime[] = [
  { allDay: false, start: '2026-12-01T22:30:00Z' as Instant, end: '2026-12-01T23:30:00Z' as Instant, zone: 'Europe/Berlin' },
  { allDay: false, start: '2026-12-01T03:00:00Z' as Instant, end: '2026-12-01T04:00:00Z' as Instant, zone: 'America/New_York' },
  { allDay: true, firstDay: first, lastDay: '2026-12-02' as PlainDate },
]
const someTime = fc.constantFrom(...times)

describe('a rule', () => {
  it('comes back as it was written', () => {
    fc.assert(fc.property(pattern, anyRange, (some, within) => {
      const recurrence: Recurrence = { pattern: some, range: within }
      const again = read(recurrenceXml(recurrence, first))
      // A year of its own interval has no form but months; everything else is the same word for word.
      if ('month' in some && some.interval > 1) expect(again.pattern).toMatchObject({ interval: 12 * some.interval, day: some.day })
      else expect(again.pattern).toEqual(some)
      expect(again.range).toEqual(within)
    }), { numRuns: 500 })
  })

  it('means the same days to the server as to us, whatever zone it is in', () => {
    fc.assert(fc.property(pattern, anyRange, someTime, (some, within, time) => {
      const recurrence: Recurrence = { pattern: some, range: within }
      const begins = firstOccurrence(recurrence, time)
      fc.pre(begins !== null && begins.start < '2100')
      const xml = createItemXml('event', { subject: 'x' }, 'Europe/Rome', { series: { recurrence, time, exceptions: [], deleted: [] } })
      const item = readItem(parseXml(xml.replace('<t:CalendarItem>', '<t:CalendarItem><t:ItemId Id="AA" ChangeKey="1"/>')))
      const { series } = toSnapshot(item, 'event', { address: 'alice@example.test', zone: 'Europe/Rome' })
      if (series === undefined || begins === null) throw new Error('no series')
      expect(series.time).toEqual(begins.time)
      const from = '2026-01-01T00:00:00Z' as Instant
      const to = '2034-01-01T00:00:00Z' as Instant
      expect(expand(series, from, to)).toEqual(expand({ recurrence, time }, from, to))
    }), { numRuns: 300 })
  })

  it.each([
    ['Z', '2026-12-01Z'], ['an offset', '2026-12-01+01:00'], ['a midnight', '2026-12-01T00:00:00.000000Z'],
  ])('has days, whatever follows them: %s', (_what, text) => {
    expect(read(`<Recurrence><DailyRecurrence><Interval>1</Interval></DailyRecurrence><NoEndRecurrence><StartDate>${text}</StartDate></NoEndRecurrence></Recurrence>`).range)
      .toEqual({ type: 'endless', first })
  })

  it('reads the words for several days', () => {
    const relativeOf = (days: string) => read(`<Recurrence><RelativeMonthlyRecurrence><Interval>1</Interval><DaysOfWeek>${days}</DaysOfWeek><DayOfWeekIndex>Last</DayOfWeekIndex>`
      + '</RelativeMonthlyRecurrence><NoEndRecurrence><StartDate>2026-12-01</StartDate></NoEndRecurrence></Recurrence>').pattern
    expect(relativeOf('Weekday')).toMatchObject({ day: 'weekday', index: 'last' })
    expect(relativeOf('Monday Tuesday Wednesday Thursday Friday')).toMatchObject({ day: 'weekday' })
    expect(relativeOf('Sunday Saturday')).toMatchObject({ day: 'weekendDay' })
    expect(() => relativeOf('Monday Tuesday')).toThrow(/DaysOfWeek "monday tuesday"/)
  })

  it.each([
    '<Recurrence/>',
    '<Recurrence><DailyRecurrence><Interval>0</Interval></DailyRecurrence><NoEndRecurrence><StartDate>2026-12-01</StartDate></NoEndRecurrence></Recurrence>',
    '<Recurrence><DailyRegeneration><Interval>1</Interval></DailyRegeneration><NoEndRecurrence><StartDate>2026-12-01</StartDate></NoEndRecurrence></Recurrence>',
    '<Recurrence><DailyRecurrence><Interval>1</Interval></DailyRecurrence><NoEndRecurrence><StartDate>2026-02-30</StartDate></NoEndRecurrence></Recurrence>',
  ])('that makes no sense is refused: %s', (xml) => {
    expect(() => read(xml)).toThrow(RangeError)
  })

  it('that Exchange has no form for is not approximated', () => {
    expect(() => recurrenceXml({ pattern: { type: 'absoluteYearly', interval: 9, month: 1, day: 1 }, range }, first)).toThrow(/108/)
    const time: EventTime = { allDay: false, start: '2026-12-01T09:00:00Z' as Instant, end: '2026-12-01T10:00:00Z' as Instant, zone: 'Antarctica/Troll' }
    expect(() => createItemXml('event', {}, 'Europe/Rome', { series: { recurrence: { pattern: { type: 'daily', interval: 1 }, range }, time, exceptions: [], deleted: [] } }))
      .toThrow(/Antarctica\/Troll/)
  })
})

describe('the start that a server names', () => {
  const daily = (start: string, zone: string) => ({
    recurrence: { pattern: { type: 'daily', interval: 1 } as const, range: { type: 'endless', first: '2026-03-01' as PlainDate } as const },
    time: { allDay: false, start: start as Instant, end: start.replace(':00Z', ':30Z') as Instant, zone } as const,
  })
  const rome = daily('2026-03-01T08:00:00Z', 'Europe/Rome')
  const late = daily('2026-03-01T22:30:00Z', 'Europe/Rome')

  it.each([
    ['as the rule has it', rome, '2026-03-05T08:00:00Z', '2026-03-05T08:00:00Z'],
    ['an hour late after the clocks changed', rome, '2026-04-05T08:00:00Z', '2026-04-05T07:00:00Z'],
    ['an hour early before they changed', rome, '2026-03-05T07:00:00Z', '2026-03-05T08:00:00Z'],
    ['as the midnight of its day', rome, '2026-03-04T23:00:00Z', '2026-03-05T08:00:00Z'],
    ['as the midnight before a late evening', late, '2026-03-04T23:00:00Z', '2026-03-05T22:30:00Z'],
    ['an hour late, past midnight', late, '2026-04-05T22:30:00Z', '2026-04-05T21:30:00Z'],
  ])('%s', (_what, rule, at, start) => {
    expect(ruleStart(rule, at as Instant, 'Europe/Rome')).toBe(start)
  })

  it('belongs to no occurrence where the rule has none that day', () => {
    const weekly = { ...rome, recurrence: { ...rome.recurrence, pattern: { type: 'weekly', interval: 1, days: ['sunday'], firstDay: 'monday' } as const } }
    expect(ruleStart(weekly, '2026-03-04T08:00:00Z' as Instant, 'Europe/Rome')).toBeNull()
  })

  it('of an all-day series is a day', () => {
    const days = { recurrence: rome.recurrence, time: { allDay: true, firstDay: '2026-03-01' as PlainDate, lastDay: '2026-03-01' as PlainDate } as const }
    expect(ruleStart(days, '2026-03-04T23:00:00Z' as Instant, 'Europe/Rome')).toBe('2026-03-05')
    expect(ruleStart(days, '2026-04-05T23:00:00Z' as Instant, 'Europe/Rome')).toBe('2026-04-06')
  })
})
