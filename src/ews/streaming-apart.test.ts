import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection } from './index.ts'
import { halves, mayComeBack } from './stream-apart.ts'

const clock: Clock = {
  now: () => instant(Date.now()), elapsedMs: () => performance.now(),
  sleep: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  }),
}
const mailboxOf = (at: number): Mailbox => ({
  id: mailboxId(`user${at}`), address: `user${at}@example.test`, user: `user${at}`, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
})
const EVERYTHING = 'event+task+contact'
const EXCHANGE_2013 = { minor: 0, build: 847, schema: 'Exchange2013_SP1' } as const

let sim: EwsSim
let connection: EwsConnection
let mailboxes: Mailbox[]
let heard: string[]
/** How often mailboxes were taken apart. */
let steps: number
/** The server's budget was overdrawn. */
let busy: number

async function start(count: number, how: 'impersonation' | 'delegation' = 'impersonation', version = {}): Promise<void> {
  mailboxes = Array.from({ length: count }, (_, at) => mailboxOf(at))
  sim = await startEwsSim({ mailboxes: mailboxes.map(({ address }) => ({ address })), hangingConnectionLimit: 'minor' in version ? 3 : 10, version })
  for (const { address } of mailboxes) grant(address)
  const log: Log = {
    debug() {}, info() {}, error() {},
    warn(fields, message) {
      if (message.includes('apart')) steps += 1
      if ((fields as { code?: string }).code === 'EWS_BUSY') busy += 1
    },
  }
  connection = createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: how === 'impersonation', delegation: how === 'delegation', log, clock,
    streaming: { collectMs: 15, debounceMs: 100, backOffMs: [10, 40], askHumanMs: 30, watchdogMs: 5_000 },
  })
  for (const mailbox of mailboxes) watch(mailbox)
  await online()
  expect(sizes()).toEqual([count])
}
function grant(address: string): void {
  for (const folder of ['calendar', 'tasks', 'contacts', 'deleteditems']) sim.grant(address, folder, sim.service.username, 'PublishingEditor')
  sim.grant(address, 'msgfolderroot', sim.service.username, 'FolderVisible')
}
function watch(mailbox: Mailbox): void {
  connection.hints().watch(mailbox, (kinds) => void heard.push(`${mailbox.user}:${kinds.join('+')}`))
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}; heard ${JSON.stringify(heard)}, streams ${JSON.stringify(sim.streams)}`)
    await clock.sleep(3)
  }
}
const online = (but = -1) => until('all connected', () => mailboxes.every(({ id }, at) => at === but || connection.hints().connected().has(id)))
const sizes = () => sim.streams.map((stream) => stream.length).toSorted((one, two) => two - one)
const are = (...wanted: number[]) => until(`streams of ${wanted.join()}`, () => JSON.stringify(sizes()) === JSON.stringify(wanted))

/** The server says twice in a row that it does not know a fresh subscription, as one that restarts does. */
function refuseTwice(): void {
  sim.faults.add({ operation: 'GetStreamingEvents', times: 2, effect: { type: 'error', code: 'ErrorSubscriptionNotFound', status: 200 } })
  sim.closeConnections()
}
async function inDueTime(): Promise<void> {
  sim.clock.advance(30 * 60_000)
  await clock.sleep(150)
  await online()
}

beforeEach(() => {
  heard = []
  steps = 0
  busy = 0
})
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

type Rule = Parameters<EwsSim['refuseStreams']>[0]
const spoilers = (...at: number[]) => at.map((one) => mailboxOf(one).address)
/** Refused as a whole, without a word why, wherever this one is. */
const spoiled: Rule = (addresses) => (addresses.includes(mailboxOf(5).address) ? 'all' : [])
/** Refused by name wherever they are among others. */
const named = (...at: number[]): Rule => (addresses) => (addresses.length > 1 ? addresses.filter((one) => spoilers(...at).includes(one)) : [])
const moreThan = (most: number): Rule => (addresses) => (addresses.length > most ? 'all' : [])

describe('mailboxes that share a stream and are refused', () => {
  it.each<[string, number, Rule, number, readonly number[], number]>([
    ['by a server that bears three at a time', 8, moreThan(3), -1, [2, 2, 2, 2], 3],
    ['by a server where nobody can share', 8, moreThan(1), -1, [1, 1, 1, 1, 1, 1, 1, 1], 7],
    ['because of one, which the server does not name', 8, spoiled, 5, [4, 2, 1], 3],
    ['because of one in many', 64, spoiled, 5, [32, 16, 8, 2, 4, 1], 6],
    ['because of one, which it names', 8, named(5), -1, [7, 1], 1],
    ['because of three, which it names', 8, named(1, 4, 6), -1, [5, 1, 1, 1], 2],
  ])('%s, go on in halves', async (_what, count, rule, deaf, wanted, most) => {
    await start(count)
    sim.refuseStreams(rule)
    sim.closeConnections()
    await are(...wanted.toSorted((one, two) => two - one))
    await online(deaf)
    expect(steps).toBe(most)
    await until('rung', () => mailboxes.every(({ user }, at) => at === deaf || heard.includes(`${user}:${EVERYTHING}`)))
    await clock.sleep(120)
    heard = []
    for (const { address } of mailboxes) sim.putItem(address, 'tasks', { Subject: 'apart' })
    await until('heard', () => mailboxes.every(({ user }, at) => at === deaf || heard.includes(`${user}:task`)))
  })

  it('are two halves after a server that starts again, and heard although something was about to ring', async () => {
    await start(8)
    await until('rung', () => mailboxes.every(({ user }) => heard.includes(`${user}:${EVERYTHING}`)))
    for (const { address } of mailboxes) sim.putItem(address, 'tasks', { Subject: 'about to ring' })
    heard = []
    // On its way to us, and not told yet.
    await clock.sleep(20)
    refuseTwice()
    await are(4, 4)
    await until('rung again', () => mailboxes.every(({ user }) => heard.includes(`${user}:${EVERYTHING}`)))
    expect(steps).toBe(1)
  })

  it('come together again when their streams end in due time', async () => {
    await start(8)
    refuseTwice()
    await are(4, 4)
    const { subscriptions } = sim
    sim.clock.advance(30 * 60_000)
    await are(8)
    await online()
    await until('taken back from the stream that was given up', () => sim.subscriptions === subscriptions)
  })

  it('wait twice as long with every time, until a stream has served them together', async () => {
    await start(4)
    refuseTwice()
    await are(2, 2)
    await inDueTime()
    await are(4)
    refuseTwice()
    await are(2, 2)
    await inDueTime()
    await are(2, 2)
    await inDueTime()
    await are(4)
    // This one ends well: what was before is forgotten.
    await inDueTime()
    refuseTwice()
    await are(2, 2)
    await inDueTime()
    await are(4)
  })

  it('come back in the order of their innocence', async () => {
    await start(8)
    sim.refuseStreams((addresses) => (addresses.length > 1 ? spoiled(addresses) : []))
    sim.closeConnections()
    await are(4, 2, 1, 1)
    await online()
    await inDueTime()
    await are(4, 2, 1, 1)
    await inDueTime()
    await are(6, 1, 1)
    await inDueTime()
    // It is tried once more, and only then.
    expect(steps).toBe(3)
    await inDueTime()
    await until('tried again', () => steps > 3)
  })

  it('leave no stream of their own to whoever shares none: he is tried ever more rarely', async () => {
    await start(2)
    sim.refuseStreams(moreThan(1))
    sim.closeConnections()
    const tries: number[] = []
    for (let halfHours = 0; halfHours < 16; halfHours += 1) {
      await are(1, 1)
      const before = steps
      await inDueTime()
      if (steps > before) tries.push(halfHours)
    }
    expect(tries.length).toBeLessThan(5)
  })
})

describe('where one account is charged with all streams', () => {
  it.each<[string, object, readonly number[]]>([
    ['Exchange 2013, at most three', EXCHANGE_2013, [6, 1]],
    ['Exchange 2016 and later, at most ten', {}, [4, 2, 1]],
  ])('the one that spoils a stream is found within its budget: %s', async (_what, version, wanted) => {
    await start(8, 'delegation', version)
    sim.refuseStreams(spoiled)
    sim.closeConnections()
    await are(...wanted)
    await online(5)
    expect(steps).toBe(3)
    expect(busy).toBe(0)
  })

  it('a newcomer goes to the many when there may be no further stream', async () => {
    await start(8, 'delegation', EXCHANGE_2013)
    sim.refuseStreams((addresses) => (addresses.length > 1 ? spoiled(addresses) : []))
    sim.closeConnections()
    await are(6, 1, 1)
    const late = mailboxOf(8)
    sim.addMailbox({ address: late.address })
    grant(late.address)
    watch(late)
    await are(7, 1, 1)
    expect(busy).toBe(0)
  })
})

describe('a half', () => {
  it.each([
    [1, [1]], [2, [1, 1]], [3, [2, 1]], [199, [100, 99]],
  ])('of %i refused ones', (count, wanted) => {
    expect(halves(Array.from({ length: count })).map((half) => half.length)).toEqual(wanted)
  })

  it('of the day at the most is waited until one is tried again among others', () => {
    const longest = [1, 2, 3, 8, 30].map((timesApart) => Array.from({ length: 64 }, (_, endedWell) => endedWell).find((endedWell) => mayComeBack({ timesApart, endedWell })))
    expect(longest).toEqual([1, 2, 4, 32, 32])
  })
})
