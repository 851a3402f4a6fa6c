import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEwsConnection } from '../src/ews/index.ts'
import { createLog, mailboxIdOf, systemClock } from '../src/main.ts'
import { assigneeId } from '../src/model/index.ts'

/**
 * What an idle mailbox costs in memory, once its folders are known and its notifications stream: `node --expose-gc
 * bench/idle.ts shared|own <mailboxes>` prints one JSON object. The server is a process of its own, over TLS; with own
 * connections everybody signs in by NTLM. Each figure needs a process that did nothing else before.
 */
const [mode = 'shared', count = '5000'] = process.argv.slice(2)
const MAILBOXES = Number(count)
const shared = mode === 'shared'

async function startServer(): Promise<{ process: ChildProcess; json: any }> {
  const args = ['simulate', '--json', '--only', 'ews', '--empty', '--tls', '--mailboxes', String(MAILBOXES), ...(shared ? [] : ['--ews-auth', 'ntlm'])]
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve) => child.stdout && createInterface({ input: child.stdout }).once('line', resolve))
  return { process: child, json: JSON.parse(line) }
}

/**
 * Resident memory after everything that can be freed is freed and given back, as V8 does by itself in a process that has
 * been idle for a while.
 */
async function resident(): Promise<number> {
  const collect = globalThis.gc as unknown as ((options: object) => void) | undefined
  if (collect === undefined) throw new Error('Run this with node --expose-gc.')
  for (let round = 0; round < 4; round += 1) {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await sleep(200)
  }
  return process.memoryUsage().rss
}

const server = await startServer()
const { ews } = server.json
const connection = createEwsConnection({
  name: 'bench', url: ews.url, auth: shared ? { kind: 'basic' } : { kind: 'ntlm', channelBinding: 'auto' }, credentials: ews.service, impersonation: shared,
  ca: readFileSync(ews.ca, 'utf8'), log: createLog('error'), clock: systemClock,
})
const mailboxOf = (at: number) => {
  const user = `user${at + 1}`
  const address = `${user}@example.test`
  return { id: mailboxIdOf(address), address, user, userId: assigneeId(`19x${at}`), connection: 'bench', zone: 'Europe/Rome' as const }
}
const own = (at: number) => (shared ? undefined : { username: mailboxOf(at).address, password: `user${at + 1}-password` })
const hints = connection.hints()

/** So many at a time: handshakes of thousands at once measure the server, not us. */
async function connect(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 1) {
    const mailbox = mailboxOf(at)
    connection.mailbox(mailbox, own(at))
    hints.watch(mailbox, () => undefined)
    if (at % 50 === 49 || at === to - 1) while (hints.connected().size < at + 1 - (shared ? 200 : 0)) await sleep(20)
  }
  while (hints.connected().size < to) await sleep(50)
}

// The first ones pay for code and buffers that all share.
const first = Math.min(200, Math.floor(MAILBOXES / 10))
await connect(0, first)
const before = await resident()
const startedMs = performance.now()
await connect(first, MAILBOXES)
const seconds = (performance.now() - startedMs) / 1000
// Sockets of calls end after half a minute; streams stay.
await sleep(Number(process.env['SETTLE_MS'] ?? 35_000))
const after = await resident()
process.stdout.write(`${JSON.stringify({ mode, mailboxes: MAILBOXES, connected: hints.connected().size, seconds: Math.round(seconds), kbPerMailbox: Math.round((after - before) / 1024 / (MAILBOXES - first)), residentMb: Math.round(after / 1e6) })}\n`)
await connection.close()
server.process.kill()
