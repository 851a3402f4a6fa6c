import { sql } from 'kysely'
import { settledSetting } from '../model/index.ts'
import type { Mailbox, MailboxId } from '../model/index.ts'
import type { Fence, LaneRow, Tx } from '../ports.ts'
import { jsonParameter, rows } from './database.ts'
import type { Database } from './database.ts'
import { fenced } from './errors.ts'

interface LaneRecord extends Omit<LaneRow, 'mailbox' | 'retryAt' | 'lastRunAt'> {
  readonly mailbox: Mailbox | null
  readonly retry_at: LaneRow['retryAt']
  readonly last_run_at: LaneRow['lastRunAt']
}

const toLane = ({ retry_at: retryAt, last_run_at: lastRunAt, ...row }: LaneRecord): LaneRow => ({ ...row, retryAt, lastRunAt })

export function laneStatements(db: Database): Pick<Tx, 'lanes' | 'saveLane' | 'removeLane' | 'lanesDue'> {
  return {
    lanes: async () => (await rows(db, sql<LaneRecord>`select * from connector.lanes order by lane`)).map(toLane),
    async saveLane(row) {
      await rows(db, sql`
        insert into connector.lanes (lane, mailbox, state, error, failures, retry_at, last_run_at)
        select lane, mailbox, state, error, failures, "retryAt", "lastRunAt"
        from json_to_record(${jsonParameter(row)}::json)
          as r(lane text, mailbox jsonb, state text, error jsonb, failures int, "retryAt" text, "lastRunAt" text)
        on conflict (lane) do update set mailbox = excluded.mailbox, state = excluded.state, error = excluded.error,
          failures = excluded.failures, retry_at = excluded.retry_at, last_run_at = excluded.last_run_at`)
    },
    async lanesDue(now, pulledBefore) {
      const due = await rows(db, sql<{ lane: MailboxId }>`
        select lane from connector.lanes l
        where mailbox is not null and state <> 'paused' and (retry_at is null or retry_at <= ${now}) and (
          retry_at is not null
          or exists (select from connector.inbox i where i.lane = l.lane and i.due_at <= ${now})
          or exists (select from connector.skips s where s.lane = l.lane and s.enter_at <= ${now})
          or exists (select from connector.series r where r.lane = l.lane and r.due_at <= ${now})
          or not exists (select from connector.channels c where c.lane = l.lane)
          or exists (select from connector.channels c where c.lane = l.lane
            and (c.dirty_at is not null or not c.complete or c.pulled_at is null or c.pulled_at < ${pulledBefore})))
        order by lane`)
      return due.map((row) => row.lane)
    },
    /** What was known of the mailbox's items stays: a mailbox that comes back finds its copies. The fence never falls. */
    async removeLane(lane) {
      await rows(db, sql`
        with lane as (delete from connector.lanes where lane = ${lane}),
          channels as (delete from connector.channels where lane = ${lane}),
          inbox as (delete from connector.inbox where lane = ${lane}),
          skips as (delete from connector.skips where lane = ${lane}),
          settled as (delete from connector.settings where name = ${settledSetting(lane)})
        delete from connector.held where lane = ${lane} and decision is null`)
    },
  }
}

export async function raiseFence(db: Database, lane: MailboxId): Promise<Fence> {
  const [row] = await rows(db, sql<{ value: number }>`
    insert into connector.fences as f (lane, value) values (${lane}, 1)
    on conflict (lane) do update set value = f.value + 1 returning value`)
  return { lane, value: row?.value ?? 0 }
}

/** The last statement before the commit: from here to the commit nobody can raise the fence. */
export async function checkFence(db: Database, fence: Fence): Promise<void> {
  const [row] = await rows(db, sql<{ value: number }>`
    select value from connector.fences where lane = ${fence.lane} for share`)
  if (row?.value !== fence.value) throw fenced(fence.lane)
}
