import { createHash } from 'node:crypto'

import { folderIdXml, itemIdXml } from './ids.ts'
import type { Attendee, Body, Item, Mailbox } from './model.ts'
import { occurrenceListXml } from './occurrence-info.ts'
import { responseObjectsXml } from './response-objects.ts'
import type { Store } from './store.ts'
import { bodyXml, mailboxXml, textOf } from './values.ts'
import { escapeXml } from './xml.ts'
import { writeInstant } from './zones.ts'

export interface RenderContext {
  store: Store
  mailbox: Mailbox
  /** Windows zone id of the request's TimeZoneContext. */
  zone: string
}

const RIGHTS =
  '<t:CreateAssociated>true</t:CreateAssociated><t:CreateContents>true</t:CreateContents>' +
  '<t:CreateHierarchy>true</t:CreateHierarchy><t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>' +
  '<t:ViewPrivateItems>true</t:ViewPrivateItems>'
export const EFFECTIVE_RIGHTS = `<t:EffectiveRights>${RIGHTS}</t:EffectiveRights>`

/** Bits of AppointmentState: 1 meeting, 2 received, 4 cancelled. */
export function appointmentState(item: Item): number {
  return Number(item.fields['#state'] ?? 0)
}

const STATUS_TEXT: Record<string, string> = {
  NotStarted: 'Not Started',
  InProgress: 'In Progress',
  Completed: 'Completed',
  WaitingOnOthers: 'Waiting on someone else',
  Deferred: 'Deferred',
}

type Compute = (item: Item, context: RenderContext) => string | number | boolean | undefined

/** Properties written as simple text. */
const SIMPLE: Record<string, Compute> = {
  ItemClass: (item) => item.itemClass,
  DateTimeReceived: (item, { zone }) => writeInstant(item.created, zone),
  DateTimeSent: (item, { zone }) => writeInstant(item.created, zone),
  DateTimeCreated: (item, { zone }) => writeInstant(item.created, zone),
  LastModifiedTime: (item, { zone }) => writeInstant(item.modified, zone),
  DateTimeStamp: (item, { zone }) => writeInstant(item.modified, zone),
  LastModifiedName: (_, { mailbox }) => mailbox.name,
  Size: (item) => 600 + JSON.stringify(item.fields).length * 2,
  IsSubmitted: () => false,
  IsDraft: () => false,
  IsFromMe: () => false,
  IsResend: () => false,
  IsUnmodified: (item) => item.created === item.modified,
  IsAssociated: () => false,
  HasAttachments: () => false,
  DisplayTo: (item) => names(item.fields['RequiredAttendees']),
  DisplayCc: (item) => names(item.fields['OptionalAttendees']),
  Preview: (item) => bodyText(item).slice(0, 255),
  SearchKey: (item, { mailbox }) => searchKey(mailbox, item),
  IsMeeting: (item) => (appointmentState(item) & 1) !== 0,
  IsCancelled: (item) => (appointmentState(item) & 4) !== 0,
  IsRecurring: isRecurring,
  IsOrganizer: (item) => (appointmentState(item) & 2) === 0,
  MeetingRequestWasSent: (item) => item.fields['#sent'] === true,
  CalendarItemType: calendarItemType,
  MyResponseType: (item) => String(item.fields['#response'] ?? 'Organizer'),
  AppointmentSequenceNumber: (item) => Number(item.fields['#sequence'] ?? 0),
  AppointmentState: appointmentState,
  ConflictingMeetingCount: () => 0,
  AdjacentMeetingCount: () => 0,
  Duration: (item) => duration(Number(item.fields['End']) - Number(item.fields['Start'])),
  TimeZone: (item) => item.fields['StartTimeZone'] as string | undefined,
  StartTimeZoneId: (item) => item.fields['StartTimeZone'] as string | undefined,
  EndTimeZoneId: (item) => item.fields['EndTimeZone'] as string | undefined,
  StartWallClock: (item) =>
    writeInstant(Number(item.fields['Start']), item.fields['StartTimeZone'] as string | undefined),
  EndWallClock: (item) => writeInstant(Number(item.fields['End']), item.fields['EndTimeZone'] as string | undefined),
  IsComplete: (item) => item.fields['Status'] === 'Completed',
  IsTeamTask: () => false,
  ChangeCount: (item) => item.history?.length ?? 0,
  Owner: (_, { mailbox }) => mailbox.name,
  DelegationState: () => 'NoMatch',
  StatusDescription: (item) => STATUS_TEXT[String(item.fields['Status'])],
  HasPicture: () => false,
  ContactSource: () => 'Store',
}

