import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import pg from 'pg'
import type { Log } from '../ports.ts'
import { setupError, toStoreError } from './errors.ts'
import { initCluster, packagedPrograms, startServer, stopServer } from './postgres-programs.ts'
import type { Cluster } from './postgres-programs.ts'
import { removeStalePidFile, serverState } from './postmaster.ts'
import type { Endpoint } from './postmaster.ts'
import { makeDataFolder, placeOf } from './place.ts'
import { privateFile } from './private-file.ts'
import { programsFor } from './programs-copy.ts'

const USER = 'connector'
const DATABASE = 'connector'
/** Shared by every process that uses the server; who gets it exclusively is the last one and may stop it. */
const IN_USE_LOCK = 7_263_402
const START_WITHIN_MS = 60_000
const RETRY_MS = 100

export interface EmbeddedServer {
  readonly url: string
  /** Leaves the server; the last process to leave stops it. */
  stop(): Promise<void>
}

/**
 * The service's own PostgreSQL, kept in `<dataDir>/postgres`. It is no child of this process: it outlives a crash, the next
 * start finds it running, and several processes can share it.
 * @param dataDir as root the server runs as another OS user, because PostgreSQL refuses root. Where that user may not
 *   enter the data folder, the database is in /var/lib/exchange-connector and `<dataDir>/postgres.location` says so
 * @throws SyncError STORE_DATA_FOLDER, STORE_SERVER_FAILED with what to do about it
 */
export async function startEmbedded(dataDir: string, log: Log): Promise<EmbeddedServer> {
  const { cluster, password } = await prepare(resolve(dataDir), log)
  let leaving = false
  let recovering: Promise<void> | undefined
  let session = await enter(cluster, password, log)
  const url = urlOf(session.endpoint, password, DATABASE)

  const watch = () => {
    session.client.once('end', () => void (recovering = recover()))
  }
  /** The server died under us (killed, out of memory): bring it back at the same address. */
  const recover = async (): Promise<void> => {
    if (leaving) return
    log.warn({}, 'The embedded database server went away; it is started again')
    try {
      session = await enter(cluster, password, log)
      if (urlOf(session.endpoint, password, DATABASE) !== url) log.error({}, 'The embedded database server has a new address; restart the service')
      watch()
    } catch (error) {
      log.error({ error: toStoreError(error).message }, 'The embedded database server could not be started again')
      setTimeout(() => void (recovering = recover()), 5000).unref()
    }
  }
  watch()
  return {
    url,
    async stop() {
      if (leaving) return
      leaving = true
      await recovering
      await leave(session.client, cluster)
    },
  }
}

async function prepare(dataDir: string, log: Log): Promise<{ cluster: Cluster; password: string }> {
  const real = await makeDataFolder(dataDir)
  const password = await privateFile(join(real, 'postgres-password'), () => `${randomBytes(24).toString('base64url')}\n`)
  const { folder, owner, note } = await placeOf(real, password, log)
  const programs = await programsFor(packagedPrograms(), owner, log)
  const shown = folder === join(real, 'postgres') ? join(dataDir, 'postgres') : folder
  const cluster = { folder, data: join(folder, 'data'), owner, programs, shown }
  await initCluster(cluster, { user: USER, password })
  await note()
  return { cluster, password }
}

interface Session {
  readonly client: pg.Client
  readonly endpoint: Endpoint
}

/** Attaches to the running server, or starts it; of several processes that start at once one does it. */
async function enter(cluster: Cluster, password: string, log: Log): Promise<Session> {
  const deadline = Date.now() + START_WITHIN_MS
  let refusal: unknown
  while (Date.now() < deadline) {
    const state = await serverState(cluster.data)
    if (state.type === 'running') {
      try {
        const client = await takePart(state.endpoint, password)
        return { client, endpoint: state.endpoint }
      } catch (error) {
        refusal = error
        if (isPasswordTrouble(error)) throw wrongPassword(cluster)
        // Starting up or going down: look again.
        await new Promise((done) => setTimeout(done, RETRY_MS))
        continue
      }
    }
    if (state.type === 'stale') await removeStalePidFile(cluster.data, state.content)
    log.info({}, 'The embedded database server is starting')
    await startServer(cluster, await freePort())
  }
  throw setupError('STORE_SERVER_FAILED', `The embedded database server in ${cluster.shown} does not answer. See ${join(cluster.shown, 'log')}.`, refusal)
}

const isPasswordTrouble = (error: unknown) => error instanceof Error && 'code' in error && error.code === '28P01'

const wrongPassword = (cluster: Cluster) =>
  setupError('STORE_DATA_FOLDER', `The database in ${cluster.shown} has another password than the file "postgres-password" in the data folder. Restore that file from a backup.`)

/** A connection for the whole life of this process: while it stands, no other process stops the server. */
async function takePart(endpoint: Endpoint, password: string): Promise<pg.Client> {
  await createDatabase(endpoint, password)
  const client = await connect(endpoint, password, DATABASE)
  try {
    await client.query('select pg_advisory_lock_shared($1)', [IN_USE_LOCK])
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

async function createDatabase(endpoint: Endpoint, password: string): Promise<void> {
  const client = await connect(endpoint, password, 'postgres')
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } catch (error) {
    // Another process was faster: "duplicate database", or its unique index while both were at it.
    if (!(error instanceof Error && 'code' in error && (error.code === '42P04' || error.code === '23505'))) throw error
  } finally {
    await client.end()
  }
}

async function connect(endpoint: Endpoint, password: string, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: urlOf(endpoint, password, database),
    application_name: 'exchange-connector keeper',
    connectionTimeoutMillis: 5000,
  })
  // The end of the connection is what tells; without a listener the error would end the process.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function leave(client: pg.Client, cluster: Cluster): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [IN_USE_LOCK])
    const { rows } = await client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [IN_USE_LOCK])
    // Still holding the lock: who arrives now waits for it, sees the server go, and starts it again.
    if (rows[0]?.last) await stopServer(cluster)
  } catch (error) {
    // A server that is gone already needs no leave-taking.
    if (toStoreError(error).code !== 'STORE_UNREACHABLE') throw error
  } finally {
    await client.end().catch(() => undefined)
  }
}

function urlOf(endpoint: Endpoint, password: string, database: string): string {
  if (endpoint.type === 'tcp') return `postgres://${USER}:${password}@127.0.0.1:${endpoint.port}/${database}`
  return `postgres://${USER}:${password}@localhost:${endpoint.port}/${database}?host=${encodeURIComponent(endpoint.folder)}`
}

/** Only used where the data folder's path is too long for a socket. */
function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer().on('error', failed)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => done(port))
    })
  })
}
