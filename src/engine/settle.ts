import { asSyncError } from '../lib/errors.ts'
import { CRM_LANE, FIELDS, instant, instantMs, sameValue, withFields } from '../model/index.ts'
import type { Conflict, Copy, FieldName, Fields, Held, InboxRow, Item, ItemId, LinkedCopy, Side, Sighting, Skip, Snapshot, Tombstone } from '../model/index.ts'
import type { NewInboxRow, Tx } from '../ports.ts'
import type { Sides } from '../sync/index.ts'
import { isMeeting, valueOf } from '../sync/index.ts'
import { isMadePrivate, traitsSince } from './born.ts'
import { other, refOf, reportError, reportSkip } from './context.ts'
import type { Run } from './context.ts'
import type { Sent } from './execute.ts'
import { lookAgain, lookAtAll, putNews } from './look.ts'
import type { News } from './look.ts'
import { membersOf } from './series/sets.ts'
import { backoffMs, isMaskedHere, UNKNOWN_KEY } from './work.ts'
import type { Aside, Work } from './work.ts'

/** Everything one batch changes in the store; collected first, saved in one transaction. */
interface Ledger {
  readonly saved: LinkedCopy[]
  readonly removed: Copy['id'][]
  readonly tombstones: Tombstone[]
  readonly dropped: InboxRow[]
  readonly deferred: { row: InboxRow; until: number; error: InboxRow['error'] }[]
  readonly news: News[]
  /** Rows for other mailboxes, whose copy takes the place of one that is buried. */
  readonly inherited: NewInboxRow[]
  readonly skips: Skip[]
  readonly held: Held[]
  /** CRM records we wrote or deleted: their copies in other mailboxes follow. */
  readonly told: ItemId[]
}

/** Turns the outcomes of a batch into one transaction. */
export async function settle(run: Run, works: readonly Work[], sent: readonly Sent[], asides: readonly Aside[]): Promise<void> {
  const ledger: Ledger = { saved: [], removed: [], tombstones: [], dropped: [], deferred: [], news: [], inherited: [], skips: [], held: [], told: [] }
  const byWork = Map.groupBy(sent, (one) => one.work)
  for (const work of works) await settleWork(run, work, byWork.get(work) ?? [], ledger)
  for (const aside of asides) settleAside(run, aside, ledger)
  await run.engine.store.transaction(async (tx) => {
    await tx.settleOperations(sent.filter(isKnown).map(verdict))
    await tx.saveCopies(ledger.saved)
    await absorbStatus(run, tx, sent)
    await tx.removeCopies(ledger.removed)
    await tx.putTombstones(ledger.tombstones)
    await tx.dropInbox(ledger.dropped.map(refOf))
    await tx.deferInbox(ledger.deferred.map(({ row, until, error }) => ({
      ...refOf(row), dueAt: instant(until), attempts: row.attempts + 1, error, suspectSince: row.suspectSince,
    })))
    await putNews(tx, ledger.news)
    await tx.putInbox(ledger.inherited)
    await tx.wake(ledger.inherited.map((row) => row.lane))
    for (const side of ['exchange', 'crm'] as const) await tx.dropSkips(run.lane, side, ledger.saved.map(({ copy }) => copy[side].id))
    await tx.putSkips(ledger.skips)
    await tx.putHeld(ledger.held)
    await closeClashes(tx, works, ledger)
    await removeCarriedOut(run, tx, works, ledger)
    // One member's change reaches the others through the CRM's feed, which alone knows what is newest.
    if ((await tx.linksByRecord(ledger.told)).some(({ mailboxes }) => mailboxes.some((mailbox) => mailbox !== run.lane))) await tx.wake([CRM_LANE])
  }, run.fence)
  count(run, works, sent, ledger)
}

/**
 * What one member's copy made of the status of a group's record is no order to the others: to their copies it is agreed
 * already.
 */
