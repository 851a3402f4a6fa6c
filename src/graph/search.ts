import type { ItemId, ItemKind, Snapshot, Token } from '../model/index.ts'
import { itemId } from '../model/index.ts'
import type { CreateQuery, Located } from '../ports.ts'
import { isUnsupported, kindMissing, verdictOf } from './errors.ts'
import type { Folders } from './folders.ts'
import { getAll, strayed } from './read.ts'
import type { EventResource, Page, Resource } from './resources.ts'
import { query, segment } from './session.ts'
import type { Session } from './session.ts'
import { SHAPES } from './shapes.ts'
import type { Places } from './shapes.ts'
import { STAMP_ID, stampOf, UID_ID } from './stamp.ts'
import { toSnapshot } from './to-model.ts'

interface Hit {
  readonly resource: Resource
  /** Whether it lies in the calendar, list or folder that is kept in step. */
  readonly here: boolean
}

/** Listings that several searches of one run share: many items may vanish together. */
export type Listings = Map<string, { readonly at: number; readonly resources: Promise<Resource[]> }>
const FRESH_MS = 5_000

/** The item of a create whose answer was lost: only the stamp tells, a user may already have edited everything else. */
export async function findCreated(session: Session, folders: Folders, { kind, token }: CreateQuery): Promise<Snapshot | null> {
  const places = await folders.places(kind)
  const hits = (await byToken(session, places, new Map(), kind, token)).filter(({ here }) => here)
  const hit = oldest(hits)
  return hit === undefined ? null : inFull(session, places, kind, hit.resource)
}

/** A list shows masters without what belongs to them. @returns null for what vanished meanwhile */
async function inFull(session: Session, places: Places, kind: ItemKind, resource: Resource): Promise<Snapshot | null> {
  if ((resource as EventResource).type !== 'seriesMaster') return toSnapshot(resource, kind, session.mailbox)
  const [found] = await getAll(session, places, kind, [itemId(resource.id ?? '')])
  if (found?.type === 'failed') throw found.error
  return found?.type === 'seen' ? found.snapshot : null
}

/**
 * Where a vanished item went. Positive evidence only: what no search finds is nowhere. Graph does not show events and
 * tasks in Deleted Items, so "deleted" is never said here; a feed's word that was confirmed by a reading says it.
 */
export async function locate(session: Session, folders: Folders, listings: Listings, kind: ItemKind, token: Token, uid: string | null): Promise<Located> {
  const places = await folders.places(kind)
  if (kind === 'task' && places.list === undefined) throw kindMissing(kind, session.mailbox.address)
  const stamped = await settle(session, places, kind, await byToken(session, places, listings, kind, token))
  if (stamped !== null) return stamped
  if (kind !== 'event' || uid === null) return { where: 'nowhere' }
  const named = await byUid(session, places, uid)
  // Another pair's stamp makes it another pair's item (a copy that was adopted).
  const own = named.filter(({ resource }) => (stampOf(resource)?.token ?? token) === token)
  return await settle(session, places, kind, own) ?? { where: 'nowhere' }
}

async function settle(session: Session, places: Places, kind: ItemKind, hits: readonly Hit[]): Promise<Located | null> {
  // Copy and paste copies the stamp, and the copy is younger: the oldest one is the item we lost.
  const hit = oldest(hits)
  if (hit === undefined) return null
  if (!hit.here) return { where: 'elsewhere' }
  const snapshot = await inFull(session, places, kind, hit.resource)
  return snapshot === null ? null : { where: 'synced', snapshot }
}

/** The events of the mailbox with this UID: Exchange's own, or the one that was asked for when we made it. */
export async function foundByUid(session: Session, places: Places, uid: string): Promise<readonly Resource[]> {
  return (await byUid(session, places, uid)).filter(({ here }) => here).map(({ resource }) => resource)
}

/** An item without creation time is never preferred to one that has it. */
function oldest(hits: readonly Hit[]): Hit | undefined {
  const born = ({ resource }: Hit) => resource.createdDateTime ?? '9'
  return hits.toSorted((left, right) => (born(left) < born(right) ? -1 : born(left) > born(right) ? 1 : 0))[0]
}

async function byToken(session: Session, places: Places, listings: Listings, kind: ItemKind, token: Token): Promise<Hit[]> {
  const hits = kind === 'event' ? await eventsWith(session, places, token) : await everywhere(session, places, listings, kind)
  return hits.filter(({ resource }) => stampOf(resource)?.token === token)
}

