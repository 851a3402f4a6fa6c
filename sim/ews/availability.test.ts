import util from 'node:util'

import {
  AttendeeInfo, AvailabilityData, AvailabilityOptions, CalendarFolder, DateTime, ExchangeService, ExchangeVersion,
  FolderId, FolderPermission, FolderPermissionLevel, FolderSchema, FreeBusyViewType, BasePropertySet, LegacyFreeBusyStatus,
  PropertySet, ServiceError, TimeWindow, Uri, UserId, WebCredentials, WellKnownFolderName,
} from 'ews-javascript-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import { ask, HAS_SCHEMAS, SCHEMA_DIR, value, values } from './test-client.ts'

// ews-javascript-api 0.15 still calls a function that Node 23 removed.
Object.assign(util, { isNullOrUndefined: (thing: unknown) => thing === null || thing === undefined })

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const ROME =
  '<t:TimeZone><t:Bias>-60</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>03:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>10</t:Month>' +
  '<t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>5</t:DayOrder>' +
  '<t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>'

let sim: EwsSim
beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
})
afterEach(() => sim.stop())

interface Question {
  zone?: string
  from?: string
  to?: string
  view?: string
  minutes?: number
}

function question(addresses: string[], { zone = ROME, from = '2026-12-01T00:00:00', to = '2026-12-02T00:00:00', view = 'DetailedMerged', minutes = 60 }: Question = {}): string {
  const who = addresses.map(
    (address) =>
      `<t:MailboxData><t:Email><t:Address>${address}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>`,
  )
  return (
    `<m:GetUserAvailabilityRequest>${zone}<m:MailboxDataArray>${who.join('')}</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow>` +
    `<t:StartTime>${from}</t:StartTime><t:EndTime>${to}</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>${minutes}` +
    `</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>${view}</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>`
  )
}

const put = (address: string, Subject: string, from: string, to: string, more: object = {}) =>
  sim.putItem(address, 'calendar', { Subject, Start: `2026-12-01T${from}:00Z`, End: `2026-12-01T${to}:00Z`, ...more })

function setPermissions(entries: string, key: string): string {
  return (
    `<m:UpdateFolder><m:FolderChanges><t:FolderChange>${key}<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/>` +
    `<t:CalendarFolder><t:PermissionSet><t:CalendarPermissions>${entries}</t:CalendarPermissions></t:PermissionSet></t:CalendarFolder>` +
    '</t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>'
  )
}

const entry = (who: string, level: string, rights = '') =>
  `<t:CalendarPermission><t:UserId>${who.includes('@') ? `<t:PrimarySmtpAddress>${who}</t:PrimarySmtpAddress>` : `<t:DistinguishedUser>${who}</t:DistinguishedUser>`}</t:UserId>` +
  `${rights}<t:CalendarPermissionLevel>${level}</t:CalendarPermissionLevel></t:CalendarPermission>`

const GET_PERMISSIONS =
  '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties>' +
  '</m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'

async function calendarKey(user = ALICE): Promise<string> {
  const { text } = await ask(sim, GET_PERMISSIONS, { user })
  return /<t:FolderId [^>]*\/>/.exec(text)?.[0] ?? ''
}

const share = async (owner: string, ...entries: string[]) =>
  (await ask(sim, setPermissions(entries.join(''), await calendarKey(owner)), { user: owner })).codes

