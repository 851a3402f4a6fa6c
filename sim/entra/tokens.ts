import { createHash, randomBytes, randomUUID } from 'node:crypto'

import type { SimClock } from '../clock.ts'
import { refreshIdle, refreshRevoked, refreshUsed } from './errors.ts'
import { signToken } from './jwt.ts'

/** Who may do what: an application by itself, or for a signed-in user. */
export interface Principal {
  kind: 'application' | 'user'
  clientId: string
  /** Object id of the user; null for an application. */
  userId: string | null
  /** Delegated scopes or application roles, without the resource's address. */
  rights: string[]
}

export interface User {
  id: string
  username: string
  name: string
  address: string
}

interface Refresh {
  clientId: string
  userId: string
  scopes: string[]
  lastUsed: number
  used: boolean
  revoked: boolean
}

interface Access extends Principal {
  /** UTC milliseconds. */
  expires: number
}

export interface TokenOptions {
  clock: SimClock
  tenant: string
  issuer: string
  /** Seconds an access token lives; default 3599, as Entra writes it. */
  accessSeconds?: number
  /** A used refresh token is refused at its second use; Entra itself lets it live on. */
  strictRotation?: boolean
}

const INACTIVITY_MS = 90 * 86_400_000
/** Scopes that say what a sign-in gives, not what may be done with a resource. */
const SIGN_IN_SCOPES = ['openid', 'profile', 'offline_access', 'email']

/** Every token the sign-in service has given out. */
export class Tokens {
  strictRotation: boolean
  accessSeconds: number
  readonly #options: TokenOptions
  #access = new Map<string, Access>()
  #refresh = new Map<string, Refresh>()

  constructor(options: TokenOptions) {
    this.#options = options
    this.strictRotation = options.strictRotation ?? false
    this.accessSeconds = options.accessSeconds ?? 3_599
  }

  /** The answer of the token endpoint. */
  issue(principal: Principal, user: User | null, more: { nonce?: string | undefined; audience: string }): Record<string, unknown> {
    const { rights } = principal
    const scopes = rights.filter((scope) => !SIGN_IN_SCOPES.includes(scope))
    const answer: Record<string, unknown> = {
      token_type: 'Bearer',
      ...(user ? { scope: scopes.join(' ') } : {}),
      expires_in: this.accessSeconds,
      ext_expires_in: this.accessSeconds,
      access_token: this.#newAccess({ ...principal, rights: scopes }, user, more.audience),
    }
    if (user && rights.includes('offline_access')) answer.refresh_token = this.#newRefresh(principal, user)
    if (user && rights.includes('openid')) answer.id_token = this.#idToken(principal, user, more.nonce)
    return answer
  }

  #newAccess(principal: Principal, user: User | null, audience: string): string {
    const { clock, tenant, issuer } = this.#options
    const now = Math.floor(clock.now() / 1000)
    const token = signToken({
      aud: audience, iss: issuer, iat: now, nbf: now, exp: now + this.accessSeconds, appid: principal.clientId,
      tid: tenant, uti: randomUUID(), ver: '2.0', idtyp: user ? 'user' : 'app', oid: principal.userId ?? principal.clientId,
      ...(user ? { scp: principal.rights.join(' '), upn: user.username, name: user.name } : { roles: principal.rights }),
    })
    this.#access.set(token, { ...principal, expires: (now + this.accessSeconds) * 1000 })
    return token
  }

  #newRefresh(principal: Principal, user: User): string {
    const token = `1.${randomBytes(48).toString('base64url')}`
    const now = this.#options.clock.now()
    this.#refresh.set(token, {
      clientId: principal.clientId, userId: user.id, scopes: principal.rights, lastUsed: now, used: false, revoked: false,
    })
    return token
  }

  #idToken(principal: Principal, user: User, nonce: string | undefined): string {
    const { clock, tenant, issuer } = this.#options
    const now = Math.floor(clock.now() / 1000)
    const sub = createHash('sha256').update(`${principal.clientId}${user.id}`).digest('base64url')
    return signToken({
      aud: principal.clientId, iss: issuer, iat: now, nbf: now, exp: now + 3_600, sub, oid: user.id, tid: tenant, ver: '2.0',
      preferred_username: user.username, name: user.name, email: user.address, ...(nonce === undefined ? {} : { nonce }),
    })
  }

  /** Who a bearer token speaks for; null when it is unknown, expired or void. */
  accept(token: string): Principal | null {
    const access = this.#access.get(token)
    if (!access || access.expires <= this.#options.clock.now()) return null
    return access
  }

  /** The grant behind a refresh token; its use keeps it alive. */
  refresh(token: string, clientId: string): { userId: string; scopes: string[] } {
    const entry = this.#refresh.get(token)
    const now = this.#options.clock.now()
    if (!entry || entry.clientId !== clientId) throw refreshUsed()
    if (entry.revoked) throw refreshRevoked()
    if (now - entry.lastUsed > INACTIVITY_MS) throw refreshIdle()
    if (entry.used && this.strictRotation) throw refreshUsed()
    entry.used = true
    entry.lastUsed = now
    return entry
  }

  /** Refresh tokens issued so far are void, of one user or of everybody. */
  revoke(userId: string | null): void {
    for (const entry of this.#refresh.values()) if (userId === null || entry.userId === userId) entry.revoked = true
  }

  /** Access tokens issued so far are expired, of one user or of everybody and every application. */
  expire(userId: string | null): void {
    for (const [token, access] of this.#access) if (userId === null || access.userId === userId) this.#access.delete(token)
  }
}
