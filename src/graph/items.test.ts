import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alice, day, done, none, pullRound, startCloud, told } from '../../test/support/cloud.ts'
import type { Cloud } from '../../test/support/cloud.ts'
import { itemId, itemOf, token } from '../model/index.ts'
import type { ItemKind, PlainDate, Stamp } from '../model/index.ts'
import type { Exchange } from '../ports.ts'

let cloud: Cloud
let mailbox: Exchange

beforeEach(async () => {
  cloud = await startCloud()
  mailbox = cloud.connect({ pageSize: 2 }).mailbox(alice)
})
afterEach(() => cloud.stop())

const stamp = (name: string, kind: ItemKind): Stamp => ({ instance: 'crm-1', kind, record: itemId('18x7'), token: token(name) })
const call = itemOf('task', {
  subject: 'Call back', body: 'soon\nand politely', startDate: '2026-03-28' as PlainDate, dueDate: '2026-03-29' as PlainDate, status: 'waitingOnOthers',
  importance: 'low', categories: ['Blue'],
})
const carol = itemOf('contact', {
  salutation: 'Dr.', firstName: 'Carol', lastName: 'Châtelet', jobTitle: 'CTO', department: 'Dev', company: 'ACME & Söhne', email: 'carol@example.test',
  businessPhone: '+49 1', mobilePhone: '+49 2', homePhone: '+49 3', otherPhone: '+49 4', fax: '+49 5', assistant: 'Bob', assistantPhone: '+49 6',
  birthday: '1980-02-29' as PlainDate, body: 'likes tea\nand cake',
  businessAddress: { street: 'Via Roma 1\nScala B', pobox: '12', city: 'Roma', state: 'RM', zip: '00100', country: 'Italy' },
  otherAddress: { street: '', pobox: '77', city: 'Bonn', state: '', zip: '', country: '' },
})
const lists = async () => (await cloud.outlook('GET', '/todo/lists')).value as { id: string; wellknownListName: string }[]
const ownList = async () => (await lists()).find(({ wellknownListName }) => wellknownListName === 'defaultList')?.id ?? ''
const folder = async () => (await cloud.outlook('GET', '/contactFolders')).value.find(({ displayName }: { displayName: string }) => displayName === 'vtenext')

