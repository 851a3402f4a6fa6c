import { randomBytes } from 'node:crypto'
import { chmod, lstat, mkdir, realpath, rename, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder that has its mode from the first moment it can be seen, whatever the umask: another process that
 * starts at once must not judge it by a mode that is about to change. A folder that is there stays as it is.
 */
export async function makeFolder(path: string, mode: number): Promise<void> {
  if (await lstat(path).catch(() => null)) return
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  await mkdir(draft)
  await chmod(draft, mode)
  // Does not replace a folder that has something in it: then another process was faster, and its folder is as good.
  await rename(draft, path).catch(async (error: unknown) => {
    await rmdir(draft).catch(() => undefined)
    if (!(await lstat(path).catch(() => null))) throw error
  })
}

/**
 * Who may have put something at `path`: null when only root may, else the folder where somebody else could have.
 * Folders above it may be open to all if they are sticky, like /tmp: there nobody can replace what belongs to root.
 */
export async function untrustedAt(path: string): Promise<string | null> {
  const own = await lstat(path)
  if (own.uid !== 0 || own.isSymbolicLink() || (own.mode & 0o022) !== 0) return path
  for (let folder = dirname(await realpath(path)); ; folder = dirname(folder)) {
    const { uid, mode } = await lstat(folder)
    if (uid !== 0 || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)) return folder
    if (folder === dirname(folder)) return null
  }
}
