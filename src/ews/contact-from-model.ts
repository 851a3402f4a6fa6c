import type { ContactFields, Fields, PostalAddress } from '../model/index.ts'
import { escapeXml } from '../lib/xml.ts'
import { ADDRESS_PARTS, CONTACT_ADDRESSES, CONTACT_PHONES, CONTACT_TEXTS, SALUTATION_PATH } from './contact-properties.ts'
import { dayText } from './times.ts'
import { extended, property } from './properties.ts'
import type { Property } from './properties.ts'

/** Places in the schema's sequence. */
const ORDER = {
  fileAs: 40, displayName: 41, GivenName: 42, CompanyName: 43, emails: 44, addresses: 45, phones: 50, AssistantName: 60,
  birthday: 61, Department: 62, JobTitle: 63, Surname: 64,
} as const

/** The fields but the body. Names go with both names, or the contact would be filed under half of them. */
export function contactProperties(fields: Fields): Property[] {
  const contact = fields as Partial<ContactFields>
  const texts = (Object.keys(CONTACT_TEXTS) as (keyof typeof CONTACT_TEXTS)[]).flatMap((field) => {
    const value = contact[field]
    const element = CONTACT_TEXTS[field]
    return value === undefined ? [] : [property(ORDER[element], `contacts:${element}`, element, escapeXml(value))]
  })
  return [
    ...(contact.salutation === undefined ? [] : [extended(SALUTATION_PATH, contact.salutation)]),
    ...nameProperties(contact),
    ...texts,
    ...(contact.email === undefined ? [] : [entry(ORDER.emails, 'EmailAddresses', 'contacts:EmailAddress', 'EmailAddress1', contact.email)]),
    ...phoneProperties(contact),
    ...(contact.birthday === undefined ? [] : [property(ORDER.birthday, 'contacts:Birthday', 'Birthday', contact.birthday === null ? '' : dayText(contact.birthday))]),
    ...(Object.keys(CONTACT_ADDRESSES) as (keyof typeof CONTACT_ADDRESSES)[]).flatMap((field, at) => {
      const address = contact[field]
      return address === undefined ? [] : addressProperties(ORDER.addresses + at, field, address)
    }),
  ]
}

/** How the contact is shown and sorted; Exchange does not follow changes of the names by itself. */
function nameProperties({ firstName, lastName, company, email }: Partial<ContactFields>): Property[] {
  if (firstName === undefined || lastName === undefined) return []
  const shown = [firstName, lastName].filter((part) => part !== '').join(' ') || company || email || ''
  const filed = [lastName, firstName].filter((part) => part !== '').join(', ') || company || email || ''
  return [
    property(ORDER.fileAs, 'contacts:FileAs', 'FileAs', escapeXml(filed)),
    property(ORDER.displayName, 'contacts:DisplayName', 'DisplayName', escapeXml(shown)),
  ]
}

function phoneProperties(contact: Partial<ContactFields>): Property[] {
  return (Object.keys(CONTACT_PHONES) as (keyof typeof CONTACT_PHONES)[]).flatMap((field) => {
    const value = contact[field]
    return value === undefined ? [] : [entry(ORDER.phones, 'PhoneNumbers', 'contacts:PhoneNumber', CONTACT_PHONES[field], value)]
  })
}

function entry(order: number, within: string, uri: string, key: string, value: string): Property {
  return {
    order, within,
    path: `<t:IndexedFieldURI FieldURI="${uri}" FieldIndex="${key}"/>`,
    element: value === '' ? '' : `<t:Entry Key="${key}">${escapeXml(value)}</t:Entry>`,
  }
}

function addressProperties(order: number, field: keyof typeof CONTACT_ADDRESSES, address: PostalAddress): Property[] {
  const { key, pobox } = CONTACT_ADDRESSES[field]
  const parts = ADDRESS_PARTS.map(([part, element]): Property => ({
    order, within: 'PhysicalAddresses', entry: [`<t:Entry Key="${key}">`, '</t:Entry>'],
    path: `<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:${element}" FieldIndex="${key}"/>`,
    element: address[part] === '' ? '' : `<t:${element}>${escapeXml(address[part])}</t:${element}>`,
  }))
  return [...parts, extended(pobox, address.pobox)]
}
