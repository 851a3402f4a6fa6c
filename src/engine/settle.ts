import { asSyncError } from '../lib/errors.ts'
import { FIELDS, instant, instantMs, sameValue, withFields } from '../model/index.ts'
import type { Conflict, Copy, FieldName, Fields, Held, InboxRow, Item, LinkedCopy, Side, Skip, Snapshot, Tombstone } from '../model/index.ts'
import type { NewInboxRow, Tx } from '../ports.ts'
import type { Clash, Sides } from '../sync/index.ts'
import { valueOf } from '../sync/index.ts'
import { other, refOf, reportError, reportSkip } from './context.ts'
import type { Run } from './context.ts'
import type { Sent } from './execute.ts'
import { look } from './look.ts'
import type { Aside, Work } from './work.ts'

const MAX_BACKOFF_MS = 6 * 3_600_000

/** Everything one batch changes in the store; collected first, saved in one transaction. */
interface Ledger {
  readonly saved: LinkedCopy[]
  readonly removed: Copy['id'][]
  readonly tombstones: Tombstone[]
  readonly dropped: InboxRow[]
  readonly deferred: { row: InboxRow; until: number; error: InboxRow['error'] }[]
  readonly inbox: NewInboxRow[]
  readonly skips: Skip[]
  readonly held: Held[]
  readonly clashes: { work: Work; clash: Clash }[]
  /** CRM records we wrote or deleted: their copies in other mailboxes follow in the same run. */
  readonly told: { record: Copy['crm']['id']; snapshot: Snapshot | null; kind: LinkedCopy['link']['kind'] }[]
}

/** Turns the outcomes of a batch into one transaction. */
export async function settle(run: Run, works: readonly Work[], sent: readonly Sent[], asides: readonly Aside[]): Promise<void> {
  const ledger: Ledger = { saved: [], removed: [], tombstones: [], dropped: [], deferred: [], inbox: [], skips: [], held: [], clashes: [], told: [] }
  const byWork = Map.groupBy(sent, (one) => one.work)
  for (const work of works) await settleWork(run, work, byWork.get(work) ?? [], ledger)
  for (const aside of asides) settleAside(run, aside, ledger)
  await run.engine.store.transaction(async (tx) => {
    await tx.settleOperations(sent.filter(isKnown).map(verdict))
    await tx.saveCopies(ledger.saved)
    await tx.removeCopies(ledger.removed)
    await tx.putTombstones(ledger.tombstones)
    await tx.dropInbox(ledger.dropped.map(refOf))
    await tx.deferInbox(ledger.deferred.map(({ row, until, error }) => ({
      ...refOf(row), dueAt: instant(until), attempts: row.attempts + 1, error, suspectSince: row.suspectSince,
    })))
    await tx.putInbox(ledger.inbox)
    await tx.putSkips(ledger.skips)
    await tx.putHeld(ledger.held)
    for (const side of ['exchange', 'crm'] as const) await tx.dropSkips(run.lane, side, ledger.saved.map(({ copy }) => copy[side].id))
    await settleClashes(run, tx, works, ledger)
    await removeCarriedOut(run, tx, ledger)
    await tellSiblings(run, tx, ledger)
  }, run.fence)
  count(run, works, sent, ledger)
}

/** An operation whose outcome nobody knows stays open until the server was asked. */
const isKnown = ({ outcome }: Sent) => outcome !== null && !(outcome.type === 'failed' && outcome.error.outcomeUnknown)

function verdict({ outcome, operation }: Sent) {
  const item = outcome?.type === 'done' ? outcome.snapshot.id : operation.item
  const state = outcome?.type === 'done' || outcome?.type === 'removed' ? ('done' as const) : ('failed' as const)
  return { id: operation.id, item, state, outcome: outcome?.type === 'failed' ? outcome.error.code : (outcome?.type ?? null) }
}

