import type { Caller, Crm } from './context.ts'
import { denied, forbidden, wrongId } from './errors.ts'
import { EMPTY_PREFIXES, GROUPS_PREFIX, type Module, USERS_PREFIX } from './modules.ts'
import type { StoredRecord } from './store.ts'

const isInvited = (record: StoredRecord, caller: Caller): boolean =>
  record.invitees.length > 0 && record.invitees.some((invitee) => invitee.id === caller.user.id)

const visibilityOf = (record: StoredRecord): string => record.values[record.table.slots.get('visibility') ?? -1] ?? ''

/** Contacts and accounts are open to everybody; calendars are private to owners, superiors, groups and invitees. */
export function mayRetrieve(crm: Crm, record: StoredRecord, caller: Caller): boolean {
  if (caller.user.admin || record.table.name !== 'activity') return true
  if (crm.people.reaches(caller.user, record.owner) || isInvited(record, caller)) return true
  const visibility = visibilityOf(record)
  if (visibility === 'Public') return true
  return visibility !== 'Private' && crm.people.sharing(caller.user, record.owner) === 'full'
}

/**
 * What a query lists. It differs from what may be retrieved: a public record of an invisible owner is missing, and a
 * shared calendar leaks private and occupied-only records, subject and description included.
 */
export function isListed(crm: Crm, record: StoredRecord, caller: Caller): boolean {
  if (caller.user.admin || record.table.name !== 'activity') return true
  if (crm.people.reaches(caller.user, record.owner) || isInvited(record, caller)) return true
  return crm.people.sharing(caller.user, record.owner) !== null
}

/** Who is only invited, or only shares the calendar, may look but not touch. */
export function mayChange(crm: Crm, record: StoredRecord, caller: Caller): boolean {
  return caller.user.admin || record.table.name !== 'activity' || crm.people.reaches(caller.user, record.owner)
}

/** An owner who is invited and does not organize the meeting may change but not delete it. */
export function mayDelete(crm: Crm, record: StoredRecord, caller: Caller): boolean {
  if (!mayChange(crm, record, caller)) return false
  return caller.user.admin || !isInvited(record, caller) || record.organizerUser === caller.number
}

/** Splits `18x28`. Throws ACCESS_DENIED for what has no such form or names no module. */
export function parseId(text: string | undefined): { prefix: number; number: number } {
  const parts = /^(\d+)x(\d+)$/.exec(text ?? '')
  if (!parts) throw denied(' for id')
  return { prefix: Number(parts[1]), number: Number(parts[2]) }
}

/**
 * The record a request means, with the module its prefix names. Throws ACCESS_DENIED where it is missing or in the
 * bin, INVALID_ID_ATTRIBUTE where it belongs to another module.
 */
export function findRecord(crm: Crm, text: string | undefined): { record: StoredRecord; module: Module } {
  const { prefix, number } = parseId(text)
  const module = crm.schema.byPrefix.get(prefix)
  if (!module) {
    const isKnown = EMPTY_PREFIXES.has(prefix) || prefix === USERS_PREFIX || prefix === GROUPS_PREFIX
    throw denied(isKnown ? '' : ' for id')
  }
  const record = crm.store.get(number)
  if (!record || record.deleted) throw denied()
  if (crm.store.moduleOf(record) !== module) throw wrongId()
  return { record, module }
}

/** As `findRecord`, for a caller who wants to change it. */
export function findForChange(crm: Crm, caller: Caller, text: string | undefined): ReturnType<typeof findRecord> {
  const found = findRecord(crm, text)
  if (!mayChange(crm, found.record, caller)) throw forbidden()
  return found
}
