import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore, startEmbedded } from '../../src/store/index.ts'
import { silentLog, systemClock } from '../support/postgres.ts'

const CHILD = fileURLToPath(new URL('../support/store-child.ts', import.meta.url))

describe('the embedded server', () => {
  let dataDir: string
  const children: ChildProcess[] = []
  const open = () => openStore({ dataDir, log: silentLog, clock: systemClock })
  const pidFile = () => join(dataDir, 'postgres', 'data', 'postmaster.pid')
  const serverPid = async () => Number((await readFile(pidFile(), 'utf8')).split('\n')[0])
  const isStopped = async () => (await stat(pidFile()).catch(() => null)) === null

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'connector-embedded-'))
    // As root the server runs as another user, and would be kept elsewhere if that user could not pass.
    await chmod(dataDir, 0o711)
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    const server = await startEmbedded(dataDir, silentLog)
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  })
  async function child(mode: string, until: string): Promise<ChildProcess> {
    const started = spawn(process.execPath, [CHILD, dataDir, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(started)
    for await (const chunk of started.stdout) if (String(chunk).includes(until)) break
    return started
  }

  it('is made at first use, keeps its data over a restart, and hides its password', async () => {
    const first = await open()
    await first.transaction((tx) => tx.saveSetting('kept', 'yes'))
    expect(await first.health()).toMatchObject({ ok: true, embedded: true, trouble: null })
    await first.close()
    expect(await isStopped()).toBe(true)
    const second = await open()
    expect(await second.transaction((tx) => tx.setting('kept'))).toBe('yes')
    await second.close()
    expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600)
  })

  it('survives the death of the service: the next start attaches, the data is there, its lanes resume within 15 s', async () => {
    const service = await child('serve', 'running')
    const pid = await serverPid()
    service.kill('SIGKILL')
    await once(service, 'exit')
    const killedAt = performance.now()
    const store = await open()
    expect(await serverPid()).toBe(pid)
    expect(await store.transaction((tx) => tx.setting('written-by'))).toBe('child')
    const resumed = await new Promise<string>((resolve) => void store.lanes.serve(async (lane) => resolve(lane), 1))
    expect(resumed).toBe('alice')
    expect(performance.now() - killedAt).toBeLessThan(15_000)
    await store.close()
    expect(await isStopped()).toBe(true)
  })

  it('is shared by processes of one data folder and stopped by the last one that leaves', async () => {
    const [service, second] = await Promise.all([child('', 'ready'), open()])
    await second.close()
    expect(await isStopped()).toBe(false)
    const third = await open()
    service.kill('SIGTERM')
    const stoppedWithin = performance.now()
    await once(service, 'exit')
    expect(performance.now() - stoppedWithin).toBeLessThan(5000)
    expect(await third.transaction((tx) => tx.setting('written-by'))).toBe('child')
    await third.close()
    expect(await isStopped()).toBe(true)
  })

  it('starts although the file of a killed server names a number that another program has now', async () => {
    await writeFile(pidFile(), `${process.pid}\n${join(dataDir, 'postgres', 'data')}\n1\n5432\n${join(dataDir, 'postgres')}\n\n\nready\n`)
    const store = await open()
    expect(await serverPid()).not.toBe(process.pid)
    expect((await store.health()).ok).toBe(true)
    await store.close()
  })

  it('is brought back when it dies under the running service', async () => {
    const store = await open()
    const pid = await serverPid()
    process.kill(pid, 'SIGQUIT')
    // The file may go away between two looks at it.
    const present = () => serverPid().catch(() => pid)
    for (let tries = 0; tries < 1000 && (await present()) === pid; tries += 1) await sleep(50)
    for (let tries = 0; tries < 1000 && !(await store.health()).ok; tries += 1) await sleep(50)
    expect(await store.transaction((tx) => tx.setting('kept'))).toBe('yes')
    await store.close()
  })

  it('works where the path is too long for a socket', async () => {
    const long = join(dataDir, 'a-folder-with-a-rather-long-name'.repeat(4))
    const server = await startEmbedded(long, silentLog)
    expect(server.url).toMatch(/@127\.0\.0\.1:\d+\/connector$/)
    await server.stop()
  })

  it('says what to do when the password file was lost', async () => {
    const file = join(dataDir, 'postgres-password')
    const right = await readFile(file, 'utf8')
    const running = await open()
    await writeFile(file, 'another-password\n')
    await expect(open()).rejects.toMatchObject({ code: 'STORE_DATA_FOLDER', message: expect.stringContaining('postgres-password') })
    await expect(open()).rejects.not.toMatchObject({ message: expect.stringContaining('another-password') })
    await writeFile(file, right)
    await running.close()
  })
})
