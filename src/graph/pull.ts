/** Delta rounds: what changed since a link the server gave. https://learn.microsoft.com/graph/delta-query-overview */
import { changeKey, itemId, syncState } from '../model/index.ts'
import type { ItemId, ItemKind, SyncState } from '../model/index.ts'
import type { Change, ChangePage, KnownKeys } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { codeIn, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import { beginEvents, isLongOver, roll } from './event-feed.ts'
import type { EventFeed } from './event-feed.ts'
import type { Folders } from './folders.ts'
import { foundOf, readAll, readRequest, strayed } from './read.ts'
import type { EventResource, Page, Resource } from './resources.ts'
import { query, segment } from './session.ts'
import type { Session } from './session.ts'
import { folderPath } from './shapes.ts'
import type { Places } from './shapes.ts'
import { keyOf } from './to-model.ts'

/** Where a feed stands; links are kept without the server's address, and are good only with our token. */
export interface Round {
  readonly v: 1
  /** Below which root the links are: those of another way of access or of another protocol mean nothing. */
  readonly root: string
  readonly link: string
  /** Events in a window: its two ends, ISO 8601. */
  readonly from?: string
  readonly to?: string
  /** While a new window is read for the first time: the old one's link, which is asked once more afterwards. */
  readonly before?: string
  /** While the old window is asked for the last time: the new one's link, which is followed from then on. */
  readonly after?: string
}

export async function pullPage(session: Session, folders: Folders, feed: EventFeed, kind: ItemKind, since: SyncState | null, known: KnownKeys): Promise<ChangePage> {
  const places = await folders.places(kind)
  if ((kind === 'task' && places.list === undefined) || (kind === 'contact' && places.contacts === '')) {
    // Where the feed stood stays known: what is deleted meanwhile would otherwise never be told.
    return { type: 'page', changes: [], next: since ?? syncState(''), more: false }
  }
  const state = since === null || since === '' ? null : readRound(since)
  if (state === undefined || (state !== null && state.root !== session.root)) return { type: 'resync-required' }
  const { round, answer } = state === null ? await begin(session, places, feed, kind) : { round: state, answer: await fetchPage(session, state) }
  const verdict = verdictOf(answer)
  // A link that the server gave and now calls malformed is as good as forgotten, by whatever name it says so.
  const isRefused = state !== null && answer.status === 400
  if (verdict === 'resync' || verdict === 'gone' || isRefused) {
    if (isRefused) session.log.warn({ lane: session.mailbox.id, kind, code: codeIn(answer.body) }, 'the place in the feed is refused: everything is read again')
    // A folder or list whose address is gone is looked up anew, too.
    folders.forget()
    return { type: 'resync-required' }
  }
  if (verdict !== 'ok') throw session.error(answer, pageRequest(session, round))
  const page = (answer.body ?? {}) as Page<Resource>
  const changes = await changesOf(session, places, kind, page.value ?? [], known)
  return { type: 'page', changes, ...next(session, round, page, kind) }
}

/** @returns undefined for what another protocol or version wrote */
function readRound(since: SyncState): Round | undefined {
  try {
    const round = JSON.parse(since) as Partial<Round> | null
    return round?.v === 1 && typeof round.link === 'string' && typeof round.root === 'string' ? round as Round : undefined
  } catch {
    return undefined
  }
}

const pageRequest = (session: Session, { link }: Round) => ({ method: 'GET', path: link, pageSize: session.pageSize } as const)
const fetchPage = (session: Session, round: Round) => session.send(pageRequest(session, round))

async function begin(session: Session, places: Places, feed: EventFeed, kind: ItemKind): Promise<{ round: Round; answer: Answer }> {
  if (kind === 'event') return beginEvents(session, feed)
  const link = kind === 'task'
    // https://learn.microsoft.com/graph/api/todotask-delta
    ? `${session.root}/todo/lists/${segment(places.list ?? '')}/tasks/delta`
    // https://learn.microsoft.com/graph/api/contact-delta
    : `${session.root}/contactFolders/${segment(places.contacts)}/contacts/delta`
  const round: Round = { v: 1, root: session.root, link }
  return { round, answer: await fetchPage(session, round) }
}

/** A round goes on through empty pages until it ends in a delta link, which begins the next one. */
function next(session: Session, round: Round, page: Page<Resource>, kind: ItemKind): { next: SyncState; more: boolean } {
  const { '@odata.nextLink': onward, '@odata.deltaLink': end } = page
  const link = session.pathOf(onward ?? end ?? round.link)
  const more = onward !== undefined
  const following: Round = { ...round, link }
  if (more || kind !== 'event') return { next: write(following), more }
  const moved = roll(session, following)
  return { next: write(moved), more: moved.link !== link }
}

const write = (round: Round) => syncState(JSON.stringify(round))

/** An entity may be told several times in a round: only its last word on a page counts. */
async function changesOf(session: Session, places: Places, kind: ItemKind, entries: readonly Resource[], known: KnownKeys): Promise<Change[]> {
  const last = new Map(entries.flatMap((entry) => (entry.id === undefined || entry.id === '' ? [] : [[itemId(entry.id), entry] as const])))
  const removed = [...last].flatMap(([id, entry]) => (entry['@removed'] === undefined ? [] : [id]))
  const present = [...last].filter(([, entry]) => entry['@removed'] === undefined)
  const keys = await known([...present.map(([id]) => id), ...removed])
  const wanted = new Set<ItemId>()
  for (const [id, entry] of present) {
    const master = kind === 'event' ? masterOf(entry) : null
    if (master !== null) wanted.add(master)
    else if (isNew(session, kind, entry, keys.get(id))) wanted.add(id)
  }
  const vanished = await confirm(session, places, kind, removed)
  for (const id of vanished.back) wanted.add(id)
  if (kind === 'event' && vanished.changes.some((change) => change.type === 'gone' && !keys.has(change.id))) {
    for (const id of await changedMasters(session, known)) wanted.add(id)
  }
  const seen = await readChanges(session, places, kind, [...wanted], keys)
  return [...oldestFirst(seen), ...vanished.changes]
}

/**
 * What vanished without ever having been an item of ours may be an occurrence of a series, and nothing says of which: all
 * series are compared. A server that cannot list them leaves it to the daily comparison.
 */
async function changedMasters(session: Session, known: KnownKeys): Promise<ItemId[]> {
  const path = `${session.root}/calendar/events?${query({ $filter: "type eq 'seriesMaster'", $select: 'id,type' })}`
  const masters = await session.list<Resource>(path).catch((error: unknown) => {
    if (error instanceof SyncError && error.scope === 'item') return []
    throw error
  })
  const keys = await known(masters.map(({ id = '' }) => itemId(id)))
  return masters.filter((master) => keys.get(itemId(master.id ?? '')) !== keyOf(master)).map(({ id = '' }) => itemId(id))
}

/** Occurrences and exceptions are told one by one; what is kept in step is their series. */
function masterOf(entry: EventResource): ItemId | null {
  const isPart = entry.type === 'occurrence' || entry.type === 'exception'
  return isPart && typeof entry.seriesMasterId === 'string' ? itemId(entry.seriesMasterId) : null
}

function isNew(session: Session, kind: ItemKind, entry: Resource, knownKey: string | undefined): boolean {
  // Some feeds tell ids only; then nothing is known of the version.
  if (knownKey !== undefined) return entry['@odata.etag'] === undefined || keyOf(entry) !== knownKey
  return kind !== 'event' || !isLongOver(session, entry)
}

async function readChanges(session: Session, places: Places, kind: ItemKind, ids: readonly ItemId[], keys: ReadonlyMap<ItemId, string>): Promise<Change[]> {
  const answers = await readAll(session, places, kind, ids)
  const changes = ids.flatMap((id, at): Change[] => {
    const answer = answers[at]
    const found = answer === undefined ? undefined : foundOf(session, kind, answer, readRequest(session, places, kind, id))
    // Deleted meanwhile: the next page tells so.
    if (found === undefined || found.type === 'gone') return []
    if (found.type === 'seen') return found.snapshot.changeKey === keys.get(found.snapshot.id) ? [] : [{ type: 'seen', snapshot: found.snapshot }]
    // A busy server says so item by item; that is no item's fault.
    if (found.error.scope !== 'item') throw found.error
    const key = answer?.body === undefined ? changeKey('') : keyOf(answer.body as Resource)
    return [{ type: 'broken', id, error: found.error, ...(key === '' ? {} : { changeKey: key }) }]
  })
  // Occurrences that came by themselves are all told as their one master.
  return [...new Map(changes.map((change) => [change.type === 'seen' ? change.snapshot.id : change.id, change])).values()]
}

interface Vanished {
  readonly changes: Change[]
  /** Told as removed although they are where they were (rule R-26). */
  readonly back: ItemId[]
}

/**
 * "Removed" is also said of events outside the window that were merely edited, so each one is asked for before it counts
 * as gone (rule R-26). https://learn.microsoft.com/graph/api/event-delta
 */
async function confirm(session: Session, places: Places, kind: ItemKind, ids: readonly ItemId[]): Promise<Vanished> {
  const answers = await readAll(session, places, kind, ids)
  const there = ids.filter((_, at) => answers[at] !== undefined && verdictOf(answers[at]) === 'ok')
  const away = kind === 'task' ? await unlisted(session, places, there)
    : await strayed(session, places, kind, there, new Map(ids.map((id, at) => [id, answers[at]?.body as Resource])))
  const changes: Change[] = []
  const back: ItemId[] = []
  ids.forEach((id, at) => {
    const answer = answers[at]
    if (answer === undefined) return
    const verdict = verdictOf(answer)
    if (verdict === 'gone' || away.has(id)) changes.push({ type: 'gone', id })
    else if (verdict === 'ok') back.push(itemId((answer.body as Resource).id ?? id))
    else throw session.error(answer, readRequest(session, places, kind, id))
  })
  return { changes, back }
}

/**
 * Which of these tasks the list does not show. Deleted ones were seen to be still readable by their id, so where that
 * contradicts the feed the list decides. https://github.com/microsoftgraph/microsoft-graph-docs/issues/5407
 */
async function unlisted(session: Session, places: Places, ids: readonly ItemId[]): Promise<ReadonlySet<ItemId>> {
  if (ids.length === 0) return new Set()
  const listed = new Set((await session.list<Resource>(`${session.root}${folderPath('task', places)}`)).map(({ id }) => id))
  return new Set(ids.filter((id) => !listed.has(id)))
}

/** Replaying changes in their own order keeps the journal readable. */
function oldestFirst(changes: readonly Change[]): Change[] {
  const at = (change: Change) => (change.type === 'seen' ? change.snapshot.modifiedAt : '')
  return changes.toSorted((left, right) => (at(left) < at(right) ? -1 : at(left) > at(right) ? 1 : 0))
}
