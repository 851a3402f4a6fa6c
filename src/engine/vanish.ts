import { asSyncError } from '../lib/errors.ts'
import { instant, instantMs, naturalKey, splitOccurrenceId } from '../model/index.ts'
import type { Held, HeldWhat, InboxRow, Instant, ItemId, LinkedCopy, Side, Snapshot } from '../model/index.ts'
import { mask, uidInExchange } from '../sync/index.ts'
import { refOf } from './context.ts'
import type { Run } from './context.ts'
import { AFTER_RESYNC } from './pull.ts'

interface Vanished {
  readonly row: InboxRow
  readonly linked: LinkedCopy
  /** It lies in Deleted Items, or the CRM itself reports the deletion. */
  readonly proven: boolean
}

/** The deletions of this run that may be carried out: no other vanished row is ever part of a plan. */
export interface Verdicts {
  readonly approved: Set<string>
  /** How many passed the brake already, by the side they happened on. */
  readonly passed: Record<Side, number>
  /** What they were deletions of: an event, or a series however many occurrences it has. */
  readonly decisions: Readonly<Record<Side, Set<ItemId>>>
}

export const noVerdicts = (): Verdicts => ({ approved: new Set(), passed: { exchange: 0, crm: 0 }, decisions: { exchange: new Set(), crm: new Set() } })

export const isApproved = (verdicts: Verdicts, row: InboxRow): boolean => verdicts.approved.has(nameOf(row))

const nameOf = (row: InboxRow) => `${row.side}/${row.id}/${row.version}`

/**
 * Judges everything that newly vanished from a mailbox together, before it can be planned. What was only moved is linked
 * again or let go; what nobody can find waits out its grace time; too many deletions at once wait for a human.
 */
export async function judgeVanished(run: Run, verdicts: Verdicts): Promise<void> {
  const { engine, lane } = run
  const now = engine.clock.now()
  const gone = await engine.store.transaction((tx) => tx.inboxGone(lane))
  const rows = gone.filter((row) => row.dueAt <= now && !isApproved(verdicts, row))
  if (rows.length === 0) return
  const stands: Vanished[] = []
  for (const { row, pair } of await linkedRows(run, rows)) {
    // The feed's own word is proof; a record that a full reading only lacks may be a reset server's.
    if (row.side === 'crm') stands.push({ row, linked: pair, proven: !isAfterResync(row) })
    // One moment for all: a search takes time, and what vanished together must not be judged apart.
    else stands.push(...(await searchFor(run, row, pair, now)))
  }
  const suspects = await stillSuspect(run, verdicts, stands)
  for (const side of ['exchange', 'crm'] as const) {
    const isHere = ({ row }: { readonly row: InboxRow }) => row.side === side
    await brake(run, verdicts, side, stands.filter(isHere), suspects.filter(isHere).map(({ pair }) => pair))
  }
}

/** What vanished too and is not judged yet: it counts, because it may be part of the same accident. */
async function stillSuspect(run: Run, verdicts: Verdicts, stands: readonly Vanished[]) {
  if (stands.length === 0) return []
  const judged = new Set(stands.map(({ row }) => nameOf(row)))
  const gone = await run.engine.store.transaction((tx) => tx.inboxGone(run.lane))
  return linkedRows(run, gone.filter((row) => !judged.has(nameOf(row)) && !isApproved(verdicts, row)))
}

async function linkedRows(run: Run, rows: readonly InboxRow[]) {
  const { engine, lane } = run
  return engine.store.transaction(async (tx) => {
    const byItem = new Map((await tx.copiesByItem(lane, idsOf(rows, 'exchange'))).map((pair) => [pair.copy.exchange.id, pair] as const))
    const ofRecords = await tx.copiesByRecord(idsOf(rows, 'crm'))
    const byRecord = new Map(ofRecords.filter(({ copy }) => copy.mailbox === lane).map((pair) => [pair.link.record, pair] as const))
    const strangers = []
    const result = []
    for (const row of rows) {
      const pair = (row.side === 'exchange' ? byItem : byRecord).get(row.id)
      if (pair === undefined) strangers.push(refOf(row))
      else result.push({ row, pair })
    }
    // Never linked, or buried already: nothing of ours went away.
    await tx.dropInbox(strangers)
    return result
  }, run.fence)
}

const idsOf = (rows: readonly InboxRow[], side: Side) => rows.filter((row) => row.side === side).map((row) => row.id)

