import { afterEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox, Token } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection, EwsConnectionOptions } from './index.ts'
import { Pace } from './pace.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
let passedMs = 0
const clock: Clock = {
  now: () => instant(0), elapsedMs: () => performance.now() + passedMs,
  sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms) }),
}
const mailboxOf = (name: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
})
const alice = mailboxOf('alice')
const none = () => Promise.resolve(new Map())
const BUSY = { code: 'EWS_BUSY', scope: 'mailbox', remedy: 'wait' }

let sim: EwsSim
let connection: EwsConnection
afterEach(async () => {
  await connection.close()
  await sim.stop()
  passedMs = 0
})

async function start(options: EwsSimOptions, more: Partial<EwsConnectionOptions> = {}): Promise<void> {
  sim = await startEwsSim(options)
  connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, ...more })
}

describe('a mailbox that is over its budget', () => {
  it.each([200, 500] as const)('is left in peace for as long as the server says (HTTP %i), while others are served', async (status) => {
    await start({ throttle: { budget: { burst: 6, perSecond: 1 }, status } })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    const pulls = await Promise.allSettled(Array.from({ length: 30 }, () => mailbox.pull('event', null, none)))
    expect(pulls.some((one) => one.status === 'rejected')).toBe(true)
    const asked = sim.load.refused
    // Asking a blocked mailbox prolongs the block: nobody asks.
    await expect(mailbox.pull('event', null, none)).rejects.toMatchObject({ ...BUSY, retryAfterMs: expect.any(Number) })
    expect(sim.load.refused).toBe(asked)
    await connection.mailbox(mailboxOf('bob')).open()
    sim.clock.advance(10_000)
    passedMs += 10_000
    expect(await mailbox.pull('event', null, none)).toMatchObject({ type: 'page' })
  })

  it('is waited for by the call itself where the pause is short', async () => {
    await start({}, { patienceMs: 500 })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    sim.faults.add({ operation: 'SyncFolderItems', times: 2, effect: { type: 'error', code: 'ErrorServerBusy', backOffMs: 30, status: 500 } })
    expect(await mailbox.pull('event', null, none)).toMatchObject({ type: 'page' })
    sim.faults.add({ operation: 'SyncFolderItems', times: 1, effect: { type: 'error', code: 'ErrorServerBusy', backOffMs: 5_000, status: 500 } })
    await expect(mailbox.pull('event', null, none)).rejects.toMatchObject({ ...BUSY, retryAfterMs: 5_000 })
  })

  it('is never written to twice because of a pause: a write whose outcome is unknown is not sent again', async () => {
    await start({}, { patienceMs: 500 })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    sim.faults.add({ operation: 'CreateItem', times: 1, effect: { type: 'status-after', status: 503 } })
    const [outcome] = await mailbox.create([{ item: { kind: 'task', fields: { subject: 'once' } }, token: 'token' as Token }])
    expect(outcome).toMatchObject({ type: 'failed', error: { code: 'EWS_BUSY', outcomeUnknown: true } })
    expect(sim.items(alice.address, 'tasks')).toHaveLength(1)
  })
})

describe('a server that bears fewer calls than we would make', () => {
  it.each([['by count of connections', { concurrency: 3 }], ['by HTTP 503', { capacity: 3 }]])('%s is found out, and all work gets done', async (_how, throttle) => {
    const mailboxes = Array.from({ length: 12 }, (_, at) => ({ address: `user${at}@example.test` }))
    await start({ throttle, latencyMs: 3, mailboxes }, { maxConcurrent: 10, patienceMs: 120_000 })
    // The pauses of this server, a minute each, are jumped over.
    const patient = { ...clock, sleep: (ms: number) => { passedMs += ms; return new Promise<void>((resolve) => { setImmediate(resolve) }) } }
    await connection.close()
    connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock: patient, maxConcurrent: 10, patienceMs: 120_000 })
    const work = async (name: string) => {
      const mailbox = connection.mailbox(mailboxOf(name))
      // Making the folder is a write, which is not sent again unasked.
      for (let open = false; !open;) open = await mailbox.open().then(() => true, () => false)
      for (let at = 0; at < 10; at += 1) await mailbox.pull('event', null, none)
    }
    const done = await Promise.allSettled(mailboxes.map((_, at) => work(`user${at}`)))
    expect(done.filter(({ status }) => status === 'rejected')).toEqual([])
    expect(sim.load.most).toBe(3)
    // 12 mailboxes in 14 calls each: without learning, most would be refused.
    expect(sim.load.refused).toBeLessThan(50)
  })
})

describe('the pace', () => {
  const busy = (retryAfterMs: number) => new SyncError('EWS_BUSY', 'busy', { scope: 'mailbox', remedy: 'wait', retryAfterMs })
  const pace = (most: number) => new Pace({ name: 'x', most, clock, log })
  const well = (one: Pace, name = 'm') => one.run(name, () => Promise.resolve())
  const ill = (one: Pace, name: string) => one.run(name, () => Promise.reject(busy(1))).catch(() => undefined)
  // Only the pace is looked at here.
  it('halves when the server complains, once for all calls that were on their way, and comes back one by one', async () => {
    await start({})
    const one = pace(16)
    await Promise.all(Array.from({ length: 8 }, (_, at) => ill(one, `m${at}`)))
    expect(one.limit).toBe(8)
    for (let at = 0; at < 4; at += 1) await ill(one, `n${at}`)
    expect(one.limit).toBe(1)
    for (let at = 0; at < 4; at += 1) await well(one)
    expect(one.limit).toBe(2)
    for (let at = 0; at < 2_000; at += 1) await well(one)
    expect(one.limit).toBe(16)
  })

  it('lets mailboxes take turns: a newcomer waits for one call, not for the queue of another', async () => {
    await start({})
    const one = pace(2)
    const order: string[] = []
    const call = (name: string) => one.run(name, async () => {
      await clock.sleep(1)
      order.push(name)
    })
    const bulk = Array.from({ length: 100 }, () => call('bulk'))
    await clock.sleep(3)
    const before = order.length
    await call('live')
    expect(order.length - before).toBeLessThan(8)
    await Promise.all(bulk)
  })
})

describe('a search whose pages the server cuts', () => {
  it('reads them all', async () => {
    await start({ forcePageSize: 2 })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    const token = '11111111-2222-4333-8444-555555555555' as Token
    const stamp = { instance: 'i', kind: 'task', record: '1', token } as never
    const [made] = await mailbox.create([{ item: { kind: 'task', fields: { subject: 'original' } }, token, stamp }])
    expect(made).toMatchObject({ type: 'done' })
    const found = await mailbox.findCreated({ kind: 'task', token, item: { kind: 'task', fields: { subject: 'original' } }, uid: null, since: instant(0) })
    expect(found).toMatchObject({ item: { fields: { subject: 'original' } } })
  })
})
