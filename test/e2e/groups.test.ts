import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { day, install, NOTHING, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { visit } from './support/people.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
/** Ids of users and groups in the CRM, by name. */
let ids: ReadonlyMap<string, string>

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  const { users, groups } = await simulators.control('vtenext/users')
  ids = new Map([...users.map(({ username, id }: any) => [username, id]), ...groups.map(({ name, id }: any) => [name, id])])
  office = await install(simulators)
})
afterEach(() => office.close())

const owned = (owner: string) => ({ assigned_user_id: ids.get(owner) ?? '' })
const task = (subject: string, owner: string, fields: object = {}) =>
  simulators.putRecord('admin', 'Calendar', { subject, date_start: day(1), due_date: day(4), ...owned(owner), ...fields })
const event = (subject: string, owner: string, fields: object = {}) => simulators.putRecord('admin', 'Events', visit(subject, { ...owned(owner), ...fields }))
const give = (record: string, owner: string) => simulators.editRecord('admin', record, owned(owner))
const itemOf = async (who: string, subject: string, folder = 'tasks') => {
  const found = await simulators.item(who, subject, folder)
  if (found === undefined) throw new Error(`${who} has no ${subject}`)
  return found
}
const edit = async (who: string, subject: string, fields: object, folder = 'tasks') => simulators.editItem(who, (await itemOf(who, subject, folder)).id, { ...fields })
const subjects = async (who: string, folder = 'tasks') => (await simulators.items(who, folder)).map(({ fields }) => fields['Subject']).toSorted()
const everywhere = (folder: string) => Promise.all(['alice', 'bob', 'carol'].map((who) => subjects(who, folder)))
const statusOf = async (who: string, subject: string) => (await itemOf(who, subject)).fields['Status']
const recordOf = async (subject: string, module = 'Calendar'): Promise<Record<string, unknown> & { id?: string }> => (await simulators.record(module, subject)) ?? {}
const later = () => simulators.control('clock', { advanceMs: 2000 })

