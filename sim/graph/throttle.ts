import type { SimClock } from '../clock.ts'
import { GraphError } from './errors.ts'

const WINDOW_MS = 600_000

/**
 * The limits of Outlook's part of Graph, for each application and mailbox.
 * Documentation: https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
 */
export class Throttle {
  /** Requests at one time. */
  concurrency = 4
  /** Requests in ten minutes. */
  requests = 10_000
  readonly #clock: SimClock
  #open = new Map<string, number>()
  #counted = new Map<string, { window: number; count: number }>()

  constructor(clock: SimClock) {
    this.#clock = clock
  }

  /**
   * Lets one request in; the returned function lets it out again.
   * @param key application and mailbox
   */
  enter(key: string): () => void {
    this.#count(key)
    const open = this.#open.get(key) ?? 0
    if (open >= this.concurrency)
      throw new GraphError(429, 'ApplicationThrottled', 'Application is over its MailboxConcurrency limit.', { 'retry-after': '1' })
    this.#open.set(key, open + 1)
    let left = false
    return () => {
      if (left) return
      left = true
      const now = (this.#open.get(key) ?? 1) - 1
      if (now === 0) this.#open.delete(key)
      else this.#open.set(key, now)
    }
  }

  #count(key: string): void {
    const now = this.#clock.now()
    const window = Math.floor(now / WINDOW_MS)
    const entry = this.#counted.get(key)
    if (!entry || entry.window !== window) {
      this.#counted.set(key, { window, count: 1 })
      return
    }
    entry.count += 1
    if (entry.count <= this.requests) return
    const seconds = Math.max(1, Math.ceil(((window + 1) * WINDOW_MS - now) / 1000))
    throw new GraphError(429, 'ApplicationThrottled', 'Application is over its RequestCount limit.', { 'retry-after': String(seconds) })
  }
}
