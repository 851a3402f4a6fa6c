import { instant, instantMs, naturalKey } from '../model/index.ts'
import type { InboxRow, Instant, ItemId, LinkedCopy, SkipReason, Snapshot } from '../model/index.ts'
import { inWindow, match, planCreate, planMatch } from '../sync/index.ts'
import { other } from './context.ts'
import type { Run } from './context.ts'
import { look } from './look.ts'
import { harmless } from './reconcile.ts'
import type { Batch } from './reconcile.ts'
import { newCopy, UNKNOWN_KEY } from './work.ts'
import type { Aside, Work } from './work.ts'

interface Stranger {
  readonly row: InboxRow
  readonly snapshot: Snapshot
}

/**
 * Items without a link: found again by stamp, UID or what a person would recognise, else made on the other side.
 * Exchange comes first, because its stamps say most.
 */
export async function firstContact(run: Run, batch: Batch): Promise<(Work | Aside)[]> {
  const used = new Set<ItemId>()
  const result: (Work | Aside)[] = []
  for (const row of batch.rows) {
    if (row.side !== 'exchange' || batch.byItem.has(row.id) || used.has(row.id)) continue
    result.push(...(await harmless(run, [row], () => contact(run, batch, row, used, meetExchange))))
  }
  for (const row of batch.rows) {
    if (row.side !== 'crm' || batch.byRecord.has(row.id) || used.has(row.id)) continue
    result.push(...(await harmless(run, [row], () => contact(run, batch, row, used, meetCrm))))
  }
  return result
}

const DAY_MS = 86_400_000

type Meet = (run: Run, batch: Batch, stranger: Stranger, used: Set<ItemId>) => Promise<(Work | Aside)[]>

async function contact(run: Run, batch: Batch, row: InboxRow, used: Set<ItemId>, meet: Meet): Promise<(Work | Aside)[]> {
  // Gone before it was ever linked.
  if (row.sighting.type === 'gone') return [{ type: 'drop', row }]
  const { snapshot } = row.sighting
  const tombstone = batch.tombstones.get(row.id)
  const buriedKey = row.side === 'exchange' ? tombstone?.exchangeChangeKey : tombstone?.crmChangeKey
  // The last we saw of it before it was buried, told once more.
  if (tombstone !== undefined && buriedKey === snapshot.changeKey && tombstone.reason !== 'reassigned') return [{ type: 'drop', row }]
  if (snapshot.unsupported !== undefined) return [skip(row, snapshot.unsupported)]
  const ambiguous = batch.held.find((held) => held.what === 'ambiguous' && (held.item === row.id || held.candidates.includes(row.id)))
  // Waiting for a human, or left alone by one.
  if (ambiguous !== undefined && ambiguous.decision !== 'apply') return [skip(row, 'ambiguous')]
  used.add(row.id)
  return meet(run, batch, { row, snapshot }, used)
}

type Skipped = Extract<Aside, { type: 'skip' }>

const skip = (row: InboxRow, reason: SkipReason, enterAt: Instant | null = null): Skipped => ({
  type: 'skip', row, reason, enterAt, uid: row.sighting.type === 'seen' ? (row.sighting.snapshot.uid ?? null) : null,
})

async function meetExchange(run: Run, batch: Batch, stranger: Stranger, used: Set<ItemId>): Promise<(Work | Aside)[]> {
  const { engine, lane } = run
  const { row, snapshot } = stranger
  if (await wasLetGo(run, batch, stranger)) return [skip(row, 'moved-away')]
  const stamped = await byStamp(run, batch, stranger, used)
  if (stamped !== null) return stamped
  const sameUid = snapshot.uid === undefined ? [] : (batch.byUid.get(snapshot.uid) ?? [])
  const own = sameUid.find(({ copy }) => copy.mailbox === lane && copy.role === 'home' && copy.exchange.id !== row.id)
  const here = own === undefined ? null : await movedHere(run, own, row, snapshot)
  if (here !== null) return here
  const isMeeting = snapshot.traits?.invited === true || snapshot.traits?.hasAttendees === true
  const elsewhere = sameUid.find(({ copy }) => copy.mailbox !== lane)
  if (isMeeting && elsewhere !== undefined) return [joinMeeting(run, stranger, elsewhere)]

  const found = matchUnlinked(run, batch, stranger, used)
  if (found !== null) return found
  // A folder that only receives: what people put there themselves is theirs.
  if (engine.policy.direction[row.kind] === 'to-exchange') return [skip(row, 'direction')]
  const window = inWindow(snapshot.item, engine.clock.now(), engine.policy)
  if (!window.in) return [skip(row, 'outside-window', window.enterAt)]
  if (isMeeting && snapshot.uid !== undefined) {
    const holder = await engine.store.transaction((tx) => tx.claim(snapshot.uid ?? '', lane, engine.clock.now()), run.fence)
    // The same meeting is being recorded from another mailbox right now: one meeting is one record.
    if (holder !== lane) return [{ type: 'defer', row, until: soon(run) }]
  }
  return [{ linked: newCopy(run, row.kind, snapshot, null), isNew: true, rows: [row], exchange: row.sighting, crm: { type: 'quiet' }, plan: planCreate('crm', snapshot) }]
}

