/**
 * The doors between the engine and the world. Adapters (ews, graph, vtenext, store) implement them, the simulated
 * memory versions pass the same contracts. Expected outcomes are return values; everything else is a SyncError.
 */
import type { SyncError } from './lib/errors.ts'
import type {
  AssigneeId, ChangeKey, Conflict, Copy, CopyId, CrmGroup, CrmUser, Fields, FreeBusy, Held, InboxRow, Instant, Item,
  ItemId, ItemKind, Link, LinkedCopy, Mailbox, MailboxId, OccurrenceRef, Operation, OperationId, Series, Side, Skip, Slot,
  Snapshot, Stamp, SyncState, Token, Tombstone, Window,
} from './model/index.ts'

// ---------------------------------------------------------------------------------------------------- replicas

export type Change =
  | { readonly type: 'seen'; readonly snapshot: Snapshot }
  /** `bornAt` as in Snapshot, where the side tells it: a reused id is somebody else's record. */
  | { readonly type: 'gone'; readonly id: ItemId; readonly bornAt?: string; readonly changeKey?: ChangeKey }
  /** One item that cannot be read; the rest of the page is unharmed. */
  | { readonly type: 'broken'; readonly id: ItemId; readonly changeKey?: ChangeKey; readonly error: SyncError }

export type ChangePage =
  | {
      readonly type: 'page'
      readonly changes: readonly Change[]
      readonly next: SyncState
      readonly more: boolean
      /** What the engine itself has to save together with this page. Adapters leave it out. */
      readonly also?: (tx: Tx) => Promise<void>
    }
  /** The server no longer knows the sync state: start again from null. Absence after that means nothing by itself. */
  | { readonly type: 'resync-required' }

/** The change keys we already hold for these ids; items with an equal key need not be read or reported. */
export type KnownKeys = (ids: readonly ItemId[]) => Promise<ReadonlyMap<ItemId, ChangeKey>>

/** Who is told by mail about a write. Absent is nobody: whatever could send a mail says so. */
export type Mailing = 'everybody' | 'changed'

export interface CreateRequest {
  readonly item: Item
  /** Stored with the item so that it can be found when the answer is lost. */
  readonly token: Token
  /** Exchange: the stamp to put on the new item. */
  readonly stamp?: Stamp
  /** Events: the UID to create it with. */
  readonly uid?: string
  /** CRM: the owner of the new record. */
  readonly assignee?: AssigneeId
  /** CRM: the Exchange id for the record's reference field, where there is one. */
  readonly reference?: string
  /** Exchange: makes it a series; its exceptions and deleted occurrences are written afterwards, one by one. */
  readonly series?: Series
  /** Exchange: the attendees become a real meeting, and are invited by mail. Without it they are named in the text. */
  readonly mailing?: Mailing
}
export interface UpdateRequest {
  readonly id: ItemId
  readonly kind: ItemKind
  /** Only the fields that change. May be empty when only `stamp` or `reference` is written. */
  readonly fields: Fields
  /** The version this was planned against. A different one answers `stale` and nothing is written. */
  readonly expect: ChangeKey
  readonly stamp?: Stamp
  readonly reference?: string
  /** Exchange: writes one occurrence of the master `id`; the answer is the whole master, read again. */
  readonly occurrence?: OccurrenceRef
  readonly mailing?: Mailing
}
export interface RemoveRequest {
  readonly id: ItemId
  readonly kind: ItemKind
  readonly expect: ChangeKey
  /** Exchange: deletes one occurrence of the master `id`. */
  readonly occurrence?: OccurrenceRef
  readonly mailing?: Mailing
}
export type WriteOutcome =
  /** The item as it is after the write, as far as the side tells; its change key is the write's own. */
  | { readonly type: 'done'; readonly snapshot: Snapshot }
  | { readonly type: 'stale' }
  | { readonly type: 'gone' }
  /** `error.outcomeUnknown` tells a write that may have happened from one that did not. */
  | { readonly type: 'failed'; readonly error: SyncError }
export type RemoveOutcome = { readonly type: 'removed' } | Exclude<WriteOutcome, { type: 'done' }>
export type Found = { readonly type: 'seen'; readonly snapshot: Snapshot } | { readonly type: 'gone' } | {
  readonly type: 'failed'
  readonly error: SyncError
}

