import { sql } from 'kysely'
import { instant, settledSetting } from '../model/index.ts'
import type { ItemKind, Mailbox, MailboxId, Side, SkipReason } from '../model/index.ts'
import type { LaneRow } from '../ports.ts'
import { rows, textArray } from './database.ts'
import type { Database } from './database.ts'

/** How one mailbox stands, counted. */
export interface LaneFacts {
  readonly lane: MailboxId
  readonly mailbox: Mailbox | null
  readonly state: LaneRow['state']
  readonly error: LaneRow['error']
  readonly failures: number
  readonly retryAt: string | null
  readonly lastRunAt: string | null
  readonly linked: number
  readonly waiting: number
  readonly failing: number
  readonly skipped: number
  readonly held: number
  readonly conflicts: number
  /** Whether the first full pull of every folder has ended. */
  readonly complete: boolean
  /** Since when the oldest change waits that is due. */
  readonly oldestDue: string | null
  readonly lastToExchange: string | null
  readonly lastToCrm: string | null
}

export interface SkippedItem {
  readonly lane: MailboxId
  readonly side: Side
  readonly id: string
  readonly kind: ItemKind
  readonly reason: SkipReason
  readonly at: string
  readonly enterAt: string | null
}

export interface PanelLanes {
  /** @param lanes null for all */
  laneFacts(lanes: readonly MailboxId[] | null): Promise<readonly LaneFacts[]>
  /** What was left alone, newest first; with the number of all. */
  skips(query: { lane?: MailboxId; reasons?: readonly SkipReason[]; offset: number; limit: number }): Promise<{ total: number; rows: readonly SkippedItem[] }>
  countSkipsBy(lane: MailboxId): Promise<Readonly<Record<string, number>>>
  /** Items left alone for these reasons are looked at again in the next run. */
  hastenSkips(lane: MailboxId, reasons: readonly SkipReason[], at: Date): Promise<void>
  /**
   * Everything is read again. With `forget` the pairs are forgotten too and matched anew by stamp, UID and what a person
   * would recognise; nothing is deleted on either side.
   */
  resetLane(lane: MailboxId, forget: boolean, at: Date): Promise<void>
  /** Jobs of the lane queue that wait or run. */
  queued(): Promise<{ readonly waiting: number; readonly running: number }>
}

export function panelLanes(db: Database): PanelLanes {
  return {
    laneFacts: (lanes) => laneFacts(db, lanes),
    async skips({ lane, reasons, offset, limit }) {
      const conditions = [sql`true`]
      if (lane !== undefined) conditions.push(sql`lane = ${lane}`)
      if (reasons !== undefined) conditions.push(sql`reason = any(${textArray(reasons)})`)
      const where = sql.join(conditions, sql` and `)
      const [count] = await rows(db, sql<{ total: number }>`select count(*) as total from connector.skips where ${where}`)
      const found = await rows(db, sql<SkippedItem>`
        select lane, side, id, kind, reason, at, enter_at as "enterAt" from connector.skips where ${where}
        order by at desc, lane, side, id offset ${offset} limit ${limit}`)
      return { total: count?.total ?? 0, rows: found }
    },
    async countSkipsBy(lane) {
      const found = await rows(db, sql<{ reason: string; count: number }>`
        select reason, count(*) as count from connector.skips where lane = ${lane} group by reason`)
      return Object.fromEntries(found.map(({ reason, count }) => [reason, count]))
    },
    async hastenSkips(lane, reasons, at) {
      await rows(db, sql`update connector.skips set enter_at = ${instant(at.getTime())}
        where lane = ${lane} and reason = any(${textArray(reasons)})`)
    },
    resetLane: (lane, forget, at) => db.transaction().execute((transaction) => resetLane(transaction, lane, forget, at)),
    async queued() {
      const [row] = await rows(db, sql<{ waiting: number; running: number }>`
        select count(*) filter (where state < 'active') as waiting, count(*) filter (where state = 'active') as running
        from connector_queue.job_common where name = 'lanes'`)
      return row ?? { waiting: 0, running: 0 }
    },
  }
}

/** Counted table by table, not lane by lane: a mailbox with much of one thing makes the planner read all of it for each. */
function laneFacts(db: Database, lanes: readonly MailboxId[] | null): Promise<readonly LaneFacts[]> {
  const among = (column: string) => (lanes === null ? sql`true` : sql`${sql.ref(column)} = any(${textArray(lanes)})`)
  const lastWrite = (side: Side) => sql`(select t.at from connector.operations t where t.lane = l.lane and t.side = ${side}
    and t.state = 'done' and t.type in ('create', 'update', 'delete') order by t.seq desc limit 1)`
  return rows(db, sql<LaneFacts>`
    with i as (select lane, count(*) as waiting, count(*) filter (where error is not null) as failing,
        min(due_at) filter (where error is null and suspect_since is null) as oldest from connector.inbox where ${among('lane')} group by lane),
      c as (select mailbox as lane, count(*) as linked from connector.copies where role = 'home' and ${among('mailbox')} group by mailbox),
      s as (select lane, count(*) as skipped from connector.skips where ${among('lane')} group by lane),
      h as (select lane, count(*) as held from connector.held where decision is null and ${among('lane')} group by lane),
      k as (select lane, count(*) as conflicts from connector.conflicts where state in ('open', 'decided') and ${among('lane')} group by lane),
      f as (select lane, bool_and(complete) as complete from connector.channels where ${among('lane')} group by lane)
    select l.lane, l.mailbox, l.state, l.error, l.failures, l.retry_at as "retryAt", l.last_run_at as "lastRunAt",
      coalesce(c.linked, 0) as linked, coalesce(i.waiting, 0) as waiting, coalesce(i.failing, 0) as failing, i.oldest as "oldestDue",
      coalesce(s.skipped, 0) as skipped, coalesce(h.held, 0) as held, coalesce(k.conflicts, 0) as conflicts, coalesce(f.complete, false) as complete,
      ${lastWrite('exchange')} as "lastToExchange", ${lastWrite('crm')} as "lastToCrm"
    from connector.lanes l left join i using (lane) left join c using (lane) left join s using (lane) left join h using (lane)
      left join k using (lane) left join f using (lane)
    where ${among('l.lane')} order by l.lane`)
}

async function resetLane(db: Database, lane: MailboxId, forget: boolean, at: Date): Promise<void> {
  const now = instant(at.getTime())
  await rows(db, sql`delete from connector.inbox where lane = ${lane}`)
  await rows(db, sql`delete from connector.skips where lane = ${lane}`)
  if (forget) {
    await rows(db, sql`with gone as (delete from connector.copies where mailbox = ${lane} returning link)
      delete from connector.links l where l.id in (select link from gone)
        and not exists (select from connector.copies c where c.link = l.id and c.mailbox <> ${lane})`)
    await rows(db, sql`delete from connector.tombstones where mailbox = ${lane}`)
    // As at the very first time, nobody is mailed about what is found again.
    await rows(db, sql`delete from connector.settings where name = ${settledSetting(lane)}`)
    await rows(db, sql`delete from connector.held where lane = ${lane}`)
    await rows(db, sql`update connector.conflicts set state = 'closed' where lane = ${lane} and state <> 'closed'`)
    await rows(db, sql`delete from connector.channels where lane = ${lane}`)
  } else {
    await rows(db, sql`update connector.channels set sync_state = null, complete = false, resync_since = ${now} where lane = ${lane}`)
  }
  // Its records are told again only by a full reading of the CRM.
  await rows(db, sql`update connector.channels set sync_state = null, complete = false, resync_since = ${now} where lane = 'crm'`)
}
