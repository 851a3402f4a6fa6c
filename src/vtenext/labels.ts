import type { Importance, Sensitivity, TaskStatus } from '../model/index.ts'
import { pick, type Schema } from './schema.ts'

/** Picklist values are an administrator's to change: reading knows the shipped ones, writing takes what is there. */

export const decodeSensitivity = (raw: string | undefined): Sensitivity => (raw === 'Private' ? 'private' : 'normal')

export const holdSensitivity = (value: Sensitivity): Sensitivity =>
  value === 'private' || value === 'confidential' ? 'private' : 'normal'

export function encodeSensitivity(value: Sensitivity, schema: Schema): string {
  return holdSensitivity(value) === 'private' ? 'Private' : (pick(schema, 'visibility', ['Standard']) ?? '')
}

const IMPORTANCE: Readonly<Record<string, Importance>> = { High: 'high', Medium: 'normal', Low: 'low' }
const PRIORITY: Readonly<Record<Importance, readonly string[]>> = {
  high: ['High'],
  normal: ['Medium'],
  low: ['Low'],
}

export const decodeImportance = (raw: string | undefined): Importance => IMPORTANCE[raw ?? ''] ?? 'normal'

export const encodeImportance = (value: Importance, schema: Schema): string =>
  pick(schema, 'taskpriority', PRIORITY[value]) ?? ''

const STATUS: Readonly<Record<string, TaskStatus>> = {
  'Not Started': 'notStarted',
  Planned: 'notStarted',
  'In Progress': 'inProgress',
  Completed: 'completed',
  'Pending Input': 'waitingOnOthers',
  Deferred: 'deferred',
}
const TASKSTATUS: Readonly<Record<TaskStatus, readonly string[]>> = {
  notStarted: ['Not Started', 'Planned'],
  inProgress: ['In Progress'],
  completed: ['Completed'],
  waitingOnOthers: ['Pending Input', 'In Progress'],
  deferred: ['Deferred', 'Not Started', 'Planned'],
}

/** A value the administrator added reads as not started; it is never rewritten unless the status moves. */
export const decodeStatus = (raw: string | undefined): TaskStatus => STATUS[raw ?? ''] ?? 'notStarted'

export const encodeStatus = (value: TaskStatus, schema: Schema): string =>
  pick(schema, 'taskstatus', TASKSTATUS[value]) ?? schema.picklists.get('taskstatus')?.[0] ?? TASKSTATUS[value][0] ?? ''
