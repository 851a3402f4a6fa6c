import type { Call } from './call.ts'
import { findItem } from './call.ts'
import { badRequest, conflict, notFound } from './errors.ts'
import { addSelected, renderInstance, renderMaster } from './event-render.ts'
import { renderExtended } from './extended.ts'
import { changeKey } from './ids.ts'
import type { EventItem } from './model.ts'
import type { Query } from './odata.ts'
import { expandedIds, readQuery, selected } from './odata.ts'
import type { Instance } from './series.ts'
import { instanceOn } from './series.ts'

/** Shown only where $select names them. */
const OPTIONAL = [
  'cancelledOccurrences', 'occurrenceId', 'originalStart', 'exceptionOccurrences', 'uid', 'calendarId', 'singleValueExtendedProperties',
]
const PROPERTIES = [
  'id', 'createdDateTime', 'lastModifiedDateTime', 'changeKey', 'categories', 'transactionId', 'originalStartTimeZone', 'originalEndTimeZone',
  'iCalUId', 'reminderMinutesBeforeStart', 'isReminderOn', 'hasAttachments', 'subject', 'bodyPreview', 'importance', 'sensitivity',
  'isAllDay', 'isCancelled', 'isOrganizer', 'responseRequested', 'seriesMasterId', 'showAs', 'type', 'webLink', 'onlineMeetingUrl',
  'isOnlineMeeting', 'onlineMeetingProvider', 'allowNewTimeProposals', 'isDraft', 'hideAttendees', 'recurrence', 'onlineMeeting',
  'responseStatus', 'body', 'start', 'end', 'location', 'locations', 'attendees', 'organizer',
]
const EXPANDABLE = ['singlevalueextendedproperties', 'multivalueextendedproperties', 'exceptionoccurrences', 'extensions', 'attachments']

export function eventQuery(call: Call): Query {
  const query = readQuery(call.url)
  const unknown = query.expand.find(({ name }) => !EXPANDABLE.includes(name.toLowerCase()))
  if (unknown)
    throw badRequest(
      `Parsing OData Select and Expand failed: Could not find a property named '${unknown.name}' on type 'microsoft.graph.event'.`,
      'RequestBroker--ParseUri',
    )
  const names = [...PROPERTIES, ...optionalOf(call)]
  const wrong = query.select?.find((name) => !names.includes(name))
  if (wrong !== undefined) throw badRequest(`Could not find a property named '${wrong}' on type 'microsoft.graph.event'.`, 'RequestBroker--ParseUri')
  return query
}

function optionalOf({ view }: Call): string[] {
  return view.uid ? OPTIONAL : OPTIONAL.filter((name) => name !== 'uid')
}

/** What is left of a rendered event after $select, with what $expand adds. */
export function finish(call: Call, query: Query, body: Record<string, unknown>, event: EventItem, date: string | null): Record<string, unknown> {
  const { view } = call
  if (query.select && date === null) addSelected(view, event, body, query.select)
  else if (!query.select) delete body.occurrenceId
  if (!call.world.switches.cancelledOccurrences) delete body.cancelledOccurrences
  const kept = selected(body, query.select, optionalOf(call), 'event')
  const ids = expandedIds(query)
  const extended = date === null ? event.extended : (event.series?.exceptions.get(date)?.extended ?? event.extended)
  const found = ids ? renderExtended(extended, ids) : []
  if (found.length > 0) kept.singleValueExtendedProperties = found
  for (const { name } of query.expand) {
    if (name.toLowerCase() === 'exceptionoccurrences' && event.series && date === null)
      kept.exceptionOccurrences = exceptionsOf(event).map((instance) => finishInner(query, renderInstance(view, instance)))
    if (name.toLowerCase() === 'extensions') kept.extensions = Object.values(event.extensions)
    if (name.toLowerCase() === 'attachments') kept.attachments = []
  }
  return kept
}

/** The $select of the master holds for the expanded exceptions too. */
function finishInner(query: Query, body: Record<string, unknown>): Record<string, unknown> {
  if (!query.select) {
    delete body.occurrenceId
    return body
  }
  const names = [...query.select, 'originalStart', 'seriesMasterId', 'type']
  return Object.fromEntries(Object.entries(body).filter(([name]) => name === 'id' || name.startsWith('@odata.') || names.includes(name)))
}

function exceptionsOf(event: EventItem): Instance[] {
  return [...(event.series?.exceptions.keys() ?? [])].sort().flatMap((date) => instanceOn(event, date) ?? [])
}

/** The event of the path; `date` for an occurrence of it. */
export function need404(call: Call): { event: EventItem; date: string | null; instance: Instance | null } {
  const { item, occurrence } = findItem(call.mailbox, call.params.event ?? '', 'event')
  const event = item as EventItem
  if (call.folder && event.folder !== call.folder.serial) throw notFound()
  if (occurrence === null) return { event, date: null, instance: null }
  const instance = instanceOn(event, occurrence)
  if (!instance) throw notFound()
  return { event, date: occurrence, instance }
}

export function renderNow(call: Call, event: EventItem, date: string | null): Record<string, unknown> {
  const instance = date === null ? null : instanceOn(event, date)
  return instance ? renderInstance(call.view, instance) : renderMaster(call.view, event)
}

/** If-Match must be the item's etag of now; without the header anything goes. */
export function checkMatch(call: Call, seq: number): void {
  const wanted = call.headers['if-match']
  if (!call.world.switches.ifMatch || wanted === undefined || wanted === '*') return
  const key = /^(?:W\/)?"?(.*?)"?$/.exec(wanted)?.[1]
  if (key !== changeKey(call.mailbox, seq)) throw conflict()
}
