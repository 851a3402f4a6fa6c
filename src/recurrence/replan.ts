import { toLocal } from '../lib/zoned.ts'
import type { Instant, Occurrence, OccurrenceStart, Slot } from '../model/index.ts'

/** A number and the occurrence it stands for from now on; `start` is the occurrence's. */
export type PlannedSlot = Slot & { readonly occurrence: Occurrence }

export interface Replan {
  /** One per wanted occurrence and in their order: kept, moved (it began otherwise before) or new (a free number). */
  readonly slots: readonly PlannedSlot[]
  /** Present ones that stand for nothing any more. */
  readonly gone: readonly Slot[]
}

/**
 * Which number stands for which occurrence, with the fewest writes: who begins as before keeps the number, and what
 * moved takes over a number that would be free instead of one being deleted and one made.
 * @param present what stands now; numbers are unique
 * @param wanted the occurrences there shall be, by the rule
 * @param keep slots that stay as they are although nobody wants them, such as those the window has left behind: they
 * are neither moved nor gone nor in the answer, and nobody else gets their number. One that is wanted as it stands is
 * in the answer like any other.
 * @param taken numbers of what is no occurrence any more: nobody gets them
 */
export function replan(
  present: readonly Slot[], wanted: readonly Occurrence[], keep: (slot: Slot) => boolean = () => false, taken: ReadonlySet<number> = new Set(),
): Replan {
  const plan = new Map<Occurrence, Slot>()
  const free = new Set([...present].sort((left, right) => compare(left.start, right.start) || left.slot - right.slot))
  const take = (occurrence: Occurrence, slot: Slot) => {
    plan.set(occurrence, slot)
    free.delete(slot)
  }
  const open = () => [...wanted].sort((left, right) => compare(left.start, right.start)).filter((one) => !plan.has(one))

  takeExact(open(), free, take)
  for (const slot of [...free]) if (keep(slot)) free.delete(slot)
  takeSameDay(open(), free, take)
  const rest = [...free]
  open().forEach((occurrence, i) => {
    const slot = rest[i]
    if (slot !== undefined) take(occurrence, slot)
  })
  number(open(), new Set([...present.map(({ slot }) => slot), ...taken]), take)
  return { slots: wanted.flatMap((occurrence) => planned(plan, occurrence)), gone: [...free] }
}

type Take = (occurrence: Occurrence, slot: Slot) => void

function planned(plan: ReadonlyMap<Occurrence, Slot>, occurrence: Occurrence): PlannedSlot[] {
  const slot = plan.get(occurrence)
  return slot === undefined ? [] : [{ slot: slot.slot, start: occurrence.start, occurrence }]
}

function takeExact(open: readonly Occurrence[], free: ReadonlySet<Slot>, take: Take): void {
  const byStart = Map.groupBy(free, (slot) => slot.start)
  for (const occurrence of open) {
    const slot = byStart.get(occurrence.start)?.shift()
    if (slot !== undefined) take(occurrence, slot)
  }
}

/** Of several on one day the nearest; the day is the one that the series' own zone shows. */
function takeSameDay(open: readonly Occurrence[], free: ReadonlySet<Slot>, take: Take): void {
  const zone = open.map(({ time }) => (time.allDay ? undefined : time.zone)).find((name) => name !== undefined)
  const byDay = Map.groupBy(free, (slot) => dayOf(slot.start, zone))
  for (const occurrence of open) {
    const there = byDay.get(dayOf(occurrence.start, zone)) ?? []
    const distance = (slot: Slot) => Math.abs(Date.parse(slot.start) - Date.parse(occurrence.start))
    const nearest = there.toSorted((left, right) => distance(left) - distance(right))[0]
    if (nearest === undefined) continue
    there.splice(there.indexOf(nearest), 1)
    take(occurrence, nearest)
  }
}

/** A new one gets the number that its place in the rule suggests, or one above all. */
function number(open: readonly Occurrence[], used: Set<number>, take: Take): void {
  const late = open.filter((occurrence) => {
    const slot = occurrence.index - 1
    if (used.has(slot)) return true
    used.add(slot)
    take(occurrence, { slot, start: occurrence.start })
    return false
  })
  let highest = Math.max(-1, ...used)
  for (const occurrence of late) {
    highest += 1
    take(occurrence, { slot: highest, start: occurrence.start })
  }
}

const dayOf = (start: OccurrenceStart, zone: string | undefined): string =>
  start.length > 10 && zone !== undefined ? toLocal(start as Instant, zone).date : start.slice(0, 10)

const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)
