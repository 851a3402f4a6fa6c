import { canonicalJson, contentHash } from '../src/lib/content-hash.ts'
import { SyncError } from '../src/lib/errors.ts'
import { instant, instantMs, naturalKey, settledSetting, splitOccurrenceId } from '../src/model/index.ts'
import type {
  Conflict, Copy, CopyId, Held, InboxRow, Instant, ItemId, Link, LinkedCopy, MailboxId, Operation, Side, Skip, Tombstone,
} from '../src/model/index.ts'
import type { Channel, LaneRow, SeriesRow, Tx } from '../src/ports.ts'
import { keyOf, MemoryTable } from './memory-table.ts'
import type { UndoLog } from './memory-table.ts'

type Numbered<Row> = Row & { readonly seq: number }

export interface MemoryTables {
  readonly lanes: MemoryTable<LaneRow>
  readonly channels: MemoryTable<Channel>
  readonly inbox: MemoryTable<InboxRow>
  readonly links: MemoryTable<Link>
  readonly copies: MemoryTable<Copy & { readonly link: Link['id'] }>
  readonly tombstones: MemoryTable<Tombstone>
  readonly series: MemoryTable<SeriesRow>
  readonly skips: MemoryTable<Skip>
  readonly operations: MemoryTable<Numbered<Operation>>
  readonly conflicts: MemoryTable<Numbered<Conflict>>
  readonly held: MemoryTable<Numbered<Held>>
  readonly claims: MemoryTable<{ readonly uid: string; readonly lane: MailboxId; readonly at: Instant }>
  readonly settings: MemoryTable<{ readonly name: string; readonly value: string }>
  /** Rises with every row that has a number; never falls, like a database sequence. */
  next(): number
}

/** How long the first to claim a meeting may take to make its record. */
const CLAIM_MS = 600_000

const inboxKey = (row: { lane: MailboxId; side: Side; id: ItemId }) => keyOf(row.lane, row.side, row.id)

export function createMemoryTables(): MemoryTables {
  let sequence = 0
  return {
    lanes: new MemoryTable((row) => row.lane),
    channels: new MemoryTable((row) => keyOf(row.lane, row.kind)),
    inbox: new MemoryTable<InboxRow>(inboxKey),
    links: new MemoryTable((row) => row.id),
    copies: new MemoryTable((row) => row.id),
    tombstones: new MemoryTable((row) => keyOf(row.mailbox, row.record, row.item)),
    series: new MemoryTable((row) => keyOf(row.lane, row.master)),
    skips: new MemoryTable<Skip>(inboxKey),
    operations: new MemoryTable((row) => row.id),
    conflicts: new MemoryTable((row) => row.id),
    held: new MemoryTable((row) => row.id),
    claims: new MemoryTable((row) => row.uid),
    settings: new MemoryTable((row) => row.name),
    next: () => ++sequence,
  }
}

interface Running {
  readonly undo: UndoLog
  readonly wakes: MailboxId[]
  readonly scope: { readonly open: boolean }
}

/** The methods of one running transaction on the tables. */
export function memoryTx(tables: MemoryTables, running: Running): Tx {
  const parts: Tx = {
    ...laneMethods(tables, running),
    ...inboxMethods(tables, running),
    ...copyMethods(tables, running),
    ...seriesMethods(tables, running),
    ...skipMethods(tables, running),
    ...operationMethods(tables, running),
    ...decisionMethods(tables, running),
  }
  // A call that was not awaited would write outside the transaction: that must not pass unnoticed.
  for (const [name, method] of Object.entries(parts) as [string, (...args: unknown[]) => Promise<unknown>][]) {
    Object.assign(parts, {
      [name]: async (...args: unknown[]) => {
        if (!running.scope.open) throw bug('STORE_TRANSACTION_ENDED', `${name} was called after its transaction ended.`)
        return method(...args)
      },
    })
  }
  return parts
}

const bug = (code: string, message: string) => new SyncError(code, message, { scope: 'mailbox', remedy: 'bug' })

