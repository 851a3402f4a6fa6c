import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { assigneeId, instant, itemId, mailboxId } from '../model/index.ts'
import type { ItemId, ItemKind, Mailbox } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection, EwsConnectionOptions } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => instant(Date.now()), elapsedMs: () => performance.now(),
  sleep: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  }),
}
const mailboxOf = (name: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'Europe/Rome',
})
const alice = mailboxOf('alice')
const bob = mailboxOf('bob')

let sim: EwsSim
let connection: EwsConnection
let hints: Hints
let heard: string[]

/** Quick pauses: the order of things matters here, not how long they take. */
const quick = { collectMs: 15, debounceMs: 10, backOffMs: [10, 40], askHumanMs: 30, watchdogMs: 5_000 } as const

async function start(options: EwsSimOptions = {}, more: Partial<EwsConnectionOptions> = {}): Promise<void> {
  sim = await startEwsSim(options)
  connection = createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, ...more,
    streaming: { ...quick, ...more.streaming },
  })
  hints = connection.hints()
  heard = []
}
const listen = (mailbox: Mailbox) => (kinds: readonly ItemKind[]) => void heard.push(`${mailbox.user}:${kinds.join('+')}`)
const watch = (...mailboxes: Mailbox[]) => { for (const mailbox of mailboxes) hints.watch(mailbox, listen(mailbox)) }

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}; heard ${JSON.stringify(heard)}, connected ${[...hints.connected()].join()}`)
    await clock.sleep(3)
  }
}
const online = (...mailboxes: Mailbox[]) => until('connected', () => mailboxes.every(({ id }) => hints.connected().has(id)))
const hear = (...hint: string[]) => until(`heard ${hint.join()}`, () => hint.every((one) => heard.includes(one)))
const EVERYTHING = 'event+task+contact'

beforeEach(() => { heard = [] })
afterEach(async () => {
  await connection.close()
  await sim.stop()
})

describe('hints', () => {
  it('ring for everything once a stream is open, then for what happens in which folder', async () => {
    await start()
    watch(alice, bob)
    await online(alice, bob)
    await hear(`alice:${EVERYTHING}`, `bob:${EVERYTHING}`)
    expect(sim.openStreams).toBe(1)
    heard = []
    sim.putItem(bob.address, 'tasks', { Subject: 'x' })
    await hear('bob:task')
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await hear('alice:event')
    expect(heard.filter((hint) => hint.startsWith('bob') && hint !== 'bob:task')).toEqual([])
  })

  it('name the items that the server names', async () => {
    await start()
    const named: ItemId[] = []
    hints.watch(alice, (kinds, items = []) => {
      heard.push(kinds.join('+'))
      named.push(...items)
    })
    await hear(EVERYTHING)
    expect(named).toEqual([])
    const { id } = sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await until('named', () => named.includes(itemId(id)))
    const moved = sim.moveItem(alice.address, id, 'deleteditems')
    await until('named at both ends', () => named.includes(itemId(moved.id)))
    expect(new Set(named)).toEqual(new Set([itemId(id), itemId(moved.id)]))
  })

  it('come once for many changes at a time', async () => {
    await start({}, { streaming: { debounceMs: 60 } })
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    heard = []
    for (let at = 0; at < 20; at += 1) sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await hear('alice:event')
    expect(heard).toEqual(['alice:event'])
  })

  it('go on with the same subscriptions after the server closed the stream in due time', async () => {
    await start({}, { streaming: { connectionMinutes: 1 } })
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    const { subscriptions } = sim
    heard = []
    sim.clock.advance(61_000)
    await hear(`alice:${EVERYTHING}`)
    expect(sim.subscriptions).toBe(subscriptions)
  })

  it('subscribe again when the server forgot', async () => {
    await start()
    watch(alice, bob)
    await hear(`alice:${EVERYTHING}`, `bob:${EVERYTHING}`)
    heard = []
    sim.killSubscriptions(alice.address)
    await hear(`alice:${EVERYTHING}`, `bob:${EVERYTHING}`)
    heard = []
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await hear('alice:event')
  })

  it('notice a stream that went silent', async () => {
    await start({}, { streaming: { watchdogMs: 80 } })
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    sim.faults.add({ operation: 'GetStreamingEvents', times: 1, effect: { type: 'stall' } })
    sim.putItem(alice.address, 'calendar', { Subject: 'lost' })
    heard = []
    await hear(`alice:${EVERYTHING}`)
  })

  it('stay with a stream that gives signs of life, however long nothing happens', async () => {
    await start({ heartbeatMs: 1_000 }, { streaming: { watchdogMs: 300 } })
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    heard = []
    for (let beat = 0; beat < 12; beat += 1) {
      sim.clock.advance(1_000)
      await clock.sleep(50)
    }
    expect(heard).toEqual([])
  })

  it('are not asked for again and again where only a human can help', async () => {
    let refused = 0
    await start({}, { streaming: { askHumanMs: 10_000 }, log: { ...log, warn: () => { refused += 1 } } })
    watch(mailboxOf('nobody'))
    await until('refused', () => refused > 0)
    await clock.sleep(200)
    expect(refused).toBe(1)
  })

  it('come back after half an envelope and a cut', async () => {
    await start()
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    sim.faults.add({ operation: 'GetStreamingEvents', times: 1, effect: { type: 'half' } })
    heard = []
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await hear(`alice:${EVERYTHING}`)
  })

  it('take in a mailbox while a stream is open, and let one go', async () => {
    await start({ requireAffinity: true })
    watch(alice)
    await hear(`alice:${EVERYTHING}`)
    heard = []
    watch(bob)
    await hear(`alice:${EVERYTHING}`, `bob:${EVERYTHING}`)
    expect(sim.openStreams).toBe(1)
    hints.unwatch(alice.id)
    expect([...hints.connected()]).toEqual([bob.id])
    heard = []
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    sim.putItem(bob.address, 'calendar', { Subject: 'x' })
    await hear('bob:event')
    expect(heard).toEqual(['bob:event'])
  })

  it('open a further stream when one is full', async () => {
    await start({}, { streaming: { mailboxesPerStream: 2 } })
    watch(alice, bob, mailboxOf('carol'))
    await online(alice, bob, mailboxOf('carol'))
    expect(sim.openStreams).toBe(2)
  })

  it('are one stream per mailbox where everybody signs in for himself', async () => {
    await start({}, { impersonation: false })
    for (const mailbox of [alice, bob]) connection.mailbox(mailbox, { username: mailbox.address, password: `${mailbox.user}-password` })
    watch(alice, bob)
    await online(alice, bob)
    expect(sim.openStreams).toBe(2)
  })

  it('of one mailbox are not kept by another that cannot be subscribed', async () => {
    let refused = 0
    await start({}, { log: { ...log, warn: () => { refused += 1 } } })
    watch(mailboxOf('nobody'), alice)
    await hear(`alice:${EVERYTHING}`)
    heard = []
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    await hear('alice:event')
    await until('tried again', () => refused > 3)
    const rung = heard.filter((hint) => hint === `alice:${EVERYTHING}`).length
    sim.addMailbox({ address: 'nobody@example.test' })
    await online(alice, mailboxOf('nobody'))
    // Every interruption rings: attempts to subscribe the other one must not have interrupted anything.
    expect(rung).toBe(0)
  })

  it('stop within a second and take their subscriptions back, also from a stalled stream', async () => {
    await start()
    watch(alice, bob)
    await online(alice, bob)
    sim.faults.add({ operation: 'GetStreamingEvents', times: 1, effect: { type: 'stall' } })
    sim.putItem(alice.address, 'calendar', { Subject: 'x' })
    const before = performance.now()
    await hints.stop()
    expect(performance.now() - before).toBeLessThan(1_000)
    await until('closed', () => sim.openStreams === 0 && sim.subscriptions === 0)
    heard = []
    sim.putItem(alice.address, 'calendar', { Subject: 'y' })
    hints.watch(alice, listen(alice))
    await clock.sleep(60)
    expect(heard).toEqual([])
  })
})

/** A server between: it answers subscriptions and streams itself and passes everything else to the simulated one. */
async function startBetween(answer: (name: string, body: string) => { reply: string; open: boolean }): Promise<{ hints: Hints; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      const name = /<s:Body><m:(\w+)/.exec(body)?.[1] ?? ''
      if (name !== 'Subscribe' && name !== 'GetStreamingEvents') {
        void fetch(sim.url, { method: 'POST', body, headers: request.headers as Record<string, string> })
          .then(async (passed) => response.writeHead(passed.status).end(await passed.text()))
        return
      }
      const { reply, open } = answer(name, body)
      response.write(reply)
      if (!open) response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const other = createEwsConnection({
    name: 'other', url: `http://127.0.0.1:${port}/EWS/Exchange.asmx`, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, streaming: quick,
  })
  return {
    hints: other.hints(),
    async stop() {
      await other.close()
      server.closeAllConnections()
      server.close()
    },
  }
}
const envelope = (name: string, inner: string, code = 'NoError') =>
  `<E:Envelope xmlns:E="x"><E:Body><${name}Response><ResponseMessages><M><ResponseCode>${code}</ResponseCode>${inner}</M></ResponseMessages></${name}Response></E:Body></E:Envelope>`

