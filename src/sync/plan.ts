import { instantMs } from '../model/index.ts'
import type {
  ChangeKey, Copy, Direction, EventFields, Fields, Instant, Item, ItemId, ItemKind, Policy, Side, Sighting, Snapshot, Tombstone, Traits,
} from '../model/index.ts'
import { groupPart } from './group.ts'
import type { GroupTask } from './group.ts'
import { answerPart, meetingPart } from './meeting.ts'
import type { MeetingContext } from './meeting.ts'
import { merge, moved, nextBase, overwrite } from './merge.ts'
import type { Clash, Holds, Merge, Referee, Sides } from './merge.ts'

export type Stance = 'same' | 'changed' | 'gone'
/** The direction of a kind, or `protected`: the copy is the organizer's (or masked), Exchange always decides. */
export type Mode = Exclude<Direction, 'off'> | 'protected'

export type Rule =
  | 'settle'
  | 'merge'
  | 'overwrite-crm'
  | 'overwrite-exchange'
  | 'leave-exchange'
  | 'recreate-crm'
  | 'recreate-exchange'
  | 'delete-crm'
  | 'delete-exchange'
  | 'respect'
  | 'bury'

type Table = Readonly<Record<Stance, Readonly<Record<Stance, Rule>>>>

/** Rows: what happened in Exchange. Columns: what happened in the CRM. A missing cell does not compile. */
export const RULES: Readonly<Record<Mode, Table>> = {
  both: {
    same: { same: 'settle', changed: 'merge', gone: 'delete-exchange' },
    changed: { same: 'merge', changed: 'merge', gone: 'recreate-crm' },
    gone: { same: 'delete-crm', changed: 'recreate-exchange', gone: 'bury' },
  },
  'to-crm': {
    same: { same: 'settle', changed: 'settle', gone: 'respect' },
    changed: { same: 'overwrite-crm', changed: 'overwrite-crm', gone: 'respect' },
    gone: { same: 'delete-crm', changed: 'delete-crm', gone: 'bury' },
  },
  'to-exchange': {
    same: { same: 'settle', changed: 'overwrite-exchange', gone: 'delete-exchange' },
    changed: { same: 'leave-exchange', changed: 'overwrite-exchange', gone: 'delete-exchange' },
    gone: { same: 'respect', changed: 'respect', gone: 'bury' },
  },
  protected: {
    same: { same: 'settle', changed: 'overwrite-crm', gone: 'recreate-crm' },
    changed: { same: 'overwrite-crm', changed: 'overwrite-crm', gone: 'recreate-crm' },
    gone: { same: 'delete-crm', changed: 'delete-crm', gone: 'bury' },
  },
}

export type Write =
  | { readonly type: 'create'; readonly on: Side; readonly item: Item }
  | { readonly type: 'update'; readonly on: Side; readonly id: ItemId; readonly fields: Fields; readonly expect: ChangeKey }
  | { readonly type: 'delete'; readonly on: Side; readonly id: ItemId; readonly expect: ChangeKey }

/** What becomes of the copy once the writes are done. */
export type Ending =
  | { readonly type: 'keep'; readonly base: Sides }
  /** The copy is forgotten; nothing is deleted. */
  | { readonly type: 'bury'; readonly reason: Tombstone['reason'] }

export interface Plan {
  readonly writes: readonly Write[]
  readonly clashes: readonly Clash[]
  readonly ending: Ending
  /** Why, in a user's words; goes into the journal. */
  readonly reason: string
}

export interface PlanInput {
  readonly kind: ItemKind
  readonly copy: Copy
  readonly exchange: Sighting
  readonly crm: Sighting
  readonly policy: Policy
  readonly holds: Holds
  readonly now: Instant
  /** Main address of the CRM user whose mailbox it is. */
  readonly owner: string
  /** Set for the task of a group whose members complete it each for himself. */
  readonly group?: GroupTask
  /** Answers given by a human to earlier clashes of this copy. */
  readonly decided?: Referee
}

