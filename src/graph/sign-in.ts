/**
 * Signing in: the user's browser goes to the identity provider and comes back with a code (authorization code with
 * PKCE, state and nonce). https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
import * as oauth from 'oauth4webapi'
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { instantMs } from '../model/index.ts'
import { SyncError } from '../lib/errors.ts'
import { SignInRequired } from './authority.ts'
import type { Authority } from './authority.ts'
import type { DelegatedTokens, Vault } from './tokens.ts'

/** What is asked for; `offline_access` brings the refresh token. */
export const SCOPES = 'openid profile offline_access User.Read Calendars.ReadWrite Tasks.ReadWrite Contacts.ReadWrite'
const PATIENCE_MS = 15 * 60_000

export interface SignedIn {
  readonly mailbox: MailboxId
  /** Who signed in, as Microsoft 365 writes it. */
  readonly as: string
}

export interface SignIn {
  /**
   * @param redirectUri exactly as registered with the application
   * @returns where to send the user's browser
   */
  begin(mailbox: Mailbox, redirectUri: string): Promise<{ readonly url: string }>
  /**
   * The browser came back. Called twice with the same parameters (a page loaded again) it answers the same.
   * @param parameters the query of the callback
   * @throws SyncError GRAPH_SIGN_IN_REFUSED, GRAPH_SIGN_IN_EXPIRED, GRAPH_WRONG_PERSON
   */
  finish(parameters: URLSearchParams): Promise<SignedIn>
  state(mailbox: MailboxId): Promise<SignInState>
  /** Forgets the tokens; what is in step stays linked. */
  signOut(mailbox: MailboxId): Promise<void>
}

export type SignInState =
  | { readonly type: 'never' }
  | { readonly type: 'signed-in'; readonly as: string; readonly refreshedAt: string }
  /** Its tokens died (password changed, 90 idle days, consent withdrawn): the owner has to sign in again. */
  | { readonly type: 'needed'; readonly as: string; readonly since: string; readonly reason: string }

interface UnderWay {
  readonly mailbox: Mailbox
  readonly redirectUri: string
  readonly verifier: string
  readonly nonce: string
  readonly until: string
  /** Once the code was redeemed; a code can be redeemed only once. */
  readonly done?: SignedIn
}

export interface SignInParts {
  readonly authority: Authority
  readonly tokens: DelegatedTokens
  readonly vault: Vault
  readonly connection: string
  readonly clock: Clock
  /** The addresses of whoever a token belongs to, lower case. */
  whoIs(accessToken: string): Promise<readonly string[]>
}

export function createSignIn({ authority, tokens, vault, connection, clock, whoIs }: SignInParts): SignIn {
  const nameOf = (state: string) => `graph-sign-in:${connection}:${state}`
  const redeeming = new Map<string, Promise<SignedIn>>()

  async function redeem(state: string, parameters: URLSearchParams): Promise<SignedIn> {
    const text = await vault.get(nameOf(state))
    if (text === null) throw refused('GRAPH_SIGN_IN_EXPIRED', 'This sign-in was not begun here, or too long ago. Begin again.')
    const begun = JSON.parse(text) as UnderWay
    if (begun.done !== undefined) return begun.done
    if (Date.parse(begun.until) < instantMs(clock.now())) {
      await vault.remove(nameOf(state))
      throw refused('GRAPH_SIGN_IN_EXPIRED', 'This sign-in was begun too long ago. Begin again.')
    }
    const server = await authority.server()
    const found = await askForTokens(server, state, parameters, begun)
    const addresses = await whoIs(found.accessToken)
    const as = addresses[0] ?? String(found.claims?.['preferred_username'] ?? '')
    if (!addresses.includes(begun.mailbox.address.toLowerCase())) {
      throw refused('GRAPH_WRONG_PERSON', `${as} signed in, but the mailbox to connect is ${begun.mailbox.address}. Sign in as its owner, or correct the address in the configuration.`)
    }
    await tokens.keep(begun.mailbox.id, found, as)
    const done: SignedIn = { mailbox: begun.mailbox.id, as }
    await vault.put(nameOf(state), JSON.stringify({ ...begun, verifier: '', nonce: '', done }))
    return done
  }

  async function askForTokens(server: oauth.AuthorizationServer, state: string, parameters: URLSearchParams, begun: UnderWay) {
    try {
      const callback = oauth.validateAuthResponse(server, authority.client, parameters, state)
      const found = await authority.code(callback, begun.redirectUri, begun.verifier, begun.nonce)
      if (found.refreshToken === undefined) throw refused('GRAPH_SIGN_IN_REFUSED', 'Microsoft 365 gave no lasting access. An administrator has to allow offline_access for the application.')
      return found
    } catch (error) {
      if (error instanceof SyncError) throw error
      await vault.remove(nameOf(state))
      const why = error instanceof oauth.AuthorizationResponseError ? `${error.error} ${error.error_description ?? ''}`.trim()
        : error instanceof SignInRequired ? error.reason : String(error)
      throw refused('GRAPH_SIGN_IN_REFUSED', `Microsoft 365 refused the sign-in: ${why}. Begin again; if it says that consent is missing, an administrator has to grant it.`, error)
    }
  }

  return {
    async begin(mailbox, redirectUri) {
      const server = await authority.server()
      const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
      const until = new Date(instantMs(clock.now()) + PATIENCE_MS).toISOString()
      await vault.put(nameOf(state), JSON.stringify({ mailbox, redirectUri, verifier, nonce, until } satisfies UnderWay))
      const url = new URL(server.authorization_endpoint ?? '')
      const query = {
        client_id: authority.client.client_id, response_type: 'code', response_mode: 'query', redirect_uri: redirectUri, scope: SCOPES, state, nonce,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', login_hint: mailbox.address,
      }
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
      return { url: url.href }
    },
    async finish(parameters) {
      const state = parameters.get('state') ?? ''
      if (!/^[\w-]{20,}$/.test(state)) throw refused('GRAPH_SIGN_IN_REFUSED', 'The answer of Microsoft 365 lacks its state. Begin again.')
      const under = redeeming.get(state) ?? redeem(state, parameters).finally(() => redeeming.delete(state))
      redeeming.set(state, under)
      return under
    },
    async state(mailbox) {
      const kept = await tokens.kept(mailbox)
      if (kept === null) return { type: 'never' }
      if (kept.dead !== undefined) return { type: 'needed', as: kept.signedInAs, since: kept.dead.at, reason: kept.dead.reason }
      return { type: 'signed-in', as: kept.signedInAs, refreshedAt: kept.refreshedAt }
    },
    signOut: (mailbox) => tokens.forget(mailbox),
  }
}

const refused = (code: string, message: string, cause?: unknown) => new SyncError(code, message, { scope: 'mailbox', remedy: 'ask-human', cause })
