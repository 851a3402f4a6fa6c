import { sql } from 'kysely'
import { fromKysely, PgBoss } from 'pg-boss'
import type { Job, JobAttempt } from 'pg-boss'
import type pg from 'pg'
import { mailboxId } from '../model/index.ts'
import type { MailboxId } from '../model/index.ts'
import type { Lanes, LanesServer, Log } from '../ports.ts'
import { rows, textArray } from './database.ts'
import type { Database } from './database.ts'
import { toStoreError } from './errors.ts'

const QUEUE = 'lanes'
const SCHEMA = 'connector_queue'
/** How soon a wake-up from another process is seen; those of this process are served at once. */
const POLL_MS = 400
/** A job whose worker is silent for so long is handed to another one (pg-boss allows no less than 10 s). */
const SILENCE_SECONDS = 10
const SIGN_OF_LIFE_MS = 2500
/** The longest that pg-boss accepts: a first synchronisation may take hours, and the heartbeat finds dead workers. */
const LONGEST_RUN_SECONDS = 86_400 - 1
const IDLE_CHECK_MS = 25

export interface LaneQueue extends Lanes {
  /** Wakes lanes inside a transaction; call `nudge` after its commit. */
  wakeIn(transaction: Database, lanes: readonly MailboxId[]): Promise<void>
  nudge(): void
  close(): Promise<void>
}

/**
 * Lanes on pg-boss: at most one job per lane waits and at most one is active (policy `stately`).
 * @param pool for taking and ticking off jobs: apart from the store's, so that signs of life never wait for a connection
 * @param db the store's database, where jobs are added
 */
export async function openLaneQueue(pool: pg.Pool, db: Database, log: Log): Promise<LaneQueue> {
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    schema: SCHEMA,
    schedule: false,
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    registerInstance: false,
    openTelemetry: { enabled: false },
  })
  boss.on('error', (error) => log.warn({ error: toStoreError(error).message }, 'The lane queue had trouble; it goes on'))
  await boss.start().catch((error: unknown) => {
    throw toStoreError(error)
  })
  await ensureQueue(boss)
  const servers = new Set<LaneServer>()
  const nudge = () => servers.forEach((server) => server.nudge())

  async function wakeIn(transaction: Database, lanes: readonly MailboxId[]): Promise<void> {
    // Sorted, so that transactions that wake the same lanes wait for each other instead of blocking each other.
    let missing: string[] = [...new Set(lanes)].sort()
    while (missing.length > 0) {
      await insertJobs(boss, transaction, missing)
      // A job that waits already would do, but a worker could take it before this transaction commits and so miss
      // the change: lock it, and where a worker was faster, add another.
      const locked = await rows(transaction, sql<{ lane: string }>`
        select singleton_key as lane from ${sql.table(`${SCHEMA}.job_common`)}
        where name = ${QUEUE} and state = 'created' and singleton_key = any(${textArray(missing)})
        order by singleton_key for update`)
      const held = new Set(locked.map((row) => row.lane))
      missing = missing.filter((lane) => !held.has(lane))
    }
  }

  return {
    wakeIn,
    nudge,
    async wake(lanes) {
      await insertJobs(boss, db, [...new Set(lanes)].sort())
      nudge()
    },
    async serve(run, parallel) {
      const server = new LaneServer({ boss, db, log, run, parallel })
      servers.add(server)
      server.start()
      return {
        idle: () => server.idle(),
        async stop() {
          await server.stop()
          servers.delete(server)
        },
      } satisfies LanesServer
    },
    async close() {
      await Promise.all([...servers].map((server) => server.stop()))
      await boss.stop({ graceful: false })
    },
  }
}

async function ensureQueue(boss: PgBoss): Promise<void> {
  const settings = {
    heartbeatSeconds: SILENCE_SECONDS,
    expireInSeconds: LONGEST_RUN_SECONDS,
    retryLimit: 1_000_000,
    retryDelay: 0,
    retentionSeconds: 365 * 86_400,
    warningQueueSize: 1_000_000,
  }
  if (await boss.getQueue(QUEUE)) await boss.updateQueue(QUEUE, settings)
  else await boss.createQueue(QUEUE, { policy: 'stately', ...settings })
}

