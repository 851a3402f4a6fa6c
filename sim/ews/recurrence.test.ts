import fc from 'fast-check'
import { RRuleTemporal } from 'rrule-temporal'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'

import { ResponseError } from './errors.ts'
import type { Fields, Item } from './model.ts'
import { occurrencesOf, settleSeries } from './series.ts'
import { instantOf } from './zones.ts'

const ZONES: [string, string][] = [
  ['W. Europe Standard Time', 'Europe/Rome'],
  ['Eastern Standard Time', 'America/New_York'],
  ['India Standard Time', 'Asia/Kolkata'],
  ['New Zealand Standard Time', 'Pacific/Auckland'],
  ['E. South America Standard Time', 'America/Sao_Paulo'],
]
const CODES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = 'January February March April May June July August September October November December'.split(' ')
const INDEXES = ['First', 'Second', 'Third', 'Fourth', 'Last']

interface Rule {
  xml: string
  rrule: string
}

const element = (name: string, parts: Record<string, string | number>): string =>
  `<t:${name}>${Object.entries(parts).map(([part, value]) => `<t:${part}>${value}</t:${part}>`).join('')}</t:${name}>`

/** A day that a month does not have means its last one: RFC 5545 says so with a list and a position. */
const monthDay = (day: number): string =>
  day <= 28
    ? `BYMONTHDAY=${day}`
    : `BYMONTHDAY=${Array.from({ length: day - 27 }, (_, n) => 28 + n).join(',')};BYSETPOS=-1`

const RELATIVE: Record<string, string[]> = { Day: CODES, Weekday: CODES.slice(1, 6), WeekendDay: ['SU', 'SA'] }
const daysOfWeek = fc.constantFrom(...DAYS, 'Day', 'Weekday', 'WeekendDay')
const relative = (day: string, index: number): string =>
  `BYDAY=${(RELATIVE[day] ?? [CODES[DAYS.indexOf(day)]]).join(',')};BYSETPOS=${index === 4 ? -1 : index + 1}`
const month = fc.nat(11)
const index = fc.nat(4)
const dayOfMonth = fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constantFrom(29, 30, 31))

const pattern: fc.Arbitrary<Rule> = fc.oneof(
  fc.integer({ min: 1, max: 40 }).map((interval) => ({
    xml: element('DailyRecurrence', { Interval: interval }),
    rrule: `FREQ=DAILY;INTERVAL=${interval}`,
  })),
  fc.tuple(fc.integer({ min: 1, max: 6 }), fc.uniqueArray(fc.nat(6), { minLength: 1 }), fc.nat(6)).map(
    ([interval, days, first]) => ({
      xml: element('WeeklyRecurrence', {
        Interval: interval,
        DaysOfWeek: days.map((day) => DAYS[day]).join(' '),
        FirstDayOfWeek: DAYS[first] ?? '',
      }),
      rrule: `FREQ=WEEKLY;INTERVAL=${interval};BYDAY=${days.map((day) => CODES[day]).join(',')};WKST=${CODES[first]}`,
    }),
  ),
  fc.tuple(fc.integer({ min: 1, max: 7 }), dayOfMonth).map(([interval, day]) => ({
    xml: element('AbsoluteMonthlyRecurrence', { Interval: interval, DayOfMonth: day }),
    rrule: `FREQ=MONTHLY;INTERVAL=${interval};${monthDay(day)}`,
  })),
  fc.tuple(fc.integer({ min: 1, max: 7 }), daysOfWeek, index).map(([interval, day, nth]) => ({
    xml: element('RelativeMonthlyRecurrence', { Interval: interval, DaysOfWeek: day, DayOfWeekIndex: INDEXES[nth] ?? '' }),
    rrule: `FREQ=MONTHLY;INTERVAL=${interval};${relative(day, nth)}`,
  })),
  fc.tuple(month, dayOfMonth).map(([at, day]) => ({
    xml: element('AbsoluteYearlyRecurrence', { DayOfMonth: day, Month: MONTHS[at] ?? '' }),
    rrule: `FREQ=YEARLY;BYMONTH=${at + 1};${monthDay(Math.min(day, [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][at] ?? 0))}`,
  })),
  fc.tuple(month, daysOfWeek, index).map(([at, day, nth]) => ({
    xml: element('RelativeYearlyRecurrence', { DaysOfWeek: day, DayOfWeekIndex: INDEXES[nth] ?? '', Month: MONTHS[at] ?? '' }),
    rrule: `FREQ=YEARLY;BYMONTH=${at + 1};${relative(day, nth)}`,
  })),
)

/** Days around the changes of the clock are drawn often, and times in the hours that are skipped or come twice. */
const startDate = fc.oneof(
  fc.integer({ min: 0, max: 3000 }),
  fc.constantFrom(...['2027-03-28', '2027-10-31', '2027-03-14', '2027-11-07', '2027-04-04', '2027-09-26'].map(dayNumber)),
)
const time = fc.oneof(fc.nat(1439), fc.constantFrom(0, 90, 120, 150, 179, 180))

function dayNumber(date: string): number {
  return Math.round((Date.parse(date) - Date.parse('2020-01-01')) / 86_400_000)
}

interface Draw {
  zone: string
  /** Wall clock of the start as if it were UTC. */
  wall: number
  minutes: number
  recurrence: string
}