describe('availability over plain SOAP', () => {
  it('tells events in the zone of the request, without offset, and merges them into digits', async () => {
    put(ALICE, 'Review', '08:00', '09:30')
    put(ALICE, 'Maybe', '09:00', '11:00', { LegacyFreeBusyStatus: 'Tentative' })
    put(ALICE, 'Away', '12:00', '13:00', { LegacyFreeBusyStatus: 'OOF' })
    put(ALICE, 'Home', '14:00', '15:00', { LegacyFreeBusyStatus: 'WorkingElsewhere' })
    const { text } = await ask(sim, question([ALICE]))
    expect(values(text, 'StartTime')).toEqual(['2026-12-01T09:00:00', '2026-12-01T10:00:00', '2026-12-01T13:00:00', '2026-12-01T15:00:00'])
    expect(value(text, 'MergedFreeBusy')).toBe('000000000221030400000000')
    expect(values(text, 'Subject')).toEqual(['Review', 'Maybe', 'Away', 'Home'])
  })

  it('takes the zone of the header where the request has none, and knows summer time', async () => {
    put(ALICE, 'Review', '08:00', '09:00')
    const winter = await ask(sim, question([ALICE], { zone: '' }), { zone: 'Tokyo Standard Time' })
    expect(value(winter.text, 'StartTime')).toBe('2026-12-01T17:00:00')
    sim.putItem(ALICE, 'calendar', { Subject: 'Summer', Start: '2026-07-01T08:00:00Z', End: '2026-07-01T09:00:00Z' })
    const summer = await ask(sim, question([ALICE], { from: '2026-07-01T00:00:00', to: '2026-07-02T00:00:00' }))
    expect(value(summer.text, 'StartTime')).toBe('2026-07-01T10:00:00')
  })

  it('expands a series, and tells an event that reaches over the edge whole', async () => {
    put(ALICE, 'Daily', '08:00', '09:00', {
      Recurrence: '<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>2026-12-01</t:StartDate></t:NoEndRecurrence></t:Recurrence>',
    })
    const { text } = await ask(sim, question([ALICE], { from: '2026-12-01T09:30:00', to: '2026-12-03T00:00:00' }))
    expect(values(text, 'StartTime')).toEqual(['2026-12-01T09:00:00', '2026-12-02T09:00:00'])
  })

  it('answers for every mailbox on its own, also for one that nobody knows', async () => {
    put(BOB, 'Truck', '08:00', '09:00')
    const { codes, text } = await ask(sim, question([ALICE, 'nobody@example.test', BOB]))
    expect(codes).toEqual(['NoError', 'ErrorMailRecipientNotFound', 'NoError'])
    expect(values(text, 'FreeBusyViewType')).toEqual(['DetailedMerged', 'None', 'FreeBusyMerged'])
    expect(text).not.toContain('Truck')
  })

  it.each([
    ['more than 100 mailboxes', Array.from({ length: 101 }, (_, at) => `user${at}@example.test`), {}, 'ErrorIdentityArrayTooBig'],
    ['more than 62 days', [ALICE], { to: '2027-02-02T00:00:00' }, 'ErrorTimeIntervalTooBig'],
    ['an end before the start', [ALICE], { to: '2026-11-01T00:00:00' }, 'ErrorInvalidTimeInterval'],
    ['an interval of two minutes', [ALICE], { minutes: 2 }, 'ErrorInvalidMergedFreeBusyInterval'],
  ])('refuses %s as a whole', async (_what, who, how, code) => {
    const answer = await ask(sim, question(who, how))
    expect([answer.status, answer.codes]).toEqual([500, [code]])
  })

  it('shows as much as the owner of the calendar allows', async () => {
    put(BOB, 'Truck', '08:00', '09:00', { Location: 'Garage' })
    put(BOB, 'Doctor', '10:00', '11:00', { Sensitivity: 'Private' })
    const seen = async () => {
      const { text, codes } = await ask(sim, question([BOB]))
      return { code: codes[0], type: value(text, 'FreeBusyViewType'), words: [...values(text, 'Subject'), ...values(text, 'Location')] }
    }
    expect(await seen()).toEqual({ code: 'NoError', type: 'FreeBusyMerged', words: [] })
    expect(await share(BOB, entry('Default', 'FreeBusyTimeOnly'), entry(ALICE, 'FreeBusyTimeAndSubjectAndLocation'))).toEqual(['NoError'])
    expect(await seen()).toEqual({ code: 'NoError', type: 'DetailedMerged', words: ['Truck', 'Garage'] })
    await share(BOB, entry('Default', 'Reviewer'), entry(ALICE, 'None'))
    expect(await seen()).toEqual({ code: 'ErrorNoFreeBusyAccess', type: 'None', words: [] })
  })
})

