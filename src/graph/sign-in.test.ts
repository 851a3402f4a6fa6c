import { createSign, generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startGraphSim } from '../../sim/graph/index.ts'
import type { GraphSim } from '../../sim/graph/index.ts'
import { assigneeId, instant, mailboxId } from '../model/index.ts'
import type { ItemId, ChangeKey, Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { createGraphConnection } from './index.ts'
import type { GraphConnection, GraphConnectionOptions, Vault } from './index.ts'
import { applicationTokens } from './tokens.ts'

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
const alice: Mailbox = { id: mailboxId('m1'), address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'cloud', zone: 'Europe/Rome' }
const bob: Mailbox = { ...alice, id: mailboxId('m2'), address: 'bob@example.test', user: 'bob' }
const none = () => Promise.resolve(new Map<ItemId, ChangeKey>())
const RETURN = 'http://127.0.0.1:8480/sign-in/microsoft'

let sim: GraphSim
let secrets: Map<string, string>
let vault: Vault
const open = new Set<GraphConnection>()
const clock: Clock = { now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(), sleep: () => Promise.resolve() }

beforeEach(async () => {
  sim = await startGraphSim()
  secrets = new Map()
  vault = {
    get: (name) => Promise.resolve(secrets.get(name) ?? null),
    put: (name, value) => Promise.resolve(void secrets.set(name, value)),
    remove: (name) => Promise.resolve(void secrets.delete(name)),
  }
})
afterEach(async () => {
  await Promise.all([...open].map((one) => one.close()))
  open.clear()
  await sim.stop()
})

function connect(more: Partial<GraphConnectionOptions> = {}): GraphConnection {
  const connection = createGraphConnection({
    name: 'cloud', tenant: sim.tenant, clientId: sim.clientId, proof: { secret: sim.clientSecret }, access: 'delegated', loginUrl: sim.login, graphUrl: sim.url,
    range: { pastDays: 30, futureDays: 365 }, timeoutMs: 5_000, vault, log, clock, ...more,
  })
  open.add(connection)
  return connection
}

/** What a browser does with the address: fills in the form and comes back. */
async function browse(address: string, person: Mailbox, more: Record<string, string> = {}): Promise<URLSearchParams> {
  const user = sim.mailboxes.find(({ address: known }) => known === person.address)
  const form = new URLSearchParams({ login: user?.username ?? '', passwd: user?.password ?? '', ...more })
  const reply = await fetch(address, { method: 'POST', body: form, redirect: 'manual' })
  const back = new URL(reply.headers.get('location') ?? 'about:blank')
  expect(`${back.origin}${back.pathname}`).toBe(RETURN)
  return back.searchParams
}

async function signIn(connection: GraphConnection, mailbox = alice, as = mailbox) {
  const page = connection.signIn ?? expect.fail('nobody can sign in')
  const { url } = await page.begin(mailbox, RETURN)
  return page.finish(await browse(url, as))
}

describe('signing in', () => {
  it('asks for lasting access with PKCE, state and nonce, and then opens the mailbox', async () => {
    const connection = connect()
    const { url } = await connection.signIn?.begin(alice, RETURN) ?? { url: '' }
    const asked = Object.fromEntries(new URL(url).searchParams)
    expect(asked).toMatchObject({ response_type: 'code', client_id: sim.clientId, redirect_uri: RETURN, code_challenge_method: 'S256', login_hint: 'alice@example.test' })
    expect(asked['scope']).toContain('offline_access')
    for (const name of ['state', 'nonce', 'code_challenge']) expect(asked[name]?.length).toBeGreaterThanOrEqual(40)
    expect(await connection.signIn?.finish(await browse(url, alice))).toEqual({ mailbox: alice.id, as: 'alice@example.test' })
    expect(await connection.mailbox(alice).pull('event', null, none)).toMatchObject({ type: 'page', changes: [] })
    expect(await connection.signIn?.state(alice.id)).toMatchObject({ type: 'signed-in', as: 'alice@example.test' })
  })

  it('answers the same when the page is loaded again, or twice at once', async () => {
    const connection = connect()
    const page = connection.signIn ?? expect.fail('nobody can sign in')
    const back = await browse((await page.begin(alice, RETURN)).url, alice)
    const both = await Promise.all([page.finish(back), page.finish(back)])
    expect([...both, await page.finish(back)]).toEqual(Array.from({ length: 3 }, () => ({ mailbox: alice.id, as: 'alice@example.test' })))
  })

  it('is not taken from somebody else, and leaves no tokens behind', async () => {
    await expect(signIn(connect(), alice, bob)).rejects.toMatchObject({ code: 'GRAPH_WRONG_PERSON', scope: 'mailbox' })
    expect([...secrets.keys()].filter((name) => name.startsWith('graph:'))).toEqual([])
  })

  it('that was never begun, is forged or came too late is refused', async () => {
    const connection = connect()
    const page = connection.signIn ?? expect.fail('nobody can sign in')
    const back = await browse((await page.begin(alice, RETURN)).url, alice)
    await expect(page.finish(new URLSearchParams({ code: back.get('code') ?? '', state: 'x'.repeat(43) }))).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_EXPIRED' })
    await expect(page.finish(new URLSearchParams({ code: back.get('code') ?? '' }))).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_REFUSED' })
    sim.clock.advance(16 * 60_000)
    await expect(page.finish(back)).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_EXPIRED' })
  })

  it('that the user breaks off says so, and can be begun again', async () => {
    const connection = connect()
    const page = connection.signIn ?? expect.fail('nobody can sign in')
    const { url } = await page.begin(alice, RETURN)
    await expect(page.finish(await browse(url, alice, { cancel: '1' }))).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_REFUSED', message: expect.stringContaining('access_denied') })
    await signIn(connection)
  })

  it('keeps one user\'s tokens from another\'s mailbox', async () => {
    const connection = connect()
    await signIn(connection)
    await expect(connection.mailbox(bob).pull('event', null, none)).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_NEEDED' })
  })
})

/** Operations of both servers since then, by name. */
function requestsFrom({ faults }: GraphSim): () => string[] {
  const take = vi.spyOn(faults, 'take')
  return () => take.mock.calls.map(([operation]) => operation)
}

describe('tokens', () => {
  const pull = (connection: GraphConnection) => connection.mailbox(alice).pull('event', null, none)

  it('outlive a restart of the service, and are renewed before they expire', async () => {
    await signIn(connect())
    const before = secrets.get('graph:cloud:m1')
    const restarted = connect()
    await pull(restarted)
    sim.clock.advance(2 * 3_600_000)
    expect(await pull(restarted)).toMatchObject({ type: 'page' })
    expect(secrets.get('graph:cloud:m1')).not.toBe(before)
  })

  it('that the server suddenly refuses are renewed once', async () => {
    const connection = connect()
    await signIn(connection)
    await pull(connection)
    sim.entra.expireAccessTokens(alice.address)
    expect(await pull(connection)).toMatchObject({ type: 'page' })
  })

  it('that died stop the mailbox with its remedy, lose nothing, ask no more until the user signs in again', async () => {
    const connection = connect()
    await signIn(connection)
    const page = await pull(connection)
    if (page.type !== 'page') throw new Error(page.type)
    sim.entra.revokeRefreshTokens(alice.address)
    sim.entra.expireAccessTokens(alice.address)
    const needed = { code: 'GRAPH_SIGN_IN_NEEDED', scope: 'mailbox', remedy: 'ask-human', message: expect.stringContaining('AADSTS') }
    await expect(pull(connection)).rejects.toMatchObject(needed)
    expect(await connection.signIn?.state(alice.id)).toMatchObject({ type: 'needed', as: 'alice@example.test' })
    sim.faults.add({ effect: { type: 'status', status: 500 } })
    await expect(pull(connection)).rejects.toMatchObject(needed)
    await expect(pull(connect())).rejects.toMatchObject(needed)
    sim.faults.clear()
    await signIn(connection)
    expect(await connection.mailbox(alice).pull('event', page.next, none)).toMatchObject({ type: 'page', changes: [] })
  })

  it.each(['delegated', 'application'] as const)('are asked for once, however many requests wait for them (%s)', async (access) => {
    if (access === 'delegated') await signIn(connect())
    const replica = connect({ access }).mailbox(alice)
    await replica.open()
    const asked = requestsFrom(sim)
    sim.clock.advance(2 * 3_600_000)
    await Promise.all([replica.pull('event', null, none), replica.pull('event', null, none), replica.pull('event', null, none)])
    expect(asked().filter((operation) => operation === 'token')).toHaveLength(1)
  })

  it('are renewed minutes before they expire, and not at every turn', async () => {
    const connection = connect()
    await signIn(connection)
    await pull(connection)
    const asked = requestsFrom(sim)
    const renewed = () => asked().filter((operation) => operation === 'token').length
    sim.clock.advance(50 * 60_000)
    await pull(connection)
    expect(renewed()).toBe(0)
    sim.clock.advance(6 * 60_000)
    await pull(connection)
    expect(renewed()).toBe(1)
  })

  it('bring a new refresh token every time, which is saved before anything is done with them', async () => {
    sim.entra.tokens.strictRotation = true
    const connection = connect()
    await signIn(connection)
    for (let turn = 0; turn < 3; turn += 1) {
      sim.clock.advance(2 * 3_600_000)
      expect(await pull(connection)).toMatchObject({ type: 'page' })
    }
    sim.clock.advance(2 * 3_600_000)
    const asked = requestsFrom(sim)
    const put = vault.put
    let isSaved = (): void => undefined
    vault.put = async (name, value) => {
      await new Promise<void>((resolve) => { isSaved = resolve })
      await put(name, value)
    }
    const under = pull(connection)
    while (asked().length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(asked()).toEqual(['token'])
    isSaved()
    expect(await under).toMatchObject({ type: 'page' })
  })

  it('that another process renewed at the same moment are taken from it', async () => {
    sim.entra.tokens.strictRotation = true
    const first = connect()
    await signIn(first)
    const old = secrets.get('graph:cloud:m1') ?? null
    sim.clock.advance(2 * 3_600_000)
    await pull(first)
    let reads = 0
    const second = connect({ vault: { ...vault, get: (name) => (name === 'graph:cloud:m1' && (reads += 1) === 1 ? Promise.resolve(old) : vault.get(name)) } })
    expect(await pull(second)).toMatchObject({ type: 'page' })
    expect(await second.signIn?.state(alice.id)).toMatchObject({ type: 'signed-in' })
  })

  it('are forgotten when the user signs out', async () => {
    const connection = connect()
    await signIn(connection)
    await connection.signIn?.signOut(alice.id)
    await expect(pull(connection)).rejects.toMatchObject({ code: 'GRAPH_SIGN_IN_NEEDED' })
    expect(await connection.signIn?.state(alice.id)).toEqual({ type: 'never' })
  })
})

describe('the application\'s own access', () => {
  const application = (more: Partial<GraphConnectionOptions> = {}) => connect({ access: 'application', ...more })
  const pull = (connection: GraphConnection) => connection.mailbox(alice).pull('event', null, none)

  it('opens mailboxes with a secret, also by the domain of the tenant', async () => {
    expect(await pull(application())).toMatchObject({ type: 'page' })
    expect(await pull(application({ tenant: 'example.test' }))).toMatchObject({ type: 'page' })
  })

  it('opens mailboxes with a certificate, and not with one that is not registered', async () => {
    const { cert, key } = selfSigned()
    sim.entra.addCertificate(cert)
    expect(await pull(application({ proof: { certificate: { cert, key } } }))).toMatchObject({ type: 'page' })
    await expect(pull(application({ proof: { certificate: selfSigned() } }))).rejects.toMatchObject({ code: 'GRAPH_CLIENT', scope: 'server', remedy: 'ask-human' })
    await expect(pull(application({ proof: { certificate: { cert: 'x', key: 'y' } } }))).rejects.toMatchObject({ code: 'GRAPH_CERTIFICATE' })
  })

  it.each([
    ['a wrong secret', { proof: { secret: 'wrong' } }, 'GRAPH_CLIENT', 'take its value, not its id'],
    ['an unknown application', { clientId: '00000000-0000-0000-0000-000000000000' }, 'GRAPH_CLIENT', 'correct clientId or tenant'],
    ['an unknown tenant', { tenant: 'nobody.example' }, 'GRAPH_TENANT', 'Correct "tenant"'],
  ])('explains %s and says how to mend it', async (_what, more, code, words) => {
    await expect(pull(application(more))).rejects.toMatchObject({ code, scope: 'server', remedy: 'ask-human', message: expect.stringContaining(words) })
  })

  it('explains a clock that is wrong, which a certificate shows, and a proof that is missing', async () => {
    const certificate = selfSigned()
    sim.entra.addCertificate(certificate.cert)
    const late = { ...clock, now: () => instant(sim.clock.now() - 20 * 60_000) }
    await expect(pull(application({ proof: { certificate }, clock: late }))).rejects.toMatchObject({ code: 'GRAPH_CLIENT', message: expect.stringContaining('The clock of this machine') })
    const few = { ...clock, now: () => instant(sim.clock.now() - 5 * 60_000) }
    expect(await pull(application({ proof: { certificate }, clock: few }))).toMatchObject({ type: 'page' })
    await expect(pull(application({ proof: {} }))).rejects.toMatchObject({ code: 'GRAPH_CLIENT', message: expect.stringContaining('set clientSecret or certificate') })
  })

  it('explains a secret that has expired', async () => {
    sim.entra.expireSecret()
    await expect(pull(application())).rejects.toMatchObject({ code: 'GRAPH_CLIENT', message: expect.stringContaining('has expired') })
  })

  it('does not exist where everybody signs in by himself, and the other way round', () => {
    expect(application().signIn).toBeUndefined()
    expect(connect().signIn).toBeDefined()
  })
})

describe('the addresses of a cloud', () => {
  it.each([
    ['https://graph.microsoft.com', 'https://graph.microsoft.com/.default'], ['https://dod-graph.microsoft.us/', 'https://dod-graph.microsoft.us/.default'],
    ['https://microsoftgraph.chinacloudapi.cn/v1.0', 'https://microsoftgraph.chinacloudapi.cn/.default'],
  ])('name whom the application\'s tokens are for (%s)', async (graphUrl, scope) => {
    const asked: string[] = []
    const authority = { application: (wanted: string) => { asked.push(wanted); return Promise.resolve({ accessToken: 'x', refreshToken: undefined, expiresInSeconds: 3600, claims: undefined }) } }
    expect(await applicationTokens(authority, graphUrl, clock).token()).toBe('x')
    expect(asked).toEqual([scope])
  })

  it('have to be https, but for the own machine', () => {
    expect(() => connect({ graphUrl: 'http://graph.example.test' })).toThrow(expect.objectContaining({ code: 'GRAPH_CONFIG', message: expect.stringContaining('readable') }))
    expect(() => connect({ loginUrl: 'login.example.test' })).toThrow(expect.objectContaining({ code: 'GRAPH_CONFIG' }))
  })
})

/** A certificate of its own making, with the least a certificate must have. */
function selfSigned(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const der = (tag: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts)
    const size = body.length < 128 ? Buffer.from([body.length]) : Buffer.from([0x82, body.length >> 8, body.length & 255])
    return Buffer.concat([Buffer.from([tag]), size, body])
  }
  const rsaSha256 = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'))
  const name = der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('connector')))))
  const time = (year: string) => der(0x17, Buffer.from(`${year}0101000000Z`))
  const body = der(0x30, der(0xa0, Buffer.from('020102', 'hex')), der(0x02, Buffer.from([1])), rsaSha256, name, der(0x30, time('20'), time('49')), name,
    publicKey.export({ type: 'spki', format: 'der' }))
  const signature = createSign('RSA-SHA256').update(body).sign(privateKey)
  const certificate = der(0x30, body, rsaSha256, der(0x03, Buffer.from([0]), signature))
  const cert = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
