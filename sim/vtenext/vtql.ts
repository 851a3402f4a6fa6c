import { isListed } from './access.ts'
import type { Caller, Crm } from './context.ts'
import { denied, internalError, PhpFatal, WebServiceError } from './errors.ts'
import type { Field, Module } from './modules.ts'
import { renderFields } from './render.ts'
import type { StoredRecord } from './store.ts'
import { queryUsers } from './users.ts'
import { type Condition, parseQuery, type Query } from './vtql-parse.ts'

const CRASHING = new Set(['Groups', 'Currency', 'DocumentFolders'])

/** `query`: VTQL over one module; dates and times are the server's, only the date format is the caller's. */
export function runQuery(crm: Crm, caller: Caller, text: string): object[] {
  const query = parseQuery(text)
  // VtenextCRMActorMeta lacks a method these modules need: the server dies.
  if (CRASHING.has(query.module)) throw new PhpFatal()
  if (query.module === 'Users') return queryUsers(crm, caller, query)
  const module = crm.schema.modules.get(query.module)
  if (!module) throw denied(' for name')
  const fields = selectedFields(module.fields, module.byName, query)
  const matches = query.where.map((conditions) => conditions.map((condition) => predicate(module, condition)))
  const isMatch = (record: StoredRecord): boolean =>
    !record.deleted &&
    (record.table.name !== 'activity' || crm.store.moduleOf(record) === module) &&
    isListed(crm, record, caller) &&
    (matches.length === 0 || matches.some((all) => all.every((test) => test(record))))
  if (query.columns === 'count(*)') return [{ count: String(countOf(candidates(crm, module, query), isMatch)) }]
  const how = { eventZone: crm.serverZone, stampZone: crm.serverZone, dateFormat: caller.user.dateFormat }
  return page(crm, module, query, isMatch).map((record) => renderFields(crm, record, module, fields, how))
}

const attributeDenied = (name: string): WebServiceError =>
  new WebServiceError('ACCESS_DENIED', `Permission to access ${name} attribute denied.`)

/** Checks the columns of `query`, where and order by included, and gives those to show. */
export function selectedFields(all: Field[], byName: ReadonlyMap<string, Field>, query: Query): Field[] {
  for (const { column } of [...query.where.flat(), ...query.order])
    if (!byName.has(column)) throw attributeDenied(column)
  if (query.columns === '*' || query.columns === 'count(*)') return all
  return query.columns.map((name) => {
    const field = byName.get(name)
    if (!field) throw attributeDenied(`'.${name}.'`)
    return field
  })
}

function countOf(records: Iterable<StoredRecord>, isMatch: (record: StoredRecord) => boolean): number {
  let count = 0
  for (const record of records) if (isMatch(record)) count += 1
  return count
}

/** The records worth looking at: through an index where all conditions must hold and one of them has an index. */
function candidates(crm: Crm, module: Module, query: Query): Iterable<StoredRecord> {
  const conditions = query.where.length === 1 ? (query.where[0] ?? []) : []
  for (const { column, operator, values } of conditions) {
    if (operator !== '=' && operator !== 'in') continue
    if (column === 'id') return uniqueById(values.flatMap((value) => crm.store.get(Number(value.split('x')[1])) ?? []))
    if (column === 'assigned_user_id') {
      return uniqueById(values.flatMap((value) => [...crm.store.ownedBy(module.table, Number(value.split('x')[1]))]))
    }
    const found = values.map((value) => crm.store.withValue(module.table, column, value))
    if (found.every((records) => records !== null)) return uniqueById(found.flatMap((records) => [...(records ?? [])]))
  }
  const from = lowerBound(conditions)
  return from === null ? crm.store.all(module.table) : crm.store.since(module.table, from)
}

const uniqueById = (records: StoredRecord[]): StoredRecord[] => [...new Set(records)].sort((a, b) => a.id - b.id)

function lowerBound(conditions: readonly Condition[]): string | null {
  const bound = conditions.find(({ column, operator }) => column === 'modifiedtime' && /^>=?$/.test(operator))
  return bound?.values[0] ?? null
}

