import { randomUUID } from 'node:crypto'

import type { Call, Reply } from './call.ts'
import { needObject } from './call.ts'
import { notFound } from './errors.ts'
import type { TaskItem } from './model.ts'
import { collection, entity, readQuery } from './odata.ts'
import { addLinkedResource, taskOf } from './todo.ts'

function touched(call: Call, task: TaskItem): void {
  call.world.store.writes.updated += 1
  call.world.store.changed(call.mailbox, task)
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-list-linkedresources */
export function listLinkedResources(call: Call): Reply {
  return collection(call, readQuery(call.url), taskOf(call).linkedResources, (resource) => resource, 100)
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-post-linkedresources */
export function createLinkedResource(call: Call): Reply {
  const task = taskOf(call)
  const resource = addLinkedResource(task, needObject(call.body))
  touched(call, task)
  return entity(call, 201, resource)
}

/** Documentation: https://learn.microsoft.com/graph/api/linkedresource-update */
export function updateLinkedResource(call: Call): Reply {
  const task = taskOf(call)
  const resource = task.linkedResources.find(({ id }) => id === call.params.resource)
  if (!resource) throw notFound()
  const { applicationName, displayName, externalId, webUrl } = needObject(call.body)
  const given = Object.entries({ applicationName, displayName, externalId, webUrl }).filter(([, value]) => value !== undefined)
  Object.assign(resource, Object.fromEntries(given))
  touched(call, task)
  return entity(call, 200, resource)
}

/** Documentation: https://learn.microsoft.com/graph/api/linkedresource-delete */
export function deleteLinkedResource(call: Call): Reply {
  const task = taskOf(call)
  const kept = task.linkedResources.filter(({ id }) => id !== call.params.resource)
  if (kept.length === task.linkedResources.length) throw notFound()
  task.linkedResources = kept
  touched(call, task)
  return { status: 204 }
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-list-checklistitems */
export function listChecklistItems(call: Call): Reply {
  return collection(call, readQuery(call.url), taskOf(call).checklistItems, (item) => item, 100)
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-post-checklistitems */
export function createChecklistItem(call: Call): Reply {
  const task = taskOf(call)
  const { displayName = '', isChecked = false } = needObject(call.body)
  const item = { displayName, createdDateTime: new Date(call.world.clock.now()).toISOString(), isChecked, id: randomUUID() }
  task.checklistItems = [...task.checklistItems, item]
  touched(call, task)
  return entity(call, 201, item)
}
