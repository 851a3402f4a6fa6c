import { badRequest, unknownProperty } from './errors.ts'
import { readBody } from './event-read.ts'
import type { ItemBody } from './model.ts'
import { dateOf, dayOf, occurrenceDays } from './recurrence.ts'
import { readRecurrence } from './recurrence-read.ts'
import type { ZonedTime } from './times.ts'
import { readTime, stamp, writeTime } from './times.ts'

const STATUSES = ['notStarted', 'inProgress', 'completed', 'waitingOnOthers', 'deferred']
const IMPORTANCES = ['low', 'normal', 'high']
const TIMES = ['dueDateTime', 'startDateTime', 'reminderDateTime', 'completedDateTime']
const READ_ONLY = ['id', 'createdDateTime', 'lastModifiedDateTime', 'bodyLastModifiedDateTime', 'hasAttachments']
const ELSEWHERE = ['linkedResources', 'checklistItems', 'extensions']
const DAY = 86_400_000

export function emptyTask(): Record<string, any> {
  return {
    importance: 'normal', isReminderOn: false, status: 'notStarted', title: '', categories: [],
    body: { content: '', contentType: 'text' }, completedDateTime: null, dueDateTime: null, startDateTime: null,
    reminderDateTime: null, recurrence: null, bodyLastModified: 0,
  }
}

/**
 * The fields of a task after a create or update. Times come back in UTC, whatever zone they were written in: a day that a
 * client east of Greenwich set as its midnight reads as the evening before.
 * Documentation: https://learn.microsoft.com/graph/api/todotask-update
 * @param now UTC milliseconds
 */
export function readTask(before: Record<string, any>, body: Record<string, any>, now: number): Record<string, any> {
  const fields = { ...before }
  for (const [name, value] of Object.entries(body)) readField(fields, name, value, now)
  if (body.status !== undefined && body.completedDateTime === undefined)
    fields.completedDateTime = fields.status === 'completed' ? (before.completedDateTime ?? today(now)) : null
  if (body.completedDateTime !== undefined && body.status === undefined)
    fields.status = fields.completedDateTime === null ? 'notStarted' : 'completed'
  if (body.reminderDateTime !== undefined && body.isReminderOn === undefined) fields.isReminderOn = fields.reminderDateTime !== null
  if (body.recurrence && !fields.dueDateTime) throw badRequest('A recurring task needs a dueDateTime.', 'invalidRequest')
  return fields
}

function readField(fields: Record<string, any>, name: string, value: any, now: number): void {
  if (READ_ONLY.includes(name) || ELSEWHERE.includes(name) || name.includes('@odata.')) return
  if (TIMES.includes(name)) fields[name] = value === null ? null : inUtc(value, name)
  else if (name === 'title') fields.title = String(value ?? '')
  else if (name === 'status') fields.status = oneOf(STATUSES, value, name)
  else if (name === 'importance') fields.importance = oneOf(IMPORTANCES, value, name)
  else if (name === 'isReminderOn') fields.isReminderOn = value === true
  else if (name === 'categories') fields.categories = value ?? []
  else if (name === 'body') {
    fields.body = readBody(value)
    fields.bodyLastModified = now
  } else if (name === 'recurrence') fields.recurrence = value === null ? null : readRecurrence(value, value.range?.startDate)
  else throw unknownProperty(name, 'todoTask')
}

function inUtc(value: any, name: string): ZonedTime {
  return writeTime(readTime(value, name).instant, 'UTC')
}

function today(now: number): ZonedTime {
  return writeTime(Math.floor(now / DAY) * DAY, 'UTC')
}

function oneOf(values: string[], value: unknown, name: string): string {
  const found = values.find((one) => one === value)
  if (found === undefined) throw badRequest(`Requested value '${String(value)}' was not found (${name}).`, 'invalidRequest')
  return found
}

/** Due day of the next task after a recurring one was completed; null where the rule is at its end. */
export function nextDue(fields: Record<string, any>): ZonedTime | null {
  if (!fields.recurrence || !fields.dueDateTime) return null
  const due = dayOf((fields.dueDateTime as ZonedTime).dateTime.slice(0, 10))
  for (const day of occurrenceDays(fields.recurrence, due + 4_000))
    if (day > due) return { dateTime: `${dateOf(day)}T00:00:00.0000000`, timeZone: 'UTC' }
  return null
}

type Shown = { fields: Record<string, any>; created: number; modified: number }

export function renderTask(id: string, etag: string, task: Shown): Record<string, unknown> {
  const { bodyLastModified, completedDateTime, dueDateTime, startDateTime, reminderDateTime, recurrence, body, ...rest } = task.fields
  const present = Object.entries({ completedDateTime, dueDateTime, startDateTime, reminderDateTime, recurrence })
    .filter(([, value]) => value !== null)
  return {
    '@odata.etag': `W/"${etag}"`,
    ...rest,
    hasAttachments: false,
    createdDateTime: stamp(task.created),
    lastModifiedDateTime: stamp(task.modified),
    ...(bodyLastModified ? { bodyLastModifiedDateTime: stamp(bodyLastModified) } : {}),
    id,
    body: { content: (body as ItemBody).content, contentType: (body as ItemBody).contentType },
    // To Do leaves out what is not set instead of showing null.
    ...Object.fromEntries(present),
  }
}

export const TASK_OPTIONAL = [...TIMES, 'recurrence', 'bodyLastModifiedDateTime', 'linkedResources', 'checklistItems', 'extensions']
