import { sameValue } from '../model/index.ts'
import type { Answer, Attendee, EventFields, FieldName, Fields, FieldValue, Policy, Side, Traits } from '../model/index.ts'
import type { Holds, Sides } from './merge.ts'

/** Fields that do not merge like others: who is on a meeting is the organizer's word, an answer its giver's. */
export const MEETING_FIELDS: ReadonlySet<FieldName> = new Set<FieldName>(['attendees', 'organizer', 'cancelled', 'answer'])

export interface MeetingContext {
  readonly traits: Traits
  /** Whose mailbox it is: the CRM user's main address. */
  readonly owner: string
  readonly policy: Pick<Policy, 'meetings'>
  readonly holds: Holds
  /** Which sides the item's direction lets us write. */
  readonly writable: Readonly<Record<Side, boolean>>
}

export const isMeeting = ({ invited, hasAttendees }: Traits): boolean => invited === true || hasAttendees === true

type Part = Readonly<Record<Side, Fields>>
type Mutable = Record<Side, { -readonly [Name in FieldName]?: FieldValue }>

/**
 * What has to be written of a meeting's people.
 * @param base what each side held when they last agreed; null at first contact
 */
export function meetingPart(base: Sides | null, now: Sides, context: MeetingContext): Part {
  const write: Mutable = { exchange: {}, crm: {} }
  const exchange = now.exchange.fields as Partial<EventFields>
  const crm = now.crm.fields as Partial<EventFields>
  const before = { exchange: (base?.exchange.fields ?? {}) as Partial<EventFields>, crm: (base?.crm.fields ?? {}) as Partial<EventFields> }
  attendees()
  if (isMeeting(context.traits)) {
    const { organizer } = exchange
    if (organizer !== undefined && organizer !== null && crm.organizer !== undefined && !sameValue(organizer, crm.organizer)) write.crm.organizer = organizer
    // The CRM's word that a meeting was not held stays the CRM's: only the organizer's calling off is told.
    const calledOff = exchange.cancelled !== undefined && exchange.cancelled !== (before.exchange.cancelled ?? false)
    if (calledOff && crm.cancelled !== undefined && crm.cancelled !== exchange.cancelled) write.crm.cancelled = exchange.cancelled
  }
  const answer = answerPart(before, exchange.answer, crm.answer)
  if (answer !== null) write[answer.on].answer = answer.value
  return { exchange: context.writable.exchange ? write.exchange : onlyAnswer(write.exchange), crm: context.writable.crm ? write.crm : {} }

  function attendees(): void {
    if (exchange.attendees === undefined || crm.attendees === undefined) return
    if (!isMeeting(context.traits)) {
      // Nobody was invited: the people are the CRM's, Exchange names them in the text.
      if (!sameValue(heldBy('exchange', crm.attendees), exchange.attendees)) write.exchange.attendees = crm.attendees
      return
    }
    const shared = context.policy.meetings === 'exchange' && context.traits.invited !== true
    const members = shared ? mergeMembers(before.crm.attendees, exchange.attendees, crm.attendees) : exchange.attendees
    const wanted = mergeAnswers(before.exchange.attendees, members, crm.attendees, context.owner)
    if (!sameValue(heldBy('crm', wanted), crm.attendees)) write.crm.attendees = wanted
    if (shared && !sameMembers(members, exchange.attendees)) write.exchange.attendees = members
  }

  function heldBy(side: Side, list: readonly Attendee[]): readonly Attendee[] | undefined {
    return (context.holds[side]({ kind: 'event', fields: { attendees: list } }).fields as Partial<EventFields>).attendees
  }
}

/** An answer travels both ways; one that was taken back cannot be told to Exchange and comes back to the CRM. */
export function answerPart(
  before: Readonly<Record<Side, Partial<EventFields>>>,
  exchange: Answer | undefined,
  crm: Answer | undefined,
): { readonly on: Side; readonly value: Answer } | null {
  if (exchange === undefined || crm === undefined || exchange === crm) return null
  const movedInExchange = before.exchange.answer !== undefined ? before.exchange.answer !== exchange : exchange !== 'none'
  if (movedInExchange || crm === 'none') return { on: 'crm', value: exchange }
  return { on: 'exchange', value: crm }
}

function onlyAnswer({ answer }: Fields): Fields {
  return answer === undefined ? {} : { answer }
}

/** Whoever answered in Exchange since then has answered; everybody else keeps the answer the CRM knows. */
function mergeAnswers(before: readonly Attendee[] | undefined, exchange: readonly Attendee[], crm: readonly Attendee[], owner: string): readonly Attendee[] {
  return exchange.map((one) => {
    const known = crm.find(({ address }) => address === one.address)
    if (known === undefined) return one
    const moved = one.answer !== (before?.find(({ address }) => address === one.address)?.answer ?? 'none')
    return one.address !== owner && moved ? one : { ...one, answer: known.answer }
  })
}

/** Whom the CRM added or took off since then, applied to the list as Exchange has it. */
function mergeMembers(before: readonly Attendee[] | undefined, exchange: readonly Attendee[], crm: readonly Attendee[]): readonly Attendee[] {
  if (before === undefined) return exchange
  const has = (list: readonly Attendee[], one: Attendee) => list.some(({ address }) => address === one.address)
  const added = crm.filter((one) => !has(before, one) && !has(exchange, one))
  const kept = exchange.filter((one) => !has(before, one) || has(crm, one))
  return [...kept, ...added]
}

const sameMembers = (left: readonly Attendee[], right: readonly Attendee[]): boolean =>
  left.length === right.length && left.every(({ address }) => right.some((one) => one.address === address))
