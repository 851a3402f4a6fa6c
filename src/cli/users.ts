import type { Command } from 'commander'
import type { UserConfig } from '../config.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

export function usersCommand(command: Command): void {
  command
    .description('the users of the CRM and whose mailbox is connected')
    .option('--groups', 'the groups of the CRM and their configured members')
    .action(async (options: CommonOptions & { groups?: boolean }) => {
      await withConnector(options, async ({ crm, config }) => {
        const users = await crm.users()
        const withoutMailbox = (members: readonly string[]) => members.filter((name) => !config.users.some((entry) => entry.crm === name))
        if (options.groups === true) {
          const groups = (await crm.groups()).map(({ id, name }) => {
            const entry = config.groups.find((one) => one.crm === id || one.crm === name)
            return { id, name, configured: entry !== undefined, members: entry?.members ?? [], withoutMailbox: withoutMailbox(entry?.members ?? []) }
          })
          const unknown = config.groups.filter(({ crm: wanted }) => !groups.some(({ id, name }) => id === wanted || name === wanted)).map((entry) => entry.crm)
          if (options.json === true) printJson({ groups, unknown })
          else printGroups(groups, unknown)
          return EXIT.done
        }
        const list = users.map((user) => {
          const entry = config.users.find((one) => one.crm === user.name)
          return { id: user.id, name: user.name, fullName: user.fullName, active: user.active, zone: user.zone, mailbox: entry?.mailbox ?? null, suggested: user.addresses[0] ?? null, ...choicesOf(entry) }
        })
        if (options.json === true) printJson({ users: list })
        else say(table(['CRM user', 'name', 'active', 'zone', 'mailbox'], list.map((user) => [user.name, user.fullName, user.active ? 'yes' : 'no', user.zone, user.mailbox === null ? `(not connected; suggested: ${user.suggested ?? 'none'})` : [user.mailbox, ...(user.aliases ?? []), ...(user.availabilityOnly === true ? ['availability only'] : [])].join(', ')])))
        return EXIT.done
      })
    })
}

/** What the configuration says of a mailbox beyond its address. */
const choicesOf = (entry: UserConfig | undefined): { aliases?: readonly string[]; availabilityOnly?: true } => ({
  ...(entry === undefined || entry.aliases.length === 0 ? {} : { aliases: entry.aliases }),
  ...(entry?.availabilityOnly === true ? { availabilityOnly: true } : {}),
})

interface GroupRow {
  readonly id: string
  readonly name: string
  readonly configured: boolean
  readonly members: readonly string[]
  readonly withoutMailbox: readonly string[]
}

function printGroups(groups: readonly GroupRow[], unknown: readonly string[]): void {
  say(table(['id', 'group', 'members'], groups.map(({ id, name, configured, members }) => [id, name, configured ? members.join(', ') : '(not configured: its records go nowhere)'])))
  for (const { name, withoutMailbox } of groups) if (withoutMailbox.length > 0) say(`! ${name}: ${withoutMailbox.join(', ')} without mailbox, so without copies`)
  for (const name of unknown) say(`! ${name} stands under "groups", but the CRM has no group of that name or id`)
}
