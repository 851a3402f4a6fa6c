import { badReply } from './errors.ts'
import type { Sessions } from './session.ts'

/** One answer of the change feed. */
export interface ChangesAnswer {
  /** Created and updated alike: a record that was touched again in a later second is "updated" on first sight. */
  readonly records: readonly unknown[]
  readonly deleted: readonly unknown[]
  readonly more: boolean
  /** Seconds since 1970: the server's clock on the last page, else the modified time of the page's last record. */
  readonly lastUpdate: number | null
  /** Zone of the server; null when no `from` was given. */
  readonly localZone: string | null
  /** Zone of the caller. */
  readonly userZone: string | null
}

export interface ChangesQuery {
  readonly module: string
  /** Seconds since 1970, inclusive; null for everything. */
  readonly from: number | null
  /** Seconds since 1970, inclusive; `more` does not look at it. Needs `from`. */
  readonly to?: number
  /** A page holds this many records, and all others of its last second. */
  readonly entries: number
  /** Whether `from` and `to` are about the start of an event instead of its last change; deleted ones are left out. */
  readonly byStart?: boolean
}

/** vtesync.get_changes, of the module VteSync: https://github.com/VTECRM/vtenext (modules/VteSync) */
export async function changesSince(sessions: Sessions, query: ChangesQuery): Promise<ChangesAnswer> {
  const result = (await sessions.call('vtesync.get_changes', {
    module: query.module,
    maxEntries: String(query.entries),
    ...(query.from === null ? {} : { dateFrom: isoSeconds(query.from) }),
    ...(query.to === undefined ? {} : { dateTo: isoSeconds(query.to) }),
    // "0" would count as not given.
    ...(query.byStart === true ? { dateField: 'time_start', showDeleted: 'false' } : {}),
  })) as Record<string, unknown> | null
  if (
    typeof result !== 'object' ||
    result === null ||
    !Array.isArray(result.created) ||
    !Array.isArray(result.updated)
  ) {
    throw badReply('no list of changes', { operation: 'vtesync.get_changes', write: false })
  }
  const lastUpdate = Number(result.last_update)
  return {
    records: [...result.created, ...result.updated],
    deleted: Array.isArray(result.deleted) ? result.deleted : [],
    more: result.more === true,
    lastUpdate: result.last_update !== null && Number.isFinite(lastUpdate) && lastUpdate > 0 ? lastUpdate : null,
    localZone: typeof result.local_timezone === 'string' ? result.local_timezone : null,
    userZone: typeof result.user_timezone === 'string' ? result.user_timezone : null,
  }
}

/** Whole seconds with an offset; the server refuses milliseconds. */
const isoSeconds = (seconds: number) => `${new Date(seconds * 1_000).toISOString().slice(0, 19)}+0000`
