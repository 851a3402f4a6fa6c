import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alice, day, none, startCloud, told, pullRound } from '../../test/support/cloud.ts'
import type { Cloud } from '../../test/support/cloud.ts'
import { instant, itemId, itemOf, token } from '../model/index.ts'
import type { Instant } from '../model/index.ts'
import type { Exchange } from '../ports.ts'
import type { GraphConnection } from './index.ts'
import { fromAnswer, retryAfterMs, verdictOf } from './errors.ts'
import { newGate, Transport } from './transport.ts'
import type { GraphRequest } from './transport.ts'

const event = (subject: string) => itemOf('event', {
  subject, time: { allDay: false, start: `${day(1)}T09:00:00Z` as Instant, end: `${day(1)}T10:00:00Z` as Instant },
})
const requests = (count: number) => Array.from({ length: count }, (_, at) => ({ item: event(`n${at}`), token: token(`t${at}`) }))

describe('a busy cloud', () => {
  let cloud: Cloud
  let connection: GraphConnection
  let mailbox: Exchange
  beforeEach(async () => {
    cloud = await startCloud()
    connection = cloud.connect()
    mailbox = connection.mailbox(alice)
    await mailbox.open()
    cloud.waits.length = 0
  })
  afterEach(() => cloud.stop())

  it('is asked again after the seconds it named, in a read and in a write', async () => {
    cloud.sim.faults.add({ operation: 'eventsDelta', times: 1, effect: { type: 'status', status: 429, headers: { 'retry-after': '3' } } })
    cloud.sim.faults.add({ operation: 'createEvent', times: 1, effect: { type: 'status', status: 429, headers: { 'retry-after': '2' } } })
    expect(await mailbox.create(requests(1))).toMatchObject([{ type: 'done' }])
    expect(told(await pullRound(mailbox, 'event'))).toEqual(['n0'])
    expect(cloud.waits).toEqual([2_000, 3_000])
  })

  it('that wants more patience than a run has stops the mailbox until the time it named', async () => {
    cloud.sim.faults.add({ operation: 'eventsDelta', times: 1, effect: { type: 'status', status: 429, headers: { 'retry-after': '120' } } })
    await expect(mailbox.pull('event', null, none)).rejects.toMatchObject({ code: 'GRAPH_BUSY', scope: 'mailbox', remedy: 'wait', retryAfterMs: 120_000, outcomeUnknown: false })
    expect(cloud.waits).toEqual([])
  })

  it('that refuses parts of a batch gets only those again', async () => {
    cloud.sim.faults.add({ operation: 'createEvent', skip: 3, times: 5, effect: { type: 'status', status: 429, headers: { 'retry-after': '1' } } })
    const outcomes = await mailbox.create(requests(20))
    expect(outcomes.map(({ type }) => type)).toEqual(Array.from({ length: 20 }, () => 'done'))
    expect((await cloud.outlook('GET', '/calendar/events?$top=100')).value).toHaveLength(20)
    expect(cloud.waits).toEqual([1_000])
  })

  it('that gives up in the middle of a batch leaves some outcomes unknown, and the rest as they are', async () => {
    cloud.sim.faults.add({ operation: 'createEvent', skip: 1, times: 1, effect: { type: 'status-after', status: 504 } })
    cloud.sim.faults.add({ operation: 'createEvent', skip: 1, times: 1, effect: { type: 'status', status: 503 } })
    const outcomes = await mailbox.create(requests(4))
    expect(outcomes.map((outcome) => (outcome.type === 'failed' ? [outcome.error.code, outcome.error.outcomeUnknown] : outcome.type)))
      .toEqual(expect.arrayContaining(['done', ['GRAPH_TRANSIENT', true], ['GRAPH_BUSY', true]]))
    // A write that may have been done is not sent again by itself.
    expect((await cloud.outlook('GET', '/calendar/events?$top=100')).value).toHaveLength(3)
  })

  it('whose trouble is wider than an item ends the work: what was not sent has not happened', async () => {
    cloud.sim.faults.add({ operation: 'createEvent', skip: 5, times: 1, effect: { type: 'status', status: 429, headers: { 'retry-after': '600' } } })
    const outcomes = await mailbox.create(requests(45))
    expect(outcomes.slice(0, 20).filter(({ type }) => type === 'done')).toHaveLength(19)
    expect(outcomes.slice(20).map((outcome) => outcome.type === 'failed' && outcome.error.outcomeUnknown)).toEqual(Array.from({ length: 25 }, () => false))
    expect((await cloud.outlook('GET', '/calendar/events?$top=100')).value).toHaveLength(19)
  })

  it('is never asked more than four things at once for a mailbox', async () => {
    await mailbox.create(requests(60))
    cloud.sim.faults.add({ effect: { type: 'delay', ms: 10 } })
    await Promise.all([pullRound(mailbox, 'event'), pullRound(mailbox, 'task'), pullRound(mailbox, 'contact'), mailbox.get('event', Array.from({ length: 30 }, (_, at) => itemId(`x${at}`)))])
    // The simulated cloud refuses the fifth.
    expect(cloud.waits).toEqual([])
    const window = { from: instant(cloud.sim.clock.now()), to: instant(cloud.sim.clock.now() + 86_400_000) }
    await Promise.all([
      pullRound(mailbox, 'event'), ...Array.from({ length: 6 }, () => connection.availability(alice).freeBusy([alice.address], window)), connection.sharing(alice).list(), connection.check(alice),
    ])
    expect(cloud.waits).toEqual([])
  })
})