describe('a task of a group', () => {
  it('appears with every member; one completes it, and the CRM and the others show it within one run', async () => {
    await task('Call the customers', 'Sales')
    expect(await office.sync()).toMatchObject({ exchange: { created: 2 } })
    expect(await everywhere('tasks')).toEqual([['Call the customers'], ['Call the customers'], []])
    await edit('bob', 'Call the customers', { Status: 'Completed' })
    await office.sync()
    expect(await recordOf('Call the customers')).toMatchObject({ taskstatus: 'Completed' })
    expect(await statusOf('alice', 'Call the customers')).toBe('Completed')
    await office.settled()
    await edit('alice', 'Call the customers', { Status: 'NotStarted' })
    await office.sync()
    expect([(await recordOf('Call the customers'))['taskstatus'], await statusOf('bob', 'Call the customers')]).toEqual(['Not Started', 'NotStarted'])
    await office.settled()
  })

  it('keeps in each mailbox what only Exchange has of it: percentage, missing dates and the day it was completed', async () => {
    await task('Offer', 'Sales')
    await simulators.putItem('carol', 'tasks', { Subject: 'No dates' })
    await office.sync()
    await edit('alice', 'Offer', { PercentComplete: 50 })
    await office.sync()
    expect(await recordOf('Offer')).toMatchObject({ taskstatus: 'In Progress' })
    expect((await itemOf('bob', 'Offer')).fields).toMatchObject({ Status: 'InProgress', PercentComplete: 0 })
    await simulators.editRecord('bob', (await recordOf('Offer')).id ?? '', { subject: 'Offer for Rossi' })
    await simulators.editRecord('carol', (await recordOf('No dates')).id ?? '', { subject: 'Still no dates' })
    await office.sync()
    expect((await itemOf('alice', 'Offer for Rossi')).fields).toMatchObject({ Status: 'InProgress', PercentComplete: 50 })
    const undated = (await itemOf('carol', 'Still no dates')).fields
    expect([undated['StartDate'] ?? null, undated['DueDate'] ?? null]).toEqual([null, null])
    // Completed last week, in Outlook: that day stays, whatever is edited in the CRM.
    await edit('bob', 'Offer for Rossi', { CompleteDate: `${day(-7)}T00:00:00Z` })
    await office.sync()
    expect((await itemOf('alice', 'Offer for Rossi')).fields).toMatchObject({ Status: 'Completed', PercentComplete: 100 })
    await simulators.editRecord('bob', (await recordOf('Offer for Rossi')).id ?? '', { description: 'Sent.' })
    await office.sync()
    const done = (await itemOf('bob', 'Offer for Rossi')).fields
    expect([done['Status'], done['PercentComplete'], String(done['CompleteDate']).slice(0, 10)]).toEqual(['Completed', 100, day(-7)])
    // Reopened in the CRM as in progress: open everywhere, and no percentage is made up.
    await simulators.editRecord('bob', (await recordOf('Offer for Rossi')).id ?? '', { taskstatus: 'In Progress' })
    await office.sync()
    for (const who of ['alice', 'bob']) {
      const { Status, CompleteDate } = (await itemOf(who, 'Offer for Rossi')).fields
      expect([Status, CompleteDate ?? null]).toEqual(['InProgress', null])
    }
    await office.settled()
  })

  it('edited by two members at once keeps both edits, and a clash on one field is decided by the policy and recorded', async () => {
    await task('Offer', 'Sales')
    await office.sync()
    await edit('alice', 'Offer', { DueDate: `${day(9)}T00:00:00Z` })
    await edit('bob', 'Offer', { Body: 'Ask for the discount', Importance: 'High' })
    expect(await office.sync()).toMatchObject({ conflicts: 0 })
    expect(await recordOf('Offer')).toMatchObject({ due_date: day(9), description: 'Ask for the discount', taskpriority: 'High' })
    for (const who of ['alice', 'bob']) {
      const { DueDate, Importance } = (await itemOf(who, 'Offer')).fields
      expect([String(DueDate).slice(0, 10), Importance]).toEqual([day(9), 'High'])
    }
    await office.settled()
    await edit('alice', 'Offer', { Subject: 'Offer by alice' })
    await later()
    await edit('bob', 'Offer', { Subject: 'Offer by bob' })
    expect((await office.sync()).conflicts).toBeGreaterThan(0)
    const titles = new Set([(await simulators.records('Calendar'))[0]?.['subject'], ...(await everywhere('tasks')).flat()])
    expect(titles.size).toBe(1)
    const { conflicts } = (await office.run('conflicts', '--all', '--json')).json
    expect(JSON.stringify(conflicts)).toMatch(/Offer by alice.*Offer by bob|Offer by bob.*Offer by alice/)
    await office.settled()
  })

  it.each([
    ['any', ['bob'], 'Completed', 'Completed'],
    ['all', ['bob'], 'Not Started', 'NotStarted'],
    ['all', ['bob', 'alice'], 'Completed', 'Completed'],
    ['own', ['bob'], 'Not Started', 'NotStarted'],
  ])('is complete by the policy "%s" when %j completed it: %s, and %s with alice', async (groupCompletion, who, inCrm, withAlice) => {
    office.configure({ policy: { groupCompletion } })
    await task('Inventory', 'Sales')
    await office.sync()
    for (const one of who) {
      await edit(one, 'Inventory', { Status: 'Completed' })
      await office.sync()
    }
    expect([(await recordOf('Inventory'))['taskstatus'], await statusOf('alice', 'Inventory'), await statusOf('bob', 'Inventory')]).toEqual([inCrm, withAlice, 'Completed'])
    await office.settled()
  })
})

