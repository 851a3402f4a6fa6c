import { SyncError } from '../lib/errors.ts'
import type { Clock, Log } from '../ports.ts'

export interface PaceOptions {
  /** Name of the connection, for messages. */
  readonly name: string
  /** Calls in flight at most; the pace begins there and comes back to it. */
  readonly most: number
  readonly clock: Clock
  readonly log: Log
}

/** Calls that went well in a row before one more is tried at a time, in units of the current limit. */
const CALM = 4

/**
 * How fast one server is asked. Halves the number of calls in flight when the server says that it is too much, and
 * feels its way back one by one (AIMD). Mailboxes take turns, so that the first reading of one never keeps another
 * waiting for longer than a call; a mailbox the server asked to stay away is not asked again before its time, because
 * asking prolongs the block.
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
 */
export class Pace {
  readonly #options: PaceOptions
  readonly #away = new Map<string, { readonly until: number; readonly error: SyncError }>()
  /** Who waits, by mailbox; the first entry is served next and then goes to the end. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #limit: number
  #inFlight = 0
  #well = 0
  /** Calls begun before the last slowing down say nothing new. */
  #cuts = 0

  constructor(options: PaceOptions) {
    this.#options = options
    this.#limit = options.most
  }

  /** Calls in flight the server bears, as far as is known now. */
  get limit(): number {
    return this.#limit
  }

  /** @throws SyncError EWS_BUSY, at once, while the mailbox is to be left in peace */
  async run<T>(mailbox: string, work: () => Promise<T>): Promise<T> {
    this.#check(mailbox)
    if (this.#inFlight < this.#limit && this.#waiting.size === 0) this.#inFlight += 1
    else await this.#wait(mailbox)
    const cuts = this.#cuts
    try {
      this.#check(mailbox)
      const result = await work()
      this.#calm()
      return result
    } catch (error) {
      if (error instanceof SyncError && error.code === 'EWS_BUSY') this.slow(mailbox, error, cuts === this.#cuts)
      throw error
    } finally {
      this.#inFlight -= 1
      this.#next()
    }
  }

  /** The server asked for a pause. @param news false for a call that was on its way when the pace was cut already */
  slow(mailbox: string, error: SyncError, news = true): void {
    const { clock, log, name } = this.#options
    const until = clock.elapsedMs() + (error.retryAfterMs ?? 0)
    if (until > (this.#away.get(mailbox)?.until ?? 0)) this.#away.set(mailbox, { until, error })
    if (!news) return
    this.#well = 0
    if (this.#limit === 1) return
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#cuts += 1
    log.warn({ connection: name, calls: this.#limit }, 'Exchange asks to slow down: fewer calls at a time')
  }

  #check(mailbox: string): void {
    const away = this.#away.get(mailbox)
    if (away === undefined) return
    const restMs = away.until - this.#options.clock.elapsedMs()
    if (restMs <= 0) {
      this.#away.delete(mailbox)
      return
    }
    const { code, message, scope, remedy, context } = away.error
    throw new SyncError(code, message, { scope, remedy, context, retryAfterMs: Math.ceil(restMs) })
  }

  #calm(): void {
    if (this.#limit >= this.#options.most) return
    this.#well += 1
    if (this.#well < CALM * this.#limit) return
    this.#well = 0
    this.#limit += 1
  }

  #wait(mailbox: string): Promise<void> {
    return new Promise((resolve) => {
      const line = this.#waiting.get(mailbox)
      if (line === undefined) this.#waiting.set(mailbox, [resolve])
      else line.push(resolve)
    })
  }

  #next(): void {
    while (this.#inFlight < this.#limit) {
      const [entry] = this.#waiting
      if (entry === undefined) return
      const [mailbox, line] = entry
      const begin = line.shift()
      this.#waiting.delete(mailbox)
      if (line.length > 0) this.#waiting.set(mailbox, line)
      this.#inFlight += 1
      begin?.()
    }
  }
}
