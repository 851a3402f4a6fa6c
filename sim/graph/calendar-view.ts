import type { Call, Reply } from './call.ts'
import { badRequest } from './errors.ts'
import { itemId } from './ids.ts'
import type { DeltaState, Entry } from './delta-token.ts'
import { deltaPage, readState, removed, tombstonesAfter } from './delta-token.ts'
import { renderInstance, renderMaster, renderSlim } from './event-render.ts'
import { eventQuery, finish, need404 } from './event-shape.ts'
import type { EventItem, Folder } from './model.ts'
import { collection, order, selected } from './odata.ts'
import type { Instance } from './series.ts'
import { instancesOf } from './series.ts'
import { readMoment } from './times.ts'

const DAY = 86_400_000
const MAX_DAYS = 1_825
const DELTA_PAGE = 50

/** The calendar in the path, else the default one. */
export function calendarOf(call: Call): Folder {
  return call.folder ?? call.world.store.wellKnown(call.mailbox, 'calendar')
}

/** startDateTime and endDateTime; without offset they are UTC whatever the Prefer header says. */
export function readWindow(call: Call): [number, number] {
  const option = (name: string) => [...call.url.searchParams].find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? null
  const [start, end] = [option('startDateTime'), option('endDateTime')]
  if (start === null || end === null)
    throw badRequest('This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.', 'ErrorInvalidParameter')
  const window: [number, number] = [readMoment(start, 'startDateTime'), readMoment(end, 'endDateTime')]
  if (window[1] < window[0]) throw badRequest('The end of the time window is before its start.', 'ErrorInvalidParameter')
  if (window[1] - window[0] > MAX_DAYS * DAY)
    throw badRequest(
      `Your request can't be completed. The range between the start and end dates is greater than the allowable range. Maximum number of days: ${MAX_DAYS}`,
      'ErrorCalendarViewRangeTooBig',
    )
  return window
}

/** Documentation: https://learn.microsoft.com/graph/api/user-list-calendarview */
export function calendarView(call: Call): Reply {
  const { store } = call.world
  const [from, to] = readWindow(call)
  const instances = store.items(call.mailbox, 'event', calendarOf(call)).flatMap((event) => instancesOf(call.mailbox, event, from, to))
  return listInstances(call, instances)
}

/** Documentation: https://learn.microsoft.com/graph/api/event-list-instances */
export function listEventInstances(call: Call): Reply {
  const { event, date } = need404(call)
  if (date !== null || !event.series) throw badRequest('The request is only valid for the master of a series.', 'ErrorInvalidRequest')
  const [from, to] = readWindow(call)
  return listInstances(call, instancesOf(call.mailbox, event, from, to))
}

function listInstances(call: Call, instances: Instance[]): Reply {
  const query = eventQuery(call)
  const render = (instance: Instance) => renderInstance(call.view, instance)
  const sorted = instances.sort((a, b) => a.fields.start - b.fields.start)
  const filtered = query.filter ? sorted.filter((instance) => query.filter?.(render(instance)) ?? true) : sorted
  return collection(call, query, order(filtered, query, render), (instance) => finish(call, query, render(instance), instance.event, instance.date))
}

/**
 * Changes inside a fixed window: single events in full, a series as its master in full with its occurrences as little
 * more than ids, exceptions in full. A deleted occurrence is simply not among them any more.
 * Documentation: https://learn.microsoft.com/graph/api/event-delta and https://learn.microsoft.com/graph/delta-query-events
 */
export function calendarViewDelta(call: Call): Reply {
  refuseOptions(call, 'CalendarView')
  const calendar = calendarOf(call)
  const state = readState(call, 'calendarView', () => ({ folder: calendar.serial, window: readWindow(call) }))
  const { mailbox, world } = call
  const entries: Entry[] = []
  for (const event of world.store.items(mailbox, 'event', calendar))
    if (event.seq > state.since) entries.push(...entriesOf(call, state, event))
  if (!state.first)
    for (const stone of tombstonesAfter(mailbox, calendar.serial, 'event', state.since))
      entries.push({ seq: stone.seq, index: 0, render: () => removed(itemId(mailbox, stone, call.view.immutable)) })
  return deltaPage(call, state, entries, DELTA_PAGE)
}

