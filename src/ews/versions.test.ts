import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox, Token } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { openEnvelope } from './soap.ts'
import { toSnapshot } from './to-model.ts'
import { getFolder } from './operations/get-folder.ts'
import { getItem } from './operations/get-item.ts'
import { getStreamingEvents } from './operations/get-streaming-events.ts'
import { syncFolderItems } from './operations/sync-folder-items.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = { now: () => instant(0), elapsedMs: () => performance.now(), sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms) }) }
const alice: Mailbox = { id: mailboxId('m1'), address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'onprem', zone: 'Europe/Rome' }
const schemaDir = fileURLToPath(new URL('../../../shared/schemas/ews/', import.meta.url))
const validate = existsSync(`${schemaDir}/messages.xsd`) ? { schemaDir } : null
if (validate === null) console.warn(`No EWS schemas in ${schemaDir}: requests are not checked against them.`)

let sim: EwsSim
let connection: EwsConnection
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

describe.each([
  ['2013 SP1', { minor: 0, build: 847, revision: 32, schema: 'Exchange2013_SP1' }],
  ['2016', { minor: 1, build: 2507, revision: 6, schema: 'V2017_07_11' }],
  ['2019', { minor: 2, build: 1544, revision: 4, schema: 'V2017_07_11' }],
  ['SE', { minor: 2, build: 2562, revision: 17, schema: 'V2017_07_11' }],
])('Exchange %s', (_name, version) => {
  it('takes every request of a mailbox\'s life, and its answers are read', async () => {
    sim = await startEwsSim({ version, validate })
    connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, streaming: { collectMs: 1, debounceMs: 1 } })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    const rung = new Promise<void>((resolve) => { connection.hints().watch(alice, () => { resolve() }) })
    await rung
    const token = '11111111-2222-4333-8444-555555555555' as Token
    const [made] = await mailbox.create([{ item: { kind: 'event', fields: { subject: 'x', time: { allDay: false, start: '2026-12-01T09:00:00Z' as never, end: '2026-12-01T10:00:00Z' as never } } }, token, stamp: { instance: 'i', kind: 'event', record: '18x1' as never, token } }])
    if (made?.type !== 'done') throw new Error(JSON.stringify(made))
    expect(await mailbox.pull('event', null, () => Promise.resolve(new Map()))).toMatchObject({ changes: [{ type: 'seen' }] })
    expect(await mailbox.locate('event', token, made.snapshot.uid ?? null)).toMatchObject({ where: 'synced' })
    expect(await mailbox.update([{ id: made.snapshot.id, kind: 'event', fields: { place: 'Room' }, expect: made.snapshot.changeKey }])).toMatchObject([{ type: 'done' }])
    expect(await connection.resolveNames('bob@example.test')).toHaveLength(1)
    expect((await connection.check(alice.address)).every(({ ok }) => ok)).toBe(true)
  })
})

/** One event as each version writes it, by Microsoft's pages and the build's own habits. */
const EVENTS: readonly (readonly [string, string, string])[] = [
  ['2013 SP1, with the zone as a definition', 'MajorVersion="15" MinorVersion="0" MajorBuildNumber="847" MinorBuildNumber="31" Version="V2_8"',
    '<t:Location>Room</t:Location><t:StartTimeZone Name="(UTC+01:00) Rome" Id="W. Europe Standard Time"><t:Periods/><t:TransitionsGroups/></t:StartTimeZone>'],
  ['2016, with both zone elements', 'MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507" MinorBuildNumber="6" Version="V2017_04_14"',
    '<t:Location>Room</t:Location><t:StartTimeZone Name="(UTC+01:00) Rome" Id="W. Europe Standard Time"/><t:StartTimeZoneId>W. Europe Standard Time</t:StartTimeZoneId><t:IsOrganizer>true</t:IsOrganizer>'],
  ['2019, with the zone as an id and a structured place', 'MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="4" Version="V2018_01_08"',
    '<t:Location>Room</t:Location><t:EnhancedLocation><t:DisplayName>Another name</t:DisplayName><t:Annotation/><t:PostalAddress><t:Street>s</t:Street><t:Type>Business</t:Type></t:PostalAddress></t:EnhancedLocation><t:StartTimeZoneId>W. Europe Standard Time</t:StartTimeZoneId>'],
  ['SE, with all that and more', 'MajorVersion="15" MinorVersion="2" MajorBuildNumber="2562" MinorBuildNumber="17" Version="V2018_01_08"',
    '<t:InstanceKey>AAA=</t:InstanceKey><t:MailboxGuids><t:MailboxGuid>0</t:MailboxGuid></t:MailboxGuids><t:Location>Room</t:Location><t:StartWallClock>2026-12-01T10:00:00+01:00</t:StartWallClock><t:StartTimeZoneId>W. Europe Standard Time</t:StartTimeZoneId><t:InboxReminders/><t:DocLinks/>'],
]
const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages'
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types'