const soon = (run: Run) => instant(instantMs(run.engine.clock.now()) + 1000)

/** The record was deleted or given away and this item was left alone on purpose: an edit does not bring it back. */
async function wasLetGo(run: Run, batch: Batch, { row }: Stranger): Promise<boolean> {
  const tombstone = batch.tombstones.get(row.id)
  if (tombstone?.reason !== 'unlinked') return false
  const [record] = await look(run, 'crm', row.kind, [{ id: tombstone.record, copy: null }])
  return record?.type !== 'seen'
}

/** Our own stamp on an item that no link knows: it moved, our database was lost, or somebody copied and pasted. */
async function byStamp(run: Run, batch: Batch, { row, snapshot }: Stranger, used: Set<ItemId>): Promise<(Work | Aside)[] | null> {
  const { stamp } = snapshot
  if (stamp === undefined || stamp.instance !== run.engine.instance || stamp.kind !== row.kind) return null
  const present = batch.byRecord.get(stamp.record)
  if (present !== undefined) return movedHere(run, present, row, snapshot)
  // Copied from a colleague whose own item is linked: a new item of this mailbox.
  if ((batch.siblings.get(stamp.record) ?? []).some(({ copy }) => copy.token === stamp.token)) return null
  const [record] = await look(run, 'crm', row.kind, [{ id: stamp.record, copy: null }])
  if (record?.type !== 'seen' || record.snapshot.unsupported !== undefined) return null
  if (!(await isSame(run, snapshot, record.snapshot))) return null
  if (!batch.place(row.kind, record.snapshot.assignee).includes(run.lane)) return [skip(row, 'moved-away')]
  // Its own row may wait in this very batch: met as a stranger it would be made once more.
  used.add(stamp.record)
  return [matched(run, batch, row, snapshot, record.snapshot, snapshot)]
}

/**
 * A stamp alone proves nothing, because copy and paste carries it along (rule R-19): the UID has to agree where both sides
 * know one (the CRM may hold it cut), and what was let go of is only taken back when a person would recognise it.
 */
async function isSame(run: Run, exchange: Snapshot, crm: Snapshot): Promise<boolean> {
  if (exchange.uid !== undefined && crm.uid !== undefined) return exchange.uid === crm.uid || (crm.uid.length > 100 && exchange.uid.startsWith(crm.uid))
  const letGo = await run.engine.store.transaction((tx) => tx.tombstones(run.lane, [crm.id]))
  return letGo.length === 0 || naturalKey(exchange.item) === naturalKey(crm.item)
}

/**
 * The stamped record has an item already. While that one is there, this is a copy and paste, and a new item; otherwise the
 * item moved, and its new id was told before the end of its old one.
 */
async function movedHere(run: Run, { link, copy }: LinkedCopy, row: InboxRow, snapshot: Snapshot): Promise<Aside[] | null> {
  const [self] = await look(run, 'exchange', row.kind, [{ id: row.id, copy: null }])
  // A station of an item that moved on meanwhile.
  if (self?.type === 'gone') return [{ type: 'drop', row }]
  // A move keeps the UID, a copy gets its own; what has none is recognised as a person would.
  const isIt = link.uid !== null && snapshot.uid !== undefined ? link.uid === snapshot.uid : naturalKey(copy.base.exchange) === naturalKey(snapshot.item)
  if (!isIt) return null
  const [before] = await look(run, 'exchange', row.kind, [{ id: copy.exchange.id, copy }])
  if (before?.type !== 'gone') return null
  const moved = { ...copy, exchange: { id: row.id, changeKey: UNKNOWN_KEY }, referenced: false }
  await run.engine.store.transaction((tx) => tx.saveCopies([{ link, copy: moved }]), run.fence)
  return [{ type: 'defer', row, until: run.engine.clock.now() }]
}

function joinMeeting(run: Run, { row, snapshot }: Stranger, { link, copy }: LinkedCopy): Work {
  const own = newCopy(run, row.kind, snapshot, null, 'shadow').copy
  const shadow = { ...own, crm: copy.crm, base: { exchange: snapshot.item, crm: copy.base.crm } }
  const plan = { writes: [], clashes: [], ending: { type: 'keep', base: shadow.base } as const, reason: 'the same meeting in another mailbox' }
  return { linked: { link, copy: shadow }, isNew: true, rows: [row], exchange: row.sighting, crm: { type: 'quiet' }, plan }
}

