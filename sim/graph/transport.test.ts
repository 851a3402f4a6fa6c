import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { FaultEffect } from '../faults.ts'
import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, applicationToken, ask, BOB, eventBody, users } from './test-client.ts'

let sim: GraphSim
const EVENTS = users(ALICE, 'events')
const VISIT = eventBody('Visit', '2026-12-01T09:00:00')

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const strike = (effect: FaultEffect, operation = 'createEvent') => sim.faults.add({ operation, subject: ALICE, times: 1, effect })
const create = () => ask(sim, 'POST', EVENTS, VISIT)

describe('a request', () => {
  it('without a token, or with one that nobody issued, is not let in', async () => {
    for (const token of ['', 'a.b.c']) {
      const answer = await ask(sim, 'GET', EVENTS, undefined, { token })
      expect(answer).toMatchObject({ status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } })
    }
  })

  it('gets its own id back, in the headers and in an error', async () => {
    const headers = { 'client-request-id': 'my-request' }
    const answer = await ask(sim, 'GET', `${EVENTS}/x`, undefined, { headers })
    expect(answer.headers.get('client-request-id')).toBe('my-request')
    expect(answer.body.error.innerError['client-request-id']).toBe('my-request')
  })

  it('that is no JSON, names another version or uses a wrong method is refused', async () => {
    const headers = { authorization: `Bearer ${await applicationToken(sim)}`, 'content-type': 'application/json' }
    expect((await fetch(`${sim.url}/v1.0${EVENTS}`, { method: 'POST', headers, body: '{' })).status).toBe(400)
    expect((await fetch(`${sim.url}/beta${EVENTS}`, { headers })).status).toBe(400)
    expect((await fetch(`${sim.url}/v1.0${EVENTS}`, { method: 'PUT', headers, body: '{}' })).status).toBe(405)
  })
})

