/** Who is on an event, and what became of its invitations. */
import type { Answer, Attendee, EventFields, Person, Traits } from '../model/index.ts'
import { blockPeople } from '../lib/people-block.ts'
import type { Split } from '../lib/people-block.ts'
import { child, childText, childrenOf } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { ATTENDEE_LISTS } from './values.ts'

const ANSWERS: Readonly<Record<string, Answer>> = { Accept: 'accepted', Tentative: 'tentative', Decline: 'declined' }
/** AppointmentState: is a meeting, was received, was called off. */
const MEETING = 1
const RECEIVED = 2
const CANCELLED = 4

export interface MeetingFacts {
  /** Somebody was or can be invited; what has only a list of names in its text is no meeting. */
  readonly isMeeting: boolean
  /** Somebody else invited the owner of the mailbox. */
  readonly invited: boolean
  readonly hasAttendees: boolean
  /** The organizer's own meeting whose invitations were never sent; false where the server does not say. */
  readonly unsent: boolean
}

/**
 * gromox 3.1 says NoResponseReceived on the organizer's own meeting, so an organizer with the owner's address decides
 * before the answer does.
 */
export function meetingFacts(properties: XmlElement, owner: { readonly address: string }): MeetingFacts {
  const hasAttendees = ATTENDEE_LISTS.some(([list]) => childrenOf(child(properties, list), 'Attendee').length > 0)
  const state = stateOf(properties)
  const isMeeting = childText(properties, 'IsMeeting') === 'true' || (state & MEETING) !== 0
  const answer = childText(properties, 'MyResponseType') ?? 'Unknown'
  const isOwn = answer === 'Organizer' || mailboxOf(child(properties, 'Organizer'))?.address === owner.address.toLowerCase()
    || (answer === 'Unknown' && (state & RECEIVED) === 0)
  const invited = isMeeting && !isOwn
  const unsent = hasAttendees && !invited && childText(properties, 'MeetingRequestWasSent') === 'false'
  return { isMeeting: isMeeting || hasAttendees, invited, hasAttendees, unsent }
}

/** Whether the attendees know of this meeting from the owner of the mailbox: they can be told that it is called off. */
export function isTold(properties: XmlElement, owner: { readonly address: string }): boolean {
  const { isMeeting, invited, unsent } = meetingFacts(properties, owner)
  return isMeeting && !invited && !unsent
}

export function traitsOf({ invited, hasAttendees, unsent }: MeetingFacts): Traits | undefined {
  if (!invited && !hasAttendees) return undefined
  return { ...(invited ? { invited } : {}), ...(hasAttendees ? { hasAttendees } : {}), ...(unsent ? { unsent } : {}) }
}

type PeopleFields = Pick<Partial<EventFields>, 'attendees' | 'organizer' | 'cancelled' | 'answer'>

/** @param named the people that the text names: they count where there is no meeting */
export function peopleFields(properties: XmlElement, owner: { readonly address: string }, named: Split): PeopleFields {
  const { isMeeting, invited } = meetingFacts(properties, owner)
  if (!isMeeting) return { attendees: named.attendees, organizer: named.organizer }
  const organizer = invited ? mailboxOf(child(properties, 'Organizer')) : ownOrganizer(properties, owner)
  const answer = ANSWERS[childText(properties, 'MyResponseType') ?? ''] ?? 'none'
  const others = attendeesOf(properties).filter(({ address }) => address !== organizer?.address)
  return {
    // A guest's copy knows nobody's answer but his own, and tells that in another place.
    attendees: others.map((one) => (invited && one.address === owner.address.toLowerCase() ? { ...one, answer } : one)),
    // An organizer without SMTP address is not told: absent is not nobody.
    ...(organizer === null ? {} : { organizer }),
    cancelled: childText(properties, 'IsCancelled') === 'true' || (stateOf(properties) & CANCELLED) !== 0,
    ...(invited ? { answer } : {}),
  }
}

const stateOf = (properties: XmlElement) => Number(childText(properties, 'AppointmentState') ?? 0)

/** The organizer's own copy may name him by his address inside the organisation. */
function ownOrganizer(properties: XmlElement, owner: { readonly address: string }): Person {
  const told = mailboxOf(child(properties, 'Organizer'))
  const name = childText(child(child(properties, 'Organizer'), 'Mailbox'), 'Name') ?? ''
  return told ?? { address: owner.address.toLowerCase(), name }
}

/** By address, each once; somebody without SMTP address (rule R-42) is left out. */
function attendeesOf(properties: XmlElement): readonly Attendee[] {
  const attendees = ATTENDEE_LISTS.flatMap(([list, role]) => childrenOf(child(properties, list), 'Attendee').flatMap((attendee) => {
    const person = mailboxOf(attendee)
    return person === null ? [] : [{ ...person, role, answer: ANSWERS[childText(attendee, 'ResponseType') ?? ''] ?? 'none' }]
  }))
  return blockPeople({ organizer: null, attendees }).attendees
}

/** @param around the element around `Mailbox` */
function mailboxOf(around: XmlElement | undefined): Person | null {
  const mailbox = child(around, 'Mailbox')
  const address = (childText(mailbox, 'EmailAddress') ?? '').trim()
  const routing = childText(mailbox, 'RoutingType') ?? 'SMTP'
  if (routing.toUpperCase() !== 'SMTP' || !address.includes('@') || address.startsWith('/')) return null
  const name = childText(mailbox, 'Name') ?? ''
  return blockPeople({ organizer: { address, name }, attendees: [] }).organizer
}
