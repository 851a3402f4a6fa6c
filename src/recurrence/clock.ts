import { toInstant } from '../lib/zoned.ts'
import type { Instant } from '../model/index.ts'
import { instant, instantMs } from '../model/index.ts'
import { DAY, toDate } from './calendar.ts'

/** Days that are judged together. No zone ever changed its clocks there and back in less. */
const STRETCH = 6

/** What a zone's clocks do over the days: the same hour of many days is asked for. */
export interface Clocks {
  /** When they show a time (HH:MM:SS) on a day number; skipped and doubled times as in `toInstant`. */
  at(day: number, time: string): Instant
}

/** While the clocks stay as they are only the day differs: most moments need no look at the zone. */
export function clocksOf(zone: string): Clocks {
  const noons = new Map<number, number>()
  const offsetAtNoon = (stretch: number): number => {
    const known = noons.get(stretch)
    if (known !== undefined) return known
    const noon = stretch * STRETCH * DAY + DAY / 2
    const offset = noon - instantMs(toInstant(toDate(stretch * STRETCH), '12:00', zone) as Instant)
    noons.set(stretch, offset)
    return offset
  }
  return {
    at(day, time) {
      const stretch = Math.floor(day / STRETCH)
      const offset = offsetAtNoon(stretch)
      const steady = offsetAtNoon(stretch - 1) === offset && offsetAtNoon(stretch + 1) === offset
      return steady ? instant(day * DAY + timeOfDay(time) - offset) : toInstant(toDate(day), time, zone) as Instant
    },
  }
}

/** @param time HH:MM:SS. @returns milliseconds since midnight */
const timeOfDay = (time: string): number =>
  (Number(time.slice(0, 2)) * 3_600 + Number(time.slice(3, 5)) * 60 + Number(time.slice(6, 8))) * 1_000
