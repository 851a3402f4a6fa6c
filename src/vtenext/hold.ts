import type { ContactItem, CrmUser, EventFields, Item, TaskFields } from '../model/index.ts'
import { canBeNamed, holdDescribed, tidyPeople } from './attendees.ts'
import { canBeCalledOff } from './event.ts'
import { decodeImportance, decodeStatus, encodeImportance, encodeStatus, holdSensitivity } from './labels.ts'
import { MODULES, type Schema } from './schema.ts'
import { holdDates } from './task.ts'
import { holdBody, holdLine, holdText } from './text.ts'
import { holdReminder, holdTime } from './times.ts'

/** What is known of the installation; null before the first contact, then the shipped state is assumed. */
export interface Holding {
  readonly server: string | null
  schema(module: string): Schema | null
  /** Null while they are not known: attendees then stay as they are. */
  readonly users: readonly CrmUser[] | null
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
      return { kind: 'event', fields: holdEvent(item.fields, schema, holding) }
    case 'task':
      return { kind: 'task', fields: holdTask(item.fields, schema) }
    case 'contact':
      return holdContact(item)
  }
}

function holdEvent(fields: Partial<EventFields>, schema: Schema | null, { server, users }: Holding): Partial<EventFields> {
  const { subject, time, place, sensitivity, importance, reminder, cancelled } = fields
  const has = (column: string) => schema === null || schema.fields.has(column)
  return {
    ...(subject === undefined ? {} : { subject: holdSubject(subject) }),
    ...(time === undefined ? {} : { time: holdTime(time, server) }),
    ...(place === undefined || !has('location') ? {} : { place: holdLine(place, PLACE_LENGTH) }),
    ...(has('description') ? holdDescription(fields, users) : {}),
    ...(sensitivity === undefined || !has('visibility') ? {} : { sensitivity: holdSensitivity(sensitivity) }),
    ...(importance === undefined || !has('taskpriority') ? {} : { importance: holdImportance(importance, schema) }),
    ...(reminder === undefined || !has('reminder_time') ? {} : { reminder: holdReminder(reminder) }),
    ...(cancelled === undefined || !canBeCalledOff(schema) ? {} : { cancelled }),
  }
}

/**
 * Text and people share one column. Room is kept for everybody, because who has a better place than the text is known
 * only when it is written. More attendees than the block names are named at first, and then no longer kept in step.
 */
function holdDescription(fields: Partial<EventFields>, users: readonly CrmUser[] | null): Partial<EventFields> {
  const people = { organizer: fields.organizer ?? null, attendees: fields.attendees ?? [] }
  const tidy = tidyPeople(people, users)
  const attendees = users === null ? fields.attendees : tidy.attendees
  return {
    ...(fields.body === undefined ? {} : { body: holdDescribed(fields.body, tidy) }),
    ...(fields.organizer === undefined ? {} : { organizer: tidy.organizer }),
    ...(fields.attendees === undefined || attendees === undefined || !canBeNamed(attendees, users) ? {} : { attendees }),
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