function entriesOf(call: Call, state: DeltaState, event: EventItem): Entry[] {
  const { view, mailbox, world } = call
  const [from, to] = state.window ?? [0, 0]
  const instances = instancesOf(mailbox, event, from, to)
  if (instances.length === 0) {
    // What lies outside of the window counts as removed from it, whether or not it was ever inside.
    return state.first ? [] : [{ seq: event.seq, index: 0, render: () => removed(itemId(mailbox, event, view.immutable)) }]
  }
  const typed = (body: Record<string, unknown>) => ({ '@odata.type': '#microsoft.graph.event', ...selected(body, null, ['occurrenceId'], 'event') })
  const entries: Entry[] = [{ seq: event.seq, index: 0, render: () => typed(withoutOccurrenceId(renderMaster(view, event))) }]
  if (!event.series) return entries
  for (const [at, instance] of instances.entries()) {
    const render = () => (instance.type === 'exception' ? typed(withoutOccurrenceId(renderInstance(view, instance))) : renderSlim(view, instance))
    entries.push({ seq: event.seq, index: at + 1, render })
  }
  if (world.switches.removedOccurrences && !state.first) {
    for (const date of event.series.cancelled)
      entries.push({ seq: event.seq, index: entries.length, render: () => removed(itemId(mailbox, event, view.immutable, date)) })
  }
  return entries
}

function withoutOccurrenceId(body: Record<string, unknown>): Record<string, unknown> {
  delete body.occurrenceId
  return body
}

/** Change tracking takes no options besides its window. */
export function refuseOptions(call: Call, resource: string): void {
  const refused = ['$orderby', '$filter', '$select', '$expand', '$search', '$top']
  if ([...call.url.searchParams.keys()].some((name) => refused.includes(name.toLowerCase())))
    throw badRequest(
      `The following parameters are not supported with change tracking over the '${resource}' resource: '${refused.join(', ')}'.`,
      'ErrorInvalidUrlQuery',
    )
}

/**
 * Changes of a whole calendar: single events and masters, each with id, type and times only.
 * Documentation: https://learn.microsoft.com/graph/api/event-delta?view=graph-rest-beta
 */
export function eventsDelta(call: Call): Reply {
  if (!call.world.switches.eventsDelta) throw badRequest('Id is malformed.', 'ErrorInvalidIdMalformed')
  refuseOptions(call, 'Events')
  const calendar = calendarOf(call)
  const begin = [...call.url.searchParams].find(([name]) => name.toLowerCase() === 'startdatetime')?.[1]
  const state = readState(call, 'events', () => ({
    folder: calendar.serial,
    ...(begin === undefined ? {} : { window: [readMoment(begin, 'startDateTime'), Number.MAX_SAFE_INTEGER] as [number, number] }),
  }))
  const { mailbox, view, world } = call
  const entries: Entry[] = world.store.items(mailbox, 'event', calendar)
    .filter((event) => event.seq > state.since && (!state.window || event.series || event.fields.end >= state.window[0]))
    .map((event) => ({
      seq: event.seq,
      index: 0,
      render() {
        const full = renderMaster(view, event)
        const { id, type, start, end } = full
        return { '@odata.type': '#microsoft.graph.event', '@odata.etag': full['@odata.etag'], id, type, start, end }
      },
    }))
  if (!state.first)
    for (const stone of tombstonesAfter(mailbox, calendar.serial, 'event', state.since))
      entries.push({ seq: stone.seq, index: 0, render: () => removed(itemId(mailbox, stone, view.immutable)) })
  return deltaPage(call, state, entries, DELTA_PAGE)
}
