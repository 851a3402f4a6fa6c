import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { testDatabase } from '../../support/postgres.ts'
import type { TestDatabase } from '../../support/postgres.ts'
import { launch, run, until } from './process.ts'
import type { Ran, Running } from './process.ts'
import type { Simulators, Writes } from './simulators.ts'

/** A connector with its folder, its configuration and its database. */
export interface Installation {
  readonly folder: string
  /** The database of a server shared by the tests; undefined where the connector runs its own. */
  readonly databaseUrl: string | undefined
  /** Writes the configuration anew with other parts; what is not named stays as it was in the beginning. */
  configure(parts: object): void
  /** Writes the configuration literally. */
  write(yaml: string): void
  run(...args: string[]): Promise<Ran>
  launch(...args: string[]): Running
  /** A sync that has to end well; its report has to agree with what the servers counted. */
  sync(): Promise<Report>
  /** A sync whatever comes of it. */
  trySync(): Promise<Ran>
  /** A sync after which nothing may have been written anywhere. */
  settled(): Promise<void>
  /** The service; resolves when its health page answers. */
  start(...args: string[]): Promise<Service>
  /** As after the loss of the database: an empty one. */
  loseDatabase(): Promise<void>
  close(): Promise<void>
}

export interface Service extends Running {
  /** Address of the health page. */
  readonly url: string
  stop(): Promise<Ran>
}

export interface Report {
  readonly ok: boolean
  readonly exchange: { readonly created: number; readonly updated: number; readonly deleted: number }
  readonly crm: { readonly created: number; readonly updated: number; readonly deleted: number }
  readonly linked: number
  readonly skipped: number
  readonly conflicts: number
  readonly failed: number
  readonly held: number
  readonly mails: number
  readonly marked: number
  readonly skippedBy: Readonly<Record<string, number>>
  readonly errors: readonly { code: string; message: string; lane: string; item?: string }[]
}

export const NOTHING = { created: 0, updated: 0, deleted: 0 }

export interface InstallationOptions {
  /** Parts of the configuration that differ from the usual one. */
  readonly config?: object
  /** The connector's own PostgreSQL instead of the shared one. */
  readonly embedded?: boolean
}

/** The configuration that README shows, with the simulators' addresses; alice, bob and carol are connected. */
export function usualConfig(simulators: Simulators) {
  const { json } = simulators
  const admin = json.vtenext.users.find(({ admin: isAdmin }) => isAdmin)
  return {
    crm: { kind: 'vtenext', url: json.vtenext.url, username: admin?.username, accessKey: admin?.accessKey, pollSeconds: 1 },
    exchange: simulators.connections(),
    users: ['alice', 'bob', 'carol'].map((name) => simulators.userOf(name)),
    groups: [{ crm: 'Sales', members: ['alice', 'bob'] }],
    http: { port: 0 },
  }
}

/** Held for the whole file: the server would end and start again between tests. */
let anchor: Promise<TestDatabase> | undefined
afterAll(async () => {
  await (await anchor)?.drop()
  anchor = undefined
})

async function newDatabase(): Promise<TestDatabase> {
  await (anchor ??= testDatabase())
  return testDatabase()
}

export async function install(simulators: Simulators, options: InstallationOptions = {}): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'connector-e2e-'))
  // PostgreSQL does not run as root: another operating system user has to reach the data folder.
  chmodSync(folder, 0o755)
  const usual = { ...usualConfig(simulators), ...options.config }
  let database = options.embedded === true ? undefined : await newDatabase()
  const write = (yaml: string) => writeFileSync(join(folder, 'connector.yaml'), yaml)
  const configure = (parts: object) => write(JSON.stringify({ ...usual, ...parts }, null, 2))
  const environment = () => ({ CONNECTOR_DATA: join(folder, 'data'), ...(database === undefined ? {} : { DATABASE_URL: database.url }) })
  const services = new Set<Running>()
  configure({})

  const runHere = (...args: string[]) => run(args, environment(), folder)
  const launchHere = (...args: string[]) => {
    const running = launch(args, environment(), folder)
    services.add(running)
    void running.ended.then(() => services.delete(running))
    return running
  }
  const trySync = () => runHere('sync', '--once', '--json')

  return {
    folder, configure, write, run: runHere, launch: launchHere, trySync,
    get databaseUrl() {
      return database?.url
    },
    async sync() {
      const before = await simulators.writes()
      const ran = await trySync()
      expect(ran.json, `${ran.stdout}\n${ran.stderr}`).toMatchObject({ ok: true, failed: 0, mails: 0 })
      expect(ran.code).toBe(0)
      expect(createdAndDeleted(difference(before, await simulators.writes())), 'what the servers counted').toEqual(createdAndDeleted(ran.json))
      return ran.json as Report
    },
    async settled() {
      const before = await simulators.writes()
      const ran = await trySync()
      expect(ran.json, `${ran.stdout}\n${ran.stderr}`).toMatchObject({ ok: true, exchange: NOTHING, crm: NOTHING, linked: 0, conflicts: 0, failed: 0, mails: 0, marked: 0 })
      expect(await simulators.writes()).toEqual(before)
      expect(await simulators.mails()).toBe(0)
    },
    async start(...args) {
      const running = launchHere('start', '--port', '0', ...args)
      let url = ''
      await until('the service runs', () => {
        url = /"url":"([^"]+)"/.exec(running.stdout())?.[1] ?? ''
        if (running.child.exitCode !== null) throw new Error(`The service ended: ${running.stdout()}${running.stderr()}`)
        return url !== ''
      }, 30_000)
      return {
        ...running, url,
        stop() {
          running.kill('SIGTERM')
          return running.ended
        },
      }
    },
    async loseDatabase() {
      await database?.drop()
      database = await newDatabase()
    },
    async close() {
      await Promise.all([...services].map((service) => {
        service.kill('SIGKILL')
        return service.ended
      }))
      await database?.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Updates are not compared: marks are updates, too, and the report counts them apart. */
const createdAndDeleted = ({ exchange, crm }: Pick<Report, 'exchange' | 'crm'>) =>
  ({ exchange: { created: exchange.created, deleted: exchange.deleted }, crm: { created: crm.created, deleted: crm.deleted } })

function difference(before: Writes, after: Writes): Writes {
  const side = (name: 'exchange' | 'crm') => ({
    created: after[name].created - before[name].created,
    updated: after[name].updated - before[name].updated,
    deleted: after[name].deleted - before[name].deleted,
  })
  return { exchange: side('exchange'), crm: side('crm') }
}

/** A day that many days from today, as YYYY-MM-DD in UTC. */
export const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