describe('the members of a group', () => {
  const groups = (...members: string[]) => office.configure({ groups: [{ crm: 'Sales', members }] })

  it('who join get copies, who leave lose them, and nobody else notices', async () => {
    await task('Offer', 'Sales')
    await event('Team day', 'Sales')
    await simulators.putItem('carol', 'tasks', { Subject: 'Her own', DueDate: `${day(2)}T00:00:00Z` })
    await office.sync()
    groups('alice', 'bob', 'carol')
    expect(await office.sync()).toMatchObject({ exchange: { created: 2, updated: 0, deleted: 0 }, crm: NOTHING })
    expect([await everywhere('tasks'), await everywhere('calendar')]).toEqual([[['Offer'], ['Offer'], ['Her own', 'Offer']], [['Team day'], ['Team day'], ['Team day']]])
    await office.settled()
    groups('bob', 'carol')
    expect(await office.sync()).toMatchObject({ exchange: { created: 0, updated: 0, deleted: 2 }, crm: NOTHING })
    expect([await everywhere('tasks'), await everywhere('calendar')]).toEqual([[[], ['Offer'], ['Her own', 'Offer']], [[], ['Team day'], ['Team day']]])
    await office.settled()
    groups('alice', 'bob', 'carol')
    expect(await office.sync()).toMatchObject({ exchange: { created: 2, deleted: 0 }, crm: NOTHING })
    expect(await everywhere('tasks')).toEqual([['Offer'], ['Offer'], ['Her own', 'Offer']])
    await office.settled()
  })

  it('who leave with an edit nobody saw yet hand it over first', async () => {
    await task('Offer', 'Sales')
    await office.sync()
    await edit('alice', 'Offer', { Body: 'Last words' })
    groups('bob')
    await office.sync()
    expect(await recordOf('Offer')).toMatchObject({ description: 'Last words' })
    expect(await everywhere('tasks')).toEqual([[], ['Offer'], []])
    await office.settled()
  })

  it('who delete their copy do it for themselves alone', async () => {
    await task('Offer', 'Sales')
    await office.sync()
    await simulators.deleteItem('bob', (await itemOf('bob', 'Offer')).id)
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
    expect(await everywhere('tasks')).toEqual([['Offer'], [], []])
    await simulators.editRecord('alice', (await recordOf('Offer')).id ?? '', { subject: 'Offer, again' })
    await office.sync()
    expect(await everywhere('tasks')).toEqual([['Offer, again'], [], []])
    await office.settled()
  })

  it('may be nobody, or nobody with a mailbox: that is said and hurts nothing', async () => {
    await task('Offer', 'Sales')
    const check = async () => (await office.run('doctor', '--json')).json.checks as { name: string; detail: string; ok: boolean; level: string }[]
    for (const [members, name, words] of [[[], 'empty group', /Sales has no members: its records go to nobody/], [['admin'], 'members without mailbox', /admin of the group Sales has no connected mailbox: its records go to nobody/]] as const) {
      groups(...members)
      const report = await office.sync()
      expect(report).toMatchObject({ exchange: NOTHING, crm: NOTHING, failed: 0 })
      expect((await check()).find((one) => one.name === name), name).toMatchObject({ ok: false, level: 'warning', detail: expect.stringMatching(words) })
      expect((report as any).notices, name).toEqual([expect.stringMatching(words)])
      expect((await office.run('status')).stdout, name).toMatch(words)
      expect((await office.run('status', '--json')).json.notices).toEqual([expect.stringMatching(words)])
    }
    groups('alice')
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
    expect((await office.run('status', '--json')).json.notices).toBeUndefined()
  })

  it('belong to a group by its name or its id, and "users --groups" lists all there are', async () => {
    await simulators.control('vtenext/addGroup', { name: 'Support' }).catch(() => undefined)
    const id = ids.get('Sales') ?? ''
    office.configure({ groups: [{ crm: id, members: ['bob', 'admin'] }, { crm: 'Nowhere', members: ['alice'] }] })
    await task('Offer', 'Sales')
    await office.trySync()
    expect(await everywhere('tasks')).toEqual([[], ['Offer'], []])
    const listed = (await office.run('users', '--groups', '--json')).json
    expect(listed.groups.find((one: any) => one.name === 'Sales')).toEqual({ id, name: 'Sales', configured: true, members: ['bob', 'admin'], withoutMailbox: ['admin'] })
    expect(listed.groups.find((one: any) => one.name === 'Support')).toMatchObject({ configured: false, members: [] })
    expect(listed.unknown).toEqual(['Nowhere'])
  })

  it('are not members any more with the group itself', async () => {
    await task('Offer', 'Sales')
    await office.sync()
    office.configure({ groups: [] })
    await office.sync()
    // Nobody takes it: it is no longer kept in step, and not taken away.
    expect(await everywhere('tasks')).toEqual([['Offer'], ['Offer'], []])
    await office.settled()
    office.configure({ groups: usualConfig(simulators).groups })
    await office.sync()
    expect(await everywhere('tasks')).toEqual([['Offer'], ['Offer'], []])
    await edit('alice', 'Offer', { Subject: 'Offer, again' })
    await office.sync()
    expect(await everywhere('tasks')).toEqual([['Offer, again'], ['Offer, again'], []])
    await office.settled()
  })
})

