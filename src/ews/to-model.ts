/** Exchange items as snapshots of the model. */
import { changeKey, instant, itemId, itemOf, normaliseText } from '../model/index.ts'
import type { EventFields, Fields, ItemKind, PlainDate, Snapshot, TaskFields, Traits } from '../model/index.ts'
import { htmlToText } from '../lib/text.ts'
import { child, childText, childrenOf, descend } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { contactFields } from './contact-to-model.ts'
import { unreadableItem } from './errors.ts'
import { ELEMENTS } from './item-shape.ts'
import type { EwsItem } from './operations/ids.ts'
import { stampOf } from './stamp.ts'
import { literalDate, parseInstant, readTime } from './times.ts'
import { FREE_BUSY, IMPORTANCE, SENSITIVITY, TASK_STATUS, readEnum } from './values.ts'

/** Whose mailbox it is: decides who the organizer is, and stands in for a zone the item does not have. */
export interface Owner {
  readonly address: string
  readonly zone: string
}

/**
 * @param item read with the kind's shape
 * @throws SyncError EWS_UNREADABLE_ITEM, naming the item, the property and its value
 */
export function toSnapshot(item: EwsItem, kind: ItemKind, owner: Owner): Snapshot {
  const { properties } = item
  const fields = item.type === ELEMENTS[kind] ? fieldsIn(item, kind, owner) : { subject: lineOf(properties, 'Subject') }
  const uid = kind === 'event' ? childText(properties, 'UID')?.trim() : undefined
  const stamp = stampOf(properties)
  const traits = kind === 'event' ? traitsOf(properties, owner) : undefined
  const born = readProperty(item, 'DateTimeCreated', parseInstant)
  const unsupported = item.type !== ELEMENTS[kind] ? 'unreadable' : isRecurring(properties) ? 'recurring' : undefined
  return {
    id: itemId(item.id),
    changeKey: changeKey(item.changeKey),
    item: itemOf(kind, fields),
    modifiedAt: readProperty(item, 'LastModifiedTime', parseInstant) ?? born ?? instant(0),
    ...(born === undefined ? {} : { bornAt: born }),
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(traits === undefined ? {} : { traits }),
    ...(unsupported === undefined ? {} : { unsupported }),
  }
}

function fieldsIn(item: EwsItem, kind: ItemKind, owner: Owner): Fields {
  switch (kind) {
    case 'event': return eventFields(item, owner.zone)
    case 'task': return taskFields(item)
    case 'contact': return { ...contactFields(item.properties, (name) => readProperty(item, name, literalDate) ?? null), ...bodyOf(item.properties) }
  }
}

function eventFields(item: EwsItem, mailboxZone: string): Fields {
  const { properties } = item
  const start = childText(properties, 'Start')
  const end = childText(properties, 'End')
  if (start === undefined || end === undefined) throw unreadableItem(item.id, 'an event without start or end')
  const zone = child(properties, 'StartTimeZone')?.attributes['Id'] ?? childText(properties, 'StartTimeZoneId')
  const time = explain(item, `Start "${start}", End "${end}"`, () =>
    readTime(start, end, childText(properties, 'IsAllDayEvent') === 'true', zone, mailboxZone))
  const fields: Partial<EventFields> = { ...common(properties), time, place: lineOf(properties, 'Location'), reminder: reminderOf(item) }
  const freeBusy = readEnum(FREE_BUSY, childText(properties, 'LegacyFreeBusyStatus'), 'busy')
  return freeBusy === undefined ? fields : { ...fields, freeBusy }
}

function taskFields(item: EwsItem): Fields {
  const day = (name: string): PlainDate | null => readProperty(item, name, literalDate) ?? null
  const fields: Partial<TaskFields> = { ...common(item.properties), startDate: day('StartDate'), dueDate: day('DueDate') }
  const status = readEnum(TASK_STATUS, childText(item.properties, 'Status'), 'notStarted')
  return status === undefined ? fields : { ...fields, status }
}

type CommonFields = Pick<Partial<TaskFields>, 'subject' | 'body' | 'sensitivity' | 'importance' | 'categories'>

function common(properties: XmlElement): CommonFields {
  const sensitivity = readEnum(SENSITIVITY, childText(properties, 'Sensitivity'), 'normal')
  const importance = readEnum(IMPORTANCE, childText(properties, 'Importance'), 'normal')
  return {
    subject: lineOf(properties, 'Subject'),
    ...bodyOf(properties),
    ...(sensitivity === undefined ? {} : { sensitivity }),
    ...(importance === undefined ? {} : { importance }),
    categories: childrenOf(child(properties, 'Categories'), 'String').map((category) => category.text),
  }
}

function bodyOf(properties: XmlElement): { body: string } {
  const body = child(properties, 'Body')
  if (body === undefined) return { body: '' }
  return { body: normaliseText(body.attributes['BodyType'] === 'HTML' ? htmlToText(body.text) : body.text) }
}

function lineOf(properties: XmlElement, name: string): string {
  return normaliseText(childText(properties, name) ?? '')
}

function reminderOf(item: EwsItem): number | null {
  if (childText(item.properties, 'ReminderIsSet') !== 'true') return null
  const minutes = Number(childText(item.properties, 'ReminderMinutesBeforeStart') ?? 15)
  // Outlook lets people type anything; a wild value is no reason to drop the event.
  return Number.isInteger(minutes) && minutes >= 0 ? minutes : 15
}

function isRecurring(properties: XmlElement): boolean {
  const type = childText(properties, 'CalendarItemType') ?? 'Single'
  return type !== 'Single' || childText(properties, 'IsRecurring') === 'true' || child(properties, 'Recurrence') !== undefined
}

/**
 * gromox 3.1 says NoResponseReceived on the organizer's own meeting, so an organizer with the owner's address decides
 * before the answer does. AppointmentState: bit 1 is a meeting, bit 2 one that was received.
 */
function traitsOf(properties: XmlElement, owner: Owner): Traits | undefined {
  const hasAttendees = ['RequiredAttendees', 'OptionalAttendees', 'Resources'].some((list) => childrenOf(child(properties, list), 'Attendee').length > 0)
  const state = Number(childText(properties, 'AppointmentState') ?? 0)
  const isMeeting = childText(properties, 'IsMeeting') === 'true' || (state & 1) !== 0
  const answer = childText(properties, 'MyResponseType') ?? 'Unknown'
  const organizer = childText(descend(properties, 'Organizer', 'Mailbox'), 'EmailAddress')?.toLowerCase()
  const isOwn = answer === 'Organizer' || organizer === owner.address.toLowerCase() || (answer === 'Unknown' && (state & 2) === 0)
  const invited = isMeeting && !isOwn
  if (!invited && !hasAttendees) return undefined
  return { ...(invited ? { invited } : {}), ...(hasAttendees ? { hasAttendees } : {}) }
}

/** @returns undefined when the property is not there or empty */
function readProperty<T>(item: EwsItem, name: string, read: (text: string) => T): T | undefined {
  const text = childText(item.properties, name)
  if (text === undefined || text === '') return undefined
  return explain(item, `${name} "${text}"`, () => read(text))
}

function explain<T>(item: EwsItem, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw unreadableItem(item.id, what, error)
  }
}
