import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import type { FastifyError, FastifyInstance } from 'fastify'
import { hasZodFastifySchemaValidationErrors, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { asSyncError, SyncError } from '../lib/errors.ts'
import { digest, Refusal } from '../panel/index.ts'
import type { Panel } from '../panel/index.ts'
import type { Log } from '../ports.ts'
import { serveAssets } from './assets.ts'
import { addGraphNotifications } from './graph-notifications.ts'
import type { ReceiveNotifications } from './graph-notifications.ts'
import { COOKIE, guard, routeOf } from './guard.ts'
import { metricsRoute } from './metrics.ts'
import { describeRoute, OUTSIDE } from './openapi.ts'
import { connectRoutes, healthRoutes, jobRoutes, policyRoutes, userRoutes } from './routes/administration.ts'
import { activityRoutes, attentionRoutes, liveRoute, meRoutes } from './routes/everyday.ts'
import { sessionRoutes } from './routes/session.ts'
import type { App } from './routes/typed.ts'

export interface Health {
  /** Whether the service does its work. */
  readonly ok: boolean
  readonly details: Readonly<Record<string, unknown>>
}

export interface HttpOptions {
  readonly host: string
  readonly port: number
  health(): Promise<Health>
  /** The CRM says that something changed. */
  ping(): Promise<void>
  /** Microsoft 365 says that something changed. */
  readonly receiveNotifications: ReceiveNotifications
  readonly panel?: PanelFace
}

export interface PanelFace {
  readonly panel: Panel
  /** Opens the set-up while there is no configuration; null afterwards. */
  setupToken(): string | null
  readonly version: string
  /** How browsers reach us, where a proxy stands before us. */
  readonly publicUrl?: string | undefined
  /** Who may show the panel in a frame. */
  readonly frameAncestors: readonly string[]
  /** The folder of the built pages; null serves the API alone. */
  readonly assets: string | null
  readonly log: Log
}

/**
 * The service's HTTP face: `GET /healthz` (the process lives), `GET /readyz` (it does its work; 503 with the reasons where
 * not), `POST /notify/crm` (poll the CRM now), `POST
 * /notify/graph/<connection>` (Microsoft 365's notifications), `GET /metrics`, and with a panel its API below `/api` and its pages. The
 * first four tell counts and states, never contents or addresses.
 * @throws when the port is taken
 */
export async function startHttp(options: HttpOptions): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server: FastifyInstance = fastify({ bodyLimit: 512 * 1024, forceCloseConnections: true, routerOptions: { maxParamLength: 500 } })
  if (options.panel !== undefined) await addPanel(server, options.panel, options)
  server.get('/healthz', { schema: { hide: true } }, () => ({ ok: true }))
  server.get('/readyz', { schema: { hide: true } }, async (_, reply) => {
    const health = await options.health()
    return reply.code(health.ok ? 200 : 503).send({ ok: health.ok, ...health.details })
  })
  server.post('/notify/crm', { schema: { hide: true } }, async (_, reply) => {
    await options.ping()
    return reply.code(202).send({ ok: true })
  })
  addGraphNotifications(server, options.receiveNotifications)
  const url = await server.listen({ host: options.host, port: options.port })
  return { url, stop: () => server.close() }
}

