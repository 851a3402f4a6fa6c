import { instant, instantMs, occurrenceId, splitOccurrenceId, splitUid, withFields } from '../../model/index.ts'
import type { ChangeKey, Instant, ItemId, ItemKind, OccurrenceStart, Policy, Slot, Snapshot, SyncState } from '../../model/index.ts'
import type {
  Change, ChangePage, Clock, CreateQuery, CreateRequest, Crm, Exchange, Fence, Found, KnownKeys, Located, SeriesRow,
  Store, Tx, WriteOutcome,
} from '../../ports.ts'
import { isSecret, mask, withKnownWords } from '../../sync/index.ts'
import { isBorn } from '../born.ts'
import { UNKNOWN_KEY } from '../work.ts'
import { numbering } from './numbers.ts'
import { allSlots, asMade, isMaster, occurrenceOf } from './unfold.ts'
import type { Draft, MasterSnapshot } from './unfold.ts'
import { seriesWrites } from './writes.ts'

export interface SeriesOptions {
  readonly raw: Exchange
  readonly lane: SeriesRow['lane']
  readonly store: Store
  readonly crm: Pick<Crm, 'set'>
  readonly fence: Fence
  readonly clock: Clock
  readonly policy: Policy
}

/** A mailbox as the engine sees it: every occurrence of a series is an item of its own. */
export interface SeriesExchange extends Exchange {
  /** Masters whose window moved on, that a hint named, or that were not compared for a day. Null when there are none. */
  pullDue(known: KnownKeys): Promise<Pick<Extract<ChangePage, { type: 'page' }>, 'changes'> & { also(tx: Tx): Promise<void> } | null>
  /** An occurrence by its composed UID, as last read; `known` tells whether this mailbox has the series at all. */
  occurrence(uid: string): Promise<{ readonly known: boolean; readonly fromCrm: boolean; readonly snapshot: Snapshot | null; readonly deleted: readonly OccurrenceStart[] }>
  /** Every occurrence that has a number, of the series with this UID, as the rule alone has it. */
  occurrences(uid: string): Promise<readonly Snapshot[]>
}

/** A master is compared with the server this often although nothing told of a change: some servers never tell. */
const COMPARE_MS = 86_400_000
const DUE_AT_ONCE = 50
const NEVER = '9999-12-31T00:00:00Z' as Instant

/** Where a series is, with its master when that is where we look. */
interface Place {
  readonly located: Located
  readonly draft: Draft | null
}

/**
 * Adapters speak of masters; the CRM, and so the engine, of occurrences. In between stands what we remember of each
 * master: which number stands for which occurrence.
 */
