import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, hour, startCloudSimulators } from './support/cloud.ts'
import type { CloudItem, CloudSimulators } from './support/cloud.ts'
import { day, install } from './support/installation.ts'
import type { Installation, Report } from './support/installation.ts'
import { visit } from './support/people.ts'

let simulators: CloudSimulators
let office: Installation
let seen = 0

beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  seen = (await mailed()).length
  office = await install(simulators, { config: {
    exchange: [cloudConnection(simulators)],
    policy: { meetings: 'exchange', sendMeetingUpdates: true, cancelMeetings: true, answers: 'mail', inviteContacts: true },
  } })
})
afterEach(() => office.close())

interface Mail { readonly kind?: string; readonly to: string }
async function mailed(): Promise<Mail[]> {
  const { graph } = (await (await fetch(`${simulators.json.control.url}/outbox`)).json()) as { graph: Mail[] }
  return graph
}
/** Mails since it was last asked. */
async function news(): Promise<string[]> {
  const all = await mailed()
  const fresh = all.slice(seen)
  seen = all.length
  return fresh.map(({ kind = '', to }) => `${kind} to ${to.split('@')[0]}`).sort()
}
async function sync(): Promise<Report> {
  const ran = await office.run('sync', '--once', '--json', '--parallel', '1')
  return ran.json as Report
}
async function settled(): Promise<void> {
  const before = await simulators.writes()
  expect(await sync()).toMatchObject({ ok: true, failed: 0 })
  expect(await simulators.writes()).toEqual(before)
  expect(await news()).toEqual([])
}
const invitees = (...names: string[]) => ({ invitees: names.map((name) => ({ email: name.includes('@') ? name : `${name}@example.test`, partecipation: 0 })) })
const ids = async () => {
  const { users, groups } = (await simulators.control('vtenext/users')) as { users: { id: string; username: string }[]; groups: { id: string; name: string }[] }
  return Object.fromEntries([...users.map(({ username, id }) => [username, id]), ...groups.map(({ name, id }) => [name, id])]) as Record<string, string>
}
const counts = async () => Object.fromEntries(await Promise.all(['alice', 'bob', 'carol'].map(async (who) => [who, (await simulators.cloudEvents(who)).length])))
const guests = (...names: string[]) => ({ attendees: names.map((name) => ({ emailAddress: { address: `${name}@example.test`, name }, type: 'required' })) })
/** As in Outlook, where nobody counts the mails. */
const meets = async (who: string, subject: string, more: object): Promise<CloudItem> => {
  const item = await simulators.cloudEvent(who, subject, more)
  await news()
  return item
}
const record = async (subject: string) => (await simulators.record('Events', subject))?.['id'] ?? ''