describe('a record that is given to somebody else', () => {
  const WAYS: readonly [string, string, readonly string[]][] = [
    ['alice', 'bob', ['bob']], ['alice', 'Sales', ['alice', 'bob']], ['Sales', 'carol', ['carol']], ['Sales', 'alice', ['alice']], ['carol', 'Sales', ['alice', 'bob']],
  ]
  it.each(WAYS)('from %s to %s lies with %j, once, with what the old owner edited at that moment', async (from, to, holders) => {
    const first = from === 'Sales' ? 'bob' : from
    const [record, made] = [await task('Offer', from), await event('Visit', from)]
    await office.sync()
    await edit(first, 'Offer', { Body: 'Last words' })
    await edit(first, 'Visit', { Location: 'Torino' }, 'calendar')
    await give(record, to)
    await give(made, to)
    await office.sync()
    const expected = (subject: string) => ['alice', 'bob', 'carol'].map((who) => (holders.includes(who) ? [subject] : []))
    expect([await everywhere('tasks'), await everywhere('calendar')]).toEqual([expected('Offer'), expected('Visit')])
    expect(await recordOf('Offer')).toMatchObject({ description: 'Last words', assigned_user_id: ids.get(to) })
    expect(await recordOf('Visit', 'Events')).toMatchObject({ location: 'Torino' })
    for (const who of holders) expect((await itemOf(who, 'Visit', 'calendar')).fields['Location']).toBe('Torino')
    await office.settled()
    await give(record, from)
    await give(made, from)
    await office.sync()
    const back = from === 'Sales' ? ['alice', 'bob'] : [from]
    expect(await everywhere('tasks')).toEqual(['alice', 'bob', 'carol'].map((who) => (back.includes(who) ? ['Offer'] : [])))
    expect((await everywhere('calendar')).map((all) => all.length)).toEqual(['alice', 'bob', 'carol'].map((who) => (back.includes(who) ? 1 : 0)))
    await office.settled()
  })

  it('without a mailbox stays where it was, unlinked, and is joined again when it comes back', async () => {
    const record = await task('Offer', 'alice')
    await office.sync()
    await edit('alice', 'Offer', { Body: 'Last words' })
    await give(record, 'admin')
    await office.sync()
    expect(await recordOf('Offer')).toMatchObject({ description: 'Last words' })
    expect(await everywhere('tasks')).toEqual([['Offer'], [], []])
    await edit('alice', 'Offer', { Subject: 'Offer of alice' })
    await office.settled()
    await give(record, 'bob')
    await office.sync()
    expect((await everywhere('tasks'))[1]).toEqual(['Offer'])
    await give(record, 'alice')
    await office.sync()
    expect((await everywhere('tasks')).map((all) => all.length)).toEqual([1, 0, 0])
    await office.settled()
  })
})
