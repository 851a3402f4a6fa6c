import { asSyncError } from '../lib/errors.ts'
import { instant, instantMs, naturalKey } from '../model/index.ts'
import type { Conflict, CopyId, Held, InboxRow, Instant, ItemId, LinkedCopy, Side, Sighting, TaskFields, Tombstone } from '../model/index.ts'
import { isMeeting, isWordless, moved, placement, plan, planApart, planRestored } from '../sync/index.ts'
import type { GroupTask, Placement } from '../sync/index.ts'
import { planAttendee } from './attendee.ts'
import { AWAY_MS, planAway } from './away.ts'
import type { Run } from './context.ts'
import { refereeOf } from './decide.ts'
import { execute } from './execute.ts'
import { firstContact } from './first-contact.ts'
import { look, lookOver } from './look.ts'
import { invitedMailboxes, withAnswerOf } from './people.ts'
import { isApproved, judgeVanished, noVerdicts } from './vanish.ts'
import type { Verdicts } from './vanish.ts'
import { backoffMs, isWork, UNKNOWN_KEY } from './work.ts'
import type { Aside, Work } from './work.ts'

const BATCH = 500
/** Rounds of a run: each either empties the inbox of due rows or finds new input; the rest waits for the next run. */
const MAX_ROUNDS = 2000

/** What is known about a batch of inbox rows, read in one transaction. */
export interface Batch {
  readonly rows: readonly InboxRow[]
  /** What vanished and is not judged yet, by id, and when it is looked at next: nothing is planned on top of it. */
  readonly suspects: ReadonlyMap<ItemId, Instant>
  /** This mailbox's copies, by item and by record. */
  readonly byItem: ReadonlyMap<ItemId, LinkedCopy>
  readonly byRecord: ReadonlyMap<ItemId, LinkedCopy>
  /** Copies of the same records in other mailboxes. */
  readonly siblings: ReadonlyMap<ItemId, readonly LinkedCopy[]>
  readonly byUid: ReadonlyMap<string, readonly LinkedCopy[]>
  readonly tombstones: ReadonlyMap<ItemId, Tombstone>
  /** Unlinked rows of either side that look like an unlinked row of this batch. */
  readonly alike: readonly InboxRow[]
  readonly conflicts: readonly Conflict[]
  readonly held: readonly Held[]
  /** What Exchange showed besides its news, while this batch was planned. */
  readonly looked: Map<ItemId, Sighting>
  readonly place: Placement
}

/** Turns the mailbox's inbox into writes, batch by batch, until nothing is due. */
export async function reconcile(run: Run, afterBatch: () => void = () => undefined): Promise<void> {
  const verdicts = noVerdicts()
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { store, clock } = run.engine
    // In every round: writes find items gone, and the CRM's lane files deletions while we work.
    await judgeVanished(run, verdicts)
    const rows = await store.transaction((tx) => tx.takeInbox(run.lane, clock.now(), BATCH))
    if (rows.length === 0) return
    const batch = await gather(run, rows, verdicts)
    const linked = await planLinked(run, batch)
    const fresh = await firstContact(run, batch)
    const all = [...linked, ...fresh]
    await execute(run, all.filter(isWork), all.filter((one): one is Aside => !isWork(one)))
    afterBatch()
    if (rows.length === BATCH) await tellProgress(run)
  }
}

/** A copy stands under its link's UID and under the one by which those it invites know it. */
function byEveryUid(copies: readonly LinkedCopy[]): Map<string, LinkedCopy[]> {
  const named = copies.flatMap((one) => [one.link.uid, one.copy.traits.invitationUid].flatMap((uid) => (uid == null ? [] : [{ uid, one }])))
  return new Map([...Map.groupBy(named, ({ uid }) => uid)].map(([uid, all]) => [uid, all.map(({ one }) => one)]))
}

/** A long piece of work says now and then how far it is; `status` shows the same numbers. */
async function tellProgress({ engine, lane }: Run): Promise<void> {
  const [{ waiting }, linked] = await engine.store.transaction(async (tx) => [await tx.countInbox(lane), await tx.countCopies(lane)] as const)
  engine.log.info({ lane, linked, waiting }, 'progress')
}

