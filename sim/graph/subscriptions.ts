import { randomUUID } from 'node:crypto'

import type { SimClock } from '../clock.ts'
import { changeKey, folderId, itemId } from './ids.ts'
import type { Change, Mailbox } from './model.ts'

export interface Subscription {
  id: string
  clientId: string
  /** Object id of the user who made it; null for an application. */
  creatorId: string | null
  resource: string
  changeTypes: string[]
  notificationUrl: string
  lifecycleNotificationUrl: string | null
  clientState: string | null
  /** UTC milliseconds. */
  expires: number
  immutable: boolean
  mailbox: Mailbox
  kind: Change['item']['kind']
  /** Serial of the list of tasks or folder it watches; null is the whole mailbox. */
  folder: number | null
  /** The reauthorizationRequired for this period was sent. */
  warned: boolean
}

interface Delivery {
  url: string
  body: object
  tries: number
}

export interface SubscriptionsOptions {
  clock: SimClock
  tenant: string
  /** Sends one notification; answers whether the endpoint took it. Replaceable for tests. */
  post?: (url: string, body: object) => Promise<boolean>
}

const ANSWER_MS = 3_000
const MOST_TRIES = 3
/** Before its end an endpoint is asked to renew. */
const WARN_MS = 15 * 60_000
const REMIND_EVERY_MS = 1_000
const RESOURCE_TYPES = { event: 'Event', contact: 'Contact', task: 'todoTask' }

/**
 * Who wants to be told of changes, and the telling.
 * Documentation: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
export class Subscriptions {
  /** While on, notifications are lost; changes themselves are not. */
  lose = false
  /** Every notification that was to be sent, for tests. */
  readonly sent: { url: string; body: any; delivered: boolean }[] = []
  /** How often each notification is sent: more than once is normal. */
  copies = 1
  readonly #clock: SimClock
  readonly #tenant: string
  readonly #post: (url: string, body: object) => Promise<boolean>
  #all = new Map<string, Subscription>()
  #open = new Set<Promise<void>>()
  #stopped = false
  #reminded = 0

  constructor(options: SubscriptionsOptions) {
    this.#clock = options.clock
    this.#tenant = options.tenant
    this.#post = options.post ?? postJson
  }

  get size(): number {
    this.#expire()
    return this.#all.size
  }

  all(): Subscription[] {
    this.#expire()
    return [...this.#all.values()]
  }

  find(id: string): Subscription | undefined {
    this.#expire()
    return this.#all.get(id)
  }

  add(draft: Omit<Subscription, 'id' | 'warned'>): Subscription {
    const subscription = { ...draft, id: randomUUID(), warned: false }
    this.#all.set(subscription.id, subscription)
    return subscription
  }

  remove(id: string): boolean {
    return this.#all.delete(id)
  }

  #expire(): void {
    for (const [id, { expires }] of this.#all) if (expires <= this.#clock.now()) this.#all.delete(id)
  }

  /** Tells all who watch a changed item. */
  publish(change: Change): void {
    for (const subscription of this.all()) {
      if (subscription.mailbox !== change.mailbox || subscription.kind !== change.item.kind) continue
      if (subscription.folder !== null && subscription.folder !== change.item.folder) continue
      if (!subscription.changeTypes.includes(change.type) || this.lose) continue
      for (let copy = 0; copy < this.copies; copy++) this.#deliver(subscription.notificationUrl, this.#notification(subscription, change))
    }
  }

  #notification(subscription: Subscription, { type, mailbox, item }: Change): object {
    const id = itemId(mailbox, item, subscription.immutable && item.kind !== 'task')
    const path = { event: 'Events', contact: 'Contacts', task: `todo/lists/${folderId(mailbox, { serial: item.folder })}/tasks` }[item.kind]
    const resource = `Users/${mailbox.id}/${path}/${id}`
    return {
      value: [{
        subscriptionId: subscription.id,
        subscriptionExpirationDateTime: new Date(subscription.expires).toISOString(),
        changeType: type,
        resource,
        resourceData: {
          '@odata.type': `#Microsoft.Graph.${RESOURCE_TYPES[item.kind]}`,
          '@odata.id': resource,
          '@odata.etag': `W/"${changeKey(mailbox, item.seq)}"`,
          id,
        },
        clientState: subscription.clientState,
        tenantId: this.#tenant,
      }],
    }
  }

  /**
   * Documentation: https://learn.microsoft.com/graph/change-notifications-lifecycle-events
   * Tasks know only reauthorizationRequired. True when there was an address to tell.
   */
  lifecycle(id: string, event: 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed'): boolean {
    const subscription = this.#all.get(id)
    if (!subscription) throw new Error(`There is no subscription ${id}. Existing: ${[...this.#all.keys()].join(', ') || 'none'}.`)
    if (event === 'subscriptionRemoved') this.#all.delete(id)
    const url = subscription.lifecycleNotificationUrl
    if (url === null || (subscription.kind === 'task' && event !== 'reauthorizationRequired')) return false
    this.#deliver(url, {
      value: [{
        lifecycleEvent: event,
        subscriptionId: id,
        subscriptionExpirationDateTime: new Date(subscription.expires).toISOString(),
        resource: subscription.resource,
        clientState: subscription.clientState,
        tenantId: this.#tenant,
      }],
    })
    return true
  }

  /** Asks those to renew whose time is nearly over; called when the clock may have moved. */
  remind(): void {
    if (this.#clock.now() - this.#reminded < REMIND_EVERY_MS) return
    this.#reminded = this.#clock.now()
    for (const subscription of this.all()) {
      if (subscription.warned || subscription.expires - this.#clock.now() > WARN_MS) continue
      subscription.warned = true
      this.lifecycle(subscription.id, 'reauthorizationRequired')
    }
  }

  #deliver(url: string, body: object): void {
    if (this.#stopped) return
    const work: Promise<void> = this.#attempt({ url, body, tries: 0 }).finally(() => this.#open.delete(work))
    this.#open.add(work)
  }

  async #attempt({ url, body }: Delivery): Promise<void> {
    const record = { url, body, delivered: false }
    this.sent.push(record)
    for (let tries = 0; tries < MOST_TRIES && !this.#stopped; tries++) {
      record.delivered = await this.#post(url, body)
      if (record.delivered) return
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** tries).unref())
    }
  }

  /** Resolves when everything published so far was delivered or given up. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }

  stop(): void {
    this.#stopped = true
  }
}

async function postJson(url: string, body: object): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST', headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
