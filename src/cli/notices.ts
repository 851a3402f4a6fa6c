import type { Config } from '../config.ts'

/** What is no mistake, but explains why somebody gets nothing. */
export interface Notice {
  readonly name: string
  readonly detail: string
  readonly cure: string
}

/** Groups whose records reach nobody, or not all of their members. @param members those of a group's members that count */
export function groupNotices(
  { groups }: Pick<Config, 'groups'>, connected: ReadonlySet<string>, members: (name: string) => boolean = () => true,
): Notice[] {
  return groups.flatMap((group): Notice[] => {
    const without = group.members.filter((name) => !connected.has(name) && members(name))
    if (group.members.length === 0) return [{ name: 'empty group', detail: `The group ${group.crm} has no members: its records go to nobody's mailbox.`, cure: 'List its members under "groups".' }]
    if (without.length === 0) return []
    const verb = without.length === 1 ? 'has' : 'have'
    const outcome = without.length === group.members.length ? ": its records go to nobody's mailbox" : ', so no copies'
    return [{
      name: 'members without mailbox', detail: `${without.join(', ')} of the group ${group.crm} ${verb} no connected mailbox${outcome}.`,
      cure: 'Add them under "users", or take them out of the group.',
    }]
  })
}
