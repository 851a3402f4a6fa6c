import { fieldsOf, itemOf } from '../model/index.ts'
import type { ContactFields, EventFields, Fields, Item, ItemKind } from '../model/index.ts'
import type { CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { needsPresent, planEvent } from './event-changes.ts'
import type { Folders } from './folders.ts'
import { createItemXml, updatesXml } from './from-model.ts'
import { hold } from './hold.ts'
import { createItem } from './operations/create-item.ts'
import { deleteItem } from './operations/delete-item.ts'
import { getItem } from './operations/get-item.ts'
import type { EwsItem, ItemRef } from './operations/ids.ts'
import { updateItem } from './operations/update-item.ts'
import type { ItemChange, UpdateMailing } from './operations/update-item.ts'
import { isTold } from './people-to-model.ts'
import type { Result } from './soap.ts'
import type { Session } from './session.ts'
import { toSnapshot } from './to-model.ts'
import { NO_ANSWER } from './whole-items.ts'
import { answerInvitation, isAnswer } from './write-answer.ts'
import { eachBatch, encoded, extrasOf, readBack, refusal } from './write-batches.ts'
import type { Refused, Written } from './write-batches.ts'
import { removeOccurrence, updateOccurrence } from './write-occurrence.ts'
import type { OwnKeys } from './write-occurrence.ts'

/** Creates, then reads back what the server made of it. */
export async function createAll(session: Session, folders: Folders, requests: readonly CreateRequest[]): Promise<WriteOutcome[]> {
  const synced = await folders.synced()
  return eachBatch(requests, (request) => (invites(request) ? null : request.item.kind), async (batch) => {
    const kind = kindOf(batch, ({ item }) => item.kind)
    const invite = batch.some(invites)
    const items = batch.map((request) => encoded('the new item', () =>
      createItemXml(kind, newFields(session, request), session.mailbox.zone, {
        ...extrasOf(request), ...(request.series === undefined ? {} : { series: request.series }), invite,
      })))
    const sent = items.filter((xml) => typeof xml === 'string')
    const results = sent.length === 0 ? [] : await session.batch(createItem, { folder: synced[kind], items: sent, invite }, sent.length)
    let next = 0
    const written = batch.map((request, at): Written | Refused => {
      const xml = items[at]
      if (typeof xml === 'object') return { type: 'failed', error: xml }
      const result = results[next++]
      if (result?.ok !== true) return refusal(session, createItem, result?.failure ?? NO_ANSWER)
      return { ref: result.value, intended: hold(request.item), readBack: true, extras: extrasOf(request) }
    })
    return readBack(session, kind, written)
  })
}

/** Sending turns an appointment into a meeting even when nobody is on it. */
const invites = ({ item, mailing }: CreateRequest): boolean =>
  item.kind === 'event' && mailing !== undefined && (item.fields.attendees ?? []).length > 0

/** The owner of the mailbox is the organizer of what he sends, never his own guest. */
function newFields({ mailbox }: Session, request: CreateRequest): Fields {
  const fields = fieldsOf(hold(request.item))
  const { attendees } = fields as Partial<EventFields>
  if (attendees === undefined || !invites(request)) return fields
  return { ...fields, attendees: attendees.filter(({ address }) => address !== mailbox.address.toLowerCase()) }
}

/**
 * Writes only the given fields, against the version they were planned for. A write of the stamp alone is not read back
 * (the first sync stamps thousands): its snapshot holds no field, which means "not told".
 */
export async function updateAll(session: Session, folders: Folders, requests: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  const ownKeys: OwnKeys = new Map()
  const isAlone = (request: UpdateRequest) => request.occurrence !== undefined || request.mailing !== undefined || isAnswer(request)
  return eachBatch(requests, (request) => (isAlone(request) ? null : request.kind), async (batch) => {
    const [request] = batch
    if (request?.occurrence !== undefined) return [await updateOccurrence(session, request, request.occurrence, ownKeys)]
    if (request !== undefined && isAnswer(request)) {
      return [await answerInvitation(session, folders, request, (rest) => updateBatch(session, [rest]))]
    }
    return updateBatch(session, batch)
  })
}

interface Change extends ItemChange {
  readonly mailing: UpdateMailing
  readonly content: Item
  readonly readBack: boolean
}

async function updateBatch(session: Session, batch: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  const kind = kindOf(batch, (request) => request.kind)
  const intended = batch.map(({ fields }) => hold(itemOf(kind, fields)))
  const named = kind === 'contact' ? await completeNames(session, batch, intended) : intended.map(fieldsOf)
  const present = kind === 'event' ? await readPresent(session, batch) : new Map<UpdateRequest, Result<EwsItem>>()
  const changes = batch.map((request, at) => changeOf(session, request, intended[at] ?? itemOf(kind, {}), named[at] ?? {}, present.get(request)))
  // A request with nothing to write for Exchange (a reference belongs to the CRM) must not make an empty Updates.
  const sent = changes.filter((change): change is Change => 'updates' in change && change.updates !== '')
  const mailing = sent[0]?.mailing ?? 'nobody'
  const results = sent.length === 0 ? [] : await session.batch(updateItem, { changes: sent, mailing }, sent.length)
  let next = 0
  const written = changes.map((change, at): Written | Refused => {
    if (!('updates' in change)) return change
    const { item, updates, content } = change
    if (updates === '') return { ref: item, intended: content, readBack: change.readBack, extras: {} }
    const result = results[next++]
    if (result?.ok !== true) return refusal(session, updateItem, result?.failure ?? NO_ANSWER)
    const request = batch[at]
    return { ref: result.value, intended: content, readBack: change.readBack, extras: request === undefined ? {} : extrasOf(request) }
  })
  return readBack(session, kind, written)
}

/** Events whose present state decides what is written. */
async function readPresent(session: Session, batch: readonly UpdateRequest[]): Promise<Map<UpdateRequest, Result<EwsItem>>> {
  const due = batch.filter(({ fields, mailing }) => needsPresent(fields, mailing))
  const read = await session.read('event', due.map(({ id }) => id))
  return new Map(due.map((request, at) => [request, read[at] ?? { ok: false, failure: NO_ANSWER }]))
}

function changeOf(session: Session, request: UpdateRequest, content: Item, named: Fields, present: Result<EwsItem> | undefined): Change | Refused {
  const { id, kind, expect, stamp } = request
  const item = { id, changeKey: expect }
  if (present?.ok === false) return refusal(session, getItem, present.failure)
  if (present !== undefined && present.value.changeKey !== expect) return { type: 'stale' }
  const plan = encoded(`item ${id}`, () => {
    if (present === undefined) return { updates: updatesXml(kind, named, session.mailbox.zone, stamp), mailing: 'nobody' as const, content }
    const { fields, change, zone, mailing, intended } = planEvent(present.value, named as Partial<EventFields>, request.mailing, session.mailbox)
    return { updates: updatesXml(kind, fields, zone, stamp, change), mailing, content: itemOf(kind, intended) }
  })
  if (plan instanceof SyncError) return { type: 'failed', error: plan }
  return { item, ...plan, readBack: Object.keys(content.fields).length > 0 && (plan.updates !== '' || present !== undefined) }
}

/**
 * DeleteItem does not compare change keys, so the version is looked at right before. Only the organizer's deletion that
 * says so tells anybody: it calls the meeting off.
 */
export async function removeAll(session: Session, requests: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  const ownKeys: OwnKeys = new Map()
  const isAlone = (request: RemoveRequest) => request.occurrence !== undefined || request.mailing !== undefined
  return eachBatch<RemoveRequest, RemoveOutcome>(requests, (request) => (isAlone(request) ? null : request.kind), async (batch) => {
    const [request] = batch
    if (request?.occurrence !== undefined) return [await removeOccurrence(session, request, request.occurrence, ownKeys)]
    return removeBatch(session, batch)
  })
}

async function removeBatch(session: Session, batch: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  const kind = kindOf(batch, (request) => request.kind)
  const mailing = kind === 'event' && batch[0]?.mailing !== undefined
  const read = await session.read(kind, batch.map(({ id }) => id), ...(mailing ? [] : ['']))
  const outcomes = batch.map((request, at): RemoveOutcome | EwsItem => {
    const now = read[at]
    if (now?.ok !== true) return refusal(session, getItem, now?.failure ?? NO_ANSWER)
    return now.value.changeKey === request.expect ? now.value : { type: 'stale' }
  })
  const due = outcomes.filter((outcome): outcome is EwsItem => 'properties' in outcome)
  const cancel = mailing && due.some((item) => isTold(item.properties, session.mailbox))
  const items = due.map(({ id, changeKey }): ItemRef => ({ id, changeKey }))
  const results = due.length === 0 ? [] : await session.batch(deleteItem, { items, cancel }, due.length)
  let next = 0
  return outcomes.map((outcome): RemoveOutcome => {
    if (!('properties' in outcome)) return outcome
    const result = results[next++]
    return result?.ok === true ? { type: 'removed' } : refusal(session, deleteItem, result?.failure ?? NO_ANSWER)
  })
}

function kindOf<Request>(batch: readonly Request[], kind: (request: Request) => ItemKind): ItemKind {
  const [request] = batch
  if (request === undefined) throw new Error('a batch has a request')
  return kind(request)
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
