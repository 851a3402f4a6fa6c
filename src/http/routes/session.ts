import type { FastifyReply } from 'fastify'
import type { Panel } from '../../panel/index.ts'
import { refused } from '../../panel/index.ts'
import { COOKIE, needAdmin, needAdminOrSetup, viewerOf } from '../guard.ts'
import * as s from '../schemas.ts'
import { note, OK } from './typed.ts'
import type { App } from './typed.ts'

export interface SessionOptions {
  readonly panel: Panel
  readonly version: string
  /** Where browsers reach the panel over TLS; then cookies travel nowhere else. */
  readonly secure: boolean
  /** Shown in a frame of another site: browsers then want the cookie marked for it. */
  readonly framed: boolean
}

export function sessionRoutes(app: App, { panel, version, secure, framed }: SessionOptions): void {
  const tags = ['session']
  const cookie = { path: '/', httpOnly: true, secure, sameSite: framed && secure ? ('none' as const) : ('lax' as const), ...(framed && secure ? { partitioned: true } : {}) }

  app.get('/api/session', { schema: { tags, summary: 'Who is signed in', response: { 200: s.session } } }, async (request) => ({
    user: request.behind ?? request.viewer, seeAs: request.behind === null ? null : request.viewer, csrf: request.csrf,
    configured: panel.station.sections().config !== null, version,
  }))

  app.post('/api/session', {
    schema: { tags, summary: 'Sign in with a vtenext user name and password', body: s.credentials, response: { 200: s.session } },
    config: { rateLimit: { max: 20, timeWindow: '1 minute' } },
  }, async (request, reply) => {
    // A form on another site could sign somebody in as somebody else.
    if (['cross-site', 'same-site'].includes(String(request.headers['sec-fetch-site'] ?? ''))) throw refused(403, 'CROSS_SITE', 'Sign in on the page of the connector itself.')
    const before = request.cookies[COOKIE]
    if (before !== undefined) await panel.door.signOut(before)
    const { username, password } = request.body
    const signedIn = await panel.door.signIn(username, password, String(request.headers['user-agent'] ?? ''))
    void (reply as FastifyReply).setCookie(COOKIE, signedIn.secret, { ...cookie, expires: signedIn.expiresAt })
    return { user: signedIn.viewer, seeAs: null, csrf: signedIn.csrf, configured: true, version }
  })

  app.delete('/api/session', { schema: { tags, summary: 'Sign out', response: { 200: s.done } } }, async (request, reply) => {
    const secret = request.cookies[COOKIE]
    if (secret !== undefined) await panel.door.signOut(secret)
    void (reply as FastifyReply).clearCookie(COOKIE, cookie)
    return OK
  })

  app.get('/api/tokens', { onRequest: needAdmin, schema: { tags: ['tokens'], summary: 'API tokens for scripts', response: { 200: s.tokens } } }, async () => {
    const rows = await panel.store.panel.people.tokens()
    return { rows: rows.map(({ createdAt, usedAt, expiresAt, ...row }) => ({ ...row, createdAt: createdAt.toISOString(), usedAt: usedAt?.toISOString() ?? null, expiresAt: expiresAt.toISOString() })) }
  })

  app.post('/api/tokens', { onRequest: needAdmin, schema: { tags: ['tokens'], summary: 'Make a token; the answer is the only place where it is shown', body: s.newToken, response: { 200: s.madeToken } } }, async (request) => {
    const { name, scope, days } = request.body
    const { secret, token } = await panel.door.makeToken(viewerOf(request), name, scope, days)
    await note(panel, request, 'token.make', name, { scope, days })
    return { id: token.id, secret }
  })

  app.delete('/api/tokens/:id', { onRequest: needAdmin, schema: { tags: ['tokens'], summary: 'Withdraw a token', response: { 200: s.done } } }, async (request) => {
    const { id } = request.params as { id: string }
    if (!(await panel.store.panel.people.removeToken(id))) throw refused(404, 'NO_SUCH_TOKEN', 'There is no such token.')
    await note(panel, request, 'token.withdraw', id)
    return OK
  })

  app.get('/api/tasks/:id', { onRequest: needAdminOrSetup, schema: { tags: ['tasks'], summary: 'How far a long piece of work is', response: { 200: s.task } } }, async (request) => panel.tasks.get((request.params as { id: string }).id))
}
