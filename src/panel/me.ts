import { connectionOf } from '../config.ts'
import type { ConnectionConfig, UserConfig } from '../config.ts'
import { asSyncError } from '../lib/errors.ts'
import { openSharing } from '../main.ts'
import type { Preferences } from '../model/index.ts'
import type { Sharing, SharingEntry } from '../ports.ts'
import { refused } from './errors.ts'
import type { Policies } from './index.ts'
import { checkMailbox, isShared, mailboxFor } from './mailboxes.ts'
import type { PopUps } from './pop-up.ts'
import type { Station } from './station.ts'
import type { TestResult, Users } from './users.ts'
import { syncLanes } from './users.ts'
import { mailboxOf } from './viewer.ts'
import type { Viewer } from './viewer.ts'

export interface OwnCredentials {
  readonly connection: string
  readonly mailbox?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** How somebody can connect a mailbox of his own. */
export interface Way {
  readonly connection: string
  /** `service`: an account of the company reads it; `own`: with his own password; `microsoft`: in Microsoft's window. */
  readonly how: 'service' | 'own' | 'microsoft'
  readonly auth: string
}

/** What an account of the company opens, or Microsoft asks for, is his only if the CRM says so. */
function ownAddress(addresses: readonly string[], wanted: string | undefined): string {
  const mailbox = wanted?.toLowerCase() ?? addresses[0]
  if (mailbox !== undefined && addresses.includes(mailbox)) return mailbox
  throw refused(403, 'NOT_YOUR_ADDRESS', `Your CRM user has ${addresses.length === 0 ? 'no e-mail address' : `the address ${addresses.join(', ')}`}. An administrator can connect another mailbox.`)
}

export function openMe(station: Station, users: Users, policies: Policies, popUps: PopUps) {
  const wayOf = (connection: ConnectionConfig): Way => ({
    connection: connection.name, auth: connection.auth,
    how: popUps.connections().includes(connection.name) ? 'microsoft' : isShared(connection) ? 'service' : 'own',
  })

  async function entryFor(viewer: Viewer, wanted: OwnCredentials): Promise<{ entry: UserConfig; way: Way; connection: ConnectionConfig }> {
    const { connector } = station.need()
    const connection = connector.config.exchange.find(({ name }) => name === wanted.connection)
    if (connection === undefined) throw refused(404, 'NO_CONNECTION', `There is no Exchange connection "${wanted.connection}".`)
    const way = wayOf(connection)
    const addresses = (await connector.crm.users()).find(({ id }) => id === viewer.id)?.addresses ?? []
    const before = connector.config.users.find(({ crm }) => crm === viewer.name)
    const entry = { aliases: before?.aliases ?? [], availabilityOnly: before?.availabilityOnly ?? false, crm: viewer.name, exchange: connection.name }
    if (way.how === 'own') {
      if (!wanted.username || !wanted.password) throw refused(400, 'CREDENTIALS_MISSING', 'Enter the user name and password of the mailbox.')
      return { entry: { ...entry, mailbox: wanted.mailbox ?? addresses[0] ?? wanted.username, username: wanted.username, password: wanted.password }, way, connection }
    }
    if (way.how === 'microsoft') {
      const signedIn = popUps.signedIn(viewer, connection.name)
      if (signedIn === null) throw refused(400, 'NOT_SIGNED_IN', 'Sign in at Microsoft first.')
      return { entry: { ...entry, mailbox: signedIn.address }, way, connection }
    }
    return { entry: { ...entry, mailbox: ownAddress(addresses, wanted.mailbox) }, way, connection }
  }

  async function sharingOf(viewer: Viewer): Promise<Sharing | null> {
    const { connector } = station.need()
    const entry = connector.config.users.find(({ crm }) => crm === viewer.name)
    return entry === undefined ? null : openSharing(connector, entry)
  }

  async function test(viewer: Viewer, wanted: OwnCredentials): Promise<TestResult> {
    const { entry, way, connection } = await entryFor(viewer, wanted)
    const { connector } = station.need()
    const own = way.how === 'own' ? { username: entry.username ?? '', password: entry.password ?? '' } : undefined
    const checks = await checkMailbox(connector, connection, mailboxFor(connector, connection.name, entry.mailbox, viewer), own)
    return { id: viewer.id, name: viewer.name, mailbox: entry.mailbox, ok: checks.every(({ ok }) => ok), checks }
  }

  return {
    async overview(viewer: Viewer) {
      const { connector } = station.need()
      const { config } = connector
      const row = await users.one(viewer.id)
      const entry = config.users.find(({ crm }) => crm === viewer.name)
      const lane = entry === undefined ? null : connector.laneOf(entry.mailbox)
      const wishes = await policies.wishes(viewer.id)
      const { sync, policy } = policies.company()
      return {
        user: row,
        ways: config.exchange.map(wayOf),
        way: entry === undefined ? null : (([connection]) => (connection === undefined ? null : wayOf(connection)))([connectionOf(config, entry)]),
        addresses: (await connector.crm.users()).find(({ id }) => id === viewer.id)?.addresses ?? [],
        wishes,
        effective: policies.effectiveOf({ id: viewer.id, name: viewer.name, fullName: viewer.fullName }, entry?.mailbox ?? '', wishes).policy,
        company: { sync, privateItems: policy.privateItems, conflict: policy.conflict, availabilityOnly: entry?.availabilityOnly ?? false },
        skippedBy: lane === null ? {} : await station.store.panel.lanes.countSkipsBy(lane),
      }
    },
    test,
    /** Nothing is stored unless the mailbox opens. */
    async connect(viewer: Viewer, wanted: OwnCredentials, takeUp: 'all' | 'new'): Promise<TestResult> {
      const result = await test(viewer, wanted)
      if (!result.ok) return result
      const { entry } = await entryFor(viewer, wanted)
      const { config } = station.need().connector
      if (config.users.some((one) => one.crm !== viewer.name && one.mailbox.toLowerCase() === entry.mailbox.toLowerCase())) {
        throw refused(409, 'MAILBOX_TAKEN', `The mailbox ${entry.mailbox} is connected to another CRM user.`)
      }
      if (takeUp === 'new') await policies.since(viewer.id, new Date())
      await station.change((sections) => ({ ...sections, users: [...config.users.filter(({ crm }) => crm !== viewer.name), entry] }))
      return result
    },
    /** @returns where the window for signing in goes */
    async beginSignIn(viewer: Viewer, connection: string, wanted: string | undefined, redirectUri: string): Promise<string> {
      const { connector } = station.need()
      const addresses = (await connector.crm.users()).find(({ id }) => id === viewer.id)?.addresses ?? []
      return popUps.begin(viewer, mailboxFor(connector, connection, ownAddress(addresses, wanted), viewer), redirectUri)
    },
    /** Who sees what of the viewer's calendar; null where his server cannot be asked. */
    async sharing(viewer: Viewer): Promise<{ entries: readonly SharingEntry[] } | { error: string } | null> {
      const sharing = await sharingOf(viewer)
      if (sharing === null) return null
      return sharing.list().then((entries) => ({ entries }), (thrown: unknown) => ({ error: asSyncError(thrown).message }))
    },
    /** Free and busy times only, and never less than a colleague has already. @throws SyncError */
    async share(viewer: Viewer, colleague: string, on: boolean): Promise<readonly SharingEntry[]> {
      const sharing = await sharingOf(viewer)
      if (sharing === null) throw refused(409, 'NO_SHARING', 'Your mailbox is not connected, or its server cannot be asked for this.')
      const outcome = on ? await sharing.give(colleague, 'availability', false) : await sharing.remove(colleague, false)
      if (outcome.type === 'refused') throw refused(409, 'HAS_MORE', `${colleague} sees more than that of your calendar. Change it in Outlook, so that nothing is taken away by mistake.`)
      return outcome.entries
    },
    async disconnect(viewer: Viewer): Promise<void> {
      const { config } = station.need().connector
      await station.change((sections) => ({ ...sections, users: config.users.filter(({ crm }) => crm !== viewer.name) }))
    },
    async wish(viewer: Viewer, wishes: Omit<Preferences, 'since'>): Promise<void> {
      const { since } = await policies.wishes(viewer.id)
      await policies.wish(viewer.id, { ...wishes, ...(since === undefined ? {} : { since }) })
    },
    async syncNow(viewer: Viewer): Promise<void> {
      const lane = mailboxOf(station, viewer)
      if (lane === null) throw refused(409, 'NOT_CONNECTED', 'No mailbox is connected.')
      await syncLanes(station, [lane])
    },
  }
}
