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
