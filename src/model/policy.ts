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
}

export interface Window {
  readonly from: Instant
  readonly to: Instant
}