/** Where a vanished item was found. */
export type Located =
  | { readonly where: 'synced'; readonly snapshot: Snapshot }
  | { readonly where: 'deleted-items' }
  | { readonly where: 'elsewhere' }
  | { readonly where: 'nowhere' }

export interface CreateQuery {
  readonly kind: ItemKind
  readonly token: Token
  readonly item: Item
  readonly uid: string | null
  readonly assignee?: AssigneeId
  /** When the create was journalled: nothing older can be it. */
  readonly since: Instant
}

/** One side of the synchronisation: a mailbox, or the whole CRM. Outcomes come back in the order of the requests. */
export interface Replica {
  readonly side: Side
  /** The item as this side can hold it: cut, rounded, and without the fields it has no place for. Idempotent. */
  hold(item: Item): Item
  /** @param since null starts from the beginning: every item is reported */
  pull(kind: ItemKind, since: SyncState | null, known: KnownKeys): Promise<ChangePage>
  get(kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Found[]>
  create(requests: readonly CreateRequest[]): Promise<readonly WriteOutcome[]>
  update(requests: readonly UpdateRequest[]): Promise<readonly WriteOutcome[]>
  /** Exchange: moves to Deleted Items; CRM: into the bin. Never mails. */
  remove(requests: readonly RemoveRequest[]): Promise<readonly RemoveOutcome[]>
  /** The item of a create whose answer was lost; null when the create did not happen. */
  findCreated(query: CreateQuery): Promise<Snapshot | null>
  /** Searches all folders for a vanished item by stamp token and UID. */
  locate(kind: ItemKind, token: Token, uid: string | null): Promise<Located>
}

export interface Crm extends Replica {
  readonly side: 'crm'
  users(): Promise<readonly CrmUser[]>
  /** Groups by probing; members are filled in from the configuration. */
  groups(): Promise<readonly CrmGroup[]>
  /** Every record with this UID, whatever its number: a series made in the CRM. */
  set(uid: string): Promise<readonly Snapshot[]>
}

export interface Exchange extends Replica {
  readonly side: 'exchange'
  /**
   * Opens the mailbox and makes sure the folders exist; the first thing called.
   * @param readOnly a folder of ours that is missing counts as empty instead of being made
   */
  open(readOnly?: boolean): Promise<void>
  /** Kinds the mailbox has no place for, known once it is open: To Do without consent. Absent: it has a place for all. */
  lacks?(kind: ItemKind): boolean
}

/** Tells that something may have changed. Hints may be lost, repeated or late: truth comes from `pull`. */
export interface Hints {
  /**
   * Starts following; returns at once, and heals itself until stopped.
   * `onHint` gets the items too where the server names them: some tell a changed occurrence in no other way.
   */
  watch(mailbox: Mailbox, onHint: (kinds: readonly ItemKind[], items?: readonly ItemId[]) => void): void
  unwatch(mailbox: MailboxId): void
  /** Which mailboxes are on an open channel right now. */
  connected(): ReadonlySet<MailboxId>
  stop(): Promise<void>
}

// --------------------------------------------------------------------------------------- availability and sharing

/** Time that is not free. `noData`: the server does not know, or may not tell. */
export interface BusyBlock {
  readonly start: Instant
  readonly end: Instant
  readonly status: Exclude<FreeBusy, 'free'> | 'noData'
}
export interface MailboxAvailability {
  /** As asked for. */
  readonly address: string
  /** By start, without gaps of their own and without overlaps; what is not listed is free. Empty with an error. */
  readonly blocks: readonly BusyBlock[]
  /** Why this mailbox gives no answer, in the server's code and in words. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** Free and busy times as the server tells them now: not from our copies, which know less. */
export interface Availability {
  /**
   * Any number of mailboxes and days; one answer per address, in their order.
   * @throws SyncError when nobody could be asked; trouble with single mailboxes stands in their answers
   */
  freeBusy(addresses: readonly string[], window: Window): Promise<readonly MailboxAvailability[]>
}

/** What a colleague sees of a calendar. `availability`: free and busy times; `details`: subjects and places too. */
export type SharingLevel = 'availability' | 'details'

export interface SharingEntry {
  /** `default` is everybody inside who has no entry, `anonymous` everybody outside, `unknown` an account that is gone. */
  readonly type: 'user' | 'default' | 'anonymous' | 'unknown'
  /** Of a user: the address, empty where the server tells none. */
  readonly address: string
  readonly name: string
  /** `more`: rights beyond both levels, or that cannot be compared with them. */
  readonly level: 'none' | SharingLevel | 'more'
  /** The server's own word for the level. */
  readonly role: string
}

export interface SharingOutcome {
  /** `refused`: the colleague has more, and nobody said that it may be taken away. */
  readonly type: 'written' | 'unchanged' | 'refused'
  /** The colleague's entry as it was before; null where there was none. */
  readonly before: SharingEntry | null
  /** Who has what now. */
  readonly entries: readonly SharingEntry[]
}

/** Who sees what of one calendar. Every change reads the whole set first and leaves all other entries as they are. */
export interface Sharing {
  /** @throws SyncError */
  list(): Promise<readonly SharingEntry[]>
  /** @param force also lowers what the colleague has beyond the level. @throws SyncError */
  give(colleague: string, level: SharingLevel, force: boolean): Promise<SharingOutcome>
  /** Takes the colleague's own entry away; what everybody has is left. @param force also where it is more than a level of ours */
  remove(colleague: string, force: boolean): Promise<SharingOutcome>
}

// ------------------------------------------------------------------------------------------------------- store

export interface Channel {
  readonly lane: MailboxId
  readonly kind: ItemKind
  readonly syncState: SyncState | null
  /** Whether the first full pull reached its end. */
  readonly complete: boolean
  /** Raised by hints and timers, cleared when a pull began after it. */
  readonly dirtyAt: Instant | null
  readonly pulledAt: Instant | null
  /** Set while a pull after a lost sync state runs: absence then asks instead of deleting. */
  readonly resyncSince: Instant | null
}

export interface LaneRow {
  readonly lane: MailboxId
  /** The mailbox, or null for the CRM's own lane. */
  readonly mailbox: Mailbox | null
  readonly state: 'new' | 'ok' | 'failing' | 'paused'
  readonly error: { readonly code: string; readonly message: string } | null
  readonly failures: number
  readonly retryAt: Instant | null
  readonly lastRunAt: Instant | null
}

/** What we know of a master: what its occurrences are made from when the window moves, without asking the server. */
export interface SeriesRow {
  readonly lane: MailboxId
  readonly master: ItemId
  readonly uid: string | null
  /** The master as last read, masked like everything that is stored. */
  readonly snapshot: Snapshot
  readonly slots: readonly Slot[]
  /** When the next occurrence enters the window, or the master is to be compared with the server again. */
  readonly dueAt: Instant
  readonly readAt: Instant
  /** Made by us from a set of records, whose content wins over the master's. */
  readonly fromCrm: boolean
}

export interface InboxRef {
  readonly lane: MailboxId
  readonly side: Side
  readonly id: ItemId
  readonly version: number
}

export type NewInboxRow = Omit<InboxRow, 'version' | 'attempts' | 'error'>

/** One transaction. Methods named after what they return or save; lists go in one statement. */
export interface Tx {
  lanes(): Promise<readonly LaneRow[]>
  saveLane(row: LaneRow): Promise<void>
  removeLane(lane: MailboxId): Promise<void>
  /**
   * Mailbox lanes with something to do although nobody woke them: rows, skips or series that became due, a dirty channel, one not
   * pulled since `pulledBefore`, a failed run whose time has come. Paused lanes and those still waiting are left out.
   */
  lanesDue(now: Instant, pulledBefore: Instant): Promise<readonly MailboxId[]>
  channels(lane: MailboxId): Promise<readonly Channel[]>
  saveChannel(channel: Channel): Promise<void>
  markDirty(lane: MailboxId, kinds: readonly ItemKind[], at: Instant): Promise<void>