describe('with every policy that mails, the cloud', () => {
  it('invites to a new event of the CRM once, and to none that was there before', async () => {
    await simulators.putRecord('admin', 'Events', visit('Before', { assigned_user_id: (await ids())['alice'], ...invitees('bob') }))
    await sync()
    await settled()
    await simulators.putRecord('admin', 'Events', visit('New', { assigned_user_id: (await ids())['alice'], ...invitees('bob', 'carol') }))
    await simulators.editRecord('admin', await record('Before'), invitees('bob', 'carol'))
    await sync()
    expect(await news()).toEqual(['request to bob', 'request to carol'])
    expect(await counts()).toEqual({ alice: 2, bob: 1, carol: 1 })
    await settled()
    await simulators.editRecord('admin', await record('New'), { assigned_user_id: (await ids())['carol'] })
    await sync()
    expect(await news()).toEqual([])
    expect(await counts()).toEqual({ alice: 2, bob: 1, carol: 1 })
    await settled()
  })

  it('invites to a new event of a group once', async () => {
    await sync()
    await simulators.putRecord('admin', 'Events', visit('Group', { assigned_user_id: (await ids())['Sales'], ...invitees('carol') }))
    await sync()
    expect(await news()).toEqual(['request to carol'])
    expect(await counts()).toEqual({ alice: 1, bob: 1, carol: 1 })
    await settled()
    expect((await simulators.records('Events')).length).toBe(1)
  })

  it('tells of an organizer\'s edit and deletion in the CRM once each', async () => {
    await meets('alice', 'Board', guests('bob'))
    await sync()
    await settled()
    await simulators.editRecord('admin', await record('Board'), { subject: 'Council' })
    await sync()
    expect(await news()).toEqual(['update to bob'])
    await settled()
    await simulators.control('vtenext/remove', { id: await record('Council') })
    await sync()
    expect(await news()).toEqual(['cancellation to bob'])
    await settled()
  })

  it('is told nothing of a meeting that is over, or whose invitations wait to be sent', async () => {
    const past = { ...hour(-3, 9), ...guests('bob') }
    await meets('alice', 'Past', past)
    await meets('alice', 'Past and deleted', { ...past, ...hour(-4, 9) })
    await simulators.control('graph/put', { address: 'alice@example.test', folder: 'calendar', fields: { subject: 'Draft', ...hour(5, 9), ...guests('bob'), unsent: true } })
    await sync()
    await simulators.editRecord('admin', await record('Past'), { subject: 'Past, renamed' })
    await simulators.editRecord('admin', await record('Draft'), { subject: 'Draft, renamed' })
    await simulators.control('vtenext/remove', { id: await record('Past and deleted') })
    const report = await sync()
    expect(await news()).toEqual([])
    expect(report).toMatchObject({ errors: [], skippedBy: { 'only-in-outlook': 3 } })
    expect(await counts()).toMatchObject({ alice: 3 })
  })

  it('mails nobody about what was lost with the database, and answers given meanwhile', async () => {
    await meets('alice', 'Board', guests('bob', 'carol'))
    await simulators.putRecord('admin', 'Events', visit('Visit', { assigned_user_id: (await ids())['alice'], ...invitees('bob') }))
    await sync()
    await office.loseDatabase()
    await simulators.editRecord('admin', await record('Board'), { location: 'Hall' })
    await simulators.control('vtenext/answerInvitation', { id: await record('Board'), userId: (await ids())['bob'], participation: 2 })
    await sync()
    expect(await news()).toEqual([])
    expect((await simulators.records('Events')).length).toBe(2)
  })

  it('gives the answer to one date of somebody else\'s series, and undoes what is not the user\'s to change', async () => {
    const from = day(3)
    const range = { type: 'numbered', startDate: from, numberOfOccurrences: 3, recurrenceTimeZone: 'UTC' }
    await simulators.control('graph/put', { address: 'bob@example.test', folder: 'calendar', fields: {
      subject: 'Audit', ...hour(3, 9), ...guests('bob'), organizer: 'boss@ext.test', recurrence: { pattern: { type: 'daily', interval: 1 }, range },
    } })
    await sync()
    await news()
    const records = (await simulators.records('Events')).sort((left, right) => ((left['date_start'] ?? '') < (right['date_start'] ?? '') ? -1 : 1))
    expect(records).toHaveLength(3)
    const [first, second, third] = records.map(({ id }) => id)
    await simulators.control('vtenext/answerInvitation', { id: second, userId: (await ids())['bob'], participation: 2 })
    await simulators.editRecord('admin', first ?? '', { subject: 'Mine' })
    await simulators.control('vtenext/remove', { id: third })
    await sync()
    expect(await news()).toEqual(['response to boss'])
    const [master] = await simulators.cloudEvents('bob')
    const instances = (await simulators.cloud('bob', 'GET', `/events/${master?.id}/instances?startDateTime=${day(0)}T00:00:00Z&endDateTime=${day(9)}T00:00:00Z`)).value as CloudItem[]
    expect(instances.map(({ subject, responseStatus }) => `${subject} ${responseStatus.response}`)).toEqual(['Audit notResponded', 'Audit accepted', 'Audit notResponded'])
    expect((await simulators.records('Events')).map((one) => one['subject'])).toEqual(['Audit', 'Audit', 'Audit'])
    await settled()
  })

  it('invites nobody anew when a mailbox moves to it', async () => {
    const onprem = { name: 'onprem', kind: 'ews', url: simulators.json.ews.url, ...simulators.json.ews.service, impersonation: true }
    office.configure({ exchange: [onprem, cloudConnection(simulators)], users: [{ crm: 'alice', mailbox: 'alice@example.test', exchange: 'onprem' }] })
    await sync()
    await simulators.putRecord('admin', 'Events', visit('New', { assigned_user_id: (await ids())['alice'], ...invitees('bob') }))
    await simulators.putRecord('admin', 'Events', visit('Alone', { assigned_user_id: (await ids())['alice'], date_start: day(6), due_date: day(6) }))
    await sync()
    expect(await simulators.mails()).toBe(1)
    await news()
    const there = await simulators.item('alice', 'New')
    office.configure({ exchange: [onprem, cloudConnection(simulators)], users: [{ crm: 'alice', mailbox: 'alice@example.test', exchange: 'cloud' }] })
    await sync()
    await sync()
    expect(await news()).toEqual([])
    expect(there).toBeDefined()
    await office.run('held', '--decide', 'all', '--as', 'restore')
    await sync()
    expect(await news()).toEqual([])
    expect(await simulators.mails()).toBe(1)
  })
})
