import { normaliseText } from '../model/index.ts'
import type { ContactFields, PlainDate, PostalAddress } from '../model/index.ts'
import { child, childText, childrenOf } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'
import { ADDRESS_PARTS, CONTACT_ADDRESSES, CONTACT_PHONES, CONTACT_TEXTS } from './contact-properties.ts'
import { extendedValue } from './stamp.ts'

/** @param readDay reads a date property literally; it throws what names the item */
export function contactFields(properties: XmlElement, readDay: (name: string) => PlainDate | null): Omit<ContactFields, 'body'> {
  const text = (name: string) => normaliseText(childText(properties, name) ?? '')
  const entry = (dictionary: string, key: string) => entryOf(properties, dictionary, key)
  const phone = (field: keyof typeof CONTACT_PHONES) => normaliseText(entry('PhoneNumbers', CONTACT_PHONES[field])?.text ?? '')
  const pobox = (fits: Parameters<typeof extendedValue>[1]) => normaliseText(extendedValue(properties, fits) ?? '')
  return {
    salutation: pobox((uri) => hasTag(uri, 0x3a45)),
    firstName: text(CONTACT_TEXTS.firstName), lastName: text(CONTACT_TEXTS.lastName), jobTitle: text(CONTACT_TEXTS.jobTitle),
    department: text(CONTACT_TEXTS.department), company: text(CONTACT_TEXTS.company), assistant: text(CONTACT_TEXTS.assistant),
    email: normaliseText(entry('EmailAddresses', 'EmailAddress1')?.text ?? ''),
    businessPhone: phone('businessPhone'), mobilePhone: phone('mobilePhone'), homePhone: phone('homePhone'),
    otherPhone: phone('otherPhone'), fax: phone('fax'), assistantPhone: phone('assistantPhone'),
    birthday: readDay('Birthday'),
    businessAddress: addressOf(entry('PhysicalAddresses', CONTACT_ADDRESSES.businessAddress.key),
      pobox((uri) => uri['DistinguishedPropertySetId'] === 'Address' && Number(uri['PropertyId']) === 0x804a)),
    otherAddress: addressOf(entry('PhysicalAddresses', CONTACT_ADDRESSES.otherAddress.key), pobox((uri) => hasTag(uri, 0x3a64))),
  }
}

function entryOf(properties: XmlElement, dictionary: string, key: string): XmlElement | undefined {
  return childrenOf(child(properties, dictionary), 'Entry').find((entry) => entry.attributes['Key'] === key)
}

function addressOf(entry: XmlElement | undefined, pobox: string): PostalAddress {
  const parts = Object.fromEntries(ADDRESS_PARTS.map(([part, element]) => [part, normaliseText(childText(entry, element) ?? '')]))
  return { street: '', city: '', state: '', zip: '', country: '', ...parts, pobox }
}

/** Tags are written as hexadecimal of any length and case (`0x3a45`, `0x3A45`), or as a decimal number. */
const hasTag = (uri: Readonly<Record<string, string>>, tag: number) => Number(uri['PropertyTag']) === tag
