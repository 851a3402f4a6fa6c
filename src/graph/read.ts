/** Items as they are now, in batches. */
import { instant, instantMs } from '../model/index.ts'
import type { Instant, ItemId, ItemKind } from '../model/index.ts'
import type { Found } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { codeIn, kindMissing, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import type { ContactResource, EventResource, Resource } from './resources.ts'
import { query, segment } from './session.ts'
import type { Session } from './session.ts'
import type { MasterParts } from './series-to-model.ts'
import { itemPath, SHAPES } from './shapes.ts'
import type { Places } from './shapes.ts'
import { toSnapshot } from './to-model.ts'
import type { GraphRequest } from './transport.ts'

export const readRequest = (session: Session, places: Places, kind: ItemKind, id: ItemId | string): GraphRequest =>
  ({ method: 'GET', path: `${session.root}${itemPath(kind, id, places)}?${SHAPES[kind]}` })

/**
 * One answer per id, in their order; masters come with their exceptions and deleted occurrences, occurrences as their
 * masters. https://learn.microsoft.com/graph/api/event-get
 */
export async function readAll(session: Session, places: Places, kind: ItemKind, ids: readonly (ItemId | string)[]): Promise<Answer[]> {
  const answers = await session.batch(ids.map((id) => readRequest(session, places, kind, id)))
  if (kind !== 'event') return answers
  const whole = await readMasters(session, places, [...new Set(answers.flatMap((answer) => masterId(answer) ?? []))], answers)
  return answers.map((answer) => whole.get(masterId(answer) ?? '') ?? answer)
}

const isOk = (answer: Answer | undefined): answer is Answer => answer !== undefined && verdictOf(answer) === 'ok'

/** The master that an answer is or belongs to; undefined for single events and for no answer. */
function masterId(answer: Answer): string | undefined {
  if (!isOk(answer)) return undefined
  const { id, type, seriesMasterId } = (answer.body ?? {}) as EventResource
  if (type === 'seriesMaster') return id
  return type === 'occurrence' || type === 'exception' ? seriesMasterId ?? undefined : undefined
}

async function readMasters(session: Session, places: Places, ids: readonly string[], read: readonly Answer[]): Promise<Map<string, Answer>> {
  const known = new Map(read.flatMap((answer) => (isOk(answer) ? [[(answer.body as Resource).id ?? '', answer] as const] : [])))
  const unread = ids.filter((id) => !known.has(id))
  const fresh = await session.batch(unread.map((id) => readRequest(session, places, 'event', id)))
  unread.forEach((id, at) => { if (fresh[at] !== undefined) known.set(id, fresh[at]) })
  const parts = await readParts(session, ids)
  return new Map(ids.flatMap((id) => {
    const master = known.get(id)
    return master === undefined ? [] : [[id, isOk(master) ? { ...master, body: { ...(master.body as object), ...parts.get(id) } } : master] as const]
  }))
}

/**
 * https://learn.microsoft.com/graph/api/resources/event: `exceptionOccurrences` and `cancelledOccurrences` are told only by
 * a reading of the master that asks for them. A server that does not know the latter is asked for what is left.
 */
async function readParts(session: Session, ids: readonly string[]): Promise<Map<string, MasterParts>> {
  const answers = await session.batch(ids.map((id) => ({
    method: 'GET', path: `${session.root}/events/${segment(id)}?${query({ $select: 'id,cancelledOccurrences', $expand: 'exceptionOccurrences' })}`,
  })))
  const parts = new Map<string, MasterParts>()
  for (const [at, id] of ids.entries()) {
    const answer = answers[at]
    const { exceptionOccurrences = [], cancelledOccurrences } = (isOk(answer) ? answer.body : {}) as MasterParts
    if (cancelledOccurrences === undefined || cancelledOccurrences === null) parts.set(id, { exceptionOccurrences, ...(await remainingOf(session, id)) })
    else parts.set(id, { exceptionOccurrences, cancelledOccurrences })
  }
  const told = await readTold(session, [...parts.values()].flatMap(({ exceptionOccurrences = [] }) => exceptionOccurrences))
  return new Map([...parts].map(([id, { exceptionOccurrences = [], ...rest }]) =>
    [id, { ...rest, exceptionOccurrences: exceptionOccurrences.map((one) => told.get(one.id ?? '') ?? one) }]))
}

/** An exception that is listed with its master may show little of itself: it is read like an event of its own. */
async function readTold(session: Session, listed: readonly EventResource[]): Promise<Map<string, EventResource>> {
  const bare = listed.filter(({ id, start, subject, body }) => id !== undefined && (start === undefined || subject === undefined || body === undefined))
  const answers = await session.batch(bare.map(({ id = '' }) => ({ method: 'GET', path: `${session.root}/events/${segment(id)}` })))
  return new Map(bare.flatMap((one, at) => {
    const answer = answers[at]
    return isOk(answer) ? [[one.id ?? '', { ...one, ...(answer.body as EventResource) }] as const] : []
  }))
}

const DAY_MS = 86_400_000
const MARGIN_DAYS = 40

/** https://learn.microsoft.com/graph/api/event-list-instances */
async function remainingOf(session: Session, id: string): Promise<MasterParts> {
  const now = instantMs(session.clock.now())
  const from = instant(now - (session.range.pastDays + MARGIN_DAYS) * DAY_MS)
  const to = instant(now + (session.range.futureDays + MARGIN_DAYS) * DAY_MS)
  const instances = await session.list<EventResource>(instancesPath(session, id, from, to))
  return { exceptionOccurrences: instances.filter(({ type }) => type === 'exception'), remaining: { from, to, instances } }
}

export const instancesPath = (session: Session, master: string, from: Instant, to: Instant): string =>
  `${session.root}/events/${segment(master)}/instances?${query({ startDateTime: from, endDateTime: to })}`

/** Items, wherever they lie in the mailbox, count only where they are kept in step. @throws SyncError */
export async function getAll(session: Session, places: Places, kind: ItemKind, ids: readonly ItemId[]): Promise<Found[]> {
  // What cannot be asked for is not gone: nothing is known of it.
  if (kind === 'task' && places.list === undefined) return ids.map(() => ({ type: 'failed', error: kindMissing(kind, session.mailbox.address) }))
  const answers = await readAll(session, places, kind, ids)
  const present = ids.filter((_, at) => verdictOf(answers[at] ?? LOST) === 'ok')
  const away = await strayed(session, places, kind, present, new Map(ids.map((id, at) => [id, answers[at]?.body as Resource])))
  return ids.map((id, at) => {
    const answer = answers[at] ?? LOST
    return away.has(id) ? { type: 'gone' } : foundOf(session, kind, answer, readRequest(session, places, kind, id))
  })
}

const LOST: Answer = { status: 504, body: undefined, retryAfterMs: undefined }

export function foundOf(session: Session, kind: ItemKind, answer: Answer, request: GraphRequest): Found {
  const verdict = verdictOf(answer)
  if (verdict === 'gone') return { type: 'gone' }
  if (verdict !== 'ok') return { type: 'failed', error: session.error(answer, request) }
  try {
    return { type: 'seen', snapshot: toSnapshot(answer.body as Resource, kind, session.mailbox) }
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error }
    throw error
  }
}

