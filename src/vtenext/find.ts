import { itemId, splitUid, type ItemKind, type Snapshot, type Token } from '../model/index.ts'
import type { CreateQuery, Located } from '../ports.ts'
import { toLocal } from '../lib/zoned.ts'
import { holdItem } from './hold.ts'
import type { Installation } from './installation.ts'
import { getRecords } from './read.ts'
import { MODULES } from './schema.ts'
import type { Sessions } from './session.ts'
import { heldUid } from './uid.ts'
import { ask, quoted, writable } from './vtql.ts'

/**
 * The id of the first record with one of these UIDs: the series' part in `ical_uuid` and the occurrence's number in
 * `recurr_idx`, exactly.
 */
async function byUid(sessions: Sessions, kind: ItemKind, uids: readonly (string | null)[]): Promise<string | null> {
  for (const one of new Set(uids)) {
    const { uid, slot } = splitUid(one ?? '')
    if (!writable(uid)) continue
    // A record that never was in a series may have no number instead of 0, and that is never equal to anything.
    const number = slot === 0 ? '' : ` and recurr_idx=${slot}`
    const rows = await ask(
      sessions,
      `select id,recurr_idx from ${MODULES[kind]} where ical_uuid=${quoted(heldUid(uid))}${number}` +
        ' order by recurr_idx,id limit 0,20;',
    )
    const first = rows.find((row) => Number(row.recurr_idx ?? 0) === slot)
    if (first !== undefined) return first.id
  }
  return null
}

async function read(
  sessions: Sessions,
  installation: Installation,
  kind: ItemKind,
  id: string,
): Promise<Snapshot | null> {
  const [found] = await getRecords({ sessions, installation }, kind, [itemId(id)])
  if (found?.type === 'failed') throw found.error
  return found?.type === 'seen' ? found.snapshot : null
}

/** The record of a create whose answer was lost: by UID or token, for tasks also by what it says. */
export async function findCreated(
  sessions: Sessions,
  installation: Installation,
  query: CreateQuery,
): Promise<Snapshot | null> {
  const { kind } = query
  await installation.need(kind)
  if (kind === 'contact') return null
  const uids = kind === 'event' ? [query.uid, query.token] : [query.token]
  const id = (await byUid(sessions, kind, uids)) ?? (await likeTask(sessions, installation, query))
  return id === null ? null : await read(sessions, installation, kind, id)
}

async function likeTask(sessions: Sessions, installation: Installation, query: CreateQuery): Promise<string | null> {
  if (query.kind !== 'task' || query.assignee === undefined) return null
  const item = holdItem(query.item, installation)
  if (item.kind !== 'task') return null
  const server = await installation.zone()
  // Times of creation are the server's clock, which may differ from ours.
  const at = toLocal(new Date(Date.parse(query.since) + (await installation.skewMs()) - 2_000).toISOString(), server)
  const { subject, startDate, dueDate } = item.fields
  for (let offset = 0; ; offset += 1_000) {
    const rows = await ask(
      sessions,
      `select id,subject,date_start,due_date from Calendar` +
        ` where assigned_user_id=${quoted(query.assignee)} and createdtime >= '${at.date} ${at.time}'` +
        ` order by id limit ${offset},1000;`,
    )
    const same = rows.find(
      (row) =>
        row.subject === subject &&
        (!startDate || row.date_start === startDate) &&
        (!dueDate || row.due_date === dueDate),
    )
    if (same !== undefined) return same.id
    if (rows.length < 1_000) return null
  }
}

/** The CRM has no folders: a record is there or it is not. */
export async function locate(
  sessions: Sessions,
  installation: Installation,
  kind: ItemKind,
  token: Token,
  uid: string | null,
): Promise<Located> {
  await installation.need(kind)
  if (kind === 'contact') return { where: 'nowhere' }
  const id = await byUid(sessions, kind, kind === 'event' ? [uid, token] : [token])
  const snapshot = id === null ? null : await read(sessions, installation, kind, id)
  return snapshot === null ? { where: 'nowhere' } : { where: 'synced', snapshot }
}
