import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Conflict, Held, ItemKind, MailboxId, Operation, Person, Side, SkipReason } from '../model/index.ts'
import { rows, textArray } from './database.ts'
import type { Database } from './database.ts'

/** A write of the journal as people look at it. */
export interface Write extends Omit<Operation, 'intent' | 'token' | 'expect' | 'copy' | 'link' | 'untold'> {
  readonly seq: number
  /** The attendees whom the policy did not let tell by mail. */
  readonly untold: readonly Person[] | null
  /** What the item is called, where anything is known of it. */
  readonly title: string | null
  readonly record: string | null
}

export interface WriteQuery {
  readonly lanes?: readonly MailboxId[]
  readonly kinds?: readonly ItemKind[]
  readonly side?: Side
  readonly types?: readonly Operation['type'][]
  readonly states?: readonly Operation['state'][]
  /** An item id or record id, or words of the content or the reason. */
  readonly search?: string
  readonly from?: Date
  readonly to?: Date
  /** Only what is older than this one: the next page. */
  readonly before?: number
  readonly limit: number
}

export interface OpenConflict extends Conflict {
  readonly title: string | null
}
export interface OpenHeld extends Held {
  readonly title: string | null
}
/** A write to a meeting that is still to come, of which its attendees were not told. */
export interface UntoldWrite extends Pick<Operation, 'id' | 'lane' | 'kind' | 'before' | 'after' | 'at'> {
  readonly item: string
  readonly record: string
  readonly title: string | null
  readonly people: readonly Person[]
}
export interface FailingItem {
  readonly lane: MailboxId
  readonly side: Side
  readonly id: string
  readonly kind: ItemKind
  readonly attempts: number
  readonly dueAt: string
  readonly error: { readonly code: string; readonly message: string }
  readonly title: string | null
}

export interface Page<T> {
  readonly total: number
  readonly rows: readonly T[]
}
export interface PageQuery {
  readonly lane?: MailboxId
  readonly offset: number
  readonly limit: number
}

export interface BusyBlock {
  readonly lane: MailboxId
  readonly freeBusy: string
  readonly allDay: boolean
  readonly start: string
  readonly end: string
}

export interface PanelViews {
  writes(query: WriteQuery): Promise<readonly Write[]>
  conflicts(query: PageQuery): Promise<Page<OpenConflict>>
  held(query: PageQuery): Promise<Page<OpenHeld>>
  failing(query: PageQuery): Promise<Page<FailingItem>>
  untold(query: PageQuery, now: Date): Promise<Page<UntoldWrite>>
  /** Somebody has seen to it. @param lane only of this mailbox @returns how many there were */
  dismissUntold(ids: readonly string[], lane?: MailboxId): Promise<number>
  /** Whose calendar is taken when, as far as it is kept in step; without words. */
  busy(lanes: readonly MailboxId[], from: Date, to: Date): Promise<readonly BusyBlock[]>
  /** The mailboxes that know anything of an item or record: a pair, news that waits, a reason to leave it alone, a question. */
  lanesKnowing(id: string): Promise<readonly MailboxId[]>
  /** Changes when anything did that a screen shows: compared, never read. */
  pulse(): Promise<Readonly<Record<'lanes' | 'activity' | 'attention' | 'jobs', string>>>
}

/** What a person would call an item: its subject, or a contact's name. */
const titleOf = (fields: RawBuilder<unknown>) =>
  sql`coalesce(${fields} ->> 'subject', nullif(trim(concat(${fields} ->> 'firstName', ' ', ${fields} ->> 'lastName')), ''))`
const BASE_TITLE = sql`(select ${titleOf(sql`(c.base -> 'exchange' -> 'fields')`)} from connector.copies c where c.id = t.copy)`

/** Of what is left alone, that which somebody has to look at. */
const FOR_A_PERSON: readonly SkipReason[] = ['recurring', 'unreadable', 'ambiguous', 'only-in-outlook']