/** Writes a computed property as XML; an empty string when the item has none. */
export function computedXml(name: string, item: Item, context: RenderContext): string {
  const { store, mailbox } = context
  switch (name) {
    case 'ItemId':
      return itemIdXml(mailbox, item)
    case 'ResponseObjects':
      return responseObjectsXml(item, itemIdXml(mailbox, item, 'ReferenceItemId'))
    case 'FirstOccurrence':
    case 'LastOccurrence':
    case 'ModifiedOccurrences':
    case 'DeletedOccurrences':
      return item.series ? occurrenceListXml(name, item, context) : ''
    case 'ParentFolderId':
      return folderIdXml(mailbox, store.folderOf(mailbox, item), 'ParentFolderId')
    case 'EffectiveRights':
      return EFFECTIVE_RIGHTS
    case 'TextBody':
      return item.fields['Body'] ? bodyXml('TextBody', item.fields['Body'] as Body, 'Text') : ''
    case 'Organizer':
      return `<t:Organizer>${mailboxXml(organizerOf(item, mailbox))}</t:Organizer>`
    case 'CompleteName':
      return completeName(item)
    case 'ReminderNextTime':
      return item.fields['ReminderIsSet'] === true && item.fields['ReminderDueBy'] !== undefined
        ? `<t:ReminderNextTime>${writeInstant(Number(item.fields['ReminderDueBy']), context.zone)}</t:ReminderNextTime>`
        : ''
  }
  const value = computedValue(name, item, context)
  return value === undefined ? '' : `<t:${name}>${escapeXml(String(value))}</t:${name}>`
}

/** A computed property as a plain value, for restrictions and sort orders. */
export function computedValue(name: string, item: Item, context: RenderContext): string | number | boolean | undefined {
  return SIMPLE[name]?.(item, context)
}

function calendarItemType(item: Item): string {
  if (item.occurrence) return item.occurrence.exception ? 'Exception' : 'Occurrence'
  return item.series ? 'RecurringMaster' : 'Single'
}

/**
 * Exchange says false for the organizer's master, and its documentation calls that incorrect.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/isrecurring
 */
function isRecurring(item: Item): boolean {
  if (item.kind === 'Task') return item.fields['Recurrence'] !== undefined
  return item.occurrence !== undefined || (item.series !== null && (appointmentState(item) & 2) !== 0)
}

export function organizerOf(item: Item, mailbox: Mailbox): { address: string; name: string } {
  const address = item.fields['#organizer']
  const name = item.fields['#organizerName']
  return typeof address === 'string' ? { address, name: typeof name === 'string' ? name : address } : { address: mailbox.address, name: mailbox.name }
}

function completeName(item: Item): string {
  const parts: [string, unknown][] = [
    ['FirstName', item.fields['GivenName']],
    ['MiddleName', item.fields['MiddleName']],
    ['LastName', item.fields['Surname']],
    ['Initials', item.fields['Initials']],
    [
      'FullName',
      [item.fields['GivenName'], item.fields['MiddleName'], item.fields['Surname']].filter(Boolean).join(' ') ||
        undefined,
    ],
    ['Nickname', item.fields['Nickname']],
  ]
  const inner = parts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<t:${name}>${escapeXml(String(value))}</t:${name}>`)
  return inner.length > 0 ? `<t:CompleteName>${inner.join('')}</t:CompleteName>` : ''
}

function names(attendees: unknown): string | undefined {
  const list = (attendees as Attendee[] | undefined) ?? []
  return list.length > 0 ? list.map((attendee) => attendee.name).join('; ') : undefined
}

function bodyText(item: Item): string {
  const body = item.fields['Body'] as Body | undefined
  return !body ? '' : body.type === 'HTML' ? textOf(body.text) : body.text
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  const hours = Math.floor(minutes / 60) % 24
  return `P${Math.floor(minutes / 1440)}DT${hours}H${minutes % 60}M`
}

/** PidTagSearchKey: base64, the same for an item and its copies. */
export function searchKey(mailbox: Mailbox, item: Item): string {
  return createHash('md5').update(`${mailbox.address}#${item.searchKey}`).digest('base64')
}

const GLOBAL_ID_HEAD = '040000008200e00074c5b7101a82e008'

/** The UID Exchange gives an item of its own: the hexadecimal GlobalObjectId. */
export function newUid(seed: string): string {
  const data = createHash('sha1').update(seed).digest('hex').slice(0, 32)
  return `${GLOBAL_ID_HEAD}00000000${'0'.repeat(16)}${'0'.repeat(16)}10000000${data}`.toUpperCase()
}

/**
 * CleanGlobalObjectId (base64) that belongs to a UID; a foreign UID is wrapped as vCal-Uid. With the day of an
 * occurrence it is the GlobalObjectId, which holds year, month and day behind the head.
 */
export function globalObjectId(uid: string, day?: number): string {
  const id = uid.toLowerCase().startsWith(GLOBAL_ID_HEAD) ? Buffer.from(uid, 'hex') : wrappedUid(uid)
  if (day !== undefined) {
    const date = new Date(day * 86_400_000)
    id.writeUInt16BE(date.getUTCFullYear(), 16)
    id.writeUInt8(date.getUTCMonth() + 1, 18)
    id.writeUInt8(date.getUTCDate(), 19)
  }
  return id.toString('base64')
}

function wrappedUid(uid: string): Buffer {
  const payload = Buffer.concat([
    Buffer.from('vCal-Uid'),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from(uid),
    Buffer.from([0]),
  ])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(payload.length)
  return Buffer.concat([Buffer.from(GLOBAL_ID_HEAD, 'hex'), Buffer.alloc(20), size, payload])
}
