import { sql } from 'kysely'
import type { Held } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import { jsonParameter, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

type HeldMethods = Pick<Tx, 'putHeld' | 'held' | 'decideHeld' | 'removeHeld'>

export function heldStatements(db: Database): HeldMethods {
  return {
    async putHeld(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.held (id, lane, kind, what, side, item, copy, candidates, reason, at, decision)
        select id, lane, kind, what, side, item, copy, candidates, reason, at, decision
        from json_to_recordset(${jsonParameter(list)}::json) as r(id text, lane text, kind text, what text, side text,
          item text, copy text, candidates jsonb, reason text, at text, decision text)
        on conflict do nothing`)
    },
    async held({ open, id, lane }) {
      const conditions = [sql`true`]
      if (open !== undefined) conditions.push(open ? sql`decision is null` : sql`decision is not null`)
      if (id !== undefined) conditions.push(sql`id = ${id}`)
      if (lane !== undefined) conditions.push(sql`lane = ${lane}`)
      return rows(db, sql<Held>`
        select id, lane, kind, what, side, item, copy, candidates, reason, at, decision
        from connector.held where ${sql.join(conditions, sql` and `)} order by seq`)
    },
    async decideHeld(id, decision) {
      await rows(db, sql`update connector.held set decision = ${decision} where id = ${id}`)
    },
    async removeHeld(ids) {
      await rows(db, sql`delete from connector.held where id = any(${textArray(ids)})`)
    },
  }
}
