import type { AssigneeId, Directory, ItemKind, MailboxId, Policy } from '../model/index.ts'

/** Which mailboxes a record belongs in, by its assignee. */
export type Placement = (kind: ItemKind, assignee: AssigneeId | undefined) => readonly MailboxId[]

/**
 * A user's records go to that user's mailbox, a group's to every member's; contacts without a connected assignee go to
 * the default user, everything else without one goes nowhere.
 */
export function placement(directory: Directory, policy: Pick<Policy, 'defaultContactUser'>): Placement {
  const byUser = new Map<AssigneeId, MailboxId[]>()
  for (const mailbox of directory.mailboxes) {
    const list = byUser.get(mailbox.userId) ?? []
    byUser.set(mailbox.userId, [...list, mailbox.id])
  }
  const byGroup = new Map(directory.groups.map((group) => [group.id, group.members] as const))

  return (kind, assignee) => {
    const people = assignee === undefined ? [] : (byGroup.get(assignee) ?? [assignee])
    const found = [...new Set(people.flatMap((person) => byUser.get(person) ?? []))]
    if (found.length > 0 || kind !== 'contact' || policy.defaultContactUser === null) return found
    return byUser.get(policy.defaultContactUser) ?? []
  }
}
