import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startVtenextSim, type VtenextSim } from '../../sim/vtenext/index.ts'
import {
  assigneeId, changeKey, instant, itemId, plainDate, token, type ChangeKey, type EventItem, type Fields, type ItemId,
  type ItemKind, type Snapshot, type SyncState, type TaskItem,
} from '../model/index.ts'
import type { Change, Clock, CreateRequest, WriteOutcome } from '../ports.ts'
import { createVtenext, type Vtenext } from './index.ts'

let sim: VtenextSim
let crm: Vtenext
const logged: string[] = []
const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`)
const log = { debug: note, info: note, warn: note, error: note }
const opened: Vtenext[] = []

const clock: Clock = {
  now: () => instant(sim.clock.now()),
  elapsedMs: () => sim.clock.now(),
  sleep: () => Promise.resolve(),
}
const admin = () => sim.users.find(({ username }) => username === 'admin')
function open(options: Partial<Parameters<typeof createVtenext>[0]> = {}): Vtenext {
  const accessKey = admin()?.accessKey ?? ''
  const fresh = createVtenext({ url: sim.url, username: 'admin', accessKey, log, clock, ...options })
  opened.push(fresh)
  return fresh
}

beforeAll(async () => {
  sim = await startVtenextSim()
})
beforeEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  sim.faults.clear()
  sim.reset()
  sim.setUser({ username: 'admin', zone: 'Europe/Rome', dateFormat: 'yyyy-mm-dd', admin: true })
  sim.setUser({ username: 'bob', zone: 'America/New_York' })
  logged.length = 0
  crm = open()
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await sim.stop()
})

const idOf = (username: string) => assigneeId(sim.users.find((user) => user.username === username)?.id ?? '')
const nothingKnown = async () => new Map<ItemId, ChangeKey>()

/** An hour of a day of December 2026. */
const hourAt = (day: number, hour: number) => {
  const at = (h: number) => instant(Date.UTC(2026, 11, day, h))
  return { allDay: false, start: at(hour), end: at(hour + 1) } as const
}
/** As the browser's form says it. */
const TEN = { date_start: '2026-12-01', time_start: '10:00', time_end: '11:00' }
const EVENT: EventItem = {
  kind: 'event',
  fields: {
    subject: 'Kick-off', body: 'Agenda', place: 'Room 1', sensitivity: 'normal', importance: 'normal', reminder: 15,
    time: hourAt(1, 9),
  },
}
const TASK: TaskItem = {
  kind: 'task',
  fields: {
    subject: 'Call', body: '', status: 'notStarted',
    startDate: plainDate('2026-12-01'), dueDate: plainDate('2026-12-03'),
  },
}

const request = (overrides: Partial<CreateRequest> = {}): CreateRequest =>
  ({ item: EVENT, token: token('token-1'), uid: 'uid-1', assignee: idOf('alice'), ...overrides })
async function create(overrides: Partial<CreateRequest> = {}): Promise<Snapshot> {
  const [outcome] = await crm.create([request(overrides)])
  return snapshotOf(outcome)
}
function snapshotOf(outcome: WriteOutcome | undefined): Snapshot {
  if (outcome?.type !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`)
  return outcome.snapshot
}
const revise = async (snapshot: Snapshot, fields: Fields, reference?: string) => {
  const { id, changeKey: expected, item } = snapshot
  const extra = reference === undefined ? {} : { reference }
  const [outcome] = await crm.update([{ id, kind: item.kind, fields, expect: expected, ...extra }])
  return outcome
}
async function get(kind: ItemKind, id: string): Promise<Snapshot> {
  const [found] = await crm.get(kind, [itemId(id)])
  if (found?.type !== 'seen') throw new Error(`not seen: ${JSON.stringify(found)}`)
  return found.snapshot
}
/** Pulls to the end. */
async function pullAll(kind: ItemKind, since: SyncState | null, known = nothingKnown, from = crm) {
  const changes: Change[] = []
  let state = since
  for (let pages = 1; ; pages++) {
    const page = await from.pull(kind, state, known)
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    state = page.next
    if (!page.more) return { changes, state, pages }
    if (pages > 50) throw new Error('the feed never ends')
  }
}
const stored = (module: string, id: string) => sim.records(module).find((record) => record.id === id)
const idsOf = (changes: readonly Change[]) =>
  changes.map((change) => (change.type === 'seen' ? change.snapshot.id : change.id))

