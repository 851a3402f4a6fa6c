import { sql } from 'kysely'
import { instant, instantMs } from '../model/index.ts'
import type { MailboxId } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import { plainText, rows } from './database.ts'
import type { Database } from './database.ts'

/** How long the first to claim a meeting may take to make its record. */
const CLAIM_MS = 600_000

export function settingStatements(db: Database): Pick<Tx, 'setting' | 'saveSetting' | 'claim'> {
  return {
    async setting(name) {
      const [row] = await rows(db, sql<{ value: string }>`select value from connector.settings where name = ${name}`)
      return row?.value ?? null
    },
    async saveSetting(name, value) {
      await rows(db, sql`
        insert into connector.settings (name, value) values (${name}, ${plainText(value)})
        on conflict (name) do update set value = excluded.value`)
    },
    /** The holder's own question renews the claim; the row stays locked until the commit, so two cannot both be first. */
    async claim(uid, lane, at) {
      const lapsed = instant(instantMs(at) - CLAIM_MS)
      const [row] = await rows(db, sql<{ lane: MailboxId }>`
        with lapsed as (
          delete from connector.claims where uid in (
            select uid from connector.claims where at <= ${lapsed} and uid <> ${uid} limit 100 for update skip locked)
        )
        insert into connector.claims as c (uid, lane, at) values (${uid}, ${lane}, ${at})
        on conflict (uid) do update set
          lane = case when c.at <= ${lapsed} then excluded.lane else c.lane end,
          at = case when c.at <= ${lapsed} or c.lane = excluded.lane then excluded.at else c.at end
        returning lane`)
      return row?.lane ?? lane
    },
  }
}
