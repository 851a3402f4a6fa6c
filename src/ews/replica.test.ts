import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { assigneeId, instant, itemId, itemOf, mailboxId, syncState, token } from '../model/index.ts'
import type { EventItem, Instant, ItemKind, Mailbox, PlainDate, Snapshot, Stamp } from '../model/index.ts'
import type { Change, Clock, CreateRequest, Exchange, Log, WriteOutcome } from '../ports.ts'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createEwsConnection } from './index.ts'
import type { EwsConnection } from './index.ts'

const schemaDir = fileURLToPath(new URL('../../../shared/schemas/ews/', import.meta.url))
const hasSchemas = existsSync(schemaDir)

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => instant(Date.now()), elapsedMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms) }),
}
const alice: Mailbox = {
  id: mailboxId('m1'), address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'onprem', zone: 'Europe/Rome',
}
const none = () => Promise.resolve(new Map())

let sim: EwsSim
let connection: EwsConnection
let mailbox: Exchange

beforeEach(async () => {
  sim = await startEwsSim({ validate: hasSchemas ? { schemaDir } : null })
  connection = connect()
  mailbox = connection.mailbox(alice)
})
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

function connect(more: Partial<Parameters<typeof createEwsConnection>[0]> = {}): EwsConnection {
  return createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, timeoutMs: 5_000, ...more,
  })
}

const stamp = (name: string, kind: ItemKind = 'event'): Stamp => ({ instance: 'crm-1', kind, record: itemId('18x7'), token: token(name) })
const meeting = (fields: Partial<EventItem['fields']> = {}): EventItem => ({
  kind: 'event',
  fields: {
    subject: 'Visit', body: 'Bring:\n  - the plan <v2> & notes\n\nhttps://example.test/a?b=1&c=2', place: 'Room 5',
    time: { allDay: false, start: '2026-12-01T09:00:00Z' as Instant, end: '2026-12-01T10:00:00Z' as Instant, zone: 'Europe/Berlin' },
    freeBusy: 'tentative', sensitivity: 'private', importance: 'high', categories: ['Blue', 'Red & Green'], reminder: 30, attendees: [], organizer: null, ...fields,
  },
})
const create = (request: Partial<CreateRequest> = {}): CreateRequest => ({ item: meeting(), token: token('pair-1'), ...request })

function done(outcome: WriteOutcome | undefined): Snapshot {
  if (outcome?.type !== 'done') throw new Error(`The write ended as ${JSON.stringify(outcome)}`)
  return outcome.snapshot
}
async function pullAll(kind: ItemKind, known = none): Promise<Change[]> {
  const changes: Change[] = []
  for (let since: Parameters<Exchange['pull']>[1] = null, more = true; more;) {
    const page = await mailbox.pull(kind, since, known)
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    since = page.next
    more = page.more
  }
  return changes
}

