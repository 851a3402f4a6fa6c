import { sql } from 'kysely'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conflictStatements } from '../../src/store/conflicts.ts'
import { openDatabase, openPool, rows } from '../../src/store/database.ts'
import type { Database } from '../../src/store/database.ts'
import { heldStatements } from '../../src/store/held.ts'
import { inboxStatements } from '../../src/store/inbox.ts'
import { linkStatements } from '../../src/store/links.ts'
import { operationStatements } from '../../src/store/operations.ts'
import { contentHash } from '../../src/lib/content-hash.ts'
import { itemId, naturalKey } from '../../src/model/index.ts'
import type { MailboxId } from '../../src/model/index.ts'
import { testDatabase } from '../support/postgres.ts'
import type { TestDatabase } from '../support/postgres.ts'
import { aConflict, aCopy, aHeld, ALICE, anEvent, anOperation, aSighting, aSnapshot, aTombstone, at, BOB } from '../support/store-rows.ts'

const ROWS = 6000
const WANTED = Array.from({ length: 300 }, (_, n) => `${n * 20}`)
/** A question touches up to six rows for an item (its copy, its link, both again to remove them), never the whole lane. */
const FEW = 6 * WANTED.length
const TABLES = ['inbox', 'links', 'copies', 'operations', 'tombstones', 'conflicts', 'held']

const statements = (db: Database) => ({
  ...inboxStatements(db), ...linkStatements(db), ...operationStatements(db), ...conflictStatements(db), ...heldStatements(db),
})
type Statements = ReturnType<typeof statements>

const QUESTIONS: readonly (readonly [string, (tx: Statements) => Promise<unknown>])[] = [
  ['takeInbox', (tx) => tx.takeInbox(ALICE, at(10), 10)],
  ['inboxOf', (tx) => tx.inboxOf(ALICE, 'exchange', WANTED as never)],
  ['inboxLike', (tx) => tx.inboxLike(ALICE, 'exchange', WANTED.map((id) => `uid-${id}`), WANTED.flatMap((id) => naturalKey(anEvent(id)) ?? []))],
  ['inboxGone', (tx) => tx.inboxGone(ALICE)],
  ['lanesWaitingFor', (tx) => tx.lanesWaitingFor('exchange', WANTED as never)],
  ['dropInbox', (tx) => tx.dropInbox(WANTED.map((id, version) => ({ lane: ALICE, side: 'exchange', id, version })) as never)],
  ['copiesByItem', (tx) => tx.copiesByItem(ALICE, WANTED.map((id) => `item-${id}`) as never)],
  ['copiesByRecord', (tx) => tx.copiesByRecord(WANTED.map((id) => `record-${id}`) as never)],
  ['copiesByUid', (tx) => tx.copiesByUid(WANTED.map((id) => `uid-${id}`))],
  ['copiesById', (tx) => tx.copiesById(WANTED as never)],
  ['copiesOf', (tx) => tx.copiesOf(ALICE, 'event', null, 10)],
  ['copiesUnmarked', (tx) => tx.copiesUnmarked(ALICE, 10)],
  ['saveCopies', (tx) => tx.saveCopies(WANTED.map((id) => aCopy(id)))],
  ['saveCopies of records made again', (tx) => tx.saveCopies(WANTED.map((id) => aCopy(id, {}, { record: itemId(`again-${id}`) })))],
  ['saveCopies of new ones', (tx) => tx.saveCopies(WANTED.map((id) => aCopy(`new-${id}`)))],
  ['removeCopies', (tx) => tx.removeCopies(WANTED.slice(0, 50) as never)],
  ['tombstones', (tx) => tx.tombstones(ALICE, WANTED.flatMap((id) => [`i-${id}`, `r-${id}`]) as never)],
  ['recentWrites', (tx) => tx.recentWrites(WANTED as never, at(0))],
  ['unsettled', (tx) => tx.unsettled(ALICE)],
  ['lanes that create', (tx) => tx.lanesCreating('crm')],
  ['journal of an item', (tx) => tx.journal({ item: 'item-20', limit: 10 })],
  ['conflicts of copies', (tx) => tx.conflicts({ copies: WANTED as never })],
  ['decided conflicts', (tx) => tx.conflicts({ lane: ALICE, states: ['decided'] })],
  ['decided questions', (tx) => tx.held({ lane: ALICE, open: false })],
]

describe.each([
  ['that were never made', 0],
  ['of a time when there were three rows of another mailbox', 3],
])('with statistics %s, the rows read are those asked for', (_name, known) => {
  let database: TestDatabase
  let pool: pg.Pool
  let db: Database

  beforeAll(async () => {
    database = await testDatabase()
    pool = openPool(database.url, () => undefined)
    db = openDatabase(pool)
    for (const table of TABLES) await pool.query(`alter table connector.${table} set (autovacuum_enabled = false)`)
    await load(statements(db), BOB, Array.from({ length: known }, (_, n) => `b${n}`))
    if (known > 0) await pool.query(`analyze ${TABLES.map((table) => `connector.${table}`).join(', ')}`)
    await load(statements(db), ALICE, Array.from({ length: ROWS }, (_, n) => `${n}`))
  })
  afterAll(async () => {
    await pool?.end()
    await database?.drop()
  })

  it.each(QUESTIONS)('%s', async (_question, ask) => {
    const read = await db.transaction().execute(async (transaction) => {
      const before = await rowsRead(transaction)
      await ask(statements(transaction))
      return (await rowsRead(transaction)) - before
    })
    expect(read).toBeLessThanOrEqual(FEW)
  })
})

const rowsRead = async (db: Database): Promise<number> => {
  const [row] = await rows(db, sql<{ count: string }>`
    select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::text as count
    from pg_stat_xact_user_tables where schemaname = 'connector'`)
  return Number(row?.count)
}

async function load(tx: Statements, lane: MailboxId, ids: readonly string[]): Promise<void> {
  await tx.putInbox(ids.map((id) => aSighting(id, { lane, sighting: { type: 'seen', snapshot: aSnapshot(id, id, { uid: `uid-${id}` }) } })))
  await tx.saveCopies(ids.map((id) => aCopy(id, { mailbox: lane })))
  await tx.openOperations(ids.map((id) => anOperation(id, { lane, copy: id as never, state: 'done' })))
  await tx.putTombstones(ids.map((id) => aTombstone(`r-${id}`, `i-${id}`, { mailbox: lane })))
  await tx.putConflicts(ids.map((id) => aConflict(id, { lane, copy: id as never, base: contentHash(id) })))
  await tx.putHeld(ids.map((id) => aHeld(id, { lane, item: id as never })))
}
