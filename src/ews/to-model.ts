/** Exchange items as snapshots of the model. */
import { changeKey, instant, itemId, itemOf, normaliseText } from '../model/index.ts'
import type { EventFields, Exception, Fields, ItemKind, PlainDate, Series, Snapshot, TaskFields } from '../model/index.ts'
import { SyncError } from '../lib/errors.ts'
import { splitPeople } from '../lib/people-block.ts'
import { htmlToText } from '../lib/text.ts'
import { toIanaZone } from '../lib/windows-zones.ts'
import { child, childText, childrenOf } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { contactFields } from './contact-to-model.ts'
import { unreadableItem } from './errors.ts'
import { ELEMENTS } from './item-shape.ts'
import type { EwsItem } from './operations/ids.ts'
import { stampOf } from './stamp.ts'
import { meetingFacts, peopleFields, traitsOf } from './people-to-model.ts'
import { listedExceptions, ruleOf, seriesOf } from './series-to-model.ts'
import { literalDate, parseInstant, readTime } from './times.ts'
import { FREE_BUSY, IMPORTANCE, SENSITIVITY, TASK_STATUS, readEnum } from './values.ts'

/** Whose mailbox it is: decides who the organizer is, and stands in for a zone the item does not have. */
export interface Owner {
  readonly address: string
  readonly zone: string
}

/** Items by id: the exceptions of a master, read like items of their own. */
export type Exceptions = ReadonlyMap<string, EwsItem>

/**
 * @param item read with the kind's shape
 * @param exceptions of a master, as far as they could be read (`whole-items.ts`)
 * @throws SyncError EWS_UNREADABLE_ITEM, naming the item, the property and its value
 */
export function toSnapshot(item: EwsItem, kind: ItemKind, owner: Owner, exceptions: Exceptions = new Map()): Snapshot {
  const { properties } = item
  const fields = item.type === ELEMENTS[kind] ? fieldsIn(item, kind, owner) : { subject: lineOf(properties, 'Subject') }
  const series = item.type === ELEMENTS.event && kind === 'event' && isMaster(properties)
    ? readSeries(item, fields as Partial<EventFields>, owner, exceptions) : undefined
  const uid = kind === 'event' ? childText(properties, 'UID')?.trim() : undefined
  const stamp = stampOf(properties)
  const traits = kind === 'event' ? traitsOf(meetingFacts(properties, owner)) : undefined
  const born = readProperty(item, 'DateTimeCreated', parseInstant)
  const unsupported = item.type !== ELEMENTS[kind] || series === null ? 'unreadable'
    : series === undefined && isRecurring(properties) ? 'recurring' : undefined
  return {
    id: itemId(item.id),
    changeKey: changeKey(item.changeKey),
    item: itemOf(kind, fields),
    modifiedAt: readProperty(item, 'LastModifiedTime', parseInstant) ?? born ?? instant(0),
    ...(born === undefined ? {} : { bornAt: born }),
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(traits === undefined ? {} : { traits }),
    ...(series === undefined || series === null ? {} : { series }),
    ...(unsupported === undefined ? {} : { unsupported }),
  }
}

function fieldsIn(item: EwsItem, kind: ItemKind, owner: Owner): Fields {
  switch (kind) {
    case 'event': return eventFields(item, owner)
    case 'task': return taskFields(item)
    case 'contact': return { ...contactFields(item.properties, (name) => readProperty(item, name, literalDate) ?? null), ...bodyOf(item.properties) }
  }
}

function eventFields(item: EwsItem, owner: Owner): Partial<EventFields> {
  const { properties } = item
  const start = childText(properties, 'Start')
  const end = childText(properties, 'End')
  if (start === undefined || end === undefined) throw unreadableItem(item.id, 'an event without start or end')
  const time = explain(item, `Start "${start}", End "${end}"`, () =>
    readTime(start, end, childText(properties, 'IsAllDayEvent') === 'true', windowsZoneOf(properties), owner.zone))
  const split = splitPeople(bodyText(properties))
  const fields: Partial<EventFields> = {
    ...common(properties), body: normaliseText(split.text), time, place: lineOf(properties, 'Location'), reminder: reminderOf(item),
    ...peopleFields(properties, owner, split),
  }
  const freeBusy = readEnum(FREE_BUSY, childText(properties, 'LegacyFreeBusyStatus'), 'busy')
  return freeBusy === undefined ? fields : { ...fields, freeBusy }
}

const windowsZoneOf = (properties: XmlElement): string | undefined =>
  child(properties, 'StartTimeZone')?.attributes['Id'] ?? childText(properties, 'StartTimeZoneId')

/** The item's own zone as IANA name, undefined where it tells none that the world knows. */
export function zoneOf(properties: XmlElement): string | undefined {
  const windows = windowsZoneOf(properties)
  return windows === undefined ? undefined : toIanaZone(windows)
}

/**
 * The exceptions that a master lists, as ids to read. Empty for anything that is no readable master.
 */
export function exceptionIds(item: EwsItem, owner: Owner): readonly string[] {
  if (item.type !== ELEMENTS.event || !isMaster(item.properties)) return []
  return lenient(() => {
    const { time } = eventFields(item, owner)
    if (time === undefined) return []
    const zone = zoneOf(item.properties) ?? owner.zone
    return listedExceptions(item.properties, ruleOf(item.properties, time, zone), zone).map(({ id }) => id)
  }) ?? []
}

/** @returns null when the rule cannot be read */
function readSeries(item: EwsItem, master: Partial<EventFields>, owner: Owner, exceptions: Exceptions): Series | null {
  const zone = zoneOf(item.properties) ?? owner.zone
  const { time } = master
  if (time === undefined) return null
  return lenient(() => {
    const read = new Map([...exceptions].flatMap(([id, exception]) => {
      const one = lenient(() => readException(exception, master, owner))
      return one === null ? [] : [[id, one] as const]
    }))
    return seriesOf(item.properties, ruleOf(item.properties, time, zone), zone, read, master)
  })
}

function readException(exception: EwsItem, master: Partial<EventFields>, owner: Owner): Omit<Exception, 'start'> {
  const fields = eventFields(exception, owner)
  const modifiedAt = readProperty(exception, 'LastModifiedTime', parseInstant)
  // A text of its own is told even when it is empty.
  const shared = child(exception.properties, 'Body') === undefined && master.body !== undefined ? { body: master.body } : {}
  return { fields: { ...fields, ...shared }, ...(modifiedAt === undefined ? {} : { modifiedAt }) }
}

/** @returns null for what cannot be read; a series is more than one bad value in it */
function lenient<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyncError) return null
    throw error
  }
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

const bodyOf = (properties: XmlElement): { body: string } => ({ body: bodyText(properties) })

/** The body as plain text, an event's with the people it names. */
export function bodyText(properties: XmlElement): string {
  const body = child(properties, 'Body')
  if (body === undefined) return ''
  return normaliseText(body.attributes['BodyType'] === 'HTML' ? htmlToText(body.text) : body.text)
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

/** A master by its name, or by its rule where the server does not say what kind it is. */
function isMaster(properties: XmlElement): boolean {
  const type = childText(properties, 'CalendarItemType') ?? 'Single'
  return type === 'RecurringMaster' || (type === 'Single' && child(properties, 'Recurrence') !== undefined)
}

/** An occurrence that came by itself; some servers list them beside their masters. */
export const isOccurrence = (item: EwsItem): boolean =>
  ['Occurrence', 'Exception'].includes(childText(item.properties, 'CalendarItemType') ?? '')

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
