/** Writes of one occurrence, verified before and after: an index that means another day would move a stranger's meeting. */
import { fieldsOf, itemOf } from '../model/index.ts'
import type { Answer, EventFields, Instant, OccurrenceRef, OccurrenceStart, Series } from '../model/index.ts'
import type { RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { childText } from '../lib/xml.ts'
import { planEvent } from './event-changes.ts'
import { updatesXml } from './from-model.ts'
import { hold } from './hold.ts'
import { SHAPES } from './item-shape.ts'
import { deleteItem } from './operations/delete-item.ts'
import { getItem } from './operations/get-item.ts'
import type { EwsItem } from './operations/ids.ts'
import { updateItem } from './operations/update-item.ts'
import { isTold } from './people-to-model.ts'
import { listedExceptions, ruleStart } from './series-to-model.ts'
import type { Session } from './session.ts'
import { parseInstant, wholeMinute } from './times.ts'
import { zoneOf } from './to-model.ts'
import { NO_ANSWER, readOneWhole, snapshotOf } from './whole-items.ts'
import type { WholeItem } from './whole-items.ts'
import { afterWrite, encoded, refusal } from './write-batches.ts'
import type { Refused } from './write-batches.ts'
import { dueAnswer, sendAnswer } from './write-answer.ts'

/** Keys that our own writes of this call gave to masters, by master and by the key the requests were planned against. */
export type OwnKeys = Map<string, { readonly expect: string; readonly now: string }>

/** The answer is the whole master, read again: whatever else happened to it is seen as well. */
export async function updateOccurrence(
  session: Session, request: UpdateRequest, ref: OccurrenceRef, ownKeys: OwnKeys,
): Promise<WriteOutcome> {
  const found = await find(session, request, ref, ownKeys)
  if ('type' in found) return found
  const { master, occurrence } = found
  const owner = { ...session.mailbox, zone: zoneOf(master.properties) ?? session.mailbox.zone }
  const wanted = fieldsOf(hold(itemOf('event', request.fields))) as Partial<EventFields>
  const plan = encoded(`an occurrence of item ${request.id}`, () => {
    const { fields, change, zone, mailing } = planEvent(occurrence, wanted, request.mailing, owner)
    return { updates: updatesXml('event', fields, zone, undefined, change), mailing }
  })
  if (plan instanceof SyncError) return { type: 'failed', error: plan }
  const { updates, mailing } = plan
  let item = { id: occurrence.id, changeKey: master.changeKey }
  if (updates !== '') {
    const [result] = await session.batch(updateItem, { changes: [{ item, updates }], mailing }, 1)
    if (result?.ok !== true) return refusal(session, updateItem, result?.failure ?? NO_ANSWER)
    item = result.value
  }
  const answer = dueAnswer(occurrence, request.fields.answer as Answer | undefined, session)
  if (answer !== null) {
    const sent = await sendAnswer(session, item, answer, request.mailing !== undefined)
    if ('type' in sent) return sent
  }
  return after(async () => {
    const now = await readAgain(session, request, ownKeys)
    return 'properties' in now ? { type: 'done', snapshot: snapshotOf(session, 'event', now) } : now
  })
}

/** Into Deleted Items; the master is read again and asked, since some servers forget a deletion (rule R-29). */
export async function removeOccurrence(
  session: Session, request: RemoveRequest, ref: OccurrenceRef, ownKeys: OwnKeys,
): Promise<RemoveOutcome> {
  const found = await find(session, request, ref, ownKeys)
  if ('type' in found) return found
  const { master, occurrence } = found
  const cancel = request.mailing !== undefined && isTold(occurrence.properties, session.mailbox)
  const items = [{ id: occurrence.id, changeKey: master.changeKey }]
  const [result] = await session.batch(deleteItem, { items, cancel }, 1)
  if (result?.ok !== true) return refusal(session, deleteItem, result?.failure ?? NO_ANSWER)
  return after(async (): Promise<RemoveOutcome> => {
    const now = await readAgain(session, request, ownKeys)
    if (!('properties' in now)) return now.type === 'gone' ? { type: 'removed' } : now
    if (snapshotOf(session, 'event', now).series?.deleted.includes(ref.start) === true) return { type: 'removed' }
    return { type: 'failed', error: occurrenceError(request.id, ref, 'the server said that it deleted it, but it is still there') }
  })
}

interface Found {
  readonly master: WholeItem
  readonly occurrence: EwsItem
}

/** The occurrence that is meant, in the version that is meant. */
async function find(
  session: Session, request: Pick<UpdateRequest, 'id' | 'expect'>, ref: OccurrenceRef, ownKeys: OwnKeys,
): Promise<Found | Refused> {
  const read = await readOneWhole(session, 'event', request.id)
  if (!read.ok) return refusal(session, getItem, read.failure)
  const master = read.value
  const own = ownKeys.get(request.id)
  const expect = own?.expect === request.expect ? own.now : request.expect
  const { series } = snapshotOf(session, 'event', master)
  if (master.changeKey !== expect || series === undefined) return { type: 'stale' }
  if (series.deleted.includes(ref.start)) return { type: 'gone' }
  const zone = zoneOf(master.properties) ?? session.mailbox.zone
  const listed = listedExceptions(master.properties, series, zone)
  const known = listed.find(({ start }) => start === ref.start)
  const [result] = await session.readRefs([known === undefined ? { master: request.id, index: ref.index } : { id: known.id }], SHAPES.event)
  if (result?.ok !== true) return refusal(session, getItem, result?.failure ?? NO_ANSWER)
  const start = known?.start ?? startOf(result.value, series, zone)
  if (start === ref.start) return { master, occurrence: result.value }
  return { type: 'failed', error: occurrenceError(request.id, ref, `number ${ref.index} of the series is that of ${start ?? 'no day of the rule'}`) }
}

/** gromox 3.1 does not tell the original start; an occurrence that is no exception is still where the rule has it. */
function startOf({ properties }: EwsItem, series: Series, zone: string): OccurrenceStart | null {
  const text = childText(properties, 'OriginalStart') ?? childText(properties, 'Start') ?? ''
  const at = encoded(text, (): Instant => wholeMinute(parseInstant(text)))
  return at instanceof SyncError ? null : ruleStart(series, at, zone)
}

async function readAgain(session: Session, { id, expect }: Pick<UpdateRequest, 'id' | 'expect'>, ownKeys: OwnKeys): Promise<WholeItem | Refused> {
  const now = await readOneWhole(session, 'event', id)
  if (!now.ok) return refusal(session, getItem, now.failure)
  ownKeys.set(id, { expect, now: now.value.changeKey })
  return now.value
}

async function after<T>(read: () => Promise<T>): Promise<T | Refused> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error: afterWrite(error) }
    throw error
  }
}

function occurrenceError(master: string, { start }: OccurrenceRef, what: string): SyncError {
  return new SyncError('EWS_OCCURRENCE', `The occurrence of ${start} of the series ${master} was not written: ${what}. `
    + 'Change or delete it in Outlook.', { scope: 'item', remedy: 'ask-human', context: { item: master } })
}