function masterOf({ zone, wall, minutes, recurrence }: Draw): Item {
  const fields: Fields = {
    Start: instantOf(zone, wall),
    End: instantOf(zone, wall) + minutes * 60_000,
    StartTimeZone: zone,
    EndTimeZone: zone,
    Recurrence: { xml: recurrence },
  }
  const series = settleSeries(fields, null, false)
  return { fields, series, extended: null } as unknown as Item
}

function startsOf(master: Item, until: number): number[] {
  const starts: number[] = []
  for (const { fields } of occurrencesOf(master)) {
    if (Number(fields['Start']) > until) break
    starts.push(Number(fields['Start']))
  }
  return starts
}

function isoDate(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10)
}

/**
 * Dates by rrule-temporal, instants by Temporal. Dates are expanded in UTC, because with BYSETPOS the library passes over
 * a candidate whose hour the clock skips.
 */
function independent(rrule: string, iana: string, wall: number, until: number): number[] {
  const start = Temporal.PlainDateTime.from(new Date(wall).toISOString().slice(0, 19)).toZonedDateTime(iana).toPlainDateTime()
  const stamp = isoDate(wall).replaceAll('-', '')
  const rule = new RRuleTemporal({ rruleString: `DTSTART;TZID=UTC:${stamp}T000000\nRRULE:${rrule}`, maxIterations: 100_000 })
  return rule
    .between(new Date(wall - 86_400_000 * 2), new Date(until), true)
    .map((at) => Temporal.PlainDate.from(at.toString().slice(0, 10)).toPlainDateTime(start.toPlainTime()))
    .map((local) => local.toZonedDateTime(iana).epochMilliseconds)
    .filter((at) => at <= until)
}

describe('a recurrence', () => {
  it('expands as an independent implementation of RFC 5545 expands it, in every zone and over every change of clocks', () => {
    fc.assert(
      fc.property(pattern, startDate, time, fc.constantFrom(...ZONES), fc.nat(2), fc.integer({ min: 1, max: 60 }),
        ({ xml, rrule }, day, minute, [zone, iana], kind, size) => {
          const wall = Date.parse('2020-01-01') + day * 86_400_000 + minute * 60_000
          const first = `<t:StartDate>${isoDate(wall)}</t:StartDate>`
          const end = isoDate(wall + size * 20 * 86_400_000)
          const range = [
            `<t:NoEndRecurrence>${first}</t:NoEndRecurrence>`,
            `<t:NumberedRecurrence>${first}<t:NumberOfOccurrences>${size}</t:NumberOfOccurrences></t:NumberedRecurrence>`,
            `<t:EndDateRecurrence>${first}<t:EndDate>${end}</t:EndDate></t:EndDateRecurrence>`,
          ][kind]
          const limit = ['', `;COUNT=${size}`, `;UNTIL=${end.replaceAll('-', '')}T000000Z`][kind]
          const until = wall + 10 * 366 * 86_400_000
          const expected = independent(`${rrule}${limit}`, iana, wall, until)
          const expand = () => startsOf(masterOf({ zone, wall, minutes: 30, recurrence: `<t:Recurrence>${xml}${range}</t:Recurrence>` }), until)
          if (expected.length === 0 && kind === 2) expect(expand).toThrow(ResponseError)
          else expect(expand()).toEqual(expected)
        }),
      { numRuns: 150 },
    )
  })

  it.each([
    ['keeps its hour when summer time begins', 'W. Europe Standard Time', '2027-03-27T09:00', ['08:00Z', '07:00Z', '07:00Z']],
    ['moves an hour that the clock skips forward, on that day only', 'W. Europe Standard Time', '2027-03-27T02:30', ['01:30Z', '01:30Z', '00:30Z']],
    ['takes the first of two equal hours', 'W. Europe Standard Time', '2027-10-30T02:30', ['00:30Z', '00:30Z', '01:30Z']],
    ['keeps its hour where the offset is never changed', 'India Standard Time', '2027-03-27T09:00', ['03:30Z', '03:30Z', '03:30Z']],
    ['follows the southern summer', 'New Zealand Standard Time', '2027-04-03T09:00', ['20:00Z', '21:00Z', '21:00Z']],
  ])('%s', (_, zone, start, times) => {
    const wall = Date.parse(`${start}:00Z`)
    const recurrence = `<t:Recurrence>${element('DailyRecurrence', { Interval: 1 })}<t:NumberedRecurrence><t:StartDate>${start.slice(0, 10)}</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`
    const starts = startsOf(masterOf({ zone, wall, minutes: 60, recurrence }), Infinity)
    expect(starts.map((at) => `${new Date(at).toISOString().slice(11, 16)}Z`)).toEqual(times)
  })

  it('ends a night shift by the clock on the wall, an hour later or earlier when the clock changes', () => {
    const recurrence = `<t:Recurrence>${element('DailyRecurrence', { Interval: 1 })}<t:NumberedRecurrence><t:StartDate>2027-03-26</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`
    const master = masterOf({ zone: 'W. Europe Standard Time', wall: Date.parse('2027-03-26T22:00:00Z'), minutes: 480, recurrence })
    const hours = [...occurrencesOf(master)].map(({ fields }) => (Number(fields['End']) - Number(fields['Start'])) / 3_600_000)
    expect(hours).toEqual([8, 7, 8])
  })
})
