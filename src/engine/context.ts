import type { Directory, InboxRow, Instant, ItemKind, Mailbox, MailboxId, Policy, Side, Skip } from '../model/index.ts'
import { ITEM_KINDS } from '../model/index.ts'
import type { Clock, Crm, Exchange, Fence, Ids, Log, Store } from '../ports.ts'
import type { SeriesExchange } from './series/exchange.ts'
import type { Holds } from '../sync/index.ts'

/** Everything a run needs; wired once in main.ts. */
export interface Engine {
  readonly store: Store
  readonly crm: Crm
  exchangeOf(mailbox: Mailbox): Exchange
  /** The company's policy: what the CRM's feed and the placement of records go by. */
  readonly policy: Policy
  /** What holds for one mailbox, its user's own choices included; absent where everybody lives by the company's policy. */
  policyFor?(mailbox: MailboxId): Policy
  directory(): Directory
  /** Stamped on every item we make: the same for every installation of ours on the same CRM. */
  readonly instance: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly mode: Mode
  readonly totals: Totals
  /** Told of every content write that was carried out, for measuring how long a change takes to arrive. */
  onWritten?(write: Written): void
}

export interface Written {
  readonly lane: MailboxId
  /** Where it was written. */
  readonly side: Side
  readonly kind: ItemKind
  /** When the change it carries was made on the other side; null where nothing there was read for it. */
  readonly changedAt: Instant | null
}

export interface Mode {
  /** `once`: no grace time for vanished items, failed rows are tried again at once. */
  readonly once: boolean
  /** Nothing is sent: the plan is only counted. */
  readonly dry: boolean
  /** A channel that no hint touched is pulled after this long all the same. */
  readonly safetyPullSeconds: number
}

/** One lane being run. */
export interface Run {
  readonly engine: Engine
  readonly lane: MailboxId
  readonly mailbox: Mailbox
  /** Main address of the CRM user whose mailbox it is. */
  readonly owner: string
  /** Since when the mailbox is past its first synchronisation; null before that: nothing of it is mailed about. */
  readonly settledSince: Instant | null
  readonly exchange: SeriesExchange
  /** What holds for this mailbox. */
  readonly policy: Policy
  readonly fence: Fence
  readonly holds: Holds
}

export interface SideTotals {
  created: number
  updated: number
  deleted: number
}

/** What a sync did; the same numbers the command line prints. */
export interface Totals {
  readonly exchange: SideTotals
  readonly crm: SideTotals
  /** Pairs joined: made on the other side, or found there. */
  linked: number
  skipped: number
  conflicts: number
  failed: number
  held: number
  /** Mails our writes could have sent. */
  mails: number
  /** Silent marks: stamps on Exchange items, Exchange ids on CRM records. */
  marked: number
  /** Why things failed, in words, without item contents. */
  readonly errors: { readonly lane: MailboxId; readonly item?: string; readonly code: string; readonly message: string }[]
  /** What was left alone, by reason. */
  readonly skippedBy: Record<string, number>
  /** What was counted already, so that a second look in the same sync does not count twice. */
  readonly failures: Set<string>
  readonly skips: Set<string>
}

export const newTotals = (): Totals => ({
  exchange: { created: 0, updated: 0, deleted: 0 },
  crm: { created: 0, updated: 0, deleted: 0 },
  linked: 0,
  skipped: 0,
  conflicts: 0,
  failed: 0,
  held: 0,
  mails: 0,
  marked: 0,
  errors: [],
  skippedBy: {},
  failures: new Set(),
  skips: new Set(),
})

/** Remote writes so far, marks included: a round of `sync --once` that made none is the last. */
export const writesOf = (totals: Totals): number =>
  [totals.exchange, totals.crm].reduce((sum, side) => sum + side.created + side.updated + side.deleted, 0) + totals.marked

/** What holds for a lane: the company's policy for the CRM's own. */
export const policyOf = (engine: Engine, lane: MailboxId): Policy => engine.policyFor?.(lane) ?? engine.policy

/** The kinds that are synchronised at all. */
export const activeKinds = (policy: Policy): readonly ItemKind[] => ITEM_KINDS.filter((kind) => policy.direction[kind] !== 'off')

export const holdsOf = (exchange: Exchange, crm: Crm): Holds => ({
  exchange: (item) => exchange.hold(item),
  crm: (item) => crm.hold(item),
})

export const refOf = ({ lane, side, id, version }: InboxRow) => ({ lane, side, id, version })

export const other = (side: Side): Side => (side === 'crm' ? 'exchange' : 'crm')

/** An item that fails again in the same sync is one failure, not two. */
export function reportError(totals: Totals, error: Totals['errors'][number]): void {
  const key = `${error.lane}/${error.item ?? ''}/${error.code}`
  if (totals.failures.has(key)) return
  totals.failures.add(key)
  totals.failed += 1
  // A broken server would otherwise fill the report with thousands of equal lines.
  if (totals.errors.length < 50) totals.errors.push(error)
}

export function reportSkip(totals: Totals, skip: Pick<Skip, 'lane' | 'side' | 'id' | 'reason'>): void {
  const key = `${skip.lane}/${skip.side}/${skip.id}`
  if (totals.skips.has(key)) return
  totals.skips.add(key)
  totals.skipped += 1
  totals.skippedBy[skip.reason] = (totals.skippedBy[skip.reason] ?? 0) + 1
}
