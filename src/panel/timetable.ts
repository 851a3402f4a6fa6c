import { Cron } from 'croner'
import type { Job, Repeat } from '../engine/index.ts'
import { asSyncError } from '../lib/errors.ts'
import type { Log } from '../ports.ts'
import type { JobRow, PanelStore } from '../store/index.ts'
import { refused } from './errors.ts'

export interface JobState {
  readonly name: string
  /** `every 5s` or a cron pattern. */
  readonly schedule: string
  readonly usualSchedule: string
  readonly paused: boolean
  readonly running: boolean
  readonly lastRunAt: string | null
  readonly nextRunAt: string | null
  readonly ms: number | null
  readonly result: 'done' | 'failed' | null
  readonly message: string | null
}

/** The scheduled jobs: seen, paused, hastened, given another schedule. */
export interface Timetable {
  /** Runs the engine's jobs. */
  readonly repeat: Repeat
  /** A job of the panel's own. @param work tells in a few words what it did */
  add(name: string, schedule: string, work: () => Promise<string>): void
  list(): readonly JobState[]
  change(name: string, change: { schedule?: string | undefined; paused?: boolean | undefined }): Promise<JobState>
  runNow(name: string): JobState
  stop(): Promise<void>
}

interface Entry {
  readonly name: string
  readonly usualSchedule: string
  readonly work: () => Promise<string>
  /** What its failure means, in words. */
  readonly failure: string
  schedule: string
  paused: boolean
  running: boolean
  asked: boolean
  failures: number
  startedAt: number | null
  nextAt: number | null
  ms: number | null
  result: JobRow['result']
  message: string | null
  savedAt: number
  /** Ends the wait for the next turn. */
  poke: () => void
}

/** A row that says the same again is written this often. */
const SAVE_MS = 10_000
const SHORTEST_SECONDS = 1

export async function openTimetable(panel: PanelStore, log: Log): Promise<Timetable> {
  const stored = new Map((await panel.measures.jobs()).map((row) => [row.name, row]))
  const entries = new Map<string, Entry>()
  const own: Promise<void>[] = []
  const stopping = new AbortController()

  const entryOf = (name: string): Entry => {
    const found = entries.get(name)
    if (found === undefined) throw refused(404, 'NO_SUCH_JOB', `There is no job "${name}".`)
    return found
  }

  function enter(name: string, schedule: string, failure: string, work: () => Promise<string>): Entry {
    const row = stored.get(name)
    const before = entries.get(name)
    const entry: Entry = {
      name, usualSchedule: schedule, work, failure, schedule: before?.schedule ?? row?.schedule ?? schedule, paused: before?.paused ?? row?.paused ?? false,
      running: false, asked: false, failures: 0, startedAt: row?.startedAt?.getTime() ?? null, nextAt: null, ms: row?.ms ?? null,
      result: row?.result ?? null, message: row?.message ?? null, savedAt: 0, poke: () => undefined,
    }
    entries.set(name, entry)
    return entry
  }

  async function save(entry: Entry, force: boolean): Promise<void> {
    if (!force && Date.now() - entry.savedAt < SAVE_MS) return
    entry.savedAt = Date.now()
    const at = (ms: number | null) => (ms === null ? null : new Date(ms))
    await panel.measures
      .saveJob({
        name: entry.name, schedule: entry.schedule === entry.usualSchedule ? null : entry.schedule, paused: entry.paused, startedAt: at(entry.startedAt),
        ms: entry.ms, result: entry.result, message: entry.message, nextAt: at(entry.nextAt),
      })
      .catch((thrown: unknown) => log.debug({ code: asSyncError(thrown).code }, 'the state of a job was not saved'))
  }

  async function turn(entry: Entry): Promise<void> {
    entry.asked = false
    entry.running = true
    entry.startedAt = Date.now()
    const before = entry.result
    try {
      entry.message = await entry.work()
      if (entry.failures > 0) log.info({ job: entry.name }, `healed: ${entry.failure}`)
      entry.result = 'done'
      entry.failures = 0
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (entry.message !== error.message) log.error({ job: entry.name, code: error.code }, `${entry.failure}: ${error.message}`)
      entry.message = error.message
      entry.result = 'failed'
      entry.failures += 1
    }
    entry.running = false
    entry.ms = Date.now() - entry.startedAt
    await save(entry, before !== entry.result)
  }

  async function loop(entry: Entry, signal: AbortSignal, at: number | null): Promise<void> {
    for (entry.nextAt = at ?? nextRun(entry); !signal.aborted; ) {
      await wait(entry, signal)
      if (signal.aborted) break
      if (!entry.asked && (entry.paused || entry.nextAt === null || Date.now() < entry.nextAt)) continue
      await turn(entry)
      entry.nextAt = entry.paused ? null : nextRun(entry)
    }
  }

  return {
    async repeat(_engine, signal, { name, seconds, failure, work }: Job) {
      // At once for the first time: the service waits for it.
      await loop(enter(name, `every ${seconds}s`, failure, () => work().then(() => '')), signal, Date.now())
    },
    add(name, schedule, work) {
      own.push(loop(enter(name, schedule, `the job ${name} failed`, work), stopping.signal, null))
    },
    list: () => [...entries.values()].map(stateOf),
    async change(name, { schedule, paused }) {
      const entry = entryOf(name)
      if (schedule !== undefined) {
        check(schedule)
        entry.schedule = schedule
      }
      if (paused !== undefined) entry.paused = paused
      entry.nextAt = entry.paused ? null : nextRun(entry)
      await save(entry, true)
      entry.poke()
      return stateOf(entry)
    },
    runNow(name) {
      const entry = entryOf(name)
      entry.asked = true
      entry.poke()
      return stateOf(entry)
    },
    async stop() {
      stopping.abort()
      for (const entry of entries.values()) entry.poke()
      await Promise.all(own)
    },
  }
}

