import { Temporal } from 'temporal-polyfill'
import { describe, expect, it } from 'vitest'
import { instantOf, movePair, moveStamp, offsetAt, stampText, wallOf } from './zones.ts'

const ZONES = ['Europe/Rome', 'America/New_York', 'Europe/London', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC']

describe('wall clocks', () => {
  it('have the offsets the time zone database gives, hour by hour over the year', () => {
    for (const zone of ZONES) {
      for (let hour = 0; hour < 8784; hour += 1) {
        const instant = Date.UTC(2026, 9, 1) + hour * 3_600_000 + 1000
        const { offsetNanoseconds } = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone)
        if (offsetAt(zone, instant) !== offsetNanoseconds / 1e6) expect.unreachable(`${zone} at ${new Date(instant)}`)
      }
    }
  })

  it('mean the first pass of an hour that occurs twice, and skip an hour that does not exist', () => {
    const instant = (date: string, time: string): string =>
      new Date(instantOf('Europe/Rome', wallOf(date, time))).toISOString().slice(0, 16)
    expect(instant('2026-10-25', '02:30')).toBe('2026-10-25T00:30')
    expect(instant('2026-10-25', '03:00')).toBe('2026-10-25T02:00')
    expect(instant('2027-03-28', '02:30')).toBe('2027-03-28T01:30')
    expect(instant('2027-03-28', '01:59')).toBe('2027-03-28T00:59')
    expect(instant('2027-03-28', '03:00')).toBe('2027-03-28T01:00')
    expect(stampText('Europe/Rome', Date.parse('2027-03-28T01:30:05Z'))).toBe('2027-03-28 03:30:05')
  })

  it('move between zones only where there is both a date and a time', () => {
    expect(movePair('2026-12-01', '20:00', 'America/New_York', 'Europe/Rome')).toEqual(['2026-12-02', '02:00'])
    expect(movePair('2026-12-01', '', 'America/New_York', 'Europe/Rome')).toEqual(['2026-12-01', ''])
    expect(movePair('0000-00-00', '20:00', 'America/New_York', 'Europe/Rome')).toEqual(['0000-00-00', '20:00'])
    expect(moveStamp('2026-11-22 18:20:06', 'Europe/Rome', 'America/New_York')).toBe('2026-11-22 12:20:06')
  })
})
