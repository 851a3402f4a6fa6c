import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import type { FaultRule } from '../../sim/faults.ts'
import { createEwsConnection } from '../../src/ews/index.ts'
import type { EwsConnection } from '../../src/ews/index.ts'
import { assigneeId, instant, mailboxId } from '../../src/model/index.ts'
import type { Mailbox, Token } from '../../src/model/index.ts'
import type { Clock, Log } from '../../src/ports.ts'
import { Follower, KINDS } from './follower.ts'

export interface HourOptions {
  readonly mailboxes: number
  /** Of simulated time. */
  readonly minutes: number
  readonly seed: number
}

/** How it stood when everything had had its time to settle. */
export interface HourOutcome {
  /** Mailboxes without an open stream. */
  readonly offline: readonly string[]
  /** Whose last edit was not heard over its stream. */
  readonly deaf: readonly string[]
  /** Mailboxes that know something else than the server has, each with the last it did. */
  readonly outOfStep: readonly { readonly user: string; readonly known: string; readonly there: string; readonly history: readonly string[] }[]
  /** Tasks that were to be written, and those that are there: once each. */
  readonly wanted: readonly string[]
  readonly written: readonly string[]
  readonly creates: number
  readonly mails: number
  /** Heap in MB after what can be freed is freed, every ten minutes and in the end. */
  readonly heapMb: readonly number[]
  /** Open streams: trouble leaves mailboxes apart from the others for a while. */
  readonly streams: number
  /** Mailboxes on a stream of their own. */
  readonly alone: number
}

/** As the service does it, whatever hints say. */
const SAFETY_PULL_MINUTES = 10
const FOLDERS = { event: 'calendar', task: 'tasks' } as const
const STEP_MS = 5_000
/** The least a step takes: sockets need real time, however fast the server's clock goes. */
const BREATH_MS = 12
/** The most: what has not come by then is the stalled socket's fault. */
const PATIENCE_MS = 60
/** Real time after which nobody waits for order any more: seconds on an idle machine, minutes on one that does ten things at once. */
const SETTLE_MS = 300_000

/** Every kind of trouble a server, its network and its administrator make. */
const EFFECTS: readonly FaultRule['effect'][] = [
  { type: 'stall' }, { type: 'half' }, { type: 'drop-before' }, { type: 'drop-after' }, { type: 'delay', ms: 200 }, { type: 'status-after', status: 502 },
  { type: 'status', status: 503, headers: { 'retry-after': '5' } }, { type: 'status', status: 503 }, { type: 'status', status: 429 }, { type: 'status', status: 401 },
  { type: 'status', status: 500 }, { type: 'status', status: 200, body: '<s:Envelope xmlns:s="s"><s:Body>' },
  { type: 'error', code: 'ErrorServerBusy', backOffMs: 20_000, status: 500 }, { type: 'error', code: 'ErrorServerBusy', backOffMs: 20_000, status: 200 },
  { type: 'error', code: 'ErrorTimeoutExpired', status: 200 }, { type: 'error', code: 'ErrorMailboxStoreUnavailable', status: 500 },
  { type: 'error', code: 'ErrorInternalServerError', status: 500 }, { type: 'error', code: 'ErrorExceededConnectionCount', status: 500 },
]
const OPERATIONS = ['GetStreamingEvents', 'Subscribe', 'SyncFolderItems', 'GetItem', 'CreateItem', 'FindItem', 'GetFolder', undefined]
const CONDITIONS = ['disabled', 'offline', 'full', 'password-expired'] as const

/** Numerical Recipes' generator: the same trouble for the same seed. */
function dice(seed: number) {
  let state = seed >>> 0
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
  for (let warm = 0; warm < 8; warm += 1) next()
  return { chance: (share: number) => next() < share, pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T }
}

/** Mailboxes on a server whose clock runs fast and where everything goes wrong that can. */
export async function liveThrough(options: HourOptions): Promise<HourOutcome> {
  const names = Array.from({ length: options.mailboxes }, (_, at) => `user${at}`)
  const sim = await startEwsSim({ mailboxes: names.map((name) => ({ address: `${name}@example.test` })), requireAffinity: true, hangingConnectionLimit: 3, throttle: { concurrency: 27 } })
  const hour = new Hour(sim, names, options)
  try {
    return await hour.live()
  } finally {
    await hour.stop()
    await sim.stop()
  }
}

class Hour {
  readonly #sim: EwsSim
  readonly #options: HourOptions
  readonly #connection: EwsConnection
  readonly #followers: readonly Follower[]
  readonly #tokens: string[] = []
  readonly #heapMb: number[] = []

