import { sql } from 'kysely'
import type { Skip } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import { jsonParameter, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

type SkipMethods = Pick<Tx, 'putSkips' | 'dropSkips' | 'skipsDue' | 'skips' | 'countSkips'>

const COLUMNS = sql.raw('lane, side, id, kind, reason, uid, enter_at as "enterAt", at')

export function skipStatements(db: Database): SkipMethods {
  return {
    async putSkips(list) {
      const byId = new Map(list.map((row) => [`${row.lane}\u0001${row.side}\u0001${row.id}`, row]))
      if (byId.size === 0) return
      await rows(db, sql`
        insert into connector.skips (lane, side, id, kind, reason, uid, enter_at, at)
        select lane, side, id, kind, reason, uid, "enterAt", at
        from json_to_recordset(${jsonParameter([...byId.values()])}::json) as r(lane text, side text, id text, kind text,
          reason text, uid text, "enterAt" text, at text)
        on conflict (lane, side, id) do update set kind = excluded.kind, reason = excluded.reason, uid = excluded.uid,
          enter_at = excluded.enter_at, at = excluded.at`)
    },
    async dropSkips(lane, side, ids) {
      await rows(db, sql`delete from connector.skips where lane = ${lane} and side = ${side} and id = any(${textArray(ids)})`)
    },
    skipsDue: (lane, now, limit) =>
      rows(db, sql<Skip>`
        select ${COLUMNS} from connector.skips where lane = ${lane} and enter_at is not null and enter_at <= ${now}
        order by enter_at, side, id limit ${limit}`),
    skips: (lane, limit) =>
      rows(db, sql<Skip>`
        select ${COLUMNS} from connector.skips ${lane === null ? sql`` : sql`where lane = ${lane}`}
        order by at desc, lane, side, id limit ${limit}`),
    async countSkips(lane) {
      const [row] = await rows(db, sql<{ count: number }>`select count(*) as count from connector.skips where lane = ${lane}`)
      return row?.count ?? 0
    },
  }
}
