/** Items of the model as EWS elements: whole for CreateItem, property by property for UpdateItem. */
import type { EventFields, EventTime, Fields, ItemKind, Stamp, TaskFields } from '../model/index.ts'
import { textToHtml } from '../lib/text.ts'
import { escapeXml } from '../lib/xml.ts'
import { contactProperties } from './contact-from-model.ts'
import { ELEMENTS } from './item-shape.ts'
import { createXml, extended, property, updateXml } from './properties.ts'
import type { Property } from './properties.ts'
import { formatStamp, STAMP_PATH } from './stamp.ts'
import { dayText, writeTime } from './times.ts'
import { FREE_BUSY, IMPORTANCE, SENSITIVITY, TASK_STATUS } from './values.ts'

/** @returns a complete item element, in the order the schema demands; never with attendees */
export function createItemXml(kind: ItemKind, fields: Fields, mailboxZone: string, more: { stamp?: Stamp; uid?: string }): string {
  const properties = [...propertiesOf(kind, fields, mailboxZone), ...stampProperties(more.stamp)]
  if (kind === 'event' && more.uid !== undefined) properties.push(property(40, 'calendar:UID', 'UID', escapeXml(more.uid)))
  return `<t:${ELEMENTS[kind]}>${createXml(properties)}</t:${ELEMENTS[kind]}>`
}

/**
 * @param fields only what changes; a blank value deletes the property
 * @returns SetItemField and DeleteItemField elements, empty when there is nothing to write
 */
export function updatesXml(kind: ItemKind, fields: Fields, mailboxZone: string, stamp?: Stamp): string {
  return updateXml([...propertiesOf(kind, fields, mailboxZone), ...stampProperties(stamp)], ELEMENTS[kind])
}

function propertiesOf(kind: ItemKind, fields: Fields, mailboxZone: string): Property[] {
  switch (kind) {
    case 'event': return eventProperties(fields as Partial<EventFields>, mailboxZone)
    case 'task': return taskProperties(fields as Partial<TaskFields>)
    case 'contact': return [...bodyProperties(fields), ...contactProperties(fields)]
  }
}

function stampProperties(stamp: Stamp | undefined): Property[] {
  return stamp === undefined ? [] : [extended(STAMP_PATH, formatStamp(stamp))]
}

function eventProperties(fields: Partial<EventFields>, mailboxZone: string): Property[] {
  const { time, place, freeBusy, reminder } = fields
  return [
    ...commonProperties(fields),
    ...(reminder === undefined ? [] : reminderProperties(reminder)),
    ...(time === undefined ? [] : timeProperties(time, mailboxZone)),
    ...(freeBusy === undefined ? [] : [property(44, 'calendar:LegacyFreeBusyStatus', 'LegacyFreeBusyStatus', FREE_BUSY[freeBusy])]),
    ...(place === undefined ? [] : [property(45, 'calendar:Location', 'Location', escapeXml(place))]),
  ]
}

/** All five or none: one of them alone moves the event by hours (rule R-20). */
function timeProperties(time: EventTime, mailboxZone: string): Property[] {
  const { start, end, allDay, windowsZone } = writeTime(time, mailboxZone)
  const zone = (order: number, name: string): Property => {
    const element = `<t:${name} Id="${escapeXml(windowsZone)}"/>`
    return { order, path: `<t:FieldURI FieldURI="calendar:${name}"/>`, element }
  }
  return [
    property(41, 'calendar:Start', 'Start', start),
    property(42, 'calendar:End', 'End', end),
    property(43, 'calendar:IsAllDayEvent', 'IsAllDayEvent', String(allDay)),
    zone(46, 'StartTimeZone'),
    zone(47, 'EndTimeZone'),
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
  const element = `<t:Body BodyType="HTML">${body === '' ? '' : escapeXml(textToHtml(body))}</t:Body>`
  return [{ order: 12, path: '<t:FieldURI FieldURI="item:Body"/>', element }]
}
