import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { instant, plainDate, type EventTime } from '../model/index.ts'
import type { RawRecord } from './record.ts'
import { decodeTime, encodeTime, holdReminder, holdTime } from './times.ts'

const ROME = { server: 'Europe/Rome', owner: 'Europe/Rome' }
const YORK = { server: 'Europe/Rome', owner: 'America/New_York' }
const raw = (values: Record<string, string>) => ({ id: '18x1', ...values }) as RawRecord

describe("an all-day event is the same day in its owner's calendar", () => {
  it("is stored as his midnights on the server's clock", () => {
    const time: EventTime = { allDay: true, firstDay: plainDate('2027-03-01'), lastDay: plainDate('2027-03-01') }
    expect(encodeTime(time, YORK)).toEqual({
      date_start: '2027-03-01',
      time_start: '06:00',
      due_date: '2027-03-02',
      time_end: '05:59',
      is_all_day_event: '1',
    })
  })

  it('is read to the nearest midnight when somebody in another zone made it', () => {
    const values = {
      date_start: '2027-03-01',
      time_start: '01:00',
      due_date: '2027-03-02',
      time_end: '00:59',
      is_all_day_event: '1',
    }
    expect(decodeTime(raw(values), ROME)).toEqual({ allDay: true, firstDay: '2027-03-01', lastDay: '2027-03-01' })
    const early = {
      ...values,
      date_start: '2027-02-28',
      time_start: '23:00',
      due_date: '2027-03-01',
      time_end: '22:59',
    }
    expect(decodeTime(raw(early), ROME)).toEqual({ allDay: true, firstDay: '2027-03-01', lastDay: '2027-03-01' })
  })

  it('keeps its days on every day of two years, clock changes included', () => {
    const zone = fc.constantFrom(
      'Europe/Rome',
      'America/New_York',
      'Pacific/Auckland',
      'Asia/Kolkata',
      'America/Sao_Paulo',
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 730 }),
        fc.integer({ min: 0, max: 9 }),
        zone,
        zone,
        (day, length, server, owner) => {
          const days = [day, day + length].map((n) => plainDate(instant(Date.UTC(2026, 0, 1 + n)).slice(0, 10)))
          const time: EventTime = {
            allDay: true,
            firstDay: days[0] ?? plainDate(''),
            lastDay: days[1] ?? plainDate(''),
          }
          expect(decodeTime(raw(encodeTime(time, { server, owner })), { server, owner })).toEqual(time)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe('a timed event', () => {
  it('comes back to the minute once it is held', () => {
    const start = fc.integer({ min: Date.UTC(2026, 0, 1) / 1000, max: Date.UTC(2028, 0, 1) / 1000 })
    fc.assert(
      fc.property(start, fc.integer({ min: 0, max: 3_000 }), (seconds, minutes) => {
        const time: EventTime = {
          allDay: false,
          start: instant(seconds * 1000),
          end: instant((seconds + minutes * 60) * 1000),
        }
        const held = holdTime(time, 'Europe/Rome')
        expect(holdTime(held, 'Europe/Rome')).toEqual(held)
        expect(decodeTime(raw(encodeTime(held, YORK)), YORK)).toEqual({ ...held, zone: 'America/New_York' })
      }),
      { numRuns: 1_000 },
    )
  })

  it('cannot be in the second half of the doubled hour', () => {
    const time: EventTime = {
      allDay: false,
      start: instant(Date.UTC(2026, 9, 25, 1, 30)),
      end: instant(Date.UTC(2026, 9, 25, 3)),
    }
    expect(holdTime(time, 'Europe/Rome')).toMatchObject({ start: '2026-10-25T00:30:00Z', end: '2026-10-25T03:00:00Z' })
  })

  it.each([
    [
      { date_start: '0000-00-00', time_start: '10:00', due_date: '2026-12-01', time_end: '11:00' },
      'its start "0000-00-00 10:00"',
    ],
    [
      { date_start: '2026-12-01', time_start: '10:00', due_date: '01-12-2026', time_end: '11:00' },
      'its end "01-12-2026 11:00"',
    ],
    [{ date_start: '2026-12-01', time_start: '10:00', due_date: '2026-12-01', time_end: '09:59' }, 'before it starts'],
  ])('with impossible times says which: %j', (values, message) => {
    expect(() => decodeTime(raw(values), ROME)).toThrow(message)
  })
})

describe('a reminder is held as vtenext can store it', () => {
  it.each([
    [15, 15],
    [60, 59],
    [61, 61],
    [120, 119],
    [1_440, 1_439],
    [0, 1],
    [1, 1],
    [7.4, 7],
  ])('%d minutes become %d', (asked, held) => {
    expect(holdReminder(asked)).toBe(held)
    expect(holdReminder(holdReminder(asked))).toBe(held)
  })
  it('stays none', () => {
    expect(holdReminder(null)).toBeNull()
  })
  it('never lands on a full hour, which the server would move', () => {
    for (let minutes = 0; minutes < 3_000; minutes++) {
      const seconds = (holdReminder(minutes) ?? 0) * 60
      const [days, hours, rest] = [
        Math.floor(seconds / 86_400),
        Math.floor(seconds / 3_600) % 24,
        Math.floor(seconds / 60) % 60,
      ]
      expect(days * 1_440 + hours * 60 + (rest === 0 ? 1 : rest)).toBe(holdReminder(minutes))
    }
  })
})
