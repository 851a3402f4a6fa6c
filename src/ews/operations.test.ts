import { existsSync } from 'node:fs'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { XmlDocument, XsdValidator } from 'libxml2-wasm'
import { xmlRegisterFsInputProviders } from 'libxml2-wasm/lib/nodejs.mjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { unknownTo2013 } from '../../test/support/exchange-2013-names.ts'
import { itemId, token } from '../model/index.ts'
import type { Attendee, Fields, Instant, ItemKind, PlainDate, Recurrence } from '../model/index.ts'
import { createItemXml, updatesXml } from './from-model.ts'
import { answerMeeting } from './operations/answer-meeting.ts'
import { FOUND_SHAPE, SHAPES } from './item-shape.ts'
import { createFolder } from './operations/create-folder.ts'
import { createItem } from './operations/create-item.ts'
import { deleteItem } from './operations/delete-item.ts'
import { findFolder } from './operations/find-folder.ts'
import { findItem } from './operations/find-item.ts'
import { getFolder, getFolderRights } from './operations/get-folder.ts'
import { getItem } from './operations/get-item.ts'
import { getStreamingEvents } from './operations/get-streaming-events.ts'
import { moveItem } from './operations/move-item.ts'
import { resolveNames } from './operations/resolve-names.ts'
import { subscribe } from './operations/subscribe.ts'
import { syncFolderHierarchy } from './operations/sync-folder-hierarchy.ts'
import { syncFolderItems } from './operations/sync-folder-items.ts'
import { unsubscribe } from './operations/unsubscribe.ts'
import { updateItem } from './operations/update-item.ts'
import { envelope } from './soap.ts'
import { STAMP_PATH } from './stamp.ts'

const schemas = new URL('../../../shared/schemas/ews/', import.meta.url)
const missing = !existsSync(schemas)
if (missing) console.log('The EWS schemas are not beside the repository: requests are not checked against them.')

let validator: XsdValidator
beforeAll(() => {
  if (missing) return
  xmlRegisterFsInputProviders()
  const path = fileURLToPath(new URL('messages.xsd', schemas))
  validator = XsdValidator.fromDoc(XmlDocument.fromBuffer(readFileSync(path), { url: path }))
})

/** The request as it leaves, or what the schema has against it. */
function violations(body: string): string {
  const [, inner = ''] = /<s:Body>([\s\S]*)<\/s:Body>/.exec(envelope(body)) ?? []
  const document = XmlDocument.fromString(inner.replace(/^<m:\w+/, '$& xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'))
  try {
    validator.validate(document)
    return ''
  } catch (error) {
    return `${(error as Error).message}\n${inner}`
  } finally {
    document.dispose()
  }
}

const kinds: ItemKind[] = ['event', 'task', 'contact']
const full: Readonly<Record<ItemKind, Fields>> = {
  event: {
    subject: 'a & <b> "c"', body: 'line\n\n  two\u0000', place: 'Room', freeBusy: 'workingElsewhere', sensitivity: 'confidential', importance: 'low',
    categories: ['x', 'y & z'], reminder: 15,
    time: { allDay: false, start: '2026-12-01T09:00:00Z' as Instant, end: '2026-12-01T10:00:00Z' as Instant, zone: 'Europe/Kyiv' },
  },
  task: {
    subject: 'a', body: 'b', startDate: '2026-12-01' as PlainDate, dueDate: '2026-12-02' as PlainDate, status: 'deferred', importance: 'high',
    sensitivity: 'personal', categories: ['x'],
  },
  contact: {
    salutation: 'Mr', firstName: 'a', lastName: 'b', jobTitle: 'c', department: 'd', company: 'e', email: 'f@example.test', businessPhone: '1',
    mobilePhone: '2', homePhone: '3', otherPhone: '4', fax: '5', assistant: 'g', assistantPhone: '6', birthday: '1980-05-06' as PlainDate, body: 'h',
    businessAddress: { street: 's', pobox: 'p', city: 'c', state: 's', zip: 'z', country: 'c' },
    otherAddress: { street: 's', pobox: '', city: '', state: '', zip: 'z', country: '' },
  },
}
const blank: Readonly<Record<ItemKind, Fields>> = {
  event: { subject: '', body: '', place: '', categories: [], reminder: null, time: { allDay: true, firstDay: '2026-12-01' as PlainDate, lastDay: '2026-12-01' as PlainDate } },
  task: { subject: '', body: '', startDate: null, dueDate: null, categories: [] },
  contact: Object.fromEntries(Object.entries(full.contact).map(([name, value]) => [name, name === 'birthday' ? null : typeof value === 'string' ? '' : { street: '', pobox: '', city: '', state: '', zip: '', country: '' }])),
}
const stampFor = (kind: ItemKind) => ({ instance: 'crm', kind, record: itemId('18x7'), token: token('pair') })
const attendees: readonly Attendee[] = [
  { address: 'bob@example.test', name: 'Bob & Co', role: 'required', answer: 'accepted' },
  { address: 'carol@example.test', name: '', role: 'optional', answer: 'none' },
  { address: 'room@example.test', name: 'Room', role: 'resource', answer: 'none' },
]
const seriesTime = { allDay: false, start: '2026-12-01T09:00:00Z' as Instant, end: '2026-12-01T10:00:00Z' as Instant, zone: 'Europe/Rome' } as const
const first = '2026-12-01' as PlainDate
const series: readonly { readonly recurrence: Recurrence }[] = ([
  { type: 'daily', interval: 2 }, { type: 'weekly', interval: 1, days: ['monday', 'friday'], firstDay: 'monday' },
  { type: 'absoluteMonthly', interval: 1, day: 31 }, { type: 'relativeMonthly', interval: 3, day: 'weekendDay', index: 'last' },
  { type: 'absoluteYearly', interval: 1, month: 2, day: 29 }, { type: 'absoluteYearly', interval: 2, month: 12, day: 1 },
  { type: 'relativeYearly', interval: 1, month: 12, day: 'weekday', index: 'first' }, { type: 'relativeYearly', interval: 3, month: 12, day: 'tuesday', index: 'first' },
] as const).map((pattern, at) => ({ recurrence: {
  pattern, range: ([{ type: 'endless', first }, { type: 'until', first, last: '2036-12-31' as PlainDate }, { type: 'count', first, count: 7 }] as const)[at % 3] as Recurrence['range'],
} }))
const ref = { id: 'AA+/=', changeKey: 'CQ==' }
const folder = { distinguished: 'calendar' } as const
const equal = (path: string) => `<t:IsEqualTo>${path}<t:FieldURIOrConstant><t:Constant Value="x"/></t:FieldURIOrConstant></t:IsEqualTo>`

