import { fieldsOf, instant, instantMs, naturalKey, sameValue, splitUid, withFields } from '../model/index.ts'
import type { FieldName, InboxRow, Instant, Item, ItemId, LinkedCopy, SkipReason, Snapshot } from '../model/index.ts'
import { inWindow, isMeeting, isUnwanted, match, planCreate, planMatch, uidInExchange, withWordsOfRecord } from '../sync/index.ts'
import type { Plan } from '../sync/index.ts'
import { bornWith } from './born.ts'
import { invitedMailboxes } from './people.ts'
import { other } from './context.ts'
import type { Run } from './context.ts'
import { look } from './look.ts'
import { harmless } from './reconcile.ts'
import type { Batch } from './reconcile.ts'
import { asDate } from './series/dates.ts'
import { askForRecords, meetSet, recordOf } from './series/sets.ts'
import { isBeingMade, isOthersTurn, soon } from './turns.ts'
import { newCopy, UNKNOWN_KEY } from './work.ts'
import type { Aside, Work } from './work.ts'

export interface Stranger {
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
  await askForRecords(run, batch, unrecorded(batch))
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

/** What of the mailbox is linked to nothing, and has the UID of nothing that is known. */
function unrecorded({ rows, byItem, byUid, alike }: Batch): Snapshot[] {
  const known = new Set(alike.flatMap(({ side, sighting }) => (side === 'crm' && sighting.type === 'seen' ? [sighting.snapshot.uid] : [])))
  return rows.flatMap(({ side, id, sighting }) => {
    if (side !== 'exchange' || sighting.type !== 'seen' || byItem.has(id)) return []
    const { snapshot } = sighting
    return snapshot.uid === undefined || byUid.has(snapshot.uid) || known.has(snapshot.uid) ? [] : [snapshot]
  })
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
  const mayReturn = tombstone?.reason === 'reassigned' || (tombstone?.reason === 'ownerless' && row.side === 'crm')
  if (tombstone !== undefined && buriedKey === snapshot.changeKey && !mayReturn) return [{ type: 'drop', row }]
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

async function meetExchange(run: Run, batch: Batch, { row, snapshot: told }: Stranger, used: Set<ItemId>): Promise<(Work | Aside)[]> {
  const { engine, lane } = run
  const snapshot = await asDate(run, batch, told)
  const stranger = { row, snapshot }
  if (await wasLetGo(run, batch, stranger)) return [skip(row, 'moved-away')]
  const left = await leftBehind(run, batch, stranger)
  if (left !== null) return [left]
  const stamped = await byStamp(run, batch, stranger, used)
  if (stamped !== null) return stamped
  const { uid } = snapshot
  const sameUid = uid === undefined ? [] : uid === told.uid ? (batch.byUid.get(uid) ?? []) : await engine.store.transaction((tx) => tx.copiesByUid([uid]))
  const own = sameUid.find(({ copy }) => copy.mailbox === lane && copy.role === 'home' && copy.exchange.id !== row.id)
  const here = own === undefined ? null : await movedHere(run, own, row, snapshot)
  if (here !== null) return here
  const meeting = isMeeting(snapshot.traits ?? {})
  const elsewhere = sameUid.find(({ copy }) => copy.mailbox !== lane)
  if (meeting && elsewhere !== undefined) {
    const home = sameUid.find(({ copy }) => copy.role === 'home') ?? elsewhere
    // Its own row may wait in this very batch, where it is this mailbox's by its assignee.
    used.add(home.link.record)
    return await joinMeeting(run, stranger, home)
  }

  // A record that was there before us is joined in the same order as it would be made: home is the organizer's copy.
  // An invitation may go by another UID than the record: then it is known by what it shows.
  const key = snapshot.traits?.invited === true ? naturalKey(snapshot.item) : null
  const isRecorded = batch.alike.some(({ side, sighting }) => side === 'crm' && sighting.type === 'seen'
    && ((sighting.snapshot.uid !== undefined && sighting.snapshot.uid === snapshot.uid) || (key !== null && naturalKey(sighting.snapshot.item) === key)))
  if (meeting && isRecorded && (await isOthersTurn(run, stranger))) return [{ type: 'defer', row, until: soon(run, row) }]
  const found = matchUnlinked(run, batch, stranger, used)
  if (found !== null) return found
  const known = await recordOf(run, batch, snapshot)
  if (known !== null) {
    // A meeting's record may be a colleague's. Anything else was given to somebody else.
    if (!known.isHere && !meeting) return [skip(row, 'moved-away')]
    if (!known.isHere && ((await isColleagues(run, batch, stranger, known.record)) || (await isOthersTurn(run, stranger)))) return [{ type: 'defer', row, until: soon(run, row) }]
    return [matched(run, batch, row, snapshot, known.record, snapshot)]
  }
  // A folder that only receives: what people put there themselves is theirs.
  if (['to-exchange', 'off'].includes(run.policy.direction[row.kind])) return [skip(row, 'direction')]
  const unwanted = isUnwanted(snapshot, run.policy)
  if (unwanted !== null) return [skip(row, unwanted)]
  const window = inWindow(snapshot.item, engine.clock.now(), run.policy)
  if (!window.in) return [skip(row, 'outside-window', window.enterAt)]
  if (meeting && (await isOthersTurn(run, stranger))) return [{ type: 'defer', row, until: soon(run, row) }]
  return [{ linked: newCopy(run, row.kind, snapshot, null), isNew: true, rows: [row], exchange: { type: 'seen', snapshot }, crm: { type: 'quiet' }, plan: planCreate('crm', snapshot) }]
}

/**
 * Whether an invitation's record is told to a colleague, or was just joined by one: whoever was taken off the meeting has a
 * copy that nobody changes any more. Nobody is waited for for ever.
 */
async function isColleagues(run: Run, batch: Batch, { row, snapshot }: Stranger, record: Snapshot): Promise<boolean> {
  if (snapshot.traits?.invited !== true || row.attempts >= HOST_ATTEMPTS) return false
  const told = [...batch.place('event', record.assignee), ...invitedMailboxes(run.engine.directory(), record.item)]
  if (told.some((lane) => lane !== run.lane)) return true
  return (await run.engine.store.transaction((tx) => tx.copiesByRecord([record.id]))).length > 0
}

/** The record was deleted or given away and this item was left alone on purpose: an edit does not bring it back. */
async function wasLetGo(run: Run, batch: Batch, { row }: Stranger): Promise<boolean> {
  const tombstone = batch.tombstones.get(row.id)
  if (tombstone?.reason !== 'unlinked') return false
  const [record] = await look(run, 'crm', row.kind, [{ id: tombstone.record, copy: null }])
  return record?.type !== 'seen'
}

/** What stayed when its record went to nobody with a mailbox is that record's, whatever it is called since. */
async function leftBehind(run: Run, batch: Batch, { row, snapshot }: Stranger): Promise<Work | Aside | null> {
  const tombstone = batch.tombstones.get(row.id)
  if (tombstone?.reason !== 'ownerless' || tombstone.item !== row.id) return null
  const [record] = await look(run, 'crm', row.kind, [{ id: tombstone.record, copy: null }])
  if (record?.type !== 'seen' || record.snapshot.unsupported !== undefined || !belongsHere(run, batch, record.snapshot, row.kind)) return skip(row, 'moved-away')
  return matched(run, batch, row, await withOwnWords(run, snapshot, record.snapshot), record.snapshot, snapshot)
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
  if (await isCopied(run, batch, row, snapshot, record.snapshot)) {
    // Its original waits in this very batch: the record is that one's, also where the two look the same.
    used.add(stamp.record)
    return null
  }
  if (!(await isSame(run, snapshot, record.snapshot))) return null
  // An organizer's meeting stays in his calendar, whoever is responsible for the record.
  if (!isMeeting(snapshot.traits ?? {}) && !belongsHere(run, batch, record.snapshot, row.kind)) return [skip(row, 'moved-away')]
  // Its own row may wait in this very batch: met as a stranger it would be made once more.
  used.add(stamp.record)
  return [matched(run, batch, row, await withOwnWords(run, snapshot, record.snapshot), record.snapshot, snapshot)]
}

/** A private item that began in the CRM was masked as a stranger; its record, now that it is found, knows the words. */
async function withOwnWords(run: Run, snapshot: Snapshot, record: Snapshot): Promise<Snapshot> {
  if (snapshot.stamp?.born === undefined) return snapshot
  const own = { ...snapshot, traits: { ...snapshot.traits, fromCrm: true } }
  if (snapshot.traits?.masked !== true || run.policy.availabilityOnly === true) return own
  const [found] = await run.exchange.get(snapshot.item.kind, [snapshot.id])
  // What has no UID tells a pasted copy in no other way.
  if (found?.type !== 'seen' || (snapshot.uid === undefined && naturalKey(found.snapshot.item) !== naturalKey(record.item))) return snapshot
  return { ...found.snapshot, traits: { ...found.snapshot.traits, fromCrm: true } }
}

/** Whether a copy and paste and its original, both with one stamp, are found anew together, and this is the copy. */
async function isCopied(run: Run, batch: Batch, row: InboxRow, { stamp, uid }: Snapshot, crm: Snapshot): Promise<boolean> {
  const twins = batch.rows.filter(({ id, side, sighting }) =>
    side === 'exchange' && id !== row.id && !batch.byItem.has(id) && sighting.type === 'seen' && sighting.snapshot.stamp?.token === stamp?.token)
  if (twins.length === 0 || stamp === undefined) return false
  if (uid !== undefined && uid === crm.uid) return false
  if (twins.some(({ sighting }) => sighting.type === 'seen' && sighting.snapshot.uid !== undefined && sighting.snapshot.uid === crm.uid)) return true
  // The older one is the original.
  const original = await run.exchange.locate(row.kind, stamp.token, null)
  return original.where !== 'synced' || original.snapshot.id !== row.id
}

/**
 * A stamp alone proves nothing, because copy and paste carries it along (rule R-19): the UID has to agree where both sides
 * know one (the CRM may hold it cut), and what was let go of is only taken back when a person would recognise it.
 */
async function isSame(run: Run, exchange: Snapshot, crm: Snapshot): Promise<boolean> {
  // A record of a set that fitted no rule, or an occurrence made again, is a single event with a UID of its own.
  const isOfSet = crm.uid !== undefined && splitUid(crm.uid).slot > 0 && exchange.traits?.occurrence !== true
  const hasOwn = isOfSet || exchange.stamp?.born === bornWith(null)
  if (exchange.uid !== undefined && crm.uid !== undefined && !hasOwn) return exchange.uid === crm.uid || (crm.uid.length > 100 && exchange.uid.startsWith(crm.uid))
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
  // A move keeps the UID, a copy gets its own; what has none is recognised as a person would. What we made in the cloud
  // brings along the UID that it was given there.
  const uid = uidInExchange({ link, copy })
  const isIt = uid !== null && snapshot.uid !== undefined ? uid === snapshot.uid || copy.traits.invitationUid === snapshot.uid : naturalKey(copy.base.exchange) === naturalKey(snapshot.item)
  if (!isIt) return null
  const [before] = await look(run, 'exchange', row.kind, [{ id: copy.exchange.id, copy }])
  if (before?.type !== 'gone') return null
  const moved = { ...copy, exchange: { id: row.id, changeKey: UNKNOWN_KEY }, referenced: false }
  await run.engine.store.transaction((tx) => tx.saveCopies([{ link, copy: moved }]), run.fence)
  return [{ type: 'defer', row, until: run.engine.clock.now() }]
}

/**
 * A meeting that is recorded already: this copy is known, and only its answer is kept in step. The organizer's own copy
 * takes the place of an attendee's, because it is the one that can be changed.
 */
async function joinMeeting(run: Run, { row, snapshot }: Stranger, { link, copy }: LinkedCopy): Promise<(Work | Aside)[]> {
  const takesOver = snapshot.traits?.invited !== true && copy.role === 'home' && copy.traits.invited === true
  if (takesOver) await run.engine.store.transaction((tx) => tx.saveCopies([{ link, copy: { ...copy, role: 'shadow' } }]), run.fence)
  const own = newCopy(run, row.kind, snapshot, null, takesOver ? 'home' : 'shadow').copy
  // The organizer's copy may have moved on since the attendee's was recorded: against that base it shows, once it is read.
  const joined = takesOver
    ? { ...own, exchange: { id: snapshot.id, changeKey: UNKNOWN_KEY }, crm: { id: link.record, changeKey: UNKNOWN_KEY }, base: copy.base }
    : { ...own, crm: { id: link.record, changeKey: UNKNOWN_KEY }, base: { exchange: snapshot.item, crm: copy.base.crm } }
  const plan = { writes: [], clashes: [], ending: { type: 'keep', base: joined.base } as const, reason: 'the same meeting in another mailbox' }
  return [{ linked: { link, copy: joined }, isNew: true, rows: [row], exchange: takesOver ? { type: 'quiet' } : row.sighting, crm: { type: 'quiet' }, plan, again: true }]
}

async function meetCrm(run: Run, batch: Batch, stranger: Stranger, used: Set<ItemId>): Promise<(Work | Aside)[]> {
  const { engine, lane } = run
  const { row, snapshot } = stranger
  if (await isBeingMade(run, batch, stranger)) return [{ type: 'defer', row, until: soon(run, row) }]
  const isGuest = !batch.place(row.kind, snapshot.assignee).includes(lane)
  const welcome = isGuest ? welcomeGuest(run, batch, stranger) : null
  if (welcome !== null) return [welcome]
  if (run.exchange.lacks?.(row.kind) === true) return [skip(row, 'no-place', instant(instantMs(engine.clock.now()) + DAY_MS))]
  const buried = await byTombstone(run, batch, stranger)
  if (buried !== null) return [buried]
  const ofSet = isGuest ? ({ type: 'no-set' } as const) : await meetSet(run, batch, stranger)
  if (ofSet.type === 'done') return ofSet.works
  // Its item here waits for another mailbox to join first: made anew it would be there twice.
  const twin = batch.alike.find(({ side, sighting }) => side === 'exchange' && sighting.type === 'seen' && sighting.snapshot.uid !== undefined && sighting.snapshot.uid === snapshot.uid)
  if (twin?.sighting.type === 'seen' && isMeeting(twin.sighting.snapshot.traits ?? {}) && (await isOthersTurn(run, { row: twin, snapshot: twin.sighting.snapshot }))) {
    return [{ type: 'defer', row, until: soon(run, row) }]
  }
  const found = matchUnlinked(run, batch, stranger, used)
  if (found !== null) return found
  if (['to-crm', 'off'].includes(run.policy.direction[row.kind])) return [skip(row, 'direction')]
  const unwanted = isUnwanted(snapshot, run.policy)
  if (unwanted !== null) return [skip(row, unwanted)]
  const window = inWindow(snapshot.item, engine.clock.now(), run.policy)
  if (!window.in) return [skip(row, 'outside-window', window.enterAt)]
  // One of a set that is no series: the UID belongs to the set, and the event gets its own.
  const { uid: _shared, ...own } = snapshot
  const single = ofSet.type === 'single' ? own : snapshot
  const fresh = newCopy(run, row.kind, null, single, isGuest ? 'guest' : 'home')
  const linked = { link: batch.siblings.get(row.id)?.[0]?.link ?? fresh.link, copy: fresh.copy }
  const was = ofSet.type === 'single' ? ofSet.was : undefined
  return [{ linked, isNew: true, rows: [row], exchange: { type: 'quiet' }, crm: { type: 'seen', snapshot: single }, plan: withWhatItWas(run, planCreate('exchange', single), single.item, was) }]
}

/** What the CRM does not hold of an occurrence that became an event of its own comes along. */
function withWhatItWas({ holds }: Run, plan: Plan, record: Item, was: Item | undefined): Plan {
  if (was === undefined) return plan
  const [told, held] = [fieldsOf(record), fieldsOf(holds.crm(was))]
  const kept = Object.entries(fieldsOf(was)).filter(([name]) => told[name as FieldName] === undefined || sameValue(told[name as FieldName], held[name as FieldName]))
  const item = withFields(record, Object.fromEntries(kept))
  return { ...plan, writes: [{ type: 'create', on: 'exchange', item }], ending: { type: 'keep', base: { exchange: item, crm: record } } }
}

const belongsHere = (run: Run, batch: Batch, record: Snapshot, kind: InboxRow['kind']): boolean =>
  batch.place(kind, record.assignee).includes(run.lane) || isInvited(run, record)

const isInvited = (run: Run, record: Snapshot): boolean => invitedMailboxes(run.engine.directory(), record.item).includes(run.lane)

/**
 * Whether the record gets a copy in the calendar of somebody it only invites.
 * @returns what happens instead; null when it does
 */
function welcomeGuest(run: Run, batch: Batch, { row, snapshot }: Stranger): Aside | null {
  const { engine } = run
  if (run.policy.meetings !== 'copies' || row.kind !== 'event' || !isInvited(run, snapshot)) return { type: 'drop', row }
  const siblings = batch.siblings.get(row.id) ?? []
  // A real meeting: Exchange itself puts it into the calendars of those who were invited.
  if (siblings.some(({ copy }) => isMeeting(copy.traits))) return { type: 'drop', row }
  const hosts = batch.place(row.kind, snapshot.assignee)
  const isHosted = hosts.length === 0 || siblings.some(({ copy }) => copy.role === 'home')
  // Whose event it is decides first whether it is a meeting; with nobody to decide it waits in vain, but not for ever.
  if (!isHosted && row.attempts < HOST_ATTEMPTS) return { type: 'defer', row, until: instant(instantMs(engine.clock.now()) + 1000 * 2 ** row.attempts) }
  return null
}

const HOST_ATTEMPTS = 8

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

function matched(run: Run, batch: Batch, row: InboxRow, met: Snapshot, crm: Snapshot, counterpart: Snapshot): Work {
  const { engine } = run
  const exchange = run.policy.availabilityOnly === true ? withWordsOfRecord(met, crm) : met
  const rows = [row, ...batch.alike.filter((like) => like.id === counterpart.id), ...batch.rows.filter((one) => one !== row && (one.id === exchange.id || one.id === crm.id))]
  const stamp = exchange.stamp?.instance === engine.instance && exchange.stamp.record === crm.id ? exchange.stamp : null
  const isGuest = !batch.place(row.kind, crm.assignee).includes(run.lane) && exchange.traits?.invited !== true && isInvited(run, crm)
  const fresh = newCopy(run, row.kind, exchange, crm, isGuest ? 'guest' : 'home')
  const copy = { ...fresh.copy, stamped: fresh.copy.stamped || stamp !== null, token: stamp?.token ?? fresh.copy.token, referenced: crm.reference === exchange.id }
  return {
    // Another mailbox's copy of the same record is a sibling under the same link.
    linked: { link: batch.siblings.get(crm.id)?.[0]?.link ?? fresh.link, copy },
    isNew: true,
    rows: [...new Map(rows.map((one) => [`${one.side}/${one.id}`, one])).values()],
    exchange: { type: 'seen', snapshot: exchange },
    crm: { type: 'seen', snapshot: crm },
    plan: planMatch(row.kind, exchange, crm, { policy: run.policy, holds: run.holds, owner: run.owner, role: copy.role }),
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
