import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import { checkConfig, instanceOf, noConfiguration } from './config.ts'
import type { Config, ConnectionConfig, Sections, Surroundings, UserConfig } from './config.ts'
import { newTotals } from './engine/index.ts'
import type { Engine, Mode, Totals, Written } from './engine/index.ts'
import { createEwsConnection, cureFor } from './ews/index.ts'
import type { EwsConnection } from './ews/index.ts'
import type { GraphConnection } from './graph/index.ts'
import { SyncError } from './lib/errors.ts'
import { mailboxIdOf, readDirectory } from './main/directory.ts'
import { openGraph } from './main/graph.ts'
import { CRM_LANE, instant } from './model/index.ts'
import type { AssigneeId, Directory, Instant, Mailbox, MailboxId, Policy, Preferences } from './model/index.ts'
import type { Clock, Exchange, Hints, Log, Tx } from './ports.ts'
import { openStore } from './store/index.ts'
import type { PostgresStore } from './store/index.ts'
import { narrowed } from './sync/index.ts'
import { createVtenext } from './vtenext/index.ts'
import type { Vtenext } from './vtenext/index.ts'

export { mailboxIdOf } from './main/directory.ts'

/** The whole connector, wired. */
export interface Connector {
  readonly config: Config
  readonly store: PostgresStore
  readonly crm: Vtenext
  readonly log: Log
  readonly clock: Clock
  /** A fresh engine with its own totals. */
  engine(mode: Partial<Mode>, totals?: Totals): Engine
  connection(name: string): EwsConnection
  /** The connection to Microsoft 365 of that name; undefined where the configuration has none. */
  graph(name: string): GraphConnection | undefined
  /** What we prove ourselves with to Microsoft 365 and what of it ends soon, or has ended. */
  endingProofs(): readonly { readonly connection: string; readonly detail: string; readonly cure: string }[]
  hintsOf(mailbox: Mailbox): Hints
  /** How many mailboxes of Microsoft 365 are followed by notifications and how many are polled. */
  following(): { readonly notifications: number; readonly polled: number }
  /** Notifications of Microsoft 365 for a connection. @returns false when there is no such connection */
  receiveNotifications(connection: string, body: unknown): Promise<boolean>
  /**
   * Reads the CRM's users and groups, brings the lanes in line with the configuration, and returns the mailboxes.
   * A user the CRM does not know is reported in `totals` and hurts nobody else.
   */
  prepare(totals: Totals): Promise<readonly Mailbox[]>
  directory(): Directory
  /** The lane of a mailbox of the configuration. */
  laneOf(address: string): MailboxId
  /** As `prepare`, but the store and its lanes stay as they are: for a look at a configuration nobody has decided on. */
  look(totals: Totals): Promise<Directory>
  /** The company's policy, and what holds for one mailbox. */
  policy(): Policy
  policyFor(mailbox: MailboxId): Policy
  /** Goes on with other users, groups or policy; the CRM and the Exchange connections have to be the same. */
  adopt(config: Config): void
  /** Reads again what users chose for themselves. */
  readPreferences(): Promise<void>
  close(): Promise<void>
}

export const systemClock: Clock = {
  now: () => instant(Date.now()),
  elapsedMs: () => performance.now(),
  async sleep(ms, signal) {
    await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'AbortError') throw error
    })
  },
}

/** A clock that shows another time and runs on from there, so that tests can meet tomorrow today. */
function clockFrom(start: string): Clock {
  const aheadMs = Date.parse(start) - Date.now()
  return { ...systemClock, now: () => instant(Date.now() + aheadMs) }
}

