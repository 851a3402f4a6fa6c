import type { ItemId, ItemKind } from '../model/index.ts'
import type { Exchange, Found } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { child } from '../lib/xml.ts'
import { verdictOf } from './errors.ts'
import type { Folders } from './folders.ts'
import { hold } from './hold.ts'
import { getItem } from './operations/get-item.ts'
import { pullPage } from './pull.ts'
import { findCreated, locate } from './search.ts'
import type { Session } from './session.ts'
import { StampIndex } from './stamp-index.ts'
import type { Result } from './soap.ts'
import { readWhole, snapshotOf } from './whole-items.ts'
import type { WholeItem } from './whole-items.ts'
import { createAll, removeAll, updateAll } from './write.ts'

/** A mailbox as the engine sees it. @param maxChanges 1 to 512 changes per page */
export function createReplica(session: Session, folders: Folders, maxChanges: number): Exchange {
  const index = new StampIndex(session.clock)
  return {
    side: 'exchange',
    async open(readOnly = false) {
      folders.readOnly = readOnly
      await folders.synced()
    },
    hold,
    pull: (kind, since, known) => pullPage(session, folders, kind, since, known, maxChanges),
    get: (kind, ids) => getAll(session, folders, kind, ids),
    create: (requests) => createAll(session, folders, requests),
    update: (requests) => updateAll(session, folders, requests),
    remove: (requests) => removeAll(session, requests),
    findCreated: (query) => findCreated(session, folders, query),
    locate: (kind, token, uid) => locate(session, folders, index, { kind, token, uid }),
  }
}

async function getAll(session: Session, folders: Folders, kind: ItemKind, ids: readonly ItemId[]): Promise<Found[]> {
  const { deleted } = await folders.synced()
  const results = await readWhole(session, kind, ids)
  return results.map((result) => foundOf(session, kind, result, deleted.id))
}

/** An item in Deleted Items is gone, also where the server lets it keep its id. */
function foundOf(session: Session, kind: ItemKind, result: Result<WholeItem>, deletedItems: string): Found {
  if (!result.ok) {
    return verdictOf(result.failure) === 'gone' ? { type: 'gone' } : { type: 'failed', error: session.error(getItem, result.failure) }
  }
  if (child(result.value.properties, 'ParentFolderId')?.attributes['Id'] === deletedItems) return { type: 'gone' }
  try {
    return { type: 'seen', snapshot: snapshotOf(session, kind, result.value) }
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error }
    throw error
  }
}
