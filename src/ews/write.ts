import { changeKey, fieldsOf, itemId, itemOf } from '../model/index.ts'
import type { ContactFields, Item, ItemKind, Snapshot } from '../model/index.ts'
import type { CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { unwritableItem, verdictOf } from './errors.ts'
import type { Folders } from './folders.ts'
import { createItemXml, updatesXml } from './from-model.ts'
import { hold } from './hold.ts'
import { createItem } from './operations/create-item.ts'
import { deleteItem } from './operations/delete-item.ts'
import type { ItemRef } from './operations/ids.ts'
import { updateItem } from './operations/update-item.ts'
import type { ItemChange } from './operations/update-item.ts'
import type { Failure, Operation } from './soap.ts'
import { inBatches } from './session.ts'
import type { Session } from './session.ts'
import { toSnapshot } from './to-model.ts'

type Refused = Exclude<WriteOutcome, { type: 'done' }>

/** Creates, then reads back what the server made of it. */
export async function createAll(session: Session, folders: Folders, requests: readonly CreateRequest[]): Promise<WriteOutcome[]> {
  const synced = await folders.synced()
  return eachBatch(requests, ({ item }) => item.kind, async (batch, kind) => {
    const items = batch.map((request) => encoded('the new item', () =>
      createItemXml(kind, fieldsOf(hold(request.item)), session.mailbox.zone, pick(request))))
    const sent = items.filter((xml) => typeof xml === 'string')
    const results = sent.length === 0 ? [] : await session.batch(createItem, { folder: synced[kind], items: sent }, sent.length)
    let next = 0
    const written = batch.map((request, at): Written | Refused => {
      const xml = items[at]
      if (typeof xml === 'object') return { type: 'failed', error: xml }
      const result = results[next++]
      if (result?.ok !== true) return refusal(session, createItem, result?.failure ?? NO_REQUEST)
      return { ref: result.value, intended: hold(request.item), readBack: true, extras: pick(request) }
    })
    return readBack(session, kind, written)
  })
}

/**
 * Writes only the given fields, against the version they were planned for. A write of the stamp alone is not read back
 * (the first sync stamps thousands): its snapshot holds no field, which means "not told".
 */
export async function updateAll(session: Session, requests: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  return eachBatch(requests, ({ kind }) => kind, async (batch, kind) => {
    const intended = batch.map(({ fields }) => hold(itemOf(kind, fields)))
    const named = kind === 'contact' ? await completeNames(session, batch, intended) : intended.map(fieldsOf)
    const changes = batch.map(({ id, expect, stamp }, at) => ({
      item: { id, changeKey: expect }, updates: encoded(`item ${id}`, () => updatesXml(kind, named[at] ?? {}, session.mailbox.zone, stamp)),
    }))
    // A request with nothing to write for Exchange (a reference belongs to the CRM) must not make an empty Updates.
    const sent = changes.flatMap(({ item, updates }): ItemChange[] => (typeof updates === 'string' && updates !== '' ? [{ item, updates }] : []))
    const results = sent.length === 0 ? [] : await session.batch(updateItem, sent, sent.length)
    let next = 0
    const written = changes.map(({ item, updates }, at): Written | Refused => {
      const request = batch[at]
      const content = intended[at] ?? itemOf(kind, {})
      const hasFields = Object.keys(content.fields).length > 0
      if (typeof updates === 'object') return { type: 'failed', error: updates }
      if (updates === '') return { ref: item, intended: content, readBack: false, extras: {} }
      const result = results[next++]
      if (result?.ok !== true) return refusal(session, updateItem, result?.failure ?? NO_REQUEST)
      return { ref: result.value, intended: content, readBack: hasFields, extras: request === undefined ? {} : pick(request) }
    })
    return readBack(session, kind, written)
  })
}

/** DeleteItem does not compare change keys, so the version is looked at right before. Nobody is told, ever. */
export async function removeAll(session: Session, requests: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  return eachBatch<RemoveRequest, RemoveOutcome>(requests, ({ kind }) => kind, async (batch, kind) => {
    const read = await session.read(kind, batch.map(({ id }) => id), '')
    const outcomes = batch.map((request, at): RemoveOutcome | ItemRef => {
      const now = read[at]
      if (now?.ok !== true) return refusal(session, { name: 'GetItem', writes: false }, now?.failure ?? NO_REQUEST)
      return now.value.changeKey === request.expect ? now.value : { type: 'stale' }
    })
    const due = outcomes.filter((outcome) => 'id' in outcome)
    const results = due.length === 0 ? [] : await session.batch(deleteItem, due.map(({ id, changeKey: key }) => ({ id, ...(key === undefined ? {} : { changeKey: key }) })), due.length)
    let next = 0
    return outcomes.map((outcome): RemoveOutcome => {
      if (!('id' in outcome)) return outcome
      const result = results[next++]
      return result?.ok === true ? { type: 'removed' } : refusal(session, deleteItem, result?.failure ?? NO_REQUEST)
    })
  })
}

/** One item that cannot be put into words (a day that does not exist) must not take its batch with it. */
function encoded(what: string, encode: () => string): string | SyncError {
  try {
    return encode()
  } catch (error) {
    return unwritableItem(what, error)
  }
}

interface Written {
  readonly ref: Required<ItemRef>
  readonly intended: Item
  readonly readBack: boolean
  readonly extras: Partial<Pick<Snapshot, 'uid' | 'stamp'>>
}
const NO_REQUEST: Failure = { code: 'NoAnswer', text: 'the server left the item out of its answer' }

const pick = ({ stamp, uid }: { stamp?: Snapshot['stamp']; uid?: string }): Written['extras'] =>
  ({ ...(stamp === undefined ? {} : { stamp }), ...(uid === undefined ? {} : { uid }) })

/**
 * One outcome per request, in their order, from batches of one kind each. A batch whose answer was lost fails as a whole;
 * trouble that reaches further than items ends the work: what was not sent has certainly not happened.
 */
async function eachBatch<Request, Outcome>(
  requests: readonly Request[], kindOf: (request: Request) => ItemKind,
  work: (batch: readonly Request[], kind: ItemKind) => Promise<readonly Outcome[]>,
): Promise<(Outcome | Refused)[]> {
  const outcomes: (Outcome | Refused)[] = []
  const byKind = Map.groupBy(requests.map((request, at) => ({ request, at })), ({ request }) => kindOf(request))
  let ended: SyncError | undefined
  for (const [kind, all] of byKind) {
    for (const batch of inBatches(all)) {
      const results = ended === undefined
        ? await work(batch.map(({ request }) => request), kind).catch((error: unknown) => {
          if (!(error instanceof SyncError)) throw error
          ended = error
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

function refusal(session: Session, operation: Pick<Operation<never, unknown>, 'name' | 'writes'>, failure: Failure): Refused {
  const verdict = verdictOf(failure)
  if (verdict === 'gone' || verdict === 'stale') return { type: verdict }
  return { type: 'failed', error: session.error(operation, failure) }
}

/**
 * The items as they are after the write. Where somebody was faster than our reading (another change key), the intended
 * content stands under the write's own key, so that the other edit is still seen as an edit.
 */
async function readBack(session: Session, kind: ItemKind, written: readonly (Written | Refused)[]): Promise<WriteOutcome[]> {
  const due = written.filter((one): one is Written => 'ref' in one && one.readBack)
  const read = await session.read(kind, due.map(({ ref }) => ref.id)).catch((error: unknown) => {
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
      const snapshot = readable(() => toSnapshot(item, kind, session.mailbox))
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

/** A contact is filed under both names: where only one of them changes, the other is looked up. */
async function completeNames(session: Session, batch: readonly UpdateRequest[], intended: readonly Item[]) {
  const half = (at: number) => {
    const { firstName, lastName } = (intended[at]?.fields ?? {}) as Partial<ContactFields>
    return (firstName === undefined) !== (lastName === undefined)
  }
  const ids = batch.filter((_, at) => half(at)).map(({ id }) => id)
  const read = await session.read('contact', ids, '<t:FieldURI FieldURI="contacts:GivenName"/><t:FieldURI FieldURI="contacts:Surname"/>')
  const names = new Map(read.flatMap((result) => (result.ok ? [[result.value.id, toSnapshot(result.value, 'contact', session.mailbox)] as const] : [])))
  return intended.map((item, at) => {
    const now = (half(at) ? names.get(batch[at]?.id ?? '')?.item.fields : undefined) as Partial<ContactFields> | undefined
    if (now === undefined) return fieldsOf(item)
    return { firstName: now.firstName ?? '', lastName: now.lastName ?? '', ...fieldsOf(item) }
  })
}
