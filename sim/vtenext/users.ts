import { parseId } from './access.ts'
import type { Caller, Crm } from './context.ts'
import { denied, forbidden, internalError, WebServiceError } from './errors.ts'
import { constantValue, type Field, GROUPS_PREFIX, USERS_PREFIX } from './modules.ts'
import { numberOf } from './people.ts'
import type { SimCrmUser, SimCrmUserSeed, SimGroup } from './types.ts'
import { scalarText } from './values.ts'
import type { Query } from './vtql-parse.ts'
import { isZone } from './zones.ts'

/** What a fresh user reads for fields nobody set. */
const USER_DEFAULTS: Record<string, string> = {
  currency_id: '23x1',
  lead_view: 'Today',
  menu_view: 'Large Menu',
  default_module: 'Home',
  default_language: 'en_us',
  default_theme: 'next',
  notify_me_via: 'ModNotifications',
  notify_summary: 'Never',
  internal_mailer: '1',
  decimal_separator: 'Separato',
  thousands_separator: 'Separato',
  decimals_num: '2',
  activity_view: 'This Week',
  reminder_interval: 'None',
  hour_format: '24',
  start_hour: '08:00',
  end_hour: '23:00',
  weekstart: '1',
}

function userValue(user: SimCrmUser, field: Field): string {
  switch (field.name) {
    case 'id':
      return user.id
    case 'user_name':
      return user.username
    case 'is_admin':
      return user.admin ? 'on' : 'off'
    case 'user_password':
    case 'confirm_password':
      return `$1$hash of ${user.username}`
    case 'email1':
      return user.email
    case 'email2':
      return user.email2
    case 'status':
      return user.active ? 'Active' : 'Inactive'
    case 'first_name':
      return user.firstName
    case 'last_name':
      return user.lastName
    case 'roleid':
      return user.role
    case 'user_timezone':
      return user.zone
    case 'date_format':
      return user.dateFormat
    case 'accesskey':
      return user.accessKey
    default:
      return USER_DEFAULTS[field.name] ?? constantValue(field)
  }
}

const renderUser = (user: SimCrmUser, fields: readonly Field[]): Record<string, string> =>
  Object.fromEntries(fields.map((field) => [field.name, userValue(user, field)]))

/** A non-admin knows only the id of a user. */
export const visibleUserFields = (crm: Crm, caller: Caller): Field[] =>
  caller.user.admin ? crm.schema.userFields : crm.schema.userFields.filter((field) => field.name === 'id')

const attributeDenied = (name: string): WebServiceError =>
  new WebServiceError('ACCESS_DENIED', `Permission to access ${name} attribute denied.`)

/** `query` on Users: inactive users are included; a non-admin is refused or gets nothing. */
export function queryUsers(crm: Crm, caller: Caller, query: Query): object[] {
  const fields = visibleUserFields(crm, caller)
  const byName = new Map(fields.map((field) => [field.name, field]))
  for (const { column } of [...query.where.flat(), ...query.order])
    if (!byName.has(column)) throw attributeDenied(column)
  const columns = Array.isArray(query.columns) ? query.columns : fields.map((field) => field.name)
  for (const name of columns) if (!byName.has(name)) throw attributeDenied(`'.${name}.'`)
  const users = caller.user.admin ? crm.people.users.filter((user) => isWanted(user, byName, query)) : []
  if (query.columns === 'count(*)') return [{ count: String(users.length) }]
  sortUsers(users, byName, query)
  const shown = columns.flatMap((name) => byName.get(name) ?? [])
  return users
    .slice(query.offset, query.offset + query.limit)
    .map((user) => ({ ...renderUser(user, shown), id: user.id }))
}

function isWanted(user: SimCrmUser, byName: ReadonlyMap<string, Field>, query: Query): boolean {
  if (query.where.length === 0) return true
  return query.where.some((conditions) =>
    conditions.every(({ column, operator, values }) => {
      const text = userValue(user, byName.get(column) as Field).toLowerCase()
      const wanted = values.map((value) => value.toLowerCase())
      if (operator === '=' || operator === 'in') return wanted.includes(text)
      if (operator === '!=') return text !== wanted[0]
      throw new WebServiceError('QUERY_SYNTAX_ERROR', `The simulated Users module knows =, != and in, not ${operator}.`)
    }),
  )
}

