import { sql } from 'kysely'
import { contentHash } from '../lib/content-hash.ts'
import type { CopyId, MailboxId, Operation } from '../model/index.ts'
import type { JournalQuery, Tx } from '../ports.ts'
import { jsonParameter, rows, textArray, wanted } from './database.ts'
import type { Database } from './database.ts'

type OperationMethods = Pick<Tx, 'openOperations' | 'settleOperations' | 'unsettled' | 'lanesCreating' | 'journal' | 'forgetValues' | 'recentWrites'>

const COLUMNS = sql.raw(`id, lane, copy, link, kind, side, type, item, expect, token, before, after, intent, reason, at,
  state, outcome`)

/** Most writes leave nobody untold, and say nothing of it. */
type Row = Omit<Operation, 'untold'> & { readonly untold: Operation['untold'] | null }
const operationOf = ({ untold, ...row }: Row): Operation => (untold == null ? row : { ...row, untold })

export function operationStatements(db: Database): OperationMethods {
  return {
    async openOperations(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.operations (id, lane, copy, link, kind, side, type, item, expect, token, before, after,
          after_hash, intent, from_item, reason, at, state, outcome, untold)
        select id, lane, copy, link, kind, side, type, item, expect, token, before, after, after_hash, intent, from_item,
          reason, at, state, outcome, untold
        from json_to_recordset(${jsonParameter(list.map(withKeys))}::json) as r(id text, lane text, copy text, link text,
          kind text, side text, type text, item text, expect text, token text, before jsonb, after jsonb, after_hash text,
          intent jsonb, from_item text, reason text, at text, state text, outcome text, untold jsonb)`)
    },
    async settleOperations(list) {
      if (list.length === 0) return
      await rows(db, sql`
        update connector.operations o set item = r.item, state = r.state, outcome = r.outcome
        from json_to_recordset(${jsonParameter(list.map(settled))}::json) as r(id text, item text, state text, outcome text)
        where o.id = r.id`)
    },
    async unsettled(lane) {
      const found = await rows(db, sql<Row>`select ${COLUMNS}, untold from connector.operations where lane = ${lane} and state = 'open' order by seq`)
      return found.map(operationOf)
    },
    async lanesCreating(side) {
      const found = await rows(db, sql<{ lane: MailboxId }>`
        select distinct lane from connector.operations where state = 'open' and type = 'create' and side = ${side} order by lane`)
      return found.map(({ lane }) => lane)
    },
    journal: (query) => journal(db, query),
    async forgetValues(copies) {
      if (copies.length === 0) return
      await rows(db, sql`update connector.operations set before = null, after = null, untold = null where copy = any(${textArray(copies)}) and state <> 'open'`)
      await rows(db, sql`delete from connector.conflicts where copy = any(${textArray(copies)}) and state = 'closed'`)
    },
    async recentWrites(copies, since) {
      const found = await rows(db, sql<{ copy: CopyId; hashes: string[] }>`
        select o.copy, array_agg(o.after_hash order by o.seq) as hashes from ${wanted(copies)} cross join lateral (
          select copy, after_hash, seq from connector.operations
          where copy = wanted.id and at >= ${since} and after_hash is not null and state <> 'failed' offset 0) o
        group by o.copy`)
      return new Map(found.map((row) => [row.copy, row.hashes]))
    },
  }
}

/** Only content that was written has a hash: stamps and references say nothing about a loop. */
function withKeys(row: Operation) {
  const writesContent = (row.type === 'create' || row.type === 'update') && row.after !== null
  return { ...row, after_hash: writesContent ? contentHash(row.after) : null, from_item: row.intent?.from.id ?? null }
}

const settled = ({ id, item, state, outcome }: Pick<Operation, 'id' | 'item' | 'state' | 'outcome'>) => ({ id, item, state, outcome })

/** An item's story is that of every copy it is or was part of, on both sides: also what was written to its counterpart. */
async function journal(db: Database, { lane, item, id, limit }: JournalQuery): Promise<readonly Operation[]> {
  const conditions = [sql`true`]
  let source = sql`connector.operations`
  if (lane !== undefined) conditions.push(sql`lane = ${lane}`)
  if (id !== undefined) conditions.push(sql`id = ${id}`)
  if (item !== undefined) {
    source = sql`(
      select id from connector.copies where item = ${item}
      union select id from connector.copies where record = ${item}
      union select copy from connector.operations where item = ${item}
      union select copy from connector.operations where from_item = ${item}
    ) wanted(copy_id) cross join lateral (select * from connector.operations where copy = wanted.copy_id offset 0) o`
  }
  const found = await rows(db, sql<Row>`
    select ${COLUMNS}, untold from ${source} where ${sql.join(conditions, sql` and `)} order by seq desc limit ${limit}`)
  return found.map(operationOf)
}
