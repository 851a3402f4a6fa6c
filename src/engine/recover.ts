import { asSyncError } from '../lib/errors.ts'
import { differing, fieldsOf, instantMs, itemOf, withFields } from '../model/index.ts'
import type { Copy, LinkedCopy, Operation, Side, Snapshot } from '../model/index.ts'
import { mask, withKnownWords } from '../sync/index.ts'
import type { Run } from './context.ts'
import { lookAgain, lookAtAll, putNews, replicaOf } from './look.ts'
import type { News } from './look.ts'
import { membersOf } from './series/sets.ts'
import { newCopy, UNKNOWN_KEY } from './work.ts'

/** A request that was on its way when its sender died may still be executed: a create is only called off after this. */
const IN_FLIGHT_MS = 3000

/**
 * Operations whose outcome nobody wrote down: asks the servers, before anything new is planned. What was done is settled
 * as intended, what was not done is planned again from the inbox, which still holds its cause.
 */
export async function recover(run: Run, which: (operation: Operation) => boolean = () => true): Promise<void> {
  const open = (await run.engine.store.transaction((tx) => tx.unsettled(run.lane))).filter(which)
  for (const operation of open) {
    if (operation.type === 'create') await recoverCreate(run, operation)
    else await recoverWrite(run, operation)
  }
}

/** Marks go on beside the rest of a run: open ones may be on their way, and a lost one is put again. */
export const isMark = ({ type }: Operation) => type === 'stamp' || type === 'reference'

async function recoverCreate(run: Run, operation: Operation): Promise<void> {
  const { engine } = run
  const created = await findCreated(run, operation)
  if (created === null || operation.intent === null) {
    await engine.store.transaction(
      (tx) => tx.settleOperations([{ id: operation.id, item: null, state: 'failed', outcome: 'the server was asked: it did not happen' }]),
      run.fence,
    )
    return
  }
  const snapshot = operation.side === 'exchange' ? maskMade(run, operation, created) : created
  const made = asIntended(run, operation, snapshot, undefined)
  const news = await newsOfCreated(run, operation, created, made.copy)
  const members = await membersOf(run, made, operation.intent.members ?? [])
  const newsOfMembers = await lookAtAll(run, 'crm', operation.kind, members.map(({ link, copy }) => ({ id: link.record, copy })))
  await engine.store.transaction(async (tx) => {
    const [existing] = await tx.copiesById([operation.copy])
    const [taken] = operation.side === 'exchange' ? await tx.copiesByItem(run.lane, [created.id]) : (await tx.copiesByRecord([created.id])).filter(({ copy }) => copy.mailbox === run.lane)
    if (taken === undefined || taken.copy.id === operation.copy) await tx.saveCopies([asIntended(run, operation, snapshot, existing), ...members])
    await tx.settleOperations([{ id: operation.id, item: created.id, state: 'done', outcome: 'the server was asked: it had happened' }])
    // Somebody may have edited it already: it is looked at like any other news.
    await putNews(tx, [news, ...newsOfMembers])
  }, run.fence)
  engine.totals[operation.side].created += 1
  engine.totals.linked += 1 + members.length
}

/** What we made ourselves has words that the CRM knows; a calendar that shares nothing but its times tells none that came after them. */
function maskMade(run: Run, { kind, after }: Operation, created: Snapshot): Snapshot {
  if (after === null) return mask(created, null, run.policy)
  const { masked: _, ...traits } = created.traits ?? {}
  const own = { ...created, traits: { ...traits, fromCrm: true } }
  return run.policy.availabilityOnly === true ? withKnownWords(own, itemOf(kind, after)) : own
}

/** It may lie in Deleted Items by now, where reading it by its id would still show it. */
async function newsOfCreated(run: Run, { side, kind, token, intent }: Operation, { id, uid }: Snapshot, copy: Copy): Promise<News> {
  const news = await lookAgain(run, side, kind, { id, copy: side === 'exchange' ? copy : null })
  if (side === 'crm' || news.row.sighting.type === 'gone') return news
  const place = await run.exchange.locate(kind, token, uid ?? intent?.uid ?? null)
  if (place.where === 'synced') return news
  return { ...news, row: { ...news.row, sighting: { type: 'gone' }, suspectSince: run.engine.clock.now() } }
}

