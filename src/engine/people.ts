import { itemOf } from '../model/index.ts'
import type { Attendee, Directory, EventFields, Fields, Item, Mailbox, MailboxId, Person, Series, Snapshot } from '../model/index.ts'
import type { Change, Exchange, Found, Located, WriteOutcome } from '../ports.ts'
import type { Run } from './context.ts'

type Rename = (address: string) => string

/** The address under which the engine knows the owner of a mailbox: the CRM user's main one. */
export function ownerOf(directory: Directory, mailbox: Mailbox): string {
  const user = directory.users.find(({ id }) => id === mailbox.userId)
  return user?.addresses[0] ?? mailbox.address
}

/**
 * Everybody has several addresses; a person is one: every known address becomes the CRM user's main one. Where two claim an
 * address, a mailbox knows best, then whoever has it as the main one, then who is still active.
 */
export function canonical(directory: Directory): Rename {
  const known = new Map<string, string>()
  const users = directory.users.toSorted((left, right) => Number(left.active) - Number(right.active))
  for (const user of users) for (const address of user.addresses) known.set(address, user.addresses[0] ?? address)
  for (const { addresses: [main] } of users) if (main !== undefined) known.set(main, main)
  for (const mailbox of directory.mailboxes) {
    for (const address of [mailbox.address, ...(mailbox.aliases ?? [])]) known.set(address, ownerOf(directory, mailbox))
  }
  return (address) => known.get(address) ?? address
}

/** The way back: whom Exchange knows by the address of a mailbox. */
function native(directory: Directory): Rename {
  const known = new Map(directory.mailboxes.map((mailbox) => [ownerOf(directory, mailbox), mailbox.address] as const))
  return (address) => known.get(address) ?? address
}

/** The mailbox of the meeting's organizer, where it is another connected one. */
export function hostOf(run: Run, item: Item): Mailbox | null {
  if (item.kind !== 'event' || item.fields.organizer == null) return null
  const directory = run.engine.directory()
  const names = canonical(directory)
  const organizer = names(item.fields.organizer.address)
  return directory.mailboxes.find((mailbox) => mailbox.id !== run.lane && names(mailbox.address) === organizer) ?? null
}

/** The mailboxes of CRM users whom the record invites, and in whose own calendar nothing of it exists yet. */
export function invitedMailboxes(directory: Directory, item: Item): readonly MailboxId[] {
  if (item.kind !== 'event') return []
  const names = canonical(directory)
  const invited = new Set((item.fields.attendees ?? []).filter(({ role }) => role !== 'resource').map(({ address }) => names(address)))
  return directory.mailboxes.filter((mailbox) => invited.has(ownerOf(directory, mailbox))).map(({ id }) => id)
}

/** What the owner of the mailbox answered, as the record has it, where every lane finds it. */
export function withAnswerOf(snapshot: Snapshot, owner: string): Snapshot {
  if (snapshot.item.kind !== 'event') return snapshot
  const own = snapshot.item.fields.attendees?.find(({ address }) => address === owner)
  return own === undefined ? snapshot : { ...snapshot, item: { kind: 'event', fields: { ...snapshot.item.fields, answer: own.answer } } }
}

/** The CRM keeps an answer in its list of people. */
export function asAttendees(fields: Fields, present: Item, owner: string, mailbox: Mailbox): Fields {
  const { answer, ...rest } = fields as Fields & Partial<EventFields>
  if (answer === undefined || present.kind !== 'event') return fields
  const list = (rest.attendees as readonly Attendee[] | undefined) ?? present.fields.attendees ?? []
  const known = list.some(({ address }) => address === owner)
  const own: Attendee = { address: owner, name: mailbox.user, role: 'required', answer }
  return { ...rest, attendees: known ? list.map((one) => (one.address === owner ? { ...one, answer } : one)) : [...list, own] }
}

/** A mailbox whose people carry the addresses the CRM knows them by. */
export function withPeople(raw: Exchange, directory: Directory): Exchange {
  const inward = renaming(canonical(directory))
  const outward = native(directory)
  const seen = (found: Found): Found => (found.type === 'seen' ? { type: 'seen', snapshot: inward(found.snapshot) } : found)
  const done = (outcome: WriteOutcome): WriteOutcome => (outcome.type === 'done' ? { type: 'done', snapshot: inward(outcome.snapshot) } : outcome)
  return {
    side: 'exchange',
    open: (readOnly) => raw.open(readOnly),
    lacks: (kind) => raw.lacks?.(kind) ?? false,
    hold: (item) => raw.hold(item),
    async pull(kind, since, known) {
      const page = await raw.pull(kind, since, known)
      if (page.type !== 'page' || kind !== 'event') return page
      return { ...page, changes: page.changes.map((change): Change => (change.type === 'seen' ? { type: 'seen', snapshot: inward(change.snapshot) } : change)) }
    },
    get: async (kind, ids) => (await raw.get(kind, ids)).map(seen),
    create: async (requests) => (await raw.create(requests.map((request) => ({ ...request, item: renamed(request.item, outward) })))).map(done),
    update: async (requests) => (await raw.update(requests.map((request) => ({ ...request, fields: renamedFields(request.fields as Partial<EventFields>, outward) as Fields })))).map(done),
    remove: (requests) => raw.remove(requests),
    async findCreated(query) {
      const found = await raw.findCreated(query)
      return found === null ? null : inward(found)
    },
    async locate(kind, token, uid) {
      const found: Located = await raw.locate(kind, token, uid)
      return found.where === 'synced' ? { where: 'synced', snapshot: inward(found.snapshot) } : found
    },
  }
}

function renaming(rename: Rename): (snapshot: Snapshot) => Snapshot {
  return (snapshot) => {
    if (snapshot.item.kind !== 'event') return snapshot
    const series = snapshot.series === undefined ? {} : { series: renamedSeries(snapshot.series, rename) }
    return { ...snapshot, ...series, item: renamed(snapshot.item, rename) }
  }
}

const renamedSeries = (series: Series, rename: Rename): Series => ({
  ...series, exceptions: series.exceptions.map((exception) => ({ ...exception, fields: renamedFields(exception.fields, rename) })),
})

const renamed = (item: Item, rename: Rename): Item => (item.kind === 'event' ? itemOf('event', renamedFields(item.fields, rename) as Fields) : item)

function renamedFields(fields: Partial<EventFields>, rename: Rename): Partial<EventFields> {
  const { attendees, organizer } = fields
  if (attendees === undefined && (organizer === undefined || organizer === null)) return fields
  const person = <P extends Person>(one: P): P => ({ ...one, address: rename(one.address) })
  return {
    ...fields,
    // Invited under two of their addresses, a person is still one.
    ...(attendees === undefined ? {} : { attendees: [...new Map(attendees.map((one) => [rename(one.address), person(one)])).values()] }),
    ...(organizer === undefined || organizer === null ? {} : { organizer: person(organizer) }),
  }
}
