import type { Instant } from './ids.ts'
import type { ItemKind } from './item.ts'
import type { AssigneeId } from './ids.ts'

export type Direction = 'both' | 'to-crm' | 'to-exchange' | 'off'
export type ConflictPolicy = 'newest' | 'crm' | 'exchange' | 'ask'

/** Everything a decision depends on besides the two sides; parsed from the configuration. */
export interface Policy {
  readonly direction: Readonly<Record<ItemKind, Direction>>
  readonly conflict: ConflictPolicy
  /** What the CRM learns about private and confidential items. */
  readonly privateItems: 'mask' | 'skip' | 'full'
  /** Restores Exchange-side edits of one-way items at the next run instead of leaving them alone. */
  readonly contactsCrmWins: boolean
  readonly defaultContactUser: AssigneeId | null
  /** When a task of a group is complete: with the first member, with the last, or each copy by itself. */
  readonly groupCompletion: 'any' | 'all' | 'own'
  /** What becomes of an event made in the CRM with invitees: silent copies for CRM users, or a real Exchange meeting. */
  readonly meetings: 'copies' | 'exchange'
  /** Whether an edit of a future meeting by its organizer mails the attendees. */
  readonly sendMeetingUpdates: boolean
  /** Whether deleting the record of a meeting one organizes calls the meeting off, by mail. */
  readonly cancelMeetings: boolean
  /** Whether an answer given in the CRM reaches the organizer by mail or only the user's own calendar. */
  readonly answers: 'silent' | 'mail'
  /** A record deleted in the CRM by somebody who is not the organizer comes back, or stays away. */
  readonly foreignDeletion: 'restore' | 'hide'
  /** Whether attendees who are CRM contacts become invitees of the record: vtenext then mails them. */
  readonly inviteContacts: boolean
  /** Whether records of events that are over stay in the CRM when Exchange deletes or archives them. */
  readonly keepPast: boolean
  readonly pastDays: number
  readonly futureDays: number
  /** How long a vanished item stays suspect before it counts as deleted. */
  readonly graceSeconds: number
  /** More deletions than both of these in one run of a mailbox wait for a human. */
  readonly deletionLimit: { readonly count: number; readonly share: number }
}

export interface Window {
  readonly from: Instant
  readonly to: Instant
}
