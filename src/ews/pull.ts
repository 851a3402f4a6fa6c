import { changeKey, itemId, syncState } from '../model/index.ts'
import type { ItemId, ItemKind, SyncState } from '../model/index.ts'
import type { Change, ChangePage, KnownKeys } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { verdictOf } from './errors.ts'
import { NO_FOLDER } from './folders.ts'
import type { Folders } from './folders.ts'
import { ELEMENTS } from './item-shape.ts'
import { getItem } from './operations/get-item.ts'
import { syncFolderItems } from './operations/sync-folder-items.ts'
import type { FolderChange } from './operations/sync-folder-items.ts'
import type { Result } from './soap.ts'
import type { Session } from './session.ts'
import { readWhole, snapshotOf } from './whole-items.ts'
import type { WholeItem } from './whole-items.ts'

/** One page of a folder's changes, read in full. @throws SyncError when more than an item is in trouble */
export async function pullPage(
  session: Session, folders: Folders, kind: ItemKind, since: SyncState | null, known: KnownKeys, maxChanges: number,
): Promise<ChangePage> {
  const folder = (await folders.synced())[kind]
  if (folder.id === NO_FOLDER) return { type: 'page', changes: [], next: syncState(''), more: false }
  const [result] = await session.batch(syncFolderItems, { folder, syncState: since, maxChanges }, 1)
  if (result?.ok !== true) {
    const failure = result?.failure ?? { code: 'NoAnswer', text: '' }
    const verdict = verdictOf(failure)
    if (verdict === 'resync') return { type: 'resync-required' }
    if (verdict === 'folder-gone') folders.forget()
    throw session.error(syncFolderItems, failure)
  }
  const changes = lastOfEach(result.value.changes, kind)
  const wanted = await unknownOf(changes, known)
  const read = await readWhole(session, kind, wanted)
  const seen = oneOfEach(wanted.map((id, at) => readChange(session, kind, id, read[at])).filter((change) => change !== null))
  const gone = changes.flatMap(({ type, id }): Change[] => (type === 'deleted' ? [{ type: 'gone', id: itemId(id) }] : []))
  return { type: 'page', changes: [...oldestFirst(seen), ...gone], next: syncState(result.value.syncState), more: !result.value.last }
}

/** An item may be named twice on a page: only its last word counts. Foreign classes in the folder are not ours. */
function lastOfEach(changes: readonly FolderChange[], kind: ItemKind): FolderChange[] {
  const last = new Map<string, FolderChange>()
  for (const change of changes) {
    if (change.type === 'changed' && change.element !== ELEMENTS[kind]) continue
    last.set(change.id, change)
  }
  return [...last.values()]
}

/** Occurrences that came by themselves are all told as their one master. */
function oneOfEach(changes: readonly Change[]): Change[] {
  return [...new Map(changes.map((change) => [change.type === 'seen' ? change.snapshot.id : change.id, change])).values()]
}

async function unknownOf(changes: readonly FolderChange[], known: KnownKeys): Promise<ItemId[]> {
  const changed = changes.filter((change) => change.type === 'changed')
  if (changed.length === 0) return []
  const keys = await known(changed.map(({ id }) => itemId(id)))
  return changed.filter(({ id, changeKey: key }) => key === '' || keys.get(itemId(id)) !== changeKey(key)).map(({ id }) => itemId(id))
}

/** @returns null for an item that was deleted meanwhile: the next page tells so */
function readChange(session: Session, kind: ItemKind, id: ItemId, result: Result<WholeItem> | undefined): Change | null {
  if (result === undefined) return null
  if (!result.ok) {
    if (verdictOf(result.failure) === 'gone') return null
    const error = session.error(getItem, result.failure)
    // A busy server says so item by item; that is no item's fault.
    if (error.scope !== 'item') throw error
    return { type: 'broken', id, error }
  }
  try {
    return { type: 'seen', snapshot: snapshotOf(session, kind, result.value) }
  } catch (error) {
    if (error instanceof SyncError) return { type: 'broken', id, changeKey: changeKey(result.value.changeKey), error }
    throw error
  }
}

/** Servers list the newest first; replaying changes in their own order keeps the journal readable. */
function oldestFirst(changes: readonly Change[]): Change[] {
  const at = (change: Change) => (change.type === 'seen' ? change.snapshot.modifiedAt : '')
  return changes.toSorted((left, right) => (at(left) < at(right) ? -1 : at(left) > at(right) ? 1 : 0))
}