/** @returns the deletion when it stands, nothing when the item was found or needs more time */
async function searchFor(run: Run, row: InboxRow, linked: LinkedCopy, judgedAt: Instant): Promise<Vanished[]> {
  const { link, copy } = linked
  try {
    const found = await run.exchange.locate(link.kind, copy.token, uidInExchange(linked))
    switch (found.where) {
      case 'synced':
        return (await relink(run, row, linked, found.snapshot)) ? [] : await waitOrStand(run, row, linked, judgedAt)
      case 'deleted-items':
        return [{ row, linked, proven: true }]
      case 'elsewhere':
        // Moved to a folder we do not follow, or archived: let go of it, delete nothing.
        await letGo(run, row, linked)
        return []
      case 'nowhere': {
        const [twin] = copy.stamped && !isAfterResync(row) ? [] : await unstampedTwin(run, linked)
        if (twin !== undefined && (await relink(run, row, linked, twin))) return []
        return await waitOrStand(run, row, linked, judgedAt)
      }
    }
  } catch (thrown) {
    const error = asSyncError(thrown)
    if (error.scope !== 'item') throw error
    await postpone(run, row, instantMs(run.engine.clock.now()) + 60_000, { code: error.code, message: error.message })
    return []
  }
}

/**
 * An item that moved before it was stamped left no trace but what a person would recognise, under a new id. The same is
 * left of a task whose mailbox moved to the cloud: To Do does not show the stamp that EWS wrote.
 */
async function unstampedTwin(run: Run, { link, copy }: LinkedCopy): Promise<Snapshot[]> {
  const key = naturalKey(copy.base.exchange)
  if (key === null) return []
  return run.engine.store.transaction(async (tx) => {
    const rows = (await tx.inboxLike(run.lane, 'exchange', [], [key])).filter((row) => row.kind === link.kind)
    const linked = new Set((await tx.copiesByItem(run.lane, rows.map(({ id }) => id))).map((pair) => pair.copy.exchange.id))
    const free = rows.flatMap(({ id, sighting }) => (sighting.type === 'seen' && !linked.has(id) ? [sighting.snapshot] : []))
    return free.length === 1 ? free : []
  })
}

async function waitOrStand(run: Run, row: InboxRow, linked: LinkedCopy, judgedAt: Instant): Promise<Vanished[]> {
  const { engine } = run
  const since = row.suspectSince ?? judgedAt
  const ripeAt = instantMs(since) + (engine.mode.once ? 0 : run.policy.graceSeconds * 1000)
  if (instantMs(judgedAt) >= ripeAt) return [{ row, linked, proven: false }]
  await postpone(run, { ...row, suspectSince: since }, ripeAt, null)
  return []
}

async function postpone(run: Run, row: InboxRow, untilMs: number, error: InboxRow['error']): Promise<void> {
  const dueAt = instant(untilMs)
  await run.engine.store.transaction((tx) => tx.deferInbox([{ ...refOf(row), dueAt, attempts: row.attempts, error, suspectSince: row.suspectSince }]), run.fence)
}

/**
 * The item lives on under a new id (moved back and forth, accepted, restored): same copy, new half.
 * @returns false when another copy stands for that item: a copy and paste carried our stamp along
 */
async function relink(run: Run, row: InboxRow, { link, copy }: LinkedCopy, snapshot: Snapshot): Promise<boolean> {
  const { engine, lane } = run
  const now = engine.clock.now()
  return engine.store.transaction(async (tx) => {
    // A copy and paste of what was then deleted carries the stamp too, but never the UID.
    const uid = uidInExchange({ link, copy })
    if (snapshot.uid !== undefined && uid !== null && snapshot.uid !== uid) return false
    const [occupied] = await tx.copiesByItem(lane, [snapshot.id])
    if (occupied !== undefined && occupied.copy.id !== copy.id) return false
    await tx.dropInbox([refOf(row)])
    const stamped = snapshot.stamp?.token === copy.token
    await tx.saveCopies([{ link, copy: { ...copy, exchange: { id: snapshot.id, changeKey: copy.exchange.changeKey }, stamped, referenced: false } }])
    const masked = mask(snapshot, copy, run.policy)
    await tx.putInbox([{ lane, side: 'exchange', id: snapshot.id, kind: link.kind, sighting: { type: 'seen', snapshot: masked }, dueAt: now, suspectSince: null }])
    return true
  }, run.fence)
}

async function letGo(run: Run, row: InboxRow, { link, copy }: LinkedCopy): Promise<void> {
  const { engine, lane } = run
  const at = engine.clock.now()
  await engine.store.transaction(async (tx) => {
    await tx.removeCopies([copy.id])
    await tx.putTombstones([{ mailbox: lane, kind: link.kind, record: copy.crm.id, item: copy.exchange.id, exchangeChangeKey: copy.exchange.changeKey, crmChangeKey: copy.crm.changeKey, reason: 'unlinked', at }])
    await tx.putSkips([{ lane, side: 'crm', id: copy.crm.id, kind: link.kind, reason: 'moved-away', uid: link.uid, enterAt: null, at }])
    await tx.dropInbox([refOf(row)])
  }, run.fence)
}

