import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { HTTP_DEFAULTS, loadBeside, loadConfig, logLevelOf, surroundings } from '../config.ts'
import type { Config, Surroundings } from '../config.ts'
import type { Service } from '../engine/index.ts'
import { findAssets } from '../http/assets.ts'
import type { Health } from '../http/server.ts'
import { SyncError, asSyncError } from '../lib/errors.ts'
import { createLog, openConnectorStore } from '../main.ts'
import { openPanel } from '../panel/index.ts'
import type { Panel } from '../panel/index.ts'
import type { Log } from '../ports.ts'
import { wholeNumber } from './options.ts'
import { explain, say } from './output.ts'
import type { CommonOptions } from './session.ts'

export function startCommand(command: Command): void {
  command
    .description('keep both sides in step until stopped')
    .option('--port <n>', 'port of the panel; 0 takes any free one', wholeNumber(0))
    .action(async (options: CommonOptions & { port?: number }) => {
      try {
        const around = surroundings(options)
        // A file that was named has to be there; without any, the panel's own configuration is used, or asks to be made.
        const { config, http } = loadBeside(around.configFile, options.config !== undefined)
        const log = createLog(logLevelOf(process.env, options.verbose === true ? 'debug' : 'info'))
        const running = await startAll(config, around, log, options.port, http)
        if (config !== null) process.on('SIGHUP', () => void reload(running, around.configFile, log))
        const token = running.setupToken()
        if (token !== null) say(`The connector is not set up yet. Open ${running.url}/setup#${token}`)
        await stopSignal()
        await running.stop()
        process.exitCode = 0
      } catch (thrown) {
        process.exitCode = explain(thrown, options.json === true)
      }
    })
}

/** Reads the configuration file again; one with mistakes changes nothing. Never throws. */
async function reload({ panel }: Running, file: string, log: Log): Promise<void> {
  try {
    await panel.station.reload(loadConfig(file))
    log.info({}, 'the configuration file was read again')
  } catch (thrown) {
    log.error({ code: asSyncError(thrown).code }, `the configuration file was not taken over: ${asSyncError(thrown).message}`)
  }
}

export interface Running {
  /** Address of the panel and the health page. */
  readonly url: string
  readonly panel: Panel
  /** @throws Refusal while there is no configuration */
  readonly service: Service
  /** Opens the set-up; null once there is a configuration. */
  setupToken(): string | null
  stop(): Promise<void>
}

/**
 * The service with everything it needs, in this process.
 * @param config the configuration file; null where there is none: then the panel's own is used, or it asks to be set up
 * @param face where the panel is served, and who may show it
 */
export async function startAll(config: Config | null, around: Surroundings, log: Log, wantedPort?: number, face = config?.http ?? HTTP_DEFAULTS): Promise<Running> {
  const assets = await findAssets((message) => log.info({}, message))
  const store = await openConnectorStore(around, log)
  const panel = await openPanel({ store, fromFile: config, log, around }).catch(async (thrown: unknown) => {
    await store.close()
    throw thrown
  })
  const token = randomBytes(24).toString('base64url')
  const setupToken = () => (panel.station.sections().config === null ? token : null)
  const stopAll = async () => {
    await panel.stop()
    await store.close()
  }
  const http = await listen(face, wantedPort ?? face.port, { panel, assets, log, setupToken }).catch(async (thrown: unknown) => {
    await stopAll()
    throw thrown
  })
  log.info({ url: http.url, configured: setupToken() === null }, 'the connector is running')
  return {
    url: http.url,
    panel,
    get service() {
      return panel.station.need().service
    },
    setupToken,
    async stop() {
      log.info({}, 'stopping')
      await http.stop()
      await stopAll()
      log.info({}, 'stopped')
    },
  }
}

interface Face {
  readonly panel: Panel
  readonly assets: string
  readonly log: Log
  setupToken(): string | null
}

async function listen({ host, publicUrl, frameAncestors }: Config['http'], port: number, { panel, assets, log, setupToken }: Face) {
  try {
    const { startHttp } = await import('../http/server.ts')
    return await startHttp({
      host, port,
      health: () => health(panel),
      ping: async () => panel.station.running()?.service.ping(),
      receiveNotifications: async (name, body) => (await panel.station.running()?.connector.receiveNotifications(name, body)) ?? false,
      panel: { panel, assets, log, setupToken, version: versionOf(), publicUrl, frameAncestors },
    })
  } catch (cause) {
    throw new SyncError('CONFIG_PORT', `The panel cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}. Set http.port, or --port 0 for any free one.`, { scope: 'system', remedy: 'ask-human', cause })
  }
}

const versionOf = () => (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version

async function health({ store, station }: Panel): Promise<Health> {
  const database = await store.health()
  if (!database.ok) return { ok: false, details: { database: database.trouble } }
  const running = station.running()
  if (running === null) return { ok: false, details: { setup: station.sections().config === null ? 'not configured yet' : 'signing in anew' } }
  const lanes = await store.transaction((tx) => tx.lanes())
  const mailboxes = lanes.filter((lane) => lane.mailbox !== null)
  const crm = lanes.find((lane) => lane.mailbox === null)
  const count = (state: string) => mailboxes.filter((lane) => lane.state === state).length
  // What the lanes say is what an earlier process saw, until the CRM has told its users.
  const crmState = running.service.prepared() ? (crm?.state ?? 'new') : 'new'
  const warnings = running.connector.endingProofs().map(({ connection, detail }) => `${connection}: ${detail}`)
  const ok = crmState === 'ok' && (mailboxes.length === 0 || count('ok') > 0)
  return {
    ok,
    details: {
      crm: { state: crmState, error: crm?.error?.code ?? null },
      mailboxes: { total: mailboxes.length, ok: count('ok'), new: count('new'), failing: count('failing'), paused: count('paused'), connected: running.service.connected().size, ...running.connector.following() },
      // Of the last hour, from a change to its write on the other side, in milliseconds.
      latency: Object.fromEntries((await store.panel.measures.latencySummary(new Date(Date.now() - 3_600_000))).map(({ side, ...measured }) => [side, measured])),
      ...(warnings.length === 0 ? {} : { warnings }),
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
