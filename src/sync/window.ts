import { instant, instantMs } from '../model/index.ts'
import type { Instant, Item, Policy } from '../model/index.ts'

const DAY_MS = 86_400_000
/** Days are local and the window is UTC: an item this near the edge counts as inside (rule R-25). */
const MARGIN_MS = 26 * 3_600_000

export type WindowVerdict =
  | { readonly in: true }
  /** `enterAt`: when the moving window reaches the item; null when it has passed. */
  | { readonly in: false; readonly enterAt: Instant | null }

/** Whether an item that is not linked yet is to be synchronised now. Linked items stay linked. */
export function inWindow(item: Item, now: Instant, policy: Pick<Policy, 'pastDays' | 'futureDays'>): WindowVerdict {
  const from = instantMs(now) - policy.pastDays * DAY_MS - MARGIN_MS
  const to = instantMs(now) + policy.futureDays * DAY_MS + MARGIN_MS
  switch (item.kind) {
    case 'contact':
      return { in: true }
    case 'task': {
      // An open task is work to do however old it is; only finished ones age.
      const day = item.fields.dueDate ?? item.fields.startDate ?? null
      if (item.fields.status !== 'completed' || day === null) return { in: true }
      return dayMs(day) + DAY_MS >= from ? { in: true } : { in: false, enterAt: null }
    }
    case 'event': {
      const time = item.fields.time
      if (time === undefined) return { in: true }
      const start = time.allDay ? dayMs(time.firstDay) : instantMs(time.start)
      const end = time.allDay ? dayMs(time.lastDay) + DAY_MS : instantMs(time.end)
      if (end < from) return { in: false, enterAt: null }
      if (start > to) return { in: false, enterAt: instant(start - policy.futureDays * DAY_MS - MARGIN_MS) }
      return { in: true }
    }
  }
}

const dayMs = (day: string) => Date.parse(`${day}T00:00:00Z`)
