/** Creates, updates and deletions. Each one is conditional on its version, and none of them mails anybody. */
import { fieldsOf, itemId, itemOf } from '../model/index.ts'
import type { ChangeKey, Fields, ItemKind, Snapshot } from '../model/index.ts'
import type { CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { badReply, isDuplicateCreate, kindMissing, onlineMeeting, unwritableItem, verdictOf, wouldMail } from './errors.ts'
import type { Answer } from './errors.ts'
import type { Folders } from './folders.ts'
import { toResource } from './from-model.ts'
import { hold } from './hold.ts'
import { readAll, readRequest } from './read.ts'
import type { ContactResource, EventResource, Resource, TaskResource } from './resources.ts'
import { findCreated } from './search.ts'
import type { Session } from './session.ts'
import { segment } from './session.ts'
import { folderPath, itemPath } from './shapes.ts'
import type { Places } from './shapes.ts'
import { ownLink, stampLink, stampProperty } from './stamp.ts'
import { keyOf, toSnapshot } from './to-model.ts'
import { BATCH } from './transport.ts'
import type { GraphRequest } from './transport.ts'

type Refused = Exclude<WriteOutcome, { type: 'done' }>

/**
 * Creates with the stamp in the same call (rule R-43) and, for events, with the token as `transactionId`, which makes a
 * repeated create harmless. https://learn.microsoft.com/graph/api/user-post-events
 */
export async function createAll(session: Session, folders: Folders, requests: readonly CreateRequest[]): Promise<WriteOutcome[]> {
  return eachBatch<CreateRequest, WriteOutcome>(requests, ({ item }) => item.kind, async (batch, kind) => {
    const places = await folders.places(kind)
    if (kind === 'task' && places.list === undefined) return batch.map(() => ({ type: 'failed', error: kindMissing(kind, session.mailbox.address) }))
    const sent = batch.map(({ item, stamp, token }) => encoded('the new item', () => ({
      method: 'POST' as const, path: `${session.root}${folderPath(kind, places)}`,
      body: { ...toResource(kind, withBothNames(kind, fieldsOf(hold(item))), session.mailbox.zone, stamp), ...(kind === 'event' ? { transactionId: token } : {}) },
    })))
    const answers = await answersOf(session, sent)
    const outcomes: WriteOutcome[] = []
    for (const [at, request] of batch.entries()) outcomes.push(await created(session, folders, request, sent[at], answers[at]))
    return kind === 'contact' ? readBack(session, places, kind, outcomes) : outcomes
  })
}

/** A contact is filed under both names, also where the CRM has only one. */
const withBothNames = (kind: ItemKind, fields: Fields): Fields => (kind === 'contact' ? { firstName: '', lastName: '', ...fields } : fields)

async function created(session: Session, folders: Folders, request: CreateRequest, sent: GraphRequest | SyncError | undefined, answer: Answer | undefined): Promise<WriteOutcome> {
  if (sent instanceof SyncError) return { type: 'failed', error: sent }
  if (sent === undefined || answer === undefined) return noAnswer(session)
  const { item, token, stamp } = request
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
  // The answer does not show the stamp that went with the request.
  const marks = stamp === undefined ? {} : item.kind === 'task' ? { linkedResources: [stampLink(stamp)] } : { singleValueExtendedProperties: [stampProperty(stamp)] }
  return { type: 'done', snapshot: written(session, item.kind, { ...resource, ...marks }, fieldsOf(hold(item))) }
}

interface Prepared {
  readonly request: UpdateRequest
  /** What the item is now, where that had to be read. */
  readonly present: Resource | undefined
  readonly intended: Fields
  /** The writes to send, in turn; empty when there is nothing to write. */
  readonly sends: readonly GraphRequest[]
}

/** Writes only the given fields, against the version they were planned for. https://learn.microsoft.com/graph/api/event-update */
export async function updateAll(session: Session, folders: Folders, requests: readonly UpdateRequest[]): Promise<WriteOutcome[]> {
  return eachBatch<UpdateRequest, WriteOutcome>(requests, ({ kind }) => kind, async (batch, kind) => {
    const places = await folders.places(kind)
    if (kind === 'task' && places.list === undefined) return batch.map(() => ({ type: 'failed', error: kindMissing(kind, session.mailbox.address) }))
    const intended = batch.map(({ fields }) => fieldsOf(hold(itemOf(kind, fields))))
    const looks = batch.map((request, at) => (needsLook(kind, request, intended[at] ?? {}) ? request.id : null))
    const ids = looks.filter((id) => id !== null)
    const found = await readAll(session, places, kind, ids)
    const answers = new Map(ids.map((id, at) => [id, found[at]] as const))
    const prepared = batch.map((request, at): Prepared | Refused => {
      const answer = answers.get(request.id)
      if (looks[at] !== null && (answer === undefined || verdictOf(answer) !== 'ok')) return refusal(session, readRequest(session, places, kind, request.id), answer)
      return prepare(session, places, request, intended[at] ?? {}, answer?.body as Resource | undefined)
    })
    return carryOut(session, places, kind, prepared)
  })
}

/**
 * Whether an item has to be looked at right before it is written: tasks, because nobody says that they honour `If-Match`;
 * events, because a change of some of their properties mails the attendees; contacts, to be filed under both names.
 */
function needsLook(kind: ItemKind, { stamp }: UpdateRequest, fields: Fields): boolean {
  switch (kind) {
    case 'task': return stamp !== undefined || Object.keys(fields).length > 0
    case 'event': return TOLD.some((name) => name in fields)
    case 'contact': return ('firstName' in fields) !== ('lastName' in fields)
  }
}

/** The properties whose change Exchange tells the attendees. The others are the owner's own. */
const TOLD: readonly (keyof Fields)[] = ['subject', 'body', 'time', 'place', 'sensitivity', 'importance']

function prepare(session: Session, places: Places, request: UpdateRequest, intended: Fields, present: Resource | undefined): Prepared | Refused {
  const { id, kind, expect, stamp } = request
  if (present !== undefined && keyOf(present) !== expect) return { type: 'stale' }
  if (kind === 'event' && present !== undefined) {
    const event: EventResource = present
    if ((event.attendees ?? []).length > 0 && event.isOrganizer !== false) return { type: 'failed', error: wouldMail(id, 'Changing') }
    if ('body' in intended && event.isOnlineMeeting === true) return { type: 'failed', error: onlineMeeting(id) }
  }
  const fields = kind === 'contact' && present !== undefined ? filed(intended, present) : intended
  const hasFields = Object.keys(fields).length > 0
  const body = encoded(`item ${id}`, () => toResource(kind, fields, session.mailbox.zone, kind === 'task' ? undefined : stamp))
  if (body instanceof SyncError) return { type: 'failed', error: body }
  const path = `${session.root}${itemPath(kind, id, places)}`
  const sends: GraphRequest[] = []
  if (hasFields || (stamp !== undefined && kind !== 'task')) sends.push({ method: 'PATCH', path, body, ...condition(expect) })
  if (stamp !== undefined && kind === 'task') sends.push(linkRequest(path, present, stampLink(stamp)))
  return { request, present, intended, sends }
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

/** The item as the answer shows it; where the answer makes no sense, as it was meant, under the answer's version. */
function written(session: Session, kind: ItemKind, resource: Resource, intended: Fields): Snapshot {
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
async function readBack(
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
    const now = written(session, kind, answer.body as Resource, fieldsOf(snapshot.item))
    if (kind === 'contact' && snapshot.changeKey !== '' && now.changeKey !== snapshot.changeKey) return
    result[at] = { type: 'done', snapshot: tellsFields(at) ? now : { ...now, item: itemOf(kind, {}) } }
  })
  return result
}

/**
 * Moves to Deleted Items, after a look at the version. An organizer's deletion of a meeting sends cancellations, whatever
 * one asks for; that is not done. https://learn.microsoft.com/graph/api/event-delete
 */
export async function removeAll(session: Session, folders: Folders, requests: readonly RemoveRequest[]): Promise<RemoveOutcome[]> {
  return eachBatch<RemoveRequest, RemoveOutcome>(requests, ({ kind }) => kind, async (batch, kind) => {
    const places = await folders.places(kind)
    if (kind === 'task' && places.list === undefined) return batch.map(() => ({ type: 'failed', error: kindMissing(kind, session.mailbox.address) }))
    const read = await readAll(session, places, kind, batch.map(({ id }) => id))
    const judged = batch.map((request, at): RemoveOutcome | GraphRequest => {
      const answer = read[at]
      if (answer === undefined || verdictOf(answer) !== 'ok') return refusal(session, readRequest(session, places, kind, request.id), answer)
      const present = answer.body as EventResource
      if (keyOf(present) !== request.expect) return { type: 'stale' }
      if (kind === 'event' && (present.attendees ?? []).length > 0 && present.isOrganizer !== false) return { type: 'failed', error: wouldMail(request.id, 'Deleting') }
      return { method: 'DELETE', path: `${session.root}${itemPath(kind, request.id, places)}`, ...condition(request.expect) }
    })
    const due = judged.filter((one): one is GraphRequest => 'method' in one)
    const answers = await session.batch(due)
    let next = 0
    return judged.map((one): RemoveOutcome => {
      if (!('method' in one)) return one
      const answer = answers[next++]
      return answer !== undefined && verdictOf(answer) === 'ok' ? { type: 'removed' } : refusal(session, one, answer)
    })
  })
}

function refusal(session: Session, request: GraphRequest, answer: Answer | undefined): Refused {
  if (answer === undefined) return noAnswer(session)
  const verdict = verdictOf(answer)
  if (verdict === 'gone' || verdict === 'stale') return { type: verdict }
  return { type: 'failed', error: session.error(answer, request) }
}

const noAnswer = (session: Session): Refused =>
  ({ type: 'failed', error: session.error({ status: 504, body: undefined, retryAfterMs: undefined }, { method: 'POST', path: '/$batch' }) })

const unclear = (session: Session, { method, path }: GraphRequest, detail: string): SyncError =>
  badReply(detail, { operation: method, writes: true, connection: session.mailbox.connection, url: path, mailbox: session.mailbox.address, access: 'delegated' })

/** One item that cannot be put into words (a day that does not exist) must not take its batch with it. */
function encoded<T>(what: string, encode: () => T): T | SyncError {
  try {
    return encode()
  } catch (error) {
    return unwritableItem(what, error)
  }
}

/** Sends what could be encoded; answers stand where their requests stood. */
async function answersOf(session: Session, requests: readonly (GraphRequest | SyncError)[]): Promise<(Answer | undefined)[]> {
  const answers = await session.batch(requests.filter((request): request is GraphRequest => !(request instanceof SyncError)))
  let next = 0
  return requests.map((request) => (request instanceof SyncError ? undefined : answers[next++]))
}

/**
 * One outcome per request, in their order, from batches of one kind each. A batch whose answer was lost fails as a whole;
 * trouble that reaches further than items ends the work: what was not sent has certainly not happened.
 */
async function eachBatch<Request, Outcome extends WriteOutcome | RemoveOutcome>(
  requests: readonly Request[], kindOf: (request: Request) => ItemKind,
  work: (batch: readonly Request[], kind: ItemKind) => Promise<readonly Outcome[]>,
): Promise<(Outcome | Refused)[]> {
  const outcomes: (Outcome | Refused)[] = []
  const byKind = Map.groupBy(requests.map((request, at) => ({ request, at })), ({ request }) => kindOf(request))
  let ended: SyncError | undefined
  for (const [kind, all] of byKind) {
    for (let from = 0; from < all.length; from += BATCH) {
      const batch = all.slice(from, from + BATCH)
      const results: readonly (Outcome | Refused)[] = ended === undefined
        ? await work(batch.map(({ request }) => request), kind).catch((error: unknown) => {
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
  }
  return outcomes
}

function unsent(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    scope: error.scope, remedy: error.remedy, context: error.context, cause: error,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  })
}
