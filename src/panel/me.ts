import { connectionOf } from '../config.ts'
import type { ConnectionConfig, UserConfig } from '../config.ts'
import type { Preferences } from '../model/index.ts'
import { refused } from './errors.ts'
import type { Policies } from './index.ts'
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

export function openMe(station: Station, users: Users, policies: Policies, popUps: PopUps) {
  const wayOf = (connection: ConnectionConfig): Way => ({
    connection: connection.name, auth: connection.auth,
    how: popUps.connections().includes(connection.name) ? 'microsoft' : connection.impersonation ? 'service' : 'own',
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
      const mailbox = popUps.signedIn(viewer, connection.name)
      if (mailbox === null) throw refused(400, 'NOT_SIGNED_IN', 'Sign in at Microsoft first.')
      return { entry: { ...entry, mailbox }, way, connection }
    }
    // The company's account opens every mailbox, so only the CRM's own word says which one is his.
    const mailbox = wanted.mailbox?.toLowerCase() ?? addresses[0]
    if (mailbox === undefined || !addresses.includes(mailbox)) {
      throw refused(403, 'NOT_YOUR_ADDRESS', `Your CRM user has ${addresses.length === 0 ? 'no e-mail address' : `the address ${addresses.join(', ')}`}. An administrator can connect another mailbox.`)
    }
    return { entry: { ...entry, mailbox }, way, connection }
  }

  async function test(viewer: Viewer, wanted: OwnCredentials): Promise<TestResult> {
    const { entry, way } = await entryFor(viewer, wanted)
    const own = way.how === 'own' ? { username: entry.username ?? '', password: entry.password ?? '' } : undefined
    const checks = await station.need().connector.connection(wanted.connection).check(entry.mailbox, own)
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
        company: { sync, privateItems: policy.privateItems, conflict: policy.conflict },
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
