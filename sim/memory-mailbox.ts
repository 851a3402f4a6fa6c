import { changeKey, fieldsOf, itemId, itemOf, syncState, withFields } from '../src/model/index.ts'
import type { EventFields, EventTime, FieldName, Fields, FieldValue, Item, ItemId, ItemKind, OccurrenceRef, OccurrenceStart, Series, Snapshot, Stamp, SyncState, Token } from '../src/model/index.ts'
import type {
  Change, ChangePage, CreateQuery, CreateRequest, Exchange, Found, KnownKeys, Located, RemoveOutcome, RemoveRequest, UpdateRequest, WriteOutcome,
} from '../src/ports.ts'
import { SyncError } from '../src/lib/errors.ts'
import { occurrenceAt, occurrenceByIndex } from '../src/recurrence/index.ts'
import { told, wholeMinute } from './memory-replica.ts'
import type { Row, World } from './memory-replica.ts'

export interface MailboxRow extends Row {
  readonly folder: 'synced' | 'deleted' | 'elsewhere'
  readonly stamp: Stamp | null
  /** Set on the master of a series. */
  readonly series?: Series
}

const DEFAULTS: Readonly<Record<ItemKind, Fields>> = {
  event: { body: '', place: '', freeBusy: 'busy', sensitivity: 'normal', importance: 'normal', categories: [], reminder: null, attendees: [] },
  task: { body: '', startDate: null, dueDate: null, status: 'notStarted', importance: 'normal', sensitivity: 'normal', categories: [] },
  contact: {},
}

