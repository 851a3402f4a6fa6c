import type { Need } from './access.ts'
import { createCalendar, deleteCalendar, getCalendar, getEventCalendar, listCalendars, updateCalendar } from './calendars.ts'
import { calendarView, calendarViewDelta, eventsDelta, listEventInstances } from './calendar-view.ts'
import type { Call, Reply } from './call.ts'
import { createEvent, deleteEvent, getEvent, listEvents, updateEvent } from './events.ts'
import * as contacts from './contacts.ts'
import * as extensions from './extensions.ts'
import { getMailboxSetting, getMailboxSettings, getUser, updateMailboxSettings } from './people.ts'
import * as permissions from './permissions.ts'
import { cancelEvent, respond } from './responses.ts'
import { getSchedule } from './schedule.ts'
import * as todo from './todo.ts'
import * as parts from './todo-parts.ts'
import { translateExchangeIds } from './translate.ts'

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
  ['getEventCalendar', 'GET', 'events/:event/calendar', getEventCalendar],
  ['listInstances', 'GET', 'events/:event/instances', listEventInstances],
  ['acceptEvent', 'POST', 'events/:event/accept', (call) => respond(call, 'accept')],
  ['tentativelyAcceptEvent', 'POST', 'events/:event/tentativelyAccept', (call) => respond(call, 'tentativelyAccept')],
  ['declineEvent', 'POST', 'events/:event/decline', (call) => respond(call, 'decline')],
  ['cancelEvent', 'POST', 'events/:event/cancel', cancelEvent],
  ['createExtension', 'POST', 'events/:event/extensions', extensions.createExtension],
  ['getExtension', 'GET', 'events/:event/extensions/:extension', extensions.getExtension],
  ['updateExtension', 'PATCH', 'events/:event/extensions/:extension', extensions.updateExtension],
  ['deleteExtension', 'DELETE', 'events/:event/extensions/:extension', extensions.deleteExtension],
  ['listPermissions', 'GET', 'calendarPermissions', permissions.listPermissions],
  ['createPermission', 'POST', 'calendarPermissions', permissions.createPermission],
  ['getPermission', 'GET', 'calendarPermissions/:permission', permissions.getPermission],
  ['updatePermission', 'PATCH', 'calendarPermissions/:permission', permissions.updatePermission],
  ['deletePermission', 'DELETE', 'calendarPermissions/:permission', permissions.deletePermission],
])
// Both read only, though they are sent with POST.
ROUTES.push(
  { name: 'getSchedule', method: 'POST', path: ['getSchedule'], need: { area: 'Calendars', write: false }, run: getSchedule },
  { name: 'translateExchangeIds', method: 'POST', path: ['translateExchangeIds'], need: { area: 'User', write: false }, run: translateExchangeIds },
)
area('Contacts', [
  ['listContacts', 'GET', 'contacts', contacts.listContacts],
  ['createContact', 'POST', 'contacts', contacts.createContact],
  ['contactsDelta', 'GET', 'contacts/delta', contacts.contactsDelta],
  ['getContact', 'GET', 'contacts/:contact', contacts.getContact],
  ['updateContact', 'PATCH', 'contacts/:contact', contacts.updateContact],
  ['deleteContact', 'DELETE', 'contacts/:contact', contacts.deleteContact],
  ['createExtension', 'POST', 'contacts/:contact/extensions', extensions.createExtension],
  ['getExtension', 'GET', 'contacts/:contact/extensions/:extension', extensions.getExtension],
  ['listContactFolders', 'GET', 'contactFolders', contacts.listContactFolders],
  ['createContactFolder', 'POST', 'contactFolders', contacts.createContactFolder],
  ['listContactFolders', 'GET', 'childFolders', contacts.listContactFolders],
  ['createContactFolder', 'POST', 'childFolders', contacts.createContactFolder],
  ['contactFoldersDelta', 'GET', 'contactFolders/delta', contacts.contactFoldersDelta],
  ['getContactFolder', 'GET', 'contactFolders/:contactFolder', contacts.getContactFolder],
  ['updateContactFolder', 'PATCH', 'contactFolders/:contactFolder', contacts.updateContactFolder],
  ['deleteContactFolder', 'DELETE', 'contactFolders/:contactFolder', contacts.deleteContactFolder],
])
area('Tasks', [
  ['listLists', 'GET', 'todo/lists', todo.listLists],
  ['createList', 'POST', 'todo/lists', todo.createList],
  ['listsDelta', 'GET', 'todo/lists/delta', todo.listsDelta],
  ['getList', 'GET', 'todo/lists/:list', todo.getList],
  ['updateList', 'PATCH', 'todo/lists/:list', todo.updateList],
  ['deleteList', 'DELETE', 'todo/lists/:list', todo.deleteList],
  ['listTasks', 'GET', 'todo/tasks', todo.listTasks],
  ['createTask', 'POST', 'todo/tasks', todo.createTask],
  ['tasksDelta', 'GET', 'todo/tasks/delta', todo.tasksDelta],
  ['getTask', 'GET', 'todo/tasks/:task', todo.getTask],
  ['updateTask', 'PATCH', 'todo/tasks/:task', todo.updateTask],
  ['deleteTask', 'DELETE', 'todo/tasks/:task', todo.deleteTask],
  ['listLinkedResources', 'GET', 'todo/tasks/:task/linkedResources', parts.listLinkedResources],
  ['createLinkedResource', 'POST', 'todo/tasks/:task/linkedResources', parts.createLinkedResource],
  ['updateLinkedResource', 'PATCH', 'todo/tasks/:task/linkedResources/:resource', parts.updateLinkedResource],
  ['deleteLinkedResource', 'DELETE', 'todo/tasks/:task/linkedResources/:resource', parts.deleteLinkedResource],
  ['listChecklistItems', 'GET', 'todo/tasks/:task/checklistItems', parts.listChecklistItems],
  ['createChecklistItem', 'POST', 'todo/tasks/:task/checklistItems', parts.createChecklistItem],
  ['createExtension', 'POST', 'todo/tasks/:task/extensions', extensions.createExtension],
  ['getExtension', 'GET', 'todo/tasks/:task/extensions/:extension', extensions.getExtension],
  ['updateExtension', 'PATCH', 'todo/tasks/:task/extensions/:extension', extensions.updateExtension],
  ['deleteExtension', 'DELETE', 'todo/tasks/:task/extensions/:extension', extensions.deleteExtension],
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
