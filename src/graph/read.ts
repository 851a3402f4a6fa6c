/** Items as they are now, in batches. */
import type { ItemId, ItemKind } from '../model/index.ts'
import type { Found } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { codeIn, kindMissing, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import type { ContactResource, Resource } from './resources.ts'
import { query, segment } from './session.ts'
import type { Session } from './session.ts'
import { itemPath, SHAPES } from './shapes.ts'
import type { Places } from './shapes.ts'
import { toSnapshot } from './to-model.ts'
import type { GraphRequest } from './transport.ts'

export const readRequest = (session: Session, places: Places, kind: ItemKind, id: ItemId | string): GraphRequest =>
  ({ method: 'GET', path: `${session.root}${itemPath(kind, id, places)}?${SHAPES[kind]}` })

/** One answer per id, in their order. https://learn.microsoft.com/graph/api/event-get */
export function readAll(session: Session, places: Places, kind: ItemKind, ids: readonly (ItemId | string)[]): Promise<Answer[]> {
  return session.batch(ids.map((id) => readRequest(session, places, kind, id)))
}

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
  const answers = await session.batch(ids.map((id) => ({ method: 'GET', path: `${session.root}/events/${segment(id)}/calendar?${query({ $select: 'id' })}` })))
  return new Set(ids.filter((_, at) => {
    const answer = answers[at]
    if (answer === undefined) return false
    if (verdictOf(answer) === 'ok') return ((answer.body as Resource | undefined)?.id ?? places.calendar) !== places.calendar
    return /^errorItemNotFound$/i.test(codeIn(answer.body))
  }))
}