const requests: [string, string][] = [
  ['GetFolder', getFolder.encode([folder, { id: 'x&y' }])],
  ['GetFolder of somebody else', getFolder.encode([{ distinguished: 'calendar', of: 'a&b@example.test' }])],
  ['GetFolder for the rights in it', getFolderRights.encode([folder])],
  ['FindFolder', findFolder.encode({ parent: { distinguished: 'msgfolderroot' }, traversal: 'Deep', offset: 500 })],
  ['CreateFolder', createFolder.encode({ parent: { distinguished: 'contacts' }, name: 'v & t' })],
  ['SyncFolderItems from the start', syncFolderItems.encode({ folder, syncState: null, maxChanges: 512 })],
  ['SyncFolderItems onwards', syncFolderItems.encode({ folder, syncState: 'QUJD', maxChanges: 100 })],
  ['SyncFolderHierarchy', syncFolderHierarchy.encode({ syncState: 'QUJD' })],
  ...kinds.map((kind): [string, string] => [`GetItem of a ${kind}`, getItem.encode({ items: [ref, { id: 'y' }], properties: SHAPES[kind] })]),
  ['GetItem of the id only', getItem.encode({ items: [ref], properties: '' })],
  ['FindItem by token', findItem.encode({
    folders: [folder, { id: 'x' }], properties: FOUND_SHAPE, offset: 0, most: 100,
    restriction: `<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">${STAMP_PATH}<t:Constant Value="x"/></t:Contains>`,
  })],
  ['FindItem of all stamps', findItem.encode({ folders: [folder], properties: FOUND_SHAPE, offset: 1000, most: 1000, restriction: `<t:Exists>${STAMP_PATH}</t:Exists>` })],
  ['FindItem by UID', findItem.encode({ folders: [folder], properties: FOUND_SHAPE, offset: 0, most: 100, restriction: equal('<t:FieldURI FieldURI="calendar:UID"/>') })],
  ['FindItem by global object id', findItem.encode({
    folders: [folder], properties: FOUND_SHAPE, offset: 0, most: 100, restriction: equal('<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"/>'),
  })],
  ...kinds.flatMap((kind): [string, string][] => [
    [`CreateItem of a full ${kind}`, createItem.encode({ folder, items: [createItemXml(kind, full[kind], 'Europe/Rome', { stamp: stampFor(kind), uid: 'u' })] })],
    [`CreateItem of a blank ${kind}`, createItem.encode({ folder, items: [createItemXml(kind, blank[kind], 'Nowhere/Town', {})] })],
    [`UpdateItem setting a ${kind}`, updateItem.encode({ changes: [{ item: ref, updates: updatesXml(kind, full[kind], 'Europe/Rome', stampFor(kind)) }] })],
    [`UpdateItem clearing a ${kind}`, updateItem.encode({ changes: [{ item: ref, updates: updatesXml(kind, blank[kind], 'Europe/Rome') }] })],
  ]),
  ...series.map(({ recurrence }): [string, string] => [
    `CreateItem of a series: ${recurrence.pattern.type}, ${recurrence.range.type}`,
    createItem.encode({ folder, items: [createItemXml('event', full.event, 'Europe/Rome', { uid: 'u', series: { recurrence, time: seriesTime, exceptions: [], deleted: [] } })] }),
  ]),
  ['CreateItem of a meeting', createItem.encode({ folder, invite: true, items: [createItemXml('event', { ...full.event, attendees }, 'Europe/Rome', { invite: true })] })],
  ['CreateItem of an event that names people', createItem.encode({ folder, items: [createItemXml('event', { ...full.event, attendees }, 'Europe/Rome', {})] })],
  ['UpdateItem of a meeting', updateItem.encode({ mailing: 'changed', changes: [{ item: ref, updates: updatesXml('event', full.event, 'Europe/Rome', undefined, { attendees, bodyHtml: '<b>x</b>', recurrence: series[0]?.recurrence as Recurrence }) }] })],
  ['UpdateItem that takes everybody off a meeting', updateItem.encode({ mailing: 'everybody', changes: [{ item: ref, updates: updatesXml('event', {}, 'UTC', undefined, { attendees: [] }) }] })],
  ['GetItem of an occurrence and of a master', getItem.encode({ items: [{ master: 'AA', index: 3 }, { masterOf: 'BB' }, ref], properties: SHAPES.event })],
  ...(['accepted', 'tentative', 'declined'] as const).map((answer, at): [string, string] =>
    [`CreateItem of an answer: ${answer}`, answerMeeting.encode({ item: ref, answer, send: at > 0 })]),
  ['DeleteItem that calls off', deleteItem.encode({ items: [ref], cancel: true })],
  ['Subscribe to all folders', subscribe.encode('all')],
  ['DeleteItem', deleteItem.encode({ items: [ref, { id: 'y' }] })],
  ['MoveItem', moveItem.encode({ to: folder, items: [ref] })],
  ['Subscribe', subscribe.encode([folder, { id: 'x' }])],
  ['GetStreamingEvents', getStreamingEvents.encode({ subscriptions: ['a', 'b'], minutes: 30 })],
  ['Unsubscribe', unsubscribe.encode('a')],
  ['ResolveNames', resolveNames.encode('bob@example.test')],
]

