import type { ContactFields } from '../model/index.ts'
import { OTHER_POBOX_PATH, SALUTATION_PATH, WORK_POBOX_PATH } from './item-shape.ts'

/** Plain properties: field, element; the path is `contacts:<element>`. */
export const CONTACT_TEXTS = {
  firstName: 'GivenName', lastName: 'Surname', company: 'CompanyName', assistant: 'AssistantName', department: 'Department',
  jobTitle: 'JobTitle',
} as const satisfies Partial<Record<keyof ContactFields, string>>

/** Entries of the PhoneNumbers dictionary. */
export const CONTACT_PHONES = {
  assistantPhone: 'AssistantPhone', fax: 'BusinessFax', businessPhone: 'BusinessPhone', homePhone: 'HomePhone',
  mobilePhone: 'MobilePhone', otherPhone: 'OtherTelephone',
} as const satisfies Partial<Record<keyof ContactFields, string>>

/** Entries of the PhysicalAddresses dictionary, with the property for the post-office box that an entry has no room for. */
export const CONTACT_ADDRESSES = {
  businessAddress: { key: 'Business', pobox: WORK_POBOX_PATH },
  otherAddress: { key: 'Other', pobox: OTHER_POBOX_PATH },
} as const

/** Parts of an address in the schema's order. */
export const ADDRESS_PARTS = [
  ['street', 'Street'], ['city', 'City'], ['state', 'State'], ['country', 'CountryOrRegion'], ['zip', 'PostalCode'],
] as const

export { SALUTATION_PATH }