describe('a server that names items only to who listens to all folders (gromox 3.1)', () => {
  const NOTHING = '<ConnectionStatus>OK</ConnectionStatus>'
  const event = (name: string, inner: string) => `<${name}Event><TimeStamp/>${inner}</${name}Event>`
  const folder = (id: string, element = 'ParentFolderId') => `<${element} Id="${id}"/>`

  it('is listened to so, and only our folders are heard', async () => {
    await start()
    const subscribed: string[] = []
    let calendar = ''
    const between = await startBetween((name, body) => {
      if (name === 'Subscribe') {
        subscribed.push(body.includes('SubscribeToAllFolders') ? 'all' : 'folders')
        calendar = /FolderId Id="([^"]+)"/.exec(body)?.[1] ?? calendar
        return { reply: envelope(name, `<SubscriptionId>${subscribed.at(-1) ?? ''}</SubscriptionId>`), open: false }
      }
      const of = /SubscriptionId>([^<]+)<\//.exec(body)?.[1] ?? ''
      const events = of === 'folders'
        ? event('Modified', folder(calendar, 'FolderId') + folder('root'))
        : event('Modified', `<ItemId Id="series"/>${folder(calendar)}`) + event('Created', `<ItemId Id="mail"/>${folder('inbox')}`)
      return { reply: envelope(name, NOTHING) + envelope(name, `<Notifications><Notification><SubscriptionId>${of}</SubscriptionId>${events}</Notification></Notifications>${NOTHING}`), open: true }
    })
    const named: string[] = []
    between.hints.watch(alice, (_kinds, items = []) => void named.push(...items))
    await until('named', () => named.length > 0)
    await between.stop()
    expect(subscribed).toEqual(['folders', 'all'])
    expect(named).toEqual(['series'])
  })
})