async function gather(run: Run, due: readonly InboxRow[], verdicts: Verdicts): Promise<Batch> {
  const { engine, lane } = run
  const isSettled = (row: InboxRow) => row.sighting.type === 'seen' || isApproved(verdicts, row)
  return engine.store.snapshot(async (tx) => {
    const byItem = new Map((await tx.copiesByItem(lane, idsOf(due, 'exchange'))).map((row) => [row.copy.exchange.id, row] as const))
    const records = [...idsOf(due, 'crm'), ...[...byItem.values()].map(({ link }) => link.record), ...stampedRecords(due)]
    const ofRecords = await tx.copiesByRecord(records)
    const byRecord = new Map(ofRecords.filter(({ copy }) => copy.mailbox === lane).map((row) => [row.link.record, row] as const))
    for (const row of byRecord.values()) byItem.set(row.copy.exchange.id, row)
    const siblings = Map.groupBy(ofRecords.filter(({ copy }) => copy.mailbox !== lane), ({ link }) => link.record)

    // The other side of a linked row may wait beyond this batch: one plan must see both.
    const rows = new Map(due.filter(isSettled).map((row) => [keyOf(row), answered(run, row)]))
    const suspects = new Map<ItemId, Instant>()
    for (const side of ['exchange', 'crm'] as const) {
      const ids = [...byItem.values()].map(({ copy, link }) => (side === 'crm' ? link.record : copy.exchange.id))
      for (const row of await tx.inboxOf(lane, side, ids)) {
        if (isSettled(row)) rows.set(keyOf(row), answered(run, row))
        else suspects.set(row.id, row.dueAt)
      }
    }

    const strangers = [...rows.values()].filter((row) => !byItem.has(row.id) && !byRecord.has(row.id))
    const uids = strangers.flatMap((row) => (row.sighting.type === 'seen' && row.sighting.snapshot.uid !== undefined ? [row.sighting.snapshot.uid] : []))
    const keys = strangers.flatMap((row) => (row.sighting.type === 'seen' ? (naturalKey(row.sighting.snapshot.item) ?? []) : []))
    const alike = [...(await tx.inboxLike(lane, 'crm', uids, keys)), ...(await tx.inboxLike(lane, 'exchange', uids, keys))]
    const taken = new Set([...(await tx.copiesByItem(lane, idsOf(alike, 'exchange'))).map(({ copy }) => copy.exchange.id),
      ...(await tx.copiesByRecord(idsOf(alike, 'crm'))).filter(({ copy }) => copy.mailbox === lane).map(({ link }) => link.record)])
    const copies = [...byItem.values()].map(({ copy }) => copy.id)
    return {
      rows: [...rows.values()],
      suspects,
      byItem,
      byRecord,
      siblings,
      byUid: byEveryUid(await tx.copiesByUid(uids)),
      tombstones: latest(await tx.tombstones(lane, strangers.map((row) => row.id))),
      alike: alike.filter((row) => !taken.has(row.id)),
      conflicts: copies.length === 0 ? [] : await tx.conflicts({ states: ['open', 'decided'], copies }),
      held: await tx.held({ lane }),
      looked: new Map(),
      place: placement(engine.directory(), engine.policy),
    }
  })
}

/** The feed files one record for all its mailboxes; what its owner answered is read into each. */
function answered({ owner }: Run, row: InboxRow): InboxRow {
  if (row.side !== 'crm' || row.sighting.type !== 'seen') return row
  return { ...row, sighting: { type: 'seen', snapshot: withAnswerOf(row.sighting.snapshot, owner) } }
}

const keyOf = (row: Pick<InboxRow, 'side' | 'id'>) => `${row.side}/${row.id}`
const idsOf = (rows: readonly InboxRow[], side: Side) => rows.filter((row) => row.side === side).map((row) => row.id)
const latest = (rows: readonly Tombstone[]) => new Map(rows.flatMap((row) => [[row.item, row], [row.record, row]] as const))
const stampedRecords = (rows: readonly InboxRow[]) =>
  rows.flatMap((row) => (row.sighting.type === 'seen' && row.sighting.snapshot.stamp !== undefined ? [row.sighting.snapshot.stamp.record] : []))

