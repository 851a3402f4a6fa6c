import type { EwsSim, EwsSnapshot } from '../ews/index.ts'

/** The body is whatever the caller sent; each route checks what it needs. */
type Body = any

export interface Route {
  /** One line for the list of routes: the keys of the body. */
  takes: string
  run(body: Body): unknown
}

/** A missing key is answered with what is missing and how the request should look. */
function need(body: Body, route: string, ...keys: string[]): void {
  const missing = keys.filter((key) => body[key] === undefined)
  if (missing.length === 0) return
  const example = keys.map((key) => `"${key}": ...`).join(', ')
  throw new Error(`ews/${route} needs ${missing.join(' and ')}: send {${example}} as JSON.`)
}

function state(sim: EwsSim): object {
  return {
    url: sim.url,
    now: new Date(sim.clock.now()).toISOString(),
    mailboxes: sim.mailboxes.length,
    writes: sim.writes,
    requests: sim.requests,
    mails: sim.outbox.length,
    subscriptions: sim.subscriptions,
    openStreams: sim.openStreams,
  }
}

type Add = (name: string, keys: string[], optional: string, run: (body: Body) => unknown) => void

/**
 * Meetings. `occurrence` is the date of an occurrence in its series' zone, or its original start as ISO text; without
 * it the whole meeting is meant. A user's own meeting is made with ews/put and ews/edit: with `send: true` among its
 * fields the attendees are told.
 */
function addMeetings(sim: EwsSim, add: Add): void {
  add(
    'meetings',
    ['organizer', 'fields'],
    'uid?, occurrence?, zone?: somebody elsewhere invites, with uid updates',
    (body) => sim.inviteFromOutside(body),
  )
  add('cancelMeeting', ['organizer', 'uid'], 'occurrence?: by an organizer here or elsewhere', (body) =>
    sim.cancelMeeting(body),
  )
  add(
    'answerMeeting',
    ['organizer', 'uid', 'attendee', 'response'],
    'occurrence?: somebody elsewhere answers accept | tentative | decline | none',
    (body) => sim.answerFromOutside(body, body.attendee, body.response),
  )
  add(
    'respond',
    ['address', 'id', 'response'],
    'send?: a user here answers accept | tentative | decline in Outlook',
    (body) => sim.respond(body.address, body.id, body.response, { send: body.send !== false }),
  )
}

/** The control routes of the simulated Exchange server, by name; each takes and gives JSON. */
export function ewsControl(sim: EwsSim): Record<string, Route> {
  const snapshots = new Map<string, EwsSnapshot>()
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
  add('state', [], '', () => state(sim))
  add('mailboxes', [], '', () => sim.mailboxes)
  add('items', ['address'], 'folder?', (body) => sim.items(body.address, body.folder))
  add('occurrences', ['address', 'id', 'from', 'to'], '', (body) =>
    sim.occurrences(body.address, body.id, body.from, body.to),
  )
  add('put', ['address', 'folder', 'fields'], '', (body) => sim.putItem(body.address, body.folder, body.fields))
  add('edit', ['address', 'id', 'fields'], '', (body) => sim.editItem(body.address, body.id, body.fields))
  add('delete', ['address', 'id'], 'type?: MoveToDeletedItems | SoftDelete | HardDelete, send?', (body) =>
    sim.deleteItem(body.address, body.id, body.type, { send: body.send === true }),
  )
  addMeetings(sim, add)
  add('move', ['address', 'id', 'folder'], '', (body) => sim.moveItem(body.address, body.id, body.folder))
  add('addFolder', ['address', 'name', 'folderClass'], 'parent?', (body) => sim.addFolder(body.address, body))
  add('emptyMailbox', ['address'], 'silent?', (body) =>
    sim.emptyMailbox(body.address, { silent: body.silent === true }),
  )
  add('resetMailbox', ['address'], '', (body) => sim.resetMailbox(body.address))
  add('moveMailbox', ['address'], 'inProgressMs?', (body) =>
    sim.moveMailbox(body.address, { inProgressMs: body.inProgressMs ?? 0 }),
  )
  add('snapshot', ['name'], '', (body) => void snapshots.set(body.name, sim.snapshot()))
  add('restore', ['name'], '', (body) => {
    const snapshot = snapshots.get(body.name)
    if (!snapshot)
      throw new Error(`There is no snapshot ${body.name}. Taken: ${[...snapshots.keys()].join(', ') || 'none'}.`)
    sim.restore(snapshot)
  })
  add('invalidateSyncStates', [], 'address?', (body) => sim.invalidateSyncStates(body.address))
  add('killSubscriptions', [], 'address?', (body) => sim.killSubscriptions(body.address))
  add('loseEvents', ['on'], '', (body) => sim.loseEvents(body.on === true))
  add('setPassword', ['address', 'password'], '', (body) => sim.setPassword(body.address, body.password))
  add('signIns', [], '', () => sim.signIns)
  add('unlock', ['username'], '', (body) => sim.unlock(body.username))
  add('grant', ['address', 'folder', 'user', 'role'], '', (body) => sim.grant(body.address, body.folder, body.user, body.role))
  add('setCondition', ['address'], 'condition?: disabled | password-expired | full | offline', (body) =>
    sim.setCondition(body.address, body.condition ?? null),
  )
  add('renameMailbox', ['address', 'to'], '', (body) => sim.renameMailbox(body.address, body.to))
  add('renameFolder', ['address', 'folder', 'name'], '', (body) =>
    sim.renameFolder(body.address, body.folder, body.name),
  )
  add('removeFolder', ['address', 'folder'], '', (body) => sim.removeFolder(body.address, body.folder))
  add('setDefaultFolder', ['address', 'distinguished', 'folder'], '', (body) =>
    sim.setDefaultFolder(body.address, body.distinguished, body.folder),
  )
  add('addArchive', ['address', 'name', 'folderClass'], '', (body) => sim.addArchive(body.address, body))
  add('setLocation', ['address'], 'location?: {ewsUrl?, grouping?, redirectAddress?, redirectUrl?, httpRedirect?}', (body) =>
    sim.setLocation(body.address, body.location ?? null),
  )
  add('closeConnections', [], '', () => sim.closeConnections())
  add('addMailbox', ['address'], 'aliases?, username?, password?, zone?', (body) => {
    sim.addMailbox(body)
    return sim.mailboxes.find((mailbox) => mailbox.address === body.address)
  })
  add('removeMailbox', ['address'], '', (body) => sim.removeMailbox(body.address))
  add('faults', ['effect'], 'operation?, subject?, times?, skip?', (body) => sim.faults.add(body))
  add('clearFaults', [], '', () => sim.faults.clear())
  add('outbox', [], '', () => sim.outbox)
  return routes
}
