import { instant, instantMs, itemOf } from '../model/index.ts'
import type { InboxRow, LinkedCopy, Sighting } from '../model/index.ts'
import { planShadow } from '../sync/index.ts'
import { AWAY_MS } from './away.ts'
import type { Run } from './context.ts'
import { hostOf } from './people.ts'
import { planUnit } from './reconcile.ts'
import type { Batch } from './reconcile.ts'
import { UNKNOWN_KEY } from './work.ts'
import type { Aside, Work } from './work.ts'

/** Another attendee's copy of a meeting: known, and nothing of it kept in step but the answer. */
export async function planAttendee(run: Run, batch: Batch, linked: LinkedCopy, rows: readonly InboxRow[], exchange: Sighting, crm: Sighting): Promise<(Work | Aside)[]> {
  const { link, copy } = linked
  const over = { writes: [], clashes: [], ending: { type: 'bury', reason: 'deleted' }, reason: "another attendee's copy" } as const
  const siblings = batch.siblings.get(link.record) ?? []
  const hasHome = siblings.some((sibling) => sibling.copy.role === 'home')
  if (exchange.type === 'gone' && (hasHome || crm.type === 'gone')) return [{ linked, isNew: false, rows, exchange, crm, plan: over }]
  // The copy that is kept in step may bring the record back; this one then follows it.
  if (crm.type === 'gone' && hasHome && rows.every(({ attempts }) => attempts < PATIENCE)) {
    return rows.map((row) => ({ type: 'defer', row, until: instant(instantMs(run.engine.clock.now()) + Math.min(AWAY_MS, 1000 * 2 ** row.attempts)) }))
  }
  if (!hasHome && (crm.type !== 'quiet' || exchange.type === 'gone') && (await inherits(run, linked, crm, siblings.length))) {
    const heir: LinkedCopy = { link, copy: { ...copy, role: 'home', exchange: { ...copy.exchange, changeKey: UNKNOWN_KEY }, base: { ...copy.base, exchange: itemOf(link.kind, {}) } } }
    return planUnit(run, batch, heir, new Map(rows.map((row) => [row.side, row])))
  }
  if (exchange.type === 'gone' || crm.type === 'gone') return [{ linked, isNew: false, rows, exchange, crm, plan: over }]
  const { clock } = run.engine
  const made = planShadow({ kind: link.kind, copy, exchange, crm, policy: run.policy, holds: run.holds, now: clock.now(), owner: run.owner })
  return [{ linked, isNew: false, rows, exchange, crm, plan: made }]
}

/** How often a copy looks whether the one that is kept in step brought the record back. */
const PATIENCE = 12

/**
 * Whether this copy takes the place of the one that was kept in step, because its owner left the meeting. With the record
 * gone that is for the organizer to say, where the organizer is one of us.
 */
async function inherits(run: Run, { link, copy }: LinkedCopy, crm: Sighting, others: number): Promise<boolean> {
  if (crm.type === 'gone' && hostOf(run, copy.base.exchange) !== null) return false
  const { store, clock } = run.engine
  return (await store.transaction((tx) => tx.claim(`heir:${link.id}:${others}`, run.lane, clock.now()), run.fence)) === run.lane
}