it('trap 1: a server that crashes with an empty body is told apart from an answer', async () => {
  await crm.users()
  sim.faults.add({ operation: 'create', times: 1, effect: { type: 'status', status: 500, body: '' } })
  const [outcome] = await crm.create([request()])
  const error = { code: 'CRM_BAD_REPLY', scope: 'system', remedy: 'wait', outcomeUnknown: true }
  expect(outcome).toMatchObject({ type: 'failed', error })
})

it('trap 2: a task is made with its activity type, so the task feed has it', async () => {
  const made = await create({ item: TASK })
  expect(stored('Calendar', made.id)).toMatchObject({ activitytype: 'Task', subject: 'Call' })
  expect(idsOf((await pullAll('task', null)).changes)).toEqual([made.id])
  expect((await pullAll('event', null)).changes).toEqual([])
})

describe('trap 3: times', () => {
  it.each([
    ['time zone', { username: 'admin', zone: 'America/New_York' }, /set "Time Zone" to Europe\/Rome/],
    ['zone, though of the same offset,', { username: 'admin', zone: 'Europe/Berlin' }, /"Time Zone" to Europe\/Rome/],
    ['date format', { username: 'admin', dateFormat: 'dd-mm-yyyy' as const }, /set "Date Format" to yyyy-mm-dd/],
    ['rights', { username: 'admin', admin: false }, /tick "Admin"/],
  ])('are not read at all while the %s of the API user is wrong', async (_what, change, message) => {
    sim.setUser(change)
    await expect(crm.pull('event', null, nothingKnown)).rejects.toMatchObject({
      code: 'CRM_MISCONFIGURED', scope: 'system', remedy: 'ask-human', message: expect.stringMatching(message),
    })
    await expect(crm.create([request()])).rejects.toMatchObject({ code: 'CRM_MISCONFIGURED' })
    expect((await crm.check()).filter(({ ok, level }) => !ok && level === 'error').length).toBeGreaterThan(0)
    expect(sim.writes.create).toBe(0)
  })

  it('are the same moment whoever made the event and wherever its owner lives', async () => {
    const id = sim.put('Events', { subject: 'TZ', ...TEN }, { as: 'bob' })
    expect((await get('event', id)).item.fields).toMatchObject({
      time: { start: '2026-12-01T15:00:00Z', end: '2026-12-01T16:00:00Z', zone: 'America/New_York' },
    })
  })

  it('of an all-day event are the days its owner sees', async () => {
    const time = { allDay: true, firstDay: plainDate('2027-03-01'), lastDay: plainDate('2027-03-02') } as const
    const made = await create({ item: { kind: 'event', fields: { ...EVENT.fields, time } }, assignee: idOf('bob') })
    expect(made.item.fields).toMatchObject({ time })
    expect(stored('Events', made.id)).toMatchObject({
      date_start: '2027-03-01', time_start: '06:00', due_date: '2027-03-03', time_end: '05:59',
    })
  })
})

it('trap 4: a missing record is gone, for reading, writing and deleting', async () => {
  const made = await create()
  sim.remove(made.id)
  expect(await crm.get('event', [made.id, itemId('18x99999')])).toEqual([{ type: 'gone' }, { type: 'gone' }])
  expect(await revise(made, { subject: 'x' })).toEqual({ type: 'gone' })
  expect(await crm.remove([{ id: made.id, kind: 'event', expect: made.changeKey }])).toEqual([{ type: 'gone' }])
})

it('trap 5: a reminder reads as it was held, other edits leave it, and none cannot be written', async () => {
  const made = await create({ item: crm.hold({ kind: 'event', fields: { ...EVENT.fields, reminder: 60 } }) })
  expect(made.item.fields).toMatchObject({ reminder: 59 })
  const renamed = snapshotOf(await revise(made, { subject: 'Other' }))
  expect(renamed.item.fields).toMatchObject({ reminder: 59, subject: 'Other' })
  const writes = sim.writes.revise
  expect(snapshotOf(await revise(renamed, { reminder: null })).item.fields).toMatchObject({ reminder: 59 })
  expect(sim.writes.revise).toBe(writes)
})