async function planLinked(run: Run, batch: Batch): Promise<(Work | Aside)[]> {
  const units = new Map<CopyId, Unit>()
  for (const row of batch.rows) {
    const linked = row.side === 'exchange' ? batch.byItem.get(row.id) : batch.byRecord.get(row.id)
    if (linked === undefined) continue
    const unit = units.get(linked.copy.id) ?? { linked, rows: new Map<Side, InboxRow>() }
    unit.rows.set(row.side, row)
    units.set(linked.copy.id, unit)
  }
  await lookAhead(run, batch, [...units.values()])
  const result: (Work | Aside)[] = []
  for (const { linked, rows } of units.values()) {
    const planned = await harmless(run, [...rows.values()], () => planUnit(run, batch, followed(linked), rows))
    result.push(...planned.map((one) => (isWork(one) && losesWords(batch, one) ? { ...one, loses: true } : one)))
  }
  return result
}

/** Of what several have a copy of, one member's private mark takes the words from all: what they were is remembered nowhere. */
const losesWords = (batch: Batch, { linked: { link, copy }, crm }: Work): boolean =>
  batch.siblings.has(link.record) && crm.type === 'seen' && isWordless(crm.snapshot.item) && moved(copy.base.crm, crm.snapshot.item)

interface Unit {
  readonly linked: LinkedCopy
  readonly rows: Map<Side, InboxRow>
}

/** What plans have to see of Exchange besides its news is read for all of them together: a series is one item there. */
async function lookAhead(run: Run, batch: Batch, units: readonly Unit[]): Promise<void> {
  const blind = units.filter(({ linked: { copy }, rows }) =>
    !rows.has('exchange') && !batch.suspects.has(copy.exchange.id) && (rows.get('crm')?.sighting.type === 'gone' || copy.exchange.changeKey === UNKNOWN_KEY))
  if (blind.length < 2) return
  for (const [kind, all] of Map.groupBy(blind, ({ linked }) => linked.link.kind)) {
    for (const [id, sighting] of await lookOver(run, kind, all.map(({ linked }) => linked.copy))) batch.looked.set(id, sighting)
  }
}

/** A sibling made the record again under another id: this copy follows it, and reads it first. */
function followed({ link, copy }: LinkedCopy): LinkedCopy {
  if (copy.crm.id === link.record) return { link, copy }
  return { link, copy: { ...copy, crm: { id: link.record, changeKey: UNKNOWN_KEY } } }
}

/** One item that cannot be read waits; the others of its batch go on. */
export async function harmless(run: Run, rows: readonly InboxRow[], work: () => Promise<(Work | Aside)[]>): Promise<(Work | Aside)[]> {
  try {
    return await work()
  } catch (thrown) {
    const cause = asSyncError(thrown)
    if (cause.scope !== 'item' || cause.remedy === 'bug') throw thrown
    const error = { code: cause.code, message: cause.message }
    return rows.map((row) => ({ type: 'defer', row, until: instant(instantMs(run.engine.clock.now()) + (cause.retryAfterMs ?? backoffMs(rows))), error }))
  }
}

