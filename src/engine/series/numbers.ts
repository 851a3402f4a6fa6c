import { asSyncError } from '../../lib/errors.ts'
import { occurrenceUid, splitUid } from '../../model/index.ts'
import type { Copy, EventFields, EventTime, Instant, OccurrenceStart, Policy, Series, Slot, Snapshot } from '../../model/index.ts'
import type { Clock, Crm, SeriesRow, Store } from '../../ports.ts'
import { occurrenceAt, occurrenceByIndex } from '../../recurrence/index.ts'
import { inWindow } from '../../sync/index.ts'
import { sameRule, unfold } from './unfold.ts'
import type { MasterSnapshot, Numbers, Unfolding } from './unfold.ts'

export interface NumberingOptions {
  readonly lane: SeriesRow['lane']
  readonly store: Store
  readonly crm: Pick<Crm, 'set'>
  readonly clock: Clock
  readonly policy: Policy
}

export interface Numbering {
  /** The numbers that the occurrences of a master have so far; null for a series that is nowhere yet. */
  numbersOf(master: MasterSnapshot, row: SeriesRow | undefined): Promise<Numbers | null>
  /** The master unfolded; nobody gets a number that stands for something else. */
  unfolded(master: MasterSnapshot, known: Numbers | null, now: Instant): Promise<Unfolding>
}

/** Which number stands for which occurrence: what one mailbox, a colleague's, or the CRM knows of it. */
export function numbering({ lane, store, crm, clock, policy }: NumberingOptions): Numbering {
  /** The same meeting in another mailbox, this series under an earlier id, or the single event it was: its numbers serve here too. */
  async function numbersOf(master: MasterSnapshot, row: SeriesRow | undefined): Promise<Numbers | null> {
    const { id, uid, series } = master
    const follows = (one: SeriesRow) => one.snapshot.series !== undefined && sameRule(one.snapshot.series, series)
    if (row !== undefined && follows(row)) return { slots: row.slots, series: row.snapshot.series ?? null }
    const known = await store.transaction(async (tx): Promise<Numbers | null> => {
      const rows = uid === undefined ? [] : await tx.seriesByUid(uid)
      // A colleague's mailbox that was told of the new rule first has numbered it for all.
      const kin = rows.find((one) => one.lane !== lane && follows(one)) ?? row ?? rows.find((one) => one.lane === lane) ?? rows[0]
      if (kin !== undefined) return { slots: kin.slots, series: kin.snapshot.series ?? null }
      const [single] = await tx.copiesByItem(lane, [id])
      const begin = beginOf(single?.copy.base.exchange.fields)
      return begin === undefined ? null : { slots: [{ slot: 0, start: begin }], series: null }
    })
    return known ?? (uid === undefined ? null : await numbersOfRecords(uid, series))
  }

  /** Our database was lost, or somebody who was invited to one date has it recorded: the records tell what their numbers stand for. */
  async function numbersOfRecords(uid: string, series: Series): Promise<Numbers | null> {
    const records = await crm.set(uid).catch((thrown: unknown) => {
      const error = asSyncError(thrown)
      if (error.scope !== 'item') throw error
      return []
    })
    const isNear = (time: EventTime) => inWindow({ kind: 'event', fields: { time } }, clock.now(), policy).in
    return records.length === 0 ? null : { slots: slotsOf(series, records, isNear), series, taken: new Set(records.map(slotOf)) }
  }

  /** A record that became an event of its own, its date deleted and itself edited, has its number still. */
  async function unfolded(master: MasterSnapshot, known: Numbers | null, now: Instant): Promise<Unfolding> {
    if (known === null) return unfold(master, null, now, policy)
    const given = new Set(known.slots.map(({ slot }) => slot))
    const isChanged = known.series !== null && !sameRule(known.series, master.series)
    const left = isChanged ? (await linked(master.uid, known.slots)).filter(({ copy: { traits } }) => traits.occurrence !== true && traits.invited !== true) : []
    const lost = new Set(left.map(({ slot }) => slot))
    for (const taken = new Set([...(known.taken ?? []), ...lost]); ; ) {
      const unfolding = unfold(master, { ...known, slots: known.slots.filter(({ slot }) => !lost.has(slot)), taken }, now, policy)
      const fresh = await linked(master.uid, unfolding.slots.filter(({ slot }) => !given.has(slot)))
      if (fresh.length === 0) return unfolding
      for (const { slot } of fresh) taken.add(slot)
    }
  }

  /** What stands for some numbers in this mailbox. */
  async function linked(uid: string | undefined, slots: readonly Slot[]): Promise<{ readonly slot: number; readonly copy: Copy }[]> {
    if (uid === undefined || slots.length === 0) return []
    const byUid = new Map(slots.map(({ slot }) => [occurrenceUid(uid, slot), slot]))
    const copies = await store.transaction((tx) => tx.copiesByUid([...byUid.keys()]))
    return copies.flatMap(({ link, copy }) => {
      const slot = copy.mailbox === lane ? byUid.get(link.uid ?? '') : undefined
      return slot === undefined ? [] : [{ slot, copy }]
    })
  }

  return { numbersOf, unfolded }
}

/**
 * The occurrences that records stand for: the one that shows the record's time, else the one that was moved away from it,
 * else the one its number was given for by the rule.
 *
 * @param isNear whether a time is inside the window: beyond it nobody had a number yet
 */
export function slotsOf(series: Series, records: readonly Snapshot[], isNear: (time: EventTime) => boolean): Slot[] {
  const slots: Slot[] = []
  const taken = new Set<OccurrenceStart>(series.deleted)
  // Of two at one time the later number is the occurrence's: the earlier became an event of its own.
  let left = records.toSorted((one, other) => slotOf(other) - slotOf(one))
  const byRule = (_: Series, record: Snapshot) => {
    const occurrence = occurrenceByIndex(series, slotOf(record) + 1)
    return occurrence !== null && isNear(occurrence.time) ? occurrence.start : undefined
  }
  for (const startOf of [shownAt, movedFrom, byRule]) {
    left = left.filter((record) => {
      const start = startOf(series, record)
      if (start === undefined || taken.has(start)) return true
      taken.add(start)
      slots.push({ slot: slotOf(record), start })
      return false
    })
  }
  return slots.toSorted((one, other) => one.slot - other.slot)
}

function shownAt(series: Series, record: Snapshot): OccurrenceStart | undefined {
  const begin = beginOf(record.item.fields)
  if (begin === undefined) return undefined
  const moved = series.exceptions.find(({ fields }) => beginOf(fields) === begin)
  if (moved !== undefined) return moved.start
  const isAway = series.exceptions.some(({ start, fields }) => start === begin && beginOf(fields) !== undefined)
  return isAway ? undefined : occurrenceAt(series, begin)?.start
}

const movedFrom = ({ exceptions }: Series, { item }: Snapshot): OccurrenceStart | undefined => exceptions.find(({ start }) => start === beginOf(item.fields))?.start

const slotOf = ({ uid }: Snapshot): number => splitUid(uid ?? '').slot

/** As the rule has it: a moment, or a day. */
export function beginOf(fields: object | undefined): OccurrenceStart | undefined {
  const time: EventTime | undefined = (fields as Partial<EventFields> | undefined)?.time
  return time === undefined ? undefined : time.allDay ? time.firstDay : time.start
}