const compare = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)

/** Sorts by several values, the first that differs decides. */
function sorted<Row>(rows: Row[], ...by: readonly ((row: Row) => string | number)[]): Row[] {
  return rows.sort((a, b) => {
    for (const value of by) {
      const order = compare(value(a), value(b))
      if (order !== 0) return order
    }
    return 0
  })
}

type LaneMethods = Pick<
  Tx,
  | 'lanes' | 'lanesDue' | 'saveLane' | 'removeLane' | 'channels' | 'saveChannel' | 'markDirty' | 'claim' | 'setting'
  | 'saveSetting' | 'wake'
>

function laneMethods(tables: MemoryTables, { undo, wakes }: Running): LaneMethods {
  return {
    lanes: async () => sorted(tables.lanes.all(), (row) => row.lane),
    async lanesDue(now, pulledBefore) {
      const isDue = (lane: MailboxId) => {
        const channels = tables.channels.where((row) => row.lane === lane)
        const stale = (pulledAt: string | null) => pulledAt === null || pulledAt < pulledBefore
        return (
          channels.length === 0 ||
          channels.some((row) => row.dirtyAt !== null || !row.complete || stale(row.pulledAt)) ||
          tables.inbox.where((row) => row.lane === lane && row.dueAt <= now).length > 0 ||
          tables.skips.where((row) => row.lane === lane && row.enterAt !== null && row.enterAt <= now).length > 0 ||
          tables.series.where((row) => row.lane === lane && row.dueAt <= now).length > 0
        )
      }
      const lanes = tables.lanes.where(
        (row) => row.mailbox !== null && row.state !== 'paused' && (row.retryAt === null || row.retryAt <= now),
      )
      return sorted(lanes, (row) => row.lane).filter((row) => row.retryAt !== null || isDue(row.lane)).map((row) => row.lane)
    },
    saveLane: async (row) => tables.lanes.put(row, undo),
    async removeLane(lane) {
      tables.lanes.remove(lane, undo)
      tables.settings.remove(settledSetting(lane), undo)
      for (const row of tables.channels.where((r) => r.lane === lane)) {
        tables.channels.remove(keyOf(row.lane, row.kind), undo)
      }
      for (const row of tables.inbox.where((r) => r.lane === lane)) tables.inbox.remove(inboxKey(row), undo)
      for (const row of tables.skips.where((r) => r.lane === lane)) tables.skips.remove(inboxKey(row), undo)
      for (const row of tables.held.where((r) => r.lane === lane && r.decision === null)) tables.held.remove(row.id, undo)
    },
    channels: async (lane) => sorted(tables.channels.where((row) => row.lane === lane), (row) => row.kind),
    saveChannel: async (channel) => tables.channels.put(channel, undo),
    async markDirty(lane, kinds, at) {
      for (const kind of kinds) {
        const known = tables.channels.get(keyOf(lane, kind)) ?? {
          lane, kind, syncState: null, complete: false, dirtyAt: null, pulledAt: null, resyncSince: null,
        }
        const dirtyAt = known.dirtyAt !== null && known.dirtyAt > at ? known.dirtyAt : at
        tables.channels.put({ ...known, dirtyAt }, undo)
      }
    },
    async claim(uid, lane, at) {
      const held = tables.claims.get(uid)
      if (held && held.lane !== lane && instantMs(at) - instantMs(held.at) < CLAIM_MS) return held.lane
      tables.claims.put({ uid, lane, at }, undo)
      return lane
    },
    setting: async (name) => tables.settings.get(name)?.value ?? null,
    saveSetting: async (name, value) => tables.settings.put({ name, value }, undo),
    wake: async (lanes) => void wakes.push(...lanes),
  }
}

type InboxMethods = Pick<
  Tx,
  | 'putInbox' | 'takeInbox' | 'hastenInbox' | 'inboxOf' | 'inboxLike' | 'inboxGone' | 'lanesWaitingFor' | 'dropInbox'
  | 'deferInbox' | 'countInbox'
>

