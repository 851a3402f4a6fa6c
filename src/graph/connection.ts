import { ITEM_KINDS } from '../model/index.ts'
import type { ItemKind, Mailbox, MailboxId } from '../model/index.ts'
import type { Availability, Clock, Exchange, Log, Sharing } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { Authority } from './authority.ts'
import type { ClientProof } from './authority.ts'
import { clientStates } from './client-state.ts'
import { createAvailability } from './availability.ts'
import { checkExpiry, checkMailbox, checkService, proofEnd } from './doctor.ts'
import type { Check } from './doctor.ts'
import type { EventFeed } from './event-feed.ts'
import type { Gate } from './gate.ts'
import { Folders } from './folders.ts'
import { heardOf } from './heard.ts'
import type { FollowedState } from './heard.ts'
import { createHints, HINTS_DEFAULTS } from './hints.ts'
import type { GraphHints, HintsOptions } from './hints.ts'
import { createSharing } from './permissions.ts'
import { createReplica } from './replica.ts'
import { openSession, segment } from './session.ts'
import type { Range, Session } from './session.ts'
import { createSignIn } from './sign-in.ts'
import type { SignIn } from './sign-in.ts'
import { applicationTokens, delegatedTokens } from './tokens.ts'
import type { TokenSource, Vault } from './tokens.ts'
import { newGate, Transport } from './transport.ts'

export interface GraphConnectionOptions {
  /** As in the configuration; it appears in messages. */
  readonly name: string
  /** A domain of the company, or the directory id. */
  readonly tenant: string
  readonly clientId: string
  readonly proof: ClientProof
  /** When the client secret ends, yyyy-mm-dd. */
  readonly secretExpires?: string
  readonly access: 'delegated' | 'application'
  /** With application access: whether the tenant consented to Tasks.ReadWrite.All. */
  readonly tasks?: boolean
  /** Default: the world-wide cloud. */
  readonly loginUrl?: string
  readonly graphUrl?: string
  /** Where Microsoft 365 reaches this connection's notifications; without it mailboxes are polled. */
  readonly notificationUrl?: string
  readonly ca?: string
  /** Plain http is for loopback only, unless this is set. */
  readonly allowHttp?: boolean
  readonly userAgent?: string
  /** Requests in flight to the cloud, over all mailboxes. Default 32. */
  readonly maxConcurrent?: number
  readonly timeoutMs?: number
  /** Changes per page of a pull. Default 100. */
  readonly pageSize?: number
  readonly range: Range
  readonly hints?: Partial<HintsOptions>
  /** Where tokens are kept, encrypted. */
  readonly vault: Vault
  readonly log: Log
  readonly clock: Clock
}

