import type { PlainFields, PlainItem } from '../../../sim/ews/index.ts'
import type { PlainItem as CloudPlain } from '../../../sim/graph/index.ts'
import { recurrenceJson } from './repeats.ts'
import type { Repeats } from './repeats.ts'

const NAMES: Readonly<Record<string, string>> = {
  Location: 'location', Importance: 'importance', Sensitivity: 'sensitivity', IsAllDayEvent: 'isAllDay', Categories: 'categories',
  RequiredAttendees: 'attendees', Start: 'start', End: 'end', Status: 'status', StartDate: 'startDateTime', DueDate: 'dueDateTime', organizer: 'organizer',
  GivenName: 'givenName', Surname: 'surname', JobTitle: 'jobTitle', UID: 'uid',
}
/** What To Do has no place for. */
const NOT_OF_TASKS = ['PercentComplete', 'Sensitivity']

const lower = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1)
const upper = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

/** What somebody types, from the words of EWS into those of Graph. `Repeats` says how it repeats. */
export function toCloud(folder: string, fields: PlainFields): Record<string, unknown> {
  const { Subject, Body, Repeats, StartTimeZone, ...rest } = fields
  const zone = typeof StartTimeZone === 'string' ? StartTimeZone : null
  const told: Record<string, unknown> = {}
  if (Subject !== undefined) told[folder === 'tasks' ? 'title' : 'subject'] = Subject
  if (Body !== undefined) told['body'] = typeof Body === 'string' ? { contentType: 'text', content: Body } : bodyOf(Body as { type: string; text: string })
  if (Repeats !== undefined) told['recurrence'] = Repeats === null ? null : recurrenceJson(Repeats as Repeats)
  for (const [name, value] of Object.entries(rest)) {
    if (folder === 'tasks' && NOT_OF_TASKS.includes(name)) continue
    const there = NAMES[name]
    if (there === undefined) throw new Error(`Nobody says yet what ${name} is in Graph.`)
    told[there] = valueOf(name, value, zone)
  }
  return told
}

function bodyOf({ type, text }: { type: string; text: string }): object {
  return { contentType: type.toLowerCase(), content: text }
}

function valueOf(name: string, value: unknown, zone: string | null): unknown {
  if (name === 'Status' || name === 'Sensitivity' || name === 'Importance') return lower(String(value))
  if (name === 'StartDate' || name === 'DueDate') return { dateTime: `${String(value).slice(0, 10)}T00:00:00`, timeZone: 'UTC' }
  if ((name === 'Start' || name === 'End') && zone !== null) return { dateTime: value, timeZone: zone }
  return value
}

/** An item of the cloud in the words of EWS, as far as scenarios look at it. */
export function fromCloud({ kind, id, changeKey, folder, fields, extended, created, modified, cancelledDates, exceptionDates }: CloudPlain): PlainItem {
  const told = kind === 'task' ? taskOf(fields) : kind === 'contact' ? contactOf(fields) : eventOf(fields)
  const stamped = kind === 'task' ? Object.fromEntries((fields['linkedResources'] as { externalId: string }[]).map(({ externalId }) => ['linked', externalId])) : extended
  const exceptions = exceptionDates.map((date) => ({ id: date }) as PlainItem)
  return {
    id, changeKey, class: kind, folder, fields: told, extended: stamped, created, modified,
    ...(fields['recurrence'] == null ? {} : { series: { exceptions, deleted: cancelledDates } }),
  }
}

const instantOf = (time: { dateTime: string }) => `${time.dateTime.slice(0, 19)}Z`

function eventOf(fields: Record<string, any>): PlainItem['fields'] {
  return {
    Subject: fields['subject'], Body: fields['body'].content, Location: fields['location']?.displayName ?? '', Start: instantOf(fields['start']), End: instantOf(fields['end']),
    IsAllDayEvent: fields['isAllDay'], Sensitivity: upper(fields['sensitivity']), Importance: upper(fields['importance']), Categories: fields['categories'], UID: fields['iCalUId'],
    RequiredAttendees: fields['attendees'].map((one: any) => ({ address: one.emailAddress.address, response: one.status?.response })), recurrence: fields['recurrence'],
  }
}

function taskOf(fields: Record<string, any>): PlainItem['fields'] {
  const day = (time: { dateTime: string } | null) => time?.dateTime.slice(0, 10)
  return { Subject: fields['title'], Body: fields['body'].content, Status: upper(fields['status']), StartDate: day(fields['startDateTime']), DueDate: day(fields['dueDateTime']), recurrence: fields['recurrence'] }
}

function contactOf(fields: Record<string, any>): PlainItem['fields'] {
  const { mobilePhone, homePhones, businessPhones, ...rest } = fields
  return { ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [upper(name), value])), PhoneNumbers: { mobilePhone, homePhones, businessPhones } }
}
