/** What all writes share: batches of one kind, refusals, and what a server's answer tells of the item. */
import { itemId, itemOf } from '../model/index.ts'
import type { Fields, ItemKind, Snapshot } from '../model/index.ts'
import type { RemoveOutcome, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { afterWrite, unwritableItem, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import { readAll } from './read.ts'
import type { Resource } from './resources.ts'
import type { Session } from './session.ts'
import type { Places } from './shapes.ts'
import { keyOf, toSnapshot } from './to-model.ts'
import { BATCH } from './transport.ts'
import type { GraphRequest } from './transport.ts'

export type Refused = Exclude<WriteOutcome, { type: 'done' }>

export function refusal(session: Session, request: GraphRequest, answer: Answer | undefined): Refused {
  if (answer === undefined) return noAnswer(session)
  const verdict = verdictOf(answer)
  if (verdict === 'gone' || verdict === 'stale') return { type: verdict }
  return { type: 'failed', error: session.error(answer, request) }
}

export const noAnswer = (session: Session): Refused =>
  ({ type: 'failed', error: session.error({ status: 504, body: undefined, retryAfterMs: undefined }, { method: 'POST', path: '/$batch' }) })

/** One item that cannot be put into words (a day that does not exist) must not take its batch with it. */
export function encoded<T>(what: string, encode: () => T): T | SyncError {
  try {
    return encode()
  } catch (error) {
    return unwritableItem(what, error)
  }
}

/** Reads after a write that went through: trouble with the reading leaves the write's outcome to be asked for. */
export async function after<T>(read: () => Promise<T>): Promise<T | Refused> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error: afterWrite(error) }
    throw error
  }
}

/** The item as the answer shows it; where the answer makes no sense, as it was meant, under the answer's version. */
export function written(session: Session, kind: ItemKind, resource: Resource, intended: Fields): Snapshot {
  const meant: Snapshot = { id: itemId(resource.id ?? ''), changeKey: keyOf(resource), item: itemOf(kind, intended), modifiedAt: session.clock.now() }
  if (resource['@odata.etag'] === undefined) return meant
  try {
    return toSnapshot(resource, kind, session.mailbox)
  } catch (error) {
    if (error instanceof SyncError) return meant
    throw error
  }
}

/**
 * Reads what the answers did not show: extended properties, and the version a linked resource left behind. A contact that
 * somebody changed meanwhile stays as it was meant, under the write's own version, so that the edit still looks like one.
 */
export async function readBack(
  session: Session, places: Places, kind: ItemKind, outcomes: readonly WriteOutcome[],
  due: (at: number) => boolean = () => true, tellsFields: (at: number) => boolean = () => true,
): Promise<WriteOutcome[]> {
  const wanted = outcomes.flatMap((outcome, at) => (outcome.type === 'done' && due(at) ? [{ at, snapshot: outcome.snapshot }] : []))
  const answers = await readAll(session, places, kind, wanted.map(({ snapshot }) => snapshot.id)).catch((error: unknown) => {
    // The writes are done; that the reading failed changes nothing about them.
    if (!(error instanceof SyncError)) throw error
    session.log.debug({ code: error.code, items: wanted.length }, 'Written items could not be read back')
    return []
  })
  const result = [...outcomes]
  wanted.forEach(({ at, snapshot }, index) => {
    const answer = answers[index]
    if (answer === undefined || verdictOf(answer) !== 'ok') return
    const now = written(session, kind, answer.body as Resource, snapshot.item.fields as Fields)
    if (kind === 'contact' && snapshot.changeKey !== '' && now.changeKey !== snapshot.changeKey) return
    result[at] = { type: 'done', snapshot: tellsFields(at) ? now : { ...now, item: itemOf(kind, {}) } }
  })
  return result
}

/**
 * One outcome per request, in their order, from batches of one kind each; null stands for a request that goes alone. A
 * batch whose answer was lost fails as a whole; trouble that reaches further than items ends the work: what was not sent
 * has certainly not happened.
 */
export async function eachBatch<Request, Outcome extends WriteOutcome | RemoveOutcome>(
  requests: readonly Request[], groupOf: (request: Request) => ItemKind | null, work: (batch: readonly Request[]) => Promise<readonly Outcome[]>,
): Promise<(Outcome | Refused)[]> {
  const outcomes: (Outcome | Refused)[] = []
  let ended: SyncError | undefined
  for (const batch of batchesOf(requests, groupOf)) {
    const results: readonly (Outcome | Refused)[] = ended === undefined
      ? await work(batch.map(({ request }) => request)).catch((error: unknown) => {
        if (!(error instanceof SyncError)) throw error
        ended = error
        return batch.map((): Refused => ({ type: 'failed', error }))
      })
      : batch.map((): Refused => ({ type: 'failed', error: unsent(ended as SyncError) }))
    const wide = results.find((outcome) => outcome.type === 'failed' && outcome.error.scope !== 'item')
    if (wide?.type === 'failed') ended ??= wide.error
    batch.forEach(({ at }, index) => {
      const outcome = results[index]
      if (outcome !== undefined) outcomes[at] = outcome
    })
  }
  return outcomes
}

interface Placed<Request> {
  readonly request: Request
  readonly at: number
}

function batchesOf<Request>(requests: readonly Request[], groupOf: (request: Request) => ItemKind | null): Placed<Request>[][] {
  const placed = requests.map((request, at): Placed<Request> => ({ request, at }))
  const batches: Placed<Request>[][] = []
  for (const [group, all] of Map.groupBy(placed, ({ request }) => groupOf(request))) {
    const size = group === null ? 1 : BATCH
    for (let from = 0; from < all.length; from += size) batches.push(all.slice(from, from + size))
  }
  return batches
}

function unsent(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    scope: error.scope, remedy: error.remedy, context: error.context, cause: error,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  })
}