export interface GraphConnection {
  mailbox(mailbox: Mailbox): Exchange
  /** Notifications or polls of this connection's mailboxes; the same object every time. */
  hints(): GraphHints
  /** How its mailboxes were followed when a service last said so, in this process or in another; null for never. */
  followed(): Promise<FollowedState | null>
  /** Undefined with application access: nobody signs in. */
  readonly signIn: SignIn | undefined
  /** What works and what does not for a mailbox, with a cure for each trouble; never throws for trouble it looks for. */
  check(mailbox: Mailbox): Promise<Check[]>
  /** Whether the sign-in service answers and knows the tenant; needs no mailbox. */
  checkService(): Promise<Check>
  /** @param asker the mailbox that asks: its owner sees only what is shared with them, an application everything */
  availability(asker: Mailbox): Availability
  /** Who sees what of a mailbox's calendar. */
  sharing(mailbox: Mailbox): Sharing
  /** The application's own secret or certificate. */
  checkSecret(): Check[]
  /** When it ends; null where nobody knows. */
  secretEnd(): ReturnType<typeof proofEnd>
  close(): Promise<void>
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/
const WORLD = { login: 'https://login.microsoftonline.com', graph: 'https://graph.microsoft.com' }

/** @throws SyncError GRAPH_CONFIG when the options contradict themselves */
export function createGraphConnection(options: GraphConnectionOptions): GraphConnection {
  const { name, access, clock, log, vault } = options
  const loginUrl = options.loginUrl ?? WORLD.login
  const graphUrl = options.graphUrl ?? WORLD.graph
  const plain = [loginUrl, graphUrl].map((url) => checkedUrl(options, url).protocol).includes('http:')
  const timeoutMs = options.timeoutMs ?? 60_000
  const ca = options.ca === undefined ? {} : { ca: options.ca }
  const authority = new Authority({ name, loginUrl, tenant: options.tenant, clientId: options.clientId, proof: options.proof, allowHttp: plain, timeoutMs, clock, ...ca })
  const transport = new Transport({
    name, graphUrl, access, userAgent: options.userAgent ?? 'exchange-connector', maxConcurrent: options.maxConcurrent ?? 32, timeoutMs, clock, ...ca,
  })
  const delegated = access === 'delegated' ? delegatedTokens(authority, vault, name, clock, log) : undefined
  const own = delegated === undefined ? applicationTokens(authority, graphUrl, clock) : undefined
  const feed: EventFeed = { whole: undefined }
  const kinds = new Set<ItemKind>(ITEM_KINDS.filter((kind) => kind !== 'task' || access === 'delegated' || options.tasks === true))
  const opened = new Map<MailboxId, { readonly session: Session; readonly folders: Folders }>()
  const gates = new Map<string, Gate>()
  const states = clientStates(vault, name)
  const heard = heardOf(vault, name)
  const expiry = { secretExpires: options.secretExpires, certificate: options.proof.certificate?.cert }
  let hints: GraphHints | undefined

  /** Whoever asks for a mailbox shares its places: its replica, a look at free times, the check. */
  function gateOf(address: string): Gate {
    const gate = gates.get(address) ?? newGate()
    gates.set(address, gate)
    return gate
  }

  function sessionFor(mailbox: Mailbox): Session {
    const tokens: TokenSource = own ?? (delegated as NonNullable<typeof delegated>).of(mailbox)
    return openSession(transport, {
      mailbox, clock, log, kinds, range: options.range, pageSize: options.pageSize ?? 100,
      root: access === 'application' ? `/users/${segment(mailbox.address)}` : '/me',
      caller: { mailbox: mailbox.address, tokens, gate: gateOf(mailbox.address) },
    })
  }

  /** Replica and hints of a mailbox share its folders and its places at the server. */
  function opening(mailbox: Mailbox) {
    const known = opened.get(mailbox.id)
    if (known !== undefined && known.session.mailbox.address === mailbox.address && known.session.mailbox.zone === mailbox.zone) return known
    const session = sessionFor(mailbox)
    const entry = { session, folders: new Folders(session) }
    opened.set(mailbox.id, entry)
    return entry
  }

  /** https://learn.microsoft.com/graph/api/user-get */
  async function whoIs(accessToken: string): Promise<string[]> {
    const tokens: TokenSource = { token: () => Promise.resolve(accessToken) }
    const request = { method: 'GET', path: '/me?$select=mail,userPrincipalName,proxyAddresses' } as const
    const caller = { mailbox: 'the person who signs in', tokens, gate: newGate() }
    const answer = await transport.send(request, caller)
    if (answer.status !== 200) throw transport.error(answer, request, caller)
    const { mail, userPrincipalName, proxyAddresses = [] } = answer.body as { mail?: string | null; userPrincipalName?: string; proxyAddresses?: readonly string[] }
    const proxies = proxyAddresses.flatMap((address) => (/^smtp:/i.test(address) ? [address.slice(5)] : []))
    return [mail, userPrincipalName, ...proxies].filter((address) => typeof address === 'string').map((address) => address.toLowerCase())
  }

  const signIn = delegated === undefined ? undefined : createSignIn({ authority, tokens: delegated, vault, connection: name, clock, whoIs })
  return {
    signIn,
    mailbox(mailbox) {
      const { session, folders } = opening(mailbox)
      const replica = createReplica(session, folders, feed)
      return {
        ...replica,
        async pull(kind, since, known) {
          const page = await replica.pull(kind, since, known)
          if (page.type === 'page') hints?.pulled(mailbox.id, kind, { hasNews: page.changes.length > 0, isFirst: since === null, isOver: !page.more })
          return page
        },
      }
    },
    hints() {
      hints ??= createHints({ clock, log, options: { ...HINTS_DEFAULTS, ...options.hints }, notificationUrl: options.notificationUrl, states, heard, access: opening })
      return hints
    },
    followed: () => heard.told(),
    async check(mailbox) {
      return checkMailbox(sessionFor(mailbox), { access, clientId: options.clientId }, signIn === undefined ? null : await signIn.state(mailbox.id))
    },
    checkService: () => checkService(() => authority.server()),
    availability: (asker) => createAvailability(sessionFor(asker)),
    sharing: (mailbox) => createSharing(sessionFor(mailbox)),
    checkSecret: () => checkExpiry(expiry, options.proof.secret !== undefined, clock.now()),
    secretEnd: () => proofEnd(expiry),
    async close() {
      await hints?.stop()
      await Promise.all([transport.close(), authority.close()])
    },
  }
}

function checkedUrl({ name, allowHttp }: GraphConnectionOptions, url: string): URL {
  const wrong = (message: string) => new SyncError('GRAPH_CONFIG', `Connection "${name}": ${message}`, { scope: 'server', remedy: 'ask-human' })
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw wrong(`"${url}" is no https address.`)
  if (parsed.protocol === 'http:' && allowHttp !== true && !LOOPBACK.test(parsed.hostname)) {
    throw wrong(`"${url}" would send secrets readable; use https, or set allowHttp if the way to the server is safe.`)
  }
  return parsed
}
