import type { Crm } from './context.ts'
import { brokenOwner } from './errors.ts'
import { constantValue, EMPTY_PREFIXES, type Field, type Module } from './modules.ts'
import type { StoredRecord } from './store.ts'
import type { RecordView } from './types.ts'
import { type DateFormat, shownDate } from './values.ts'
import { movePair, moveStamp } from './zones.ts'

/** How a reply shows a record: vtenext uses a different mix of zones and date formats in every operation. */
export interface Presentation {
  /** Zone of date_start/time_start and due_date/time_end. */
  readonly eventZone: string
  /** Zone of createdtime and modifiedtime. */
  readonly stampZone: string
  readonly dateFormat: DateFormat
}

interface Times {
  start: [date: string, time: string]
  end: [date: string, time: string]
}

const slotOf = (record: StoredRecord, name: string): number => record.table.slots.get(name) ?? -1
const valueOf = (record: StoredRecord, name: string): string => record.values[slotOf(record, name)] ?? ''

/** Start and end in `zone`; a due date without a time is not converted. */
export function activityTimes(crm: Crm, record: StoredRecord, zone: string): Times {
  const { serverZone } = crm
  return {
    start: movePair(valueOf(record, 'date_start'), valueOf(record, 'time_start'), serverZone, zone),
    end: movePair(valueOf(record, 'due_date'), valueOf(record, 'time_end'), serverZone, zone),
  }
}

/** A reference to a record that is gone reads back empty. */
function referenceText(crm: Crm, stored: string): string {
  if (stored === '') return ''
  const separator = stored.indexOf('x')
  if (EMPTY_PREFIXES.has(Number(stored.slice(0, separator)))) return ''
  const record = crm.store.get(Number(stored.slice(separator + 1)))
  return record && !record.deleted ? stored : ''
}

function ownerText(crm: Crm, record: StoredRecord): string {
  const id = crm.people.ownerId(record.owner)
  if (id === null) throw brokenOwner()
  return id
}

/** Renders the fields named, in that order. Throws INVALID_ID_ATTRIBUTE where the owner is shown and does not exist. */
export function renderFields(
  crm: Crm,
  record: StoredRecord,
  module: Module,
  fields: readonly Field[],
  how: Presentation,
): RecordView {
  const isMoved = record.table.name === 'activity' && how.eventZone !== crm.serverZone
  const times = isMoved ? activityTimes(crm, record, how.eventZone) : null
  const view: Record<string, string> = {}
  for (const field of fields) view[field.name] = renderField(crm, record, field, how, times)
  // vtenext adds the id where it was not asked for.
  view.id = `${module.prefix}x${record.id}`
  return view as RecordView
}

function renderField(crm: Crm, record: StoredRecord, field: Field, how: Presentation, times: Times | null): string {
  const { name, slot } = field
  if (slot >= 0) {
    const stored = record.values[slot] ?? ''
    if (field.type === 'date') {
      return shownDate(movedDate(name, stored, times), how.dateFormat)
    }
    if (field.type === 'reference') return referenceText(crm, stored)
    if (times !== null && name === 'time_start') return times.start[1]
    if (times !== null && name === 'time_end') return times.end[1]
    return stored
  }
  switch (name) {
    case 'id':
      return ''
    case 'assigned_user_id':
      return ownerText(crm, record)
    case 'creator':
      return crm.people.ownerId(record.creator) ?? ''
    case 'createdtime':
      return moveStamp(record.created, crm.serverZone, how.stampZone)
    case 'modifiedtime':
      return moveStamp(record.modified, crm.serverZone, how.stampZone)
    case 'organizer':
      return record.organizerMail
    default:
      return constantValue(field)
  }
}

function movedDate(name: string, stored: string, times: Times | null): string {
  if (times === null) return stored
  return name === 'date_start' ? times.start[0] : name === 'due_date' ? times.end[0] : stored
}

/** As retrieve and the replies of writes show it: everything in the caller's zone and date format. */
export function renderForCaller(
  crm: Crm,
  record: StoredRecord,
  module: Module,
  user: { zone: string; dateFormat: DateFormat },
): RecordView {
  const how = { eventZone: user.zone, stampZone: user.zone, dateFormat: user.dateFormat }
  return renderFields(crm, record, module, module.fields, how)
}
