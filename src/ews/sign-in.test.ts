import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { startEwsSim, startTlsBridge } from '../../sim/ews/index.ts'
import type { EwsSim, EwsSimOptions, TlsBridge } from '../../sim/ews/index.ts'
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
const MINUTE = 60_000
const mailboxOf = (name: string): Mailbox => ({
  id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC',
})
const alice = mailboxOf('alice')
const own = (name: string) => ({ username: `${name}@example.test`, password: `${name}-password` })

let sim: EwsSim
let bridge: TlsBridge | undefined
let connection: EwsConnection
let further: EwsConnection[] = []

afterEach(async () => {
  await Promise.all([connection, ...further].map((one) => one.close()))
  further = []
  await bridge?.stop()
  bridge = undefined
  await sim.stop()
  passedMs = 0
})

async function start(options: EwsSimOptions, more: Partial<EwsConnectionOptions> = {}): Promise<void> {
  sim = await startEwsSim(options)
  connection = connect(more)
}

function connect(more: Partial<EwsConnectionOptions> = {}): EwsConnection {
  return createEwsConnection({
    name: 'onprem', url: sim.url, auth: { kind: 'ntlm', channelBinding: 'auto' }, credentials: own('alice'), impersonation: false, log, clock,
    ...(sim.ca === null ? {} : { ca: sim.ca }), ...more,
  })
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds();) {
    if (Date.now() > end) throw new Error(`Never ${what}`)
    await clock.sleep(3)
  }
}

const ntlm = (channelBinding: 'auto' | 'on' | 'off') => ({ auth: { kind: 'ntlm', channelBinding } as const })
const verdicts = () => sim.signIns.map(({ verdict }) => verdict)
const open = (name = 'alice', credentials = own(name)) => connection.mailbox(mailboxOf(name), credentials).open()
const REFUSED = { code: 'EWS_UNAUTHORIZED', remedy: 'ask-human' }

describe('NTLM over TLS', () => {
  it.each([
    ['none', 'auto', ['ok']], ['none', 'on', ['ok']], ['none', 'off', ['ok']],
    ['allow', 'auto', ['ok']], ['allow', 'on', ['ok']], ['allow', 'off', ['ok']],
    ['require', 'auto', ['ok']], ['require', 'on', ['ok']],
  ] as const)('signs in where Extended Protection is %s and channelBinding %s', async (extendedProtection, channelBinding, expected) => {
    await start({ auth: 'ntlm', tls: true, extendedProtection }, ntlm(channelBinding))
    await open()
    expect(verdicts()).toEqual(expected)
  })

  it('is refused where the binding is required and switched off, and says what to look at', async () => {
    await start({ auth: 'ntlm', tls: true, extendedProtection: 'require' }, ntlm('off'))
    await expect(open()).rejects.toMatchObject({ ...REFUSED, message: expect.stringContaining('channelBinding') })
    expect(verdicts()).toEqual(['no-binding'])
  })

  it.each(['sha384', 'sha512'] as const)('binds to a certificate that is signed with %s', async (hash) => {
    await start({ auth: 'ntlm', tls: { hash }, extendedProtection: 'require' })
    await open()
    expect(verdicts()).toEqual(['ok'])
  })

  it.each(['alice@example.test', 'EXAMPLE\\alice', 'example\\ALICE'])('knows the user %s', async (username) => {
    await start({ auth: 'ntlm', tls: true, extendedProtection: 'require' })
    await open('alice', { username, password: 'alice-password' })
    expect(verdicts()).toEqual(['ok'])
  })

  it('signs in once per connection and uses it for everything after', async () => {
    await start({ auth: 'ntlm', tls: true })
    const mailbox = connection.mailbox(alice, own('alice'))
    await mailbox.open()
    for (const kind of ['event', 'task', 'contact'] as const) await mailbox.pull(kind, null, () => Promise.resolve(new Map()))
    expect(verdicts()).toEqual(['ok'])
  })

  it('never lets one user work over the connection of another', async () => {
    await start({ auth: 'ntlm', tls: true })
    await Promise.all(['alice', 'bob', 'carol', 'alice', 'bob'].map((name) => open(name)))
    await connection.mailbox(alice, own('alice')).create([{ item: { kind: 'task', fields: { subject: 'of alice' } }, token: 't' as never }])
    expect(sim.items('alice@example.test').map(({ fields }) => fields['Subject'])).toEqual(['of alice'])
    expect(new Set(sim.signIns.map(({ user }) => user)).size).toBe(3)
    expect(verdicts().filter((verdict) => verdict !== 'ok')).toEqual([])
  })

  it('signs in again after the server closed its connections', async () => {
    await start({ auth: 'ntlm', tls: true })
    await open()
    sim.closeConnections()
    await connection.mailbox(alice).pull('event', null, () => Promise.resolve(new Map()))
    expect(verdicts()).toEqual(['ok', 'ok'])
  })

  it('lets the service account act for others, and streams over a connection of its own', async () => {
    await start({ auth: 'ntlm', tls: true, extendedProtection: 'require' })
    const service = connect({ impersonation: true, credentials: { username: 'EXAMPLE\\svc', password: 'svc-password' }, streaming: { collectMs: 1, debounceMs: 1 } })
    further.push(service)
    const rung = new Promise<void>((resolve) => { service.hints().watch(alice, () => resolve()) })
    await rung
    expect(sim.openStreams).toBe(1)
    expect(new Set(verdicts())).toEqual(new Set(['ok']))
  })

  it('does not go on with the CA of another company', async () => {
    await start({ auth: 'ntlm', tls: true })
    bridge = await startTlsBridge(sim.url, sim.ca ?? '')
    const other = connect({ ca: bridge.ca })
    further.push(other)
    await expect(other.mailbox(alice).open()).rejects.toMatchObject({ code: 'EWS_TLS' })
    expect(sim.signIns).toEqual([])
  })

  it('does not go on without the company\'s CA', async () => {
    await start({ auth: 'ntlm', tls: true })
    const { ca: _ca, ...stranger } = { ca: sim.ca, name: 'onprem', url: sim.url, auth: { kind: 'ntlm', channelBinding: 'auto' } as const, credentials: own('alice'), impersonation: false, log, clock }
    const other = createEwsConnection(stranger)
    further.push(other)
    await expect(other.mailbox(alice).open()).rejects.toMatchObject({ code: 'EWS_TLS' })
    expect(sim.signIns).toEqual([])
  })
})