export function withSeries(options: SeriesOptions): SeriesExchange {
  const { raw, lane, store, fence, clock, policy } = options
  const numbers = numbering(options)
  /** Where a master went is asked once, not once per occurrence, as long as nothing is written. */
  const located = new Map<string, Promise<Place>>()

  const rowsOf = (ids: readonly ItemId[]) => store.transaction((tx) => tx.series(lane, [...new Set(ids.map((id) => splitOccurrenceId(id).master))]))

  /** What is linked is not left out any more when it becomes private: it stays as a block. */
  const ruleFor = (row: SeriesRow | undefined): Policy =>
    policy.privateItems === 'skip' && row !== undefined && row.snapshot.unsupported === undefined ? { ...policy, privateItems: 'mask' } : policy

  /** @param made just now, by us: every occurrence has a record, inside the window or not */
  async function draftOf(fresh: MasterSnapshot, row: SeriesRow | undefined, made = false): Promise<Draft> {
    const fromCrm = made || (row?.fromCrm ?? false)
    const now = clock.now()
    // A series that was private in the CRM from the start keeps the words it has there.
    const began = fromCrm || isBorn(fresh.stamp ?? row?.snapshot.stamp, fresh)
    const isMasked = row?.snapshot.traits?.masked === true
    const keepsWords = began && !isMasked && (row === undefined ? made || policy.availabilityOnly !== true : isSecret(row.snapshot.item))
    const isKnown = policy.availabilityOnly === true && began && row !== undefined && !isMasked
    const shown = isKnown ? withKnownWords(fresh, row.snapshot.item, row.snapshot.series) : keepsWords ? fresh : mask(fresh, null, ruleFor(row))
    const master = (began ? { ...shown, traits: { ...shown.traits, fromCrm: true } } : shown) as MasterSnapshot
    const known = made ? { slots: allSlots(master.series), series: master.series } : await numbers.numbersOf(master, row)
    const { slots, occurrences, nextAt } = await numbers.unfolded(master, known, now)
    const compareAt = instant(instantMs(now) + COMPARE_MS)
    const isOver = nextAt === null && occurrences.length === 0
    const dueAt = isOver ? NEVER : nextAt !== null && nextAt < compareAt ? nextAt : compareAt
    return {
      // Told as a single event before, perhaps: that is no longer there.
      master, occurrences, gone: row !== undefined ? goneOf(row, slots) : slots.some(({ slot }) => slot === 0) ? [] : [master.id],
      row: { lane, master: master.id, uid: master.uid ?? null, snapshot: master, slots, dueAt, readAt: now, fromCrm },
    }
  }

  async function changesOf(drafts: readonly Draft[], known: KnownKeys): Promise<Change[]> {
    const all = drafts.flatMap(({ occurrences }) => occurrences)
    const keys = await known(all.map(({ id }) => id))
    const seen = all.filter(({ id, changeKey }) => keys.get(id) !== changeKey).map((snapshot): Change => ({ type: 'seen', snapshot }))
    return [...seen, ...drafts.flatMap(({ gone }) => gone.map((id): Change => ({ type: 'gone', id })))]
  }

  async function pull(kind: ItemKind, since: SyncState | null, known: KnownKeys): Promise<ChangePage> {
    if (kind !== 'event') return raw.pull(kind, since, known)
    const page = await raw.pull(kind, since, async (ids) => {
      const keys = new Map<ItemId, ChangeKey>(await known(ids))
      for (const row of await rowsOf(ids)) keys.set(row.master, row.snapshot.changeKey)
      return keys
    })
    if (page.type !== 'page') return page
    const rows = new Map((await rowsOf(page.changes.map(idOf))).map((row) => [row.master, row] as const))
    const drafts: Draft[] = []
    const plain: Change[] = []
    const removed: ItemId[] = []
    for (const change of page.changes) {
      const row = rows.get(idOf(change))
      if (change.type === 'seen' && isMaster(change.snapshot)) {
        drafts.push(await draftOf(change.snapshot, row))
        continue
      }
      plain.push(change)
      if (row === undefined || change.type === 'broken') continue
      // The series is no longer one, or its master vanished: so did all its other occurrences.
      for (const { slot } of row.slots) if (slot !== 0) plain.push({ type: 'gone', id: idAt(row, slot) })
      if (change.type === 'seen') removed.push(row.master)
    }
    const changes = [...plain, ...(await changesOf(drafts, known))]
    return { ...page, changes, also: (tx) => record(tx, drafts, removed) }
  }

  async function record(tx: Tx, drafts: readonly Draft[], removed: readonly ItemId[]): Promise<void> {
    for (const { row } of drafts) {
      if (row.uid === null) continue
      // The same series under an earlier id handed its numbers over.
      const old = (await tx.seriesByUid(row.uid)).filter((one) => one.lane === lane && one.master !== row.master)
      await tx.removeSeries(lane, old.map(({ master }) => master))
    }
    await tx.removeSeries(lane, removed)
    await tx.saveSeries(drafts.map(({ row }) => row))
  }

  async function pullDue(known: KnownKeys) {
    const now = clock.now()
    const due = await store.transaction((tx) => tx.seriesDue(lane, now, DUE_AT_ONCE))
    if (due.length === 0) return null
    const stale = due.filter((row) => instantMs(now) - instantMs(row.readAt) >= COMPARE_MS)
    const found = stale.length === 0 ? [] : await raw.get('event', stale.map((row) => row.master))
    const drafts: Draft[] = []
    const changes: Change[] = []
    const removed: ItemId[] = []
    const postponed: SeriesRow[] = []
    for (const row of due) {
      const answer = found[stale.indexOf(row)]
      if (answer?.type === 'failed') {
        if (answer.error.scope !== 'item') throw answer.error
        postponed.push({ ...row, dueAt: instant(instantMs(now) + 900_000) })
      } else if (answer === undefined || (answer.type === 'seen' && isMaster(answer.snapshot))) {
        const fresh = answer === undefined ? (row.snapshot as MasterSnapshot) : (answer.snapshot as MasterSnapshot)
        const draft = await draftOf(fresh, row)
        drafts.push(answer === undefined ? { ...draft, row: { ...draft.row, readAt: row.readAt, dueAt: earlier(draft.row.dueAt, instant(instantMs(row.readAt) + COMPARE_MS)) } } : draft)
      } else {
        removed.push(row.master)
        if (answer.type === 'seen') changes.push({ type: 'seen', snapshot: answer.snapshot })
        for (const { slot } of row.slots) if (slot !== 0 || answer.type === 'gone') changes.push({ type: 'gone', id: idAt(row, slot) })
      }
    }
    changes.push(...(await changesOf(drafts, known)))
    return {
      changes,
      also: async (tx: Tx) => {
        await record(tx, drafts, removed)
        await tx.saveSeries(postponed)
      },
    }
  }

  /** The masters behind some ids as they are now; ids of single events are their own. */
  async function masters(kind: ItemKind, ids: readonly ItemId[]) {
    const rows = new Map((kind === 'event' ? await rowsOf(ids) : []).map((row) => [row.master, row] as const))
    const wanted = [...new Set(ids.map((id) => splitOccurrenceId(id).master))]
    const found = await raw.get(kind, wanted)
    const answers = new Map<ItemId, { readonly found: Found; readonly draft: Draft | null }>()
    for (const [index, master] of wanted.entries()) {
      const one = found[index] ?? { type: 'gone' as const }
      const draft = one.type === 'seen' && isMaster(one.snapshot) ? await draftOf(one.snapshot, rows.get(master)) : null
      answers.set(master, { found: one, draft })
    }
    return answers
  }

  async function get(kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Found[]> {
    if (kind !== 'event') return raw.get(kind, ids)
    const answers = await masters(kind, ids)
    return ids.map((id): Found => {
      const { master, slot } = splitOccurrenceId(id)
      const { found, draft } = answers.get(master) ?? { found: { type: 'gone' as const }, draft: null }
      if (draft === null) return found.type === 'seen' && slot !== 0 ? { type: 'gone' } : found
      const one = occurrenceOf(draft.master, draft.row.slots, slot)
      return one === null ? { type: 'gone' } : { type: 'seen', snapshot: one.snapshot }
    })
  }

  async function create(requests: readonly CreateRequest[]): Promise<readonly WriteOutcome[]> {
    const plain = await Promise.all(requests.map(plainRequest))
    const outcomes = await raw.create(plain)
    return Promise.all(outcomes.map((outcome, index) => settleCreate(requests[index], plain[index], outcome)))
  }

  /** An occurrence cannot be undeleted: made again, it is an event of its own, with a UID of its own. */
  async function plainRequest(request: CreateRequest): Promise<CreateRequest> {
    if (request.item.kind !== 'event' || request.uid === undefined) return request
    const { uid, slot } = splitUid(request.uid)
    const { uid: _own, ...rest } = request
    if (request.series !== undefined) return { ...rest, uid, item: withFields(request.item, { time: request.series.time }) }
    const isTaken = slot !== 0 || (await store.transaction((tx) => tx.seriesByUid(uid))).some((row) => row.lane === lane)
    return isTaken ? rest : request
  }

  async function settleCreate(request: CreateRequest | undefined, sent: CreateRequest | undefined, outcome: WriteOutcome): Promise<WriteOutcome> {
    if (outcome.type !== 'done' || request === undefined || sent?.series === undefined) return outcome
    const master: MasterSnapshot = { ...outcome.snapshot, series: outcome.snapshot.series ?? sent.series }
    const marks = { ...(sent.uid === undefined ? {} : { uid: sent.uid }), ...(sent.stamp === undefined ? {} : { stamp: sent.stamp }) }
    const draft = await draftOf({ ...marks, ...master }, undefined, true)
    await store.transaction((tx) => record(tx, [asFirstTold(draft)], []), fence)
    const made = occurrenceOf(draft.master, draft.row.slots, splitUid(request.uid ?? '').slot)
    return made === null ? outcome : { type: 'done', snapshot: made.snapshot }
  }

  async function locate(kind: ItemKind, token: CreateQuery['token'], composed: string | null): Promise<Located> {
    if (kind !== 'event' || composed === null) return raw.locate(kind, token, composed)
    const { uid, slot } = splitUid(composed)
    const row = (await store.transaction((tx) => tx.seriesByUid(uid))).find((one) => one.lane === lane)
    if (row === undefined && slot === 0) return raw.locate(kind, token, composed)
    const place = await (located.get(uid) ?? remember(uid, whereIs(uid, token, row)))
    if (place.located.where !== 'synced') return place.located
    // The series is there and says it has this occurrence no longer: that is proof enough.
    if (place.draft === null) return slot === 0 ? place.located : { where: 'deleted-items' }
    const one = occurrenceOf(place.draft.master, place.draft.row.slots, slot)
    return one === null ? { where: 'deleted-items' } : { where: 'synced', snapshot: one.snapshot }
  }

  function remember(uid: string, place: Promise<Place>): Promise<Place> {
    located.set(uid, place)
    return place
  }

  async function whereIs(uid: string, token: CreateQuery['token'], row: SeriesRow | undefined): Promise<Place> {
    const found = row === undefined ? null : ((await raw.get('event', [row.master]))[0] ?? null)
    if (found?.type === 'failed') throw found.error
    // Only the master carries a stamp, with the token of whichever occurrence it was made for.
    const place: Located = found?.type === 'seen' ? { where: 'synced', snapshot: found.snapshot } : await raw.locate('event', row?.snapshot.stamp?.token ?? token, uid)
    if (place.where !== 'synced' || !isMaster(place.snapshot)) return { located: place, draft: null }
    if (row !== undefined && row.master !== place.snapshot.id) await alsoKnownAs(row, place.snapshot.id)
    return { located: place, draft: await draftOf(place.snapshot, row?.master === place.snapshot.id ? row : undefined) }
  }

  /** Its dates are linked under the new id before a pull tells of it: should it be no series by then, they have to be told as gone. */
  async function alsoKnownAs(row: SeriesRow, master: ItemId): Promise<void> {
    await store.transaction(async (tx) => {
      if ((await tx.series(lane, [master])).length > 0) return
      await tx.saveSeries([{ ...row, master, snapshot: { ...row.snapshot, id: master, changeKey: UNKNOWN_KEY } }])
    }, fence)
  }

  async function findCreated(query: CreateQuery): Promise<Snapshot | null> {
    if (query.kind !== 'event') return raw.findCreated(query)
    const { uid, slot } = splitUid(query.uid ?? '')
    const found = await raw.findCreated(query.uid === null ? query : { ...query, uid })
    if (found === null && query.uid !== null) return answeredBefore(query.uid, query.token)
    if (found === null || !isMaster(found)) return found
    const [row] = await rowsOf([found.id])
    const isThere = (await raw.locate('event', query.token, uid)).where === 'synced'
    const draft = await draftOf(found, row, row === undefined)
    const { row: known } = row === undefined ? asFirstTold(draft) : draft
    if (row === undefined && isThere) await store.transaction((tx) => record(tx, [{ ...draft, row: known }], []), fence)
    // It was made, and may have been deleted since: then it is seen as gone like any other.
    const number = known.slots.find((one) => one.slot === slot) ?? row?.slots.find((one) => one.slot === slot)
    return occurrenceOf(draft.master, known.slots, slot)?.snapshot ?? (number === undefined ? null : asMade(draft.master, number))
  }

  /** The answer to its making was noted, and then somebody threw it away: it was there, and is seen as gone like any other. */
  async function answeredBefore(composed: string, token: CreateQuery['token']): Promise<Snapshot | null> {
    const { uid, slot } = splitUid(composed)
    const row = (await store.transaction((tx) => tx.seriesByUid(uid))).find((one) => one.lane === lane && one.snapshot.stamp?.token === token)
    const number = row?.slots.find((one) => one.slot === slot)
    return row === undefined || number === undefined ? null : asMade(row.snapshot as MasterSnapshot, number)
  }

  async function occurrences(uid: string): Promise<readonly Snapshot[]> {
    const row = (await store.transaction((tx) => tx.seriesByUid(uid))).find((one) => one.lane === lane)
    return row === undefined ? [] : row.slots.flatMap((slot) => asMade(row.snapshot as MasterSnapshot, slot) ?? [])
  }

  async function occurrence(composed: string) {
    const { uid, slot } = splitUid(composed)
    const row = (await store.transaction((tx) => tx.seriesByUid(uid))).find((one) => one.lane === lane)
    if (row === undefined) return { known: false, fromCrm: false, snapshot: null, deleted: [] }
    const one = occurrenceOf(row.snapshot as MasterSnapshot, row.slots, slot)
    return { known: true, fromCrm: row.fromCrm, snapshot: one?.snapshot ?? null, deleted: row.snapshot.series?.deleted ?? [] }
  }

  return {
    ...seriesWrites({ raw, lane, store, fence, rowsOf, draftOf, masters: (id) => masters('event', [id]), begin: () => located.clear() }),
    side: 'exchange', open: (readOnly) => raw.open(readOnly), hold: (item) => raw.hold(item),
    lacks: (kind) => raw.lacks?.(kind) ?? false,
    pull, pullDue, get, create, locate, findCreated, occurrence, occurrences,
  }
}

/** What was edited or deleted of a series since we made it has to be told by the next pull. */
const asFirstTold = ({ row, ...draft }: Draft & { readonly master: MasterSnapshot }): Draft => ({
  ...draft, row: { ...row, slots: [...new Map([...row.slots, ...allSlots(draft.master.series)].map((one) => [one.slot, one])).values()], snapshot: { ...row.snapshot, changeKey: UNKNOWN_KEY } },
})

const goneOf = (row: SeriesRow, slots: readonly Slot[]): ItemId[] =>
  row.slots.filter(({ slot }) => !slots.some((one) => one.slot === slot)).map(({ slot }) => occurrenceId(row.master, slot))

const idOf = (change: Change): ItemId => (change.type === 'seen' ? change.snapshot.id : change.id)
const idAt = (row: SeriesRow, slot: number): ItemId => occurrenceId(row.master, slot)
const earlier = (left: Instant, right: Instant): Instant => (left < right ? left : right)