it('trap 6: a moved event keeps the answers of those invited', async () => {
  const invitees = [{ email: 'bob@example.test', partecipation: 2 }, { email: 'carol@example.test', partecipation: 1 }]
  const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees })
  const time = hourAt(1, 12)
  const moved = snapshotOf(await revise(await get('event', id), { time }))
  expect(moved.item.fields).toMatchObject({ time })
  expect(stored('Events', id)?.invitees).toEqual([
    { id: idOf('bob'), partecipation: 2 }, { id: idOf('carol'), partecipation: 1 },
  ])
})

it('trap 7: an answer to an invitation is another version, though the record was not touched', async () => {
  const id = sim.put('Events', {
    subject: 'Inv', ...TEN, invitees: [{ email: 'bob@example.test' }],
  })
  const before = await get('event', id)
  sim.answerInvitation(id, idOf('bob'), 2)
  const after = await get('event', id)
  expect(after.modifiedAt).toBe(before.modifiedAt)
  expect(after.changeKey).not.toBe(before.changeKey)
  expect(await revise(before, { time: hourAt(1, 12) })).toEqual({ type: 'stale' })
  expect(await crm.remove([{ id: before.id, kind: 'event', expect: before.changeKey }])).toEqual([{ type: 'stale' }])
  snapshotOf(await revise(after, { time: hourAt(1, 12) }))
  expect(stored('Events', id)?.invitees).toEqual([{ id: idOf('bob'), partecipation: 2 }])
})

it('trap 8: nobody is invited or mailed by a create or a move', async () => {
  const made = await create()
  const time = hourAt(2, 9)
  snapshotOf(await revise(made, { time }))
  expect(stored('Events', made.id)?.invitees).toEqual([])
  expect(sim.mails).toEqual([])
})

it('trap 11: a private event is private, and stays public where the CRM says public', async () => {
  const hidden = await create({ item: { kind: 'event', fields: { ...EVENT.fields, sensitivity: 'confidential' } } })
  expect(stored('Events', hidden.id)).toMatchObject({ visibility: 'Private' })
  expect(hidden.item.fields).toMatchObject({ sensitivity: 'private' })
  const id = sim.put('Events', { subject: 'P', ...TEN, visibility: 'Public' })
  snapshotOf(await revise(await get('event', id), { sensitivity: 'personal', importance: 'normal', place: 'Here' }))
  expect(stored('Events', id)).toMatchObject({ visibility: 'Public', taskpriority: '', location: 'Here' })
})

it('trap 12: a record is never given to somebody who does not exist', async () => {
  const [outcome] = await crm.create([request({ assignee: assigneeId('19x999') })])
  expect(outcome).toMatchObject({ type: 'failed', error: { code: 'CRM_REJECTED', outcomeUnknown: false } })
  expect(sim.records('Events')).toEqual([])
  const sales = (await crm.groups()).find(({ name }) => name === 'Sales')
  expect((await create({ assignee: sales?.id ?? assigneeId('') })).assignee).toBe(sales?.id)
})

it('trap 12: a record that belongs to nobody does not keep the others from being seen', async () => {
  const lost = sim.put('Events', { subject: 'Lost', ...TEN })
  sim.edit(lost, { assigned_user_id: '19x999' })
  const good = sim.put('Events', { subject: 'Good', ...TEN })
  expect(idsOf((await pullAll('event', null)).changes)).toContain(good)
})

