import { plainDate, type PlainDate, type TaskFields, type TaskItem } from '../model/index.ts'
import {
  decodeImportance,
  decodeSensitivity,
  decodeStatus,
  encodeImportance,
  encodeSensitivity,
  encodeStatus,
} from './labels.ts'
import type { RawRecord } from './record.ts'
import type { Schema } from './schema.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Dates are the server's calendar days; a start may also have a time of day, which stays the CRM's. */
export function decodeTask(raw: RawRecord, schema: Schema): TaskItem {
  const fields: Mutable<Partial<TaskFields>> = {
    subject: raw.subject ?? '',
    startDate: day(raw.date_start, 'start date'),
    dueDate: day(raw.due_date, 'due date'),
    status: decodeStatus(raw.taskstatus),
  }
  if (schema.fields.has('description')) fields.body = raw.description ?? ''
  if (schema.fields.has('taskpriority')) fields.importance = decodeImportance(raw.taskpriority)
  if (schema.fields.has('visibility')) fields.sensitivity = decodeSensitivity(raw.visibility)
  return { kind: 'task', fields }
}

function day(text: string | undefined, what: string): PlainDate | null {
  if (text === undefined || text === '') return null
  try {
    return plainDate(text)
  } catch {
    throw new RangeError(`its ${what} "${text}" is not a date. Correct it in the CRM.`)
  }
}

/** The raw values that store some fields of a task, already held. vtenext has no task without dates. */
export function encodeTask(fields: Partial<TaskFields>, schema: Schema): Record<string, string> {
  const raw: Record<string, string> = {}
  if (fields.subject !== undefined) raw.subject = fields.subject
  if (fields.startDate) raw.date_start = fields.startDate
  if (fields.dueDate) raw.due_date = fields.dueDate
  if (fields.status !== undefined) raw.taskstatus = encodeStatus(fields.status, schema)
  if (fields.body !== undefined) raw.description = fields.body
  if (fields.importance !== undefined) raw.taskpriority = encodeImportance(fields.importance, schema)
  if (fields.sensitivity !== undefined) raw.visibility = encodeSensitivity(fields.sensitivity, schema)
  return raw
}

/** What a new task needs besides its fields. Without this activity type the server stores half an event. */
export function newTask(raw: Readonly<Record<string, string>>, schema: Schema, today: string): Record<string, string> {
  return {
    activitytype: 'Task',
    taskstatus: encodeStatus('notStarted', schema),
    date_start: raw.due_date ?? today,
    due_date: raw.date_start ?? today,
  }
}

/** A task with one date gets the other from it; one without dates keeps the fields out, so nothing is compared. */
export function holdDates(fields: Partial<TaskFields>): Partial<TaskFields> {
  const { startDate, dueDate, ...rest } = fields
  const start = startDate ?? (startDate === null ? dueDate : null)
  const due = dueDate ?? (dueDate === null ? startDate : null)
  return { ...rest, ...(start ? { startDate: start } : {}), ...(due ? { dueDate: due } : {}) }
}
