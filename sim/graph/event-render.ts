import { changeKey, folderId, itemId, occurrenceUid } from './ids.ts'
import type { Attendee, EmailAddress, EventFields, EventItem, Mailbox, Recurrence } from './model.ts'
import type { Instance } from './series.ts'
import { seriesZone } from './series.ts'
import { bodyAs, previewOf } from './text.ts'
import type { ZonedTime } from './times.ts'
import { stamp, writeDate, writeTime } from './times.ts'
import { instantOf, windowsOf } from './zones.ts'

/** How a client wants to see things: the Prefer headers of its request. */
export interface View {
  mailbox: Mailbox
  immutable: boolean
  /** Zone name as the client wrote it. */
  zone: string
  body: 'html' | 'text'
  /** Does this server show `uid`, which v1.0 keeps in beta? */
  uid: boolean
}

export const NEVER = '0001-01-01T00:00:00Z'

/** A single event, or a whole series as its master. */
export function renderMaster(view: View, event: EventItem): Record<string, unknown> {
  const body = renderFields(view, event, event.fields, null)
  body.type = event.series ? 'seriesMaster' : 'singleInstance'
  if (event.series) body.recurrence = renderRecurrence(event, event.series.recurrence)
  return body
}

/** One appearance: single event, occurrence or exception. */
export function renderInstance(view: View, instance: Instance): Record<string, unknown> {
  if (instance.date === null) return renderMaster(view, instance.event)
  const body = renderFields(view, instance.event, instance.fields, instance.date)
  const exception = instance.event.series?.exceptions.get(instance.date)
  if (exception) {
    body.createdDateTime = stamp(exception.created)
    body.lastModifiedDateTime = stamp(exception.modified)
  }
  body.type = instance.type
  body.seriesMasterId = itemId(view.mailbox, instance.event, view.immutable)
  body.originalStart = originalStart(view, instance)
  body.occurrenceId = occurrenceId(view, instance.event, instance.date)
  return body
}

/**
 * The start by the rule as UTC. Of an all-day event it is midnight in the mailbox's zone, so rarely midnight in UTC.
 */
function originalStart(view: View, { fields, originalStart }: Instance): string {
  const at = fields.isAllDay ? instantOf(view.mailbox.zone, originalStart) : originalStart
  return `${new Date(at).toISOString().slice(0, 19)}Z`
}

/** Documentation: https://learn.microsoft.com/graph/api/resources/event (cancelledOccurrences) */
export function occurrenceId(view: View, event: EventItem, date: string): string {
  return `OID.${itemId(view.mailbox, event, view.immutable)}.${date}`
}

/** What a calendar view's delta says of an occurrence without changes of its own. */
export function renderSlim(view: View, instance: Instance): Record<string, unknown> {
  const full = renderInstance(view, instance)
  return {
    '@odata.type': '#microsoft.graph.event',
    '@odata.etag': full['@odata.etag'],
    seriesMasterId: full.seriesMasterId,
    type: full.type,
    start: full.start,
    end: full.end,
    id: full.id,
  }
}

export function timesOf(view: View, fields: EventFields): { start: ZonedTime; end: ZonedTime } {
  const write = fields.isAllDay ? writeDate : writeTime
  return { start: write(fields.start, view.zone), end: write(fields.end, view.zone) }
}

function renderFields(view: View, event: EventItem, fields: EventFields, date: string | null): Record<string, unknown> {
  const { mailbox, immutable } = view
  const key = changeKey(mailbox, event.seq)
  const id = itemId(mailbox, event, immutable, date ?? undefined)
  const uid = date === null ? event.uid : occurrenceUid(event.uid, date)
  const { start, end } = timesOf(view, fields)
  return {
    '@odata.etag': `W/"${key}"`,
    id,
    createdDateTime: stamp(event.created),
    lastModifiedDateTime: stamp(event.modified),
    changeKey: key,
    categories: fields.categories,
    transactionId: fields.transactionId,
    originalStartTimeZone: windowsOf(fields.startZone),
    originalEndTimeZone: windowsOf(fields.endZone),
    iCalUId: uid,
    ...(view.uid ? { uid: event.uid } : {}),
    reminderMinutesBeforeStart: fields.reminderMinutesBeforeStart,
    isReminderOn: fields.isReminderOn,
    hasAttachments: false,
    subject: fields.subject,
    bodyPreview: previewOf(fields.body),
    importance: fields.importance,
    sensitivity: fields.sensitivity,
    isAllDay: fields.isAllDay,
    isCancelled: fields.isCancelled,
    isOrganizer: fields.isOrganizer,
    responseRequested: fields.responseRequested,
    seriesMasterId: null,
    showAs: fields.showAs,
    type: 'singleInstance',
    webLink: `https://outlook.office365.com/owa/?itemid=${encodeURIComponent(id)}&exvsurl=1&path=/calendar/item`,
    onlineMeetingUrl: null,
    isOnlineMeeting: fields.isOnlineMeeting,
    onlineMeetingProvider: fields.onlineMeetingProvider,
    allowNewTimeProposals: fields.allowNewTimeProposals,
    isDraft: fields.isDraft,
    hideAttendees: fields.hideAttendees,
    recurrence: null,
    onlineMeeting: fields.onlineMeeting,
    responseStatus: fields.response,
    body: bodyAs(fields.body, view.body),
    start,
    end,
    location: fields.location,
    locations: fields.locations,
    attendees: fields.attendees,
    organizer: recipient(fields.organizer),
  }
}

export function recipient(emailAddress: EmailAddress): object {
  return { emailAddress }
}

function renderRecurrence(event: EventItem, { pattern, range }: Recurrence): object {
  return { pattern, range: { ...range, recurrenceTimeZone: windowsOf(seriesZone(event)) } }
}

/** Properties that are there only when $select names them. */
export function addSelected(view: View, event: EventItem, body: Record<string, unknown>, select: string[]): void {
  if (select.includes('cancelledOccurrences'))
    body.cancelledOccurrences = [...(event.series?.cancelled ?? [])].sort().map((date) => occurrenceId(view, event, date))
  if (select.includes('calendarId')) body.calendarId = folderId(view.mailbox, { serial: event.folder })
}

/** Attendees that count as people to be written to: everybody but the organizer himself. */
export function guests(fields: EventFields): Attendee[] {
  const organizer = fields.organizer.address.toLowerCase()
  return fields.attendees.filter((attendee) => attendee.emailAddress.address.toLowerCase() !== organizer)
}
