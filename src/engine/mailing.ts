import { instant, instantMs } from '../model/index.ts'
import type { Copy, EventFields, Operation, Person } from '../model/index.ts'
import type { Mailing, Tx } from '../ports.ts'
import { isMeeting, placement } from '../sync/index.ts'
import type { Write } from '../sync/index.ts'
import type { Run } from './context.ts'
import type { Work } from './work.ts'

/** `withheld`: attendees would be told, but the policy does not allow it. */
export type Telling = Mailing | 'withheld'

/**
 * Who is told by mail about each write of a batch: nobody, unless the policy says so and the event is still to come. The
 * only place where a mail is allowed. Writes that are not named mail nobody.
 */
export async function mailingsOf(run: Run, works: readonly Work[]): Promise<ReadonlyMap<Write, Telling>> {
  const mailings = new Map<Write, Telling>()
  for (const work of works) {
    for (const write of work.plan.writes) {
      const mailing = await (write.on === 'crm' ? contactsOf(run, work, write) : attendeesOf(run, work, write))
      if (mailing !== null) mailings.set(write, mailing)
    }
  }
  return mailings
}

/** The CRM itself mails contacts who become invitees: once, and not about what was recorded before. */
async function contactsOf(run: Run, work: Work, write: Write): Promise<Mailing | null> {
  if (!run.policy.inviteContacts || work.linked.link.kind !== 'event' || !isAhead(run, work) || !isOn(work)) return null
  if (write.type === 'create') return hasPeople(write.item.fields) && work.isNew && !(await wasRecorded(run, work)) ? 'everybody' : null
  return write.type === 'update' && !work.isNew && somebodyJoined(write.fields as Partial<EventFields>, work.linked.copy) ? 'changed' : null
}

/** Whom somebody took off the record, and who is put back, has been mailed before. */
function somebodyJoined({ attendees }: Partial<EventFields>, { base }: Copy): boolean {
  const before = (base.exchange.fields as Partial<EventFields>).attendees
  return before !== undefined && (attendees ?? []).some(({ address }) => !before.some((one) => one.address === address))
}

/** Not called off, and its own organizer has told the attendees of it. */
function isOn({ exchange, linked }: Work): boolean {
  const { unsent } = exchange.type === 'seen' ? (exchange.snapshot.traits ?? {}) : linked.copy.traits
  const { cancelled } = (exchange.type === 'seen' ? exchange.snapshot.item : linked.copy.base.exchange).fields as Partial<EventFields>
  return unsent !== true && cancelled !== true
}

async function wasRecorded(run: Run, { exchange }: Work): Promise<boolean> {
  if (exchange.type !== 'seen') return true
  const { id, stamp } = exchange.snapshot
  if (stamp?.instance === run.engine.instance) return true
  return run.engine.store.transaction(async (tx) => {
    const wasMade = (await storyOf(tx, id)).some(({ side, type }) => side === 'crm' && type === 'create')
    return wasMade || (await tx.tombstones(run.lane, [id])).length > 0
  })
}

/** Exchange mails the attendees of a meeting; never about a first synchronisation, nor about what was found again or is made again. */
async function attendeesOf(run: Run, work: Work, write: Write): Promise<Telling | null> {
  const { policy } = run
  const { link, copy } = work.linked
  if (link.kind !== 'event' || copy.role === 'guest' || run.settledSince === null || !isAhead(run, work)) return null
  // Found to be the same: what they differ in nobody has just edited.
  if (work.isNew && write.type !== 'create') return null
  if (write.type === 'update' && 'answer' in write.fields) return policy.answers === 'mail' && isEdit(copy, 'answer') ? 'everybody' : null
  const traits = work.exchange.type === 'seen' ? (work.exchange.snapshot.traits ?? {}) : copy.traits
  if (traits.invited === true || traits.unsent === true) return null
  switch (write.type) {
    case 'create':
      return policy.meetings === 'exchange' && work.isNew && hasPeople(write.item.fields) && (await mayInvite(run, work)) ? 'everybody' : null
    case 'update':
      if ('attendees' in write.fields) return policy.meetings === 'exchange' && (isMeeting(traits) || (await becomesMeeting(run, work))) ? 'changed' : null
      if (traits.hasAttendees !== true || !tellsSomething(write.fields, copy)) return null
      return policy.sendMeetingUpdates ? 'everybody' : 'withheld'
    case 'delete':
      return policy.cancelMeetings && traits.hasAttendees === true ? 'everybody' : null
  }
}