/** Holds back deletions that look like an accident of a server rather than the wish of a person; lets the others pass. */
async function brake(run: Run, verdicts: Verdicts, side: Side, vanished: readonly Vanished[], suspects: readonly LinkedCopy[]): Promise<void> {
  if (vanished.length === 0) return
  const { engine, lane } = run
  const [decided, linked] = await engine.store.transaction(async (tx) => [await tx.held({ lane }), await tx.countCopies(lane)] as const)
  const isAsked = ({ row }: Vanished) => decided.some((held) => held.item === row.id && held.side === side && held.decision === null)
  const asked = vanished.filter(isAsked)
  const open = vanished.filter((one) => !isAsked(one) && !decided.some((held) => held.item === one.row.id && held.side === side && held.decision !== null))
  const afterResync = open.filter(({ row, proven }) => !proven && isAfterResync(row))
  const rest = open.filter((one) => !afterResync.includes(one))
  const linkedCount = linked + verdicts.passed[side]
  const { count, share } = run.policy.deletionLimit
  // What somebody is asked about since these vanished is part of the same accident.
  const vanishedAt = rest.flatMap(({ row }) => row.suspectSince ?? []).sort()[0]
  const waiting = decided.filter((held) => held.decision === null && held.side === side && held.what !== 'ambiguous' && vanishedAt !== undefined && held.at >= vanishedAt && !vanished.some(({ row }) => row.id === held.item))
  const total = rest.length + verdicts.passed[side] + suspects.length + waiting.length
  // A deleted series, or a rule that lost many of its occurrences, is one decision of a person.
  const decisions = new Set([...verdicts.decisions[side], ...[...rest.map(({ linked }) => linked), ...suspects].map(decisionOf), ...waiting.map(({ item }) => splitOccurrenceId(item).master)])
  const tooMany = rest.length > 0 && decisions.size > count && total > share * linkedCount
  // Everything gone without a trace, not even in Deleted Items: the mailbox was emptied or replaced.
  const traceless = new Set(rest.filter((one) => !one.proven).map(({ linked }) => decisionOf(linked)))
  const emptied = side === 'exchange' && traceless.size >= 5 && rest.length >= linkedCount && rest.every((one) => !one.proven)
  // Found missing once more, while somebody still thinks about it.
  await hold(run, side, asked, AFTER_RESYNC_REASON[side])
  await hold(run, side, afterResync, AFTER_RESYNC_REASON[side])
  if (tooMany) await hold(run, side, rest, `${total} of ${linkedCount} linked items vanished in one run, more than the limit allows`)
  else if (emptied) await hold(run, side, rest, 'the whole mailbox is suddenly empty')
  const stopped = new Set([...asked, ...afterResync, ...(tooMany || emptied ? rest : [])])
  const passing = vanished.filter((one) => !stopped.has(one))
  for (const { row } of passing) verdicts.approved.add(nameOf(row))
  verdicts.passed[side] += passing.length
  for (const { linked } of passing) verdicts.decisions[side].add(decisionOf(linked))
}

const decisionOf = ({ copy }: LinkedCopy): ItemId => splitOccurrenceId(copy.exchange.id).master

const AFTER_RESYNC_REASON: Readonly<Record<Side, string>> = {
  exchange: 'missing after Exchange lost its sync state: the server may have been reset',
  crm: 'missing when the CRM was read again from the start, and never reported as deleted: the CRM may have been reset',
}

const isAfterResync = (row: InboxRow) => row.sighting.type === 'gone' && row.sighting.changeKey === AFTER_RESYNC

async function hold(run: Run, side: Side, vanished: readonly Vanished[], reason: string): Promise<void> {
  if (vanished.length === 0) return
  const { engine, lane } = run
  const at = engine.clock.now()
  const what: HeldWhat = side === 'exchange' ? 'delete-crm' : 'delete-exchange'
  const rows = vanished.map(({ row, linked }): Held => ({
    id: engine.ids.next(), lane, kind: row.kind, what, side, item: row.id, copy: linked.copy.id,
    candidates: [], reason, at, decision: null,
  }))
  engine.log.warn({ lane, count: rows.length, what }, `deletions are held until somebody decides: ${reason}`)
  await engine.store.transaction(async (tx) => {
    await tx.putHeld(rows)
    await tx.dropInbox(vanished.map(({ row }) => refOf(row)))
  }, run.fence)
}
