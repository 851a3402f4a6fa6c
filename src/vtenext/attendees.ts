import { blockPeople, MOST_NAMED, splitPeople, withPeople } from '../lib/people-block.ts'
import type { People } from '../lib/people-block.ts'
import type { Attendee, CrmUser, Person } from '../model/index.ts'
import type { Invitee } from './invitees.ts'
import { holdBody, holdText } from './text.ts'

/** Everybody on an event: vtenext's own invitees together with those its description names. */
export interface EventPeople {
  /** The description without the block. */
  readonly text: string
  readonly organizer: Person | null
  readonly attendees: readonly Attendee[]
  /** How many more attendees there are than are told here: the block names no more than fifty. */
  readonly more: number
  /** What the block alone says. */
  readonly block: { readonly organizer: Person | null; readonly attendees: readonly Attendee[] }
}

/** Length of the column `description`, in bytes. */
const DESCRIPTION_LENGTH = 65_535

const directories = new WeakMap<readonly CrmUser[], ReadonlyMap<string, CrmUser>>()

/** The user an address means. Who shares a second address with somebody is not meant by it. */
export function userAt(users: readonly CrmUser[], address: string): CrmUser | undefined {
  const directory = directories.get(users) ?? byAddress(users)
  directories.set(users, directory)
  return directory.get(address)
}

function byAddress(users: readonly CrmUser[]): ReadonlyMap<string, CrmUser> {
  const directory = new Map<string, CrmUser>()
  const second = users.flatMap((user) => user.addresses.slice(1).map((address) => [address, user] as const))
  for (const [address, all] of Map.groupBy(second, ([alias]) => alias)) {
    const [first] = all
    if (first !== undefined && all.length === 1) directory.set(address, first[1])
  }
  for (const user of users.toReversed()) if (user.addresses[0] !== undefined) directory.set(user.addresses[0], user)
  return directory
}

/**
 * People as they read back from a record: texts as the database holds them, a user by the main address, each attendee
 * once and never the organizer. Idempotent.
 * @param users null while they are not known: then addresses stay as they are
 */
export function tidyPeople<T extends Pick<People, 'organizer' | 'attendees'>>(
  people: T,
  users: readonly CrmUser[] | null,
): { readonly organizer: Person | null; readonly attendees: readonly Attendee[] } {
  const held = ({ address, name }: Person): Person => {
    const bare = holdText(address).trim().toLowerCase()
    return { address: (users === null ? undefined : userAt(users, bare)?.addresses[0]) ?? bare, name: holdText(name) }
  }
  const { organizer, attendees } = blockPeople({
    organizer: people.organizer === null ? null : held(people.organizer),
    attendees: people.attendees.map((one) => ({ ...one, ...held(one) })),
  })
  return { organizer, attendees: attendees.filter(({ address }) => address !== organizer?.address) }
}

/**
 * @param field what the record's organizer field reads: an address, or '' for a user or contact
 * @param invitees as the change feed lists them
 */
export function readPeople(
  description: string,
  field: string,
  invitees: readonly Invitee[],
  users: readonly CrmUser[],
): EventPeople {
  const split = splitPeople(description)
  const block = { organizer: split.organizer, attendees: split.attendees }
  const named = tidyPeople(block, users)
  const outside = /^\S+@\S+$/.test(field.trim()) ? { address: field.trim().toLowerCase(), name: '' } : null
  const organizer = named.organizer ?? tidyPeople({ organizer: outside, attendees: [] }, users).organizer
  const attendees = new Map<string, Attendee>()
  // A colleague who is also a contact is told as the colleague.
  for (const invitee of [...invitees.filter(({ user }) => user), ...invitees.filter(({ user }) => !user)]) {
    const [one] = tidyPeople({ organizer: null, attendees: [{ ...invitee, role: 'required' }] }, users).attendees
    if (one !== undefined && !attendees.has(one.address)) attendees.set(one.address, one)
  }
  for (const one of named.attendees) {
    const invited = attendees.get(one.address)
    attendees.set(one.address, invited === undefined ? one : { ...invited, role: one.role, answer: answerOf(invited, one) })
  }
  const everybody = tidyPeople({ organizer, attendees: [...attendees.values()] }, users)
  return { text: split.text, ...everybody, more: split.more, block }
}

/** vtenext tells yes and no; only the block can say tentative. */
const answerOf = (invited: Attendee, named: Attendee): Attendee['answer'] =>
  invited.answer === 'none' && named.answer === 'tentative' ? 'tentative' : invited.answer

/** Whether being an invitee says all there is to say: then the block need not name this attendee. */
export const isPlain = ({ role, answer }: Attendee): boolean => role === 'required' && answer !== 'tentative'

/** Whether the block has a line for each of those who are not invitees. @param users null while they are not known */
export function canBeNamed(attendees: readonly Attendee[], users: readonly CrmUser[] | null): boolean {
  const invited = (one: Attendee) => isPlain(one) && users !== null && userAt(users, one.address)?.active === true
  return attendees.length <= MOST_NAMED || attendees.filter((one) => !invited(one)).length <= MOST_NAMED
}

/** A description with these people at its end; a text that leaves no room for them is cut. */
export function describe(text: string, people: People): string {
  const block = withPeople('', people)
  const room = DESCRIPTION_LENGTH - (block === '' ? 0 : Buffer.byteLength(block) + 2)
  // Decoded first: entities could spell a block.
  return withPeople(holdBody(splitPeople(holdText(text)).text, room), people)
}

/** The text that is left of a description made of these. */
export const holdDescribed = (text: string, people: People): string => splitPeople(describe(text, people)).text
