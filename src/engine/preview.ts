import { changeKey, CRM_LANE, itemId } from '../model/index.ts'
import type { Mailbox, MailboxId, Snapshot } from '../model/index.ts'
import type { Channel, Crm, CreateRequest, Exchange, LaneRow, Replica, Store, Tx, UpdateRequest } from '../ports.ts'
import { writesOf } from './context.ts'
import type { Engine, Totals } from './context.ts'
import { runLane } from './run.ts'

/** Thrown to leave the preview's transaction without a trace. */
class Rollback extends Error {}

/**
 * What a sync would do: the same run over the real servers with every write replaced by its answer, inside one
 * transaction that is rolled back at the end. Nothing is written anywhere.
 *
 * @param only these mailboxes alone, as if they were connected now: what runs beside it is neither read nor held up
 * @returns the totals a sync would print, and the planned writes in order
 */
export async function preview(engine: Engine, only?: readonly Mailbox[]): Promise<{ totals: Totals; writes: readonly PlannedWrite[] }> {
  const writes: PlannedWrite[] = []
  try {
    await engine.store.transaction(async (real) => {
      const tx = only === undefined ? real : isolated(real, only)
      const dry: Engine = {
        ...engine,
        store: within(tx),
        crm: { ...pretend(engine.crm, writes, null), side: 'crm', users: () => engine.crm.users(), groups: () => engine.crm.groups(), set: (uid) => engine.crm.set(uid) } satisfies Crm,
        exchangeOf: (mailbox) => {
          const real = engine.exchangeOf(mailbox)
          return { ...pretend(real, writes, mailbox), side: 'exchange', open: () => real.open(true), lacks: (kind) => real.lacks?.(kind) ?? false } satisfies Exchange
        },
        mode: { ...engine.mode, once: true, dry: true },
      }
      for (let round = 0; round < 2; round++) {
        const before = writesOf(engine.totals)
        await runLane(dry, CRM_LANE)
        for (const row of await tx.lanes()) if (row.mailbox !== null) await runLane(dry, row.lane)
        if (writesOf(engine.totals) === before) break
      }
      engine.totals.held = (await tx.held({ open: true })).length
      throw new Rollback()
    })
  } catch (thrown) {
    if (!(thrown instanceof Rollback)) throw thrown
  }
  return { totals: engine.totals, writes }
}

/** Content goes no further than the field names: a preview may be shown to an administrator. */
export interface PlannedWrite {
  readonly mailbox: string | null
  readonly side: 'exchange' | 'crm'
  readonly type: 'create' | 'update' | 'delete'
  readonly kind: string
  readonly item: string | null
  readonly fields: readonly string[]
}

/** Lanes and channels of these mailboxes alone, and only in memory: what a service beside us runs stays free. */
function isolated(tx: Tx, mailboxes: readonly Mailbox[]): Tx {
  const lane = (id: MailboxId, mailbox: Mailbox | null): LaneRow => ({ lane: id, mailbox, state: 'new', error: null, failures: 0, retryAt: null, lastRunAt: null })
  const lanes = [lane(CRM_LANE, null), ...mailboxes.map((mailbox) => lane(mailbox.id, mailbox))]
  const wanted = new Set(lanes.map((row) => row.lane))
  const channels = new Map<string, Channel>()
  return {
    ...tx,
    lanes: async () => lanes,
    saveLane: async () => undefined,
    channels: async (id) => [...channels.values()].filter((channel) => channel.lane === id),
    saveChannel: async (channel) => void channels.set(`${channel.lane}/${channel.kind}`, channel),
    markDirty: async () => undefined,
    putInbox: (rows) => tx.putInbox(rows.filter((row) => wanted.has(row.lane))),
    removeCopies: async () => undefined,
    wake: async () => undefined,
  }
}

function within(tx: Tx): Store {
  return {
    transaction: (work) => work(tx),
    snapshot: (work) => work(tx),
    raiseFence: async (lane) => ({ lane, value: 0 }),
    close: async () => undefined,
  }
}

function pretend(real: Replica, writes: PlannedWrite[], mailbox: Mailbox | null): Replica {
  let made = 0
  const note = (type: PlannedWrite['type'], kind: string, item: string | null, fields: object) => {
    if (type === 'update' && Object.keys(fields).length === 0) return
    writes.push({ mailbox: mailbox?.address ?? null, side: real.side, type, kind, item, fields: Object.keys(fields) })
  }
  const created = ({ item, uid, assignee, reference }: CreateRequest): Snapshot => ({
    id: itemId(`preview-${real.side}-${made++}`), changeKey: changeKey('preview'), item: real.hold(item), modifiedAt: '1970-01-01T00:00:00Z' as Snapshot['modifiedAt'],
    ...(uid === undefined ? {} : { uid }), ...(assignee === undefined ? {} : { assignee }), ...(reference === undefined ? {} : { reference }),
  })
  const updated = ({ id, kind, fields, expect }: UpdateRequest): Snapshot => ({
    id, changeKey: expect, item: real.hold({ kind, fields } as Snapshot['item']), modifiedAt: '1970-01-01T00:00:00Z' as Snapshot['modifiedAt'],
  })
  return {
    side: real.side,
    hold: (item) => real.hold(item),
    pull: (kind, since, known) => real.pull(kind, since, known),
    get: (kind, ids) => real.get(kind, ids),
    findCreated: (query) => real.findCreated(query),
    locate: (kind, token, uid) => real.locate(kind, token, uid),
    create: async (requests) => requests.map((request) => {
      note('create', request.item.kind, null, request.item.fields)
      return { type: 'done', snapshot: created(request) }
    }),
    update: async (requests) => requests.map((request) => {
      note('update', request.kind, request.id, request.fields)
      return { type: 'done', snapshot: updated(request) }
    }),
    remove: async (requests) => requests.map((request) => {
      note('delete', request.kind, request.id, {})
      return { type: 'removed' }
    }),
  }
}
