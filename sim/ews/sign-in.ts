/** Who may use the server: Basic with every request, or NTLM once per connection. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

import type { SimClock } from '../clock.ts'
import type { Certificate } from './certificate.ts'
import type { Mailbox } from './model.ts'
import type { ExtendedProtection } from './ntlm.ts'
import { bindingToken, challengeMessage, check, newNonce, readClaim, typeOf } from './ntlm.ts'
import type { Store } from './store.ts'

export interface SignInSettings {
  auth: 'basic' | 'ntlm'
  protection: ExtendedProtection
  /** Wrong passwords in a row after which a user is locked; 0 never locks. */
  lockout: number
}

/** How many attempts are remembered: Basic signs in with every request. */
const KEPT = 2000

/** Every password that was looked at, in order; asking without one is not counted. */
export interface SignInAttempt {
  user: string
  /** `ok`, or what was wrong. */
  verdict: string
}

interface SocketState {
  user: string | null
  pending: { first: Buffer; challenge: Buffer; nonce: Buffer } | null
}

interface Person {
  username: string
  password: string
  formerPassword?: string
}

export type SignedIn = { user: string } | { refused: 401; challenge: string }

/** Signs requests in; NTLM's three legs are bound to the connection they came over. */
export class SignIn {
  readonly attempts: SignInAttempt[] = []
  readonly #store: Store
  readonly #clock: SimClock
  readonly #service: { username: string; password: string }
  readonly #settings: SignInSettings
  readonly #binding: Buffer | null
  readonly #sockets = new WeakMap<Socket, SocketState>()
  readonly #wrong = new Map<string, number>()

  constructor(
    store: Store,
    clock: SimClock,
    service: { username: string; password: string },
    settings: SignInSettings,
    certificate: Certificate | null,
  ) {
    this.#store = store
    this.#clock = clock
    this.#service = service
    this.#settings = settings
    this.#binding = certificate ? bindingToken(certificate.der, certificate.hash) : null
  }

  isLocked(username: string): boolean {
    const { lockout } = this.#settings
    return lockout > 0 && (this.#wrong.get(username.toLowerCase()) ?? 0) >= lockout
  }

  unlock(username: string): void {
    this.#wrong.delete(username.toLowerCase())
  }

  of(request: IncomingMessage): SignedIn {
    const [scheme = '', token = ''] = (request.headers.authorization ?? '').split(' ')
    if (this.#settings.auth === 'ntlm') return this.#ntlm(request.socket, scheme, token)
    return (scheme.toLowerCase() === 'basic' && this.#basic(token)) || { refused: 401, challenge: 'Basic realm="127.0.0.1"' }
  }

  #basic(token: string): SignedIn | null {
    const plain = Buffer.from(token, 'base64').toString('utf8')
    const colon = plain.indexOf(':')
    const person = this.#person(plain.slice(0, colon))
    const given = plain.slice(colon + 1)
    const isOld = person?.formerPassword === given
    return this.#judge(plain.slice(0, colon), person, person?.password === given ? 'ok' : 'wrong-password', isOld)
  }

  #ntlm(socket: Socket, scheme: string, token: string): SignedIn {
    const state = this.#sockets.get(socket) ?? { user: null, pending: null }
    this.#sockets.set(socket, state)
    const again = { refused: 401, challenge: 'NTLM' } as const
    if (scheme === '') return state.user === null ? again : { user: state.user }
    if (!/^(?:ntlm|negotiate)$/i.test(scheme)) return again
    const message = Buffer.from(token, 'base64')
    // A new handshake forgets who was signed in before.
    state.user = null
    if (typeOf(message) === 1) {
      const nonce = newNonce()
      const challenge = challengeMessage(nonce, 'EXAMPLE', 'MAIL', this.#clock.now())
      state.pending = { first: message, challenge, nonce }
      return { refused: 401, challenge: `${scheme} ${challenge.toString('base64')}` }
    }
    const { pending } = state
    state.pending = null
    if (typeOf(message) !== 3 || pending === null) return again
    const claim = readClaim(message)
    const name = claim.domain === '' ? claim.user : `${claim.domain}\\${claim.user}`
    const person = this.#person(name)
    const judge = (password: string | undefined) =>
      password === undefined ? 'wrong-password' : check(claim, pending, password, this.#settings.protection, this.#binding)
    const verdict = judge(person?.password)
    const isOld = verdict === 'wrong-password' && judge(person?.formerPassword) !== 'wrong-password'
    const signedIn = this.#judge(name, person, verdict, isOld)
    if (signedIn === null) return again
    if ('user' in signedIn) state.user = signedIn.user
    return signedIn
  }

  #judge(name: string, person: Person | undefined, verdict: string, isOld: boolean): SignedIn | null {
    const key = (person?.username ?? name).toLowerCase()
    const locked = this.isLocked(key)
    if (this.attempts.length >= KEPT) this.attempts.splice(0, KEPT / 2)
    this.attempts.push({ user: name, verdict: locked ? 'locked' : verdict })
    if (locked || !person) return null
    // As Active Directory has it: the password of yesterday is refused but not counted.
    if (verdict === 'wrong-password' && !isOld) this.#wrong.set(key, (this.#wrong.get(key) ?? 0) + 1)
    if (verdict !== 'ok') return null
    this.#wrong.delete(key)
    return { user: person.username }
  }

  #person(name: string): Person | undefined {
    return samePerson(this.#service.username, name) ? this.#service : byUsername(this.#store, name)
  }
}

export function byUsername(store: Store, name: string): Mailbox | undefined {
  const direct = store.find(name)
  if (direct && samePerson(direct.username, name)) return direct
  for (const mailbox of store.all()) if (samePerson(mailbox.username, name)) return mailbox
  return undefined
}

/** `EXAMPLE\alice` is alice@example.test by her other name. */
function samePerson(username: string, given: string): boolean {
  const [own, other] = [username.toLowerCase(), given.toLowerCase()]
  if (own === other) return true
  const [user, domain] = own.split('@')
  return domain !== undefined && other === `${domain.split('.')[0]}\\${user}`
}
