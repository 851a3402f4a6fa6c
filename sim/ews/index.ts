/** A simulated on-premises Exchange server: one EWS endpoint on the loopback address. */
import type { SimClock } from '../clock.ts'
import { createSimClock } from '../clock.ts'
import { Faults } from '../faults.ts'
import type { Location } from './autodiscover.ts'
import { Autodiscover } from './autodiscover.ts'
import { makeCertificate } from './certificate.ts'
import type { DeleteType } from './delete-item.ts'
import type { PlainFields, PlainItem } from './desk.ts'
import { Desk } from './desk.ts'
import { isRole } from './delegation.ts'
import type { MeetingName, OutsideMeeting, PlainAnswer } from './desk-meetings.ts'
import { MeetingDesk } from './desk-meetings.ts'
import type { Mailbox, MailboxCondition, MailSent } from './model.ts'
import type { ExtendedProtection } from './ntlm.ts'
import { loadSchema } from './schema.ts'
import { createEwsServer, portOf } from './server.ts'
import type { SignInAttempt } from './sign-in.ts'
import { SignIn } from './sign-in.ts'
import type { ServerVersion } from './soap.ts'
import { EXCHANGE_SE } from './soap.ts'
import { Store } from './store.ts'
import { Streams } from './streaming.ts'
import { Subscriptions } from './subscriptions.ts'
import type { ThrottleSettings } from './throttle.ts'
import { Throttle } from './throttle.ts'

export type { Location } from './autodiscover.ts'
export type { MailSent } from './model.ts'
export type { ExtendedProtection } from './ntlm.ts'
export type { SignInAttempt } from './sign-in.ts'
export type { TlsBridge } from './tls-bridge.ts'
export { startTlsBridge } from './tls-bridge.ts'
export type { PlainFields, PlainItem } from './desk.ts'
export type { MeetingName, OutsideMeeting, PlainAnswer } from './desk-meetings.ts'

export interface MailboxOptions {
  address: string
  /** Secondary addresses. */
  aliases?: string[]
  /** Default: the address. */
  username?: string
  /** Default: `<part before the @>-password`. */
  password?: string
  /** Windows zone id; default W. Europe Standard Time. */
  zone?: string
}

export interface EwsSimOptions {
  clock?: SimClock
  faults?: Faults
  /** Default: any free port. */
  port?: number
  /** Default: alice, bob and carol @example.test. */
  mailboxes?: MailboxOptions[]
  /** The account with the right to impersonate every mailbox. */
  service?: { username: string; password: string }
  /** Milliseconds on the clock between two signs of life of a stream; default 45000. */
  heartbeatMs?: number
  /** Cuts every page of SyncFolderItems and FindItem. */
  forcePageSize?: number
  /** Open streams per account; default 10. */
  hangingConnectionLimit?: number
  /** The server touches every written item once more 1 to 3 s later: new change key, same content. */
  touchAfterWrite?: boolean
  /** A changed pattern keeps the exceptions whose day it has too; by default Exchange drops them all. */
  keepExceptions?: boolean
  /** Accepting replaces the event by a new one, as some servers do, instead of changing it. */
  acceptRecreates?: boolean
  /** Streams find subscriptions only with the affinity headers and cookie. */
  requireAffinity?: boolean
  /** Folder of messages.xsd and types.xsd: every request is checked against them. */
  validate?: { schemaDir: string } | null
  version?: Partial<ServerVersion>
  /** Default basic. */
  auth?: 'basic' | 'ntlm'
  /** What NTLM asks of the channel binding; default allow, as Exchange has it for EWS. */
  extendedProtection?: ExtendedProtection
  /** https with a fresh self-signed certificate; `hash` is the one of its signature. */
  tls?: boolean | { hash: 'sha256' | 'sha384' | 'sha512' }
  /** Wrong passwords in a row that lock a user; default 0: never. */
  lockout?: number
  throttle?: ThrottleSettings
  /** How long every call takes; default as fast as it goes. */
  latencyMs?: number
}

/** A copy of all mailboxes, to be put back later. */
export interface EwsSnapshot {
  mailboxes: Mailbox[]
}

