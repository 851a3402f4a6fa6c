import type { Attendee, CrmUser, Person } from '../model/index.ts'
import { isPlain, userAt } from './attendees.ts'
import type { ContactBook } from './contact-book.ts'
import { partecipationOf, type Invitee, type InviteeEntry } from './invitees.ts'

/** Which attendees vtenext has as invitees, and which stand in the description. */
export interface Placed {
  /** The complete list to send; null where none may be sent. */
  readonly entries: readonly InviteeEntry[] | null
  /** The invitees after that. */
  readonly invitees: readonly Invitee[]
  /** Who needs a line in the block. */
  readonly named: readonly Attendee[]
}

export interface PlacingOptions {
  readonly users: readonly CrmUser[]
  readonly book: ContactBook
  /** Whether a contact with this address may become an invitee: vtenext then mails them. Who is one already stays. */
  invites(address: string): boolean
}

/** One entry of the list. */
interface Seat {
  readonly address: string
  /** Who may be invited by it: a user, and the contacts with that address who are invited already. */
  readonly ids: readonly string[]
  /** Addresses by which vtenext may be asked for them. */
  readonly texts: readonly string[]
  readonly invitee: Omit<Invitee, 'id' | 'user'>
}

/**
 * Finds the attendees a place. vtenext takes invitees by e-mail address only: it drops those it does not find, and finds
 * contacts whose address merely contains the text. Who cannot be invited without inviting somebody else is only named.
 * @param attendees tidied, and all there are
 * @param organizer keeps the place they may have among the invitees
 * @param present the invitees of the record
 */
export async function placeAttendees(
  { users, book, invites }: PlacingOptions,
  attendees: readonly Attendee[],
  organizer: Person | null,
  present: readonly Invitee[],
): Promise<Placed> {
  const spelled = (address: string) => userAt(users, address)?.addresses[0] ?? address
  // Leaving an invitee without address out of the list would remove him.
  if (present.some(({ address }) => address === '')) {
    const has = (one: Attendee) => present.some(({ address }) => spelled(address) === one.address)
    const named = attendees.filter((one) => !has(one) || !isPlain(one))
    return { entries: null, invitees: present, named }
  }

  async function seatOf(one: Pick<Attendee, 'address' | 'name' | 'answer'>, mayInvite: boolean): Promise<Seat | null> {
    const rows = present.filter(({ address }) => spelled(address) === one.address)
    const user = userAt(users, one.address)
    const fresh = mayInvite ? await invitable(one.address, user) : []
    const ids = [...new Set([...rows.map(({ id }) => id), ...(fresh.length === 1 ? fresh : [])])]
    if (ids.length === 0) return null
    const answer = one.answer === 'tentative' ? 'none' : one.answer
    const invitee = { address: one.address, name: one.name, answer }
    return { address: one.address, ids, texts: user?.addresses ?? [one.address], invitee }
  }

  async function invitable(address: string, user: CrmUser | undefined): Promise<readonly string[]> {
    if (user !== undefined) return user.active ? [user.id] : []
    return invites(address) ? await book.at(address) : []
  }

  const kept = present.filter(({ address }) => spelled(address) === organizer?.address)
  const seats = [
    ...(await Promise.all(attendees.map((one) => seatOf(one, true)))),
    ...(organizer === null || kept[0] === undefined ? [] : [await seatOf({ ...organizer, answer: kept[0].answer }, false)]),
  ].filter((seat) => seat !== null)
  const taken = await takeSeats(seats, users, book)
  const isUser = (id: string) => users.some((user) => user.id === id) || present.some((row) => row.id === id && row.user)
  return {
    entries: taken.map(({ text, seat }) => ({ email: text, partecipation: partecipationOf(seat.invitee.answer) })),
    invitees: taken.flatMap(({ seat, ids }) => ids.map((id) => ({ ...seat.invitee, id, user: isUser(id) }))),
    named: attendees.filter((one) => !isPlain(one) || !taken.some(({ seat }) => seat.address === one.address)),
  }
}

interface TakenSeat {
  readonly seat: Seat
  readonly text: string
  /** Who is invited by this text. */
  readonly ids: readonly string[]
}

/** Takes away who could not be asked for alone, until the list as a whole invites exactly those it means. */
async function takeSeats(all: readonly Seat[], users: readonly CrmUser[], book: ContactBook): Promise<readonly TakenSeat[]> {
  const hits = new Map<string, ReadonlySet<string> | null>()
  const texts = new Set(all.flatMap((seat) => seat.texts))
  await book.prepare([], [...texts])
  for (const text of texts) {
    const contacts = await book.hitBy(text)
    const same = users.filter(({ addresses }) => addresses.includes(text)).map(({ id }) => id)
    hits.set(text, contacts === null ? null : new Set([...same, ...contacts]))
  }
  for (let seats = all; ; ) {
    const meant = new Set(seats.flatMap(({ ids }) => ids))
    const taken = seats.flatMap((seat): TakenSeat[] => {
      const asked = seat.texts.flatMap((text): TakenSeat[] => {
        const hit = hits.get(text) ?? null
        const ids = seat.ids.filter((id) => hit?.has(id))
        return hit === null || ids.length === 0 || ![...hit].every((id) => meant.has(id)) ? [] : [{ seat, text, ids }]
      })
      return asked.toSorted((left, right) => right.ids.length - left.ids.length).slice(0, 1)
    })
    if (taken.length === seats.length) return taken
    seats = taken.map(({ seat }) => seat)
  }
}
