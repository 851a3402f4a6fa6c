import { normaliseText } from '../model/index.ts'
import type { ContactFields, Fields, PlainDate, PostalAddress } from '../model/index.ts'
import type { AddressResource, ContactResource } from './resources.ts'
import { CONTACT_EXTENDED, POBOXES } from './shapes.ts'
import { extendedValue } from './stamp.ts'
import { literalDate } from './times.ts'

/** @param explain wraps a reading that can fail with what names the contact and the value */
export function contactFields(contact: ContactResource, explain: (text: string, read: () => PlainDate) => PlainDate): Fields {
  const { birthday } = contact
  const extended = (id: string) => line(extendedValue(contact, id))
  return {
    salutation: line(contact.title), firstName: line(contact.givenName), lastName: line(contact.surname), jobTitle: line(contact.jobTitle),
    department: line(contact.department), company: line(contact.companyName), email: line(contact.emailAddresses?.[0]?.address),
    businessPhone: line(contact.businessPhones?.[0]), mobilePhone: line(contact.mobilePhone), homePhone: line(contact.homePhones?.[0]),
    otherPhone: extended(CONTACT_EXTENDED.otherPhone), fax: extended(CONTACT_EXTENDED.fax),
    assistant: line(contact.assistantName), assistantPhone: extended(CONTACT_EXTENDED.assistantPhone),
    birthday: typeof birthday === 'string' && birthday !== '' ? explain(birthday, () => literalDate(birthday)) : null,
    body: line(contact.personalNotes),
    businessAddress: addressOf(contact.businessAddress, extended(POBOXES.businessAddress)),
    otherAddress: addressOf(contact.otherAddress, extended(POBOXES.otherAddress)),
  } satisfies ContactFields as unknown as Fields
}

const line = (text: string | null | undefined): string => normaliseText(text ?? '')

function addressOf(address: AddressResource | null | undefined, pobox: string): PostalAddress {
  return {
    street: line(address?.street), pobox, city: line(address?.city), state: line(address?.state),
    zip: line(address?.postalCode), country: line(address?.countryOrRegion),
  }
}
