import type { XmlElement } from './xml.ts'
import { child, childText } from './xml.ts'
import { readInstant, wallOf } from './zones.ts'

/** Reads and writes times without offset in one zone. */
export interface WallClock {
  /** UTC milliseconds of an xs:dateTime; NaN for text that is none. */
  instant(text: string): number
  /** `2026-12-01T09:00:00`. */
  wall(instant: number): string
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MINUTE = 60_000
const DAY = 86_400_000

interface Change {
  /** Minutes to add to the zone's own bias from this change on. */
  bias: number
  /** UTC milliseconds of the wall clock at the change in a year; NaN when there is none. */
  inYear(year: number): number
}

/**
 * The zone of an availability request: its own TimeZone element with biases (minutes from local time to UTC), else the
 * TimeZoneContext of the header.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/timezone-availability
 * @param contextZone Windows zone id, null when the request has none
 */
export function clockOf(zone: XmlElement | undefined, contextZone: string | null): WallClock {
  const named = contextZone ?? 'UTC'
  const toInstant = zone ? fromBiases(zone) : null
  return {
    instant(text) {
      const wall = /(?:Z|[+-]\d{2}:\d{2})$/.test(text.trim()) ? null : Date.parse(`${text.trim()}Z`)
      if (wall === null || toInstant === null) return readInstant(text, named)
      return toInstant.instant(wall)
    },
    wall: (instant) =>
      new Date(toInstant === null ? wallOf(named, instant) : toInstant.wall(instant)).toISOString().slice(0, 19),
  }
}

function fromBiases(zone: XmlElement): { instant(wall: number): number; wall(instant: number): number } {
  const bias = Number(childText(zone, 'Bias'))
  const standard = readChange(child(zone, 'StandardTime'))
  const daylight = readChange(child(zone, 'DaylightTime'))
  const isSummer = (wall: number) => {
    const year = new Date(wall).getUTCFullYear()
    const [begin, end] = [daylight.inYear(year), standard.inYear(year)]
    if (Number.isNaN(begin + end)) return false
    return begin < end ? wall >= begin && wall < end : wall >= begin || wall < end
  }
  const shift = (summer: boolean) => (bias + (summer ? daylight.bias : standard.bias)) * MINUTE
  return {
    instant: (wall) => wall + shift(isSummer(wall)),
    wall(instant) {
      const summer = instant - shift(true)
      return isSummer(summer) ? summer : instant - shift(false)
    },
  }
}

/** Month 0 stands for a zone without summer time. */
function readChange(element: XmlElement | undefined): Change {
  const number = (name: string) => Number(childText(element, name) ?? 0)
  const [month, order] = [number('Month'), number('DayOrder')]
  const dayOfWeek = DAYS.indexOf(childText(element, 'DayOfWeek') ?? 'Sunday')
  const [hours = 0, minutes = 0] = (childText(element, 'Time') ?? '').split(':').map(Number)
  return {
    bias: number('Bias'),
    inYear(year) {
      if (month === 0) return Number.NaN
      const first = Date.UTC(year, month - 1, 1)
      const offset = (dayOfWeek - new Date(first).getUTCDay() + 7) % 7
      let day = first + (offset + (order - 1) * 7) * DAY
      // The fifth one is the last one.
      while (day >= Date.UTC(year, month, 1)) day -= 7 * DAY
      return day + hours * 3_600_000 + minutes * MINUTE
    },
  }
}

