import type { ServerResponse } from 'node:http'

import type { SimClock } from '../clock.ts'
import type { FaultEffect, Faults } from '../faults.ts'
import type { Call } from './call.ts'
import { ResponseError, SoapFault } from './errors.ts'
import type { ServerVersion } from './soap.ts'
import { failure, responseBody, streamEnvelope, success } from './soap.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'
import { child, childText, escapeXml } from './xml.ts'

const OPERATION = 'GetStreamingEvents'
/** How often open connections look at the simulators' clock; it can jump at any time. */
const TICK_MS = 25
const MINUTE = 60_000

export interface StreamSettings {
  clock: SimClock
  faults: Faults
  version: ServerVersion
  heartbeatMs: number
  /** Open connections per account. */
  limit: number
  affinity: boolean
}

/** One GetStreamingEvents response: a sequence of whole envelopes that stays open. */
export class StreamConnection {
  readonly account: string
  readonly #response: ServerResponse
  readonly #settings: StreamSettings
  readonly #deadline: number
  readonly #subject: string
  readonly #closed: (connection: StreamConnection) => void
  #subscriptions = new Set<Subscription>()
  #pending = new Map<Subscription, string[]>()
  #lastSent: number
  #flushing = false
  #stalled = false

  constructor(
    response: ServerResponse,
    settings: StreamSettings,
    subscriptions: Subscription[],
    minutes: number,
    call: Call,
    closed: (connection: StreamConnection) => void,
  ) {
    this.#response = response
    this.#settings = settings
    this.#deadline = settings.clock.now() + minutes * MINUTE
    this.#lastSent = settings.clock.now()
    this.#subject = call.mailbox.address
    this.account = accountOf(call)
    this.#closed = closed
    for (const subscription of subscriptions) {
      // A second connection takes the subscription over from the first.
      subscription.connection?.drop(subscription)
      subscription.connection = this
      this.#subscriptions.add(subscription)
    }
    response.on('close', () => this.#end())
  }

  get addresses(): string[] {
    return [...this.#subscriptions].map(({ mailbox }) => mailbox.address)
  }

  /** The first envelope goes out at once, so that the client knows it is connected. */
  open(): void {
    this.#write(success(OPERATION, '<m:ConnectionStatus>OK</m:ConnectionStatus>'), false)
  }

  /** Adds an event; events of one moment travel in one envelope. */
  queue(subscription: Subscription, event: string): void {
    const events = this.#pending.get(subscription)
    if (events) events.push(event)
    else this.#pending.set(subscription, [event])
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  /** Sends a heartbeat or the end of the connection when its time has come. */
  tick(): void {
    const now = this.#settings.clock.now()
    if (now >= this.#deadline) {
      this.#flush()
      this.#write(success(OPERATION, '<m:ConnectionStatus>Closed</m:ConnectionStatus>'))
      if (!this.#stalled) this.finish()
    } else if (now - this.#lastSent >= this.#settings.heartbeatMs) {
      this.#write(success(OPERATION, '<m:ConnectionStatus>OK</m:ConnectionStatus>'))
    }
  }

  /** A subscription of this connection ended on the server: the whole connection fails with its id. */
  lose(subscription: Subscription): void {
    if (!this.#subscriptions.has(subscription)) return
    this.#write(badIds([subscription.id], 'ErrorSubscriptionNotFound'))
    this.finish()
  }

  drop(subscription: Subscription): void {
    this.#subscriptions.delete(subscription)
    this.#pending.delete(subscription)
  }

  finish(): void {
    this.#end()
    this.#response.end()
  }

  #flush(): void {
    this.#flushing = false
    if (this.#pending.size === 0) return
    const notifications = [...this.#pending].map(
      ([{ id }, events]) =>
        // Exchange puts Notification into the messages namespace, against its own schema.
        `<m:Notification><t:SubscriptionId>${escapeXml(id)}</t:SubscriptionId><t:MoreEvents>false</t:MoreEvents>${events.join('')}</m:Notification>`,
    )
    this.#pending.clear()
    this.#write(success(OPERATION, `<m:Notifications>${notifications.join('')}</m:Notifications>`))
  }

  #write(message: string, faulty = true): void {
    if (this.#stalled || this.#response.writableEnded || this.#response.destroyed) return
    this.#lastSent = this.#settings.clock.now()
    const effect = faulty ? this.#settings.faults.take(OPERATION, this.#subject) : null
    const text = streamEnvelope(this.#settings.version, responseBody(OPERATION, [message]))
    if (!effect || effect.type === 'delay') this.#response.write(text)
    else this.#misbehave(effect, text)
  }

  #misbehave(effect: FaultEffect, text: string): void {
    switch (effect.type) {
      case 'stall':
        this.#stalled = true
        break
      case 'half':
        this.#response.write(text.slice(0, text.length / 2), () => this.#response.destroy())
        break
      case 'drop-after':
        this.#response.write(text, () => this.#response.destroy())
        break
      case 'error': {
        const message = failure(OPERATION, new ResponseError(effect.code, effect.message))
        this.#response.end(streamEnvelope(this.#settings.version, responseBody(OPERATION, [message])))
        break
      }
      default:
        this.#response.destroy()
    }
  }

  #end(): void {
    for (const subscription of this.#subscriptions) if (subscription.connection === this) subscription.connection = null
    this.#subscriptions.clear()
    this.#closed(this)
  }
}

function accountOf(call: Call): string {
  return call.delegate !== null || call.user === call.mailbox.username ? call.user : `${call.user} as ${call.mailbox.address}`
}

function badIds(ids: string[], code: string): string {
  // As with Notification, Exchange writes these ids in the messages namespace, against its own schema.
  const list = ids.map((id) => `<m:SubscriptionId>${escapeXml(id)}</m:SubscriptionId>`).join('')
  const inner = `<m:ErrorSubscriptionIds>${list}</m:ErrorSubscriptionIds><m:ConnectionStatus>Closed</m:ConnectionStatus>`
  return failure(OPERATION, new ResponseError(code), { inner })
}

/** The open streaming connections of the server. */
export class Streams {
  readonly #settings: StreamSettings
  readonly #connections = new Set<StreamConnection>()
  #timer: NodeJS.Timeout | null = null
  /** Which of the mailboxes of a stream are refused that are well otherwise; `all`: without saying which. */
  refuse: (addresses: readonly string[]) => 'all' | readonly string[] = () => []
  /** Called on every tick before the connections look at the clock. */
  beforeTick: () => void = () => {}

  constructor(settings: StreamSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#connections.size
  }

  /** The mailboxes on each open connection. */
  get members(): string[][] {
    return [...this.#connections].map(({ addresses }) => addresses)
  }

  /**
   * Opens a stream, or answers why not.
   * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation
   */
  open(call: Call, subscriptions: Subscriptions, response: ServerResponse, backend: string | null): void {
    const ids = (child(call.body, 'SubscriptionIds')?.children ?? []).map((element) => element.text.trim())
    const minutes = Number(childText(call.body, 'ConnectionTimeout') ?? 30)
    if (!(minutes >= 1 && minutes <= 30))
      throw new SoapFault('ErrorInvalidRequest', { message: 'ConnectionTimeout goes from 1 to 30.' })
    if (ids.length > 200)
      throw new SoapFault('ErrorInvalidRequest', { message: 'At most 200 subscriptions per connection.' })
    const account = accountOf(call)
    const open = [...this.#connections].filter((connection) => connection.account === account).length
    if (open >= this.#settings.limit) throw new SoapFault('ErrorExceededConnectionCount')
    const known = ids.map((id) => this.#usable(subscriptions.get(id), call, backend))
    const refused = this.refuse(known.flatMap((subscription) => subscription?.mailbox.address ?? []))
    const bad = ids.filter((_, index) => !known[index] || (refused !== 'all' && refused.includes(known[index].mailbox.address)))
    response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8', ...call.responseHeaders })
    if (refused === 'all') {
      const message = failure(OPERATION, new ResponseError('ErrorSubscriptionNotFound'))
      response.end(streamEnvelope(this.#settings.version, responseBody(OPERATION, [message])))
      return
    }
    if (bad.length > 0) {
      // One bad id starves the good ones: the call fails as a whole.
      response.end(
        streamEnvelope(this.#settings.version, responseBody(OPERATION, [badIds(bad, 'ErrorSubscriptionNotFound')])),
      )
      return
    }
    const good = known.filter((subscription) => subscription !== null)
    const connection = new StreamConnection(response, this.#settings, good, minutes, call, (ended) =>
      this.#forget(ended),
    )
    this.#connections.add(connection)
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.#settings.heartbeatMs)).unref()
    connection.open()
  }

  stop(): void {
    for (const connection of [...this.#connections]) connection.finish()
  }

  #usable(subscription: Subscription | undefined, call: Call, backend: string | null): Subscription | null {
    if (!subscription || subscription.owner !== call.user) return null
    return this.#settings.affinity && subscription.backend !== backend ? null : subscription
  }

  #tick(): void {
    this.beforeTick()
    for (const connection of [...this.#connections]) connection.tick()
  }

  #forget(connection: StreamConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }
}