describe('writing', () => {
  it('creates an event that reads back as it was meant, with stamp and UID, and mails nobody', async () => {
    const snapshot = done((await mailbox.create([create({ stamp: stamp('pair-1'), uid: 'uid-of-the-crm' })]))[0])
    expect(snapshot.item).toEqual(meeting())
    expect(snapshot).toMatchObject({ uid: 'uid-of-the-crm', stamp: stamp('pair-1') })
    expect(sim.outbox).toEqual([])
    expect(await mailbox.get('event', [snapshot.id])).toEqual([{ type: 'seen', snapshot }])
  })

  it('keeps the days of an all-day event, over the night the clocks change', async () => {
    const time = { allDay: true, firstDay: '2026-10-24' as PlainDate, lastDay: '2026-10-25' as PlainDate } as const
    const snapshot = done((await mailbox.create([create({ item: meeting({ time }) })]))[0])
    expect((snapshot.item as EventItem).fields.time).toEqual(time)
  })

  it('creates a task and a contact with everything the CRM knows', async () => {
    const task = itemOf('task', {
      subject: 'Call back', body: 'soon', startDate: '2026-03-28' as PlainDate, dueDate: '2026-03-29' as PlainDate, status: 'waitingOnOthers',
      importance: 'low', sensitivity: 'confidential', categories: ['Blue'],
    })
    const contact = itemOf('contact', {
      salutation: 'Dr.', firstName: 'Carol', lastName: 'Châtelet', jobTitle: 'CTO', department: 'Dev', company: 'ACME & Söhne', email: 'carol@example.test',
      businessPhone: '+49 1', mobilePhone: '+49 2', homePhone: '+49 3', otherPhone: '+49 4', fax: '+49 5', assistant: 'Bob', assistantPhone: '+49 6',
      birthday: '1980-02-29' as PlainDate, body: 'likes tea',
      businessAddress: { street: 'Via Roma 1\nScala B', pobox: '12', city: 'Roma', state: 'RM', zip: '00100', country: 'Italy' },
      otherAddress: { street: '', pobox: '77', city: 'Bonn', state: '', zip: '', country: '' },
    })
    const outcomes = await mailbox.create([create({ item: contact, stamp: stamp('c', 'contact') }), create({ item: task, stamp: stamp('t', 'task') })])
    expect(done(outcomes[0]).item).toEqual(contact)
    expect(done(outcomes[1]).item).toEqual(task)
    expect(done(outcomes[1]).stamp).toEqual(stamp('t', 'task'))
  })

  it('answers in the order of the requests, also for more than a batch and for a bad one in between', async () => {
    const requests = Array.from({ length: 23 }, (_, at) => create({
      item: at % 2 === 0 ? meeting({ subject: `n${at}` }) : itemOf('task', { subject: `n${at}` }), token: token(`t${at}`),
    }))
    requests[4] = create({ item: meeting({ time: { allDay: true, firstDay: '2026-02-30' as PlainDate, lastDay: '2026-02-30' as PlainDate } }) })
    const outcomes = await mailbox.create(requests)
    expect(outcomes[4]).toMatchObject({ type: 'failed', error: { code: 'EWS_UNWRITABLE_ITEM', scope: 'item', outcomeUnknown: false } })
    expect(outcomes.map((outcome) => (outcome.type === 'done' ? (outcome.snapshot.item.fields as { subject: string }).subject : null)))
      .toEqual(requests.map((_, at) => (at === 4 ? null : `n${at}`)))
  })

  it('changes only what is named', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const after = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'Moved', place: '', reminder: null }, expect: before.changeKey }]))[0])
    expect(after.item).toEqual(meeting({ subject: 'Moved', place: '', reminder: null }))
    expect(after.changeKey).not.toBe(before.changeKey)
  })

  it('moves an event between timed and all-day', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const time = { allDay: true, firstDay: '2026-12-24' as PlainDate, lastDay: '2026-12-26' as PlainDate } as const
    const allDay = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { time }, expect: before.changeKey }]))[0])
    expect(allDay.item).toEqual(meeting({ time }))
    const again = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { time: meeting().fields.time ?? time }, expect: allDay.changeKey }]))[0])
    expect(again.item).toEqual(meeting())
  })

  it('empties the fields of a contact and files it under both names', async () => {
    const item = itemOf('contact', { firstName: 'Carol', lastName: 'Old', email: 'c@example.test', mobilePhone: '1', birthday: '1980-05-06' as PlainDate,
      businessAddress: { street: 's', pobox: '1', city: 'c', state: '', zip: '', country: '' } })
    const before = done((await mailbox.create([create({ item })]))[0])
    const fields = { lastName: 'New', email: '', mobilePhone: '', birthday: null, businessAddress: { street: '', pobox: '', city: 'd', state: '', zip: '', country: '' } }
    const after = done((await mailbox.update([{ id: before.id, kind: 'contact', fields, expect: before.changeKey }]))[0])
    expect(after.item.fields).toMatchObject({ firstName: 'Carol', ...fields })
    expect(sim.items(alice.address, 'vtenext')[0]?.fields).toMatchObject({ FileAs: 'New, Carol', DisplayName: 'Carol New' })
  })

  it('reports a version that somebody changed as stale and writes nothing', async () => {
    const before = done((await mailbox.create([create()]))[0])
    sim.editItem(alice.address, before.id, { Subject: 'by hand' })
    expect(await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'ours' }, expect: before.changeKey }])).toEqual([{ type: 'stale' }])
    expect(await mailbox.remove([{ id: before.id, kind: 'event', expect: before.changeKey }])).toEqual([{ type: 'stale' }])
    expect(sim.items(alice.address, 'calendar').length).toBe(1)
  })

  it('reports an item that is no longer there as gone', async () => {
    const before = done((await mailbox.create([create()]))[0])
    sim.deleteItem(alice.address, before.id)
    expect(await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'ours' }, expect: before.changeKey }])).toEqual([{ type: 'gone' }])
    expect(await mailbox.remove([{ id: before.id, kind: 'event', expect: before.changeKey }])).toEqual([{ type: 'gone' }])
    expect(await mailbox.get('event', [before.id])).toEqual([{ type: 'gone' }])
  })

  it('stamps without telling the fields, so that nothing looks edited', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const after = done((await mailbox.update([{ id: before.id, kind: 'event', fields: {}, expect: before.changeKey, stamp: stamp('later') }]))[0])
    expect(after.item.fields).toEqual({})
    expect(await mailbox.get('event', [before.id])).toMatchObject([{ snapshot: { changeKey: after.changeKey, stamp: stamp('later'), item: meeting() } }])
  })

  it('moves what it removes to Deleted Items, without a word to anybody', async () => {
    const event = done((await mailbox.create([create()]))[0])
    const task = done((await mailbox.create([create({ item: itemOf('task', { subject: 'x' }) })]))[0])
    expect(await mailbox.remove([
      { id: event.id, kind: 'event', expect: event.changeKey }, { id: task.id, kind: 'task', expect: task.changeKey },
    ])).toEqual([{ type: 'removed' }, { type: 'removed' }])
    const deleted = sim.items(alice.address, 'deleteditems')
    expect(deleted.length).toBe(2)
    // Found by its new id it is still a deleted item, not a living one.
    expect(await mailbox.get('event', [itemId(deleted[0]?.id ?? '')])).toEqual([{ type: 'gone' }])
    expect(sim.outbox).toEqual([])
  })

  it('opened for a look only, it makes no contacts folder, and the missing one is empty', async () => {
    sim.faults.add({ operation: 'CreateFolder', times: 1, effect: { type: 'error', code: 'ErrorAccessDenied' } })
    await mailbox.open(true)
    expect(await mailbox.pull('contact', null, async () => new Map())).toEqual({ type: 'page', changes: [], next: '', more: false })
  })

  it('does not know the outcome of a create whose answer is lost, and finds the item by its token', async () => {
    await mailbox.open()
    const query = { kind: 'event', token: token('pair-9'), item: meeting(), uid: null, since: clock.now() } as const
    expect(await mailbox.findCreated(query)).toBeNull()
    sim.faults.add({ operation: 'CreateItem', times: 1, effect: { type: 'drop-after' } })
    const requests = [create({ token: query.token, stamp: stamp('pair-9') }), create({ token: token('x'), stamp: stamp('x') })]
    const outcomes = await mailbox.create(requests)
    expect(outcomes).toMatchObject(requests.map(() => ({ type: 'failed', error: { code: 'EWS_UNREACHABLE', scope: 'server', outcomeUnknown: true } })))
    expect(await mailbox.findCreated(query)).toMatchObject({ item: meeting(), stamp: stamp('pair-9') })
  })

  it('does not send the rest after trouble with the server, and knows that the rest did not happen', async () => {
    await mailbox.open()
    sim.faults.add({ operation: 'CreateItem', times: 1, effect: { type: 'drop-after' } })
    const outcomes = await mailbox.create(Array.from({ length: 12 }, (_, at) => create({ token: token(`t${at}`) })))
    expect(outcomes.map((outcome) => outcome.type === 'failed' && outcome.error.outcomeUnknown))
      .toEqual(Array.from({ length: 12 }, (_, at) => at < 10))
    expect(sim.items(alice.address, 'calendar').length).toBe(10)
  })

  it('keeps the intended content under the key of its own write when somebody edits in between', async () => {
    sim.faults.add({ operation: 'GetItem', times: 1, effect: { type: 'delay', ms: 60 } })
    const writing = mailbox.create([create()])
    while (sim.items(alice.address, 'calendar').length === 0) await clock.sleep(2)
    const id = sim.items(alice.address, 'calendar')[0]?.id ?? ''
    sim.editItem(alice.address, id, { Subject: 'faster' })
    const snapshot = done((await writing)[0])
    expect((snapshot.item as EventItem).fields.subject).toBe('Visit')
    expect(await mailbox.get('event', [snapshot.id])).not.toMatchObject([{ snapshot: { changeKey: snapshot.changeKey } }])
  })
})

