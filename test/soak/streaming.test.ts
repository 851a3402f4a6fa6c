import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import type { FaultEffect } from '../../sim/faults.ts'
import { createEwsConnection } from '../../src/ews/index.ts'
import type { EwsConnection } from '../../src/ews/index.ts'
import { asSyncError } from '../../src/lib/errors.ts'
import { assigneeId, instant, mailboxId } from '../../src/model/index.ts'
import type { ItemKind, Mailbox, SyncState, Token } from '../../src/model/index.ts'
import type { Clock, Exchange, Log } from '../../src/ports.ts'

/** SOAK_MAILBOXES and SOAK_MINUTES make it longer; SOAK_SEED plays a run again. */
const MAILBOXES = Number(process.env['SOAK_MAILBOXES'] ?? 500)
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60)
const SEED = Number(process.env['SOAK_SEED'] ?? 20_261_122)
/** As the service does it, whatever hints say. */
const SAFETY_PULL_MINUTES = 10
const FOLDERS: Readonly<Record<'event' | 'task', string>> = { event: 'calendar', task: 'tasks' }

const log: Log = { debug() {}, info() {}, warn() {}, error() {} }
let sim: EwsSim
let connection: EwsConnection
afterAll(async () => {
  await connection.close()
  await sim.stop()
})

/** Time passes on the server's clock; a pause of ours never takes longer than it has to. */
const clock: Clock = {
  now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(),
  sleep: (ms, signal) => new Promise((resolve) => {
    const end = sim.clock.now() + ms
    const timer = setInterval(() => { if (sim.clock.now() >= end || signal?.aborted === true) { clearInterval(timer); resolve() } }, 5)
    signal?.addEventListener('abort', () => { clearInterval(timer); resolve() }, { once: true })
  }),
}

/** Numerical Recipes' generator: the same faults for the same seed. */
function dice(seed: number) {
  let state = seed >>> 0
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
  return { chance: (share: number) => next() < share, pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T }
}

/** What a mailbox's owner would lose if the connector lost it. */
class Follower {
  readonly mailbox: Mailbox
  readonly #exchange: Exchange
  readonly #states = new Map<ItemKind, SyncState | null>()
  readonly #dirty = new Set<ItemKind>(['event', 'task'])
  readonly known = new Map<ItemKind, Map<string, string>>([['event', new Map()], ['task', new Map()]])
  #running: Promise<void> | null = null
  #retryAt = 0
  /** Tokens of tasks that are to be there once. */
  readonly #wanted: Token[] = []

  constructor(mailbox: Mailbox) {
    this.mailbox = mailbox
    this.#exchange = connection.mailbox(mailbox)
  }

  hint(kinds: readonly ItemKind[]): void {
    for (const kind of kinds) if (kind !== 'contact') this.#dirty.add(kind)
  }

  want(token: Token): void {
    this.#wanted.push(token)
  }

  get isSettled(): boolean {
    return this.#dirty.size === 0 && this.#wanted.length === 0 && this.#running === null
  }