describe('an event', () => {
  it.each(EVENTS)('of Exchange %s is read the same', (_name, version, inner) => {
    const opened = openEnvelope('\ufeff<?xml version="1.0" encoding="utf-8"?>'
      + `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><h:ServerVersionInfo ${version} xmlns:h="${TYPES}"/></s:Header><s:Body>`
      + `<m:GetItemResponse xmlns:m="${MESSAGES}" xmlns:t="${TYPES}"><m:ResponseMessages><m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Items>`
      + `<t:CalendarItem><t:ItemId Id="A" ChangeKey="K"/><t:Subject>x</t:Subject>${inner}<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>`
      + '<t:LegacyFreeBusyStatus>Tentative</t:LegacyFreeBusyStatus><t:CalendarItemType>Single</t:CalendarItemType></t:CalendarItem>'
      + '</m:Items></m:GetItemResponseMessage></m:ResponseMessages></m:GetItemResponse></s:Body></s:Envelope>')
    if (opened.type === 'fault') throw new Error(opened.fault.code)
    const [read] = getItem.decode(opened.reply)
    if (read?.ok !== true) throw new Error(JSON.stringify(read))
    expect(toSnapshot(read.value, 'event', { address: 'alice@example.test', zone: 'UTC' })).toMatchObject({
      id: 'A', changeKey: 'K', item: { fields: { subject: 'x', place: 'Room', freeBusy: 'tentative', time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z', zone: expect.stringMatching(/^Europe/) } } },
    })
  })

  it('keeps a word we do not know when something else of it is written', async () => {
    sim = await startEwsSim({ validate })
    connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    const { id } = sim.putItem(alice.address, 'calendar', { Subject: 'x', Start: '2026-12-01T09:00:00Z', End: '2026-12-01T10:00:00Z', LegacyFreeBusyStatus: 'NoData' })
    const page = await mailbox.pull('event', null, () => Promise.resolve(new Map()))
    const [change] = page.type === 'page' ? page.changes : []
    if (change?.type !== 'seen') throw new Error(JSON.stringify(page))
    expect(change.snapshot.item.fields).not.toHaveProperty('freeBusy')
    expect(await mailbox.update([{ id: change.snapshot.id, kind: 'event', fields: { subject: 'y', place: 'Room', body: 'new' }, expect: change.snapshot.changeKey }])).toMatchObject([{ type: 'done' }])
    expect(sim.items(alice.address, 'calendar')).toMatchObject([{ id, fields: { Subject: 'y', Location: 'Room', LegacyFreeBusyStatus: 'NoData' } }])
  })
})

describe('what a later server may add', () => {
  const reply = (text: string) => {
    const opened = openEnvelope(`<s:Envelope xmlns:s="s" xmlns:m="m" xmlns:t="t" xmlns:n="new"><s:Header><n:ServerVersionInfo NewAttribute="1"/></s:Header><s:Body>${text}</s:Body></s:Envelope>`)
    if (opened.type === 'fault') throw new Error(opened.fault.code)
    return opened.reply
  }
  const message = (operation: string, inner: string) => reply(`<m:${operation}Response NewAttribute="x"><n:Before/><m:ResponseMessages><m:${operation}ResponseMessage ResponseClass="Success"><n:First>1</n:First><m:ResponseCode>NoError</m:ResponseCode>${inner}<n:Last/></m:${operation}ResponseMessage></m:ResponseMessages></m:${operation}Response>`)

  it('elements and attributes nobody knows are passed over', () => {
    expect(getFolder.decode(message('GetFolder', '<m:Folders><t:CalendarFolder New="1"><n:New/><t:FolderId Id="c" New="2"/><t:FolderClass>IPF.Appointment.New</t:FolderClass></t:CalendarFolder></m:Folders>')))
      .toMatchObject([{ ok: true, value: { id: 'c', folderClass: 'IPF.Appointment.New' } }])
    expect(syncFolderItems.decode(message('SyncFolderItems', '<m:SyncState>S</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes><t:Pinned><t:ItemId Id="z"/></t:Pinned><t:Create><t:CalendarItem><t:ItemId Id="a" ChangeKey="1"/></t:CalendarItem></t:Create></m:Changes>')))
      .toEqual([{ ok: true, value: { syncState: 'S', last: true, changes: [{ type: 'changed', id: 'a', changeKey: '1', element: 'CalendarItem' }] } }])
    expect(getStreamingEvents.decode(message('GetStreamingEvents', '<m:Notifications><m:Notification><t:SubscriptionId>s</t:SubscriptionId><t:BrandNewEvent><t:ParentFolderId Id="f"/></t:BrandNewEvent></m:Notification></m:Notifications><m:ConnectionStatus>Draining</m:ConnectionStatus>')))
      .toMatchObject([{ notifications: [{ subscription: 's', events: [{ folders: ['f'] }] }], closed: false, failure: null }])
  })

  it('a response code nobody knows is kept as it is', () => {
    const refused = reply('<m:GetFolderResponse><m:ResponseMessages><m:GetFolderResponseMessage ResponseClass="Error"><m:MessageText>new</m:MessageText><m:ResponseCode>ErrorOfTheFuture</m:ResponseCode></m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>')
    expect(getFolder.decode(refused)).toEqual([{ ok: false, failure: { code: 'ErrorOfTheFuture', text: 'new' } }])
  })
})