/** A mailbox in memory: ids change with the folder, every change has a change key, a stale one writes nothing. */
export class MemoryMailbox implements Exchange {
  readonly side = 'exchange'
  readonly rows = new Map<ItemId, MailboxRow>()
  /** Ids that left the synced folder, by place in the feed. */
  protected readonly gone = new Map<ItemId, { seq: number; kind: ItemKind }>()
  protected readonly world: World
  private readonly name: string
  private epoch = 0
  pageSize = 3

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
  }

  // ------------------------------------------------------------------------------------------ what users do

  put(item: Item, more: Partial<MailboxRow> = {}): MailboxRow {
    const id = itemId(`${this.name}-${this.world.next()}`)
    const row: MailboxRow = {
      id, kind: item.kind, item: this.full(item), version: 1, seq: this.world.next(), modifiedAt: this.world.clock.now(),
      bornAt: `${this.world.next()}`.padStart(9, '0'), uid: `uid-${id}`, token: null, folder: 'synced', stamp: null, ...more,
    }
    this.rows.set(id, row)
    return row
  }

  edit(id: ItemId, fields: Fields, more: Partial<MailboxRow> = {}): void {
    const row = this.row(id)
    const item = withFields(row.item, fieldsOf(this.hold(itemOf(row.kind, fields))))
    this.rows.set(id, { ...row, ...more, item, version: this.world.next(), seq: this.world.next(), modifiedAt: this.world.clock.now() })
  }

  /** A move gives the item a new id; UID and stamp travel along. */
  move(id: ItemId, folder: MailboxRow['folder']): ItemId {
    const row = this.row(id)
    this.erase(id)
    return this.put(row.item, {
      uid: row.uid, stamp: row.stamp, bornAt: row.bornAt, folder,
      ...(row.traits === undefined ? {} : { traits: row.traits }), ...(row.series === undefined ? {} : { series: row.series }),
    }).id
  }

  erase(id: ItemId): void {
    const row = this.row(id)
    this.rows.delete(id)
    if (row.folder === 'synced') this.gone.set(id, { seq: this.world.next(), kind: row.kind })
  }

  copy(id: ItemId, fields: Fields): ItemId {
    const row = this.row(id)
    return this.put(withFields(row.item, fields), { stamp: row.stamp }).id
  }

  /** Changes one occurrence of a series: an exception. */
  editOccurrence(id: ItemId, start: OccurrenceStart, fields: Partial<EventFields>): void {
    const row = this.row(id)
    const series = seriesOf(row)
    const before = series.exceptions.find((one) => one.start === start)
    const occurrence = occurrenceAt(series, start)
    if (occurrence === null || series.deleted.includes(start)) throw new Error(`no occurrence ${start} of ${id}`)
    const held = fieldsOf(this.hold(itemOf('event', fields as Fields)))
    const content = { ...(before?.fields ?? { ...fieldsOf(row.item), time: occurrence.time }), ...held } as Partial<EventFields>
    const exceptions = [...series.exceptions.filter((one) => one !== before), { start, fields: content, modifiedAt: this.world.clock.now() }]
    this.edit(id, {}, { series: { ...series, exceptions } })
  }

  deleteOccurrence(id: ItemId, start: OccurrenceStart): void {
    const series = seriesOf(this.row(id))
    const exceptions = series.exceptions.filter((one) => one.start !== start)
    this.edit(id, {}, { series: { ...series, exceptions, deleted: [...series.deleted, start] } })
  }

  /** The server forgets its sync states; with new ids it is a restored or moved mailbox. */
  reset(newIds: boolean): void {
    this.epoch++
    this.gone.clear()
    if (!newIds) return
    for (const row of [...this.rows.values()]) {
      this.rows.delete(row.id)
      const id = itemId(`${this.name}-${this.world.next()}`)
      this.rows.set(id, { ...row, id, version: this.world.next(), seq: this.world.next() })
    }
  }

  synced(): MailboxRow[] {
    return [...this.rows.values()].filter((row) => row.folder === 'synced')
  }

  row(id: ItemId): MailboxRow {
    const row = this.rows.get(id)
    if (row === undefined) throw new Error(`no item ${id}`)
    return row
  }

  // ---------------------------------------------------------------------------------------------- the port

  async open(): Promise<void> {}

  hold(item: Item): Item {
    const held: Partial<Record<FieldName, FieldValue>> = {}
    for (const [name, value] of Object.entries(fieldsOf(item)) as [FieldName, FieldValue | undefined][]) {
      if (value !== undefined) held[name] = holdValue(name, value, 255)
    }
    return itemOf(item.kind, held)
  }

  async pull(kind: ItemKind, since: SyncState | null, known: KnownKeys): Promise<ChangePage> {
    const [epoch, from] = since === null ? [this.epoch, 0] : (since.split(':').map(Number) as [number, number])
    if (epoch !== this.epoch) return { type: 'resync-required' }
    const seen = this.synced().filter((row) => row.kind === kind && row.seq > from).map(({ id, seq }) => ({ id, seq }))
    const gone = since === null ? [] : [...this.gone].filter(([, one]) => one.kind === kind && one.seq > from).map(([id, { seq }]) => ({ id, seq }))
    const all = [...seen, ...gone].sort((a, b) => a.seq - b.seq)
    const page = all.slice(0, this.pageSize)
    const keys = await known(page.map(({ id }) => id))
    const changes = page.flatMap(({ id }): Change[] => {
      const row = this.rows.get(id)
      if (row?.folder !== 'synced') return [{ type: 'gone', id }]
      return keys.get(id) === this.snapshot(row).changeKey ? [] : [{ type: 'seen', snapshot: this.snapshot(row) }]
    })
    const next = syncState(`${epoch}:${page.at(-1)?.seq ?? from}`)
    return { type: 'page', changes, next, more: all.length > page.length }
  }

  async get(_kind: ItemKind, ids: readonly ItemId[]): Promise<readonly Found[]> {
    return ids.map((id) => {
      const row = this.rows.get(id)
      // Wherever it lies: an id is an id until the item moves, and a move ends it.
      return row === undefined ? { type: 'gone' } : { type: 'seen', snapshot: this.snapshot(row) }
    })
  }

  async create(requests: readonly CreateRequest[]): Promise<readonly WriteOutcome[]> {
    return requests.map(({ item, stamp, uid, series, mailing }) => {
      const row = this.put(this.hold(item), { stamp: stamp ?? null, ...(uid === undefined ? {} : { uid }), ...(series === undefined ? {} : { series }) })
      this.world.script.wrote({ side: 'exchange', at: this.name, type: 'create', kind: item.kind, item: row.item, ...told(mailing === undefined ? {} : { mailing }) })
      return { type: 'done', snapshot: this.snapshot(row) }
    })
  }

  async update(requests: readonly UpdateRequest[]): Promise<readonly WriteOutcome[]> {
    return requests.map((request) => {
      const { id, fields, expect, stamp, occurrence } = request
      const row = this.rows.get(id)
      if (row === undefined) return { type: 'gone' }
      if (this.snapshot(row).changeKey !== expect) return { type: 'stale' }
      if (occurrence !== undefined) {
        if (!hasOccurrence(row, occurrence)) return { type: 'gone' }
        if (passesNeighbour(row, occurrence, (fields as Partial<EventFields>).time)) {
          return { type: 'failed', error: new SyncError('EWS_NOT_IN_SERIES', 'The occurrence would pass its neighbour.', { scope: 'item', remedy: 'apart' }) }
        }
        this.editOccurrence(id, occurrence.start, fields as Partial<EventFields>)
        this.world.script.wrote({ side: 'exchange', at: this.name, type: 'update', kind: row.kind, item: this.row(id).item, ...told(request), ...traitsOf(row) })
        return { type: 'done', snapshot: this.snapshot(this.row(id)) }
      }
      this.edit(id, fields, stamp === undefined ? {} : { stamp })
      const now = this.row(id)
      this.world.script.wrote({ side: 'exchange', at: this.name, type: 'update', kind: row.kind, item: now.item, ...told(request), ...traitsOf(row) })
      const isTold = Object.keys(fields).length > 0
      return { type: 'done', snapshot: isTold ? this.snapshot(now) : { ...this.snapshot(now), item: itemOf(row.kind, {}) } }
    })
  }

  async remove(requests: readonly RemoveRequest[]): Promise<readonly RemoveOutcome[]> {
    return requests.map((request) => {
      const { id, expect, occurrence } = request
      const row = this.rows.get(id)
      if (row === undefined) return { type: 'gone' }
      if (this.snapshot(row).changeKey !== expect) return { type: 'stale' }
      if (occurrence !== undefined) {
        if (!hasOccurrence(row, occurrence)) return { type: 'gone' }
        this.deleteOccurrence(id, occurrence.start)
        this.world.script.wrote({ side: 'exchange', at: this.name, type: 'remove', kind: row.kind, item: row.item, ...told(request), ...traitsOf(row) })
        return { type: 'removed' }
      }
      this.move(id, 'deleted')
      this.world.script.wrote({ side: 'exchange', at: this.name, type: 'remove', kind: row.kind, item: row.item, ...told(request), ...traitsOf(row) })
      return { type: 'removed' }
    })
  }

  async findCreated({ token }: CreateQuery): Promise<Snapshot | null> {
    const [row] = this.stamped(token).toSorted((a, b) => Number(a.folder === 'deleted') - Number(b.folder === 'deleted'))
    return row === undefined ? null : this.snapshot(row)
  }

  async locate(kind: ItemKind, token: Token, uid: string | null): Promise<Located> {
    const byUid = [...this.rows.values()].filter((row) => kind === 'event' && uid !== null && row.uid === uid && (row.stamp?.token ?? token) === token)
    const [row] = [this.stamped(token), byUid].find((found) => found.length > 0) ?? []
    if (row === undefined) return { where: 'nowhere' }
    if (row.folder === 'deleted') return { where: 'deleted-items' }
    return row.folder === 'synced' ? { where: 'synced', snapshot: this.snapshot(row) } : { where: 'elsewhere' }
  }

  /** Oldest first: a copy and paste is younger than its original. */
  private stamped(token: Token): MailboxRow[] {
    return [...this.rows.values()].filter((row) => row.stamp?.token === token).sort((a, b) => (a.bornAt < b.bornAt ? -1 : 1))
  }

  private full(item: Item): Item {
    return itemOf(item.kind, { ...DEFAULTS[item.kind], ...fieldsOf(this.hold(item)) })
  }

  snapshot(row: MailboxRow): Snapshot {
    const { id, item, modifiedAt, uid, stamp, series, traits, unsupported } = row
    return {
      id, item, modifiedAt, changeKey: changeKey(`x${row.version}`), ...(row.kind === 'event' ? { uid } : {}),
      ...(stamp === null ? {} : { stamp }), ...(series === undefined ? {} : { series }), ...(traits === undefined ? {} : { traits }), ...(unsupported === undefined ? {} : { unsupported }),
    }
  }
}

