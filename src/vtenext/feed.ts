import { SyncError } from '../lib/errors.ts'
import { toInstant, toLocal } from '../lib/zoned.ts'
import { changeKey, itemId, syncState, type ItemKind, type SyncState } from '../model/index.ts'
import type { Change, ChangePage, Clock, KnownKeys, Log } from '../ports.ts'
import { changesSince, type ChangesAnswer } from './changes.ts'
import { badReply, misconfigured } from './errors.ts'
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
}

/** One page of what changed since, by the administrator's view of `vtesync.get_changes`: everybody's records. */
export async function pullPage(
  { sessions, installation, clock, log, pageSize }: FeedOptions,
  kind: ItemKind,
  since: SyncState | null,
  known: KnownKeys,
): Promise<ChangePage> {
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
  return { type: 'page', changes, next: syncState(JSON.stringify(next)), more: answer.more }
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
  readonly records: readonly RawRecord[]
  readonly deleted: readonly RawRecord[]
  /** Version of everything on the page, by id. */
  readonly keys: ReadonlyMap<string, string>
  /** UIDs that several records of the page carry. */
  readonly repeated: ReadonlySet<string>
}

/** The records of the page that were not reported before. */
function sight(kind: ItemKind, answer: ChangesAnswer, cursor: Cursor, log: Log): Sighted {
  const all = readable(answer.records, log)
  const gone = readable(answer.deleted, log)
  const keys = new Map<string, string>()
  const uids = new Set<string>()
  const repeated = new Set<string>()
  for (const raw of all) {
    keys.set(raw.id, keyOf(kind, raw))
    const uid = raw.ical_uuid ?? ''
    if (kind === 'event' && uid !== '') (uids.has(uid) ? repeated : uids).add(uid)
  }
  for (const raw of gone) keys.set(raw.id, `${raw.modifiedtime ?? ''}#deleted`)
  const fresh = (raw: RawRecord) => cursor.seen[raw.id] !== keys.get(raw.id)
  const byTime = (left: RawRecord, right: RawRecord) => compare(left.modifiedtime ?? '', right.modifiedtime ?? '')
  return { records: all.filter(fresh).sort(byTime), deleted: gone.filter(fresh), keys, repeated }
}

const compare = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0)

function readable(values: readonly unknown[], log: Log): RawRecord[] {
  return values.flatMap((value) => {
    try {
      return [rawRecord(value, 'vtesync.get_changes')]
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
  sighted: Sighted,
  known: KnownKeys | null,
): Promise<readonly Change[]> {
  const { records, deleted, keys, repeated } = sighted
  const held = known === null || records.length === 0 ? new Map() : await known(records.map(({ id }) => itemId(id)))
  const unknown = records.filter(({ id }) => held.get(itemId(id)) !== keys.get(id))
  const changes: Change[] = []
  if (unknown.length > 0) {
    const reading = await installation.reading(kind, unknown)
    for (const raw of unknown) {
      try {
        changes.push({ type: 'seen', snapshot: toSnapshot(kind, raw, reading, repeated.has(raw.ical_uuid ?? '')) })
      } catch (thrown) {
        if (!(thrown instanceof SyncError)) throw thrown
        changes.push({
          type: 'broken',
          id: itemId(raw.id),
          changeKey: changeKey(keys.get(raw.id) ?? ''),
          error: thrown,
        })
      }
    }
  }
  for (const raw of deleted) {
    changes.push({
      type: 'gone',
      id: itemId(raw.id),
      changeKey: changeKey(keys.get(raw.id) ?? ''),
      ...(raw.createdtime === undefined ? {} : { bornAt: raw.createdtime }),
    })
  }
  return changes
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
