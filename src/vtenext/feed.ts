import { SyncError } from '../lib/errors.ts'
import { toInstant, toLocal } from '../lib/zoned.ts'
import { changeKey, itemId, syncState, type ItemKind, type SyncState } from '../model/index.ts'
import type { Change, ChangePage, Clock, KnownKeys, Log } from '../ports.ts'
import { rememberAnswers, sweepAnswers, type AnswersState } from './answers.ts'
import { changesSince, type ChangesAnswer } from './changes.ts'
import { badReply, misconfigured } from './errors.ts'
import { fullEvent, type FullEvent } from './full.ts'
import type { Installation } from './installation.ts'
import { keyOf, rawRecord, toSnapshot, type RawRecord } from './record.ts'
import { MODULES } from './schema.ts'
import type { Sessions } from './session.ts'

/** Where the feed continues; ours alone to read. */
interface Cursor {
  readonly v: 1
  /** Inclusive, seconds since 1970; null for the beginning. */
  readonly from: number | null
  /** The server's clock when this run of pages began; null between runs. */
  readonly began: number | null
  /** The run started from the beginning: every record is reported. */
  readonly full: boolean
  /** What was already reported of the time that will be read again: id to version. */
  readonly seen: Readonly<Record<string, string>>
  /** Events: what is known of answers to invitations. */
  readonly answers?: AnswersState
}

/** Transactions committed late and changes within one second are caught by reading these seconds twice. */
const OVERLAP = 5
const SEEN_LIMIT = 5_000

export interface FeedOptions {
  readonly sessions: Sessions
  readonly installation: Installation
  readonly clock: Clock
  readonly log: Log
  readonly pageSize: number
  /** Seconds from one look at answers to invitations to the next; 0 is every pull. */
  readonly answersSeconds: number
}

/** One page of what changed since, by the administrator's view of `vtesync.get_changes`: everybody's records. */
export async function pullPage(
  options: FeedOptions,
  kind: ItemKind,
  since: SyncState | null,
  known: KnownKeys,
): Promise<ChangePage> {
  const { sessions, installation, clock, log, pageSize } = options
  const cursor = readCursor(since)
  if (cursor === null) return { type: 'resync-required' }
  const zone = await installation.zone()
  const began = cursor.began ?? Math.floor((Date.parse(clock.now()) + (await installation.skewMs())) / 1_000)
  const answer = await changesSince(sessions, { module: MODULES[kind], from: cursor.from, entries: pageSize })
  checkZones(answer, zone)
  const sighted = sight(kind, answer, cursor, log)
  const changes = await toChanges(installation, kind, sighted, cursor.full ? null : known)
  if (!answer.more && answer.lastUpdate !== null) installation.setServerNow(answer.lastUpdate)
  const next = advance({ ...cursor, began }, answer, sighted.keys, zone)
  if (kind !== 'event') return page(changes, next, answer)
  for (const { raw, invitees } of sighted.all) installation.uninvited.note(raw, invitees)
  const withAnswers = { ...next, answers: answersOf(cursor, began, sighted) }
  if (answer.more || cursor.full) return page(changes, withAnswers, answer)
  const told = await tellAnswers(options, withAnswers, { now: began, keys: sighted.keys, known })
  return page([...changes, ...told.changes], told.next, answer)
}

const page = (changes: readonly Change[], next: Cursor, { more }: ChangesAnswer): ChangePage => ({
  type: 'page', changes, next: syncState(JSON.stringify(next)), more,
})

/** Coming events that are on this page are told with it. */
const answersOf = ({ answers }: Cursor, began: number, { all }: Sighted): AnswersState =>
  rememberAnswers(answers ?? { began, from: null, seen: {} }, all, began)

/** At the end of a reading of the feed, the answers that it cannot tell. A reading from the beginning has just told them. */
async function tellAnswers(
  { sessions, installation, log, pageSize, answersSeconds }: FeedOptions,
  next: Cursor & { answers: AnswersState },
  { now, keys, known }: { now: number; keys: Sighted['keys']; known: KnownKeys },
): Promise<{ changes: readonly Change[]; next: Cursor }> {
  const server = await installation.zone()
  const options = { sessions, log, every: answersSeconds, entries: pageSize * 2, server, now }
  const { events, state } = await sweepAnswers(options, next.answers, known)
  const fresh = events.filter(({ raw, invitees }) => keys.get(raw.id) !== keyOf('event', raw, invitees))
  const changes = await snapshotsOf(installation, 'event', fresh)
  const seen = { ...next.seen }
  // The next reading meets some of these again.
  for (const { raw, invitees } of fresh) if (raw.id in seen) seen[raw.id] = keyOf('event', raw, invitees)
  return { changes, next: { ...next, answers: state, seen } }
}

function readCursor(since: SyncState | null): Cursor | null {
  if (since === null) return { v: 1, from: null, began: null, full: true, seen: {} }
  try {
    const cursor = JSON.parse(since) as Partial<Cursor> | null
    const whole =
      cursor?.v === 1 && typeof cursor.from === 'number' && typeof cursor.seen === 'object' && cursor.seen !== null
    if (whole) return cursor as Cursor
  } catch {
    // Not ours, or cut: the caller starts again.
  }
  return null
}

function checkZones(answer: ChangesAnswer, zone: string): void {
  const changed = answer.localZone !== null && (answer.localZone !== zone || answer.userZone !== zone)
  if (!changed) return
  throw misconfigured(
    `The CRM's time zone is now ${answer.localZone}, the API user's ${answer.userZone ?? 'unknown'}; it was` +
      ` ${zone} for both. Set "Time Zone" of the API user to the server's zone and restart the connector.`,
  )
}

