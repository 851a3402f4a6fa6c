import { instant } from '../model/index.ts'
import type { Conflict, CopyId, Held, ItemId, LinkedCopy, Side } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import type { Referee } from '../sync/index.ts'
import { other } from './context.ts'
import type { Run } from './context.ts'
import { lookAgain, putNews } from './look.ts'
import type { News } from './look.ts'
import { UNKNOWN_KEY } from './work.ts'

/** Carries out what people decided about held deletions and open conflicts of this mailbox. */
export async function applyDecisions(run: Run): Promise<void> {
  const { store } = run.engine
  const decided = (await store.transaction((tx) => tx.held({ lane: run.lane }))).filter((held) => held.decision !== null)
  for (const held of decided) await (held.what === 'ambiguous' ? applyAmbiguous(run, held) : applyDeletion(run, held))
  await refreshConflicts(run)
}

async function applyDeletion(run: Run, held: Held): Promise<void> {
  const { engine, lane } = run
  const [linked] = await engine.store.transaction((tx) => tx.copiesById(held.copy === null ? [] : [held.copy]))
  if (linked === undefined) {
    await engine.store.transaction((tx) => tx.removeHeld([held.id]), run.fence)
    return
  }
  if (await isMoot(run, held, linked)) return forget(run, held, linked)
  const rest = other(held.side)
  const left = held.decision === 'unlink' ? [] : await seenAgain(run, rest, held.kind, linked.copy[rest].id)
  // A record is made again once for all its mailboxes, under its link: it is planned like a deletion, with another end.
  if (held.decision === 'apply' || (held.decision === 'restore' && held.side === 'crm')) {
    // The row comes back as a deletion that has waited long enough; the decision stays until it is carried out, so the
    // brake lets it pass.
    const row = { lane, side: held.side, id: held.item, kind: held.kind, sighting: { type: 'gone' }, dueAt: engine.clock.now(), suspectSince: instant(0) } as const
    await engine.store.transaction(async (tx) => {
      // Back already, and waiting for another mailbox: it is not hurried.
      if ((await tx.inboxOf(lane, held.side, [held.item])).length === 0) await tx.putInbox([row])
      // What is left is read too: an edit made while somebody thought about it outlives the deletion.
      await putNews(tx, left)
    }, run.fence)
    return
  }
  // What is left of the pair is seen as new, so that its counterpart is made again.
  await engine.store.transaction(async (tx) => {
    await tx.removeCopies([linked.copy.id])
    await tx.removeHeld([held.id])
    if (held.decision === 'unlink') await bury(tx, linked, run)
    // What comes back is not new: nobody is told of it once more.
    else await remember(tx, linked, run)
    await putNews(tx, left)
  }, run.fence)
}

/** The item turned up again, under its own id or another one, or the record was made again for another mailbox. */
async function isMoot(run: Run, held: Held, { link, copy }: LinkedCopy): Promise<boolean> {
  if (copy[held.side].id !== held.item || (held.side === 'crm' && link.record !== held.item)) return true
  const [row] = await run.engine.store.transaction((tx) => tx.inboxOf(run.lane, held.side, [held.item]))
  if (row?.sighting.type === 'seen') return true
  // The feed is read by another lane and may be behind; of a mailbox the ids of Deleted Items can still be read.
  return held.side === 'crm' && (await seenAgain(run, 'crm', held.kind, held.item)).length > 0
}

/** There is nothing left to decide: both sides are read as they are now. */
async function forget(run: Run, held: Held, { link, copy }: LinkedCopy): Promise<void> {
  const news = [...(await seenAgain(run, 'crm', held.kind, link.record)), ...(await seenAgain(run, 'exchange', held.kind, copy.exchange.id))]
  await run.engine.store.transaction(async (tx) => {
    await tx.removeHeld([held.id])
    await putNews(tx, news)
  }, run.fence)
}

/** Left alone for good, or each made a new item of: first contact finds the decision and does not search again. */
async function applyAmbiguous(run: Run, held: Held): Promise<void> {
  if (held.decision !== 'apply') return
  const strangers = await run.engine.store.transaction((tx) => strangersOf(run, tx, held))
  const news: News[] = []
  for (const { side, item } of strangers) news.push(...(await seenAgain(run, side, held.kind, item)))
  await run.engine.store.transaction(async (tx) => {
    if (news.length === 0) await tx.removeHeld([held.id])
    await putNews(tx, news)
  }, run.fence)
}

/** What of an ambiguous match still has no partner. */
async function strangersOf(run: Run, tx: Tx, held: Held): Promise<{ side: Side; item: ItemId }[]> {
  const sides = { [held.side]: [held.item], [other(held.side)]: held.candidates } as Record<Side, readonly ItemId[]>
  const linked = new Set([
    ...(await tx.copiesByItem(run.lane, sides.exchange)).map(({ copy }) => copy.exchange.id),
    ...(await tx.copiesByRecord(sides.crm)).filter(({ copy }) => copy.mailbox === run.lane).map(({ link }) => link.record),
  ])
  return (['exchange', 'crm'] as const).flatMap((side) => sides[side].filter((item) => !linked.has(item)).map((item) => ({ side, item })))
}

async function bury(tx: Tx, { link, copy }: LinkedCopy, { engine, lane }: Run): Promise<void> {
  await tx.putTombstones([{
    mailbox: lane, kind: link.kind, record: copy.crm.id, item: copy.exchange.id,
    exchangeChangeKey: copy.exchange.changeKey, crmChangeKey: copy.crm.changeKey, reason: 'unlinked', at: engine.clock.now(),
  }])
}

/** No version of it is told apart from news: both sides are met as strangers that were there before. */
async function remember(tx: Tx, { link, copy }: LinkedCopy, { engine, lane }: Run): Promise<void> {
  await tx.putTombstones([{
    mailbox: lane, kind: link.kind, record: copy.crm.id, item: copy.exchange.id,
    exchangeChangeKey: UNKNOWN_KEY, crmChangeKey: UNKNOWN_KEY, reason: 'deleted', at: engine.clock.now(),
  }])
}

async function seenAgain(run: Run, side: Side, kind: Held['kind'], item: ItemId): Promise<News[]> {
  const news = await lookAgain(run, side, kind, { id: item, copy: null })
  return news.row.sighting.type === 'seen' ? [news] : []
}

/** A conflict decided by a human: both sides are read again, and the plan finds the answer. */
async function refreshConflicts(run: Run): Promise<void> {
  const { engine, lane } = run
  const [decided, copies] = await engine.store.transaction(async (tx) => {
    const answers = await tx.conflicts({ states: ['decided'], lane })
    return [answers, await tx.copiesById([...new Set(answers.map((conflict) => conflict.copy))])] as const
  })
  const news: News[] = []
  for (const { link, copy } of copies) {
    for (const side of ['crm', 'exchange'] as const) news.push(await lookAgain(run, side, link.kind, { id: copy[side].id, copy }))
  }
  const orphans = decided.filter((conflict) => !copies.some(({ copy }) => copy.id === conflict.copy))
  if (news.length + orphans.length === 0) return
  await engine.store.transaction(async (tx) => {
    await putNews(tx, news)
    await tx.closeConflicts(orphans.map((conflict) => conflict.id))
  }, run.fence)
}

/** The answers people gave for one copy. */
export function refereeOf(conflicts: readonly Conflict[], copy: CopyId): Referee {
  const mine = conflicts.filter((conflict) => conflict.copy === copy && conflict.state === 'decided')
  return (clash) => mine.find((conflict) => conflict.field === clash.field)?.winner ?? null
}