async function absorbStatus(run: Run, tx: Tx, sent: readonly Sent[]): Promise<void> {
  if (run.policy.groupCompletion === 'any') return
  for (const { work, write, outcome } of sent) {
    if (write.on !== 'crm' || write.type !== 'update' || outcome?.type !== 'done' || work.linked.link.kind !== 'task') continue
    const { status } = write.fields
    if (status === undefined) continue
    const others = (await tx.copiesByRecord([work.linked.link.record])).filter(({ copy }) => copy.mailbox !== run.lane)
    await tx.saveCopies(others.map(({ link, copy }) => ({ link, copy: { ...copy, base: { ...copy.base, crm: withFields(copy.base.crm, { status }) } } })))
  }
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
  for (const one of sent) tell(work, one, ledger)
  if (work.skip !== undefined) ledger.skips.push(skipOf(run, { ...work.skip, kind: work.linked.link.kind, uid: work.linked.link.uid, enterAt: null }))
  if (work.plan.ending.type === 'bury') {
    if (isToBeLeft(failed)) return letBe(run, work, work.linked, ledger)
    // Already gone is as good as removed.
    if (failed.some(({ outcome }) => outcome?.type !== 'gone')) return retry(run, work, sent, ledger)
    ledger.removed.push(work.linked.copy.id)
    ledger.inherited.push(...inheritance(run, work))
    ledger.tombstones.push(tombstoneOf(run, work, work.plan.ending.reason))
    ledger.dropped.push(...work.rows)
    if (work.again === true) await refresh(run, work, 'crm', ledger)
    return
  }
  const created = sent.find(({ write }) => write.type === 'create')
  if (created !== undefined && created.outcome?.type !== 'done') return retry(run, work, sent, ledger)
  const written = afterWrites(run, work, sent, work.plan.ending.base)
  const after = failed.some((one) => leavesSeries(work, one)) ? apart(written, work.exchange) : written
  if (isToBeLeft(failed)) return letBe(run, work, after, ledger)
  ledger.saved.push(after)
  if (failed.length > 0) return retry(run, work, sent, ledger)
  if (work.members !== undefined) await link(run, await membersOf(run, after, work.members), ledger)
  ledger.dropped.push(...work.rows)
  for (const one of sent) if (showsOtherEdit(work, one)) await refresh(run, work, one.write.on, ledger)
  if (work.again === true) await refresh(run, work, 'crm', ledger)
}

/** The other side does not take such changes at all, and says so without anything being wrong. */
const isToBeLeft = (failed: readonly Sent[]): boolean =>
  failed.length > 0 && failed.every(({ outcome }) => outcome?.type === 'failed' && outcome.error.remedy === 'leave')

/** The two stay different until one of them changes; both are read then, because the bases do not say what they hold. */
function letBe(run: Run, work: Work, { link, copy }: LinkedCopy, ledger: Ledger): void {
  const forgotten = { ...copy, exchange: { ...copy.exchange, changeKey: UNKNOWN_KEY }, crm: { ...copy.crm, changeKey: UNKNOWN_KEY } }
  ledger.saved.push({ link, copy: forgotten })
  ledger.dropped.push(...work.rows)
  ledger.skips.push(skipOf(run, { side: 'crm', id: copy.crm.id, kind: link.kind, reason: 'only-in-outlook', uid: link.uid, enterAt: null }))
}

/** The record's date is one that the series cannot have; without guests it can be an event of its own. */
const leavesSeries = ({ linked: { copy } }: Work, { write, outcome }: Sent): boolean =>
  outcome?.type === 'failed' && outcome.error.remedy === 'apart' && write.on === 'exchange' && write.type === 'update' && copy.traits.occurrence === true && copy.traits.apart !== true && !isMeeting(copy.traits)

/** Where the occurrence stands now is known: that it is not where the record is counts as no edit of it. */
function apart({ link, copy }: LinkedCopy, exchange: Sighting): LinkedCopy {
  const time = exchange.type === 'seen' ? valueOf(exchange.snapshot.item, 'time') : undefined
  const base = time === undefined ? copy.base : { ...copy.base, exchange: withFields(copy.base.exchange, { time }) }
  return { link, copy: { ...copy, base, traits: { ...copy.traits, apart: true } } }
}

function inheritance(run: Run, { heirs, crm, linked }: Work): NewInboxRow[] {
  if (crm.type !== 'seen') return []
  return (heirs ?? []).map((lane) => ({ lane, side: 'crm', id: crm.snapshot.id, kind: linked.link.kind, sighting: crm, dueAt: run.engine.clock.now(), suspectSince: null }))
}

/** All of them are read: they may have been edited or deleted since the series was planned. */
async function link(run: Run, members: readonly LinkedCopy[], ledger: Ledger): Promise<void> {
  ledger.saved.push(...members)
  ledger.news.push(...(await lookAtAll(run, 'crm', 'event', members.map(({ link: { record }, copy }) => ({ id: record, copy })))))
}

