import type { Config } from '../config.ts'
import { instant } from '../model/index.ts'
import type { AssigneeId, MailboxId, Policy, Preferences, SkipReason } from '../model/index.ts'
import { refused } from './errors.ts'
import type { Station } from './station.ts'
import { syncLanes } from './users.ts'

export interface CompanyPolicy {
  readonly sync: Config['sync']
  readonly policy: Config['policy']
  /** Whether it was set in the panel; else it stands in the configuration file. */
  readonly fromPanel: boolean
}

export interface Effective {
  readonly id: string
  readonly name: string
  readonly fullName: string
  readonly policy: Pick<Policy, 'direction' | 'conflict' | 'privateItems' | 'pastDays' | 'futureDays'> & Required<Pick<Policy, 'availabilityOnly' | 'categories'>> & { since: string | null }
  /** Which parts are the user's own choice. */
  readonly own: readonly string[]
}

export interface GroupRow {
  readonly id: string
  readonly name: string
  /** Names of the member users. */
  readonly members: readonly string[]
  readonly unconnected: readonly string[]
  readonly configured: boolean
}

/** What a changed choice lets in again. */
const BY_CHOICE: readonly SkipReason[] = ['direction', 'outside-window', 'private', 'category', 'before-start']

export function openPolicies(station: Station) {
  const { people, lanes } = station.store.panel

  const policyOf = (mailbox: string) => {
    const { connector } = station.need()
    return connector.policyFor(connector.laneOf(mailbox))
  }

  const isDemanded = (mailbox: string) => station.need().connector.config.users.some((entry) => entry.mailbox.toLowerCase() === mailbox.toLowerCase() && entry.availabilityOnly)

  function effectiveOf(user: { id: AssigneeId; name: string; fullName: string }, mailbox: string, wishes: Preferences | undefined): Effective {
    const { direction, conflict, privateItems, pastDays, futureDays, availabilityOnly, categories, since } = policyOf(mailbox)
    return {
      id: user.id, name: user.name, fullName: user.fullName,
      policy: { direction, conflict, privateItems, pastDays, futureDays, availabilityOnly: availabilityOnly ?? false, categories: categories ?? { only: [], except: [] }, since: since ?? null },
      // What the configuration demands is nobody's own choice.
      own: Object.keys(wishes ?? {}).filter((part) => part !== 'availabilityOnly' || !isDemanded(mailbox)),
    }
  }

  return {
    company(): CompanyPolicy {
      const { sync, policy } = station.need().connector.config
      const { fromPanel } = station.sections()
      return { sync, policy, fromPanel: fromPanel.includes('sync') || fromPanel.includes('policy') }
    },
    async changeCompany({ sync, policy }: Pick<CompanyPolicy, 'sync' | 'policy'>): Promise<void> {
      await station.change((sections) => ({ ...sections, sync, policy }))
      const { connector } = station.need()
      await lookAgain(connector.directory().mailboxes.map(({ id }) => id))
    },
    async effective({ search, offset, limit }: { search?: string | undefined; offset: number; limit: number }) {
      const { connector } = station.need()
      const wishes = await people.preferences(null)
      const needle = (search ?? '').toLowerCase()
      const users = await connector.crm.users()
      const all = connector.config.users.flatMap((entry) => {
        const user = users.find((one) => one.name === entry.crm)
        return user !== undefined && `${user.name} ${user.fullName} ${entry.mailbox}`.toLowerCase().includes(needle) ? [{ user, entry }] : []
      })
      return { total: all.length, rows: all.slice(offset, offset + limit).map(({ user, entry }) => effectiveOf(user, entry.mailbox, wishes.get(user.id))) }
    },
    effectiveOf, lookAgain,
    async wishes(id: AssigneeId): Promise<Preferences> {
      return (await people.preferences([id])).get(id) ?? {}
    },
    /** Followed at once: what was left alone by an earlier choice is looked at again. */
    async wish(id: AssigneeId, wishes: Preferences): Promise<void> {
      await people.savePreferences(id, wishes)
      const { connector } = station.need()
      await connector.readPreferences()
      await lookAgain(connector.directory().mailboxes.filter(({ userId }) => userId === id).map((mailbox) => mailbox.id))
    },
    /** From which moment on this user's mailbox is synchronised; null takes up everything in the window. */
    async since(id: AssigneeId, at: Date | null): Promise<void> {
      const { since: _, ...before } = (await people.preferences([id])).get(id) ?? {}
      await people.savePreferences(id, at === null ? before : { ...before, since: instant(at.getTime()) })
    },
    async groups(): Promise<GroupRow[]> {
      const { connector } = station.need()
      const { config } = connector
      const known = await connector.crm.groups()
      return known.map(({ id, name }) => {
        const entry = config.groups.find(({ crm }) => crm === id || crm === name)
        const members = entry?.members ?? []
        return { id, name, members, configured: entry !== undefined, unconnected: members.filter((member) => !config.users.some(({ crm }) => crm === member)) }
      })
    },
    async setMembers(id: string, members: readonly string[]): Promise<void> {
      const { connector } = station.need()
      const group = (await connector.crm.groups()).find((one) => one.id === id)
      if (group === undefined) throw refused(404, 'NO_SUCH_GROUP', 'The CRM has no such group.')
      const users = await connector.crm.users()
      const unknown = members.find((member) => !users.some(({ name }) => name === member))
      if (unknown !== undefined) throw refused(400, 'NO_SUCH_USER', `The CRM has no user "${unknown}".`)
      const others = connector.config.groups.filter(({ crm }) => crm !== id && crm !== group.name)
      await station.change((sections) => ({ ...sections, groups: [...others, { crm: group.name, members: [...members] }] }))
    },
  }

  async function lookAgain(ids: readonly MailboxId[]): Promise<void> {
    for (const id of ids) await lanes.hastenSkips(id, BY_CHOICE, new Date())
    await syncLanes(station, ids)
  }
}
