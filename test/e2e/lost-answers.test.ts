import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { day, install } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { addressOf, startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
let seen = { ews: 0, vtenext: 0 }

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: { policy: { meetings: 'exchange', sendMeetingUpdates: true, cancelMeetings: true, answers: 'mail', inviteContacts: true } } })
  seen = { ews: 0, vtenext: 0 }
  await news()
})
afterEach(() => office.close())

interface Mail { readonly kind?: string; readonly response?: string; readonly to: string }
/** Mails since it was last asked. */
async function news(): Promise<string[]> {
  const { ews, vtenext } = (await (await fetch(`${simulators.json.control.url}/outbox`)).json()) as { ews: Mail[]; vtenext: Mail[] }
  const fresh = [...ews.slice(seen.ews), ...vtenext.slice(seen.vtenext)]
  seen = { ews: ews.length, vtenext: vtenext.length }
  return fresh.map(({ kind, response, to }) => `${response ?? kind ?? 'CRM invitation'} to ${to.split('@')[0]}`).sort()
}
const lose = (server: 'ews' | 'vtenext', operation: string) => simulators.control(`${server}/faults`, { operation, times: 1, effect: { type: 'drop-after' } })
/** Until nothing is left to do, whatever is said on the way. */
async function settle(): Promise<string[]> {
  await office.trySync()
  await office.trySync()
  const all = await news()
  const before = await simulators.writes()
  await office.trySync()
  expect(await simulators.writes()).toEqual(before)
  return all
}
const record = async (subject: string) => (await simulators.record('Events', subject))?.['id'] ?? ''
const invitees = (...names: string[]) => ({ invitees: names.map((name) => ({ email: addressOf(name), partecipation: 0 })) })
const idOf = async (name: string) => ((await simulators.control('vtenext/users')) as { users: { id: string; username: string }[] }).users.find(({ username }) => username === name)?.id

describe('where the answer of a server is lost, everybody is mailed once all the same', () => {
  it('about a new event, its new name and its end', async () => {
    await office.trySync()
    await simulators.putRecord('admin', 'Events', visit('Visit', { assigned_user_id: await idOf('alice'), ...invitees('bob') }))
    await lose('ews', 'CreateItem')
    expect(await settle()).toEqual(['invitation to bob'])
    await simulators.editRecord('admin', await record('Visit'), { subject: 'Call' })
    await lose('ews', 'UpdateItem')
    expect(await settle()).toEqual(['update to bob'])
    await simulators.control('vtenext/remove', { id: await record('Call') })
    await lose('ews', 'DeleteItem')
    expect(await settle()).toEqual(['cancellation to bob'])
    expect(await simulators.items('alice', 'calendar')).toEqual([])
  })

  it('about an answer, and a contact about a record', async () => {
    await simulators.putRecord('admin', 'Contacts', { lastname: 'Guest', email: 'gina@ext.test' })
    await office.trySync()
    await lose('vtenext', 'create')
    await simulators.putItem('alice', 'calendar', meeting('Board', { RequiredAttendees: ['gina@ext.test'], send: true }))
    await news()
    expect(await settle()).toEqual(['CRM invitation to gina'])
    const uid = await simulators.control('ews/meetings', { organizer: 'boss@ext.test', fields: { Subject: 'Audit', Start: `${day(4)}T09:00:00Z`, End: `${day(4)}T10:00:00Z`, RequiredAttendees: [addressOf('bob')] } })
    expect(uid).toBeDefined()
    await settle()
    await simulators.control('vtenext/answerInvitation', { id: await record('Audit'), userId: await idOf('bob'), participation: 2 })
    await lose('ews', 'CreateItem')
    expect(await settle()).toEqual(['Accept to boss'])
  })
})
