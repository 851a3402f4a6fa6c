/** Writes of one occurrence, verified before and after. https://learn.microsoft.com/graph/api/event-list-instances */
import { fieldsOf, instant, instantMs, itemOf } from '../model/index.ts'
import type { Answer as GivenAnswer, EventFields, Instant, OccurrenceRef } from '../model/index.ts'
import type { RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { occurrenceTrouble, verdictOf, wouldMail } from './errors.ts'
import { planEvent } from './event-changes.ts'
import { hold } from './hold.ts'
import { meetingFacts } from './people-to-model.ts'
import { instancesPath, readAll, readRequest } from './read.ts'
import type { EventResource } from './resources.ts'
import { originalStart, zoneOfSeries } from './series-to-model.ts'
import { segment } from './session.ts'
import type { Session } from './session.ts'
import type { Places } from './shapes.ts'
import { keyOf, toSnapshot } from './to-model.ts'
import { dueAnswer, sendAnswer } from './write-answer.ts'
import { after, encoded, noAnswer, refusal } from './write-batches.ts'
import type { Refused } from './write-batches.ts'

/** Keys that our own writes of this call gave to masters, by master and by the key the requests were planned against. */
export type OwnKeys = Map<string, { readonly expect: string; readonly now: string }>

/** The answer is the whole master, read again: whatever else happened to it is seen as well. */
export async function updateOccurrence(session: Session, places: Places, request: UpdateRequest, ref: OccurrenceRef, ownKeys: OwnKeys): Promise<WriteOutcome> {
  const found = await find(session, places, request, ref, ownKeys)
  if (!('occurrence' in found)) return found
  const { occurrence, zone } = found
  const wanted = fieldsOf(hold(itemOf('event', request.fields))) as Partial<EventFields>
  const plan = encoded(`an occurrence of item ${request.id}`, () => planEvent(occurrence, wanted, request.mailing, { ...session.mailbox, zone }))
  if (plan instanceof SyncError) return { type: 'failed', error: plan }
  const path = `${session.root}/events/${segment(occurrence.id ?? '')}`
  if (plan.body !== null) {
    const send = { method: 'PATCH', path, body: plan.body } as const
    const answer = await session.send(send)
    if (verdictOf(answer) !== 'ok') return refusal(session, send, answer)
  }
  const given = dueAnswer(occurrence, request.fields.answer as GivenAnswer | undefined, session)
  const sent = given === null ? null : await sendAnswer(session, occurrence.id ?? '', given, request.mailing !== undefined)
  if (sent !== null) return sent
  return after(async (): Promise<WriteOutcome> => {
    const now = await readAgain(session, places, request, ownKeys)
    return 'master' in now ? { type: 'done', snapshot: toSnapshot(now.master, 'event', session.mailbox) } : now
  })
}

/** The master is read again and asked, since some servers forget a deletion (rule R-29). */
export async function removeOccurrence(session: Session, places: Places, request: RemoveRequest, ref: OccurrenceRef, ownKeys: OwnKeys): Promise<RemoveOutcome> {
  const found = await find(session, places, request, ref, ownKeys)
  if (!('occurrence' in found)) return found
  const { occurrence } = found
  const { isMeeting, invited, unsent } = meetingFacts(occurrence, session.mailbox)
  if (isMeeting && !invited && (request.mailing === undefined || unsent)) return { type: 'failed', error: wouldMail(request.id, 'Deleting an occurrence of') }
  const send = { method: 'DELETE', path: `${session.root}/events/${segment(occurrence.id ?? '')}` } as const
  const answer = await session.send(send)
  if (verdictOf(answer) !== 'ok') return refusal(session, send, answer)
  return after(async (): Promise<RemoveOutcome> => {
    const now = await readAgain(session, places, request, ownKeys)
    if (!('master' in now)) return now.type === 'gone' ? { type: 'removed' } : now
    if (toSnapshot(now.master, 'event', session.mailbox).series?.deleted.includes(ref.start) === true) return { type: 'removed' }
    return { type: 'failed', error: occurrenceTrouble(request.id, ref.start, 'the server said that it deleted it, but it is still there') }
  })
}

interface Found {
  readonly occurrence: EventResource
  readonly zone: string
}

/** The occurrence that is meant, in the version that is meant. */
async function find(session: Session, places: Places, request: Pick<UpdateRequest, 'id' | 'expect'>, ref: OccurrenceRef, ownKeys: OwnKeys): Promise<Found | Refused> {
  const [answer] = await readAll(session, places, 'event', [request.id])
  if (answer === undefined || verdictOf(answer) !== 'ok') return refusal(session, readRequest(session, places, 'event', request.id), answer)
  const master = answer.body as EventResource
  const own = ownKeys.get(request.id)
  const expect = own?.expect === request.expect ? own.now : request.expect
  const { series } = toSnapshot(master, 'event', session.mailbox)
  if (keyOf(master) !== expect || series === undefined) return { type: 'stale' }
  if (series.deleted.includes(ref.start)) return { type: 'gone' }
  const zone = zoneOfSeries(master, session.mailbox.zone)
  const listed = master.exceptionOccurrences?.find((exception) => originalStart(exception, series, zone) === ref.start)
  const occurrence = listed ?? (await around(session, request.id, ref)).find((instance) => originalStart(instance, series, zone) === ref.start)
  if (occurrence?.id === undefined) return { type: 'failed', error: occurrenceTrouble(request.id, ref.start, 'the server does not show it') }
  // A list need not show everything of an event.
  const send = { method: 'GET', path: `${session.root}/events/${segment(occurrence.id)}` } as const
  const whole = await session.send(send)
  if (verdictOf(whole) !== 'ok') return refusal(session, send, whole)
  return { occurrence: whole.body as EventResource, zone }
}

const DAY_MS = 86_400_000

/** The instances near where the rule has the occurrence; one that was moved away is listed with the master. */
function around(session: Session, master: string, { start }: OccurrenceRef): Promise<EventResource[]> {
  const at = instantMs((start.length === 10 ? `${start}T12:00:00Z` : start) as Instant)
  return session.list<EventResource>(instancesPath(session, master, instant(at - 2 * DAY_MS), instant(at + 2 * DAY_MS)))
}

async function readAgain(session: Session, places: Places, { id, expect }: Pick<UpdateRequest, 'id' | 'expect'>, ownKeys: OwnKeys): Promise<{ readonly master: EventResource } | Refused> {
  const [now] = await readAll(session, places, 'event', [id])
  if (now === undefined) return noAnswer(session)
  if (verdictOf(now) !== 'ok') return refusal(session, readRequest(session, places, 'event', id), now)
  ownKeys.set(id, { expect, now: keyOf(now.body as EventResource) })
  return { master: now.body as EventResource }
}
