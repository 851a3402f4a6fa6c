import { sql } from 'kysely'
import { contentHash } from '../lib/content-hash.ts'
import { naturalKey } from '../model/index.ts'
import type { InboxRow } from '../model/index.ts'
import type { InboxRef, NewInboxRow, Tx } from '../ports.ts'
import { jsonParameter, rows, wanted } from './database.ts'
import type { Database } from './database.ts'

type InboxMethods = Pick<
  Tx,
  | 'putInbox' | 'takeInbox' | 'hastenInbox' | 'inboxOf' | 'inboxLike' | 'inboxGone' | 'lanesWaitingFor' | 'dropInbox'
  | 'deferInbox' | 'countInbox'
>

const COLUMNS = sql.raw(`r.lane, r.side, r.id, r.kind, r.sighting, r.due_at as "dueAt", r.attempts, r.error,
  r.suspect_since as "suspectSince", r.version`)

export function inboxStatements(db: Database): InboxMethods {
  return {
    async putInbox(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.inbox (lane, side, id, kind, sighting, due_at, attempts, suspect_since, gone, uid_key,
          natural_key)
        select lane, side, id, kind, sighting, "dueAt", 0, "suspectSince", gone, "uidKey", "naturalKey"
        from json_to_recordset(${jsonParameter(latest(list).map(withKeys))}::json) as r(lane text, side text, id text,
          kind text, sighting jsonb, "dueAt" text, "suspectSince" text, gone boolean, "uidKey" text, "naturalKey" text)
        on conflict (lane, side, id) do update set kind = excluded.kind, sighting = excluded.sighting,
          due_at = excluded.due_at, attempts = 0, error = null, suspect_since = excluded.suspect_since,
          version = excluded.version, gone = excluded.gone, uid_key = excluded.uid_key, natural_key = excluded.natural_key`)
    },
    takeInbox: (lane, now, limit) =>
      rows(db, sql<InboxRow>`
        select ${COLUMNS} from connector.inbox r
        where lane = ${lane} and due_at <= ${now} order by side desc, due_at, version limit ${limit}`),
    async hastenInbox(lane, now) {
      await rows(db, sql`update connector.inbox set due_at = ${now} where lane = ${lane} and due_at > ${now}`)
    },
    inboxOf: (lane, side, ids) =>
      rows(db, sql<InboxRow>`
        select ${COLUMNS} from ${wanted(ids)} cross join lateral (
          select * from connector.inbox where id = wanted.id offset 0) r
        where r.lane = ${lane} and r.side = ${side} order by r.version`),
    async inboxLike(lane, side, uids, naturalKeys) {
      const found = await rows(db, sql<InboxRow>`
        select ${COLUMNS} from ${wanted(uids.map((uid) => digest(lane, side, uid)))} cross join lateral (
          select * from connector.inbox where uid_key = wanted.id offset 0) r
        union all
        select ${COLUMNS} from ${wanted(naturalKeys.map((key) => digest(lane, side, key)))} cross join lateral (
          select * from connector.inbox where natural_key = wanted.id offset 0) r`)
      return [...new Map(found.map((row) => [row.version, row])).values()].sort((a, b) => a.version - b.version)
    },
    inboxGone: (lane) =>
      rows(db, sql<InboxRow>`select ${COLUMNS} from connector.inbox r where lane = ${lane} and gone order by version`),
    lanesWaitingFor: (side, ids) =>
      rows(db, sql<Pick<InboxRow, 'lane' | 'id'>>`
        select r.lane, r.id from ${wanted(ids)} cross join lateral (
          select * from connector.inbox where id = wanted.id offset 0) r
        where r.side = ${side} order by r.lane, r.id`),
    async dropInbox(refs) {
      if (refs.length === 0) return
      await rows(db, sql`
        delete from connector.inbox i
        using json_to_recordset(${refsParameter(refs)}::json) as r(lane text, side text, id text, version bigint)
        where i.lane = r.lane and i.side = r.side and i.id = r.id and i.version = r.version`)
    },
    async deferInbox(list) {
      if (list.length === 0) return
      await rows(db, sql`
        update connector.inbox i set due_at = r."dueAt", attempts = r.attempts, error = r.error,
          suspect_since = r."suspectSince"
        from json_to_recordset(${jsonParameter(list)}::json) as r(lane text, side text, id text, version bigint,
          "dueAt" text, attempts int, error jsonb, "suspectSince" text)
        where i.lane = r.lane and i.side = r.side and i.id = r.id and i.version = r.version`)
    },
    async countInbox(lane) {
      const [row] = await rows(db, sql<{ waiting: number; failing: number }>`
        select count(*) as waiting, count(error) as failing from connector.inbox where lane = ${lane}`)
      return { waiting: row?.waiting ?? 0, failing: row?.failing ?? 0 }
    },
  }
}

/** One statement cannot write a row twice: the last sighting of an item is the one that counts. */
function latest(list: readonly NewInboxRow[]): readonly NewInboxRow[] {
  const byId = new Map(list.map((row) => [`${row.lane}\u0001${row.side}\u0001${row.id}`, row]))
  return byId.size === list.length ? list : [...byId.values()]
}

function withKeys(row: NewInboxRow) {
  if (row.sighting.type !== 'seen') return { ...row, gone: true }
  const { uid, item } = row.sighting.snapshot
  const key = naturalKey(item)
  const digestOf = (text: string | null | undefined) => text == null ? null : digest(row.lane, row.side, text)
  return { ...row, gone: false, uidKey: digestOf(uid), naturalKey: digestOf(key) }
}

const digest = (lane: InboxRow['lane'], side: InboxRow['side'], text: string): string => contentHash([lane, side, text])

const refsParameter = (refs: readonly InboxRef[]) =>
  jsonParameter(refs.map(({ lane, side, id, version }) => ({ lane, side, id, version })))
