import type { ContactItem, EventFields, Item, TaskFields } from '../model/index.ts'
import { decodeImportance, decodeStatus, encodeImportance, encodeStatus, holdSensitivity } from './labels.ts'
import { MODULES, type Schema } from './schema.ts'
import { holdDates } from './task.ts'
import { holdBody, holdLine, holdText } from './text.ts'
import { holdReminder, holdTime } from './times.ts'

/** What is known of the installation; null before the first contact, then the shipped state is assumed. */
export interface Holding {
  readonly server: string | null
  schema(module: string): Schema | null
}

const SUBJECT_LENGTH = 100
const PLACE_LENGTH = 150
/** vtenext refuses a record without a subject. */
const NO_SUBJECT = '(no subject)'

/** The item as vtenext can hold it. Idempotent. */
export function holdItem(item: Item, holding: Holding): Item {
  const schema = holding.schema(MODULES[item.kind])
  switch (item.kind) {
    case 'event':
      return { kind: 'event', fields: holdEvent(item.fields, schema, holding.server) }
    case 'task':
      return { kind: 'task', fields: holdTask(item.fields, schema) }
    case 'contact':
      return holdContact(item)
  }
}

function holdEvent(fields: Partial<EventFields>, schema: Schema | null, server: string | null): Partial<EventFields> {
  const { subject, time, place, body, sensitivity, importance, reminder } = fields
  const has = (column: string) => schema === null || schema.fields.has(column)
  return {
    ...(subject === undefined ? {} : { subject: holdSubject(subject) }),
    ...(time === undefined ? {} : { time: holdTime(time, server) }),
    ...(place === undefined || !has('location') ? {} : { place: holdLine(place, PLACE_LENGTH) }),
    ...(body === undefined || !has('description') ? {} : { body: holdBody(body) }),
    ...(sensitivity === undefined || !has('visibility') ? {} : { sensitivity: holdSensitivity(sensitivity) }),
    ...(importance === undefined || !has('taskpriority') ? {} : { importance: holdImportance(importance, schema) }),
    ...(reminder === undefined || !has('reminder_time') ? {} : { reminder: holdReminder(reminder) }),
  }
}

function holdTask(fields: Partial<TaskFields>, schema: Schema | null): Partial<TaskFields> {
  const { categories: _none, ...all } = holdDates(fields)
  const { subject, body, status, importance, sensitivity, ...dates } = all
  const has = (column: string) => schema === null || schema.fields.has(column)
  return {
    ...dates,
    ...(subject === undefined ? {} : { subject: holdSubject(subject) }),
    ...(body === undefined || !has('description') ? {} : { body: holdBody(body) }),
    ...(status === undefined ? {} : { status: schema === null ? status : decodeStatus(encodeStatus(status, schema)) }),
    ...(importance === undefined || !has('taskpriority') ? {} : { importance: holdImportance(importance, schema) }),
    ...(sensitivity === undefined || !has('visibility') ? {} : { sensitivity: holdSensitivity(sensitivity) }),
  }
}

/** Contacts are never written to the CRM; their texts are only tidied as every text is. */
function holdContact(item: ContactItem): ContactItem {
  const fields = Object.entries(item.fields).map(([name, value]) => [
    name,
    typeof value === 'string' && name !== 'birthday' ? holdText(value) : value,
  ])
  return { kind: 'contact', fields: Object.fromEntries(fields) }
}

function holdSubject(subject: string): string {
  const held = holdLine(subject, SUBJECT_LENGTH)
  return held.trim() === '' ? NO_SUBJECT : held
}

const holdImportance = (value: NonNullable<EventFields['importance']>, schema: Schema | null) =>
  schema === null ? value : decodeImportance(encodeImportance(value, schema))
