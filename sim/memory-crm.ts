import { assigneeId, changeKey, fieldsOf, instant, itemId, itemOf, splitUid, syncState, token as makeToken, withFields } from '../src/model/index.ts'
import type { AssigneeId, FieldName, Fields, FieldValue, Item, ItemId, ItemKind, Snapshot, SyncState, Token } from '../src/model/index.ts'
import type {
  Change, ChangePage, CreateQuery, CreateRequest, Crm, Found, KnownKeys, Located, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome,
} from '../src/ports.ts'
import { holdValue } from './memory-mailbox.ts'
import { contentKey } from './memory-replica.ts'
import type { Row, World } from './memory-replica.ts'

export interface CrmRow extends Row {
  readonly assignee: AssigneeId
  readonly reference: string
  /** In the bin, and since when. */
  readonly deleted: boolean
}

const DEFAULTS: Readonly<Record<ItemKind, Fields>> = {
  event: { body: '', place: '', sensitivity: 'normal', importance: 'normal', reminder: null, attendees: [], organizer: null, cancelled: false },
  task: { body: '', startDate: null, dueDate: null, status: 'notStarted', importance: 'normal', sensitivity: 'normal' },
  contact: {},
}
const ABSENT: readonly FieldName[] = ['freeBusy', 'categories', 'answer']
/** The feed's cursor is a whole second: it looks back a little, and so tells the same thing more than once. */
const OVERLAP_MS = 2000

/** The CRM in memory: whole seconds, no change keys of its own, a feed by time of modification, a bin. */
export class MemoryCrm implements Crm {
  readonly side = 'crm'
  readonly rows = new Map<ItemId, CrmRow>()
  private readonly world: World
  pageSize = 3

  constructor(world: World) {
    this.world = world
  }

  // ------------------------------------------------------------------------------------------ what users do

  put(item: Item, assignee: string, more: Partial<CrmRow> = {}): CrmRow {
    const id = itemId(`18x${this.world.next()}`)
    const row: CrmRow = {
      id, kind: item.kind, item: this.full(item), version: 1, seq: this.world.next(), modifiedAt: this.world.clock.now(),
      bornAt: `${this.world.clock.now()}/${id}`, uid: '', token: null, assignee: assigneeId(assignee), reference: '', deleted: false, ...more,
    }
    this.rows.set(id, row)
    return row
  }

  edit(id: ItemId, fields: Fields, more: Partial<CrmRow> = {}): void {
    const row = this.row(id)
    const item = withFields(row.item, fieldsOf(this.hold(itemOf(row.kind, fields))))
    this.rows.set(id, { ...row, item, ...more, modifiedAt: this.world.clock.now(), seq: this.world.next() })
  }

  live(): CrmRow[] {
    return [...this.rows.values()].filter((row) => !row.deleted)
  }

  row(id: ItemId): CrmRow {
    const row = this.rows.get(id)
    if (row === undefined) throw new Error(`no record ${id}`)
    return row
  }

  // ---------------------------------------------------------------------------------------------- the port

  async users() {
    return []
  }

  async groups() {
    return []
  }

  async set(uid: string): Promise<readonly Snapshot[]> {
    const slotOf = (row: CrmRow) => splitUid(row.uid).slot
    const rows = this.live().filter((row) => row.kind === 'event' && splitUid(row.uid).uid === uid)
    return rows.sort((a, b) => slotOf(a) - slotOf(b)).map((row) => this.snapshot(row))
  }

  hold(item: Item): Item {
    const held: Partial<Record<FieldName, FieldValue>> = {}
    for (const [name, value] of Object.entries(fieldsOf(item)) as [FieldName, FieldValue | undefined][]) {
      if (value !== undefined && (item.kind === 'contact' || !ABSENT.includes(name))) held[name] = withoutZone(holdValue(name, value, 100))
    }
    if (held.subject === '') held.subject = '(no subject)'
    return itemOf(item.kind, held)
  }