describe('requests fit the schema of the server', () => {
  it.skipIf(missing).each(requests)('%s', (_name, body) => {
    expect(violations(body)).toBe('')
  })
  it.skipIf(missing)('and the check would notice a wrong order', () => {
    expect(violations(createItem.encode({ folder, items: ['<t:CalendarItem><t:Start>2026-12-01T09:00:00Z</t:Start><t:Subject>x</t:Subject></t:CalendarItem>'] }))).toContain('Subject')
  })
})

describe('writes', () => {
  it('send start, end, all-day and both zones together, and nothing else for a new time', () => {
    const time = full.event.time
    const uris = [...updatesXml('event', time === undefined ? {} : { time }, 'Europe/Rome').matchAll(/FieldURI="([^"]+)"/g)].map((match) => match[1])
    expect(uris).toEqual(['calendar:Start', 'calendar:End', 'calendar:IsAllDayEvent', 'calendar:StartTimeZone', 'calendar:EndTimeZone'])
  })
  it('never overwrite, and mail only when told to', () => {
    expect(createItem.encode({ folder, items: [] })).toContain('SendMeetingInvitations="SendToNone"')
    const update = updateItem.encode({ changes: [] })
    expect(update).toContain('SendMeetingInvitationsOrCancellations="SendToNone"')
    expect(update).toContain('ConflictResolution="NeverOverwrite"')
    expect(deleteItem.encode({ items: [] })).toMatch(/DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"/)
  })
  it('delete the entries of a contact that were emptied, one by one', () => {
    const updates = updatesXml('contact', { email: '', mobilePhone: '' }, 'UTC')
    expect(updates).toBe('<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:EmailAddress" FieldIndex="EmailAddress1"/></t:DeleteItemField>'
      + '<t:DeleteItemField><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="MobilePhone"/></t:DeleteItemField>')
  })
  it('leave percentage and completion date of a task to the server', () => {
    expect(updatesXml('task', { status: 'completed' }, 'UTC')).not.toMatch(/Percent|CompleteDate/)
  })
})

describe('requests to Exchange 2013 SP1', () => {
  // A server that does not know an element refuses the whole request.
  it.each(requests)('%s uses nothing that it does not know', (_name, xml) => {
    expect(unknownTo2013(xml)).toEqual([])
  })
  it('would be noticed when they used what came later', () => {
    expect(unknownTo2013('<t:FieldURI FieldURI="calendar:EnhancedLocation"/><t:StartTimeZoneId/>')).toEqual(['StartTimeZoneId', 'calendar:EnhancedLocation'])
  })
  it('name its schema', () => {
    expect(envelope('<x/>')).toContain('<t:RequestServerVersion Version="Exchange2013_SP1"/>')
  })
})
