import { findForChange, findRecord, mayDelete, mayRetrieve, parseId } from './access.ts'
import { getChanges } from './changes.ts'
import type { Caller, Crm } from './context.ts'
import { describe, listTypes } from './describe.ts'
import { denied, forbidden, PhpFatal, WebServiceError, wrongId } from './errors.ts'
import { GROUPS_PREFIX, type Module, USERS_PREFIX } from './modules.ts'
import { renderForCaller } from './render.ts'
import { assertOwner, binRecord, changeRecord, createRecord, type Element } from './save.ts'
import type { Sessions } from './sessions.ts'
import type { StoredRecord } from './store.ts'
import { createGroup, createUser, retrievePerson, reviseUser } from './users.ts'
import { scalarText } from './values.ts'
import { runQuery } from './vtql.ts'

/** Gives a parameter as the operation sees it: absent where it is missing, empty, `0`, or sent by the wrong verb. */
export type Parameters = (name: string) => string | undefined

export interface Operation {
  readonly verb: 'GET' | 'POST'
  /** Runs without a session. */
  readonly isOpen?: boolean
  run(crm: Crm, sessions: Sessions, caller: Caller, parameter: Parameters, sessionName: string | undefined): unknown
}

/** Bad JSON is not reported: it becomes an empty element. */
function elementOf(text: string | undefined): Element {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Element) : {}
  } catch {
    return {}
  }
}

function reply(crm: Crm, caller: Caller, record: StoredRecord, module: Module): object {
  assertOwner(crm, record)
  return renderForCaller(crm, record, module, caller.user)
}

function create(crm: Crm, caller: Caller, parameter: Parameters): object {
  const element = elementOf(parameter('element'))
  const name = parameter('elementType')
  if (name === 'Users') return createUser(crm, caller, element)
  if (name === 'Groups') return createGroup(crm, caller, element)
  const module = crm.schema.modules.get(name ?? '')
  if (!module) throw denied()
  const record = createRecord(crm, module, caller, element)
  crm.writes.create += 1
  // The reply speaks of the module asked for, even where the record turns up in the other one: a task without
  // activitytype=Task is answered as 1x32 and from then on is the event 18x32.
  return reply(crm, caller, record, module)
}

function change(crm: Crm, caller: Caller, element: Element, mode: 'replace' | 'overlay'): object {
  const id = scalarText(element.id)
  const { prefix } = parseId(id)
  if (prefix === USERS_PREFIX) return reviseUser(crm, caller, element)
  if (prefix === GROUPS_PREFIX) throw forbidden()
  const { record, module } = findForChange(crm, caller, id)
  changeRecord(crm, module, caller, record, element, mode)
  crm.writes[mode === 'overlay' ? 'revise' : 'update'] += 1
  return reply(crm, caller, record, module)
}

/** updateRecord reads, merges and saves everything: it sends the reminder's minutes back as seconds and ruins it. */
function updateRecord(crm: Crm, caller: Caller, parameter: Parameters): object {
  const { record, module } = findForChange(crm, caller, parameter('id'))
  const current: Element = renderForCaller(crm, record, module, caller.user)
  delete current.organizer
  return change(crm, caller, { ...current, ...elementOf(parameter('columns')), id: current.id }, 'replace')
}

function retrieve(crm: Crm, caller: Caller, id: string | undefined): object {
  const person = retrievePerson(crm, caller, id)
  if (person) return person
  const { record, module } = findRecord(crm, id)
  if (!mayRetrieve(crm, record, caller)) throw forbidden()
  return reply(crm, caller, record, module)
}

/** Deleting what is gone, or never was, succeeds with `result: null`. */
function remove(crm: Crm, caller: Caller, id: string | undefined): object | null {
  const { prefix, number } = parseId(id)
  if (prefix === USERS_PREFIX || prefix === GROUPS_PREFIX) throw forbidden()
  const record = crm.store.get(number)
  if (!record || record.deleted) return null
  const module = crm.schema.byPrefix.get(prefix)
  if (!module) throw denied(' for id')
  if (crm.store.moduleOf(record) !== module) throw wrongId()
  if (!mayDelete(crm, record, caller)) throw forbidden()
  binRecord(crm, record, true)
  crm.writes.delete += 1
  return { status: 'successful' }
}

function query(crm: Crm, caller: Caller, text: string | undefined): object {
  if (text === undefined) throw denied(' for query')
  return runQuery(crm, caller, text)
}

function changes(crm: Crm, caller: Caller, parameter: Parameters): object {
  return getChanges(crm, caller, {
    module: parameter('module'),
    dateFrom: parameter('dateFrom'),
    dateTo: parameter('dateTo'),
    dateField: parameter('dateField'),
    maxEntries: parameter('maxEntries'),
    showDeleted: parameter('showDeleted'),
    delegatedUser: parameter('delegatedUser'),
  })
}

/** The operations by name; whatever is not here is a PHP fatal error. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    'getchallenge',
    { verb: 'GET', isOpen: true, run: (_, sessions, __, get) => sessions.challenge(get('username') ?? '') },
  ],
  [
    'login',
    {
      verb: 'POST',
      isOpen: true,
      run: (_, sessions, __, get) => sessions.login(get('username') ?? '', get('accessKey') ?? ''),
    },
  ],
  [
    'login_pwd',
    {
      verb: 'POST',
      isOpen: true,
      run: (_, sessions, __, get) => sessions.loginPassword(get('username') ?? '', get('password') ?? ''),
    },
  ],
  [
    'extendsession',
    {
      verb: 'POST',
      isOpen: true,
      // It only adopts a browser's session; one of the web service is refused.
      run: () => {
        throw new WebServiceError('AUTHENTICATION_FAILURE', 'Authencation Failed')
      },
    },
  ],
  ['logout', { verb: 'POST', run: (_, sessions, __, ___, sessionName) => sessions.logout(sessionName) }],
  ['listtypes', { verb: 'GET', run: (crm, _, caller, get) => listTypes(crm, caller, get('fieldTypeList')) }],
  ['describe', { verb: 'GET', run: (crm, _, caller, get) => describe(crm, caller, get('elementType')) }],
  ['query', { verb: 'GET', run: (crm, _, caller, get) => query(crm, caller, get('query')) }],
  ['retrieve', { verb: 'GET', run: (crm, _, caller, get) => retrieve(crm, caller, get('id')) }],
  ['create', { verb: 'POST', run: (crm, _, caller, get) => create(crm, caller, get) }],
  ['update', { verb: 'POST', run: (crm, _, caller, get) => change(crm, caller, elementOf(get('element')), 'replace') }],
  ['revise', { verb: 'POST', run: (crm, _, caller, get) => change(crm, caller, elementOf(get('element')), 'overlay') }],
  ['updateRecord', { verb: 'POST', run: (crm, _, caller, get) => updateRecord(crm, caller, get) }],
  ['delete', { verb: 'POST', run: (crm, _, caller, get) => remove(crm, caller, get('id')) }],
  [
    'sync',
    {
      verb: 'GET',
      // Declared with two parameters, implemented with four: PHP 7.1 and later die of it.
      run: () => {
        throw new PhpFatal()
      },
    },
  ],
  ['vtesync.get_changes', { verb: 'GET', run: (crm, _, caller, get) => changes(crm, caller, get) }],
])
