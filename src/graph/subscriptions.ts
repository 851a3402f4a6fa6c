/**
 * Change notifications of one mailbox: subscriptions are found or made, renewed at half of their life, and made again
 * when the server drops them. https://learn.microsoft.com/graph/api/resources/subscription
 */
import { instantMs } from '../model/index.ts'
import type { ItemKind } from '../model/index.ts'
import { SyncError } from '../lib/errors.ts'
import { verdictOf } from './errors.ts'
import type { ClientStates } from './client-state.ts'
import type { Folders } from './folders.ts'
import type { Resource } from './resources.ts'
import { segment } from './session.ts'
import type { Session } from './session.ts'

export interface Subscription {
  readonly kind: ItemKind
  readonly id: string
  readonly renewAtMs: number
}

interface SubscriptionResource extends Resource {
  readonly resource?: string
  readonly notificationUrl?: string
  readonly lifecycleNotificationUrl?: string | null
  readonly expirationDateTime?: string
}

const MINUTE_MS = 60_000
/** A little below Microsoft's longest: 10,080 minutes for events, 4,230 for To Do. */
const LIFE_MS: Readonly<Record<'event' | 'task', number>> = { event: 10_000 * MINUTE_MS, task: 4_200 * MINUTE_MS }

/** Contacts flow one way and are not in a hurry; the safety pull looks after them. */
export type Followed = 'event' | 'task'

export class Subscriptions {
  readonly #session: Session
  readonly #folders: Folders
  readonly #states: ClientStates
  readonly #notificationUrl: string

  constructor(session: Session, folders: Folders, states: ClientStates, notificationUrl: string) {
    this.#session = session
    this.#folders = folders
    this.#states = states
    this.#notificationUrl = notificationUrl
  }

  /** @returns null for what this mailbox cannot be told about @throws SyncError */
  async subscribe(kind: Followed, others: readonly SubscriptionResource[]): Promise<Subscription | null> {
    const resource = await this.#resource(kind)
    if (resource === null) return null
    const ours = others.filter((one) => one.notificationUrl === this.#notificationUrl && sameResource(one.resource, resource))
    for (const one of ours) {
      const renewed = one.id === undefined ? null : await this.renew({ kind, id: one.id, renewAtMs: 0 })
      if (renewed !== null) return renewed
    }
    return this.#make(kind, resource)
  }

  /** Every subscription this token sees; another process or an earlier start may have made them. */
  async existing(): Promise<SubscriptionResource[]> {
    return this.#session.list<SubscriptionResource>('/subscriptions')
  }

  /** Prolongs and reauthorizes in one. @returns null when the server no longer has it @throws SyncError */
  async renew({ kind, id }: Subscription): Promise<Subscription | null> {
    const request = { method: 'PATCH', path: `/subscriptions/${segment(id)}`, body: { expirationDateTime: this.#end(kind as Followed) } } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'gone') return null
    if (verdictOf(answer) !== 'ok') throw this.#session.error(answer, request)
    return this.#subscription(kind, { id, ...(answer.body as SubscriptionResource | undefined) })
  }

  /** Nobody wants to hear of this mailbox any more; what is left expires by itself. */
  async cancel(subscriptions: readonly Subscription[]): Promise<void> {
    await this.#session.batch(subscriptions.map(({ id }) => ({ method: 'DELETE', path: `/subscriptions/${segment(id)}` }))).catch((error: unknown) => {
      if (!(error instanceof SyncError)) throw error
    })
  }

  /** https://learn.microsoft.com/graph/api/subscription-post-subscriptions */
  async #make(kind: Followed, resource: string): Promise<Subscription | null> {
    const request = {
      method: 'POST', path: '/subscriptions',
      body: {
        changeType: 'created,updated,deleted', resource, notificationUrl: this.#notificationUrl, lifecycleNotificationUrl: this.#notificationUrl,
        expirationDateTime: this.#end(kind), clientState: await this.#states.of({ mailbox: this.#session.mailbox.id, kind }),
      },
    } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'ok') return this.#subscription(kind, answer.body as SubscriptionResource)
    // To Do tells applications nothing, and some clouds have no such notifications: its list is polled.
    if (kind === 'task' && answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 401) return null
    throw this.#session.error(answer, request)
  }

  #subscription(kind: ItemKind, { id = '', expirationDateTime }: SubscriptionResource): Subscription {
    const now = instantMs(this.#session.clock.now())
    const end = Date.parse(expirationDateTime ?? '')
    const life = Number.isNaN(end) ? 45 * MINUTE_MS : end - now
    return { kind, id, renewAtMs: now + Math.max(life / 2, 0) }
  }

  async #resource(kind: Followed): Promise<string | null> {
    const root = decodeURIComponent(this.#session.root.slice(1))
    if (kind === 'event') return `${root}/events`
    const { list } = await this.#folders.places('task')
    return list === undefined ? null : `${root}/todo/lists/${list}/tasks`
  }

  #end(kind: Followed): string {
    return new Date(instantMs(this.#session.clock.now()) + LIFE_MS[kind]).toISOString()
  }
}

const sameResource = (left: string | undefined, right: string) => left?.replace(/^\//, '').toLowerCase() === right.toLowerCase()