async function settleWork(run: Run, work: Work, sent: readonly Sent[], ledger: Ledger): Promise<void> {
  const failed = sent.filter(({ outcome }) => outcome?.type !== 'done' && outcome?.type !== 'removed')
  for (const clash of work.plan.clashes) ledger.clashes.push({ work, clash })
  for (const one of sent) tell(work, one, ledger)
  if (work.plan.ending.type === 'bury') {
    // Already gone is as good as removed.
    if (failed.some(({ outcome }) => outcome?.type !== 'gone')) return retry(run, work, sent, ledger)
    ledger.removed.push(work.linked.copy.id)
    ledger.tombstones.push(tombstoneOf(run, work, work.plan.ending.reason))
    ledger.dropped.push(...work.rows)
    return
  }
  const created = sent.find(({ write }) => write.type === 'create')
  if (created !== undefined && created.outcome?.type !== 'done') return retry(run, work, sent, ledger)
  ledger.saved.push(afterWrites(run, work, sent, work.plan.ending.base))
  if (failed.length > 0) return retry(run, work, sent, ledger)
  ledger.dropped.push(...work.rows)
  for (const one of sent) ledger.inbox.push(...concurrentEdit(run, work, one))
  if (work.again === true && work.crm.type === 'seen') {
    const written = sent.find(({ write }) => write.on === 'crm')?.outcome
    const snapshot = written?.type === 'done' ? written.snapshot : work.crm.snapshot
    ledger.inbox.push(seenRow(run, work, 'crm', snapshot))
  }
}

/** The copy as it stands when these writes are done: new halves, and the content both sides now agree on. */
function afterWrites(run: Run, work: Work, sent: readonly Sent[], planned: Sides): LinkedCopy {
  let { link, copy } = work.linked
  const base = { ...planned }
  for (const side of ['exchange', 'crm'] as const) {
    const sighting = work[side]
    if (sighting.type !== 'seen') continue
    copy = { ...copy, [side]: { id: sighting.snapshot.id, changeKey: sighting.snapshot.changeKey } }
    if (side === 'exchange') copy = { ...copy, traits: sighting.snapshot.traits ?? {}, stamped: copy.stamped || carriesStamp(run, work, sighting.snapshot) }
    else {
      link = { ...link, assignee: sighting.snapshot.assignee ?? link.assignee, bornAt: sighting.snapshot.bornAt ?? link.bornAt }
      copy = { ...copy, referenced: sighting.snapshot.reference === copy.exchange.id }
    }
  }
  for (const { write, outcome, operation } of sent) {
    const side = write.on
    if (outcome?.type !== 'done') {
      if (write.type === 'update') undoBase(base, work, write.fields)
      continue
    }
    const { snapshot } = outcome
    copy = { ...copy, [side]: { id: snapshot.id, changeKey: snapshot.changeKey } }
    if (write.type === 'create') {
      base[side] = withFields(run.holds[side](write.item), snapshot.item.fields)
      copy = { ...copy, token: operation.token, ...(side === 'exchange' ? { stamped: true, referenced: false } : { stamped: false, referenced: true }) }
      if (side === 'crm') link = { ...link, record: snapshot.id, bornAt: snapshot.bornAt ?? null, assignee: snapshot.assignee ?? link.assignee }
    } else if (write.type === 'update') {
      base[side] = withFields(base[side], asWritten(run, side, base[side], write.fields, snapshot.item))
    }
  }
  return { link, copy: { ...copy, base } }
}

const carriesStamp = (run: Run, work: Work, { stamp }: Snapshot) =>
  stamp !== undefined && stamp.instance === run.engine.instance && stamp.record === work.linked.copy.crm.id

/** What the side made of the fields we wrote: its own answer where it tells, else what it can hold. */
function asWritten(run: Run, side: Side, item: Item, fields: Fields, reply: Item): Fields {
  const held = run.holds[side](withFields(item, fields))
  return Object.fromEntries(Object.keys(fields).map((name) => {
    const field = name as FieldName
    return [field, valueOf(reply, field) ?? valueOf(held, field) ?? valueOf(item, field)]
  }))
}

/** A field whose write failed keeps its old base, or none: it stays an edit to be carried over. */
function undoBase(base: Record<Side, Item>, work: Work, fields: Fields): void {
  for (const side of ['exchange', 'crm'] as const) {
    const content = { ...(base[side].fields as Record<string, unknown>) }
    for (const name of Object.keys(fields)) {
      const old = work.isNew ? undefined : valueOf(work.linked.copy.base[side], name as FieldName)
      if (old === undefined) delete content[name]
      else content[name] = old
    }
    base[side] = { ...base[side], fields: content } as Item
  }
}

/**
 * A person edited other fields between our reading and our writing: the answer shows it. It is news, not agreement.
 */