/** The copy as it stands when these writes are done: new halves, and the content both sides now agree on. */
function afterWrites(run: Run, work: Work, sent: readonly Sent[], planned: Sides): LinkedCopy {
  let { link, copy } = work.linked
  const base = { ...planned }
  for (const side of ['exchange', 'crm'] as const) {
    const sighting = work[side]
    if (sighting.type !== 'seen') continue
    copy = { ...copy, [side]: { id: sighting.snapshot.id, changeKey: sighting.snapshot.changeKey } }
    if (side === 'exchange') copy = { ...copy, traits: traitsSince(copy, sighting.snapshot), stamped: isStamped(run, work, sighting.snapshot) }
    else {
      link = { ...link, assignee: sighting.snapshot.assignee ?? link.assignee, bornAt: sighting.snapshot.bornAt ?? link.bornAt }
      // A record without the field says nothing about it.
      copy = { ...copy, referenced: sighting.snapshot.reference === undefined ? copy.referenced : sighting.snapshot.reference === copy.exchange.id }
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
      copy = { ...copy, token: operation.token, ...(side === 'exchange' ? { stamped: true, referenced: false, traits: { ...snapshot.traits, fromCrm: true } } : { stamped: copy.traits.occurrence === true, referenced: true }) }
      if (side === 'crm') link = { ...link, record: snapshot.id, bornAt: snapshot.bornAt ?? null, assignee: snapshot.assignee ?? link.assignee }
    } else if (write.type === 'update') {
      base[side] = withFields(base[side], asWritten(run, side, base[side], write.fields, snapshot.item))
      // With its first attendee an event became a meeting.
      if (side === 'exchange') copy = { ...copy, traits: { ...copy.traits, ...snapshot.traits } }
      if (side === 'exchange' && isMadePrivate(write.fields)) copy = { ...copy, traits: { ...copy.traits, fromCrm: true }, stamped: copy.stamped && (copy.traits.fromCrm === true || copy.traits.occurrence === true) }
    }
  }
  return { link, copy: { ...copy, base } }
}

/** Whether the item carries our stamp, and the stamp still says what it has to of where the words began. */
function isStamped(run: Run, work: Work, { stamp, traits }: Snapshot): boolean {
  const { copy } = work.linked
  const isMasked = traits?.masked === true
  // Its master tells where its words began: without our database they would be taken for the CRM's.
  if (traits?.occurrence === true) return !(copy.traits.fromCrm === true && isMaskedHere(work)) && (copy.stamped || !isMasked)
  if (stamp === undefined || stamp.instance !== run.engine.instance || stamp.record !== copy.crm.id) return copy.stamped
  return isMasked ? stamp.born === undefined : copy.traits.fromCrm !== true || stamp.born !== undefined
}

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
function showsOtherEdit(work: Work, { write, outcome }: Sent): boolean {
  if (write.type !== 'update' || outcome?.type !== 'done') return false
  const known = work[write.on].type === 'seen' ? (work[write.on] as { snapshot: Snapshot }).snapshot.item : work.linked.copy.base[write.on]
  return FIELDS[known.kind].some((field) => {
    const value = valueOf(outcome.snapshot.item, field)
    return value !== undefined && !(field in write.fields) && !sameValue(value, valueOf(known, field))
  })
}

/**
 * Not everything could be written: look again at what moved under us and at what we did write, because the other half of
 * the plan is still to be made from it; wait where a server asked for it.
 */
async function retry(run: Run, work: Work, sent: readonly Sent[], ledger: Ledger): Promise<void> {
  const now = instantMs(run.engine.clock.now())
  let until = now
  let error: InboxRow['error'] = null
  const renew = new Set<Side>()
  for (const one of sent) {
    const { write, outcome } = one
    // Planned again at once: next time it leaves.
    if (outcome === null || leavesSeries(work, one)) continue
    if (outcome.type === 'failed') {
      const cause = asSyncError(outcome.error)
      error = { code: cause.code, message: cause.message }
      until = now + (cause.outcomeUnknown ? 1000 : (cause.retryAfterMs ?? backoffMs(work.rows)))
      reportError(run.engine.totals, { lane: run.lane, item: work.linked.copy[write.on].id || work.linked.copy[other(write.on)].id, ...error })
      continue
    }
    if (write.type !== 'create') renew.add(write.on)
    // Moved under us again and again: give whoever moves it a rest.
    if (outcome.type !== 'done' && work.rows.some((row) => row.attempts >= 5)) until = now + backoffMs(work.rows)
  }
  // What was only looked at for this plan has no row to be planned from again.
  for (const side of ['exchange', 'crm'] as const) if (work[side].type === 'seen' && !work.rows.some((row) => row.side === side)) renew.add(side)
  const renewed = new Set<Side>()
  for (const side of renew) if (await refresh(run, work, side, ledger, until)) renewed.add(side)
  for (const row of work.rows) {
    if (renewed.has(row.side)) ledger.dropped.push(row)
    else ledger.deferred.push({ row, until, error })
  }
}

