import { ACCOUNT_FIELDS, USER_FIELDS } from './fields-accounts.ts'
import { EVENT_FIELDS, TASK_FIELDS } from './fields-activity.ts'
import { CONTACT_FIELDS } from './fields-contacts.ts'
import type { RecordModule } from './types.ts'

export interface Field {
  readonly name: string
  readonly label: string
  readonly type: string
  readonly mandatory: boolean
  readonly nullable: boolean
  readonly editable: boolean
  readonly extra: string
  readonly fallback: string | null
  /** Position in the record's values; -1 for what is kept elsewhere (id, owner, times) or is constant. */
  slot: number
}

/** One table. Events and tasks are two modules over the table `activity`. */
export interface Table {
  readonly name: 'activity' | 'contacts' | 'accounts'
  /** Slot by field name. */
  readonly slots: Map<string, number>
  /** Value a fresh record has in each slot. */
  readonly defaults: string[]
}

export interface Module {
  readonly name: RecordModule
  readonly prefix: number
  readonly label: string
  readonly singular: string
  readonly labelFields: string
  readonly table: Table
  readonly fields: Field[]
  readonly byName: Map<string, Field>
}

export const USERS_PREFIX = 19
export const GROUPS_PREFIX = 22
/** Prefixes of modules that exist in the CRM but hold nothing here. */
export const EMPTY_PREFIXES: ReadonlyMap<number, string> = new Map([
  [2, 'Leads'],
  [9, 'HelpDesk'],
  [23, 'Currency'],
])

const KEPT_ELSEWHERE = new Set(['id', 'assigned_user_id', 'createdtime', 'modifiedtime', 'creator', 'organizer'])
const MAXIMUM: Record<string, number> = { subject: 100, location: 150, ical_uuid: 127 }

/** Number of characters the database column holds; longer text is cut silently. */
export const maximumOf = (name: string): number => MAXIMUM[name] ?? (name.startsWith('cf_') ? 255 : Infinity)

export function parseFields(text: string): Field[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', label = '', type = '', flags = '', extra = '', fallback] = line.split('|')
      return {
        name,
        label,
        type,
        mandatory: flags.includes('M'),
        nullable: !flags.includes('N'),
        editable: !flags.includes('R'),
        extra,
        fallback: fallback ?? (name === 'id' ? '' : null),
        slot: -1,
      }
    })
}

function freshValue(field: Field): string {
  if (field.name === 'daily_cost') return '0.00'
  if (field.name === 'newsletter_unsubscrpt') return '1'
  return field.type === 'boolean' || field.type === 'integer' || field.type === 'currency' ? '0' : ''
}

/** What a field that is never written always reads. */
export const constantValue = (field: Field): string =>
  field.type === 'datetime' ? '0000-00-00 00:00:00' : freshValue(field)

function giveSlot(table: Table, field: Field): void {
  const known = table.slots.get(field.name)
  field.slot = known ?? table.defaults.length
  if (known !== undefined) return
  table.slots.set(field.name, field.slot)
  // A reminder that was never set reads as "", not as "0".
  table.defaults.push(field.name === 'reminder_time' ? '' : freshValue(field))
}

function makeModule(
  table: Table,
  definition: Pick<Module, 'name' | 'prefix' | 'label' | 'singular' | 'labelFields'>,
  text: string,
): Module {
  const fields = parseFields(text)
  for (const field of fields) {
    if (!KEPT_ELSEWHERE.has(field.name) && !field.name.startsWith('gdpr_')) giveSlot(table, field)
  }
  return { ...definition, table, fields, byName: new Map(fields.map((field) => [field.name, field])) }
}

const makeTable = (name: Table['name']): Table => ({ name, slots: new Map(), defaults: [] })

export interface Schema {
  readonly modules: ReadonlyMap<string, Module>
  readonly byPrefix: ReadonlyMap<number, Module>
  readonly userFields: Field[]
  /** Adds a text field behind the others and gives its name. */
  addTextField(module: Module, label: string): string
}

/** The modules this CRM knows, with their fields in the order vtenext lists them. */
export function createSchema(): Schema {
  const activity = makeTable('activity')
  const name = { labelFields: 'subject' }
  const list: Module[] = [
    makeModule(activity, { name: 'Calendar', prefix: 1, label: 'Calendar', singular: 'To Do', ...name }, TASK_FIELDS),
    makeModule(activity, { name: 'Events', prefix: 18, label: 'Events', singular: 'Event', ...name }, EVENT_FIELDS),
    makeModule(
      makeTable('accounts'),
      { name: 'Accounts', prefix: 3, label: 'Accounts', singular: 'Account', labelFields: 'accountname' },
      ACCOUNT_FIELDS,
    ),
    makeModule(
      makeTable('contacts'),
      { name: 'Contacts', prefix: 4, label: 'Contacts', singular: 'Contact', labelFields: 'lastname,firstname' },
      CONTACT_FIELDS,
    ),
  ]
  let nextCustom = 1234
  return {
    modules: new Map(list.map((module) => [module.name, module])),
    byPrefix: new Map(list.map((module) => [module.prefix, module])),
    userFields: parseFields(USER_FIELDS),
    addTextField(module, label) {
      const [field] = parseFields(`cf_${nextCustom}|${label}|string`)
      if (!field) throw new Error('A text field needs a label.')
      nextCustom += 1
      giveSlot(module.table, field)
      // The id closes the list in every reply.
      module.fields.splice(-1, 0, field)
      module.byName.set(field.name, field)
      return field.name
    },
  }
}
