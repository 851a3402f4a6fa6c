import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { alice, bob, day, memoryVault, none, pullRound, startCloud } from '../../test/support/cloud.ts'
import type { Cloud } from '../../test/support/cloud.ts'
import { instant } from '../model/index.ts'
import type { ItemKind } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import type { GraphConnection, GraphConnectionOptions, GraphHints } from './index.ts'

let cloud: Cloud
let door: Server
let connection: GraphConnection
let hints: GraphHints
/** What the door answers to a notification; 202 in good times. */
let answer: number
let rings: { mailbox: string; kinds: readonly ItemKind[] }[]

/** Real waits, the simulator's time of day. */
const clock: Clock = {
  now: () => instant(cloud.sim.clock.now()), elapsedMs: () => performance.now(),
  sleep: async (ms, signal) => { await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined) },
}

beforeEach(async () => {
  cloud = await startCloud()
  answer = 202
  rings = []
  door = createServer((request, response) => {
    const token = new URL(request.url ?? '/', 'http://x').searchParams.get('validationToken')
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      if (answer !== 202) response.writeHead(answer).end()
      else if (token !== null) response.writeHead(200, { 'content-type': 'text/plain' }).end(token)
      else {
        response.writeHead(202).end()
        void hints.receive(JSON.parse(Buffer.concat(parts).toString('utf8')))
      }
    })
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await cloud.stop()
  door.closeAllConnections()
  await new Promise((resolve) => door.close(resolve))
})

function follow(more: Partial<GraphConnectionOptions> = {}, mailboxes = [alice]): void {
  connection = cloud.connect({
    clock, notificationUrl: `http://127.0.0.1:${(door.address() as AddressInfo).port}/notify/graph/cloud`,
    hints: { tickMs: 10, debounceMs: 5, pollMs: [40, 400], backOffMs: [40, 100], silenceMs: 100 }, ...more,
  })
  hints = connection.hints()
  for (const mailbox of mailboxes) {
    hints.watch(mailbox, (kinds) => { rings.push({ mailbox: mailbox.user, kinds }) })
  }
}

/** Looks after its subscriptions by itself only every minute. */
const SELDOM = { hints: { tickMs: 10, debounceMs: 5, pollMs: [40, 400], backOffMs: [40, 60_000], silenceMs: 100 } } as const

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; performance.now() < end;) {
    if (isSo()) return
    await sleep(5)
  }
  throw new Error(`It did not happen: ${what}; rings: ${JSON.stringify(rings)}`)
}
const subscribed = () => until('notifications come', () => hints.following().get(alice.id) === 'notifications')
const isTold = (kind: ItemKind) => () => rings.some(({ kinds }) => kinds.includes(kind))
const put = (subject: string) => cloud.outlook('POST', '/calendar/events', {
  subject, start: { dateTime: `${day(3)}T09:00:00`, timeZone: 'UTC' }, end: { dateTime: `${day(3)}T10:00:00`, timeZone: 'UTC' },
})
const subscriptions = () => cloud.sim.world.subscriptions.all()