async function insertJobs(boss: PgBoss, db: Database, lanes: readonly string[]): Promise<void> {
  if (lanes.length === 0) return
  try {
    await boss.insert(QUEUE, lanes.map((lane) => ({ singletonKey: lane, data: { lane } })), { db: fromKysely(db) })
  } catch (error) {
    throw toStoreError(error)
  }
}

interface LaneServerOptions {
  readonly boss: PgBoss
  readonly db: Database
  readonly log: Log
  readonly run: (lane: MailboxId) => Promise<void>
  readonly parallel: number
}

/** Takes jobs while there is room, runs each on its own, and says every few seconds that they are alive. */
class LaneServer {
  private readonly options: LaneServerOptions
  private readonly running = new Map<Promise<void>, JobAttempt>()
  private stopping = false
  private loop: Promise<void> = Promise.resolve()
  private signs: NodeJS.Timeout | undefined
  /** A nudge during a fetch must not be lost: the fetch may have looked before the job was there. */
  private nudged = false
  private wakeLoop: () => void = () => undefined

  constructor(options: LaneServerOptions) {
    this.options = options
  }

  start(): void {
    this.signs = setInterval(() => void this.giveSign(), SIGN_OF_LIFE_MS)
    this.loop = this.serve()
  }

  nudge(): void {
    this.nudged = true
    this.wakeLoop()
  }

  async stop(): Promise<void> {
    this.stopping = true
    this.nudge()
    await this.loop
    await Promise.all(this.running.keys())
    clearInterval(this.signs)
  }

  async idle(): Promise<void> {
    for (;;) {
      await Promise.all(this.running.keys())
      const [row] = await rows(this.options.db, sql<{ open: boolean }>`
        select exists (select from ${sql.table(`${SCHEMA}.job_common`)} where name = ${QUEUE} and state <= 'active') as open`)
      if (!row?.open) return
      await new Promise((resolve) => setTimeout(resolve, IDLE_CHECK_MS))
    }
  }

  private async serve(): Promise<void> {
    while (!this.stopping) {
      this.nudged = false
      const free = this.options.parallel - this.running.size
      const jobs = free > 0 ? await this.fetch(free) : []
      for (const job of jobs) this.begin(job)
      if (!this.nudged) await this.pause()
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS)
      this.wakeLoop = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private async fetch(batchSize: number): Promise<readonly TakenJob[]> {
    try {
      return await this.options.boss.fetch<{ lane: string }>(QUEUE, { batchSize, includeMetadata: true })
    } catch (error) {
      this.options.log.warn({ error: toStoreError(error).message }, 'No work could be taken; it is tried again')
      return []
    }
  }

  private begin(job: TakenJob): void {
    const attempt = { id: job.id, retryCount: job.retryCount }
    const done = this.runJob(mailboxId(job.data.lane), attempt).finally(() => {
      this.running.delete(done)
      this.nudge()
    })
    this.running.set(done, attempt)
  }

  private async runJob(lane: MailboxId, attempt: JobAttempt): Promise<void> {
    try {
      await this.options.run(lane)
    } catch (error) {
      this.options.log.error({ lane, error: String(error) }, 'A run threw; its lane goes on with the next wake-up')
    }
    try {
      // Deleted rather than completed: nobody asks for finished wake-ups, and the table stays small.
      await this.options.boss.deleteJob(QUEUE, attempt)
    } catch (error) {
      this.options.log.warn({ lane, error: toStoreError(error).message }, 'A finished run could not be ticked off; it is repeated')
    }
  }

  private async giveSign(): Promise<void> {
    const attempts = [...this.running.values()]
    if (attempts.length === 0) return
    await this.options.boss.touch(QUEUE, attempts).catch((error: unknown) => {
      this.options.log.warn({ error: toStoreError(error).message }, 'The database could not be told that runs are alive')
    })
  }
}

type TakenJob = Job<{ lane: string }> & { readonly retryCount: number }
