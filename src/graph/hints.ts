/**
 * Hints that something changed in a mailbox of the cloud, which has no streams: notifications where the connection has a
 * public address, else (and while they fail) a poll that is frequent where something happens and rare where nothing does.
 */
import { instantMs } from '../model/index.ts'
import type { ItemKind, Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { asSyncError } from '../lib/errors.ts'
import type { ClientStates } from './client-state.ts'
import type { Folders } from './folders.ts'
import type { Session } from './session.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Followed, Subscription } from './subscriptions.ts'

/** How a mailbox is followed right now. */
export type Following = 'notifications' | 'poll'

export interface GraphHints extends Hints {
  following(): ReadonlyMap<MailboxId, Following>
  /**
   * A notification, of a change or of the subscription itself. Quick: it only rings.
   * @param body as it came, JSON
   * @returns how many of its entries were ours
   */
  receive(body: unknown): Promise<number>
  /** The replica saw changes: the mailbox is looked at more often for a while. */
  stirred(mailbox: MailboxId): void
}

export interface HintsOptions {
  /** Shortest and longest time between two polls. */
  readonly pollMs: readonly [number, number]
  /** How often the list of due mailboxes is looked over. */
  readonly tickMs: number
  readonly debounceMs: number
  /** First and longest wait before subscriptions that failed are tried again. */
  readonly backOffMs: readonly [number, number]
}
export const HINTS_DEFAULTS: HintsOptions = { pollMs: [30_000, 300_000], tickMs: 1_000, debounceMs: 100, backOffMs: [60_000, 3_600_000] }

export interface HintsParts {
  readonly clock: Clock
  readonly log: Log
  readonly options: HintsOptions
  /** Where notifications come in; undefined polls. */
  readonly notificationUrl: string | undefined
  readonly states: ClientStates
  access(mailbox: Mailbox): { readonly session: Session; readonly folders: Folders }
}

interface Watched {
  readonly mailbox: Mailbox
  readonly onHint: (kinds: readonly ItemKind[]) => void
  readonly pending: Set<ItemKind>
  readonly subscriptions: Map<ItemKind, Subscription>
  pollAtMs: number
  pauseMs: number
  /** When subscriptions are looked after next; failures in a row. */
  careAtMs: number
  failures: number
  caring: boolean
}

const POLLED: readonly ItemKind[] = ['event', 'task', 'contact']

export function createHints(parts: HintsParts): GraphHints {
  const { clock, options } = parts
  const watched = new Map<MailboxId, Watched>()
  const stopping = new AbortController()
  const [shortest, longest] = options.pollMs
  let ticking: Promise<void> | undefined
  const under = new Set<Promise<void>>()

  function ring(one: Watched, kinds: readonly ItemKind[]): void {
    const first = one.pending.size === 0
    for (const kind of kinds) one.pending.add(kind)
    if (!first) return
    run(clock.sleep(options.debounceMs, stopping.signal).then(() => {
      const told = [...one.pending]
      one.pending.clear()
      if (!stopping.signal.aborted && watched.get(one.mailbox.id) === one) one.onHint(told)
    }))
  }

  function run(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => {
      const { code, message } = asSyncError(error)
      parts.log.warn({ code }, `following a mailbox failed: ${message}`)
    }).finally(() => under.delete(guarded))
    under.add(guarded)
  }

  async function tick(): Promise<void> {
    while (!stopping.signal.aborted) {
      const now = clock.elapsedMs()
      for (const one of watched.values()) {
        if (one.pollAtMs <= now) poll(one, now)
        if (parts.notificationUrl !== undefined && one.careAtMs <= now && !one.caring) run(care(one, parts.notificationUrl))
      }
      await clock.sleep(options.tickMs, stopping.signal)
    }
  }

  /** Only kinds that nothing else tells of; where notifications come, the engine's own safety pull is enough. */
  function poll(one: Watched, now: number): void {
    const kinds = POLLED.filter((kind) => !one.subscriptions.has(kind) && (kind !== 'contact' || one.subscriptions.size === 0))
    if (kinds.length > 0) ring(one, kinds)
    one.pauseMs = Math.min(one.pauseMs * 1.5, longest)
    // Thousands of mailboxes must not ask in the same second.
    one.pollAtMs = now + one.pauseMs * (0.8 + 0.4 * Math.random())
  }

  /** Subscribes, renews and heals; whatever was made anew may have missed something. */
  async function care(one: Watched, notificationUrl: string): Promise<void> {
    one.caring = true
    try {
      const { session, folders } = parts.access(one.mailbox)
      const subscriptions = new Subscriptions(session, folders, parts.states, notificationUrl)
      const now = () => instantMs(clock.now())
      for (const [kind, known] of one.subscriptions) {
        if (known.renewAtMs > now()) continue
        const renewed = await subscriptions.renew(known)
        if (renewed === null) one.subscriptions.delete(kind)
        else one.subscriptions.set(kind, renewed)
      }
      // A server that throws subscriptions away need not say so.
      const existing = one.subscriptions.size === 0 ? [] : await subscriptions.existing()
      for (const [kind, { id }] of one.subscriptions) if (!existing.some((known) => known.id === id)) one.subscriptions.delete(kind)
      const missing = (['event', 'task'] as const).filter((kind) => session.kinds.has(kind) && !one.subscriptions.has(kind))
      await add(one, subscriptions, missing)
      one.failures = 0
      const next = Math.min(...[...one.subscriptions.values()].map(({ renewAtMs }) => renewAtMs), now() + options.backOffMs[1])
      one.careAtMs = clock.elapsedMs() + Math.max(next - now(), options.tickMs)
      if (watched.get(one.mailbox.id) !== one) await subscriptions.cancel([...one.subscriptions.values()])
    } catch (error) {
      one.failures += 1
      const { code, message, retryAfterMs } = asSyncError(error)
      const waitMs = Math.max(retryAfterMs ?? 0, Math.min(options.backOffMs[1], options.backOffMs[0] * 2 ** Math.min(10, one.failures - 1)))
      one.careAtMs = clock.elapsedMs() + waitMs
      if (one.failures === 1) parts.log.warn({ lane: one.mailbox.id, code }, `no notifications for now, the mailbox is polled: ${message}`)
    } finally {
      one.caring = false
    }
  }

  async function add(one: Watched, subscriptions: Subscriptions, missing: readonly Followed[]): Promise<void> {
    if (missing.length === 0) return
    const existing = await subscriptions.existing()
    for (const kind of missing) {
      const made = await subscriptions.subscribe(kind, existing)
      if (made === null) continue
      one.subscriptions.set(kind, made)
      ring(one, [kind])
    }
  }

  function lifecycle(one: Watched, kind: ItemKind, what: string): void {
    const known = one.subscriptions.get(kind)
    if (what === 'subscriptionRemoved') one.subscriptions.delete(kind)
    else if (what === 'reauthorizationRequired' && known !== undefined) one.subscriptions.set(kind, { ...known, renewAtMs: 0 })
    if (what !== 'missed') one.careAtMs = 0
    ring(one, [kind])
  }

  return {
    watch(mailbox, onHint) {
      if (stopping.signal.aborted) return
      const now = clock.elapsedMs()
      watched.set(mailbox.id, {
        mailbox, onHint, pending: new Set(), subscriptions: watched.get(mailbox.id)?.subscriptions ?? new Map(),
        pollAtMs: now, pauseMs: shortest, careAtMs: now, failures: 0, caring: false,
      })
      ticking ??= tick()
    },
    unwatch(id) {
      const one = watched.get(id)
      watched.delete(id)
      if (one === undefined || one.subscriptions.size === 0 || parts.notificationUrl === undefined) return
      const { session, folders } = parts.access(one.mailbox)
      run(new Subscriptions(session, folders, parts.states, parts.notificationUrl).cancel([...one.subscriptions.values()]))
    },
    connected: () => new Set([...watched.values()].filter((one) => one.subscriptions.size > 0).map((one) => one.mailbox.id)),
    following: () => new Map([...watched.values()].map((one) => [one.mailbox.id, one.subscriptions.has('event') ? 'notifications' : 'poll'])),
    stirred(id) {
      const one = watched.get(id)
      if (one === undefined) return
      one.pauseMs = shortest
      one.pollAtMs = Math.min(one.pollAtMs, clock.elapsedMs() + shortest)
    },
    async receive(body) {
      const entries = (body as { value?: unknown } | null | undefined)?.value
      let ours = 0
      for (const entry of Array.isArray(entries) ? entries as { clientState?: unknown; lifecycleEvent?: unknown }[] : []) {
        const sender = await parts.states.read(entry.clientState)
        if (sender === null) continue
        ours += 1
        const one = watched.get(sender.mailbox)
        if (one === undefined) continue
        if (typeof entry.lifecycleEvent === 'string') lifecycle(one, sender.kind, entry.lifecycleEvent)
        else ring(one, [sender.kind])
      }
      return ours
    },
    async stop() {
      stopping.abort()
      watched.clear()
      await ticking
      await Promise.all(under)
    },
  }
}
