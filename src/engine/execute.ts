import { SyncError } from '../lib/errors.ts'
import { instant, instantMs, itemOf, operationId, sameValue, token as makeToken } from '../model/index.ts'
import type { AssigneeId, Conflict, CopyId, CreateIntent, Fields, Item, Operation, Side } from '../model/index.ts'
import type { CreateRequest, Mailing, RemoveOutcome, RemoveRequest, Tx, UpdateRequest, WriteOutcome } from '../ports.ts'
import { placement } from '../sync/index.ts'
import type { Clash, Write } from '../sync/index.ts'
import { bornWith } from './born.ts'
import { other } from './context.ts'
import type { Run } from './context.ts'
import { replicaOf } from './look.ts'
import { mailingsOf, untoldOf } from './mailing.ts'
import type { Telling } from './mailing.ts'
import { asAttendees, withAnswerOf } from './people.ts'
import { isMark, recover } from './recover.ts'
import { settle } from './settle.ts'
import { isMaskedHere, isMasking } from './work.ts'
import type { Aside, Work } from './work.ts'

/** One write of one piece of work, journalled and sent. */
export interface Sent {
  readonly work: Work
  readonly write: Write
  readonly operation: Operation
  /** Whom it may mail; null for nobody. */
  readonly mailing: Mailing | null
  outcome: WriteOutcome | RemoveOutcome | null
}

/**
 * Carries out a batch: journal first, then the writes, then one transaction that settles everything. A crash at any
 * point leaves open operations that `recover` asks the servers about.
 */
export async function execute(run: Run, works: readonly Work[], asides: readonly Aside[]): Promise<void> {
  const { engine } = run
  const parked = await findLoops(run, works)
  const sane = works.filter((work) => !parked.has(work.linked.copy.id))
  const loops = works.filter((work) => parked.has(work.linked.copy.id)).flatMap((work) => park(run, work))
  const mailings = await mailingsOf(run, sane)
  const sent = sane.flatMap((work) => work.plan.writes.map((write) => sending(run, work, write, mailings.get(write) ?? null)))
  const clashing = sane.filter((work) => work.plan.clashes.length > 0)
  const masking = sane.filter(isMasking)
  if (sent.length + clashing.length + masking.length > 0) {
    await engine.store.transaction(async (tx) => {
      // First of all: what masks the words is itself no word of theirs.
      await forgetWords(tx, masking)
      await tx.openOperations(sent.map(({ operation }) => operation))
      // Before anything is overwritten: a crash in between must not make a clash silent.
      await recordClashes(run, tx, clashing)
    }, run.fence)
  }
  await send(run, sent)
  await settle(run, sane, sent, [...asides, ...loops])
  const errors = sent.flatMap(({ outcome }) => (outcome?.type === 'failed' ? [outcome.error] : []))
  // A write without an answer may have happened: ask now, while everything is fresh.
  if (errors.some((error) => error.outcomeUnknown)) await recover(run, (operation) => !isMark(operation))
  const wide = errors.find((error) => error.scope !== 'item')
  if (wide !== undefined) throw wide
}

/** All that is known of one event or task: whatever its record was called in the calendars of colleagues, also of those who left. */
const WHOLE_STORY = 10_000

async function forgetWords(tx: Tx, works: readonly Work[]): Promise<void> {
  const copies = new Set(works.map(({ linked: { copy } }) => copy.id))
  for (const { linked: { link } } of works.filter(isMaskedHere)) {
    for (const { copy } of await tx.journal({ item: link.record, limit: WHOLE_STORY })) copies.add(copy)
  }
  if (copies.size > 0) await tx.forgetValues([...copies])
}

function sending(run: Run, work: Work, write: Write, telling: Telling | null): Sent {
  const untold = telling === 'withheld' ? untoldOf(work) : []
  const operation = { ...operationOf(run, work, write), ...(untold.length === 0 ? {} : { untold }) }
  return { work, write, operation, mailing: telling === 'withheld' ? null : telling, outcome: null }
}

