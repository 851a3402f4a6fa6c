import { SyncError } from '../lib/errors.ts'
import { toInstant } from '../lib/zoned.ts'
import { itemId, type ChangeKey, type ItemId } from '../model/index.ts'
import type { KnownKeys, Log } from '../ports.ts'
import { changesSince, type ChangesAnswer } from './changes.ts'
import { fullEvent, type FullEvent } from './full.ts'
import { inviteesHash } from './invitees.ts'
import { keyOf } from './record.ts'
import { MODULES } from './schema.ts'
import type { Sessions } from './session.ts'

/**
 * What is known of answers to invitations. vtenext does not touch the modified time when somebody answers, so the change
 * feed never tells: the events ahead are read by their start instead, round after round.
 */
export interface AnswersState {
  /** When the present round began; seconds since 1970. */
  readonly began: number
  /** Start from which the round goes on; null when it is over. */
  readonly from: number | null
  /** What was reported of coming events with invitees that nobody else remembers: id to start day and hash. */
  readonly seen: Readonly<Record<string, string>>
}

/** How far ahead answers are followed, in seconds. */
const AHEAD = 60 * 86_400
/** Calls per pull: the rest of a large calendar waits for the next one. */
const CALLS = 5
const SEEN_LIMIT = 2_000

export interface AnswersOptions {
  readonly sessions: Sessions
  readonly log: Log
  /** Seconds from one round to the next; 0 reads everything with every pull. */
  readonly every: number
  /** Events per call. */
  readonly entries: number
  readonly server: string
  /** The server's clock, seconds since 1970. */
  readonly now: number
}

export interface Sweep {
  readonly events: readonly FullEvent[]
  readonly state: AnswersState
}

/** The events whose answers changed unnoticed. Trouble with it is logged, and never keeps the feed from going on. */
export async function sweepAnswers(options: AnswersOptions, before: AnswersState, known: KnownKeys): Promise<Sweep> {
  const { every, now, log } = options
  if (before.from === null && now - before.began < every) return { events: [], state: before }
  const began = before.from === null ? now : before.began
  try {
    return await sweep(options, { ...before, began, from: Math.max(before.from ?? now, now) }, known)
  } catch (thrown) {
    if (!(thrown instanceof SyncError)) throw thrown
    log.warn({ code: thrown.code }, 'The CRM does not tell who answered invitations; it is asked again later.')
    return { events: [], state: { ...before, began: now, from: null } }
  }
}

async function sweep(options: AnswersOptions, before: AnswersState, known: KnownKeys): Promise<Sweep> {
  const { sessions, entries, every, now, server } = options
  const end = now + AHEAD
  const events = new Map<string, FullEvent>()
  const seen = new Map(Object.entries(before.seen))
  let from: number | null = before.from ?? now
  for (let calls = 0; from !== null && (every === 0 || calls < CALLS); calls += 1) {
    const query = { module: MODULES.event, from, to: end, entries, byStart: true }
    const { records, more }: ChangesAnswer = await changesSince(sessions, query)
    const page = records.map(fullEvent)
    for (const event of await unreported(page, seen, known)) events.set(event.raw.id, event)
    // `more` does not look at the end: a page with room left was the last. Some may be missing from a full one.
    from = !more || page.length < entries * 0.9 ? null : nextStart(page, from, server)
    if (from !== null && from > end) from = null
  }
  return { events: [...events.values()], state: { began: before.began, from, seen: keepSeen(seen, now) } }
}

/** A page ends with the last one's minute; asking for that minute again loses nobody, unless it fills the page alone. */
function nextStart(page: readonly FullEvent[], from: number, server: string): number {
  const starts = page.map(({ raw }) => Date.parse(startOf(raw, server)) / 1_000).filter((start) => !Number.isNaN(start))
  const last = Math.max(from, ...starts)
  return last > from ? last : from + 60
}

function startOf({ date_start = '', time_start = '' }: Readonly<Record<string, string>>, server: string): string {
  try {
    return toInstant(date_start, time_start.slice(0, 5) || '00:00', server)
  } catch {
    return ''
  }
}

/**
 * Linked records have their version with the engine; of the others we remember ourselves what was last reported. Updates
 * `seen` accordingly.
 */
async function unreported(page: readonly FullEvent[], seen: Map<string, string>, known: KnownKeys): Promise<FullEvent[]> {
  const invited = page.filter(({ invitees }) => invitees.length > 0)
  const ids = invited.map(({ raw }) => itemId(raw.id))
  const keys: ReadonlyMap<ItemId, ChangeKey> = ids.length === 0 ? new Map() : await known(ids)
  const fresh = invited.filter((event) => {
    const key = keys.get(itemId(event.raw.id))
    if (key === undefined) return seen.get(event.raw.id) !== answersOf(event)
    return key !== keyOf('event', event.raw, event.invitees)
  })
  for (const event of page) remember(seen, event)
  return fresh
}

const answersOf = ({ raw, invitees }: FullEvent) => `${raw.date_start ?? ''} ${inviteesHash(invitees)}`

function remember(seen: Map<string, string>, event: FullEvent): void {
  if (event.invitees.length === 0) seen.delete(event.raw.id)
  else seen.set(event.raw.id, answersOf(event))
}

/** What the feed itself reports needs not be reported again. */
export function rememberAnswers(state: AnswersState, events: readonly FullEvent[], now: number): AnswersState {
  if (events.length === 0) return state
  const seen = new Map(Object.entries(state.seen))
  for (const event of events) remember(seen, event)
  return { ...state, seen: keepSeen(seen, now) }
}

/** Coming events only, and of too many the nearest: the others are told once more, which harms nobody. */
function keepSeen(seen: ReadonlyMap<string, string>, now: number): Record<string, string> {
  const day = (seconds: number) => new Date(seconds * 1_000).toISOString().slice(0, 10)
  const [first, last] = [day(now - 86_400), day(now + AHEAD + 86_400)]
  const coming = [...seen].filter(([, value]) => value.slice(0, 10) >= first && value.slice(0, 10) <= last)
  if (coming.length > SEEN_LIMIT) coming.sort(([, left], [, right]) => (left < right ? -1 : left > right ? 1 : 0))
  return Object.fromEntries(coming.slice(0, SEEN_LIMIT))
}
