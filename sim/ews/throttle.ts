/** What a busy server does: so many calls at a time, and a budget per target mailbox that fills up again. */
import type { SimClock } from '../clock.ts'

export interface ThrottleSettings {
  /** EWSMaxConcurrency: calls of one account at a time, streams not counted; default unlimited. */
  concurrency?: number
  /** How much the server can do at all; more gets HTTP 503. */
  capacity?: number
  /** Calls a target mailbox may take before it has to rest, and how many come back per second. */
  budget?: { burst: number; perSecond: number }
  /** HTTP status of ErrorServerBusy; default 500. */
  status?: 200 | 500
}

/** Why a call is not served. */
export interface Refusal {
  code: 'ErrorServerBusy' | 'ErrorExceededConnectionCount' | 503
  backOffMs?: number
}

export class Throttle {
  /** The most calls in flight so far, and how many were refused. */
  readonly seen = { most: 0, refused: 0 }
  readonly #settings: ThrottleSettings
  readonly #clock: SimClock
  readonly #byAccount = new Map<string, number>()
  readonly #budgets = new Map<string, { left: number; at: number; blockedUntil: number }>()
  #now = 0

  constructor(settings: ThrottleSettings, clock: SimClock) {
    this.#settings = settings
    this.#clock = clock
  }

  get status(): 200 | 500 {
    return this.#settings.status ?? 500
  }

  /** Why not, or null; a call that is let in has to `leave`. */
  enter(account: string, mailbox: string): Refusal | null {
    const refusal = this.#refusal(account, mailbox)
    if (refusal) {
      this.seen.refused += 1
      return refusal
    }
    this.#now += 1
    this.seen.most = Math.max(this.seen.most, this.#now)
    this.#byAccount.set(account, (this.#byAccount.get(account) ?? 0) + 1)
    return null
  }

  leave(account: string): void {
    this.#now -= 1
    this.#byAccount.set(account, (this.#byAccount.get(account) ?? 1) - 1)
  }

  #refusal(account: string, mailbox: string): Refusal | null {
    const { capacity, concurrency } = this.#settings
    if (capacity !== undefined && this.#now >= capacity) return { code: 503 }
    if (concurrency !== undefined && (this.#byAccount.get(account) ?? 0) >= concurrency)
      return { code: 'ErrorExceededConnectionCount' }
    return this.#overBudget(mailbox)
  }

  /** Who asks while blocked is blocked for longer. */
  #overBudget(mailbox: string): Refusal | null {
    const { budget } = this.#settings
    if (!budget) return null
    const now = this.#clock.now()
    const known = this.#budgets.get(mailbox) ?? { left: budget.burst, at: now, blockedUntil: 0 }
    known.left = Math.min(budget.burst, known.left + ((now - known.at) / 1000) * budget.perSecond)
    known.at = now
    this.#budgets.set(mailbox, known)
    if (now < known.blockedUntil || known.left < 1) {
      known.blockedUntil = now + Math.ceil(((budget.burst / 2) / budget.perSecond) * 1000)
      return { code: 'ErrorServerBusy', backOffMs: known.blockedUntil - now }
    }
    known.left -= 1
    return null
  }
}
