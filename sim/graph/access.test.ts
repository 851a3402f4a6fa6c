import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, applicationToken, ask, BOB, CAROL, eventBody, userTokens, users } from './test-client.ts'

let sim: GraphSim

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const as = async (address: string, scope: string) => (await userTokens(sim, address, scope)).access_token as string
const status = async (token: string, method: string, path: string, body?: object) => (await ask(sim, method, path, body, { token })).status

describe('a user', () => {
  it('does in his own mailbox what the permissions of his token allow', async () => {
    const reads = await as(ALICE, 'Calendars.Read')
    expect(await status(reads, 'GET', '/me/events')).toBe(200)
    expect(await status(reads, 'GET', users(ALICE, 'events'))).toBe(200)
    expect(await status(reads, 'POST', '/me/events', eventBody('Visit', '2026-12-01T09:00:00'))).toBe(403)
    expect(await status(reads, 'GET', '/me/contacts')).toBe(403)
    expect(await status(reads, 'GET', '/me/todo/lists')).toBe(403)
    const writes = await as(ALICE, 'Calendars.ReadWrite Tasks.ReadWrite Contacts.ReadWrite')
    expect(await status(writes, 'POST', '/me/events', eventBody('Visit', '2026-12-01T09:00:00'))).toBe(201)
    expect(await status(writes, 'GET', '/me/todo/lists')).toBe(200)
  })

  it('opens another calendar only when it is shared with him and the token allows shared ones', async () => {
    const view = users(ALICE, 'events')
    expect(await status(await as(BOB, 'Calendars.ReadWrite'), 'GET', view)).toBe(403)
    const shared = await as(BOB, 'Calendars.ReadWrite.Shared')
    expect(await status(shared, 'GET', view)).toBe(404)
    await ask(sim, 'POST', users(ALICE, 'calendar/calendarPermissions'), { emailAddress: { address: BOB }, role: 'read' })
    expect(await status(shared, 'GET', view)).toBe(200)
    expect(await status(shared, 'POST', view, eventBody('Visit', '2026-12-01T09:00:00'))).toBe(404)
    expect(await status(await as(CAROL, 'Calendars.ReadWrite.Shared'), 'GET', view)).toBe(404)
  })

  it('sees of a colleague only when he is busy, until the calendar is shared in more', async () => {
    sim.putItem(ALICE, 'calendar', eventBody('Secret talk', '2026-12-01T09:00:00'))
    const token = await as(BOB, 'Calendars.Read')
    const schedule = { schedules: [ALICE], startTime: { dateTime: '2026-12-01T00:00:00', timeZone: 'UTC' }, endTime: { dateTime: '2026-12-02T00:00:00', timeZone: 'UTC' } }
    const item = async () => (await ask(sim, 'POST', '/me/calendar/getSchedule', schedule, { token })).body.value[0].scheduleItems[0]
    expect(await item()).not.toHaveProperty('subject')
    await ask(sim, 'POST', users(ALICE, 'calendar/calendarPermissions'), { emailAddress: { address: BOB }, role: 'limitedRead' })
    expect(await item()).toMatchObject({ status: 'busy', subject: 'Secret talk' })
  })
})

describe('an application', () => {
  it('has no mailbox of its own', async () => {
    const { body } = await ask(sim, 'GET', '/me/events')
    expect(body.error.message).toBe('/me request is only valid with delegated authentication flow.')
  })

  it('has the permissions an administrator granted when its token was issued', async () => {
    sim.setRoles(['Calendars.Read'])
    const token = await applicationToken(sim)
    expect(await status(token, 'GET', users(ALICE, 'events'))).toBe(200)
    expect(await status(token, 'POST', users(ALICE, 'events'), eventBody('Visit', '2026-12-01T09:00:00'))).toBe(403)
    expect(await status(token, 'GET', users(ALICE, 'todo/lists'))).toBe(403)
    expect(await status(token, 'GET', users(ALICE, 'mailboxSettings'))).toBe(403)
    expect(await status(token, 'GET', `/users/${ALICE}`)).toBe(403)
  })

  it('can be confined to some mailboxes', async () => {
    sim.restrictApplication([ALICE])
    expect((await ask(sim, 'GET', users(ALICE, 'events'))).status).toBe(200)
    const { status: refused, body } = await ask(sim, 'GET', users(BOB, 'events'))
    expect([refused, body.error.code]).toEqual([403, 'ErrorAccessDenied'])
    sim.restrictApplication(null)
    expect((await ask(sim, 'GET', users(BOB, 'events'))).status).toBe(200)
  })
})

