import type { GraphSim, GraphSnapshot } from '../graph/index.ts'
import type { Route } from './ews-routes.ts'

/** The body is whatever the caller sent; each route checks what it needs. */
type Body = any

/** A missing key is answered with what is missing and how the request should look. */
function need(body: Body, route: string, ...keys: string[]): void {
  const missing = keys.filter((key) => body[key] === undefined)
  if (missing.length === 0) return
  const example = keys.map((key) => `"${key}": ...`).join(', ')
  throw new Error(`graph/${route} needs ${missing.join(' and ')}: send {${example}} as JSON.`)
}

function state(sim: GraphSim): object {
  return {
    url: sim.url,
    login: sim.login,
    now: new Date(sim.clock.now()).toISOString(),
    mailboxes: sim.mailboxes.length,
    writes: sim.writes,
    mails: sim.outbox.length,
    subscriptions: sim.subscriptions,
    switches: sim.world.switches,
  }
}

type Add = (name: string, keys: string[], optional: string, run: (body: Body) => unknown) => void

/** The control routes of the simulated cloud, by name; each takes and gives JSON. */
export function graphControl(sim: GraphSim): Record<string, Route> {
  const routes: Record<string, Route> = {}
  const add: Add = (name, keys, optional, run) => {
    routes[name] = {
      takes: `{${[...keys, ...(optional ? [optional] : [])].join(', ')}}`,
      run(body) {
        need(body, name, ...keys)
        return run(body) ?? { ok: true }
      },
    }
  }
  addItems(sim, add)
  addMailboxes(sim, add)
  addSignIn(sim, add)
  addTrouble(sim, add)
  return routes
}

function addItems(sim: GraphSim, add: Add): void {
  add('state', [], '', () => state(sim))
  add('mailboxes', [], '', () => sim.mailboxes)
  add('outbox', [], '', () => sim.outbox)
  add('items', ['address'], 'folder?', (body) => sim.items(body.address, body.folder))
  add('put', ['address', 'folder', 'fields'], '', (body) => sim.putItem(body.address, body.folder, body.fields))
  add('edit', ['address', 'id', 'fields'], '', (body) => sim.editItem(body.address, body.id, body.fields))
  add('delete', ['address', 'id'], '', (body) => sim.deleteItem(body.address, body.id))
  add('move', ['address', 'id', 'folder'], '', (body) => sim.moveItem(body.address, body.id, body.folder))
  add('occurrence', ['address', 'id', 'date'], '', (body) => sim.occurrence(body.address, body.id, body.date) ?? { gone: true })
  add('addFolder', ['address', 'name', 'kind'], 'kind: event | contact | task', (body) => ({ id: sim.addFolder(body.address, body) }))
}

function addMailboxes(sim: GraphSim, add: Add): void {
  const snapshots = new Map<string, GraphSnapshot>()
  add('addMailbox', ['address'], 'username?, password?, zone?, enabled?', (body) => {
    sim.addMailbox(body)
    return sim.mailboxes.find((mailbox) => mailbox.address === body.address)
  })
  add('removeMailbox', ['address'], '', (body) => sim.removeMailbox(body.address))
  add('setEnabled', ['address', 'enabled'], '', (body) => sim.setEnabled(body.address, body.enabled === true))
  add('emptyMailbox', ['address'], 'silent?', (body) => sim.emptyMailbox(body.address, { silent: body.silent === true }))
  add('resetMailbox', ['address'], '', (body) => sim.resetMailbox(body.address))
  add('resetDeltaTokens', [], 'address?', (body) => sim.resetDeltaTokens(body.address))
  add('snapshot', ['name'], '', (body) => void snapshots.set(body.name, sim.snapshot()))
  add('restore', ['name'], '', (body) => {
    const snapshot = snapshots.get(body.name)
    if (!snapshot) throw new Error(`There is no snapshot ${body.name}. Taken: ${[...snapshots.keys()].join(', ') || 'none'}.`)
    sim.restore(snapshot)
  })
}

function addSignIn(sim: GraphSim, add: Add): void {
  add('setPassword', ['address', 'password'], '', (body) => sim.setPassword(body.address, body.password))
  add('revokeRefreshTokens', [], 'address?', (body) => sim.entra.revokeRefreshTokens(body.address))
  add('expireAccessTokens', [], 'address?', (body) => sim.entra.expireAccessTokens(body.address))
  add('expireSecret', [], '', () => sim.entra.expireSecret())
  add('addSecret', [], 'value?', (body) => ({ clientSecret: sim.entra.addSecret(body.value) }))
  add('addCertificate', ['pem'], '', (body) => sim.entra.addCertificate(body.pem))
  add('setRoles', ['roles'], '', (body) => sim.setRoles(body.roles))
  add('restrictApplication', ['addresses'], 'null: all', (body) => sim.restrictApplication(body.addresses))
}

function addTrouble(sim: GraphSim, add: Add): void {
  add('faults', ['effect'], 'operation?, subject?, times?, skip?', (body) => sim.faults.add(body))
  add('clearFaults', [], '', () => sim.faults.clear())
  add('throttle', [], 'operation?, subject?, times?, seconds?, asDate?', (body) => {
    const seconds = body.seconds ?? 10
    const after = body.asDate === true ? new Date(sim.clock.now() + seconds * 1000).toUTCString() : String(seconds)
    const error = { code: 'ApplicationThrottled', message: 'Application is over its MailboxConcurrency limit.' }
    const effect = { type: 'status' as const, status: 429, headers: { 'retry-after': after }, body: JSON.stringify({ error }) }
    const { operation, subject, times = 1 } = body
    sim.faults.add({ ...(operation ? { operation } : {}), ...(subject ? { subject } : {}), times, effect })
  })
  add('outage', ['status'], 'null: over', (body) => sim.outage(body.status))
  add('switches', [], Object.keys(sim.world.switches).map((name) => `${name}?`).join(', '), (body) => {
    sim.setSwitches(body)
    return sim.world.switches
  })
  add('limits', [], 'concurrency?, requests?', (body) => sim.setLimits(body))
  add('repeatNotifications', ['copies'], '', (body) => sim.repeatNotifications(body.copies))
  add('loseNotifications', ['on'], '', (body) => sim.loseNotifications(body.on === true))
  add('removeSubscriptions', [], 'address?', (body) => sim.removeSubscriptions(body.address))
  add('lifecycle', ['address', 'event'], 'event: reauthorizationRequired | subscriptionRemoved | missed', (body) => ({
    told: sim.lifecycle(body.address, body.event),
  }))
}
