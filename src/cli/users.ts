import type { Command } from 'commander'
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
        if (options.groups === true) {
          const groups = (await crm.groups()).map(({ id, name }) => {
            const entry = config.groups.find((one) => one.crm === id || one.crm === name)
            return { id, name, configured: entry !== undefined, members: entry?.members ?? [] }
          })
          if (options.json === true) printJson({ groups })
          else say(table(['id', 'group', 'members'], groups.map((group) => [group.id, group.name, group.configured ? group.members.join(', ') : '(not configured: its records go nowhere)'])))
          return EXIT.done
        }
        const list = users.map((user) => {
          const entry = config.users.find((one) => one.crm === user.name)
          return { id: user.id, name: user.name, fullName: user.fullName, active: user.active, zone: user.zone, mailbox: entry?.mailbox ?? null, suggested: user.addresses[0] ?? null }
        })
        if (options.json === true) printJson({ users: list })
        else say(table(['CRM user', 'name', 'active', 'zone', 'mailbox'], list.map((user) => [user.name, user.fullName, user.active ? 'yes' : 'no', user.zone, user.mailbox ?? `(not connected; suggested: ${user.suggested ?? 'none'})`])))
        return EXIT.done
      })
    })
}