describe('pulling', () => {
  it('reports every item once over several pages, then only what changed, and deletions', async () => {
    connection = connect({ maxChanges: 3 })
    mailbox = connection.mailbox(alice)
    for (let at = 0; at < 8; at += 1) sim.putItem(alice.address, 'calendar', { Subject: `n${at}` })
    const first = await pullAll('event')
    expect(first.map((change) => (change.type === 'seen' ? (change.snapshot.item as EventItem).fields.subject : change.type)).toSorted())
      .toEqual(Array.from({ length: 8 }, (_, at) => `n${at}`))
    let page = await mailbox.pull('event', null, none)
    while (page.type === 'page' && page.more) page = await mailbox.pull('event', page.next, none)
    if (page.type !== 'page') throw new Error(page.type)
    const [changed, removed] = sim.items(alice.address, 'calendar')
    sim.editItem(alice.address, changed?.id ?? '', { Subject: 'edited' })
    sim.deleteItem(alice.address, removed?.id ?? '')
    const next = await mailbox.pull('event', page.next, none)
    expect(next).toMatchObject({ type: 'page', more: false, changes: [
      { type: 'seen', snapshot: { id: changed?.id, item: { fields: { subject: 'edited' } } } }, { type: 'gone', id: removed?.id },
    ] })
  })

  it('does not read items that are known in this version', async () => {
    const snapshot = done((await mailbox.create([create()]))[0])
    sim.faults.add({ operation: 'GetItem', effect: { type: 'status', status: 500 } })
    expect(await pullAll('event', () => Promise.resolve(new Map([[snapshot.id, snapshot.changeKey]])))).toEqual([])
  })

  it('asks for a fresh start when the server forgot the sync state', async () => {
    const page = await mailbox.pull('event', null, none)
    if (page.type !== 'page') throw new Error(page.type)
    sim.invalidateSyncStates()
    expect(await mailbox.pull('event', page.next, none)).toEqual({ type: 'resync-required' })
    expect(await mailbox.pull('event', syncState('bm9uc2Vuc2U='), none)).toEqual({ type: 'resync-required' })
  })

  it('waits as long as a busy server says, also when it says so with HTTP 200', async () => {
    await mailbox.open()
    for (const [status, who] of [[200, 'bob'], [500, 'carol']] as const) {
      const other = connection.mailbox({ ...alice, id: mailboxId(who), address: `${who}@example.test` })
      sim.faults.add({ operation: 'SyncFolderItems', times: 1, effect: { type: 'error', code: 'ErrorServerBusy', backOffMs: 1234, status } })
      await expect(other.pull('event', null, none)).rejects.toMatchObject({ code: 'EWS_BUSY', remedy: 'wait', scope: 'mailbox', retryAfterMs: 1234 })
    }
    // One cut is met by asking again.
    sim.faults.add({ operation: 'SyncFolderItems', times: 1, effect: { type: 'half' } })
    expect(await mailbox.pull('event', null, none)).toMatchObject({ type: 'page' })
    sim.faults.add({ operation: 'SyncFolderItems', times: 2, effect: { type: 'half' } })
    await expect(mailbox.pull('event', null, none)).rejects.toMatchObject({ scope: expect.stringMatching(/mailbox|server/) as string })
  })
})

