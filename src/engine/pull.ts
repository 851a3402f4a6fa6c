import { asSyncError } from '../lib/errors.ts'
import { CRM_LANE, instant, instantMs } from '../model/index.ts'
import type { ChangeKey, CopyId, Instant, ItemId, ItemKind, LinkedCopy, MailboxId, Side } from '../model/index.ts'
import type { Change, Channel, Fence, NewInboxRow, Replica, Tx } from '../ports.ts'
import { isMeeting, mask, placement } from '../sync/index.ts'
import { activeKinds, policyOf, refOf, reportError } from './context.ts'
import type { Engine, Run } from './context.ts'
import { invitedMailboxes } from './people.ts'
import { UNKNOWN_KEY } from './work.ts'

/** Follows the folders of a mailbox that are dirty, new, or were not looked at for long. */
export async function pullMailbox(run: Run): Promise<void> {
  const { engine, lane } = run
  const channels = await readChannels(engine, lane)
  for (const channel of channels) {
    if (!isDue(engine, channel)) continue
    await followChannel(engine, run.exchange, channel, run.fence, (tx, changes) => fileExchange(run, channel.kind, tx, changes))
    const exchange = { replica: run.exchange, side: 'exchange', owner: lane, lanes: [lane] } as const
    await probeAbsent(engine, exchange, channel.kind, run.fence)
  }
  if (activeKinds(engine.policy).includes('event')) await pullSeries(run)
}

/** Occurrences that the moving window reaches, and changes of series that the server does not report by itself. */
async function pullSeries(run: Run): Promise<void> {
  const { engine, lane } = run
  for (;;) {
    const channel = (await readChannels(engine, lane)).find(({ kind }) => kind === 'event') ?? newChannel(lane, 'event')
    const due = await run.exchange.pullDue((ids) => knownKeys(engine, channel, ids))
    if (due === null) return
    await engine.store.transaction(async (tx) => {
      await fileExchange(run, 'event', tx, due.changes)
      await due.also(tx)
    }, run.fence)
  }
}

/** Follows the CRM's feed, for all mailboxes at once. */
export async function pullCrm(engine: Engine, fence: Fence): Promise<void> {
  for (const channel of await readChannels(engine, CRM_LANE)) {
    await followChannel(engine, engine.crm, channel, fence, (tx, changes) => fileCrm(engine, channel.kind, tx, changes))
    const lanes = (await engine.store.transaction((tx) => tx.lanes())).flatMap((row) => (row.mailbox === null ? [] : [row.lane]))
    await probeAbsent(engine, { replica: engine.crm, side: 'crm', owner: CRM_LANE, lanes }, channel.kind, fence)
  }
}

async function readChannels(engine: Engine, lane: MailboxId): Promise<Channel[]> {
  const known = await engine.store.transaction((tx) => tx.channels(lane))
  return activeKinds(policyOf(engine, lane))
    // Nothing flows out of a one-way folder, but deletions and edits there are still to be known.
    .map((kind) => known.find((channel) => channel.kind === kind) ?? newChannel(lane, kind))
}

const newChannel = (lane: MailboxId, kind: ItemKind): Channel => ({
  lane, kind, syncState: null, complete: false, dirtyAt: null, pulledAt: null, resyncSince: null,
})

function isDue(engine: Engine, channel: Channel): boolean {
  // A resync that a crash interrupted is finished before anything is reconciled: until then a moved item looks like a copy.
  if (channel.resyncSince !== null) return true
  if (engine.mode.once || !channel.complete || channel.dirtyAt !== null || channel.pulledAt === null) return true
  const age = instantMs(engine.clock.now()) - instantMs(channel.pulledAt)
  return age >= engine.mode.safetyPullSeconds * 1000
}

type File = (tx: Tx, changes: readonly Change[]) => Promise<void>

/** Ids seen in a full listing after a lost sync state, per channel; what is missing there is asked for one by one. */
const listings = new WeakMap<Engine, Map<string, Set<ItemId>>>()

