/** Against an expansion that shares nothing with ours: RFC 5545 for the days, Temporal for the clocks. */
import fc from 'fast-check'
import { RRuleTemporal } from 'rrule-temporal'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import type { Instant, PlainDate, RecurrencePattern, RecurrenceRange, RelativeDay } from '../model/index.ts'
import { WEEKDAYS } from '../model/index.ts'
import { expand, last, next, occurrenceAt, occurrenceByIndex } from './index.ts'
import type { Rule } from './index.ts'

const ZONES = ['Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland', 'America/Sao_Paulo']
const YEARS = 10

const date = (day: number) => new Date(day * 86_400_000).toISOString().slice(0, 10)
const FIRST = Date.UTC(2011, 0, 1) / 86_400_000

const relativeDay = fc.constantFrom<RelativeDay>(...WEEKDAYS, 'day', 'weekday', 'weekendDay')
const index = fc.constantFrom('first', 'second', 'third', 'fourth', 'last')
const interval = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 }))
const month = fc.integer({ min: 1, max: 12 })
const dayOfMonth = fc.oneof(fc.integer({ min: 28, max: 31 }), fc.integer({ min: 1, max: 31 }))
const pattern: fc.Arbitrary<RecurrencePattern> = fc.oneof(
  fc.record({ type: fc.constant('daily' as const), interval }),
  fc.record({
    type: fc.constant('weekly' as const), interval, firstDay: fc.constantFrom(...WEEKDAYS),
    days: fc.uniqueArray(fc.constantFrom(...WEEKDAYS), { minLength: 1 }),
  }),
  fc.record({ type: fc.constant('absoluteMonthly' as const), interval, day: dayOfMonth }),
  fc.record({ type: fc.constant('relativeMonthly' as const), interval, day: relativeDay, index }),
  fc.record({ type: fc.constant('absoluteYearly' as const), interval: fc.integer({ min: 1, max: 3 }), month, day: dayOfMonth }),
  fc.record({ type: fc.constant('relativeYearly' as const), interval: fc.integer({ min: 1, max: 3 }), month, day: relativeDay, index }),
)
const clock = fc.record({
  hour: fc.oneof(fc.constantFrom(0, 1, 2, 3), fc.integer({ min: 0, max: 23 })), minute: fc.constantFrom(0, 15, 30),
})
const plan = fc.record({
  pattern, clock, zone: fc.constantFrom(...ZONES), first: fc.integer({ min: FIRST, max: FIRST + 3_000 }),
  minutes: fc.oneof(fc.integer({ min: 0, max: 180 }), fc.integer({ min: 0, max: 4_000 })),
  end: fc.oneof(
    fc.constant({ type: 'endless' as const }),
    fc.record({ type: fc.constant('count' as const), count: fc.integer({ min: 1, max: 400 }) }),
    fc.record({ type: fc.constant('until' as const), after: fc.integer({ min: 0, max: 4_000 }) }),
  ),
})
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

const CODES: Readonly<Record<string, string>> = {
  sunday: 'SU', monday: 'MO', tuesday: 'TU', wednesday: 'WE', thursday: 'TH', friday: 'FR', saturday: 'SA',
  day: 'SU,MO,TU,WE,TH,FR,SA', weekday: 'MO,TU,WE,TH,FR', weekendDay: 'SU,SA',
}
const POSITIONS = { first: 1, second: 2, third: 3, fourth: 4, last: -1 }

/** A day that a month lacks is skipped there by RFC 5545; the last of all days up to it is Exchange's. */
const upTo = (day: number) => (day <= 28 ? `BYMONTHDAY=${day}` : `BYMONTHDAY=${[28, 29, 30, 31].filter((each) => each <= day).join()};BYSETPOS=-1`)
function rfc(of: RecurrencePattern): string {
  switch (of.type) {
    case 'daily': return 'FREQ=DAILY'
    case 'weekly': return `FREQ=WEEKLY;BYDAY=${of.days.map((day) => CODES[day]).join()};WKST=${CODES[of.firstDay]}`
    case 'absoluteMonthly': return `FREQ=MONTHLY;${upTo(of.day)}`
    case 'relativeMonthly': return `FREQ=MONTHLY;BYDAY=${CODES[of.day]};BYSETPOS=${POSITIONS[of.index]}`
    case 'absoluteYearly': return `FREQ=YEARLY;BYMONTH=${of.month};${upTo(of.day)}`
    case 'relativeYearly': return `FREQ=YEARLY;BYMONTH=${of.month};BYDAY=${CODES[of.day]};BYSETPOS=${POSITIONS[of.index]}`
  }
}

