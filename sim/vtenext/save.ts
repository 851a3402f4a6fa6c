import { randomUUID } from 'node:crypto'
import type { Caller, Crm } from './context.ts'
import { brokenOwner, WebServiceError } from './errors.ts'
import { mailNewContacts, matchInvitees } from './invitees.ts'
import { EMPTY_PREFIXES, type Field, GROUPS_PREFIX, maximumOf, type Module, USERS_PREFIX } from './modules.ts'
import { numberOf } from './people.ts'
import { activityTimes } from './render.ts'
import type { StoredRecord } from './store.ts'
import * as values from './values.ts'
import { movePair } from './zones.ts'

export type Element = Record<string, unknown>

/** `replace` empties what the element does not name (update); `overlay` leaves it alone (revise). */
type Mode = 'create' | 'replace' | 'overlay'

const TIMES: readonly string[] = ['date_start', 'time_start', 'due_date', 'time_end']
/** Set by the server, or written by their own rules below. */
const NOT_COPIED = new Set([...TIMES, 'reminder_time', 'duration_hours', 'duration_minutes', 'ical_uuid', 'recurr_idx'])

const textOf = (element: Element, name: string): string => values.scalarText(element[name])
const has = (element: Element, name: string): boolean => Object.hasOwn(element, name)
const missing = (name: string): WebServiceError =>
  new WebServiceError('MANDATORY_FIELDS_MISSING', `${name} does not have a value`)

function checkMandatory(module: Module, element: Element, mode: Mode): void {
  for (const field of module.fields) {
    if (!field.mandatory || (mode === 'overlay' && !has(element, field.name))) continue
    if (textOf(element, field.name) === '') throw missing(field.name)
  }
}

/** A reference must point to a module the field allows; whether the record exists is not looked at. */
function checkReferences(crm: Crm, module: Module, element: Element): void {
  for (const [name, value] of Object.entries(element)) {
    const field = module.byName.get(name)
    if (field?.type !== 'reference' || !field.editable) continue
    const text = values.scalarText(value)
    if (text === '') continue
    const prefix = Number(/^(\d+)x\d+$/.exec(text)?.[1])
    const target = crm.schema.byPrefix.get(prefix)?.name ?? EMPTY_PREFIXES.get(prefix) ?? ''
    if (!field.extra.split(',').includes(target)) {
      throw new WebServiceError('REFERENCE_INVALID', `Invalid reference specified for ${name}`)
    }
  }
}

/** Non-admins may name any user but only their own groups; admins may name even somebody who does not exist. */
function checkOwner(crm: Crm, caller: Caller, element: Element): void {
  const text = textOf(element, 'assigned_user_id')
  if (text === '') return
  const [, prefix, digits] = /^(\d+)x(\d+)$/.exec(text) ?? []
  const group = crm.people.groupByNumber(Number(digits))
  const isUser = Number(prefix) === USERS_PREFIX && (caller.user.admin || crm.people.userByNumber(Number(digits)))
  const isGroup =
    Number(prefix) === GROUPS_PREFIX && (caller.user.admin || group?.members.includes(caller.user.username))
  if (!isUser && !isGroup) throw new WebServiceError('ACCESS_DENIED', 'Cannot assign record to the given user')
}

/** The text stored for an ordinary field. */
function storedValue(field: Field, value: unknown, caller: Caller): string {
  const text = values.scalarText(value)
  switch (field.type) {
    case 'boolean':
      return values.storedBoolean(text)
    case 'integer':
      return values.storedInteger(text)
    case 'date':
      return values.storedDate(text, caller.user.dateFormat)
    case 'time':
      return values.storedTime(text)
    case 'reference':
      return text
    default:
      return values.storedText(text, maximumOf(field.name))
  }
}

function copyFields(module: Module, caller: Caller, element: Element, mode: Mode, target: string[]): void {
  if (mode !== 'replace') {
    for (const name in element) {
      const field = module.byName.get(name)
      if (field && field.slot >= 0 && field.editable && !NOT_COPIED.has(name)) {
        target[field.slot] = storedValue(field, element[name], caller)
      }
    }
    return
  }
  for (const field of module.fields) {
    if (field.slot < 0 || !field.editable || NOT_COPIED.has(field.name)) continue
    target[field.slot] = storedValue(field, element[field.name], caller)
  }
}

/** Start and end arrive in the caller's zone and are stored in the server's; the duration is computed, not believed. */
function copyTimes(
  crm: Crm,
  module: Module,
  caller: Caller,
  element: Element,
  mode: Mode,
  target: string[],
  record: StoredRecord | null,
): void {
  if (mode !== 'replace' && !TIMES.some((name) => has(element, name))) return
  const shown = record && mode === 'overlay' ? activityTimes(crm, record, caller.user.zone) : null
  const pair = (dateName: string, timeName: string, old: [string, string] | undefined): [string, string] => {
    const date = has(element, dateName) ? textOf(element, dateName) : (old?.[0] ?? '')
    const time = has(element, timeName) ? values.storedTime(textOf(element, timeName)) : (old?.[1] ?? '')
    const stored = values.storedDate(date, caller.user.dateFormat)
    const moved = movePair(stored, time, caller.user.zone, crm.serverZone)
    target[module.table.slots.get(dateName) ?? -1] = moved[0]
    target[module.table.slots.get(timeName) ?? -1] = moved[1]
    const counted = stored === values.ZERO_DATE ? values.lenientDate(date) : stored
    return [counted, time]
  }
  const start = pair('date_start', 'time_start', shown?.start)
  const end = pair('due_date', 'time_end', shown?.end)
  const [hours, minutes] = values.durationOf(start, end)
  target[module.table.slots.get('duration_hours') ?? -1] = hours
  target[module.table.slots.get('duration_minutes') ?? -1] = minutes
}