async function followChannel(engine: Engine, replica: Replica, start: Channel, fence: Fence, file: File): Promise<void> {
  let channel = start
  /** The state as the store has it; null after a reset that is not saved yet stays the old one there. */
  let known = start.syncState
  const beganAt = engine.clock.now()
  for (;;) {
    const page = await replica.pull(channel.kind, channel.syncState, (ids) => knownKeys(engine, channel, ids))
    if (page.type === 'resync-required') {
      engine.log.warn({ lane: channel.lane, kind: channel.kind }, 'the server no longer knows our sync state: reading everything again, deleting nothing')
      channel = { ...channel, syncState: null, resyncSince: beganAt }
      listingOf(engine, channel).clear()
      await engine.store.transaction((tx) => forgetStrangers(tx, channel), fence)
      continue
    }
    const finished = !page.more
    if (channel.resyncSince !== null) for (const change of page.changes) listingOf(engine, channel).add(idOf(change))
    // The changes and the sync state that covers them are saved together: a crash repeats a page, never skips one.
    const saved = await engine.store.transaction(async (tx): Promise<Channel | null> => {
      const stored = (await tx.channels(channel.lane)).find((row) => row.kind === channel.kind)
      // Somebody asked for everything again while we were reading: this page belongs to the old reading.
      if (stored !== undefined && stored.syncState !== known) return null
      await file(tx, page.changes)
      await page.also?.(tx)
      // A hint that came after we began tells of something this pull may have missed.
      const hintedAt = stored?.dirtyAt ?? null
      const next: Channel = {
        ...channel,
        syncState: page.next,
        complete: channel.complete || finished,
        pulledAt: finished ? beganAt : channel.pulledAt,
        dirtyAt: finished && (hintedAt === null || hintedAt < beganAt) ? null : hintedAt,
      }
      await tx.saveChannel(next)
      return next
    }, fence)
    if (saved === null) return
    channel = saved
    known = saved.syncState
    if (finished) return
  }
}

/** The ids of a reset server may mean nothing any more: what was never linked is told again, under its present id. */
async function forgetStrangers(tx: Tx, { lane, kind }: Channel): Promise<void> {
  if (lane === CRM_LANE) return
  const rows = (await tx.takeInbox(lane, END_OF_TIME, Number.MAX_SAFE_INTEGER)).filter((row) => row.side === 'exchange' && row.kind === kind)
  const linked = new Set((await tx.copiesByItem(lane, rows.map(({ id }) => id))).map(({ copy }) => copy.exchange.id))
  await tx.dropInbox(rows.filter(({ id }) => !linked.has(id)).map(refOf))
  // And what a series has of unlinked occurrences, when its master is told again.
  if (kind === 'event') await tx.saveSeries((await tx.series(lane)).map((row) => ({ ...row, snapshot: { ...row.snapshot, changeKey: UNKNOWN_KEY } })))
}

const END_OF_TIME = '9999-12-31T23:59:59Z' as Instant

async function knownKeys(engine: Engine, channel: Channel, ids: readonly ItemId[]): Promise<ReadonlyMap<ItemId, ChangeKey>> {
  // Who gets which record has changed: every record is routed anew, known or not.
  if (channel.lane === CRM_LANE && channel.resyncSince !== null) return new Map()
  if (channel.resyncSince !== null) for (const id of ids) listingOf(engine, channel).add(id)
  const side: Side = channel.lane === CRM_LANE ? 'crm' : 'exchange'
  return engine.store.transaction(async (tx) => {
    const keys = side === 'crm'
      ? keysOfRecords(engine, await tx.copiesByRecord(ids))
      : new Map((await tx.copiesByItem(channel.lane, ids)).map(({ copy }) => [copy.exchange.id, copy.exchange.changeKey]))
    // Something else is waiting to be told of these, a deletion perhaps: what is true now has to replace it.
    for (const { id } of await tx.lanesWaitingFor(side, ids)) keys.delete(id)
    // So is somebody who is asked about its deletion: that it is there again answers him, changed or not.
    if (side === 'exchange') for (const item of await askedAbout(tx, channel.lane)) keys.delete(item)
    return keys
  })
}