describe('a server that lets only the subscriber read (gromox 3.1)', () => {
  /** Answers each call in the server's stead; a stream of several subscriptions refuses all but the first. */
  function answer(name: string, body: string): { reply: string; open: boolean } {
    const message = (inner: string, code?: string) => envelope(name, inner, code)
    const who = /PrimarySmtpAddress>([^<]+)/.exec(body)?.[1] ?? ''
    const ids = [...body.matchAll(/SubscriptionId>([^<]+)<\//g)].map((match) => match[1] ?? '')
    if (name === 'Subscribe') return { reply: message(`<SubscriptionId>${who}</SubscriptionId>`), open: false }
    const foreign = ids.filter((id) => id !== who)
    if (foreign.length === 0) return { reply: message('<ConnectionStatus>OK</ConnectionStatus>'), open: true }
    return { reply: message(`<ErrorSubscriptionIds>${foreign.map((id) => `<SubscriptionId>${id}</SubscriptionId>`).join('')}</ErrorSubscriptionIds>`, 'ErrorInvalidSubscription'), open: false }
  }

  it('gets a stream for each mailbox it does not accept on a shared one', async () => {
    await start()
    const between = await startBetween(answer)
    hints = between.hints
    watch(alice, bob, mailboxOf('carol'))
    await online(alice, bob, mailboxOf('carol'))
    await between.stop()
  })
})

describe('many mailboxes', () => {
  const crowd = (count: number) => Array.from({ length: count }, (_, at) => mailboxOf(`user${`${at}`.padStart(3, '0')}`))
  const busy = { collectMs: 40, debounceMs: 10, backOffMs: [10, 40], askHumanMs: 30, watchdogMs: 5_000 } as const

  it('share streams of at most 200, within the budget of Exchange 2013, and are bound to their servers', async () => {
    const mailboxes = crowd(450)
    await start({ mailboxes: mailboxes.map(({ address }) => ({ address })), requireAffinity: true, hangingConnectionLimit: 3, version: { minor: 0, build: 847, schema: 'Exchange2013_SP1' } }, { streaming: busy })
    watch(...mailboxes)
    await online(...mailboxes)
    expect(sim.openStreams).toBe(3)
    expect(sim.subscriptions).toBe(450)
  })

  it('keep their subscriptions when one of them goes bad', async () => {
    const mailboxes = crowd(60)
    await start({ mailboxes: mailboxes.map(({ address }) => ({ address })), requireAffinity: true }, { streaming: busy })
    watch(...mailboxes)
    await online(...mailboxes)
    const [bad, good] = [mailboxes[7], mailboxes[8]]
    if (bad === undefined || good === undefined) throw new Error('no crowd')
    // One new subscription is all that it takes.
    sim.faults.add({ operation: 'Subscribe', skip: 1, effect: { type: 'status', status: 500 } })
    heard = []
    sim.killSubscriptions(bad.address)
    await hear(`${bad.user}:${EVERYTHING}`, `${good.user}:${EVERYTHING}`)
    await until('all subscribed', () => sim.subscriptions === 60 && sim.openStreams === 1)
  })

  it('all come back after the server was started anew: connections cut, subscriptions forgotten', async () => {
    const mailboxes = crowd(60)
    await start({ mailboxes: mailboxes.map(({ address }) => ({ address })), requireAffinity: true }, { streaming: { ...busy, mailboxesPerStream: 20 } })
    watch(...mailboxes)
    await online(...mailboxes)
    expect(sim.openStreams).toBe(3)
    heard = []
    sim.killSubscriptions()
    sim.closeConnections()
    await hear(...mailboxes.map(({ user }) => `${user}:${EVERYTHING}`))
    await online(...mailboxes)
    heard = []
    sim.putItem('user042@example.test', 'tasks', { Subject: 'x' })
    // By itself, or with all that a stream rings for that was opened once more meanwhile.
    await until('heard user042', () => heard.some((one) => one === 'user042:task' || one === `user042:${EVERYTHING}`))
  })

  it('all come back after the server that held them is gone for good, and nobody says so', async () => {
    const mailboxes = crowd(20)
    await start({ mailboxes: mailboxes.map(({ address }) => ({ address })), requireAffinity: true }, { streaming: { ...busy, collectMs: 5 } })
    watch(...mailboxes)
    await online(...mailboxes)
    heard = []
    sim.failOver()
    await until('gone', () => hints.connected().size === 0)
    await online(...mailboxes)
    await hear(...mailboxes.map(({ user }) => `${user}:${EVERYTHING}`))
    heard = []
    sim.putItem('user007@example.test', 'tasks', { Subject: 'x' })
    await until('heard user007', () => heard.some((one) => one === 'user007:task' || one === `user007:${EVERYTHING}`))
  })

  it('do not all ask a server that cannot be reached', async () => {
    const mailboxes = crowd(20)
    await start({ mailboxes: mailboxes.map(({ address }) => ({ address })) }, { streaming: busy })
    watch(...mailboxes)
    await online(...mailboxes)
    sim.faults.add({ effect: { type: 'drop-before' } })
    sim.closeConnections()
    await until('gone', () => hints.connected().size === 0)
    const before = sim.requests
    await clock.sleep(300)
    // A stream of all, or a subscription of one, at a time, each twice where a connection was lost.
    expect(sim.requests - before).toBeLessThan(60)
    sim.faults.clear()
    await online(...mailboxes)
  })

  it('are not lost when a load balancer cuts every stream after a while', async () => {
    await start({}, { streaming: { ...busy, collectMs: 5 } })
    watch(alice, bob)
    await online(alice, bob)
    for (let round = 0; round < 3; round += 1) {
      heard = []
      sim.closeConnections()
      sim.putItem(alice.address, 'calendar', { Subject: `meanwhile ${round}` })
      // What happened in between is not heard, so everything rings.
      await hear(`alice:${EVERYTHING}`, `bob:${EVERYTHING}`)
    }
  })
})
