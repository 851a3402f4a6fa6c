import { instant, instantMs, naturalKey } from '../model/index.ts'
import type { Conflict, CopyId, Held, InboxRow, ItemId, LinkedCopy, Side, Sighting, Tombstone } from '../model/index.ts'
import { moved, placement, plan, planReassigned } from '../sync/index.ts'
import type { Placement } from '../sync/index.ts'
import type { Run } from './context.ts'
import { refereeOf } from './decide.ts'
import { execute } from './execute.ts'
import { firstContact } from './first-contact.ts'
import { look } from './look.ts'
import { isWork } from './work.ts'
import type { Aside, Work } from './work.ts'

const BATCH = 200
/** Rounds of a run: each either empties the inbox of due rows or finds new input; the rest waits for the next run. */
const MAX_ROUNDS = 2000

/** What is known about a batch of inbox rows, read in one transaction. */
export interface Batch {
  readonly rows: readonly InboxRow[]
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
  readonly place: Placement
}

/** Turns the mailbox's inbox into writes, batch by batch, until nothing is due. */
export async function reconcile(run: Run): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { store, clock } = run.engine
    const rows = await store.transaction((tx) => tx.takeInbox(run.lane, clock.now(), BATCH))
    if (rows.length === 0) return
    const batch = await gather(run, rows)
    const linked = await planLinked(run, batch)
    const fresh = await firstContact(run, batch)
    const all = [...linked, ...fresh]
    await execute(run, all.filter(isWork), all.filter((one): one is Aside => !isWork(one)))
  }
}

async function gather(run: Run, due: readonly InboxRow[]): Promise<Batch> {
  const { engine, lane } = run
  return engine.store.transaction(async (tx) => {
    const byItem = new Map((await tx.copiesByItem(lane, idsOf(due, 'exchange'))).map((row) => [row.copy.exchange.id, row] as const))
    const records = [...idsOf(due, 'crm'), ...[...byItem.values()].map(({ copy }) => copy.crm.id), ...stampedRecords(due)]
    const ofRecords = await tx.copiesByRecord(records)
    const byRecord = new Map(ofRecords.filter(({ copy }) => copy.mailbox === lane).map((row) => [row.copy.crm.id, row] as const))
    for (const row of byRecord.values()) byItem.set(row.copy.exchange.id, row)
    const siblings = Map.groupBy(ofRecords.filter(({ copy }) => copy.mailbox !== lane), ({ link }) => link.record)

    // The other side of a linked row may wait beyond this batch: one plan must see both.
    const rows = new Map(due.map((row) => [keyOf(row), row]))
    for (const side of ['exchange', 'crm'] as const) {
      const ids = [...byItem.values()].map(({ copy }) => copy[side].id)
      for (const row of await tx.inboxOf(lane, side, ids)) if (isTimely(run, row)) rows.set(keyOf(row), row)
    }

    const strangers = [...rows.values()].filter((row) => !byItem.has(row.id) && !byRecord.has(row.id))
    const uids = strangers.flatMap((row) => (row.sighting.type === 'seen' && row.sighting.snapshot.uid !== undefined ? [row.sighting.snapshot.uid] : []))
    const keys = strangers.flatMap((row) => (row.sighting.type === 'seen' ? (naturalKey(row.sighting.snapshot.item) ?? []) : []))
    const alike = [...(await tx.inboxLike(lane, 'crm', uids, keys)), ...(await tx.inboxLike(lane, 'exchange', uids, keys))]
    const taken = new Set([...(await tx.copiesByItem(lane, idsOf(alike, 'exchange'))).map(({ copy }) => copy.exchange.id),
      ...(await tx.copiesByRecord(idsOf(alike, 'crm'))).filter(({ copy }) => copy.mailbox === lane).map(({ copy }) => copy.crm.id)])
    const copies = [...byItem.values()].map(({ copy }) => copy.id)
    return {
      rows: [...rows.values()],
      byItem,
      byRecord,
      siblings,
      byUid: Map.groupBy(await tx.copiesByUid(uids), ({ link }) => link.uid ?? ''),
      tombstones: latest(await tx.tombstones(lane, strangers.map((row) => row.id))),
      alike: alike.filter((row) => !taken.has(row.id)),
      conflicts: copies.length === 0 ? [] : await tx.conflicts({ states: ['open', 'decided'], copies }),
      held: strangers.length === 0 ? [] : await tx.held({ lane }),
      place: placement(engine.directory(), engine.policy),
    }
  })
}

