import { describe, expect, it } from 'vitest'
import type { Attendee, EventFields, EventTime, Instant, Mailbox, Snapshot } from '../model/index.ts'
import type { Mailing } from '../ports.ts'
import { parseXml } from '../lib/xml.ts'
import { planEvent } from './event-changes.ts'
import { readItem } from './operations/ids.ts'
import type { Session } from './session.ts'
import { removeAll } from './write.ts'

const mailbox = { address: 'alice@example.test', zone: 'Europe/Rome' } as Mailbox
const event = (inner: string) => readItem(parseXml('<CalendarItem><ItemId Id="AA" ChangeKey="K"/><Start>2026-10-06T07:00:00Z</Start><End>2026-10-06T08:00:00Z</End>'
  + `<StartTimeZone Id="Eastern Standard Time"/>${inner}</CalendarItem>`))
const daily = event('<CalendarItemType>RecurringMaster</CalendarItemType><Recurrence><DailyRecurrence><Interval>1</Interval></DailyRecurrence>'
  + '<NoEndRecurrence><StartDate>2026-10-06</StartDate></NoEndRecurrence></Recurrence>')
const meeting = (organizer: string, state: number) => event(`<IsMeeting>true</IsMeeting><MyResponseType>${organizer === 'alice' ? 'Organizer' : 'Accept'}</MyResponseType>`
  + `<AppointmentState>${state}</AppointmentState><Organizer><Mailbox><EmailAddress>${organizer}@example.test</EmailAddress></Mailbox></Organizer>`)
const plan = (present: ReturnType<typeof event>, wanted: Partial<EventFields>, mailing?: Mailing) => planEvent(present, wanted, mailing, mailbox)
const time = (hour: string, day = '06'): EventTime => ({ allDay: false, start: `2026-10-${day}T${hour}:00:00Z` as Instant, end: `2026-10-${day}T23:00:00Z` as Instant })
const bob: Attendee = { address: 'bob@example.test', name: '', role: 'required', answer: 'none' }

describe('an update of an event', () => {
  it('does not write a time that is the same, however it is put', () => {
    const same: EventTime = { allDay: false, start: '2026-10-06T07:00:30Z' as Instant, end: '2026-10-06T08:00:00Z' as Instant }
    for (const present of [event(''), daily]) expect(plan(present, { time: same, place: 'x' })).toMatchObject({ fields: { place: 'x' }, change: {}, zone: 'America/New_York' })
    expect(plan(daily, { time: same }).fields).toEqual({})
  })

  it('writes the rule of a series only when it begins on another day', () => {
    expect(plan(daily, { time: time('09') }).change).toEqual({})
    expect(plan(daily, { time: time('09', '08') }).change).toMatchObject({ recurrence: { range: { type: 'endless', first: '2026-10-08' } } })
  })

  it.each([
    ['an own meeting', meeting('alice', 1), {}, 'everybody'],
    ['somebody else\'s meeting', meeting('bob', 3), {}, 'nobody'],
    ['an appointment', event(''), {}, 'nobody'],
    ['an appointment that gets guests', event(''), { attendees: [bob] }, 'everybody'],
    ['an appointment that gets none', event(''), { attendees: [] }, 'nobody'],
  ] as const)('is mailed or not: %s', (_what, present, wanted, mailing) => {
    expect(plan(present, { place: 'x', ...wanted }, 'everybody').mailing).toBe(mailing)
    expect(plan(present, { place: 'x', ...wanted }).mailing).toBe('nobody')
  })

  it('never gives somebody else\'s meeting other guests, and never names them in its text', () => {
    for (const mailing of [undefined, 'everybody'] as const) {
      expect(plan(meeting('bob', 3), { attendees: [bob], organizer: null, cancelled: true, answer: 'accepted' }, mailing)).toMatchObject({ fields: {}, change: {}, intended: {} })
    }
  })
})

it.each([['alice', 1, true], ['bob', 3, false]])('only the organizer calls a meeting off: %s', async (organizer, state, cancel) => {
  const sent: unknown[] = []
  const session = {
    mailbox, read: () => Promise.resolve([{ ok: true, value: meeting(organizer, state) }]),
    batch: (_operation: unknown, request: unknown) => {
      sent.push(request)
      return Promise.resolve([{ ok: true, value: true }])
    },
  } as unknown as Session
  const request = { id: 'AA' as Snapshot['id'], kind: 'event', expect: 'K' as Snapshot['changeKey'], mailing: 'everybody' } as const
  expect(await removeAll(session, [request])).toEqual([{ type: 'removed' }])
  expect(sent).toMatchObject([{ cancel }])
})
