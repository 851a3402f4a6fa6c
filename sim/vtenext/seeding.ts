import type { Element } from './save.ts'
import type { StoredRecord } from './store.ts'
import type { SeriesOptions, SimCrmUser } from './types.ts'
import { dateText, wallOf } from './zones.ts'

const DAY_MS = 86_400_000

/** What the browser's form fills in before the user types anything. */
export function withDefaults(module: string, fields: Element, user: SimCrmUser): Element {
  const owner = { assigned_user_id: user.id }
  switch (module) {
    case 'Events':
      return {
        ...owner,
        activitytype: 'Meeting',
        eventstatus: 'Planned',
        due_date: fields.date_start,
        duration_hours: '1',
        visibility: 'Standard',
        ...fields,
      }
    case 'Calendar':
      return { ...owner, activitytype: 'Task', taskstatus: 'Not Started', due_date: fields.date_start, ...fields }
    default:
      return { ...owner, ...fields }
  }
}

const later = (date: unknown, days: number): string => dateText(wallOf(String(date), '00:00') + days * DAY_MS)

/** As the browser does it: one record per date, the first with the rule's label, all with one ical_uuid. */
export function makeSeries(options: SeriesOptions, put: (fields: Element) => StoredRecord): StoredRecord[] {
  const { fields, count, everyDays = 7 } = options
  const label = everyDays === 1 ? 'Daily' : everyDays === 7 ? 'Weekly' : 'Monthly'
  const made: StoredRecord[] = []
  for (let index = 0; index < count; index += 1) {
    const uuid = made[0]?.values[made[0].table.slots.get('ical_uuid') ?? -1]
    made.push(
      put({
        ...fields,
        date_start: later(fields.date_start, index * everyDays),
        due_date: later(fields.due_date ?? fields.date_start, index * everyDays),
        recurringtype: index === 0 ? (fields.recurringtype ?? label) : '',
        recurr_idx: index,
        ...(uuid === undefined ? {} : { ical_uuid: uuid }),
      }),
    )
  }
  return made
}