/**
 * Which of these have left the place that is kept in step. Immutable ids survive moves, so an item in another calendar or
 * in Deleted Items may still be read by its id. https://learn.microsoft.com/graph/api/calendar-get
 */
export async function strayed(session: Session, places: Places, kind: ItemKind, ids: readonly ItemId[], read: ReadonlyMap<ItemId, Resource>): Promise<ReadonlySet<ItemId>> {
  if (kind === 'task') return new Set()
  if (kind === 'contact') {
    return new Set(ids.filter((id) => {
      const parent = (read.get(id) as ContactResource & { parentFolderId?: string } | undefined)?.parentFolderId
      return parent !== undefined && parent !== places.contacts
    }))
  }
  const answers = await session.batch(ids.map((id) => ({ method: 'GET', path: `${session.root}/events/${segment(id)}/calendar?${query({ $select: 'id,isDefaultCalendar' })}` })))
  return new Set(ids.filter((_, at) => {
    const answer = answers[at]
    if (answer === undefined) return false
    if (verdictOf(answer) !== 'ok') return /^errorItemNotFound$/i.test(codeIn(answer.body))
    const { id, isDefaultCalendar } = answer.body as Resource & { readonly isDefaultCalendar?: boolean }
    // One calendar may have two spellings of its id, and every event would have left it: both have to speak for it.
    return id !== places.calendar && isDefaultCalendar === false
  }))
}
