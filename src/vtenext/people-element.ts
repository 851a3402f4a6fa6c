import { splitPeople } from '../lib/people-block.ts'
import { normaliseText, type Attendee, type EventFields, type Person } from '../model/index.ts'
import { describe, readPeople, tidyPeople, userAt } from './attendees.ts'
import type { ContactBook } from './contact-book.ts'
import type { Invitee } from './invitees.ts'
import { placeAttendees, type Placed } from './placing.ts'
import type { RawRecord, Reading } from './record.ts'

export interface PeopleOptions {
  readonly book: ContactBook
  /** Whether contacts who are new on the record become invitees: vtenext then mails them. */
  readonly inviteContacts: boolean
}

/** The part of an element that is about people, and who is invited once it is written. */
export interface PeopleElement {
  readonly element: Record<string, unknown>
  readonly invitees: readonly Invitee[]
}

/** Asks for all contacts that these events could concern in few calls. */
export async function preparePeople(
  book: ContactBook,
  events: readonly { readonly fields: Partial<EventFields>; readonly inviteContacts: boolean }[],
  { users }: Reading,
): Promise<void> {
  const tidy = (fields: Partial<EventFields>) => tidyPeople({ organizer: null, attendees: fields.attendees ?? [] }, users).attendees
  const all = events.map(({ fields }) => tidy(fields))
  const invited = new Set(events.filter(({ inviteContacts }) => inviteContacts).flatMap(({ fields }) => tidy(fields).map(({ address }) => address)))
  const addresses = all.flat().map(({ address }) => address)
  const strangers = addresses.filter((address) => userAt(users, address) === undefined)
  const texts = addresses.flatMap((address) => userAt(users, address)?.addresses ?? (invited.has(address) ? [address] : []))
  await book.prepare(strangers, texts)
}

/** What a new event says of people. @param body held already */
export async function newPeople(
  options: PeopleOptions,
  fields: Partial<EventFields>,
  body: string | undefined,
  reading: Reading,
): Promise<PeopleElement> {
  const { schema, users } = reading
  if (!schema.fields.has('description')) return { element: {}, invitees: [] }
  const people = tidyPeople({ organizer: fields.organizer ?? null, attendees: fields.attendees ?? [] }, users)
  const placed = await placeAttendees({ book: options.book, users, invites: () => options.inviteContacts }, people.attendees, people.organizer, [])
  const description = describe(body ?? '', { organizer: people.organizer, attendees: placed.named })
  return {
    element: {
      ...(body === undefined && description === '' ? {} : { description }),
      ...organizerElement(people.organizer, reading),
      ...(await contactElement(options.book, fields.attendees ?? [], reading)),
      ...(placed.invitees.length === 0 ? {} : { invitees: placed.entries }),
    },
    invitees: placed.invitees,
  }
}

/**
 * An object names the organizer, on create only; a plain text would lose the default, which is the owner. This is the
 * organizer that vtenext itself knows and asks about rights; the block is what can be read back.
 */
function organizerElement(organizer: Person | null, { schema, users }: Reading): Record<string, unknown> {
  if (organizer === null || !schema.fields.has('organizer')) return {}
  const user = userAt(users, organizer.address)
  if (user === undefined) return { organizer: { type: 'Other', value: organizer.address } }
  return { organizer: { type: 'Users', value: user.id.split('x')[1] } }
}

/** The first attendee who is a contact: that is the customer the event is about. Colleagues are not. */
async function contactElement(
  book: ContactBook,
  attendees: readonly Attendee[],
  { schema, users }: Reading,
): Promise<Record<string, string>> {
  if (!schema.fields.has('contact_id')) return {}
  for (const address of attendees.map((one) => one.address.trim().toLowerCase())) {
    const [contact] = userAt(users, address) === undefined ? await book.at(address) : []
    if (contact !== undefined) return { contact_id: contact }
  }
  return {}
}

/** A description that names those vtenext did not invite although they were asked for. Their answers are in it, too. */
export function nameDropped(raw: RawRecord, dropped: readonly Invitee[]): string {
  const { text, organizer, attendees, more } = splitPeople(raw.description ?? '')
  const others = dropped.map((invitee): Attendee => ({ ...invitee, role: 'required' }))
  return describe(text, { organizer, attendees: [...attendees, ...others], more })
}

/** What a revise is about, as far as people and the text they share a column with are concerned. */
export interface PeopleEdit {
  /** New values, held; absent stays. `attendees` are all that were asked for, however many. */
  readonly body?: string
  readonly organizer?: Person | null
  readonly attendees?: readonly Attendee[]
  /** vtenext sets every answer back when a time changes and the list is not sent along. */
  readonly moved: boolean
}

/** What a revise has to send so that text, people and answers are right afterwards. */
export async function revisedPeople(
  options: PeopleOptions,
  edit: PeopleEdit,
  raw: RawRecord,
  present: readonly Invitee[],
  reading: Reading,
): Promise<PeopleElement> {
  const { schema, users } = reading
  const now = readPeople(raw.description ?? '', raw.organizer ?? '', present, users)
  const wanted = edit.attendees ?? now.attendees
  const organizer = edit.organizer === undefined ? now.organizer : edit.organizer
  const isPlacing = edit.attendees !== undefined || (edit.moved && present.length > 0)
  // Who is named already was not invited when he came: a new time, or somebody else, is no reason to.
  const invites = (address: string) => options.inviteContacts && !now.attendees.some((one) => one.address === address)
  const placed = isPlacing ? await placeAttendees({ book: options.book, users, invites }, wanted, organizer, present) : null
  const element: Record<string, unknown> = {}
  if (schema.fields.has('description') && (placed !== null || edit.body !== undefined || edit.organizer !== undefined)) {
    const description = describe(edit.body ?? now.text, {
      organizer: edit.organizer === undefined ? now.block.organizer : edit.organizer,
      attendees: placed?.named ?? now.block.attendees,
      more: edit.attendees === undefined ? now.more : 0,
    })
    if (normaliseText(description) !== normaliseText(raw.description ?? '')) element.description = description
  }
  if (edit.attendees !== undefined && (raw.contact_id ?? '') === '') {
    Object.assign(element, await contactElement(options.book, edit.attendees, reading))
  }
  const invitees = afterwards(placed, edit.moved, present)
  if (placed !== null && placed.entries !== null && (edit.moved || !sameInvitees(placed.invitees, present))) {
    element.invitees = placed.entries
  }
  return { element, invitees }
}

function afterwards(placed: Placed | null, moved: boolean, present: readonly Invitee[]): readonly Invitee[] {
  if (placed !== null && placed.entries !== null) return placed.invitees
  return moved ? present.map((invitee) => ({ ...invitee, answer: 'none' as const })) : present
}

function sameInvitees(left: readonly Invitee[], right: readonly Invitee[]): boolean {
  const has = (one: Invitee) => right.some(({ id, answer }) => id === one.id && answer === one.answer)
  return left.length === right.length && left.every(has)
}
