import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig } from '../src/config.ts'
import { newTotals, syncOnce } from '../src/engine/index.ts'
import { createLog, openConnector, systemClock } from '../src/main.ts'
import { startAll } from '../src/cli/start.ts'
import { openStore, startEmbedded } from '../src/store/index.ts'
import { fillLists, measureLists } from './lists.ts'
import { table } from '../src/cli/output.ts'

/**
 * The promises of the product, measured: each simulated server in a process of its own, the connector in this one with
 * its own PostgreSQL. Prints a table, or one JSON object with --json. ITEMS, SAMPLES and MAILBOXES (idle ones) set the sizes.
 */
const ITEMS = Number(process.env['ITEMS'] ?? 5000)
const SAMPLES = Number(process.env['SAMPLES'] ?? 40)
const MAILBOXES = Number(process.env['MAILBOXES'] ?? 5000)
const POLL_SECONDS = 5

interface Row {
  readonly promise: string
  readonly target: string
  readonly measured: string
  readonly met: boolean | null
}

const rows: Row[] = []
const note = (promise: string, target: string, measured: string, met: boolean | null) => {
  rows.push({ promise, target, measured, met })
  process.stderr.write(`${promise}: ${measured}\n`)
}

interface Servers {
  readonly control: { ews: string; vtenext: string }
  readonly config: string
  stop(): void
}

async function startServers(mailboxes: number, items: number): Promise<Servers> {
  const size = [...(mailboxes > 0 ? ['--mailboxes', String(mailboxes)] : []), ...(items > 0 ? ['--items', String(items)] : [])]
  const [ews, vtenext] = await Promise.all([simulator('ews', ['--empty', ...size]), simulator('vtenext', ['--empty', ...(mailboxes > 0 ? ['--mailboxes', String(mailboxes)] : [])])])
  const admin = vtenext.json.vtenext.users.find((user: { admin: boolean }) => user.admin)
  const names = mailboxes > 0 ? Array.from({ length: mailboxes }, (_, index) => `user${index + 1}`) : ['alice']
  return {
    control: { ews: ews.json.control.url, vtenext: vtenext.json.control.url },
    config: JSON.stringify({
      crm: { kind: 'vtenext', url: vtenext.json.vtenext.url, username: admin.username, accessKey: admin.accessKey, pollSeconds: POLL_SECONDS },
      exchange: [{ name: 'onprem', kind: 'ews', url: ews.json.ews.url, ...ews.json.ews.service, impersonation: true }],
      users: names.map((name) => ({ crm: name, mailbox: `${name}@example.test` })),
    }),
    stop() {
      ews.process.kill()
      vtenext.process.kill()
    },
  }
}

async function simulator(only: string, args: readonly string[]): Promise<{ process: ChildProcess; json: any }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), 'simulate', '--json', '--only', only, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve) => child.stdout && createInterface({ input: child.stdout }).once('line', resolve))
  return { process: child, json: JSON.parse(line) }
}

const control = async (url: string, path: string, body: unknown = {}): Promise<any> =>
  (await fetch(`${url}/${path}`, { method: 'POST', body: JSON.stringify(body) })).json()

const folder = () => {
  const dir = mkdtempSync(join(tmpdir(), 'exchange-connector-bench-'))
  chmodSync(dir, 0o755)
  return dir
}

const log = createLog('warn')
const around = (dataDir: string) => ({ configFile: 'bench', dataDir, databaseUrl: process.env['DATABASE_URL'], logLevel: 'warn' })

async function firstSync(mailboxes: number, items: number): Promise<{ seconds: number; settledMs: number; peakMb: number; busyCpu: number }> {
  const servers = await startServers(mailboxes, items)
  const dataDir = folder()
  const connector = await openConnector(parseConfig(servers.config, {}, 'bench'), around(dataDir), log)
  let peak = 0
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 100)
  try {
    const totals = newTotals()
    await connector.prepare(totals)
    const startedMs = performance.now()
    const cpu = process.cpuUsage()
    await syncOnce(connector.engine({ once: true }, totals), connector.store.lanes, 4)
    const seconds = (performance.now() - startedMs) / 1000
    const used = process.cpuUsage(cpu)
    const wanted = Math.max(1, mailboxes) * items
    if (totals.crm.created !== wanted || totals.failed > 0) throw new Error(`first sync: ${totals.crm.created} of ${wanted} created, ${totals.failed} failed: ${JSON.stringify(totals.errors.slice(0, 3))}`)
    const again = newTotals()
    const settledAt = performance.now()
    await syncOnce(connector.engine({ once: true }, again), connector.store.lanes, 4)
    const settledMs = performance.now() - settledAt
    const writes = again.crm.created + again.crm.updated + again.exchange.created + again.exchange.updated + again.marked
    if (writes > 0) throw new Error(`a settled pass wrote ${writes} times`)
    return { seconds, settledMs, peakMb: peak / 1e6, busyCpu: (used.user + used.system) / 1e6 / seconds }
  } finally {
    clearInterval(watch)
    await connector.close()
    servers.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const percentile = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN

async function waitFor(isSo: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedMs > 60_000) throw new Error('not seen on the other side within a minute')
    await sleep(10)
  }
  return performance.now() - startedMs
}