describe('searching a vanished item', () => {
  const find = (uid: string | null = null) => mailbox.locate('event', token('pair-1'), uid)

  it('knows whether it is in its folder, elsewhere, deleted or nowhere', async () => {
    sim.addFolder(alice.address, { name: 'Archive', folderClass: 'IPF.Appointment' })
    const made = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    expect(await find()).toEqual({ where: 'synced', snapshot: made })
    const moved = sim.moveItem(alice.address, made.id, 'Archive')
    expect(await find()).toEqual({ where: 'elsewhere' })
    sim.deleteItem(alice.address, moved.id)
    expect(await find()).toEqual({ where: 'deleted-items' })
    sim.emptyMailbox(alice.address)
    expect(await find('some-uid')).toEqual({ where: 'nowhere' })
  })

  it('finds an event without stamp by its UID', async () => {
    const made = done((await mailbox.create([create({ uid: 'uid-7' })]))[0])
    expect(await find('uid-7')).toEqual({ where: 'synced', snapshot: made })
    expect(await find('uid-8')).toEqual({ where: 'nowhere' })
  })

  it('does not take an event that belongs to another record for it, although the UID is the same', async () => {
    await mailbox.create([create({ uid: 'uid-7', stamp: stamp('pair-2') })])
    expect(await find('uid-7')).toEqual({ where: 'nowhere' })
  })

  it('is not misled by a copy that carries the same stamp', async () => {
    const made = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    sim.clock.advance(60_000)
    await mailbox.create([create({ stamp: stamp('pair-1'), token: token('copy') })])
    sim.deleteItem(alice.address, made.id)
    expect(await find()).toEqual({ where: 'deleted-items' })
  })
})

