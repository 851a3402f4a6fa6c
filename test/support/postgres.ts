import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { openStore, startEmbedded } from '../../src/store/index.ts'
import type { EmbeddedServer } from '../../src/store/index.ts'
import type { Clock, Log } from '../../src/ports.ts'
import { instant } from '../../src/model/index.ts'

const MIGRATIONS = new URL('../../src/store/migrations/', import.meta.url)
const TEMPLATE_LOCK = 7_263_499
const LEFT_BEHIND_MS = 3_600_000

export interface TestDatabase {
  readonly url: string
  /** Removes the database; the last one of the process leaves the server. */
  drop(): Promise<void>
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

export const systemClock: Clock = {
  now: () => instant(Date.now()),
  elapsedMs: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

let server: Promise<EmbeddedServer> | undefined
let users = 0

/**
 * An empty database with the current tables, cloned from a template. All test processes share one embedded server,
 * whose folder in the temporary folder stays for the next run; TEST_DATABASE_URL names another server instead.
 */
export async function testDatabase(): Promise<TestDatabase> {
  users += 1
  const admin = process.env.TEST_DATABASE_URL ?? (await (server ??= startShared())).url
  const template = await makeTemplate(admin)
  const name = `test_${Date.now()}_${randomBytes(4).toString('hex')}`
  await withClient(admin, (client) => client.query(`create database ${name} template ${template}`))
  return {
    url: withDatabase(admin, name),
    async drop() {
      await withClient(admin, (client) => client.query(`drop database if exists ${name} with (force)`))
      users -= 1
      if (users > 0 || !server) return
      const leaving = server
      server = undefined
      await (await leaving).stop()
    },
  }
}

async function startShared(): Promise<EmbeddedServer> {
  const shared = await startEmbedded(join(tmpdir(), `connector-test-${userInfo().uid}`), silentLog)
  await withClient(shared.url, async (client) => {
    const { rows } = await client.query<{ name: string }>(`select datname as name from pg_database where datname like 'test\\_%'`)
    const abandoned = rows.filter(({ name }) => Date.now() - Number(name.split('_')[1]) > LEFT_BEHIND_MS)
    for (const { name } of abandoned) await client.query(`drop database if exists ${name} with (force)`)
    // Processes are killed here, never the machine: what the system was given to write is not lost.
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes']) await client.query(`alter system set ${setting} = off`)
    await client.query('select pg_reload_conf()')
  })
  return shared
}

/** One template for every state of the migrations; of several processes one makes it. */
async function makeTemplate(admin: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of (await readdir(MIGRATIONS)).sort()) hash.update(file).update(await readFile(new URL(file, MIGRATIONS)))
  const name = `template_${hash.digest('hex').slice(0, 12)}`
  await withClient(admin, async (client) => {
    const exists = async () => (await client.query('select from pg_database where datname = $1', [name])).rowCount === 1
    if (await exists()) return
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
    if (await exists()) return
    const draft = `${name}_draft`
    await client.query(`drop database if exists ${draft} with (force)`)
    await client.query(`create database ${draft}`)
    const store = await openStore({ databaseUrl: withDatabase(admin, draft), dataDir: tmpdir(), log: silentLog, clock: systemClock })
    await store.close()
    await client.query(`alter database ${draft} rename to ${name}`)
  })
  return name
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, name: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${name}`
  return parsed.toString()
}