/** What is missing from a mailbox, as long as its deletion is not decided and carried out. */
const askedAbout = async (tx: Tx, lane: MailboxId): Promise<ItemId[]> =>
  (await tx.held({ lane })).filter(({ side, what }) => side === 'exchange' && what !== 'ambiguous').map(({ item }) => item)

/** A record's key counts as known only when every mailbox it belongs in has a copy that has seen it. */
function keysOfRecords(engine: Engine, copies: readonly LinkedCopy[]): Map<ItemId, ChangeKey> {
  const place = placement(engine.directory(), engine.policy)
  const keys = new Map<ItemId, ChangeKey>()
  for (const [record, all] of Map.groupBy(copies, ({ link }) => link.record)) {
    const [first] = all
    if (first === undefined || all.some(({ copy }) => copy.crm.changeKey !== first.copy.crm.changeKey)) continue
    const present = new Set(all.map(({ copy }) => copy.mailbox))
    // We make records that invite somebody: the occurrences of a series that arrive as the window moves.
    const isReal = engine.policy.meetings !== 'copies' || all.some(({ copy }) => isMeeting(copy.traits))
    const guests = isReal ? [] : invitedMailboxes(engine.directory(), first.copy.base.crm)
    if ([...place(first.link.kind, first.link.assignee ?? undefined), ...guests].every((lane) => present.has(lane))) keys.set(record, first.copy.crm.changeKey)
  }
  return keys
}

function listingOf(engine: Engine, channel: Channel): Set<ItemId> {
  const all = listings.get(engine) ?? new Map<string, Set<ItemId>>()
  listings.set(engine, all)
  const name = `${channel.lane}/${channel.kind}`
  const found = all.get(name) ?? new Set<ItemId>()
  all.set(name, found)
  return found
}

async function fileExchange(run: Run, kind: ItemKind, tx: Tx, changes: readonly Change[]): Promise<void> {
  const { engine, lane } = run
  const now = engine.clock.now()
  const linked = new Map((await tx.copiesByItem(lane, changes.map(idOf))).map((row) => [row.copy.exchange.id, row] as const))
  const rows: NewInboxRow[] = []
  for (const change of changes) {
    if (change.type === 'broken') await fileBroken(engine, tx, lane, 'exchange', kind, change)
    else if (change.type === 'gone') {
      rows.push({ ...rowOf(lane, kind, change.id, now), side: 'exchange', sighting: gone(change), suspectSince: now })
    } else {
      // Masked before it is stored: the words of a private item are nowhere in our database.
      const snapshot = mask(change.snapshot, linked.get(change.snapshot.id)?.copy ?? null, run.policy)
      rows.push({ ...rowOf(lane, kind, snapshot.id, now), side: 'exchange', sighting: { type: 'seen', snapshot } })
    }
  }
  await tx.putInbox(lastOfEach(rows))
}

