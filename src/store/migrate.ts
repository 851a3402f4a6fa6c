import { readdir, readFile } from 'node:fs/promises'
import type pg from 'pg'
import { setupError, toStoreError } from './errors.ts'

const FOLDER = new URL('./migrations/', import.meta.url)
/** Any number of ours: who holds it may change tables. */
const MIGRATION_LOCK = 7_263_401

/**
 * Brings the tables to this version. Processes that start together take turns; all succeed.
 * @throws SyncError STORE_TOO_NEW when a newer version has changed the tables
 */
export async function migrate(pool: pg.Pool): Promise<void> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort()
  const client = await pool.connect().catch((error: unknown) => {
    throw toStoreError(error)
  })
  try {
    await client.query('begin')
    await client.query('set local lock_timeout = 0; set local statement_timeout = 0')
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
    await client.query('create schema if not exists connector')
    await client.query('create table if not exists connector.migrations (name text primary key, at timestamptz not null default now())')
    const done = (await client.query<{ name: string }>('select name from connector.migrations')).rows.map((row) => row.name)
    const unknown = done.find((name) => !files.includes(name))
    if (unknown) {
      throw setupError('STORE_TOO_NEW', `The database was changed by a newer version of the connector (${unknown}). Install that version or a later one.`)
    }
    for (const name of files.filter((file) => !done.includes(file))) {
      await client.query(await readFile(new URL(name, FOLDER), 'utf8'))
      await client.query('insert into connector.migrations (name) values ($1)', [name])
    }
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw toStoreError(error)
  } finally {
    client.release()
  }
}