function sortUsers(users: SimCrmUser[], byName: ReadonlyMap<string, Field>, query: Query): void {
  for (const { column, descending } of query.order.toReversed()) {
    const field = byName.get(column) as Field
    users.sort((a, b) => {
      const order =
        column === 'id' ? numberOf(a.id) - numberOf(b.id) : userValue(a, field).localeCompare(userValue(b, field))
      return descending ? -order : order
    })
  }
}

const renderGroup = (group: SimGroup): object => ({
  groupid: group.id.slice(group.id.indexOf('x') + 1),
  groupname: group.name,
  date_entered: '2026-01-01 00:00:00',
  date_modified: '2026-01-01 00:00:00',
  description: group.description,
  id: group.id,
})

/** `retrieve` of a user or a group; null where the id belongs to another module. Every user may read groups. */
export function retrievePerson(crm: Crm, caller: Caller, id: string | undefined): object | null {
  const { prefix, number } = parseId(id)
  if (prefix === GROUPS_PREFIX) {
    const group = crm.people.groupByNumber(number)
    if (!group) throw denied()
    return renderGroup(group)
  }
  if (prefix !== USERS_PREFIX) return null
  const user = crm.people.userByNumber(number)
  if (!user) throw denied()
  if (!caller.user.admin && user.id !== caller.user.id) throw forbidden()
  return renderUser(user, visibleUserFields(crm, caller))
}

function seedOf(element: Record<string, unknown>): Partial<SimCrmUserSeed> {
  const seed: Record<string, unknown> = {}
  const copy = (name: string, key: keyof SimCrmUserSeed): void => {
    if (Object.hasOwn(element, name)) seed[key] = scalarText(element[name])
  }
  copy('email1', 'email')
  copy('email2', 'email2')
  copy('first_name', 'firstName')
  copy('last_name', 'lastName')
  copy('user_timezone', 'zone')
  copy('date_format', 'dateFormat')
  copy('roleid', 'role')
  copy('user_password', 'password')
  if (typeof seed.zone === 'string' && !isZone(seed.zone)) throw internalError()
  if (Object.hasOwn(element, 'status')) seed.active = scalarText(element.status) === 'Active'
  if (Object.hasOwn(element, 'is_admin')) seed.admin = scalarText(element.is_admin) === 'on'
  return seed
}

/** `create` of a user, by an admin. */
export function createUser(crm: Crm, caller: Caller, element: Record<string, unknown>): object {
  if (!caller.user.admin) throw denied()
  for (const field of crm.schema.userFields) {
    if (!field.mandatory || scalarText(element[field.name]) !== '') continue
    throw new WebServiceError('MANDATORY_FIELDS_MISSING', `${field.name} does not have a value`)
  }
  const username = scalarText(element.user_name)
  if (crm.people.find(username)) throw internalError()
  const user = crm.people.addUser({ ...seedOf(element), username })
  return renderUser(user, crm.schema.userFields)
}

/** `revise` of a user, by an admin; the access key stays. */
export function reviseUser(crm: Crm, caller: Caller, element: Record<string, unknown>): object {
  if (!caller.user.admin) throw forbidden()
  const user = crm.people.userByNumber(parseId(scalarText(element.id)).number)
  if (!user) throw denied()
  crm.people.setUser({ ...seedOf(element), username: user.username })
  return renderUser(user, crm.schema.userFields)
}

/** `create` of a group makes it without members. */
export function createGroup(crm: Crm, caller: Caller, element: Record<string, unknown>): object {
  if (!caller.user.admin) throw denied()
  const [name, description] = [scalarText(element.groupname), scalarText(element.description)]
  const never = '0000-00-00 00:00:00'
  return { ...renderGroup(crm.people.addGroup({ name, description })), date_entered: never, date_modified: never }
}