describe('permissions of a calendar over plain SOAP', () => {
  it('are told only when named, with the rights behind each level', async () => {
    const plain = GET_PERMISSIONS.replace('IdOnly', 'AllProperties').replace(/<t:AdditionalProperties>.*<\/t:AdditionalProperties>/, '')
    expect((await ask(sim, plain)).text).not.toContain('PermissionSet')
    const { text } = await ask(sim, GET_PERMISSIONS)
    expect(values(text, 'DistinguishedUser')).toEqual(['Default', 'Anonymous'])
    expect(values(text, 'CalendarPermissionLevel')).toEqual(['FreeBusyTimeOnly', 'None'])
    expect(values(text, 'ReadItems')).toEqual(['TimeOnly', 'None'])
  })

  it('are replaced as a whole: what is not written is gone', async () => {
    await share(ALICE, entry('Default', 'FreeBusyTimeOnly'), entry(BOB, 'Editor'))
    await share(ALICE, entry('carol@example.test', 'Reviewer'))
    const { text } = await ask(sim, GET_PERMISSIONS)
    expect(values(text, 'PrimarySmtpAddress')).toEqual(['carol@example.test'])
    expect(values(text, 'DistinguishedUser')).toEqual([])
  })

  it('are written only over the version that was read', async () => {
    const key = await calendarKey()
    await share(ALICE, entry(BOB, 'Reviewer'))
    expect((await ask(sim, setPermissions(entry(BOB, 'None'), key))).codes).toEqual(['ErrorStaleObject'])
    expect((await ask(sim, setPermissions('', key.replace(/ ChangeKey="[^"]*"/, '')))).codes).toEqual(['ErrorChangeKeyRequiredForWriteOperations'])
  })

  it.each([
    ['a level together with single rights', [entry(BOB, 'Reviewer', '<t:CanCreateItems>true</t:CanCreateItems>')], 'ErrorInvalidPermissionSettings'],
    ['Custom without a single right', [entry(BOB, 'Custom')], 'ErrorInvalidPermissionSettings'],
    ['one user twice', [entry(BOB, 'Reviewer'), entry(BOB, 'None')], 'ErrorDuplicateUserIdsSpecified'],
    ['a user nobody knows', [entry('nobody@example.test', 'Reviewer')], 'ErrorInvalidUserInfo'],
  ])('refuse %s', async (_what, entries, code) => {
    expect(await share(ALICE, ...entries)).toEqual([code])
  })

  it('of an account that was deleted are unknown entries', async () => {
    await share(ALICE, entry('Default', 'FreeBusyTimeOnly'), entry(BOB, 'Reviewer'))
    sim.removeMailbox(BOB)
    const { text } = await ask(sim, GET_PERMISSIONS)
    expect(values(text, 'UnknownEntry')).toEqual([expect.stringMatching(/^S-1-5-21-/)])
    expect(values(text, 'PrimarySmtpAddress')).toEqual([])
  })
})

describe('a mailbox with several addresses', () => {
  it('is found by each, and impersonated by its main one', async () => {
    sim.renameMailbox(ALICE, 'alice.rossi@example.test')
    const as = (address: string) => ask(sim, GET_PERMISSIONS, { user: sim.service.username, as: address })
    expect((await as('alice.rossi@example.test')).codes).toEqual(['NoError'])
    const refused = await as(ALICE)
    expect(refused.codes).toEqual(['ErrorNonPrimarySmtpAddress'])
    expect(refused.text).toContain('<t:Value Name="Primary">alice.rossi@example.test</t:Value>')
    expect((await ask(sim, question([ALICE]), { user: BOB })).codes).toEqual(['NoError'])
    const resolve = `<m:ResolveNames ReturnFullContactData="true"><m:UnresolvedEntry>smtp:${ALICE}</m:UnresolvedEntry></m:ResolveNames>`
    const { text } = await ask(sim, resolve, { user: BOB })
    expect(value(text, 'EmailAddress')).toBe('alice.rossi@example.test')
    expect(values(text, 'Entry')).toEqual(['SMTP:alice.rossi@example.test', `smtp:${ALICE}`])
  })
})

describe('the ews-javascript-api client', () => {
  let service: ExchangeService
  beforeEach(() => {
    service = new ExchangeService(ExchangeVersion.Exchange2013_SP1)
    service.Url = new Uri(sim.url)
    service.Credentials = new WebCredentials(ALICE, 'alice-password')
  })

  it('asks for free and busy times', async () => {
    put(BOB, 'Truck', '08:00', '09:00')
    const options = new AvailabilityOptions()
    options.RequestedFreeBusyView = FreeBusyViewType.FreeBusyMerged
    options.MergedFreeBusyInterval = 30
    const window = new TimeWindow(new DateTime('2026-12-01T00:00:00Z'), new DateTime('2026-12-02T00:00:00Z'))
    const results = await service.GetUserAvailability([new AttendeeInfo(BOB), new AttendeeInfo('nobody@example.test')], window, AvailabilityData.FreeBusy, options)
    const [bob, nobody] = results.AttendeesAvailability.Responses
    expect(bob?.CalendarEvents.map((event) => [event.StartTime.ToISOString(), event.FreeBusyStatus])).toEqual([['2026-12-01T08:00:00.000Z', LegacyFreeBusyStatus.Busy]])
    expect(nobody?.ErrorCode).toBe(ServiceError.ErrorMailRecipientNotFound)
  })

  it('gives a colleague a permission', async () => {
    const shape = new PropertySet(BasePropertySet.IdOnly, [FolderSchema.Permissions])
    const calendar = await CalendarFolder.Bind(service, new FolderId(WellKnownFolderName.Calendar), shape)
    calendar.Permissions.Add(new FolderPermission(new UserId(BOB), FolderPermissionLevel.FreeBusyTimeAndSubjectAndLocation))
    await calendar.Update()
    const { text } = await ask(sim, GET_PERMISSIONS)
    expect(values(text, 'CalendarPermissionLevel')).toEqual(['FreeBusyTimeOnly', 'None', 'FreeBusyTimeAndSubjectAndLocation'])
  })
})