async function meetCrm(run: Run, batch: Batch, stranger: Stranger, used: Set<ItemId>): Promise<(Work | Aside)[]> {
  const { engine, lane } = run
  const { row, snapshot } = stranger
  if (!batch.place(row.kind, snapshot.assignee).includes(lane)) return [{ type: 'drop', row }]
  if (run.exchange.lacks?.(row.kind) === true) return [skip(row, 'no-place', instant(instantMs(engine.clock.now()) + DAY_MS))]
  const buried = await byTombstone(run, batch, stranger)
  if (buried !== null) return [buried]
  const found = matchUnlinked(run, batch, stranger, used)
  if (found !== null) return found
  if (engine.policy.direction[row.kind] === 'to-crm') return [skip(row, 'direction')]
  const window = inWindow(snapshot.item, engine.clock.now(), engine.policy)
  if (!window.in) return [skip(row, 'outside-window', window.enterAt)]
  const fresh = newCopy(run, row.kind, null, snapshot)
  const linked = { link: batch.siblings.get(row.id)?.[0]?.link ?? fresh.link, copy: fresh.copy }
  return [{ linked, isNew: true, rows: [row], exchange: { type: 'quiet' }, crm: row.sighting, plan: planCreate('exchange', snapshot) }]
}

/** A record whose copy was let go of before: joined again when its item is still there, else left alone. */
async function byTombstone(run: Run, batch: Batch, { row, snapshot }: Stranger): Promise<Work | Aside | null> {
  const tombstone = batch.tombstones.get(row.id)
  if (tombstone === undefined || tombstone.reason === 'deleted' || tombstone.reason === 'reassigned') return null
  if (tombstone.reason === 'user-deleted') return skip(row, 'user-deleted')
  const [item] = await look(run, 'exchange', row.kind, [{ id: tombstone.item, copy: null }])
  if (item?.type !== 'seen' || item.snapshot.unsupported !== undefined) return skip(row, 'moved-away')
  return matched(run, batch, row, item.snapshot, snapshot, item.snapshot)
}

/** @returns null when nothing on the other side looks like it */
function matchUnlinked(run: Run, batch: Batch, { row, snapshot }: Stranger, used: Set<ItemId>): (Work | Aside)[] | null {
  if (batch.held.some((held) => held.what === 'ambiguous' && (held.item === row.id || held.candidates.includes(row.id)))) return null
  const candidates = batch.alike.filter((like) => like.side === other(row.side) && like.kind === row.kind && !used.has(like.id))
  const seen = candidates.flatMap((like) => (like.sighting.type === 'seen' && like.sighting.snapshot.unsupported === undefined ? [like.sighting.snapshot] : []))
  const found = match(snapshot, seen)
  switch (found.type) {
    case 'none':
      return null
    case 'one': {
      used.add(found.snapshot.id)
      const exchange = row.side === 'exchange' ? snapshot : found.snapshot
      const crm = row.side === 'crm' ? snapshot : found.snapshot
      return [matched(run, batch, row, exchange, crm, found.snapshot)]
    }
    case 'ambiguous': {
      for (const candidate of found.candidates) used.add(candidate.id)
      return holdAmbiguous(row, candidates, found.candidates)
    }
  }
}

function matched(run: Run, batch: Batch, row: InboxRow, exchange: Snapshot, crm: Snapshot, counterpart: Snapshot): Work {
  const { engine } = run
  const rows = [row, ...batch.alike.filter((like) => like.id === counterpart.id), ...batch.rows.filter((one) => one !== row && (one.id === exchange.id || one.id === crm.id))]
  const stamp = exchange.stamp?.instance === engine.instance && exchange.stamp.record === crm.id ? exchange.stamp : null
  const fresh = newCopy(run, row.kind, exchange, crm)
  const copy = { ...fresh.copy, stamped: stamp !== null, token: stamp?.token ?? fresh.copy.token, referenced: crm.reference === exchange.id }
  return {
    // Another mailbox's copy of the same record is a sibling under the same link.
    linked: { link: batch.siblings.get(crm.id)?.[0]?.link ?? fresh.link, copy },
    isNew: true,
    rows: [...new Map(rows.map((one) => [`${one.side}/${one.id}`, one])).values()],
    exchange: { type: 'seen', snapshot: exchange },
    crm: { type: 'seen', snapshot: crm },
    plan: planMatch(row.kind, exchange, crm, { policy: engine.policy, holds: run.holds }),
  }
}

/** All of them wait together; otherwise the candidates would be made anew while somebody thinks. */
function holdAmbiguous(row: InboxRow, rows: readonly InboxRow[], candidates: readonly Snapshot[]): (Work | Aside)[] {
  const ids = candidates.map((candidate) => candidate.id)
  return [
    { ...skip(row, 'ambiguous'), candidates: ids },
    ...rows.filter((one) => ids.includes(one.id)).map((one) => skip(one, 'ambiguous')),
  ]
}