/** ical_uuid is taken on create only; recurr_idx is lost by an update that does not name it. */
function copyIdentity(module: Module, element: Element, mode: Mode, target: string[]): void {
  const { slots } = module.table
  if (mode === 'create') {
    const given = values.storedText(textOf(element, 'ical_uuid'), maximumOf('ical_uuid'))
    target[slots.get('ical_uuid') ?? -1] = given === '' ? randomUUID() : given
  }
  if (mode !== 'overlay') target[slots.get('recurr_idx') ?? -1] = values.storedInteger(textOf(element, 'recurr_idx'))
}

function copyReminder(module: Module, element: Element, target: string[]): void {
  if (module.name !== 'Events') return
  const minutes = values.storedReminder(textOf(element, 'reminder_time'))
  if (minutes !== null) target[module.table.slots.get('reminder_time') ?? -1] = minutes
}

/** An object names the organizer; a plain string is stored as nothing and loses the default, which is the owner. */
function setOrganizer(record: StoredRecord, element: Element): void {
  const given = element.organizer
  if (given === undefined || given === null) return
  const { type, value } = (typeof given === 'object' ? given : {}) as { type?: unknown; value?: unknown }
  record.organizerMail = type === 'Other' ? values.storedText(values.scalarText(value)) : ''
  record.organizerUser = type === 'Users' ? Number(values.scalarText(value)) || 0 : 0
}

function nextValues(
  crm: Crm,
  module: Module,
  caller: Caller,
  element: Element,
  mode: Mode,
  record: StoredRecord | null,
): string[] {
  const target = (record?.values ?? module.table.defaults).slice()
  copyFields(module, caller, element, mode, target)
  if (module.table.name === 'activity') {
    copyTimes(crm, module, caller, element, mode, target, record)
    copyIdentity(module, element, mode, target)
    copyReminder(module, element, target)
  }
  return target
}

function setInvitees(crm: Crm, module: Module, caller: Caller, element: Element, record: StoredRecord): void {
  if (module.name !== 'Events' || !has(element, 'invitees')) return
  const before = record.invitees
  record.invitees = matchInvitees(crm, caller, element.invitees)
  const subject = record.values[record.table.slots.get('subject') ?? -1] ?? ''
  mailNewContacts(crm, subject, before, record.invitees)
}

/**
 * Saves a new record. Throws what the web service answers; "Invalid owner of the record" comes after the record has
 * been saved, and from then on poisons every query that meets it.
 */
export function createRecord(crm: Crm, module: Module, caller: Caller, element: Element): StoredRecord {
  checkReferences(crm, module, element)
  checkOwner(crm, caller, element)
  checkMandatory(module, element, 'create')
  const owner = numberOf(textOf(element, 'assigned_user_id'))
  const now = crm.now()
  const record: StoredRecord = {
    id: crm.store.takeId(),
    table: module.table,
    values: nextValues(crm, module, caller, element, 'create', null),
    owner,
    creator: caller.number,
    created: now,
    modified: now,
    deleted: false,
    invitees: [],
    organizerMail: '',
    organizerUser: owner,
    seq: 0,
  }
  giveNumber(crm, record)
  if (module.name === 'Events') setOrganizer(record, element)
  crm.store.add(record)
  setInvitees(crm, module, caller, element, record)
  return record
}

function giveNumber(crm: Crm, record: StoredRecord): void {
  const { name, slots } = record.table
  if (name === 'contacts') record.values[slots.get('contact_no') ?? -1] = `CON${++crm.numbers.contacts}`
  if (name === 'accounts') record.values[slots.get('account_no') ?? -1] = `ACC${++crm.numbers.accounts}`
}

/** Changes a record; every save bumps modifiedtime, even one that names nothing but the id. */
export function changeRecord(
  crm: Crm,
  module: Module,
  caller: Caller,
  record: StoredRecord,
  element: Element,
  mode: 'replace' | 'overlay',
): void {
  checkReferences(crm, module, element)
  checkOwner(crm, caller, element)
  checkMandatory(module, element, mode)
  const fresh = nextValues(crm, module, caller, element, mode, record)
  const isMoved = TIMES.some((name) => {
    const slot = record.table.slots.get(name) ?? -1
    return fresh[slot] !== record.values[slot]
  })
  const ownerText = textOf(element, 'assigned_user_id')
  record.modified = crm.now()
  crm.store.change(record, fresh, ownerText === '' ? record.owner : numberOf(ownerText))
  // A change of time without the list of invitees asks everybody again.
  if (has(element, 'invitees')) setInvitees(crm, module, caller, element, record)
  else if (isMoved) record.invitees = record.invitees.map(({ id }) => ({ id, partecipation: 0 }))
}

/** Throws "Invalid owner of the record" where nobody has that number, as rendering the reply does. */
export function assertOwner(crm: Crm, record: StoredRecord): void {
  if (crm.people.ownerId(record.owner) === null) throw brokenOwner()
}

/** Moves a record to the bin: the reminder goes, modifiedtime is bumped. */
export function binRecord(crm: Crm, record: StoredRecord, deleted: boolean): void {
  const target = record.values.slice()
  const reminder = record.table.slots.get('reminder_time')
  if (deleted && reminder !== undefined) target[reminder] = ''
  record.deleted = deleted
  record.modified = crm.now()
  crm.store.change(record, target, record.owner)
}
