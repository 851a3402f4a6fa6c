import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createLog } from '../src/main.ts'

export const POLL_SECONDS = 5

export interface Servers {
  readonly control: { ews: string; vtenext: string }
  readonly config: string
  stop(): void
}

/** Each simulated server in a process of its own. */
export async function startServers(mailboxes: number, items: number): Promise<Servers> {
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

export async function simulator(only: string, args: readonly string[]): Promise<{ process: ChildProcess; json: any }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), 'simulate', '--json', '--only', only, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve) => child.stdout && createInterface({ input: child.stdout }).once('line', resolve))
  return { process: child, json: JSON.parse(line) }
}

export const control = async (url: string, path: string, body: unknown = {}): Promise<any> =>
  (await fetch(`${url}/${path}`, { method: 'POST', body: JSON.stringify(body) })).json()

export const folder = () => {
  const dir = mkdtempSync(join(tmpdir(), 'exchange-connector-bench-'))
  chmodSync(dir, 0o755)
  return dir
}

export const log = createLog('warn')
export const around = (dataDir: string) => ({ configFile: 'bench', dataDir, databaseUrl: process.env['DATABASE_URL'], logLevel: 'warn' })
