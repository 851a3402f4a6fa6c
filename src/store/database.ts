import { Kysely, PostgresDialect, sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import pg from 'pg'
import type { SyncError } from '../lib/errors.ts'
import { toStoreError } from './errors.ts'

/** The store's tables are written in SQL; kysely binds the values and keeps the transaction. */
export type Database = Kysely<unknown>

// Versions and counts are far below 2^53; without this they would arrive as text.
const INT8 = 20
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
} as pg.CustomTypesConfig

/**
 * @param url connection string of the server
 * @param onIdleError trouble on a connection that nobody is using; the pool replaces it
 * @param settings what is different from the usual
 */
export function openPool(url: string, onIdleError: (error: SyncError) => void, settings: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    types,
    max: 12,
    application_name: 'exchange-connector',
    connectionTimeoutMillis: 15_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // A process that is stopped in the middle of a transaction must not hold its locks for long.
    idle_in_transaction_session_timeout: 20_000,
    lock_timeout: 30_000,
    statement_timeout: 120_000,
    ...settings,
  })
  pool.on('error', (error) => onIdleError(toStoreError(error)))
  return pool
}

export const openDatabase = (pool: pg.Pool): Database => new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })

/** Runs one statement and gives its rows. @throws SyncError STORE_* */
export async function rows<Row>(db: Database, statement: RawBuilder<Row>): Promise<Row[]> {
  try {
    return (await statement.execute(db)).rows
  } catch (error) {
    throw toStoreError(error)
  }
}

/**
 * A list of objects as one statement parameter, for `json_to_recordset`. PostgreSQL refuses NUL characters and halves
 * of surrogate pairs in JSON; both come from broken mail clients and carry no meaning.
 */
export function jsonParameter(value: unknown): string {
  const text = JSON.stringify(value)
  return /\\u(0000|d[89a-f])/.test(text) ? JSON.stringify(value, (_key, part) => (typeof part === 'string' ? plainText(part) : part)) : text
}

/** Text that PostgreSQL can hold. */
export const plainText = (text: string): string => text.replaceAll('\u0000', '').toWellFormed()

/**
 * The ids of a list as rows of `wanted(id)`, to be followed by `cross join lateral (select … where x = wanted.id offset 0)`:
 * one index lookup for each id. After a bulk load, before statistics are fresh, the planner takes `x = any(500 ids)` for
 * most of the table and reads all of it, batch after batch; `offset 0` keeps it from turning the lookups into that.
 * Inside, ask for nothing but the column that finds the row: with a lane or mailbox beside it, the planner may take a
 * lane that it has no statistics of for one of a single row, and read the whole lane for each id.
 */
export const wanted = (ids: readonly string[]) => sql`unnest(${textArray([...new Set(ids)])}) as wanted(id)`

/** The ids of a list as an array parameter. */
export const textArray = (ids: readonly string[]) => sql`${ids.map(plainText)}::text[]`