  /** Masters of a mailbox; all of them, or those named. */
  series(lane: MailboxId, masters?: readonly ItemId[]): Promise<readonly SeriesRow[]>
  /** The masters with this UID in all mailboxes. */
  seriesByUid(uid: string): Promise<readonly SeriesRow[]>
  seriesDue(lane: MailboxId, now: Instant, limit: number): Promise<readonly SeriesRow[]>
  /** Inserts or replaces. */
  saveSeries(rows: readonly SeriesRow[]): Promise<void>
  removeSeries(lane: MailboxId, masters: readonly ItemId[]): Promise<void>
  /** A hint named these items: those that are masters (or our occurrences of one) are due to be compared at once. */
  recheckSeries(lane: MailboxId, items: readonly ItemId[], at: Instant): Promise<void>

  putInbox(rows: readonly NewInboxRow[]): Promise<void>
  /**
   * Rows due at `now`: Exchange before the CRM, oldest first. Exchange items carry our stamps, so after the loss of the
   * database they must find their records before these are taken for new ones.
   */
  takeInbox(lane: MailboxId, now: Instant, limit: number): Promise<readonly InboxRow[]>
  /** Makes rows that wait for a later time due now. */
  hastenInbox(lane: MailboxId, now: Instant): Promise<void>
  inboxOf(lane: MailboxId, side: Side, ids: readonly ItemId[]): Promise<readonly InboxRow[]>
  /** Seen rows of a side that could be the counterpart of an unlinked item: same UID or same natural key. */
  inboxLike(lane: MailboxId, side: Side, uids: readonly string[], naturalKeys: readonly string[]): Promise<readonly InboxRow[]>
  /** Leaves a row alone that was replaced since. */
  dropInbox(refs: readonly InboxRef[]): Promise<void>
  deferInbox(rows: readonly (InboxRef & Pick<InboxRow, 'dueAt' | 'attempts' | 'error' | 'suspectSince'>)[]): Promise<void>
  /** All rows of a lane that report something gone: deletions are judged together, never one by one. */
  inboxGone(lane: MailboxId): Promise<readonly InboxRow[]>
  /** Which lanes have a row about these ids: a record deleted before it was linked must not be created. */
  lanesWaitingFor(side: Side, ids: readonly ItemId[]): Promise<readonly { readonly lane: MailboxId; readonly id: ItemId }[]>
  /** How many rows wait, and how many of them carry an error. */
  countInbox(lane: MailboxId): Promise<{ readonly waiting: number; readonly failing: number }>