/** Sorted and cut. A walk in the order asked for stops as soon as the page is full. */
function page(crm: Crm, module: Module, query: Query, isMatch: (record: StoredRecord) => boolean): StoredRecord[] {
  const { order, offset, limit } = query
  const end = offset + limit
  const from = query.where.length === 1 ? lowerBound(query.where[0] ?? []) : null
  const isByChange = isAscending(query, ['modifiedtime', 'id']) || isAscending(query, ['modifiedtime'])
  const isWalk = isByChange && from !== null
  const found: StoredRecord[] = []
  let last = ''
  for (const record of isWalk ? crm.store.since(module.table, from) : candidates(crm, module, query)) {
    // Within one second the log is not in the order of the ids, so the second is read to its end.
    if (isWalk && found.length >= end && record.modified !== last) break
    if (!isMatch(record)) continue
    found.push(record)
    last = record.modified
  }
  found.sort(order.length > 0 ? comparison(module, order) : (a, b) => a.id - b.id)
  return found.slice(offset, end)
}

const isAscending = (query: Query, columns: string[]): boolean =>
  query.order.length === columns.length &&
  columns.every((column, index) => query.order[index]?.column === column && !query.order[index]?.descending)

type Comparable = string | number

/** How a field compares in SQL: ids and references by number, integers as numbers, texts without regard to case. */
function comparable(field: Field): (record: StoredRecord) => Comparable {
  const { slot, type } = field
  switch (field.name) {
    case 'id':
      return (record) => record.id
    case 'assigned_user_id':
      return (record) => record.owner
    case 'creator':
      return (record) => record.creator
    case 'createdtime':
      return (record) => record.created
    case 'modifiedtime':
      return (record) => record.modified
    case 'organizer':
      return (record) => record.organizerMail.toLowerCase()
  }
  if (type === 'reference') return (record) => Number(record.values[slot]?.split('x')[1] ?? 0) || 0
  if (type === 'integer' || type === 'boolean') return (record) => Number(record.values[slot] ?? 0)
  return (record) => (record.values[slot] ?? '').toLowerCase()
}

/** The literal of a condition in the form `comparable` gives. */
function operand(field: Field, text: string): Comparable {
  const isId = field.name === 'id' || field.type === 'owner' || field.type === 'reference'
  if (isId) {
    const number = Number(text.split('x')[1])
    return Number.isNaN(number) ? -1 : number
  }
  return field.type === 'integer' || field.type === 'boolean' ? Number(text) : text.toLowerCase()
}

function predicate(module: Module, { column, operator, values }: Condition): (record: StoredRecord) => boolean {
  const field = module.byName.get(column) as Field
  if (field.type === 'text' && operator === '=' && values[0] === '') throw internalError()
  const read = comparable(field)
  if (operator === 'in') {
    const wanted = new Set(values.map((value) => operand(field, value)))
    return (record) => wanted.has(read(record))
  }
  if (operator === 'like') {
    const pattern = likePattern(values[0] ?? '')
    return (record) => pattern.test(String(read(record)))
  }
  const wanted = operand(field, values[0] ?? '')
  switch (operator) {
    case '=':
      return (record) => read(record) === wanted
    case '!=':
      return (record) => read(record) !== wanted
    case '<':
      return (record) => read(record) < wanted
    case '>':
      return (record) => read(record) > wanted
    case '<=':
      return (record) => read(record) <= wanted
    case '>=':
      return (record) => read(record) >= wanted
  }
}

function likePattern(text: string): RegExp {
  const escaped = text.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('%', '.*').replaceAll('_', '.')}$`, 's')
}

function comparison(module: Module, order: Query['order']): (a: StoredRecord, b: StoredRecord) => number {
  const keys = order.map(({ column, descending }) => ({
    read: comparable(module.byName.get(column) as Field),
    sign: descending ? -1 : 1,
  }))
  return (a, b) => {
    for (const { read, sign } of keys) {
      const [left, right] = [read(a), read(b)]
      if (left !== right) return left < right ? -sign : sign
    }
    return a.id - b.id
  }
}