async function recordClashes(run: Run, tx: Tx, works: readonly Work[]): Promise<void> {
  if (works.length === 0) return
  const known = await tx.conflicts({ copies: works.map((work) => work.linked.copy.id) })
  const fresh = works.flatMap((work) => work.plan.clashes.map((clash) => conflictOf(run, work, clash))).filter((conflict) => {
    // The same clash met again after a failed write is one conflict; one that waits again for a human is to be seen again.
    return !known.some((one) => isSameClash(one, conflict) && (conflict.winner !== null || one.state !== 'closed'))
  })
  const outdated = known.filter((one) => one.state === 'open' && fresh.some((conflict) => conflict.copy === one.copy && conflict.field === one.field))
  await tx.closeConflicts(outdated.map(({ id }) => id))
  await tx.putConflicts(fresh)
  run.engine.totals.conflicts += fresh.length
}

function conflictOf(run: Run, work: Work, clash: Clash): Conflict {
  const { link, copy } = work.linked
  return {
    id: run.engine.ids.next(), lane: run.lane, copy: copy.id, kind: link.kind, record: copy.crm.id, item: copy.exchange.id, ...clash,
    ...(isMasking(work) ? { base: undefined } : {}),
    state: clash.winner === null ? 'open' : 'closed', at: run.engine.clock.now(),
  }
}

const isSameClash = (left: Conflict, right: Conflict) =>
  left.copy === right.copy && left.field === right.field && sameValue(left.exchange, right.exchange) && sameValue(left.crm, right.crm)

function operationOf(run: Run, work: Work, write: Write): Operation {
  const { engine } = run
  const { link, copy } = work.linked
  const present = work[write.on].type === 'seen' ? snapshotOf(work, write.on).item : copy.base[write.on]
  const common = {
    id: operationId(engine.ids.next()), lane: run.lane, copy: copy.id, link: link.id, kind: link.kind, side: write.on,
    reason: work.plan.reason, at: engine.clock.now(), state: 'open', outcome: null,
  } as const
  switch (write.type) {
    case 'create': {
      const intent = { uid: uidFor(work), from: originOf(work, other(write.on)), ...(work.members === undefined ? {} : { members: work.members }) }
      // A token of its own: the item that stood here before may still lie in Deleted Items with the old one.
      return { ...common, type: 'create', item: null, expect: null, token: makeToken(engine.ids.next()), before: null, after: write.item.fields, intent }
    }
    case 'update':
      return { ...common, type: 'update', item: write.id, expect: write.expect, token: copy.token, before: isMasking(work) ? null : pick(present, write.fields), after: write.fields, intent: null }
    case 'delete':
      return { ...common, type: 'delete', item: write.id, expect: write.expect, token: copy.token, before: isMasking(work) ? null : present.fields, after: null, intent: null }
  }
}

/** The side a new item is made from, without its content. */
function originOf(work: Work, side: Side): CreateIntent['from'] {
  const sighting = work[side]
  const { link, copy } = work.linked
  if (sighting.type !== 'seen') {
    const { id, changeKey } = copy[side]
    return side === 'exchange' ? { id, changeKey, traits: copy.traits } : { id, changeKey, ...(link.bornAt === null ? {} : { bornAt: link.bornAt }) }
  }
  const { item: _content, modifiedAt: _time, ...rest } = sighting.snapshot
  return rest
}

export function snapshotOf(work: Work, side: Side) {
  const sighting = work[side]
  if (sighting.type !== 'seen') {
    throw new SyncError('ENGINE_NO_SNAPSHOT', `Nothing is known of the ${side} side of ${work.linked.copy.id}; this is a bug.`, { scope: 'item', remedy: 'bug' })
  }
  return sighting.snapshot
}

function pick(item: Item, fields: Fields): Fields {
  const present = item.fields as Fields
  return Object.fromEntries(Object.keys(fields).map((name) => [name, present[name as keyof Fields]]))
}

/** A recreated event keeps its UID on the CRM side; in Exchange the UID of the record serves. */
function uidFor(work: Work): string | null {
  const from = work.exchange.type === 'seen' ? work.exchange.snapshot : work.crm.type === 'seen' ? work.crm.snapshot : null
  return from?.uid ?? work.linked.link.uid
}

/** CRM before Exchange: the record is what Exchange's stamp points to. */
async function send(run: Run, sent: readonly Sent[]): Promise<void> {
  for (const side of ['crm', 'exchange'] as const) {
    const replica = replicaOf(run, side)
    const of = (type: Write['type']) => sent.filter(({ write }) => write.on === side && write.type === type)
    const creates = of('create')
    if (creates.length > 0) assign(run, creates, await replica.create(creates.map((one) => createRequest(run, one))))
    const updates = of('update')
    if (updates.length > 0) assign(run, updates, await replica.update(updates.map((one) => updateRequest(run, one))))
    const deletes = of('delete')
    if (deletes.length > 0) assign(run, deletes, await replica.remove(deletes.map((one) => removeRequest(one))))
  }
}

