import { instant, instantMs, naturalKey, splitOccurrenceId, splitUid, withFields } from '../../model/index.ts'
import type { EventFields, EventTime, InboxRow, Instant, Item, LinkedCopy, OccurrenceStart, SetMember, Snapshot } from '../../model/index.ts'
import { inferSeries } from '../../recurrence/index.ts'
import { inWindow, isMeeting, plan, planCreate, planMatch, withWordsOfRecord } from '../../sync/index.ts'
import type { Run } from '../context.ts'
import type { Stranger } from '../first-contact.ts'
import { look } from '../look.ts'
import type { Batch } from '../reconcile.ts'
import { newCopy, UNKNOWN_KEY } from '../work.ts'
import type { Aside, Work } from '../work.ts'

export type SetVerdict =
  | { readonly type: 'done'; readonly works: (Work | Aside)[] }
  /** Of a set, but an event of its own in Exchange. @param was the occurrence that it was until now */
  | { readonly type: 'single'; readonly was?: Item }
  | { readonly type: 'no-set' }

/** How long the first record of a series made in the CRM waits for the others. */
const PATIENCE_MS = 30_000

/**
 * A record that shares its UID with others: a series made in the CRM. Where the dates of all fit a rule exactly, the whole
 * set becomes one Exchange series; where not, each record becomes an event of its own.
 */
export async function meetSet(run: Run, batch: Batch, { row, snapshot }: Stranger): Promise<SetVerdict> {
  if (row.kind !== 'event' || snapshot.uid === undefined) return { type: 'no-set' }
  const { uid, slot } = splitUid(snapshot.uid)
  const present = await run.exchange.occurrence(snapshot.uid)
  if (present.known) {
    const isBack = wasTakenAlong(batch, row)
    // What we deleted ourselves is in what was last read of the series until the next pull.
    const occurrence = isBack && present.snapshot !== null ? await asItIsNow(run, present.snapshot) : present.snapshot
    if (occurrence !== null && !(await isTaken(run, occurrence))) return done(join(run, batch, row, snapshot, occurrence, present.fromCrm))
    if (isDeleted(present.deleted, snapshot) && !isBack) return done({ type: 'skip', row, reason: 'user-deleted', enterAt: null, uid: snapshot.uid })
    return { type: 'single', ...(occurrence === null && present.snapshot !== null && present.snapshot.traits?.masked !== true ? { was: present.snapshot.item } : {}) }
  }
  if (slot === 0 && snapshot.traits?.repeats === undefined && !batch.rows.some((other) => isOfSet(other, uid))) return { type: 'no-set' }
  const { records: set, askedAt } = await setOf(run, batch, uid)
  if (set.length < 2) {
    const age = instantMs(run.engine.clock.now()) - instantMs(snapshot.modifiedAt)
    if (slot === 0 && !run.engine.mode.once && age < PATIENCE_MS) return done({ type: 'defer', row, until: soon(run, 5000) })
    return slot === 0 ? { type: 'no-set' } : { type: 'single' }
  }
  if (await isLinked(run, set)) return { type: 'single' }
  const rule = ruleOf(run, set)
  if (rule === null || !set.every(({ assignee }) => assignee === snapshot.assignee)) return { type: 'single' }
  const { clock } = run.engine
  // As of one moment: while the batch is planned the window moves on, and a set has one leader.
  const leader = set.find(({ item }) => inWindow(item, askedAt, run.policy).in)
  if (leader === undefined) return { type: 'single' }
  if (leader.id !== snapshot.id) return done({ type: 'defer', row, until: batch.rows.some(({ id, side }) => side === 'crm' && id === leader.id) ? clock.now() : soon(run, 1000) })
  const fresh = newCopy(run, row.kind, null, snapshot)
  const linked = { link: batch.siblings.get(row.id)?.[0]?.link ?? fresh.link, copy: fresh.copy }
  const series = { ...rule, exceptions: [], deleted: [] }
  const members = set.filter(({ id }) => id !== snapshot.id).map(memberOf)
  return done({ linked, isNew: true, rows: [row], exchange: { type: 'quiet' }, crm: row.sighting, plan: planCreate('exchange', snapshot), series, members })
}