/** Addresses are personal data. Messages of errors name them for whoever reads `status`; the log line has the lane. */
const withoutAddresses = (line: string) => line.replace(/[^\s"'<>:;,()/\\]+@[\w.-]*\w/g, '***')

/** Secrets never reach a log field by accident: what looks like one is removed. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const redact = { paths: ['password', 'accessKey', '*.password', '*.accessKey', 'headers', '*.headers'], remove: true }
  const options = { level, redact, hooks: { streamWrite: withoutAddresses } }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/**
 * @param config the configuration file; null where there is none and the panel's own has to do
 * @throws SyncError when the store cannot be opened, or the configuration contradicts itself or is nowhere
 */
export async function openConnector(config: Config | null, around: Surroundings, log: Log): Promise<Connector> {
  // Nothing is begun in a folder that was never used.
  if (config === null && around.databaseUrl === undefined && !existsSync(join(around.dataDir, 'postgres-password'))) throw noConfiguration(around.configFile)
  const store = await openConnectorStore(around, log)
  try {
    const stored = await storedSections(store)
    if (config === null && stored === null) throw noConfiguration(around.configFile)
    const connector = connectorOn(store, config !== null && stored === null ? config : checkConfig({ ...config, ...stored }), log, { around })
    return {
      ...connector,
      async close() {
        await connector.close()
        await store.close()
      },
    }
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** @throws SyncError when the database cannot be opened */
export function openConnectorStore(around: Surroundings, log: Log): Promise<PostgresStore> {
  const key = process.env['CONNECTOR_KEY']
  return openStore({
    dataDir: around.dataDir, log, clock: systemClock,
    ...(around.databaseUrl === undefined ? {} : { databaseUrl: around.databaseUrl }),
    ...(key === undefined ? {} : { key }),
  }).catch((thrown: unknown) => {
    throw notOpened(thrown, around)
  })
}

const STORED = 'panel configuration'

/** What was set in the panel; null where nothing was. It holds passwords, so it is sealed like them. */
export async function storedSections(store: PostgresStore): Promise<Sections | null> {
  // Without need no key is asked for: whoever keeps everything in the file may choose one later.
  if (!(await store.secrets.has(STORED))) return null
  const text = await store.secrets.get(STORED)
  return text === null ? null : (JSON.parse(text) as Sections)
}

export const storeSections = (store: PostgresStore, sections: Sections): Promise<void> => store.secrets.put(STORED, JSON.stringify(sections))

export interface ConnectorOptions {
  readonly around?: Surroundings
  /** Told of every content write that was carried out. */
  onWritten?(write: Written): void
}

/** Everything but the store, which stays open when this is closed. */
export function connectorOn(store: PostgresStore, initial: Config, log: Log, options: ConnectorOptions = {}): Connector {
  let config = initial
  const { around, onWritten } = options
  const clock = around?.now === undefined ? systemClock : clockFrom(around.now)
  const crm = createVtenext({
    url: config.crm.url, username: config.crm.username, accessKey: config.crm.accessKey, referenceLabel: config.crm.referenceField,
    allowHttp: config.crm.allowHttp, ...(around?.once === true ? { answersSeconds: 0 } : {}), log, clock,
  })
  const connections = new Map<string, EwsConnection>()
  const graphs = new Map<string, GraphConnection>()
  const replicas = new Map<MailboxId, Exchange>()
  let directory: Directory = { users: [], groups: [], mailboxes: [] }
  let policy = policyOf(config, directory)
  let preferences: ReadonlyMap<AssigneeId, Preferences> = new Map()
  /** What went wrong before may be right by now: a restart, or another password, tries everybody at once. */
  let isMended = true

  const connection = (name: string): EwsConnection => {
    const known = connections.get(name)
    if (known !== undefined) return known
    const made = createEwsConnection({ ...ewsOptions(config, name, log, clock), ownCredentials: (mailbox) => credentialsOf(userOf(mailbox)) })
    connections.set(name, made)
    return made
  }
  const graph = (name: string): GraphConnection | undefined => {
    if (!config.exchange.some((one) => one.name === name && one.kind === 'graph')) return undefined
    const made = graphs.get(name) ?? openGraph(config, name, store.secrets, log, clock)
    graphs.set(name, made)
    return made
  }
  const userOf = (mailbox: Mailbox) => config.users.find((user) => user.mailbox.toLowerCase() === mailbox.address)

  const policyFor = (id: MailboxId): Policy => {
    const mailbox = directory.mailboxes.find((one) => one.id === id)
    if (mailbox === undefined) return policy
    const chosen = narrowed(policy, preferences.get(mailbox.userId))
    return mailbox.availabilityOnly === true ? { ...chosen, availabilityOnly: true } : chosen
  }
  const readPreferences = async () => {
    preferences = await store.panel.people.preferences(null)
  }

  const look = async (totals: Totals): Promise<Directory> => {
    directory = await readDirectory(config, crm, await store.transaction((tx) => tx.lanes()), totals, log)
    policy = policyOf(config, directory)
    await readPreferences()
    return directory
  }

  return {
    store, crm, log, clock, connection, graph, policyFor, readPreferences,
    get config() {
      return config
    },
    policy: () => policy,
    adopt(next) {
      const before = new Map(config.users.map((user) => [user.mailbox.toLowerCase(), signInOf(user)]))
      config = next
      replicas.clear()
      for (const mailbox of directory.mailboxes) {
        if (before.get(mailbox.address) === signInOf(userOf(mailbox))) continue
        isMended = true
        if (graph(mailbox.connection) === undefined) connection(mailbox.connection).mailbox(mailbox)
      }
    },
    directory: () => directory,
    laneOf: (address) => directory.mailboxes.find((mailbox) => mailbox.address === address.toLowerCase())?.id ?? mailboxIdOf(address),
    endingProofs: () => config.exchange.flatMap(({ name }) => {
      const found = graph(name)
      return found === undefined || found.secretEnd() === null ? [] : found.checkSecret().flatMap(({ ok, detail, cure }) => (ok ? [] : [{ connection: name, detail, cure }]))
    }),
    following() {
      const all = [...graphs.values()].flatMap((one) => [...one.hints().following().values()])
      const notifications = all.filter((one) => one === 'notifications').length
      return { notifications, polled: all.length - notifications }
    },
    async receiveNotifications(name, body) {
      const found = graph(name)
      await found?.hints().receive(body)
      return found !== undefined
    },
    hintsOf: (mailbox) => (graph(mailbox.connection) ?? connection(mailbox.connection)).hints(),
    engine: (mode, totals = newTotals()) => ({
      store, crm, clock, log, totals,
      get policy() {
        return policy
      },
      policyFor,
      ...(onWritten === undefined ? {} : { onWritten }),
      directory: () => directory,
      instance: instanceOf(config),
      ids: { next: randomUUID },
      mode: { once: false, dry: false, safetyPullSeconds: 600, ...mode },
      exchangeOf(mailbox) {
        const known = replicas.get(mailbox.id)
        if (known !== undefined) return known
        const made = graph(mailbox.connection)?.mailbox(mailbox) ?? connection(mailbox.connection).mailbox(mailbox)
        replicas.set(mailbox.id, made)
        return made
      },
    }),
    look,
    async prepare(totals) {
      await look(totals)
      await store.transaction(async (tx) => {
        await alignLanes(tx, directory.mailboxes)
        if (isMended) await tryAgainNow(tx)
        await rerouteIfChanged(tx, config, directory, clock.now())
      })
      isMended = false
      return directory.mailboxes
    },
    async close() {
      await Promise.all([...connections.values(), ...graphs.values()].map((one) => one.close()))
      await crm.close()
    },
  }
}

/** A running service waits for a database that went away; at the start somebody has to look. */
function notOpened(thrown: unknown, { databaseUrl }: Surroundings): unknown {
  if (!(thrown instanceof SyncError) || thrown.code !== 'STORE_UNREACHABLE' || databaseUrl === undefined) return thrown
  const why = thrown.cause instanceof Error ? ` (${thrown.cause.message})` : ''
  return new SyncError(thrown.code, `The database that DATABASE_URL names cannot be reached${why}. Start it or correct DATABASE_URL; without that variable the connector runs a database of its own.`, {
    scope: 'system', remedy: 'ask-human', cause: thrown,
  })
}

/** A pause that is shorter than this is waited out; a longer one gives the lane's worker to another mailbox. */
const PATIENCE_MS = 5_000

function ewsOptions(config: Config, name: string, log: Log, clock: Clock): Parameters<typeof createEwsConnection>[0] {
  const found = config.exchange.find((one) => one.name === name)
  if (found === undefined) {
    throw new SyncError('CONFIG_INVALID', `There is no Exchange connection "${name}" in the configuration.`, { scope: 'system', remedy: 'ask-human' })
  }
  return {
    name, ...(found.url === undefined ? {} : { url: found.url }), impersonation: found.impersonation, delegation: found.delegation, allowHttp: found.allowHttp, log, clock,
    autodiscover: { ...(found.autodiscover === undefined ? {} : { url: found.autodiscover }), trusted: found.trustedHosts },
    auth: found.auth === 'ntlm' ? { kind: 'ntlm', channelBinding: found.channelBinding } : { kind: 'basic' }, patienceMs: PATIENCE_MS,
    credentials: { username: found.username ?? '', password: found.password ?? '' },
    ...(found.ca === undefined ? {} : { ca: readCa(found, found.ca) }),
  }
}

function readCa(connection: ConnectionConfig, file: string): string {
  // In the panel the certificate itself is pasted.
  if (file.includes('BEGIN CERTIFICATE')) return file
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SyncError('CONFIG_CA', `The certificate file ${file} of the connection "${connection.name}" cannot be read. Correct "ca" or the file's rights.`, { scope: 'system', remedy: 'ask-human', cause })
  }
}

const signInOf = (user: UserConfig | undefined) => JSON.stringify([user?.exchange, user?.username, user?.password])

/** @returns undefined when the connection's service account signs in for this user */
export const credentialsOf = (user: UserConfig | undefined) =>
  user?.username === undefined || user.password === undefined ? undefined : { username: user.username, password: user.password }

/** What an Exchange administrator does about an error, as `doctor` says it; null where its message says all. */
export const exchangeCure = cureFor

/** A mailbox taken out of the configuration loses its lane and nothing else: disconnecting deletes nothing. */
async function alignLanes(tx: Tx, mailboxes: readonly Mailbox[]): Promise<void> {
  const known = await tx.lanes()
  const wanted: { lane: MailboxId; mailbox: Mailbox | null }[] = [{ lane: CRM_LANE, mailbox: null }, ...mailboxes.map((mailbox) => ({ lane: mailbox.id, mailbox }))]
  for (const { lane, mailbox } of wanted) {
    const row = known.find((candidate) => candidate.lane === lane)
    if (row !== undefined && JSON.stringify(row.mailbox) === JSON.stringify(mailbox)) continue
    await tx.saveLane({ state: 'new', error: null, failures: 0, retryAt: null, lastRunAt: null, ...row, lane, mailbox })
  }
  for (const row of known) if (!wanted.some(({ lane }) => lane === row.lane)) await tx.removeLane(row.lane)
}

/** Failing lanes need not wait for their next attempt, except where a server asked for patience: it means that. */
async function tryAgainNow(tx: Tx): Promise<void> {
  const waiting = (await tx.lanes()).filter(({ retryAt, error }) => retryAt !== null && !/BUSY|THROTTLED/.test(error?.code ?? ''))
  for (const row of waiting) await tx.saveLane({ ...row, retryAt: null })
  await tx.wake(waiting.map(({ lane }) => lane))
}

/**
 * Who gets which record depends on users, groups and policy. When these change, the CRM is read again from the start, so
 * that new mailboxes get their copies and those that left lose theirs.
 */
async function rerouteIfChanged(tx: Tx, config: Config, directory: Directory, now: Instant): Promise<void> {
  const facts = {
    mailboxes: directory.mailboxes.map(({ id, userId }) => [id, userId]).sort(),
    groups: directory.groups.filter((group) => group.members.length > 0).map(({ id, members }) => [id, [...members].sort()]).sort(),
    sync: config.sync,
    defaultContactUser: config.policy.defaultContactUser,
  }
  const fingerprint = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
  const known = await tx.setting(PLACEMENT)
  if (known === fingerprint) return
  await tx.saveSetting(PLACEMENT, fingerprint)
  if (known === null) return
  for (const channel of await tx.channels(CRM_LANE)) {
    await tx.saveChannel({ ...channel, syncState: null, complete: false, resyncSince: now })
  }
  // The window may be another one: what it reaches of each series is reckoned anew.
  for (const { id } of directory.mailboxes) await tx.saveSeries((await tx.series(id)).map((row) => ({ ...row, dueAt: now })))
}

const PLACEMENT = 'placement'

function policyOf({ sync, policy }: Config, directory: Directory): Policy {
  const defaultUser = directory.users.find((user) => user.name === policy.defaultContactUser)
  return {
    direction: { event: sync.events, task: sync.tasks, contact: sync.contacts },
    conflict: policy.conflict,
    privateItems: policy.privateItems,
    contactsCrmWins: policy.contacts === 'crm-wins',
    defaultContactUser: defaultUser?.id ?? null,
    groupCompletion: policy.groupCompletion,
    meetings: policy.meetings,
    sendMeetingUpdates: policy.sendMeetingUpdates,
    cancelMeetings: policy.cancelMeetings,
    answers: policy.answers,
    foreignDeletion: policy.foreignDeletion,
    inviteContacts: policy.inviteContacts,
    keepPast: policy.pastEvents === 'keep',
    pastDays: sync.pastDays,
    futureDays: sync.futureDays,
    graceSeconds: policy.deletionGraceSeconds,
    deletionLimit: { count: policy.deletionLimit.count, share: policy.deletionLimit.percent / 100 },
  }
}
