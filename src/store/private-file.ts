import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setupError } from './errors.ts'

/**
 * A small file that only its owner may read; made when it is missing. Of two processes that make it at once, one wins
 * and both read the winner's.
 * @returns the trimmed content
 */
export async function privateFile(path: string, content: () => string): Promise<string> {
  try {
    await mkdir(dirname(path), { recursive: true })
    const present = await stat(path).catch(() => null)
    if (!present) await create(path, content())
    else if ((present.mode & 0o077) !== 0) await chmod(path, 0o600)
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw setupError('STORE_DATA_FOLDER', `${path} cannot be read or written (${codeOf(cause)}). Check who owns the data folder, or choose another one.`, cause)
  }
}

async function create(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, content, { mode: 0o600, flag: 'wx' })
  try {
    await link(draft, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await unlink(draft)
  }
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error))