describe('trap 13: what the CRM cannot store', () => {
  it('is held before it is sent, so that it reads back as it was written', async () => {
    const subject = `😀 &amp;amp; ${'è'.repeat(200)}`
    const long = { ...EVENT.fields, subject, place: 'ü'.repeat(200), body: 'a\r\nb &lt;i&gt; 😀' }
    const held = crm.hold({ kind: 'event', fields: { ...long, freeBusy: 'busy', categories: ['Red'], reminder: 120 } })
    const made = await create({ item: held })
    const { time: _time, ...rest } = held.fields as EventItem['fields']
    expect(made.item.fields).toMatchObject(rest)
    expect(held.fields).toMatchObject({ subject: `? & ${'è'.repeat(96)}`, body: 'a\nb <i> ?', reminder: 119 })
    expect(held.fields).not.toHaveProperty('freeBusy')
    expect(held.fields).not.toHaveProperty('categories')
    expect(crm.hold(held)).toEqual(held)
  })

  it('is one broken item in a page of good ones', async () => {
    const bad = sim.put('Events', { subject: 'Bad', date_start: 'tomorrow', time_start: '10:00', time_end: '11:00' })
    const good = sim.put('Events', { subject: 'Good', ...TEN })
    const { changes } = await pullAll('event', null)
    const broken = { id: bad, error: { code: 'CRM_BAD_RECORD', scope: 'item' } }
    expect(changes.find((change) => change.type === 'broken')).toMatchObject(broken)
    expect(changes.find((change) => change.type === 'seen')).toMatchObject({ snapshot: { id: good } })
    expect(await crm.get('event', [itemId(bad)])).toMatchObject([{ type: 'failed', error: { code: 'CRM_BAD_RECORD' } }])
  })

  it('gets a subject where there is none, because the CRM demands one', async () => {
    const made = await create({ item: { kind: 'event', fields: { ...EVENT.fields, subject: '  ' } } })
    expect(made.item.fields).toMatchObject({ subject: '(no subject)' })
  })
})

it('trap 14 and 18: a find by UID survives quotes and finds nothing where nothing is', async () => {
  const made = await create({ uid: 'it\'s;0' })
  const query = { kind: 'event' as const, token: token('other'), item: EVENT, uid: 'it\'s;0', since: clock.now() }
  expect((await crm.findCreated(query))?.id).toBe(made.id)
  expect(await crm.findCreated({ ...query, uid: 'none' })).toBeNull()
  const located = { where: 'synced', snapshot: { id: made.id } }
  expect(await crm.locate('event', token('none'), 'it\'s;0')).toMatchObject(located)
  expect(await crm.locate('event', token('none'), null)).toEqual({ where: 'nowhere' })
})

it('trap 15: only the fields that differ are written, and nothing when none does', async () => {
  const made = await create()
  sim.edit(made.id, { contact_id: '', eventstatus: 'Held' })
  const now = await get('event', made.id)
  const next = snapshotOf(await revise(now, { subject: 'New', body: 'Agenda  ', place: 'Room 1' }))
  const wanted = { subject: 'New', description: 'Agenda', eventstatus: 'Held', location: 'Room 1' }
  expect(stored('Events', made.id)).toMatchObject(wanted)
  const { revise: writes } = sim.writes
  expect(snapshotOf(await revise(next, { subject: 'New' })).changeKey).toBe(next.changeKey)
  expect(sim.writes.revise).toBe(writes)
})

it('trap 16: an event made from Exchange carries its UID from the first moment, a task its token', async () => {
  const made = await create({ reference: 'AAMk-1' })
  expect(made).toMatchObject({ uid: 'uid-1', reference: 'AAMk-1' })
  expect((await create({ uid: undefined as never, token: token('pair-2') })).uid).toBe('pair-2')
  const task = await create({ item: TASK, token: token('pair-3') })
  const asked = { item: TASK, uid: null, assignee: idOf('alice'), since: clock.now() }
  const query = { kind: 'task' as const, token: token('pair-3'), ...asked }
  expect((await crm.findCreated(query))?.id).toBe(task.id)
  expect((await crm.findCreated({ ...query, token: token('lost') }))?.id).toBe(task.id)
  expect(await crm.findCreated({ ...query, token: token('lost'), assignee: idOf('bob') })).toBeNull()
  const later = instant(sim.clock.now() + 60_000)
  expect(await crm.findCreated({ ...query, token: token('lost'), since: later })).toBeNull()
})