async function findCreated(run: Run, operation: Operation): Promise<Snapshot | null> {
  const { clock } = run.engine
  const ask = async () => {
    const { intent, after } = operation
    if (intent === null || after === null) return null
    const item = itemOf(operation.kind, after)
    const found = await replicaOf(run, operation.side).findCreated({
      kind: operation.kind, token: operation.token, item, uid: intent.uid, assignee: run.mailbox.userId, since: operation.at,
    })
    return found !== null && (await isFree(run, operation, found)) ? found : null
  }
  const first = await ask()
  const age = instantMs(clock.now()) - instantMs(operation.at)
  if (first !== null || age >= IN_FLIGHT_MS) return first
  await clock.sleep(IN_FLIGHT_MS - Math.max(0, age))
  return ask()
}

/** An item that another copy of this mailbox stands for is not the one we lost. */
async function isFree(run: Run, operation: Operation, found: Snapshot): Promise<boolean> {
  const taken = await run.engine.store.transaction((tx) =>
    operation.side === 'exchange' ? tx.copiesByItem(run.lane, [found.id]) : tx.copiesByRecord([found.id]),
  )
  return taken.every(({ copy }) => copy.id === operation.copy || copy.mailbox !== run.lane)
}

/** The copy holds what we meant to write, not what is there now: an edit made since must still look like one. */
function asIntended(run: Run, operation: Operation, created: Snapshot, existing: LinkedCopy | undefined): LinkedCopy {
  const { side, intent, after } = operation
  const content = after === null ? created.item : itemOf(operation.kind, after)
  const from: Snapshot = intent === null ? created : { ...intent.from, item: content, modifiedAt: operation.at }
  const sides: Record<Side, Snapshot> = side === 'crm' ? { crm: created, exchange: from } : { exchange: created, crm: from }
  const fresh = existing ?? newCopy(run, operation.kind, sides.exchange, sides.crm)
  // What the intent says nothing of is agreed on as it was made.
  const meant = withFields(created.item, fieldsOf(run.holds[side](content)))
  const copy: Copy = {
    ...fresh.copy,
    id: operation.copy,
    exchange: { id: sides.exchange.id, changeKey: sides.exchange.changeKey },
    crm: { id: sides.crm.id, changeKey: sides.crm.changeKey },
    [side]: { id: created.id, changeKey: UNKNOWN_KEY },
    base: side === 'crm' ? { crm: meant, exchange: from.item } : { exchange: meant, crm: from.item },
    token: operation.token,
    stamped: side === 'exchange' || sides.exchange.traits?.occurrence === true,
    referenced: side === 'crm',
  }
  const link = { ...fresh.link, id: existing?.link.id ?? operation.link, record: sides.crm.id, bornAt: sides.crm.bornAt ?? null, assignee: sides.crm.assignee ?? fresh.link.assignee }
  return { link, copy }
}

async function recoverWrite(run: Run, operation: Operation): Promise<void> {
  const { engine } = run
  if (operation.item === null) return
  const { item, side, kind } = operation
  const [linked] = await engine.store.transaction((tx) => tx.copiesById([operation.copy]))
  const news = await lookAgain(run, side, kind, { id: item, copy: linked?.copy ?? null }).catch((thrown: unknown) => {
    const error = asSyncError(thrown)
    if (error.scope !== 'item') throw error
    return null
  })
  if (news === null) {
    // Should it have happened, then the version it was planned for is gone, and the next plan finds it stale.
    await engine.store.transaction((tx) => tx.settleOperations([{ id: operation.id, item, state: 'failed', outcome: 'the item cannot be read' }]), run.fence)
    return
  }
  const { sighting } = news.row
  const happened = operation.type === 'delete' ? sighting.type === 'gone' : sighting.type === 'seen' && holdsAfter(run, operation, sighting.snapshot)
  const words = `the server was asked: it had ${happened ? '' : 'not '}happened`
  await engine.store.transaction(async (tx) => {
    await tx.settleOperations([{ id: operation.id, item, state: happened ? 'done' : 'failed', outcome: words }])
    await putNews(tx, [news])
  }, run.fence)
  if (!happened) return
  if (operation.type === 'update') engine.totals[side].updated += 1
  if (operation.type === 'delete') engine.totals[side].deleted += 1
}

function holdsAfter(run: Run, operation: Operation, snapshot: Snapshot): boolean {
  const meant = run.holds[operation.side](itemOf(operation.kind, operation.after ?? {}))
  return Object.keys(differing(meant, snapshot.item)).length === 0
}