describe('many vanished items, as after a move of the mailbox', () => {
  const tokens = Array.from({ length: 40 }, (_, at) => `pair-${at}`)
  const find = (name: string) => mailbox.locate('event', token(name), null)

  it('are found without a search for each, wherever they are', async () => {
    sim.addFolder(alice.address, { name: 'Archive', folderClass: 'IPF.Appointment' })
    await mailbox.create(tokens.map((name) => create({ item: meeting({ subject: name }), stamp: stamp(name), token: token(`made-${name}`) })))
    sim.clock.advance(60_000)
    // The copy is younger: the original of pair-39 is what was lost.
    await mailbox.create([create({ stamp: stamp('pair-39'), token: token('copy') })])
    sim.moveMailbox(alice.address)
    // Our folders have other ids, too: nothing counts as gone or moved away because of that.
    await expect(find('pair-0')).rejects.toMatchObject({ code: 'EWS_FOLDER_GONE', scope: 'folder', remedy: 'retry' })
    await expect(mailbox.findCreated({ kind: 'event', token: token('pair-0'), item: meeting(), uid: null, since: clock.now() })).resolves.toMatchObject({ stamp: { token: 'pair-0' } })
    const idOf = (name: string) => sim.items(alice.address, 'calendar').find(({ fields }) => fields['Subject'] === name)?.id ?? ''
    await find('pair-0')
    const before = sim.requests
    for (const name of tokens.slice(0, 37)) expect(await find(name)).toMatchObject({ where: 'synced', snapshot: { stamp: { token: name } } })
    // Each is read; the first ten were searched for one by one, then all stamps were read in a page.
    expect(sim.requests - before).toBeLessThan(37 + 10 + 5)
    sim.moveItem(alice.address, idOf('pair-37'), 'Archive')
    sim.deleteItem(alice.address, idOf('pair-38'))
    sim.deleteItem(alice.address, idOf('pair-39'))
    expect([await find('pair-37'), await find('pair-38'), await find('pair-39'), await find('pair-99')].map(({ where }) => where)).toEqual(['elsewhere', 'deleted-items', 'deleted-items', 'nowhere'])
    await mailbox.create([create({ stamp: stamp('pair-99'), token: token('late') })])
    expect(await find('pair-99')).toMatchObject({ where: 'synced' })
  })
})

