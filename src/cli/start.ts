import type { Command } from 'commander'
import { loadConfig, surroundings } from '../config.ts'
import type { Config, Surroundings } from '../config.ts'
import { newTotals, startService } from '../engine/index.ts'
import type { Service } from '../engine/index.ts'
import type { Health } from '../http/server.ts'
import { SyncError } from '../lib/errors.ts'
import { createLog, openConnector } from '../main.ts'
import type { Connector } from '../main.ts'
import type { Log } from '../ports.ts'
import { wholeNumber } from './options.ts'
import { explain } from './output.ts'
import type { CommonOptions } from './session.ts'

export function startCommand(command: Command): void {
  command
    .description('keep both sides in step until stopped')
    .option('--port <n>', 'port of the health page; 0 takes any free one', wholeNumber(0))
    .action(async (options: CommonOptions & { port?: number }) => {
      try {
        const around = surroundings(options)
        const config = loadConfig(around.configFile)
        const running = await startAll(config, around, createLog(process.env['LOG_LEVEL'] ?? (options.verbose === true ? 'debug' : 'info')), options.port)
        await stopSignal()
        await running.stop()
        process.exitCode = 0
      } catch (thrown) {
        process.exitCode = explain(thrown, options.json === true)
      }
    })
}

export interface Running {
  /** Address of the health page. */
  readonly url: string
  readonly connector: Connector
  readonly service: Service
  stop(): Promise<void>
}

/** The service with everything it needs, in this process. */
export async function startAll(config: Config, around: Surroundings, log: Log, port = config.http.port): Promise<Running> {
  const connector = await openConnector(config, around, log)
  const service = await startService({
    engine: connector.engine({}),
    lanes: connector.store.lanes,
    hintsOf: connector.hintsOf,
    prepare: () => connector.prepare(newTotals()),
    crmPollSeconds: config.crm.pollSeconds,
    sweepSeconds: 2,
    parallel: 8,
  })
  const stopService = async () => {
    await service.stop()
    await connector.close()
  }
  const http = await listen(config, port, connector, service).catch(async (thrown: unknown) => {
    await stopService()
    throw thrown
  })
  log.info({ url: http.url, mailboxes: config.users.length }, 'the connector is running')
  return {
    url: http.url,
    connector,
    service,
    async stop() {
      log.info({}, 'stopping')
      await http.stop()
      await stopService()
      log.info({}, 'stopped')
    },
  }
}

async function listen(config: Config, port: number, connector: Connector, service: Service) {
  const { host } = config.http
  try {
    const { startHttp } = await import('../http/server.ts')
    return await startHttp({ host, port, health: () => health(connector, service), ping: () => service.ping(), receiveNotifications: connector.receiveNotifications })
  } catch (cause) {
    throw new SyncError('CONFIG_PORT', `The health page cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}. Set http.port, or --port 0 for any free one.`, { scope: 'system', remedy: 'ask-human', cause })
  }
}

async function health(connector: Connector, service: Service): Promise<Health> {
  const database = await connector.store.health()
  if (!database.ok) return { ok: false, details: { database: database.trouble } }
  const lanes = await connector.store.transaction((tx) => tx.lanes())
  const mailboxes = lanes.filter((lane) => lane.mailbox !== null)
  const crm = lanes.find((lane) => lane.mailbox === null)
  const count = (state: string) => mailboxes.filter((lane) => lane.state === state).length
  // What the lanes say is what an earlier process saw, until the CRM has told its users.
  const crmState = service.prepared() ? (crm?.state ?? 'new') : 'new'
  const ok = crmState === 'ok' && (mailboxes.length === 0 || count('ok') > 0)
  return {
    ok,
    details: {
      crm: { state: crmState, error: crm?.error?.code ?? null },
      mailboxes: { total: mailboxes.length, ok: count('ok'), new: count('new'), failing: count('failing'), paused: count('paused'), connected: service.connected().size, ...connector.following() },
    },
  }
}

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve()
      })
    }
  })
}
