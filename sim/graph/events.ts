import type { Call, Reply } from './call.ts'
import { needObject } from './call.ts'
import { calendarOf } from './calendar-view.ts'
import { badRequest, GraphError, notFound, notValid } from './errors.ts'
import { emptyFields, readFields } from './event-read.ts'
import { renderMaster } from './event-render.ts'
import { checkMatch, eventQuery, finish, need404, renderNow } from './event-shape.ts'
import { changeOccurrence, deleteOccurrence } from './event-occurrence.ts'
import { readExtended } from './extended.ts'
import { newUid } from './ids.ts'
import { announce, cancelAll, withdraw } from './meetings.ts'
import type { EventFields, EventItem, Mailbox, Recurrence, Series } from './model.ts'
import { collection, entity, order } from './odata.ts'
import { dateOf, firstDay } from './recurrence.ts'
import { readRecurrence } from './recurrence-read.ts'
import type { Planned } from './series.ts'
import { ruleTimes, startDate } from './series.ts'
import type { Store } from './store.ts'
import { windowsOf } from './zones.ts'

/** Documentation: https://learn.microsoft.com/graph/api/user-list-events */
export function listEvents(call: Call): Reply {
  const query = eventQuery(call)
  const { store } = call.world
  const events = store.items(call.mailbox, 'event', calendarOf(call))
  const render = (event: EventItem) => renderMaster(call.view, event)
  const { filter } = query
  const withProperties = (event: EventItem) => ({ ...render(event), singleValueExtendedProperties: propertiesOf(event) })
  const kept = filter ? events.filter((event) => filter(withProperties(event))) : events
  return collection(call, query, order(kept, query, render), (event) => finish(call, query, render(event), event, null))
}

function propertiesOf(event: EventItem): { id: string; value: string }[] {
  return Object.entries(event.extended).map(([id, value]) => ({ id, value }))
}

/** Documentation: https://learn.microsoft.com/graph/api/event-get */
export function getEvent(call: Call): Reply {
  const { event, date } = need404(call)
  const query = eventQuery(call)
  return entity(call, 200, finish(call, query, renderNow(call, event, date), event, date))
}

/**
 * With attendees Graph always sends invitations; a transactionId makes a repeated request harmless.
 * Documentation: https://learn.microsoft.com/graph/api/user-post-events
 */
export function createEvent(call: Call): Reply {
  const { world, mailbox } = call
  const body = needObject(call.body)
  const known = knownTransaction(call, body)
  if (known) return entity(call, 201, stripped(call, known))
  const event = makeEvent(world.store, mailbox, calendarOf(call).serial, body)
  if (event.fields.transactionId !== null)
    world.transactions.set(`${mailbox.token} ${event.fields.transactionId}`, { serial: event.serial, asked: JSON.stringify(body) })
  world.store.writes.created += 1
  announce(world, mailbox, event, null)
  return entity(call, 201, stripped(call, event))
}

function stripped(call: Call, event: EventItem, date: string | null = null): Record<string, unknown> {
  const body = renderNow(call, event, date)
  delete body.occurrenceId
  return body
}

function knownTransaction(call: Call, body: Record<string, any>): EventItem | null {
  const { world, mailbox } = call
  if (typeof body.transactionId !== 'string') return null
  const known = world.transactions.get(`${mailbox.token} ${body.transactionId}`)
  const event = known && (mailbox.items.get(known.serial) as EventItem | undefined)
  if (!event) return null
  if (world.switches.repeatedTransaction === 'same' && known.asked === JSON.stringify(body)) return event
  throw new GraphError(
    409, 'ErrorDuplicateTransactionId',
    "Your request can't be completed. The TransactionId specified in the request has already been used to create a different event.",
  )
}

/** Makes the event of a request body; nobody is told. */
export function makeEvent(store: Store, mailbox: Mailbox, folder: number, body: Record<string, any>): EventItem {
  const planned: Planned = { fields: readFields(emptyFields(mailbox), body), series: null }
  if (typeof body.transactionId === 'string') planned.fields.transactionId = body.transactionId
  if (body.recurrence) setRecurrence(planned, body.recurrence)
  const calendar = store.folders(mailbox).get(folder)
  if (!calendar) throw notFound()
  return store.create<EventItem>(mailbox, calendar, {
    kind: 'event',
    uid: newUid(`${mailbox.token}#${mailbox.nextSerial}`),
    ...planned,
    extended: readExtended({}, body.singleValueExtendedProperties),
    extensions: readExtensions(body.extensions),
  })
}