describe('signing in', () => {
  it('says how to give the right to impersonate', async () => {
    const own = connect({ credentials: { username: 'bob@example.test', password: 'bob-password' } })
    const checks = await own.check(alice.address)
    await own.close()
    expect(checks.map(({ name, ok }) => `${name}:${ok}`)).toEqual(['reachable:true', 'tls:true', 'login:true', 'access:false'])
    expect(checks.at(-1)?.cure).toContain('New-ManagementRoleAssignment -Name "vtenext exchange-connector" -Role ApplicationImpersonation -User "bob@example.test"')
  })

  it('finds nothing wrong with a mailbox in order, and tells what the server is', async () => {
    const checks = await connection.check(alice.address)
    expect(checks.map(({ name, ok }) => `${name}:${ok}`)).toEqual(['reachable:true', 'tls:true', 'login:true', 'access:true', 'folders:true'])
    expect(checks[0]?.detail).toBe(`${sim.url} answers (version 15.2.2562, Exchange 2019 or SE).`)
  })

  it('stops the whole server on a wrong service password, but only the mailbox on a wrong own one', async () => {
    const wrong = { username: sim.service.username, password: 'nope' }
    await expect(connect({ credentials: wrong }).mailbox(alice).open()).rejects.toMatchObject({ code: 'EWS_UNAUTHORIZED', scope: 'server', remedy: 'ask-human' })
    await expect(connect({ impersonation: false }).mailbox(alice, { username: alice.address, password: 'nope' }).open())
      .rejects.toMatchObject({ code: 'EWS_UNAUTHORIZED', scope: 'mailbox', remedy: 'ask-human' })
  })

  it('opens a mailbox with its owner\'s credentials', async () => {
    const own = connect({ impersonation: false })
    const bob = { ...alice, id: mailboxId('m2'), address: 'bob@example.test' }
    const replica = own.mailbox(bob, { username: 'bob@example.test', password: 'bob-password' })
    expect(await replica.create([create()])).toMatchObject([{ type: 'done' }])
    expect(sim.items('bob@example.test', 'calendar').length).toBe(1)
    await own.close()
  })

  it('calls a mailbox that does not exist by name', async () => {
    await expect(connection.mailbox({ ...alice, id: mailboxId('x'), address: 'nobody@example.test' }).open())
      .rejects.toMatchObject({ code: 'EWS_NO_MAILBOX', scope: 'mailbox', message: expect.stringContaining('nobody@example.test') as string })
  })

  it('tells a server that is down from a write that may have happened', async () => {
    await mailbox.open()
    await sim.stop()
    // The first call still finds a socket from before, closed under its hands: what was sent on it may have arrived.
    expect(await mailbox.create([create()])).toMatchObject([{ type: 'failed', error: { code: 'EWS_UNREACHABLE', outcomeUnknown: true } }])
    expect(await mailbox.create([create(), create()])).toMatchObject(Array.from({ length: 2 }, () => ({ type: 'failed', error: { code: 'EWS_UNREACHABLE', outcomeUnknown: false, remedy: 'wait' } })))
    sim = await startEwsSim()
  })

  it('finds people in the directory', async () => {
    expect(await connection.resolveNames('bob@example.test')).toMatchObject([{ address: 'bob@example.test' }])
    expect(await connection.resolveNames('nobody-at-all')).toEqual([])
  })

  it('makes the contacts folder once', async () => {
    await mailbox.open()
    sim.faults.add({ operation: 'CreateFolder', effect: { type: 'error', code: 'ErrorAccessDenied' } })
    await connect().mailbox(alice).open()
    const [made] = await mailbox.create([create({ item: itemOf('contact', { firstName: 'C', lastName: 'D' }) })])
    expect(sim.items(alice.address, 'vtenext').map(({ id }) => id)).toEqual([done(made).id])
  })

  it('refuses to send passwords in the open', () => {
    expect(() => connect({ url: 'http://mail.example.test/EWS/Exchange.asmx' })).toThrow(/use https/)
  })
})