describe('a request', () => {
  let server: Server
  let transport: Transport
  let answer: (path: string, body: string) => { status: number; body?: string; headers?: Record<string, string> }
  let seen: { method: string; path: string; headers: Record<string, unknown>; body: string }[]
  let running = 0
  let most = 0
  const waits: number[] = []
  const caller = () => ({ mailbox: alice.address, tokens: { token: (refused?: string) => Promise.resolve(refused === undefined ? 'one' : 'two') }, gate: newGate() })

  beforeEach(async () => {
    seen = []
    most = 0
    waits.length = 0
    server = createServer((request, response) => {
      running += 1
      most = Math.max(most, running)
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
        const body = Buffer.concat(parts).toString('utf8')
        seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body })
        setTimeout(() => {
          running -= 1
          const { status, body: text = '', headers = {} } = answer(request.url ?? '', body)
          response.writeHead(status, headers).end(text)
        }, 5)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    transport = new Transport({
      name: 'cloud', graphUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1.0/`, access: 'application', userAgent: 'exchange-connector', maxConcurrent: 32, timeoutMs: 2_000,
      clock: { now: () => instant(0), elapsedMs: () => 0, sleep: (ms) => Promise.resolve(void waits.push(ms)) },
    })
  })
  afterEach(async () => {
    await transport.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const get = (path: string): GraphRequest => ({ method: 'GET', path })
  /** Answers every part of a batch by its address. */
  const batched = (body: string, part: (url: string) => object) =>
    ({ status: 200, body: JSON.stringify({ responses: (JSON.parse(body) as { requests: { id: string; url: string }[] }).requests.map(({ id, url }) => ({ id, ...part(url) })).toReversed() }) })

  it('asks for ids that survive moves, in every part of a batch, too, and for times in UTC', async () => {
    answer = (path, body) => (path.endsWith('$batch') ? batched(body, () => ({ status: 200, body: {} })) : { status: 200, body: '{}' })
    await transport.send({ method: 'PATCH', path: '/me/events/1', body: {}, expect: 'W/"x"' }, caller())
    await transport.batch([get('/me/events/1'), get('/me/events/2')], caller())
    expect(seen[0]?.headers).toMatchObject({
      prefer: 'IdType="ImmutableId", outlook.timezone="UTC"', 'if-match': 'W/"x"', 'user-agent': 'exchange-connector', authorization: 'Bearer one', 'client-request-id': expect.any(String),
    })
    const parts = (JSON.parse(seen[1]?.body ?? '{}') as { requests: { headers: { prefer: string } }[] }).requests
    expect(parts.map(({ headers }) => headers.prefer)).toEqual(Array.from({ length: 2 }, () => 'IdType="ImmutableId", outlook.timezone="UTC"'))
  })

  it('travels with at most nineteen others, and the answers find their requests in whatever order they come', async () => {
    answer = (_path, body) => batched(body, (url) => ({ status: 200, body: { id: url } }))
    const paths = Array.from({ length: 45 }, (_, at) => `/me/events/${at}`)
    expect((await transport.batch(paths.map(get), caller())).map(({ body }) => (body as { id: string }).id)).toEqual(paths)
    expect(seen.map(({ body }) => (JSON.parse(body) as { requests: unknown[] }).requests.length)).toEqual([20, 20, 5])
  })

  it('waits its turn: four at once for a mailbox, a batch counting as four', async () => {
    answer = (path, body) => (path.endsWith('$batch') ? batched(body, () => ({ status: 200 })) : { status: 200, body: '{}' })
    const one = caller()
    await Promise.all(Array.from({ length: 12 }, (_, at) => transport.send(get(`/me/events/${at}`), one)))
    expect(most).toBe(4)
    most = 0
    await Promise.all(Array.from({ length: 3 }, () => transport.batch(Array.from({ length: 5 }, (_, at) => get(`/me/events/${at}`)), one)))
    expect(most).toBe(1)
    await Promise.all(Array.from({ length: 3 }, () => transport.batch(Array.from({ length: 5 }, (_, at) => get(`/me/events/${at}`)), caller())))
    expect(most).toBe(3)
  })

  it('that is refused for its token is sent once more with another', async () => {
    answer = () => (seen.at(-1)?.headers['authorization'] === 'Bearer one' ? { status: 401, body: '{"error":{"code":"InvalidAuthenticationToken"}}' } : { status: 200, body: '{"id":"x"}' })
    expect(await transport.send(get('/me'), caller())).toMatchObject({ status: 200, body: { id: 'x' } })
    expect(seen).toHaveLength(2)
    answer = () => ({ status: 401 })
    expect(await transport.send(get('/me'), caller())).toMatchObject({ status: 401 })
    expect(seen).toHaveLength(4)
  })

  it('that a batch leaves without an answer may have been done', async () => {
    answer = (_path, body) => ({ status: 200, body: JSON.stringify({ responses: [{ id: '0', status: 201, body: {} }], for: body.length }) })
    const posts = [1, 2].map((at): GraphRequest => ({ method: 'POST', path: `/me/events/${at}`, body: {} }))
    const answers = await transport.batch(posts, caller())
    expect(answers.map(({ status }) => status)).toEqual([201, 504])
    expect(transport.error(answers[1] ?? { status: 0, body: null, retryAfterMs: undefined }, { method: 'POST', path: '/me/events' }, caller())).toMatchObject({ outcomeUnknown: true })
  })

  it.each([['no body', ''], ['null', 'null'], ['no list', '{"responses":7}']])('whose batch is answered with %s leaves its outcome unknown', async (_what, body) => {
    answer = () => ({ status: 200, body })
    const posts = [1, 2].map((at): GraphRequest => ({ method: 'POST', path: `/me/events/${at}`, body: {} }))
    await expect(transport.batch(posts, caller())).rejects.toMatchObject({ code: 'GRAPH_BAD_REPLY', outcomeUnknown: true })
  })

  it('that a batch wants later waits as the part says, in seconds, as a number or as a date', async () => {
    const when = (at: number) => [{ 'Retry-After': '2' }, { 'retry-after': 3 }, { 'Retry-After': new Date(Date.now() + 5_000).toUTCString() }][at]
    let turn = 0
    answer = (_path, body) => batched(body, (url) => {
      const isBusy = turn++ < 3
      return isBusy ? { status: 429, headers: when(Number(url.slice(-1))) } : { status: 200, body: {} }
    })
    const answers = await transport.batch([0, 1, 2].map((at) => get(`/me/events/${at}`)), caller())
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(waits).toHaveLength(1)
    expect(waits[0]).toBeGreaterThan(3_000)
    expect(waits[0]).toBeLessThanOrEqual(5_000)
  })

  it('follows no link to another server', () => {
    const lead = (link: string) => () => transport.pathOf(link, caller())
    expect(lead('https://evil.example/v1.0/me/events')).toThrow(expect.objectContaining({ code: 'GRAPH_BAD_REPLY' }))
    expect(lead('/other/me/events')).toThrow(expect.objectContaining({ code: 'GRAPH_BAD_REPLY' }))
    expect(lead('/v1.0/me/events/delta?$deltatoken=x')()).toBe('/me/events/delta?$deltatoken=x')
  })

  it('whose write gets no answer has an unknown outcome, one that never left has not', async () => {
    answer = () => ({ status: 200 })
    server.removeAllListeners('request')
    server.on('request', (request) => request.socket.destroy())
    await expect(transport.send({ method: 'POST', path: '/me/events', body: {} }, caller())).rejects.toMatchObject({ code: 'GRAPH_UNREACHABLE', outcomeUnknown: true, scope: 'server' })
    await new Promise((resolve) => server.close(resolve))
    await expect(transport.send({ method: 'POST', path: '/me/events', body: {} }, caller())).rejects.toMatchObject({ code: 'GRAPH_UNREACHABLE', outcomeUnknown: false })
    server = createServer().listen(0)
  })

  it('answered by a page instead of Graph is told as such', async () => {
    answer = () => ({ status: 200, body: '<html>Sign in</html>' })
    await expect(transport.send(get('/me'), caller())).rejects.toMatchObject({ code: 'GRAPH_BAD_REPLY', remedy: 'retry' })
  })
})

describe('an answer', () => {
  const call = { operation: 'PATCH events', writes: true, connection: 'cloud', url: 'https://graph.example', mailbox: 'alice@example.test', access: 'application' } as const
  const says = (status: number, code: string, message: string) => ({ status, body: { error: { code, message } }, retryAfterMs: undefined })
  const of = (status: number, code: string) => says(status, code, 'x')

  it.each([
    [of(410, 'SyncStateNotFound'), 'resync'], [of(400, 'SyncStateInvalid'), 'resync'], [of(404, 'ErrorItemNotFound'), 'gone'], [of(400, 'ErrorInvalidIdMalformed'), 'gone'],
    [of(412, 'ErrorIrresolvableConflict'), 'stale'], [of(404, 'MailboxNotEnabledForRESTAPI'), 'error'], [of(404, 'Request_ResourceNotFound'), 'error'], [of(400, 'ErrorInvalidRequest'), 'error'],
    [says(404, 'ResourceNotFound', 'The object was not found.'), 'gone'], [says(404, 'ResourceNotFound', 'Resource could not be discovered.'), 'error'],
    [of(404, 'ErrorMailboxInfoStale'), 'error'], [of(404, 'UnknownError'), 'error'], [{ ...of(404, ''), body: undefined }, 'error'],
    [says(400, 'invalidRequest', 'Parent folder specified does not contain a Task with given Id'), 'gone'],
  ])('%j means %s', (answer, verdict) => {
    expect(verdictOf(answer)).toBe(verdict)
  })

  it.each([
    [of(404, 'MailboxNotEnabledForRESTAPI'), 'GRAPH_NO_MAILBOX', 'mailbox', 'ask-human', false],
    [of(403, 'ErrorAccessDenied'), 'GRAPH_FORBIDDEN', 'mailbox', 'ask-human', false],
    [of(401, 'InvalidAuthenticationToken'), 'GRAPH_UNAUTHORIZED', 'server', 'ask-human', false],
    [of(429, 'ApplicationThrottled'), 'GRAPH_BUSY', 'mailbox', 'wait', false],
    [of(503, 'serviceNotAvailable'), 'GRAPH_BUSY', 'mailbox', 'wait', true],
    [of(504, 'UnknownError'), 'GRAPH_TRANSIENT', 'mailbox', 'retry', true],
    [of(409, 'ErrorConcurrentItemSave'), 'GRAPH_TRANSIENT', 'mailbox', 'retry', true],
    [of(507, 'ErrorQuotaExceeded'), 'GRAPH_MAILBOX_FULL', 'mailbox', 'ask-human', false],
    [of(403, 'ErrorQuotaExceeded'), 'GRAPH_MAILBOX_FULL', 'mailbox', 'ask-human', false],
    [says(404, 'ResourceNotFound', 'Resource could not be discovered.'), 'GRAPH_NO_MAILBOX', 'mailbox', 'ask-human', false],
    [{ ...of(404, ''), body: undefined }, 'GRAPH_NOT_GRAPH', 'mailbox', 'wait', false],
    [{ ...of(400, ''), body: { error: 'invalid_request' } }, 'GRAPH_NOT_GRAPH', 'item', 'ask-human', false],
    [of(400, 'ErrorQuotaExceeded'), 'GRAPH_MAILBOX_FULL', 'mailbox', 'ask-human', false],
    [of(400, 'ErrorInvalidRequest'), 'GRAPH_REFUSED', 'item', 'ask-human', false],
    [of(400, 'ErrorOccurrenceCrossingBoundary'), 'GRAPH_NOT_IN_SERIES', 'item', 'apart', false],
  ])('%j becomes %s of the %s', (answer, code, scope, remedy, outcomeUnknown) => {
    expect(fromAnswer(answer, call)).toMatchObject({ code, scope, remedy, outcomeUnknown })
  })

  it('names the time to come back in seconds or as a date', () => {
    const now = Date.parse('2026-11-22T10:00:00Z')
    expect(retryAfterMs('17', now)).toBe(17_000)
    expect(retryAfterMs('Sun, 22 Nov 2026 10:02:00 GMT', now)).toBe(120_000)
    expect(retryAfterMs('Sun, 22 Nov 2026 09:00:00 GMT', now)).toBe(0)
    expect(retryAfterMs('soon', now)).toBeUndefined()
    expect(retryAfterMs(undefined, now)).toBeUndefined()
    expect(retryAfterMs('99999999', now)).toBe(3_600_000)
  })
})
