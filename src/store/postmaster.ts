import { execFile } from 'node:child_process'
import { readFile, readlink, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Endpoint =
  | { readonly type: 'socket'; readonly folder: string; readonly port: number }
  | { readonly type: 'tcp'; readonly port: number }

export type ServerState =
  | { readonly type: 'stopped' }
  /** A server of this folder lives; it may still be starting or already be going down. */
  | { readonly type: 'running'; readonly endpoint: Endpoint }
  /** The file names a process that is gone, or that is some other program with the same number. */
  | { readonly type: 'stale'; readonly content: string }

/** What `postmaster.pid` tells: pid, data folder, start, port, socket folder, listen address, shared memory, status. */
export async function serverState(data: string): Promise<ServerState> {
  const content = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => null)
  if (content === null) return { type: 'stopped' }
  const [pid, , , port, socketFolder] = content.split('\n').map((line) => line.trim())
  if (!(await isServer(Number(pid), data))) return { type: 'stale', content }
  const endpoint: Endpoint = socketFolder
    ? { type: 'socket', folder: socketFolder, port: Number(port) }
    : { type: 'tcp', port: Number(port) }
  return { type: 'running', endpoint }
}

/** PostgreSQL works in its data folder, which tells it from another program (or server) with a reused number. */
async function isServer(pid: number, data: string): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return false
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null)
    // Not readable: another user's process. Only its name can be asked.
    if (folder !== null) return folder === data
  }
  const { stdout } = await run('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return /postgres/.test(stdout)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/**
 * PostgreSQL itself clears the file of a dead process, but takes a reused number for a running server.
 * Moved away first and looked at again: another process may have started the server in between.
 */
export async function removeStalePidFile(data: string, judged: string): Promise<void> {
  const path = join(data, 'postmaster.pid')
  const aside = `${path}.stale-${process.pid}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  if ((await readFile(aside, 'utf8')) === judged) await unlink(aside)
  else await rename(aside, path)
}