describe('notifications', () => {
  it('ring when something changes, after one ring for what came before them', async () => {
    follow()
    await subscribed()
    await until('the first ring', isTold('event'))
    rings.length = 0
    await put('a')
    await until('the ring', isTold('event'))
    expect(hints.connected()).toEqual(new Set([alice.id]))
  })

  it('ring for the right mailbox', async () => {
    follow({}, [alice, bob])
    await until('both are followed', () => [...hints.following().values()].every((how) => how === 'notifications'))
    await until('both rang', () => new Set(rings.map(({ mailbox }) => mailbox)).size === 2)
    await sleep(50)
    rings.length = 0
    await put('a')
    await until('the ring', isTold('event'))
    expect(new Set(rings.filter(({ kinds }) => kinds.includes('event')).map(({ mailbox }) => mailbox))).toEqual(new Set(['alice']))
  })

  it('are found again after a restart instead of being asked for twice', async () => {
    follow()
    await subscribed()
    const before = subscriptions().map(({ id }) => id)
    await connection.close()
    follow()
    await subscribed()
    expect(subscriptions().map(({ id }) => id)).toEqual(before)
    rings.length = 0
    await put('a')
    await until('the ring', isTold('event'))
  })

  it('with a forged or foreign secret ring nobody', async () => {
    follow()
    await subscribed()
    await sleep(50)
    rings.length = 0
    const [genuine] = subscriptions()
    const forged = [`m1.event.${'x'.repeat(43)}`, 'm1.event', '', null, 42, { toString: () => 'm1.event' }, `${genuine?.clientState}x`]
    expect(await hints.receive({ value: forged.map((clientState) => ({ clientState, subscriptionId: 'x' })) })).toBe(0)
    for (const body of [null, 'x', { value: 'x' }, []]) expect(await hints.receive(body)).toBe(0)
    await sleep(30)
    expect(rings.filter(({ kinds }) => kinds.includes('event'))).toEqual([])
    expect(await hints.receive({ value: [{ clientState: genuine?.clientState }] })).toBe(1)
  })

  it('are looked for in one listing for all mailboxes of an application', async () => {
    const take = vi.spyOn(cloud.sim.faults, 'take')
    follow({}, [alice, bob])
    await until('both are followed', () => hints.following().size === 2 && [...hints.following().values()].every((how) => how === 'notifications'))
    await sleep(150)
    expect(take.mock.calls.filter(([operation]) => operation === 'listSubscriptions')).toHaveLength(1)
  })

  it('of many changes at once ring once', async () => {
    follow()
    await subscribed()
    await sleep(50)
    rings.length = 0
    const [genuine] = subscriptions().filter(({ resource }) => resource.endsWith('events'))
    await hints.receive({ value: Array.from({ length: 30 }, () => ({ clientState: genuine?.clientState })) })
    await until('the ring', isTold('event'))
    await sleep(30)
    expect(rings.filter(({ kinds }) => kinds.includes('event'))).toHaveLength(1)
  })

  it('that were missed, and subscriptions that were removed, ring for a look, and are made anew', async () => {
    follow(SELDOM)
    await subscribed()
    await sleep(50)
    const [genuine] = subscriptions().filter(({ resource }) => resource.endsWith('events'))
    const all = cloud.sim.world.subscriptions
    rings.length = 0
    expect(all.lifecycle(genuine?.id ?? '', 'missed')).toBe(true)
    await until('the ring', isTold('event'))
    await sleep(30)
    rings.length = 0
    expect(all.lifecycle(genuine?.id ?? '', 'subscriptionRemoved')).toBe(true)
    all.remove(genuine?.id ?? '')
    await until('a new one', () => subscriptions().some(({ id, resource }) => id !== genuine?.id && resource.endsWith('events')))
    await until('the ring', isTold('event'))
  })

  it.each([['at half of their life', {}, 4, false], ['at once when the server wants to see us', SELDOM, 1, true]] as const)('are prolonged %s', async (_when, more, days, isAsked) => {
    follow(more)
    await subscribed()
    const own = () => subscriptions().find(({ resource }) => resource.endsWith('events'))
    const first = own()
    expect((first?.expires ?? 0) - cloud.sim.clock.now()).toBeGreaterThan(6 * 86_400_000)
    await sleep(150)
    const before = first?.expires ?? 0
    expect(own()?.expires).toBe(before)
    cloud.sim.clock.advance(days * 86_400_000)
    if (isAsked) cloud.sim.world.subscriptions.lifecycle(first?.id ?? '', 'reauthorizationRequired')
    await until('a later end', () => (own()?.expires ?? 0) > before)
    expect(own()?.id).toBe(first?.id)
  })

  it('that the server does not get through to us are replaced by a poll, and come back by themselves', async () => {
    answer = 500
    follow()
    await until('a poll', isTold('event'))
    expect(hints.following().get(alice.id)).toBe('poll')
    expect(hints.connected()).toEqual(new Set())
    answer = 202
    await subscribed()
  })

  it('whose renewal fails are replaced by a poll as soon as they have ended', async () => {
    follow()
    await subscribed()
    for (const operation of ['updateSubscription', 'getSubscription', 'createSubscription']) cloud.sim.faults.add({ operation, effect: { type: 'status', status: 500 } })
    cloud.sim.clock.advance(6 * 86_400_000)
    await sleep(150)
    expect(hints.following().get(alice.id)).toBe('notifications')
    cloud.sim.clock.advance(2 * 86_400_000)
    rings.length = 0
    await until('a poll', isTold('event'))
    expect([hints.following().get(alice.id), hints.connected().size]).toEqual(['poll', 0])
    expect(await connection.followed()).toMatchObject({ notifications: 0, polled: 1, trouble: expect.stringContaining('500') })
    cloud.sim.faults.clear()
    await subscribed()
    await until('it is told', () => JSON.parse(cloud.vault.secrets.get('graph-followed:cloud') ?? '{}').trouble === null)
  })

  it('of another key, as after the loss of the database, are made anew instead of being believed to ring', async () => {
    follow()
    await subscribed()
    await connection.close()
    cloud.vault.secrets.clear()
    follow()
    await subscribed()
    expect(subscriptions().filter(({ resource }) => resource.endsWith('events'))).toHaveLength(1)
    await sleep(50)
    rings.length = 0
    await put('a')
    await until('the ring', isTold('event'))
  })

  it('that went to an earlier address of ours are replaced; those of another installation stand in the way, and that is said', async () => {
    follow()
    await subscribed()
    await connection.close()
    const moved = `http://127.0.0.1:${(door.address() as AddressInfo).port}/moved/notify/graph/cloud`
    follow({ notificationUrl: moved })
    await subscribed()
    expect(subscriptions().map(({ notificationUrl }) => notificationUrl.split('?')[0])).toEqual([moved])
    const vault = memoryVault()
    const elsewhere = cloud.connect({ clock, vault, notificationUrl: moved.replace('moved', 'elsewhere'), hints: { tickMs: 10, debounceMs: 5, backOffMs: [40, 100] } })
    elsewhere.hints().watch(alice, () => undefined)
    await until('it is told', () => vault.secrets.get('graph-followed:cloud')?.includes('Microsoft 365 tells http://127.0.0.1:') === true)
    expect(await elsewhere.followed()).toMatchObject({ notifications: 0, polled: 1 })
    expect(hints.following().get(alice.id)).toBe('notifications')
  })

  describe('that stay away although something changes', () => {
    /** A change that a pull finds between two others, while the way to us is blocked. */
    async function changeUnheard(): Promise<void> {
      follow()
      await subscribed()
      cloud.sim.clock.advance(2_000)
      const before = await pullRound(connection.mailbox(alice), 'event')
      answer = 500
      await put('a')
      expect((await pullRound(connection.mailbox(alice), 'event', before)).changes).toHaveLength(1)
    }

    it('have the way to us tried: blocked, the mailbox is polled until it is free again', async () => {
      await changeUnheard()
      await until('it is polled', () => hints.following().get(alice.id) === 'poll')
      await until('it is told why', () => JSON.parse(cloud.vault.secrets.get('graph-followed:cloud') ?? '{}').trouble?.includes('validation'))
      answer = 202
      await subscribed()
    })

    it('but are heard by another process, or a moment later, are left as they are', async () => {
      await changeUnheard()
      cloud.sim.clock.advance(1_000)
      cloud.vault.secrets.set('graph-heard:cloud', String(cloud.sim.clock.now()))
      const [{ id } = { id: '' }] = subscriptions()
      await sleep(200)
      expect([hints.following().get(alice.id), subscriptions().map((one) => one.id)]).toEqual(['notifications', [id]])
    })
  })

  it('of tasks are not to be had for applications: those are polled', async () => {
    follow()
    await subscribed()
    await sleep(60)
    rings.length = 0
    await until('a poll of tasks', isTold('task'))
    expect(rings.every(({ kinds }) => !kinds.includes('event'))).toBe(true)
  })

  it('end for a mailbox that is no longer followed', async () => {
    follow()
    await subscribed()
    hints.unwatch(alice.id)
    await until('the subscription ends', () => subscriptions().length === 0)
    expect(hints.following().size).toBe(0)
  })
})

