/** The simulated servers together: Exchange, vtenext and the control server, on one clock. */
import type { SimClock } from './clock.ts'
import { createSimClock } from './clock.ts'
import type { Control } from './control/index.ts'
import { startControl } from './control/index.ts'
import type { EwsSim } from './ews/index.ts'
import { startEwsSim } from './ews/index.ts'
import { seedCrm, seedExchange, seedLoad } from './seed.ts'
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
  only?: 'ews' | 'vtenext'
  /** Default: any free port. */
  ewsPort?: number
  vtenextPort?: number
  controlPort?: number
  /** Folder of the EWS schemas; requests are checked against them. */
  schemaDir?: string
  clock?: SimClock
}

/** What a client needs to know to reach the servers. */
export interface SimulatorsJson {
  ews?: {
    url: string
    service: { username: string; password: string }
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
  /** Undefined where `only` names the other server. */
  ews: EwsSim | undefined
  vtenext: VtenextSim | undefined
  control: Control
  stop(): Promise<void>
}

const NAMES = ['alice', 'bob', 'carol']

/** Starts the servers on the loopback address; rejects when a port is taken. */
export async function startSimulators(options: SimulatorOptions = {}): Promise<Simulators> {
  const clock = options.clock ?? createSimClock()
  const extra = Array.from({ length: options.mailboxes ?? 0 }, (_, index) => `user${index + 1}`)
  const ews = options.only === 'vtenext' ? undefined : await startEws(options, clock, extra)
  const vtenext =
    options.only === 'ews'
      ? undefined
      : await startVtenextSim({
          clock,
          users: extra.map((username) => ({ username })),
          ...given('port', options.vtenextPort),
        })
  if (!options.empty) {
    if (ews) seedExchange(ews)
    if (vtenext) seedCrm(vtenext)
  }
  if (ews && options.items) seedLoad(ews, (extra.length > 0 ? extra : NAMES).map(addressOf), options.items)
  const control = await startControl({ ews, vtenext, clock, ...given('port', options.controlPort) })
  return {
    json: describe(ews, vtenext, control),
    ews,
    vtenext,
    control,
    async stop() {
      await Promise.all([ews?.stop(), vtenext?.stop(), control.stop()])
    },
  }
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
    ...given('port', options.ewsPort),
  })
}

function describe(ews: EwsSim | undefined, vtenext: VtenextSim | undefined, control: Control): SimulatorsJson {
  return {
    ...(ews ? { ews: { url: ews.url, service: ews.service, mailboxes: ews.mailboxes } } : {}),
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
