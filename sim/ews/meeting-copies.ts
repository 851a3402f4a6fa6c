import type { Attendee, Exception, Fields, FieldValue, Item, Mailbox, Series } from './model.ts'
import { saveItem } from './save-item.ts'
import { occurrenceOn } from './series.ts'
import type { Store } from './store.ts'

/** What an invitation carries; the rest of a copy is its owner's own. */
const CONTENT = [
  'UID', 'Subject', 'Body', 'Sensitivity', 'Importance', 'Start', 'End', 'StartTimeZone', 'EndTimeZone',
  'IsAllDayEvent', 'Location', 'IsResponseRequested', 'RequiredAttendees', 'OptionalAttendees', 'Resources', 'Recurrence',
  'AllowNewTimeProposal', 'IsOnlineMeeting', 'MeetingWorkspaceUrl', 'NetShowUrl', 'ConferenceType',
]
const TIMES = ['Start', 'End', 'IsAllDayEvent']
const CANCELLED = 4
/** Exchange puts this before the subject of an attendee's copy. */
const PREFIX = 'Canceled: '

/**
 * Puts the organizer's meeting, or one occurrence of it, into the calendar of an attendee: a new copy, or the copy
 * there is brought up to date. New times ask the attendee again. Somebody who does not have the series gets a single
 * event with the UID of the series and a RecurrenceId. Nothing happens where this server has no such mailbox.
 */
export function deliverCopy(store: Store, organizer: Mailbox, item: Item, address: string): void {
  const mailbox = store.find(address)
  if (!mailbox) return
  const uid = String(item.fields['UID'])
  const content = contentOf(organizer, item)
  const series = item.occurrence ? findCopy(store, mailbox, uid, null) : null
  if (series?.series && item.occurrence) {
    series.series.deleted.delete(item.occurrence.day)
    const occurrence = occurrenceOn(series, item.occurrence.day)
    if (occurrence) bringUpToDate(store, mailbox, occurrence, content, null)
    return
  }
  const copy = findCopy(store, mailbox, uid, item.occurrence?.originalStart ?? null)
  if (item.occurrence) content['RecurrenceId'] = item.occurrence.originalStart
  if (copy) bringUpToDate(store, mailbox, copy, content, seriesFor(address, item, copy.series))
  else createCopy(store, mailbox, item, content, seriesFor(address, item, null))
}

function contentOf(organizer: Mailbox, item: Item): Fields {
  const content: Fields = {}
  for (const name of CONTENT) {
    const value = item.fields[name]
    if (value !== undefined) content[name] = unanswered(name, value)
  }
  return {
    ...content,
    '#organizer': organizer.address,
    '#organizerName': organizer.name,
    '#state': 3,
    '#sequence': Number(item.fields['#sequence'] ?? 0),
    '#intended': String(item.fields['LegacyFreeBusyStatus'] ?? 'Busy'),
  }
}

/** Who answered what is the organizer's alone to know. */
function unanswered<V extends FieldValue | null>(field: string, value: V): V | Attendee[] {
  if (value === null || !['RequiredAttendees', 'OptionalAttendees', 'Resources'].includes(field)) return value
  return (value as Attendee[]).map(({ address, name }) => ({ address, name, response: 'Unknown' }))
}

/** The open question of an invitation: not answered, tentative in the calendar. */
function askedAgain(intended: unknown): Fields {
  return { '#response': 'NoResponseReceived', LegacyFreeBusyStatus: intended === 'Free' ? 'Free' : 'Tentative' }
}

function createCopy(store: Store, mailbox: Mailbox, item: Item, content: Fields, series: Series | null): void {
  const folder = store.distinguished(mailbox, 'calendar')
  if (!folder) return
  const fields: Fields = {
    ...content,
    ...askedAgain(content['#intended']),
    ReminderIsSet: item.fields['ReminderIsSet'] ?? true,
    ReminderMinutesBeforeStart: item.fields['ReminderMinutesBeforeStart'] ?? 15,
    ReminderDueBy: content['Start'] ?? 0,
  }
  store.create(mailbox, folder, { kind: 'CalendarItem', itemClass: 'IPM.Appointment', fields, extended: null, series })
}