  copiesByItem(mailbox: MailboxId, items: readonly ItemId[]): Promise<readonly LinkedCopy[]>
  /** Every mailbox's copies of these records. */
  copiesByRecord(records: readonly ItemId[]): Promise<readonly LinkedCopy[]>
  /** How records are linked and in which mailboxes, without any content: a record of a group has many copies. */
  linksByRecord(records: readonly ItemId[]): Promise<readonly { readonly link: Link; readonly mailboxes: readonly MailboxId[] }[]>
  copiesByUid(uids: readonly string[]): Promise<readonly LinkedCopy[]>
  copiesById(copies: readonly CopyId[]): Promise<readonly LinkedCopy[]>
  copiesOf(mailbox: MailboxId, kind: ItemKind, after: CopyId | null, limit: number): Promise<readonly LinkedCopy[]>
  /** Copies whose item still lacks our stamp, or whose record lacks the Exchange id. */
  copiesUnmarked(mailbox: MailboxId, limit: number): Promise<readonly LinkedCopy[]>
  countCopies(mailbox: MailboxId): Promise<number>
  /** Inserts or replaces link and copy. A record has one link: where another mailbox saved one first, the copy goes to that. Copies of an earlier record with its id go. */
  saveCopies(rows: readonly LinkedCopy[]): Promise<void>
  /** Notes a silent mark, unless the copy's half has moved on from `expect` since. */
  markCopies(side: Side, marks: readonly { readonly id: CopyId; readonly expect: ChangeKey; readonly changeKey: ChangeKey }[]): Promise<void>
  /** Removes copies, and their links when no copy is left. */
  removeCopies(copies: readonly Copy['id'][]): Promise<void>
  putTombstones(rows: readonly Tombstone[]): Promise<void>
  /** By item or record, oldest first: of several for one record the last tells how it ended. */
  tombstones(mailbox: MailboxId, ids: readonly ItemId[]): Promise<readonly Tombstone[]>
  removeTombstones(mailbox: MailboxId, ids: readonly ItemId[]): Promise<void>