describe('behind a proxy that ends TLS with a certificate of its own', () => {
  const through = async (extendedProtection: 'none' | 'allow' | 'require', channelBinding: 'auto' | 'on' | 'off') => {
    await start({ auth: 'ntlm', tls: true, extendedProtection })
    bridge = await startTlsBridge(sim.url, sim.ca ?? '')
    await connection.close()
    connection = connect({ url: bridge.url, ca: bridge.ca, ...ntlm(channelBinding) })
  }

  it('auto signs in without the binding after one refusal, and remembers it', async () => {
    await through('allow', 'auto')
    await open()
    expect(verdicts()).toEqual(['wrong-binding', 'ok'])
    bridge?.cut()
    await open('bob')
    expect(verdicts()).toEqual(['wrong-binding', 'ok', 'ok'])
    const checks = await connection.check('alice@example.test', own('alice'))
    expect(checks.find(({ name }) => name === 'login')?.detail).toContain('without channel binding')
  })

  it.each([['allow', 'on', 'wrong-binding'], ['require', 'off', 'no-binding']] as const)('is refused with %s and channelBinding %s', async (protection, mode, verdict) => {
    await through(protection, mode)
    await expect(open()).rejects.toMatchObject(REFUSED)
    expect(verdicts()).toEqual([verdict])
  })

  it('is refused whatever is tried where the binding is required', async () => {
    await through('require', 'auto')
    await expect(open()).rejects.toMatchObject(REFUSED)
    expect(verdicts()).toEqual(['wrong-binding', 'no-binding'])
  })

  it('off signs in at once', async () => {
    await through('allow', 'off')
    await open()
    expect(verdicts()).toEqual(['ok'])
  })
})