const keyOf = (row: Pick<InboxRow, 'side' | 'id'>) => `${row.side}/${row.id}`
const idsOf = (rows: readonly InboxRow[], side: Side) => rows.filter((row) => row.side === side).map((row) => row.id)
const latest = (rows: readonly Tombstone[]) => new Map(rows.flatMap((row) => [[row.item, row], [row.record, row]] as const))
const stampedRecords = (rows: readonly InboxRow[]) =>
  rows.flatMap((row) => (row.sighting.type === 'seen' && row.sighting.snapshot.stamp !== undefined ? [row.sighting.snapshot.stamp.record] : []))

/** A vanished item that still has grace time is not part of any plan; everything else is news. */
const isTimely = (run: Run, row: InboxRow) =>
  row.sighting.type === 'seen' || instantMs(row.dueAt) <= instantMs(run.engine.clock.now())

async function planLinked(run: Run, batch: Batch): Promise<(Work | Aside)[]> {
  const units = new Map<CopyId, { linked: LinkedCopy; rows: Map<Side, InboxRow> }>()
  for (const row of batch.rows) {
    const linked = row.side === 'exchange' ? batch.byItem.get(row.id) : batch.byRecord.get(row.id)
    if (linked === undefined) continue
    const unit = units.get(linked.copy.id) ?? { linked, rows: new Map<Side, InboxRow>() }
    unit.rows.set(row.side, row)
    units.set(linked.copy.id, unit)
  }
  const result: (Work | Aside)[] = []
  for (const unit of units.values()) result.push(...(await planUnit(run, batch, unit.linked, unit.rows)))
  return result
}

async function planUnit(run: Run, batch: Batch, linked: LinkedCopy, bySide: ReadonlyMap<Side, InboxRow>): Promise<(Work | Aside)[]> {
  const { engine } = run
  const { copy, link } = linked
  const rows = [...bySide.values()]
  const conflicts = batch.conflicts.filter((conflict) => conflict.copy === copy.id)
  const sighting = async (side: Side): Promise<Sighting> => {
    const row = bySide.get(side)
    if (row !== undefined) return row.sighting
    // With an undecided clash the base is not what the side holds: look.
    if (conflicts.length > 0) return (await look(run, side, link.kind, [{ id: copy[side].id, copy }]))[0] ?? { type: 'quiet' }
    return { type: 'quiet' }
  }
  const exchange = await sighting('exchange')
  const crm = await sighting('crm')

  const unsupported = [exchange, crm].map((one) => (one.type === 'seen' ? one.snapshot.unsupported : undefined)).find((reason) => reason !== undefined)
  // It became something this version cannot carry: left as it is on both sides, and the link remembers it.
  if (unsupported !== undefined) return rows.map((row) => ({ type: 'skip', row, reason: unsupported, enterAt: null, uid: link.uid }))
  // Another attendee's copy of a meeting: known, never written.
  if (copy.role === 'shadow') return [shadow(linked, rows, exchange, crm)]

  const reassigned = crm.type === 'seen' && copy.traits.invited !== true && !batch.place(link.kind, crm.snapshot.assignee).includes(run.lane)
  if (reassigned && !(exchange.type === 'seen' && moved(copy.base.exchange, exchange.snapshot.item))) {
    return [planAway(run, batch, linked, rows, exchange, crm)]
  }
  const decided = refereeOf(conflicts, copy.id)
  const made = plan({ kind: link.kind, copy, exchange, crm, policy: engine.policy, holds: run.holds, now: engine.clock.now(), decided })
  return [{ linked, isNew: false, rows, exchange, crm, plan: made, ...(reassigned ? { again: true } : {}) }]
}

function shadow(linked: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Work {
  const base = { exchange: exchange.type === 'seen' ? exchange.snapshot.item : linked.copy.base.exchange, crm: crm.type === 'seen' ? crm.snapshot.item : linked.copy.base.crm }
  const isOver = exchange.type === 'gone' || crm.type === 'gone'
  const ending = isOver ? ({ type: 'bury', reason: 'deleted' } as const) : ({ type: 'keep', base } as const)
  return { linked, isNew: false, rows, exchange, crm, plan: { writes: [], clashes: [], ending, reason: "another attendee's copy" } }
}

/** The record was given to other people: wait until their copies exist, then take this one away. */
function planAway(run: Run, batch: Batch, linked: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Work | Aside {
  const { link, copy } = linked
  const wanted = crm.type === 'seen' ? batch.place(link.kind, crm.snapshot.assignee) : []
  const present = new Set((batch.siblings.get(copy.crm.id) ?? []).map((sibling) => sibling.copy.mailbox))
  const row = rows.find((one) => one.side === 'crm')
  if (row !== undefined && wanted.some((lane) => !present.has(lane))) {
    return { type: 'defer', row, until: instant(instantMs(run.engine.clock.now()) + 1000) }
  }
  return { linked, isNew: false, rows, exchange, crm, plan: planReassigned(copy, exchange, wanted.length > 0) }
}
