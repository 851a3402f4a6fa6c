import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Panel, Viewer } from '../panel/index.ts'
import { mustBeAdmin, refused, sameSecret } from '../panel/index.ts'
import { assigneeId } from '../model/index.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard, null before a sign-in. */
    viewer: Viewer | null
    /** The administrator behind `viewer`, while he sees as somebody else. */
    behind: Viewer | null
    csrf: string | null
    bySetupToken: boolean
  }
}

export const COOKIE = 'connector_session'

export interface GuardOptions {
  readonly panel: Panel
  /** Opens the set-up while there is no configuration; null afterwards. */
  setupToken(): string | null
  /** Called with whoever brings a secret that is none. @throws Refusal when somebody guesses */
  stranger(request: FastifyRequest): Promise<void>
}

/** The route that answers, however its address was written. */
export const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? request.url

/**
 * Finds out who asks, before anything else: by cookie (then every change needs the session's CSRF token), by API token, or
 * by the set-up token.
 */
export function guard(app: FastifyInstance, { panel, setupToken, stranger }: GuardOptions): void {
  app.decorateRequest('viewer', null)
  app.decorateRequest('behind', null)
  app.decorateRequest('csrf', null)
  app.decorateRequest('bySetupToken', false)

  app.addHook('onRequest', async (request) => {
    if (!routeOf(request).startsWith('/api/')) return
    await identify(request)
    const isChange = !['GET', 'HEAD', 'OPTIONS'].includes(request.method)
    const cookie = request.csrf !== null
    if (isChange && cookie && !sameSecret(String(request.headers['x-csrf-token'] ?? ''), request.csrf ?? '')) {
      throw refused(403, 'BAD_CSRF_TOKEN', 'The page is out of date. Load it again.')
    }
    if (isChange && request.viewer?.readOnly === true && !(request.behind === null && routeOf(request) === '/api/session')) {
      throw refused(403, 'READ_ONLY', request.behind === null ? 'This token is for reading only.' : 'While you see as somebody else, nothing can be changed.')
    }
  })

  async function identify(request: FastifyRequest): Promise<void> {
    const authorization = request.headers.authorization
    const setup = request.headers['x-setup-token']
    const expected = setupToken()
    if (typeof setup === 'string' && expected !== null) {
      if (!sameSecret(setup, expected)) {
        await stranger(request)
        throw refused(401, 'BAD_SETUP_TOKEN', 'This set-up address is not valid (any more). The service prints the right one at its start.')
      }
      request.bySetupToken = true
      return
    }
    if (authorization?.startsWith('Bearer ') === true) {
      request.viewer = await panel.door.tokenOf(authorization.slice(7))
      if (request.viewer === null) {
        await stranger(request)
        throw refused(401, 'BAD_TOKEN', 'This API token is unknown or has ended. An administrator can make another one.')
      }
      return
    }
    const secret = request.cookies[COOKIE]
    const session = secret === undefined ? null : await panel.door.sessionOf(secret)
    if (session === null) return
    request.viewer = session.viewer
    request.csrf = session.csrf
    await seeAs(request, session.viewer)
  }

  /** An administrator may look at a user's pages as that user sees them; he changes nothing there. */
  async function seeAs(request: FastifyRequest, admin: Viewer): Promise<void> {
    // A stream cannot carry headers.
    const wanted = request.headers['x-see-as']
    if (typeof wanted !== 'string' || wanted === '') return
    mustBeAdmin(admin)
    const user = await panel.door.userById(assigneeId(wanted))
    if (user === undefined) throw refused(404, 'NO_SUCH_USER', 'The CRM has no such user.')
    request.behind = admin
    request.viewer = { id: user.id, name: user.name, fullName: user.fullName || user.name, admin: false, zone: user.zone, readOnly: true }
  }
}

/** @throws Refusal when nobody is signed in */
export function viewerOf(request: FastifyRequest): Viewer {
  if (request.viewer === null) throw refused(401, 'SIGN_IN', 'Sign in first.')
  return request.viewer
}

export const needUser = async (request: FastifyRequest): Promise<void> => void viewerOf(request)

export async function needAdmin(request: FastifyRequest): Promise<void> {
  mustBeAdmin(viewerOf(request))
}

/** Administrators, and whoever holds the set-up token before there are any. */
export async function needAdminOrSetup(request: FastifyRequest, _reply: FastifyReply): Promise<void> {
  if (!request.bySetupToken) mustBeAdmin(viewerOf(request))
}
