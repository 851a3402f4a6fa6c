import { describe, expect, it } from 'vitest'
import { itemId, token } from '../model/index.ts'
import type { ItemKind } from '../model/index.ts'
import { withPeople } from '../lib/people-block.ts'
import { textToHtml } from '../lib/text.ts'
import { parseXml } from '../lib/xml.ts'
import { readItem } from './operations/ids.ts'
import { formatStamp, parseStamp } from './stamp.ts'
import { toSnapshot } from './to-model.ts'

const owner = { address: 'alice@example.test', zone: 'Europe/Rome' }
const read = (xml: string, kind: ItemKind = 'event') => toSnapshot(readItem(parseXml(xml)), kind, owner)
const times = '<Start>2026-12-01T09:00:00Z</Start><End>2026-12-01T10:00:00Z</End>'
const event = (inner: string) => read(`<CalendarItem><ItemId Id="AA" ChangeKey="1"/>${times}${inner}</CalendarItem>`)
const meeting = (organizer: string, answer: string, state = 3) => event(
  `<IsMeeting>true</IsMeeting><MyResponseType>${answer}</MyResponseType><AppointmentState>${state}</AppointmentState>`
  + `<Organizer><Mailbox><EmailAddress>${organizer}</EmailAddress></Mailbox></Organizer>`)

describe('an item that cannot be read', () => {
  it.each([
    ['<CalendarItem><ItemId Id="AA" ChangeKey="1"/><Start>2026-02-30T09:00:00Z</Start><End>2026-03-01T09:00:00Z</End></CalendarItem>', 'event', '2026-02-30T09:00:00Z'],
    ['<CalendarItem><ItemId Id="AA" ChangeKey="1"/><Start>2026-02-28T09:00:00Z</Start></CalendarItem>', 'event', 'without start or end'],
    ['<Task><ItemId Id="AA" ChangeKey="1"/><DueDate>0000-00-00T00:00:00Z</DueDate></Task>', 'task', 'DueDate "0000-00-00T00:00:00Z"'],
    ['<Contact><ItemId Id="AA" ChangeKey="1"/><Birthday>1980-13-01T00:00:00Z</Birthday></Contact>', 'contact', 'Birthday "1980-13-01T00:00:00Z"'],
  ] as const)('is named together with the value: %s', (xml, kind, words) => {
    expect(() => read(xml, kind)).toThrow(expect.objectContaining({
      code: 'EWS_UNREADABLE_ITEM', scope: 'item', remedy: 'ask-human', message: expect.stringMatching(new RegExp(`AA.*${words}`)) as string,
    }) as Error)
  })
})

describe('an event', () => {
  it('is the organizer\'s to change when somebody else invited', () => {
    expect(meeting('bob@example.test', 'Accept').traits).toEqual({ invited: true })
    expect(meeting('bob@example.test', 'NoResponseReceived').traits).toEqual({ invited: true })
    expect(meeting('bob@example.test', 'Unknown').traits).toEqual({ invited: true })
    expect(meeting('Alice@Example.test', 'NoResponseReceived').traits).toBeUndefined()
    expect(meeting('/O=CORP/CN=ALICE', 'Organizer', 1).traits).toBeUndefined()
    expect(meeting('/O=CORP/CN=ALICE', 'Unknown', 1).traits).toBeUndefined()
  })
  it('that is one day of a series, or a series nobody can read, is left alone', () => {
    for (const sign of ['<CalendarItemType>Exception</CalendarItemType>', '<CalendarItemType>Occurrence</CalendarItemType>', '<IsRecurring>true</IsRecurring>']) {
      expect(event(sign).unsupported).toBe('recurring')
    }
    for (const sign of ['<CalendarItemType>RecurringMaster</CalendarItemType>', '<Recurrence/>']) {
      expect(event(sign)).toMatchObject({ unsupported: 'unreadable' })
      expect(event(sign)).not.toHaveProperty('series')
    }
    expect(event('<CalendarItemType>Single</CalendarItemType>').unsupported).toBeUndefined()
  })
  it('says nothing about what we have no word for', () => {
    expect(event('<LegacyFreeBusyStatus>NoData</LegacyFreeBusyStatus>').item.fields).not.toHaveProperty('freeBusy')
  })
  it('has no reminder unless it is set, whatever minutes are left over', () => {
    expect(event('<ReminderIsSet>false</ReminderIsSet><ReminderMinutesBeforeStart>15</ReminderMinutesBeforeStart>').item.fields).toMatchObject({ reminder: null })
    expect(event('<ReminderIsSet>true</ReminderIsSet><ReminderMinutesBeforeStart>0</ReminderMinutesBeforeStart>').item.fields).toMatchObject({ reminder: 0 })
  })
  it('is something else in disguise when its class is another', () => {
    expect(read('<MeetingRequest><ItemId Id="AA" ChangeKey="1"/><Subject>x</Subject></MeetingRequest>')).toMatchObject({ unsupported: 'unreadable', item: { fields: { subject: 'x' } } })
  })
})

describe('a task', () => {
  it('that repeats is left alone', () => {
    const task = (inner: string) => read(`<Task><ItemId Id="AA" ChangeKey="1"/><Subject>x</Subject>${inner}</Task>`, 'task')
    expect(task('<IsRecurring>true</IsRecurring>').unsupported).toBe('recurring')
    expect(task('<Recurrence><DailyRegeneration><Interval>1</Interval></DailyRegeneration></Recurrence>').unsupported).toBe('recurring')
    expect(task('')).not.toHaveProperty('unsupported')
  })
})

