import { existsSync, readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ItemKind, Snapshot } from '../model/index.ts'
import { verdictOf } from './errors.ts'
import { answerMeeting } from './operations/answer-meeting.ts'
import { createFolder } from './operations/create-folder.ts'
import { createItem } from './operations/create-item.ts'
import { deleteItem } from './operations/delete-item.ts'
import { findFolder } from './operations/find-folder.ts'
import { findItem } from './operations/find-item.ts'
import { getFolder } from './operations/get-folder.ts'
import { getItem } from './operations/get-item.ts'
import { getStreamingEvents } from './operations/get-streaming-events.ts'
import { moveItem } from './operations/move-item.ts'
import { resolveNames } from './operations/resolve-names.ts'
import { subscribe } from './operations/subscribe.ts'
import { syncFolderHierarchy } from './operations/sync-folder-hierarchy.ts'
import { syncFolderItems } from './operations/sync-folder-items.ts'
import { unsubscribe } from './operations/unsubscribe.ts'
import { updateItem } from './operations/update-item.ts'
import { openEnvelope } from './soap.ts'
import type { Envelope, Operation } from './soap.ts'
import { StreamParser } from './stream-parser.ts'
import { exceptionIds, toSnapshot } from './to-model.ts'

/** Replies of gromox 3.1, an EWS server that shares no code with Exchange. */
const folder = new URL('../../../shared/captures/ews/', import.meta.url)
const missing = !existsSync(folder)
if (missing) console.log('The captured replies are not beside the repository: they are not decoded.')
const files = missing ? [] : readdirSync(folder).filter((name) => name.endsWith('.resp.xml'))
const load = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const capture = (start: string) => load(files.find((name) => name.startsWith(start)) ?? start)

function reply<T>(start: string, operation: Operation<never, T>): T {
  const opened = openEnvelope(capture(start))
  if (opened.type === 'fault') throw new Error(opened.fault.code)
  return operation.decode(opened.reply)
}
function snapshotOf(start: string, kind: ItemKind, zone = 'Europe/Rome'): Snapshot {
  const [result] = reply(start, getItem)
  if (result?.ok !== true) throw new Error(result?.failure.code)
  return toSnapshot(result.value, kind, { address: 'alice@example.test', zone })
}

const operations: Readonly<Record<string, Operation<never, unknown>>> = {
  GetFolder: getFolder, FindFolder: findFolder, CreateFolder: createFolder, SyncFolderItems: syncFolderItems, SyncFolderHierarchy: syncFolderHierarchy,
  GetItem: getItem, FindItem: findItem, CreateItem: createItem, UpdateItem: updateItem, DeleteItem: deleteItem, MoveItem: moveItem,
  Subscribe: subscribe, Unsubscribe: unsubscribe, ResolveNames: resolveNames,
}