/** @returns false when the item cannot be read now: the row that is there stays */
async function refresh(run: Run, work: Work, side: Side, ledger: Ledger, untilMs?: number): Promise<boolean> {
  const { link, copy } = ledger.saved.find((saved) => saved.copy.id === work.linked.copy.id) ?? work.linked
  try {
    const { row, version } = await lookAgain(run, side, link.kind, { id: copy[side].id, copy })
    const known = work.rows.find((one) => one.side === side)
    // The row this work answers is replaced; whatever else is filed meanwhile is newer than this reading.
    ledger.news.push({ row: untilMs === undefined ? row : { ...row, dueAt: instant(untilMs) }, version: known !== undefined && known.version === version ? null : version })
    return true
  } catch (thrown) {
    const error = asSyncError(thrown)
    if (error.scope !== 'item') throw error
    reportError(run.engine.totals, { lane: run.lane, item: copy[side].id, code: error.code, message: error.message })
    return false
  }
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
  if (outcome?.type === 'done') ledger.told.push(outcome.snapshot.id)
  else if (outcome?.type === 'removed') ledger.told.push(work.linked.copy.crm.id)
}

/** A conflict is history once its copy was settled without it. One whose writes failed is still to be carried out. */
async function closeClashes(tx: Tx, works: readonly Work[], ledger: Ledger): Promise<void> {
  const waitingFor = new Set(ledger.deferred.map(({ row }) => `${row.side}/${row.id}`))
  const settled = works.filter((work) => !work.isNew && work.skip === undefined && !work.rows.some((row) => waitingFor.has(`${row.side}/${row.id}`)))
  const copies = settled.map((work) => work.linked.copy.id)
  const waiting = copies.length === 0 ? [] : await tx.conflicts({ states: ['open', 'decided'], copies })
  const stillOpen = (conflict: Conflict) => settled.some(({ linked, plan }) =>
    linked.copy.id === conflict.copy && plan.clashes.some((clash) => clash.field === conflict.field && clash.winner === null))
  await tx.closeConflicts(waiting.filter((conflict) => !stillOpen(conflict)).map((conflict) => conflict.id))
}

/** A question about a deletion is history once its copy is buried, the item was made again or turned up again. */
async function removeCarriedOut(run: Run, tx: Tx, works: readonly Work[], ledger: Ledger): Promise<void> {
  if (ledger.removed.length + ledger.saved.length === 0) return
  const held = await tx.held({ lane: run.lane })
  const saved = new Map(ledger.saved.map(({ copy }) => [copy.id, copy] as const))
  const isSeen = (copy: Copy['id'], side: Side) => works.some((work) => work.linked.copy.id === copy && work[side].type === 'seen')
  const isOver = ({ copy, side, item, what }: Held): boolean => {
    if (copy === null || what === 'ambiguous') return false
    const now = saved.get(copy)
    return ledger.removed.includes(copy) || (now !== undefined && (now[side].id !== item || isSeen(copy, side)))
  }
  await tx.removeHeld(held.filter(isOver).map(({ id }) => id))
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
      ledger.skips.push(skipOf(run, { side: row.side, id: row.id, kind: row.kind, reason: aside.reason, uid: aside.uid, enterAt: aside.enterAt }))
      if (aside.candidates === undefined) return
      ledger.held.push({
        id: engine.ids.next(), lane, kind: row.kind, what: 'ambiguous', side: row.side, item: row.id, copy: null, candidates: aside.candidates,
        reason: `${aside.candidates.length} items on the other side look the same`, at: engine.clock.now(), decision: null,
      })
    }
  }
}

function skipOf({ engine, lane }: Run, facts: Omit<Skip, 'lane' | 'at'>): Skip {
  const skip = { lane, at: engine.clock.now(), ...facts }
  reportSkip(engine.totals, skip)
  return skip
}

function count(run: Run, works: readonly Work[], sent: readonly Sent[], ledger: Ledger): void {
  const { totals } = run.engine
  for (const { work, write, outcome, mailing } of sent) {
    if (outcome?.type !== 'done' && outcome?.type !== 'removed') continue
    if (mailing !== null) totals.mails += 1
    totals[write.on][write.type === 'create' ? 'created' : write.type === 'update' ? 'updated' : 'deleted'] += 1
    const source = work[other(write.on)]
    run.engine.onWritten?.({ lane: run.lane, side: write.on, kind: work.linked.link.kind, changedAt: source.type === 'seen' ? source.snapshot.modifiedAt : null })
  }
  const saved = new Set(ledger.saved.map(({ copy }) => copy.id))
  const planned = new Set(works.map((work) => work.linked.copy.id))
  // The other records of a set that became a series are linked along with the one that was written.
  const joined = ledger.saved.filter(({ copy }) => !planned.has(copy.id)).length
  totals.linked += joined + works.filter((work) => work.isNew && saved.has(work.linked.copy.id)).length
}
