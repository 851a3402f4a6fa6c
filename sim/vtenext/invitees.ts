import type { Caller, Crm } from './context.ts'
import type { Table } from './modules.ts'
import { numberOf } from './people.ts'
import type { StoredRecord } from './store.ts'
import type { SimCrmUser, StoredInvitee } from './types.ts'
import { encodeEntities, scalarText } from './values.ts'

const MAXIMUM_MATCHES = 100

/** Contacts by the text their address contains; forgotten whenever a contact changes. */
const matches = new WeakMap<Crm, { version: number; byText: Map<string, StoredRecord[]> }>()

const contactTable = (crm: Crm): Table => crm.schema.modules.get('Contacts')?.table as Table

const contactValue = (record: StoredRecord, name: string): string =>
  record.values[record.table.slots.get(name) ?? -1] ?? ''

function contactsContaining(crm: Crm, text: string): StoredRecord[] {
  let cache = matches.get(crm)
  if (cache?.version !== crm.store.contactsVersion) {
    cache = { version: crm.store.contactsVersion, byText: new Map() }
    matches.set(crm, cache)
  }
  let found = cache.byText.get(text)
  if (!found) {
    found = []
    for (const record of crm.store.all(contactTable(crm))) {
      if (record.deleted || !contactValue(record, 'email').toLowerCase().includes(text)) continue
      if (found.push(record) === MAXIMUM_MATCHES) break
    }
    cache.byText.set(text, found)
  }
  return found
}

/** A non-admin finds only himself and his subordinates; invitations of others are dropped without a notice. */
const mayInvite = (crm: Crm, caller: Caller, user: SimCrmUser): boolean =>
  caller.user.admin || user.id === caller.user.id || crm.people.isSuperior(caller.user, user)

function participation(value: unknown): 0 | 1 | 2 {
  const number = Number(scalarText(value))
  return number === 1 || number === 2 ? number : 0
}

/**
 * Turns `[{email, partecipation}]` into users whose address is equal and contacts whose address contains the text
 * (vtenext searches with LIKE '%..%'). Addresses that match nobody are dropped. Users come first.
 */
export function matchInvitees(crm: Crm, caller: Caller, list: unknown): StoredInvitee[] {
  const users = new Map<string, StoredInvitee>()
  const contacts = new Map<string, StoredInvitee>()
  for (const entry of Array.isArray(list) ? list : []) {
    const text = scalarText((entry as { email?: unknown } | null)?.email).toLowerCase()
    if (text === '') continue
    const partecipation = participation((entry as { partecipation?: unknown }).partecipation)
    for (const user of crm.people.users) {
      const isMeant = user.email.toLowerCase() === text || user.email2.toLowerCase() === text
      if (isMeant && mayInvite(crm, caller, user) && !users.has(user.id))
        users.set(user.id, { id: user.id, partecipation })
    }
    for (const contact of contactsContaining(crm, text)) {
      const id = crm.store.wsId(contact)
      if (!contacts.has(id)) contacts.set(id, { id, partecipation })
    }
  }
  return [...users.values(), ...contacts.values()]
}

/** vtenext mails an invitation to contacts that were not invited before; users get a notice inside the CRM. */
export function mailNewContacts(crm: Crm, subject: string, before: StoredInvitee[], after: StoredInvitee[]): void {
  const known = new Set(before.map((invitee) => invitee.id))
  for (const { id } of after) {
    if (known.has(id) || !id.startsWith('4x')) continue
    const contact = crm.store.get(numberOf(id))
    if (contact) crm.mails.push({ to: contactValue(contact, 'email'), subject, at: crm.clock.now() })
  }
}

/** The list as the change feed gives it. */
export function describeInvitees(crm: Crm, record: StoredRecord): object[] {
  return record.invitees.flatMap((invitee) => {
    const user = invitee.id.startsWith('19x') ? crm.people.userByNumber(numberOf(invitee.id)) : undefined
    if (user) return [userEntry(user, invitee)]
    const contact = crm.store.get(numberOf(invitee.id))
    return contact && !contact.deleted ? [contactEntry(contact, invitee)] : []
  })
}

function userEntry(user: SimCrmUser, invitee: StoredInvitee): object {
  return {
    id: user.id,
    partecipation: String(invitee.partecipation),
    user_name: user.username,
    firstname: user.firstName,
    lastname: user.lastName,
    email1: user.email,
    email2: user.email2,
    type: 'Users',
    entityname: encodeEntities(`${user.lastName} ${user.firstName}`.trim()),
  }
}

function contactEntry(contact: StoredRecord, invitee: StoredInvitee): object {
  const [firstname, lastname] = [contactValue(contact, 'firstname'), contactValue(contact, 'lastname')]
  return {
    id: invitee.id,
    partecipation: String(invitee.partecipation),
    firstname,
    lastname,
    email1: contactValue(contact, 'email'),
    email2: null,
    type: 'Contacts',
    entityname: encodeEntities(`${lastname} ${firstname}`.trim()),
  }
}
