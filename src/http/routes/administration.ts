import type { Panel } from '../../panel/index.ts'
import { needAdmin, needAdminOrSetup, needUser, viewerOf } from '../guard.ts'
import * as s from '../schemas.ts'
import { note, OK } from './typed.ts'
import type { App } from './typed.ts'

export function healthRoutes(app: App, panel: Panel): void {
  const tags = ['health']
  app.get('/api/health', { onRequest: needAdmin, schema: { tags, summary: 'How everything stands', response: { 200: s.health } } }, () => panel.health.health())
  app.get('/api/latency', { onRequest: needAdmin, schema: { tags, summary: 'How long changes took to the other side, in milliseconds', querystring: s.span, response: { 200: s.latency } } }, (request) => panel.health.latency(request.query.span))
  app.get('/api/availability', { onRequest: needUser, schema: { tags, summary: 'When who is taken, without words', querystring: s.availabilityQuery, response: { 200: s.availability } } }, (request) => panel.availability.team(viewerOf(request), request.query))
}

export function userRoutes(app: App, panel: Panel): void {
  const tags = ['users']
  const { users } = panel
  app.get('/api/users', { onRequest: needAdmin, schema: { tags, summary: 'The users of the CRM and their mailboxes', querystring: s.userQuery, response: { 200: s.userPage } } }, (request) => users.list(request.query))
  app.get('/api/users/:id', { onRequest: needAdmin, schema: { tags, summary: 'One user', response: { 200: s.userRow } } }, (request) => users.one((request.params as { id: string }).id))
  app.patch('/api/users/:id', { onRequest: needAdmin, schema: { tags, summary: 'Other addresses of a connected mailbox, and whether only its free and busy times reach the CRM', body: s.userChange, response: { 200: s.userRow } } }, async (request) => {
    const { id } = request.params as { id: string }
    const changed = await users.change(id, request.body)
    await note(panel, request, 'users.change', changed.name, request.body)
    return changed
  })
  app.post('/api/users/test', { onRequest: needAdmin, schema: { tags, summary: 'Look step by step whether these mailboxes can be connected', body: s.testing, response: { 200: s.task } } }, (request) => users.test(request.body.users))
  app.post('/api/users/enable', { onRequest: needAdmin, schema: { tags, summary: 'Connect mailboxes', body: s.enablingMany, response: { 200: s.done } } }, async (request) => {
    await users.enable(request.body.users, request.body.takeUp)
    await note(panel, request, 'users.enable', `${request.body.users.length}`, { users: request.body.users.slice(0, 50), takeUp: request.body.takeUp })
    return OK
  })
  const each = (path: string, action: string, summary: string, work: (ids: readonly string[]) => Promise<void>) =>
    app.post(`/api/users/${path}`, { onRequest: needAdmin, schema: { tags, summary, body: s.someUsers, response: { 200: s.done } } }, async (request) => {
      await work(request.body.ids)
      await note(panel, request, action, `${request.body.ids.length}`, { ids: request.body.ids.slice(0, 50) })
      return OK
    })
  each('disconnect', 'users.disconnect', 'Disconnect mailboxes; deletes nothing', (ids) => users.disconnect(ids))
  each('pause', 'users.pause', 'Pause mailboxes', (ids) => users.setPaused(ids, true))
  each('resume', 'users.resume', 'Go on with paused mailboxes', (ids) => users.setPaused(ids, false))
  each('sync', 'users.sync', 'Synchronise now', (ids) => users.syncNow(ids))
  app.post('/api/users/reset', { onRequest: needAdmin, schema: { tags, summary: 'Read mailboxes again from the start; deletes nothing', body: s.resetting, response: { 200: s.done } } }, async (request) => {
    const { ids, existing, takeUp } = request.body
    await users.reset(ids, existing, takeUp)
    await note(panel, request, 'users.reset', `${ids.length}`, { ids: ids.slice(0, 50), existing, takeUp })
    return OK
  })
}

