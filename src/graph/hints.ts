/**
 * Hints that something changed in a mailbox of the cloud, which has no streams: notifications where the connection has a
 * public address, else (and while they fail) a poll that is frequent where something happens and rare where nothing does.
 */
import { instantMs } from '../model/index.ts'
import type { ItemKind, Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Hints, Log } from '../ports.ts'
import { createCare } from './care.ts'
import type { Cared } from './care.ts'
import { asSyncError } from '../lib/errors.ts'
import type { ClientStates } from './client-state.ts'
import type { Folders } from './folders.ts'
import type { Session } from './session.ts'
import type { FollowedState, Heard } from './heard.ts'
import { Silence } from './silence.ts'
import type { PulledPage } from './silence.ts'

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
  /** The replica read a page of changes: a mailbox in which something happens is looked at more often for a while. */
  pulled(mailbox: MailboxId, kind: ItemKind, page: PulledPage): void
}

export interface HintsOptions {
  /** Shortest and longest time between two polls. */
  readonly pollMs: readonly [number, number]
  /** How often the list of due mailboxes is looked over. */
  readonly tickMs: number
  readonly debounceMs: number
  /** First and longest wait before subscriptions that failed are tried again. */
  readonly backOffMs: readonly [number, number]
  /** How long a notification may be overdue before its subscription is made again, which tries the way to us. */
  readonly silenceMs: number
}
/** Microsoft promises its notifications within three minutes, and holds back those of slow receivers longer. */
export const HINTS_DEFAULTS: HintsOptions = { pollMs: [30_000, 300_000], tickMs: 1_000, debounceMs: 100, backOffMs: [60_000, 3_600_000], silenceMs: 300_000 }

export interface HintsParts {
  readonly clock: Clock
  readonly log: Log
  readonly options: HintsOptions
  /** Where notifications come in; undefined polls. */
  readonly notificationUrl: string | undefined
  readonly states: ClientStates
  readonly heard: Heard
  access(mailbox: Mailbox): { readonly session: Session; readonly folders: Folders }
}

interface Watched extends Cared {
  readonly onHint: (kinds: readonly ItemKind[]) => void
  readonly pending: Set<ItemKind>
  pauseMs: number
}

/** How often at least it is said how mailboxes are followed. */
const SAY_EVERY_MS = 60_000
const POLLED: readonly ItemKind[] = ['event', 'task', 'contact']

export function createHints(parts: HintsParts): GraphHints {
  const { clock, options } = parts
  const watched = new Map<MailboxId, Watched>()
  const stopping = new AbortController()
  const [shortest, longest] = options.pollMs
  let ticking: Promise<void> | undefined
  let said = { words: '', atMs: -Infinity }
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
        if (parts.notificationUrl === undefined || one.caring) continue
        if (one.careAtMs <= now) run(care(one, parts.notificationUrl))
        else if (wallMs() - (one.silence.doubtMs ?? Infinity) >= options.silenceMs) run(doubt(one, parts.notificationUrl))
      }
      say(now)
      await clock.sleep(options.tickMs, stopping.signal)
    }
  }

  const wallMs = () => instantMs(clock.now())
  const isTold = (one: Watched, kind: ItemKind) => (one.subscriptions.get(kind)?.endsAtMs ?? -Infinity) > wallMs()
  const { care, doubt, cancel } = createCare(parts, { isFollowed: (one) => stopping.signal.aborted || watched.get(one.mailbox.id) === one, ring: (one, kind) => ring(one as Watched, [kind]) })

  /** Only kinds that nothing else tells of; where notifications come, the engine's own safety pull is enough. */
  function poll(one: Watched, now: number): void {
    const isAnyTold = POLLED.some((kind) => isTold(one, kind))
    const kinds = POLLED.filter((kind) => !isTold(one, kind) && (kind !== 'contact' || !isAnyTold))
    if (kinds.length > 0) ring(one, kinds)
    one.pauseMs = Math.min(one.pauseMs * 1.5, longest)
    // Thousands of mailboxes must not ask in the same second.
    one.pollAtMs = now + one.pauseMs * (0.8 + 0.4 * Math.random())
  }

  /** For whoever asks from another process how mailboxes are followed. */
  function say(now: number): void {
    const all = [...watched.values()]
    if (all.length === 0) return
    const notifications = all.filter((one) => isTold(one, 'event')).length
    const state = { notifications, polled: all.length - notifications, trouble: all.find(({ trouble }) => trouble !== null)?.trouble ?? null }
    const words = JSON.stringify(state)
    if (words === said.words && now - said.atMs < SAY_EVERY_MS) return
    said = { words, atMs: now }
    run(parts.heard.tell({ at: clock.now(), ...state } satisfies FollowedState))
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
        mailbox, onHint, pending: new Set(), subscriptions: new Map(), silence: new Silence(),
        pollAtMs: now, pauseMs: shortest, careAtMs: now, failures: 0, caring: false, trouble: null,
      })
      ticking ??= tick()
    },
    unwatch(id) {
      const one = watched.get(id)
      watched.delete(id)
      if (one === undefined || one.subscriptions.size === 0 || parts.notificationUrl === undefined) return
      run(cancel(one, parts.notificationUrl))
    },
    connected: () => new Set([...watched.values()].filter((one) => POLLED.some((kind) => isTold(one, kind))).map((one) => one.mailbox.id)),
    following: () => new Map([...watched.values()].map((one) => [one.mailbox.id, isTold(one, 'event') ? 'notifications' : 'poll'])),
    pulled(id, kind, page) {
      const one = watched.get(id)
      if (one === undefined) return
      one.silence.pulled(kind, isTold(one, kind) ? one.subscriptions.get(kind)?.sinceMs : undefined, page, wallMs())
      if (!page.hasNews) return
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
        run(parts.heard.note(wallMs()))
        const one = watched.get(sender.mailbox)
        if (one === undefined) continue
        one.silence.heard(wallMs())
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