function rangeOf({ first, end }: Plan): RecurrenceRange {
  const begin = date(first) as PlainDate
  if (end.type === 'until') return { type: 'until', first: begin, last: date(first + end.after) as PlainDate }
  return end.type === 'count' ? { type: 'count', first: begin, count: end.count } : { type: 'endless', first: begin }
}

const wallStart = ({ first, clock: { hour, minute } }: Plan) => Temporal.PlainDate.from(date(first)).toPlainDateTime({ hour, minute })
const moment = (wall: Temporal.PlainDateTime, zone: string) =>
  wall.toZonedDateTime(zone, { disambiguation: 'compatible' }).toInstant().toString() as Instant

/** The days as wall clock times: whatever a night does to the clocks, RFC 5545 is asked in UTC. */
function expectedWalls(of: Plan): Temporal.PlainDateTime[] {
  const ends = of.end.type === 'count' ? `;COUNT=${of.end.count}` : of.end.type === 'until' ? `;UNTIL=${date(of.first + of.end.after).replaceAll('-', '')}T235959Z` : ''
  const start = wallStart(of)
  const rule = new RRuleTemporal({
    rruleString: `${rfc(of.pattern)};INTERVAL=${of.pattern.interval}${ends}`, dtstart: start.toZonedDateTime('UTC') as any, temporal: Temporal as any,
  })
  const to = start.add({ years: YEARS })
  return (rule.between(start.toZonedDateTime('UTC') as any, to.toZonedDateTime('UTC') as any, true) as any[]).map((one) => one.toPlainDateTime())
}

/** Only clocks that are neither skipped nor doubled on the first day can be told from its moment. */
function seriesOf(of: Plan): Rule | null {
  const start = wallStart(of)
  const end = start.add({ minutes: of.minutes })
  const plain = [start, end].every((wall) => {
    const both = (['earlier', 'later'] as const).map((disambiguation) => wall.toZonedDateTime(of.zone, { disambiguation }).epochMilliseconds)
    return both[0] === both[1]
  })
  if (!plain) return null
  const time = { allDay: false, start: moment(start, of.zone), end: moment(end, of.zone), zone: of.zone } as const
  return { recurrence: { pattern: of.pattern, range: rangeOf(of) }, time }
}

describe('the occurrences of ten years', () => {
  it('are those of RFC 5545 with the days that short months lack, at the moments the zone\'s clocks show', () => {
    fc.assert(fc.property(plan, (of) => {
      const series = seriesOf(of)
      fc.pre(series !== null)
      const start = wallStart(of)
      const walls = expectedWalls(of)
      const from = moment(start, of.zone)
      const to = moment(start.add({ years: YEARS }), of.zone)
      const found = expand(series, from, to).filter((one) => one.start >= from)
      expect(found.map((one) => one.start)).toEqual(walls.map((wall) => moment(wall, of.zone)))
      expect(found.map((one) => one.index)).toEqual(walls.map((_, i) => i + 1))
      walls.forEach((wall, i) => {
        const own = found[i]?.time
        const end = moment(wall.add({ minutes: of.minutes }), of.zone)
        if (own?.allDay === false && end > own.start) expect(own.end).toBe(end)
      })
    }), { numRuns: 120 })
  })
})

describe('looking anywhere gives the same as going through all', () => {
  it('windows, single occurrences, the next and the last', () => {
    fc.assert(fc.property(plan, fc.integer({ min: -100, max: 4_500 }), fc.integer({ min: 0, max: 200 }), (of, offset, width) => {
      const series = seriesOf(of)
      fc.pre(series !== null)
      const all = expand(series, '1900-01-01T00:00:00Z' as Instant, '2050-01-01T00:00:00Z' as Instant)
      expect(all.map((one) => one.index)).toEqual(all.map((_, i) => i + 1))
      const from = `${date(of.first + offset)}T04:30:00Z` as Instant
      const to = `${date(of.first + offset + width)}T04:30:00Z` as Instant
      const ends = (one: (typeof all)[number]) => (one.time.allDay ? '' : one.time.end)
      expect(expand(series, from, to)).toEqual(all.filter((one) => one.start <= to && (ends(one) > from || one.start >= from)))
      expect(next(series, from)).toEqual(all.find((one) => one.start > from) ?? null)
      if (of.end.type === 'count' && all.length === of.end.count) expect(last(series)).toEqual(all.at(-1))
      for (const one of [all[0], all[all.length >> 1], all.at(-1)]) {
        if (one === undefined) continue
        expect(occurrenceAt(series, one.start)).toEqual(one)
        expect(occurrenceByIndex(series, one.index)).toEqual(one)
      }
    }), { numRuns: 80 })
  })
})
