import type { Call, Reply } from './call.ts'
import { findFolder, needObject } from './call.ts'
import { badRequest, notFound } from './errors.ts'
import { need404 } from './event-shape.ts'
import { changeKey, folderId } from './ids.ts'
import type { Folder } from './model.ts'
import { collection, entity, order, readQuery, selected } from './odata.ts'

function render(call: Call, calendar: Folder): Record<string, unknown> {
  const { mailbox } = call
  const isDefault = calendar.wellKnown === 'calendar'
  return {
    id: folderId(mailbox, calendar),
    name: calendar.name,
    color: calendar.color,
    hexColor: '',
    isDefaultCalendar: isDefault,
    changeKey: changeKey(mailbox, calendar.seq),
    canShare: true,
    canViewPrivateItems: true,
    canEdit: true,
    allowedOnlineMeetingProviders: ['teamsForBusiness'],
    defaultOnlineMeetingProvider: 'teamsForBusiness',
    isTallyingResponses: isDefault,
    isRemovable: !isDefault,
    owner: { name: mailbox.name, address: mailbox.address },
  }
}

function calendarsOf({ world, mailbox }: Call): Folder[] {
  return [...world.store.folders(mailbox).values()].filter(({ kind }) => kind === 'event')
}

/** Documentation: https://learn.microsoft.com/graph/api/user-list-calendars */
export function listCalendars(call: Call): Reply {
  const query = readQuery(call.url)
  const json = (calendar: Folder) => render(call, calendar)
  const { filter } = query
  const kept = calendarsOf(call).filter((calendar) => filter?.(json(calendar)) ?? true)
  return collection(call, query, order(kept, query, json), (calendar) => selected(json(calendar), query.select, [], 'calendar'))
}

/** The default calendar, or the one of the path. */
export function getCalendar(call: Call): Reply {
  const { world, mailbox, params } = call
  const id = params.calendar
  const calendar = id === undefined ? world.store.wellKnown(mailbox, 'calendar') : findFolder(world.store, mailbox, id, 'event')
  return entity(call, 200, selected(render(call, calendar), readQuery(call.url).select, [], 'calendar'))
}

/** The calendar an event lies in. Documentation: https://learn.microsoft.com/graph/api/resources/event#relationships */
export function getEventCalendar(call: Call): Reply {
  const { world, mailbox } = call
  const calendar = world.store.folders(mailbox).get(need404(call).event.folder)
  if (calendar === undefined) throw notFound()
  return entity(call, 200, selected(render(call, calendar), readQuery(call.url).select, [], 'calendar'))
}

/** Documentation: https://learn.microsoft.com/graph/api/user-post-calendars */
export function createCalendar(call: Call): Reply {
  const { name } = needObject(call.body)
  if (typeof name !== 'string' || name === '') throw badRequest('The calendar needs a name.', 'ErrorInvalidArgument')
  if (calendarsOf(call).some((calendar) => calendar.name === name))
    throw badRequest('A folder with the specified name already exists.', 'ErrorFolderExists')
  const calendar = call.world.store.addFolder(call.mailbox, 'event', name, null)
  return entity(call, 201, render(call, calendar))
}

/** Documentation: https://learn.microsoft.com/graph/api/calendar-update */
export function updateCalendar(call: Call): Reply {
  const { world, mailbox, params } = call
  const calendar = findFolder(world.store, mailbox, params.calendar ?? '', 'event')
  const { name, color } = needObject(call.body)
  if (typeof name === 'string') calendar.name = name
  if (typeof color === 'string') calendar.color = color
  calendar.seq = ++mailbox.seq
  return entity(call, 200, render(call, calendar))
}

/** Documentation: https://learn.microsoft.com/graph/api/calendar-delete */
export function deleteCalendar(call: Call): Reply {
  const { world, mailbox, params } = call
  const calendar = findFolder(world.store, mailbox, params.calendar ?? '', 'event')
  if (calendar.wellKnown) throw badRequest('Default calendars cannot be deleted.', 'ErrorDeleteDistinguishedFolder')
  world.store.removeFolder(mailbox, calendar)
  return { status: 204 }
}
