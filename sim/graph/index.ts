/** A simulated Microsoft 365: Graph v1.0 and the sign-in service of one tenant, each at its own loopback address. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'

import type { SimClock } from '../clock.ts'
import { createSimClock } from '../clock.ts'
import type { Entra } from '../entra/index.ts'
import { startEntra } from '../entra/index.ts'
import { Faults } from '../faults.ts'
import type { Switches, World } from './call.ts'
import type { Controls } from './controls.ts'
import { controlsOf } from './controls.ts'
import type { MailSent } from './model.ts'
import { createGraphServer } from './server.ts'
import type { MailboxOptions } from './store.ts'
import { Store } from './store.ts'
import { Subscriptions } from './subscriptions.ts'
import { Throttle } from './throttle.ts'

export type { PlainFields, PlainItem } from './desk.ts'
export type { GraphSnapshot } from './controls.ts'
export type { MailSent } from './model.ts'

export interface GraphSimOptions {
  clock?: SimClock
  faults?: Faults
  /** Default: any free port. */
  port?: number
  loginPort?: number
  /** Default: alice, bob and carol @example.test. */
  mailboxes?: MailboxOptions[]
  /** Default: a random secret. */
  clientSecret?: string
  /** Addresses a sign-in may return to, besides any port of the own machine. */
  redirectUris?: string[]
  /** Application permissions with admin consent; default: all that Outlook and To Do know. */
  roles?: string[]
  /** Delegated permissions users may consent to. */
  scopes?: string[]
  switches?: Partial<Switches>
}

export interface GraphSim extends Controls {
  /** Where Graph listens, without the version: http://127.0.0.1:port. */
  readonly url: string
  /** Where the sign-in service listens. */
  readonly login: string
  readonly tenant: string
  readonly clientId: string
  readonly clientSecret: string
  readonly mailboxes: { address: string; username: string; password: string }[]
  readonly clock: SimClock
  readonly faults: Faults
  /** Revoking and expiring of tokens and secrets. */
  readonly entra: Entra
  /** Every mail an application's request would have sent. */
  readonly outbox: MailSent[]
  /** Items changed through the API; what `putItem` and its like do is not counted. */
  readonly writes: { created: number; updated: number; deleted: number }
  /** Active subscriptions. */
  readonly subscriptions: number
  /** Resolves when every notification so far was delivered or given up. */
  notified(): Promise<void>
  /** Clock-driven work that needs no request: reminders of subscriptions. */
  tick(): void
  readonly world: World
  stop(): Promise<void>
}

export const TENANT = '11111111-aaaa-4bbb-8ccc-222222222222'
export const CLIENT_ID = '33333333-dddd-4eee-8fff-444444444444'
const ROLES = ['Calendars.ReadWrite', 'Contacts.ReadWrite', 'Tasks.ReadWrite.All', 'MailboxSettings.ReadWrite', 'User.Read.All']
const SCOPES = [
  'openid', 'profile', 'email', 'offline_access', 'User.Read', 'Calendars.Read', 'Calendars.ReadWrite', 'Calendars.Read.Shared',
  'Calendars.ReadWrite.Shared', 'Contacts.Read', 'Contacts.ReadWrite', 'Tasks.Read', 'Tasks.ReadWrite', 'MailboxSettings.Read',
  'MailboxSettings.ReadWrite',
]
const SWITCHES: Switches = {
  repeatedTransaction: 'same', eventsDelta: true, removedOccurrences: false, uid: false, stampTravels: false, acceptReplaces: false,
  ifMatch: true, forcePageSize: Number.POSITIVE_INFINITY, emptyPages: 0, replays: 0, repeatEntries: false, todo: true, cancelledOccurrences: true, deletedTasks: 'gone',
}
const DEFAULT_MAILBOXES: MailboxOptions[] = ['alice', 'bob', 'carol'].map((name) => ({ address: `${name}@example.test` }))

/** Starts both servers; they listen when the promise resolves. Fails when a port is taken. */
export async function startGraphSim(options: GraphSimOptions = {}): Promise<GraphSim> {
  const clock = options.clock ?? createSimClock()
  const faults = options.faults ?? new Faults()
  const store = new Store(clock)
  for (const mailbox of options.mailboxes ?? DEFAULT_MAILBOXES) store.addMailbox(mailbox)
  const clientSecret = options.clientSecret ?? `sim~${randomUUID()}`
  const entra = await startEntra({
    clock,
    faults,
    tenant: TENANT,
    domain: 'example.test',
    user: (name) => store.find(name) ?? null,
    application: {
      clientId: CLIENT_ID,
      secrets: [{ value: clientSecret, expired: false }],
      certificates: [],
      redirectUris: options.redirectUris ?? [],
      roles: options.roles ?? ROLES,
      scopes: options.scopes ?? SCOPES,
      adminConsentOnly: false,
    },
    ...(options.loginPort === undefined ? {} : { port: options.loginPort }),
  })
  const world: World = {
    store, clock, faults, entra, subscriptions: new Subscriptions({ clock, tenant: TENANT }), throttle: new Throttle(clock),
    switches: { ...SWITCHES, ...options.switches }, applicationScope: null, outage: null, transactions: new Map(),
  }
  store.onChange = (change) => world.subscriptions.publish(change)
  const server = createGraphServer(world)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    login: entra.login,
    tenant: TENANT,
    clientId: CLIENT_ID,
    clientSecret,
    clock,
    faults,
    entra,
    writes: store.writes,
    world,
    ...controlsOf(world),
    get outbox() {
      return store.outbox
    },
    get subscriptions() {
      return world.subscriptions.size
    },
    notified: () => world.subscriptions.settled(),
    tick: () => world.subscriptions.remind(),
    get mailboxes() {
      return store.all().map(({ address, username, password }) => ({ address, username, password }))
    },
    async stop() {
      world.subscriptions.stop()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await Promise.all([closed, entra.stop()])
    },
  }
}
