/** Items of the model as EWS elements: whole for CreateItem, property by property for UpdateItem. */
import type { Attendee, EventFields, EventTime, Fields, ItemKind, PlainDate, Recurrence, Series, Stamp, TaskFields } from '../model/index.ts'
import { firstOccurrence } from '../recurrence/index.ts'
import { textToHtml } from '../lib/text.ts'
import { toWindowsZone } from '../lib/windows-zones.ts'
import { escapeXml } from '../lib/xml.ts'
import { contactProperties } from './contact-from-model.ts'
import { newBodyHtml } from './event-body.ts'
import { ELEMENTS } from './item-shape.ts'
import { createXml, extended, property, updateXml } from './properties.ts'
import type { Property } from './properties.ts'
import { formatStamp, STAMP_PATH } from './stamp.ts'
import { recurrenceXml } from './recurrence-xml.ts'
import { dayOfStart } from './series-to-model.ts'
import { dayText, writeTime } from './times.ts'
import { ATTENDEE_LISTS, FREE_BUSY, IMPORTANCE, SENSITIVITY, TASK_STATUS } from './values.ts'

export interface NewItem {
  readonly stamp?: Stamp
  readonly uid?: string
  readonly series?: Series
  /** The attendees are invited; otherwise the text names them. */
  readonly invite?: boolean
}

/**
 * @returns a complete item element, in the order the schema demands
 * @throws RangeError for a day, a zone or a rule that Exchange has no form for
 */
export function createItemXml(kind: ItemKind, fields: Fields, mailboxZone: string, more: NewItem): string {
  const properties = [
    ...(kind === 'event' ? newEventProperties(fields as Partial<EventFields>, mailboxZone, more) : propertiesOf(kind, fields, mailboxZone)),
    ...stampProperties(more.stamp),
  ]
  if (kind === 'event' && more.uid !== undefined) properties.push(property(ORDER.uid, 'calendar:UID', 'UID', escapeXml(more.uid)))
  return `<t:${ELEMENTS[kind]}>${createXml(properties)}</t:${ELEMENTS[kind]}>`
}

/** What else an update of an event writes; `event-changes.ts` decides. */
export interface EventChange {
  readonly bodyHtml?: string
  readonly attendees?: readonly Attendee[]
  readonly recurrence?: Recurrence
}

/**
 * @param fields only what changes; a blank value deletes the property. Attendees and the like are left out
 * @param ownZone IANA: the item's, or the mailbox's
 * @returns SetItemField and DeleteItemField elements, empty when there is nothing to write
 */
export function updatesXml(kind: ItemKind, fields: Fields, ownZone: string, stamp?: Stamp, change: EventChange = {}): string {
  const { bodyHtml, attendees, recurrence } = change
  const { time } = fields as Partial<EventFields>
  return updateXml([
    ...propertiesOf(kind, fields, ownZone),
    ...(bodyHtml === undefined ? [] : [bodyProperty(bodyHtml)]),
    ...(attendees === undefined ? [] : attendeeProperties(attendees)),
    ...(recurrence === undefined || time === undefined ? [] : recurrenceProperties({ recurrence, time, exceptions: [], deleted: [] }, ownZone)),
    ...stampProperties(stamp),
  ], ELEMENTS[kind])
}

function propertiesOf(kind: ItemKind, fields: Fields, ownZone: string): Property[] {
  switch (kind) {
    case 'event': return eventProperties(fields as Partial<EventFields>, ownZone)
    case 'task': return taskProperties(fields as Partial<TaskFields>)
    case 'contact': return [...bodyProperties(fields), ...contactProperties(fields)]
  }
}

function stampProperties(stamp: Stamp | undefined): Property[] {
  return stamp === undefined ? [] : [extended(STAMP_PATH, formatStamp(stamp))]
}

/** Places in the schema's sequence. */
const ORDER = {
  uid: 40, Start: 41, End: 42, IsAllDayEvent: 43, LegacyFreeBusyStatus: 44, Location: 45, attendees: 46, Recurrence: 49, zones: 50,
} as const

function newEventProperties(fields: Partial<EventFields>, mailboxZone: string, { series, invite }: NewItem): Property[] {
  const { body, attendees = [], organizer = null, ...others } = fields
  const named = invite === true ? { organizer: null, attendees: [] } : { organizer, attendees }
  const html = newBodyHtml(body ?? '', named)
  const rule = series === undefined ? undefined : alignedSeries(series, mailboxZone)
  return [
    ...eventProperties({ ...others, ...(rule === undefined ? {} : { time: rule.time }) }, mailboxZone),
    ...(body === undefined && html === '' ? [] : [bodyProperty(html)]),
    ...(invite === true ? attendeeProperties(attendees).filter(({ element }) => element !== '') : []),
    ...(rule === undefined ? [] : recurrenceProperties(rule, mailboxZone)),
  ]
}

/** A master begins with its first occurrence, or the server loses the zone of a weekly series. */
function alignedSeries(series: Series, mailboxZone: string): Series {
  const { recurrence, time } = series
  const zoned = time.allDay ? time : { ...time, zone: time.zone ?? mailboxZone }
  const first = firstOccurrence(recurrence, zoned)
  if (first === null) throw new RangeError('A series that ends before its first occurrence.')
  if (!zoned.allDay && toWindowsZone(zoned.zone) === undefined) throw new RangeError(`A series in the zone "${zoned.zone}", which Windows does not know.`)
  return { ...series, time: first.time }
}

