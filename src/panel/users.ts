import { connectionOf } from '../config.ts'
import type { Config, UserConfig } from '../config.ts'
import { asSyncError } from '../lib/errors.ts'
import { credentialsOf } from '../main.ts'
import { instant, ITEM_KINDS } from '../model/index.ts'
import type { CrmUser, Mailbox, MailboxId } from '../model/index.ts'
import type { LaneFacts } from '../store/index.ts'
import { refused } from './errors.ts'
import type { Policies } from './index.ts'
import { checkMailbox, mailboxFor } from './mailboxes.ts'
import { cureOf, standingOf, transportOf } from './standing.ts'
import type { Standing, Transport } from './standing.ts'
import type { Station } from './station.ts'
import type { Task, Tasks } from './tasks.ts'

export interface UserRow {
  readonly id: string
  readonly name: string
  readonly fullName: string
  readonly active: boolean
  readonly admin: boolean
  readonly zone: string
  readonly mailbox: string | null
  readonly suggested: string | null
  readonly connection: string | null
  readonly ownCredentials: boolean
  /** Other addresses of the mailbox, and earlier ones. */
  readonly aliases: readonly string[]
  /** Whether an administrator lets only its free and busy times reach the CRM. */
  readonly availabilityOnly: boolean
  readonly standing: Standing
  readonly transport: Transport
  readonly linked: number
  readonly waiting: number
  readonly failing: number
  readonly skipped: number
  readonly issues: number
  readonly firstSyncDone: boolean
  readonly lastToExchange: string | null
  readonly lastToCrm: string | null
  readonly lastRunAt: string | null
  readonly retryAt: string | null
  readonly error: { readonly code: string; readonly message: string } | null
  readonly cure: string | null
}

export interface UserQuery {
  readonly search?: string | undefined
  readonly standing?: Standing | undefined
  readonly connected?: boolean | undefined
  readonly sort: 'name' | 'fullName' | 'standing' | 'mailbox'
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

export interface Enabling {
  readonly id: string
  readonly mailbox?: string | undefined
  readonly connection?: string | undefined
}

export interface UserChange {
  readonly aliases?: readonly string[] | undefined
  readonly availabilityOnly?: boolean | undefined
}

export interface TestResult {
  readonly id: string
  readonly name: string
  readonly mailbox: string | null
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string; readonly cure: string }[]
}

const ORDER: readonly Standing[] = ['attention', 'degraded', 'starting', 'paused', 'healthy', 'off']

