/** Access tokens: one for the whole connection, or one per mailbox whose owner signed in. */
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import { SignInRequired } from './authority.ts'
import type { Authority, Tokens } from './authority.ts'
import { needsSignIn } from './errors.ts'

/** Where tokens and sign-ins under way are kept, encrypted; the store's secrets are such a place. */
export interface Vault {
  put(name: string, value: string): Promise<void>
  get(name: string): Promise<string | null>
  remove(name: string): Promise<void>
}

export interface TokenSource {
  /** @param refused a token the server did not take: another one is fetched @throws SyncError */
  token(refused?: string): Promise<string>
}

/** A token is renewed this long before it expires: a batch under way has to live on. */
const EARLY_MS = 5 * 60_000

interface Live {
  readonly token: string
  /** On the clock's own scale. */
  readonly untilMs: number
}

function live(tokens: Tokens, clock: Clock): Live {
  const lifeMs = tokens.expiresInSeconds * 1000
  return { token: tokens.accessToken, untilMs: clock.elapsedMs() + lifeMs - Math.min(EARLY_MS, lifeMs / 2) }
}

const isFresh = (one: Live | undefined, clock: Clock, refused: string | undefined): one is Live =>
  one !== undefined && one.token !== refused && one.untilMs > clock.elapsedMs()

/** Tokens of the application itself, good for every mailbox it may open. */
export function applicationTokens(authority: Pick<Authority, 'application'>, graphUrl: string, clock: Clock): TokenSource {
  const scope = `${new URL(graphUrl).origin}/.default`
  let current: Live | undefined
  let fetching: Promise<Live> | undefined
  return {
    async token(refused) {
      if (isFresh(current, clock, refused)) return current.token
      fetching ??= authority.application(scope).then((tokens) => live(tokens, clock)).finally(() => { fetching = undefined })
      current = await fetching.catch((error: unknown) => {
        throw error instanceof SignInRequired ? needsSignIn('The application', error.reason) : error
      })
      return current.token
    },
  }
}

/** What is kept of a mailbox whose owner signed in. */
export interface Kept {
  readonly refreshToken: string
  /** Who signed in, as the identity provider writes it. */
  readonly signedInAs: string
  /** When the refresh token was last taken by the identity provider. */
  readonly refreshedAt: string
  /** Since when and why it is no longer taken. */
  readonly dead?: { readonly at: string; readonly reason: string }
}

const nameOf = (connection: string, mailbox: MailboxId) => `graph:${connection}:${mailbox}`

export interface DelegatedTokens {
  of(mailbox: Mailbox): TokenSource
  kept(mailbox: MailboxId): Promise<Kept | null>
  /** What a sign-in brought. */
  keep(mailbox: MailboxId, tokens: Tokens, signedInAs: string): Promise<void>
  /** Forgets the mailbox's tokens; its sync states are not touched. */
  forget(mailbox: MailboxId): Promise<void>
}

/** @param connection its name: the same mailbox may be signed in at two tenants */
export function delegatedTokens(authority: Authority, vault: Vault, connection: string, clock: Clock, log: Log): DelegatedTokens {
  const current = new Map<MailboxId, Live>()
  const fetching = new Map<MailboxId, Promise<Live>>()

  const kept = async (mailbox: MailboxId): Promise<Kept | null> => {
    const text = await vault.get(nameOf(connection, mailbox))
    return text === null ? null : JSON.parse(text) as Kept
  }
  const save = (mailbox: MailboxId, value: Kept) => vault.put(nameOf(connection, mailbox), JSON.stringify(value))

  async function renew(mailbox: Mailbox): Promise<Live> {
    const before = await kept(mailbox.id)
    if (before === null) throw needsSignIn(mailbox.address, 'never signed in')
    // A dead token is not tried again and again: only a new sign-in helps.
    if (before.dead !== undefined) throw needsSignIn(mailbox.address, before.dead.reason)
    try {
      return await accept(mailbox.id, await authority.refresh(before.refreshToken), before)
    } catch (error) {
      if (!(error instanceof SignInRequired)) throw error
      const now = await kept(mailbox.id)
      // Another process was faster, or the user has just signed in again.
      if (now !== null && now.dead === undefined && now.refreshToken !== before.refreshToken) {
        return accept(mailbox.id, await authority.refresh(now.refreshToken), now)
      }
      log.warn({ lane: mailbox.id, reason: error.reason }, 'a mailbox is waiting for its owner to sign in')
      await save(mailbox.id, { ...before, dead: { at: clock.now(), reason: error.reason } })
      throw needsSignIn(mailbox.address, error.reason)
    }
  }

  /** A refresh may bring a new refresh token: it is saved before anything is done with the access token. */
  async function accept(mailbox: MailboxId, tokens: Tokens, before: Pick<Kept, 'refreshToken' | 'signedInAs'>): Promise<Live> {
    await save(mailbox, { refreshToken: tokens.refreshToken ?? before.refreshToken, signedInAs: before.signedInAs, refreshedAt: clock.now() })
    const fresh = live(tokens, clock)
    current.set(mailbox, fresh)
    return fresh
  }

  return {
    kept,
    of: (mailbox) => ({
      async token(refused) {
        const known = current.get(mailbox.id)
        if (isFresh(known, clock, refused)) return known.token
        const under = fetching.get(mailbox.id) ?? renew(mailbox).finally(() => fetching.delete(mailbox.id))
        fetching.set(mailbox.id, under)
        return (await under.catch((error: unknown) => {
          throw error instanceof SignInRequired ? needsSignIn(mailbox.address, error.reason) : error
        })).token
      },
    }),
    async keep(mailbox, tokens, signedInAs) {
      await accept(mailbox, tokens, { refreshToken: tokens.refreshToken ?? '', signedInAs })
    },
    async forget(mailbox) {
      current.delete(mailbox)
      await vault.remove(nameOf(connection, mailbox))
    },
  }
}
