import { plainDate, type ContactFields, type ContactItem, type PostalAddress } from '../model/index.ts'
import type { RawRecord, Reading } from './record.ts'
import type { Schema } from './schema.ts'
import type { Zones } from './times.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type TextField = Exclude<
  keyof ContactFields,
  'birthday' | 'businessAddress' | 'otherAddress' | 'company' | 'salutation'
>

const TEXTS: Readonly<Record<TextField, string>> = {
  firstName: 'firstname',
  lastName: 'lastname',
  jobTitle: 'title',
  department: 'department',
  email: 'email',
  businessPhone: 'phone',
  mobilePhone: 'mobile',
  homePhone: 'homephone',
  otherPhone: 'otherphone',
  fax: 'fax',
  assistant: 'assistant',
  assistantPhone: 'assistantphone',
  body: 'description',
}

/** Contacts go one way, so there is no encoding. The company is the name of the account, a record of its own. */
export function decodeContact(raw: RawRecord, schema: Schema, _zones: Zones, reading: Reading): ContactItem {
  const fields: Mutable<Partial<ContactFields>> = {}
  for (const [name, column] of Object.entries(TEXTS) as [TextField, string][]) {
    if (schema.fields.has(column)) fields[name] = raw[column] ?? ''
  }
  if (schema.fields.has('salutationtype')) fields.salutation = (raw.salutationtype ?? '').replace(/^--None--$/, '')
  if (schema.fields.has('account_id')) fields.company = reading.accountName(raw.account_id ?? '')
  if (schema.fields.has('birthday')) fields.birthday = birthday(raw.birthday ?? '')
  if (schema.fields.has('mailingstreet')) fields.businessAddress = address(raw, 'mailing')
  if (schema.fields.has('otherstreet')) fields.otherAddress = address(raw, 'other')
  return { kind: 'contact', fields }
}

/** An impossible birthday is no reason to keep a whole contact from the phone book: it counts as none. */
function birthday(text: string): ContactFields['birthday'] {
  try {
    return plainDate(text)
  } catch {
    return null
  }
}

function address(raw: RawRecord, prefix: 'mailing' | 'other'): PostalAddress {
  const part = (name: string) => raw[`${prefix}${name}`] ?? ''
  return {
    street: part('street'),
    pobox: part('pobox'),
    city: part('city'),
    state: part('state'),
    zip: part('zip'),
    country: part('country'),
  }
}
