import { sql } from 'kysely'
import type { Channel, Tx } from '../ports.ts'
import { jsonParameter, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

export function channelStatements(db: Database): Pick<Tx, 'channels' | 'saveChannel' | 'markDirty'> {
  return {
    channels: (lane) =>
      rows(db, sql<Channel>`
        select lane, kind, sync_state as "syncState", complete, dirty_at as "dirtyAt", pulled_at as "pulledAt",
          resync_since as "resyncSince"
        from connector.channels where lane = ${lane} order by kind`),
    async saveChannel(channel) {
      await rows(db, sql`
        insert into connector.channels (lane, kind, sync_state, complete, dirty_at, pulled_at, resync_since)
        select lane, kind, "syncState", complete, "dirtyAt", "pulledAt", "resyncSince"
        from json_to_record(${jsonParameter(channel)}::json) as r(lane text, kind text, "syncState" text,
          complete boolean, "dirtyAt" text, "pulledAt" text, "resyncSince" text)
        on conflict (lane, kind) do update set sync_state = excluded.sync_state, complete = excluded.complete,
          dirty_at = excluded.dirty_at, pulled_at = excluded.pulled_at, resync_since = excluded.resync_since`)
    },
    async markDirty(lane, kinds, at) {
      await rows(db, sql`
        insert into connector.channels as c (lane, kind, complete, dirty_at)
        select ${lane}, kind, false, ${at} from unnest(${textArray([...new Set(kinds)].sort())}) as kind
        on conflict (lane, kind) do update set dirty_at = greatest(c.dirty_at, excluded.dirty_at)`)
    },
  }
}
