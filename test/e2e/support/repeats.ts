/** How an event or task repeats; without `count` it never ends. */
export interface Repeats {
  readonly every: 'day' | 'week' | 'last-weekday'
  /** YYYY-MM-DD */
  readonly from: string
  readonly count?: number
}

const weekdayOf = (date: string) => new Date(`${date}T12:00:00Z`).toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' })

/** As EWS writes it. */
export function recurrenceXml({ every, from, count }: Repeats): string {
  const pattern = {
    'day': '<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>',
    'week': `<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>${weekdayOf(from)}</t:DaysOfWeek></t:WeeklyRecurrence>`,
    'last-weekday': '<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>',
  }[every]
  const range = count === undefined ? `<t:NoEndRecurrence><t:StartDate>${from}</t:StartDate></t:NoEndRecurrence>`
    : `<t:NumberedRecurrence><t:StartDate>${from}</t:StartDate><t:NumberOfOccurrences>${count}</t:NumberOfOccurrences></t:NumberedRecurrence>`
  return `<t:Recurrence>${pattern}${range}</t:Recurrence>`
}

/** As Graph writes it. */
export function recurrenceJson({ every, from, count }: Repeats): object {
  const pattern = {
    'day': { type: 'daily', interval: 1 },
    'week': { type: 'weekly', interval: 1, daysOfWeek: [weekdayOf(from).toLowerCase()], firstDayOfWeek: 'monday' },
    'last-weekday': { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], index: 'last' },
  }[every]
  return { pattern, range: count === undefined ? { type: 'noEnd', startDate: from } : { type: 'numbered', startDate: from, numberOfOccurrences: count } }
}
