import type { FaultRule } from '../faults.ts'
import type { SeriesOptions, SimCrmUserSeed, SimGroupSeed, VtenextSim } from '../vtenext/index.ts'

const MODULES = ['Events', 'Calendar', 'Contacts', 'Accounts']

/** The body of a control request: a JSON object whose keys each route names in its comment. */
type Body = any

/** A missing key is answered with what is missing and how the request should look. */
function need(body: Body, route: string, ...keys: string[]): void {
  const missing = keys.filter((key) => body?.[key] === undefined)
  if (missing.length === 0) return
  const example = keys.map((key) => `"${key}": ...`).join(', ')
  throw new Error(`vtenext/${route} needs ${missing.join(' and ')}: send {${example}} as JSON.`)
}

function state(sim: VtenextSim): object {
  const records = Object.fromEntries(
    MODULES.map((module) => [module, sim.records(module).filter((record) => !record.deleted).length]),
  )
  return {
    url: sim.url,
    now: sim.clock.now(),
    serverZone: sim.serverZone,
    records,
    writes: sim.writes,
    requests: sim.requests,
    mails: sim.mails,
  }
}

/**
 * The control routes of the simulated CRM, by name; each takes and gives JSON. They throw an Error with a message for
 * the caller where the body lacks something or names what does not exist.
 */
export function vtenextControl(sim: VtenextSim): Record<string, (body: Body) => unknown> {
  const done = (): object => ({ ok: true })
  return {
    state: () => state(sim),
    users: () => ({ users: sim.users, groups: sim.groups }),
    /** {module} */
    records(body) {
      need(body, 'records', 'module')
      return sim.records(body.module)
    },
    /** {module, fields, as?} */
    put(body) {
      need(body, 'put', 'module', 'fields')
      return { id: sim.put(body.module, body.fields, body.as === undefined ? {} : { as: body.as }) }
    },
    /** {id, fields, as?} */
    edit(body) {
      need(body, 'edit', 'id', 'fields')
      sim.edit(body.id, body.fields, body.as === undefined ? {} : { as: body.as })
      return done()
    },
    /** {id} */
    remove(body) {
      need(body, 'remove', 'id')
      sim.remove(body.id)
      return done()
    },
    /** {id} */
    restore(body) {
      need(body, 'restore', 'id')
      sim.restore(body.id)
      return done()
    },
    /** {id} */
    purge(body) {
      need(body, 'purge', 'id')
      sim.purge(body.id)
      return done()
    },
    /** {id, userId, participation}: 0 no answer, 1 no, 2 yes */
    answerInvitation(body) {
      need(body, 'answerInvitation', 'id', 'userId', 'participation')
      sim.answerInvitation(body.id, body.userId, body.participation)
      return done()
    },
    /** {fields, count, as?, everyDays?} */
    makeSeries(body) {
      need(body, 'makeSeries', 'fields', 'count')
      return { ids: sim.makeSeries(body as SeriesOptions) }
    },
    /** {owner, sharee, onlyOccupied?} */
    shareCalendar(body) {
      need(body, 'shareCalendar', 'owner', 'sharee')
      sim.shareCalendar(body.owner, body.sharee, body.onlyOccupied === true)
      return done()
    },
    /** {module, label} */
    addTextField(body) {
      need(body, 'addTextField', 'module', 'label')
      return { name: sim.addTextField(body.module, body.label) }
    },
    /** {username, ...} */
    addUser(body) {
      need(body, 'addUser', 'username')
      return sim.addUser(body as SimCrmUserSeed)
    },
    /** {username, ...} */
    setUser(body) {
      need(body, 'setUser', 'username')
      return sim.setUser(body as SimCrmUserSeed)
    },
    /** {username, to} */
    renameUser(body) {
      need(body, 'renameUser', 'username', 'to')
      return sim.renameUser(body.username, body.to)
    },
    /** {name, members?} */
    addGroup(body) {
      need(body, 'addGroup', 'name')
      return sim.addGroup(body as SimGroupSeed)
    },
    /** {name, members} */
    setGroupMembers(body) {
      need(body, 'setGroupMembers', 'name', 'members')
      sim.setGroupMembers(body.name, body.members)
      return done()
    },
    /** {operation?, subject?, times?, skip?, effect} */
    faults(body) {
      need(body, 'faults', 'effect')
      sim.faults.add(body as FaultRule)
      return done()
    },
    clearFaults() {
      sim.faults.clear()
      return done()
    },
    expireSessions() {
      sim.expireSessions()
      return done()
    },
    emptyAll() {
      sim.emptyAll()
      return done()
    },
    reset() {
      sim.reset()
      return done()
    },
  }
}