function recurrenceProperties({ recurrence, time }: Series, ownZone: string): Property[] {
  const first: PlainDate = time.allDay ? time.firstDay : dayOfStart(time.start, time.zone ?? ownZone)
  return [{ order: ORDER.Recurrence, path: '<t:FieldURI FieldURI="calendar:Recurrence"/>', element: recurrenceXml(recurrence, first) }]
}

/** All three lists: who changed the list leaves the other one. */
function attendeeProperties(attendees: readonly Attendee[]): Property[] {
  return ATTENDEE_LISTS.map(([name, role], at) => {
    const people = attendees.filter((one) => one.role === role).map(({ name: shown, address }) =>
      `<t:Attendee><t:Mailbox>${shown === '' ? '' : `<t:Name>${escapeXml(shown)}</t:Name>`}<t:EmailAddress>${escapeXml(address)}</t:EmailAddress></t:Mailbox></t:Attendee>`)
    return property(ORDER.attendees + at, `calendar:${name}`, name, people.join(''))
  })
}

function eventProperties(fields: Partial<EventFields>, ownZone: string): Property[] {
  const { time, place, freeBusy, reminder } = fields
  return [
    ...commonProperties(fields),
    ...(reminder === undefined ? [] : reminderProperties(reminder)),
    ...(time === undefined ? [] : timeProperties(time, ownZone)),
    ...(freeBusy === undefined ? [] : [property(ORDER.LegacyFreeBusyStatus, 'calendar:LegacyFreeBusyStatus', 'LegacyFreeBusyStatus', FREE_BUSY[freeBusy])]),
    ...(place === undefined ? [] : [property(ORDER.Location, 'calendar:Location', 'Location', escapeXml(place))]),
  ]
}

/** All five or none: one of them alone moves the event by hours (rule R-20). */
function timeProperties(time: EventTime, ownZone: string): Property[] {
  const { start, end, allDay, windowsZone } = writeTime(time, ownZone)
  const zone = (order: number, name: string): Property => {
    const element = `<t:${name} Id="${escapeXml(windowsZone)}"/>`
    return { order, path: `<t:FieldURI FieldURI="calendar:${name}"/>`, element }
  }
  return [
    property(ORDER.Start, 'calendar:Start', 'Start', start),
    property(ORDER.End, 'calendar:End', 'End', end),
    property(ORDER.IsAllDayEvent, 'calendar:IsAllDayEvent', 'IsAllDayEvent', String(allDay)),
    zone(ORDER.zones, 'StartTimeZone'),
    zone(ORDER.zones + 1, 'EndTimeZone'),
  ]
}

function reminderProperties(minutes: number | null): Property[] {
  const isSet = property(20, 'item:ReminderIsSet', 'ReminderIsSet', String(minutes !== null))
  if (minutes === null) return [isSet]
  return [isSet, property(21, 'item:ReminderMinutesBeforeStart', 'ReminderMinutesBeforeStart', String(minutes))]
}

/** Status only: percentage and completion date follow it, and the last of the three in a request would win. */
function taskProperties(fields: Partial<TaskFields>): Property[] {
  const day = (order: number, name: 'StartDate' | 'DueDate', value: TaskFields['dueDate'] | undefined) =>
    value === undefined ? [] : [property(order, `task:${name}`, name, value === null ? '' : dayText(value))]
  return [
    ...commonProperties(fields),
    ...day(40, 'DueDate', fields.dueDate),
    ...day(41, 'StartDate', fields.startDate),
    ...(fields.status === undefined ? [] : [property(42, 'task:Status', 'Status', TASK_STATUS[fields.status])]),
  ]
}

function commonProperties(fields: Pick<Partial<TaskFields>, 'subject' | 'sensitivity' | 'body' | 'categories' | 'importance'>): Property[] {
  const { subject, sensitivity, categories, importance } = fields
  const list = categories?.map((category) => `<t:String>${escapeXml(category)}</t:String>`).join('')
  return [
    ...(subject === undefined ? [] : [property(10, 'item:Subject', 'Subject', escapeXml(subject), { keepEmpty: true })]),
    ...(sensitivity === undefined ? [] : [property(11, 'item:Sensitivity', 'Sensitivity', SENSITIVITY[sensitivity])]),
    ...bodyProperties(fields),
    ...(list === undefined ? [] : [property(13, 'item:Categories', 'Categories', list)]),
    ...(importance === undefined ? [] : [property(14, 'item:Importance', 'Importance', IMPORTANCE[importance])]),
  ]
}

function bodyProperties({ body }: { readonly body?: unknown }): Property[] {
  if (typeof body !== 'string') return []
  return [bodyProperty(body === '' ? '' : textToHtml(body))]
}

const bodyProperty = (html: string): Property =>
  ({ order: 12, path: '<t:FieldURI FieldURI="item:Body"/>', element: `<t:Body BodyType="HTML">${escapeXml(html)}</t:Body>` })
