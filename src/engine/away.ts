import { instant, instantMs } from '../model/index.ts'
import type { InboxRow, LinkedCopy, MailboxId, Sighting, Snapshot } from '../model/index.ts'
import { inWindow, isUnwanted, planReassigned } from '../sync/index.ts'
import { policyOf } from './context.ts'
import type { Run } from './context.ts'
import type { Batch } from './reconcile.ts'
import type { Aside, Work } from './work.ts'

/** The longest that a copy waits for another mailbox before it looks again. */
export const AWAY_MS = 600_000

/** The record was given to other people: wait until their copies exist, then take this one away. */
export async function planAway(run: Run, batch: Batch, linked: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Promise<(Work | Aside)[]> {
  const { link, copy } = linked
  const wanted = crm.type === 'seen' ? batch.place(link.kind, crm.snapshot.assignee) : []
  const present = new Set((batch.siblings.get(link.record) ?? []).map((sibling) => sibling.copy.mailbox))
  const missing = wanted.filter((lane) => !present.has(lane) && crm.type === 'seen' && takes(run, lane, crm.snapshot))
  // Whoever threw his copy away, or moved it out of sight, does not get another one, and nobody waits for it.
  const buried = await run.engine.store.transaction(async (tx) => Promise.all(missing.map((lane) => tx.tombstones(lane, [link.record]))))
  if (buried.some((graves) => !graves.some((grave) => grave.reason === 'user-deleted' || grave.reason === 'unlinked'))) {
    const now = instantMs(run.engine.clock.now())
    return rows.map((row) => ({ type: 'defer', row, until: instant(now + Math.min(AWAY_MS, 1000 * 2 ** row.attempts)) }))
  }
  // What is over nobody takes any more: it stays where it was.
  const isOver = crm.type === 'seen' && isPast(run, crm.snapshot)
  return [{ linked, isNew: false, rows, exchange, crm, plan: planReassigned(copy, exchange, isOver ? wanted.some((lane) => present.has(lane)) : wanted.length > 0) }]
}

/** Whether the new owner's mailbox takes the record up now; otherwise there is nothing to wait for. */
function takes({ engine }: Run, lane: MailboxId, record: Snapshot): boolean {
  const policy = policyOf(engine, lane)
  const flows = policy.direction[record.item.kind] === 'both' || policy.direction[record.item.kind] === 'to-exchange'
  return flows && isUnwanted(record, policy) === null && inWindow(record.item, engine.clock.now(), policy).in
}

function isPast({ engine, policy }: Run, record: Snapshot): boolean {
  const window = inWindow(record.item, engine.clock.now(), policy)
  return !window.in && window.enterAt === null
}
