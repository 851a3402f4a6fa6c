import { describe, expect, it } from 'vitest'
import type { EventTime, Instant, PlainDate } from '../model/index.ts'
import { parseInstant, readDay, readTime, writeDay, writeTime } from './times.ts'

const utc = (dateTime: string) => ({ dateTime, timeZone: 'UTC' })
const timed = (start: string, end: string, zone?: string): EventTime =>
  ({ allDay: false, start: start as Instant, end: end as Instant, ...(zone === undefined ? {} : { zone }) })
const days = (firstDay: string, lastDay: string): EventTime => ({ allDay: true, firstDay: firstDay as PlainDate, lastDay: lastDay as PlainDate })

describe('times as Graph tells them', () => {
  it('are moments, cut to the minute, with the zone the event was made in as a hint', () => {
    expect(readTime(utc('2026-12-01T09:00:31.0000000'), utc('2026-12-01T10:00:00.0000000'), false, 'W. Europe Standard Time', 'UTC'))
      .toEqual(timed('2026-12-01T09:00:00Z', '2026-12-01T10:00:00Z', 'Europe/Berlin'))
    expect(readTime(utc('2026-12-01T09:00:00'), utc('2026-12-01T10:00:00'), false, 'tzone://Microsoft/Custom', 'Europe/Rome'))
      .toEqual(timed('2026-12-01T09:00:00Z', '2026-12-01T10:00:00Z'))
  })

  it('are understood in another zone, too, in case the server does not follow our wish for UTC', () => {
    const rome = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Rome' })
    expect(readTime(rome('2026-07-01T09:00:00'), rome('2026-07-01T10:00:00'), false, undefined, 'UTC')).toEqual(timed('2026-07-01T07:00:00Z', '2026-07-01T08:00:00Z'))
    const windows = (dateTime: string) => ({ dateTime, timeZone: 'Pacific Standard Time' })
    expect(readTime(windows('2026-07-01T09:00:00'), windows('2026-07-01T10:00:00'), false, undefined, 'UTC')).toEqual(timed('2026-07-01T16:00:00Z', '2026-07-01T17:00:00Z'))
  })

  it.each([
    ['midnights as written', '2026-12-24T00:00:00.0000000', '2026-12-26T00:00:00.0000000', 'W. Europe Standard Time'],
    ['midnights of Rome seen from UTC', '2026-12-23T23:00:00', '2026-12-25T23:00:00', 'W. Europe Standard Time'],
    ['midnights of Auckland seen from UTC', '2026-12-23T11:00:00', '2026-12-25T11:00:00', 'New Zealand Standard Time'],
    ['midnights of New York seen from UTC', '2026-12-24T05:00:00', '2026-12-26T05:00:00', 'Eastern Standard Time'],
  ])('make the same whole days of %s', (_what, start, end, zone) => {
    expect(readTime(utc(start), utc(end), true, zone, 'Europe/Rome')).toEqual(days('2026-12-24', '2026-12-25'))
  })

  it('that do not exist are refused with the value in the message', () => {
    expect(() => readTime(utc('2026-02-30T09:00:00'), utc('2026-03-01T09:00:00'), false, undefined, 'UTC')).toThrow('"2026-02-30"')
    expect(() => parseInstant('yesterday')).toThrow('"yesterday"')
  })
})

describe('days of a task', () => {
  it.each([
    ['a midnight in UTC', '2026-08-25T00:00:00.0000000', 'America/New_York'],
    ['a midnight of New York', '2026-08-25T04:00:00.0000000', 'America/New_York'],
    ['a midnight of Rome', '2026-08-24T22:00:00', 'Europe/Rome'],
    ['a midnight of Rome in a mailbox of unknown zone', '2026-08-24T22:00:00', 'UTC'],
    ['a midnight of Kiritimati', '2026-08-24T10:00:00', 'Pacific/Kiritimati'],
  ])('are the 25th for %s', (_what, dateTime, zone) => {
    expect(readDay(utc(dateTime), zone)).toBe('2026-08-25')
  })

  it('are written as a midnight that every zone reads literally', () => {
    expect(writeDay('2026-03-29' as PlainDate)).toEqual({ dateTime: '2026-03-29T00:00:00', timeZone: 'UTC' })
    expect(readDay(writeDay('2026-03-29' as PlainDate), 'America/Los_Angeles')).toBe('2026-03-29')
  })
})

describe('times as they are written', () => {
  it('keep the zone the event was planned in, so that a summer does not move it', () => {
    expect(writeTime(timed('2026-07-01T07:00:00Z', '2026-07-01T08:00:00Z', 'Europe/Berlin'), 'UTC'))
      .toEqual({ start: { dateTime: '2026-07-01T09:00:00', timeZone: 'W. Europe Standard Time' }, end: { dateTime: '2026-07-01T10:00:00', timeZone: 'W. Europe Standard Time' }, isAllDay: false })
  })

  it('name the right one of the two hours when the clocks go back', () => {
    const time = timed('2026-10-25T01:30:00Z', '2026-10-25T02:30:00Z', 'Europe/Rome')
    const { start, end } = writeTime(time, 'UTC')
    expect(readTime(start, end, false, undefined, 'UTC')).toEqual(timed('2026-10-25T01:30:00Z', '2026-10-25T02:30:00Z'))
  })

  it('put whole days between midnights of the mailbox, the end after the last day', () => {
    expect(writeTime(days('2026-10-24', '2026-10-25'), 'Europe/Rome')).toEqual({
      start: { dateTime: '2026-10-24T00:00:00', timeZone: 'W. Europe Standard Time' }, end: { dateTime: '2026-10-26T00:00:00', timeZone: 'W. Europe Standard Time' }, isAllDay: true,
    })
  })
})