  putSkips(rows: readonly Skip[]): Promise<void>
  dropSkips(lane: MailboxId, side: Side, ids: readonly ItemId[]): Promise<void>
  skipsDue(lane: MailboxId, now: Instant, limit: number): Promise<readonly Skip[]>
  skips(lane: MailboxId | null, limit: number): Promise<readonly Skip[]>
  countSkips(lane: MailboxId): Promise<number>

  openOperations(rows: readonly Operation[]): Promise<void>
  settleOperations(rows: readonly Pick<Operation, 'id' | 'item' | 'state' | 'outcome'>[]): Promise<void>
  unsettled(lane: MailboxId): Promise<readonly Operation[]>
  /** Lanes with an unsettled create on this side: what they have made there is linked to nothing yet. */
  lanesCreating(side: Side): Promise<readonly MailboxId[]>
  journal(query: JournalQuery): Promise<readonly Operation[]>
  /** The journal and the conflicts of these copies lose their values: what they tell of is private now. Open ones stay. */
  forgetValues(copies: readonly CopyId[]): Promise<void>
  /** Content hashes written to each copy since then, oldest first: what the loop breaker looks at. */
  recentWrites(copies: readonly CopyId[], since: Instant): Promise<ReadonlyMap<CopyId, readonly string[]>>

  /** An open conflict of the same copy and field with the same values is not added twice. */
  putConflicts(rows: readonly Conflict[]): Promise<void>
  conflicts(query: ConflictQuery): Promise<readonly Conflict[]>
  /** Sets the winner and the state `decided`. */
  decideConflict(id: string, winner: Side): Promise<void>
  closeConflicts(ids: readonly string[]): Promise<void>
  /** A waiting decision about the same item is not added twice. */
  putHeld(rows: readonly Held[]): Promise<void>
  held(query: { open?: boolean; id?: string; lane?: MailboxId }): Promise<readonly Held[]>
  decideHeld(id: string, decision: NonNullable<Held['decision']>): Promise<void>
  removeHeld(ids: readonly string[]): Promise<void>

  /** The lane that may make the CRM record of a meeting seen in several mailboxes; the first to ask, for ten minutes. */
  claim(uid: string, lane: MailboxId, at: Instant): Promise<MailboxId>
  setting(name: string): Promise<string | null>
  saveSetting(name: string, value: string): Promise<void>
  /** Wakes lanes in this very transaction: the wake-up exists if and only if the change does. */
  wake(lanes: readonly MailboxId[]): Promise<void>
}

export interface JournalQuery {
  readonly lane?: MailboxId
  /** An Exchange item id or CRM record id. */
  readonly item?: string
  readonly id?: OperationId
  readonly limit: number
}

/** Absent parts do not restrict; newest first. */
export interface ConflictQuery {
  readonly states?: readonly Conflict['state'][]
  readonly id?: string
  readonly lane?: MailboxId
  readonly copies?: readonly CopyId[]
}

/** A run's right to commit: raised when the run starts, checked by its every transaction. */
export interface Fence {
  readonly lane: MailboxId
  readonly value: number
}

export interface Store {
  /** @throws SyncError STORE_FENCED when another run has taken the lane since */
  transaction<T>(work: (tx: Tx) => Promise<T>, fence?: Fence): Promise<T>
  /** Reads only, and all of one moment: what others commit meanwhile is not seen, or all of it is. */
  snapshot<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Starts a run of the lane; every earlier run can no longer commit. */
  raiseFence(lane: MailboxId): Promise<Fence>
  close(): Promise<void>
}

/** Hands out lanes: one run per lane at a time, a wake-up during a run leaves exactly one more run. */
export interface Lanes {
  /** @param run must not throw; at most `parallel` lanes run at once */
  serve(run: (lane: MailboxId) => Promise<void>, parallel: number): Promise<LanesServer>
  wake(lanes: readonly MailboxId[]): Promise<void>
}
export interface LanesServer {
  /** Resolves when nothing is queued or running. */
  idle(): Promise<void>
  /** Takes no more work and waits for what runs. */
  stop(): Promise<void>
}

// ------------------------------------------------------------------------------------------------ clock and log

export interface Clock {
  now(): Instant
  /** Milliseconds, for measuring; not comparable between processes. */
  elapsedMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Ids and counts only: never bodies, addresses or secrets at the default level. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Fresh ids: random in production, counted in tests. */
export interface Ids {
  next(): string
}