function assign(run: Run, sent: readonly Sent[], outcomes: readonly (WriteOutcome | RemoveOutcome)[]): void {
  for (const [index, one] of sent.entries()) {
    const outcome = outcomes[index] ?? null
    one.outcome = outcome?.type === 'done' && one.write.on === 'crm' ? { type: 'done', snapshot: withAnswerOf(outcome.snapshot, run.owner) } : outcome
  }
}

function createRequest(run: Run, { work, write, operation, mailing }: Sent): CreateRequest {
  const { link, copy } = work.linked
  const item = write.type === 'create' ? write.item : itemOf(link.kind, {})
  const uid = operation.intent?.uid ?? uidFor(work)
  const common = { item, token: operation.token, ...(uid === null ? {} : { uid }), ...(mailing === null ? {} : { mailing }) }
  if (write.on === 'crm') return { ...common, item: withOwnAnswer(run, work, item), assignee: assigneeOf(run, work), reference: copy.exchange.id }
  return { ...common, ...(work.series === undefined ? {} : { series: work.series }), stamp: { instance: run.engine.instance, kind: link.kind, record: copy.crm.id, token: operation.token, born: bornWith(uid) } }
}

/** Made from this mailbox, the record is one of it, whoever had it before and left. */
function assigneeOf(run: Run, { linked: { link } }: Work): AssigneeId {
  const isHere = link.assignee !== null && placement(run.engine.directory(), run.policy)(link.kind, link.assignee).includes(run.lane)
  return isHere && link.assignee !== null ? link.assignee : run.mailbox.userId
}

/** What an attendee answered before his meeting was recorded. */
function withOwnAnswer(run: Run, { exchange }: Work, item: Item): Item {
  if (item.kind !== 'event' || exchange.type !== 'seen' || exchange.snapshot.traits?.invited !== true) return item
  return itemOf('event', asAttendees(item.fields, item, run.owner, run.mailbox))
}

function updateRequest(run: Run, { work, write, mailing }: Sent): UpdateRequest {
  if (write.type !== 'update') throw new SyncError('ENGINE_WRONG_WRITE', 'An update was asked of another write; this is a bug.', { scope: 'item', remedy: 'bug' })
  const present = work.crm.type === 'seen' ? work.crm.snapshot.item : work.linked.copy.base.crm
  const fields = write.on === 'crm' ? asAttendees(write.fields, present, run.owner, run.mailbox) : write.fields
  return { id: write.id, kind: work.linked.link.kind, fields, expect: write.expect, ...(mailing === null ? {} : { mailing }) }
}

function removeRequest({ work, write, mailing }: Sent): RemoveRequest {
  if (write.type !== 'delete') throw new SyncError('ENGINE_WRONG_WRITE', 'A deletion was asked of another write; this is a bug.', { scope: 'item', remedy: 'bug' })
  return { id: write.id, kind: work.linked.link.kind, expect: write.expect, ...(mailing === null ? {} : { mailing }) }
}

const LOOP_WINDOW_MS = 10 * 60_000
const LOOP_WRITES = 5

/**
 * Two systems that correct each other forever write the same few contents again and again; a busy person writes new ones.
 */
async function findLoops(run: Run, works: readonly Work[]): Promise<ReadonlySet<CopyId>> {
  const updated = works.filter((work) => !work.isNew && work.plan.writes.some((write) => write.type === 'update')).map((work) => work.linked.copy.id)
  if (updated.length === 0) return new Set()
  const since = instant(instantMs(run.engine.clock.now()) - LOOP_WINDOW_MS)
  const recent = await run.engine.store.transaction((tx) => tx.recentWrites(updated, since))
  return new Set(updated.filter((copy) => {
    const hashes = recent.get(copy) ?? []
    return hashes.length > LOOP_WRITES && new Set(hashes).size <= hashes.length / 2
  }))
}

function park(run: Run, work: Work): Aside[] {
  const message = `More than ${LOOP_WRITES} writes of the same contents in ten minutes: the item is stopped for an hour. Something else keeps changing it back.`
  const until = instant(instantMs(run.engine.clock.now()) + 3_600_000)
  return work.rows.map((row) => ({ type: 'defer', row, until, error: { code: 'ENGINE_LOOP', message } }))
}

