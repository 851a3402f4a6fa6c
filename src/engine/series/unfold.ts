import { canonicalJson, contentHash } from '../../lib/content-hash.ts'
import { changeKey, instant, instantMs, itemOf, occurrenceId, occurrenceUid } from '../../model/index.ts'
import type { EventFields, Exception, Fields, Instant, ItemId, Occurrence, OccurrenceStart, Policy, Series, Slot, Snapshot } from '../../model/index.ts'
import type { SeriesRow } from '../../ports.ts'
import { expand, last, next, occurrenceAt, occurrenceByIndex, replan } from '../../recurrence/index.ts'
import { inWindow } from '../../sync/index.ts'

const DAY_MS = 86_400_000
/** The same margin as the window's own: an occurrence this near the edge counts as inside. */
const MARGIN_MS = 26 * 3_600_000

export interface Unfolding {
  /** Numbers of all occurrences that are or were inside the window. */
  readonly slots: readonly Slot[]
  /** What is inside the window now. */
  readonly occurrences: readonly Snapshot[]
  /** When the moving window reaches the next occurrence; null when there is none. */
  readonly nextAt: Instant | null
}

/** The numbers given so far. */
export interface Numbers {
  readonly slots: readonly Slot[]
  readonly series: Series | null
  readonly taken?: ReadonlySet<number>
}

export type MasterSnapshot = Snapshot & { readonly series: Series }

export const isMaster = (snapshot: Snapshot): snapshot is MasterSnapshot => snapshot.series !== undefined

/** A master with the numbers its occurrences have. */
export interface Draft {
  readonly master: MasterSnapshot
  readonly row: SeriesRow
  readonly occurrences: readonly Snapshot[]
  readonly gone: readonly ItemId[]
}

/**
 * A master as one item per occurrence inside the window.
 *
 * @param known the numbers given so far, and the series they were given for: null when it was a single event, the whole
 * null for a master never seen before; `taken` are those of records that became events of their own
 */
export function unfold(
  master: MasterSnapshot,
  known: Numbers | null,
  now: Instant,
  policy: Pick<Policy, 'pastDays' | 'futureDays'>,
): Unfolding {
  const { series } = master
  const wanted = inside(series, now, policy)
  const fromMs = instantMs(now) - policy.pastDays * DAY_MS - MARGIN_MS
  const deleted = new Set(series.deleted)
  const present = known?.slots ?? []
  const living = present.filter(({ start }) => !deleted.has(start))
  const numbered = known?.series !== undefined && known.series !== null && sameRule(known.series, series)
    ? continued(living, wanted, known.taken)
    : replanned(living, wanted, series, fromMs, known?.taken)
  const wasSingle = known !== null && known.series === null
  const slots = wasSingle ? withFirst(numbered, series, now) : numbered
  const byStart = new Map(slots.map((slot) => [slot.start, slot] as const))
  const starts = new Set(wanted.map(({ start }) => start))
  // Beyond the window's end are only those that were linked before they got there.
  const beyond = slots.filter(({ start, slot }) => !starts.has(start) && (startMs(start) >= fromMs || (wasSingle && slot === 0)))
  return {
    slots,
    occurrences: [...wanted, ...beyond.flatMap(({ start }) => occurrenceAt(series, start) ?? [])].flatMap((occurrence) => {
      const slot = byStart.get(occurrence.start)
      return slot === undefined ? [] : [snapshotOf(master, slot.slot, occurrence)]
    }),
    nextAt: nextEntry(series, now, policy),
  }
}

/** One occurrence by its number, inside the window or not; null when the series has it no longer. */
export function occurrenceOf(master: MasterSnapshot, slots: readonly Slot[], number: number): { readonly snapshot: Snapshot; readonly occurrence: Occurrence } | null {
  const slot = slots.find((one) => one.slot === number)
  if (slot === undefined || master.series.deleted.includes(slot.start)) return null
  const occurrence = occurrenceAt(master.series, slot.start)
  return occurrence === null ? null : { occurrence, snapshot: snapshotOf(master, number, occurrence) }
}

export const sameRule = (left: Series, right: Series): boolean =>
  canonicalJson([left.recurrence, left.time]) === canonicalJson([right.recurrence, right.time])

/** Occurrences whose time, as the rule has it or as they were moved, lies in the window. */
function inside(series: Series, now: Instant, policy: Pick<Policy, 'pastDays' | 'futureDays'>): Occurrence[] {
  const from = instant(instantMs(now) - policy.pastDays * DAY_MS - MARGIN_MS)
  const to = instant(instantMs(now) + policy.futureDays * DAY_MS + MARGIN_MS)
  const deleted = new Set<OccurrenceStart>(series.deleted)
  const byRule = expand(series, from, to).filter(({ start }) => !deleted.has(start))
  const starts = new Set(byRule.map(({ start }) => start))
  // Moved into the window from outside.
  const movedIn = series.exceptions.flatMap(({ start, fields }) => {
    if (starts.has(start) || deleted.has(start) || !inWindow({ kind: 'event', fields }, now, policy).in) return []
    const occurrence = occurrenceAt(series, start)
    return occurrence === null ? [] : [occurrence]
  })
  return [...byRule, ...movedIn].sort((left, right) => left.index - right.index)
}

