import type { Need } from './access.ts'
import { createCalendar, deleteCalendar, getCalendar, listCalendars, updateCalendar } from './calendars.ts'
import { calendarView, calendarViewDelta, eventsDelta, listEventInstances } from './calendar-view.ts'
import type { Call, Reply } from './call.ts'
import { createEvent, deleteEvent, getEvent, listEvents, updateEvent } from './events.ts'
import { getMailboxSetting, getMailboxSettings, getUser, updateMailboxSettings } from './people.ts'
import { cancelEvent, respond } from './responses.ts'

/** One operation; `name` is what fault rules call it. */
export interface Route {
  name: string
  method: string
  /** Segments after the mailbox, `:name` for a variable one; a calendar in front is taken off beforehand. */
  path: string[]
  need: Need
  run(call: Call): Reply | Promise<Reply>
}

const ROUTES: Route[] = []

function area(need: Need['area'], routes: [string, string, string, Route['run']][]): void {
  for (const [name, method, path, run] of routes)
    ROUTES.push({ name, method, path: path === '' ? [] : path.split('/'), need: { area: need, write: method !== 'GET' }, run })
}

area('User', [['getUser', 'GET', '', getUser]])
area('MailboxSettings', [
  ['getMailboxSettings', 'GET', 'mailboxSettings', getMailboxSettings],
  ['getMailboxSettings', 'GET', 'mailboxSettings/:setting', getMailboxSetting],
  ['updateMailboxSettings', 'PATCH', 'mailboxSettings', updateMailboxSettings],
])
area('Calendars', [
  ['listCalendars', 'GET', 'calendars', listCalendars],
  ['createCalendar', 'POST', 'calendars', createCalendar],
  ['getCalendar', 'GET', 'calendar', getCalendar],
  ['getCalendar', 'GET', 'calendars/:calendar', getCalendar],
  ['updateCalendar', 'PATCH', 'calendars/:calendar', updateCalendar],
  ['deleteCalendar', 'DELETE', 'calendars/:calendar', deleteCalendar],
  ['calendarView', 'GET', 'calendarView', calendarView],
  ['calendarViewDelta', 'GET', 'calendarView/delta', calendarViewDelta],
  ['listEvents', 'GET', 'events', listEvents],
  ['createEvent', 'POST', 'events', createEvent],
  ['eventsDelta', 'GET', 'events/delta', eventsDelta],
  ['getEvent', 'GET', 'events/:event', getEvent],
  ['updateEvent', 'PATCH', 'events/:event', updateEvent],
  ['deleteEvent', 'DELETE', 'events/:event', deleteEvent],
  ['listInstances', 'GET', 'events/:event/instances', listEventInstances],
  ['acceptEvent', 'POST', 'events/:event/accept', (call) => respond(call, 'accept')],
  ['tentativelyAcceptEvent', 'POST', 'events/:event/tentativelyAccept', (call) => respond(call, 'tentativelyAccept')],
  ['declineEvent', 'POST', 'events/:event/decline', (call) => respond(call, 'decline')],
  ['cancelEvent', 'POST', 'events/:event/cancel', cancelEvent],
])

/** The route of a path, with its variable segments; undefined where there is none. */
export function findRoute(method: string, segments: string[]): { route: Route; params: Record<string, string> } | undefined {
  for (const route of ROUTES) {
    if (route.method !== method || route.path.length !== segments.length) continue
    const params = match(route.path, segments)
    if (params) return { route, params }
  }
  return undefined
}

/** Is there such a path at all, whatever the method? */
export function knowsPath(segments: string[]): boolean {
  return ROUTES.some((route) => route.path.length === segments.length && match(route.path, segments) !== null)
}

function match(path: string[], segments: string[]): Record<string, string> | null {
  const params: Record<string, string> = {}
  for (const [at, part] of path.entries()) {
    const segment = segments[at] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = segment
    else if (part.toLowerCase() !== segment.toLowerCase()) return null
  }
  return params
}

/** Names that fault rules may use. */
export function operations(): string[] {
  return [...new Set(ROUTES.map(({ name }) => name))]
}