export function panelViews(db: Database): PanelViews {
  return {
    writes: (query) => writes(db, query),
    conflicts: (query) => page<OpenConflict>(db, query, sql`connector.conflicts t`, sql`t.state in ('open', 'decided')`, sql`
      t.id, t.lane, t.copy, t.kind, t.record, t.item, t.field, t.winner, t.state, t.at, t.clash -> 'base' as base, t.clash -> 'exchange' as exchange,
      t.clash -> 'crm' as crm, ${BASE_TITLE} as title`, sql`t.seq desc`),
    held: (query) => page<OpenHeld>(db, query, sql`connector.held t`, sql`t.decision is null`, sql`
      t.id, t.lane, t.kind, t.what, t.side, t.item, t.copy, t.candidates, t.reason, t.at, t.decision,
      coalesce(${BASE_TITLE}, (select ${titleOf(sql`(i.sighting -> 'snapshot' -> 'item' -> 'fields')`)} from connector.inbox i
        where i.lane = t.lane and i.side = t.side and i.id = t.item)) as title`, sql`t.seq desc`),
    failing: (query) => page<FailingItem>(db, query, sql`connector.inbox t`, sql`t.error is not null and t.attempts > 1`, sql`
      t.lane, t.side, t.id, t.kind, t.attempts, t.due_at as "dueAt", t.error,
      ${titleOf(sql`(t.sighting -> 'snapshot' -> 'item' -> 'fields')`)} as title`, sql`t.due_at, t.lane, t.id`),
    untold: (query, now) => page<UntoldWrite>(db, query, sql`connector.operations t join connector.copies c on c.id = t.copy`, sql`
      t.untold is not null and not t.dismissed and t.state = 'done' and ${endOf(sql`(c.base -> 'exchange' -> 'fields' -> 'time')`)} > ${now.toISOString()}`, sql`
      t.id, t.lane, t.kind, t.before, t.after, t.at, c.item, c.record, t.untold as people, ${titleOf(sql`(c.base -> 'exchange' -> 'fields')`)} as title`, sql`t.seq desc`),
    async dismissUntold(ids, lane) {
      const found = await rows(db, sql`update connector.operations set dismissed = true where id = any(${textArray(ids)}) and untold is not null and not dismissed
        ${lane === undefined ? sql`` : sql`and lane = ${lane}`} returning id`)
      return found.length
    },
    busy: (lanes, from, to) => busy(db, lanes, from, to),
    async lanesKnowing(id) {
      const found = await rows(db, sql<{ lane: MailboxId }>`
        select mailbox as lane from connector.copies where item = ${id} or record = ${id}
        union select lane from connector.inbox where id = ${id}
        union select lane from connector.skips where id = ${id}
        union select lane from connector.held where decision is null and (item = ${id} or candidates @> to_jsonb(${id}::text))`)
      return found.map(({ lane }) => lane)
    },
    async pulse() {
      const [row] = await rows(db, sql<Record<'lanes' | 'activity' | 'attention' | 'jobs', string>>`
        select
          (select md5(string_agg(concat(lane, state, error ->> 'code', failures, left(last_run_at, 17)), ',' order by lane)) from connector.lanes)
            || (select count(*) from connector.inbox) as lanes,
          (select concat(max(seq), '/', count(*) filter (where state = 'open')) from connector.operations
            where seq > (select coalesce(max(seq), 0) - 200 from connector.operations)) as activity,
          concat((select concat(count(*), '/', max(seq), '/', count(winner)) from connector.conflicts where state <> 'closed'), ' ',
            (select concat(count(*), '/', max(seq)) from connector.held where decision is null), ' ',
            (select concat(count(*), '/', max(seq)) from connector.operations where untold is not null and not dismissed), ' ',
            (select count(*) from connector.inbox where error is not null), ' ',
            (select concat(count(*), '/', max(at)) from connector.skips where reason = any(${textArray(FOR_A_PERSON)}))) as attention,
          (select md5(string_agg(concat(name, schedule, paused, result, left(started_at::text, 18)), ',' order by name)) from connector.jobs) as jobs`)
      return row ?? { lanes: '', activity: '', attention: '', jobs: '' }
    },
  }
}

