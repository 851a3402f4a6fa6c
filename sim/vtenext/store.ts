import type { Module, Schema, Table } from './modules.ts'
import type { StoredInvitee } from './types.ts'

export interface StoredRecord {
  readonly id: number
  readonly table: Table
  /** Values by slot: dates `yyyy-mm-dd`, times `HH:MM`, both in the server's zone. */
  values: string[]
  /** Number of a user or a group; may name nobody. */
  owner: number
  readonly creator: number
  /** `yyyy-mm-dd hh:mm:ss`, server zone. */
  readonly created: string
  modified: string
  deleted: boolean
  invitees: StoredInvitee[]
  /** Address of an organizer outside the CRM, else empty. */
  organizerMail: string
  /** Number of the user who organizes; 0 where that is a contact, somebody outside, or lost. */
  organizerUser: number
  /** Number of the last entry in the change log. */
  seq: number
}

interface LogEntry {
  readonly modified: string
  readonly record: StoredRecord
  readonly seq: number
}

/** Fields that are looked up by equality often enough to deserve an index. */
const isIndexed = (name: string): boolean => name === 'ical_uuid' || name === 'email' || name.startsWith('cf_')

class TableStore {
  /** In the order of the ids. */
  readonly records = new Map<number, StoredRecord>()
  readonly #byValue = new Map<string, Set<StoredRecord>>()
  #log: LogEntry[] = []
  #sorted = true

  lookup(key: string): ReadonlySet<StoredRecord> {
    return this.#byValue.get(key) ?? new Set()
  }

  index(key: string, record: StoredRecord): void {
    const known = this.#byValue.get(key)
    if (known) known.add(record)
    else this.#byValue.set(key, new Set([record]))
  }

  unindex(key: string, record: StoredRecord): void {
    const known = this.#byValue.get(key)
    known?.delete(record)
    if (known?.size === 0) this.#byValue.delete(key)
  }

  /** The log keeps superseded entries until they outnumber the records, so that a change costs O(1). */
  append(record: StoredRecord): void {
    const last = this.#log.at(-1)
    // Wall clock time runs backwards once a year.
    if (last && last.modified > record.modified) this.#sorted = false
    this.#log.push({ modified: record.modified, record, seq: record.seq })
    if (this.#log.length > 2 * this.records.size + 1000) this.#log = this.#log.filter((entry) => this.#isLive(entry))
  }

  #isLive(entry: LogEntry): boolean {
    return entry.seq === entry.record.seq && this.records.get(entry.record.id) === entry.record
  }

  /** Records in the order of modifiedtime, from `from` on. */
  *since(from: string): Generator<StoredRecord> {
    if (!this.#sorted) {
      this.#log.sort((a, b) => (a.modified < b.modified ? -1 : a.modified > b.modified ? 1 : a.seq - b.seq))
      this.#sorted = true
    }
    const log = this.#log
    let low = 0
    let high = log.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((log[middle] as LogEntry).modified < from) low = middle + 1
      else high = middle
    }
    for (let position = low; position < log.length; position += 1) {
      const entry = log[position] as LogEntry
      if (this.#isLive(entry)) yield entry.record
    }
  }

  clear(): void {
    this.records.clear()
    this.#byValue.clear()
    this.#log = []
    this.#sorted = true
  }
}

/** Records by id, by modifiedtime and by the fields clients search for. */
export class RecordStore {
  readonly #schema: Schema
  readonly #tables: Map<string, TableStore>
  readonly #tableOf = new Map<number, TableStore>()
  #nextId = 22
  #seq = 0
  /** Rises whenever a contact's address may have changed. */
  contactsVersion = 0

  constructor(schema: Schema) {
    this.#schema = schema
    this.#tables = new Map([...schema.modules.values()].map((module) => [module.table.name, new TableStore()]))
  }

  takeId(): number {
    return this.#nextId++
  }

  get(id: number): StoredRecord | undefined {
    return this.#tableOf.get(id)?.records.get(id)
  }

  /** The module a record shows up in: an activity is a task when its type says so, otherwise an event. */
  moduleOf(record: StoredRecord): Module {
    const { table } = record
    if (table.name === 'activity') {
      const isTask = record.values[table.slots.get('activitytype') ?? -1] === 'Task'
      return this.#schema.modules.get(isTask ? 'Calendar' : 'Events') as Module
    }
    return this.#schema.modules.get(table.name === 'contacts' ? 'Contacts' : 'Accounts') as Module
  }

  wsId(record: StoredRecord): string {
    return `${this.moduleOf(record).prefix}x${record.id}`
  }

  add(record: StoredRecord): void {
    const table = this.#tables.get(record.table.name) as TableStore
    this.#tableOf.set(record.id, table)
    table.records.set(record.id, record)
    for (const key of this.#keys(record, record.values, record.owner)) table.index(key, record)
    this.#log(table, record)
  }

  /** Replaces the values and the owner and notes the change at `record.modified`. */
  change(record: StoredRecord, values: string[], owner: number): void {
    const table = this.#tableOf.get(record.id) as TableStore
    const old = new Set(this.#keys(record, record.values, record.owner))
    const fresh = new Set(this.#keys(record, values, owner))
    for (const key of old) if (!fresh.has(key)) table.unindex(key, record)
    for (const key of fresh) if (!old.has(key)) table.index(key, record)
    record.values = values
    record.owner = owner
    this.#log(table, record)
  }

  #log(table: TableStore, record: StoredRecord): void {
    if (record.table.name === 'contacts') this.contactsVersion += 1
    record.seq = ++this.#seq
    table.append(record)
  }

  purge(record: StoredRecord): void {
    const table = this.#tableOf.get(record.id)
    if (!table) return
    for (const key of this.#keys(record, record.values, record.owner)) table.unindex(key, record)
    table.records.delete(record.id)
    this.#tableOf.delete(record.id)
    this.contactsVersion += 1
  }

  *#keys(record: StoredRecord, values: string[], owner: number): Generator<string> {
    yield `owner=${owner}`
    for (const [name, slot] of record.table.slots) {
      const value = isIndexed(name) ? values[slot] : undefined
      if (value) yield `${name}=${value.toLowerCase()}`
    }
  }

  /** Records with that value (case does not matter), or null where the field has no index. */
  withValue(table: Table, name: string, value: string): Iterable<StoredRecord> | null {
    if (!isIndexed(name) || value === '') return null
    return (this.#tables.get(table.name) as TableStore).lookup(`${name}=${value.toLowerCase()}`)
  }

  ownedBy(table: Table, owner: number): Iterable<StoredRecord> {
    return (this.#tables.get(table.name) as TableStore).lookup(`owner=${owner}`)
  }

  /** All records of a table in the order of their ids, those in the bin included. */
  all(table: Table): Iterable<StoredRecord> {
    return (this.#tables.get(table.name) as TableStore).records.values()
  }

  since(table: Table, from: string): Iterable<StoredRecord> {
    return (this.#tables.get(table.name) as TableStore).since(from)
  }

  clear(): void {
    for (const table of this.#tables.values()) table.clear()
    this.#tableOf.clear()
    this.contactsVersion += 1
  }

  /** As `clear`, and ids start again. */
  restart(): void {
    this.clear()
    this.#nextId = 22
  }
}