function inboxMethods(tables: MemoryTables, { undo }: Running): InboxMethods {
  const current = (ref: { lane: MailboxId; side: Side; id: ItemId; version: number }) => {
    const row = tables.inbox.get(inboxKey(ref))
    return row?.version === ref.version ? row : undefined
  }
  return {
    async putInbox(rows) {
      for (const row of rows) tables.inbox.put({ ...row, attempts: 0, error: null, version: tables.next() }, undo)
    },
    async takeInbox(lane, now, limit) {
      const due = tables.inbox.where((row) => row.lane === lane && row.dueAt <= now)
      return sorted(due, (row) => (row.side === 'exchange' ? 0 : 1), (row) => row.dueAt, (row) => row.version).slice(0, limit)
    },
    async hastenInbox(lane, now) {
      for (const row of tables.inbox.where((r) => r.lane === lane && r.dueAt > now)) {
        tables.inbox.put({ ...row, dueAt: now }, undo)
      }
    },
    inboxGone: async (lane) =>
      sorted(tables.inbox.where((row) => row.lane === lane && row.sighting.type === 'gone'), (row) => row.version),
    async lanesWaitingFor(side, ids) {
      const wanted = new Set(ids)
      const rows = tables.inbox.where((row) => row.side === side && wanted.has(row.id))
      return sorted(rows, (row) => row.lane, (row) => row.id).map(({ lane, id }) => ({ lane, id }))
    },
    async inboxOf(lane, side, ids) {
      const found = ids.map((id) => tables.inbox.get(inboxKey({ lane, side, id })))
      return sorted([...new Set(found)].filter((row) => row !== undefined), (row) => row.version)
    },
    async inboxLike(lane, side, uids, naturalKeys) {
      const like = tables.inbox.where((row) => {
        if (row.lane !== lane || row.side !== side || row.sighting.type !== 'seen') return false
        const { uid, item } = row.sighting.snapshot
        return (uid !== undefined && uids.includes(uid)) || naturalKeys.includes(naturalKey(item) ?? '\u0000')
      })
      return sorted(like, (row) => row.version)
    },
    async dropInbox(refs) {
      for (const ref of refs) if (current(ref)) tables.inbox.remove(inboxKey(ref), undo)
    },
    async deferInbox(rows) {
      for (const { dueAt, attempts, error, suspectSince, ...ref } of rows) {
        const row = current(ref)
        if (row) tables.inbox.put({ ...row, dueAt, attempts, error, suspectSince }, undo)
      }
    },
    async countInbox(lane) {
      const rows = tables.inbox.where((row) => row.lane === lane)
      return { waiting: rows.length, failing: rows.filter((row) => row.error !== null).length }
    },
  }
}

type CopyMethods = Pick<
  Tx,
  | 'copiesByItem' | 'copiesByRecord' | 'linksByRecord' | 'copiesByUid' | 'copiesById' | 'copiesOf' | 'copiesUnmarked' | 'countCopies'
  | 'saveCopies' | 'markCopies' | 'removeCopies' | 'putTombstones' | 'tombstones' | 'removeTombstones'
>