/** Whom a write would have told: those who are in the meeting. */
export function untoldOf({ exchange, linked }: Work): readonly Person[] {
  const { attendees } = (exchange.type === 'seen' ? exchange.snapshot.item : linked.copy.base.exchange).fields as Partial<EventFields>
  return (attendees ?? []).filter(({ role }) => role !== 'resource').map(({ address, name }) => ({ address, name }))
}

/** An event that names people whom nobody invited stays what it is: one more name, or an answer, must not mail them all. */
async function becomesMeeting(run: Run, work: Work): Promise<boolean> {
  const { base } = work.linked.copy
  return !hasPeople(base.exchange.fields) && !hasPeople(base.crm.fields) && isOwn(run, work) && (await isFirstToInvite(run, work))
}

/** How long the copies of a new event may take to appear in all the calendars it belongs in. */
const NEW_MS = 600_000

/** Whether the record is new to Exchange, and its meeting is this mailbox's to hold. */
async function mayInvite(run: Run, work: Work): Promise<boolean> {
  const { crm } = work
  if (crm.type !== 'seen' || run.settledSince === null || !isOwn(run, work)) return false
  // The CRM keeps whole seconds. What was there when the mailbox was connected is never invited to, however late it arrives.
  if (instantMs(crm.snapshot.madeAt ?? crm.snapshot.modifiedAt) + 1000 <= instantMs(run.settledSince)) return false
  const { engine, lane } = run
  const since = instant(instantMs(engine.clock.now()) - NEW_MS)
  const isKnown = await engine.store.transaction(async (tx) => {
    if ((await tx.tombstones(lane, [crm.snapshot.id])).length > 0) return true
    const story = await storyOf(tx, crm.snapshot.id)
    // Colleagues of a group get theirs at the same time; whoever is given the event later invites nobody anew.
    const hosts = placement(engine.directory(), run.policy)('event', crm.snapshot.assignee)
    const others = (await tx.copiesByRecord([crm.snapshot.id])).filter(({ copy }) => copy.mailbox !== lane)
    const isFresh = ({ copy }: (typeof others)[number]) => hosts.includes(copy.mailbox) && story.some((one) => one.copy === copy.id && one.type === 'create' && one.at >= since)
    return story.some((one) => one.lane === lane || one.at < since || (one.side === 'crm' && one.type === 'create')) || !others.every(isFresh)
  })
  return !isKnown && isFirstToInvite(run, work)
}

/** The organizer alone invites, to what takes place; an event of the CRM without one is whoever's calendar it is in. */
function isOwn({ owner }: Run, { crm }: Work): boolean {
  if (crm.type !== 'seen') return false
  const { organizer, cancelled } = crm.snapshot.item.fields as Partial<EventFields>
  return cancelled !== true && (organizer === undefined || organizer === null || organizer.address === owner)
}

/** One event is one meeting, in however many calendars it is. */
async function isFirstToInvite({ engine, lane, fence }: Run, { linked: { link } }: Work): Promise<boolean> {
  return engine.store.transaction(async (tx) => {
    const others = (await tx.copiesByRecord([link.record])).filter(({ copy }) => copy.mailbox !== lane)
    return others.every(({ copy }) => !isMeeting(copy.traits)) && (await tx.claim(`invites:${link.record}`, lane, engine.clock.now())) === lane
  }, fence)
}

/** What became of an item or record before, as far as it is known to have happened. */
async function storyOf(tx: Tx, item: string): Promise<readonly Operation[]> {
  return (await tx.journal({ item, limit: 200 })).filter(({ state }) => state !== 'failed')
}

const hasPeople = (fields: object): boolean => ((fields as Partial<EventFields>).attendees ?? []).length > 0

const tellsSomething = (fields: object, copy: Copy): boolean => (['subject', 'time', 'place', 'body'] as const).some((name) => name in fields && isEdit(copy, name))

/** What both sides have agreed on before. What was found different, and could not be written at once, is nobody's edit. */
const isEdit = ({ base }: Copy, name: keyof EventFields): boolean => (base.crm.fields as Partial<EventFields>)[name] !== undefined

function isAhead(run: Run, work: Work): boolean {
  const item = work.exchange.type === 'seen' ? work.exchange.snapshot.item : work.crm.type === 'seen' ? work.crm.snapshot.item : work.linked.copy.base.exchange
  const time = item.kind === 'event' ? item.fields.time : undefined
  if (time === undefined) return false
  const endMs = time.allDay ? Date.parse(`${time.lastDay}T00:00:00Z`) + 86_400_000 : instantMs(time.end)
  return endMs > instantMs(run.engine.clock.now())
}