export async function planUnit(run: Run, batch: Batch, linked: LinkedCopy, bySide: ReadonlyMap<Side, InboxRow>): Promise<(Work | Aside)[]> {
  const { copy, link } = linked
  const rows = [...bySide.values()]
  const suspect = batch.suspects.get(copy.exchange.id) ?? batch.suspects.get(copy.crm.id)
  if (suspect !== undefined) return rows.map((row) => ({ type: 'defer', row, until: later(run, suspect) }))
  // Somebody is asked about its deletion: whatever the answer, both sides are read again then.
  const asked = batch.held.find((held) => held.copy === copy.id && held.decision === null)
  if (asked !== undefined && bySide.get(asked.side)?.sighting.type !== 'seen') return rows.map((row) => ({ type: 'drop', row }))
  const conflicts = batch.conflicts.filter((conflict) => conflict.copy === copy.id)
  const seen = async (side: Side) => (side === 'exchange' ? batch.looked.get(copy.exchange.id) : undefined) ?? (await look(run, side, link.kind, [{ id: copy[side].id, copy }]))[0] ?? QUIET
  const sighting = async (side: Side): Promise<Sighting> => {
    // With an undecided clash, or after a version nobody could carry, the base is not what the side holds: look.
    return bySide.get(side)?.sighting ?? (conflicts.length > 0 || copy[side].changeKey === UNKNOWN_KEY ? await seen(side) : QUIET)
  }
  let exchange = await sighting('exchange')
  const crm = await sighting('crm')
  // What is made again is made from what is there now, and its source is what recovery needs.
  if (crm.type === 'gone' && exchange.type === 'quiet') exchange = await seen('exchange')
  // Found gone without a verdict: a row of its own is judged first.
  if (exchange.type === 'gone' && !bySide.has('exchange')) return vanished(run, linked, rows)

  // Switched off for this mailbox while linked: nothing is lost, it is looked at again when it is switched on.
  if (run.policy.direction[link.kind] === 'off') return rows.map((row) => ({ type: 'skip', row, reason: 'direction', enterAt: null, uid: link.uid }))
  const isRestored = batch.held.some((held) => held.copy === copy.id && held.side === 'crm' && held.decision === 'restore')
  if (isRestored && crm.type === 'gone' && exchange.type !== 'gone') return restored(run, batch, linked, rows, exchange, crm)
  const unsupported = unsupportedOf(exchange, crm)
  if (unsupported !== null) return [leave(linked, rows, exchange, crm, unsupported)]
  // Another attendee's copy of a meeting: known, never written.
  if (copy.role === 'shadow') return planAttendee(run, batch, linked, rows, exchange, crm)
  if (exchange.type === 'gone' && crm.type !== 'gone' && isShared(run, batch, linked)) {
    const heirs = (batch.siblings.get(link.record) ?? []).filter((sibling) => sibling.copy.role === 'shadow').map((sibling) => sibling.copy.mailbox)
    return [{ ...leaveGroup(linked, rows, exchange, heirs.length > 0 && crm.type === 'quiet' ? await seen('crm') : crm), heirs }]
  }

  // A meeting stays in its organizer's calendar, and what is masked in its owner's, whoever is responsible for the record.
  const isAway = crm.type === 'seen' && !isMeeting(copy.traits) && copy.traits.masked !== true && !batch.place(link.kind, crm.snapshot.assignee).includes(run.lane)
  const isGuest = isAway && isInvitedBy(run, crm)
  // Invited instead of responsible from now on, or the other way round.
  const isEdited = exchange.type === 'seen' && moved(copy.base.exchange, exchange.snapshot.item)
  const leaves = isAway && copy.role === 'home'
  if (crm.type === 'seen' && copy.role !== (isGuest ? 'guest' : 'home') && (isGuest || !isAway) && !(leaves && isEdited)) {
    return planUnit(run, batch, { link, copy: { ...copy, role: isGuest ? 'guest' : 'home' } }, bySide)
  }
  const reassigned = isAway && !isGuest
  // What was edited while it was given away is carried over first.
  if (reassigned && !isEdited) {
    return await planAway(run, batch, linked, rows, exchange, crm)
  }
  if (copy.traits.apart === true && crm.type === 'seen' && exchange.type !== 'gone' && !isEdited) return [{ linked, isNew: false, rows, exchange, crm, plan: planApart(copy, exchange), again: true }]
  const decided = refereeOf(conflicts, copy.id)
  const made = plan({ kind: link.kind, copy, exchange, crm, policy: run.policy, holds: run.holds, now: run.engine.clock.now(), owner: run.owner, decided, ...groupOf(run, batch, linked) })
  const remakes = made.writes.some((write) => write.type === 'create' && write.on === 'crm')
  if (remakes && (await isTakenBySibling(run, batch, linked))) return rows.map((row) => ({ type: 'defer', row, until: later(run, null) }))
  return [{ linked, isNew: false, rows, exchange, crm, plan: made, ...(leaves || reassigned || completes(run, linked, exchange) ? { again: true } : {}) }]
}

