import { asSyncError } from '../lib/errors.ts'
import type { ItemId, ItemKind } from '../model/index.ts'
import type { Found } from '../ports.ts'
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

/** The records as they are now, in the order of the ids. */
export async function getRecords(
  sessions: Sessions,
  installation: Installation,
  kind: ItemKind,
  ids: readonly ItemId[],
): Promise<readonly Found[]> {
  const raws = await sessions.map(ids, async (id): Promise<RawRecord | Found> => {
    try {
      return (await retrieve(sessions, id)) ?? { type: 'gone' }
    } catch (thrown) {
      return { type: 'failed', error: asSyncError(thrown) }
    }
  })
  const isRecord = (entry: RawRecord | Found): entry is RawRecord => 'id' in entry
  const reading = await installation.reading(kind, raws.filter(isRecord))
  return raws.map((entry): Found => {
    if (!isRecord(entry)) return entry
    try {
      return { type: 'seen', snapshot: toSnapshot(kind, entry, reading) }
    } catch (thrown) {
      return { type: 'failed', error: asSyncError(thrown) }
    }
  })
}
