import { changesSince } from './changes.ts'
import { inviteesOf, type Invitee } from './invitees.ts'
import { rawRecord, serverMoment, type RawRecord } from './record.ts'
import { MODULES } from './schema.ts'
import type { Sessions } from './session.ts'

/** An event record together with its invitees, both of one moment. */
export interface FullEvent {
  readonly raw: RawRecord
  readonly invitees: readonly Invitee[]
}

/** Seconds between two changes that are still asked for in one call. */
const GAP = 30
const ENTRIES = 500

/** @throws SyncError CRM_BAD_REPLY when it is not a record at all */
export const fullEvent = (value: unknown): FullEvent => ({
  raw: rawRecord(value, 'vtesync.get_changes'),
  invitees: inviteesOf(value),
})

/**
 * Reads events by when they were last changed: the change feed is the only call that lists invitees, and it can be asked
 * for certain seconds only.
 * @param wanted ids with their modified times as the server writes them
 * @returns those of them that still have that time
 */
export async function readFull(
  sessions: Sessions,
  wanted: readonly RawRecord[],
  server: string,
): Promise<ReadonlyMap<string, FullEvent>> {
  const times = new Map(wanted.map(({ id, modifiedtime }) => [id, modifiedtime ?? '']))
  const found = new Map<string, FullEvent>()
  const seconds = [...new Set(times.values())].map((time) => Date.parse(serverMoment(time, server)) / 1_000)
  await sessions.map(spans(seconds), async ({ from, to }) => {
    for await (const value of eventsChanged(sessions, from, to)) {
      const event = fullEvent(value)
      if (times.get(event.raw.id) === event.raw.modifiedtime) found.set(event.raw.id, event)
    }
  })
  return found
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Few calls: seconds that lie close together are read as one span. */
function spans(seconds: readonly number[]): Span[] {
  const result: Span[] = []
  for (const second of seconds.toSorted((left, right) => left - right)) {
    const last = result.at(-1)
    if (last !== undefined && second - last.to <= GAP) result[result.length - 1] = { from: last.from, to: second }
    else result.push({ from: second, to: second })
  }
  return result
}

async function* eventsChanged(sessions: Sessions, start: number, to: number): AsyncGenerator<unknown> {
  for (let from = start; from <= to; ) {
    const query = { module: MODULES.event, from, to, entries: ENTRIES }
    const { records, deleted, more, lastUpdate } = await changesSince(sessions, query)
    yield* records
    // `more` does not look at the end: a page with room left was the last.
    if (!more || lastUpdate === null || records.length + deleted.length < ENTRIES / 2) return
    from = Math.max(lastUpdate, from + 1)
  }
}
