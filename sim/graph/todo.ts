import { createHash } from 'node:crypto'

import type { Call, Reply } from './call.ts'
import { findFolder, findItem, needObject } from './call.ts'
import { badRequest, GraphError, notFound } from './errors.ts'
import { checkMatch } from './event-shape.ts'
import { changeKey, folderId, itemId } from './ids.ts'
import { folderDelta, itemDelta } from './item-delta.ts'
import type { Folder, Mailbox, TaskItem } from './model.ts'
import type { Query } from './odata.ts'
import { collection, entity, order, readQuery, selected } from './odata.ts'
import type { Store } from './store.ts'
import { emptyTask, nextDue, readTask, renderTask, TASK_OPTIONAL } from './todo-fields.ts'

export function renderOf(mailbox: Mailbox, task: TaskItem): Record<string, unknown> {
  // Immutable ids are documented for Outlook's items, not for tasks: theirs change when they move to another list.
  return renderTask(itemId(mailbox, task, false), changeKey(mailbox, task.seq), task)
}

function finish(call: Call, query: Query, task: TaskItem): Record<string, unknown> {
  return expanded(selected(renderOf(call.mailbox, task), query.select, TASK_OPTIONAL, 'todoTask'), task, query.expand.map(({ name }) => name))
}

function expanded(body: Record<string, unknown>, task: TaskItem, names: string[]): Record<string, unknown> {
  for (const name of names) {
    if (name === 'linkedResources') body.linkedResources = task.linkedResources
    else if (name === 'checklistItems') body.checklistItems = task.checklistItems
    else if (name === 'extensions') body.extensions = Object.values(task.extensions)
    else if (name !== 'attachments') throw badRequest(`Could not find a property named '${name}' on type 'microsoft.graph.todoTask'.`, 'RequestBroker--ParseUri')
  }
  return body
}

