import { sql } from 'kysely'
import type { Side } from '../model/index.ts'
import { jsonParameter, rows } from './database.ts'
import type { Database } from './database.ts'

export interface JobRow {
  readonly name: string
  /** A cron pattern or `every <n>s`; null where the job keeps its own. */
  readonly schedule: string | null
  readonly paused: boolean
  readonly askedAt: Date | null
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  readonly ms: number | null
  readonly result: 'done' | 'failed' | null
  readonly message: string | null
  readonly nextAt: Date | null
}

export interface LatencyPoint {
  readonly side: Side
  readonly at: Date
  readonly p50: number
  readonly p95: number
  readonly count: number
}

export interface PanelMeasures {
  addLatencies(points: readonly { readonly side: Side; readonly ms: number }[]): Promise<void>
  /** Percentiles per side and slice of time, oldest first; `slice` in seconds. */
  latencies(since: Date, slice: number): Promise<readonly LatencyPoint[]>
  latencySummary(since: Date): Promise<readonly Omit<LatencyPoint, 'at'>[]>
  jobs(): Promise<readonly JobRow[]>
  saveJob(row: Pick<JobRow, 'name'> & Partial<JobRow>): Promise<void>
  /** Deletes what has outlived its use; gives the number of rows. */
  cleanJournal(before: Date): Promise<number>
  cleanPanel(): Promise<number>
}

const COLUMNS: Readonly<Record<Exclude<keyof JobRow, 'name'>, string>> = {
  schedule: 'schedule', paused: 'paused', askedAt: 'asked_at', startedAt: 'started_at', endedAt: 'ended_at', ms: 'ms', result: 'result',
  message: 'message', nextAt: 'next_at',
}

export function panelMeasures(db: Database): PanelMeasures {
  return {
    async addLatencies(points) {
      if (points.length === 0) return
      await rows(db, sql`insert into connector.latencies (side, ms)
        select side, ms from json_to_recordset(${jsonParameter(points)}::json) as r(side text, ms int)`)
    },
    latencies: (since, slice) => rows(db, sql<LatencyPoint>`
      select side, to_timestamp(floor(extract(epoch from at) / ${slice}::float8) * ${slice}::float8) as at, count(*) as count,
        percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.95) within group (order by ms) as p95
      from connector.latencies where at >= ${since} group by 1, 2 order by 2`),
    latencySummary: (since) => rows(db, sql<Omit<LatencyPoint, 'at'>>`
      select side, count(*) as count, percentile_cont(0.5) within group (order by ms) as p50,
        percentile_cont(0.95) within group (order by ms) as p95
      from connector.latencies where at >= ${since} group by side order by side`),
    jobs: () => rows(db, sql<JobRow>`select name, schedule, paused, asked_at as "askedAt", started_at as "startedAt", ended_at as "endedAt", ms,
      result, message, next_at as "nextAt" from connector.jobs order by name`),
    async saveJob({ name, ...rest }) {
      const given = Object.entries(rest).filter(([, value]) => value !== undefined) as [Exclude<keyof JobRow, 'name'>, unknown][]
      const columns = given.map(([key]) => sql.ref(COLUMNS[key]))
      const values = given.map(([, value]) => sql`${value}`)
      await rows(db, given.length === 0
        ? sql`insert into connector.jobs (name) values (${name}) on conflict do nothing`
        : sql`insert into connector.jobs (name, ${sql.join(columns)}) values (${name}, ${sql.join(values)})
          on conflict (name) do update set ${sql.join(columns.map((column) => sql`${column} = excluded.${column}`))}`)
    },
    async cleanJournal(before) {
      return (await rows(db, sql`delete from connector.operations where at < ${before.toISOString()} and state <> 'open' returning 1`)).length
    },
    async cleanPanel() {
      const sessions = await rows(db, sql`delete from connector.panel_sessions where expires_at <= now() returning 1`)
      const points = await rows(db, sql`delete from connector.latencies where at < now() - interval '8 days' returning 1`)
      const closed = await rows(db, sql`delete from connector.conflicts where state = 'closed' and at < to_char(now() - interval '90 days', 'YYYY-MM-DD') returning 1`)
      return sessions.length + points.length + closed.length
    },
  }
}
