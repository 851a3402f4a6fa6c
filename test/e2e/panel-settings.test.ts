import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, eventually, openOffice } from '../browser/support/office.ts'
import type { Office } from '../browser/support/office.ts'

let office: Office
let token = ''

beforeAll(async () => {
  office = await openOffice({ users: ['alice', 'bob'].map((name) => ({ crm: name, mailbox: `${name}@example.test`, exchange: 'onprem' })) }, ({ ews }) => {
    ews.putItem('alice@example.test', 'calendar', { Subject: 'Dentist', Start: at(3, '17:00'), End: at(3, '18:00') })
  })
  await eventually('the first sync is done', () => office.records('Events').length === 1)
  const admin = office.running.panel.station.need().connector.directory().users.find(({ name }) => name === 'admin')
  if (admin === undefined) throw new Error('no administrator')
  token = (await office.running.panel.door.makeToken({ ...admin, readOnly: false }, 'a script', 'all', 1)).secret
})
afterAll(() => office?.close())

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }> {
  const answer = await fetch(`${office.url}/api${path}`, {
    method, headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: await answer.json() }
}
const idOf = async (name: string): Promise<string> => (await ask('GET', `/users?search=${name}`)).json.rows[0].id
const config = () => office.running.panel.station.sections().config
const subjects = () => office.records('Events').map((one) => one['subject']).sort()

describe('what an administrator sets of one user', () => {
  it('lets only the free and busy times reach the CRM, at once and also of what is there, and takes it back', async () => {
    const id = await idOf('alice')
    expect((await ask('PATCH', `/users/${id}`, { availabilityOnly: true })).json).toMatchObject({ name: 'alice', availabilityOnly: true, aliases: [] })
    await eventually('the word is gone', () => subjects().join() === 'Busy')
    office.ews.putItem('alice@example.test', 'calendar', { Subject: 'Surgeon', Start: at(4, '17:00'), End: at(4, '18:00') })
    await eventually('the next event comes without its words', () => subjects().join() === 'Busy,Busy')
    expect((await ask('PATCH', `/users/${id}`, { availabilityOnly: false })).json.availabilityOnly).toBe(false)
    await eventually('the words are there again', () => subjects().join() === 'Dentist,Surgeon')
  })

  it('gives the mailbox further addresses, and leaves the rest as it is', async () => {
    const id = await idOf('alice')
    await ask('PATCH', `/users/${id}`, { availabilityOnly: true })
    expect((await ask('PATCH', `/users/${id}`, { aliases: ['a.rossi@example.test'] })).json).toMatchObject({ aliases: ['a.rossi@example.test'], availabilityOnly: true })
    expect(config()?.users.find(({ crm }) => crm === 'alice')).toMatchObject({ mailbox: 'alice@example.test', exchange: 'onprem', aliases: ['a.rossi@example.test'], availabilityOnly: true })
    expect(office.running.panel.station.need().connector.directory().mailboxes.find(({ user }) => user === 'alice')).toMatchObject({ aliases: ['a.rossi@example.test'], availabilityOnly: true })
    expect((await ask('GET', `/users/${id}`)).json).toMatchObject({ aliases: ['a.rossi@example.test'], availabilityOnly: true })
    expect((await ask('GET', '/activity/panel')).json.rows[0]).toMatchObject({ action: 'users.change', subject: 'alice', detail: { aliases: ['a.rossi@example.test'] } })
  })

  it('is refused in words where it cannot be', async () => {
    const bob = await idOf('bob')
    expect(await ask('PATCH', `/users/${bob}`, { aliases: ['alice@example.test'] })).toMatchObject({ status: 400, json: { error: { code: 'BAD_CONFIG', message: expect.stringContaining('the alias alice@example.test of bob is an address of alice') as unknown } } })
    expect(await ask('PATCH', `/users/${bob}`, { aliases: ['bob'] })).toMatchObject({ status: 400, json: { error: { code: 'BAD_REQUEST', message: expect.stringContaining('aliases.0') as unknown } } })
    expect(await ask('PATCH', `/users/${await idOf('carol')}`, { availabilityOnly: true })).toMatchObject({ status: 409, json: { error: { code: 'NOT_CONNECTED' } } })
    expect(await ask('PATCH', '/users/19x999', { availabilityOnly: true })).toMatchObject({ status: 404, json: { error: { code: 'NO_SUCH_USER' } } })
    expect(config()?.users.find(({ crm }) => crm === 'bob')).toMatchObject({ aliases: [], availabilityOnly: false })
  })
})

describe('how the CRM is asked', () => {
  it('is changed in the panel, and the service goes on with it', async () => {
    expect((await ask('GET', '/connect/crm')).json).toMatchObject({ url: office.vtenext.url, username: 'admin', pollSeconds: 1, referenceField: 'Exchange ID' })
    expect((await ask('PATCH', '/connect/crm', { pollSeconds: 2 })).json).toMatchObject({ pollSeconds: 2, referenceField: 'Exchange ID' })
    expect((await ask('PATCH', '/connect/crm', { referenceField: 'Outlook id' })).json).toMatchObject({ pollSeconds: 2, referenceField: 'Outlook id' })
    expect(config()?.crm).toMatchObject({ pollSeconds: 2, referenceField: 'Outlook id', username: 'admin' })
    expect(config()?.crm.accessKey).not.toBe('')
    office.ews.putItem('bob@example.test', 'calendar', { Subject: 'After the change', Start: at(5, '17:00'), End: at(5, '18:00') })
    await eventually('it still works', () => subjects().includes('After the change'))
    expect(await ask('PATCH', '/connect/crm', { pollSeconds: 0 })).toMatchObject({ status: 400, json: { error: { code: 'BAD_REQUEST', message: expect.stringContaining('pollSeconds') as unknown } } })
  })

  it('stays so when the CRM is connected anew', async () => {
    const { url, username, accessKey } = config()?.crm ?? {}
    expect((await ask('POST', '/connect/crm', { url, username, accessKey })).json.ok).toBe(true)
    expect((await ask('POST', '/connect/finish', { users: [] })).status).toBe(200)
    expect(config()?.crm).toMatchObject({ pollSeconds: 2, referenceField: 'Outlook id' })
  })
})
