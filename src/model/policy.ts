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
  /** The whole calendar reaches the CRM as busy blocks without words. */
  readonly availabilityOnly?: boolean
  /** Exchange items with one of `except`, or with none of a non-empty `only`, are not taken up. Compared without case. */
  readonly categories?: { readonly only: readonly string[]; readonly except: readonly string[] }
  /** Items untouched since before this moment are not taken up. */
  readonly since?: Instant
}

/** What a user chose for his own mailbox; absent parts are as the company has them. */
export interface Preferences {
  readonly direction?: Readonly<Partial<Record<ItemKind, Direction>>>
  readonly pastDays?: number
  readonly futureDays?: number
  readonly privateItems?: Policy['privateItems']
  readonly availabilityOnly?: boolean
  readonly categories?: { readonly only: readonly string[]; readonly except: readonly string[] }
  /** Items untouched since before this moment are not taken up. */
  readonly since?: Instant
}

export interface Window {
  readonly from: Instant
  readonly to: Instant
}