describe('a series', () => {
  const exception = (id: string, start: string) => `<Occurrence><ItemId Id="${id}"/><Start>${start}</Start><End>${start.replace(':00Z', ':30Z')}</End><OriginalStart>${start}</OriginalStart></Occurrence>`
  const item = (id: string, inner: string) => readItem(parseXml(`<CalendarItem><ItemId Id="${id}" ChangeKey="1"/>${inner}</CalendarItem>`))
  const master = item('AA', '<Subject>all</Subject><Start>2026-12-01T09:00:00Z</Start><End>2026-12-01T10:00:00Z</End><CalendarItemType>RecurringMaster</CalendarItemType>'
    + '<Recurrence><DailyRecurrence><Interval>1</Interval></DailyRecurrence><NoEndRecurrence><StartDate>2026-12-01+01:00</StartDate></NoEndRecurrence></Recurrence>'
    + `<ModifiedOccurrences>${exception('E2', '2026-12-02T09:00:00Z')}${exception('E3', '2026-12-03T09:00:00Z')}${exception('E4', 'yesterday')}</ModifiedOccurrences>`
    + '<DeletedOccurrences><DeletedOccurrence><Start>2026-12-05T09:00:00Z</Start></DeletedOccurrence><DeletedOccurrence><Start/></DeletedOccurrence></DeletedOccurrences>')

  it('is not lost over an exception that cannot be read: that one keeps its time, and what the series shares', () => {
    const read = new Map([
      ['E2', item('E2', '<Subject>two</Subject><Body BodyType="Text"/><Start>not yet</Start><End>2026-12-02T10:00:00Z</End>')],
      ['E3', item('E3', '<Subject>three</Subject><Start>2026-12-03T11:00:00Z</Start><End>2026-12-03T12:00:00Z</End>')],
    ])
    expect(toSnapshot(master, 'event', owner, read)).toMatchObject({ series: {
      exceptions: [
        { start: '2026-12-02T09:00:00Z', fields: { subject: 'all', time: { start: '2026-12-02T09:00:00Z' } } },
        { start: '2026-12-03T09:00:00Z', fields: { subject: 'three', time: { start: '2026-12-03T11:00:00Z' } } },
      ],
      deleted: ['2026-12-05T09:00:00Z'],
    } })
  })
})

describe('people', () => {
  const attendee = (address: string, answer = 'Accept', routing = 'SMTP') =>
    `<Attendee><Mailbox><Name>N</Name><EmailAddress>${address}</EmailAddress><RoutingType>${routing}</RoutingType></Mailbox><ResponseType>${answer}</ResponseType></Attendee>`
  const organizer = '<Organizer><Mailbox><Name>Bob</Name><EmailAddress>Bob@Example.test</EmailAddress></Mailbox></Organizer>'

  it('of a meeting have an address, a part and an answer; who has no SMTP address is left out', () => {
    const { fields } = event(`<IsMeeting>true</IsMeeting><IsCancelled>false</IsCancelled><MyResponseType>Tentative</MyResponseType><AppointmentState>7</AppointmentState>${organizer}`
      + `<RequiredAttendees>${attendee('Zoe@Example.test')}${attendee('bob@example.test', 'Organizer')}${attendee('/O=CORP/CN=GONE', 'Decline', 'EX')}</RequiredAttendees>`
      + `<OptionalAttendees>${attendee('alice@example.test', 'Unknown')}</OptionalAttendees><Resources>${attendee('room@example.test', 'Unknown')}</Resources>`).item
    expect(fields).toMatchObject({
      organizer: { address: 'bob@example.test', name: 'Bob' }, cancelled: true, answer: 'tentative',
      attendees: [
        { address: 'alice@example.test', name: 'N', role: 'optional', answer: 'tentative' },
        { address: 'room@example.test', name: 'N', role: 'resource', answer: 'none' },
        { address: 'zoe@example.test', name: 'N', role: 'required', answer: 'accepted' },
      ],
    })
  })

  it('of an event without invitations stand in its text, and the text does not show them', () => {
    const people = { organizer: { address: 'bob@example.test', name: 'Bob' }, attendees: [{ address: 'carol@example.test', name: 'C, D', role: 'optional', answer: 'declined' } as const] }
    const { fields } = event(`<Body BodyType="HTML">${textToHtml(withPeople('Agenda', people)).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</Body>`).item
    expect(fields).toMatchObject({ body: 'Agenda', ...people })
    expect(fields).not.toHaveProperty('cancelled')
    expect(fields).not.toHaveProperty('answer')
  })

  it('of one\'s own meeting know the owner although the server names him by his directory name', () => {
    const { fields } = event('<IsMeeting>true</IsMeeting><MyResponseType>Organizer</MyResponseType><Organizer><Mailbox><Name>Alice</Name><EmailAddress>/O=CORP/CN=ALICE</EmailAddress><RoutingType>EX</RoutingType></Mailbox></Organizer>').item
    expect(fields).toMatchObject({ organizer: { address: 'alice@example.test', name: 'Alice' }, attendees: [], cancelled: false })
    expect(fields).not.toHaveProperty('answer')
  })
})

describe('a stamp', () => {
  const stamp = { instance: 'crm-1', kind: 'task', record: itemId('9x12'), token: token('pair') } as const
  it('comes back as it was written', () => {
    expect(formatStamp(stamp)).toBe('v1;crm-1;Calendar;9x12;pair')
    expect(parseStamp(formatStamp(stamp))).toEqual(stamp)
  })
  it.each(['', 'v2;a;Events;b;c', 'v1;a;Leads;b;c', 'v1;a;Events;b', 'v1;a;Events;b;c;d', 'v1;;Events;b;c', 'v1;a;Events;;c'])('that is not ours is no reason to refuse the item: "%s"', (value) => {
    expect(parseStamp(value)).toBeUndefined()
  })
})