/** The record is made again once: from the copy that is kept in step where there is one, else from whichever asks first. */
async function restored(run: Run, batch: Batch, { link, copy }: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Promise<(Work | Aside)[]> {
  const siblings = batch.siblings.get(link.record) ?? []
  const isFollower = copy.role !== 'home' && siblings.some((sibling) => sibling.copy.role === 'home')
  if (isFollower || (await isOthersClaim(run, link))) {
    return rows.map((row) => ({ type: 'defer', row, until: instant(instantMs(run.engine.clock.now()) + Math.min(AWAY_MS, 1000 * 2 ** row.attempts)) }))
  }
  return [{ linked: { link, copy: { ...copy, role: 'home' } }, isNew: false, rows, exchange, crm, plan: planRestored(copy, exchange) }]
}

/** The task of a group that one member does not complete for all. */
function groupOf(run: Run, batch: Batch, { link }: LinkedCopy): { group?: GroupTask } {
  const { policy } = run
  if (link.kind !== 'task' || policy.groupCompletion === 'any') return {}
  if (!run.engine.directory().groups.some((group) => group.id === link.assignee)) return {}
  const others = (batch.siblings.get(link.record) ?? []).map(({ copy }) => (copy.base.exchange.fields as Partial<TaskFields>).status ?? 'notStarted')
  return { group: { completion: policy.groupCompletion, others } }
}

/** Members may complete their copies at one moment, and none sees the other's: the last to settle looks once more. */
const completes = (run: Run, { link, copy }: LinkedCopy, exchange: Sighting): boolean =>
  run.policy.groupCompletion === 'all' && link.kind === 'task' && exchange.type === 'seen' &&
  (exchange.snapshot.item.fields as Partial<TaskFields>).status === 'completed' && (copy.base.exchange.fields as Partial<TaskFields>).status !== 'completed'

const QUIET: Sighting = { type: 'quiet' }

function later(run: Run, at: Instant | null): Instant {
  const soon = instant(instantMs(run.engine.clock.now()) + 1000)
  return at !== null && at > soon ? at : soon
}

/** The item is filed as vanished, as if the feed had told it, and the rows wait for the verdict. */
async function vanished(run: Run, { link, copy }: LinkedCopy, rows: readonly InboxRow[]): Promise<Aside[]> {
  const now = run.engine.clock.now()
  const row = { lane: run.lane, side: 'exchange', id: copy.exchange.id, kind: link.kind, sighting: { type: 'gone' }, dueAt: now, suspectSince: now } as const
  await run.engine.store.transaction((tx) => tx.putInbox([row]), run.fence)
  return rows.map((one) => ({ type: 'defer', row: one, until: now }))
}

function unsupportedOf(exchange: Sighting, crm: Sighting): NonNullable<Work['skip']> | null {
  for (const [side, one] of [['exchange', exchange], ['crm', crm]] as const) {
    if (one.type === 'seen' && one.snapshot.unsupported !== undefined) return { side, id: one.snapshot.id, reason: one.snapshot.unsupported }
  }
  return null
}

/**
 * It became something this version cannot carry: left as it is on both sides. The copy stays, and forgets which versions
 * it has seen, so that both sides are read when it comes back.
 */
function leave({ link, copy }: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting, skip: NonNullable<Work['skip']>): Work {
  const isOver = exchange.type === 'gone' || crm.type === 'gone'
  const forgotten = { ...copy, exchange: { ...copy.exchange, changeKey: UNKNOWN_KEY }, crm: { ...copy.crm, changeKey: UNKNOWN_KEY } }
  const ending = isOver ? ({ type: 'bury', reason: 'unlinked' } as const) : ({ type: 'keep', base: copy.base } as const)
  return { linked: { link, copy: forgotten }, isNew: false, rows, exchange: QUIET, crm: QUIET, plan: { writes: [], clashes: [], ending, reason: 'cannot be carried' }, skip }
}

/** Whether the record belongs to several people, so that one of them cannot delete it for all. A host's guests do not count. */
function isShared(run: Run, batch: Batch, { link, copy }: LinkedCopy): boolean {
  const toGroup = run.engine.directory().groups.some((group) => group.id === link.assignee)
  const roles = new Set((batch.siblings.get(link.record) ?? []).map((sibling) => sibling.copy.role))
  return toGroup || roles.has('home') || (copy.traits.invited === true && roles.has('shadow'))
}

/** A member threw his own copy away: it stays away for him, and for nobody else. */
function leaveGroup(linked: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Work {
  return { linked, isNew: false, rows, exchange, crm, plan: { writes: [], clashes: [], ending: { type: 'bury', reason: 'user-deleted' }, reason: 'a member deleted his own copy' } }
}

/** Two members' edits outlive a deletion in the CRM: one lane makes the record again, the others follow it. */
async function isTakenBySibling(run: Run, batch: Batch, linked: LinkedCopy): Promise<boolean> {
  return isShared(run, batch, linked) && (await isOthersClaim(run, linked.link))
}

async function isOthersClaim({ engine: { store, clock }, lane, fence }: Run, { record }: LinkedCopy['link']): Promise<boolean> {
  return (await store.transaction((tx) => tx.claim(`again:${record}`, lane, clock.now()), fence)) !== lane
}

const isInvitedBy = (run: Run, crm: Sighting): boolean =>
  crm.type === 'seen' && run.policy.meetings === 'copies' && invitedMailboxes(run.engine.directory(), crm.snapshot.item).includes(run.lane)
