/** What can be wrong with who is who: found by comparing the configuration with the CRM, the lanes and the directory of Exchange. */
import type { Config, UserConfig } from '../config.ts'
import { laneOf } from '../main/directory.ts'
import type { CrmUser, Directory } from '../model/index.ts'
import type { LaneRow } from '../ports.ts'
import { groupNotices } from './notices.ts'

export interface Finding {
  readonly name: string
  readonly of: string
  readonly ok: boolean
  readonly level: 'error' | 'warning'
  readonly detail: string
  readonly cure: string
}

/** A mailbox as the directory of Exchange knows it: its main address; null for an address nobody has. */
export type Located = ReadonlyMap<string, string | null>

export interface PeopleFacts {
  readonly config: Config
  readonly directory: Directory
  /** As they were before this check. */
  readonly lanes: readonly LaneRow[]
  /** By address, as far as Exchange could be asked. */
  readonly located: Located
}

export function checkWhoIsWho(facts: PeopleFacts): Finding[] {
  const { config } = facts
  return [
    ...config.users.flatMap((entry) => [...checkName(facts, entry), ...checkAddress(facts, entry)]),
    ...checkSharedMailboxes(facts), ...checkSharedAddresses(facts), ...checkMembers(facts), ...checkDefault(facts), ...listUnconnected(facts),
  ]
}

const warning = (name: string, detail: string, cure: string): Finding => ({ name, of: 'configuration', ok: false, level: 'warning', detail, cure })

/** A CRM user who is called something else, or whose name somebody else has now. */
function checkName({ directory, lanes }: PeopleFacts, entry: UserConfig): Finding[] {
  const before = laneOf(lanes, entry)?.mailbox
  if (before?.user !== entry.crm) return []
  const now = directory.users.find(({ id }) => id === before.userId)
  if (now === undefined || now.name === entry.crm) return []
  const other = directory.users.find(({ name }) => name === entry.crm)
  if (other === undefined) {
    return [warning('renamed user', `The CRM user ${entry.crm} is called ${now.name} now; the mailbox is kept in step all the same.`, `Write crm: ${now.name} under "users".`)]
  }
  return [warning('reused user name', `${entry.mailbox} belonged to the CRM user ${now.id}, who is called ${now.name} now; another user (${other.id}) is called ${entry.crm}.`,
    `If the mailbox is still that of the first one, write crm: ${now.name} under "users".`)]
}

/** A mailbox that has got another main address, and aliases that are somebody else's. */
function checkAddress({ located }: PeopleFacts, { crm, mailbox, aliases }: UserConfig): Finding[] {
  const main = located.get(mailbox.toLowerCase())
  if (main === undefined || main === null) return []
  const renamed = main === mailbox.toLowerCase() ? [] : [warning('renamed mailbox', `${mailbox} (${crm}) is another address of ${main}.`,
    `Write mailbox: ${main} and aliases: [${[mailbox.toLowerCase(), ...aliases.filter((alias) => alias.toLowerCase() !== main)].join(', ')}] under "users"; nothing that is linked is lost.`)]
  const foreign = aliases.filter((alias) => ![undefined, null, main].includes(located.get(alias.toLowerCase())))
  return [...renamed, ...foreign.map((alias) => warning('alias of another mailbox', `${alias} is among the aliases of ${crm}, but in Exchange an address of ${located.get(alias.toLowerCase())}.`, `Remove the alias.`))]
}

/** Two users of the configuration whose addresses lead to one mailbox. */
function checkSharedMailboxes({ config, located }: PeopleFacts): Finding[] {
  const groups = Map.groupBy(config.users, ({ mailbox }) => located.get(mailbox.toLowerCase()) ?? mailbox.toLowerCase())
  return [...groups].flatMap(([main, users]): Finding[] => (users.length < 2 ? [] : [{
    name: 'shared mailbox', of: 'configuration', ok: false, level: 'error',
    detail: `${users.map(({ crm, mailbox }) => `${crm} (${mailbox})`).join(' and ')} are given one mailbox, ${main}: every item would be there twice.`,
    cure: 'Leave it with one of them; one mailbox belongs to one CRM user. A record for both belongs to a group.',
  }]))
}

/** CRM users with one e-mail address, of whom at least one is connected: as people on events they cannot be told apart. */
function checkSharedAddresses({ config, directory }: PeopleFacts): Finding[] {
  const connected = new Set(config.users.map(({ crm }) => crm))
  const owners = new Map<string, CrmUser[]>()
  for (const user of directory.users.filter(({ active }) => active)) {
    for (const address of user.addresses) owners.set(address, [...(owners.get(address) ?? []), user])
  }
  return [...owners].flatMap(([address, users]) => {
    const served = users.filter(({ name }) => connected.has(name))
    if (users.length < 2 || served.length === 0) return []
    const rest = users.filter(({ name }) => !connected.has(name)).map(({ name }) => name)
    const alone = rest.length === 0 ? '' : ` Records of ${rest.join(', ')} stay in the CRM: the mailbox is ${served[0]?.name ?? ''}'s.`
    return [warning('shared address', `The CRM users ${users.map(({ name }) => name).join(' and ')} have one e-mail address, ${address}: on events they are one person.${alone}`,
      'Give each an e-mail address of their own in the CRM.')]
  })
}

function checkMembers({ config, directory }: PeopleFacts): Finding[] {
  const connected = new Set(directory.mailboxes.map(({ user }) => user))
  return groupNotices(config, connected, (name) => directory.users.some((user) => user.name === name)).map(({ name, detail, cure }) => warning(name, detail, cure))
}

function checkDefault({ config, directory }: PeopleFacts): Finding[] {
  const name = config.policy.defaultContactUser
  if (name === null || directory.mailboxes.some(({ user }) => user === name)) return []
  const what = directory.users.some((user) => user.name === name) ? 'has no connected mailbox' : 'is no user of the CRM'
  return [warning('default user of contacts', `policy.defaultContactUser: ${name} ${what}; contacts whose owner has no mailbox go to nobody.`, 'Name a connected user there, or remove the key.')]
}

/** No trouble, but what somebody who misses their events looks for. */
function listUnconnected({ config, directory }: PeopleFacts): Finding[] {
  const connected = new Set(directory.mailboxes.map(({ userId }) => userId))
  const names = directory.users.filter(({ active, id, name }) => active && !connected.has(id) && name !== config.crm.username).map(({ name }) => name)
  if (names.length === 0) return []
  const shown = names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')
  return [{ name: 'users without mailbox', of: 'configuration', ok: true, level: 'warning', detail: `${shown}: their records stay in the CRM.`, cure: '' }]
}
