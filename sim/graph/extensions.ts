import type { Call, Reply } from './call.ts'
import { findItem, needObject } from './call.ts'
import { badRequest, GraphError, notFound } from './errors.ts'
import type { Item } from './model.ts'
import { entity } from './odata.ts'

const PREFIX = 'Microsoft.OutlookServices.OpenTypeExtension.'

function itemOf({ mailbox, params }: Call): Item {
  if (params.event !== undefined) return findItem(mailbox, params.event, 'event').item
  if (params.contact !== undefined) return findItem(mailbox, params.contact, 'contact').item
  return findItem(mailbox, params.task ?? '', 'task').item
}

function nameOf({ params }: Call): string {
  return (params.extension ?? '').replace(/^microsoft\.outlookservices\.opentypeextension\./i, '')
}

function saved(call: Call, item: Item): void {
  call.world.store.writes.updated += 1
  call.world.store.changed(call.mailbox, item)
}

/** Documentation: https://learn.microsoft.com/graph/api/opentypeextension-post-opentypeextension */
export function createExtension(call: Call): Reply {
  const item = itemOf(call)
  const body = needObject(call.body)
  const name = body.extensionName
  if (typeof name !== 'string' || name === '') throw badRequest('The extension needs an extensionName.', 'ErrorInvalidArgument')
  if (item.extensions[name]) throw new GraphError(409, 'ErrorExtensionExists', `An extension named '${name}' exists already.`)
  const extension = { ...body, '@odata.type': '#microsoft.graph.openTypeExtension', id: `${PREFIX}${name}`, extensionName: name }
  item.extensions = { ...item.extensions, [name]: extension }
  saved(call, item)
  return entity(call, 201, extension)
}

/** Documentation: https://learn.microsoft.com/graph/api/opentypeextension-get */
export function getExtension(call: Call): Reply {
  const extension = itemOf(call).extensions[nameOf(call)]
  if (!extension) throw notFound()
  return entity(call, 200, extension)
}

/** Documentation: https://learn.microsoft.com/graph/api/opentypeextension-update */
export function updateExtension(call: Call): Reply {
  const item = itemOf(call)
  const name = nameOf(call)
  const known = item.extensions[name]
  if (!known) throw notFound()
  const extension = { ...known, ...needObject(call.body), id: known.id, extensionName: name }
  item.extensions = { ...item.extensions, [name]: extension }
  saved(call, item)
  return entity(call, 200, extension)
}

/** Documentation: https://learn.microsoft.com/graph/api/opentypeextension-delete */
export function deleteExtension(call: Call): Reply {
  const item = itemOf(call)
  const name = nameOf(call)
  if (!item.extensions[name]) throw notFound()
  const { [name]: _gone, ...rest } = item.extensions
  item.extensions = rest
  saved(call, item)
  return { status: 204 }
}
