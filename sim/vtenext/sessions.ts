import { createHash, randomBytes } from 'node:crypto'
import type { Caller, Crm } from './context.ts'
import { WebServiceError } from './errors.ts'
import { numberOf } from './people.ts'
import type { SimCrmUser } from './types.ts'
import { offsetAt } from './zones.ts'

const TOKEN_LIFE_MS = 300_000
const LOCK_WINDOW_MS = 600_000
const LOCK_AFTER = 10

interface Session {
  readonly user: SimCrmUser
  usedAt: number
}

const invalidCredentials = (): WebServiceError =>
  new WebServiceError('INVALID_USER_CREDENTIALS', 'Invalid username or password')

/** Challenges, logins and sessions. */
export class Sessions {
  readonly #crm: Crm
  readonly #idleMs: number
  readonly #tokens = new Map<string, { username: string; expires: number }>()
  readonly #sessions = new Map<string, Session>()
  readonly #failures = new Map<string, number[]>()

  constructor(crm: Crm, idleMs: number) {
    this.#crm = crm
    this.#idleMs = idleMs
  }

  /** A token is handed out for unknown users too; several can be valid at once. */
  challenge(username: string): object {
    const now = this.#crm.clock.now()
    if (this.#tokens.size > 1000) dropOld(this.#tokens, ({ expires }) => expires < now)
    const token = randomBytes(7).toString('hex').slice(0, 13)
    this.#tokens.set(token, { username, expires: now + TOKEN_LIFE_MS })
    const serverTime = Math.floor(now / 1000)
    return { token, serverTime, expireTime: serverTime + TOKEN_LIFE_MS / 1000 }
  }

  /** `accessKey` is md5(token + access key) of any valid token. */
  login(username: string, accessKey: string): object {
    const user = this.#crm.people.find(username)
    const now = this.#crm.clock.now()
    const tokens = [...this.#tokens].filter(([, token]) => token.username === username && token.expires >= now)
    if (!user || tokens.length === 0) {
      throw new WebServiceError('INVALID_AUTH_TOKEN', 'Specified token is invalid or expired')
    }
    const isRight = tokens.some(([token]) => md5(token + user.accessKey) === accessKey)
    this.#judge(user, isRight)
    const sessionName = randomBytes(11).toString('hex').slice(0, 21)
    if (this.#sessions.size > 1000) dropOld(this.#sessions, ({ usedAt }) => usedAt + this.#idleMs < now)
    this.#sessions.set(sessionName, { user, usedAt: now })
    const { serverZone } = this.#crm
    const timezone = (offsetAt(user.zone, now) - offsetAt(serverZone, now)) / 1000
    return { sessionName, userId: user.id, version: '0.22', vteVersion: '5.2.1', timezone }
  }

  /** Gives the access key, not a session. */
  loginPassword(username: string, password: string): object {
    const user = this.#crm.people.find(username)
    if (!user) throw invalidCredentials()
    this.#judge(user, password !== '' && user.password === password)
    return [user.accessKey]
  }

  /** After ten wrong attempts within ten minutes even the right key is refused until they are ten minutes old. */
  #judge(user: SimCrmUser, isRight: boolean): void {
    const now = this.#crm.clock.now()
    const recent = (this.#failures.get(user.id) ?? []).filter((at) => at > now - LOCK_WINDOW_MS)
    if (recent.length >= LOCK_AFTER) throw new WebServiceError('LOGIN_LOCKED', 'Login locked')
    if (!isRight) {
      this.#failures.set(user.id, [...recent, now])
      throw invalidCredentials()
    }
    this.#failures.delete(user.id)
    if (!user.active) throw new WebServiceError('AUTHENTICATION_REQUIRED', 'Given user is inactive')
  }

  /** Throws AUTHENTICATION_REQUIRED without a session, INVALID_SESSIONID for one that has ended. */
  caller(sessionName: string | undefined): Caller {
    if (sessionName === undefined) throw new WebServiceError('AUTHENTICATION_REQUIRED', 'Authencation required')
    const session = this.#sessions.get(sessionName)
    const now = this.#crm.clock.now()
    if (!session || session.usedAt + this.#idleMs < now) {
      this.#sessions.delete(sessionName)
      throw new WebServiceError('INVALID_SESSIONID', 'Session Identifier provided is Invalid')
    }
    session.usedAt = now
    return { user: session.user, number: numberOf(session.user.id) }
  }

  /** The user a request belongs to, for fault rules; does not count as use. */
  usernameOf(sessionName: string | undefined): string | null {
    return this.#sessions.get(sessionName ?? '')?.user.username ?? null
  }

  logout(sessionName: string | undefined): object {
    this.caller(sessionName)
    this.#sessions.delete(sessionName ?? '')
    return { message: 'successfull' }
  }

  expireAll(): void {
    this.#sessions.clear()
  }

  /** Forgets sessions, challenges and wrong attempts. */
  reset(): void {
    this.#sessions.clear()
    this.#tokens.clear()
    this.#failures.clear()
  }
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex')

function dropOld<T>(map: Map<string, T>, isOld: (value: T) => boolean): void {
  for (const [key, value] of map) if (isOld(value)) map.delete(key)
}