  async pull(kind: ItemKind, since: SyncState | null, known: KnownKeys): Promise<ChangePage> {
    const now = this.world.clock.now()
    const cursor = since === null ? { from: '', after: '', until: now } : (JSON.parse(since) as { from: string; after: string; until: string })
    const placeOf = (row: CrmRow) => `${row.modifiedAt}/${row.id}`
    const all = [...this.rows.values()]
      .filter((row) => row.kind === kind && row.modifiedAt >= cursor.from && placeOf(row) > cursor.after && !(cursor.from === '' && row.deleted))
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    const page = all.slice(0, this.pageSize)
    const more = all.length > page.length
    const keys = cursor.from === '' ? new Map() : await known(page.map(({ id }) => id))
    const changes = page.flatMap((row): Change[] => {
      if (row.deleted) return [{ type: 'gone', id: row.id, bornAt: row.bornAt }]
      const snapshot = this.snapshot(row)
      return keys.get(row.id) === snapshot.changeKey ? [] : [{ type: 'seen', snapshot }]
    })
    const last = page.at(-1)
    const until = cursor.after === '' ? now : cursor.until
    const next = more && last !== undefined
      ? { from: cursor.from, after: placeOf(last), until }
      : { from: instant(Date.parse(until) - OVERLAP_MS), after: '', until }
    return { type: 'page', changes, next: syncState(JSON.stringify(next)), more }
  }

  async get(_kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Found[]> {
    return ids.map((id) => {
      const row = this.rows.get(id)
      return row === undefined || row.deleted ? { type: 'gone' } : { type: 'seen', snapshot: this.snapshot(row) }
    })
  }

  async create(requests: readonly CreateRequest[]): Promise<readonly WriteOutcome[]> {
    return requests.map(({ item, token, uid, assignee, reference }) => {
      const row = this.put(this.hold(item), assignee ?? '', { uid: item.kind === 'event' ? (uid ?? token) : token, token, reference: reference ?? '' })
      this.world.script.wrote({ side: 'crm', at: 'crm', type: 'create', kind: item.kind, item: row.item })
      return { type: 'done', snapshot: this.snapshot(row) }
    })
  }

  async update(requests: readonly UpdateRequest[]): Promise<readonly WriteOutcome[]> {
    return requests.map(({ id, fields, expect, reference }) => {
      const row = this.rows.get(id)
      if (row === undefined || row.deleted) return { type: 'gone' }
      if (this.snapshot(row).changeKey !== expect) return { type: 'stale' }
      const same = reference === undefined || reference === row.reference
      if (Object.keys(fields).length === 0 && same) return { type: 'done', snapshot: this.snapshot(row) }
      this.edit(id, fields, reference === undefined ? {} : { reference })
      this.world.script.wrote({ side: 'crm', at: 'crm', type: 'update', kind: row.kind, item: this.row(id).item })
      return { type: 'done', snapshot: this.snapshot(this.row(id)) }
    })
  }

  async remove(requests: readonly RemoveRequest[]): Promise<readonly RemoveOutcome[]> {
    return requests.map(({ id, expect }) => {
      const row = this.rows.get(id)
      if (row === undefined || row.deleted) return { type: 'gone' }
      if (this.snapshot(row).changeKey !== expect) return { type: 'stale' }
      this.edit(id, {}, { deleted: true })
      this.world.script.wrote({ side: 'crm', at: 'crm', type: 'remove', kind: row.kind, item: row.item })
      return { type: 'removed' }
    })
  }

  async findCreated({ kind, token, uid }: CreateQuery): Promise<Snapshot | null> {
    const wanted = kind === 'event' ? [uid, token] : [token]
    for (const one of wanted) {
      const row = this.live().find((candidate) => candidate.kind === kind && one !== null && candidate.uid === one)
      if (row !== undefined) return this.snapshot(row)
    }
    return null
  }

  async locate(kind: ItemKind, token: Token, uid: string | null): Promise<Located> {
    const snapshot = await this.findCreated({ kind, token: uid === null ? token : makeToken(uid), uid, item: itemOf(kind, {}), since: this.world.clock.now() })
    return snapshot === null ? { where: 'nowhere' } : { where: 'synced', snapshot }
  }

  private full(item: Item): Item {
    return itemOf(item.kind, { ...DEFAULTS[item.kind], ...fieldsOf(this.hold(item)) })
  }

  snapshot(row: CrmRow): Snapshot {
    const { id, item, modifiedAt, bornAt, uid, assignee, reference, unsupported, traits, kind } = row
    const key = changeKey(`${modifiedAt}#${contentKey({ item, uid, assignee })}`)
    return {
      id, changeKey: key, item, modifiedAt, bornAt, assignee, ...(kind === 'event' && uid !== '' ? { uid } : {}),
      ...(reference === '' ? {} : { reference }), ...(traits === undefined ? {} : { traits }), ...(unsupported === undefined ? {} : { unsupported }),
    }
  }
}

function withoutZone(value: FieldValue): FieldValue {
  if (typeof value !== 'object' || value === null || !('allDay' in value) || value.allDay) return value
  return { allDay: false, start: value.start, end: value.end }
}