async function page<T>(db: Database, { lane, offset, limit }: PageQuery, from: RawBuilder<unknown>, which: RawBuilder<unknown>, columns: RawBuilder<unknown>, order: RawBuilder<unknown>): Promise<Page<T>> {
  const where = sql`${which} ${lane === undefined ? sql`` : sql`and t.lane = ${lane}`}`
  const [count] = await rows(db, sql<{ total: number }>`select count(*) as total from ${from} where ${where}`)
  const found = await rows(db, sql<T>`select ${columns} from ${from} where ${where} order by ${order} offset ${offset} limit ${limit}`)
  return { total: count?.total ?? 0, rows: found }
}

function writes(db: Database, query: WriteQuery): Promise<readonly Write[]> {
  const { lanes, kinds, side, types, states, search, from, to, before, limit } = query
  const conditions = [sql`true`]
  if (lanes !== undefined) conditions.push(sql`t.lane = any(${textArray(lanes)})`)
  if (kinds !== undefined) conditions.push(sql`t.kind = any(${textArray(kinds)})`)
  if (side !== undefined) conditions.push(sql`t.side = ${side}`)
  if (types !== undefined) conditions.push(sql`t.type = any(${textArray(types)})`)
  if (states !== undefined) conditions.push(sql`t.state = any(${textArray(states)})`)
  if (from !== undefined) conditions.push(sql`t.at >= ${from.toISOString()}`)
  if (to !== undefined) conditions.push(sql`t.at < ${to.toISOString()}`)
  if (before !== undefined) conditions.push(sql`t.seq < ${before}`)
  if (search !== undefined && search !== '') conditions.push(found(search))
  const title = sql`coalesce(${titleOf(sql`t.after`)}, ${titleOf(sql`t.before`)}, ${BASE_TITLE})`
  return rows(db, sql<Write>`
    select t.seq, t.id, t.lane, t.kind, t.side, t.type, t.item, t.before, t.after, t.reason, t.at, t.state, t.outcome, t.untold, ${title} as title,
      coalesce((select c.record from connector.copies c where c.id = t.copy), case when t.side = 'crm' then t.item end) as record
    from connector.operations t where ${sql.join(conditions, sql` and `)} order by t.seq desc limit ${limit}`)
}

/** Words are looked for in the content and the reason, ids only as a whole. */
function found(search: string): RawBuilder<unknown> {
  const like = `%${search.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
  return sql`(t.item = ${search} or t.copy in (
      select id from connector.copies where record = ${search} or item = ${search})
    or t.reason ilike ${like} or t.after::text ilike ${like} or t.before::text ilike ${like}
    or exists (select from connector.copies c where c.id = t.copy and c.base::text ilike ${like}))`
}

/** When an event is over, from its time. */
const endOf = (time: RawBuilder<unknown>) => sql`coalesce(${time} ->> 'end', ${time} ->> 'lastDay' || 'T24:00:00Z')`

function busy(db: Database, lanes: readonly MailboxId[], from: Date, to: Date): Promise<readonly BusyBlock[]> {
  const time = sql`(c.base -> 'exchange' -> 'fields' -> 'time')`
  const start = sql`coalesce(${time} ->> 'start', ${time} ->> 'firstDay' || 'T00:00:00Z')`
  const end = endOf(time)
  return rows(db, sql<BusyBlock>`
    select c.mailbox as lane, coalesce(c.base -> 'exchange' -> 'fields' ->> 'freeBusy', 'busy') as "freeBusy",
      coalesce((${time} ->> 'allDay')::boolean, false) as "allDay", ${start} as start, ${end} as "end"
    from connector.copies c where c.kind = 'event' and c.mailbox = any(${textArray(lanes)})
      and ${start} < ${to.toISOString()} and ${end} > ${from.toISOString()} order by 4 limit 5000`)
}