const memberOf = ({ id, uid, bornAt }: Snapshot): SetMember => ({ id, slot: splitUid(uid ?? '').slot, ...(bornAt === undefined ? {} : { bornAt }) })

/**
 * The copies of the other records of a set, now that the series they become exists. Agreed on is what was meant: whatever a
 * side says differently is an edit, and what was deleted meanwhile is a deletion.
 */
export async function membersOf(run: Run, leader: LinkedCopy, members: readonly SetMember[]): Promise<LinkedCopy[]> {
  const { uid } = leader.link
  if (members.length === 0 || uid === null) return []
  const occurrences = new Map((await run.exchange.occurrences(splitUid(uid).uid)).map((one) => [splitOccurrenceId(one.id).slot, one] as const))
  const present = await run.engine.store.transaction((tx) => tx.copiesByRecord(members.map(({ id }) => id)))
  return members.flatMap(({ id, slot, bornAt }) => {
    const exchange = occurrences.get(slot)
    if (exchange === undefined || present.some(({ link, copy }) => link.record === id && copy.mailbox === run.lane)) return []
    const { link, copy } = newCopy(run, 'event', exchange, null)
    const sibling = present.find((one) => one.link.record === id)?.link
    const meant = withFields(leader.copy.base.exchange, { time: timeOf(exchange) ?? null })
    return [{
      link: sibling ?? { ...link, record: id, bornAt: bornAt ?? null, assignee: leader.link.assignee },
      copy: {
        ...copy, exchange: { id: exchange.id, changeKey: UNKNOWN_KEY }, crm: { id, changeKey: UNKNOWN_KEY },
        base: { exchange: meant, crm: withFields(leader.copy.base.crm, { time: timeOf(exchange) ?? null }) },
      },
    }]
  })
}

const done = (...works: (Work | Aside)[]): SetVerdict => ({ type: 'done', works })
const soon = (run: Run, ms: number) => instant(instantMs(run.engine.clock.now()) + ms)

const isOfSet = (row: InboxRow, uid: string): boolean =>
  row.side === 'crm' && row.sighting.type === 'seen' && row.sighting.snapshot.uid !== undefined && row.sighting.snapshot.uid !== uid &&
  splitUid(row.sighting.snapshot.uid).uid === uid

/** Another record stands for that occurrence already: the CRM has two with one number. */
async function isTaken(run: Run, occurrence: Snapshot): Promise<boolean> {
  return (await run.engine.store.transaction((tx) => tx.copiesByItem(run.lane, [occurrence.id]))).length > 0
}

async function isLinked(run: Run, set: readonly Snapshot[]): Promise<boolean> {
  const copies = await run.engine.store.transaction((tx) => tx.copiesByRecord(set.map(({ id }) => id)))
  return copies.some(({ copy }) => copy.mailbox === run.lane)
}

/** Only a set without gaps: a rule with holes would bring back what somebody deleted. */
function ruleOf(run: Run, set: readonly Snapshot[]) {
  const slots = set.map(({ uid }) => splitUid(uid ?? '').slot)
  if (!slots.every((slot, index) => slot === index)) return null
  const times = set.flatMap((one): EventTime[] => {
    const time = timeOf(one)
    return time === undefined ? [] : [time]
  })
  return times.length === set.length ? inferSeries(times, run.mailbox.zone, set[0]?.traits?.repeats) : null
}

const timeOf = ({ item }: Snapshot): EventTime | undefined => (item.fields as Partial<EventFields>).time

/** Whether the record stands where somebody deleted the occurrence in Exchange. */
function isDeleted(deleted: readonly OccurrenceStart[], record: Snapshot): boolean {
  const time = timeOf(record)
  return time !== undefined && deleted.includes(time.allDay ? time.firstDay : time.start)
}