function copyMethods(tables: MemoryTables, { undo }: Running): CopyMethods {
  const linked = (matches: (copy: Copy, link: Link) => boolean): LinkedCopy[] => {
    const found: LinkedCopy[] = []
    for (const { link: id, ...copy } of tables.copies.all()) {
      const link = tables.links.get(id)
      if (link && matches(copy, link)) found.push({ link, copy })
    }
    return sorted(found, (row) => row.copy.id)
  }
  const buried = (mailbox: MailboxId, ids: ReadonlySet<ItemId>) =>
    tables.tombstones.where((row) => row.mailbox === mailbox && (ids.has(row.item) || ids.has(row.record)))
  return {
    async copiesByItem(mailbox, items) {
      const wanted = new Set(items)
      return linked((copy) => copy.mailbox === mailbox && wanted.has(copy.exchange.id))
    },
    async copiesByRecord(records) {
      const wanted = new Set(records)
      return linked((_copy, link) => wanted.has(link.record))
    },
    async linksByRecord(records) {
      const wanted = new Set(records)
      const byLink = Map.groupBy(linked((_copy, link) => wanted.has(link.record)), ({ link }) => link.id)
      return [...byLink.values()].flatMap((all) => (all[0] === undefined ? [] : [{ link: all[0].link, mailboxes: all.map(({ copy }) => copy.mailbox).sort() }]))
    },
    async copiesByUid(uids) {
      const wanted = new Set(uids)
      return linked((copy, link) => (link.uid !== null && wanted.has(link.uid)) || wanted.has(copy.traits.invitationUid ?? ''))
    },
    async copiesById(copies) {
      const wanted = new Set(copies)
      return linked((copy) => wanted.has(copy.id))
    },
    copiesOf: async (mailbox, kind, after, limit) =>
      linked((copy, link) => copy.mailbox === mailbox && link.kind === kind && (after === null || copy.id > after)).slice(0, limit),
    copiesUnmarked: async (mailbox, limit) =>
      linked((copy) => copy.mailbox === mailbox && copy.role === 'home' && !(copy.stamped && copy.referenced)).slice(0, limit),
    countCopies: async (mailbox) => tables.copies.where((copy) => copy.mailbox === mailbox).length,
    async saveCopies(rows) {
      const inUse = new Set([...tables.copies.all()].map(({ link }) => link))
      const byRecord = Map.groupBy([...tables.links.all()].filter(({ id }) => inUse.has(id)), ({ record }) => record)
      for (const { link, copy } of rows) {
        const known = byRecord.get(link.record) ?? []
        // Who does not know when the record was born means the one there is.
        const shared = known.find(({ bornAt }) => bornAt === link.bornAt) ?? known.find(({ id, bornAt }) => id === link.id || link.bornAt === null || bornAt === null)
        const mine = shared?.id === link.id ? { ...link, uid: shared.uid } : shared
        const saved = shared === undefined || mine === undefined ? link : { ...mine, bornAt: link.bornAt ?? shared.bornAt }
        const outlived = known.filter(({ bornAt }) => bornAt !== null && saved.bornAt !== null && bornAt < saved.bornAt)
        for (const one of tables.copies.where((row) => outlived.some(({ id }) => id === row.link))) tables.copies.remove(one.id, undo)
        for (const { id } of outlived) tables.links.remove(id, undo)
        byRecord.set(link.record, [...known.filter((one) => one.id !== saved.id && !outlived.includes(one)), saved])
        tables.links.put(saved, undo)
        tables.copies.put({ ...copy, link: saved.id }, undo)
      }
    },
    async markCopies(side, marks) {
      for (const { id, expect, changeKey } of marks) {
        const copy = tables.copies.get(id)
        if (copy?.[side].changeKey !== expect) continue
        const flag = side === 'exchange' ? { stamped: true } : { referenced: true }
        tables.copies.put({ ...copy, [side]: { ...copy[side], changeKey }, ...flag }, undo)
      }
    },
    async removeCopies(copies) {
      const bereft = new Set(copies.map((id) => tables.copies.get(id)?.link))
      for (const id of copies) tables.copies.remove(id, undo)
      for (const copy of tables.copies.all()) bereft.delete(copy.link)
      for (const id of bereft) if (id !== undefined) tables.links.remove(id, undo)
    },
    async putTombstones(rows) {
      for (const row of rows) tables.tombstones.put(row, undo)
    },
    tombstones: async (mailbox, ids) => sorted(buried(mailbox, new Set(ids)), (row) => row.at, (row) => row.record, (row) => row.item),
    async removeTombstones(mailbox, ids) {
      for (const row of buried(mailbox, new Set(ids))) {
        tables.tombstones.remove(keyOf(row.mailbox, row.record, row.item), undo)
      }
    },
  }
}

type SeriesMethods = Pick<Tx, 'series' | 'seriesByUid' | 'seriesDue' | 'saveSeries' | 'removeSeries' | 'recheckSeries'>

