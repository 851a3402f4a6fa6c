import { mayRetrieve } from './access.ts'
import type { Caller, Crm } from './context.ts'
import { denied, internalError, WebServiceError } from './errors.ts'
import { describeInvitees } from './invitees.ts'
import type { Module } from './modules.ts'
import { renderFields } from './render.ts'
import type { StoredRecord } from './store.ts'
import { instantOf, stampText, wallOf } from './zones.ts'

export interface ChangesRequest {
  module?: string | undefined
  dateFrom?: string | undefined
  dateTo?: string | undefined
  dateField?: string | undefined
  maxEntries?: string | undefined
  showDeleted?: string | undefined
  delegatedUser?: string | undefined
}

/** What one call looks at: an order of the records and a filter. */
interface Feed {
  readonly key: (record: StoredRecord) => string
  readonly records: Iterable<StoredRecord>
}

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)$/

/** ISO 8601 with an offset and without fractions, as a stamp in the server's zone. Throws INVALID_DATE. */
function stampOf(crm: Crm, text: string | undefined): string {
  if (text === undefined) return ''
  const instant = ISO_DATE.test(text) ? Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) : Number.NaN
  if (Number.isNaN(instant)) throw new WebServiceError('INVALID_DATE', 'Date is not in a valid format')
  return stampText(crm.serverZone, instant)
}

function feedUser(crm: Crm, caller: Caller, delegated: string | undefined): Caller {
  if (delegated === undefined) return caller
  if (!caller.user.admin) {
    throw new WebServiceError('ACCESS_DENIED', "Only admin users can access other users's data")
  }
  const user = crm.people.find(delegated)
  if (!user) throw new WebServiceError('INVALID_USER', 'Specified user is invalid')
  return { user, number: Number(user.id.slice(3)) }
}

/** `vtesync.get_changes`: inclusive seconds, a page plus everything else of its last second, ordered by id. */
export function getChanges(crm: Crm, caller: Caller, request: ChangesRequest): object {
  const viewer = feedUser(crm, caller, request.delegatedUser)
  const from = stampOf(crm, request.dateFrom)
  const to = stampOf(crm, request.dateTo)
  // Without dateFrom the server never learns its own zone and dies on dateTo.
  if (to !== '' && from === '') throw internalError()
  const maximum = Number.parseInt(request.maxEntries ?? '100', 10) || 0
  const zones = { local_timezone: from === '' ? null : crm.serverZone, user_timezone: viewer.user.zone }
  const nothing = { created: [], updated: [], deleted: [], more: false, ...zones, last_update: nowSeconds(crm) }
  if (request.module === 'Users') return nothing
  const module = crm.schema.modules.get(request.module ?? '')
  if (!module) throw denied()
  if (maximum <= 0) return nothing
  const showDeleted = request.showDeleted === undefined || /^(?:1|true)$/i.test(request.showDeleted)
  const isFiltered = !viewer.user.admin || request.delegatedUser !== undefined
  const isWanted = (record: StoredRecord): boolean =>
    (showDeleted || !record.deleted) &&
    (record.table.name !== 'activity' || crm.store.moduleOf(record) === module) &&
    (!isFiltered || record.owner === viewer.number)
  const feed = request.dateField === 'time_start' ? byStart(crm, module, from) : byChange(crm, module, from)
  const { records, more } = pageOf(feed, isWanted, to, maximum)
  const last = records.reduce((latest, record) => (record.modified > latest ? record.modified : latest), '')
  return {
    ...lists(crm, module, viewer, records, from),
    more,
    ...zones,
    // An empty page before later changes has no last time: PHP makes `false` of it.
    last_update: !more ? nowSeconds(crm) : last !== '' && secondsOf(crm, last),
  }
}

const nowSeconds = (crm: Crm): number => Math.floor(crm.clock.now() / 1000)
const secondsOf = (crm: Crm, stamp: string): number =>
  instantOf(crm.serverZone, wallOf(stamp.slice(0, 10), stamp.slice(11))) / 1000

const byChange = (crm: Crm, module: Module, from: string): Feed => ({
  key: (record) => record.modified,
  records: crm.store.since(module.table, from),
})

/** Records by start; those without a readable date are never found. */
function byStart(crm: Crm, module: Module, from: string): Feed {
  const { slots } = module.table
  const [date = -1, time = -1] = [slots.get('date_start'), slots.get('time_start')]
  const key = (record: StoredRecord): string => `${record.values[date]} ${record.values[time] || '00:00'}:00`
  const records: { start: string; record: StoredRecord }[] = []
  for (const record of crm.store.all(module.table)) {
    const start = key(record)
    if (start >= from && !start.startsWith('0000')) records.push({ start, record })
  }
  records.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  return { key, records: records.map(({ record }) => record) }
}

/**
 * The first `maximum` records up to `to`, and all others that share the last one's second. `more` does not look at
 * `to`: it says whether anything at all comes later.
 */
function pageOf(
  feed: Feed,
  isWanted: (record: StoredRecord) => boolean,
  to: string,
  maximum: number,
): { records: StoredRecord[]; more: boolean } {
  const records: StoredRecord[] = []
  let last = ''
  for (const record of feed.records) {
    if (!isWanted(record)) continue
    const key = feed.key(record)
    const isFull = records.length >= maximum || (to !== '' && key > to)
    if (isFull && key !== last) return { records, more: true }
    records.push(record)
    last = key
  }
  return { records, more: false }
}

function lists(crm: Crm, module: Module, viewer: Caller, records: StoredRecord[], from: string): object {
  const created: object[] = []
  const updated: object[] = []
  const deleted: object[] = []
  // Only events are converted for the reader; tasks stay in the server's zone.
  const eventZone = module.name === 'Events' ? viewer.user.zone : crm.serverZone
  const how = { eventZone, stampZone: crm.serverZone, dateFormat: 'yyyy-mm-dd' as const }
  for (const record of records.toSorted((a, b) => a.id - b.id)) {
    if (record.deleted) {
      deleted.push({ id: crm.store.wsId(record), modifiedtime: record.modified, createdtime: record.created })
      continue
    }
    // A record whose owner does not exist is left out without a notice.
    if (crm.people.ownerId(record.owner) === null || !mayRetrieve(crm, record, viewer)) continue
    const view: Record<string, unknown> = renderFields(crm, record, module, module.fields, how)
    if (module.name === 'Events') view.invitees = describeInvitees(crm, record)
    const isNew = record.created >= from && record.modified === record.created
    if (isNew) created.push(view)
    else updated.push(view)
  }
  return { created, updated, deleted }
}
