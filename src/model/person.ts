import type { AssigneeId, MailboxId } from './ids.ts'

/** A CRM user. */
export interface CrmUser {
  readonly id: AssigneeId
  /** The name the user signs in with. */
  readonly name: string
  readonly fullName: string
  /** E-mail addresses, lower case, the main one first. */
  readonly addresses: readonly string[]
  readonly active: boolean
  readonly admin: boolean
  /** IANA zone the user's CRM screens are shown in. */
  readonly zone: string
}

/** A CRM group; the CRM tells its name but not its members, which come from the configuration. */
export interface CrmGroup {
  readonly id: AssigneeId
  readonly name: string
  /** Ids of the member users. */
  readonly members: readonly AssigneeId[]
}

/** A connected mailbox and whose it is. */
export interface Mailbox {
  readonly id: MailboxId
  /** SMTP address, lower case. */
  readonly address: string
  /** Other addresses of the same mailbox, lower case. */
  readonly aliases?: readonly string[]
  /** Its whole calendar reaches the CRM as free/busy blocks, without words. */
  readonly availabilityOnly?: true
  /** Name of the CRM user it belongs to, as the configuration has it: the CRM may call the user something else since. */
  readonly user: string
  readonly userId: AssigneeId
  /** Name of the Exchange connection in the configuration. */
  readonly connection: string
  /** IANA zone for what the mailbox itself does not say. */
  readonly zone: string
}

/** Who is who on both sides, as of one moment. */
export interface Directory {
  readonly users: readonly CrmUser[]
  readonly groups: readonly CrmGroup[]
  readonly mailboxes: readonly Mailbox[]
}