function seriesOf(row: MailboxRow): Series {
  if (row.series === undefined) throw new Error(`${row.id} is no series`)
  return row.series
}

const traitsOf = ({ traits }: MailboxRow) => (traits === undefined ? {} : { traits })

const hasOccurrence = ({ series }: MailboxRow, { start }: OccurrenceRef) =>
  series !== undefined && !series.deleted.includes(start) && occurrenceAt(series, start) !== null

/** Occurrences stay in their order, exceptions and all. */
function passesNeighbour({ series }: MailboxRow, { index }: OccurrenceRef, time: EventTime | undefined): boolean {
  if (series === undefined || time === undefined || time.allDay) return false
  return [-1, 1].some((step) => {
    for (let at = index + step; ; at += step) {
      const other = occurrenceByIndex(series, at)
      if (other === null) return false
      if (series.deleted.includes(other.start)) continue
      const actual = series.exceptions.find(({ start }) => start === other.start)?.fields.time ?? other.time
      return !actual.allDay && (step < 0 ? actual.start >= time.start : actual.start <= time.start)
    }
  })
}

/** One-line texts are cut, times are whole minutes. */
export function holdValue(name: FieldName, value: FieldValue, line: number): FieldValue {
  if (typeof value === 'string') return name === 'body' ? value.trimEnd() : value.slice(0, line).trimEnd()
  if (typeof value !== 'object' || value === null || !('allDay' in value) || value.allDay) return value
  return { ...value, start: wholeMinute(value.start), end: wholeMinute(value.end) }
}