describe.each(['basic', 'ntlm'] as const)('a wrong password over %s', (kind) => {
  const auth = kind === 'ntlm' ? ntlm('auto') : { auth: { kind } as const }
  const wrong = { username: 'alice@example.test', password: 'wrong' }
  const perAttempt = kind === 'ntlm' ? 2 : 1

  it('is tried by one of many callers, and not again for minutes', async () => {
    await start({ auth: kind, tls: true, lockout: 4 }, auth)
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => open('alice', wrong)))
    expect(tries.every(({ status }) => status === 'rejected')).toBe(true)
    await expect(open('alice', wrong)).rejects.toMatchObject({ ...REFUSED, retryAfterMs: expect.any(Number) })
    expect(sim.signIns).toHaveLength(perAttempt)
    passedMs += 6 * MINUTE
    await expect(open('alice', wrong)).rejects.toMatchObject(REFUSED)
    await expect(open('alice', wrong)).rejects.toMatchObject(REFUSED)
    expect(sim.signIns).toHaveLength(perAttempt + 1)
    expect(sim.isLocked('alice@example.test')).toBe(false)
  })

  it('of the service account is tried once for all mailboxes, by calls, notifications and the doctor together', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `user${at}`)
    const streaming = { collectMs: 1, debounceMs: 1, backOffMs: [5, 10], askHumanMs: 10_000 } as const
    await start({ auth: kind, tls: true, mailboxes: names.map((name) => ({ address: `${name}@example.test` })) },
      { ...auth, impersonation: true, credentials: { username: 'svc@example.test', password: 'wrong' }, streaming })
    for (const name of names) connection.hints().watch(mailboxOf(name), () => undefined)
    const tries = await Promise.allSettled(names.map((name) => connection.mailbox(mailboxOf(name)).open()))
    expect(tries.every((one) => one.status === 'rejected' && (one.reason as { code?: string }).code === 'EWS_UNAUTHORIZED')).toBe(true)
    expect((await connection.check('user0@example.test')).find(({ ok }) => !ok)).toMatchObject({ name: 'login' })
    expect(sim.signIns).toHaveLength(perAttempt)
  })

  it('that a stream meets first is not tried by calls afterwards', async () => {
    const told: unknown[] = []
    const warn = (fields: object) => { told.push((fields as { code?: string }).code) }
    await start({ auth: kind, tls: true }, { ...auth, log: { ...log, warn }, streaming: { collectMs: 1, debounceMs: 1, backOffMs: [5, 10], askHumanMs: 10_000 } })
    const mailbox = connection.mailbox(alice)
    await mailbox.open()
    let rung = 0
    connection.hints().watch(alice, () => { rung += 1 })
    await until('rung', () => rung > 0)
    sim.setPassword('alice@example.test', 'new')
    const before = sim.signIns.length
    sim.closeConnections()
    await until('refused', () => told.includes('EWS_UNAUTHORIZED'))
    await expect(mailbox.pull('event', null, () => Promise.resolve(new Map()))).rejects.toMatchObject(REFUSED)
    expect(sim.signIns.slice(before)).toHaveLength(1)
  })

  it('that was right until now is tried again after half a minute: servers refuse for other reasons, too', async () => {
    await start({ auth: kind, tls: true }, auth)
    await open()
    sim.setPassword('alice@example.test', 'other')
    sim.closeConnections()
    const pull = () => connection.mailbox(alice, own('alice')).pull('event', null, () => Promise.resolve(new Map()))
    await expect(pull()).rejects.toMatchObject(REFUSED)
    sim.setPassword('alice@example.test', 'alice-password')
    await expect(pull()).rejects.toMatchObject(REFUSED)
    passedMs += 31_000
    expect(await pull()).toMatchObject({ type: 'page' })
  })

  it('is tried once at a time after the first, for hours, and the right one gets in afterwards whichever way it has to be', async () => {
    await start({ auth: kind, tls: true, extendedProtection: 'require' }, auth)
    for (const minutes of [0, 6, 16, 31, 61]) {
      passedMs += minutes * MINUTE
      await expect(open('alice', wrong)).rejects.toMatchObject(REFUSED)
    }
    expect(sim.signIns).toHaveLength(perAttempt + 4)
    sim.setPassword('alice@example.test', wrong.password)
    passedMs += 61 * MINUTE
    await open('alice', wrong).catch(() => { passedMs += 61 * MINUTE; return open('alice', wrong) })
    expect(verdicts().at(-1)).toBe('ok')
  })

  it('is not tried by the notifications either, and they go on at once with the right one', async () => {
    let password = 'wrong'
    await start({ auth: kind, tls: true }, { ...auth, credentials: { username: '', password: '' }, ownCredentials: () => ({ username: 'alice@example.test', password }), streaming: { collectMs: 1, debounceMs: 1 } })
    const rung = new Promise<void>((resolve) => { connection.hints().watch(alice, () => resolve()) })
    await expect(connection.mailbox(alice).open()).rejects.toMatchObject(REFUSED)
    expect(sim.signIns).toHaveLength(perAttempt)
    password = 'alice-password'
    await connection.mailbox(alice).open()
    await rung
    expect(sim.openStreams).toBe(1)
    expect(sim.signIns.filter(({ verdict }) => verdict !== 'ok')).toHaveLength(perAttempt)
  })

  it('hurts nobody else, and the right one works at once', async () => {
    await start({ auth: kind, tls: true }, auth)
    await expect(open('alice', wrong)).rejects.toMatchObject(REFUSED)
    await open('bob')
    await open('alice')
  })

  it('that was right until it was changed is noticed, and mended by the new one', async () => {
    await start({ auth: kind, tls: true, lockout: 3 }, auth)
    await open()
    sim.setPassword('alice@example.test', 'new')
    // What is signed in stays signed in over NTLM.
    if (kind === 'ntlm') await connection.mailbox(alice).pull('event', null, () => Promise.resolve(new Map()))
    sim.closeConnections()
    const stale = await Promise.allSettled(Array.from({ length: 3 }, () => connection.mailbox(alice).pull('event', null, () => Promise.resolve(new Map()))))
    expect(stale.every(({ status }) => status === 'rejected')).toBe(true)
    await open('alice', { username: 'alice@example.test', password: 'new' })
    expect(verdicts().at(-1)).toBe('ok')
  })
})