/** Its occurrence was deleted because the record was deleted or given away: nobody in Exchange wanted that. */
function wasTakenAlong({ tombstones }: Batch, { id }: InboxRow): boolean {
  const reason = tombstones.get(id)?.reason
  return reason === 'deleted' || reason === 'reassigned'
}

async function asItIsNow(run: Run, { id }: Snapshot): Promise<Snapshot | null> {
  const [found] = await look(run, 'exchange', 'event', [{ id, copy: null }])
  return found?.type === 'seen' ? found.snapshot : null
}

interface AskedSet {
  readonly records: readonly Snapshot[]
  readonly askedAt: Instant
}

const sets = new WeakMap<Batch, Map<string, Promise<AskedSet>>>()

/** All records with this UID: asked once per batch, so that what is decided for one of them is decided for all. */
function setOf(run: Run, batch: Batch, uid: string): Promise<AskedSet> {
  const { crm, clock } = run.engine
  const asked = sets.get(batch) ?? new Map<string, Promise<AskedSet>>()
  sets.set(batch, asked)
  const set = asked.get(uid) ?? crm.set(uid).then((records) => ({ records, askedAt: clock.now() }))
  asked.set(uid, set)
  return set
}

/**
 * The record that nobody here linked of something that carries no stamp, or whose record is another's, an occurrence or a
 * meeting: before one is made the CRM is asked, once per UID and batch. `isHere` tells whether it is one of this mailbox, or
 * was given away.
 */
export async function recordOf(run: Run, batch: Batch, exchange: Snapshot): Promise<{ readonly record: Snapshot; readonly isHere: boolean } | null> {
  if (exchange.uid === undefined || !isUnstamped(exchange)) return null
  const { uid, slot } = splitUid(exchange.uid)
  const { records } = await setOf(run, batch, uid)
  // Of a series somebody may know one date only, under the UID of all.
  const isSure = exchange.traits?.occurrence === true || slot > 0 || records.length === 1
  const key = naturalKey(exchange.item)
  const record = records.find((one) => (isSure ? one.uid === exchange.uid : key !== null && naturalKey(one.item) === key))
  if (record === undefined || (await isLinked(run, [record]))) return null
  return { record, isHere: batch.place('event', record.assignee).includes(run.lane) }
}

const isUnstamped = ({ traits = {} }: Snapshot): boolean => traits.occurrence === true || isMeeting(traits)

/** What `recordOf` will ask for the meetings of a batch is asked side by side; whom an answer fails finds out later. */
export async function askForRecords(run: Run, batch: Batch, meetings: readonly Snapshot[]): Promise<void> {
  const uids = new Set(meetings.flatMap((one) => (one.uid === undefined || !isUnstamped(one) ? [] : [splitUid(one.uid).uid])))
  await Promise.allSettled([...uids].map((uid) => setOf(run, batch, uid)))
}

/** The record and the occurrence were made for each other; what the record says beyond the rule is an edit of it. */
function join(run: Run, batch: Batch, row: InboxRow, crm: Snapshot, met: Snapshot, fromCrm: boolean): Work {
  const exchange = run.policy.availabilityOnly === true ? withWordsOfRecord(met, crm) : met
  const { engine, holds } = run
  const fresh = newCopy(run, row.kind, exchange, crm)
  const linked = { link: batch.siblings.get(row.id)?.[0]?.link ?? fresh.link, copy: fresh.copy }
  const sightings = { exchange: { type: 'seen', snapshot: exchange }, crm: { type: 'seen', snapshot: crm } } as const
  const copy = { ...linked.copy, base: { exchange: exchange.item, crm: holds.crm(exchange.item) } }
  const made = fromCrm
    ? plan({ kind: row.kind, copy, ...sightings, policy: run.policy, holds, now: engine.clock.now(), owner: run.owner })
    : planMatch(row.kind, exchange, crm, { policy: run.policy, holds, owner: run.owner })
  const rows = [row, ...batch.rows.filter((one) => one.side === 'exchange' && one.id === exchange.id)]
  return { linked: { ...linked, copy }, isNew: true, rows, ...sightings, plan: made }
}
