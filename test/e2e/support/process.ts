import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../../../bin/exchange-connector', import.meta.url))
/** Long enough for a loaded machine; a command that hangs is ended and fails its test. */
const PATIENCE_MS = 120_000

/** What a command said, and how it ended. */
export interface Ran {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The JSON on standard output; null where there is none. */
  readonly json: any
}

/** A running command. */
export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  kill(signal: NodeJS.Signals): void
  /** Resolves when the process has ended and both outputs are read. */
  readonly ended: Promise<Ran>
}

/** Starts a command as a user would; nothing of the developer's own environment leaks into it. */
export function launch(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd?: string): Running {
  const inherited = Object.fromEntries(['PATH', 'HOME', 'USER', 'TMPDIR', 'TZ', 'LANG'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }))
  const child = spawn(PROGRAM, args, { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) })
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said.stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { said.stderr += text })
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...said, json: lastJson(said.stdout) }))
  })
  return { child, pid: child.pid ?? 0, stdout: () => said.stdout, stderr: () => said.stderr, kill: (signal) => void child.kill(signal), ended }
}

/** Runs a command to its end. */
export async function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd?: string): Promise<Ran> {
  const running = launch(args, environment, cwd)
  const timer = setTimeout(() => running.kill('SIGKILL'), PATIENCE_MS)
  const ran = await running.ended
  clearTimeout(timer)
  return ran
}

function lastJson(text: string): unknown {
  const line = text.trimEnd().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) return null
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

/** What went wrong, as JSON and as people read it: told once, without a stack. */
export function told(ran: Ran): string {
  expect(ran.stderr).not.toMatch(/\n\s+at /)
  if (ran.json?.error !== undefined) return ran.json.error.message
  expect(ran.json.errors).toHaveLength(1)
  return ran.json.errors[0].message
}

/** Asks again until the answer is yes. @throws with `what` when it is not for so long, or for a minute and a half if that is longer: a busy machine is no failure */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<number> {
  const startedMs = performance.now()
  const patienceMs = Math.max(withinMs, 90_000)
  while (!(await isSo())) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`Not within ${patienceMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return performance.now() - startedMs
}

/** Process id of the connector's own PostgreSQL below a folder; null where none runs. */
export function postmasterOf(folder: string): number | null {
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('postmaster.pid'))
  if (file === undefined) return null
  const pid = Number(readFileSync(join(folder, file), 'utf8').split('\n')[0])
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) ? pid : null
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
