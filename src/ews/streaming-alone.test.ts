import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => instant(Date.now()), elapsedMs: () => performance.now(),
  sleep: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  }),
}
const mailboxes = ['alice', 'bob', 'carol'].map((name): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
}))
const EVERYTHING = 'event+task+contact'

let sim: EwsSim
let connection: EwsConnection
let heard: string[]

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}; heard ${JSON.stringify(heard)}, streams ${sim.openStreams}`)
    await clock.sleep(3)
  }
}
const online = () => until('all connected', () => connection.hints().connected().size === mailboxes.length)

beforeEach(async () => {
  heard = []
  sim = await startEwsSim()
  connection = createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock,
    streaming: { collectMs: 15, debounceMs: 150, backOffMs: [10, 40], askHumanMs: 30, watchdogMs: 5_000 },
  })
  for (const mailbox of mailboxes) connection.hints().watch(mailbox, (kinds) => void heard.push(`${mailbox.user}:${kinds.join('+')}`))
  await online()
  expect(sim.openStreams).toBe(1)
})
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

/** The server says twice in a row that it does not know a fresh subscription, as one that restarts does. */
async function refuseTwice(): Promise<void> {
  sim.faults.add({ operation: 'GetStreamingEvents', times: 2, effect: { type: 'error', code: 'ErrorSubscriptionNotFound', status: 200 } })
  sim.closeConnections()
  await until('each on a stream of his own', () => sim.openStreams === mailboxes.length)
}

describe('mailboxes that were refused among others', () => {
  it('are heard on a stream of their own, also when something was about to ring', async () => {
    await until('rung', () => mailboxes.every(({ user }) => heard.includes(`${user}:${EVERYTHING}`)))
    for (const { address } of mailboxes) sim.putItem(address, 'tasks', { Subject: 'about to ring' })
    heard = []
    // On its way to us, and not told yet.
    await clock.sleep(20)
    await refuseTwice()
    await until('rung again', () => mailboxes.every(({ user }) => heard.includes(`${user}:${EVERYTHING}`)))
    await online()
    heard = []
    for (const { address } of mailboxes) sim.putItem(address, 'tasks', { Subject: 'alone' })
    await until('heard', () => mailboxes.every(({ user }) => heard.includes(`${user}:task`)))
  })

  const inDueTime = async () => {
    sim.clock.advance(30 * 60_000)
    await clock.sleep(150)
    await online()
  }
  const together = () => until('together', () => sim.openStreams === 1 && connection.hints().connected().size === mailboxes.length)

  it('come together again when their streams end in due time', async () => {
    await refuseTwice()
    await online()
    sim.clock.advance(30 * 60_000)
    await together()
  })

  it('wait twice as long with every time, until a stream has served them together', async () => {
    await refuseTwice()
    await online()
    sim.clock.advance(30 * 60_000)
    await together()
    await refuseTwice()
    await online()
    await inDueTime()
    // Carol, who was the last on the common stream and never alone by force, is back; the others wait once more.
    expect(sim.openStreams).toBeGreaterThan(1)
    sim.clock.advance(30 * 60_000)
    await together()
    // This one ends well: what was before is forgotten.
    await inDueTime()
    expect(sim.openStreams).toBe(1)
    await refuseTwice()
    await online()
    sim.clock.advance(30 * 60_000)
    await together()
  })
})
