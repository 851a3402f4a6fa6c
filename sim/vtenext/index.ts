import { once } from 'node:events'
import { createSimClock } from '../clock.ts'
import { Faults } from '../faults.ts'
import { findRecord } from './access.ts'
import { type Caller, type Crm, serverNow } from './context.ts'
import { createSchema, type Module } from './modules.ts'
import { numberOf, People } from './people.ts'
import { renderForCaller } from './render.ts'
import { binRecord, changeRecord, createRecord, type Element } from './save.ts'
import { makeSeries, withDefaults } from './seeding.ts'
import { listen } from './server.ts'
import { Sessions } from './sessions.ts'
import { RecordStore, type StoredRecord } from './store.ts'
import type { RecordWithExtras, VtenextSim, VtenextSimOptions } from './types.ts'

export type * from './types.ts'

const DEFAULT_IDLE_MS = 1_440_000

function createCrm(options: VtenextSimOptions): Crm {
  const clock = options.clock ?? createSimClock()
  const serverZone = options.serverZone ?? 'Europe/Rome'
  const schema = createSchema()
  if (options.exchangeIdField ?? true) {
    for (const name of ['Events', 'Calendar', 'Contacts']) {
      schema.addTextField(moduleNamed(schema.modules, name), 'Exchange ID')
    }
  }
  const people = new People(serverZone)
  people.seed(options.users ?? [], options.groups ?? [])
  return {
    clock,
    serverZone,
    schema,
    people,
    store: new RecordStore(schema),
    writes: { create: 0, revise: 0, update: 0, delete: 0 },
    mails: [],
    numbers: { contacts: 0, accounts: 0 },
    now: serverNow(clock, serverZone),
  }
}

function moduleNamed(modules: ReadonlyMap<string, Module>, name: string): Module {
  const module = modules.get(name)
  if (!module) throw new Error(`There is no module ${name}; the simulated CRM has ${[...modules.keys()].join(', ')}.`)
  return module
}

/** The record with that id, in the bin or not. */
function storedRecord(crm: Crm, id: string): StoredRecord {
  const record = crm.store.get(numberOf(id))
  if (!record || crm.store.wsId(record) !== id) throw new Error(`There is no record ${id} in the simulated CRM.`)
  return record
}

function callerNamed(crm: Crm, username = 'admin'): Caller {
  const user = crm.people.user(username)
  return { user, number: numberOf(user.id) }
}

function listRecords(crm: Crm, name: string): RecordWithExtras[] {
  const module = moduleNamed(crm.schema.modules, name)
  const found: RecordWithExtras[] = []
  for (const record of crm.store.all(module.table)) {
    if (crm.store.moduleOf(record) !== module) continue
    const owner = crm.people.ownerId(record.owner)
    const shown = owner === null ? { ...record, owner: 1 } : record
    const view = renderForCaller(crm, shown, module, { zone: crm.serverZone, dateFormat: 'yyyy-mm-dd' })
    found.push({
      ...view,
      ...(owner === null ? { assigned_user_id: `19x${record.owner}` } : {}),
      deleted: record.deleted,
      invitees: record.invitees.map((invitee) => ({ ...invitee })),
    })
  }
  return found
}

type Browser = Pick<VtenextSim, 'put' | 'edit' | 'remove' | 'restore' | 'purge' | 'answerInvitation' | 'makeSeries'>

/** What people do in the browser; none of it counts as a write of the web service. */
function browser(crm: Crm): Browser {
  const put = (name: string, fields: Element, as?: string): StoredRecord => {
    const caller = callerNamed(crm, as)
    return createRecord(crm, moduleNamed(crm.schema.modules, name), caller, withDefaults(name, fields, caller.user))
  }
  return {
    put: (name, fields, options) => crm.store.wsId(put(name, fields, options?.as)),
    edit(id, fields, options) {
      const { record, module } = findRecord(crm, id)
      changeRecord(crm, module, callerNamed(crm, options?.as), record, fields, 'overlay')
    },
    remove: (id) => binRecord(crm, storedRecord(crm, id), true),
    restore: (id) => binRecord(crm, storedRecord(crm, id), false),
    purge: (id) => crm.store.purge(storedRecord(crm, id)),
    answerInvitation(id, inviteeId, partecipation) {
      const invitee = storedRecord(crm, id).invitees.find((candidate) => candidate.id === inviteeId)
      if (!invitee) throw new Error(`${inviteeId} is not invited to ${id}.`)
      invitee.partecipation = partecipation
    },
    makeSeries(options) {
      const made = makeSeries(options, (fields) => put('Events', fields, options.as))
      return made.map((record) => crm.store.wsId(record))
    },
  }
}

/**
 * Starts a simulated vtenext CE 20.04 on 127.0.0.1. Seed: admin, alice, bob, carol (`<name>@example.test`) and the
 * group Sales with alice and bob. Rejects where the port is taken or a zone is unknown.
 */
export async function startVtenextSim(options: VtenextSimOptions = {}): Promise<VtenextSim> {
  const crm = createCrm(options)
  const faults = options.faults ?? new Faults()
  const sessions = new Sessions(crm, options.phpSessionIdleMs ?? DEFAULT_IDLE_MS)
  const { server, port } = await listen(crm, sessions, faults, options.port ?? 0)
  let requests = 0
  server.on('request', () => requests++)
  return {
    url: `http://127.0.0.1:${port}/webservice.php`,
    users: crm.people.users,
    groups: crm.people.groups,
    clock: crm.clock,
    faults,
    serverZone: crm.serverZone,
    writes: crm.writes,
    get requests() {
      return requests
    },
    mails: crm.mails,
    ...browser(crm),
    records: (name) => listRecords(crm, name),
    shareCalendar: (owner, sharee, onlyOccupied = false) => crm.people.share(owner, sharee, onlyOccupied),
    addTextField: (name, label) => crm.schema.addTextField(moduleNamed(crm.schema.modules, name), label),
    addUser: (seed) => crm.people.addUser(seed),
    setUser: (change) => crm.people.setUser(change),
    renameUser: (username, to) => crm.people.renameUser(username, to),
    addGroup: (seed) => crm.people.addGroup(seed),
    setGroupMembers: (name, members) => crm.people.setGroupMembers(name, members),
    expireSessions: () => sessions.expireAll(),
    emptyAll: () => crm.store.clear(),
    reset() {
      crm.store.restart()
      crm.people.seed(options.users ?? [], options.groups ?? [])
      sessions.reset()
      Object.assign(crm.writes, { create: 0, revise: 0, update: 0, delete: 0 })
      Object.assign(crm.numbers, { contacts: 0, accounts: 0 })
      crm.mails.length = 0
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
