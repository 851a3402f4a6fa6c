import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { makeCertificate } from '../../sim/ews/certificate.ts'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { createEwsConnection } from './index.ts'
import type { EwsConnection, EwsConnectionOptions } from './index.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
let passedMs = 0
const clock: Clock = {
  now: () => instant(0), elapsedMs: () => performance.now() + passedMs,
  sleep: (ms, signal) => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
  }),
}
const mailboxOf = (name: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
})
const alice = mailboxOf('alice')
const none = () => Promise.resolve(new Map())

let sims: EwsSim[] = []
let connections: EwsConnection[] = []
let servers: Server[] = []
afterEach(async () => {
  await Promise.all(connections.map((one) => one.close()))
  for (const server of servers) { server.closeAllConnections(); server.close() }
  await Promise.all(sims.map((one) => one.stop()))
  sims = []
  connections = []
  servers = []
  passedMs = 0
})

async function serve(options: EwsSimOptions = {}): Promise<EwsSim> {
  const sim = await startEwsSim(options)
  sims.push(sim)
  return sim
}

function connect(first: EwsSim, more: Partial<EwsConnectionOptions> = {}): EwsConnection {
  const connection = createEwsConnection({
    name: 'onprem', auth: { kind: 'basic' }, credentials: first.service, impersonation: true, log, clock,
    autodiscover: { url: first.autodiscoverUrl, resolveSrv: () => Promise.resolve([]) }, ...(first.ca === null ? {} : { ca: first.ca }),
    streaming: { collectMs: 10, debounceMs: 5, backOffMs: [10, 40], askHumanMs: 30 }, ...more,
  })
  connections.push(connection)
  return connection
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}`)
    await clock.sleep(3)
  }
}

describe('without a url', () => {
  it.each([['soap', (url: string) => url], ['pox', (url: string) => url.replace('.svc', '.xml')]] as const)('the server is found by %s, once per mailbox', async (form, address) => {
    const sim = await serve({ tls: true, auth: 'ntlm', extendedProtection: 'require' })
    const connection = connect(sim, { auth: { kind: 'ntlm', channelBinding: 'auto' }, autodiscover: { url: address(sim.autodiscoverUrl) } })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    await mailbox.pull('event', null, none)
    await connection.mailbox(mailboxOf('bob')).open()
    expect(sim.autodiscovered).toEqual([{ address: 'alice@example.test', form }, { address: 'bob@example.test', form }])
    expect(sim.signIns.every(({ verdict }) => verdict === 'ok')).toBe(true)
  })

  it('redirections of the service are followed to the server of the mailbox', async () => {
    const [first, second] = [await serve({ mailboxes: [] }), await serve()]
    first.setLocation('alice@example.test', { redirectAddress: 'alice@branch.example.test' })
    first.setLocation('alice@branch.example.test', { ewsUrl: second.url, grouping: 'Branch' })
    await connect(first).mailbox(alice).open()
    expect(first.autodiscovered.map(({ address }) => address)).toEqual(['alice@example.test', 'alice@branch.example.test'])
  })

  it('mailboxes of two servers, and of two groups of one server, get streams of their own', async () => {
    const [first, second] = [await serve(), await serve()]
    first.setLocation('bob@example.test', { ewsUrl: second.url })
    first.setLocation('carol@example.test', { grouping: 'Another site' })
    const connection = connect(first)
    const names = ['alice', 'bob', 'carol']
    for (const name of names) connection.hints().watch(mailboxOf(name), () => undefined)
    await until('connected', () => connection.hints().connected().size === 3)
    expect([first.openStreams, second.openStreams]).toEqual([2, 1])
  })

  it('a host whose certificate is not accepted never gets a password', async () => {
    const sim = await serve()
    const seen: string[] = []
    const { cert, key } = makeCertificate()
    const stranger = createServer({ cert, key }, (request, response) => {
      seen.push(request.headers.authorization ?? 'none')
      response.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    })
    servers.push(stranger)
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    sim.setLocation('alice@example.test', { httpRedirect: `https://127.0.0.1:${(stranger.address() as AddressInfo).port}/autodiscover/autodiscover.svc` })
    await expect(connect(sim).mailbox(alice).open()).rejects.toMatchObject({ code: 'EWS_AUTODISCOVER', message: expect.stringContaining('its certificate is not accepted') })
    expect(seen).toEqual([])
  })

  it('a web site that asks for no sign-in is not shown the password', async () => {
    const sim = await serve({ tls: true })
    const seen: string[] = []
    const { cert, key } = makeCertificate()
    const site = createServer({ cert, key }, (request, response) => {
      seen.push(request.headers.authorization ?? 'none')
      response.end('<html></html>')
    })
    servers.push(site)
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
    sim.setLocation('alice@example.test', { httpRedirect: `https://127.0.0.1:${(site.address() as AddressInfo).port}/autodiscover/autodiscover.svc` })
    await expect(connect(sim, { ca: `${sim.ca}${cert}` }).mailbox(alice).open()).rejects.toMatchObject({ code: 'EWS_AUTODISCOVER' })
    expect(seen).toEqual(['none'])
  })

  it('a wrong password is tried once in all', async () => {
    const sim = await serve()
    const connection = connect(sim, { credentials: { username: sim.service.username, password: 'wrong' } })
    const tries = await Promise.allSettled(['alice', 'bob', 'carol'].map((name) => connection.mailbox(mailboxOf(name)).open()))
    expect(tries.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(['EWS_UNAUTHORIZED', 'EWS_UNAUTHORIZED', 'EWS_UNAUTHORIZED'])
    expect(sim.signIns).toHaveLength(1)
  })
})

describe('a mailbox that is moved to another server', () => {
  it('is found there, with its notifications', async () => {
    const [old, fresh] = [await serve(), await serve({ mailboxes: [{ address: 'bob@example.test' }] })]
    const connection = connect(old)
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    let rung = 0
    connection.hints().watch(alice, () => { rung += 1 })
    await until('connected', () => connection.hints().connected().size === 1)
    fresh.addMailbox({ address: alice.address })
    fresh.putItem(alice.address, 'tasks', { Subject: 'moved along' })
    old.removeMailbox(alice.address)
    old.setLocation(alice.address, { ewsUrl: fresh.url })
    passedMs += 2 * 60_000
    // The ids of the old server mean nothing on the new one: the first pull may still fail, the next one must not.
    await mailbox.pull('task', null, none).catch(() => undefined)
    expect(await mailbox.pull('task', null, none)).toMatchObject({ type: 'page', changes: [{ type: 'seen', snapshot: { item: { fields: { subject: 'moved along' } } } }] })
    await until('streaming there', () => fresh.openStreams === 1)
    const before = rung
    fresh.putItem(alice.address, 'tasks', { Subject: 'live' })
    await until('rung', () => rung > before)
  })

  it('waits while the move is going on', async () => {
    const sim = await serve()
    const mailbox = connect(sim).mailbox(alice)
    await mailbox.open()
    sim.moveMailbox(alice.address, { inProgressMs: 60_000 })
    await expect(mailbox.pull('task', null, none)).rejects.toMatchObject({ code: 'EWS_MOVED', scope: 'mailbox', remedy: 'retry' })
    sim.clock.advance(61_000)
    await mailbox.pull('task', null, none).catch(() => undefined)
    expect(await mailbox.pull('task', null, none)).toMatchObject({ type: 'page' })
  })
})
