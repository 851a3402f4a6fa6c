import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, readdir, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Log } from '../ports.ts'
import { setupError } from './errors.ts'
import { makeFolder, untrustedAt } from './folders.ts'
import { blockedAt, runAs } from './os-user.ts'
import type { Owner } from './os-user.ts'

/** Where root keeps what other users must reach; the temporary folders are for systems whose /var/lib is read-only. */
export const STATE_FOLDER = '/var/lib/exchange-connector'
const PLACES = [STATE_FOLDER, '/var/tmp', tmpdir()]

interface Entry {
  readonly path: string
  readonly type: 'folder' | 'file' | 'link'
  readonly size: number
  readonly executable: boolean
  /** Where a link points to. */
  readonly target: string
}

/**
 * A folder with PostgreSQL's programs that the owner can run: the package's own, or, where it lies below a folder that
 * he may not enter (a checkout in /root), a copy that is made once for each version.
 * @throws SyncError STORE_DATA_FOLDER when there is no place for a copy
 */
export async function programsFor(
  packaged: { readonly folder: string; readonly version: string }, owner: Owner, log: Log, places: readonly string[] = PLACES,
): Promise<string> {
  const blocked = await unreachable(packaged.folder, owner)
  if (!blocked) return packaged.folder
  const entries = await listing(packaged.folder)
  const hash = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 12)
  const failures: string[] = []
  for (const place of places) {
    const copy = join(place, `exchange-connector-postgres-${packaged.version}-${hash}`)
    const trouble = await provide(packaged.folder, copy, entries, owner).catch(String)
    if (trouble === null) {
      log.debug({ blocked, copy }, 'The database programs are run from a copy, because their user may not enter the package')
      return copy
    }
    failures.push(`${copy}: ${trouble}`)
  }
  throw setupError('STORE_DATA_FOLDER', `As root, PostgreSQL runs as another user (uid ${owner?.uid}), who may not enter ${blocked}, where the connector is installed, and a copy could not be made (${failures.join('; ')}). Install the connector elsewhere (for instance in /opt), or set DATABASE_URL.`)
}

async function unreachable(folder: string, owner: Owner): Promise<string | null> {
  for (const part of ['bin', 'lib', 'share/postgresql']) {
    const blocked = await blockedAt(join(folder, part), owner)
    if (blocked) return blocked
  }
  const program = join(folder, 'bin', 'postgres')
  return owner && ((await stat(program)).mode & 0o005) !== 0o005 ? program : null
}

/** @returns what is wrong with the place, or null when the copy is there, whole, ours and runs */
async function provide(source: string, copy: string, entries: readonly Entry[], owner: Owner): Promise<string | null> {
  const parent = dirname(copy)
  if (parent === STATE_FOLDER) await makeFolder(parent, 0o755)
  const blocked = await blockedAt(parent, owner)
  if (blocked) return `its user may not enter ${blocked}`
  const present = await lstat(copy).catch(() => null)
  if (present) {
    const untrusted = await untrustedAt(copy)
    if (untrusted) return `${untrusted} is not root's alone`
  }
  if (!present || !(await isWhole(copy, entries))) await makeCopy(source, copy, entries)
  const untrusted = await untrustedAt(copy)
  if (untrusted) return `${untrusted} is not root's alone`
  const { code, output } = await runAs(owner, join(copy, 'bin', 'postgres'), ['--version'], copy)
  return code === 0 ? null : `the programs do not run there (${output.trim()})`
}

async function makeCopy(source: string, copy: string, entries: readonly Entry[]): Promise<void> {
  const mark = randomBytes(4).toString('hex')
  const [draft, aside] = [`${copy}.${mark}`, `${copy}.${mark}.old`]
  try {
    await mkdir(draft, { mode: 0o700 })
    for (const entry of entries) await copyEntry(source, draft, entry)
    await chmod(draft, 0o755)
    // A damaged copy makes room. Of two processes that copy at once, the later finds a whole one and drops its own.
    if (!(await isWhole(copy, entries))) await rename(copy, aside).catch(() => undefined)
    await rename(draft, copy).catch(async (error: unknown) => {
      if (!(await isWhole(copy, entries))) throw error
    })
  } finally {
    await Promise.all([draft, aside].map((folder) => rm(folder, { recursive: true, force: true })))
  }
}

/** Modes are set apart, because the umask that the package was installed under may have closed them. */
async function copyEntry(source: string, draft: string, { path, type, executable, target }: Entry): Promise<void> {
  const made = join(draft, path)
  if (type === 'link') return symlink(target, made)
  if (type === 'folder') await mkdir(made)
  else await copyFile(join(source, path), made, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await chmod(made, type === 'folder' || executable ? 0o755 : 0o644)
}

async function isWhole(copy: string, entries: readonly Entry[]): Promise<boolean> {
  try {
    const found = await listing(copy)
    if (JSON.stringify(found) !== JSON.stringify(entries)) return false
    const statuses = await Promise.all(found.map(({ path }) => lstat(join(copy, path))))
    return statuses.every((status) => status.uid === 0 && (status.isSymbolicLink() || (status.mode & 0o022) === 0))
  } catch {
    return false
  }
}

/** Everything in a folder, in a fixed order, folders before what is in them. */
async function listing(folder: string, below = ''): Promise<readonly Entry[]> {
  const names = (await readdir(join(folder, below))).sort()
  const lists = await Promise.all(names.map(async (name): Promise<readonly Entry[]> => {
    const path = join(below, name)
    const found = await lstat(join(folder, path))
    const plain = { path, size: 0, executable: false, target: '' }
    if (found.isDirectory()) return [{ ...plain, type: 'folder' }, ...(await listing(folder, path))]
    if (found.isSymbolicLink()) return [{ ...plain, type: 'link', target: await readlink(join(folder, path)) }]
    return [{ ...plain, type: 'file', size: found.size, executable: (found.mode & 0o100) !== 0 }]
  }))
  return lists.flat()
}
