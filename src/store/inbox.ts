import { sql } from 'kysely'
import { naturalKey } from '../model/index.ts'
import type { InboxRow } from '../model/index.ts'
import type { InboxRef, NewInboxRow, Tx } from '../ports.ts'
import { jsonParameter, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

type InboxMethods = Pick<
  Tx,
  | 'putInbox' | 'takeInbox' | 'hastenInbox' | 'inboxOf' | 'inboxLike' | 'inboxGone' | 'lanesWaitingFor' | 'dropInbox'
  | 'deferInbox' | 'countInbox'
>

const COLUMNS = sql.raw(`lane, side, id, kind, sighting, due_at as "dueAt", attempts, error,
  suspect_since as "suspectSince", version`)

export function inboxStatements(db: Database): InboxMethods {
  return {
    async putInbox(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.inbox (lane, side, id, kind, sighting, due_at, attempts, suspect_since, gone, uid,
          natural_key)
        select lane, side, id, kind, sighting, "dueAt", 0, "suspectSince", gone, uid, "naturalKey"
        from json_to_recordset(${jsonParameter(latest(list).map(withKeys))}::json) as r(lane text, side text, id text,
          kind text, sighting jsonb, "dueAt" text, "suspectSince" text, gone boolean, uid text, "naturalKey" text)
        on conflict (lane, side, id) do update set kind = excluded.kind, sighting = excluded.sighting,
          due_at = excluded.due_at, attempts = 0, error = null, suspect_since = excluded.suspect_since,
          version = excluded.version, gone = excluded.gone, uid = excluded.uid, natural_key = excluded.natural_key`)
    },
    takeInbox: (lane, now, limit) =>
      rows(db, sql<InboxRow>`
        select ${COLUMNS} from connector.inbox
        where lane = ${lane} and due_at <= ${now} order by due_at, version limit ${limit}`),
    async hastenInbox(lane, now) {
      await rows(db, sql`update connector.inbox set due_at = ${now} where lane = ${lane} and due_at > ${now}`)
    },
    inboxOf: (lane, side, ids) =>
      rows(db, sql<InboxRow>`
        select ${COLUMNS} from connector.inbox
        where lane = ${lane} and side = ${side} and id = any(${textArray(ids)}) order by version`),
    // Two plain index scans, put together here: joined in SQL, the planner trusts statistics that are stale after a
    // bulk load and was seen to compare every row with every other one.
    async inboxLike(lane, side, uids, naturalKeys) {
      const found = await rows(db, sql<InboxRow>`
        select ${COLUMNS} from connector.inbox
        where lane = ${lane} and side = ${side} and uid is not null and uid = any(${textArray(uids)})
        union all
        select ${COLUMNS} from connector.inbox
        where lane = ${lane} and side = ${side} and natural_key is not null and natural_key = any(${textArray(naturalKeys)})`)
      return [...new Map(found.map((row) => [row.version, row])).values()].sort((a, b) => a.version - b.version)
    },
    inboxGone: (lane) =>
      rows(db, sql<InboxRow>`select ${COLUMNS} from connector.inbox where lane = ${lane} and gone order by version`),
    lanesWaitingFor: (side, ids) =>
      rows(db, sql<Pick<InboxRow, 'lane' | 'id'>>`
        select lane, id from connector.inbox where id = any(${textArray(ids)}) and side = ${side} order by lane, id`),
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
  return { ...row, gone: false, uid: uid ?? null, naturalKey: naturalKey(item) }
}

const refsParameter = (refs: readonly InboxRef[]) =>
  jsonParameter(refs.map(({ lane, side, id, version }) => ({ lane, side, id, version })))
