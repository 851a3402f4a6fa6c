import { newTotals, runLane } from '../../src/engine/index.ts'
import type { Engine, Totals } from '../../src/engine/index.ts'
import { assigneeId, CRM_LANE, mailboxId } from '../../src/model/index.ts'
import type { CrmUser, Directory, Mailbox, MailboxId, Policy } from '../../src/model/index.ts'
import type { Crm, Exchange, Log } from '../../src/ports.ts'
import { createCountedIds } from '../../sim/fake-clock.ts'
import type { MemoryCrm } from '../../sim/memory-crm.ts'
import type { MemoryMailbox } from '../../sim/memory-mailbox.ts'
import { createWorld, Process } from '../../sim/memory-replica.ts'
import type { RemoteWrite, World } from '../../sim/memory-replica.ts'
import { createMemoryStore } from '../../sim/memory-store.ts'
import type { MemoryStore } from '../../sim/memory-store.ts'

export const ALICE = 'u1'
export const BOB = 'u2'
/** A CRM user without a mailbox. */
export const CAROL = 'u3'
export const SALES = 'g1'
export const LANES: Readonly<Record<string, MailboxId>> = { [ALICE]: mailboxId('mA'), [BOB]: mailboxId('mB') }

export const POLICY: Policy = {
  direction: { event: 'both', task: 'both', contact: 'to-exchange' },
  conflict: 'newest', privateItems: 'mask', contactsCrmWins: false, defaultContactUser: null, pastDays: 30, futureDays: 365,
  meetings: 'copies', sendMeetingUpdates: false, cancelMeetings: false, answers: 'silent', foreignDeletion: 'restore', inviteContacts: false, keepPast: true, groupCompletion: 'any',
  graceSeconds: 60, deletionLimit: { count: 10, share: 0.2 },
}

const SILENT: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export interface OfficeOptions {
  readonly policy?: Partial<Policy>
  readonly once?: boolean
  readonly safetyPullSeconds?: number
  readonly log?: Log
  /** When it all begins, in milliseconds since the epoch. */
  readonly startMs?: number
  /** Whose mailboxes are in Microsoft 365. */
  readonly inCloud?: readonly string[]
}

/** Where the two mailboxes are. */
export const HOUSES: readonly { readonly where: string; readonly inCloud: readonly string[] }[] = [
  { where: 'on the company\'s own server', inCloud: [] }, { where: 'in Microsoft 365', inCloud: [ALICE, BOB] }, { where: 'here and there', inCloud: [BOB] },
]

/** Two people with a mailbox each, the CRM, and the connector between them, all in memory. */
export class Office {
  readonly world: World
  store: MemoryStore
  readonly policy: Policy
  readonly writes: RemoteWrite[] = []
  /** Totals of the current process. */
  totals: Totals = newTotals()
  process: Process
  engine: Engine
  directory: Directory
  readonly running = new Set<MailboxId>()
  private readonly options: OfficeOptions
  private restarts = 0

  constructor(options: OfficeOptions = {}) {
    this.options = options
    this.world = createWorld(options.startMs, options.inCloud?.map((user) => LANES[user] ?? ''))
    this.store = createMemoryStore({ clock: this.world.clock })
    this.policy = { ...POLICY, ...options.policy }
    this.directory = {
      users: [userOf('alice', ALICE), userOf('bob', BOB), userOf('carol', CAROL)],
      groups: [{ id: assigneeId(SALES), name: 'Sales', members: [assigneeId(ALICE), assigneeId(BOB)] }],
      mailboxes: [mailboxOf('alice', ALICE), mailboxOf('bob', BOB)],
    }
    this.process = new Process(this.world)
    this.engine = this.engineOf(this.process)
    this.world.script = { ...this.world.script, wrote: (write) => void this.writes.push(write) }
  }

