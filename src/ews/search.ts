import type { ItemKind, Snapshot, Token } from '../model/index.ts'
import type { CreateQuery, Located } from '../ports.ts'
import { child, escapeXml } from '../lib/xml.ts'
import { cannotSearch, verdictOf } from './errors.ts'
import type { Folders } from './folders.ts'
import { cleanGlobalObjectId } from './global-object-id.ts'
import { FOUND_SHAPE } from './item-shape.ts'
import { findItem } from './operations/find-item.ts'
import type { FoundPage } from './operations/find-item.ts'
import type { EwsItem, FolderRef } from './operations/ids.ts'
import { getItem } from './operations/get-item.ts'
import { inBatches } from './session.ts'
import type { Session } from './session.ts'
import { STAMP_PATH, stampOf } from './stamp.ts'
import { oldest } from './stamp-index.ts'
import type { StampIndex } from './stamp-index.ts'
import { readOneWhole, snapshotOf } from './whole-items.ts'

/** Where to look: our folders first, then others that may be gone since they were listed. */
interface Places {
  readonly folders: Folders
  readonly ours: readonly FolderRef[]
  readonly others: readonly FolderRef[]
}

/** Hits in a page: of a search for one item, and of all that are stamped (the server cuts it where its policy says). */
const FEW = 100
const MOST_FOUND = 1000

/** The item of a create whose answer was lost: only the stamp tells, a user may already have edited everything else. */
export async function findCreated(session: Session, folders: Folders, { kind, token }: CreateQuery): Promise<Snapshot | null> {
  const synced = await folders.synced()
  const [here, deleted] = await byToken(session, { folders, ours: [synced[kind], synced.deleted], others: [] }, token)
  const hit = oldest(here) ?? oldest(deleted)
  return hit === undefined ? null : readOne(session, kind, hit)
}

/** Where a vanished item went. Positive evidence only: what no search finds is nowhere. */
export async function locate(session: Session, folders: Folders, index: StampIndex, { kind, token, uid }: { readonly kind: ItemKind; readonly token: Token; readonly uid: string | null }): Promise<Located> {
  const synced = await folders.synced()
  const places = { folders, ours: [synced[kind], synced.deleted], others: await folders.others(kind) }
  const known = await index.find(kind, token, async () => await search(session, places, `<t:Exists>${STAMP_PATH}</t:Exists>`, MOST_FOUND) ?? [])
  const there = known === null ? null : await readIn(session, kind, known, synced[kind].id)
  // Read just now, in its folder and with its stamp: everything else is searched for by itself.
  if (there?.stamp?.token === token) return { where: 'synced', snapshot: there }
  const stamped = await byToken(session, places, token)
  const byStamp = await settle(session, kind, stamped)
  if (byStamp !== null) return byStamp
  if (kind !== 'event' || uid === null) return { where: 'nowhere' }
  const named = await byUid(session, places, uid)
  // Another pair's stamp makes it another pair's item (a copy that was adopted).
  const own = named.map((hits) => hits.filter((hit) => (stampOf(hit.properties)?.token ?? token) === token))
  return await settle(session, kind, own) ?? { where: 'nowhere' }
}

/** @param found hits per place: the synced folder, Deleted Items, then the others */
async function settle(session: Session, kind: ItemKind, found: readonly (readonly EwsItem[])[]): Promise<Located | null> {
  // Copy and paste copies the stamp, and the copy is younger: the oldest one is the item we lost.
  const hit = oldest(found.flat())
  if (hit === undefined) return null
  if (found[1]?.includes(hit) === true) return { where: 'deleted-items' }
  if (found[0]?.includes(hit) !== true) return { where: 'elsewhere' }
  const snapshot = await readOne(session, kind, hit)
  return snapshot === null ? null : { where: 'synced', snapshot }
}

async function byToken(session: Session, places: Places, token: Token): Promise<EwsItem[][]> {
  const restriction = `<t:Contains ContainmentMode="Substring" ContainmentComparison="IgnoreCase">${STAMP_PATH}<t:Constant Value="${escapeXml(token)}"/></t:Contains>`
  const found = await search(session, places, restriction)
  return (found ?? []).map((hits) => hits.filter((hit) => stampOf(hit.properties)?.token === token))
}

/** Servers that cannot search by UID can by its binary form; one that can do neither finds nothing this way. */
async function byUid(session: Session, places: Places, uid: string): Promise<EwsItem[][]> {
  const equal = (path: string, value: string) => `<t:IsEqualTo>${path}<t:FieldURIOrConstant><t:Constant Value="${escapeXml(value)}"/></t:FieldURIOrConstant></t:IsEqualTo>`
  const found = await search(session, places, equal('<t:FieldURI FieldURI="calendar:UID"/>', uid))
    ?? await search(session, places, equal('<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"/>', cleanGlobalObjectId(uid)))
  return found ?? []
}

/** Events of the calendar with this UID. @throws SyncError */
export async function foundByUid(session: Session, folders: Folders, uid: string): Promise<readonly EwsItem[]> {
  const { event } = await folders.synced()
  return (await byUid(session, { folders, ours: [event], others: [] }, uid)).flat()
}

/** @returns hits per place, ours first; null when the server refuses to search this way */
async function search(session: Session, { folders, ours, others }: Places, restriction: string, most = FEW): Promise<EwsItem[][] | null> {
  const found: EwsItem[][] = []
  for (const places of inBatches([...ours, ...others])) {
    const results = await session.batch(findItem, { folders: places, restriction, properties: FOUND_SHAPE, offset: 0, most }, places.length)
    for (const [at, result] of results.entries()) {
      const place = places[at]
      if (result.ok) found.push([...result.value.items, ...await further(session, place, { restriction, most }, result.value)])
      else if (cannotSearch(result.failure)) return null
      // A folder that vanished since it was listed holds nothing.
      else if (verdictOf(result.failure) === 'folder-gone' && place !== undefined && others.includes(place)) found.push([])
      else {
        // Ours under another id, as after a move: until it is found nothing can be said of what is in it.
        if (verdictOf(result.failure) === 'folder-gone') folders.forget()
        throw session.error(findItem, result.failure)
      }
    }
  }
  return found
}

/** A server short of its FindCount cuts pages where it likes (EWSFindCountLimit): the rest is asked for. */
async function further(session: Session, folder: FolderRef | undefined, asked: { readonly restriction: string; readonly most: number }, first: FoundPage): Promise<EwsItem[]> {
  const items: EwsItem[] = []
  for (let page = first; folder !== undefined && !page.last && page.items.length > 0;) {
    const [result] = await session.batch(findItem, { ...asked, folders: [folder], properties: FOUND_SHAPE, offset: first.items.length + items.length }, 1)
    if (result?.ok !== true) throw session.error(findItem, result?.failure ?? { code: 'NoAnswer', text: '' })
    page = result.value
    items.push(...page.items)
  }
  return items
}

/** The item, unless it is in another folder by now. */
async function readIn(session: Session, kind: ItemKind, id: string, folder: string): Promise<Snapshot | null> {
  const result = await readOneWhole(session, kind, id)
  return result.ok && child(result.value.properties, 'ParentFolderId')?.attributes['Id'] === folder ? snapshotOf(session, kind, result.value) : null
}

async function readOne(session: Session, kind: ItemKind, hit: EwsItem): Promise<Snapshot | null> {
  const result = await readOneWhole(session, kind, hit.id)
  if (result.ok) return snapshotOf(session, kind, result.value)
  if (verdictOf(result.failure) === 'gone') return null
  throw session.error(getItem, result.failure)
}