describe('people and mailboxes', () => {
  it('are found by address, by id and as me', async () => {
    const { body } = await ask(sim, 'GET', `/users/${ALICE}`)
    expect(body).toMatchObject({ mail: ALICE, userPrincipalName: ALICE, displayName: 'Alice' })
    expect((await ask(sim, 'GET', `/users/${body.id}`)).body.mail).toBe(ALICE)
    expect((await ask(sim, 'GET', `/users('${ALICE}')`)).body.mail).toBe(ALICE)
    expect((await ask(sim, 'GET', '/me', undefined, { token: await as(ALICE, 'User.Read') })).body.id).toBe(body.id)
  })

  it.each([
    ['nobody', '/users/nobody@example.test', 404, 'Request_ResourceNotFound'],
    ['nobody\'s events', '/users/nobody@example.test/events', 404, 'ErrorInvalidUser'],
    ['an unknown path', `/users/${ALICE}/journal`, 400, 'BadRequest'],
  ])('answer for %s with an error', async (_, path, expected, code) => {
    expect(await ask(sim, 'GET', path)).toMatchObject({ status: expected, body: { error: { code } } })
  })

  it('say that a mailbox is not in the cloud', async () => {
    sim.setEnabled(BOB, false)
    expect(await ask(sim, 'GET', users(BOB, 'events'))).toMatchObject({ status: 404, body: { error: { code: 'MailboxNotEnabledForRESTAPI' } } })
    expect((await ask(sim, 'GET', `/users/${BOB}`)).status).toBe(200)
  })

  it('have settings with a time zone that can be changed', async () => {
    expect((await ask(sim, 'GET', users(ALICE, 'mailboxSettings/timeZone'))).body.value).toBe('W. Europe Standard Time')
    await ask(sim, 'PATCH', users(ALICE, 'mailboxSettings'), { timeZone: 'Pacific Standard Time' })
    expect((await ask(sim, 'GET', users(ALICE, 'mailboxSettings'))).body).toMatchObject({ timeZone: 'Pacific Standard Time', userPurpose: 'user' })
    expect((await ask(sim, 'PATCH', users(ALICE, 'mailboxSettings'), { timeZone: 'Nowhere' })).status).toBe(400)
  })
})

describe('permissions of a calendar', () => {
  const PERMISSIONS = users(ALICE, 'calendar/calendarPermissions')

  it('begin with the entry of the whole organisation, which can be changed and not removed', async () => {
    const [own] = (await ask(sim, 'GET', PERMISSIONS)).body.value
    expect(own).toMatchObject({ role: 'freeBusyRead', isRemovable: false, emailAddress: { name: 'My Organization' } })
    expect((await ask(sim, 'PATCH', `${PERMISSIONS}/${own.id}`, { role: 'limitedRead' })).body.role).toBe('limitedRead')
    expect((await ask(sim, 'DELETE', `${PERMISSIONS}/${own.id}`)).status).toBe(400)
  })

  it('are given to colleagues, changed in their role alone and taken away', async () => {
    const { status: created, body } = await ask(sim, 'POST', PERMISSIONS, { emailAddress: { address: BOB }, role: 'freeBusyRead' })
    expect([created, body.role]).toEqual([201, 'freeBusyRead'])
    expect((await ask(sim, 'POST', PERMISSIONS, { emailAddress: { address: BOB }, role: 'read' })).status).toBe(400)
    expect((await ask(sim, 'POST', PERMISSIONS, { emailAddress: { address: 'x@elsewhere.example' }, role: 'read' })).status).toBe(400)
    expect((await ask(sim, 'PATCH', `${PERMISSIONS}/${body.id}`, { emailAddress: { address: CAROL } })).status).toBe(400)
    expect((await ask(sim, 'PATCH', `${PERMISSIONS}/${body.id}`, { role: 'king' })).status).toBe(400)
    expect((await ask(sim, 'DELETE', `${PERMISSIONS}/${body.id}`)).status).toBe(204)
    expect((await ask(sim, 'GET', PERMISSIONS)).body.value).toHaveLength(1)
  })
})
