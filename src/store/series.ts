import { sql } from 'kysely'
import { instant, splitOccurrenceId } from '../model/index.ts'
import type { SeriesRow, Tx } from '../ports.ts'
import { jsonParameter, plainText, rows, textArray } from './database.ts'
import type { Database } from './database.ts'

type SeriesMethods = Pick<Tx, 'series' | 'seriesByUid' | 'seriesDue' | 'saveSeries' | 'removeSeries' | 'recheckSeries'>

const COLUMNS = sql.raw('lane, master, uid, snapshot, slots, due_at as "dueAt", read_at as "readAt", from_crm as "fromCrm"')
const NEVER_READ = instant(0)

export function seriesStatements(db: Database): SeriesMethods {
  return {
    series: (lane, masters) =>
      masters?.length === 0
        ? Promise.resolve([])
        : rows(db, sql<SeriesRow>`
        select ${COLUMNS} from connector.series
        where lane = ${lane} ${masters === undefined ? sql`` : sql`and master = any(${textArray(masters)})`} order by master`),
    seriesByUid: (uid) => rows(db, sql<SeriesRow>`select ${COLUMNS} from connector.series where uid = ${plainText(uid)} order by lane, master`),
    seriesDue: (lane, now, limit) =>
      rows(db, sql<SeriesRow>`
        select ${COLUMNS} from connector.series where lane = ${lane} and due_at <= ${now} order by due_at, master limit ${limit}`),
    async saveSeries(list) {
      const byId = new Map(list.map((row) => [`${row.lane}\u0001${row.master}`, row]))
      if (byId.size === 0) return
      await rows(db, sql`
        insert into connector.series (lane, master, uid, snapshot, slots, due_at, read_at, from_crm)
        select lane, master, uid, snapshot, slots, "dueAt", "readAt", "fromCrm"
        from json_to_recordset(${jsonParameter([...byId.values()])}::json) as r(lane text, master text, uid text, snapshot jsonb,
          slots jsonb, "dueAt" text, "readAt" text, "fromCrm" boolean)
        on conflict (lane, master) do update set uid = excluded.uid, snapshot = excluded.snapshot, slots = excluded.slots,
          due_at = excluded.due_at, read_at = excluded.read_at, from_crm = excluded.from_crm`)
    },
    async removeSeries(lane, masters) {
      if (masters.length === 0) return
      await rows(db, sql`delete from connector.series where lane = ${lane} and master = any(${textArray(masters)})`)
    },
    async recheckSeries(lane, items, at) {
      const masters = [...new Set(items.map((id) => splitOccurrenceId(id).master))]
      if (masters.length === 0) return
      await rows(db, sql`
        update connector.series set due_at = least(due_at, ${at}), read_at = ${NEVER_READ}
        where lane = ${lane} and master = any(${textArray(masters)})`)
    },
  }
}
