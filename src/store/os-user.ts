import { execFile, spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { setupError } from './errors.ts'

const run = promisify(execFile)
const USER = 'postgres'

/** The OS user that the server's programs run as; null means ours. */
export type Owner = { readonly uid: number; readonly gid: number } | null

/**
 * PostgreSQL refuses to run as root: as root we use the folder's owner, or the user `postgres`, made when missing.
 * @throws SyncError STORE_DATA_FOLDER when the folder belongs to somebody else
 */
export async function ownerOf(folder: string): Promise<Owner> {
  const present = await stat(folder).catch(() => null)
  const ownUid = process.getuid?.()
  if (ownUid === undefined) return null
  if (ownUid !== 0) {
    if (present && present.uid !== ownUid) {
      throw setupError('STORE_DATA_FOLDER', `${folder} belongs to another user (uid ${present.uid}, we are ${ownUid}). Run the service as that user, or choose another data folder.`)
    }
    return null
  }
  if (present && present.uid !== 0) return { uid: present.uid, gid: present.gid }
  return (await idsOf(USER)) ?? createUser()
}

async function createUser(): Promise<Owner> {
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]).catch(() => undefined)
  const ids = await idsOf(USER)
  if (ids) return ids
  throw setupError('STORE_DATA_FOLDER', 'PostgreSQL does not run as root, and the OS user "postgres" could not be made. Run the service as an ordinary user, or set DATABASE_URL.')
}

async function idsOf(name: string): Promise<Owner> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)))
    return uid !== undefined && gid !== undefined ? { uid, gid } : null
  } catch {
    return null
  }
}

/** The first folder on the way to `path` that the owner may not pass; null when the way is free. */
export async function blockedAt(path: string, owner: Owner): Promise<string | null> {
  if (!owner) return null
  const parent = dirname(path)
  if (parent !== path) {
    const above = await blockedAt(parent, owner)
    if (above) return above
  }
  const found = await stat(path).catch(() => null)
  if (!found?.isDirectory()) return null
  const bit = found.uid === owner.uid ? 0o100 : found.gid === owner.gid ? 0o010 : 0o001
  return (found.mode & bit) === 0 ? path : null
}

/** @returns the exit code and everything that the program said */
export function runAs(owner: Owner, program: string, args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  return new Promise((done, failed) => {
    // A server inherits the pipes from pg_ctl and would hold them open for ever: wait for the exit, not the close.
    const child = spawn(program, args, { ...owner, cwd, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
    child.on('error', (cause) => {
      const as = owner ? ` as uid ${owner.uid}` : ''
      failed(setupError('STORE_SERVER_FAILED', `${program} could not be run${as} (${cause.message}). Run the service as an ordinary user, or set DATABASE_URL.`, cause))
    })
    child.on('exit', (code) => setImmediate(() => {
      child.stdout.destroy()
      child.stderr.destroy()
      done({ code, output })
    }))
  })
}
