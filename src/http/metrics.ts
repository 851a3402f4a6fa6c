import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Panel } from '../panel/index.ts'

/** `GET /metrics` for Prometheus: counts and states, never a mailbox as a label. */
export function metricsRoute(server: FastifyInstance, panel: Panel): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauge = <T extends string>(name: string, help: string, labelNames: T[] = []) => new Gauge<T>({ name: `connector_${name}`, help, labelNames, registers: [registry] })
  const up = gauge('configured', '1 when the connector is set up and works')
  const mailboxes = gauge('mailboxes', 'Mailboxes by how they stand', ['standing'])
  const transports = gauge('mailboxes_transport', 'Mailboxes by how they hear of changes', ['transport'])
  const queue = gauge('lane_jobs', 'Lanes that wait for a worker or are being run', ['state'])
  const changes = gauge('changes', 'Changes that wait to be carried over, and those among them that failed', ['state'])
  const linked = gauge('linked_items', 'Items kept in step')
  const attention = gauge('attention', 'What waits for a person', ['what'])
  const latency = gauge('latency_seconds', 'How long changes took to the other side in the last hour', ['side', 'quantile'])
  const jobs = gauge('job_failed', '1 when the last run of a scheduled job failed', ['job'])
  const database = gauge('database_bytes', 'Size of the database')

  async function measure(): Promise<void> {
    up.set(panel.station.running() === null ? 0 : 1)
    for (const job of panel.timetable.list()) jobs.set({ job: job.name }, job.result === 'failed' ? 1 : 0)
    if (panel.station.running() === null) return
    const [health, hour] = await Promise.all([panel.health.health(), panel.health.latency('hour')])
    for (const [standing, count] of Object.entries(health.counts)) if (standing !== 'off') mailboxes.set({ standing }, count)
    for (const [transport, count] of Object.entries(health.transports)) transports.set({ transport }, count)
    queue.set({ state: 'waiting' }, health.queue.waiting)
    queue.set({ state: 'running' }, health.queue.running)
    changes.set({ state: 'waiting' }, health.queue.changes)
    changes.set({ state: 'failing' }, health.queue.failing)
    linked.set(health.linked)
    for (const [what, count] of Object.entries(health.attention)) attention.set({ what }, count)
    database.set(health.database.bytes)
    for (const { side, p50, p95 } of hour.summary) {
      latency.set({ side, quantile: '0.5' }, p50 / 1000)
      latency.set({ side, quantile: '0.95' }, p95 / 1000)
    }
  }

  server.get('/metrics', { schema: { hide: true } }, async (_, reply) => {
    await measure()
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
