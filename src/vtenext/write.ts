import { asSyncError, SyncError } from '../lib/errors.ts'
import { toLocal } from '../lib/zoned.ts'
import { differing, itemOf, type Fields, type Item, type ItemKind } from '../model/index.ts'
import type { Clock, CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { GONE, unsupported } from './errors.ts'
import { encodeEvent, newEvent } from './event.ts'
import { holdItem } from './hold.ts'
import type { Installation } from './installation.ts'
import { readInvitees } from './invitees.ts'
import { retrieve } from './read.ts'
import { isOccurrence, keyOf, rawRecord, toSnapshot, type RawRecord, type Reading } from './record.ts'
import { MODULES } from './schema.ts'
import { isGone, type Sessions } from './session.ts'
import { encodeTask, newTask } from './task.ts'

export interface WriteOptions {
  readonly sessions: Sessions
  readonly installation: Installation
  readonly clock: Clock
}

/** Length of the column `ical_uuid`; longer ones are cut on both ways alike. */
const UID_LENGTH = 127
export const heldUid = (uid: string): string => uid.slice(0, UID_LENGTH)

/** create: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Create */
export async function createRecord(options: WriteOptions, request: CreateRequest): Promise<WriteOutcome> {
  const { sessions, installation } = options
  try {
    const { kind } = request.item
    if (kind === 'contact') throw unsupported('Contacts are made in the CRM, never by the connector.', 'bug')
    const { assignee } = request
    if (assignee === undefined) throw unsupported('A new CRM record needs an owner.', 'bug')
    // The server saves a record with a wrong owner before it refuses it, and that record then spoils every list.
    if (!(await installation.people.exists(assignee))) {
      throw new SyncError(
        'CRM_REJECTED',
        `There is no CRM user or group ${assignee} to give the new record to.` + ' Check who the mailbox belongs to.',
        { scope: 'item', remedy: 'ask-human' },
      )
    }
    const reading = await installation.reading(kind, [])
    const element = newElement(options, request, reading)
    const answer = await sessions.call('create', { elementType: MODULES[kind], element: JSON.stringify(element) })
    return done(kind, answer, reading, 'create')
  } catch (thrown) {
    return { type: 'failed', error: asSyncError(thrown) }
  }
}

function newElement(
  { installation, clock }: WriteOptions,
  request: CreateRequest,
  reading: Reading,
): Record<string, string> {
  const { item, assignee = '', reference } = request
  const { schema, server } = reading
  const held = holdItem(item, installation)
  const raw = encode(held, reading, assignee)
  const today = toLocal(clock.now(), server).date
  return {
    ...(held.kind === 'event' ? newEvent(schema) : newTask(raw, schema, today)),
    ...raw,
    ...(raw.subject === undefined ? { subject: '(no subject)' } : {}),
    assigned_user_id: assignee,
    // Settable on create only; tasks have the column too, and no other place for the token.
    ical_uuid: heldUid(item.kind === 'event' ? (request.uid ?? request.token) : request.token),
    ...(schema.reference === null || reference === undefined ? {} : { [schema.reference]: reference }),
  }
}

/** revise: only what is sent changes; `update` would empty everything else, `updateRecord` breaks reminders. */
export async function reviseRecord(options: WriteOptions, request: UpdateRequest): Promise<WriteOutcome> {
  const { sessions, installation } = options
  try {
    const raw = await retrieve(sessions, request.id)
    if (raw === null) return { type: 'gone' }
    if (keyOf(request.kind, raw) !== request.expect) return { type: 'stale' }
    const reading = await installation.reading(request.kind, [raw])
    const current = toSnapshot(request.kind, raw, reading)
    const changes = toRaw(installation, request, raw, current.item, reading)
    if (Object.keys(changes).length === 0) return { type: 'done', snapshot: current }
    refuseSeries(raw, request.kind)
    const element: Record<string, unknown> = { id: raw.id, ...changes }
    if (changes.date_start !== undefined && request.kind === 'event') {
      const invitees = await readInvitees(sessions, raw, reading.server)
      if (invitees.length > 0) element.invitees = invitees
    }
    return done(request.kind, await sessions.call('revise', { element: JSON.stringify(element) }), reading, 'revise')
  } catch (thrown) {
    return isGone(thrown) ? { type: 'gone' } : { type: 'failed', error: asSyncError(thrown) }
  }
}

/** The raw values that differ from what the record holds. */
function toRaw(
  installation: Installation,
  request: UpdateRequest,
  raw: RawRecord,
  current: Item,
  reading: Reading,
): Record<string, string> {
  const { kind, reference } = request
  if (kind === 'contact' && Object.keys(request.fields).length > 0) {
    throw unsupported('Contacts are edited in the CRM, never by the connector.', 'bug')
  }
  const wanted = holdItem(itemOf(kind, request.fields), installation)
  const fields: Fields = differing(wanted, current)
  const changes = encode(itemOf(kind, fields), reading, raw.assigned_user_id ?? '')
  const column = reading.schema.reference
  if (column !== null && reference !== undefined && raw[column] !== reference) changes[column] = reference
  return changes
}

function encode(item: Item, reading: Reading, assignee: string): Record<string, string> {
  const zones = { server: reading.server, owner: reading.zoneOf(assignee) }
  switch (item.kind) {
    case 'event':
      return encodeEvent(item.fields, reading.schema, zones)
    case 'task':
      return encodeTask(item.fields, reading.schema)
    case 'contact':
      return {}
  }
}

/** delete moves into the bin: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Delete */
export async function deleteRecord({ sessions }: WriteOptions, request: RemoveRequest): Promise<RemoveOutcome> {
  try {
    if (request.kind === 'contact') throw unsupported('Contacts are deleted in the CRM, never by the connector.', 'bug')
    const raw = await retrieve(sessions, request.id)
    if (raw === null) return { type: 'gone' }
    if (keyOf(request.kind, raw) !== request.expect) return { type: 'stale' }
    refuseSeries(raw, request.kind)
    await sessions.call('delete', { id: raw.id })
    return { type: 'removed' }
  } catch (thrown) {
    return isGone(thrown) ? { type: 'gone' } : { type: 'failed', error: asSyncError(thrown) }
  }
}

function refuseSeries(raw: RawRecord, kind: ItemKind): void {
  if (kind === 'event' && isOccurrence(raw)) {
    throw unsupported(`CRM record ${raw.id} belongs to a series: changing it over the API would wipe the series' rule.`)
  }
}

function done(kind: ItemKind, answer: unknown, reading: Reading, operation: string): WriteOutcome {
  try {
    return { type: 'done', snapshot: toSnapshot(kind, rawRecord(answer, operation, true), reading) }
  } catch (thrown) {
    const error = asSyncError(thrown)
    if (error.code === GONE || error.outcomeUnknown) throw error
    // The record is written, only its answer cannot be understood.
    throw new SyncError(error.code, error.message, {
      scope: error.scope,
      remedy: error.remedy,
      outcomeUnknown: true,
      context: error.context,
      cause: thrown,
    })
  }
}