async function addPanel(server: FastifyInstance, face: PanelFace, { host }: HttpOptions): Promise<void> {
  const { panel, frameAncestors, log } = face
  const secure = face.publicUrl?.startsWith('https:') ?? false
  const publicUrl = () => face.publicUrl?.replace(/\/$/, '') ?? ownUrl(server, host)
  server.setValidatorCompiler(validatorCompiler)
  server.setSerializerCompiler(serializerCompiler)
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, code, message } = problemOf(error, request.url, log)
    return reply.code(status).send({ error: { code, message } })
  })
  await server.register(cookie)
  await server.register(helmet, {
    contentSecurityPolicy: false,
    frameguard: frameAncestors.length === 0,
    // A window that signs in at Microsoft comes back and tells the page that opened it.
    crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
    crossOriginEmbedderPolicy: false,
    hsts: secure,
    referrerPolicy: { policy: 'same-origin' },
  })
  await server.register(rateLimit, {
    max: 1200, timeWindow: '1 minute',
    // One who is signed in counts for himself, others may share his address; who only says so does not.
    keyGenerator: (request) => {
      const route = routeOf(request)
      const secret = request.cookies[COOKIE] ?? request.headers.authorization
      const isStranger = route.startsWith('/api/') && (request.viewer === null || (request.method === 'POST' && route === '/api/session'))
      return secret === undefined || isStranger ? request.ip : digest(secret)
    },
    errorResponseBuilder: (_, { after }) => tooMany(after),
  })
  await server.register(swagger, {
    openapi: {
      info: { title: 'Exchange connector', description: 'Everything the control panel does. Scripts send an API token: "Authorization: Bearer ec_…".', version: face.version },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token, made in the panel under Settings.' },
          session: { type: 'apiKey', in: 'cookie', name: COOKIE, description: 'A signed-in browser; changes also need the header x-csrf-token from GET /api/session.' },
          setup: { type: 'apiKey', in: 'header', name: 'x-setup-token', description: 'The one-time token that the service prints while it is not set up.' },
        },
      },
      security: [{ token: [] }, { session: [] }],
      paths: OUTSIDE,
    },
    transform: describeRoute,
  })
  const guesses = server.createRateLimit({ max: GUESSES, timeWindow: '1 minute', keyGenerator: ({ ip }) => ip })
  guard(server, {
    panel,
    setupToken: () => face.setupToken(),
    async stranger(request) {
      const found = await guesses(request)
      if (!found.isAllowed && found.isExceeded) throw tooMany(`${found.ttlInSeconds} seconds`)
    },
  })
  server.addHook('onRequest', async (request, reply) => {
    if (routeOf(request).startsWith('/api/')) reply.header('cache-control', 'no-store')
  })
  await server.register(async (scope) => {
    const app = scope.withTypeProvider() as unknown as App
    sessionRoutes(app, { panel, version: face.version, secure, framed: frameAncestors.length > 0 })
    healthRoutes(app, panel)
    userRoutes(app, panel)
    policyRoutes(app, panel)
    jobRoutes(app, panel)
    connectRoutes(app, panel)
    activityRoutes(app, panel)
    attentionRoutes(app, panel)
    meRoutes(app, panel, publicUrl)
    liveRoute(app, panel)
  })
  server.get('/api/openapi.json', { schema: { hide: true } }, () => server.swagger())
  metricsRoute(server, panel)
  await serveAssets(server, face.assets, frameAncestors)
}

/** Secrets that are none, from one address in a minute. */
const GUESSES = 100

const tooMany = (after: string) => new Refusal(429, 'TOO_MANY_REQUESTS', `Too many requests. Go on in ${after}.`)

function ownUrl(server: FastifyInstance, host: string): string {
  const address = server.server.address()
  return `http://${host === '0.0.0.0' ? 'localhost' : host}:${typeof address === 'object' ? (address?.port ?? '') : ''}`
}

function problemOf(error: FastifyError, url: string, log: Log): { status: number; code: string; message: string } {
  if (error instanceof Refusal) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const parts = error.validation.map((issue) => `${issue.instancePath.replace(/^\//, '').replaceAll('/', '.') || 'the request'}: ${issue.message ?? 'not valid'}`)
    return { status: 400, code: 'BAD_REQUEST', message: parts.join('; ') }
  }
  if (error instanceof SyncError) return { status: error.scope === 'system' || error.scope === 'server' ? 503 : 409, code: error.code, message: error.message }
  if (error.statusCode !== undefined && error.statusCode < 500) return { status: error.statusCode, code: error.code, message: error.message }
  log.error({ code: asSyncError(error).code, path: url.split('?')[0], stack: error.stack }, `A request failed: ${error.message}`)
  return { status: 500, code: 'UNEXPECTED', message: 'Something went wrong here; the log of the service tells more.' }
}
