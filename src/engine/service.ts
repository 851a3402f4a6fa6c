import { asSyncError } from '../lib/errors.ts'
import { CRM_LANE, instant, instantMs } from '../model/index.ts'
import type { ItemId, ItemKind, Mailbox, MailboxId } from '../model/index.ts'
import type { Hints, Lanes, LanesServer } from '../ports.ts'
import { activeKinds, policyOf } from './context.ts'
import type { Engine } from './context.ts'
import { createRunner } from './first-readings.ts'

export interface ServiceOptions {
  readonly engine: Engine
  readonly lanes: Lanes
  hintsOf(mailbox: Mailbox): Hints
  /** Reads users and groups from the CRM and brings the lanes in line with the configuration; returns the mailboxes. */
  prepare(): Promise<readonly Mailbox[]>
  readonly crmPollSeconds: number
  /** How often lanes without a hint are looked over for due work. */
  readonly sweepSeconds: number
  readonly parallel: number
  /** Keeps a job going; without it each simply repeats. Lets an administrator see, pause and hasten them. */
  readonly repeat?: Repeat
}

export interface Job {
  readonly name: 'directory' | 'crm-poll' | 'sweep'
  readonly seconds: number
  /** What its failure means, in words. */
  readonly failure: string
  work(): Promise<void>
}

/** Runs the job again and again until the signal; never throws. */
export type Repeat = (engine: Engine, signal: AbortSignal, job: Job) => Promise<void>

export interface Service {
  /** Which mailboxes are on an open channel. */
  connected(): ReadonlySet<MailboxId>
  /** Whether the users and groups of the CRM are known; before that no lane is run. */
  prepared(): boolean
  /** Something happened in the CRM: poll it now instead of at the next tick. */
  ping(): Promise<void>
  /** Who is synchronised has changed: users and mailboxes are read again now. */
  refresh(): Promise<void>
  /** Takes no new work, waits for what runs, closes the channels. */
  stop(): Promise<void>
}

/** How often users and groups are read again. */
const DIRECTORY_SECONDS = 600

/** Keeps both sides in step until stopped: the streaming channel and the CRM poll wake lanes, a sweep catches the rest. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { engine, lanes } = options
  const stopping = new AbortController()
  const watched = new Map<MailboxId, Hints>()
  const hints = new Set<Hints>()
  let isPrepared = false
  const run = createRunner(engine, lanes, Math.max(1, Math.floor(options.parallel / 4)))
  const server: LanesServer = await lanes.serve(async (lane) => {
    // Without the directory no record belongs to anybody: a pull would file it nowhere, and copies would be let go of.
    if (isPrepared) await run(lane)
  }, options.parallel)

  const jobs: Job[] = [
    { name: 'directory', seconds: DIRECTORY_SECONDS, failure: 'the users of the CRM could not be read', work: readDirectory },
    { name: 'crm-poll', seconds: options.crmPollSeconds, failure: 'the CRM could not be polled', work: () => lanes.wake([CRM_LANE]) },
    { name: 'sweep', seconds: options.sweepSeconds, failure: 'the lanes could not be looked over', work: sweep },
  ]
  const loops = jobs.map((job) => (options.repeat ?? repeat)(engine, stopping.signal, job))

  async function readDirectory(): Promise<void> {
    follow(await options.prepare())
    isPrepared = true
    // The first poll came before.
    await lanes.wake([CRM_LANE])
  }

  function follow(mailboxes: readonly Mailbox[]): void {
    for (const mailbox of mailboxes) {
      if (watched.has(mailbox.id)) continue
      const channel = options.hintsOf(mailbox)
      watched.set(mailbox.id, channel)
      hints.add(channel)
      channel.watch(mailbox, (kinds, items) => hinted(mailbox.id, kinds, items ?? []))
    }
    for (const [id, channel] of watched) {
      if (mailboxes.some((mailbox) => mailbox.id === id)) continue
      channel.unwatch(id)
      watched.delete(id)
    }
  }

  function hinted(lane: MailboxId, kinds: readonly ItemKind[], items: readonly ItemId[]): void {
    const active = kinds.filter((kind) => activeKinds(policyOf(engine, lane)).includes(kind))
    if (active.length === 0 || stopping.signal.aborted) return
    engine.store
      .transaction(async (tx) => {
        await tx.markDirty(lane, active, engine.clock.now())
        await tx.recheckSeries(lane, items, engine.clock.now())
        await tx.wake([lane])
      })
      // A lost hint costs time, nothing else: the sweep pulls every folder now and then.
      .catch((thrown: unknown) => engine.log.warn({ lane, code: asSyncError(thrown).code }, 'a hint was lost'))
  }

  async function sweep(): Promise<void> {
    const now = engine.clock.now()
    const pulledBefore = instant(instantMs(now) - engine.mode.safetyPullSeconds * 1000)
    const due = await engine.store.transaction((tx) => tx.lanesDue(now, pulledBefore))
    if (due.length > 0) await lanes.wake(due)
  }

  return {
    connected: () => new Set([...hints].flatMap((channel) => [...channel.connected()])),
    prepared: () => isPrepared,
    ping: () => lanes.wake([CRM_LANE]),
    refresh: readDirectory,
    async stop() {
      stopping.abort()
      await Promise.all([...hints].map((channel) => channel.stop()))
      await Promise.all(loops)
      await server.stop()
    },
  }
}

/** Runs a job again and again; its failure is said once per change of reason, and heals by itself. */
async function repeat(engine: Engine, signal: AbortSignal, { seconds, failure, work }: Job): Promise<void> {
  let complaint = ''
  for (let failures = 0; !signal.aborted; ) {
    let pauseMs = seconds * 1000
    try {
      await work()
      if (failures > 0) engine.log.info({}, `healed: ${failure}`)
      failures = 0
      complaint = ''
    } catch (thrown) {
      const error = asSyncError(thrown)
      failures += 1
      pauseMs = Math.min(pauseMs, 1000 * 2 ** Math.min(6, failures))
      if (error.code !== complaint) engine.log.error({ code: error.code }, `${failure}: ${error.message}`)
      complaint = error.code
    }
    if (!signal.aborted) await engine.clock.sleep(pauseMs, signal)
  }
}
