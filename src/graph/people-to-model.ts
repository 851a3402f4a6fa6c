/** Who is on an event, and what became of its invitations. https://learn.microsoft.com/graph/api/resources/attendee */
import type { Answer, Attendee, EventFields, Person, Traits } from '../model/index.ts'
import { blockPeople } from '../lib/people-block.ts'
import type { Split } from '../lib/people-block.ts'
import type { AttendeeResource, EventResource, Recipient } from './resources.ts'

const ANSWERS: Readonly<Record<string, Answer>> = { accepted: 'accepted', tentativelyAccepted: 'tentative', declined: 'declined' }
const ROLES: Readonly<Record<string, Attendee['role']>> = { required: 'required', optional: 'optional', resource: 'resource' }

export interface MeetingFacts {
  /** Somebody was or can be invited; what has only a list of names in its text is no meeting. */
  readonly isMeeting: boolean
  /** Somebody else invited the owner of the mailbox. */
  readonly invited: boolean
  readonly hasAttendees: boolean
  /** The organizer's own meeting with words that wait to be sent; who of its attendees was invited is not known. */
  readonly unsent: boolean
}

/** `isOrganizer` is true of the owner's own events, meeting or not; an organizer with his address decides before it. */
export function meetingFacts(event: EventResource, owner: { readonly address: string }): MeetingFacts {
  const invited = event.isOrganizer === false && personOf(event.organizer)?.address !== owner.address.toLowerCase()
  const hasAttendees = (event.attendees ?? []).length > 0
  return { isMeeting: invited || hasAttendees, invited, hasAttendees, unsent: hasAttendees && !invited && event.isDraft === true }
}

export function traitsOf({ invited, hasAttendees, unsent }: MeetingFacts): Traits | undefined {
  if (!invited && !hasAttendees) return undefined
  return { ...(invited ? { invited } : {}), ...(hasAttendees ? { hasAttendees } : {}), ...(unsent ? { unsent } : {}) }
}

type PeopleFields = Pick<Partial<EventFields>, 'attendees' | 'organizer' | 'cancelled' | 'answer'>

/** @param named the people that the text names: they count where there is no meeting */
export function peopleFields(event: EventResource, owner: { readonly address: string }, named: Split): PeopleFields {
  const { isMeeting, invited } = meetingFacts(event, owner)
  if (!isMeeting) return { attendees: named.attendees, organizer: named.organizer }
  const own = owner.address.toLowerCase()
  const organizer = personOf(event.organizer) ?? (invited ? null : { address: own, name: event.organizer?.emailAddress?.name ?? '' })
  const answer = answerOf(event)
  const others = attendeesOf(event.attendees ?? []).filter(({ address }) => address !== organizer?.address)
  return {
    // A guest's copy knows nobody's answer but his own, and tells that in another place.
    attendees: others.map((one) => (invited && one.address === own ? { ...one, answer } : one)),
    // An organizer without SMTP address is not told: absent is not nobody.
    ...(organizer === null ? {} : { organizer }),
    cancelled: event.isCancelled === true,
    ...(invited ? { answer } : {}),
  }
}

/** What the owner of the mailbox answered. */
export const answerOf = (event: EventResource): Answer => ANSWERS[event.responseStatus?.response ?? ''] ?? 'none'

/** By address, each once; somebody without SMTP address (rule R-42) is left out. */
function attendeesOf(list: readonly AttendeeResource[]): readonly Attendee[] {
  const attendees = list.flatMap((one) => {
    const person = personOf(one)
    return person === null ? [] : [{ ...person, role: ROLES[one.type ?? ''] ?? 'required', answer: ANSWERS[one.status?.response ?? ''] ?? 'none' }]
  })
  return blockPeople({ organizer: null, attendees }).attendees
}

function personOf(recipient: Recipient | null | undefined): Person | null {
  const { address = '', name = '' } = recipient?.emailAddress ?? {}
  return address.startsWith('/') ? null : blockPeople({ organizer: { address, name }, attendees: [] }).organizer
}

/** For a create or an update that mails them. */
export const attendeeResources = (attendees: readonly Attendee[]): AttendeeResource[] =>
  attendees.map(({ address, name, role }) => ({ type: role, emailAddress: { address, name: name === '' ? address : name } }))