describe('trouble', () => {
  it.each<[FaultEffect['type'], number]>([['drop-before', 0], ['drop-after', 1], ['half', 1]])(
    'with %s the caller gets no answer and %i event is made', async (type, count) => {
      strike({ type } as FaultEffect)
      await expect(create()).rejects.toThrow()
      expect(sim.items(ALICE)).toHaveLength(count)
      expect((await create()).status).toBe(201)
    },
  )

  it('does the work and answers 504 all the same', async () => {
    strike({ type: 'status-after', status: 504 })
    expect(await create()).toMatchObject({ status: 504, body: { error: { code: 'UnknownError' } } })
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it('strikes only the operation and mailbox it is meant for', async () => {
    strike({ type: 'error', code: 'ErrorServerBusy' })
    expect((await ask(sim, 'GET', EVENTS)).status).toBe(200)
    expect((await ask(sim, 'POST', users(BOB, 'events'), VISIT)).status).toBe(201)
    expect(await create()).toMatchObject({ status: 503, body: { error: { code: 'ErrorServerBusy' } } })
  })

  it('says when to come back, in seconds or as a date', async () => {
    strike({ type: 'error', code: 'ApplicationThrottled', backOffMs: 7_000 })
    const inSeconds = await create()
    expect([inSeconds.status, inSeconds.headers.get('retry-after')]).toEqual([429, '7'])
    const date = new Date(sim.clock.now() + 7_000).toUTCString()
    strike({ type: 'status', status: 503, headers: { 'retry-after': date } })
    expect((await create()).headers.get('retry-after')).toBe(date)
    expect(sim.items(ALICE)).toEqual([])
  })

  it('of the whole cloud answers everybody with one status until it is over', async () => {
    sim.outage(503)
    expect((await ask(sim, 'GET', users(BOB, 'events'))).status).toBe(503)
    sim.outage(null)
    expect((await ask(sim, 'GET', users(BOB, 'events'))).status).toBe(200)
  })
})

describe('limits', () => {
  it('let four requests of one application into a mailbox at a time', async () => {
    await ask(sim, 'GET', EVENTS)
    sim.faults.add({ operation: 'listEvents', effect: { type: 'delay', ms: 150 } })
    const all = await Promise.all(Array.from({ length: 6 }, () => ask(sim, 'GET', EVENTS)))
    const refused = all.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(2)
    expect(refused[0]?.body.error).toMatchObject({ code: 'ApplicationThrottled', message: expect.stringContaining('MailboxConcurrency') })
    expect(refused[0]?.headers.get('retry-after')).toBe('1')
    sim.faults.clear()
    expect((await ask(sim, 'GET', EVENTS)).status).toBe(200)
  })

  it('count for each mailbox', async () => {
    sim.setLimits({ concurrency: 1 })
    sim.faults.add({ operation: 'listEvents', effect: { type: 'delay', ms: 60 } })
    const all = await Promise.all([ask(sim, 'GET', EVENTS), ask(sim, 'GET', users(BOB, 'events'))])
    expect(all.map(({ status }) => status)).toEqual([200, 200])
  })

  it('let ten thousand requests through in ten minutes', async () => {
    sim.setLimits({ requests: 3 })
    for (let n = 0; n < 3; n++) expect((await ask(sim, 'GET', EVENTS)).status).toBe(200)
    const refused = await ask(sim, 'GET', EVENTS)
    expect(refused.status).toBe(429)
    sim.clock.advance(Number(refused.headers.get('retry-after')) * 1000)
    expect((await ask(sim, 'GET', EVENTS)).status).toBe(200)
  })
})

describe('a batch', () => {
  const JSON_HEADERS = { 'Content-Type': 'application/json' }
  const batch = async (requests: object[]) => ask(sim, 'POST', '/$batch', { requests })

  it('has a status of its own for every part', async () => {
    strike({ type: 'error', code: 'ApplicationThrottled', backOffMs: 3_000 }, 'listCalendars')
    const { status, body } = await batch([
      { id: '1', method: 'POST', url: EVENTS, headers: JSON_HEADERS, body: VISIT },
      { id: '2', method: 'GET', url: `${EVENTS}/abc` },
      { id: '3', method: 'GET', url: users(ALICE, 'calendars') },
      { id: '4', method: 'GET', url: '/subscriptions' },
    ])
    expect(status).toBe(200)
    expect(body.responses.map((one: any) => [one.id, one.status])).toEqual([['1', 201], ['2', 400], ['3', 429], ['4', 200]])
    expect(body.responses[2].headers['Retry-After']).toBe('3')
    expect(body.responses[0].body.subject).toBe('Visit')
  })

  it('does not carry out what depends on a failed part', async () => {
    const { body } = await batch([
      { id: '1', method: 'GET', url: `${EVENTS}/abc` },
      { id: '2', method: 'POST', url: EVENTS, headers: JSON_HEADERS, body: VISIT, dependsOn: ['1'] },
    ])
    expect(body.responses.map((one: any) => one.status)).toEqual([400, 424])
    expect(sim.items(ALICE)).toEqual([])
  })

  it('may lose the answer of a part that was carried out', async () => {
    strike({ type: 'drop-after' })
    const { body } = await batch([{ id: '1', method: 'POST', url: EVENTS, headers: JSON_HEADERS, body: VISIT }])
    expect(body.responses[0].status).toBe(504)
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it.each([
    ['more than twenty parts', Array.from({ length: 21 }, (_, n) => ({ id: String(n), method: 'GET', url: EVENTS }))],
    ['one id twice', [{ id: '1', method: 'GET', url: EVENTS }, { id: '1', method: 'GET', url: EVENTS }]],
    ['a dependency that is not there', [{ id: '1', method: 'GET', url: EVENTS, dependsOn: ['9'] }]],
    ['nothing in it', []],
  ])('with %s is refused as a whole', async (_, requests) => {
    expect((await batch(requests)).status).toBe(400)
  })

  it('refuses a part with a body and no content type', async () => {
    const { body } = await batch([{ id: '1', method: 'POST', url: EVENTS, body: VISIT }])
    expect(body.responses[0].status).toBe(400)
  })
})
