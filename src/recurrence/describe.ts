import type { Recurrence, RecurrencePattern, RecurrenceRange, RelativeDay } from '../model/index.ts'
import { WEEKDAYS } from '../model/index.ts'

const MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June',
  'July', 'August', 'September', 'October', 'November', 'December',
]

/** A rule as a short English sentence without a full stop: "every second week on Monday and Friday, 10 times". */
export const describe = ({ pattern, range }: Recurrence): string => `${describePattern(pattern)}${describeRange(range)}`

function describePattern(pattern: RecurrencePattern): string {
  switch (pattern.type) {
    case 'daily': return every(pattern.interval, 'day')
    case 'weekly': {
      const named = WEEKDAYS.filter((day) => pattern.days.includes(day))
      const fromMonday = [...named.filter((day) => day !== 'sunday'), ...named.filter((day) => day === 'sunday')]
      return `${every(pattern.interval, 'week')} on ${list(fromMonday.map(capital))}`
    }
    case 'absoluteMonthly': return `${every(pattern.interval, 'month')} on ${dayOfMonth(pattern.day)}`
    case 'relativeMonthly':
      return `${every(pattern.interval, 'month')} on the ${pattern.index} ${relative(pattern.day)}`
    case 'absoluteYearly': return `${every(pattern.interval, 'year')} on ${pattern.day} ${monthName(pattern.month)}`
    case 'relativeYearly': {
      const named = `${pattern.index} ${relative(pattern.day)}`
      return `${every(pattern.interval, 'year')} on the ${named} of ${monthName(pattern.month)}`
    }
  }
}

function describeRange(range: RecurrenceRange): string {
  if (range.type === 'endless') return ', without end'
  if (range.type === 'until') return `, until ${range.last}`
  return range.count === 1 ? ', once' : `, ${range.count} times`
}

function every(interval: number, unit: string): string {
  if (interval === 1) return `every ${unit}`
  return interval === 2 ? `every second ${unit}` : `every ${interval} ${unit}s`
}

const dayOfMonth = (day: number) => (day > 28 ? `day ${day} (or the last)` : `day ${day}`)
const relative = (day: RelativeDay) => (day === 'weekendDay' ? 'weekend day' : isWeekday(day) ? capital(day) : day)
const isWeekday = (day: RelativeDay) => WEEKDAYS.some((weekday) => weekday === day)
const monthName = (month: number) => MONTHS[month - 1] ?? `month ${month}`
const capital = (name: string) => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
const list = (names: readonly string[]) =>
  [names.slice(0, -1).join(', '), ...names.slice(-1)].filter(Boolean).join(' and ')
