import { mailboxId } from '../model/index.ts'
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Availability, Clock, Exchange, Hints, Log, Sharing } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { createAvailability } from './availability.ts'
import type { Credentials } from './basic-auth.ts'
import { checkMailbox } from './doctor.ts'
import type { Check } from './doctor.ts'
import { Folders } from './folders.ts'
import { resolveNames } from './operations/resolve-names.ts'
import type { ResolvedName } from './operations/resolve-names.ts'
import { ownerOfAddress, resolvePerson } from './operations/resolve-person.ts'
import type { ResolvedPerson } from './operations/resolve-person.ts'
import { createSharing } from './permissions.ts'
import { createReplica } from './replica.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'
import { STREAMING_DEFAULTS, createHints } from './streaming.ts'
import type { EwsHints, StreamingOptions } from './streaming.ts'
import type { SrvRecord } from './autodiscover/candidates.ts'
import { checkUrl, createServers } from './servers.ts'
import type { Auth } from './transport.ts'

export interface EwsConnectionOptions {
  /** As in the configuration; it appears in messages. */
  readonly name: string
  /** Full address, `https://mail.example.test/EWS/Exchange.asmx`; without it Autodiscover finds each mailbox's server. */
  readonly url?: string
  /** An Autodiscover service to ask first, and hosts to believe although only DNS or plain http names them. */
  readonly autodiscover?: { readonly url?: string; readonly trusted?: readonly string[]; resolveSrv?(name: string): Promise<readonly SrvRecord[]> }
  readonly auth: Auth
  readonly credentials: Credentials
  /** True: one account acts for every mailbox. False: everybody signs in for himself, or see `delegation`. */
  readonly impersonation: boolean
  /** Where everybody signs in for himself: asked whenever a mailbox is opened, for its notifications too. */
  ownCredentials?(mailbox: Mailbox): Credentials | undefined
  /** One account works in every mailbox by the rights it has in their folders; not together with `impersonation`. */
  readonly delegation?: boolean
  /** PEM of the company's CA, in addition to the public ones. Verification is never off. */
  readonly ca?: string
  /** Plain http is for loopback only, unless this is set. */
  readonly allowHttp?: boolean
  readonly userAgent?: string
  /** Calls in flight to the server; streams are not counted. Default 10. */
  readonly maxConcurrent?: number
  readonly timeoutMs?: number
  /** The longest pause a busy server asks for that a call waits out by itself, in milliseconds. Default 0. */
  readonly patienceMs?: number
  /** Changes per page of a pull, 1 to 512. Default 100. */
  readonly maxChanges?: number
  readonly streaming?: Partial<StreamingOptions>
  readonly log: Log
  readonly clock: Clock
}

export interface EwsConnection {
  /** @param own credentials of the mailbox's owner, before `ownCredentials`; ignored by an impersonating connection */
  mailbox(mailbox: Mailbox, own?: Credentials): Exchange
  /** Streaming notifications of this connection's mailboxes; the same object every time. */
  hints(): Hints
  /** What works and what does not for a mailbox, with a cure for each trouble; never throws for trouble it looks for. */
  check(address: string, own?: Credentials): Promise<Check[]>
  /** Who the directory knows under a name or address, as seen from a connected mailbox where there is one. @throws SyncError */
  resolveNames(address: string): Promise<readonly ResolvedName[]>
  /** Who has an address, as a connected mailbox sees the directory; null when nobody has it. @throws SyncError */
  person(address: string, as: string, own?: Credentials): Promise<ResolvedPerson | null>
  /** @param asker address of the mailbox that asks; null: the account that signs in */
  availability(asker: string | null, own?: Credentials): Availability
  /** @param owner address of the mailbox whose calendar it is */
  sharing(owner: string, own?: Credentials): Sharing
  close(): Promise<void>
}

