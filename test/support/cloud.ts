import { startGraphSim } from '../../sim/graph/index.ts'
import type { GraphSim, GraphSimOptions } from '../../sim/graph/index.ts'
import { createGraphConnection } from '../../src/graph/index.ts'
import type { GraphConnection, GraphConnectionOptions, Vault } from '../../src/graph/index.ts'
import { assigneeId, instant, mailboxId } from '../../src/model/index.ts'
import type { ChangeKey, ItemId, ItemKind, Mailbox, Snapshot, SyncState } from '../../src/model/index.ts'
import type { Change, Clock, Exchange, KnownKeys, Log, WriteOutcome } from '../../src/ports.ts'

export const alice: Mailbox = {
  id: mailboxId('m1'), address: 'alice@example.test', user: 'alice', userId: assigneeId('19x5'), connection: 'cloud', zone: 'Europe/Rome',
}
export const bob: Mailbox = { ...alice, id: mailboxId('m2'), address: 'bob@example.test', user: 'bob' }

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }
export const none: KnownKeys = () => Promise.resolve(new Map<ItemId, ChangeKey>())

/** A day that many days from today, in UTC. */
export const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

export function memoryVault(): Vault & { readonly secrets: Map<string, string> } {
  const secrets = new Map<string, string>()
  return {
    secrets,
    get: (name) => Promise.resolve(secrets.get(name) ?? null),
    put: (name, value) => Promise.resolve(void secrets.set(name, value)),
    remove: (name) => Promise.resolve(void secrets.delete(name)),
  }
}

/** A simulated cloud with the connector's connection to it. */
export interface Cloud {
  readonly sim: GraphSim
  /** Follows the simulator's clock and does not really wait; how long it was asked to wait is in `waits`. */
  readonly clock: Clock
  readonly waits: number[]
  readonly vault: ReturnType<typeof memoryVault>
  connect(more?: Partial<GraphConnectionOptions>): GraphConnection
  /** A request of another program of the same tenant, below a mailbox; throws for anything but success. */
  outlook(method: string, path: string, body?: object, mailbox?: Mailbox): Promise<any>
  /** Mails that left the simulated cloud. */
  mails(): number
  stop(): Promise<void>
}

export async function startCloud(options: GraphSimOptions = {}): Promise<Cloud> {
  const sim = await startGraphSim(options)
  const vault = memoryVault()
  const waits: number[] = []
  const clock: Clock = {
    now: () => instant(sim.clock.now()),
    elapsedMs: () => sim.clock.now(),
    sleep(ms) {
      waits.push(ms)
      sim.clock.advance(ms)
      return Promise.resolve()
    },
  }
  const open = new Set<GraphConnection>()
  async function accessToken(): Promise<string> {
    const grant = { grant_type: 'client_credentials', client_id: sim.clientId, client_secret: sim.clientSecret, scope: 'https://graph.microsoft.com/.default' }
    const reply = await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams(grant) })
    return (await reply.json() as { access_token: string }).access_token
  }
  return {
    sim, clock, waits, vault,
    connect(more = {}) {
      const connection = createGraphConnection({
        name: 'cloud', tenant: sim.tenant, clientId: sim.clientId, proof: { secret: sim.clientSecret }, access: 'application', tasks: true,
        loginUrl: sim.login, graphUrl: sim.url, range: { pastDays: 30, futureDays: 365 }, timeoutMs: 5_000, log: quiet, clock, vault, ...more,
      })
      open.add(connection)
      return connection
    },
    async outlook(method, path, body, mailbox = alice) {
      const answer = await fetch(`${sim.url}/v1.0/users/${mailbox.address}${path}`, {
        method, headers: { authorization: `Bearer ${await accessToken()}`, 'content-type': 'application/json', prefer: 'IdType="ImmutableId"' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
      return answer.status === 204 || answer.status === 202 ? null : answer.json()
    },
    mails: () => sim.world.store.outbox.length,
    async stop() {
      await Promise.all([...open].map((one) => one.close()))
      await sim.stop()
    },
  }
}

export function done(outcome: WriteOutcome | undefined): Snapshot {
  if (outcome?.type !== 'done') throw new Error(`The write ended as ${JSON.stringify(outcome)}`)
  return outcome.snapshot
}

/** A round of changes, followed to its end. */
export interface Pulled {
  readonly changes: readonly Change[]
  readonly state: SyncState
  readonly pages: number
}

export async function pullRound(mailbox: Exchange, kind: ItemKind, since: Pick<Pulled, 'state'> | null = null, known = none): Promise<Pulled> {
  const changes: Change[] = []
  let state = since?.state ?? null
  for (let pages = 1; pages <= 100; pages++) {
    const page = await mailbox.pull(kind, state, known)
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    state = page.next
    if (!page.more) return { changes, state, pages }
  }
  throw new Error('The round does not end.')
}

/** What was told, in words: subjects of what was seen, ids of what is gone. */
export const told = ({ changes }: Pulled): string[] =>
  changes.map((change) => (change.type === 'seen' ? String((change.snapshot.item.fields as { subject?: string }).subject) : `${change.type} ${change.id}`)).toSorted()