it('trap 17: groups are found by their numbers, users with their zones', async () => {
  const support = sim.addGroup({ name: 'Support', members: ['bob'] })
  const groups = await crm.groups()
  expect(groups.map(({ name }) => name).sort()).toEqual(['Sales', 'Support'])
  expect(groups.find(({ name }) => name === 'Support')).toEqual({ id: support.id, name: 'Support', members: [] })
  const users = await crm.users()
  expect(users.find(({ name }) => name === 'bob')).toMatchObject({
    id: idOf('bob'), addresses: ['bob@example.test'], active: true, admin: false, zone: 'America/New_York',
  })
})

it('trap 19: no secret reaches the log or an error', async () => {
  await crm.users()
  const wrong = open({ accessKey: 'not-the-key-1234' })
  const error = await wrong.users().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'CRM_LOGIN_REFUSED', scope: 'system', remedy: 'ask-human' })
  const seen = `${logged.join('\n')} ${JSON.stringify(error)} ${(error as Error).stack ?? ''}`
  for (const { accessKey, password } of sim.users) {
    expect(seen).not.toContain(accessKey)
    expect(seen).not.toContain(password)
  }
  expect(seen).not.toContain('not-the-key-1234')
})

describe('trap 20: sessions', () => {
  it('that the server forgot are opened again, and the call is made once', async () => {
    await crm.users()
    sim.expireSessions()
    expect((await create()).uid).toBe('uid-1')
    expect(sim.records('Events')).toHaveLength(1)
  })

  it('are not asked for again with a key that was refused, until five minutes have passed', async () => {
    const key = admin()?.accessKey ?? ''
    const wrong = open({ accessKey: 'wrong' })
    await expect(wrong.users()).rejects.toMatchObject({ code: 'CRM_LOGIN_REFUSED' })
    sim.setUser({ username: 'admin', accessKey: 'wrong' })
    await expect(wrong.users()).rejects.toMatchObject({ code: 'CRM_LOGIN_REFUSED' })
    sim.clock.advance(5 * 60_000 + 1)
    await expect(wrong.users()).resolves.not.toEqual([])
    sim.setUser({ username: 'admin', accessKey: key })
  })
})

it('a change that came in between makes a write stale, and nothing is written', async () => {
  const made = await create()
  sim.edit(made.id, { subject: 'By hand' })
  expect(await revise(made, { subject: 'Ours' })).toEqual({ type: 'stale' })
  expect(await crm.remove([{ id: made.id, kind: 'event', expect: made.changeKey }])).toEqual([{ type: 'stale' }])
  expect(stored('Events', made.id)).toMatchObject({ subject: 'By hand', deleted: false })
  const now = await get('event', made.id)
  expect(await crm.remove([{ id: made.id, kind: 'event', expect: now.changeKey }])).toEqual([{ type: 'removed' }])
  expect(stored('Events', made.id)).toMatchObject({ deleted: true })
})

it.each(['drop-after', 'half'] as const)('a create with a lost answer (%s) is open and can be found', async (type) => {
  await crm.users()
  sim.faults.add({ operation: 'create', times: 1, effect: { type } })
  const since = clock.now()
  const outcomes = await crm.create([request()])
  expect(outcomes).toMatchObject([{ type: 'failed', error: { outcomeUnknown: true, scope: 'system' } }])
  const found = await crm.findCreated({ kind: 'event', token: token('token-1'), item: EVENT, uid: 'uid-1', since })
  expect(found?.id).toBe(sim.records('Events')[0]?.id)
})

it('a CRM that is not there is waited for, and a write to it has surely not happened', async () => {
  await crm.users()
  const nobody = open({ url: 'http://127.0.0.1:9/webservice.php' })
  const error = { code: 'CRM_UNREACHABLE', scope: 'system', remedy: 'wait', outcomeUnknown: false }
  await expect(nobody.users()).rejects.toMatchObject(error)
  expect(await nobody.check()).toMatchObject([{ ok: false, level: 'error' }])
  expect(() => open({ url: 'http://crm.example.test/webservice.php' })).toThrow(/https/)
})

it('a read on a connection the server closed is asked again', async () => {
  await crm.users()
  sim.faults.add({ operation: 'retrieve', times: 1, effect: { type: 'drop-before' } })
  expect(await crm.get('event', [itemId('18x99999')])).toEqual([{ type: 'gone' }])
})

