/**
 * State in PostgreSQL: what is known of every item, the journal, the lanes, the secrets. A transaction either happens
 * whole or not at all, and a run that lost its lane can no longer commit. Nothing here decides anything.
 */
import { sql } from 'kysely'
import type { SyncError } from '../lib/errors.ts'
import type { Clock, Lanes, Log, Store } from '../ports.ts'
import { openDatabase, openPool, rows } from './database.ts'
import { startEmbedded } from './embedded.ts'
import { toStoreError } from './errors.ts'
import { readKey } from './key.ts'
import { openLaneQueue } from './lane-queue.ts'
import { raiseFence } from './lanes.ts'
import { migrate } from './migrate.ts'
import { openPanelStore } from './panel.ts'
import type { PanelStore } from './panel.ts'
import { openSecrets } from './secrets.ts'
import type { Secrets } from './secrets.ts'
import { inSnapshot, inTransaction } from './transaction.ts'

export { startEmbedded } from './embedded.ts'
export type { EmbeddedServer } from './embedded.ts'
export type * from './panel.ts'
export type { Secrets } from './secrets.ts'

export interface StoreOptions {
  /** `postgres://user:password@host/database`; without it the service runs a server of its own in `dataDir`. */
  readonly databaseUrl?: string
  readonly dataDir: string
  /** CONNECTOR_KEY; without it the key file in `dataDir`. */
  readonly key?: string
  readonly log: Log
  readonly clock: Clock
}

export interface StoreHealth {
  readonly ok: boolean
  /** Version of the PostgreSQL server; null when it does not answer. */
  readonly version: string | null
  readonly embedded: boolean
  /** Milliseconds that one question to the server took. */
  readonly answerMs: number
  /** Size of the whole database. */
  readonly bytes: number
  /** What is wrong, in words; null when nothing is. */
  readonly trouble: string | null
}

export interface PostgresStore extends Store {
  readonly lanes: Lanes
  readonly secrets: Secrets
  readonly panel: PanelStore
  /** Never throws: a database that does not answer is what it tells. */
  health(): Promise<StoreHealth>
}

/**
 * Opens the store, starts a server when none is configured, and brings the tables to this version.
 * @throws SyncError STORE_UNREACHABLE, STORE_REFUSED, STORE_TOO_NEW, STORE_DATA_FOLDER
 */
export async function openStore(options: StoreOptions): Promise<PostgresStore> {
  const { log, clock, dataDir } = options
  const embedded = options.databaseUrl ? null : await startEmbedded(dataDir, log)
  const url = options.databaseUrl ?? embedded?.url ?? ''
  let isClosing = false
  const onLost = (error: SyncError) => {
    // Our own server ends them at the end.
    if (!isClosing) log.warn({ code: error.code }, 'A database connection was lost; it is replaced')
  }
  const pool = openPool(url, onLost)
  // A lost "taken" or "done" only repeats a run, so these commits need not wait for the disk.
  const queuePool = openPool(url, onLost, { max: 3, options: '-c synchronous_commit=off' })
  const db = openDatabase(pool)
  const closeServer = async () => {
    // Not kysely's destroy: it leaves a pool open that it has not used yet.
    await Promise.all([pool.end(), queuePool.end()])
    await embedded?.stop()
  }
  try {
    await migrate(pool)
    const queue = await openLaneQueue(queuePool, db, log)
    return {
      lanes: queue,
      secrets: openSecrets(db, () => readKey(options.key, dataDir)),
      panel: openPanelStore(db),
      transaction: (work, fence) => inTransaction(db, queue, work, fence),
      snapshot: (work) => inSnapshot(db, work),
      raiseFence: (lane) => raiseFence(db, lane),
      health: () => health(db, embedded !== null, clock),
      async close() {
        isClosing = true
        await queue.close()
        await closeServer()
      },
    }
  } catch (error) {
    await closeServer()
    throw error
  }
}

async function health(db: Parameters<typeof raiseFence>[0], embedded: boolean, clock: Clock): Promise<StoreHealth> {
  const since = clock.elapsedMs()
  try {
    const [row] = await rows(db, sql<{ version: string; bytes: number }>`
      select current_setting('server_version') as version, pg_database_size(current_database()) as bytes`)
    const { version = null, bytes = 0 } = row ?? {}
    return { ok: true, version, embedded, bytes, answerMs: clock.elapsedMs() - since, trouble: null }
  } catch (error) {
    const trouble = toStoreError(error).message
    return { ok: false, version: null, embedded, bytes: 0, answerMs: clock.elapsedMs() - since, trouble }
  }
}