/** @throws SyncError EWS_CONFIG when the options contradict themselves */
export function createEwsConnection(options: EwsConnectionOptions): EwsConnection {
  checkOptions(options)
  const { clock, log } = options
  const servers = createServers(options)
  const shared = options.impersonation || options.delegation === true
  const opened = new Map<MailboxId, { readonly session: Session; readonly folders: Folders; readonly credentials: Credentials }>()
  let hints: EwsHints | undefined

  function sessionFor(mailbox: Mailbox, own: Credentials | undefined): Session {
    const credentials = shared ? options.credentials : own ?? options.credentials
    return openSession(mailbox, {
      route: servers.routeOf(mailbox.address, credentials), caller: { credentials, mailbox: mailbox.address }, delegation: options.delegation === true, clock, log,
    })
  }

  /** Replica and hints of a mailbox share its folders; another password or address starts anew. */
  function access(mailbox: Mailbox, own?: Credentials) {
    const known = opened.get(mailbox.id)
    const session = sessionFor(mailbox, own ?? options.ownCredentials?.(mailbox) ?? known?.credentials)
    const { credentials } = session.caller
    const same = known !== undefined && known.session.mailbox.address === mailbox.address && known.session.mailbox.zone === mailbox.zone
      && known.credentials.username === credentials.username && known.credentials.password === credentials.password
    if (same) return known
    const entry = { session, folders: new Folders(session), credentials }
    opened.set(mailbox.id, entry)
    // Its notifications would go on signing in with what is no longer true.
    if (known !== undefined) hints?.renew(mailbox)
    return entry
  }

  return {
    mailbox(mailbox, own) {
      const { session, folders } = access(mailbox, own)
      return createReplica(session, folders, options.maxChanges ?? 100)
    },
    hints() {
      hints ??= createHints({
        clock, log, shared, access, impersonation: options.impersonation,
        options: { ...STREAMING_DEFAULTS, ...options.streaming },
      })
      return hints
    },
    check(address, own) {
      return checkMailbox(sessionFor(stranger(address, options.name), own), { impersonation: options.impersonation, delegation: options.delegation === true, auth: options.auth.kind })
    },
    async resolveNames(address) {
      // A service account need not have a mailbox, and without one Exchange answers nothing: any connected one will do.
      const someone = [...opened.values()][0]?.session
      const session = someone ?? sessionFor(stranger(options.credentials.username, options.name), undefined)
      const { names, failure } = await session.call(resolveNames, address, { asSelf: someone === undefined })
      if (failure !== null) throw session.error(resolveNames, failure)
      return names
    },
    async person(address, as, own) {
      const session = sessionFor(stranger(as, options.name), own)
      const { people, failure } = await session.call(resolvePerson, address)
      if (failure !== null) throw session.error(resolvePerson, failure)
      return ownerOfAddress(people, address)
    },
    availability(asker, own) {
      return createAvailability(sessionFor(stranger(asker ?? options.credentials.username, options.name), own), asker === null)
    },
    sharing: (owner, own) => createSharing(sessionFor(stranger(owner, options.name), own)),
    async close() {
      await hints?.stop()
      await servers.close()
    },
  }
}

/** A mailbox that is asked about before it is connected. */
function stranger(address: string, connection: string): Mailbox {
  return { id: mailboxId(address), address, user: '', userId: '' as Mailbox['userId'], connection, zone: 'UTC' }
}

function checkOptions({ name, url, impersonation, delegation, autodiscover, allowHttp, maxChanges, maxConcurrent }: EwsConnectionOptions): void {
  const wrong = (message: string) => new SyncError('EWS_CONFIG', `Connection "${name}": ${message}`, { scope: 'server', remedy: 'ask-human' })
  if (url !== undefined) checkUrl(name, url, allowHttp === true)
  if (autodiscover?.url !== undefined) checkUrl(name, autodiscover.url, allowHttp === true)
  if (impersonation && delegation === true) throw wrong('it either impersonates or uses folder rights (delegation), not both.')
  if (maxChanges !== undefined && !(maxChanges >= 1 && maxChanges <= 512)) throw wrong(`maxChanges is ${maxChanges}; Exchange takes 1 to 512.`)
  if (maxConcurrent !== undefined && !(maxConcurrent >= 1)) throw wrong(`maxConcurrent is ${maxConcurrent}; at least 1 call must be possible.`)
}
