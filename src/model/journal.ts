import type { ChangeKey, CopyId, Instant, ItemId, LinkId, MailboxId, OperationId, Token } from './ids.ts'
import type { FieldName, Fields, FieldValue, ItemKind, Person } from './item.ts'
import type { Side, SkipReason, Snapshot } from './link.ts'

/** What a side is known to hold: nothing new, this, or no longer anything. */
export type Sighting =
  | { readonly type: 'quiet' }
  | { readonly type: 'seen'; readonly snapshot: Snapshot }
  | { readonly type: 'gone'; readonly changeKey?: ChangeKey }

/** A pulled change waiting to be reconciled. One row per (lane, side, id); a later sighting replaces an earlier one. */
export interface InboxRow {
  readonly lane: MailboxId
  readonly side: Side
  readonly id: ItemId
  readonly kind: ItemKind
  readonly sighting: Exclude<Sighting, { type: 'quiet' }>
  readonly dueAt: Instant
  readonly attempts: number
  readonly error: { readonly code: string; readonly message: string } | null
  /** Since when a vanished item is suspect; null for everything else. */
  readonly suspectSince: Instant | null
  /** Rises with every put: a row that was replaced meanwhile is not dropped by the work on its older self. */
  readonly version: number
}

export interface Skip {
  readonly lane: MailboxId
  readonly side: Side
  readonly id: ItemId
  readonly kind: ItemKind
  readonly reason: SkipReason
  readonly uid: string | null
  /** When the item enters the window and is looked at again; null when only a change can bring it back. */
  readonly enterAt: Instant | null
  readonly at: Instant
}

export type OperationType = 'create' | 'update' | 'delete' | 'stamp' | 'reference'

/** A write, journalled before it is sent and settled after; it also answers "why" and serves undo. */
export interface Operation {
  readonly id: OperationId
  readonly lane: MailboxId
  readonly copy: CopyId
  readonly link: LinkId
  readonly kind: ItemKind
  readonly side: Side
  readonly type: OperationType
  /** The item written to; null for a create that is not settled. */
  readonly item: ItemId | null
  readonly expect: ChangeKey | null
  readonly token: Token
  readonly before: Fields | null
  readonly after: Fields | null
  /** What recovery needs to settle a create whose answer was lost. */
  readonly intent: CreateIntent | null
  /** Why, in words. */
  readonly reason: string
  readonly at: Instant
  readonly state: 'open' | 'done' | 'failed'
  readonly outcome: string | null
  /** The attendees whom this write would have told by mail, had the policy allowed it; absent where there is nobody. */
  readonly untold?: readonly Person[]
}

/** The counterpart that a create is made from; its content is the operation's `after`. */
export interface CreateIntent {
  readonly uid: string | null
  readonly from: Omit<Snapshot, 'item' | 'modifiedAt'>
  /** The records that become occurrences of the series that is made, with their numbers. */
  readonly members?: readonly SetMember[]
}

export interface SetMember {
  readonly id: ItemId
  readonly slot: number
  readonly bornAt?: string
}

export interface Conflict {
  readonly id: string
  readonly lane: MailboxId
  readonly copy: CopyId
  readonly kind: ItemKind
  readonly record: ItemId
  readonly item: ItemId
  readonly field: FieldName
  readonly base: FieldValue | undefined
  readonly exchange: FieldValue | undefined
  readonly crm: FieldValue | undefined
  /** Which value won, or null while it waits for a human. */
  readonly winner: Side | null
  /** `open` waits for a human, `decided` waits to be carried out, `closed` is history. */
  readonly state: 'open' | 'decided' | 'closed'
  readonly at: Instant
}

export type HeldWhat = 'delete-crm' | 'delete-exchange' | 'ambiguous'

/** A decision that waits for a human. Nothing is written until it is made. */
export interface Held {
  readonly id: string
  readonly lane: MailboxId
  readonly kind: ItemKind
  readonly what: HeldWhat
  readonly side: Side
  /** The item that vanished or that matches several. */
  readonly item: ItemId
  readonly copy: CopyId | null
  readonly candidates: readonly ItemId[]
  readonly reason: string
  readonly at: Instant
  /** `apply` deletes, or makes a new item of an ambiguous one; `restore` makes it again; `unlink` leaves both alone. */
  readonly decision: 'apply' | 'restore' | 'unlink' | null
}
