import { splitOccurrenceId, withFields } from '../../model/index.ts'
import type { ItemId, Snapshot } from '../../model/index.ts'
import type { Exchange, Fence, Found, RemoveOutcome, RemoveRequest, SeriesRow, Store, UpdateRequest, WriteOutcome } from '../../ports.ts'
import { countLeft, isMaster, occurrenceOf } from './unfold.ts'
import type { Draft, MasterSnapshot } from './unfold.ts'

export interface SeriesWrites {
  readonly raw: Exchange
  readonly lane: SeriesRow['lane']
  readonly store: Store
  readonly fence: Fence
  rowsOf(ids: readonly ItemId[]): Promise<readonly SeriesRow[]>
  draftOf(fresh: MasterSnapshot, row: SeriesRow | undefined): Promise<Draft>
  /** The master as it is now. */
  masters(id: ItemId): Promise<ReadonlyMap<ItemId, { readonly found: Found; readonly draft: Draft | null }>>
  /** Called before anything is written. */
  begin(): void
}

/**
 * Updates and deletions of single occurrences, as writes to their master. What writing learns of a master is not kept:
 * only a pull files what else has happened to its occurrences.
 */
export function seriesWrites({ raw, lane, store, fence, rowsOf, draftOf, masters, begin }: SeriesWrites): Pick<Exchange, 'update' | 'remove'> {
  async function update(requests: readonly UpdateRequest[]): Promise<readonly WriteOutcome[]> {
    return eachMaster(requests, (plain) => raw.update(plain), async (group, draft) => {
      const outcomes: WriteOutcome[] = []
      let current = draft
      for (const request of group) {
        const { outcome, next } = await updateOccurrence(current, request)
        outcomes.push(outcome)
        current = next
      }
      return outcomes
    })
  }

  async function updateOccurrence(draft: Draft, request: UpdateRequest): Promise<{ outcome: WriteOutcome; next: Draft }> {
    const one = occurrenceOf(draft.master, draft.row.slots, splitOccurrenceId(request.id).slot)
    if (one === null) return { outcome: { type: 'gone' }, next: draft }
    if (one.snapshot.changeKey !== request.expect) return { outcome: { type: 'stale' }, next: draft }
    const { start, index } = one.occurrence
    if (Object.keys(request.fields).length === 0) return restamped(draft, request, one.snapshot)
    const { stamp: _never, ...rest } = request
    const [answer] = await raw.update([{ ...rest, id: draft.master.id, expect: draft.master.changeKey, occurrence: { start, index } }])
    const outcome = answer ?? { type: 'gone' as const }
    if (outcome.type !== 'done') return { outcome, next: draft }
    if (!isMaster(outcome.snapshot)) {
      // A preview has no server to ask what became of it.
      return { outcome: { type: 'done', snapshot: { ...one.snapshot, item: withFields(one.snapshot.item, request.fields) } }, next: draft }
    }
    const next = await draftOf(outcome.snapshot, draft.row)
    const after = occurrenceOf(next.master, next.row.slots, splitOccurrenceId(request.id).slot)
    // A date that was declined leaves the calendar: the answer was given, and the next pull tells of the rest.
    if (after === null && request.fields.answer === 'declined') return { outcome: { type: 'done', snapshot: { ...one.snapshot, item: withFields(one.snapshot.item, request.fields) } }, next }
    return { outcome: after === null ? { type: 'gone' } : { type: 'done', snapshot: after.snapshot }, next }
  }

  /** Only the master carries a stamp: words of an occurrence that became Exchange's alone are no longer said to have begun in the CRM. */
  async function restamped(draft: Draft, { stamp }: UpdateRequest, snapshot: Snapshot): Promise<{ outcome: WriteOutcome; next: Draft }> {
    const { id, changeKey, stamp: present } = draft.master
    const done = { type: 'done', snapshot } as const
    if (stamp === undefined || stamp.born !== undefined || present?.born === undefined) return { outcome: done, next: draft }
    const { born: _no, ...plain } = present
    const [outcome = { type: 'gone' as const }] = await raw.update([{ id, kind: 'event', fields: {}, expect: changeKey, stamp: plain }])
    // As long as the master says otherwise the occurrence is not marked, and it is tried again.
    if (outcome.type !== 'done') return { outcome, next: draft }
    return { outcome: done, next: isMaster(outcome.snapshot) ? await draftOf(outcome.snapshot, draft.row) : draft }
  }

  async function remove(requests: readonly RemoveRequest[]): Promise<readonly RemoveOutcome[]> {
    return eachMaster(requests, (plain) => raw.remove(plain), async (group, draft) => {
      const going = new Set(group.map(({ id }) => splitOccurrenceId(id).slot))
      // All of it was deleted in the CRM: then the series ends, instead of going on beyond the window or as an empty shell.
      const isCurrent = ({ id, expect }: RemoveRequest) => occurrenceOf(draft.master, draft.row.slots, splitOccurrenceId(id).slot)?.snapshot.changeKey === expect
      const isAll = draft.row.slots.every(({ slot }) => going.has(slot)) && (group.length > 1 || countLeft(draft.master.series) === group.length)
      if (isAll && !isEditedBeyond(draft) && group.every(isCurrent)) return removeSeries(group, draft)
      const outcomes: RemoveOutcome[] = []
      let current = draft
      for (const request of group) {
        const { outcome, next } = await removeOccurrence(current, request)
        outcomes.push(outcome)
        current = next
      }
      return outcomes
    })
  }

  async function removeSeries(group: readonly RemoveRequest[], draft: Draft): Promise<readonly RemoveOutcome[]> {
    const [first] = group
    if (first === undefined) return []
    const { occurrence: _all, mailing: _its, ...rest } = first
    // Of a series that began already only the dates to come are told.
    const mailing = group.flatMap((request) => request.mailing ?? [])[0]
    const [answer] = await raw.remove([{ ...rest, ...(mailing === undefined ? {} : { mailing }), id: draft.master.id, expect: draft.master.changeKey }])
    const outcome = answer ?? { type: 'gone' as const }
    if (outcome.type === 'removed' || outcome.type === 'gone') await store.transaction((tx) => tx.removeSeries(lane, [draft.master.id]), fence)
    return group.map(() => outcome)
  }

  async function removeOccurrence(draft: Draft, request: RemoveRequest): Promise<{ outcome: RemoveOutcome; next: Draft }> {
    const one = occurrenceOf(draft.master, draft.row.slots, splitOccurrenceId(request.id).slot)
    if (one === null) return { outcome: { type: 'gone' }, next: draft }
    if (one.snapshot.changeKey !== request.expect) return { outcome: { type: 'stale' }, next: draft }
    const { start, index } = one.occurrence
    const [answer] = await raw.remove([{ ...request, id: draft.master.id, expect: draft.master.changeKey, occurrence: { start, index } }])
    const outcome = answer ?? { type: 'gone' as const }
    if (outcome.type !== 'removed') return { outcome, next: draft }
    const [found] = await raw.get('event', [draft.master.id])
    if (found?.type !== 'seen' || !isMaster(found.snapshot)) return { outcome, next: draft }
    const next = await draftOf(found.snapshot, draft.row)
    return { outcome, next }
  }

  /** Singles go together, occurrences master by master; the outcomes come back in the order of the requests. */
  async function eachMaster<R extends UpdateRequest | RemoveRequest, O>(
    requests: readonly R[],
    single: (plain: readonly R[]) => Promise<readonly O[]>,
    several: (group: readonly R[], draft: Draft) => Promise<readonly O[]>,
  ): Promise<readonly O[]> {
    begin()
    const rows = new Set((await rowsOf(requests.map(({ id }) => id))).map(({ master }) => master))
    const isOccurrence = ({ id }: R) => rows.has(splitOccurrenceId(id).master) || splitOccurrenceId(id).slot !== 0
    const plain = requests.filter((request) => !isOccurrence(request))
    const results = new Map<R, O>()
    const note = (group: readonly R[], outcomes: readonly O[]) => {
      for (const [index, request] of group.entries()) results.set(request, outcomes[index] as O)
    }
    if (plain.length > 0) note(plain, await single(plain))
    for (const [master, group] of Map.groupBy(requests.filter(isOccurrence), ({ id }) => splitOccurrenceId(id).master)) {
      const { found, draft } = (await masters(master)).get(master) ?? { found: { type: 'gone' as const }, draft: null }
      if (draft !== null) note(group, await several(group, draft))
      // No series any more: what is left of it is its first event.
      else if (found.type === 'seen') note(group, await only(group, single))
      else note(group, group.map(() => found as O))
    }
    return requests.map((request) => results.get(request) as O)
  }

  /** Somebody edited a date that has no record yet: nobody deleted that one. */
  function isEditedBeyond({ master: { series }, row: { slots } }: Draft): boolean {
    return series.exceptions.some((one) => !series.deleted.includes(one.start) && slots.every(({ start }) => start < one.start))
  }

  async function only<R extends UpdateRequest | RemoveRequest, O>(group: readonly R[], single: (plain: readonly R[]) => Promise<readonly O[]>): Promise<O[]> {
    const first = group.filter(({ id }) => splitOccurrenceId(id).slot === 0)
    const outcomes = first.length === 0 ? [] : await single(first)
    return group.map((request) => outcomes[first.indexOf(request)] ?? ({ type: 'gone' } as O))
  }

  return { update, remove }
}
