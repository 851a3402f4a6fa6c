/** What all writes share: batches with one outcome per request, and the reading after. */
import { changeKey, itemId } from '../model/index.ts'
import type { Item, ItemKind, Snapshot } from '../model/index.ts'
import type { WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { unwritableItem, verdictOf } from './errors.ts'
import type { ItemRef } from './operations/ids.ts'
import type { Failure, Operation } from './soap.ts'
import { BATCH, inBatches } from './session.ts'
import type { Session } from './session.ts'
import { readWhole, snapshotOf } from './whole-items.ts'

export type Refused = Exclude<WriteOutcome, { type: 'done' }>

/** A write that was done, or that turned out to have nothing to do. */
export interface Written {
  readonly ref: Required<ItemRef>
  readonly intended: Item
  readonly readBack: boolean
  readonly extras: Partial<Pick<Snapshot, 'uid' | 'stamp' | 'series'>>
}

/** What of a request is part of the item without being one of its fields. */
export const extrasOf = ({ stamp, uid, series }: { stamp?: Snapshot['stamp']; uid?: string; series?: Snapshot['series'] }): Written['extras'] =>
  ({ ...(stamp === undefined ? {} : { stamp }), ...(uid === undefined ? {} : { uid }), ...(series === undefined ? {} : { series }) })

/**
 * One outcome per request, in their order, from batches of one group each. A batch whose answer was lost fails as a whole;
 * trouble that reaches further than items ends the work: what was not sent has certainly not happened.
 * @param groupOf null for a request that is a batch of its own
 */
export async function eachBatch<Request, Outcome>(
  requests: readonly Request[], groupOf: (request: Request) => string | null,
  work: (batch: readonly Request[]) => Promise<readonly Outcome[]>,
): Promise<(Outcome | Refused)[]> {
  const outcomes: (Outcome | Refused)[] = []
  const groups = Map.groupBy(requests.map((request, at) => ({ request, at })), ({ request }) => groupOf(request))
  let ended: SyncError | undefined
  for (const [group, all] of groups) {
    for (const batch of inBatches(all, group === null ? 1 : BATCH)) {
      const results = ended === undefined
        ? await work(batch.map(({ request }) => request)).catch((error: unknown) => {
          if (!(error instanceof SyncError)) throw error
          if (error.scope !== 'item') ended = error
          return batch.map((): Refused => ({ type: 'failed', error }))
        })
        : batch.map((): Refused => ({ type: 'failed', error: unsent(ended as SyncError) }))
      batch.forEach(({ at }, index) => {
        const outcome = results[index]
        if (outcome !== undefined) outcomes[at] = outcome
      })
    }
  }
  return outcomes
}

function unsent(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    scope: error.scope, remedy: error.remedy, context: error.context, cause: error,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  })
}

/** The same error of a call after the write: the write itself may stand. */
export function afterWrite(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    scope: error.scope, remedy: error.remedy, context: error.context, cause: error, outcomeUnknown: true,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  })
}

/** One item that cannot be put into words (a day that does not exist) must not take its batch with it. */
export function encoded<T>(what: string, encode: () => T): T | SyncError {
  try {
    return encode()
  } catch (error) {
    return error instanceof SyncError ? error : unwritableItem(what, error)
  }
}

export function refusal(session: Session, operation: Pick<Operation<never, unknown>, 'name' | 'writes'>, failure: Failure): Refused {
  const verdict = verdictOf(failure)
  if (verdict === 'gone' || verdict === 'stale') return { type: verdict }
  return { type: 'failed', error: session.error(operation, failure) }
}

/**
 * The items as they are after the write. Where somebody was faster than our reading (another change key), the intended
 * content stands under the write's own key, so that the other edit is still seen as an edit.
 */
export async function readBack(session: Session, kind: ItemKind, written: readonly (Written | Refused)[]): Promise<WriteOutcome[]> {
  const due = written.filter((one): one is Written => 'ref' in one && one.readBack)
  const read = await readWhole(session, kind, due.map(({ ref }) => ref.id)).catch((error: unknown) => {
    // The write is done and its key known; that the reading failed changes nothing about it.
    if (!(error instanceof SyncError)) throw error
    session.log.debug({ code: error.code, items: due.length }, 'Written items could not be read back')
    return []
  })
  const found = new Map(read.flatMap((result) => (result.ok ? [[result.value.id, result.value] as const] : [])))
  return written.map((one): WriteOutcome => {
    if (!('ref' in one)) return one
    const item = one.readBack ? found.get(one.ref.id) : undefined
    if (item !== undefined && item.changeKey === one.ref.changeKey) {
      const snapshot = readable(() => snapshotOf(session, kind, item))
      if (snapshot !== undefined) return { type: 'done', snapshot }
    }
    return { type: 'done', snapshot: intendedSnapshot(session, one) }
  })
}

function readable(read: () => Snapshot): Snapshot | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof SyncError) return undefined
    throw error
  }
}

function intendedSnapshot(session: Session, { ref, intended, extras }: Written): Snapshot {
  return { id: itemId(ref.id), changeKey: changeKey(ref.changeKey), item: intended, modifiedAt: session.clock.now(), ...extras }
}
