import { createHash } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import type { Clock, Log } from '../ports.ts'
import { badReply, GONE, loginRefused, SESSION_ENDED } from './errors.ts'
import type { OperationName, Params, Transport } from './transport.ts'

export interface Identity {
  /** Id of the API user, `19x1`. */
  readonly userId: string
  /** Seconds between the user's zone and the server's at login; 0 when they are the same. */
  readonly zoneDifference: number
  /** What the server's clock is ahead of ours, in milliseconds. */
  readonly skewMs: number
}

export interface Sessions {
  /** Sends an operation on a free session; logs in, and in again once when the session has ended. */
  call(operation: OperationName, params: Params): Promise<unknown>
  /** As much at a time as there are sessions; results in the order of the items. */
  map<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]>
  identity(): Promise<Identity>
  close(): Promise<void>
}

/** One session: PHP locks it during a request, so parallel calls need one each. */
interface Slot {
  name: string | null
}

const REFUSAL_MEMORY_MS = 5 * 60_000
/** Codes that mean "this key or user will not do", as opposed to trouble on the way. */
const REFUSALS = new Set([
  'INVALID_USER_CREDENTIALS',
  'INVALID_AUTH_TOKEN',
  'AUTHENTICATION_FAILURE',
  'IP_BANNED',
  'LOGIN_LOCKED',
  'ACCESS_DENIED',
])

export interface SessionOptions {
  readonly transport: Transport
  readonly username: string
  readonly accessKey: string
  readonly parallel: number
  readonly clock: Clock
  readonly log: Log
}

export function createSessions(options: SessionOptions): Sessions {
  const { transport, username, clock, log } = options
  const slots: Slot[] = Array.from({ length: Math.max(1, options.parallel) }, () => ({ name: null }))
  const free = [...slots]
  const waiting: ((slot: Slot) => void)[] = []
  let identity: Identity | null = null
  let refused: { error: SyncError; at: number } | null = null
  let logins: Promise<void> = Promise.resolve()

  function acquire(): Promise<Slot> {
    const slot = free.pop()
    return slot === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(slot)
  }

  function release(slot: Slot): void {
    const next = waiting.shift()
    if (next === undefined) free.push(slot)
    else next(slot)
  }

  /** One login at a time: with a wrong key, several at once would count as so many failures and lock the user. */
  function login(slot: Slot): Promise<void> {
    const turn = logins.then(() => logInNow(slot))
    logins = turn.catch(() => undefined)
    return turn
  }

  async function logInNow(slot: Slot): Promise<void> {
    if (refused !== null && clock.elapsedMs() - refused.at < REFUSAL_MEMORY_MS) throw refused.error
    refused = null
    try {
      const challenge = fieldsOf(await transport.send('getchallenge', { username }), 'getchallenge')
      const answer = fieldsOf(
        await transport.send('login', {
          username,
          accessKey: createHash('md5')
            .update(String(challenge.token) + options.accessKey)
            .digest('hex'),
        }),
        'login',
      )
      slot.name = String(answer.sessionName)
      identity = {
        userId: String(answer.userId),
        zoneDifference: Number(answer.timezone ?? 0),
        skewMs: Number(challenge.serverTime) * 1_000 - Date.parse(clock.now()) || 0,
      }
      log.debug({ user: identity.userId }, 'Logged in to the CRM.')
    } catch (thrown) {
      throw rememberRefusal(thrown)
    }
  }

  function rememberRefusal(thrown: unknown): unknown {
    if (!(thrown instanceof SyncError)) return thrown
    // During a login AUTHENTICATION_REQUIRED does not mean a lost session but "Given user is inactive".
    const code = thrown.code === SESSION_ENDED ? 'AUTHENTICATION_REQUIRED' : String(thrown.context.code ?? '')
    if (thrown.code !== SESSION_ENDED && !REFUSALS.has(code)) return thrown
    const error = loginRefused(code, username)
    refused = { error, at: clock.elapsedMs() }
    return error
  }

  async function call(operation: OperationName, params: Params): Promise<unknown> {
    const slot = await acquire()
    try {
      if (slot.name === null) await login(slot)
      try {
        return await transport.send(operation, { ...params, sessionName: slot.name ?? '' })
      } catch (thrown) {
        if (!(thrown instanceof SyncError) || thrown.code !== SESSION_ENDED) throw thrown
      }
      // The server forgets idle sessions without saying when; nothing was done under the old one.
      slot.name = null
      await login(slot)
      return await transport.send(operation, { ...params, sessionName: slot.name ?? '' })
    } finally {
      release(slot)
    }
  }

  return {
    call,
    async map(items, work) {
      const results: Awaited<ReturnType<typeof work>>[] = new Array(items.length)
      let next = 0
      const worker = async () => {
        for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as never)
      }
      await Promise.all(Array.from({ length: Math.min(slots.length, items.length) }, worker))
      return results
    },
    async identity() {
      if (identity === null) await call('listtypes', {})
      if (identity === null) throw badReply('no user id', { operation: 'login', write: false })
      return identity
    },
    async close() {
      const open = slots.filter((slot) => slot.name !== null)
      await Promise.all(
        open.map((slot) => transport.send('logout', { sessionName: slot.name ?? '' }).catch(() => undefined)),
      )
      await transport.close()
    },
  }
}

function fieldsOf(result: unknown, operation: string): Record<string, unknown> {
  if (typeof result !== 'object' || result === null) throw badReply('no result', { operation, write: false })
  return result as Record<string, unknown>
}

/** Whether a call failed because the record is not there (any more). */
export const isGone = (thrown: unknown): boolean => thrown instanceof SyncError && thrown.code === GONE