describe('without a public address', () => {
  /** The poll's own clock runs ahead by this. */
  let aheadMs: number
  beforeEach(() => {
    aheadMs = 0
    connection = cloud.connect({ clock: { ...clock, elapsedMs: () => performance.now() + aheadMs }, hints: { tickMs: 2, debounceMs: 1 } })
    hints = connection.hints()
    hints.watch(alice, (kinds) => { rings.push({ mailbox: 'alice', kinds }) })
  })
  const pass = async (seconds: number) => {
    aheadMs += seconds * 1000
    await sleep(12)
  }

  it('every kind is polled, ever more rarely while nothing happens', async () => {
    const counts = [0, 0, 0]
    for (let minute = 0; minute < 30; minute += 0.5) {
      const before = rings.length
      await pass(30)
      counts[Math.floor(minute / 10)] = (counts[Math.floor(minute / 10)] ?? 0) + rings.length - before
    }
    expect(new Set(rings.flatMap(({ kinds }) => kinds))).toEqual(new Set(['event', 'task', 'contact']))
    expect(counts[0]).toBeGreaterThan((counts[2] ?? 0) + 1)
    expect(counts[2]).toBeGreaterThan(0)
    expect(hints.following().get(alice.id)).toBe('poll')
  })

  it('a mailbox in which something happens is polled often again', async () => {
    for (let count = 0; count < 12; count += 1) await pass(400)
    const idle = rings.length
    await pass(40)
    expect(rings).toHaveLength(idle)
    await put('a')
    await connection.mailbox(alice).pull('event', null, none)
    await pass(40)
    await until('the next poll', () => rings.length > idle)
  })
})