async function fileCrm(engine: Engine, kind: ItemKind, tx: Tx, changes: readonly Change[]): Promise<void> {
  const now = engine.clock.now()
  const ids = changes.map(idOf)
  const place = placement(engine.directory(), engine.policy)
  const lanesOf = new Map<ItemId, Set<MailboxId>>(ids.map((id) => [id, new Set()]))
  const born = new Map<ItemId, string>()
  const reborn = new Map(changes.flatMap((change) => (change.type === 'seen' && change.snapshot.bornAt !== undefined ? [[change.snapshot.id, change.snapshot.bornAt] as const] : [])))
  const outlived: CopyId[] = []
  // Before the links are read: what was settled since is linked by then.
  const creating = changes.some(({ type }) => type === 'gone') ? await tx.lanesCreating('crm') : []
  for (const { link, copy } of await tx.copiesByRecord(ids)) {
    // After a restored backup another record may carry the number of a lost one: it is not written over the old one's items.
    if (link.bornAt !== null && (reborn.get(link.record) ?? link.bornAt) !== link.bornAt) {
      outlived.push(copy.id)
      continue
    }
    lanesOf.get(link.record)?.add(copy.mailbox)
    if (link.bornAt !== null) born.set(link.record, link.bornAt)
  }
  await tx.removeCopies(outlived)
  for (const waiting of await tx.lanesWaitingFor('crm', ids)) lanesOf.get(waiting.id)?.add(waiting.lane)
  const rows: NewInboxRow[] = []
  for (const change of changes) {
    if (change.type === 'broken') {
      await fileBroken(engine, tx, CRM_LANE, 'crm', kind, change)
      continue
    }
    const id = idOf(change)
    // An id that is used again after a restored backup is another record: its deletion says nothing about ours.
    if (change.type === 'gone' && change.bornAt !== undefined && born.has(id) && born.get(id) !== change.bornAt) continue
    const lanes = lanesOf.get(id) ?? new Set()
    if (change.type === 'seen') {
      for (const lane of place(kind, change.snapshot.assignee)) lanes.add(lane)
      for (const lane of invitedMailboxes(engine.directory(), change.snapshot.item)) lanes.add(lane)
    }
    // Perhaps the record of a create under way: the deletion waits for its link, and whoever has none drops it.
    else if (lanes.size === 0) for (const lane of creating) lanes.add(lane)
    for (const lane of lanes) {
      const sighting = change.type === 'seen' ? { type: 'seen' as const, snapshot: change.snapshot } : gone(change)
      rows.push({ ...rowOf(lane, kind, id, now), side: 'crm', sighting })
    }
  }
  await tx.putInbox(lastOfEach(rows))
  await tx.wake([...new Set(rows.map((row) => row.lane))])
}

const idOf = (change: Change): ItemId => (change.type === 'seen' ? change.snapshot.id : change.id)

const gone = (change: Extract<Change, { type: 'gone' }>) =>
  change.changeKey === undefined ? { type: 'gone' as const } : { type: 'gone' as const, changeKey: change.changeKey }

const rowOf = (lane: MailboxId, kind: ItemKind, id: ItemId, now: Instant) => ({ lane, kind, id, dueAt: now, suspectSince: null })

/** A feed may tell of one item several times on a page; the last word counts. */
function lastOfEach(rows: readonly NewInboxRow[]): NewInboxRow[] {
  return [...new Map(rows.map((row) => [`${row.lane}\n${row.side}\n${row.id}`, row])).values()]
}

type Broken = Extract<Change, { type: 'broken' }>

/** One unreadable item is reported and remembered; the rest of its page goes on, and it is tried again later. */
async function fileBroken(engine: Engine, tx: Tx, lane: MailboxId, side: Side, kind: ItemKind, change: Broken): Promise<void> {
  const error = asSyncError(change.error)
  const at = engine.clock.now()
  engine.log.warn({ lane, item: change.id, code: error.code }, 'an item cannot be read; it is left alone for a while')
  reportError(engine.totals, { lane, item: change.id, code: error.code, message: error.message })
  await tx.putSkips([{ lane, side, id: change.id, kind, reason: 'unreadable', uid: null, enterAt: instant(instantMs(at) + UNREADABLE_RETRY_MS), at }])
}

/** Whose full listing ended, and whose copies are compared with it. */
interface Listed {
  readonly replica: Replica
  readonly side: Side
  readonly owner: MailboxId
  readonly lanes: readonly MailboxId[]
}

/**
 * After a full listing that followed a lost sync state: linked items that were not listed are asked for one by one. Gone
 * Exchange items wait for a human unless they lie in Deleted Items: a reset server must not empty the CRM.
 */
