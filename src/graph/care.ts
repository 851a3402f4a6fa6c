/** Keeps the subscriptions of a mailbox alive, and tries the way to us where notifications stay away. */
import { instantMs } from '../model/index.ts'
import type { ItemKind, Mailbox } from '../model/index.ts'
import { asSyncError } from '../lib/errors.ts'
import type { HintsParts } from './hints.ts'
import type { Session } from './session.ts'
import type { Silence } from './silence.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Followed, Subscription, SubscriptionResource } from './subscriptions.ts'

/** What is known of a mailbox's subscriptions. */
export interface Cared {
  readonly mailbox: Mailbox
  readonly subscriptions: Map<ItemKind, Subscription>
  readonly silence: Silence
  pollAtMs: number
  /** When subscriptions are looked after next; failures in a row. */
  careAtMs: number
  failures: number
  caring: boolean
  /** Why it is polled although there is a public address. */
  trouble: string | null
}

export interface CareDoors {
  /** Whether somebody still wants to hear of it; a service that only stops will want to again. */
  isFollowed(one: Cared): boolean
  ring(one: Cared, kind: ItemKind): void
}

/** How long one listing of all subscriptions serves all mailboxes of an application. */
const LISTING_MS = 30_000

export function createCare(parts: HintsParts, { isFollowed, ring }: CareDoors) {
  const { clock, options } = parts
  const wallMs = () => instantMs(clock.now())
  let listing: { readonly atMs: number; readonly found: Promise<readonly SubscriptionResource[]> } | undefined

  /** Subscribes, renews and heals; whatever was made anew may have missed something. */
  async function care(one: Cared, notificationUrl: string): Promise<void> {
    one.caring = true
    try {
      const { session } = parts.access(one.mailbox)
      const subscriptions = await subscriptionsOf(one, notificationUrl)
      await keep(one, subscriptions)
      const missing = (['event', 'task'] as const).filter((kind) => session.kinds.has(kind) && !one.subscriptions.has(kind))
      await add(one, subscriptions, session, missing)
      one.failures = 0
      one.trouble = null
      const next = Math.min(...[...one.subscriptions.values()].map(({ renewAtMs }) => renewAtMs), wallMs() + options.backOffMs[1])
      one.careAtMs = clock.elapsedMs() + Math.max(next - wallMs(), options.tickMs)
      if (!isFollowed(one)) await subscriptions.cancel([...one.subscriptions.values()])
    } catch (error) {
      one.failures += 1
      const { code, message, retryAfterMs } = asSyncError(error)
      const waitMs = Math.max(retryAfterMs ?? 0, Math.min(options.backOffMs[1], options.backOffMs[0] * 2 ** Math.min(10, one.failures - 1)))
      one.careAtMs = clock.elapsedMs() + waitMs
      one.trouble = message
      if (one.failures === 1) parts.log.warn({ lane: one.mailbox.id, code }, `no notifications for now, the mailbox is polled: ${message}`)
    } finally {
      one.caring = false
    }
  }

  /** A server that throws subscriptions away need not say so: those that are not due for renewal are looked for. */
  async function keep(one: Cared, subscriptions: Subscriptions): Promise<void> {
    for (const [kind, known] of one.subscriptions) {
      const kept = known.renewAtMs <= wallMs() ? await subscriptions.renew(known) : await subscriptions.isThere(known) ? known : null
      if (kept === null) one.subscriptions.delete(kind)
      else one.subscriptions.set(kind, { ...kept, sinceMs: known.sinceMs })
    }
  }

  /**
   * Changes came and no notification did. A new subscription tries the way to us: the server makes none where it does not
   * get through, and the mailbox is polled. Another process may have heard what this one did not.
   */
  async function doubt(one: Cared, notificationUrl: string): Promise<void> {
    const overdueMs = one.silence.doubtMs
    one.silence.forget()
    one.caring = true
    try {
      if (overdueMs === null || await parts.heard.last() >= overdueMs) return
      parts.log.info({ lane: one.mailbox.id }, `changes come without notifications: the way from Microsoft 365 to ${notificationUrl} is tried anew`)
      const subscriptions = await subscriptionsOf(one, notificationUrl)
      const lost = [...one.subscriptions.values()]
      one.subscriptions.clear()
      await subscriptions.cancel(lost)
      one.careAtMs = clock.elapsedMs()
      one.pollAtMs = clock.elapsedMs()
    } finally {
      one.caring = false
    }
  }

  async function add(one: Cared, subscriptions: Subscriptions, session: Session, missing: readonly Followed[]): Promise<void> {
    if (missing.length === 0) return
    const existing = await listed(subscriptions, session)
    for (const kind of missing) {
      const made = await subscriptions.subscribe(kind, existing)
      if (made === null) continue
      one.subscriptions.set(kind, made)
      ring(one, kind)
    }
  }

  /** An application sees the subscriptions of all its mailboxes at once; a user's token only his own. */
  function listed(subscriptions: Subscriptions, session: Session): Promise<readonly SubscriptionResource[]> {
    if (session.root === '/me') return subscriptions.existing()
    const now = clock.elapsedMs()
    if (listing !== undefined && now - listing.atMs < LISTING_MS) return listing.found
    const fresh = { atMs: now, found: subscriptions.existing() }
    listing = fresh
    fresh.found.catch(() => { if (listing === fresh) listing = undefined })
    return fresh.found
  }

  async function subscriptionsOf({ mailbox }: Pick<Cared, 'mailbox'>, notificationUrl: string): Promise<Subscriptions> {
    const { session, folders } = parts.access(mailbox)
    return new Subscriptions(session, folders, parts.states, notificationUrl, await parts.heard.addresses(notificationUrl))
  }

  /** Nobody wants to hear of it any more. */
  async function cancel(one: Cared, notificationUrl: string): Promise<void> {
    await (await subscriptionsOf(one, notificationUrl)).cancel([...one.subscriptions.values()])
  }

  return { care, doubt, cancel }
}