  /** One run where something is due; trouble is waited out for as long as the error says. */
  work(): Promise<void> {
    if (this.#running !== null) return this.#running
    if (sim.clock.now() < this.#retryAt || (this.#dirty.size === 0 && this.#wanted.length === 0)) return Promise.resolve()
    this.#running = this.#run().catch((thrown: unknown) => {
      const error = asSyncError(thrown)
      if (error.remedy === 'bug') throw error
      this.#retryAt = sim.clock.now() + (error.retryAfterMs ?? 1_000)
    }).finally(() => { this.#running = null })
    return this.#running
  }

  async #run(): Promise<void> {
    for (const kind of [...this.#dirty]) {
      this.#dirty.delete(kind)
      await this.#pull(kind).catch((error: unknown) => { this.#dirty.add(kind); throw error })
    }
    for (let token = this.#wanted[0]; token !== undefined; token = this.#wanted[0]) {
      const item = { kind: 'task' as const, fields: { subject: `ours ${token}` } }
      const found = await this.#exchange.findCreated({ kind: 'task', token, item, uid: null, since: instant(0) })
      const [made] = found === null ? await this.#exchange.create([{ item, token, stamp: { instance: 'i', kind: 'task', record: '9x1' as never, token } }]) : []
      if (made?.type === 'failed') throw made.error
      this.#wanted.shift()
    }
  }

  async #pull(kind: ItemKind): Promise<void> {
    const known = this.known.get(kind) ?? new Map<string, string>()
    for (let more = true; more;) {
      const page = await this.#exchange.pull(kind, this.#states.get(kind) ?? null, () => Promise.resolve(new Map()))
      if (page.type === 'resync-required') {
        known.clear()
        this.#states.set(kind, null)
        continue
      }
      for (const change of page.changes) {
        if (change.type === 'seen') known.set(change.snapshot.id, 'subject' in change.snapshot.item.fields ? String(change.snapshot.item.fields.subject) : '')
        if (change.type === 'gone') known.delete(change.id)
      }
      this.#states.set(kind, page.next)
      more = page.more
    }
  }
}

const EFFECTS: readonly FaultEffect[] = [
  { type: 'stall' }, { type: 'half' }, { type: 'drop-before' }, { type: 'drop-after' }, { type: 'status', status: 503, headers: { 'retry-after': '5' } },
  { type: 'status', status: 500 }, { type: 'error', code: 'ErrorServerBusy', backOffMs: 20_000, status: 500 }, { type: 'error', code: 'ErrorServerBusy', backOffMs: 20_000, status: 200 },
  { type: 'error', code: 'ErrorTimeoutExpired', status: 200 }, { type: 'error', code: 'ErrorMailboxStoreUnavailable', status: 500 }, { type: 'status-after', status: 502 },
]
const OPERATIONS = ['GetStreamingEvents', 'Subscribe', 'SyncFolderItems', 'GetItem', 'CreateItem', 'FindItem', undefined]

describe('an hour with an unreliable server', () => {
  it(`${MAILBOXES} mailboxes end in step: nothing lost, nothing made twice, memory flat`, { timeout: 600_000 }, async () => {
    const names = Array.from({ length: MAILBOXES }, (_, at) => `user${at}`)
    sim = await startEwsSim({ mailboxes: names.map((name) => ({ address: `${name}@example.test` })), requireAffinity: true, hangingConnectionLimit: 3, throttle: { concurrency: 27 } })
    connection = createEwsConnection({
      name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, timeoutMs: 1_500,
      streaming: { watchdogMs: 2_000, collectMs: 500, debounceMs: 20, backOffMs: [1_000, 30_000], askHumanMs: 60_000 },
    })
    const { chance, pick } = dice(SEED)
    const followers = names.map((name): Follower => new Follower({ id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC' }))
    for (const follower of followers) connection.hints().watch(follower.mailbox, (kinds) => { follower.hint(kinds) })
    const memory: number[] = []
    const tokens: string[] = []

    for (let minute = 0; minute < MINUTES; minute += 1) {
      if (minute % SAFETY_PULL_MINUTES === 0) for (const follower of followers) follower.hint(['event', 'task'])
      if (chance(0.7)) {
        const operation = pick(OPERATIONS)
        sim.faults.add({ ...(operation === undefined ? {} : { operation }), times: pick([1, 3, 10]), skip: pick([0, 2, 9]), effect: pick(EFFECTS) })
      }
      if (chance(0.1)) sim.killSubscriptions()
      if (chance(0.2)) sim.killSubscriptions(pick(followers).mailbox.address)
      if (chance(0.1)) sim.closeConnections()
      if (chance(0.1)) sim.invalidateSyncStates(pick(followers).mailbox.address)
      if (chance(0.1)) sim.moveMailbox(pick(followers).mailbox.address, { inProgressMs: 90_000 })
      sim.loseEvents(chance(0.1))
      for (let edit = 0; edit < 20; edit += 1) act(pick(followers), minute)
      // A minute in steps of seconds, so that waits of seconds are waits.
      for (let step = 0; step < 12; step += 1) {
        sim.clock.advance(5_000)
        await Promise.all(followers.map((follower) => Promise.race([follower.work(), pause(60)])))
      }
      if (minute % 10 === 9) memory.push(heapMb())
    }

    function act(follower: Follower, minute: number): void {
      const { address } = follower.mailbox
      const folder = pick(Object.values(FOLDERS))
      // What we make is left alone, so that every single one can be asked for in the end.
      const there = sim.items(address, folder).filter(({ fields }) => !String(fields['Subject']).startsWith('ours '))
      const subject = `minute ${minute}`
      if (chance(0.2)) {
        const token = `00000000-0000-4000-8000-${String(tokens.length).padStart(12, '0')}` as Token
        tokens.push(token)
        follower.want(token)
      } else if (there.length > 2 && chance(0.3)) sim.deleteItem(address, pick(there).id, chance(0.5) ? 'HardDelete' : 'MoveToDeletedItems')
      else if (there.length > 0 && chance(0.5)) sim.editItem(address, pick(there).id, { Subject: subject })
      else sim.putItem(address, folder, folder === 'calendar' ? { Subject: subject, Start: '2026-12-10T09:00:00Z', End: '2026-12-10T10:00:00Z' } : { Subject: subject })
    }

    // Quiet again: whatever is late is made up for.
    sim.faults.clear()
    sim.loseEvents(false)
    for (const follower of followers) follower.hint(['event', 'task'])
    for (let step = 0; step < 400 && !(followers.every(({ isSettled }) => isSettled) && connection.hints().connected().size === MAILBOXES); step += 1) {
      sim.clock.advance(5_000)
      await Promise.all(followers.map((follower) => Promise.race([follower.work(), pause(60)])))
    }

    expect(connection.hints().connected().size, 'mailboxes on a stream').toBe(MAILBOXES)
    const wrong = followers.filter((follower) => (['event', 'task'] as const).some((kind) => text(follower.known.get(kind)) !== text(new Map(sim.items(follower.mailbox.address, FOLDERS[kind]).map(({ id, fields }) => [id, String(fields['Subject'])])))))
    expect(wrong.map(({ mailbox }) => mailbox.user)).toEqual([])
    const ours = names.flatMap((name) => sim.items(`${name}@example.test`).flatMap(({ fields }) => /^ours (.+)/.exec(String(fields['Subject']))?.[1] ?? []))
    expect(ours.toSorted(), 'every task once').toEqual(tokens.toSorted())
    expect(sim.writes.created, 'creates on the server').toBe(tokens.length)
    expect(sim.outbox).toEqual([])
    const [early = 0, late = 0] = [memory[1], memory.at(-1)]
    if (memory.length > 3) expect(late, `heap in MB, every ten minutes: ${memory.join(', ')}`).toBeLessThan(early * 1.25 + 20)
  })
})

const text = (items: ReadonlyMap<string, string> | undefined) => JSON.stringify([...items ?? []].sort())
const pause = (ms: number) => new Promise<void>((resolve) => { setTimeout(resolve, ms) })
/** After what can be freed is freed. */
function heapMb(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return Math.round(process.memoryUsage().heapUsed / 1e6)
}