async function probeAbsent(engine: Engine, { replica, side, owner, lanes }: Listed, kind: ItemKind, fence: Fence): Promise<void> {
  const channel = (await readChannels(engine, owner)).find((candidate) => candidate.kind === kind)
  if (channel === undefined || channel.resyncSince === null) return
  const listed = listingOf(engine, channel)
  for (const lane of lanes) {
    // What was told before and is not linked yet: made from what was true then, it would outlive its record.
    const told = side === 'exchange' ? [] : await engine.store.transaction((tx) => waitingFor(tx, lane, kind))
    await fileGone(lane, told.filter((id) => !listed.has(id)))
    for (let after: LinkedCopy['copy']['id'] | null = null; ; ) {
      const page: readonly LinkedCopy[] = await engine.store.transaction((tx) => tx.copiesOf(lane, kind, after, 500))
      await fileGone(lane, page.map(({ copy }) => copy[side].id).filter((id) => !listed.has(id)))
      if (page.length < 500) break
      after = page[page.length - 1]?.copy.id ?? null
    }
  }
  listed.clear()
  await engine.store.transaction((tx) => tx.saveChannel({ ...channel, resyncSince: null }), fence)

  async function fileGone(lane: MailboxId, absent: readonly ItemId[]): Promise<void> {
    const rows = await goneOf(engine, replica, kind, lane, absent)
    if (rows.length === 0) return
    await engine.store.transaction(async (tx) => {
      await tx.putInbox(rows)
      if (side === 'crm') await tx.wake([lane])
    }, fence)
  }
}

/** Records of a mailbox's inbox that were there when they were told. */
async function waitingFor(tx: Tx, lane: MailboxId, kind: ItemKind): Promise<readonly ItemId[]> {
  const rows = await tx.takeInbox(lane, END_OF_TIME, Number.MAX_SAFE_INTEGER)
  return rows.filter((row) => row.side === 'crm' && row.kind === kind && row.sighting.type === 'seen').map(({ id }) => id)
}

async function goneOf(engine: Engine, replica: Replica, kind: ItemKind, lane: MailboxId, ids: readonly ItemId[]): Promise<NewInboxRow[]> {
  if (ids.length === 0) return []
  const now = engine.clock.now()
  const found = await replica.get(kind, ids)
  return ids.flatMap((id, index): NewInboxRow[] => {
    const answer = found[index]
    // Without an answer nothing is known: the question is asked again in the next run.
    if (answer?.type === 'failed') throw answer.error
    if (answer?.type !== 'gone') return []
    return [{ ...rowOf(lane, kind, id, now), side: replica.side, sighting: { type: 'gone', changeKey: AFTER_RESYNC }, suspectSince: now }]
  })
}

/** Marks a gone row whose only evidence is absence after a lost sync state. */
export const AFTER_RESYNC = 'after-resync' as ChangeKey

/** How long an item that cannot be read is left alone before it is tried again. */
const UNREADABLE_RETRY_MS = 15 * 60_000

/** Items that the moving window reaches now are looked at again. */
export async function pullEntering(run: Run): Promise<void> {
  const { engine, lane } = run
  const now = engine.clock.now()
  const due = await engine.store.transaction((tx) => tx.skipsDue(lane, now, 200))
  for (const skip of due) {
    const replica: Replica = skip.side === 'crm' ? engine.crm : run.exchange
    const [found] = await replica.get(skip.kind, [skip.id])
    await engine.store.transaction(async (tx) => {
      if (found?.type === 'failed') {
        await tx.putSkips([{ ...skip, enterAt: instant(instantMs(now) + UNREADABLE_RETRY_MS) }])
        return
      }
      await tx.dropSkips(lane, skip.side, [skip.id])
      if (found?.type !== 'seen') return
      const snapshot = skip.side === 'exchange' ? mask(found.snapshot, null, run.policy) : found.snapshot
      await tx.putInbox([{ ...rowOf(lane, skip.kind, skip.id, instant(instantMs(now))), side: skip.side, sighting: { type: 'seen', snapshot } }])
    }, run.fence)
  }
}
