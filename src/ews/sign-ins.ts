import { createHash } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import type { Clock } from '../ports.ts'
import type { Credentials } from './basic-auth.ts'

interface Standing {
  /** Whether the server has accepted them in this process. */
  good: boolean
  refusals: number
  until: number
  error: SyncError | null
  /** The one attempt that finds out whether they are good. */
  trial: Promise<unknown> | null
}

const MINUTE = 60_000
/** How long refused credentials are not tried again: few enough attempts for any sensible lockout threshold. */
const PAUSES_MS = [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE]
/** Credentials that worked until now: servers refuse for other reasons, too (a domain controller that restarts). */
const FIRST_PAUSE_MS = 30_000

/**
 * Guards users against being locked out. Credentials that are not known to be good are tried by one call alone, the
 * others wait for its outcome; refused ones are not sent again for minutes, whoever asks.
 */
export class SignIns {
  readonly #clock: Clock
  readonly #standings = new Map<string, Standing>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws SyncError what `work` throws; the last refusal, while it is too early to try again */
  async run<T>(credentials: Credentials, work: () => Promise<T>): Promise<T> {
    const standing = this.#of(credentials)
    while (!standing.good) {
      this.#check(standing)
      if (standing.trial === null) return this.#try(standing, work)
      // Whoever waits shares the outcome: a dead server is not asked by one after the other.
      await standing.trial
    }
    this.#check(standing)
    return this.#watch(standing, work)
  }

  async #try<T>(standing: Standing, work: () => Promise<T>): Promise<T> {
    const trial = this.#watch(standing, work)
    standing.trial = trial
    trial.catch(() => undefined)
    try {
      return await trial
    } finally {
      standing.trial = null
    }
  }

  async #watch<T>(standing: Standing, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      this.#accept(standing)
      return result
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      if (error.code === 'EWS_UNAUTHORIZED') throw this.#refuse(standing, error)
      // Any other answer of Exchange comes from behind the sign-in.
      if (error.remedy !== 'wait' && !NOT_ASKED.includes(error.code)) this.#accept(standing)
      throw error
    }
  }

  #accept(standing: Standing): void {
    standing.good = true
    standing.refusals = 0
    standing.until = 0
  }

  #refuse(standing: Standing, error: SyncError): SyncError {
    const now = this.#clock.elapsedMs()
    // Several calls were on their way when the password stopped being good: that is one refusal.
    if (standing.until <= now) {
      standing.until = now + (standing.good ? FIRST_PAUSE_MS : PAUSES_MS[Math.min(standing.refusals, PAUSES_MS.length - 1)] ?? 0)
      if (!standing.good) standing.refusals += 1
      standing.good = false
    }
    standing.error = again(error, standing.until - now)
    return standing.error
  }

  #check(standing: Standing): void {
    const restMs = standing.until - this.#clock.elapsedMs()
    if (restMs > 0 && standing.error !== null) throw again(standing.error, restMs)
  }

  #of({ username, password }: Credentials): Standing {
    const key = createHash('sha256').update(`${username}\n${password}`).digest('base64')
    let standing = this.#standings.get(key)
    if (standing === undefined) {
      standing = { good: false, refusals: 0, until: 0, error: null, trial: null }
      this.#standings.set(key, standing)
    }
    return standing
  }
}

/** Trouble on the way to the sign-in. */
const NOT_ASKED = ['EWS_TLS', 'EWS_NOT_EWS', 'EWS_NO_SIGN_IN', 'EWS_BAD_REPLY', 'EWS_FORBIDDEN']

const again = ({ code, message, scope, remedy, context }: SyncError, restMs: number) =>
  new SyncError(code, message, { scope, remedy, context, retryAfterMs: Math.max(1, Math.ceil(restMs)) })