export interface EwsSim {
  readonly url: string
  /** Address of its Autodiscover service, SOAP; `.xml` instead of `.svc` is POX. */
  readonly autodiscoverUrl: string
  /** Every address that Autodiscover was asked for. */
  readonly autodiscovered: readonly { address: string; form: 'soap' | 'pox' }[]
  /** PEM that clients have to trust; null without TLS. */
  readonly ca: string | null
  /** Every password that was looked at. */
  readonly signIns: readonly SignInAttempt[]
  readonly service: { username: string; password: string }
  /** The mailboxes there are now. */
  readonly mailboxes: { address: string; username: string; password: string }[]
  readonly clock: SimClock
  readonly faults: Faults
  /** Every mail that a write with a Send* attribute other than SendToNone would have sent. */
  readonly outbox: MailSent[]
  /** Calls answered so far, of any kind. */
  readonly requests: number
  /** Items changed through the API; what `putItem` and its like do is not counted. */
  readonly writes: { created: number; updated: number; deleted: number }
  readonly subscriptions: number
  readonly openStreams: number
  /** The mailboxes on each open stream. */
  readonly streams: readonly (readonly string[])[]
  /** The most calls in flight so far, and how many were refused as too many. */
  readonly load: { readonly most: number; readonly refused: number }
  items(address: string, folder?: string): PlainItem[]
  /**
   * The occurrences of a master that overlap the time from `from` to `to` (ISO text; without offset the mailbox's
   * wall clock), by start. Their ids are good for `editItem` and `deleteItem`.
   */
  occurrences(address: string, id: string, from: string, to: string): PlainItem[]
  /** As a user in Outlook; `folder` is a distinguished id, folder id or display name. */
  putItem(address: string, folder: string, fields: PlainFields): PlainItem
  editItem(address: string, id: string, fields: PlainFields): PlainItem
  deleteItem(address: string, id: string, type?: DeleteType, options?: { send?: boolean }): void
  /** The owner answers an invitation in Outlook; null when a declined occurrence is gone. `send` is true by default. */
  respond(address: string, id: string, response: PlainAnswer, options?: { send?: boolean }): PlainItem | null
  /** Somebody without a mailbox here invites mailboxes of this server, or changes a meeting or occurrence of his. */
  inviteFromOutside(meeting: OutsideMeeting): PlainItem
  /** The organizer, here or elsewhere, cancels a meeting or one occurrence and tells everybody. */
  cancelMeeting(name: MeetingName): void
  /** An attendee without a mailbox here answers; the organizer's item shows it. Returns that item or occurrence. */
  answerFromOutside(name: MeetingName, attendee: string, response: PlainAnswer): PlainItem
  /** The moved item, with its new id. */
  moveItem(address: string, id: string, folder: string): PlainItem
  addFolder(address: string, options: { name: string; folderClass: string; parent?: string }): void
  addMailbox(options: MailboxOptions): void
  removeMailbox(address: string): void
  /** Another main address; the old one becomes a secondary one. */
  renameMailbox(address: string, to: string): void
  setPassword(address: string, password: string): void
  isLocked(username: string): boolean
  unlock(username: string): void
  /** As after a restart of the web server: nobody is signed in any more. */
  closeConnections(): void
  /** What Autodiscover says of a mailbox from now on; null says what is so. */
  setLocation(address: string, location: Location | null): void
  /** A right of somebody else in a folder, as Add-MailboxFolderPermission gives it. */
  grant(address: string, folder: string, user: string, role: string): void
  /** Why the mailbox cannot be used from now on; null makes it well. */
  setCondition(address: string, condition: MailboxCondition | null): void
  renameFolder(address: string, folder: string, name: string): void
  /** With all that is in it. */
  removeFolder(address: string, folder: string): void
  /** Makes another folder the mailbox's calendar, task list or the like. */
  setDefaultFolder(address: string, distinguished: string, folder: string): void
  /** Gives the mailbox an archive with a folder of that name and class. */
  addArchive(address: string, folder: { name: string; folderClass: string }): void
  /** Removes all items; `silent` leaves no tombstones and sends no events, as after a lost database. */
  emptyMailbox(address: string, options?: { silent?: boolean }): void
  /** Same content, but every item and folder has a new id and old sync states are refused. */
  resetMailbox(address: string): void
  snapshot(): EwsSnapshot
  restore(snapshot: EwsSnapshot): void
  invalidateSyncStates(address?: string): void
  killSubscriptions(address?: string): void
  /** The servers that hold the subscriptions are gone for good; nobody says so, but what is sent to them fails. */
  failOver(): void
  /** Which of the mailboxes of a stream are refused whenever one is opened; `all`: the whole stream, without saying why. */
  refuseStreams(rule: (addresses: readonly string[]) => 'all' | readonly string[]): void
  /** While on, notifications are lost; changes themselves are not. */
  loseEvents(on: boolean): void
  /** As a move to another database: refused for `inProgressMs` on the clock, then all ids are new. */
  moveMailbox(address: string, options?: { inProgressMs?: number }): void
  stop(): Promise<void>
}

