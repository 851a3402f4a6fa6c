import type { Call, Reply } from './call.ts'
import { findFolder, needObject } from './call.ts'
import { badRequest, denied, notFound } from './errors.ts'
import type { Folder, Permission } from './model.ts'
import { collection, entity, readQuery } from './odata.ts'

const ROLES = ['none', 'freeBusyRead', 'limitedRead', 'read', 'write', 'delegateWithoutPrivateEventAccess', 'delegateWithPrivateEventAccess']

function calendarIn(call: Call): Folder {
  const { world, mailbox, folder, params } = call
  if (folder) return folder
  return params.calendar === undefined ? world.store.wellKnown(mailbox, 'calendar') : findFolder(world.store, mailbox, params.calendar, 'event')
}

function render({ id, name, address, role }: Permission): Record<string, unknown> {
  return {
    id,
    isRemovable: address !== null,
    isInsideOrganization: true,
    role,
    allowedRoles: address === null ? ROLES.slice(0, 5) : ROLES,
    emailAddress: address === null ? { name } : { name, address },
  }
}

/** Only the owner manages his calendar's permissions. */
function checkOwner({ who, mailbox }: Call): void {
  if (who.kind === 'user' && who.userId !== mailbox.id) throw denied()
}

function roleOf(value: unknown): string {
  const role = ROLES.find((one) => one.toLowerCase() === String(value).toLowerCase())
  if (role === undefined) throw badRequest(`Requested value '${String(value)}' was not found (role).`, 'RequestBodyRead')
  return role
}

/** Documentation: https://learn.microsoft.com/graph/api/calendar-list-calendarpermissions */
export function listPermissions(call: Call): Reply {
  return collection(call, readQuery(call.url), calendarIn(call).permissions, render, 100)
}

function permissionOf(call: Call): Permission {
  const found = calendarIn(call).permissions.find(({ id }) => id === call.params.permission)
  if (!found) throw notFound()
  return found
}

/** Documentation: https://learn.microsoft.com/graph/api/calendarpermission-get */
export function getPermission(call: Call): Reply {
  return entity(call, 200, render(permissionOf(call)))
}

/** Documentation: https://learn.microsoft.com/graph/api/calendar-post-calendarpermissions */
export function createPermission(call: Call): Reply {
  checkOwner(call)
  const calendar = calendarIn(call)
  const { emailAddress, role } = needObject(call.body)
  const address = emailAddress?.address
  const user = typeof address === 'string' ? call.world.store.find(address) : undefined
  if (!user) throw badRequest(`The recipient '${String(address)}' is not a user of the organisation.`, 'ErrorInvalidArgument')
  if (calendar.permissions.some((one) => one.address?.toLowerCase() === user.address.toLowerCase()))
    throw badRequest(`A permission for '${user.address}' exists already.`, 'ErrorInvalidArgument')
  const permission = { id: `L089RXhjaGFuZ2V${user.id}`, name: emailAddress.name ?? user.name, address: user.address, role: roleOf(role) }
  calendar.permissions.push(permission)
  return entity(call, 201, render(permission))
}

/**
 * Only the role can be changed.
 * Documentation: https://learn.microsoft.com/graph/api/calendarpermission-update
 */
export function updatePermission(call: Call): Reply {
  checkOwner(call)
  const permission = permissionOf(call)
  const body = needObject(call.body)
  const other = Object.keys(body).find((name) => name !== 'role' && !name.includes('@odata.'))
  if (other !== undefined) throw badRequest(`The property '${other}' of a calendar permission cannot be changed.`, 'ErrorInvalidArgument')
  permission.role = roleOf(body.role)
  return entity(call, 200, render(permission))
}

/** Documentation: https://learn.microsoft.com/graph/api/calendarpermission-delete */
export function deletePermission(call: Call): Reply {
  checkOwner(call)
  const calendar = calendarIn(call)
  const permission = permissionOf(call)
  if (permission.address === null) throw badRequest('The permission of the organisation cannot be removed.', 'ErrorInvalidArgument')
  calendar.permissions = calendar.permissions.filter((one) => one !== permission)
  return { status: 204 }
}