async function latencies(): Promise<void> {
  const servers = await startServers(0, 0)
  const dataDir = folder()
  const running = await startAll(parseConfig(servers.config, {}, 'bench'), around(dataDir), log, 0)
  const { ews, vtenext } = servers.control
  const address = 'alice@example.test'
  const records = async () => ((await control(vtenext, 'vtenext/records', { module: 'Events' })) as { subject: string }[]).map((one) => one.subject)
  const items = async () => ((await control(ews, 'ews/items', { address, folder: 'calendar' })) as { fields: { Subject: string } }[]).map((one) => one.fields.Subject)
  try {
    await waitFor(async () => running.service.connected().size === 1)
    await sleep(1000)
    const toCrm: number[] = []
    for (let n = 0; n < SAMPLES; n++) {
      await control(ews, 'ews/put', { address, folder: 'calendar', fields: { Subject: `E${n}`, Start: '2027-01-10T09:00:00Z', End: '2027-01-10T10:00:00Z' } })
      toCrm.push(await waitFor(async () => (await records()).includes(`E${n}`)))
      await sleep(100 + Math.random() * 200)
    }
    note('Exchange change -> CRM record, p50', '<= 1 s', `${Math.round(percentile(toCrm, 0.5))} ms`, percentile(toCrm, 0.5) <= 1000)
    note('Exchange change -> CRM record, p95', '<= 2 s', `${Math.round(percentile(toCrm, 0.95))} ms`, percentile(toCrm, 0.95) <= 2000)
    const make = (subject: string) => control(vtenext, 'vtenext/put', { module: 'Events', as: 'alice', fields: { subject, date_start: '2027-01-11', time_start: '10:00', due_date: '2027-01-11', time_end: '11:00' } })
    const pinged: number[] = []
    for (let n = 0; n < SAMPLES; n++) {
      await make(`P${n}`)
      await running.service.ping()
      pinged.push(await waitFor(async () => (await items()).includes(`P${n}`)))
    }
    note('CRM change -> Exchange item with a ping, p95', '<= 1 s', `${Math.round(percentile(pinged, 0.95))} ms`, percentile(pinged, 0.95) <= 1000)
    const polled: number[] = []
    for (let n = 0; n < Math.ceil(SAMPLES / 4); n++) {
      await make(`C${n}`)
      polled.push(await waitFor(async () => (await items()).includes(`C${n}`)))
      await sleep(Math.random() * 1000)
    }
    note('CRM change -> Exchange item by polling, p95', `<= ${POLL_SECONDS + 1} s`, `${(percentile(polled, 0.95) / 1000).toFixed(1)} s`, percentile(polled, 0.95) <= (POLL_SECONDS + 1) * 1000)
    const outbox = (await control(ews, 'ews/outbox')) as unknown[]
    note('mails sent', '0', String(outbox.length), outbox.length === 0)
  } finally {
    await running.stop()
    servers.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** A process of its own: what other measurements left behind is not counted. */
async function idleMailboxes(mode: 'shared' | 'own'): Promise<{ mailboxes: number; kbPerMailbox: number; residentMb: number }> {
  const child = spawn(process.execPath, ['--expose-gc', join(import.meta.dirname, 'idle.ts'), mode, String(MAILBOXES)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve) => createInterface({ input: child.stdout }).once('line', resolve))
  return JSON.parse(line)
}

const ROWS = 20_000

/** Every list of the panel with that many rows in each. */
async function lists(): Promise<void> {
  const dataDir = folder()
  const server = await startEmbedded(dataDir, log)
  const store = await openStore({ dataDir, databaseUrl: server.url, log, clock: systemClock })
  try {
    await fillLists(server.url, ROWS)
    const took = await measureLists(store.panel, ROWS)
    const [slowest, ms] = Object.entries(took).sort(([, left], [, right]) => right - left)[0] ?? ['', Number.NaN]
    note(`slowest list of the panel with ${ROWS} rows in each (${slowest})`, '<= 1 s', `${ms} ms`, ms <= 1000)
  } finally {
    await store.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

await lists()
const small = await firstSync(0, Math.ceil(ITEMS / 10))
const one = await firstSync(0, ITEMS)
const ten = await firstSync(10, Math.ceil(ITEMS / 10))
note(`first sync, one mailbox of ${ITEMS}`, '>= 1,000 items/s', `${Math.round(ITEMS / one.seconds)} items/s (${one.seconds.toFixed(1)} s)`, ITEMS / one.seconds >= 1000)
note(`first sync, ten mailboxes of ${Math.ceil(ITEMS / 10)}`, '>= 1,000 items/s', `${Math.round(ITEMS / ten.seconds)} items/s (${ten.seconds.toFixed(1)} s)`, ITEMS / ten.seconds >= 1000)
note('share of one core used by the connector itself', '', `${Math.round(one.busyCpu * 100)} %`, null)
note('settled pass over that mailbox', 'writes nothing', `0 writes, ${Math.round(one.settledMs)} ms (with a tenth of the items ${Math.round(small.settledMs)} ms)`, true)
note('peak memory in the number of items', 'flat', `${Math.round(small.peakMb)} MB with ${Math.ceil(ITEMS / 10)}, ${Math.round(one.peakMb)} MB with ${ITEMS}`, null)
await latencies()
for (const [mode, promised, what] of [['shared', 64, 'on a shared streaming connection'], ['own', 256, 'with a connection of its own (NTLM over TLS)']] as const) {
  const idle = await idleMailboxes(mode)
  note(`idle RAM per mailbox ${what}, ${idle.mailboxes} mailboxes in one process`, `<= ${promised} KB`, `${idle.kbPerMailbox} KB (${idle.residentMb} MB in all)`, idle.kbPerMailbox <= promised)
}

if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ cores: cpus().length, items: ITEMS, samples: SAMPLES, rows })}\n`)
else process.stdout.write(`\n${table(['promise', 'target', 'measured', 'met'], rows.map((row) => [row.promise, row.target, row.measured, row.met === null ? '' : row.met ? 'yes' : 'NO']))}\n`)
