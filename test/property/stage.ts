import { CRM_LANE } from '../../src/model/index.ts'
import type { MailboxId } from '../../src/model/index.ts'
import type { Change } from '../../src/ports.ts'
import { Crash } from '../../sim/memory-replica.ts'
import type { Call, RemoteWrite, Trouble } from '../../sim/memory-replica.ts'
import type { Office } from './office.ts'
import { ALICE, BOB, LANES } from './office.ts'

/** What goes wrong, or merely happens, besides what people do. */
export const TROUBLES = [
  'crash', 'crash-in-flight', 'lost-after', 'lost-before', 'refuse', 'crm-down', 'mailbox-down', 'noise', 'crm-lane', 'other-lane', 'crm-lane', 'time',
  'reset', 'reset-new-ids',
] as const
export type TroubleName = (typeof TROUBLES)[number]

export interface Act<Name extends string = string> {
  readonly act: Name
  /** Boundaries to let pass first. */
  readonly wait: number
  /** Which boundaries count: those around remote writes are few, and the dangerous ones. */
  readonly when: 'any' | 'write'
  readonly pick: number
  readonly field: number
}

export const USERS = [ALICE, BOB]

/** People at work and trouble, at every boundary of the connector's own work. */
export abstract class Stage<Name extends string> {
  readonly office: Office
  /** Everything that happened, in the users' words. */
  readonly diary: string[] = []
  userActs = 0
  troubles = 0
  private acts: Act<Name | TroubleName>[]
  private wait = 0
  private patience = 0
  private pending: { side: string; trouble: Trouble; times: number }[] = []
  private noise = 0

  constructor(office: Office, acts: readonly Act<Name | TroubleName>[]) {
    this.office = office
    this.acts = [...acts]
    office.world.script = {
      boundary: (name) => this.boundary(name),
      trouble: (call) => this.trouble(call),
      tell: (changes) => this.tell(changes),
      wrote: (write) => {
        office.writes.push(write)
        this.wrote(write)
      },
    }
  }

  protected abstract perform(act: Act<Name>): void | Promise<void>
  /** The connector wrote. */
  protected abstract wrote(write: RemoteWrite): void
  /** A mailbox is about to forget its ids. */
  protected abstract renumbered(user: string): void

  /** Passes of the connector until the users have done everything on their list. */
  async work(): Promise<void> {
    for (let round = 0; this.acts.length > 0 && round < 400; round++) {
      await this.office.pass()
      await this.boundary('between passes')
    }
    this.pending = []
    this.noise = 0
    this.acts = []
  }

  /** More of the same people, after a rest. */
  async goOn(acts: readonly Act<Name | TroubleName>[]): Promise<void> {
    this.acts = [...acts]
    await this.work()
  }

  private async boundary(name: string): Promise<void> {
    this.office.world.pass(170)
    const next = this.acts[0]
    if (next === undefined) return
    // Where nothing is written any more, waiting for a write would be for ever.
    const counts = next.when === 'any' || /create|update|remove/.test(name) || ++this.patience > 60
    if (!counts || this.wait++ < next.wait) return
    this.patience = 0
    this.wait = 0
    this.acts.shift()
    this.diary.push(`${name}: ${next.act} ${next.pick} ${next.field}`)
    if (isTrouble(next)) await this.happen(next, name)
    else await this.perform(next as Act<Name>)
  }

  private async happen({ act, pick, field }: Act<TroubleName>, boundary: string): Promise<void> {
    const { office } = this
    switch (act) {
      case 'crash':
      case 'crash-in-flight':
        this.troubles++
        if (boundary === 'between passes') return
        throw new Crash(act === 'crash-in-flight')
      case 'lost-after':
      case 'lost-before':
        return void this.expect(pick % 2 === 0 ? 'crm' : 'exchange', act, 1)
      case 'refuse':
        return void this.expect(pick % 2 === 0 ? 'crm' : 'exchange', 'refused', 1 + (field % 3))
      case 'crm-down':
        return void this.expect('crm', 'down', 1 + (field % 4))
      case 'mailbox-down':
        return void this.expect('exchange', 'down', 1 + (field % 4))
      case 'reset':
      case 'reset-new-ids':
        this.troubles++
        if (act === 'reset-new-ids') this.renumbered(USERS[pick % 2] ?? ALICE)
        return office.mailbox(USERS[pick % 2] ?? ALICE).reset(act === 'reset-new-ids')
      case 'noise':
        this.noise = 1 + (field % 5)
        return
      case 'crm-lane':
        return office.run(CRM_LANE)
      case 'other-lane':
        return office.run(Object.values(LANES)[pick % 2] as MailboxId)
      case 'time':
        return office.world.pass([700, 1500, 9000, 65_000][field % 4] ?? 0)
    }
  }

  private expect(side: string, trouble: Trouble, times: number): void {
    this.troubles += times
    this.pending.push({ side, trouble, times })
  }

  private trouble({ side, name }: Call): Trouble | null {
    const found = this.pending.find((one) => one.side === side && (one.trouble === 'down' || ['create', 'update', 'remove'].includes(name)))
    if (found === undefined) return null
    if (--found.times <= 0) this.pending = this.pending.filter((one) => one !== found)
    return found.trouble
  }

  private tell(changes: readonly Change[]): readonly Change[] {
    if (this.noise === 0) return changes
    this.noise--
    return [...changes].reverse().concat(changes.slice(0, 1))
  }
}

const isTrouble = (act: Act<string>): act is Act<TroubleName> => (TROUBLES as readonly string[]).includes(act.act)
