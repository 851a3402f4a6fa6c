import { createHash } from 'node:crypto'
import { mkdir, readFile, realpath, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { Log } from '../ports.ts'
import { setupError } from './errors.ts'
import { makeFolder, untrustedAt } from './folders.ts'
import { blockedAt, ownerOf } from './os-user.ts'
import type { Owner } from './os-user.ts'
import { privateFile } from './private-file.ts'
import { STATE_FOLDER } from './programs-copy.ts'

/** In the data folder: says where its database is, when it is not beside this file. */
const NOTE = 'postgres.location'

export interface Place {
  /** Real path of the folder that holds data, log and socket. */
  readonly folder: string
  readonly owner: Owner
  /** To be called once the database is made: later starts then find it where it is. */
  note(): Promise<void>
}

/** Makes the data folder. A new one can be passed, not looked into, by the user that root's server runs as. */
export async function makeDataFolder(dataDir: string): Promise<string> {
  try {
    if (process.getuid?.() === 0) await makeFolder(dataDir, (0o777 & ~process.umask()) | 0o001)
    else await mkdir(dataDir, { recursive: true })
    return await realpath(dataDir)
  } catch (cause) {
    throw setupError('STORE_DATA_FOLDER', `The data folder ${dataDir} cannot be made. Choose another one, or create it for the user who runs the service.`, cause)
  }
}

/**
 * Where the database of a data folder is: in its `postgres`, or, when root's server may not get there (a checkout in
 * /root), in /var/lib/exchange-connector.
 * @param dataDir real path
 * @param password makes the name of the other place: a data folder that was deleted and made anew gets a new database
 */
export async function placeOf(dataDir: string, password: string, log: Log): Promise<Place> {
  const noted = await readNote(dataDir)
  if (noted) {
    log.info({ folder: noted }, `The database of ${dataDir} is kept in ${noted}`)
    return { folder: noted, owner: await ownerOf(noted), note: async () => undefined }
  }
  const here = join(dataDir, 'postgres')
  const owner = await ownerOf(here)
  const blocked = await blockedAt(dataDir, owner)
  if (!blocked || (await hasDatabase(here))) return { folder: here, owner, note: async () => undefined }
  return elsewhere(dataDir, password, blocked, log)
}

async function elsewhere(dataDir: string, password: string, blocked: string, log: Log): Promise<Place> {
  const name = createHash('sha256').update(`${dataDir}\u0000${password}`).digest('hex').slice(0, 16)
  const folder = join(STATE_FOLDER, name)
  const owner = await ownerOf(folder)
  const trouble = await makeFolder(STATE_FOLDER, 0o755).then(() => untrustedAt(STATE_FOLDER), String) ?? (await blockedAt(STATE_FOLDER, owner))
  if (trouble) {
    throw setupError('STORE_DATA_FOLDER', `As root, PostgreSQL runs as another user (uid ${owner?.uid}), who may not enter ${blocked} on the way to ${dataDir}, and its database cannot be kept in ${STATE_FOLDER} (${trouble}). Choose another data folder, allow passage with "chmod o+x ${blocked}", or set DATABASE_URL.`)
  }
  log.info({ folder }, `The database is kept in ${folder}, because the user it runs as may not enter ${blocked}`)
  const note = async () => {
    // For people: whose database this is, and what may be deleted with a data folder.
    await writeFile(join(folder, 'data-folder'), `${dataDir}\n`)
    await privateFile(join(dataDir, NOTE), () => `${folder}\n`)
  }
  return { folder, owner, note }
}

async function readNote(dataDir: string): Promise<string | null> {
  const path = join(dataDir, NOTE)
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  if (!found) return null
  // Root starts programs in the folder that it names.
  if (found.uid !== process.getuid?.()) {
    throw setupError('STORE_DATA_FOLDER', `${path} belongs to another user (uid ${found.uid}). Run the service as that user, or choose another data folder.`)
  }
  const folder = (await readFile(path, 'utf8')).trim()
  if (isAbsolute(folder) && (await hasDatabase(folder))) return folder
  throw setupError('STORE_DATA_FOLDER', `${path} says that the database is in "${folder}", and there is none. Bring it back from a backup, or delete ${path} to begin with an empty database.`)
}

const hasDatabase = async (folder: string): Promise<boolean> =>
  (await stat(join(folder, 'data', 'PG_VERSION')).catch(() => null)) !== null
