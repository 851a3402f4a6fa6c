import { instant, instantMs } from '../model/index.ts'
import type { Held, HeldWhat, InboxRow, LinkedCopy, Side, Snapshot } from '../model/index.ts'
import { mask } from '../sync/index.ts'
import { refOf } from './context.ts'
import type { Run } from './context.ts'
import { AFTER_RESYNC } from './pull.ts'

interface Vanished {
  readonly row: InboxRow
  readonly linked: LinkedCopy
  /** It lies in Deleted Items, or the CRM itself reports the deletion. */
  readonly proven: boolean
}

/**
 * Judges everything that vanished from a mailbox together, before anything is reconciled. What was only moved is linked
 * again or let go; what nobody can find waits out its grace time; too many deletions at once wait for a human. Rows that
 * remain in the inbox as due afterwards are deletions that may be carried out.
 */
export async function judgeVanished(run: Run): Promise<void> {
  const { engine, lane } = run
  const rows = await engine.store.transaction((tx) => tx.inboxGone(lane))
  if (rows.length === 0) return
  const linked = await linkedRows(run, rows)
  const proven: Vanished[] = []
  for (const { row, pair } of linked) {
    if (row.side === 'crm') proven.push({ row, linked: pair, proven: true })
    else {
      const verdict = await searchFor(run, row, pair)
      if (verdict !== null) proven.push(verdict)
    }
  }
  await brake(run, 'crm', proven.filter((one) => one.row.side === 'exchange'))
  await brake(run, 'exchange', proven.filter((one) => one.row.side === 'crm'))
}

async function linkedRows(run: Run, rows: readonly InboxRow[]) {
  const { engine, lane } = run
  return engine.store.transaction(async (tx) => {
    const byItem = await tx.copiesByItem(lane, idsOf(rows, 'exchange'))
    const byRecord = (await tx.copiesByRecord(idsOf(rows, 'crm'))).filter(({ copy }) => copy.mailbox === lane)
    const strangers = []
    const result = []
    for (const row of rows) {
      const pair = row.side === 'exchange'
        ? byItem.find(({ copy }) => copy.exchange.id === row.id)
        : byRecord.find(({ copy }) => copy.crm.id === row.id)
      if (pair === undefined) strangers.push(refOf(row))
      else result.push({ row, pair })
    }
    // Never linked, or buried already: nothing of ours went away.
    await tx.dropInbox(strangers)
    return result
  }, run.fence)
}

const idsOf = (rows: readonly InboxRow[], side: Side) => rows.filter((row) => row.side === side).map((row) => row.id)

/** @returns the deletion when it stands, null when the item was found or needs more time */
async function searchFor(run: Run, row: InboxRow, linked: LinkedCopy): Promise<Vanished | null> {
  const { engine } = run
  const { link, copy } = linked
  const found = await run.exchange.locate(link.kind, copy.token, link.uid)
  switch (found.where) {
    case 'synced':
      await relink(run, row, linked, found.snapshot)
      return null
    case 'deleted-items':
      return { row, linked, proven: true }
    case 'elsewhere':
      // Moved to a folder we do not follow, or archived: let go of it, delete nothing.
      await letGo(run, row, linked)
      return null
    case 'nowhere': {
      const since = row.suspectSince ?? engine.clock.now()
      const ripeAt = instantMs(since) + (engine.mode.once ? 0 : engine.policy.graceSeconds * 1000)
      if (instantMs(engine.clock.now()) >= ripeAt) return { row, linked, proven: false }
      await engine.store.transaction(
        (tx) => tx.deferInbox([{ ...refOf(row), dueAt: instant(ripeAt), attempts: row.attempts, error: null, suspectSince: since }]),
        run.fence,
      )
      return null
    }
  }
}

/** The item lives on under a new id (moved back and forth, accepted, restored): same copy, new half. */
async function relink(run: Run, row: InboxRow, { link, copy }: LinkedCopy, snapshot: Snapshot): Promise<void> {
  const { engine, lane } = run
  const now = engine.clock.now()
  await engine.store.transaction(async (tx) => {
    const [occupied] = await tx.copiesByItem(lane, [snapshot.id])
    await tx.dropInbox([refOf(row)])
    // Another copy already stands for that item: ours was a stamp that a copy and paste carried along.
    if (occupied !== undefined && occupied.copy.id !== copy.id) return
    const moved = { ...copy, exchange: { id: snapshot.id, changeKey: copy.exchange.changeKey }, referenced: false }
    await tx.saveCopies([{ link, copy: moved }])
    const masked = mask(snapshot, copy, engine.policy)
    await tx.putInbox([{ lane, side: 'exchange', id: snapshot.id, kind: link.kind, sighting: { type: 'seen', snapshot: masked }, dueAt: now, suspectSince: null }])
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

/** Holds back deletions that look like an accident of a server rather than the wish of a person. */
async function brake(run: Run, on: Side, vanished: readonly Vanished[]): Promise<void> {
  const { engine, lane } = run
  const decided = await engine.store.transaction((tx) => tx.held({ lane }))
  const open = vanished.filter(({ row }) => !decided.some((held) => held.item === row.id && held.decision === 'apply'))
  const afterResync = open.filter(({ row, proven }) => !proven && isAfterResync(row))
  const rest = open.filter((one) => !afterResync.includes(one))
  const linkedCount = await engine.store.transaction((tx) => tx.countCopies(lane))
  const { count, share } = engine.policy.deletionLimit
  const tooMany = rest.length > count && rest.length > share * linkedCount
  // Everything gone without a trace, not even in Deleted Items: the mailbox was emptied or replaced.
  const emptied = on === 'crm' && rest.length >= 5 && rest.length >= linkedCount && rest.every((one) => !one.proven)
  await hold(run, on, afterResync, 'missing after Exchange lost its sync state: the server may have been reset')
  if (tooMany) await hold(run, on, rest, `${rest.length} of ${linkedCount} linked items vanished in one run, more than the limit allows`)
  else if (emptied) await hold(run, on, rest, 'the whole mailbox is suddenly empty')
}

const isAfterResync = (row: InboxRow) => row.sighting.type === 'gone' && row.sighting.changeKey === AFTER_RESYNC

async function hold(run: Run, on: Side, vanished: readonly Vanished[], reason: string): Promise<void> {
  if (vanished.length === 0) return
  const { engine, lane } = run
  const at = engine.clock.now()
  const what: HeldWhat = on === 'crm' ? 'delete-crm' : 'delete-exchange'
  const rows = vanished.map(({ row, linked }): Held => ({
    id: engine.ids.next(), lane, kind: row.kind, what, side: row.side, item: row.id, copy: linked.copy.id,
    candidates: [], reason, at, decision: null,
  }))
  engine.log.warn({ lane, count: rows.length, what }, `deletions are held until somebody decides: ${reason}`)
  await engine.store.transaction(async (tx) => {
    await tx.putHeld(rows)
    await tx.dropInbox(vanished.map(({ row }) => refOf(row)))
  }, run.fence)
}
