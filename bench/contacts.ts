import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { control, folder, startServers } from './servers.ts'
import type { Servers } from './servers.ts'

const PROGRAM = join(import.meta.dirname, '../src/cli/main.ts')

interface Ran {
  readonly seconds: number
  readonly peakMb: number
  readonly report: any
}

/** The connector as a process of its own: what it needs at most is the operating system's number. */
async function sync(dataDir: string, killWhen?: () => Promise<boolean>): Promise<Ran | null> {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [PROGRAM, 'sync', '--once', '--json', '--config', join(dataDir, 'connector.yaml'), '--data', join(dataDir, 'data')], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  let peakMb = 0
  child.stdout.on('data', (text: Buffer) => (said += text.toString()))
  const watch = setInterval(() => (peakMb = Math.max(peakMb, peakOf(child.pid ?? 0))), 200)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  if (killWhen !== undefined) {
    while (child.exitCode === null && !(await killWhen())) await sleep(50)
    child.kill('SIGKILL')
  }
  await ended
  clearInterval(watch)
  const line = said.trimEnd().split('\n').at(-1) ?? ''
  return killWhen !== undefined ? null : { seconds: (performance.now() - startedMs) / 1000, peakMb, report: JSON.parse(line) }
}

const peakOf = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000
  } catch {
    return 0
  }
}

async function seed({ control: { vtenext } }: Servers, contacts: number, members: readonly string[]): Promise<void> {
  const group = await control(vtenext, 'vtenext/addGroup', { name: 'Everybody', members })
  const numbers = Array.from({ length: contacts }, (_, at) => at)
  const one = (n: number) => control(vtenext, 'vtenext/put', {
    module: 'Contacts', as: 'admin',
    fields: {
      firstname: `First${n}`, lastname: `Last${n}`, email: `contact${n}@customers.example`, phone: `+39 02 ${n}`, mobile: `+39 333 ${n}`, title: 'Buyer',
      mailingstreet: `Via Roma ${n}`, mailingcity: 'Milano', mailingzip: '20100', mailingcountry: 'Italia', description: 'Met at the fair.', assigned_user_id: group.id,
    },
  })
  for (let at = 0; at < contacts; at += 32) await Promise.all(numbers.slice(at, at + 32).map(one))
}

const madeSoFar = async ({ control: { ews } }: Servers): Promise<number> => (await control(ews, 'ews/state')).writes.created

/** @returns times and sizes of a first run that was killed and began again, and of the run after it */
export async function contactsOfGroup(contacts: number, members: number): Promise<{ seconds: number; settledMs: number; settledReads: number; peakMb: number }> {
  const servers = await startServers(members, 0)
  const dataDir = folder()
  const names = Array.from({ length: members }, (_, at) => `user${at + 1}`)
  try {
    await seed(servers, contacts, names)
    const config = { ...JSON.parse(servers.config), groups: [{ crm: 'Everybody', members: names }] }
    writeFileSync(join(dataDir, 'connector.yaml'), JSON.stringify(config))
    const startedMs = performance.now()
    await sync(dataDir, async () => (await madeSoFar(servers)) > (contacts * members) / 4)
    const killedAt = await madeSoFar(servers)
    const first = await sync(dataDir)
    const seconds = (performance.now() - startedMs) / 1000
    const made = await madeSoFar(servers)
    if (first?.report.ok !== true || made !== contacts * members) {
      throw new Error(`contacts: ${made} of ${contacts * members} made, ${killedAt} of them before the kill: ${JSON.stringify(first?.report.errors?.slice(0, 3))}`)
    }
    const before = await requests(servers)
    const again = await sync(dataDir)
    const { exchange, crm, marked } = again?.report ?? {}
    if (exchange.created + exchange.updated + exchange.deleted + crm.updated + crm.created + marked > 0) throw new Error(`a second run wrote: ${JSON.stringify(again?.report)}`)
    return { seconds, settledMs: (again?.seconds ?? 0) * 1000, settledReads: (await requests(servers)) - before, peakMb: Math.max(first.peakMb, again?.peakMb ?? 0) }
  } finally {
    servers.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Requests both servers have answered so far. */
async function requests({ control: { ews, vtenext } }: Servers): Promise<number> {
  const [exchange, crm] = await Promise.all([control(ews, 'ews/state'), control(vtenext, 'vtenext/state')])
  return (exchange.requests ?? 0) + (crm.requests ?? 0)
}
