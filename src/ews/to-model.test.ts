import { describe, expect, it } from 'vitest'
import { itemId, token } from '../model/index.ts'
import type { ItemKind } from '../model/index.ts'
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
  it('of a series, or one of its days, is left alone', () => {
    for (const sign of ['<CalendarItemType>RecurringMaster</CalendarItemType>', '<CalendarItemType>Exception</CalendarItemType>', '<IsRecurring>true</IsRecurring>', '<Recurrence/>']) {
      expect(event(sign).unsupported).toBe('recurring')
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