function readExtensions(list: any): EventItem['extensions'] {
  if (!Array.isArray(list)) return {}
  const identified = (one: any) => ({ ...one, id: `Microsoft.OutlookServices.OpenTypeExtension.${one.extensionName}` })
  return Object.fromEntries(list.map((one) => [String(one.extensionName), identified(one)]))
}

/** Puts the rule on an event; its start becomes the first day the rule has. */
function setRecurrence(planned: Planned, value: any): void {
  const zone = windowsOf(value.range?.recurrenceTimeZone || planned.fields.startZone)
  const recurrence = readRecurrence(value, startDate(planned.fields, zone))
  recurrence.range.recurrenceTimeZone = zone
  settleStart(planned, recurrence)
}

function settleStart(planned: Planned, recurrence: Recurrence): void {
  const day = firstDay(recurrence)
  if (day === null) throw badRequest('The recurrence pattern has no occurrences within its range.', 'ErrorRecurrenceHasNoOccurrence')
  planned.series = { recurrence, exceptions: new Map(), cancelled: new Set() }
  recurrence.range.startDate = dateOf(day)
  planned.fields = { ...planned.fields, ...ruleTimes(planned, dateOf(day)) }
}

/**
 * Documentation: https://learn.microsoft.com/graph/api/event-update
 * A new rule or a new time of a series drops its exceptions, as in Outlook.
 */
export function updateEvent(call: Call): Reply {
  const { world } = call
  const { event, date } = need404(call)
  const body = needObject(call.body)
  checkMatch(call, event.seq)
  if (body.transactionId !== undefined && body.transactionId !== event.fields.transactionId)
    throw notValid('Event.TransactionId cannot be changed after the event was created.')
  const before = structuredClone({ fields: event.fields, series: event.series })
  if (date === null) patchEvent(event, body)
  else changeOccurrence(event, date, body, world.clock.now())
  world.store.writes.updated += 1
  world.store.changed(call.mailbox, event)
  announce(world, call.mailbox, event, before)
  return entity(call, 200, stripped(call, event, date))
}

/** Writes the properties of a request into a whole event; on an error nothing has changed. */
export function patchEvent(event: EventItem, body: Record<string, any>): void {
  const planned: Planned = { fields: readFields(event.fields, body), series: event.series }
  const extended = readExtended(event.extended, body.singleValueExtendedProperties)
  if (body.recurrence === null) planned.series = null
  else if (body.recurrence) setRecurrence(planned, body.recurrence)
  else if (event.series && timesMoved(event.fields, planned.fields)) moveSeries(planned, event)
  // The same rule at the same times keeps its exceptions.
  const rule = (series: Series | null) => JSON.stringify(series?.recurrence)
  if (rule(planned.series) === rule(event.series) && !timesMoved(event.fields, planned.fields)) planned.series = event.series
  Object.assign(event, planned, { extended })
}

function timesMoved(before: EventFields, now: EventFields): boolean {
  return before.start !== now.start || before.end !== now.end || before.isAllDay !== now.isAllDay || before.startZone !== now.startZone
}

function moveSeries(planned: Planned, { series, fields }: EventItem): void {
  if (!series) return
  const recurrence = structuredClone(series.recurrence)
  const { range } = recurrence
  if (planned.fields.startZone !== fields.startZone) range.recurrenceTimeZone = windowsOf(planned.fields.startZone)
  range.startDate = startDate(planned.fields, range.recurrenceTimeZone)
  settleStart(planned, recurrence)
}

/**
 * The organizer's deletion sends cancellations; an attendee's only removes his copy.
 * Documentation: https://learn.microsoft.com/graph/api/event-delete
 */
export function deleteEvent(call: Call): Reply {
  const { world, mailbox } = call
  const { event, date } = need404(call)
  checkMatch(call, event.seq)
  world.store.writes.deleted += 1
  if (date === null) {
    cancelAll(world, mailbox, event)
    world.store.remove(mailbox, event)
  } else {
    const before = structuredClone({ fields: event.fields, series: event.series })
    deleteOccurrence(event, date)
    world.store.changed(mailbox, event)
    withdraw(world, mailbox, event, before)
  }
  return { status: 204 }
}
