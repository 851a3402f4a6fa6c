import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../clock.ts'
import { clientOf, ForeignClient } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let sim: VtenextSim
beforeAll(async () => {
  sim = await startVtenextSim({ clock: createSimClock(() => Date.parse('2026-11-22T12:00:00Z')) })
})
beforeEach(() => sim.reset())
afterAll(() => sim.stop())

const MINUTE = 60_000

describe('logging in', () => {
  it('needs md5(token + access key), and a token dies after five minutes', async () => {
    const client = new ForeignClient(sim.url)
    expect((await client.login('alice', sim.users[1]?.accessKey ?? '')).body.result.userId).toBe('19x4')
    await client.send('GET', { operation: 'getchallenge', username: 'bob' })
    sim.clock.advance(5 * MINUTE + 1000)
    const late = await client.send('POST', { operation: 'login', username: 'bob', accessKey: 'whatever' })
    expect(late.body.error.code).toBe('INVALID_AUTH_TOKEN')
  })

  it('gives the access key for user name and password, with which the user then logs in', async () => {
    const client = new ForeignClient(sim.url)
    const reply = await client.send('POST', {
      operation: 'login_pwd',
      username: 'bob',
      password: sim.users[2]?.password ?? '',
    })
    expect(reply.body.result).toEqual([sim.users[2]?.accessKey])
    expect(reply.body.result[0]).toMatch(/^.{16}$/)
    expect((await client.login('bob', reply.body.result[0])).body.result).toMatchObject({ timezone: -21600 })
  })

  it('locks a user for ten minutes after ten wrong keys, even for the right key', async () => {
    const client = new ForeignClient(sim.url)
    const right = sim.users[1]?.accessKey ?? ''
    for (let attempt = 0; attempt < 9; attempt += 1) await client.login('alice', 'wrong')
    expect((await client.login('alice', 'wrong')).body.error.code).toBe('INVALID_USER_CREDENTIALS')
    expect((await client.login('alice', right)).body.error.code).toBe('LOGIN_LOCKED')
    expect((await client.login('bob', sim.users[2]?.accessKey ?? '')).body.success).toBe(true)
    sim.clock.advance(10 * MINUTE)
    expect((await client.login('alice', right)).body.success).toBe(true)
  })

  it('refuses an inactive user with the right key', async () => {
    sim.setUser({ username: 'carol', active: false })
    const reply = await new ForeignClient(sim.url).login('carol', sim.users[3]?.accessKey ?? '')
    expect(reply.body.error).toEqual({ code: 'AUTHENTICATION_REQUIRED', message: 'Given user is inactive' })
  })
})

describe('a session', () => {
  it('ends by logout, by 24 idle minutes, and when PHP throws it away', async () => {
    const ended = { code: 'INVALID_SESSIONID', message: 'Session Identifier provided is Invalid' }
    const client = await clientOf(sim, 'alice')
    sim.clock.advance(23 * MINUTE)
    await client.result('GET', 'listtypes')
    sim.clock.advance(23 * MINUTE)
    await client.result('GET', 'listtypes')
    sim.clock.advance(24 * MINUTE + 1)
    expect(await client.error('GET', 'listtypes')).toEqual(ended)

    const second = await clientOf(sim, 'alice')
    expect(await second.result('POST', 'logout')).toEqual({ message: 'successfull' })
    expect(await second.error('GET', 'listtypes')).toEqual(ended)

    const third = await clientOf(sim, 'alice')
    sim.expireSessions()
    expect(await third.error('GET', 'listtypes')).toEqual(ended)
  })
})

describe('parameters', () => {
  it('are not seen when the verb is wrong, so the error is misleading', async () => {
    const admin = await clientOf(sim, 'admin')
    expect(await admin.error('POST', 'query', { query: 'select id from Events;' })).toEqual({
      code: 'ACCESS_DENIED',
      message: 'Permission to perform the operation is denied for query',
    })
    expect((await admin.error('GET', 'delete', { id: '18x22' })).message).toMatch(/denied for id$/)
  })

  it('count as absent when they are 0', async () => {
    const admin = await clientOf(sim, 'admin')
    sim.remove(sim.put('Contacts', { lastname: 'Neri' }))
    const deleted = async (showDeleted: string): Promise<number> =>
      (await admin.changes({ module: 'Contacts', showDeleted })).deleted.length
    expect(await deleted('0')).toBe(1)
    expect(await deleted('false')).toBe(0)
    expect(await deleted('true')).toBe(1)
  })
})