describe('tasks', () => {
  it('are created as they were meant, and carry their stamp as the origin that people see', async () => {
    const snapshot = done((await mailbox.create([{ item: call, token: token('t'), stamp: stamp('t', 'task') }]))[0])
    expect(snapshot).toMatchObject({ item: call, stamp: stamp('t', 'task') })
    expect(await mailbox.get('task', [snapshot.id])).toEqual([{ type: 'seen', snapshot: { ...snapshot, modifiedAt: expect.any(String) } }])
    const linked = (await cloud.outlook('GET', `/todo/lists/${await ownList()}/tasks/${snapshot.id}/linkedResources`)).value
    expect(linked).toMatchObject([{ applicationName: 'vtenext', externalId: 'v1;crm-1;Calendar;18x7;t' }])
  })

  it('change only in what is named; dates that did not change are not sent', async () => {
    const before = done((await mailbox.create([{ item: call, token: token('t') }]))[0])
    const after = done((await mailbox.update([{ id: before.id, kind: 'task', fields: { status: 'completed', startDate: null }, expect: before.changeKey }]))[0])
    expect(after.item.fields).toEqual({ ...call.fields, status: 'completed', startDate: null })
    expect(after.changeKey).not.toBe(before.changeKey)
  })

  it('are stamped later without their fields being told, once and under the right version', async () => {
    const before = done((await mailbox.create([{ item: call, token: token('t') }]))[0])
    const first = done((await mailbox.update([{ id: before.id, kind: 'task', fields: {}, expect: before.changeKey, stamp: stamp('a', 'task') }]))[0])
    const second = done((await mailbox.update([{ id: before.id, kind: 'task', fields: {}, expect: first.changeKey, stamp: stamp('b', 'task') }]))[0])
    expect([first.item.fields, second.item.fields]).toEqual([{}, {}])
    expect(await mailbox.get('task', [before.id])).toMatchObject([{ snapshot: { changeKey: second.changeKey, stamp: stamp('b', 'task'), item: call } }])
    expect((await cloud.outlook('GET', `/todo/lists/${await ownList()}/tasks/${before.id}/linkedResources`)).value).toHaveLength(1)
  })

  it('that somebody changed or deleted meanwhile are stale or gone', async () => {
    const [a, b] = (await mailbox.create([{ item: call, token: token('a') }, { item: call, token: token('b') }])).map(done)
    if (a === undefined || b === undefined) throw new Error('not made')
    await cloud.outlook('PATCH', `/todo/lists/${await ownList()}/tasks/${a.id}`, { title: 'by hand' })
    await cloud.outlook('DELETE', `/todo/lists/${await ownList()}/tasks/${b.id}`)
    const update = (id: typeof a) => ({ id: id.id, kind: 'task', fields: { subject: 'ours' }, expect: id.changeKey } as const)
    expect(await mailbox.update([update(a), update(b)])).toEqual([{ type: 'stale' }, { type: 'gone' }])
    expect(await mailbox.remove([{ id: a.id, kind: 'task', expect: a.changeKey }, { id: b.id, kind: 'task', expect: b.changeKey }])).toEqual([{ type: 'stale' }, { type: 'gone' }])
  })

  it('are told by their list: everything once, then changes and deletions', async () => {
    const list = await ownList()
    for (const title of ['a', 'b', 'c']) await cloud.outlook('POST', `/todo/lists/${list}/tasks`, { title, dueDateTime: { dateTime: `${day(2)}T00:00:00`, timeZone: 'UTC' } })
    const all = await pullRound(mailbox, 'task')
    expect(told(all)).toEqual(['a', 'b', 'c'])
    expect(all.changes[0]).toMatchObject({ snapshot: { item: { fields: { dueDate: day(2) } } } })
    const [a, b] = (await cloud.outlook('GET', `/todo/lists/${list}/tasks`)).value
    await cloud.outlook('PATCH', `/todo/lists/${list}/tasks/${a.id}`, { title: 'a2' })
    await cloud.outlook('DELETE', `/todo/lists/${list}/tasks/${b.id}`)
    expect(told(await pullRound(mailbox, 'task', all))).toEqual([a.title === 'a' ? 'a2' : expect.any(String), `gone ${b.id}`])
  })

  it.each(['gone', 'refused', 'readable'] as const)('that were deleted are told as gone, also where a reading by their id is %s', async (deletedTasks) => {
    cloud.sim.setSwitches({ deletedTasks })
    const [a, b] = (await mailbox.create([{ item: call, token: token('a') }, { item: call, token: token('b') }])).map(done)
    const all = await pullRound(mailbox, 'task')
    await cloud.outlook('DELETE', `/todo/lists/${await ownList()}/tasks/${a?.id}`)
    await cloud.outlook('PATCH', `/todo/lists/${await ownList()}/tasks/${b?.id}`, { title: 'b2' })
    expect(told(await pullRound(mailbox, 'task', all))).toEqual(['b2', `gone ${a?.id}`])
  })

  it('that recur are left alone', async () => {
    await cloud.outlook('POST', `/todo/lists/${await ownList()}/tasks`, {
      title: 'weekly', dueDateTime: { dateTime: `${day(2)}T00:00:00`, timeZone: 'UTC' },
      recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'noEnd', startDate: day(2) } },
    })
    expect((await pullRound(mailbox, 'task')).changes).toMatchObject([{ snapshot: { unsupported: 'recurring' } }])
  })

  it('of another list are found there, and the create whose answer was lost is found in its own', async () => {
    cloud.sim.faults.add({ operation: 'createTask', times: 1, effect: { type: 'drop-after' } })
    expect(await mailbox.create([{ item: call, token: token('lost'), stamp: stamp('lost', 'task') }])).toMatchObject([{ type: 'failed', error: { outcomeUnknown: true } }])
    expect(await mailbox.findCreated({ kind: 'task', token: token('lost'), item: call, uid: null, since: cloud.clock.now() })).toMatchObject({ item: call })
    const other = await cloud.outlook('POST', '/todo/lists', { displayName: 'Home' })
    await cloud.outlook('POST', `/todo/lists/${other.id}/tasks`, { title: 'x', linkedResources: [{ applicationName: 'vtenext', displayName: 'vtenext', externalId: 'v1;crm-1;Calendar;18x7;away' }] })
    expect(await mailbox.locate('task', token('away'), null)).toEqual({ where: 'elsewhere' })
    expect(await mailbox.locate('task', token('lost'), null)).toMatchObject({ where: 'synced' })
    expect(await mailbox.locate('task', token('never'), null)).toEqual({ where: 'nowhere' })
  })
})