/** An event that became a series outside the window goes on as the next of its occurrences, or the last there was. */
function withFirst(slots: readonly Slot[], series: Series, now: Instant): readonly Slot[] {
  if (slots.some(({ slot }) => slot === 0)) return slots
  const first = next(series, now) ?? last(series)
  return first === null || series.deleted.includes(first.start) ? slots : [{ slot: 0, start: first.start }, ...slots]
}

/** Every occurrence of a series with a count, numbered by the rule, those deleted since included; nothing of another. */
export function allSlots(series: Series): Slot[] {
  const { range } = series.recurrence
  return range.type !== 'count' ? [] : Array.from({ length: range.count }, (_, slot) => slot).flatMap((slot) => {
    const start = occurrenceByIndex(series, slot + 1)?.start
    return start === undefined ? [] : [{ slot, start }]
  })
}

/** How many occurrences a series has left, inside the window or not. */
export const countLeft = (series: Series): number =>
  series.recurrence.range.type === 'endless' ? Infinity : (last(series)?.index ?? 0) - new Set(series.deleted).size

/** One occurrence as the rule alone has it, whatever became of it since. */
export function asMade(master: MasterSnapshot, { slot, start }: Slot): Snapshot | null {
  const occurrence = occurrenceAt(master.series, start)
  return occurrence === null ? null : snapshotOf({ ...master, series: { ...master.series, exceptions: [] } }, slot, occurrence)
}

/** The rule is what it was: nobody loses a number, and who is new gets the ordinal. */
function continued(present: readonly Slot[], wanted: readonly Occurrence[], taken: ReadonlySet<number> = new Set()): Slot[] {
  const starts = new Set(present.map(({ start }) => start))
  const used = new Set([...present.map(({ slot }) => slot), ...taken])
  const fresh: Slot[] = []
  for (const { start, index } of wanted) {
    if (starts.has(start)) continue
    const slot = used.has(index - 1) ? Math.max(...used) + 1 : index - 1
    used.add(slot)
    fresh.push({ slot, start })
  }
  return [...present, ...fresh]
}

/** The rule changed: what still exists keeps its number, what moved is paired up, so that fewest records are written. */
function replanned(present: readonly Slot[], wanted: readonly Occurrence[], series: Series, fromMs: number, taken?: ReadonlySet<number>): Slot[] {
  const starts = new Set(wanted.map(({ start }) => start))
  // What lies before the window is history: neither moved nor deleted. Beyond its end the rule still has it: nobody wrote it off.
  const keep = ({ start }: Slot) => !starts.has(start) && (startMs(start) < fromMs || occurrenceAt(series, start) !== null)
  const { slots } = replan(present, wanted, keep, taken)
  return [...present.filter(keep), ...slots.map(({ slot, start }) => ({ slot, start }))]
}

const startMs = (start: OccurrenceStart): number => Date.parse(start.length === 10 ? `${start}T00:00:00Z` : start)

function snapshotOf(master: MasterSnapshot, slot: number, occurrence: Occurrence): Snapshot {
  const exception = master.series.exceptions.find(({ start }) => start === occurrence.start)
  const shared = master.item.fields as Partial<EventFields>
  const fields: Partial<EventFields> = exception === undefined ? { ...shared, time: occurrence.time } : { ...shared, ...exception.fields }
  const { invitationUid } = master.traits ?? {}
  const traits = {
    ...master.traits, ...(exception?.masked === true ? { masked: true } : {}), occurrence: true,
    ...(invitationUid === undefined ? {} : { invitationUid: occurrenceUid(invitationUid, slot) }),
  }
  return {
    id: occurrenceId(master.id, slot),
    // The server's own key is shared by the whole series: it would make every record look changed.
    changeKey: changeKey(`o${contentHash([fields, master.traits, master.unsupported]).slice(0, 20)}`),
    item: itemOf('event', fields as Fields),
    modifiedAt: modifiedAt(master, exception),
    ...(master.uid === undefined ? {} : { uid: occurrenceUid(master.uid, slot) }),
    traits,
    ...(master.unsupported === undefined ? {} : { unsupported: master.unsupported }),
  }
}

const modifiedAt = (master: Snapshot, exception: Exception | undefined): Instant => exception?.modifiedAt ?? master.modifiedAt

/** When the first occurrence beyond the window comes inside. */
function nextEntry(series: Series, now: Instant, policy: Pick<Policy, 'futureDays'>): Instant | null {
  const ahead = policy.futureDays * DAY_MS + MARGIN_MS
  const following = next(series, instant(instantMs(now) + ahead))
  return following === null ? null : instant(Math.max(instantMs(now) + 60_000, startMs(following.start) - ahead))
}