/** The plan of one copy: a total, pure function of what is known. Nothing is read, nothing is written. */
export function plan(input: PlanInput): Plan {
  const { copy, exchange, crm } = input
  const mode = modeOf(input)
  const now: Sides = { exchange: content(exchange, copy.base.exchange), crm: content(crm, copy.base.crm) }
  const rule = RULES[mode][stance(exchange, copy.base.exchange)][stance(crm, copy.base.crm)]
  const keys = { exchange: keyOf(exchange, copy.exchange.changeKey), crm: keyOf(crm, copy.crm.changeKey) }

  switch (rule) {
    case 'settle':
      return keep(overwriteNothing(now), 'both sides agree')
    case 'merge':
      return keep(merge(copy.base, now, input.holds, referee(input)), reasonOfMerge(exchange, crm))
    case 'overwrite-crm':
      // Edited in the CRM although only Exchange may change it: Exchange's values come back.
      return withAnswer(keep(overwrite('exchange', now, input.holds), reasonOfOverwrite(traitsOf(input), crm, copy.base.crm)))
    case 'overwrite-exchange':
      return keep(overwrite('crm', now, input.holds), 'the CRM decides for this item')
    case 'leave-exchange':
      // One-way item edited in Outlook: left alone until the record changes, unless the policy says otherwise.
      if (!input.policy.contactsCrmWins) return keep(overwriteNothing(now), 'an edit in Exchange of a one-way item is left alone')
      return keep(overwrite('crm', now, input.holds), 'policy: the CRM wins over edits in Exchange')
    case 'recreate-crm':
      if (traitsOf(input).invited === true && input.policy.foreignDeletion === 'hide') {
        return bury('unlinked', 'deleted in the CRM by somebody who is not the organizer: stays away there, the meeting is untouched')
      }
      // Deleted in the CRM, but edited in Exchange (or the organizer's): it comes back.
      return recreate('crm', now, 'deleted in the CRM, but edited in Exchange or not to be deleted there')
    case 'recreate-exchange':
      return recreate('exchange', now, 'deleted in Exchange, but edited in the CRM')
    case 'delete-crm':
      if (input.policy.keepPast && isPast(now.crm, input.now)) return bury('unlinked', 'an old item was deleted or archived in Exchange: the record stays')
      return remove('crm', copy.crm.id, keys.crm, 'deleted in Exchange')
    case 'delete-exchange':
      if (tellsOthers(exchange, copy.traits) && !input.policy.cancelMeetings) return bury('unlinked', 'deleted in the CRM, but the meeting has attendees: left in Exchange')
      return remove('exchange', copy.exchange.id, keys.exchange, 'deleted in the CRM')
    case 'respect':
      return bury('user-deleted', 'deleted by its user on the receiving side: stays deleted')
    case 'bury':
      return bury('deleted', 'deleted on both sides')
  }

  function keep(ordinary: Merge, reason: string): Plan {
    const result = withGroup(copy.base, now, withMeeting(input.kind, copy.base, now, ordinary, contextOf(input, mode)), input.group)
    const writes: Write[] = []
    for (const on of ['crm', 'exchange'] as const) {
      const fields = result.write[on]
      if (Object.keys(fields).length === 0) continue
      writes.push({ type: 'update', on, id: copy[on].id, fields, expect: keys[on] })
    }
    return { writes, clashes: result.clashes, ending: { type: 'keep', base: nextBase(copy.base, now, result) }, reason }
  }
}

/** Another attendee's copy of a meeting: nothing of it is kept in step but what its owner answered. */
export function planShadow(input: PlanInput): Plan {
  const { copy, exchange, crm } = input
  const now: Sides = { exchange: content(exchange, copy.base.exchange), crm: content(crm, copy.base.crm) }
  const before = { exchange: copy.base.exchange.fields, crm: copy.base.crm.fields } as Record<Side, Partial<EventFields>>
  const answer = answerPart(before, (now.exchange.fields as Partial<EventFields>).answer, (now.crm.fields as Partial<EventFields>).answer)
  const write: Record<Side, Fields> = { exchange: {}, crm: {}, ...(answer === null ? {} : { [answer.on]: { answer: answer.value } }) }
  const keys = { exchange: keyOf(exchange, copy.exchange.changeKey), crm: keyOf(crm, copy.crm.changeKey) }
  const writes = answer === null ? [] : [{ type: 'update', on: answer.on, id: copy[answer.on].id, fields: write[answer.on], expect: keys[answer.on] } as const]
  const reason = answer === null ? "another attendee's copy" : `answered in ${answer.on === 'crm' ? 'Exchange' : 'the CRM'}`
  return { writes, clashes: [], ending: { type: 'keep', base: nextBase(copy.base, now, { write, clashes: [] }) }, reason }
}

