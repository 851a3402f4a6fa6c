import { execFile } from 'node:child_process'
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbedded } from '../../src/store/index.ts'
import { ownerOf } from '../../src/store/os-user.ts'
import { programsFor } from '../../src/store/programs-copy.ts'
import { silentLog } from '../support/postgres.ts'

const isRoot = process.getuid?.() === 0
if (!isRoot) console.info('Skipped: what the embedded server does as root can only be tested as root.')
const run = promisify(execFile)
let closed: string
let folder: string

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'connector-root-')))
  await chmod(folder, 0o755)
  closed = join(folder, 'closed')
  await mkdir(closed, { mode: 0o700 })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe.skipIf(!isRoot)("as root, a data folder where the database's user may not go", () => {
  let kept: string | undefined
  const placeOf = async (dataDir: string) => (kept = (await readFile(join(dataDir, 'postgres.location'), 'utf8')).trim())

  afterEach(async () => {
    if (!kept) return
    await rm(kept, { recursive: true, force: true })
    // Only goes when nothing else is kept there.
    await rmdir(dirname(kept)).catch(() => undefined)
    kept = undefined
  })

  it('keeps its database where its user may go, says where, and finds it again', async () => {
    const dataDir = join(closed, 'data')
    const [first, second] = await Promise.all([startEmbedded(dataDir, silentLog), startEmbedded(dataDir, silentLog)])
    expect(second.url).toBe(first.url)
    const place = await placeOf(dataDir)
    expect(place).toMatch(/^\/var\/lib\/exchange-connector\/[0-9a-f]{16}$/)
    expect((await stat(place)).mode & 0o777).toBe(0o700)
    expect((await stat(place)).uid).not.toBe(0)
    expect(await readFile(join(place, 'data-folder'), 'utf8')).toBe(`${dataDir}\n`)
    await Promise.all([first.stop(), second.stop()])

    const version = (await stat(join(place, 'data', 'PG_VERSION'))).ino
    const logged: string[] = []
    const again = await startEmbedded(dataDir, { ...silentLog, info: (_fields, text) => void logged.push(text) })
    await again.stop()
    expect((await stat(join(place, 'data', 'PG_VERSION'))).ino).toBe(version)
    expect(logged[0]).toBe(`The database of ${dataDir} is kept in ${place}`)
    expect((await stat(closed)).mode & 0o777).toBe(0o700)
    expect(await readdir(dataDir)).toEqual(['postgres-password', 'postgres.location'])
  })

  it('never begins an empty database in the place of one that is missing', async () => {
    const dataDir = join(closed, 'data')
    await (await startEmbedded(dataDir, silentLog)).stop()
    const place = await placeOf(dataDir)
    await rename(place, join(folder, 'away'))
    await expect(startEmbedded(dataDir, silentLog)).rejects.toMatchObject({
      code: 'STORE_DATA_FOLDER', message: expect.stringContaining('postgres.location'),
    })
    await chown(join(dataDir, 'postgres.location'), 65534, 65534)
    await expect(startEmbedded(dataDir, silentLog)).rejects.toMatchObject({ message: expect.stringContaining('belongs to another user') })
  })

  it('leaves the mode of a folder that was there, and lets its user pass one that it makes under a closed umask', async () => {
    const umask = process.umask(0o077)
    try {
      await (await startEmbedded(join(folder, 'made'), silentLog)).stop()
      await (await startEmbedded(closed, silentLog)).stop()
    } finally {
      process.umask(umask)
    }
    expect((await stat(join(folder, 'made'))).mode & 0o777).toBe(0o701)
    expect(await readdir(join(folder, 'made'))).toEqual(['postgres', 'postgres-password'])
    expect((await stat(closed)).mode & 0o777).toBe(0o700)
    await placeOf(closed)
  })
})

describe.skipIf(!isRoot)('as root, database programs that their user cannot reach', () => {
  let packaged: { folder: string; version: string }
  let place: string

  beforeEach(async () => {
    packaged = { folder: join(closed, 'native'), version: '1.2.3' }
    place = join(folder, 'place')
    await mkdir(place)
    for (const part of ['bin', 'lib', 'share/postgresql']) await mkdir(join(packaged.folder, part), { recursive: true, mode: 0o700 })
    await writeFile(join(packaged.folder, 'bin', 'postgres'), '#!/bin/sh\necho "postgres (PostgreSQL) 1"\n', { mode: 0o700 })
    await writeFile(join(packaged.folder, 'lib', 'libpq.so.5'), 'library', { mode: 0o600 })
  })
  const provide = async (places = [place]) => programsFor(packaged, await ownerOf(join(folder, 'none')), silentLog, places)

  it('are copied once to a place where he can run them, also by two starts at once', async () => {
    const [copy, same] = await Promise.all([provide(), provide()])
    expect(same).toBe(copy)
    expect(dirname(copy)).toBe(place)
    const { uid = -1, gid = -1 } = (await ownerOf(join(folder, 'none'))) ?? {}
    expect((await run(join(copy, 'bin', 'postgres'), [], { uid, gid })).stdout).toContain('PostgreSQL')
    expect((await stat(join(copy, 'lib', 'libpq.so.5'))).mode & 0o777).toBe(0o644)
    const made = (await lstat(copy)).ino
    expect(await provide()).toBe(copy)
    expect((await lstat(copy)).ino).toBe(made)
    expect(await readdir(place)).toHaveLength(1)
  })

  it('are not copied when he can reach them', async () => {
    await run('chmod', ['-R', 'a+rX', closed])
    expect(await provide()).toBe(packaged.folder)
    expect(await readdir(place)).toEqual([])
  })

  it.each<[string, (copy: string) => Promise<void>]>([
    ['lacks a file', (copy) => rm(join(copy, 'lib', 'libpq.so.5'))],
    ['has a shortened file', (copy) => writeFile(join(copy, 'lib', 'libpq.so.5'), '')],
    ['has a file that others may write', (copy) => chmod(join(copy, 'bin', 'postgres'), 0o777)],
    ['has a file of somebody else', (copy) => chown(join(copy, 'bin', 'postgres'), 65534, 65534)],
    ['has one file too many', (copy) => writeFile(join(copy, 'lib', 'other.so'), '')],
  ])('are copied again when the copy %s', async (_name, harm) => {
    const copy = await provide()
    await harm(copy)
    expect(await provide()).toBe(copy)
    expect(await readFile(join(copy, 'lib', 'libpq.so.5'), 'utf8')).toBe('library')
    const program = await stat(join(copy, 'bin', 'postgres'))
    expect([program.uid, program.mode & 0o777]).toEqual([0, 0o755])
    expect(await readdir(join(copy, 'lib'))).toEqual(['libpq.so.5'])
    expect(await readdir(place)).toHaveLength(1)
  })

  it('are never taken from a folder that somebody else could have planted', async () => {
    const copy = await provide()
    await chown(copy, 65534, 65534)
    await expect(provide()).rejects.toMatchObject({ code: 'STORE_DATA_FOLDER', message: expect.stringContaining(`${copy} is not root's alone`) })
    const other = join(folder, 'other')
    await mkdir(other)
    expect(dirname(await provide([place, other]))).toBe(other)
    await chmod(other, 0o777)
    await expect(provide([other])).rejects.toMatchObject({ message: expect.stringContaining(`${other} is not root's alone`) })
  })
})
