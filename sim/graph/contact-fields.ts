import { badRequest, unknownProperty } from './errors.ts'

const TEXTS = [
  'assistantName', 'businessHomePage', 'companyName', 'department', 'displayName', 'fileAs', 'generation', 'givenName', 'initials',
  'jobTitle', 'manager', 'middleName', 'mobilePhone', 'nickName', 'officeLocation', 'profession', 'spouseName', 'surname', 'title',
  'yomiCompanyName', 'yomiGivenName', 'yomiSurname',
]
const LISTS = ['businessPhones', 'children', 'homePhones', 'imAddresses', 'categories']
const ADDRESSES = ['businessAddress', 'homeAddress', 'otherAddress']
const ADDRESS_PARTS = ['street', 'city', 'state', 'countryOrRegion', 'postalCode']
const READ_ONLY = ['id', 'parentFolderId', 'changeKey', 'createdDateTime', 'lastModifiedDateTime', 'photo', 'flag']
const ELSEWHERE = ['singleValueExtendedProperties', 'extensions']
const MOST_PHONES = 2
const MOST_ADDRESSES = 3

export function emptyContact(): Record<string, unknown> {
  return {
    ...Object.fromEntries(TEXTS.map((name) => [name, name === 'displayName' || name === 'fileAs' ? '' : null])),
    ...Object.fromEntries(LISTS.map((name) => [name, []])),
    ...Object.fromEntries(ADDRESSES.map((name) => [name, {}])),
    birthday: null,
    personalNotes: '',
    emailAddresses: [],
  }
}

/**
 * The fields of a contact after a create or update.
 * Documentation: https://learn.microsoft.com/graph/api/resources/contact
 */
export function readContact(before: Record<string, unknown>, body: Record<string, any>): Record<string, unknown> {
  const fields = { ...before }
  for (const [name, value] of Object.entries(body)) {
    if (READ_ONLY.includes(name) || ELSEWHERE.includes(name) || name.includes('@odata.')) continue
    fields[name] = readField(name, value, before[name])
  }
  if (body.displayName === undefined && before.displayName === '')
    fields.displayName = [fields.givenName, fields.surname].filter(Boolean).join(' ')
  if (body.fileAs === undefined && before.fileAs === '') fields.fileAs = [fields.surname, fields.givenName].filter(Boolean).join(', ')
  return fields
}

function readField(name: string, value: any, before: unknown): unknown {
  if (TEXTS.includes(name) || name === 'personalNotes') {
    if (value !== null && typeof value !== 'string') throw wrongType(name)
    return value
  }
  if (LISTS.includes(name)) {
    if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw wrongType(name)
    if (name.endsWith('Phones') && value.length > MOST_PHONES)
      throw badRequest(`${name} has ${value.length} numbers; Outlook keeps ${MOST_PHONES}.`, 'ErrorInvalidProperty')
    return value
  }
  if (ADDRESSES.includes(name)) return readAddress(name, value, before)
  if (name === 'birthday') return readBirthday(value)
  if (name === 'emailAddresses') return readEmails(value)
  throw unknownProperty(name, 'contact')
}

/** Parts the request leaves out stay; null takes one away. */
function readAddress(name: string, value: any, before: unknown): object {
  if (value === null) return {}
  if (typeof value !== 'object') throw wrongType(name)
  const unknown = Object.keys(value).find((part) => !ADDRESS_PARTS.includes(part) && !part.includes('@odata.'))
  if (unknown !== undefined) throw unknownProperty(unknown, 'physicalAddress')
  const merged = { ...(before as object), ...value }
  return Object.fromEntries(Object.entries(merged).filter(([, part]) => part !== null && part !== ''))
}

function readBirthday(value: any): string | null {
  if (value === null) return null
  const ms = typeof value === 'string' ? Date.parse(value.length === 10 ? `${value}T00:00:00Z` : value) : Number.NaN
  if (Number.isNaN(ms)) throw wrongType('birthday')
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

function readEmails(value: any): object[] {
  if (!Array.isArray(value)) throw wrongType('emailAddresses')
  if (value.length > MOST_ADDRESSES)
    throw badRequest(`emailAddresses has ${value.length} entries; Outlook keeps ${MOST_ADDRESSES}.`, 'ErrorInvalidProperty')
  return value.map((one) => ({ name: one.name ?? one.address ?? '', address: one.address ?? '' }))
}

function wrongType(name: string) {
  return badRequest(`Cannot convert the value of property '${name}' to its expected type.`, 'RequestBodyRead')
}

