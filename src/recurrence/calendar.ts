/** Calendar arithmetic on whole numbers: days since 1970-01-01 and months since the year 0. */
import type { PlainDate, RelativeDay, WeekIndex } from '../model/index.ts'
import { plainDate, WEEKDAYS } from '../model/index.ts'

/** Milliseconds of a day in UTC. */
export const DAY = 86_400_000

/** @throws RangeError when the text is not a real calendar day */
export const toDayNumber = (date: string): number => Date.parse(`${plainDate(date)}T00:00:00Z`) / DAY

export const toDate = (day: number): PlainDate => new Date(day * DAY).toISOString().slice(0, 10) as PlainDate

/** 0 is sunday, as in `WEEKDAYS`; the first day of all, 1970-01-01, was a thursday. */
export const weekdayOf = (day: number): number => modulo(day + 4, 7)

export function monthOf(day: number): number {
  const date = new Date(day * DAY)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

export const firstOfMonth = (month: number): number => Date.UTC(Math.floor(month / 12), modulo(month, 12), 1) / DAY

/** The day of this number in a month; beyond the month's end it is the last day. */
export const dayInMonth = (month: number, day: number): number =>
  Math.min(firstOfMonth(month) + day, firstOfMonth(month + 1)) - 1

const POSITIONS: Readonly<Record<WeekIndex, number>> = { first: 1, second: 2, third: 3, fourth: 4, last: 1 }

/** "The second tuesday", "the last weekday" of a month: every month has each of them. */
export function relativeDayInMonth(month: number, wanted: RelativeDay, index: WeekIndex): number {
  const step = index === 'last' ? -1 : 1
  let day = index === 'last' ? firstOfMonth(month + 1) - 1 : firstOfMonth(month)
  for (let left = POSITIONS[index]; ; day += step) {
    if (isKind(day, wanted)) left -= 1
    if (left === 0) return day
  }
}

function isKind(day: number, wanted: RelativeDay): boolean {
  const weekday = weekdayOf(day)
  if (wanted === 'day') return true
  if (wanted === 'weekendDay') return weekday === 0 || weekday === 6
  if (wanted === 'weekday') return weekday !== 0 && weekday !== 6
  return WEEKDAYS[weekday] === wanted
}

export const modulo = (value: number, by: number): number => ((value % by) + by) % by