  constructor(sim: EwsSim, names: readonly string[], options: HourOptions) {
    this.#sim = sim
    this.#options = options
    const clock = clockOf(sim)
    const byId = new Map<string, Follower>()
    const tell = (fields: object, message: string) => {
      const { mailbox, ...rest } = fields as { mailbox?: string }
      byId.get(mailbox ?? '')?.note(`${message} ${JSON.stringify(rest)}`)
    }
    const log: Log = { debug: tell, info: tell, warn: tell, error: tell }
    this.#connection = createEwsConnection({
      name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock, timeoutMs: 1_500,
      streaming: { watchdogMs: 2_000, collectMs: 500, debounceMs: 100, backOffMs: [1_000, 30_000], askHumanMs: 60_000 },
    })
    this.#followers = names.map((name) => {
      const mailbox: Mailbox = { id: mailboxId(name), address: `${name}@example.test`, user: name, userId: assigneeId('19x5'), connection: 'onprem', zone: 'UTC' }
      const follower = new Follower(mailbox, this.#connection.mailbox(mailbox), clock)
      byId.set(mailbox.id, follower)
      return follower
    })
    for (const follower of this.#followers) this.#connection.hints().watch(follower.mailbox, (kinds) => { follower.hint(kinds, 'hint') })
  }

  async live(): Promise<HourOutcome> {
    for (let minute = 0; minute < this.#options.minutes; minute += 1) {
      if (minute % SAFETY_PULL_MINUTES === 0) this.#safetyPull()
      this.#trouble(minute)
      const luck = dice(this.#options.seed * 7_919 + minute * 31 + 1)
      for (let edit = 0; edit < 20; edit += 1) this.#act(luck, minute)
      for (let at = 0; at < 60_000; at += STEP_MS) await this.#step()
      if (minute % 10 === 9) this.#heapMb.push(heapMb())
    }
    await this.#settle()
    // What is under way in the midst of trouble is no growth: the last number counts when everything is done.
    this.#heapMb.push(heapMb())
    return this.#outcome(await this.#deafOnes())
  }

  async stop(): Promise<void> {
    await this.#connection.close()
  }

  #safetyPull(): void {
    for (const follower of this.#followers) follower.hint(KINDS, 'safety pull')
  }

  #trouble(minute: number): void {
    const { chance, pick } = dice(this.#options.seed * 104_729 + minute)
    const somebody = () => pick(this.#followers).mailbox.address
    const sim = this.#sim
    if (chance(0.7)) {
      const operation = pick(OPERATIONS)
      sim.faults.add({ ...(operation === undefined ? {} : { operation }), times: pick([1, 3, 10]), skip: pick([0, 2, 9]), effect: pick(EFFECTS) })
    }
    // A server that starts again knows no subscription, not even a fresh one.
    if (chance(0.2)) sim.faults.add({ operation: 'GetStreamingEvents', times: pick([1, 2, 3]), effect: { type: 'error', code: 'ErrorSubscriptionNotFound', status: 200 } })
    // One poisoned item in a page: that item alone cannot be read for a while.
    if (chance(0.3)) sim.faults.add({ operation: 'GetItem', subject: somebody(), times: pick([1, 4]), effect: { type: 'error', code: 'ErrorCorruptData', status: 200 } })
    if (chance(0.1)) sim.killSubscriptions()
    if (chance(0.2)) sim.killSubscriptions(somebody())
    if (chance(0.1)) sim.closeConnections()
    if (chance(0.1)) sim.invalidateSyncStates(somebody())
    if (chance(0.1)) sim.moveMailbox(somebody(), { inProgressMs: 90_000 })
    for (const { mailbox } of this.#followers) sim.setCondition(mailbox.address, null)
    for (let ill = 0; ill < 3; ill += 1) if (chance(0.3)) sim.setCondition(somebody(), pick(CONDITIONS))
    sim.loseEvents(chance(0.1))
  }

  /** What people do in the meantime, and what we are to write. */
  #act({ chance, pick }: ReturnType<typeof dice>, minute: number): void {
    const sim = this.#sim
    const follower = pick(this.#followers)
    const { address } = follower.mailbox
    const folder = pick(Object.values(FOLDERS))
    // What we make is left alone, so that every single one can be asked for in the end.
    const there = sim.items(address, folder).filter(({ fields }) => !String(fields['Subject']).startsWith('ours '))
    const subject = `minute ${minute}`
    if (chance(0.2)) {
      const token = `00000000-0000-4000-8000-${String(this.#tokens.length).padStart(12, '0')}` as Token
      this.#tokens.push(token)
      follower.want(token)
    } else if (there.length > 2 && chance(0.3)) sim.deleteItem(address, pick(there).id, chance(0.5) ? 'HardDelete' : 'MoveToDeletedItems')
    else if (there.length > 0 && chance(0.5)) sim.editItem(address, pick(there).id, { Subject: subject })
    else this.#put(follower, folder, subject)
  }

  #put({ mailbox }: Follower, folder: string, subject: string): void {
    this.#sim.putItem(mailbox.address, folder, folder === 'calendar' ? { Subject: subject, Start: '2026-12-10T09:00:00Z', End: '2026-12-10T10:00:00Z' } : { Subject: subject })
  }

  async #step(): Promise<void> {
    this.#sim.clock.advance(STEP_MS)
    await Promise.all([pause(BREATH_MS), ...this.#followers.map((follower) => Promise.race([follower.work(), pause(PATIENCE_MS)]))])
  }

  async #until(holds: () => boolean): Promise<boolean> {
    for (const end = performance.now() + SETTLE_MS; !holds();) {
      if (performance.now() > end) return false
      await this.#step()
    }
    return true
  }

  #online = () => this.#connection.hints().connected()

  async #settle(): Promise<void> {
    const sim = this.#sim
    sim.faults.clear()
    sim.loseEvents(false)
    for (const { mailbox } of this.#followers) sim.setCondition(mailbox.address, null)
    this.#safetyPull()
    await this.#until(() => this.#followers.every(({ isSettled }) => isSettled) && this.#online().size === this.#followers.length)
    // What we wrote ourselves is news to a follower, and a stream that was silent may have kept it: the next safety pull does not.
    this.#safetyPull()
    await this.#until(() => this.#followers.every(({ isSettled }) => isSettled))
  }

  /** A stream that is open must be good for something: one edit in each mailbox has to be heard without any safety pull. */
  async #deafOnes(): Promise<string[]> {
    for (const follower of this.#followers) {
      follower.note('one last edit')
      this.#put(follower, 'tasks', 'the last word')
    }
    const deaf = () => this.#followers.filter(({ known }) => ![...known.task.values()].includes('the last word'))
    await this.#until(() => deaf().length === 0)
    return deaf().map(({ mailbox }) => mailbox.user)
  }

  #outcome(deaf: readonly string[]): HourOutcome {
    const sim = this.#sim
    const online = this.#online()
    const there = ({ mailbox }: Follower) => KINDS.map((kind) => text(sim.items(mailbox.address, FOLDERS[kind]).map(({ id, fields }) => [id, String(fields['Subject'])]))).join(' ')
    const known = (follower: Follower) => KINDS.map((kind) => text([...follower.known[kind]])).join(' ')
    const wrong = this.#followers.filter((follower) => known(follower) !== there(follower))
    return {
      deaf, offline: this.#followers.flatMap(({ mailbox }) => (online.has(mailbox.id) ? [] : [mailbox.user])),
      outOfStep: wrong.concat(this.#followers.filter(({ mailbox }) => !online.has(mailbox.id) || deaf.includes(mailbox.user))).slice(0, 5)
        .map((follower) => ({ user: follower.mailbox.user, known: known(follower), there: there(follower), history: follower.history })),
      wanted: this.#tokens.toSorted(), creates: sim.writes.created, mails: sim.outbox.length, heapMb: this.#heapMb, streams: sim.openStreams, alone: sim.streams.filter(({ length }) => length === 1).length,
      written: this.#followers.flatMap(({ mailbox }) => sim.items(mailbox.address).flatMap(({ fields }) => /^ours (.+)/.exec(String(fields['Subject']))?.[1] ?? [])).toSorted(),
    }
  }
}

/** Time passes on the server's clock; a pause of ours never takes longer than it has to. */
function clockOf(sim: EwsSim): Clock {
  return {
    now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(),
    sleep: (ms, signal) => new Promise((resolve) => {
      const end = sim.clock.now() + ms
      // Polled, and no listener left on a signal that lives as long as the service.
      const timer = setInterval(() => { if (sim.clock.now() >= end || signal?.aborted === true) { clearInterval(timer); resolve() } }, 5)
    }),
  }
}

const text = (items: readonly (readonly [string, string])[]) => JSON.stringify(items.toSorted(([left], [right]) => (left < right ? -1 : 1)))
const pause = (ms: number) => new Promise<void>((resolve) => { setTimeout(resolve, ms) })

function heapMb(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return Math.round(process.memoryUsage().heapUsed / 1e6)
}