describe.skipIf(missing)('replies of an independent server', () => {
  it('are all understood by the operation they answer', () => {
    const met = new Set<string>()
    for (const name of files.filter((file) => !file.includes('stream') && !file.includes('autodiscover'))) {
      const opened = openEnvelope(load(name))
      if (opened.type === 'fault') {
        expect(opened.fault.code, name).not.toBe('')
        continue
      }
      const operation = opened.reply.name.replace(/Response$/, '')
      if (operations[operation] === undefined) continue
      met.add(operation)
      // Responses to invitations are written by others; their replies have no calendar item.
      expect(() => operations[operation]?.decode(opened.reply), name).not.toThrow()
    }
    expect([...met].toSorted()).toEqual(Object.keys(operations).toSorted())
  })

  it('a single event', () => {
    expect(snapshotOf('04-', 'event')).toMatchObject({
      uid: 'uid-from-client-001', modifiedAt: '2026-11-22T17:09:55Z', bornAt: '2026-11-22T17:09:55Z',
      item: { kind: 'event', fields: {
        subject: 'Single event äöü', body: 'hello body', place: 'Room 5', sensitivity: 'private', importance: 'high', categories: ['Blue', 'Red'], freeBusy: 'busy',
        time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z', zone: 'Europe/Berlin' },
      } },
    })
    expect(snapshotOf('04-', 'event')).not.toHaveProperty('unsupported')
  })
  it('an all-day event without a zone keeps its day whatever the mailbox\'s zone', () => {
    for (const zone of ['Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'UTC']) {
      expect(snapshotOf('10-', 'event', zone).item.fields).toMatchObject({ time: { allDay: true, firstDay: '2026-12-24', lastDay: '2026-12-24' } })
    }
  })
  it('a series without end, and one of five', () => {
    expect(snapshotOf('06-', 'event').series).toEqual({
      recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'endless', first: '2026-12-01' } },
      time: { allDay: false, start: '2026-12-01T08:00:00Z', end: '2026-12-01T08:15:00Z', zone: 'Europe/Berlin' }, exceptions: [], deleted: [],
    })
    expect(snapshotOf('08-', 'event')).toMatchObject({ series: {
      recurrence: {
        pattern: { type: 'weekly', interval: 2, days: ['monday', 'wednesday'], firstDay: 'monday' },
        range: { type: 'count', first: '2026-12-02', count: 5 },
      },
      // The item tells no zone: the mailbox's counts.
      time: { start: '2026-12-02T13:00:00Z', zone: 'Europe/Rome' },
    } })
  })
  it('series by month and by year, to a last day', () => {
    const rule = (start: string) => snapshotOf(start, 'event').series?.recurrence
    expect(rule('160-getitem')).toMatchObject({ pattern: { type: 'absoluteMonthly', interval: 1 }, range: { type: 'until' } })
    expect(rule('161-getitem')).toMatchObject({ pattern: { type: 'relativeMonthly' }, range: { type: 'until' } })
    expect(rule('162-getitem')).toMatchObject({ pattern: { type: 'absoluteYearly', interval: 1 } })
    expect(rule('163-getitem')).toEqual({
      pattern: { type: 'relativeYearly', interval: 1, month: 12, day: 'sunday', index: 'third' },
      range: { type: 'until', first: '2026-12-20', last: '2028-12-31' },
    })
  })
  it('an exception under the midnight of its day, and a deleted occurrence', () => {
    const [master] = reply('24-', getItem)
    const [exception] = reply('25-', getItem)
    if (master?.ok !== true || exception?.ok !== true) throw new Error('no item')
    const owner = { address: 'alice@example.test', zone: 'Europe/Rome' }
    const end = { name: 'End', attributes: {}, children: [], text: '2026-12-03T10:15:00Z' }
    const read = { ...exception.value, properties: { ...exception.value.properties, children: [...exception.value.properties.children, end] } }
    const [id = ''] = exceptionIds(master.value, owner)
    expect(toSnapshot(master.value, 'event', owner, new Map([[id, read]])).series).toMatchObject({
      exceptions: [{ start: '2026-12-03T08:00:00Z', fields: { subject: 'Daily moved', time: { start: '2026-12-03T10:00:00Z', end: '2026-12-03T10:15:00Z' } } }],
      deleted: ['2026-12-04T08:00:00Z'],
    })
    // What cannot be read keeps its place in the series, and everything the series shares.
    expect(toSnapshot(master.value, 'event', owner).series?.exceptions).toMatchObject([
      { start: '2026-12-03T08:00:00Z', fields: { subject: 'Daily standup', time: { start: '2026-12-03T10:00:00Z', zone: 'Europe/Berlin' } } },
    ])
  })
  it('a meeting: who is on it, and who answers', () => {
    const [result] = reply('141-', getItem)
    if (result?.ok !== true) throw new Error('no item')
    const end = { name: 'End', attributes: {}, children: [], text: '2026-12-17T11:00:00Z' }
    const whole = { ...result.value, properties: { ...result.value.properties, children: [...result.value.properties.children, end] } }
    const fields = {
      organizer: { address: 'alice@example.test', name: 'Alice Archer' }, cancelled: false,
      attendees: [
        { address: 'bob@example.test', name: 'Bob Builder', role: 'required', answer: 'none' },
        { address: 'carol@example.test', name: 'carol@example.test', role: 'optional', answer: 'none' },
      ],
    }
    expect(toSnapshot(whole, 'event', { address: 'Alice@example.test', zone: 'UTC' }).item.fields).toMatchObject(fields)
    expect(toSnapshot(whole, 'event', { address: 'Alice@example.test', zone: 'UTC' }).item.fields).not.toHaveProperty('answer')
    expect(toSnapshot(whole, 'event', { address: 'bob@example.test', zone: 'UTC' }).item.fields).toMatchObject({ ...fields, answer: 'none' })
  })
  it('an answer names the mail, not the event', () => {
    expect(reply('147-', answerMeeting)).toEqual([{ ok: true, value: null }])
  })
  it('the organizer\'s own meeting is his, although the server says he has not answered', () => {
    const [result] = reply('141-', getItem)
    if (result?.ok !== true) throw new Error('no item')
    const withEnd = { ...result.value, properties: { ...result.value.properties, children: [...result.value.properties.children, { name: 'End', attributes: {}, children: [], text: '2026-12-17T11:00:00Z' }] } }
    expect(toSnapshot(withEnd, 'event', { address: 'Alice@example.test', zone: 'UTC' }).traits).toEqual({ hasAttendees: true })
    expect(toSnapshot(withEnd, 'event', { address: 'bob@example.test', zone: 'UTC' }).traits).toEqual({ invited: true, hasAttendees: true })
  })
  it('a task', () => {
    expect(snapshotOf('62-', 'task').item.fields).toMatchObject({ subject: 'Call customer', body: 'task body', startDate: '2026-12-09', dueDate: '2026-12-11', status: 'inProgress', importance: 'high' })
  })
  it('a contact', () => {
    expect(snapshotOf('71-', 'contact').item.fields).toMatchObject({
      firstName: 'Jane', lastName: 'Doe', company: 'ACME', department: 'Dev', jobTitle: 'CTO', email: 'jane@acme.test', businessPhone: '+49 1',
      mobilePhone: '+49 2', homePhone: '+49 3', fax: '+49 4', birthday: '1980-05-06', otherPhone: '',
    })
    expect(snapshotOf('72-', 'contact').item.fields).toMatchObject({ body: 'notes', businessAddress: { city: 'Bonn', street: '' } })
  })
  it('an HTML body is told as text, and a text body as it is', () => {
    const body = (start: string) => {
      const [result] = reply(start, getItem)
      if (result?.ok !== true) throw new Error('no item')
      const task = { ...result.value, type: 'Task' }
      return (toSnapshot(task, 'task', { address: '', zone: 'UTC' }).item.fields as { body?: string }).body
    }
    expect(body('171-getitem-htmlitem-bodytype-Best')).toBe('Hi there ü')
    expect(body('173-getitem-textitem-bodytype-Best')).toBe('line1\nline2')
  })
  it('pages, deletions and per-item failures', () => {
    expect(reply('46-', syncFolderItems)).toMatchObject([{ ok: true, value: { last: false } }])
    expect(reply('40-', syncFolderItems)).toMatchObject([{ ok: true, value: { last: true, changes: [{ type: 'deleted' }] } }])
    const mixed = reply('246-', getItem)
    expect(mixed.map(({ ok }) => ok)).toEqual([true, false, true])
    const [gone] = reply('41-', deleteItem)
    expect(gone?.ok === false && verdictOf(gone.failure)).toBe('gone')
  })
  it('nobody and somebody in the directory', () => {
    expect(reply('76-', resolveNames)).toEqual({ names: [], failure: null })
    expect(reply('75-', resolveNames).names).toEqual([{ name: 'Bob Builder', address: 'bob@example.test', routing: 'SMTP' }])
  })
  it('faults that come with HTTP 200', () => {
    expect(openEnvelope(capture('116-'))).toMatchObject({ type: 'fault', fault: { code: 'ErrorImpersonateUserDenied' } })
  })
})

