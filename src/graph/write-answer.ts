/**
 * Answers to invitations (rules ): calls of their own, never a change of the event.
 * https://learn.microsoft.com/graph/api/event-accept
 */
import { itemId } from '../model/index.ts'
import type { Answer, EventFields, Snapshot } from '../model/index.ts'
import type { UpdateRequest, WriteOutcome } from '../ports.ts'
import { verdictOf } from './errors.ts'
import { answerOf, meetingFacts } from './people-to-model.ts'
import { getAll, readAll, readRequest } from './read.ts'
import type { EventResource } from './resources.ts'
import { foundByUid } from './search.ts'
import { segment } from './session.ts'
import type { Session } from './session.ts'
import type { Places } from './shapes.ts'
import { keyOf, toSnapshot } from './to-model.ts'
import { after, refusal } from './write-batches.ts'
import type { Refused } from './write-batches.ts'

type GivenAnswer = Exclude<Answer, 'none'>
const CALLS: Readonly<Record<GivenAnswer, string>> = { accepted: 'accept', tentative: 'tentativelyAccept', declined: 'decline' }

/** An answer cannot be taken back: "none" is nothing to write. */
export const isAnswer = ({ kind, fields }: UpdateRequest): boolean => kind === 'event' && 'answer' in fields && fields.answer !== 'none'

/** What is to be answered; null when nobody asked, or it is the answer already. */
export function dueAnswer(present: EventResource, answer: Answer | undefined, session: Session): GivenAnswer | null {
  if (answer === undefined || answer === 'none' || !meetingFacts(present, session.mailbox).invited) return null
  return answerOf(present) === answer ? null : answer
}

/** @param send whether the organizer is told by mail @returns null when it went through */
export async function sendAnswer(session: Session, id: string, answer: GivenAnswer, send: boolean): Promise<Refused | null> {
  const request = { method: 'POST', path: `${session.root}/events/${segment(id)}/${CALLS[answer]}`, body: { sendResponse: send } } as const
  const reply = await session.send(request)
  return verdictOf(reply) === 'ok' ? null : refusal(session, request, reply)
}

/**
 * The other fields first, then the answer: it may give the event another id.
 * @param update writes a request without its answer
 */
export async function answerInvitation(
  session: Session, places: Places, request: UpdateRequest, update: (rest: UpdateRequest) => Promise<readonly WriteOutcome[]>,
): Promise<WriteOutcome> {
  const [reply] = await readAll(session, places, 'event', [request.id])
  if (reply === undefined || verdictOf(reply) !== 'ok') return refusal(session, readRequest(session, places, 'event', request.id), reply)
  const present = reply.body as EventResource
  if (keyOf(present) !== request.expect) return { type: 'stale' }
  const { answer, ...fields } = request.fields
  const due = dueAnswer(present, answer as Answer | undefined, session)
  const before = toSnapshot(present, 'event', session.mailbox)
  const isAll = Object.keys(fields).length === 0 && request.stamp === undefined
  const [rest = { type: 'gone' } as const] = isAll ? [{ type: 'done', snapshot: before } as const] : await update({ ...request, fields })
  if (due === null || rest.type !== 'done') return rest
  const refused = await sendAnswer(session, request.id, due, request.mailing !== undefined)
  if (refused !== null) return refused
  return after(async () => ({ type: 'done' as const, snapshot: await answered(session, places, { ...before, ...rest.snapshot }, due) }))
}

/** Some servers put an answered event in the place of the invitation: its UID then finds it (rule R-14). */
async function answered(session: Session, places: Places, before: Snapshot, answer: Answer): Promise<Snapshot> {
  const [now] = await getAll(session, places, 'event', [before.id])
  if (now?.type === 'failed') throw now.error
  if (now?.type === 'seen') return now.snapshot
  const [hit] = before.uid === undefined ? [] : await foundByUid(session, places, before.uid)
  const [found] = hit?.id === undefined ? [] : await getAll(session, places, 'event', [itemId(hit.id)])
  if (found?.type === 'seen') return found.snapshot
  // A declined event leaves the calendar; the next pull tells so.
  const fields: Partial<EventFields> = { ...before.item.fields, answer }
  return { ...before, item: { kind: 'event', fields } }
}
