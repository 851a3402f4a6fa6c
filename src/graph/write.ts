/** Creates, updates and deletions. Each one is conditional on its version, and mails nobody unless the request says so. */
import { fieldsOf, itemOf } from '../model/index.ts'
import type { ChangeKey, EventFields, Fields, ItemKind, Snapshot } from '../model/index.ts'
import type { CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { badReply, isDuplicateCreate, kindMissing, verdictOf, wouldMail } from './errors.ts'
import type { Answer } from './errors.ts'
import { newBody } from './event-body.ts'
import { needsPresent, planEvent } from './event-changes.ts'
import type { Folders } from './folders.ts'
import { toResource } from './from-model.ts'
import type { EventMore } from './from-model.ts'
import { hold } from './hold.ts'
import { meetingFacts } from './people-to-model.ts'
import { readAll, readRequest } from './read.ts'
import type { ContactResource, EventResource, Resource, TaskResource } from './resources.ts'
import { findCreated } from './search.ts'
import type { Session } from './session.ts'
import { segment } from './session.ts'
import { folderPath, itemPath } from './shapes.ts'
import type { Places } from './shapes.ts'
import { ownLink, stampLink, stampProperty, uidProperty } from './stamp.ts'
import { keyOf } from './to-model.ts'
import type { GraphRequest } from './transport.ts'
import { answerInvitation, isAnswer } from './write-answer.ts'
import { eachBatch, encoded, noAnswer, readBack, refusal, written } from './write-batches.ts'
import type { Refused } from './write-batches.ts'
import { removeOccurrence, updateOccurrence } from './write-occurrence.ts'
import type { OwnKeys } from './write-occurrence.ts'

const lacksTasks = (session: Session, places: Places, kind: ItemKind): Refused | null =>
  kind === 'task' && places.list === undefined ? { type: 'failed', error: kindMissing(kind, session.mailbox.address) } : null

/**
 * Creates with the stamp in the same call (rule R-43) and, for events, with the token as `transactionId`, which makes a
 * repeated create harmless. https://learn.microsoft.com/graph/api/user-post-events
 */
export async function createAll(session: Session, folders: Folders, requests: readonly CreateRequest[]): Promise<WriteOutcome[]> {
  return eachBatch<CreateRequest, WriteOutcome>(requests, ({ item }) => item.kind, async (batch) => {
    const kind = batch[0]?.item.kind ?? 'event'
    const places = await folders.places(kind)
    const refused = lacksTasks(session, places, kind)
    if (refused !== null) return batch.map(() => refused)
    const sent = batch.map((request) => encoded('the new item', () => createRequest(session, places, request)))
    const answers = await answersOf(session, sent)
    const outcomes: WriteOutcome[] = []
    for (const [at, request] of batch.entries()) outcomes.push(await created(session, folders, request, sent[at], answers[at]))
    return kind === 'contact' ? readBack(session, places, kind, outcomes) : outcomes
  })
}

function createRequest(session: Session, places: Places, request: CreateRequest): GraphRequest {
  const { item, token, stamp } = request
  const { kind } = item
  // A contact is filed under both names, also where the CRM has only one.
  const fields: Fields = { ...(kind === 'contact' ? { firstName: '', lastName: '' } : {}), ...fieldsOf(hold(item)) }
  const body = toResource(kind, fields, session.mailbox.zone, stamp, kind === 'event' ? newEvent(session, request, fields as Partial<EventFields>) : {})
  return { method: 'POST', path: `${session.root}${folderPath(kind, places)}`, body: { ...body, ...(kind === 'event' ? { transactionId: token } : {}) } }
}

/** Attendees are mailed whenever they are written, so without leave they are only named in the text. */
function newEvent({ mailbox }: Session, { mailing, series, uid }: CreateRequest, { body = '', attendees = [], organizer = null }: Partial<EventFields>): EventMore {
  const guests = mailing === undefined ? [] : attendees.filter(({ address }) => address !== mailbox.address.toLowerCase())
  return {
    body: newBody(body, guests.length > 0 ? { organizer: null, attendees: [] } : { organizer, attendees }),
    ...(guests.length > 0 ? { attendees: guests } : {}),
    ...(series === undefined ? {} : { recurrence: series.recurrence }),
    ...(uid === undefined ? {} : { uid }),
  }
}

async function created(session: Session, folders: Folders, request: CreateRequest, sent: GraphRequest | SyncError | undefined, answer: Answer | undefined): Promise<WriteOutcome> {
  if (sent instanceof SyncError) return { type: 'failed', error: sent }
  if (sent === undefined || answer === undefined) return noAnswer(session)
  const { item, token, stamp, uid } = request
  if (isDuplicateCreate(answer)) {
    // An earlier try of the very same create went through.
    const found = await findCreated(session, folders, { kind: item.kind, token, item, uid: null, since: session.clock.now() })
    if (found !== null) return { type: 'done', snapshot: found }
  }
  // A folder that is gone is no gone item: it is looked up anew.
  if (verdictOf(answer) === 'gone') folders.forget()
  if (verdictOf(answer) !== 'ok') return { type: 'failed', error: session.error(answer, sent) }
  const resource = (answer.body ?? {}) as Resource
  if (resource.id === undefined) return { type: 'failed', error: unclear(session, sent, 'a new item without an id') }
  // The answer does not show what of ours went with the request.
  const own = [...(stamp === undefined ? [] : [stampProperty(stamp)]), ...(uid === undefined ? [] : [uidProperty(uid)])]
  const marks = item.kind === 'task' ? (stamp === undefined ? {} : { linkedResources: [stampLink(stamp)] }) : { singleValueExtendedProperties: own }
  return { type: 'done', snapshot: written(session, item.kind, { ...resource, ...marks }, fieldsOf(hold(item))) }
}

interface Prepared {
  readonly request: UpdateRequest
  readonly intended: Fields
  /** The writes to send, in turn; empty when there is nothing to write. */
  readonly sends: readonly GraphRequest[]
}

/** Writes only the given fields, against the version they were planned for. https://learn.microsoft.com/graph/api/event-update */
export async function updateAll(session: Session, folders: Folders, requests: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  const ownKeys: OwnKeys = new Map()
  const isAlone = (request: UpdateRequest) => request.occurrence !== undefined || isAnswer(request)
  return eachBatch<UpdateRequest, WriteOutcome>(requests, (request) => (isAlone(request) ? null : request.kind), async (batch) => {
    const [first] = batch
    const kind = first?.kind ?? 'event'
    const places = await folders.places(kind)
    const refused = lacksTasks(session, places, kind)
    if (refused !== null) return batch.map(() => refused)
    if (first?.occurrence !== undefined) return [await updateOccurrence(session, places, first, first.occurrence, ownKeys)]
    if (first !== undefined && isAnswer(first)) return [await answerInvitation(session, places, first, (rest) => updateBatch(session, places, kind, [rest]))]
    return updateBatch(session, places, kind, batch)
  })
}

async function updateBatch(session: Session, places: Places, kind: ItemKind, batch: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  const intended = batch.map(({ fields }) => fieldsOf(hold(itemOf(kind, fields))))
  const looks = batch.map((request, at) => (needsLook(request, intended[at] ?? {}) ? request.id : null))
  const ids = looks.filter((id) => id !== null)
  const found = await readAll(session, places, kind, ids)
  const answers = new Map(ids.map((id, at) => [id, found[at]] as const))
  const prepared = batch.map((request, at): Prepared | Refused => {
    const answer = answers.get(request.id)
    if (looks[at] !== null && (answer === undefined || verdictOf(answer) !== 'ok')) return refusal(session, readRequest(session, places, kind, request.id), answer)
    return prepare(session, places, request, intended[at] ?? {}, answer?.body as Resource | undefined)
  })
  return carryOut(session, places, kind, prepared)
}

/**
 * Whether an item has to be looked at right before it is written: tasks, because nobody says that they honour `If-Match`;
 * events, because of their text, zone and guests; contacts, to be filed under both names.
 */
function needsLook({ kind, stamp, mailing }: UpdateRequest, fields: Fields): boolean {
  switch (kind) {
    case 'task': return stamp !== undefined || Object.keys(fields).length > 0
    case 'event': return needsPresent(fields, mailing)
    case 'contact': return ('firstName' in fields) !== ('lastName' in fields)
  }
}

function prepare(session: Session, places: Places, request: UpdateRequest, wanted: Fields, present: Resource | undefined): Prepared | Refused {
  const { id, kind, expect, stamp } = request
  if (present !== undefined && keyOf(present) !== expect) return { type: 'stale' }
  const plan = encoded(`item ${id}`, () => {
    if (kind === 'event' && present !== undefined) return planEvent(present, wanted as Partial<EventFields>, request.mailing, session.mailbox, stamp)
    const fields = kind === 'contact' && present !== undefined ? filed(wanted, present) : wanted
    const isSent = Object.keys(fields).length > 0 || (stamp !== undefined && kind !== 'task')
    return { body: isSent ? toResource(kind, fields, session.mailbox.zone, kind === 'task' ? undefined : stamp) : null, intended: wanted }
  })
  if (plan instanceof SyncError) return { type: 'failed', error: plan }
  const path = `${session.root}${itemPath(kind, id, places)}`
  const sends: GraphRequest[] = plan.body === null ? [] : [{ method: 'PATCH', path, body: plan.body, ...condition(expect) }]
  if (stamp !== undefined && kind === 'task') sends.push(linkRequest(path, present, stampLink(stamp)))
  return { request, intended: plan.intended, sends }
}

/** https://learn.microsoft.com/graph/api/todotask-post-linkedresources, https://learn.microsoft.com/graph/api/linkedresource-update */
function linkRequest(path: string, present: TaskResource | undefined, body: object): GraphRequest {
  const known = present === undefined ? undefined : ownLink(present)
  return known?.id === undefined ? { method: 'POST', path: `${path}/linkedResources`, body } : { method: 'PATCH', path: `${path}/linkedResources/${segment(known.id)}`, body }
}

/** Only an ETag can stand in If-Match. */
const condition = (expect: ChangeKey) => (/^(?:W\/)?"/.test(expect) ? { expect } : {})

function filed(fields: Fields, present: ContactResource): Fields {
  return { firstName: present.givenName ?? '', lastName: present.surname ?? '', ...fields }
}

async function carryOut(session: Session, places: Places, kind: ItemKind, prepared: readonly (Prepared | Refused)[]): Promise<WriteOutcome[]> {
  const outcomes: WriteOutcome[] = prepared.map((one) => ('sends' in one ? { type: 'done', snapshot: untouched(session, one) } : one))
  const again = new Set<number>()
  for (const turn of [0, 1]) {
    const due = prepared.flatMap((one, at) => {
      const send = 'sends' in one && outcomes[at]?.type === 'done' ? one.sends[turn] : undefined
      return send === undefined || !('sends' in one) ? [] : [{ at, one, send }]
    })
    const answers = await session.batch(due.map(({ send }) => send))
    due.forEach(({ at, one, send }, index) => {
      const answer = answers[index]
      if (answer === undefined || verdictOf(answer) !== 'ok') outcomes[at] = refusal(session, send, answer)
      else if (kind === 'task' && send.path.includes('/linkedResources')) again.add(at)
      else outcomes[at] = { type: 'done', snapshot: updated(session, one, answer.body) }
    })
  }
  return readBack(session, places, kind, outcomes, (at) => again.has(at) || (kind === 'contact' && changesFields(prepared[at])), (at) => changesFields(prepared[at]))
}

const changesFields = (one: Prepared | Refused | undefined) => one !== undefined && 'intended' in one && Object.keys(one.intended).length > 0

function untouched(session: Session, { request, intended }: Prepared): Snapshot {
  return { id: request.id, changeKey: request.expect, item: itemOf(request.kind, intended), modifiedAt: session.clock.now() }
}

/** A write of the stamp alone tells no fields, which means "not told": the first sync stamps thousands. */
function updated(session: Session, { request, intended }: Prepared, body: unknown): Snapshot {
  const { kind, id, stamp } = request
  const resource: Resource = { ...(body ?? {}), id }
  const marks = stamp === undefined ? {} : { stamp }
  if (Object.keys(intended).length > 0) return { ...written(session, kind, resource, intended), ...marks }
  return { id, changeKey: keyOf(resource), item: itemOf(kind, {}), modifiedAt: session.clock.now(), ...marks }
}

/**
 * Moves to Deleted Items, after a look at the version. An organizer's deletion of a meeting sends cancellations, whatever
 * one asks for; without leave that is not done. https://learn.microsoft.com/graph/api/event-delete
 */
export async function removeAll(session: Session, folders: Folders, requests: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  const ownKeys: OwnKeys = new Map()
  return eachBatch<RemoveRequest, RemoveOutcome>(requests, (request) => (request.occurrence === undefined ? request.kind : null), async (batch) => {
    const [first] = batch
    const kind = first?.kind ?? 'event'
    const places = await folders.places(kind)
    const refused = lacksTasks(session, places, kind)
    if (refused !== null) return batch.map(() => refused)
    if (first?.occurrence !== undefined) return [await removeOccurrence(session, places, first, first.occurrence, ownKeys)]
    return removeBatch(session, places, kind, batch)
  })
}

async function removeBatch(session: Session, places: Places, kind: ItemKind, batch: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  const read = await readAll(session, places, kind, batch.map(({ id }) => id))
  const judged = batch.map((request, at): RemoveOutcome | GraphRequest => {
    const answer = read[at]
    if (answer === undefined || verdictOf(answer) !== 'ok') return refusal(session, readRequest(session, places, kind, request.id), answer)
    const present = answer.body as EventResource
    if (keyOf(present) !== request.expect) return { type: 'stale' }
    const { isMeeting, invited, unsent } = meetingFacts(present, session.mailbox)
    if (kind === 'event' && isMeeting && !invited && (request.mailing === undefined || unsent)) return { type: 'failed', error: wouldMail(request.id, 'Deleting') }
    return { method: 'DELETE', path: `${session.root}${itemPath(kind, request.id, places)}`, ...condition(request.expect) }
  })
  const answers = await session.batch(judged.filter((one): one is GraphRequest => 'method' in one))
  let next = 0
  return judged.map((one): RemoveOutcome => {
    if (!('method' in one)) return one
    const answer = answers[next++]
    return answer !== undefined && verdictOf(answer) === 'ok' ? { type: 'removed' } : refusal(session, one, answer)
  })
}

const unclear = (session: Session, { method, path }: GraphRequest, detail: string): SyncError =>
  badReply(detail, { operation: method, writes: true, connection: session.mailbox.connection, url: path, mailbox: session.mailbox.address, access: 'delegated' })

/** Sends what could be encoded; answers stand where their requests stood. */
async function answersOf(session: Session, requests: readonly (GraphRequest | SyncError)[]): Promise<(Answer | undefined)[]> {
  const answers = await session.batch(requests.filter((request): request is GraphRequest => !(request instanceof SyncError)))
  let next = 0
  return requests.map((request) => (request instanceof SyncError ? undefined : answers[next++]))
}
