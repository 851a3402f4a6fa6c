import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { addGraphNotifications } from './graph-notifications.ts'
import type { ReceiveNotifications } from './graph-notifications.ts'

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
}

/**
 * The service's own small HTTP face: `GET /healthz` (the process lives), `GET /readyz` (it does its work; 503 with the
 * reasons where not), `POST /notify/crm` (poll the CRM now), `POST /notify/graph/<connection>` (Microsoft 365's notifications). Tells counts and states, never contents or addresses.
 * @throws when the port is taken
 */
export async function startHttp(options: HttpOptions): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server: FastifyInstance = fastify({ bodyLimit: 64 * 1024, forceCloseConnections: true })
  server.get('/healthz', () => ({ ok: true }))
  server.get('/readyz', async (_, reply) => {
    const health = await options.health()
    return reply.code(health.ok ? 200 : 503).send({ ok: health.ok, ...health.details })
  })
  server.post('/notify/crm', async (_, reply) => {
    await options.ping()
    return reply.code(202).send({ ok: true })
  })
  addGraphNotifications(server, options.receiveNotifications)
  const url = await server.listen({ host: options.host, port: options.port })
  return { url, stop: () => server.close() }
}