function stateOf(entry: Entry): JobState {
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())
  const { name, schedule, usualSchedule, paused, running, ms, result, message } = entry
  return { name, schedule, usualSchedule, paused, running, ms, result, message: message === '' ? null : message, lastRunAt: at(entry.startedAt), nextRunAt: at(entry.paused ? null : entry.nextAt) }
}

function wait(entry: Entry, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (entry.asked || signal.aborted) return resolve()
    const ms = entry.paused || entry.nextAt === null ? 60_000 : Math.max(0, Math.min(entry.nextAt - Date.now(), 60_000))
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    entry.poke = end
  })
}

function nextRun(entry: Entry): number | null {
  const seconds = secondsOf(entry.schedule)
  if (seconds !== null) {
    const pauseMs = entry.failures === 0 ? seconds * 1000 : Math.min(seconds * 1000, 1000 * 2 ** Math.min(6, entry.failures))
    return Date.now() + pauseMs
  }
  return new Cron(entry.schedule, { paused: true }).nextRun()?.getTime() ?? null
}

/** @returns seconds of `every 5s`, `every 10m`, `every 2h`; null for anything else */
function secondsOf(schedule: string): number | null {
  const match = /^every\s+(\d+(?:\.\d+)?)\s*(s|m|h)$/.exec(schedule.trim())
  if (match === null) return null
  return Number(match[1]) * { s: 1, m: 60, h: 3600 }[match[2] as 's' | 'm' | 'h']
}

/** @throws Refusal when it is neither an interval nor a cron pattern that ever comes */
function check(schedule: string): void {
  const seconds = secondsOf(schedule)
  if (seconds !== null && seconds >= SHORTEST_SECONDS && seconds <= 7 * 86_400) return
  const wrong = refused(400, 'BAD_SCHEDULE', `"${schedule}" is no schedule. Write "every 5s", "every 10m", "every 2h" (1 second to 7 days), or a cron pattern such as "0 3 * * *".`)
  if (seconds !== null) throw wrong
  try {
    if (new Cron(schedule, { paused: true }).nextRun() !== null) return
  } catch {
    throw wrong
  }
  throw wrong
}