function concurrentEdit(run: Run, work: Work, { write, outcome }: Sent): NewInboxRow[] {
  if (write.type !== 'update' || outcome?.type !== 'done') return []
  const known = work[write.on].type === 'seen' ? (work[write.on] as { snapshot: Snapshot }).snapshot.item : work.linked.copy.base[write.on]
  const edited = FIELDS[known.kind].some((field) => {
    const value = valueOf(outcome.snapshot.item, field)
    return value !== undefined && !(field in write.fields) && !sameValue(value, valueOf(known, field))
  })
  return edited ? [seenRow(run, work, write.on, outcome.snapshot)] : []
}

const seenRow = (run: Run, work: Work, side: Side, snapshot: Snapshot): NewInboxRow => ({
  lane: run.lane, side, id: snapshot.id, kind: work.linked.link.kind, sighting: { type: 'seen', snapshot }, dueAt: run.engine.clock.now(), suspectSince: null,
})

/** Not everything could be written: look again at what moved under us, wait where a server asked for it. */
async function retry(run: Run, work: Work, sent: readonly Sent[], ledger: Ledger): Promise<void> {
  const now = instantMs(run.engine.clock.now())
  const written = new Set(sent.filter(({ outcome }) => outcome?.type === 'done').map(({ write }) => write.on))
  let until = now
  let error: InboxRow['error'] = null
  for (const { write, outcome } of sent) {
    if (outcome === null || outcome.type === 'done' || outcome.type === 'removed') continue
    if (outcome.type === 'failed') {
      const cause = asSyncError(outcome.error)
      error = { code: cause.code, message: cause.message }
      until = now + (cause.outcomeUnknown ? 1000 : (cause.retryAfterMs ?? backoffMs(work)))
      reportError(run.engine.totals, { lane: run.lane, item: work.linked.copy[write.on].id || work.linked.copy[other(write.on)].id, ...error })
    } else if (write.type !== 'create') {
      ledger.inbox.push(...(await refreshed(run, work, write.on)))
      // Moved under us again and again: give whoever moves it a rest.
      if (work.rows.every((row) => row.attempts >= 5)) until = now + backoffMs(work)
    }
  }
  const refreshedSides = new Set(ledger.inbox.filter((row) => row.id === work.linked.copy[row.side].id).map((row) => row.side))
  for (const row of work.rows) {
    // What we wrote ourselves, or have read anew, is not told a second time in its old form.
    if (written.has(row.side)) ledger.dropped.push(row)
    else if (!refreshedSides.has(row.side)) ledger.deferred.push({ row, until, error })
  }
}

function backoffMs(work: Work): number {
  const attempts = Math.max(0, ...work.rows.map((row) => row.attempts))
  return Math.min(MAX_BACKOFF_MS, 5000 * 2 ** attempts)
}

async function refreshed(run: Run, work: Work, side: Side): Promise<NewInboxRow[]> {
  const { link, copy } = work.linked
  const { id } = copy[side]
  const [sighting] = await look(run, side, link.kind, [{ id, copy }])
  const now = run.engine.clock.now()
  if (sighting === undefined) return []
  return [{ lane: run.lane, side, id, kind: link.kind, sighting, dueAt: now, suspectSince: sighting.type === 'gone' ? now : null }]
}

function tombstoneOf(run: Run, { linked: { link, copy }, exchange, crm }: Work, reason: Tombstone['reason']): Tombstone {
  return {
    mailbox: run.lane, kind: link.kind, record: copy.crm.id, item: copy.exchange.id,
    exchangeChangeKey: exchange.type === 'seen' ? exchange.snapshot.changeKey : copy.exchange.changeKey,
    crmChangeKey: crm.type === 'seen' ? crm.snapshot.changeKey : copy.crm.changeKey,
    reason, at: run.engine.clock.now(),
  }
}

function tell(work: Work, { write, outcome }: Sent, ledger: Ledger): void {
  if (write.on !== 'crm') return
  const { link, copy } = work.linked
  if (outcome?.type === 'done') ledger.told.push({ record: outcome.snapshot.id, snapshot: outcome.snapshot, kind: link.kind })
  else if (outcome?.type === 'removed') ledger.told.push({ record: copy.crm.id, snapshot: null, kind: link.kind })
}

