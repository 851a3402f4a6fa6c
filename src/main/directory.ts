/** Who is who: the users and groups of the CRM, and the mailboxes that the configuration gives them. */
import { createHash } from 'node:crypto'
import { connectionOf } from '../config.ts'
import type { Config, UserConfig } from '../config.ts'
import type { Totals } from '../engine/index.ts'
import { CRM_LANE, mailboxId } from '../model/index.ts'
import type { CrmGroup, CrmUser, Directory, Mailbox, MailboxId } from '../model/index.ts'
import type { Crm, LaneRow, Log } from '../ports.ts'

/** Not the address: ids go into logs. */
export const mailboxIdOf = (address: string): MailboxId =>
  mailboxId(`mb-${createHash('sha256').update(address.toLowerCase()).digest('hex').slice(0, 12)}`)

/** @returns undefined when the connection's service account signs in for this user */
export const credentialsOf = (user: UserConfig | undefined) =>
  user?.username === undefined || user.password === undefined ? undefined : { username: user.username, password: user.password }

/**
 * @param known the lanes there are: mailboxes and users are recognised in them when their address or name has changed
 * @param totals is told of every user and group that cannot be served
 */
export async function readDirectory(config: Config, crm: Crm, known: readonly LaneRow[], totals: Totals, log: Log): Promise<Directory> {
  const [users, groups] = await Promise.all([crm.users(), crm.groups()])
  const mailboxes: Mailbox[] = []
  for (const entry of config.users) {
    const lane = laneOf(known, entry)
    const user = users.find((candidate) => candidate.name === entry.crm) ?? formerly(entry, lane, users)
    const connection = connectionOf(config, entry)
    if (user === undefined || !user.active || connection === undefined) {
      const what = user === undefined ? 'the CRM has no user of that name' : 'that CRM user is inactive'
      const message = `${entry.crm} is not synchronised: ${what}. Correct "users" in the configuration, or the user in the CRM.`
      log.warn({ user: entry.crm }, message)
      report(totals, mailboxIdOf(entry.mailbox), message)
      continue
    }
    if (user.name !== entry.crm) log.warn({ user: entry.crm }, `The CRM user ${entry.crm} is called ${user.name} now. Correct "users" in the configuration; until then the user is known by id.`)
    mailboxes.push({
      id: lane?.lane ?? freeId(known, entry), ...addressesOf(entry), ...(entry.availabilityOnly ? { availabilityOnly: true } : {}),
      user: entry.crm, userId: user.id, connection: connection.name, zone: user.zone,
    })
  }
  return { users, groups: withMembers(config, groups, users, totals, log), mailboxes }
}

function addressesOf({ mailbox, aliases }: UserConfig): Pick<Mailbox, 'address' | 'aliases'> {
  return { address: mailbox.toLowerCase(), ...(aliases.length === 0 ? {} : { aliases: aliases.map((alias) => alias.toLowerCase()) }) }
}

/** A mailbox whose main address has changed keeps its lane, and so all that is known of it, when the old one is among its aliases. */
export function laneOf(known: readonly LaneRow[], { mailbox, aliases }: Pick<UserConfig, 'mailbox' | 'aliases'>): LaneRow | undefined {
  const by = (address: string) => known.find((row) => row.mailbox?.address === address.toLowerCase())
  return by(mailbox) ?? aliases.map(by).find((row) => row !== undefined)
}

/** An address that belonged to another mailbox before: that one goes on under its id. */
function freeId(known: readonly LaneRow[], { mailbox }: UserConfig): MailboxId {
  const id = mailboxIdOf(mailbox)
  return known.some(({ lane }) => lane === id) ? mailboxIdOf(`${mailbox} again`) : id
}

/** The CRM lets a user be called something else; the id stays. */
export function formerly(entry: UserConfig, lane: LaneRow | undefined, users: readonly CrmUser[]): CrmUser | undefined {
  const { user, userId } = lane?.mailbox ?? {}
  return user === entry.crm ? users.find(({ id }) => id === userId) : undefined
}

function report(totals: Totals, lane: MailboxId, message: string): void {
  totals.failed += 1
  totals.errors.push({ lane, code: 'CONFIG_USER', message })
}

/** The CRM tells no members: they come from the configuration, by group name or id. */
function withMembers(config: Config, groups: readonly CrmGroup[], users: readonly CrmUser[], totals: Totals, log: Log): CrmGroup[] {
  for (const entry of config.groups) {
    const unknown = entry.members.filter((name) => !users.some((user) => user.name === name))
    const missing = !groups.some((group) => group.id === entry.crm || group.name === entry.crm)
    if (unknown.length === 0 && !missing) continue
    const what = missing ? 'the CRM has no group of that name or id' : `the CRM has no user ${unknown.join(', ')}`
    const message = `The group ${entry.crm} is not complete: ${what}. Correct "groups" in the configuration.`
    log.warn({ group: entry.crm }, message)
    report(totals, CRM_LANE, message)
  }
  return groups.map((group) => {
    const entry = config.groups.find((candidate) => candidate.crm === group.id || candidate.crm === group.name)
    const members = (entry?.members ?? []).flatMap((name) => users.find((user) => user.name === name)?.id ?? [])
    return { ...group, members }
  })
}
