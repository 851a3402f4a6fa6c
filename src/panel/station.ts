import { checkConfig } from '../config.ts'
import type { Config, Section, Sections, Surroundings } from '../config.ts'
import { newTotals, startService } from '../engine/index.ts'
import type { Service } from '../engine/index.ts'
import { asSyncError } from '../lib/errors.ts'
import { connectorOn, storedSections, storeSections } from '../main.ts'
import type { Connector } from '../main.ts'
import type { Log } from '../ports.ts'
import type { PostgresStore } from '../store/index.ts'
import { refused } from './errors.ts'
import type { LatencyRecorder } from './latency.ts'
import type { Timetable } from './timetable.ts'

export interface Running {
  readonly connector: Connector
  readonly service: Service
}

/** The service of this process, which begins, changes and begins anew as the configuration does. */
export interface Station {
  readonly store: PostgresStore
  /** Null until there is a configuration, and while it begins anew with a changed one. */
  running(): Running | null
  /** @throws Refusal NOT_CONFIGURED; BEGINS_ANEW while a change is followed */
  need(): Running
  /** The sections as they are in force, and which of them were set in the panel. */
  sections(): { readonly config: Config | null; readonly fromPanel: readonly Section[] }
  /**
   * Checks, stores and follows a change of the configuration.
   * @throws Refusal BAD_CONFIG with every mistake and its cure; then nothing has changed
   */
  change(edit: (config: Sections) => Sections): Promise<void>
  /**
   * The file as it is now; what was set in the panel goes on standing over it. Everything is signed in anew.
   * @throws SyncError CONFIG_INVALID; then nothing has changed
   */
  reload(file: Config): Promise<void>
  stop(): Promise<void>
}

export interface StationOptions {
  readonly store: PostgresStore
  /** The configuration file; null where there is none. */
  readonly fromFile: Config | null
  readonly timetable: Timetable
  readonly latencies: LatencyRecorder
  readonly log: Log
  /** Told of every change of the configuration. */
  onConfig?(): void
  /** What the process was started with. */
  readonly around?: Surroundings
}

export async function openStation(options: StationOptions): Promise<Station> {
  const { store, log } = options
  let { fromFile } = options
  let stored = (await storedSections(store)) ?? {}
  let config = fromFile === null && Object.keys(stored).length === 0 ? null : checkConfig({ ...fromFile, ...stored })
  let running: Running | null = null
  let turn: Promise<unknown> = Promise.resolve()

  /** One change at a time. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = turn.then(work, work)
    turn = next.catch(() => undefined)
    return next
  }

  async function start(next: Config): Promise<void> {
    const connector = connectorOn(store, next, log, { ...(options.around === undefined ? {} : { around: options.around }), onWritten: (write) => options.latencies.onWritten(write) })
    const service = await startService({
      engine: connector.engine({}),
      lanes: store.lanes,
      hintsOf: connector.hintsOf,
      prepare: async () => {
        const mailboxes = await connector.prepare(newTotals())
        options.latencies.follow(mailboxes.map(({ id }) => id))
        return mailboxes
      },
      crmPollSeconds: next.crm.pollSeconds,
      sweepSeconds: 2,
      parallel: 8,
      repeat: options.timetable.repeat,
    })
    running = { connector, service }
  }

  async function end(): Promise<void> {
    const before = running
    running = null
    await before?.service.stop()
    await before?.connector.close()
  }

  async function follow(next: Config): Promise<void> {
    const before = config
    config = next
    const same = before !== null && running !== null && (['crm', 'exchange'] as const).every((section) => JSON.stringify(before[section]) === JSON.stringify(next[section]))
    if (same && running !== null) {
      running.connector.adopt(next)
      // Where the CRM does not answer, the service's own job goes on trying.
      await running.service.refresh().catch((thrown: unknown) => log.warn({ code: asSyncError(thrown).code }, 'the change is followed when the CRM answers again'))
      return
    }
    await end()
    await start(next)
  }

  if (config !== null) await start(config)

  const need = () => {
    if (running === null && config !== null) throw refused(503, 'BEGINS_ANEW', 'The connector begins anew with its changed configuration. Try again in some seconds.')
    if (running === null) throw refused(409, 'NOT_CONFIGURED', 'The connector is not set up yet. Open the set-up page with the address that the service printed at its start.')
    return running
  }

  return {
    store,
    running: () => running,
    need,
    sections: () => ({ config, fromPanel: Object.keys(stored) as Section[] }),
    change: (edit) => inTurn(async () => {
      const before: Sections = { ...fromFile, ...stored }
      const edited = edit(structuredClone(before))
      const changed = Object.fromEntries(Object.entries(edited).filter(([name, value]) => name !== 'http' && JSON.stringify(value) !== JSON.stringify(before[name as Section])))
      if (Object.keys(changed).length === 0) return
      const next = checked({ ...fromFile, ...stored, ...changed })
      stored = { ...stored, ...changed }
      await storeSections(store, stored)
      await follow(next)
      options.onConfig?.()
    }),
    reload: (file) => inTurn(async () => {
      const next = checkConfig({ ...file, ...stored })
      fromFile = file
      config = next
      await end()
      await start(next)
      options.onConfig?.()
    }),
    stop: () => inTurn(end),
  }
}

function checked(sections: Sections): Config {
  try {
    return checkConfig(sections)
  } catch (thrown) {
    throw refused(400, 'BAD_CONFIG', asSyncError(thrown).message)
  }
}
