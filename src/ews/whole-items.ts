/** Items with everything that belongs to them: masters come with their exceptions, occurrences as their masters. */
import type { ItemId, ItemKind, Snapshot } from '../model/index.ts'
import { verdictOf } from './errors.ts'
import { SHAPES } from './item-shape.ts'
import { getItem } from './operations/get-item.ts'
import type { AnyItemRef, EwsItem } from './operations/ids.ts'
import type { Failure, Result } from './soap.ts'
import type { Session } from './session.ts'
import { exceptionIds, isOccurrence, toSnapshot } from './to-model.ts'
import type { Exceptions } from './to-model.ts'

export interface WholeItem extends EwsItem {
  /** Empty for all but masters. One that could not be read is missing. */
  readonly exceptions: Exceptions
}

/**
 * Reads in the order of the ids; the exceptions of all masters among them in common batches.
 * @throws SyncError when more than an item is in trouble
 */
export async function readWhole(session: Session, kind: ItemKind, ids: readonly (ItemId | string)[]): Promise<Result<WholeItem>[]> {
  const read = await session.read(kind, ids)
  const items = kind === 'event' ? await withMasters(session, read) : read
  const wanted = items.flatMap((result) => (result.ok ? exceptionIds(result.value, session.mailbox) : []))
  const exceptions = await readExceptions(session, [...new Set(wanted)])
  return items.map((result) => (result.ok ? { ok: true, value: { ...result.value, exceptions } } : result))
}

/** The same as a snapshot. @throws SyncError EWS_UNREADABLE_ITEM */
export const snapshotOf = (session: Session, kind: ItemKind, whole: WholeItem): Snapshot =>
  toSnapshot(whole, kind, session.mailbox, whole.exceptions)

/** One item, or why there is none. */
export async function readOneWhole(session: Session, kind: ItemKind, id: ItemId | string): Promise<Result<WholeItem>> {
  const [result] = await readWhole(session, kind, [id])
  return result ?? { ok: false, failure: NO_ANSWER }
}

export const NO_ANSWER: Failure = { code: 'NoAnswer', text: 'the server left the item out of its answer' }

/** Some servers report an occurrence as if it were an item of the folder: its master is what changed. */
async function withMasters(session: Session, read: readonly Result<EwsItem>[]): Promise<Result<EwsItem>[]> {
  const stray = read.flatMap((result) => (result.ok && isOccurrence(result.value) ? [result.value] : []))
  if (stray.length === 0) return [...read]
  const refs = stray.map(({ id }): AnyItemRef => ({ masterOf: id }))
  const masters = await session.readRefs(refs, SHAPES.event)
  const byOccurrence = new Map(stray.map(({ id }, at) => [id, masters[at]]))
  // gromox 3.1 knows no way from an occurrence to its master: the item then stays what it is, and is left alone.
  return read.map((result) => {
    const master = result.ok ? byOccurrence.get(result.value.id) : undefined
    return master?.ok === true ? master : result
  })
}

async function readExceptions(session: Session, ids: readonly string[]): Promise<Exceptions> {
  const read = await session.read('event', ids)
  const found = new Map<string, EwsItem>()
  read.forEach((result, at) => {
    // By the id that was asked for: gromox 3.1 lists exceptions under ids of its own making.
    if (result.ok) found.set(ids[at] ?? '', result.value)
    else if (verdictOf(result.failure) === 'error') refuseBusy(session, result.failure)
  })
  return found
}

/** A busy server says so item by item; that is no exception's fault. */
function refuseBusy(session: Session, failure: Failure): void {
  const error = session.error(getItem, failure)
  if (error.scope !== 'item') throw error
}
