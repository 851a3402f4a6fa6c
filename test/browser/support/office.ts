import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulators } from '../../../sim/index.ts'
import type { Simulators } from '../../../sim/index.ts'
import { startAll } from '../../../src/cli/start.ts'
import type { Running } from '../../../src/cli/start.ts'
import { parseConfig } from '../../../src/config.ts'
import { silentLog, testDatabase } from '../../support/postgres.ts'

export interface Office {
  readonly url: string
  readonly running: Running
  readonly ews: NonNullable<Simulators['ews']>
  readonly vtenext: NonNullable<Simulators['vtenext']>
  readonly graph: NonNullable<Simulators['graph']>
  /** Where the simulated cloud is, and its application. */
  readonly cloud: NonNullable<Simulators['json']['graph']>
  /** The records of a module that are not in the bin, each field as text. */
  records(module: string): Record<string, string>[]
  /** A calendar item by its subject. */
  item(who: string, subject: string): ReturnType<NonNullable<Simulators['ews']>['items']>[number] | undefined
  /** What the simulated Exchange is in a configuration. */
  connection(name: string, parts?: object): object
  close(): Promise<void>
}

/** A day some days from now with a time, as Outlook's users write it. */
export const at = (days: number, time: string): string => `${new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)}T${time}:00`

/**
 * Simulated servers, and the whole service on a database of its own, in this process.
 * @param config parts that differ from the usual; null starts without a configuration
 * @param prepare what is there before the service begins
 * @param port of the panel; 0 takes any free one
 */
export async function openOffice(config: object | null, prepare: (office: Pick<Office, 'ews' | 'vtenext' | 'graph'>) => void = () => undefined, port = 0): Promise<Office> {
  const simulators = await startSimulators({ mailboxes: 3, empty: true })
  const { ews, vtenext, graph, json: { graph: cloud } } = simulators
  if (ews === undefined || vtenext === undefined || graph === undefined || cloud === undefined) throw new Error('all simulators are needed')
  prepare({ ews, vtenext, graph })
  const database = await testDatabase()
  const dataDir = mkdtempSync(join(tmpdir(), 'connector-panel-'))
  chmodSync(dataDir, 0o755)
  const connection = (name: string, parts: object = {}) => ({ name, kind: 'ews', url: ews.url, ...ews.service, impersonation: true, ...parts })
  const admin = vtenext.users.find((user) => user.admin)
  const usual = {
    crm: { kind: 'vtenext', url: vtenext.url, username: admin?.username, accessKey: admin?.accessKey, pollSeconds: 1 },
    exchange: [connection('onprem')],
    users: ['alice', 'bob'].map((name) => ({ crm: name, mailbox: `${name}@example.test`, exchange: 'onprem' })),
    groups: [{ crm: 'Sales', members: ['alice', 'bob'] }],
  }
  const file = config === null ? null : parseConfig(JSON.stringify({ ...usual, ...config }), {}, 'the test')
  const running = await startAll(file, { configFile: 'none', dataDir, databaseUrl: database.url, logLevel: 'silent' }, silentLog, port)
  return {
    url: running.url, running, ews, vtenext, graph, cloud, connection,
    records: (module) => vtenext.records(module).filter((one) => !one.deleted) as unknown as Record<string, string>[],
    item: (who, subject) => ews.items(`${who}@example.test`, 'calendar').find((one) => one.fields['Subject'] === subject),
    async close() {
      await running.stop()
      await simulators.stop()
      await database.drop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** Waits until something is so. @throws when it does not come true in time */
export async function eventually(what: string, isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (const startedMs = performance.now(); performance.now() - startedMs < withinMs; ) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`It did not come true within ${withinMs / 1000} s that ${what}.`)
}
