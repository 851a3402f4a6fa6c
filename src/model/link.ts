import type { AssigneeId, ChangeKey, CopyId, Instant, ItemId, LinkId, MailboxId, Token } from './ids.ts'
import type { Item, ItemKind } from './item.ts'
import type { Series } from './recurrence.ts'

export type Side = 'exchange' | 'crm'

/** What we wrote on an Exchange item to know it again: which installation, which record, which pair. */
export interface Stamp {
  readonly instance: string
  readonly kind: ItemKind
  readonly record: ItemId
  readonly token: Token
  /** Of what began in the CRM: a hash of the UID it was made with. On a pasted copy it does not fit. */
  readonly born?: string
}

/** Facts about an item that decide what may be done with it, but are not content. */
export interface Traits {
  /** The mailbox owner was invited by somebody else: this copy is the organizer's to change. */
  readonly invited?: boolean
  /** Other people are on it: deleting it could tell them. */
  readonly hasAttendees?: boolean
  /** Exchange: the UID by which those it invites know it, where the item itself goes by another. */
  readonly invitationUid?: string
  /** Exchange: the invitations of this meeting wait to be sent by its organizer; nobody on it has heard of it yet. */
  readonly unsent?: boolean
  /** Exchange: one occurrence of a series, set by the engine. It is never stamped: that would make it an exception. */
  readonly occurrence?: boolean
  /** Exchange refused what the CRM made of this occurrence: it has to leave its series. */
  readonly apart?: boolean
  /** The words were replaced by a busy block before they were stored anywhere; never written back. */
  readonly masked?: boolean
  /** Its words began in the CRM, or it was made private there: they are no secret of Exchange. */
  readonly fromCrm?: boolean
  /** CRM: the first record of a series made in the CRM says how it repeats; its further records may still be on their way. */
  readonly repeats?: 'daily' | 'weekly' | 'monthly' | 'yearly'
}

/** Why an item is left alone; each has a sentence in `engine/reasons.ts`. */
export type SkipReason =
  | 'recurring'
  | 'outside-window'
  | 'direction'
  | 'no-mailbox'
  | 'no-place'
  | 'unreadable'
  | 'private'
  | 'category'
  | 'before-start'
  | 'ambiguous'
  | 'user-deleted'
  | 'only-in-outlook'
  | 'moved-away'

/** What a side holds now, in full. */
export interface Snapshot {
  readonly id: ItemId
  readonly changeKey: ChangeKey
  readonly item: Item
  readonly modifiedAt: Instant
  /** Creation time as the side tells it: an id that is used again has another one (restored backup). */
  readonly bornAt?: string
  /** CRM only: the same moment on every clock. */
  readonly madeAt?: Instant
  /** Events: UID in Exchange, `ical_uuid` in the CRM; of one occurrence see `occurrenceUid`. */
  readonly uid?: string
  /** Exchange only. */
  readonly stamp?: Stamp
  /** CRM only: the record's owner. */
  readonly assignee?: AssigneeId
  /** CRM only: the Exchange id that the record carries, when it has the field. */
  readonly reference?: string
  readonly traits?: Traits
  /** Exchange: set on the master of a series; `item` is then what its unedited occurrences share. */
  readonly series?: Series
  /** Set when this version cannot carry the item faithfully; it is then left alone, never flattened. */
  readonly unsupported?: SkipReason
}

/** What we last saw of an item on a side. */
export interface Half {
  readonly id: ItemId
  readonly changeKey: ChangeKey
}

/**
 * One Exchange copy of a CRM record. `base` is the last agreed content as each side holds it: a field moved on a
 * side when it differs from that side's own base, so what a side cannot hold never looks like an edit.
 */
export interface Copy {
  readonly id: CopyId
  readonly mailbox: MailboxId
  /** `home` is kept in step; a `shadow` (another attendee's copy of a meeting) is known, and only its answer is kept in
   * step; a `guest` was made by us for an invited CRM user and follows the record. */
  readonly role: 'home' | 'shadow' | 'guest'
  readonly exchange: Half
  readonly crm: Half
  readonly base: { readonly exchange: Item; readonly crm: Item }
  readonly token: Token
  readonly traits: Traits
  /** Whether the Exchange item carries our stamp. */
  readonly stamped: boolean
  /** Whether the CRM record carries this copy's Exchange id. */
  readonly referenced: boolean
}

/** Joins one CRM record with one or more Exchange copies. */
export interface Link {
  readonly id: LinkId
  readonly kind: ItemKind
  readonly record: ItemId
  readonly bornAt: string | null
  readonly uid: string | null
  readonly assignee: AssigneeId | null
}

/** A copy together with the link it belongs to: the unit that is reconciled. */
export interface LinkedCopy {
  readonly link: Link
  readonly copy: Copy
}

/** Memory of a buried copy, so that a late echo is recognised and a user's deletion respected. */
export interface Tombstone {
  readonly mailbox: MailboxId
  readonly kind: ItemKind
  readonly record: ItemId
  readonly item: ItemId
  readonly exchangeChangeKey: ChangeKey
  readonly crmChangeKey: ChangeKey
  /** `ownerless`: the record went to nobody with a mailbox, and is joined again as it is when it comes back. */
  readonly reason: 'deleted' | 'user-deleted' | 'unlinked' | 'ownerless' | 'reassigned'
  readonly at: Instant
}