function bringUpToDate(store: Store, mailbox: Mailbox, copy: Item, content: Fields, series: Series | null): void {
  const fields = Object.fromEntries(Object.entries(copy.fields).filter(([name]) => !CONTENT.includes(name)))
  Object.assign(fields, content)
  const moved =
    TIMES.some((name) => copy.fields[name] !== fields[name]) || recurrenceOf(copy) !== recurrenceOf({ fields })
  const revived = (Number(copy.fields['#state'] ?? 0) & CANCELLED) !== 0
  if (moved || revived) {
    Object.assign(fields, askedAgain(content['#intended']), { ReminderDueBy: content['Start'] })
    delete fields['AppointmentReplyTime']
  }
  if (copy.occurrence) delete fields['Recurrence']
  const names = new Set(CONTENT.filter((name) => copy.fields[name] !== fields[name]))
  saveItem(store, mailbox, copy, { ...copy, fields, series }, names)
}

function recurrenceOf({ fields }: { fields: Fields }): string | undefined {
  return (fields['Recurrence'] as { xml: string } | undefined)?.xml
}

/** The exceptions and deletions of a series as an attendee gets them; an occurrence he is not invited to is missing. */
function seriesFor(address: string, { series }: Item, own: Series | null): Series | null {
  if (!series) return null
  const copy: Series = { ...series, exceptions: new Map(), deleted: new Set(series.deleted) }
  for (const [day, exception] of series.exceptions) {
    if (isInvited(address, exception)) copy.exceptions.set(day, exceptionFor(exception, own?.exceptions.get(day)))
    else copy.deleted.add(day)
  }
  return copy
}

function isInvited(address: string, { fields }: Exception): boolean {
  const lists = [fields['RequiredAttendees'], fields['OptionalAttendees'], fields['Resources']]
  if (lists.every((list) => list === undefined)) return true
  return lists.some((list) =>
    ((list ?? []) as Attendee[]).some((attendee) => attendee.address.toLowerCase() === address.toLowerCase()),
  )
}

function exceptionFor(exception: Exception, own: Exception | undefined): Exception {
  const theirs = Object.entries(exception.fields).flatMap(([name, value]) =>
    CONTENT.includes(name) ? [[name, unanswered(name, value)] as const] : [],
  )
  const mine = Object.entries(own?.fields ?? {}).filter(([name]) => !CONTENT.includes(name) && name !== '#state')
  return { fields: Object.fromEntries([...mine, ...theirs]), extended: { ...own?.extended } }
}

/**
 * Marks an attendee's copy of a meeting, or of one occurrence, as cancelled. It stays in the calendar until its owner
 * removes it.
 */
export function cancelCopy(store: Store, item: Item, address: string): void {
  const mailbox = store.find(address)
  if (!mailbox) return
  const uid = String(item.fields['UID'])
  const day = item.occurrence?.day
  const series = day === undefined ? null : findCopy(store, mailbox, uid, null)
  const copy =
    series && day !== undefined
      ? occurrenceOn(series, day)
      : findCopy(store, mailbox, uid, item.occurrence?.originalStart ?? null)
  if (!copy) return
  const subject = String(copy.fields['Subject'] ?? '')
  const fields: Fields = {
    ...copy.fields,
    Subject: subject.startsWith(PREFIX) ? subject : `${PREFIX}${subject}`,
    LegacyFreeBusyStatus: 'Free',
    '#state': Number(copy.fields['#state'] ?? 3) | CANCELLED,
  }
  saveItem(store, mailbox, copy, { ...copy, fields }, new Set(['Subject', 'LegacyFreeBusyStatus', 'IsCancelled']))
}

/** The copy an attendee has of a meeting; with `recurrenceId` that of one occurrence without its series. */
function findCopy(store: Store, mailbox: Mailbox, uid: string, recurrenceId: number | null): Item | null {
  for (const item of inCalendars(store, mailbox)) {
    const { UID, RecurrenceId = null, '#organizer': organizer } = item.fields
    if (UID === uid && RecurrenceId === recurrenceId && typeof organizer === 'string') return item
  }
  return null
}

/** The organizer's own item of a meeting. */
export function findOwn(store: Store, mailbox: Mailbox, uid: string): Item | null {
  for (const item of inCalendars(store, mailbox))
    if (item.fields['UID'] === uid && item.fields['#organizer'] === undefined) return item
  return null
}

function* inCalendars(store: Store, mailbox: Mailbox): Generator<Item, void> {
  for (const item of mailbox.items.values()) {
    if (item.kind !== 'CalendarItem') continue
    if (store.folderOf(mailbox, item).folderClass.startsWith('IPF.Appointment')) yield item
  }
}
