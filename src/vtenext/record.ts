import { hash } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import { toInstant } from '../lib/zoned.ts'
import {
  assigneeId,
  changeKey,
  itemId,
  type ChangeKey,
  type Instant,
  type Item,
  type ItemKind,
  type Snapshot,
} from '../model/index.ts'
import { decodeContact } from './contact.ts'
import { badRecord, badReply } from './errors.ts'
import { decodeEvent } from './event.ts'
import type { Schema } from './schema.ts'
import { decodeTask } from './task.ts'
import type { Zones } from './times.ts'

/** A record as vtenext sends it: every value a text, empty for nothing. */
export type RawRecord = Readonly<Record<string, string>> & { readonly id: string }

/** What reading a record needs besides itself. */
export interface Reading {
  readonly schema: Schema
  /** The zone of the server's clock. */
  readonly server: string
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
 * The raw fields whose change is a new version. The same whichever call a record came from; invitees are only in one
 * of them, and the reference field may be added to the installation at any time.
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

/** Modified time (server zone) with a hash of the content: two changes in one second are two versions. */
export function keyOf(kind: ItemKind, raw: RawRecord): ChangeKey {
  let text = ''
  for (const name of KEY_FIELDS[kind]) {
    const value = raw[name] ?? ''
    text += `${CLOCK_FIELDS.has(name) ? value.slice(0, 5) : value}\u0000`
  }
  return changeKey(`${raw.modifiedtime ?? ''}#${hash('sha1', text, 'base64url').slice(0, 12)}`)
}

const DECODERS: Readonly<Record<ItemKind, (raw: RawRecord, schema: Schema, zones: Zones, reading: Reading) => Item>> = {
  event: decodeEvent,
  task: decodeTask,
  contact: decodeContact,
}

/**
 * A record as the engine sees it.
 * @param repeated whether another record carries the same `ical_uuid`: then both belong to a series
 * @throws SyncError CRM_BAD_RECORD (one item) when its content cannot be: impossible dates and the like
 */
export function toSnapshot(kind: ItemKind, raw: RawRecord, reading: Reading, repeated = false): Snapshot {
  const owner = raw.assigned_user_id ?? ''
  const { schema, server } = reading
  try {
    const reference = schema.reference === null ? undefined : raw[schema.reference]
    return {
      id: itemId(raw.id),
      changeKey: keyOf(kind, raw),
      item: DECODERS[kind](raw, schema, { server, owner: reading.zoneOf(owner) }, reading),
      modifiedAt: serverMoment(raw.modifiedtime ?? '', server),
      ...(raw.createdtime === undefined ? {} : { bornAt: raw.createdtime }),
      ...(kind === 'event' && (raw.ical_uuid ?? '') !== '' ? { uid: raw.ical_uuid ?? '' } : {}),
      ...(owner === '' ? {} : { assignee: assigneeId(owner) }),
      ...(reference === undefined || reference === '' ? {} : { reference }),
      ...(kind === 'event' && (repeated || isOccurrence(raw)) ? { unsupported: 'recurring' as const } : {}),
    }
  } catch (thrown) {
    if (thrown instanceof SyncError) throw thrown
    if (thrown instanceof RangeError) throw badRecord(raw.id, thrown.message)
    throw thrown
  }
}

/**
 * vtenext keeps a series as one record per occurrence: the first is labelled, the others are counted. Any API edit of
 * the first would wipe the rule behind it.
 */
export function isOccurrence(raw: RawRecord): boolean {
  const label = raw.recurringtype ?? ''
  return (label !== '' && label !== '--None--') || Number(raw.recurr_idx ?? 0) > 0
}

/** @param text yyyy-mm-dd hh:mm:ss of the server's clock */
export function serverMoment(text: string, server: string): Instant {
  return toInstant(text.slice(0, 10), text.slice(11, 19), server) as Instant
}
