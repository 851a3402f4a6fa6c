import { asSyncError, SyncError } from '../lib/errors.ts'
import { toLocal } from '../lib/zoned.ts'
import { differing, itemOf, sameValue, splitUid, withFields } from '../model/index.ts'
import type { EventFields, EventItem, Fields, Item, ItemKind, TaskFields } from '../model/index.ts'
import type { Clock, CreateRequest, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { tidyPeople } from './attendees.ts'
import type { ContactBook } from './contact-book.ts'
import { GONE, unsupported } from './errors.ts'
import { encodeEvent, newEvent } from './event.ts'
import { readFull } from './full.ts'
import { holdItem } from './hold.ts'
import type { Installation } from './installation.ts'
import type { Invitee } from './invitees.ts'
import { nameDropped, newPeople, preparePeople, revisedPeople, type PeopleElement } from './people-element.ts'
import { retrieve } from './read.ts'
import { isContentOf, keyOf, rawRecord, tellsInvitees, toSnapshot, type RawRecord, type Reading } from './record.ts'
import { MODULES } from './schema.ts'
import { isGone, type Sessions } from './session.ts'
import { encodeTask, newTask } from './task.ts'
import { heldUid } from './uid.ts'

export interface WriteOptions {
  readonly book: ContactBook
  readonly sessions: Sessions
  readonly installation: Installation
  readonly clock: Clock
}

/** A record that is written; who is invited to it is looked at together with the others of the batch. */
interface Written {
  readonly type: 'written'
  readonly kind: ItemKind
  readonly raw: RawRecord
  readonly reading: Reading
  /** Who should be invited now. */
  readonly invitees: readonly Invitee[]
  /** Whether the list was sent: then vtenext decides who is. */
  readonly sent: boolean
}

type Outcomes = Promise<readonly WriteOutcome[]>

export async function createRecords(options: WriteOptions, requests: readonly CreateRequest[]): Outcomes {
  const events = requests.flatMap(({ item, mailing }) => (item.kind === 'event' ? [{ fields: item.fields, inviteContacts: mailing !== undefined }] : []))
  return writeAll(options, events, requests, createRecord)
}

export async function reviseRecords(options: WriteOptions, requests: readonly UpdateRequest[]): Outcomes {
  const events = requests.flatMap(({ kind, fields, mailing }) =>
    (kind === 'event' ? [{ fields: fields as Partial<EventFields>, inviteContacts: mailing !== undefined }] : []))
  return writeAll(options, events, requests, reviseRecord)
}

async function writeAll<T>(
  options: WriteOptions,
  events: readonly { readonly fields: Partial<EventFields>; readonly inviteContacts: boolean }[],
  requests: readonly T[],
  write: (options: WriteOptions, request: T) => Promise<WriteOutcome | Written>,
): Promise<readonly WriteOutcome[]> {
  const invited = events.filter(({ fields: { attendees = [] } }) => attendees.length > 0)
  if (invited.length > 0) await preparePeople(options.book, invited, await options.installation.reading('event', []))
  return readBack(options, await options.sessions.map(requests, (request) => write(options, request)))
}

/** create: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Create */
async function createRecord(options: WriteOptions, request: CreateRequest): Promise<WriteOutcome | Written> {
  const { sessions, installation } = options
  try {
    const { kind } = request.item
    if (kind === 'contact') throw unsupported('Contacts are made in the CRM, never by the connector.', 'bug')
    const { assignee } = request
    if (assignee === undefined) throw unsupported('A new CRM record needs an owner.', 'bug')
    // The server saves a record with a wrong owner before it refuses it, and that record then spoils every list.
    if (!(await installation.people.exists(assignee))) {
      throw new SyncError(
        'CRM_REJECTED',
        `There is no CRM user or group ${assignee} to give the new record to. Check who the mailbox belongs to.`,
        { scope: 'item', remedy: 'ask-human' },
      )
    }
    const reading = await installation.reading(kind, [])
    const held = holdItem(request.item, installation)
    const people = request.item.kind === 'event' && held.kind === 'event'
      ? await newPeople(peopleOptions(options, request), request.item.fields, held.fields.body, reading)
      : NO_PEOPLE
    const element = { ...newElement(options, request, held, reading), ...people.element }
    const answer = await sessions.call('create', { elementType: MODULES[kind], element: JSON.stringify(element) })
    return written(kind, answer, reading, people, 'create')
  } catch (thrown) {
    return { type: 'failed', error: asSyncError(thrown) }
  }
}

/** vtenext mails every contact who becomes an invitee, and no parameter prevents it: without leave nobody does. */
const peopleOptions = ({ book }: WriteOptions, { mailing }: Pick<UpdateRequest, 'mailing'>) => ({ book, inviteContacts: mailing !== undefined })

const NO_PEOPLE: PeopleElement = { element: {}, invitees: [] }

function newElement({ clock }: WriteOptions, request: CreateRequest, held: Item, reading: Reading): Record<string, string> {
  const { assignee = '', reference } = request
  const { schema, server } = reading
  const raw = encode(held, reading, assignee)
  const { uid, slot } = splitUid(held.kind === 'event' ? (request.uid ?? request.token) : request.token)
  return {
    ...(held.kind === 'event' ? newEvent(schema) : newTask(raw, schema, toLocal(clock.now(), server).date)),
    ...raw,
    ...(raw.subject === undefined ? { subject: '(no subject)' } : {}),
    assigned_user_id: assignee,
    // Settable on create only; tasks have the column too, and no other place for the token.
    ical_uuid: heldUid(uid),
    ...(slot === 0 ? {} : { recurr_idx: String(slot) }),
    ...(schema.reference === null || reference === undefined ? {} : { [schema.reference]: reference }),
  }
}

/** revise: only what is sent changes; `update` would empty everything else, `updateRecord` breaks reminders. */
async function reviseRecord(options: WriteOptions, request: UpdateRequest): Promise<WriteOutcome | Written> {
  const { sessions, installation } = options
  try {
    const raw = await retrieve(sessions, request.id)
    if (raw === null) return { type: 'gone' }
    const asksInvitees = 'attendees' in request.fields
    const present = await presentInvitees(options, request, raw, asksInvitees)
    if (present === null) return { type: 'stale' }
    const reading = await installation.reading(request.kind, [raw])
    const current = toSnapshot(request.kind, raw, reading, present)
    const { element, invitees } = await changesOf(options, request, { raw, present, item: current.item, reading })
    if (Object.keys(element).length === 0) return { type: 'done', snapshot: current }
    const answer = await sessions.call('revise', { element: JSON.stringify({ id: raw.id, ...element }) })
    return written(request.kind, answer, reading, { element, invitees }, 'revise')
  } catch (thrown) {
    return isGone(thrown) ? { type: 'gone' } : { type: 'failed', error: asSyncError(thrown) }
  }
}

/**
 * The invitees of the record when it still is the expected version, null when it is another. Who expects none need not ask:
 * whoever adds the first touches the modified time. But before the list is replaced it is looked at in any case, because
 * that could have happened within the same second.
 */
async function presentInvitees(
  { sessions, installation }: WriteOptions,
  { kind, expect }: Pick<UpdateRequest, 'kind' | 'expect'>,
  raw: RawRecord,
  always: boolean,
): Promise<readonly Invitee[] | null> {
  if (!isContentOf(expect, kind, raw)) return null
  if (kind !== 'event' || !(always || tellsInvitees(expect))) return []
  const full = (await readFull(sessions, [raw], await installation.zone())).get(raw.id)
  return full !== undefined && keyOf(kind, full.raw, full.invitees) === expect ? full.invitees : null
}

interface Present {
  readonly raw: RawRecord
  readonly present: readonly Invitee[]
  readonly item: Item
  readonly reading: Reading
}

/** The raw values that differ from what the record holds. */
async function changesOf(options: WriteOptions, request: UpdateRequest, present: Present): Promise<PeopleElement> {
  const { kind, reference } = request
  const { raw, item, reading } = present
  if (kind === 'contact' && Object.keys(request.fields).length > 0) {
    throw unsupported('Contacts are edited in the CRM, never by the connector.', 'bug')
  }
  const changes: PeopleElement = item.kind === 'event'
    ? await eventChanges(options, request, item, present)
    : { element: taskChanges(options, request.fields as Partial<TaskFields>, present), invitees: [] }
  const column = reading.schema.reference
  if (column === null || reference === undefined || raw[column] === reference) return changes
  return { ...changes, element: { ...changes.element, [column]: reference } }
}

function taskChanges({ installation }: WriteOptions, wanted: Partial<TaskFields>, { raw, item, reading }: Present) {
  if (item.kind !== 'task') return {}
  const fields: Fields = differing(holdItem({ kind: 'task', fields: wanted }, installation), item)
  return encode(itemOf('task', fields), reading, raw.assigned_user_id ?? '')
}

async function eventChanges(
  options: WriteOptions,
  request: UpdateRequest,
  item: EventItem,
  { raw, present, reading }: Present,
): Promise<PeopleElement> {
  const wanted = request.fields as Partial<EventFields>
  // The whole event is held, because how much of a text fits depends on who else is named behind it.
  const whole = withFields(item, wanted as Fields)
  const held = holdItem(whole, options.installation).fields as Partial<EventFields>
  const asked = Object.fromEntries(Object.entries(held).filter(([name]) => name in wanted))
  const fields = differing(itemOf('event', asked), item) as Partial<EventFields>
  const element = encode({ kind: 'event', fields }, reading, raw.assigned_user_id ?? '')
  // More attendees than the block names are not told by the CRM: what is asked for is written as it is.
  const { organizer = null, attendees: all = [] } = whole.fields
  const { attendees } = tidyPeople({ organizer, attendees: all }, reading.users)
  const isOther = wanted.attendees !== undefined && !sameValue(attendees, item.fields.attendees)
  const people = await revisedPeople(peopleOptions(options, request), {
    ...(fields.body === undefined ? {} : { body: fields.body }),
    ...(fields.organizer === undefined ? {} : { organizer: fields.organizer }),
    ...(isOther ? { attendees } : {}),
    moved: fields.time !== undefined,
  }, raw, present, reading)
  return { element: { ...element, ...people.element }, invitees: people.invitees }
}

function encode(item: Item, reading: Reading, assignee: string): Record<string, string> {
  const zones = { server: reading.server, owner: reading.zoneOf(assignee) }
  switch (item.kind) {
    case 'event':
      return encodeEvent(item.fields, reading.schema, zones)
    case 'task':
      return encodeTask(item.fields, reading.schema)
    case 'contact':
      return {}
  }
}

/** delete moves into the bin: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Delete */
export async function deleteRecord(options: WriteOptions, request: RemoveRequest): Promise<RemoveOutcome> {
  const { sessions } = options
  try {
    if (request.kind === 'contact') throw unsupported('Contacts are deleted in the CRM, never by the connector.', 'bug')
    const raw = await retrieve(sessions, request.id)
    if (raw === null) return { type: 'gone' }
    if ((await presentInvitees(options, request, raw, false)) === null) return { type: 'stale' }
    await sessions.call('delete', { id: raw.id })
    return { type: 'removed' }
  } catch (thrown) {
    return isGone(thrown) ? { type: 'gone' } : { type: 'failed', error: asSyncError(thrown) }
  }
}

function written(kind: ItemKind, answer: unknown, reading: Reading, people: PeopleElement, operation: string): Written {
  const raw = rawRecord(answer, operation, true)
  return { type: 'written', kind, raw, reading, invitees: people.invitees, sent: people.element.invitees !== undefined }
}

/**
 * The outcomes of a batch. vtenext drops invitees without a word, so where a list was sent the records are read once
 * more, all together; where that fails, what was sent stands until the feed tells.
 */
async function readBack(options: WriteOptions, all: readonly (WriteOutcome | Written)[]): Outcomes {
  const { sessions, installation } = options
  const sent = all.filter((one) => one.type === 'written').filter((one) => one.sent)
  const server = sent[0]?.reading.server ?? ''
  const full = sent.length === 0 ? null : await readFull(sessions, sent.map(({ raw }) => raw), server).catch(() => null)
  return sessions.map(all, async (one) => {
    if (one.type !== 'written') return one
    const actual = one.sent ? full?.get(one.raw.id)?.invitees : undefined
    const now = actual === undefined ? one : await withDropped(options, one, actual)
    if (now.kind === 'event') installation.uninvited.note(now.raw, now.invitees)
    return done(now)
  })
}

/** Who was not invited after all is named in the text: otherwise it would look as if somebody had thrown him out. */
async function withDropped({ sessions }: WriteOptions, one: Written, actual: readonly Invitee[]): Promise<Written> {
  const dropped = one.invitees.filter(({ id }) => !actual.some((invitee) => invitee.id === id))
  const now = { ...one, invitees: actual }
  if (dropped.length === 0) return now
  const element = { id: one.raw.id, description: nameDropped(one.raw, dropped) }
  try {
    return { ...now, raw: rawRecord(await sessions.call('revise', { element: JSON.stringify(element) }), 'revise', true) }
  } catch {
    return now
  }
}

function done({ kind, raw, reading, invitees }: Written): WriteOutcome {
  try {
    return { type: 'done', snapshot: toSnapshot(kind, raw, reading, invitees) }
  } catch (thrown) {
    const error = asSyncError(thrown)
    if (error.code === GONE || error.outcomeUnknown) return { type: 'failed', error }
    // The record is written, only its answer cannot be understood.
    return {
      type: 'failed',
      error: new SyncError(error.code, error.message, {
        scope: error.scope,
        remedy: error.remedy,
        outcomeUnknown: true,
        context: error.context,
        cause: thrown,
      }),
    }
  }
}
