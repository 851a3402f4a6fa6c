import { sql } from 'kysely'
import { canonicalJson, contentHash } from '../lib/content-hash.ts'
import type { Conflict } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import { jsonParameter, rows, textArray, wanted } from './database.ts'
import type { Database } from './database.ts'

type ConflictMethods = Pick<Tx, 'putConflicts' | 'conflicts' | 'decideConflict' | 'closeConflicts'>

type Clash = Pick<Conflict, 'base' | 'exchange' | 'crm'>
interface ConflictRecord extends Omit<Conflict, keyof Clash> {
  /** A value that a side does not have is absent here; SQL has no other way to tell it from null. */
  readonly clash: Partial<Clash>
}

export function conflictStatements(db: Database): ConflictMethods {
  return {
    async putConflicts(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.conflicts (id, lane, copy, kind, record, item, field, clash, clash_hash, winner, state, at)
        select id, lane, copy, kind, record, item, field, clash, clash_hash, winner, state, at
        from json_to_recordset(${jsonParameter(list.map(toRecord))}::json) as r(id text, lane text, copy text, kind text,
          record text, item text, field text, clash jsonb, clash_hash text, winner text, state text, at text)
        on conflict do nothing`)
    },
    async conflicts({ states, id, lane, copies }) {
      const conditions = [sql`true`]
      if (states !== undefined) conditions.push(sql`state = any(${textArray(states)})`)
      if (id !== undefined) conditions.push(sql`c.id = ${id}`)
      if (lane !== undefined) conditions.push(sql`lane = ${lane}`)
      const source = copies === undefined ? sql`connector.conflicts c` : sql`${wanted(copies)} cross join lateral (
        select * from connector.conflicts where copy = wanted.id offset 0) c`
      const found = await rows(db, sql<ConflictRecord>`
        select c.id, lane, copy, kind, record, item, field, clash, winner, state, at
        from ${source} where ${sql.join(conditions, sql` and `)} order by seq desc`)
      return found.map(({ clash: { base, exchange, crm }, ...row }) => ({ ...row, base, exchange, crm }))
    },
    async decideConflict(id, winner) {
      await rows(db, sql`update connector.conflicts set winner = ${winner}, state = 'decided' where id = ${id}`)
    },
    async closeConflicts(ids) {
      await rows(db, sql`update connector.conflicts set state = 'closed' where id = any(${textArray(ids)})`)
    },
  }
}

function toRecord({ base, exchange, crm, ...row }: Conflict) {
  const clash = { base, exchange, crm }
  return { ...row, clash, clash_hash: contentHash([row.copy, row.field, canonicalJson(clash)]) }
}
