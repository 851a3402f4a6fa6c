import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, applicationToken, ask, BOB, eventBody, IMMUTABLE, userTokens, users } from './test-client.ts'

let sim: GraphSim
let endpoint: Server
let address: string
let received: any[]
/** What the endpoint answers to a handshake, and the status for a notification. */
let echo: (token: string) => { status: number; type: string; text: string }
let status: number

beforeEach(async () => {
  sim = await startGraphSim()
  received = []
  status = 202
  echo = (text) => ({ status: 200, type: 'text/plain', text })
  endpoint = createServer((request, response) => {
    const token = new URL(request.url ?? '/', 'http://localhost').searchParams.get('validationToken')
    if (token !== null) {
      const answer = echo(token)
      response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.text)
      return
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      received.push({ path: request.url, ...JSON.parse(Buffer.concat(chunks).toString('utf8')).value[0] })
      response.writeHead(status).end()
    })
  })
  endpoint.listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  address = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}`
})
afterEach(async () => {
  await sim.stop()
  endpoint.close()
  endpoint.closeAllConnections()
})

const inMinutes = (minutes: number) => new Date(sim.clock.now() + minutes * 60_000).toISOString()
const body = (more: Record<string, unknown> = {}) => ({
  changeType: 'created,updated,deleted', notificationUrl: `${address}/hook`, lifecycleNotificationUrl: `${address}/life`,
  resource: `/users/${ALICE}/events`, expirationDateTime: inMinutes(10_080), clientState: 'secret', ...more,
})
const subscribe = (more: Record<string, unknown> = {}, options: Parameters<typeof ask>[4] = {}) => ask(sim, 'POST', '/subscriptions', body(more), options)
const changes = async () => {
  await sim.notified()
  return received.map(({ changeType, resourceData }) => `${changeType} ${resourceData.id}`)
}

describe('a subscription', () => {
  it('is made after its endpoints have sent back the token', async () => {
    const { status: made, body: subscription } = await subscribe()
    expect(made).toBe(201)
    expect(subscription).toMatchObject({ clientState: 'secret', changeType: 'created,deleted,updated', applicationId: sim.clientId })
    expect(sim.subscriptions).toBe(1)
    const { value } = (await ask(sim, 'GET', '/subscriptions')).body
    expect(value).toMatchObject([{ id: subscription.id, clientState: null }])
    expect((await ask(sim, 'GET', `/subscriptions/${subscription.id}`)).body.id).toBe(subscription.id)
  })

  it.each([
    ['another text', () => ({ status: 200, type: 'text/plain', text: 'hello' })],
    ['the token as JSON', (text: string) => ({ status: 200, type: 'application/json', text })],
    ['an error', (text: string) => ({ status: 500, type: 'text/plain', text })],
  ])('is refused when the endpoint answers with %s', async (_, answer) => {
    echo = answer
    expect(await subscribe()).toMatchObject({ status: 400, body: { error: { code: 'ValidationError' } } })
    expect(sim.subscriptions).toBe(0)
  })

  it('is refused when nobody listens there', async () => {
    expect((await subscribe({ notificationUrl: 'http://127.0.0.1:1/' })).body.error.message).toContain('could not be reached')
  })

  it.each([
    ['a life of more than seven days', { expirationDateTime: () => inMinutes(10_090) }],
    ['a past end', { expirationDateTime: () => inMinutes(-1) }],
    ['an unknown change', { changeType: () => 'moved' }],
    ['an unknown resource', { resource: () => `/users/${ALICE}/journal` }],
    ['a long secret', { clientState: () => 'x'.repeat(129) }],
  ])('is refused with %s', async (_, wrong) => {
    const more = Object.fromEntries(Object.entries(wrong).map(([name, make]) => [name, make()]))
    expect((await subscribe(more)).status).toBe(400)
  })

  it('exists once for the same resource and changes', async () => {
    await subscribe()
    expect((await subscribe()).status).toBe(409)
    expect((await subscribe({ changeType: 'created' })).status).toBe(201)
  })

  it('lives at least 45 minutes, can be prolonged and then ends', async () => {
    const { id, expirationDateTime } = (await subscribe({ expirationDateTime: inMinutes(5) })).body
    expect(Date.parse(expirationDateTime)).toBeGreaterThan(sim.clock.now() + 44 * 60_000)
    expect((await ask(sim, 'PATCH', `/subscriptions/${id}`, { expirationDateTime: inMinutes(20_000) })).status).toBe(400)
    expect((await ask(sim, 'PATCH', `/subscriptions/${id}`, { expirationDateTime: inMinutes(100) })).status).toBe(200)
    sim.clock.advance(99 * 60_000)
    expect(sim.subscriptions).toBe(1)
    sim.clock.advance(61_000)
    expect(sim.subscriptions).toBe(0)
    const token = await applicationToken(sim)
    expect((await ask(sim, 'PATCH', `/subscriptions/${id}`, { expirationDateTime: inMinutes(100) }, { token })).status).toBe(404)
  })

  it('can be removed', async () => {
    const { id } = (await subscribe()).body
    expect((await ask(sim, 'DELETE', `/subscriptions/${id}`)).status).toBe(204)
    expect((await ask(sim, 'DELETE', `/subscriptions/${id}`)).status).toBe(404)
  })

  it('to tasks is for users only, and shorter', async () => {
    const list = (await ask(sim, 'GET', users(ALICE, 'todo/lists'))).body.value[0].id
    const resource = `/users/${ALICE}/todo/lists/${list}/tasks`
    expect((await subscribe({ resource, expirationDateTime: inMinutes(4_000) })).status).toBe(403)
    const token = (await userTokens(sim, ALICE)).access_token
    const own = { resource: `/me/todo/lists/${list}/tasks` }
    expect((await subscribe({ ...own, expirationDateTime: inMinutes(5_000) }, { token })).status).toBe(400)
    expect((await subscribe({ ...own, expirationDateTime: inMinutes(4_000) }, { token })).status).toBe(201)
    const { id } = sim.putItem(ALICE, 'tasks', { title: 'A' })
    expect(await changes()).toEqual([`created ${id}`])
  })

  it('to somebody else\'s mailbox is not for users', async () => {
    const token = (await userTokens(sim, BOB)).access_token
    expect((await subscribe({}, { token })).status).toBe(403)
  })
})

describe('notifications', () => {
  it('name what changed, with the secret and in the id format of the subscription', async () => {
    await subscribe({}, { headers: IMMUTABLE })
    const { id } = sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    sim.editItem(ALICE, id, { subject: 'Other' })
    sim.deleteItem(ALICE, id)
    expect(await changes()).toEqual([`created ${id}`, `updated ${id}`, `deleted ${id}`])
    expect(received[0]).toMatchObject({ path: '/hook', clientState: 'secret', tenantId: sim.tenant, resourceData: { '@odata.type': '#Microsoft.Graph.Event' } })
    received.length = 0
    sim.removeSubscriptions()
    await subscribe()
    const item = sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    expect(await changes()).toEqual([`created ${item.restId}`])
  })

  it('concern one mailbox, one kind and the changes asked for', async () => {
    await subscribe({ changeType: 'deleted' })
    const { id } = sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    sim.putItem(ALICE, 'contacts', { givenName: 'Anna' })
    sim.deleteItem(BOB, sim.putItem(BOB, 'calendar', eventBody('Visit', '2026-12-01T09:00:00')).id)
    sim.deleteItem(ALICE, id)
    expect(await changes()).toHaveLength(1)
  })

  it('are sent again when the endpoint fails', async () => {
    await subscribe()
    status = 500
    sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    await expect.poll(() => received.length).toBe(1)
    status = 202
    expect(await changes()).toHaveLength(2)
  })

  it('may come more than once', async () => {
    await subscribe()
    sim.repeatNotifications(3)
    const { restId } = sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    expect(await changes()).toEqual(Array(3).fill(`created ${restId}`))
  })

  it('may be lost', async () => {
    await subscribe()
    sim.loseNotifications(true)
    sim.putItem(ALICE, 'calendar', eventBody('Visit', '2026-12-01T09:00:00'))
    expect(await changes()).toEqual([])
  })
})

describe('the life of a subscription', () => {
  it('ends with a request to renew it', async () => {
    const { id } = (await subscribe({ expirationDateTime: inMinutes(60) })).body
    sim.clock.advance(50 * 60_000)
    sim.tick()
    sim.tick()
    await sim.notified()
    expect(received).toMatchObject([{ path: '/life', lifecycleEvent: 'reauthorizationRequired', subscriptionId: id, clientState: 'secret' }])
    expect((await ask(sim, 'POST', `/subscriptions/${id}/reauthorize`)).status).toBe(200)
  })

  it('tells of its removal and of what was missed', async () => {
    await subscribe()
    expect(sim.lifecycle(ALICE, 'missed')).toBe(1)
    expect(sim.lifecycle(ALICE, 'subscriptionRemoved')).toBe(1)
    await sim.notified()
    expect(received.map(({ lifecycleEvent }) => lifecycleEvent)).toEqual(['missed', 'subscriptionRemoved'])
    expect(sim.subscriptions).toBe(0)
  })

  it('tells nobody where no address was given, and that cannot be added later', async () => {
    const { id } = (await subscribe({ lifecycleNotificationUrl: null })).body
    expect(sim.lifecycle(ALICE, 'missed')).toBe(0)
    expect((await ask(sim, 'PATCH', `/subscriptions/${id}`, { lifecycleNotificationUrl: `${address}/life` })).status).toBe(400)
  })
})
