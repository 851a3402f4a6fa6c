import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { clientOf, type ForeignClient, meeting } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let sim: VtenextSim
const clients: Record<string, ForeignClient> = {}
const ofBob: Record<string, string> = {}
beforeAll(async () => {
  sim = await startVtenextSim()
})
beforeEach(async () => {
  sim.reset()
  for (const user of ['admin', 'alice', 'bob', 'carol']) clients[user] = await clientOf(sim, user)
  for (const visibility of ['Standard', 'Private', 'Public']) {
    ofBob[visibility] = sim.put('Events', meeting({ visibility, assigned_user_id: '19x5' }), { as: 'bob' })
  }
})
afterAll(() => sim.stop())

async function sees(user: string): Promise<{ listed: string[]; retrieved: string[] }> {
  const client = clients[user] as ForeignClient
  const listed = (await client.query('select id,visibility from Events;')).map((record: any) => record.visibility)
  const retrieved: string[] = []
  for (const [visibility, id] of Object.entries(ofBob)) {
    const { body } = await client.call('GET', 'retrieve', { id })
    if (body.success) retrieved.push(visibility)
    else expect(body.error).toEqual({ code: 'ACCESS_DENIED', message: 'Permission to read given object is denied' })
  }
  return { listed, retrieved }
}
const everything = ['Standard', 'Private', 'Public']

describe("bob's calendar", () => {
  it('is open to admin and to alice above him, closed to carol but for public events she knows of', async () => {
    expect(await sees('admin')).toEqual({ listed: everything, retrieved: everything })
    expect(await sees('alice')).toEqual({ listed: everything, retrieved: everything })
    expect(await sees('carol')).toEqual({ listed: [], retrieved: ['Public'] })
  })

  it('leaks private events through queries once it is shared, while retrieve still refuses', async () => {
    sim.shareCalendar('bob', 'carol')
    expect(await sees('carol')).toEqual({ listed: everything, retrieved: ['Standard', 'Public'] })
    sim.shareCalendar('bob', 'carol', true)
    expect(await sees('carol')).toEqual({ listed: everything, retrieved: ['Public'] })
  })

  it('shows an invited user the event, to look at but not to change', async () => {
    const id = ofBob.Private ?? ''
    sim.edit(id, { invitees: [{ email: 'carol@example.test' }] })
    expect(await sees('carol')).toEqual({ listed: ['Private'], retrieved: ['Private', 'Public'] })
    const refused = { code: 'ACCESS_DENIED', message: 'Permission to read given object is denied' }
    expect(await clients.carol?.error('POST', 'revise', { element: JSON.stringify({ id, subject: 'Mine' }) })).toEqual(
      refused,
    )
    expect(await clients.carol?.error('POST', 'delete', { id })).toEqual(refused)
  })
})

describe('groups', () => {
  it('share what they own with their members of the moment', async () => {
    const id = sim.put('Events', meeting({ assigned_user_id: '22x7' }))
    expect(await clients.carol?.query(`select id from Events where id='${id}';`)).toEqual([])
    sim.setGroupMembers('Sales', ['carol'])
    expect(await clients.carol?.query(`select id from Events where id='${id}';`)).toEqual([{ id }])
    expect(await clients.bob?.query(`select id from Events where id='${id}';`)).toEqual([])
  })

  it('and users are numbered in one sequence', () => {
    expect(sim.users.map(({ id }) => id)).toEqual(['19x1', '19x4', '19x5', '19x6'])
    expect(sim.groups.map(({ id }) => id)).toEqual(['22x7'])
    expect(sim.addUser({ username: 'user1' })).toMatchObject({ id: '19x8', email: 'user1@example.test' })
    expect(sim.addGroup({ name: 'Support', members: ['user1'] })).toMatchObject({ id: '22x9' })
    expect(new Set(sim.users.map(({ accessKey }) => accessKey)).size).toBe(5)
  })
})

describe('contacts', () => {
  it("belong to everybody: bob changes alice's", async () => {
    const id = sim.put('Contacts', { lastname: 'Neri', assigned_user_id: '19x4' })
    expect(await clients.bob?.revise({ id, title: 'CEO' })).toMatchObject({ title: 'CEO', assigned_user_id: '19x4' })
  })
})

describe('users', () => {
  it('are listed with their secrets to admins and not at all to others', async () => {
    const users = await clients.admin?.query(
      "select user_name,accesskey,status from Users where user_name in ('bob','carol');",
    )
    expect(users).toEqual([
      { user_name: 'bob', accesskey: sim.users[2]?.accessKey, status: 'Active', id: '19x5' },
      { user_name: 'carol', accesskey: sim.users[3]?.accessKey, status: 'Active', id: '19x6' },
    ])
    expect(await clients.bob?.query('select id from Users;')).toEqual([])
  })

  it('are changed by an admin over the web service', async () => {
    const element = JSON.stringify({
      id: '19x6',
      user_timezone: 'Asia/Tokyo',
      status: 'Inactive',
      email1: 'c@example.test',
    })
    await clients.admin?.result('POST', 'revise', { element })
    expect(sim.users[3]).toMatchObject({ zone: 'Asia/Tokyo', active: false, email: 'c@example.test' })
  })
})
