import { isZone, toLocal } from '../lib/zoned.ts'
import type { EventTime, Instant, Occurrence, PlainDate, RecurrenceRange, Series } from '../model/index.ts'
import { instant, instantMs } from '../model/index.ts'
import { DAY, toDate, toDayNumber } from './calendar.ts'
import { clocksOf } from './clock.ts'
import type { PatternDays } from './pattern.ts'
import { holds, patternDays } from './pattern.ts'

/** What the occurrences of a series follow from; its exceptions and deleted occurrences do not matter here. */
export type Rule = Pick<Series, 'recurrence' | 'time'>

/** A rule whose occurrences can be asked for by their place. */
export interface OpenRule {
  /** How many occurrences there are. */
  readonly size: number
  /** The first place at which an occurrence begins on this day number, in the series' own zone, or later. */
  placeFrom(day: number): number
  /** @param place from 0 and below `size` */
  occurrence(place: number): Occurrence
  /** The day number that the series' zone shows at a moment. All-day series have no zone: it is UTC's. */
  dayAt(at: Instant): number
  /** How many days after its first day an occurrence still goes on at most. */
  readonly reach: number
}

/** Nothing happens after this day: Exchange's calendar ends there. */
const LAST_DAY = toDayNumber('4500-12-31')

/** @throws RangeError when the rule cannot be meant by any calendar, or its zone is not an IANA name */
export function openRule({ recurrence, time }: Rule): OpenRule {
  const zone = zoneOf(time)
  const own = time.allDay ? toDayNumber(time.firstDay) : toDayNumber(toLocal(time.start, zone).date)
  const days = anchored(recurrence.pattern, toDayNumber(recurrence.range.first), own)
  const { at, reach } = time.allDay ? wholeDays(time) : clockTimes(time, zone)
  return {
    size: Math.min(sizeOf(recurrence.range, days), days.placeFrom(LAST_DAY + 1)),
    placeFrom: days.placeFrom,
    occurrence(place) {
      const there = at(days.at(place))
      return { index: place + 1, start: there.allDay ? there.firstDay : there.start, time: there }
    },
    dayAt: (moment) => toDayNumber(toLocal(moment, zone).date),
    reach,
  }
}

/**
 * Counted from the first day of the range. Only where that misses the day on which the series is known to begin, and
 * the pattern allows that day, it is counted from there: every second monday from a wednesday on.
 */
function anchored(pattern: Rule['recurrence']['pattern'], first: number, own: number): PatternDays {
  const days = patternDays(pattern, first)
  if (own <= first || holds(days, own)) return days
  const later = patternDays(pattern, own)
  return holds(later, own) ? later : days
}

function sizeOf(range: RecurrenceRange, days: PatternDays): number {
  if (range.type === 'endless') return Infinity
  if (range.type === 'until') return days.placeFrom(toDayNumber(range.last) + 1)
  if (Number.isInteger(range.count) && range.count > 0) return range.count
  throw new RangeError(`The recurrence rule has ${range.count} occurrences: it must be a whole number from 1.`)
}

interface Times {
  at(day: number): EventTime
  readonly reach: number
}

function wholeDays(time: EventTime & { readonly allDay: true }): Times {
  const reach = Math.max(0, toDayNumber(time.lastDay) - toDayNumber(time.firstDay))
  return { at: (day) => ({ allDay: true, firstDay: toDate(day), lastDay: toDate(day + reach) }), reach }
}

/**
 * Both ends keep their wall clock time, as in Exchange: on a night that changes the clocks an occurrence is really
 * shorter or longer. Where the end would no longer come after the start, the length is kept instead.
 */
function clockTimes(time: EventTime & { readonly allDay: false }, zone: string): Times {
  const start = toLocal(time.start, zone)
  const until = toLocal(time.end, zone)
  const span = toDayNumber(until.date) - toDayNumber(start.date)
  const shown = Date.parse(`${until.date}T${until.time}Z`) - Date.parse(`${start.date}T${start.time}Z`)
  const length = Math.max(0, shown > 0 ? shown : instantMs(time.end) - instantMs(time.start))
  const clocks = clocksOf(zone)
  const named = time.zone === undefined ? {} : { zone: time.zone }
  return {
    at(day) {
      const from = clocks.at(day, start.time)
      const to = clocks.at(day + span, until.time)
      const end = to > from ? to : instant(instantMs(from) + length)
      return { allDay: false, start: from, end, ...named }
    },
    reach: Math.ceil(length / DAY),
  }
}

function zoneOf(time: EventTime): string {
  if (time.allDay || time.zone === undefined) return 'UTC'
  if (isZone(time.zone)) return time.zone
  throw new RangeError(`The series has the time zone "${time.zone}": it must be an IANA name, for example Europe/Rome.`)
}

/** When an occurrence begins and ends as moments. Whole days are taken as those of UTC; the end is exclusive. */
export function momentsOf(time: EventTime): { readonly begins: Instant; readonly ends: Instant } {
  if (!time.allDay) return { begins: time.start, ends: time.end }
  return { begins: midnight(time.firstDay), ends: midnight(toDate(toDayNumber(time.lastDay) + 1)) }
}

const midnight = (day: PlainDate) => `${day}T00:00:00Z` as Instant
