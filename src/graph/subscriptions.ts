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
  /** Since when this process knows it. */
  readonly sinceMs: number
  readonly renewAtMs: number
  /** Past this nothing comes any more, whatever became of its renewal. */
  readonly endsAtMs: number
}

export interface SubscriptionResource extends Resource {
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
  /** Addresses of earlier starts, and the present one. */
  readonly #ours: readonly string[]

  constructor(session: Session, folders: Folders, states: ClientStates, notificationUrl: string, ours: readonly string[]) {
    this.#session = session
    this.#folders = folders
    this.#states = states
    this.#notificationUrl = notificationUrl
    this.#ours = ours
  }

  /** @returns null for what this mailbox cannot be told about @throws SyncError */
  async subscribe(kind: Followed, others: readonly SubscriptionResource[]): Promise<Subscription | null> {
    const resource = await this.#resource(kind)
    if (resource === null) return null
    const address = await this.#address()
    const same = others.filter((one) => sameResource(one.resource, resource))
    for (const { id, notificationUrl } of same.filter((one) => this.#isOurs(one))) {
      if (id === undefined) continue
      // What another key or address of ours has made tells us nothing, and stands in the way of a new one.
      if (notificationUrl !== address) await this.cancel([{ id }])
      else {
        const renewed = await this.renew({ kind, id })
        if (renewed !== null) return renewed
      }
    }
    return this.#make(kind, resource, same.find((one) => !this.#isOurs(one)))
  }

  /**
   * Microsoft 365 brings a query of this address along with every notification; the key's name in it tells which
   * subscriptions are worth keeping, since a list does not show their secret.
   */
  async #address(): Promise<string> {
    return `${this.#notificationUrl}?key=${await this.#states.keyName()}`
  }

  #isOurs({ notificationUrl = '' }: SubscriptionResource): boolean {
    return this.#ours.includes(notificationUrl.split('?')[0] ?? '')
  }

  /** Whether the server still has it; one that it threw away need not have been told of. @throws SyncError */
  async isThere({ id }: Pick<Subscription, 'id'>): Promise<boolean> {
    const request = { method: 'GET', path: `/subscriptions/${segment(id)}` } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'gone') return false
    if (verdictOf(answer) !== 'ok') throw this.#session.error(answer, request)
    return true
  }

  /** Every subscription this token sees; another process or an earlier start may have made them. */
  async existing(): Promise<SubscriptionResource[]> {
    return this.#session.list<SubscriptionResource>('/subscriptions')
  }

  /** Prolongs and reauthorizes in one. @returns null when the server no longer has it @throws SyncError */
  async renew({ kind, id }: Pick<Subscription, 'kind' | 'id'>): Promise<Subscription | null> {
    const request = { method: 'PATCH', path: `/subscriptions/${segment(id)}`, body: { expirationDateTime: this.#end(kind as Followed) } } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'gone') return null
    if (verdictOf(answer) !== 'ok') throw this.#session.error(answer, request)
    return this.#subscription(kind, { id, ...(answer.body as SubscriptionResource | undefined) })
  }

  /** Nobody wants to hear of this mailbox any more; what is left expires by itself. */
  async cancel(subscriptions: readonly Pick<Subscription, 'id'>[]): Promise<void> {
    await this.#session.batch(subscriptions.map(({ id }) => ({ method: 'DELETE', path: `/subscriptions/${segment(id)}` }))).catch((error: unknown) => {
      if (!(error instanceof SyncError)) throw error
    })
  }

  /** https://learn.microsoft.com/graph/api/subscription-post-subscriptions */
  async #make(kind: Followed, resource: string, foreign: SubscriptionResource | undefined): Promise<Subscription | null> {
    const address = await this.#address()
    const request = {
      method: 'POST', path: '/subscriptions',
      body: {
        changeType: 'created,updated,deleted', resource, notificationUrl: address, lifecycleNotificationUrl: address,
        expirationDateTime: this.#end(kind), clientState: await this.#states.of({ mailbox: this.#session.mailbox.id, kind }),
      },
    } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'ok') return this.#subscription(kind, answer.body as SubscriptionResource)
    // To Do tells applications nothing, and some clouds have no such notifications: its list is polled.
    if (kind === 'task' && answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 401) return null
    if (answer.status === 409 && foreign !== undefined) throw subscribedElsewhere(this.#session.mailbox.address, foreign)
    throw this.#session.error(answer, request)
  }

  #subscription(kind: ItemKind, { id = '', expirationDateTime }: SubscriptionResource): Subscription {
    const now = instantMs(this.#session.clock.now())
    const end = Date.parse(expirationDateTime ?? '')
    const life = Number.isNaN(end) ? 45 * MINUTE_MS : end - now
    return { kind, id, sinceMs: now, renewAtMs: now + Math.max(life / 2, 0), endsAtMs: now + life }
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

/** Two installations with one app registration: the server tells only one of them. */
function subscribedElsewhere(mailbox: string, { notificationUrl = '', expirationDateTime = '' }: SubscriptionResource): SyncError {
  const where = URL.parse(notificationUrl)?.origin ?? 'another address'
  return new SyncError('GRAPH_SUBSCRIBED_ELSEWHERE', `Microsoft 365 tells ${where} of the changes in ${mailbox}, and only one may be told with one app registration. `
    + `Give each installation a registration of its own, or wait until ${expirationDateTime.slice(0, 16)}, when that subscription ends unless it is renewed.`, { scope: 'mailbox', remedy: 'wait' })
}

/** A path as the server writes it back. */
const sameResource = (left: string | undefined, right: string) => left?.replace(/^\//, '').toLowerCase() === right.toLowerCase()
