import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Copy, Link, LinkedCopy, Tombstone } from '../model/index.ts'
import type { Tx } from '../ports.ts'
import { jsonParameter, rows, textArray, wanted } from './database.ts'
import type { Database } from './database.ts'

type LinkMethods = Pick<
  Tx,
  | 'copiesByItem' | 'copiesByRecord' | 'linksByRecord' | 'copiesByUid' | 'copiesById' | 'copiesOf' | 'copiesUnmarked' | 'countCopies'
  | 'saveCopies' | 'markCopies' | 'removeCopies' | 'putTombstones' | 'tombstones' | 'removeTombstones'
>

interface CopyRecord extends Omit<Copy, 'exchange' | 'crm'> {
  readonly link: Link['id']
  readonly item: Copy['exchange']['id']
  readonly item_key: Copy['exchange']['changeKey']
  readonly record: Copy['crm']['id']
  readonly record_key: Copy['crm']['changeKey']
  readonly kind: Link['kind']
  readonly link_record: Link['record']
  readonly born_at: Link['bornAt']
  readonly uid: Link['uid']
  readonly assignee: Link['assignee']
}

interface LinkRecord extends Omit<Link, 'bornAt'> {
  readonly born_at: Link['bornAt']
  readonly mailboxes: readonly Copy['mailbox'][]
}

export function linkStatements(db: Database): LinkMethods {
  /** @param from gives the copies as `c` and their links as `l` */
  const select = async (from: RawBuilder<unknown>): Promise<readonly LinkedCopy[]> => {
    const found = await rows(db, sql<CopyRecord>`
      select c.id, c.link, c.mailbox, c.role, c.item, c.item_key, c.record, c.record_key, c.base, c.token, c.traits,
        c.stamped, c.referenced, l.kind, l.record as link_record, l.born_at, l.uid, l.assignee
      from ${from} order by c.id`)
    return found.map(toLinkedCopy)
  }
  return {
    copiesByItem: (mailbox, items) =>
      select(sql`${wanted(items)} ${copies(sql`item = wanted.id offset 0`)} ${LINK_OF_COPY} where c.mailbox = ${mailbox}`),
    copiesByRecord: (records) => select(sql`${wanted(records)} ${links(sql`record = wanted.id`)} ${COPIES_OF_LINK}`),
    async linksByRecord(records) {
      const found = await rows(db, sql<LinkRecord>`
        select l.id, l.kind, l.record, l.born_at, l.uid, l.assignee,
          array(select mailbox from connector.copies where link = l.id order by mailbox) as mailboxes
        from ${wanted(records)} ${links(sql`record = wanted.id`)} order by l.id`)
      return found.flatMap(({ born_at: bornAt, mailboxes, ...link }) => (mailboxes.length === 0 ? [] : [{ link: { ...link, bornAt }, mailboxes }]))
    },
    async copiesByUid(uids) {
      const known = await select(sql`${wanted(uids)} ${links(sql`uid is not null and uid = wanted.id`)} ${COPIES_OF_LINK}`)
      const invited = await select(sql`
        ${wanted(uids)} ${copies(sql`traits->>'invitationUid' is not null and traits->>'invitationUid' = wanted.id offset 0`)} ${LINK_OF_COPY}`)
      return [...known, ...invited.filter((one) => !known.some(({ copy }) => copy.id === one.copy.id))]
    },
    copiesById: (ids) => select(sql`${wanted(ids)} ${copies(sql`id = wanted.id offset 0`)} ${LINK_OF_COPY}`),
    copiesOf: (mailbox, kind, after, limit) =>
      select(sql`(select) one ${copies(sql`
        mailbox = ${mailbox} and kind = ${kind} and id > ${after ?? ''} order by id limit ${limit}`)} ${LINK_OF_COPY}`),
    copiesUnmarked: (mailbox, limit) =>
      select(sql`(select) one ${copies(sql`
        mailbox = ${mailbox} and role = 'home' and not (stamped and referenced) order by id limit ${limit}`)} ${LINK_OF_COPY}`),
    async countCopies(mailbox) {
      const [row] = await rows(db, sql<{ count: number }>`select count(*) as count from connector.copies where mailbox = ${mailbox}`)
      return row?.count ?? 0
    },
    saveCopies: (list) => saveCopies(db, list),
    async markCopies(side, marks) {
      if (marks.length === 0) return
      const given = sql`json_to_recordset(${jsonParameter(marks)}::json) as r(id text, expect text, "changeKey" text)`
      await rows(db, side === 'exchange'
        ? sql`update connector.copies c set item_key = r."changeKey", stamped = true from ${given} where c.id = r.id and c.item_key = r.expect`
        : sql`update connector.copies c set record_key = r."changeKey", referenced = true from ${given} where c.id = r.id and c.record_key = r.expect`)
    },
    removeCopies: (copies) => removeCopies(db, copies),
    async putTombstones(list) {
      if (list.length === 0) return
      await rows(db, sql`
        insert into connector.tombstones (mailbox, record, item, kind, item_key, record_key, reason, at)
        select distinct on (mailbox, record, item)
          mailbox, record, item, kind, "exchangeChangeKey", "crmChangeKey", reason, at
        from json_to_recordset(${jsonParameter(list)}::json) as r(mailbox text, record text, item text, kind text,
          "exchangeChangeKey" text, "crmChangeKey" text, reason text, at text)
        order by mailbox, record, item, at desc
        on conflict (mailbox, record, item) do update set kind = excluded.kind, item_key = excluded.item_key,
          record_key = excluded.record_key, reason = excluded.reason, at = excluded.at`)
    },
    tombstones: (mailbox, ids) => tombstones(db, mailbox, ids),
    async removeTombstones(mailbox, ids) {
      if ((await tombstones(db, mailbox, ids)).length === 0) return
      await rows(db, sql`
        delete from connector.tombstones
        where mailbox = ${mailbox} and (item = any(${textArray(ids)}) or record = any(${textArray(ids)}))`)
    },
  }
}