const DEFAULT_MAILBOXES: MailboxOptions[] = ['alice', 'bob', 'carol'].map((name) => ({
  address: `${name}@example.test`,
}))

/** Starts the server; it listens when the promise resolves. Fails when the port is taken or the schemas are missing. */
export async function startEwsSim(options: EwsSimOptions = {}): Promise<EwsSim> {
  const clock = options.clock ?? createSimClock()
  const faults = options.faults ?? new Faults()
  const service = options.service ?? { username: 'svc@example.test', password: 'svc-password' }
  const version = { ...EXCHANGE_SE, ...options.version }
  const affinity = options.requireAffinity ?? false
  const backends = new Set<string>()
  const goneBackends = new Set<string>()
  const schema = options.validate ? await loadSchema(options.validate.schemaDir) : null
  if (options.validate && !schema) {
    throw new Error(
      `There is no messages.xsd in ${options.validate.schemaDir}; leave \`validate\` out or name the folder that holds it.`,
    )
  }
  const store = new Store(clock, {
    touchAfterWrite: options.touchAfterWrite ?? false,
    keepExceptions: options.keepExceptions ?? false,
    acceptRecreates: options.acceptRecreates ?? false,
  })
  for (const mailbox of options.mailboxes ?? DEFAULT_MAILBOXES) store.addMailbox(mailbox)
  const subscriptions = new Subscriptions()
  store.onChange = (event) => subscriptions.publish(event)
  const streams = new Streams({
    clock,
    faults,
    version,
    heartbeatMs: options.heartbeatMs ?? 45_000,
    limit: options.hangingConnectionLimit ?? 10,
    affinity,
  })
  streams.beforeTick = () => store.runTouches()
  const certificate = options.tls ? makeCertificate(options.tls === true ? {} : options.tls) : null
  const { auth = 'basic', extendedProtection: protection = 'allow', lockout = 0 } = options
  const signIn = new SignIn(store, clock, service, { auth, protection, lockout }, certificate)
  const autodiscover = new Autodiscover(store)
  const throttle = new Throttle(options.throttle ?? {}, clock)
  const server = createEwsServer({
    signIn,
    autodiscover,
    throttle,
    latencyMs: options.latencyMs ?? 0,
    certificate,
    store,
    faults,
    subscriptions,
    streams,
    service,
    version,
    schema,
    affinity,
    backends,
    goneBackends,
    forcePageSize: options.forcePageSize ?? Number.POSITIVE_INFINITY,
  })
  let requests = 0
  server.on('request', () => requests++)
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const controls = controlsOf(store, subscriptions)
  const origin = `${certificate ? 'https' : 'http'}://127.0.0.1:${portOf(server)}`
  autodiscover.ewsUrl = `${origin}/EWS/Exchange.asmx`
  return {
    url: autodiscover.ewsUrl,
    autodiscoverUrl: `${origin}/autodiscover/autodiscover.svc`,
    autodiscovered: autodiscover.asked,
    setLocation(address, location) {
      if (location) autodiscover.locations.set(address.toLowerCase(), location)
      else autodiscover.locations.delete(address.toLowerCase())
    },
    ca: certificate?.cert ?? null,
    signIns: signIn.attempts,
    load: throttle.seen,
    service,
    clock,
    faults,
    writes: store.writes,
    get requests() {
      return requests
    },
    get mailboxes() {
      return [...store.all()].map(({ address, username, password }) => ({ address, username, password }))
    },
    get outbox() {
      return store.outbox
    },
    get subscriptions() {
      return subscriptions.size
    },
    get openStreams() {
      return streams.size
    },
    get streams() {
      return streams.members
    },
    failOver() {
      for (const backend of backends) goneBackends.add(backend)
      server.closeAllConnections()
    },
    refuseStreams(rule) {
      streams.refuse = rule
    },
    ...controls,
    isLocked: (username) => signIn.isLocked(username),
    unlock: (username) => signIn.unlock(username),
    closeConnections: () => server.closeAllConnections(),
    async stop() {
      streams.stop()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

type Controls = Omit<
  EwsSim,
  | 'url'
  | 'autodiscoverUrl'
  | 'autodiscovered'
  | 'setLocation'
  | 'ca'
  | 'signIns'
  | 'load'
  | 'service'
  | 'mailboxes'
  | 'clock'
  | 'faults'
  | 'outbox'
  | 'writes'
  | 'requests'
  | 'subscriptions'
  | 'openStreams'
  | 'streams'
  | 'refuseStreams'
  | 'failOver'
  | 'isLocked'
  | 'unlock'
  | 'closeConnections'
  | 'stop'
>

function controlsOf(store: Store, subscriptions: Subscriptions): Controls {
  const desk = new Desk(store)
  const meetings = new MeetingDesk(store, desk)
  const some = (address?: string) => (address === undefined ? [...store.all()] : [store.mailbox(address)])
  const renew = (mailbox: Mailbox) => {
    subscriptions.kill(mailbox)
    store.renewIds(mailbox)
  }
  return {
    items: (address, folder) => desk.items(address, folder),
    occurrences: (address, id, from, to) => desk.occurrences(address, id, from, to),
    putItem: (address, folder, fields) => desk.put(address, folder, fields),
    editItem: (address, id, fields) => desk.edit(address, id, fields),
    deleteItem(address, id, type = 'MoveToDeletedItems', { send = false } = {}) {
      const mailbox = store.mailbox(address)
      meetings.remove(mailbox, desk.item(mailbox, id), type, send)
    },
    respond: (address, id, response, { send = true } = {}) => meetings.respond(address, id, response, send),
    inviteFromOutside: (meeting) => meetings.invite(meeting),
    cancelMeeting: (name) => meetings.cancel(name),
    answerFromOutside: (name, attendee, response) => meetings.answer(name, attendee, response),
    moveItem: (address, id, folder) => desk.move(address, id, folder),
    addFolder(address, { name, folderClass, parent = 'msgfolderroot' }) {
      const mailbox = store.mailbox(address)
      store.addFolder(mailbox, { name, folderClass, parent: desk.folder(mailbox, parent).serial })
    },
    addMailbox: (mailbox) => void store.addMailbox(mailbox),
    removeMailbox(address) {
      subscriptions.kill(store.mailbox(address))
      store.removeMailbox(address)
    },
    renameMailbox: (address, to) => store.renameMailbox(address, to),
    setPassword(address, password) {
      const mailbox = store.mailbox(address)
      mailbox.formerPassword = mailbox.password
      mailbox.password = password
    },
    grant(address, folder, user, role) {
      if (!isRole(role)) throw new Error(`There is no role ${role}; Reviewer, Editor and PublishingEditor are some.`)
      const found = desk.folder(store.mailbox(address), folder)
      found.grants = { ...found.grants, [user.toLowerCase()]: role }
    },
    setCondition(address, condition) {
      store.mailbox(address).condition = condition
    },
    renameFolder(address, folder, name) {
      const mailbox = store.mailbox(address)
      const found = desk.folder(mailbox, folder)
      found.name = name
      found.seq = ++mailbox.seq
    },
    removeFolder(address, folder) {
      const mailbox = store.mailbox(address)
      store.removeFolder(mailbox, desk.folder(mailbox, folder))
    },
    setDefaultFolder(address, distinguished, folder) {
      const mailbox = store.mailbox(address)
      const chosen = desk.folder(mailbox, folder)
      const before = store.distinguished(mailbox, distinguished)
      if (before) before.distinguished = null
      chosen.distinguished = distinguished
    },
    addArchive(address, { name, folderClass }) {
      const mailbox = store.mailbox(address)
      const root = store.addFolder(mailbox, {
        distinguished: 'archivemsgfolderroot',
        name: 'Archive',
        folderClass: 'IPF',
        parent: 0,
      })
      store.addFolder(mailbox, { name, folderClass, parent: root.serial })
    },
    emptyMailbox(address, { silent = false } = {}) {
      const mailbox = store.mailbox(address)
      if (silent) store.vanish(mailbox)
      else for (const item of [...mailbox.items.values()]) store.remove(mailbox, item)
    },
    resetMailbox: (address) => renew(store.mailbox(address)),
    snapshot: () => ({ mailboxes: store.snapshot() }),
    restore(snapshot) {
      subscriptions.kill()
      store.restore(snapshot.mailboxes)
    },
    invalidateSyncStates(address) {
      for (const mailbox of some(address)) mailbox.epoch += 1
    },
    killSubscriptions: (address) => subscriptions.kill(address === undefined ? undefined : store.mailbox(address)),
    loseEvents(on) {
      subscriptions.losing = on
    },
    moveMailbox(address, { inProgressMs = 0 } = {}) {
      const mailbox = store.mailbox(address)
      renew(mailbox)
      mailbox.movingUntil = store.clock.now() + inProgressMs
    },
  }
}
