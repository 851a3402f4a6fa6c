import { sql } from 'kysely'
import type { AssigneeId, Preferences } from '../model/index.ts'
import { jsonParameter, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

export interface StoredSession {
  readonly userId: AssigneeId
  readonly userName: string
  readonly admin: boolean
  readonly csrf: string
  readonly agent: string
  readonly createdAt: Date
  readonly seenAt: Date
  readonly expiresAt: Date
}

export interface StoredToken {
  readonly id: string
  readonly name: string
  readonly scope: 'read' | 'all'
  readonly userId: AssigneeId
  readonly userName: string
  readonly createdAt: Date
  readonly usedAt: Date | null
  readonly expiresAt: Date
}

export interface LogEntry {
  readonly id: number
  readonly at: Date
  readonly userId: AssigneeId
  readonly userName: string
  readonly action: string
  readonly subject: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Who is signed in, which scripts may call, what people chose and did. Of secrets only digests are stored. */
export interface PanelPeople {
  addSession(hash: string, session: Omit<StoredSession, 'createdAt' | 'seenAt'>): Promise<void>
  /** @returns null when there is none, or it has ended. Notes that it was used, at most once a minute. */
  session(hash: string): Promise<StoredSession | null>
  sessionsOf(userId: AssigneeId): Promise<readonly StoredSession[]>
  endSession(hash: string): Promise<void>
  endSessionsOf(userId: AssigneeId, except: string): Promise<void>
  addToken(hash: string, token: Omit<StoredToken, 'createdAt' | 'usedAt'>): Promise<void>
  token(hash: string): Promise<StoredToken | null>
  tokens(): Promise<readonly StoredToken[]>
  /** @returns whether there was one */
  removeToken(id: string): Promise<boolean>
  preferences(users: readonly AssigneeId[] | null): Promise<ReadonlyMap<AssigneeId, Preferences>>
  savePreferences(userId: AssigneeId, wishes: Preferences): Promise<void>
  removePreferences(userId: AssigneeId): Promise<void>
  note(entry: Omit<LogEntry, 'id' | 'at'>): Promise<void>
  /** Newest first. */
  log(query: { readonly userId?: AssigneeId; readonly before?: number; readonly limit: number }): Promise<readonly LogEntry[]>
}

const SESSION = sql.raw(`user_id as "userId", user_name as "userName", admin, csrf, agent, created_at as "createdAt", seen_at as "seenAt",
  expires_at as "expiresAt"`)
const TOKEN = sql.raw(`id, name, scope, user_id as "userId", user_name as "userName", created_at as "createdAt", used_at as "usedAt",
  expires_at as "expiresAt"`)

export function panelPeople(db: Database): PanelPeople {
  return {
    async addSession(hash, { userId, userName, admin, csrf, agent, expiresAt }) {
      await rows(db, sql`insert into connector.panel_sessions (hash, user_id, user_name, admin, csrf, agent, expires_at)
        values (${hash}, ${userId}, ${userName}, ${admin}, ${csrf}, ${agent.slice(0, 200)}, ${expiresAt})`)
    },
    async session(hash) {
      const [found] = await rows(db, sql<StoredSession>`
        select ${SESSION} from connector.panel_sessions where hash = ${hash} and expires_at > now()`)
      if (found !== undefined && Date.now() - found.seenAt.getTime() > 60_000) {
        await rows(db, sql`update connector.panel_sessions set seen_at = now() where hash = ${hash}`)
      }
      return found ?? null
    },
    sessionsOf: (userId) => rows(db, sql<StoredSession>`
      select ${SESSION} from connector.panel_sessions where user_id = ${userId} and expires_at > now() order by seen_at desc`),
    async endSession(hash) {
      await rows(db, sql`delete from connector.panel_sessions where hash = ${hash}`)
    },
    async endSessionsOf(userId, except) {
      await rows(db, sql`delete from connector.panel_sessions where user_id = ${userId} and hash <> ${except}`)
    },
    async addToken(hash, { id, name, scope, userId, userName, expiresAt }) {
      await rows(db, sql`insert into connector.panel_tokens (id, hash, name, scope, user_id, user_name, expires_at)
        values (${id}, ${hash}, ${name}, ${scope}, ${userId}, ${userName}, ${expiresAt})`)
    },
    async token(hash) {
      const [found] = await rows(db, sql<StoredToken>`
        update connector.panel_tokens set used_at = now() where hash = ${hash} and expires_at > now() returning ${TOKEN}`)
      return found ?? null
    },
    tokens: () => rows(db, sql<StoredToken>`select ${TOKEN} from connector.panel_tokens order by created_at desc`),
    async removeToken(id) {
      return (await rows(db, sql`delete from connector.panel_tokens where id = ${id} returning id`)).length > 0
    },
    async preferences(users) {
      const found = await rows(db, sql<{ user_id: AssigneeId; wishes: Preferences }>`
        select user_id, wishes from connector.preferences ${users === null ? sql`` : sql`where user_id = any(${textArray(users)})`}`)
      return new Map(found.map((row) => [row.user_id, row.wishes]))
    },
    async savePreferences(userId, wishes) {
      await rows(db, sql`insert into connector.preferences (user_id, wishes) values (${userId}, ${jsonParameter(wishes)}::jsonb)
        on conflict (user_id) do update set wishes = excluded.wishes, at = now()`)
    },
    async removePreferences(userId) {
      await rows(db, sql`delete from connector.preferences where user_id = ${userId}`)
    },
    async note({ userId, userName, action, subject, detail }) {
      await rows(db, sql`insert into connector.panel_log (user_id, user_name, action, subject, detail)
        values (${userId}, ${userName}, ${action}, ${subject}, ${jsonParameter(detail)}::jsonb)`)
    },
    log: ({ userId, before, limit }) => rows(db, sql<LogEntry>`
      select id, at, user_id as "userId", user_name as "userName", action, subject, detail from connector.panel_log
      where (${userId ?? null}::text is null or user_id = ${userId ?? null}) and (${before ?? null}::bigint is null or id < ${before ?? null})
      order by id desc limit ${limit}`),
  }
}