/** https://learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get: `contains` is for events and messages */
function eventsWith(session: Session, places: Places, token: Token): Promise<Hit[]> {
  return inCalendars(session, places, `singleValueExtendedProperties/Any(ep: ep/id eq '${STAMP_ID}' and contains(ep/value, '${quoted(token)}'))`)
}

async function byUid(session: Session, places: Places, uid: string): Promise<Hit[]> {
  const named = await inCalendars(session, places, `iCalUId eq '${quoted(uid)}'`)
  if (named.length > 0) return named
  const asked = await inCalendars(session, places, `singleValueExtendedProperties/Any(ep: ep/id eq '${UID_ID}' and ep/value eq '${quoted(uid)}')`)
  // A copy made by hand has the property, too, but a UID of its own.
  return asked.filter(({ resource }) => toSnapshot(resource, 'event', session.mailbox).uid === uid)
}

/**
 * Microsoft writes in one place that `/events` is the whole mailbox and in another that it is the default calendar: where it
 * finds nothing, the other calendars are asked one by one. https://learn.microsoft.com/graph/api/calendar-list-events
 */
async function inCalendars(session: Session, places: Places, filter: string): Promise<Hit[]> {
  const search = `${query({ $filter: filter })}&${SHAPES.event}`
  const request = { method: 'GET', path: `${session.root}/events?${search}` } as const
  const answer = await session.send(request)
  // A server that cannot search this way finds nothing this way.
  if (isUnsupported(answer)) return []
  if (verdictOf(answer) !== 'ok') throw session.error(answer, request)
  const found = (answer.body as Page<Resource> | undefined)?.value ?? []
  if (found.length > 0) return placed(session, places, found)
  const all = await session.list<Resource & { readonly isDefaultCalendar?: boolean }>(`${session.root}/calendars?${query({ $select: 'id,isDefaultCalendar' })}`)
  const others = all.filter(({ id, isDefaultCalendar }) => id !== places.calendar && isDefaultCalendar !== true)
  const hits = await Promise.all(others.map(({ id = '' }) => session.list<Resource>(`${session.root}/calendars/${segment(id)}/events?${search}`)))
  return hits.flat().map((resource) => ({ resource, here: false }))
}

const quoted = (text: string) => text.replaceAll("'", "''")

async function placed(session: Session, places: Places, resources: readonly Resource[]): Promise<Hit[]> {
  const ids = resources.map(({ id }) => itemId(id ?? ''))
  const away = await strayed(session, places, 'event', ids, new Map<ItemId, Resource>())
  return resources.map((resource, at) => ({ resource, here: !away.has(ids[at] ?? itemId('')) }))
}

/** Tasks and contacts cannot be searched by what we put on them: all of them are looked through. */
async function everywhere(session: Session, places: Places, listings: Listings, kind: 'task' | 'contact'): Promise<Hit[]> {
  const homes = kind === 'task' ? await lists(session, places) : await contactFolders(session, places)
  const hits: Hit[] = []
  for (const { path, here } of homes) {
    for (const resource of await listed(session, listings, `${path}?${SHAPES[kind]}`)) hits.push({ resource, here })
  }
  return hits
}

function listed(session: Session, listings: Listings, path: string): Promise<Resource[]> {
  const now = session.clock.elapsedMs()
  const known = listings.get(path)
  if (known !== undefined && now - known.at < FRESH_MS) return known.resources
  const resources = session.list(path)
  listings.set(path, { at: now, resources })
  resources.catch(() => listings.delete(path))
  return resources
}

interface Home {
  readonly path: string
  readonly here: boolean
}

async function lists(session: Session, places: Places): Promise<Home[]> {
  if (places.list === undefined) return []
  const all = await session.list<Resource>(`${session.root}/todo/lists`)
  return all.map(({ id = '' }) => ({ path: `${session.root}/todo/lists/${segment(id)}/tasks`, here: id === places.list }))
}

async function contactFolders(session: Session, places: Places): Promise<Home[]> {
  const all = await session.list<Resource>(`${session.root}/contactFolders`)
  const named = all.map(({ id = '' }) => ({ path: `${session.root}/contactFolders/${segment(id)}/contacts`, here: id === places.contacts }))
  return [...named, { path: `${session.root}/contacts`, here: false }]
}