export function openUsers(station: Station, tasks: Tasks, policies: Policies) {
  const { store } = station

  async function everybody(): Promise<{ users: readonly CrmUser[]; config: Config; facts: ReadonlyMap<MailboxId, LaneFacts> }> {
    const { connector } = station.need()
    const [users, facts] = await Promise.all([connector.crm.users(), store.panel.lanes.laneFacts(null)])
    return { users, config: connector.config, facts: new Map(facts.map((row) => [row.lane, row])) }
  }

  const entryOf = (config: Config, user: CrmUser) => config.users.find((entry) => entry.crm === user.name)

  function rowOf(user: CrmUser, config: Config, facts: ReadonlyMap<MailboxId, LaneFacts>): UserRow {
    const entry = entryOf(config, user)
    const lane = entry === undefined ? undefined : facts.get(station.need().connector.laneOf(entry.mailbox))
    const connection = entry === undefined ? undefined : connectionOf(config, entry)
    return {
      id: user.id, name: user.name, fullName: user.fullName, active: user.active, admin: user.admin, zone: user.zone,
      mailbox: entry?.mailbox ?? null, suggested: user.addresses[0] ?? null, connection: connection?.name ?? null,
      ownCredentials: entry?.username !== undefined, aliases: entry?.aliases ?? [], availabilityOnly: entry?.availabilityOnly ?? false,
      standing: entry === undefined ? 'off' : lane === undefined ? 'starting' : standingOf(lane),
      transport: transportOf(lane, station.running()?.service.connected() ?? new Set()),
      linked: lane?.linked ?? 0, waiting: lane?.waiting ?? 0, failing: lane?.failing ?? 0, skipped: lane?.skipped ?? 0,
      issues: (lane?.held ?? 0) + (lane?.conflicts ?? 0) + (lane?.failing ?? 0) + (lane?.state === 'failing' ? 1 : 0),
      firstSyncDone: lane?.complete ?? false, lastToExchange: lane?.lastToExchange ?? null, lastToCrm: lane?.lastToCrm ?? null,
      lastRunAt: lane?.lastRunAt ?? null, retryAt: lane?.retryAt ?? null, error: lane?.error ?? null, cure: cureOf(lane?.error ?? null, connection, entry),
    }
  }

  async function list(query: UserQuery): Promise<{ total: number; rows: UserRow[] }> {
    const { users, config, facts } = await everybody()
    const needle = (query.search ?? '').trim().toLowerCase()
    const rows = users
      .filter((user) => user.active || entryOf(config, user) !== undefined)
      .map((user) => rowOf(user, config, facts))
      .filter((row) => needle === '' || [row.name, row.fullName, row.mailbox, row.suggested].some((text) => text?.toLowerCase().includes(needle)))
      .filter((row) => (query.standing === undefined || row.standing === query.standing) && (query.connected === undefined || (row.mailbox !== null) === query.connected))
    // Who has no full name is shown by the other one.
    const named = (row: UserRow) => (query.sort === 'fullName' ? row.fullName || row.name : query.sort === 'standing' ? String(ORDER.indexOf(row.standing)) : (row[query.sort] ?? ''))
    const key = (row: UserRow) => named(row).toLowerCase()
    rows.sort((left, right) => (key(left) < key(right) ? -1 : key(left) > key(right) ? 1 : left.id < right.id ? -1 : 1) * (query.descending ? -1 : 1))
    return { total: rows.length, rows: rows.slice(query.offset, query.offset + query.limit) }
  }

  async function one(id: string): Promise<UserRow> {
    const { connector } = station.need()
    const user = (await connector.crm.users()).find((candidate) => candidate.id === id)
    if (user === undefined) throw refused(404, 'NO_SUCH_USER', 'The CRM has no such user.')
    const entry = entryOf(connector.config, user)
    const facts = entry === undefined ? [] : await store.panel.lanes.laneFacts([connector.laneOf(entry.mailbox)])
    return rowOf(user, connector.config, new Map(facts.map((row) => [row.lane, row])))
  }

  async function chosen(ids: readonly string[]): Promise<CrmUser[]> {
    const users = await station.need().connector.crm.users()
    return ids.map((id) => {
      const user = users.find((candidate) => candidate.id === id)
      if (user === undefined) throw refused(404, 'NO_SUCH_USER', `The CRM has no user ${id}.`)
      return user
    })
  }

  /** The mailboxes of these users that are connected; the others have nothing to be paused or hastened. */
  async function lanesOf(ids: readonly string[]): Promise<{ user: CrmUser; lane: MailboxId }[]> {
    const { config } = station.need().connector
    return (await chosen(ids)).flatMap((user) => {
      const entry = entryOf(config, user)
      return entry === undefined ? [] : [{ user, lane: station.need().connector.laneOf(entry.mailbox) }]
    })
  }

  function entryFor(config: Config, user: CrmUser, { mailbox, connection }: Omit<Enabling, 'id'>): UserConfig {
    const before = entryOf(config, user)
    const address = mailbox ?? before?.mailbox ?? user.addresses[0]
    if (address === undefined) throw refused(400, 'NO_MAILBOX', `${user.name} has no e-mail address in the CRM. Name the mailbox.`)
    const exchange = connection ?? before?.exchange ?? (config.exchange.length === 1 ? undefined : config.exchange[0]?.name)
    // A password of his own was for the connection he had.
    const { username, password, ...rest } = before ?? {}
    const own = before !== undefined && connection !== undefined && connection !== connectionOf(config, before)?.name ? {} : { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) }
    return { aliases: [], availabilityOnly: false, ...rest, ...own, crm: user.name, mailbox: address, ...(exchange === undefined ? {} : { exchange }) }
  }

  async function testOne(user: CrmUser, wanted: Omit<Enabling, 'id'>): Promise<TestResult> {
    const { connector } = station.need()
    const result = { id: user.id, name: user.name }
    try {
      const entry = entryFor(connector.config, user, wanted)
      const connection = connectionOf(connector.config, entry)
      if (connection === undefined) throw refused(400, 'NO_CONNECTION', `There is no Exchange connection "${entry.exchange ?? ''}".`)
      const checks = await checkMailbox(connector, connection, mailboxFor(connector, connection.name, entry.mailbox, user), credentialsOf(entry))
      return { ...result, mailbox: entry.mailbox, ok: checks.every((check) => check.ok), checks }
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : asSyncError(thrown).message
      return { ...result, mailbox: null, ok: false, checks: [{ name: 'configuration', ok: false, detail: message, cure: '' }] }
    }
  }

  return {
    list, one,
    /** Looks step by step at each mailbox, several at a time. */
    async test(wanted: readonly Enabling[]): Promise<Task> {
      const users = await chosen(wanted.map(({ id }) => id))
      return tasks.run('test', users.length, async (report) => {
        const results: TestResult[] = new Array<TestResult>(users.length)
        let next = 0
        const worker = async () => {
          for (let at = next++; at < users.length; at = next++) {
            results[at] = await testOne(users[at] as CrmUser, wanted[at] ?? {})
            report(results.filter(Boolean))
          }
        }
        await Promise.all(Array.from({ length: Math.min(4, users.length) }, worker))
        return results
      })
    },
    /** @param takeUp `new`: what nobody touches any more stays where it is */
    async enable(wanted: readonly Enabling[], takeUp: 'all' | 'new'): Promise<void> {
      const users = await chosen(wanted.map(({ id }) => id))
      const { connector } = station.need()
      const entries = users.map((user, at) => entryFor(connector.config, user, wanted[at] ?? {}))
      if (takeUp === 'new') for (const user of users) await policies.since(user.id, new Date())
      await station.change((sections) => ({ ...sections, users: [...connector.config.users.filter((entry) => !entries.some(({ crm }) => crm === entry.crm)), ...entries] }))
    },
    /** Followed at once: what the change masks, or lets in again, is looked at anew. */
    async change(id: string, wanted: UserChange): Promise<UserRow> {
      const [user] = await chosen([id])
      const { config } = station.need().connector
      const before = user === undefined ? undefined : entryOf(config, user)
      if (before === undefined) throw refused(409, 'NOT_CONNECTED', 'No mailbox of this user is connected. Connect one first.')
      const { aliases = before.aliases, availabilityOnly = before.availabilityOnly } = wanted
      await station.change((sections) => ({ ...sections, users: config.users.map((entry) => (entry === before ? { ...entry, aliases: [...aliases], availabilityOnly } : entry)) }))
      await policies.lookAgain([station.need().connector.laneOf(before.mailbox)])
      return one(id)
    },
    /** Deletes nothing on either side. */
    async disconnect(ids: readonly string[]): Promise<void> {
      const names = new Set((await chosen(ids)).map(({ name }) => name))
      const { config } = station.need().connector
      await station.change((sections) => ({ ...sections, users: config.users.filter((entry) => !names.has(entry.crm)) }))
    },
    async setPaused(ids: readonly string[], paused: boolean): Promise<void> {
      const lanes = await lanesOf(ids)
      await store.transaction(async (tx) => {
        const rows = await tx.lanes()
        for (const { lane } of lanes) {
          const row = rows.find((candidate) => candidate.lane === lane)
          if (row !== undefined && (row.state === 'paused') !== paused) await tx.saveLane({ ...row, state: paused ? 'paused' : 'new', retryAt: null })
        }
        if (!paused) await tx.wake(lanes.map(({ lane }) => lane))
      })
    },
    async syncNow(ids: readonly string[]): Promise<void> {
      await syncLanes(station, (await lanesOf(ids)).map(({ lane }) => lane))
    },
    /** @see PanelLanes.resetLane */
    async reset(ids: readonly string[], existing: 'keep' | 'match-again', takeUp: 'all' | 'new'): Promise<void> {
      const now = new Date()
      for (const { user, lane } of await lanesOf(ids)) {
        await policies.since(user.id, takeUp === 'new' ? now : null)
        // Whatever runs in this lane now may no longer save what it has read.
        await store.raiseFence(lane)
        await store.panel.lanes.resetLane(lane, existing === 'match-again', now)
      }
      const { connector, service } = station.need()
      await connector.readPreferences()
      await syncLanes(station, (await lanesOf(ids)).map(({ lane }) => lane))
      await service.ping()
    },
  }
}

export type Users = ReturnType<typeof openUsers>

/** Every folder is looked at now, failures are tried again at once. */
export async function syncLanes(station: Station, lanes: readonly MailboxId[]): Promise<void> {
  await station.store.transaction(async (tx) => {
    const now = instant(Date.now())
    const rows = await tx.lanes()
    for (const lane of lanes) {
      const row = rows.find((candidate) => candidate.lane === lane)
      if (row?.retryAt != null) await tx.saveLane({ ...row, retryAt: null })
      await tx.hastenInbox(lane, now)
      await tx.markDirty(lane, ITEM_KINDS, now)
    }
    await tx.wake(lanes)
  })
}

export const addressOf = (mailboxes: readonly Mailbox[], lane: string): string | null => mailboxes.find(({ id }) => id === lane)?.address ?? null