function seriesMethods(tables: MemoryTables, { undo }: Running): SeriesMethods {
  return {
    async series(lane, masters) {
      const wanted = masters === undefined ? null : new Set(masters)
      return sorted(tables.series.where((row) => row.lane === lane && (wanted === null || wanted.has(row.master))), (row) => row.master)
    },
    seriesByUid: async (uid) => sorted(tables.series.where((row) => row.uid === uid), (row) => row.lane, (row) => row.master),
    seriesDue: async (lane, now, limit) =>
      sorted(tables.series.where((row) => row.lane === lane && row.dueAt <= now), (row) => row.dueAt, (row) => row.master).slice(0, limit),
    async saveSeries(rows) {
      for (const row of rows) tables.series.put(row, undo)
    },
    async removeSeries(lane, masters) {
      for (const master of masters) tables.series.remove(keyOf(lane, master), undo)
    },
    async recheckSeries(lane, items, at) {
      const masters = new Set(items.map((id) => splitOccurrenceId(id).master))
      for (const row of tables.series.where((one) => one.lane === lane && masters.has(one.master))) {
        tables.series.put({ ...row, dueAt: row.dueAt < at ? row.dueAt : at, readAt: instant(0) }, undo)
      }
    },
  }
}

type SkipMethods = Pick<Tx, 'putSkips' | 'dropSkips' | 'skipsDue' | 'skips' | 'countSkips'>

function skipMethods(tables: MemoryTables, { undo }: Running): SkipMethods {
  return {
    async putSkips(rows) {
      for (const row of rows) tables.skips.put(row, undo)
    },
    async dropSkips(lane, side, ids) {
      for (const id of ids) tables.skips.remove(inboxKey({ lane, side, id }), undo)
    },
    async skipsDue(lane, now, limit) {
      const due = tables.skips.where((row) => row.lane === lane && row.enterAt !== null && row.enterAt <= now)
      return sorted(due, (row) => row.enterAt ?? '', (row) => row.side, (row) => row.id).slice(0, limit)
    },
    async skips(lane, limit) {
      const rows = tables.skips.where((row) => lane === null || row.lane === lane)
      return sorted(rows, (row) => -Date.parse(row.at), (row) => row.lane, (row) => row.side, (row) => row.id).slice(0, limit)
    },
    countSkips: async (lane) => tables.skips.where((row) => row.lane === lane).length,
  }
}

const unnumbered = <Row>({ seq: _seq, ...row }: Numbered<Row>): Row => row as unknown as Row

type OperationMethods = Pick<Tx, 'openOperations' | 'settleOperations' | 'unsettled' | 'lanesCreating' | 'journal' | 'forgetValues' | 'recentWrites'>