describe('a notification stream', () => {
  const streams = files.filter((name) => name.includes('getstreamingevents') && load(name).includes('Envelope>'))
  const parse = (parts: readonly Uint8Array[]): Envelope[] => {
    const parser = new StreamParser()
    return parts.flatMap((part) => parser.push(part))
  }
  const made = Array.from({ length: 5 }, (_, at) => `<?xml version="1.0"?><s${at}:Envelope><s${at}:Body><R n="${at}">é 👩‍👩‍👧 日本 &amp;</R></s${at}:Body></s${at}:Envelope >\n`).join('')

  it('gives the same envelopes however its bytes are cut', () => {
    const texts = [made, ...streams.map(load)]
    fc.assert(fc.property(fc.constantFrom(...texts), fc.array(fc.nat(), { maxLength: 20 }), (text, cuts) => {
      const bytes = Buffer.from(text)
      const places = [...new Set(cuts.map((cut) => cut % bytes.length))].toSorted((left, right) => left - right)
      const parts = [0, ...places].map((from, at) => bytes.subarray(from, places[at] ?? bytes.length))
      expect(parse(parts)).toEqual(parse([bytes]))
    }), { numRuns: 300 })
  })
  it('is read byte by byte', () => {
    const envelopes = parse([...Buffer.from(made)].map((byte) => Uint8Array.of(byte)))
    expect(envelopes.map((envelope) => envelope.type === 'reply' && `${envelope.reply.attributes['n'] ?? ''} ${envelope.reply.text}`))
      .toEqual(Array.from({ length: 5 }, (_, at) => `${at} é 👩‍👩‍👧 日本 &`))
  })
  it.skipIf(missing)('tells folders, closing and dead subscriptions', () => {
    const messages = (start: string) => parse([Buffer.from(capture(start))]).flatMap((envelope) => (envelope.type === 'reply' ? getStreamingEvents.decode(envelope.reply) : []))
    const events = messages('91-')
    expect(events.length).toBe(7)
    expect(events[1]).toMatchObject({ closed: false, failure: null, notifications: [{ subscription: 'AQAAAAUAAAA=' }] })
    expect(new Set(events.flatMap(({ notifications }) => notifications.flatMap(({ events: of }) => of.flatMap(({ folders }) => folders)))).size).toBeGreaterThan(0)
    expect(events.at(-1)).toMatchObject({ closed: true })
    expect(messages('99-')).toMatchObject([{ closed: true, deadSubscriptions: ['AQAAAAUAAAA='], failure: { code: 'ErrorInvalidSubscription' } }])
    expect(messages('123-')[1]).toMatchObject({ notifications: [{ subscription: 'AwAAAAUAAAA=' }] })
  })
  it('has no end of an envelope: what is not finished is not told', () => {
    expect(parse([Buffer.from(made.slice(0, -30))]).length).toBe(4)
  })
})
