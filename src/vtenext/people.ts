import { SyncError } from '../lib/errors.ts'
import { isZone } from '../lib/zoned.ts'
import { assigneeId, type AssigneeId, type CrmGroup, type CrmUser } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { rawRecord, type RawRecord } from './record.ts'
import { isGone, type Sessions } from './session.ts'

const CACHE_MS = 10 * 60_000
/** How far past the highest known number groups are looked for. */
const PROBE_AHEAD = 20

export interface People {
  users(): Promise<readonly CrmUser[]>
  groups(): Promise<readonly CrmGroup[]>
  /** What `users` last gave; null before the first time. Asks nothing. */
  known(): readonly CrmUser[] | null
  /** The zone of an owner; null for groups and unknown users. Asks nothing: what `users` last gave. */
  zoneOf(assignee: string): string | null
  /** Whether records can be given to this user or group. */
  exists(assignee: AssigneeId): Promise<boolean>
}

/** A value kept for ten minutes; asked for once however many wait for it. */
export function cached<T>(clock: Clock, ask: () => Promise<T>): (fresh?: boolean) => Promise<T> {
  let held: { value: Promise<T>; at: number } | null = null
  return (fresh = false) => {
    if (held !== null && !fresh && clock.elapsedMs() - held.at < CACHE_MS) return held.value
    const entry = { value: ask(), at: clock.elapsedMs() }
    held = entry
    entry.value.catch(() => {
      if (held === entry) held = null
    })
    return entry.value
  }
}

/** Only the named columns: for an administrator `*` would include every user's access key and password hash. */
const USER_QUERY =
  'select id,user_name,first_name,last_name,email1,email2,status,user_timezone,date_format,is_admin' +
  ' from Users limit 100000;'

/**
 * query: https://wiki.vtiger.com/archives/index.php/Webservice_reference_manual#Query
 * @returns users as the CRM writes them
 */
export async function queryUsers(sessions: Sessions): Promise<readonly RawRecord[]> {
  const rows = await sessions.call('query', { query: USER_QUERY })
  return Array.isArray(rows) ? rows.map((row) => rawRecord(row, 'query')) : []
}

export const isAdmin = (row: RawRecord): boolean => ['on', '1', 'true'].includes(row.is_admin ?? '')

/** @param server the zone that stands in for a user's own when it cannot be read */
export function createPeople(sessions: Sessions, clock: Clock, server: () => Promise<string>): People {
  const zones = new Map<string, string>()
  let known: readonly CrmUser[] | null = null
  const groupPrefix = cached(clock, async () => {
    const described = (await sessions.call('describe', { elementType: 'Groups' })) as { idPrefix?: unknown } | null
    return String(described?.idPrefix ?? '')
  })

  const users = cached(clock, async () => {
    const fallback = await server()
    const rows = await queryUsers(sessions)
    const list = rows.map((row) => toUser(row, fallback))
    for (const user of list) zones.set(user.id, user.zone)
    known = list
    return list
  })

  /** Groups cannot be listed; they share one number sequence with users, so every other number is tried. */
  const groups = cached(clock, async () => {
    const prefix = await groupPrefix()
    const taken = new Set((await users()).map(({ id }) => Number(id.split('x')[1])))
    const found: CrmGroup[] = []
    let highest = Math.max(0, ...taken)
    for (let from = 1; from <= highest + PROBE_AHEAD; ) {
      const to = highest + PROBE_AHEAD
      const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((number) => !taken.has(number))
      const batch = (await sessions.map(numbers, (number) => probe(`${prefix}x${number}`))).filter(
        (group) => group !== null,
      )
      found.push(...batch)
      highest = Math.max(highest, ...batch.map(({ id }) => Number(id.split('x')[1])))
      from = to + 1
    }
    return found
  })

  async function probe(id: string): Promise<CrmGroup | null> {
    try {
      const raw = rawRecord(await sessions.call('retrieve', { id }), 'retrieve')
      return { id: assigneeId(raw.id), name: raw.groupname ?? '', members: [] }
    } catch (thrown) {
      if (isGone(thrown) || (thrown instanceof SyncError && thrown.scope === 'item')) return null
      throw thrown
    }
  }

  return {
    users: () => users(),
    groups: () => groups(),
    known: () => known,
    zoneOf: (assignee) => zones.get(assignee) ?? null,
    async exists(assignee) {
      const has = (list: readonly { readonly id: AssigneeId }[]) => list.some(({ id }) => id === assignee)
      if (assignee.startsWith(`${await groupPrefix()}x`)) return has(await groups()) || (await probe(assignee)) !== null
      return has(await users()) || has(await users(true))
    },
  }
}

function toUser(row: RawRecord, fallback: string): CrmUser {
  const zone = row.user_timezone ?? ''
  return {
    id: assigneeId(row.id),
    name: row.user_name ?? '',
    fullName: `${row.first_name ?? ''} ${row.last_name ?? ''}`.trim(),
    addresses: [row.email1, row.email2].map((address) => (address ?? '').trim().toLowerCase()).filter((a) => a !== ''),
    active: row.status === 'Active',
    admin: isAdmin(row),
    zone: isZone(zone) ? zone : fallback,
  }
}