describe('a server that does not offer what is configured', () => {
  it('is told apart from a wrong password', async () => {
    await start({ auth: 'basic', tls: true })
    await expect(open()).rejects.toMatchObject({ code: 'EWS_NO_SIGN_IN', message: expect.stringContaining('does not offer NTLM but Basic') })
    await connection.close()
    await sim.stop()
    await start({ auth: 'ntlm', tls: true }, { auth: { kind: 'basic' } })
    await expect(open()).rejects.toMatchObject({ code: 'EWS_NO_SIGN_IN', message: expect.stringContaining('Set-WebServicesVirtualDirectory -BasicAuthentication $true') })
  })
})

describe('a proxy that loses the connection between the legs', () => {
  let proxy: Server
  afterEach(() => { proxy.closeAllConnections(); proxy.close() })

  it('costs no attempt at the password', async () => {
    await start({ auth: 'ntlm' })
    let cuts = 1
    proxy = createServer((request, response) => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => {
        const legs = agents.get(request.socket) ?? new Agent(sim.url)
        agents.set(request.socket, legs)
        void legs.send(request.headers as Record<string, string>, Buffer.concat(parts)).then(({ status, headers, text }) => {
          const close = status === 401 && cuts-- > 0
          response.writeHead(status, { ...headers, ...(close ? { connection: 'close' } : {}) }).end(text)
        })
      })
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    await connection.close()
    connection = connect({ url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/EWS/Exchange.asmx` })
    await open()
    expect(verdicts()).toEqual(['ok'])
    await Promise.all([...all].map((agent) => agent.close()))
  })
})

const agents = new WeakMap<Socket, Agent>()
const all = new Set<Agent>()

/** One connection to the server behind for each of the client's. */
class Agent {
  readonly #url: URL
  readonly #client: Promise<import('undici').Client>

  constructor(url: string) {
    this.#url = new URL(url)
    this.#client = import('undici').then(({ Client }) => new Client(this.#url.origin))
    all.add(this)
  }

  async send(headers: Record<string, string>, body: Buffer) {
    const { connection: _hop, host: _host, 'content-length': _length, ...passed } = headers
    const response = await (await this.#client).request({ method: 'POST', path: this.#url.pathname, headers: passed, body })
    const offer = response.headers['www-authenticate']
    return { status: response.statusCode, headers: offer === undefined ? {} : { 'www-authenticate': offer }, text: await response.body.text() }
  }

  async close() {
    await (await this.#client).destroy()
  }
}
