import { operationId } from '../model/index.ts'
import type { CopyId, LinkedCopy, Operation, Side } from '../model/index.ts'
import type { UpdateRequest } from '../ports.ts'
import { moved, placement } from '../sync/index.ts'
import { bornWith } from './born.ts'
import type { Run } from './context.ts'
import { replicaOf } from './look.ts'
import { UNKNOWN_KEY } from './work.ts'

const BATCH = 500

/**
 * Puts the silent marks where they are missing: our stamp on items made in Exchange, the Exchange id on CRM records that
 * have the field. A mark that finds the item changed waits for that change to be reconciled.
 *
 * @param tried copies that were marked, or could not be, earlier in this run
 */
export async function mark(run: Run, tried = new Set<CopyId>()): Promise<void> {
  for (;;) {
    const unmarked = await run.engine.store.transaction((tx) => tx.copiesUnmarked(run.lane, BATCH + tried.size))
    const rows = unmarked.filter(({ copy }) => !tried.has(copy.id)).slice(0, BATCH)
    if (rows.length === 0) return
    for (const { copy } of rows) tried.add(copy.id)
    // A version nobody has read yet cannot be marked; an attendee's copy is the organizer's, its UID serves.
    await markSide(run, 'exchange', rows.filter(({ copy }) => !copy.stamped && copy.traits.invited !== true && copy.exchange.changeKey !== UNKNOWN_KEY))
    const stamped = await run.engine.store.transaction((tx) => tx.copiesById(rows.map(({ copy }) => copy.id)))
    const unreferenced = stamped.filter(({ copy }) => !copy.referenced && copy.crm.changeKey !== UNKNOWN_KEY)
    await markSide(run, 'crm', await owners(run, unreferenced))
  }
}

export interface Marker {
  /** Marks what is there to mark, beside whatever else the run does; never throws. */
  begin(): void
  /** Marks the rest. @throws what went wrong since the beginning */
  finish(): Promise<void>
  /** Waits for what is under way and begins nothing more. */
  stop(): Promise<void>
}

/**
 * Marking writes to items that reconciling has done with, so the two go side by side; where they meet all the same, the
 * change key tells. A preview has one connection and takes turns.
 */
export function createMarker(run: Run): Marker {
  const tried = new Set<CopyId>()
  let marking: Promise<void> = Promise.resolve()
  let failure: { readonly thrown: unknown } | null = null
  const next = () => {
    marking = marking.then(async () => {
      if (failure === null) await mark(run, tried).catch((thrown: unknown) => void (failure = { thrown }))
    })
  }
  return {
    begin: () => void (run.engine.mode.dry || next()),
    async finish() {
      next()
      await marking
      if (failure !== null) throw (failure as { thrown: unknown }).thrown
    },
    async stop() {
      failure ??= { thrown: null }
      await marking
    },
  }
}

/** A record shared by several mailboxes carries one Exchange id; for the other copies there is nothing to write. */
async function owners(run: Run, rows: readonly LinkedCopy[]): Promise<readonly LinkedCopy[]> {
  if (rows.length === 0) return []
  const place = placement(run.engine.directory(), run.engine.policy)
  return run.engine.store.transaction(async (tx) => {
    const byRecord = new Map((await tx.linksByRecord(rows.map(({ link }) => link.record))).map((one) => [one.link.record, one.mailboxes]))
    const isOwner = ({ link }: LinkedCopy) => {
      const mailboxes = new Set(byRecord.get(link.record))
      const first = place(link.kind, link.assignee ?? undefined).find((mailbox) => mailboxes.has(mailbox))
      return (first ?? [...mailboxes].sort()[0]) === run.lane
    }
    const others = rows.filter((row) => !isOwner(row))
    await tx.markCopies('crm', others.map(({ copy }) => ({ id: copy.id, expect: copy.crm.changeKey, changeKey: copy.crm.changeKey })))
    return rows.filter(isOwner)
  }, run.fence)
}

async function markSide(run: Run, side: Side, rows: readonly LinkedCopy[]): Promise<void> {
  if (rows.length === 0) return
  const { engine } = run
  const operations = rows.map((row) => operationOf(run, side, row))
  await engine.store.transaction((tx) => tx.openOperations(operations), run.fence)
  const outcomes = await replicaOf(run, side).update(rows.map((row) => requestOf(run, side, row)))
  const marked = rows.flatMap(({ copy }, index) => {
    const outcome = outcomes[index]
    if (outcome?.type !== 'done') return []
    // The CRM compares no versions itself: an edit that came just before the mark is in the answer, and still to be told.
    const isNews = side === 'crm' && moved(copy.base.crm, outcome.snapshot.item)
    return [{ id: copy.id, expect: copy[side].changeKey, changeKey: isNews ? copy[side].changeKey : outcome.snapshot.changeKey }]
  })
  await engine.store.transaction(async (tx) => {
    await tx.markCopies(side, marked)
    await tx.settleOperations(operations.map((operation, index) => {
      const type = outcomes[index]?.type ?? 'failed'
      return { id: operation.id, item: operation.item, state: type === 'done' ? ('done' as const) : ('failed' as const), outcome: type }
    }))
  }, run.fence)
  engine.totals.marked += marked.length
}

function operationOf(run: Run, side: Side, { link, copy }: LinkedCopy): Operation {
  return {
    id: operationId(run.engine.ids.next()), lane: run.lane, copy: copy.id, link: link.id, kind: link.kind, side,
    type: side === 'exchange' ? 'stamp' : 'reference', item: copy[side].id, expect: copy[side].changeKey, token: copy.token,
    before: null, after: null, intent: null, reason: 'so that both items know each other', at: run.engine.clock.now(), state: 'open', outcome: null,
  }
}

function requestOf(run: Run, side: Side, { link, copy }: LinkedCopy): UpdateRequest {
  const common = { id: copy[side].id, kind: link.kind, fields: {}, expect: copy[side].changeKey }
  if (side === 'crm') return { ...common, reference: copy.exchange.id }
  // Words that were masked are Exchange's alone from then on, wherever the item began.
  const began = copy.traits.fromCrm === true && copy.traits.masked !== true
  return { ...common, stamp: { instance: run.engine.instance, kind: link.kind, record: copy.crm.id, token: copy.token, ...(began ? { born: bornWith(link.uid) } : {}) } }
}