const copies = (where: RawBuilder<unknown>) => sql`cross join lateral (select * from connector.copies where ${where}) c`
const links = (where: RawBuilder<unknown>) => sql`cross join lateral (select * from connector.links where ${where} offset 0) l`
const LINK_OF_COPY = links(sql`id = c.link`)
const COPIES_OF_LINK = copies(sql`link = l.id offset 0`)

const tombstones = (db: Database, mailbox: Tombstone['mailbox'], ids: readonly string[]) =>
  rows(db, sql<Tombstone>`
    select distinct t.mailbox, t.kind, t.record, t.item, t.item_key as "exchangeChangeKey",
      t.record_key as "crmChangeKey", t.reason, t.at
    from ${wanted(ids)} cross join lateral (
      select * from connector.tombstones where item = wanted.id
      union all select * from connector.tombstones where record = wanted.id offset 0) t
    where t.mailbox = ${mailbox}
    order by t.at, t.record, t.item`)

function toLinkedCopy(row: CopyRecord): LinkedCopy {
  const { id, mailbox, role, base, token, traits, stamped, referenced } = row
  return {
    link: { id: row.link, kind: row.kind, record: row.link_record, bornAt: row.born_at, uid: row.uid, assignee: row.assignee },
    copy: {
      id, mailbox, role, base, token, traits, stamped, referenced,
      exchange: { id: row.item, changeKey: row.item_key },
      crm: { id: row.record, changeKey: row.record_key },
    },
  }
}

/**
 * A record has one link, whichever mailbox saved it first, so that all its copies stand together. After a restored backup of
 * the CRM another record may carry the number of a lost one: a record is its id and when it was born. Links are written, and
 * by that locked, in the order of their records: two lanes that share records neither wait for each other in a circle nor
 * lose a link that one of them is removing.
 */
async function saveCopies(db: Database, list: readonly LinkedCopy[]): Promise<void> {
  if (list.length === 0) return
  const links = await known(db, [...new Map(list.map(({ link }) => [link.id, link])).values()])
  const copies = new Map(list.map((row) => [row.copy.id, copyParameter(row)]))
  for (const link of links) if (link.isMoved) await moveLink(db, link)
  await removeOutlived(db, links)
  // The UID is the record's: copies of a record without one have a UID each, and none of them speaks for the others. A link
  // that lost its last copy is nobody's, and taken over whole.
  await rows(db, sql`
    insert into connector.links as l (id, kind, record, born_at, uid, assignee)
    select id, kind, record, "bornAt", uid, assignee
    from json_to_recordset(${jsonParameter(links)}::json) as r(id text, kind text, record text, "bornAt" text, uid text, assignee text)
    on conflict (record, coalesce(born_at, '')) do update set kind = excluded.kind, assignee = excluded.assignee,
      uid = case when l.id = excluded.id then l.uid else excluded.uid end
    where l.id = excluded.id or not exists (select 1 from connector.copies c where c.link = l.id)`)
  await rows(db, sql`
    insert into connector.copies (id, link, kind, mailbox, role, item, item_key, record, record_key, base, token, traits,
      stamped, referenced)
    select id, (
        select l.id from connector.links l where l.record = r.linked
        order by l.born_at is not distinct from r.born desc, l.born_at desc nulls last limit 1),
      kind, mailbox, role, item, item_key, record, record_key, base, token, traits, stamped, referenced
    from json_to_recordset(${jsonParameter(sortedById(copies))}::json) as r(id text, linked text, born text, kind text,
      mailbox text, role text, item text, item_key text, record text, record_key text, base jsonb, token text, traits jsonb,
      stamped boolean, referenced boolean)
    on conflict (id) do update set link = excluded.link, kind = excluded.kind, mailbox = excluded.mailbox,
      role = excluded.role, item = excluded.item, item_key = excluded.item_key, record = excluded.record,
      record_key = excluded.record_key, base = excluded.base, token = excluded.token, traits = excluded.traits,
      stamped = excluded.stamped, referenced = excluded.referenced`)
}

