import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { Simulators } from '../index.ts'
import { startSimulators } from '../index.ts'

let simulators: Simulators
let token: string
const BOB = 'bob@example.test'

beforeEach(async () => {
  simulators = await startSimulators({ only: 'graph', mailboxes: 1 })
  token = await signIn()
})
afterEach(() => simulators.stop())

const cloud = () => simulators.json.graph as NonNullable<Simulators['json']['graph']>

async function signIn(): Promise<string> {
  const { login, tenant, clientId, clientSecret } = cloud()
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope: 'https://graph.microsoft.com/.default' }
  const response = await fetch(`${login}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams(form) })
  return ((await response.json()) as { access_token: string }).access_token
}

async function control(path: string, body: object = {}): Promise<{ status: number; value: any }> {
  const response = await fetch(`${simulators.json.control.url}/graph/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, value: await response.json() }
}

async function get(path: string): Promise<{ status: number; body: any; retryAfter: string | null }> {
  const response = await fetch(path.startsWith('http') ? path : `${cloud().url}/v1.0/users/${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: await response.json(), retryAfter: response.headers.get('retry-after') }
}

const visit = { subject: 'Visit', start: '2026-12-01T09:00:00', end: '2026-12-01T10:00:00', location: 'Milano', body: 'by car' }

describe('a cloud alone', () => {
  it('says how to reach it and begins with a handful of events and tasks', async () => {
    expect(Object.keys(simulators.json)).toEqual(['graph', 'control'])
    expect(cloud().mailboxes.map(({ address }) => address)).toContain('user1@example.test')
    expect((await get(`${BOB}/events`)).body.value).toMatchObject([{ subject: 'Truck to the garage' }])
    expect((await control('state')).value).toMatchObject({ mailboxes: 4, mails: 0, writes: { created: 0, updated: 0, deleted: 0 } })
  })
})

describe('the control routes of the cloud', () => {
  it('do what a person does in Outlook', async () => {
    const { value: item } = await control('put', { address: BOB, folder: 'calendar', fields: visit })
    expect(item).toMatchObject({ kind: 'event', folder: 'calendar', fields: { start: { dateTime: '2026-12-01T08:00:00.0000000' }, body: { content: 'by car' }, location: { displayName: 'Milano' } } })
    await control('edit', { address: BOB, id: item.id, fields: { subject: 'Long visit' } })
    expect((await get(`${BOB}/events/${item.id}`)).body.subject).toBe('Long visit')
    await control('addFolder', { address: BOB, name: 'Trips', kind: 'event' })
    expect((await control('move', { address: BOB, id: item.id, folder: 'Trips' })).value).toMatchObject({ id: item.id, folder: 'Trips' })
    expect((await control('items', { address: BOB, folder: 'Trips' })).value).toHaveLength(1)
    await control('delete', { address: BOB, id: item.id })
    expect((await get(`${BOB}/events/${item.id}`)).status).toBe(404)
    expect((await control('outbox')).value).toEqual([])
  })

  it('make meetings that came from somebody else', async () => {
    const fields = { ...visit, organizer: 'guest@elsewhere.example', attendees: [BOB], response: 'accepted' }
    const { value } = await control('put', { address: BOB, folder: 'calendar', fields })
    expect((await get(`${BOB}/events/${value.id}`)).body).toMatchObject({
      isOrganizer: false, organizer: { emailAddress: { address: 'guest@elsewhere.example' } }, responseStatus: { response: 'accepted' },
    })
  })

  it('throttle, break and mend the cloud', async () => {
    await control('throttle', { operation: 'listEvents', subject: BOB, seconds: 5 })
    expect(await get(`${BOB}/events`)).toMatchObject({ status: 429, retryAfter: '5' })
    await control('throttle', { seconds: 5, asDate: true })
    expect(Date.parse((await get(`${BOB}/events`)).retryAfter ?? '')).toBeGreaterThan(Date.now())
    await control('outage', { status: 503 })
    expect((await get(`${BOB}/events`)).status).toBe(503)
    await control('outage', { status: null })
    await control('faults', { operation: 'listEvents', effect: { type: 'error', code: 'ErrorServerBusy' } })
    expect((await get(`${BOB}/events`)).status).toBe(503)
    await control('clearFaults')
    expect((await get(`${BOB}/events`)).status).toBe(200)
  })

  it('drop delta tokens, empty a mailbox and give it back from a snapshot', async () => {
    const view = `${BOB}/calendarView/delta?startDateTime=2020-01-01T00:00:00Z&endDateTime=2024-01-01T00:00:00Z`
    const link = (await get(view)).body['@odata.deltaLink']
    await control('snapshot', { name: 'before' })
    await control('emptyMailbox', { address: BOB })
    expect((await get(`${BOB}/events`)).body.value).toEqual([])
    await control('restore', { name: 'before' })
    expect((await get(`${BOB}/events`)).body.value).toHaveLength(1)
    expect((await get(link)).status).toBe(410)
    const again = (await get(view)).body['@odata.deltaLink']
    await control('resetDeltaTokens', { address: BOB })
    expect((await get(again)).status).toBe(410)
  })

  it('expire tokens and secrets, and confine the application', async () => {
    await control('restrictApplication', { addresses: ['alice@example.test'] })
    expect((await get(`${BOB}/events`)).status).toBe(403)
    await control('restrictApplication', { addresses: null })
    await control('expireAccessTokens')
    expect((await get(`${BOB}/events`)).status).toBe(401)
    await control('expireSecret')
    expect(await signIn()).toBeUndefined()
  })

  it('move the clock, at which tokens expire', async () => {
    await fetch(`${simulators.json.control.url}/clock`, { method: 'POST', body: JSON.stringify({ advanceMs: 3_600_000 }) })
    expect((await get(`${BOB}/events`)).status).toBe(401)
  })

  it.each([
    ['put', { address: BOB }, 'graph/put needs folder and fields: send {"address": ..., "folder": ..., "fields": ...} as JSON.'],
    ['items', { address: 'nobody@example.test' }, 'There is no cloud mailbox nobody@example.test.'],
    ['put', { address: BOB, folder: 'Trips', fields: {} }, `${BOB} has no folder Trips. Existing: calendar, contacts, defaultList, flaggedEmails.`],
    ['put', { address: BOB, folder: 'calendar', fields: { subject: 'x' } }, 'Event.Start and Event.End are required.'],
    ['delete', { address: BOB, id: 'x' }, `${BOB} has no item x; it may have been deleted.`],
    ['switches', { uids: true }, 'There is no switch uids.'],
    ['nothing', {}, 'There is no control route POST /graph/nothing'],
  ])('answer a wrong request to %s with what is wrong', async (path, body, message) => {
    const { status, value } = await control(path, body)
    expect(status).toBe(400)
    expect(value.error).toContain(message)
  })
})
