import { hash } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import { toInstant } from '../lib/zoned.ts'
import {
  assigneeId,
  changeKey,
  itemId,
  type ChangeKey,
  type CrmUser,
  type Instant,
  type Item,
  type ItemKind,
  type Snapshot,
  type Traits,
} from '../model/index.ts'
import { decodeContact } from './contact.ts'
import { badRecord, badReply } from './errors.ts'
import { decodeEvent } from './event.ts'
import { inviteesHash, type Invitee } from './invitees.ts'
import type { Schema } from './schema.ts'
import { decodeTask } from './task.ts'
import type { Zones } from './times.ts'
import { uidOf } from './uid.ts'

/** A record as vtenext sends it: every value a text, empty for nothing. */
export type RawRecord = Readonly<Record<string, string>> & { readonly id: string }

/** What reading a record needs besides itself. */
export interface Reading {
  readonly schema: Schema
  /** The zone of the server's clock. */
  readonly server: string
  readonly users: readonly CrmUser[]
  /** The zone of an owner; the server's where it is not known. */
  zoneOf(assignee: string): string
  /** Name of an account, '' where it is not known. */
  accountName(account: string): string
}

/** @throws SyncError CRM_BAD_REPLY when it is not a record at all */
export function rawRecord(value: unknown, operation: string, write = false): RawRecord {
  if (typeof value !== 'object' || value === null || !('id' in value) || !/^\d+x\d+$/.test(String(value.id))) {
    throw badReply('no record', { operation, write })
  }
  const raw: Record<string, string> = {}
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry !== 'object') raw[name] = entry === undefined ? '' : String(entry)
    else if (entry === null) raw[name] = ''
  }
  return raw as RawRecord
}

/**
 * The raw fields whose change is a new version. The same whichever call a record came from; the reference field is not
 * among them because it may be added to the installation at any time.
 */
const KEY_FIELDS: Readonly<Record<ItemKind, readonly string[]>> = {
  event: [
    'subject',
    'description',
    'date_start',
    'time_start',
    'due_date',
    'time_end',
    'is_all_day_event',
    'location',
    'visibility',
    'taskpriority',
    'reminder_time',
    'recurringtype',
    'recurr_idx',
    'ical_uuid',
    'eventstatus',
    'organizer',
    'assigned_user_id',
  ],
  task: [
    'subject',
    'description',
    'date_start',
    'due_date',
    'taskstatus',
    'taskpriority',
    'visibility',
    'assigned_user_id',
  ],
  contact: [
    'salutationtype',
    'firstname',
    'lastname',
    'title',
    'department',
    'account_id',
    'email',
    'phone',
    'mobile',
    'homephone',
    'otherphone',
    'fax',
    'assistant',
    'assistantphone',
    'birthday',
    'description',
    'assigned_user_id',
    ...['street', 'pobox', 'city', 'state', 'zip', 'country'].flatMap((part) => [`mailing${part}`, `other${part}`]),
  ],
}
const CLOCK_FIELDS = new Set(['time_start', 'time_end'])

/**
 * Modified time (server zone) with a hash of the content: two changes in one second are two versions. Where somebody is
 * invited, a hash of the invitees follows, because their answers do not touch the modified time.
 */
export function keyOf(kind: ItemKind, raw: RawRecord, invitees: readonly Invitee[] = []): ChangeKey {
  let text = ''
  for (const name of KEY_FIELDS[kind]) {
    const value = raw[name] ?? ''
    text += `${CLOCK_FIELDS.has(name) ? value.slice(0, 5) : value}\u0000`
  }
  const key = `${raw.modifiedtime ?? ''}#${hash('sha1', text, 'base64url').slice(0, 12)}`
  return changeKey(invitees.length === 0 ? key : `${key}#${inviteesHash(invitees)}`)
}

/** Whether a version, as far as one record without its invitees tells, is still the present one. */
export const isContentOf = (key: ChangeKey, kind: ItemKind, raw: RawRecord): boolean =>
  key.split('#').slice(0, 2).join('#') === keyOf(kind, raw)

/** Whether somebody is invited in this version. */
export const tellsInvitees = (key: ChangeKey): boolean => key.split('#').length > 2

const REPEATS: Readonly<Record<string, NonNullable<Traits['repeats']>>> = {
  Daily: 'daily',
  Weekly: 'weekly',
  Monthly: 'monthly',
  Yearly: 'yearly',
}

/**
 * A record as the engine sees it.
 * @param invitees of an event: the same whichever call the record came from
 * @throws SyncError CRM_BAD_RECORD (one item) when its content cannot be: impossible dates and the like
 */
export function toSnapshot(kind: ItemKind, raw: RawRecord, reading: Reading, invitees: readonly Invitee[] = []): Snapshot {
  const owner = raw.assigned_user_id ?? ''
  const { schema, server } = reading
  try {
    const reference = schema.reference === null ? undefined : raw[schema.reference]
    const uid = kind === 'event' ? uidOf(raw) : ''
    const repeats = kind === 'event' && !(Number(raw.recurr_idx ?? 0) > 0) ? REPEATS[raw.recurringtype ?? ''] : undefined
    return {
      id: itemId(raw.id),
      changeKey: keyOf(kind, raw, invitees),
      item: decode(kind, raw, reading, { server, owner: reading.zoneOf(owner) }, invitees),
      modifiedAt: serverMoment(raw.modifiedtime ?? '', server),
      ...bornOf(raw, server),
      ...(uid === '' ? {} : { uid }),
      ...(owner === '' ? {} : { assignee: assigneeId(owner) }),
      ...(reference === undefined || reference === '' ? {} : { reference }),
      ...(repeats === undefined ? {} : { traits: { repeats } }),
    }
  } catch (thrown) {
    if (thrown instanceof SyncError) throw thrown
    if (thrown instanceof RangeError) throw badRecord(raw.id, thrown.message)
    throw thrown
  }
}

function bornOf({ createdtime }: RawRecord, server: string): Pick<Snapshot, 'bornAt' | 'madeAt'> {
  if (createdtime === undefined) return {}
  try {
    return { bornAt: createdtime, madeAt: serverMoment(createdtime, server) }
  } catch {
    // What cannot be read tells one record from another all the same.
    return { bornAt: createdtime }
  }
}

function decode(kind: ItemKind, raw: RawRecord, reading: Reading, zones: Zones, invitees: readonly Invitee[]): Item {
  switch (kind) {
    case 'event':
      return decodeEvent(raw, reading, zones, invitees)
    case 'task':
      return decodeTask(raw, reading.schema)
    case 'contact':
      return decodeContact(raw, reading.schema, zones, reading)
  }
}

/** @param text yyyy-mm-dd hh:mm:ss of the server's clock */
export function serverMoment(text: string, server: string): Instant {
  return toInstant(text.slice(0, 10), text.slice(11, 19), server) as Instant
}