describe('contacts', () => {
  it('go into a folder of their own with everything the CRM knows', async () => {
    const snapshot = done((await mailbox.create([{ item: carol, token: token('c'), stamp: stamp('c', 'contact') }]))[0])
    expect(snapshot).toMatchObject({ item: carol, stamp: stamp('c', 'contact') })
    expect(await mailbox.get('contact', [snapshot.id])).toEqual([{ type: 'seen', snapshot }])
    const there = (await cloud.outlook('GET', `/contactFolders/${(await folder()).id}/contacts`)).value
    expect(there).toMatchObject([{ displayName: 'Carol Châtelet', fileAs: 'Châtelet, Carol' }])
    expect((await cloud.outlook('GET', '/contacts')).value).toEqual([])
  })

  it('lose their values where the CRM has none any more, and are filed under both names', async () => {
    const before = done((await mailbox.create([{ item: carol, token: token('c') }]))[0])
    const fields = { lastName: 'New', email: '', mobilePhone: '', otherPhone: '', birthday: null, businessAddress: { street: '', pobox: '', city: 'd', state: '', zip: '', country: '' } }
    const after = done((await mailbox.update([{ id: before.id, kind: 'contact', fields, expect: before.changeKey }]))[0])
    expect(after.item.fields).toEqual({ ...carol.fields, ...fields })
    expect((await cloud.outlook('GET', `/contacts/${before.id}`))).toMatchObject({ displayName: 'Carol New', fileAs: 'New, Carol' })
  })

  it('that somebody changed are stale, whether or not their names are written', async () => {
    const before = done((await mailbox.create([{ item: carol, token: token('c') }]))[0])
    await cloud.outlook('PATCH', `/contacts/${before.id}`, { jobTitle: 'CEO' })
    for (const fields of [{ firstName: 'C.' }, { department: 'x' }]) {
      expect(await mailbox.update([{ id: before.id, kind: 'contact', fields, expect: before.changeKey }])).toEqual([{ type: 'stale' }])
    }
  })

  it('are told by their folder; those in the user\'s own folders are his', async () => {
    const own = done((await mailbox.create([{ item: carol, token: token('c'), stamp: stamp('c', 'contact') }]))[0])
    await cloud.outlook('POST', '/contacts', { givenName: 'Private' })
    const all = await pullRound(mailbox, 'contact')
    expect(all.changes).toMatchObject([{ type: 'seen', snapshot: { id: own.id } }])
    await cloud.outlook('DELETE', `/contacts/${own.id}`)
    expect((await pullRound(mailbox, 'contact', all)).changes).toEqual([{ type: 'gone', id: own.id }])
    expect(await mailbox.locate('contact', token('c'), null)).toEqual({ where: 'nowhere' })
  })

  it('of a mailbox opened for a look only need no folder, and the missing one is empty', async () => {
    await mailbox.open(true)
    expect(await mailbox.pull('contact', null, none)).toEqual({ type: 'page', changes: [], next: '', more: false })
    expect(await folder()).toBeUndefined()
  })

  it('get a new folder, and are all told again, when theirs was deleted', async () => {
    await mailbox.create([{ item: carol, token: token('c') }])
    const all = await pullRound(mailbox, 'contact')
    await cloud.outlook('DELETE', `/contactFolders/${(await folder()).id}`)
    expect(await mailbox.pull('contact', all.state, none)).toEqual({ type: 'resync-required' })
    expect((await pullRound(mailbox, 'contact')).changes).toEqual([])
  })
})

describe('a mailbox without To Do', () => {
  it('has no tasks, and says why it takes none; events and contacts go on', async () => {
    const without = cloud.connect({ tasks: false }).mailbox(alice)
    expect(await without.pull('task', null, none)).toEqual({ type: 'page', changes: [], next: '', more: false })
    expect(await without.create([{ item: call, token: token('t') }, { item: carol, token: token('c') }]))
      .toMatchObject([{ type: 'failed', error: { code: 'GRAPH_NO_SUCH_KIND', scope: 'item', outcomeUnknown: false } }, { type: 'done' }])
  })

  it('is told what it lacks by the check: the right, or the wish', async () => {
    const cure = async (tasks: boolean) => (await cloud.connect({ tasks }).check(alice)).find(({ name }) => name === 'tasks')?.cure
    expect(await cure(true)).toBe('')
    expect(await cure(false)).toContain('set "tasks: true"')
    cloud.sim.setSwitches({ todo: false })
    expect(await cure(true)).toContain('Tasks.ReadWrite.All in Entra')
  })

  it('begins where it stopped once it has To Do again, so that a deletion in between is not lost', async () => {
    const [a] = (await mailbox.create([{ item: call, token: token('a') }])).map(done)
    const { state } = await pullRound(mailbox, 'task')
    const list = await ownList()
    cloud.sim.setSwitches({ todo: false })
    const late = cloud.connect().mailbox(alice)
    const meanwhile = await late.pull('task', state, none)
    expect(meanwhile).toMatchObject({ type: 'page', changes: [] })
    cloud.sim.setSwitches({ todo: true })
    await cloud.outlook('DELETE', `/todo/lists/${list}/tasks/${a?.id}`)
    const next = meanwhile.type === 'page' ? meanwhile.next : null
    // It is asked for again by and by, not at every turn.
    expect(await late.pull('task', next, none)).toMatchObject({ changes: [] })
    cloud.sim.clock.advance(11 * 60_000)
    expect(await late.pull('task', next, none)).toMatchObject({ changes: [{ type: 'gone', id: a?.id }] })
    expect(late.lacks?.('task')).toBe(false)
  })

  it('never tells that its tasks are gone, whatever it is asked', async () => {
    const { id, changeKey } = done((await mailbox.create([{ item: call, token: token('t'), stamp: stamp('t', 'task') }]))[0])
    const without = cloud.connect({ tasks: false }).mailbox(alice)
    const unknown = { type: 'failed', error: { code: 'GRAPH_NO_SUCH_KIND', scope: 'item' } }
    expect(await without.get('task', [id])).toMatchObject([unknown])
    expect(await without.update([{ id, kind: 'task', fields: { subject: 'x' }, expect: changeKey }])).toMatchObject([unknown])
    expect(await without.remove([{ id, kind: 'task', expect: changeKey }])).toMatchObject([unknown])
    await expect(without.locate('task', token('t'), null)).rejects.toMatchObject(unknown.error)
  })
})