/** Copies of a lost record whose number another one carries now: what becomes of their items says nothing about that one. */
async function removeOutlived(db: Database, list: readonly Link[]): Promise<void> {
  const outlived = await rows(db, sql<{ id: Copy['id'] }>`
    select c.id from json_to_recordset(${jsonParameter(list)}::json) as r(record text, "bornAt" text)
      cross join lateral (select id, born_at from connector.links where record = r.record offset 0) l
      cross join lateral (select id from connector.copies where link = l.id offset 0) c
    where l.born_at < r."bornAt"`)
  await removeCopies(db, outlived.map(({ id }) => id))
}

/** `isMoved`: it is there already, for another record, or for one of which it is known now when it was born. */
type KnownLink = Link & { readonly isMoved: boolean }

/**
 * One link of each record, the one that there is if there is one, in the order of the records. Who does not know when the
 * record was born means the one there is.
 */
async function known(db: Database, list: readonly Link[]): Promise<KnownLink[]> {
  const found = await rows(db, sql<{ id: Link['id']; record: string | null; present: Link['bornAt']; born: Link['bornAt'] }>`
    select r.id, k.record, k.born_at as present, coalesce(r."bornAt", case when k.record = r.record then k.born_at end,
      (select born_at from connector.links where record = r.record order by born_at desc nulls last limit 1)) as born
    from json_to_recordset(${jsonParameter(list)}::json) as r(id text, record text, "bornAt" text)
      left join lateral (select record, born_at from connector.links where id = r.id offset 0) k on true`)
  const byId = new Map(found.map((one) => [one.id, one]))
  const all = list.map((link): KnownLink & { readonly isThere: boolean } => {
    const { record = null, present = null, born = null } = byId.get(link.id) ?? {}
    return { ...link, bornAt: born, isThere: record !== null, isMoved: record !== null && (record !== link.record || present !== born) }
  })
  const key = ({ record, bornAt }: Link) => `${record}\n${bornAt ?? ''}`
  const first = [...Map.groupBy(all, key).values()].flatMap((same) => same.find(({ isThere }) => isThere) ?? same.slice(0, 1))
  return first.sort((left, right) => (key(left) < key(right) ? -1 : 1))
}

/**
 * Its record was made again under another id, or is known better now. Where another mailbox has linked that one already, the
 * copies go there instead.
 */
async function moveLink(db: Database, { id, record, bornAt, uid, assignee }: Link): Promise<void> {
  await rows(db, sql`
    update connector.links l set record = ${record}, born_at = ${bornAt}, assignee = ${assignee},
      uid = case when l.record = ${record} then l.uid else ${uid} end
    where id = ${id} and not exists (
      select 1 from connector.links other where other.record = ${record} and other.born_at is not distinct from ${bornAt} and other.id <> l.id)`)
}

const sortedById = <Row extends { readonly id: string }>(byId: ReadonlyMap<string, Row>): Row[] =>
  [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1))

function copyParameter({ link, copy: { exchange, crm, ...copy } }: LinkedCopy) {
  const halves = { item: exchange.id, item_key: exchange.changeKey, record: crm.id, record_key: crm.changeKey }
  return { ...copy, ...halves, linked: link.record, born: link.bornAt, kind: link.kind }
}

async function removeCopies(db: Database, ids: readonly Copy['id'][]): Promise<void> {
  if (ids.length === 0) return
  const ofCopies = await rows(db, sql<{ id: string }>`
    select c.link as id from ${wanted(ids)} ${copies(sql`id = wanted.id offset 0`)}`)
  // Locked first: another mailbox may be adding a copy to the same link right now, and only a statement that
  // starts after its commit sees that copy.
  const locked = await rows(db, sql<{ id: string }>`
    select id from connector.links where id = any(${textArray(ofCopies.map((link) => link.id))}) order by record for update`)
  await rows(db, sql`delete from connector.copies where id = any(${textArray(ids)})`)
  const unused = await rows(db, sql<{ id: string }>`
    select wanted.id from ${wanted(locked.map((link) => link.id))}
      left join lateral (select link from connector.copies where link = wanted.id limit 1) c on true
    where c.link is null`)
  await rows(db, sql`delete from connector.links where id = any(${textArray(unused.map((link) => link.id))})`)
}