it('outcomes come in the order of the requests, each with its own fate', async () => {
  const requests = Array.from({ length: 12 }, (_, i) =>
    request({ uid: `u${i}`, ...(i === 5 ? { assignee: assigneeId('19x999') } : {}) }))
  const outcomes = await crm.create(requests)
  expect(outcomes.map((outcome) => (outcome.type === 'done' ? outcome.snapshot.uid : outcome.type)))
    .toEqual(requests.map(({ uid }, i) => (i === 5 ? 'failed' : uid)))
})

it('the Exchange id is written alone, also on contacts, and not where there is no field for it', async () => {
  const contact = await get('contact', sim.put('Contacts', { lastname: 'Neri' }))
  expect(snapshotOf(await revise(contact, {}, 'AAMk-9')).reference).toBe('AAMk-9')
  const refused = await revise(await get('contact', contact.id), { lastName: 'X' })
  expect(refused).toMatchObject({ type: 'failed', error: { remedy: 'bug' } })
  const without = open({ referenceLabel: 'Nothing' })
  const { id, changeKey: expected } = await get('contact', contact.id)
  const [outcome] = await without.update([{ id, kind: 'contact', fields: {}, expect: expected, reference: 'B' }])
  const again = snapshotOf(outcome)
  expect(again).not.toHaveProperty('reference')
  const field = (await without.check()).find(({ name }) => name === 'Field "Nothing" in Events')
  expect(field).toMatchObject({ ok: false, level: 'warning' })
})

it('a contact shows the name of its account', async () => {
  const account = sim.put('Accounts', { accountname: 'Acme' })
  const birthday = '1980-05-17'
  const id = sim.put('Contacts', { lastname: 'Neri', account_id: account, birthday, salutationtype: '--None--' })
  expect((await get('contact', id)).item.fields).toMatchObject({ company: 'Acme', birthday, salutation: '' })
  const { changes } = await pullAll('contact', null)
  expect(changes).toMatchObject([{ type: 'seen', snapshot: { id, item: { fields: { company: 'Acme' } } } }])
})

describe('a task', () => {
  it('without dates is made for today, and without one date gets the other', async () => {
    const today = clock.now().slice(0, 10)
    const made = await create({ item: { kind: 'task', fields: { ...TASK.fields, startDate: null, dueDate: null } } })
    expect([today, instant(sim.clock.now() + 3_600_000).slice(0, 10)]).toContain(stored('Calendar', made.id)?.due_date)
    const due = await create({ item: { kind: 'task', fields: { ...TASK.fields, startDate: null } } })
    expect(due.item.fields).toMatchObject({ startDate: '2026-12-03', dueDate: '2026-12-03' })
  })

  it('keeps its time of day and a status of the administrator\'s own until they are changed', async () => {
    const id = sim.put('Calendar', {
      subject: 'T', date_start: '2026-12-01', time_start: '08:30', due_date: '2026-12-02', taskstatus: 'Exotic',
    })
    const task = await get('task', id)
    expect(task.item.fields).toMatchObject({ status: 'notStarted' })
    const moved = snapshotOf(await revise(task, { startDate: plainDate('2026-12-02'), status: 'notStarted' }))
    const kept = { date_start: '2026-12-02', time_start: '08:30', taskstatus: 'Exotic' }
    expect(stored('Calendar', id)).toMatchObject(kept)
    snapshotOf(await revise(moved, { status: 'waitingOnOthers' }))
    expect(stored('Calendar', id)).toMatchObject({ taskstatus: 'Pending Input' })
  })
})

it('a version has the same key in the feed, in a read and in the answer to its write', async () => {
  const event = await create()
  const task = await create({ item: TASK })
  const contact = await get('contact', sim.put('Contacts', { lastname: 'Neri', email: 'mario.neri@acme.test' }))
  for (const made of [event, task, contact]) {
    const { kind } = made.item
    const { changes } = await pullAll(kind, null)
    expect(changes).toMatchObject([{ type: 'seen', snapshot: { id: made.id, changeKey: made.changeKey } }])
    expect((await get(kind, made.id)).changeKey).toBe(made.changeKey)
  }
  expect(event.changeKey).not.toBe(changeKey(''))
})