/** The record went to other people: the copy leaves this mailbox once the new ones exist; with nobody to take it, it stays. */
export function planReassigned(copy: Copy, exchange: Sighting, taken: boolean): Plan {
  if (!taken) return bury('ownerless', 'assigned to somebody without a mailbox: left in Exchange, no longer kept in step')
  const gone = remove('exchange', copy.exchange.id, keyOf(exchange, copy.exchange.changeKey), 'assigned to somebody else')
  return { ...gone, ending: { type: 'bury', reason: 'reassigned' } }
}

/** The series cannot have this occurrence where the CRM has it now: it goes, and the record becomes an event of its own. */
export function planApart(copy: Copy, exchange: Sighting): Plan {
  const gone = remove('exchange', copy.exchange.id, keyOf(exchange, copy.exchange.changeKey), 'moved in the CRM beyond its neighbours in the series: becomes an event of its own')
  return { ...gone, ending: { type: 'bury', reason: 'reassigned' } }
}

/** An item that exists on one side only is made on the other. */
export function planCreate(on: Side, snapshot: Snapshot): Plan {
  const reason = on === 'crm' ? 'new in Exchange' : 'new in the CRM'
  return { ...recreate(on, { exchange: snapshot.item, crm: snapshot.item }, reason) }
}

/** A record that vanished is put back by a human's decision. */
export function planRestored(copy: Copy, exchange: Sighting): Plan {
  return recreate('crm', { exchange: content(exchange, copy.base.exchange), crm: copy.base.crm }, 'somebody decided that the record is put back')
}

/** First contact of two items that were found to be the same: no base, so nothing is an edit and nothing is lost. */
export function planMatch(kind: ItemKind, exchange: Snapshot, crm: Snapshot, input: Pick<PlanInput, 'policy' | 'holds' | 'owner'> & { readonly role?: Copy['role'] }): Plan {
  const now: Sides = { exchange: exchange.item, crm: crm.item }
  const sightings = { exchange: { type: 'seen', snapshot: exchange }, crm: { type: 'seen', snapshot: crm } } as const
  // A guest's copy follows the record, also when the two are found anew.
  const mode = input.role === 'guest' ? 'to-exchange' : modeFor(input.policy.direction[kind], exchange.traits ?? {})
  const result = withMeeting(kind, null, now, matchMerge(), contextFor(input, exchange.traits ?? {}, mode))
  const writes: Write[] = []
  for (const on of ['crm', 'exchange'] as const) {
    const fields = result.write[on]
    const { id, changeKey } = sightings[on].snapshot
    if (Object.keys(fields).length > 0) writes.push({ type: 'update', on, id, fields, expect: changeKey })
  }
  return { writes, clashes: result.clashes, ending: { type: 'keep', base: nextBase(null, now, result) }, reason: 'found to be the same item on both sides' }

  function matchMerge(): Merge {
    if (mode === 'both') return merge(null, now, input.holds, referee({ policy: input.policy, ...sightings }))
    return overwrite(mode === 'to-exchange' ? 'crm' : 'exchange', now, input.holds)
  }
}

const traitsOf = ({ exchange, copy }: PlanInput): Traits => (exchange.type === 'seen' ? (exchange.snapshot.traits ?? {}) : copy.traits)

function contextOf(input: PlanInput, mode: Mode): MeetingContext {
  return contextFor(input, traitsOf(input), mode)
}

function contextFor({ policy, holds, owner }: Pick<PlanInput, 'policy' | 'holds' | 'owner'>, traits: Traits, mode: Mode): MeetingContext {
  return { traits, owner, policy, holds, writable: { exchange: mode === 'both' || mode === 'to-exchange', crm: mode !== 'to-exchange' } }
}

function withMeeting(kind: ItemKind, base: Sides | null, now: Sides, ordinary: Merge, context: MeetingContext): Merge {
  if (kind !== 'event') return ordinary
  const part = meetingPart(base, now, context)
  return { ...ordinary, write: { exchange: { ...ordinary.write.exchange, ...part.exchange }, crm: { ...ordinary.write.crm, ...part.crm } } }
}

/** The status of such a task is nobody's to merge: the group's rule replaces what the merge says of it. */
function withGroup(base: Sides, now: Sides, result: Merge, group: GroupTask | undefined): Merge {
  if (group === undefined) return result
  const part = groupPart(base, now, group)
  const without = ({ status: _theirs, ...rest }: Fields): Fields => rest
  return {
    write: { exchange: { ...without(result.write.exchange), ...part.exchange }, crm: { ...without(result.write.crm), ...part.crm } },
    clashes: result.clashes.filter(({ field }) => field !== 'status'),
  }
}

