import type { Conflict, CopyId, Held, LinkedCopy } from '../model/index.ts'
import type { NewInboxRow, Tx } from '../ports.ts'
import type { Referee } from '../sync/index.ts'
import { other } from './context.ts'
import type { Run } from './context.ts'
import { look } from './look.ts'

/** Carries out what people decided about held deletions and open conflicts of this mailbox. */
export async function applyDecisions(run: Run): Promise<void> {
  const { engine, lane } = run
  const decided = (await engine.store.transaction((tx) => tx.held({ lane }))).filter((held) => held.decision !== null)
  for (const held of decided) await engine.store.transaction((tx) => applyHeld(run, tx, held), run.fence)
  await refreshConflicts(run)
}

async function applyHeld(run: Run, tx: Tx, held: Held): Promise<void> {
  const { engine, lane } = run
  const at = engine.clock.now()
  const [linked] = held.copy === null ? [] : await tx.copiesById([held.copy])
  if (held.what === 'ambiguous') {
    // `apply` makes a new item of it: first contact finds the decision and does not search again.
    if (held.decision === 'apply') {
      const candidates = { side: other(held.side), kind: held.kind }
      const rows = [await rowAgain(run, held), ...(await Promise.all(held.candidates.map((item) => rowAgain(run, { ...candidates, item }))))]
      await tx.putInbox(rows.flat())
    }
    return
  }
  if (linked === undefined) {
    await tx.removeHeld([held.id])
    return
  }
  if (held.decision === 'apply') {
    // The row comes back as a deletion; the decision stays until it is carried out, so the brake lets it pass.
    await tx.putInbox([{ lane, side: held.side, id: held.item, kind: held.kind, sighting: { type: 'gone' }, dueAt: at, suspectSince: at }])
    return
  }
  await tx.removeCopies([linked.copy.id])
  await tx.removeHeld([held.id])
  if (held.decision === 'unlink') await bury(tx, linked, run)
  else await tx.putInbox(await survivor(run, held, linked))
}

async function bury(tx: Tx, { link, copy }: LinkedCopy, { engine, lane }: Run): Promise<void> {
  await tx.putTombstones([{
    mailbox: lane, kind: link.kind, record: copy.crm.id, item: copy.exchange.id,
    exchangeChangeKey: copy.exchange.changeKey, crmChangeKey: copy.crm.changeKey, reason: 'unlinked', at: engine.clock.now(),
  }])
}

/** What is left of the pair is seen as new, so that its counterpart is made again. */
async function survivor(run: Run, held: Held, { copy }: LinkedCopy): Promise<NewInboxRow[]> {
  const side = other(held.side)
  return rowAgain(run, { ...held, side, item: copy[side].id })
}

async function rowAgain(run: Run, { side, kind, item }: Pick<Held, 'side' | 'kind' | 'item'>): Promise<NewInboxRow[]> {
  const [sighting] = await look(run, side, kind, [{ id: item, copy: null }])
  if (sighting?.type !== 'seen') return []
  return [{ lane: run.lane, side, id: item, kind, sighting, dueAt: run.engine.clock.now(), suspectSince: null }]
}

/** A conflict decided by a human: both sides are read again, and the plan finds the answer. */
async function refreshConflicts(run: Run): Promise<void> {
  const { engine, lane } = run
  const [decided, copies] = await engine.store.transaction(async (tx) => {
    const answers = await tx.conflicts({ states: ['decided'], lane })
    return [answers, await tx.copiesById([...new Set(answers.map((conflict) => conflict.copy))])] as const
  })
  const rows: NewInboxRow[] = []
  for (const { link, copy } of copies) {
    rows.push(...(await rowAgain(run, { side: 'crm', kind: link.kind, item: copy.crm.id })))
    rows.push(...(await rowAgain(run, { side: 'exchange', kind: link.kind, item: copy.exchange.id })))
  }
  const orphans = decided.filter((conflict) => !copies.some(({ copy }) => copy.id === conflict.copy))
  if (rows.length + orphans.length === 0) return
  await engine.store.transaction(async (tx) => {
    await tx.putInbox(rows)
    await tx.closeConflicts(orphans.map((conflict) => conflict.id))
  }, run.fence)
}

/** The answers people gave for one copy. */
export function refereeOf(conflicts: readonly Conflict[], copy: CopyId): Referee {
  const mine = conflicts.filter((conflict) => conflict.copy === copy && conflict.state === 'decided')
  return (clash) => mine.find((conflict) => conflict.field === clash.field)?.winner ?? null
}