export function policyRoutes(app: App, panel: Panel): void {
  const tags = ['policies']
  const { policies, station } = panel
  const groups = async () => ({ rows: await policies.groups(), defaultContactUser: station.need().connector.config.policy.defaultContactUser })
  app.get('/api/groups', { onRequest: needAdmin, schema: { tags, summary: 'Groups of the CRM with their members, and who gets contacts without an assignee', response: { 200: s.groups } } }, groups)
  app.put('/api/groups/:id', { onRequest: needAdmin, schema: { tags, summary: 'Set the members of a group', body: s.members, response: { 200: s.groups } } }, async (request) => {
    const { id } = request.params as { id: string }
    await policies.setMembers(id, request.body.members)
    await note(panel, request, 'group.members', id, request.body)
    return groups()
  })
  app.get('/api/policy', { onRequest: needAdmin, schema: { tags, summary: "The company's policy", response: { 200: s.companyPolicy } } }, async () => policies.company())
  app.put('/api/policy', { onRequest: needAdmin, schema: { tags, summary: "Change the company's policy", body: s.policyChange, response: { 200: s.companyPolicy } } }, async (request) => {
    await policies.changeCompany(request.body)
    await note(panel, request, 'policy.change', '', request.body)
    return policies.company()
  })
  app.get('/api/policy/users', { onRequest: needAdmin, schema: { tags, summary: 'What holds for each user', querystring: s.listQuery, response: { 200: s.effectivePage } } }, (request) => policies.effective(request.query))
}

export function jobRoutes(app: App, panel: Panel): void {
  const tags = ['jobs']
  const { timetable } = panel
  const nameOf = (request: { params: unknown }) => (request.params as { name: string }).name
  app.get('/api/jobs', { onRequest: needAdmin, schema: { tags, summary: 'The scheduled jobs', response: { 200: s.jobs } } }, async () => ({ rows: timetable.list() }))
  app.patch('/api/jobs/:name', { onRequest: needAdmin, schema: { tags, summary: 'Pause a job or change its schedule', body: s.jobChange, response: { 200: s.job } } }, async (request) => {
    const changed = await timetable.change(nameOf(request), request.body)
    await note(panel, request, 'job.change', changed.name, request.body)
    return changed
  })
  app.post('/api/jobs/:name/run', { onRequest: needAdmin, schema: { tags, summary: 'Run a job now', response: { 200: s.job } } }, async (request) => {
    const asked = timetable.runNow(nameOf(request))
    await note(panel, request, 'job.run', asked.name)
    return asked
  })
}

/** Connecting servers: by an administrator, or at the first start by whoever holds the set-up token. */
export function connectRoutes(app: App, panel: Panel): void {
  const tags = ['connect']
  const onRequest = needAdminOrSetup
  const { connect } = panel
  app.post('/api/connect/crm', { onRequest, schema: { tags, summary: 'Try out a CRM', body: s.crmDraft, response: { 200: s.steps } } }, (request) => connect.testCrm(request.body))
  app.get('/api/connect/crm', { onRequest: needAdmin, schema: { tags, summary: 'How the CRM is asked', response: { 200: s.crmSettings } } }, async () => connect.crmSettings())
  app.patch('/api/connect/crm', { onRequest: needAdmin, schema: { tags, summary: 'Change how often the CRM is asked, and which field gets the Exchange id', body: s.crmChange, response: { 200: s.crmSettings } } }, async (request) => {
    const changed = await connect.changeCrm(request.body)
    await note(panel, request, 'connect.change', 'crm', request.body)
    return changed
  })
  app.get('/api/connect/exchange', { onRequest: needAdmin, schema: { tags, summary: 'The Exchange connections, without their secrets', response: { 200: s.connections } } }, async () => ({ rows: connect.connections() }))
  app.post('/api/connect/exchange', { onRequest, schema: { tags, summary: 'Try out an Exchange connection with one mailbox', body: s.connectionTest, response: { 200: s.steps } } }, (request) => {
    const { connection, mailbox, username, password, change } = request.body
    return connect.testConnection(connection as Parameters<typeof connect.testConnection>[0], mailbox, username === undefined || password === undefined ? undefined : { username, password }, change)
  })
  app.get('/api/connect/users', { onRequest, schema: { tags, summary: "The CRM's users with the mailbox each probably has", querystring: s.listQuery, response: { 200: s.candidates } } }, (request) => connect.users(request.query))
  app.post('/api/connect/preview', { onRequest, schema: { tags, summary: 'What the first sync would do; nothing is written', body: s.choosing, response: { 200: s.task } } }, async (request) => connect.preview(request.body.users))
  app.post('/api/connect/finish', { onRequest, schema: { tags, summary: 'Store what was tried out, and start', body: s.finishing, response: { 200: s.done } } }, async (request) => {
    const { users, takeUp } = request.body
    await connect.finish(users, takeUp)
    if (!request.bySetupToken) await note(panel, request, 'connect.finish', `${users.length}`, { users: users.slice(0, 50), takeUp })
    return OK
  })
  app.delete('/api/connect/exchange/:name', { onRequest: needAdmin, schema: { tags, summary: 'Remove an Exchange connection that nobody uses', response: { 200: s.done } } }, async (request) => {
    const { name } = request.params as { name: string }
    await connect.removeConnection(name)
    await note(panel, request, 'connect.remove', name)
    return OK
  })
}