function operationMethods(tables: MemoryTables, { undo }: Running): OperationMethods {
  /** The copies that an item or record is or was part of. */
  const copiesAround = (item: string): ReadonlySet<CopyId> => {
    const copies = tables.copies.where((copy) => copy.exchange.id === item || copy.crm.id === item).map((copy) => copy.id)
    const written = tables.operations.where((row) => row.item === item || row.intent?.from.id === item)
    return new Set([...copies, ...written.map((row) => row.copy)])
  }
  return {
    async openOperations(rows) {
      for (const row of rows) {
        if (tables.operations.get(row.id)) throw bug('STORE_FAILED', `The operation ${row.id} is in the journal already.`)
        tables.operations.put({ ...row, seq: tables.next() }, undo)
      }
    },
    async settleOperations(rows) {
      for (const { id, item, state, outcome } of rows) {
        const row = tables.operations.get(id)
        if (row) tables.operations.put({ ...row, item, state, outcome }, undo)
      }
    },
    async unsettled(lane) {
      const open = tables.operations.where((row) => row.lane === lane && row.state === 'open')
      return sorted(open, (row) => row.seq).map(unnumbered<Operation>)
    },
    async lanesCreating(side) {
      const open = tables.operations.where((row) => row.state === 'open' && row.type === 'create' && row.side === side)
      return [...new Set(open.map((row) => row.lane))].sort()
    },
    async journal({ lane, item, id, limit }) {
      const around = item === undefined ? null : copiesAround(item)
      const rows = tables.operations.where((row) =>
        (lane === undefined || row.lane === lane) && (id === undefined || row.id === id) && (around?.has(row.copy) ?? true))
      return sorted(rows, (row) => -row.seq).slice(0, limit).map(unnumbered<Operation>)
    },
    async forgetValues(copies) {
      for (const row of tables.operations.where(({ copy, state }) => copies.includes(copy) && state !== 'open')) {
        const { untold: _, ...rest } = row
        tables.operations.put({ ...rest, before: null, after: null }, undo)
      }
      for (const row of tables.conflicts.where(({ copy, state }) => copies.includes(copy) && state === 'closed')) tables.conflicts.remove(row.id, undo)
    },
    async recentWrites(copies, since) {
      const wanted = new Set(copies)
      const rows = tables.operations.where((row) =>
        wanted.has(row.copy) && row.at >= since && row.state !== 'failed' && (row.type === 'update' || row.type === 'create'))
      const hashes = new Map<CopyId, string[]>()
      for (const row of sorted(rows, (operation) => operation.seq)) {
        if (row.after === null) continue
        const list = hashes.get(row.copy) ?? []
        hashes.set(row.copy, [...list, contentHash(row.after)])
      }
      return hashes
    },
  }
}

type DecisionMethods = Pick<
  Tx,
  'putConflicts' | 'conflicts' | 'decideConflict' | 'closeConflicts' | 'putHeld' | 'held' | 'decideHeld' | 'removeHeld'
>

const clash = ({ copy, field, base, exchange, crm }: Conflict) => canonicalJson({ copy, field, base, exchange, crm })

function decisionMethods(tables: MemoryTables, { undo }: Running): DecisionMethods {
  return {
    async putConflicts(rows) {
      for (const row of rows) {
        const twin = (other: Conflict) => other.state === 'open' && clash(other) === clash(row)
        if (tables.conflicts.get(row.id) || (row.state === 'open' && tables.conflicts.where(twin).length > 0)) continue
        tables.conflicts.put({ ...row, seq: tables.next() }, undo)
      }
    },
    async conflicts({ states, id, lane, copies }) {
      const rows = tables.conflicts.where((row) =>
        (states === undefined || states.includes(row.state)) && (id === undefined || id === row.id) &&
        (lane === undefined || lane === row.lane) && (copies === undefined || copies.includes(row.copy)))
      return sorted(rows, (row) => -row.seq).map(unnumbered<Conflict>)
    },
    async decideConflict(id, winner) {
      const row = tables.conflicts.get(id)
      if (row) tables.conflicts.put({ ...row, winner, state: 'decided' }, undo)
    },
    async closeConflicts(ids) {
      for (const id of ids) {
        const row = tables.conflicts.get(id)
        if (row) tables.conflicts.put({ ...row, state: 'closed' }, undo)
      }
    },
    async putHeld(rows) {
      for (const row of rows) {
        const twin = (other: Held) =>
          other.decision === null && other.lane === row.lane && other.side === row.side && other.item === row.item
        if (tables.held.get(row.id) || (row.decision === null && tables.held.where(twin).length > 0)) continue
        tables.held.put({ ...row, seq: tables.next() }, undo)
      }
    },
    async held({ open, id, lane }) {
      const rows = tables.held.where((row) =>
        (open === undefined || open === (row.decision === null)) && (id === undefined || id === row.id) &&
        (lane === undefined || lane === row.lane))
      return sorted(rows, (row) => row.seq).map(unnumbered<Held>)
    },
    async decideHeld(id, decision) {
      const row = tables.held.get(id)
      if (row) tables.held.put({ ...row, decision }, undo)
    },
    async removeHeld(ids) {
      for (const id of ids) tables.held.remove(id, undo)
    },
  }
}