interface Sighted {
  /** Everything on the page that exists. */
  readonly all: readonly FullEvent[]
  /** What was not reported before. */
  readonly records: readonly FullEvent[]
  readonly deleted: readonly RawRecord[]
  /** Version of everything on the page, by id. */
  readonly keys: ReadonlyMap<string, string>
}

/** The records of the page, and which of them were not reported before. */
function sight(kind: ItemKind, answer: ChangesAnswer, cursor: Cursor, log: Log): Sighted {
  const all = readable(answer.records, log, fullEvent)
  const gone = readable(answer.deleted, log, (value) => rawRecord(value, 'vtesync.get_changes'))
  const keys = new Map<string, string>()
  for (const { raw, invitees } of all) keys.set(raw.id, keyOf(kind, raw, invitees))
  for (const raw of gone) keys.set(raw.id, `${raw.modifiedtime ?? ''}#deleted`)
  const fresh = (raw: RawRecord) => cursor.seen[raw.id] !== keys.get(raw.id)
  const time = ({ raw }: FullEvent) => raw.modifiedtime ?? ''
  const records = all.filter(({ raw }) => fresh(raw)).sort((left, right) => compare(time(left), time(right)))
  return { all, records, deleted: gone.filter(fresh), keys }
}

const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

function readable<T>(values: readonly unknown[], log: Log, read: (value: unknown) => T): T[] {
  return values.flatMap((value) => {
    try {
      return [read(value)]
    } catch {
      log.warn({}, 'The CRM reported a change without a record id; it is left out.')
      return []
    }
  })
}

/** @param known null when everything is to be reported */
async function toChanges(
  installation: Installation,
  kind: ItemKind,
  { records, deleted, keys }: Sighted,
  known: KnownKeys | null,
): Promise<readonly Change[]> {
  const held = known === null || records.length === 0 ? new Map() : await known(records.map(({ raw }) => itemId(raw.id)))
  const unknown = records.filter(({ raw }) => held.get(itemId(raw.id)) !== keys.get(raw.id))
  const gone = deleted.map((raw): Change => ({
    type: 'gone',
    id: itemId(raw.id),
    changeKey: changeKey(keys.get(raw.id) ?? ''),
    ...(raw.createdtime === undefined ? {} : { bornAt: raw.createdtime }),
  }))
  return [...(await snapshotsOf(installation, kind, unknown)), ...gone]
}

async function snapshotsOf(installation: Installation, kind: ItemKind, records: readonly FullEvent[]): Promise<Change[]> {
  if (records.length === 0) return []
  const reading = await installation.reading(kind, records.map(({ raw }) => raw))
  return records.map(({ raw, invitees }): Change => {
    try {
      return { type: 'seen', snapshot: toSnapshot(kind, raw, reading, invitees) }
    } catch (thrown) {
      if (!(thrown instanceof SyncError)) throw thrown
      return { type: 'broken', id: itemId(raw.id), changeKey: keyOf(kind, raw, invitees), error: thrown }
    }
  })
}

function advance(
  cursor: Cursor & { began: number },
  answer: ChangesAnswer,
  keys: ReadonlyMap<string, string>,
  zone: string,
): Cursor {
  const { from, began, full } = cursor
  // What changed while the pages were read is read again from when the first was asked for.
  const again = notBeforeFold(Math.min(began, answer.more ? began : (answer.lastUpdate ?? began)) - OVERLAP, zone)
  if (!answer.more) {
    return { v: 1, from: again, began: null, full: false, seen: keepSeen(cursor.seen, keys, again, zone) }
  }
  if (answer.lastUpdate === null) {
    throw badReply('more pages but no time to continue from', { operation: 'vtesync.get_changes', write: false })
  }
  // A page carries all records of its last second, so a page that ended where it began is over with that second;
  // asking for it again would never end.
  const stuck = from !== null && clockText(answer.lastUpdate, zone) <= clockText(from, zone)
  const next = stuck ? nextSecond(from, zone) : answer.lastUpdate
  return { v: 1, from: next, began, full, seen: keepSeen(cursor.seen, keys, Math.min(next, again), zone) }
}

/** Only what the next readings will meet again is worth remembering. */
function keepSeen(
  before: Readonly<Record<string, string>>,
  keys: ReadonlyMap<string, string>,
  from: number,
  zone: string,
): Record<string, string> {
  const earliest = clockText(from, zone)
  const kept = [...Object.entries(before), ...keys].filter(([, key]) => key.slice(0, 19) >= earliest)
  return Object.fromEntries(kept.slice(-SEEN_LIMIT))
}

/** A moment as the server's database writes it: the order of these texts is the order of the feed. */
function clockText(seconds: number, zone: string): string {
  const { date, time } = toLocal(new Date(seconds * 1_000).toISOString(), zone)
  return `${date} ${time}`
}

/**
 * The server compares local clock texts. When its clocks go back within the next two hours, what changes after that
 * carries an earlier text than what changes now: the reading must start at the earliest text still to come.
 */
function notBeforeFold(seconds: number, zone: string): number {
  let earliest = clockText(seconds, zone)
  let found = seconds
  for (let at = Math.ceil(seconds / 900) * 900; at <= seconds + 7_200; at += 900) {
    const text = clockText(at, zone)
    if (text >= earliest) continue
    earliest = text
    found = Date.parse(toInstant(text.slice(0, 10), text.slice(11), zone)) / 1_000
  }
  return found
}

/** The next second of the server's clock texts; in the doubled hour that may be an hour away. */
function nextSecond(seconds: number, zone: string): number {
  const text = clockText(seconds, zone)
  let next = Date.parse(toInstant(text.slice(0, 10), text.slice(11), zone)) / 1_000 + 1
  while (clockText(next, zone) <= text) next += 900
  return next
}