function listOf({ folder }: Call): Folder {
  if (!folder) throw notFound()
  return folder
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-list-tasks */
export function listTasks(call: Call): Reply {
  const query = readQuery(call.url)
  const json = (task: TaskItem) => renderOf(call.mailbox, task)
  const tasks = call.world.store.items(call.mailbox, 'task', listOf(call))
  const kept = tasks.filter((task) => query.filter?.({ ...json(task), linkedResources: task.linkedResources }) ?? true)
  return collection(call, query, order(kept, query, json), (task) => finish(call, query, task), 100)
}

export function taskOf(call: Call): TaskItem {
  const task = findItem(call.mailbox, call.params.task ?? '', 'task').item as TaskItem
  if (task.folder !== listOf(call).serial) throw notFound()
  return task
}

/** Tasks that were deleted, by their ids: some servers still show them, or refuse the question. */
const deleted = new WeakMap<Mailbox, Map<string, TaskItem>>()

/** Documentation: https://learn.microsoft.com/graph/api/todotask-get */
export function getTask(call: Call): Reply {
  const late = deleted.get(call.mailbox)?.get(call.params.task ?? '')
  const { deletedTasks } = call.world.switches
  // https://github.com/microsoftgraph/microsoft-graph-explorer-v4/issues/2743
  if (late !== undefined && deletedTasks === 'refused') throw badRequest('Parent folder specified does not contain a Task with given Id', 'invalidRequest')
  // https://github.com/microsoftgraph/microsoft-graph-docs/issues/5407
  return entity(call, 200, finish(call, readQuery(call.url), late !== undefined && deletedTasks === 'readable' ? late : taskOf(call)))
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-post-tasks */
export function createTask(call: Call): Reply {
  const task = makeTask(call.world.store, call.mailbox, listOf(call), needObject(call.body))
  call.world.store.writes.created += 1
  return entity(call, 201, renderOf(call.mailbox, task))
}

export function makeTask(store: Store, mailbox: Mailbox, list: Folder, body: Record<string, any>): TaskItem {
  const fields = readTask(emptyTask(), body, store.clock.now())
  if (fields.title === '') throw badRequest('The task needs a title.', 'invalidRequest')
  const task = store.create<TaskItem>(mailbox, list, { kind: 'task', fields, extended: {}, extensions: {}, linkedResources: [], checklistItems: [] })
  for (const resource of body.linkedResources ?? []) addLinkedResource(task, resource)
  return task
}

/** @returns the resource with its id */
export function addLinkedResource(task: TaskItem, body: Record<string, any>): Record<string, unknown> {
  const { applicationName = '', displayName = '', externalId = '', webUrl = '' } = body
  const id = createHash('sha256').update(`${task.serial} ${task.linkedResources.length} ${task.created}`).digest('hex').slice(0, 32)
  const resource = { webUrl, applicationName, displayName, externalId, id: id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') }
  task.linkedResources = [...task.linkedResources, resource]
  return resource
}

/** Writes fields; completing a recurring task leaves it done and makes the next one, with an id of its own. */
export function patchTask(store: Store, mailbox: Mailbox, task: TaskItem, body: Record<string, any>): void {
  const before = task.fields
  const fields = readTask(before, body, store.clock.now())
  const due = fields.status === 'completed' && before.status !== 'completed' ? nextDue(fields) : null
  task.fields = due ? { ...fields, recurrence: null } : fields
  store.changed(mailbox, task)
  const list = store.folders(mailbox).get(task.folder)
  if (!due || !list) return
  const next = { ...fields, status: 'notStarted', completedDateTime: null, dueDateTime: due }
  store.create<TaskItem>(mailbox, list, { kind: 'task', fields: next, extended: {}, extensions: {}, linkedResources: [], checklistItems: [] })
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-update */
export function updateTask(call: Call): Reply {
  const task = taskOf(call)
  checkMatch(call, task.seq)
  patchTask(call.world.store, call.mailbox, task, needObject(call.body))
  call.world.store.writes.updated += 1
  return entity(call, 200, renderOf(call.mailbox, task))
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-delete */
export function deleteTask(call: Call): Reply {
  const task = taskOf(call)
  checkMatch(call, task.seq)
  call.world.store.writes.deleted += 1
  call.world.store.remove(call.mailbox, task)
  const known = deleted.get(call.mailbox) ?? new Map<string, TaskItem>()
  deleted.set(call.mailbox, known.set(itemId(call.mailbox, task, false), task))
  return { status: 204 }
}

/** Documentation: https://learn.microsoft.com/graph/api/todotask-delta */
export function tasksDelta(call: Call): Reply {
  const list = listOf(call)
  return itemDelta<TaskItem>(call, {
    name: 'tasks',
    folder: list,
    type: 'todoTask',
    items: call.world.store.items(call.mailbox, 'task', list),
    render(task, select, expand) {
      const names = expand.split(',').map((name) => name.trim()).filter(Boolean)
      return expanded(selected(renderOf(call.mailbox, task), select, TASK_OPTIONAL, 'todoTask'), task, names)
    },
    idOf: (item) => itemId(call.mailbox, item, false),
  })
}

function renderList({ mailbox }: Call, list: Folder): Record<string, unknown> {
  return {
    '@odata.etag': `W/"${changeKey(mailbox, list.seq)}"`,
    displayName: list.name,
    isOwner: true,
    isShared: false,
    wellknownListName: list.wellKnown ?? 'none',
    id: folderId(mailbox, list),
  }
}

/** Documentation: https://learn.microsoft.com/graph/api/todo-list-lists */
export function listLists(call: Call): Reply {
  const query = readQuery(call.url)
  const json = (list: Folder) => renderList(call, list)
  const lists = [...call.world.store.folders(call.mailbox).values()].filter(({ kind }) => kind === 'task')
  const kept = lists.filter((list) => query.filter?.(json(list)) ?? true)
  return collection(call, query, order(kept, query, json), (list) => selected(json(list), query.select, [], 'todoTaskList'), 100)
}

function listInPath({ world, mailbox, params }: Call): Folder {
  return findFolder(world.store, mailbox, params.list ?? '', 'task')
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-get */
export function getList(call: Call): Reply {
  return entity(call, 200, renderList(call, listInPath(call)))
}

/** Documentation: https://learn.microsoft.com/graph/api/todo-post-lists */
export function createList(call: Call): Reply {
  const { displayName } = needObject(call.body)
  if (typeof displayName !== 'string' || displayName === '') throw badRequest('The list needs a displayName.', 'invalidRequest')
  return entity(call, 201, renderList(call, call.world.store.addFolder(call.mailbox, 'task', displayName, null)))
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-update */
export function updateList(call: Call): Reply {
  const list = listInPath(call)
  const { displayName } = needObject(call.body)
  if (typeof displayName === 'string') list.name = displayName
  list.seq = ++call.mailbox.seq
  return entity(call, 200, renderList(call, list))
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-delete */
export function deleteList(call: Call): Reply {
  const list = listInPath(call)
  if (list.wellKnown) throw new GraphError(403, 'accessDenied', 'A built-in list cannot be deleted.')
  call.world.store.removeFolder(call.mailbox, list)
  return { status: 204 }
}

/** Documentation: https://learn.microsoft.com/graph/api/todotasklist-delta */
export function listsDelta(call: Call): Reply {
  return folderDelta(call, 'task', 'lists', (list) => renderList(call, list))
}