  /** Connects the mailboxes of the directory. */
  async connect(mailboxes: readonly Mailbox[] = this.directory.mailboxes): Promise<void> {
    await this.store.transaction(async (tx) => {
      const row = { state: 'new', error: null, failures: 0, retryAt: null, lastRunAt: null } as const
      await tx.saveLane({ ...row, lane: CRM_LANE, mailbox: null })
      for (const mailbox of mailboxes) await tx.saveLane({ ...row, lane: mailbox.id, mailbox })
    })
  }

  get members(): readonly string[] {
    return this.directory.groups[0]?.members ?? []
  }

  /** Other members of the group; as the configuration does it, every record is routed anew. */
  async setMembers(members: readonly string[]): Promise<void> {
    this.directory = { ...this.directory, groups: this.directory.groups.map((group) => ({ ...group, members: members.map(assigneeId) })) }
    await this.store.transaction(async (tx) => {
      for (const channel of await tx.channels(CRM_LANE)) await tx.saveChannel({ ...channel, syncState: null, complete: false, resyncSince: this.world.clock.now() })
    })
  }

  get crm(): MemoryCrm {
    return this.world.crm
  }

  mailbox(user: string): MemoryMailbox {
    return this.world.mailbox(LANES[user] ?? '')
  }

  /** The old process is gone; its memory with it. */
  restart(): void {
    this.process = new Process(this.world)
    this.engine = this.engineOf(this.process)
    this.running.clear()
  }

  /** Everything the connector knows is gone; the mailboxes of the directory are connected anew. */
  async loseDatabase(): Promise<void> {
    this.store = createMemoryStore({ clock: this.world.clock })
    this.restart()
    await this.connect()
  }

  async run(lane: MailboxId): Promise<void> {
    if (this.running.has(lane)) return
    this.running.add(lane)
    try {
      await runLane(this.engine, lane)
    } finally {
      this.running.delete(lane)
    }
  }

  /** One pass: the CRM, then every mailbox. */
  async pass(lanes: readonly MailboxId[] = [CRM_LANE, ...Object.values(LANES)]): Promise<void> {
    for (const lane of lanes) {
      await this.run(lane)
      if (this.process.dead) this.restart()
    }
  }

  /** Passes, with time in between, until two in a row wrote nothing and nothing waits. */
  async settle(): Promise<void> {
    for (let round = 0, quiet = 0; round < 30; round++) {
      const before = this.writes.length
      this.world.pass(round < 8 ? 70_000 : 3_600_000)
      await this.pass()
      const waiting = await this.store.transaction(async (tx) => {
        const counts = await Promise.all(Object.values(LANES).map((lane) => tx.countInbox(lane)))
        return counts.reduce((sum, one) => sum + one.waiting, 0)
      })
      quiet = this.writes.length === before && waiting === 0 ? quiet + 1 : 0
      if (quiet === 2) return
    }
    throw new Error(`the office does not come to rest: ${JSON.stringify(this.totals.errors.slice(-3))}`)
  }

  private engineOf(process: Process): Engine {
    this.totals = newTotals()
    return {
      store: process.store(this.store),
      crm: process.replica<Crm>(this.world.crm, 'crm'),
      exchangeOf: (mailbox) => process.replica<Exchange>(this.world.mailbox(mailbox.id), mailbox.id),
      policy: this.policy,
      directory: () => this.directory,
      instance: 'office',
      clock: this.world.clock,
      ids: createCountedIds(`p${++this.restarts}`),
      log: this.options.log ?? SILENT,
      mode: { once: this.options.once ?? false, dry: false, safetyPullSeconds: this.options.safetyPullSeconds ?? 0 },
      totals: this.totals,
    }
  }
}

export function mailboxOf(name: string, user: string): Mailbox {
  return {
    id: LANES[user] ?? mailboxId(`m-${user}`), address: `${name}@example.test`, user: name, userId: assigneeId(user), connection: 'onprem', zone: 'Europe/Rome',
  }
}

const userOf = (name: string, id: string): CrmUser => ({
  id: assigneeId(id), name, fullName: name, addresses: [`${name}@example.test`], active: true, admin: false, zone: 'Europe/Rome',
})
