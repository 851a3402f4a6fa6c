import { describe, expect, it } from 'vitest'
import type { EventTime, Instant, PlainDate } from '../model/index.ts'
import { literalDate, parseInstant, readTime, writeTime } from './times.ts'

const rome = 'Europe/Rome'
const newYork = 'America/New_York'
const allDay = (firstDay: string, lastDay: string): EventTime => ({ allDay: true, firstDay: firstDay as PlainDate, lastDay: lastDay as PlainDate })

describe('all-day events lie between midnights of the mailbox', () => {
  it.each([
    ['Rome, the night to summer time', rome, '2026-03-29', '2026-03-29', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'],
    ['Rome, the day before', rome, '2026-03-28', '2026-03-28', '2026-03-27T23:00:00Z', '2026-03-28T23:00:00Z'],
    ['Rome, the night to winter time', rome, '2026-10-25', '2026-10-26', '2026-10-24T22:00:00Z', '2026-10-26T23:00:00Z'],
    ['New York, the night to summer time', newYork, '2026-03-08', '2026-03-08', '2026-03-08T05:00:00Z', '2026-03-09T04:00:00Z'],
    ['New York, the night to winter time', newYork, '2026-11-01', '2026-11-01', '2026-11-01T04:00:00Z', '2026-11-02T05:00:00Z'],
  ])('%s', (_name, zone, firstDay, lastDay, start, end) => {
    const wire = writeTime(allDay(firstDay, lastDay), zone)
    expect(wire).toMatchObject({ start, end, allDay: true })
    expect(readTime(start, end, true, wire.windowsZone, 'Asia/Tokyo')).toEqual(allDay(firstDay, lastDay))
  })

  it.each([
    ['of a colleague in New York', '2026-12-24T05:00:00Z', '2026-12-25T05:00:00Z', 'Eastern Standard Time', rome],
    ['without zone, at midnight UTC', '2026-12-24T00:00:00Z', '2026-12-25T00:00:00Z', undefined, rome],
    ['without zone, at midnight UTC, seen from New York', '2026-12-24T00:00:00Z', '2026-12-25T00:00:00Z', undefined, newYork],
    ['with a zone of its own making', '2026-12-23T23:00:00Z', '2026-12-24T23:00:00Z', 'tzone://Microsoft/Custom', rome],
    ['an hour off midnight', '2026-12-24T00:00:00Z', '2026-12-25T00:00:00Z', 'W. Europe Standard Time', rome],
    ['without length', '2026-12-23T23:00:00Z', '2026-12-23T23:00:00Z', 'W. Europe Standard Time', rome],
  ])('keep their day: %s', (_name, start, end, zone, mailboxZone) => {
    expect(readTime(start, end, true, zone, mailboxZone)).toEqual(allDay('2026-12-24', '2026-12-24'))
  })

  it('fall back to UTC in a zone that Windows does not know', () => {
    expect(writeTime(allDay('2026-12-24', '2026-12-24'), 'Antarctica/Troll')).toEqual({
      start: '2026-12-24T00:00:00Z', end: '2026-12-25T00:00:00Z', allDay: true, windowsZone: 'UTC',
    })
  })
})

describe('timed events', () => {
  it('keep the moment and the zone they were planned in', () => {
    const time: EventTime = { allDay: false, start: '2026-10-25T00:30:00Z' as Instant, end: '2026-10-25T01:30:00Z' as Instant, zone: newYork }
    const wire = writeTime(time, rome)
    expect(wire).toEqual({ start: '2026-10-25T00:30:00Z', end: '2026-10-25T01:30:00Z', allDay: false, windowsZone: 'Eastern Standard Time' })
    expect(readTime(wire.start, wire.end, false, wire.windowsZone, rome)).toEqual(time)
  })
  it('lose their seconds, and a zone nobody knows', () => {
    expect(readTime('2026-12-01T10:00:59.123456789+01:00', '2026-12-01T10:30', false, 'Mars Standard Time', rome))
      .toEqual({ allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:30:00Z' })
  })
})

describe('dates as they are written', () => {
  it.each(['2026-12-11T00:00:00Z', '2026-12-11T00:00:00.000000Z', '2026-12-11+01:00', '2026-12-11Z', '2026-12-11', '2026-12-11T23:00:00-08:00'])('%s is the 11th', (text) => {
    expect(literalDate(text)).toBe('2026-12-11')
  })
  it.each(['2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', 'yesterday', '2026-12-01T25:00:00Z', ''])('"%s" is no moment', (text) => {
    expect(() => parseInstant(text)).toThrow(RangeError)
  })
})
