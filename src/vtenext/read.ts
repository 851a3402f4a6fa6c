import { asSyncError } from '../lib/errors.ts'
import type { ItemId, ItemKind } from '../model/index.ts'
import type { Found } from '../ports.ts'
import { changedWhileRead } from './errors.ts'
import { readFull, type FullEvent } from './full.ts'
import type { Installation } from './installation.ts'
import { rawRecord, toSnapshot, type RawRecord } from './record.ts'
import { isGone, type Sessions } from './session.ts'

/**
 * retrieve: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Retrieve
 * @returns null when it is gone
 */
export async function retrieve(sessions: Sessions, id: ItemId): Promise<RawRecord | null> {
  try {
    return rawRecord(await sessions.call('retrieve', { id }), 'retrieve')
  } catch (thrown) {
    if (isGone(thrown)) return null
    throw thrown
  }
}

export interface ReadOptions {
  readonly sessions: Sessions
  readonly installation: Installation
}

/** Everything of a record. Only events have invitees. */
type Read = FullEvent | Exclude<Found, { type: 'seen' }>

/** The records as they are now, in the order of the ids. */
export async function getRecords(
  options: ReadOptions,
  kind: ItemKind,
  ids: readonly ItemId[],
): Promise<readonly Found[]> {
  const read = await readAll(options, kind, ids)
  const reading = await options.installation.reading(kind, read.flatMap((one) => ('raw' in one ? [one.raw] : [])))
  return read.map((one): Found => {
    if (!('raw' in one)) return one
    try {
      return { type: 'seen', snapshot: toSnapshot(kind, one.raw, reading, one.invitees) }
    } catch (thrown) {
      return { type: 'failed', error: asSyncError(thrown) }
    }
  })
}

async function readAll(options: ReadOptions, kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Read[]> {
  const first = await readOnce(options, kind, ids)
  const moved = ids.filter((_, at) => first[at] === null)
  // Saved between the two calls: once more, and by then it is an item that waits.
  const second = moved.length === 0 ? [] : await readOnce(options, kind, moved)
  return ids.map((id, at) => first[at] ?? second[moved.indexOf(id)] ?? { type: 'failed', error: changedWhileRead(id) })
}

/** @returns null for an event that was saved while it was read */
async function readOnce(
  { sessions, installation }: ReadOptions,
  kind: ItemKind,
  ids: readonly ItemId[],
): Promise<readonly (Read | null)[]> {
  const records = await sessions.map(ids, async (id): Promise<RawRecord | Exclude<Found, { type: 'seen' }>> => {
    try {
      return (await retrieve(sessions, id)) ?? { type: 'gone' }
    } catch (thrown) {
      return { type: 'failed', error: asSyncError(thrown) }
    }
  })
  const { uninvited } = installation
  const isRecord = (one: (typeof records)[number]): one is RawRecord => 'id' in one
  const open = kind === 'event' ? records.filter(isRecord).filter((raw) => !uninvited.has(raw)) : []
  const full = open.length === 0 ? null : await readFull(sessions, open, await installation.zone())
  for (const { raw, invitees } of full?.values() ?? []) uninvited.note(raw, invitees)
  return records.map((one) => {
    if (!isRecord(one)) return one
    return open.includes(one) ? (full?.get(one.id) ?? null) : { raw: one, invitees: [] }
  })
}
