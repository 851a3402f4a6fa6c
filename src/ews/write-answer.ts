/** Answers to invitations (rules ): response objects, never a change of the item. */
import { itemId } from '../model/index.ts'
import type { Answer, EventFields, ItemId, Snapshot } from '../model/index.ts'
import type { UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { child } from '../lib/xml.ts'
import { verdictOf } from './errors.ts'
import type { Folders } from './folders.ts'
import { answerMeeting } from './operations/answer-meeting.ts'
import type { AnswerMeetingRequest } from './operations/answer-meeting.ts'
import { getItem } from './operations/get-item.ts'
import type { EwsItem, ItemRef } from './operations/ids.ts'
import { peopleFields } from './people-to-model.ts'
import { foundByUid } from './search.ts'
import type { Session } from './session.ts'
import { NO_ANSWER, readOneWhole, snapshotOf } from './whole-items.ts'
import { afterWrite, refusal } from './write-batches.ts'
import type { Refused } from './write-batches.ts'

type GivenAnswer = AnswerMeetingRequest['answer']

/** An answer cannot be taken back: "none" is nothing to write. */
export const isAnswer = ({ kind, fields }: UpdateRequest): boolean =>
  kind === 'event' && 'answer' in fields && fields.answer !== 'none'

/** What is to be answered; null when nobody asked, or it is the answer already. */
export function dueAnswer(present: EwsItem, answer: Answer | undefined, session: Session): GivenAnswer | null {
  if (answer === undefined || answer === 'none') return null
  const { answer: given } = peopleFields(present.properties, session.mailbox, { text: '', organizer: null, attendees: [], more: 0 })
  return given === undefined || given === answer ? null : answer
}

/** @returns the event's id after the answer, null where the server does not name it */
export async function sendAnswer(
  session: Session, item: Required<ItemRef>, answer: GivenAnswer, send: boolean,
): Promise<Refused | { readonly id: string | null }> {
  const [result] = await session.batch(answerMeeting, { item, answer, send }, 1)
  if (result?.ok !== true) return refusal(session, answerMeeting, result?.failure ?? NO_ANSWER)
  return { id: result.value?.id ?? null }
}

/**
 * The other fields first, then the answer: it may give the event another id.
 * @param update writes a request without its answer
 */
export async function answerInvitation(
  session: Session, folders: Folders, request: UpdateRequest, update: (rest: UpdateRequest) => Promise<readonly WriteOutcome[]>,
): Promise<WriteOutcome> {
  const present = await readOneWhole(session, 'event', request.id)
  if (!present.ok) return refusal(session, getItem, present.failure)
  if (present.value.changeKey !== request.expect) return { type: 'stale' }
  const { answer, ...fields } = request.fields
  const due = dueAnswer(present.value, answer as Answer | undefined, session)
  const isAll = Object.keys(fields).length === 0 && request.stamp === undefined
  const [rest = { type: 'gone' } as const] = isAll
    ? [{ type: 'done', snapshot: snapshotOf(session, 'event', present.value) } as const] : await update({ ...request, fields })
  if (due === null || rest.type !== 'done') return rest
  const before = { ...snapshotOf(session, 'event', present.value), ...rest.snapshot }
  const sent = await sendAnswer(session, { id: before.id, changeKey: before.changeKey }, due, request.mailing !== undefined)
  if ('type' in sent) return sent
  try {
    return { type: 'done', snapshot: await answered(session, folders, before, itemId(sent.id ?? before.id), due) }
  } catch (error) {
    if (error instanceof SyncError) return { type: 'failed', error: afterWrite(error) }
    throw error
  }
}

/** Some servers put an answered event in the place of the invitation: its UID then finds it (rule R-14). */
async function answered(session: Session, folders: Folders, before: Snapshot, id: ItemId, answer: Answer): Promise<Snapshot> {
  const now = await readOneWhole(session, 'event', id)
  if (!now.ok && verdictOf(now.failure) !== 'gone') throw session.error(getItem, now.failure)
  const { deleted } = await folders.synced()
  if (now.ok && child(now.value.properties, 'ParentFolderId')?.attributes['Id'] !== deleted.id) return snapshotOf(session, 'event', now.value)
  const [hit] = before.uid === undefined ? [] : await foundByUid(session, folders, before.uid)
  const found = hit === undefined ? null : await readOneWhole(session, 'event', hit.id)
  if (found?.ok === true) return snapshotOf(session, 'event', found.value)
  // Exchange takes a declined event out of the calendar; the next pull tells so.
  const fields: Partial<EventFields> = { ...before.item.fields, answer }
  return { ...before, item: { kind: 'event', fields } }
}