function modeOf(input: PlanInput): Mode {
  // Made by us for somebody the CRM invited: it follows the record.
  if (input.copy.role === 'guest') return 'to-exchange'
  const traits = traitsOf(input)
  return modeFor(input.policy.direction[input.kind], { ...traits, masked: traits.masked ?? input.copy.traits.masked ?? false })
}

function modeFor(direction: Direction, traits: Traits): Mode {
  if (traits.invited === true || traits.masked === true) return 'protected'
  // Switched off while linked: treated as one-way in neither direction would lose edits, so the copy just waits.
  return direction === 'off' ? 'both' : direction
}

function stance(sighting: Sighting, base: Item): Stance {
  if (sighting.type === 'gone') return 'gone'
  if (sighting.type === 'quiet') return 'same'
  return moved(base, sighting.snapshot.item) ? 'changed' : 'same'
}

/** What a side holds: as seen, else as agreed. Fields a partial answer does not tell are as agreed. */
function content(sighting: Sighting, base: Item): Item {
  if (sighting.type !== 'seen') return base
  return sighting.snapshot.item
}

const keyOf = (sighting: Sighting, known: ChangeKey): ChangeKey =>
  sighting.type === 'seen' ? sighting.snapshot.changeKey : known

/** An answer is the one thing in the CRM that is not the organizer's to undo. */
function withAnswer(made: Plan): Plan {
  const isAnswer = made.writes.length > 0 && made.writes.every((write) => write.on === 'exchange')
  return isAnswer ? { ...made, reason: 'answered in the CRM' } : made
}

const overwriteNothing = (_: Sides): Merge => ({ write: { exchange: {}, crm: {} }, clashes: [] })

function referee(input: Pick<PlanInput, 'policy' | 'exchange' | 'crm' | 'decided'>): Referee {
  return (clash) => input.decided?.(clash) ?? byPolicy()

  function byPolicy(): Side | null {
    switch (input.policy.conflict) {
      case 'ask':
        return null
      case 'crm':
      case 'exchange':
        return input.policy.conflict
      case 'newest':
        return newest(input.exchange, input.crm)
    }
  }
}

/** The CRM keeps whole seconds, so times are compared in seconds; a tie goes to the CRM, where the record lives. */
function newest(exchange: Sighting, crm: Sighting): Side {
  if (exchange.type !== 'seen') return 'crm'
  if (crm.type !== 'seen') return 'exchange'
  return instantMs(exchange.snapshot.modifiedAt) > instantMs(crm.snapshot.modifiedAt) ? 'exchange' : 'crm'
}

function recreate(on: Side, now: Sides, reason: string): Plan {
  const item = now[on === 'crm' ? 'exchange' : 'crm']
  return { writes: [{ type: 'create', on, item }], clashes: [], ending: { type: 'keep', base: { ...now, [on]: item } }, reason }
}

function remove(on: Side, id: ItemId, expect: ChangeKey, reason: string): Plan {
  return { writes: [{ type: 'delete', on, id, expect }], clashes: [], ending: { type: 'bury', reason: 'deleted' }, reason }
}

function bury(reason: Tombstone['reason'], words: string): Plan {
  return { writes: [], clashes: [], ending: { type: 'bury', reason }, reason: words }
}

function isPast(item: Item, now: Instant): boolean {
  if (item.kind !== 'event' || item.fields.time === undefined) return false
  const { time } = item.fields
  // An all-day event is over when its last day is over everywhere on earth.
  if (time.allDay) return Date.parse(`${time.lastDay}T00:00:00Z`) + 38 * 3_600_000 < instantMs(now)
  return instantMs(time.end) < instantMs(now)
}

function tellsOthers(exchange: Sighting, known: Traits): boolean {
  const traits = exchange.type === 'seen' ? (exchange.snapshot.traits ?? {}) : known
  return traits.hasAttendees === true
}

function reasonOfOverwrite({ invited, masked }: Traits, crm: Sighting, base: Item): string {
  const edited = crm.type === 'seen' && moved(base, crm.snapshot.item)
  if (edited && invited === true) return 'edited in the CRM by somebody who is not the organizer: undone'
  if (edited && masked === true) return 'edited in the CRM, but private in Exchange: undone'
  return 'Exchange decides for this item'
}

function reasonOfMerge(exchange: Sighting, crm: Sighting): string {
  if (exchange.type === 'seen' && crm.type === 'seen') return 'edited on both sides'
  return exchange.type === 'seen' ? 'edited in Exchange' : 'edited in the CRM'
}
