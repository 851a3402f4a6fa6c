/** The simulated servers together: Exchange, Microsoft 365, vtenext and the control server, on one clock. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { SimClock } from './clock.ts'
import { createSimClock } from './clock.ts'
import type { Control } from './control/index.ts'
import { startControl } from './control/index.ts'
import type { EwsSim, ExtendedProtection } from './ews/index.ts'
import { startEwsSim } from './ews/index.ts'
import type { GraphSim } from './graph/index.ts'
import { startGraphSim } from './graph/index.ts'
import { seedCloud, seedCrm, seedExchange, seedLoad } from './seed.ts'
import type { VtenextSim } from './vtenext/index.ts'
import { startVtenextSim } from './vtenext/index.ts'

export interface SimulatorOptions {
  /** No events, tasks and contacts; people and mailboxes are there. */
  empty?: boolean
  /** Adds user1..userN @example.test, each with a mailbox and a CRM user. */
  mailboxes?: number
  /** Single events in every one of these mailboxes; without extra mailboxes in those of alice, bob and carol. */
  items?: number
  /** Starts one server only. */
  only?: 'ews' | 'graph' | 'vtenext'
  /** Default: any free port. */
  ewsPort?: number
  graphPort?: number
  /** Of the cloud's sign-in service. */
  loginPort?: number
  vtenextPort?: number
  controlPort?: number
  /** Folder of the EWS schemas; requests are checked against them. */
  schemaDir?: string
  /** How people sign in to Exchange; default basic. */
  ewsAuth?: 'basic' | 'ntlm'
  /** Extended Protection of NTLM; default allow. */
  epa?: ExtendedProtection
  /** https for Exchange, with a self-signed certificate whose file `json.ews.ca` names. */
  tls?: boolean
  clock?: SimClock
}

/** What a client needs to know to reach the servers. */
export interface SimulatorsJson {
  ews?: {
    url: string
    autodiscover: string
    /** PEM file to trust, with `tls`. */
    ca?: string
    service: { username: string; password: string }
    mailboxes: { address: string; username: string; password: string }[]
  }
  graph?: {
    /** Without the version: http://127.0.0.1:port. */
    url: string
    /** The sign-in service. */
    login: string
    tenant: string
    clientId: string
    clientSecret: string
    /** The names and passwords are for the sign-in page. */
    mailboxes: { address: string; username: string; password: string }[]
  }
  vtenext?: {
    url: string
    users: { username: string; accessKey: string; email: string; admin: boolean }[]
    groups: { name: string; id: string; members: string[] }[]
  }
  control: { url: string }
}

export interface Simulators {
  json: SimulatorsJson
  /** Undefined where `only` names another server. */
  ews: EwsSim | undefined
  graph: GraphSim | undefined
  vtenext: VtenextSim | undefined
  control: Control
  stop(): Promise<void>
}

const NAMES = ['alice', 'bob', 'carol']

/** Starts the servers on the loopback address; rejects when a port is taken. */
export async function startSimulators(options: SimulatorOptions = {}): Promise<Simulators> {
  const clock = options.clock ?? createSimClock()
  const extra = Array.from({ length: options.mailboxes ?? 0 }, (_, index) => `user${index + 1}`)
  const wanted = (server: NonNullable<SimulatorOptions['only']>) => (options.only ?? server) === server
  const ews = wanted('ews') ? await startEws(options, clock, extra) : undefined
  const graph = wanted('graph') ? await startGraph(options, clock, extra) : undefined
  const vtenext = wanted('vtenext')
    ? await startVtenextSim({
        clock,
        users: extra.map((username) => ({ username })),
        ...given('port', options.vtenextPort),
      })
    : undefined
  if (!options.empty) {
    if (ews) seedExchange(ews)
    if (graph) seedCloud(graph)
    if (vtenext) seedCrm(vtenext)
  }
  // The cloud gets the load only where it stands for itself: two servers full of it are twice the memory.
  const loaded = ews ?? graph
  if (loaded && options.items) seedLoad(loaded, (extra.length > 0 ? extra : NAMES).map(addressOf), options.items)
  const control = await startControl({ ews, graph, vtenext, clock, ...given('port', options.controlPort) })
  const ca = ews?.ca ? keepFile('ca.pem', ews.ca) : null
  return {
    json: describe(ews, graph, vtenext, control, ca?.path),
    ews,
    graph,
    vtenext,
    control,
    async stop() {
      await Promise.all([ews?.stop(), graph?.stop(), vtenext?.stop(), control.stop()])
      ca?.remove()
    },
  }
}

/** A file of its own in the folder for passing files. */
function keepFile(name: string, text: string): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'simulators-'))
  const path = join(folder, name)
  writeFileSync(path, text)
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

function addressOf(name: string): string {
  return `${name}@example.test`
}

function given<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}

function startEws(options: SimulatorOptions, clock: SimClock, extra: string[]): Promise<EwsSim> {
  return startEwsSim({
    clock,
    mailboxes: [...NAMES, ...extra].map((name) => ({ address: addressOf(name) })),
    validate: options.schemaDir === undefined ? null : { schemaDir: options.schemaDir },
    tls: options.tls ?? false,
    ...given('auth', options.ewsAuth),
    ...given('extendedProtection', options.epa),
    ...given('port', options.ewsPort),
  })
}

function startGraph(options: SimulatorOptions, clock: SimClock, extra: string[]): Promise<GraphSim> {
  return startGraphSim({
    clock,
    mailboxes: [...NAMES, ...extra].map((name) => ({ address: addressOf(name) })),
    ...given('port', options.graphPort),
    ...given('loginPort', options.loginPort),
  })
}

function describe(
  ews: EwsSim | undefined, graph: GraphSim | undefined, vtenext: VtenextSim | undefined, control: Control, ca: string | undefined,
): SimulatorsJson {
  return {
    ...(ews ? { ews: { url: ews.url, autodiscover: ews.autodiscoverUrl, ...given('ca', ca), service: ews.service, mailboxes: ews.mailboxes } } : {}),
    ...(graph ? { graph: describeGraph(graph) } : {}),
    ...(vtenext
      ? {
          vtenext: {
            url: vtenext.url,
            users: vtenext.users.map(({ username, accessKey, email, admin }) => ({
              username,
              accessKey,
              email,
              admin,
            })),
            groups: vtenext.groups.map(({ name, id, members }) => ({ name, id, members })),
          },
        }
      : {}),
    control: { url: control.url },
  }
}

function describeGraph({ url, login, tenant, clientId, clientSecret, mailboxes }: GraphSim): NonNullable<SimulatorsJson['graph']> {
  return { url, login, tenant, clientId, clientSecret, mailboxes }
}
