import type { EventFields, EventItem } from '../model/index.ts'
import { readPeople } from './attendees.ts'
import type { Invitee } from './invitees.ts'
import { decodeImportance, decodeSensitivity, encodeImportance, encodeSensitivity } from './labels.ts'
import type { RawRecord, Reading } from './record.ts'
import { pick, type Schema } from './schema.ts'
import { decodeTime, encodeTime, type Zones } from './times.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const CALLED_OFF = 'Not Held'

/**
 * vtenext has no busy state and no categories: those fields stay absent. So do the attendees where the description names
 * only some of them.
 * @throws RangeError for impossible times
 */
export function decodeEvent(raw: RawRecord, reading: Reading, zones: Zones, invitees: readonly Invitee[]): EventItem {
  const { schema, users } = reading
  const fields: Mutable<Partial<EventFields>> = {
    subject: raw.subject ?? '',
    time: decodeTime(raw, zones),
  }
  if (schema.fields.has('description')) {
    const { text, organizer, attendees, more } = readPeople(raw.description ?? '', raw.organizer ?? '', invitees, users)
    fields.body = text
    fields.organizer = organizer
    if (more === 0) fields.attendees = attendees
  }
  if (canBeCalledOff(schema)) fields.cancelled = raw.eventstatus === CALLED_OFF
  if (schema.fields.has('location')) fields.place = raw.location ?? ''
  if (schema.fields.has('visibility')) fields.sensitivity = decodeSensitivity(raw.visibility)
  if (schema.fields.has('taskpriority')) fields.importance = decodeImportance(raw.taskpriority)
  if (schema.fields.has('reminder_time')) fields.reminder = decodeReminder(raw.reminder_time)
  return { kind: 'event', fields }
}

/** Whether the installation still has the status that says so; @param schema null is the shipped state */
export const canBeCalledOff = (schema: Schema | null): boolean =>
  schema === null || pick(schema, 'eventstatus', [CALLED_OFF]) !== null

/** Read in minutes, written in seconds; 0 and empty both mean none. */
function decodeReminder(text: string | undefined): number | null {
  const minutes = Number(text ?? '')
  return Number.isInteger(minutes) && minutes > 0 ? minutes : null
}

/**
 * The raw values that store some fields of an event, already held. Text and people are not among them: together they
 * make the description, see `people-element`.
 * A reminder cannot be removed over the API, so `null` writes nothing.
 */
export function encodeEvent(fields: Partial<EventFields>, schema: Schema, zones: Zones): Record<string, string> {
  const raw: Record<string, string> = {}
  if (fields.subject !== undefined) raw.subject = fields.subject
  if (fields.time !== undefined) Object.assign(raw, encodeTime(fields.time, zones))
  if (fields.place !== undefined) raw.location = fields.place
  if (fields.sensitivity !== undefined) raw.visibility = encodeSensitivity(fields.sensitivity, schema)
  if (fields.importance !== undefined) raw.taskpriority = encodeImportance(fields.importance, schema)
  if (fields.reminder !== undefined && fields.reminder !== null) raw.reminder_time = String(fields.reminder * 60)
  if (fields.cancelled !== undefined) raw.eventstatus = fields.cancelled ? CALLED_OFF : planned(schema)
  return raw
}

const planned = (schema: Schema) =>
  pick(schema, 'eventstatus', ['Planned']) ??
  schema.picklists.get('eventstatus')?.find((value) => value !== CALLED_OFF) ??
  'Planned'

/** What a new event needs besides its fields. Duration is mandatory, and then reckoned anew by the server. */
export function newEvent(schema: Schema): Record<string, string> {
  return {
    activitytype: pick(schema, 'activitytype', ['Meeting']) ?? schema.picklists.get('activitytype')?.[0] ?? 'Meeting',
    eventstatus: planned(schema),
    duration_hours: '1',
  }
}
