import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isZone, toInstant, toLocal } from './zoned.ts'

const ROME = 'Europe/Rome'
const YORK = 'America/New_York'

describe('a wall clock time becomes a moment', () => {
  it.each([
    ['a winter day in Rome', '2026-12-01', '10:00', ROME, '2026-12-01T09:00:00Z'],
    ['a summer day in Rome', '2026-07-01', '10:00:30', ROME, '2026-07-01T08:00:30Z'],
    ['the last minute before spring 2026', '2026-03-29', '01:59', ROME, '2026-03-29T00:59:00Z'],
    ['the skipped hour of spring 2026, moved forward', '2026-03-29', '02:30', ROME, '2026-03-29T01:30:00Z'],
    ['the first minute after spring 2026', '2026-03-29', '03:00', ROME, '2026-03-29T01:00:00Z'],
    ['the doubled hour of autumn 2026, the earlier', '2026-10-25', '02:30', ROME, '2026-10-25T00:30:00Z'],
    ['the first minute after autumn 2026', '2026-10-25', '03:00', ROME, '2026-10-25T02:00:00Z'],
    ['the skipped hour of spring 2027', '2027-03-28', '02:00', ROME, '2027-03-28T01:00:00Z'],
    ['the doubled hour of autumn 2027', '2027-10-31', '02:59:59', ROME, '2027-10-31T00:59:59Z'],
    ['New York, skipped hour 2026', '2026-03-08', '02:15', YORK, '2026-03-08T07:15:00Z'],
    ['New York, doubled hour 2026', '2026-11-01', '01:15', YORK, '2026-11-01T05:15:00Z'],
    ['New York, after the doubled hour 2026', '2026-11-01', '02:00', YORK, '2026-11-01T07:00:00Z'],
    ['New York, skipped hour 2027', '2027-03-14', '02:59', YORK, '2027-03-14T07:59:00Z'],
    ['New York, doubled hour 2027', '2027-11-07', '01:00', YORK, '2027-11-07T05:00:00Z'],
    ['half hour zone', '2026-06-01', '00:15', 'Asia/Kolkata', '2026-05-31T18:45:00Z'],
    ['southern summer', '2026-01-15', '09:00', 'Pacific/Auckland', '2026-01-14T20:00:00Z'],
    ['southern doubled hour', '2026-04-05', '02:30', 'Pacific/Auckland', '2026-04-04T13:30:00Z'],
    ['southern skipped hour', '2026-09-27', '02:30', 'Pacific/Auckland', '2026-09-26T14:30:00Z'],
    ['a country that gave summer time up', '2026-12-01', '12:00', 'America/Sao_Paulo', '2026-12-01T15:00:00Z'],
    ['the skipped midnight it had before', '2018-11-04', '00:30', 'America/Sao_Paulo', '2018-11-04T03:30:00Z'],
    ['a change on New Year', '2011-12-31', '00:00', 'Pacific/Apia', '2011-12-30T10:00:00Z'],
    ['a leap day', '2028-02-29', '23:59', 'UTC', '2028-02-29T23:59:00Z'],
  ])('%s', (_what, date, time, zone, instant) => {
    expect(toInstant(date, time, zone)).toBe(instant)
  })
})

describe('a moment shows on a clock', () => {
  it.each([
    ['2026-03-29T00:59:59Z', ROME, '2026-03-29', '01:59:59'],
    ['2026-03-29T01:00:00Z', ROME, '2026-03-29', '03:00:00'],
    ['2026-10-25T00:30:00Z', ROME, '2026-10-25', '02:30:00'],
    ['2026-10-25T01:30:00Z', ROME, '2026-10-25', '02:30:00'],
    ['2027-03-14T06:59:00Z', YORK, '2027-03-14', '01:59:00'],
    ['2027-11-07T06:00:00Z', YORK, '2027-11-07', '01:00:00'],
    ['2026-12-31T23:30:00Z', ROME, '2027-01-01', '00:30:00'],
    ['2026-12-31T18:30:00Z', 'Asia/Kolkata', '2027-01-01', '00:00:00'],
    ['2026-12-31T11:00:00Z', 'Pacific/Auckland', '2027-01-01', '00:00:00'],
    ['2027-01-01T01:00:00Z', 'America/Sao_Paulo', '2026-12-31', '22:00:00'],
  ])('%s in %s', (instant, zone, date, time) => {
    expect(toLocal(instant, zone)).toEqual({ date, time })
  })
})

describe('there and back', () => {
  const zone = fc.constantFrom(ROME, YORK, 'Asia/Kolkata', 'Pacific/Auckland', 'America/Sao_Paulo', 'Europe/London')
  const second = fc.integer({ min: Date.UTC(2015, 0, 1) / 1000, max: Date.UTC(2040, 0, 1) / 1000 })

  it('gives the same moment, or the earlier of the two that show the same time', () => {
    fc.assert(fc.property(second, zone, (seconds, name) => {
      const instant = `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
      const shown = toLocal(instant, name)
      const back = toInstant(shown.date, shown.time, name)
      if (back === instant) return
      expect(Date.parse(instant) - Date.parse(back)).toBe(3_600_000)
      expect(toLocal(back, name)).toEqual(shown)
    }), { numRuns: 2_000 })
  })

  it('agrees with the platform on what a clock shows', () => {
    fc.assert(fc.property(second, zone, (seconds, name) => {
      const at = new Date(seconds * 1000)
      const shown = toLocal(`${at.toISOString().slice(0, 19)}Z`, name)
      const platform = at.toLocaleString('sv-SE', { timeZone: name })
      expect(`${shown.date} ${shown.time}`).toBe(platform)
    }), { numRuns: 300 })
  })
})

describe('what is not a time is refused in words', () => {
  it.each([
    ['2026-02-30', '10:00', ROME, '"2026-02-30" is not a calendar day'],
    ['0000-00-00', '10:00', ROME, '"0000-00-00" is not a calendar day'],
    ['01-12-2026', '10:00', ROME, '"01-12-2026" is not a calendar day'],
    ['2026-12-01', '24:00', ROME, '"24:00" is not a time of day'],
    ['2026-12-01', '', ROME, '"" is not a time of day'],
    ['2026-12-01', '10:00', 'Mars/Base', '"Mars/Base" is not a time zone'],
    ['2026-12-01', '10:00', '+01:00', '"+01:00" is not a time zone'],
  ])('%s %s %s', (date, time, zone, message) => {
    expect(() => toInstant(date, time, zone)).toThrow(message)
  })

  it('knows a zone from a word', () => {
    expect(isZone('Europe/Rome')).toBe(true)
    expect(isZone('UTC')).toBe(true)
    expect(isZone('Europe/Atlantis')).toBe(false)
    expect(isZone('')).toBe(false)
    expect(() => toLocal('yesterday', ROME)).toThrow('"yesterday" is not a moment')
  })
})

it('converts thousands of times a second', () => {
  toInstant('2026-06-01', '10:00', ROME)
  const started = performance.now()
  for (let i = 0; i < 20_000; i++) toLocal(toInstant('2026-06-01', '10:00', ROME), ROME)
  expect(performance.now() - started).toBeLessThan(2_000)
})