/** The record's copies in other mailboxes learn of it now, not at the next poll. */
async function tellSiblings(run: Run, tx: Tx, ledger: Ledger): Promise<void> {
  if (ledger.told.length === 0) return
  const siblings = (await tx.copiesByRecord(ledger.told.map(({ record }) => record))).filter(({ copy }) => copy.mailbox !== run.lane)
  const rows = siblings.flatMap(({ copy }): NewInboxRow[] => {
    const news = ledger.told.find(({ record }) => record === copy.crm.id)
    if (news === undefined) return []
    const sighting = news.snapshot === null ? { type: 'gone' as const } : { type: 'seen' as const, snapshot: news.snapshot }
    return [{ lane: copy.mailbox, side: 'crm', id: copy.crm.id, kind: news.kind, sighting, dueAt: run.engine.clock.now(), suspectSince: null }]
  })
  await tx.putInbox(rows)
  await tx.wake([...new Set(rows.map((row) => row.lane))])
}

async function settleClashes(run: Run, tx: Tx, works: readonly Work[], ledger: Ledger): Promise<void> {
  const copies = works.filter((work) => !work.isNew).map((work) => work.linked.copy.id)
  const waiting = copies.length === 0 ? [] : await tx.conflicts({ states: ['open', 'decided'], copies })
  const stillOpen = (conflict: Conflict) =>
    ledger.clashes.some(({ work, clash }) => work.linked.copy.id === conflict.copy && clash.field === conflict.field && clash.winner === null)
  await tx.closeConflicts(waiting.filter((conflict) => !stillOpen(conflict)).map((conflict) => conflict.id))
  const known = (work: Work, field: FieldName) => waiting.some((conflict) => conflict.copy === work.linked.copy.id && conflict.field === field)
  const fresh = ledger.clashes.filter(({ work, clash }) => !known(work, clash.field))
  await tx.putConflicts(fresh.map(({ work, clash }): Conflict => ({
    id: run.engine.ids.next(), lane: run.lane, copy: work.linked.copy.id, kind: work.linked.link.kind,
    record: work.linked.copy.crm.id, item: work.linked.copy.exchange.id, ...clash,
    state: clash.winner === null ? 'open' : 'closed', at: run.engine.clock.now(),
  })))
  run.engine.totals.conflicts += fresh.length
}

/** A decided deletion is history once its copy is buried. */
async function removeCarriedOut(run: Run, tx: Tx, ledger: Ledger): Promise<void> {
  if (ledger.removed.length === 0) return
  const held = await tx.held({ lane: run.lane })
  await tx.removeHeld(held.filter((one) => one.copy !== null && ledger.removed.includes(one.copy)).map((one) => one.id))
}

function settleAside(run: Run, aside: Aside, ledger: Ledger): void {
  const { engine, lane } = run
  const { row } = aside
  switch (aside.type) {
    case 'drop':
      ledger.dropped.push(row)
      return
    case 'defer':
      ledger.deferred.push({ row, until: instantMs(aside.until), error: aside.error ?? null })
      if (aside.error) reportError(engine.totals, { lane, item: row.id, ...aside.error })
      return
    case 'skip': {
      ledger.dropped.push(row)
      ledger.skips.push({ lane, side: row.side, id: row.id, kind: row.kind, reason: aside.reason, uid: aside.uid, enterAt: aside.enterAt, at: engine.clock.now() })
      reportSkip(engine.totals, { lane, side: row.side, id: row.id, reason: aside.reason })
      if (aside.candidates === undefined) return
      ledger.held.push({
        id: engine.ids.next(), lane, kind: row.kind, what: 'ambiguous', side: row.side, item: row.id, copy: null, candidates: aside.candidates,
        reason: `${aside.candidates.length} items on the other side look the same`, at: engine.clock.now(), decision: null,
      })
    }
  }
}

function count(run: Run, works: readonly Work[], sent: readonly Sent[], ledger: Ledger): void {
  const { totals } = run.engine
  for (const { write, outcome } of sent) {
    if (outcome?.type !== 'done' && outcome?.type !== 'removed') continue
    totals[write.on][write.type === 'create' ? 'created' : write.type === 'update' ? 'updated' : 'deleted'] += 1
  }
  const saved = new Set(ledger.saved.map(({ copy }) => copy.id))
  totals.linked += works.filter((work) => work.isNew && saved.has(work.linked.copy.id)).length
}
