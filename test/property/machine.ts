import { CRM_LANE, fieldsOf, FIELDS, instant, instantMs, itemOf, sameValue } from '../../src/model/index.ts'
import type { FieldName, Fields, FieldValue, Item, ItemId, ItemKind, MailboxId, PlainDate } from '../../src/model/index.ts'
import type { Change } from '../../src/ports.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import type { MailboxRow } from '../../sim/memory-mailbox.ts'
import { Crash } from '../../sim/memory-replica.ts'
import type { Call, Trouble } from '../../sim/memory-replica.ts'
import type { Office} from './office.ts';
import { ALICE, BOB, LANES, SALES } from './office.ts'

export const ACTS = [
  'create-exchange', 'create-crm', 'edit-exchange', 'edit-crm', 'edit-exchange', 'edit-crm', 'edit-exchange', 'edit-crm', 'delete-exchange', 'hard-delete-exchange',
  'delete-crm', 'move-elsewhere', 'move-back', 'restore-exchange', 'restore-crm', 'paste', 'pure-paste', 'move-around', 'reassign',
  'crash', 'crash-in-flight', 'lost-after', 'lost-before', 'refuse', 'crm-down', 'mailbox-down', 'reset', 'reset-new-ids', 'noise', 'crm-lane',
  'other-lane', 'crm-lane', 'time', 'edit-both', 'edit-both', 'clash', 'clash', 'reset-loses',
] as const
export type ActName = (typeof ACTS)[number]
export interface Act {
  readonly act: ActName
  /** Boundaries to let pass first. */
  readonly wait: number
  /** Which boundaries count: those around remote writes are few, and the dangerous ones. */
  readonly when: 'any' | 'write'
  readonly pick: number
  readonly field: number
}

interface Edit {
  readonly field: FieldName
  readonly value: FieldValue
  readonly seq: number
}
/** Something a user made, wherever its descendants are. */
export interface Thing {
  readonly mark: string
  readonly kind: ItemKind
  readonly edits: Edit[]
  deletedAt: number
  reassigned: boolean
  /** Users themselves made several of it. */
  loose: boolean
  /** Moved out of sight on one side: the other stays as it is. */
  detached: boolean
  /** Members who threw their own copy away. */
  readonly without: Set<string>
}

const EDITABLE: Readonly<Record<ItemKind, readonly FieldName[]>> = {
  event: ['subject', 'body', 'place', 'time'], task: ['subject', 'body', 'dueDate'], contact: ['lastName', 'jobTitle', 'email'],
}
const USERS = [ALICE, BOB]

/** People who work on both sides, and trouble, at every boundary of the connector's own work. */
export class Machine {
  readonly office: Office
  readonly things = new Map<string, Thing>()
  acts: Act[]
  /** Everything users did, in their words. */
  readonly diary: string[] = []
  userActs = 0
  troubles = 0
  private seq = 0
  private wait = 0
  private patience = 0
  private pending: { side: string; trouble: Trouble; times: number }[] = []
  private noise = 0
  private readonly removals: string[] = []

  constructor(office: Office, acts: readonly Act[]) {
    this.office = office
    this.acts = [...acts]
    office.world.script = {
      boundary: (name) => this.boundary(name),
      trouble: (call) => this.trouble(call),
      tell: (changes) => this.tell(changes),
      wrote: (write) => {
        office.writes.push(write)
        this.diary.push(`        engine ${write.type} ${write.side} ${write.at} ${markOf(write.item)}`)
        if (write.type === 'remove') this.judgeRemoval(write.side, write.item)
      },
    }
  }

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
    await this.perform(next, name)
  }

  private async perform({ act, pick, field }: Act, boundary: string): Promise<void> {
    const { office } = this
    switch (act) {
      case 'create-exchange':
        return this.create('exchange', pick, field)
      case 'create-crm':
        return this.create('crm', pick, field)
      case 'edit-exchange':
        return this.inSomeMailbox(pick, 'synced', (row, user) => this.edit(row, field, (fields) => office.mailbox(user).edit(row.id, fields)))
      case 'edit-crm':
        return this.onSomeRecord(pick, (row) => this.edit(row, field, (fields) => office.crm.edit(row.id, fields)))
      case 'edit-both':
      case 'clash':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          const record = office.crm.live().find((one) => markOf(one.item) === markOf(row.item))
          this.edit(row, field, (fields) => office.mailbox(user).edit(row.id, fields))
          if (record !== undefined) this.edit(record, act === 'clash' ? field : field + 1, (fields) => office.crm.edit(record.id, fields))
        })
      case 'delete-exchange':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          this.deleted(row, user)
          office.mailbox(user).move(row.id, 'deleted')
        })
      case 'hard-delete-exchange':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          this.deleted(row, user)
          office.mailbox(user).erase(row.id)
        })
      case 'delete-crm':
        return this.onSomeRecord(pick, (row) => {
          this.thing(row).deletedAt = ++this.seq
          office.crm.edit(row.id, {}, { deleted: true })
        })
      case 'move-elsewhere':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          this.thing(row).detached = true
          this.blurred(row)
          office.mailbox(user).move(row.id, 'elsewhere')
        })
      case 'move-back':
        return this.inSomeMailbox(pick, 'elsewhere', (row, user) => void office.mailbox(user).move(row.id, 'synced'))
      case 'restore-exchange':
        return this.inSomeMailbox(pick, 'deleted', (row, user) => {
          this.thing(row).loose = true
          office.mailbox(user).move(row.id, 'synced')
        })
      case 'restore-crm': {
        const bin = [...office.crm.rows.values()].filter((row) => row.deleted)
        const row = bin[pick % bin.length]
        if (row === undefined) return
        this.thing(row).loose = true
        office.crm.edit(row.id, {}, { deleted: false })
        return
      }
      case 'paste':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          const name = row.kind === 'contact' ? 'lastName' : 'subject'
          const thing = this.newThing(row.kind)
          office.mailbox(user).copy(row.id, { [name]: `${thing.mark} pasted` })
        })
      case 'pure-paste':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          this.thing(row).loose = true
          office.mailbox(user).copy(row.id, {})
        })
      case 'move-around':
        return this.inSomeMailbox(pick, 'synced', (row, user) => {
          this.blurred(row)
          office.mailbox(user).move(row.id, 'synced')
        })
      case 'reassign':
        return this.onSomeRecord(pick, (row) => {
          const to = [ALICE, BOB, SALES][field % 3] ?? ALICE
          if (row.assignee === to) return
          this.thing(row).reassigned = true
          office.crm.edit(row.id, {}, { assignee: to as CrmRow['assignee'] })
        })
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
        if (act === 'reset-new-ids') office.mailbox(USERS[pick % 2] ?? ALICE).synced().forEach((row) => this.blurred(row))
        return office.mailbox(USERS[pick % 2] ?? ALICE).reset(act === 'reset-new-ids')
      case 'reset-loses': {
        const user = USERS[pick % 2] ?? ALICE
        const mailbox = office.mailbox(user)
        const all = USERS.flatMap((one) => [...office.mailbox(one).rows.values()])
        // A copy and paste of it inherits its record, as after a move.
        const row = mailbox.synced().find(({ item, stamp }) => !all.some((one) => stamp !== null && one.stamp?.record === stamp.record && markOf(one.item) !== markOf(item)))
        this.troubles++
        if (row !== undefined) {
          this.blurred(row)
          mailbox.rows.delete(row.id)
          // What only Exchange knew is lost with it, and a copy of a group's record comes back for nobody.
          this.thing(row).edits.length = 0
          this.thing(row).without.add(user)
          this.thing(row).detached = true
        }
        return mailbox.reset(false)
      }
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

  // ------------------------------------------------------------------------------------------------- users

  private newThing(kind: ItemKind): Thing {
    this.userActs++
    const thing: Thing = {
      mark: `T${this.things.size + 1}`, kind, edits: [], deletedAt: 0, reassigned: false, loose: false, detached: false, without: new Set(),
    }
    this.things.set(thing.mark, thing)
    return thing
  }

  private create(side: 'exchange' | 'crm', pick: number, field: number): void {
    const kind: ItemKind = field % 3 === 2 ? 'task' : 'event'
    const thing = this.newThing(kind)
    const fields = Object.fromEntries((['subject', kind === 'event' ? 'time' : 'dueDate'] as const).map((name) => [name, this.fresh(thing, name)]))
    const item = itemOf(kind, fields)
    if (side === 'exchange') this.office.mailbox(USERS[pick % 2] ?? ALICE).put(item)
    else this.office.crm.put(item, [ALICE, BOB, SALES, 'u9'][pick % 4] ?? ALICE, { uid: kind === 'event' && pick % 3 === 0 ? `ical-${thing.mark}` : '' })
  }

  /** A value nobody ever wrote before, remembered as an edit. */
  private fresh(thing: Thing, field: FieldName): FieldValue {
    const seq = ++this.seq
    const text = `${thing.mark} v${seq}`
    const start = Date.parse('2026-12-10T08:00:00Z') + seq * 60_000
    const value: FieldValue =
      field === 'time' ? { allDay: false, start: instant(start), end: instant(start + 3_600_000) }
      : field === 'dueDate' ? (instant(Date.parse('2026-12-10T00:00:00Z') + seq * 86_400_000).slice(0, 10) as PlainDate)
      : text
    thing.edits.push({ field, value, seq })
    return value
  }

  private edit(row: MailboxRow | CrmRow, pick: number, write: (fields: Fields) => void): void {
    this.userActs++
    const thing = this.thing(row)
    const names = EDITABLE[row.kind]
    const name = names[pick % names.length] as FieldName
    write({ [name]: this.fresh(thing, name) })
  }

  /** A task without stamp has nothing that survives a new id: to the connector it is a deletion and a new task. */
  private blurred(row: MailboxRow): void {
    if (row.kind !== 'task' || row.stamp !== null) return
    const thing = this.thing(row)
    thing.loose = thing.detached = true
    thing.deletedAt = ++this.seq
  }

  private deleted(row: MailboxRow, user: string): void {
    const thing = this.thing(row)
    thing.without.add(user)
    thing.deletedAt = ++this.seq
  }

  private inSomeMailbox(pick: number, folder: MailboxRow['folder'], act: (row: MailboxRow, user: string) => void): void {
    this.userActs++
    const all = USERS.flatMap((user) => [...this.office.mailbox(user).rows.values()].filter((row) => row.folder === folder).map((row) => ({ row, user })))
    const one = all[pick % all.length]
    if (one !== undefined) act(one.row, one.user)
  }

  private onSomeRecord(pick: number, act: (row: CrmRow) => void): void {
    this.userActs++
    const all = this.office.crm.live()
    const row = all[pick % all.length]
    if (row !== undefined) act(row)
  }

  thing({ item }: { readonly item: Item }): Thing {
    const found = this.things.get(markOf(item))
    if (found === undefined) throw new Error(`nobody made ${JSON.stringify(item)}`)
    return found
  }

  private judgeRemoval(side: 'crm' | 'exchange', item: Item): void {
    const thing = this.thing({ item })
    const allowed = thing.deletedAt > 0 || (side === 'exchange' && thing.reassigned)
    if (!allowed) this.removals.push(`${thing.mark} was deleted in the ${side}, but no user deleted it`)
  }

  // ------------------------------------------------------------------------------------------------ checks

  /** @returns what is wrong with the settled office, in words; empty when everything is as it should be */
  async faults(): Promise<string[]> {
    const conflicts = await this.office.store.transaction((tx) => tx.conflicts({}))
    const kept: FieldValue[] = conflicts.flatMap(({ base, exchange, crm }) => [base, exchange, crm].filter((value) => value !== undefined))
    const faults = [...this.removals]
    for (const thing of this.things.values()) {
      const records = this.office.crm.live().filter((row) => markOf(row.item) === thing.mark)
      const items = USERS.flatMap((user) => this.office.mailbox(user).synced().filter((row) => markOf(row.item) === thing.mark).map((row) => ({ row, user })))
      faults.push(...this.placed(thing, records, items))
      faults.push(...this.lost(thing, [...records, ...items.map(({ row }) => row), ...this.outOfSight(thing)], kept))
    }
    const limit = 12 * this.userActs + 12 * this.troubles + 20
    if (this.office.writes.length > limit) faults.push(`${this.office.writes.length} writes for ${this.userActs} user acts`)
    if (this.office.totals.mails > 0) faults.push('mails were sent')
    return faults
  }

  private placed(thing: Thing, records: readonly CrmRow[], items: readonly { row: MailboxRow; user: string }[]): string[] {
    const faults: string[] = []
    const mayMiss = thing.detached || thing.deletedAt > 0
    if (!thing.loose && !thing.detached && records.length > 1) faults.push(`${thing.mark}: ${records.length} records`)
    if (!mayMiss && records.length === 0) faults.push(`${thing.mark}: no record`)
    for (const user of USERS) {
      const wanted = records.filter((row) => row.assignee === user || row.assignee === SALES)
      const mine = items.filter((one) => one.user === user).map(({ row }) => row)
      if (!thing.loose && !thing.detached && mine.length > 1) faults.push(`${thing.mark}: ${mine.length} items of ${user}`)
      if (thing.detached || thing.without.has(user)) continue
      if (thing.loose ? mine.length < wanted.length : mine.length !== wanted.length) {
        if (!(wanted.length === 0 && records.some((row) => row.assignee === 'u9'))) faults.push(`${thing.mark}: ${wanted.length} records for ${user}, but ${mine.length} items`)
      }
      if (wanted.length === 1 && mine.length === 1) faults.push(...this.unequal(thing, mine[0] as MailboxRow, wanted[0] as CrmRow))
    }
    return faults
  }

  private unequal(thing: Thing, item: MailboxRow, record: CrmRow): string[] {
    const { crm } = this.office
    const mailbox = this.office.mailbox(ALICE)
    const offered = { crm: fieldsOf(crm.hold(item.item)), exchange: fieldsOf(mailbox.hold(record.item)) }
    return FIELDS[thing.kind].flatMap((field) => {
      const left = fieldsOf(item.item)[field]
      const right = fieldsOf(record.item)[field]
      if (left === undefined || right === undefined) return []
      if (sameValue(offered.crm[field], right) || sameValue(offered.exchange[field], left)) return []
      return [`${thing.mark}: ${field} is ${JSON.stringify(left)} in Exchange, ${JSON.stringify(right)} in the CRM`]
    })
  }

  private lost(thing: Thing, rows: readonly { item: Item }[], kept: readonly FieldValue[]): string[] {
    if (thing.loose) return []
    return thing.edits.flatMap(({ field, value, seq }) => {
      const visible = rows.some(({ item }) => sameValue(fieldsOf(item)[field], value))
      const superseded = thing.edits.some((later) => later.field === field && later.seq > seq)
      if (visible || superseded || thing.deletedAt > seq || kept.some((one) => sameValue(one, value))) return []
      return [`${thing.mark}: the edit of ${field} to ${JSON.stringify(value)} is lost`]
    })
  }

  private outOfSight(thing: Thing): readonly { item: Item }[] {
    return USERS.flatMap((user) => [...this.office.mailbox(user).rows.values()].filter((row) => row.folder === 'elsewhere' && markOf(row.item) === thing.mark))
  }

  /** People decide what the connector asks: what a user deleted may go, everything else comes back. */
  async decide(): Promise<void> {
    const { store, crm } = this.office
    await store.transaction(async (tx) => {
      for (const held of await tx.held({ open: true })) {
        const [linked] = held.copy === null ? [] : await tx.copiesById([held.copy])
        const record = linked === undefined ? undefined : crm.rows.get(linked.copy.crm.id as ItemId)
        const wanted = record !== undefined && this.thing(record).deletedAt > 0
        await tx.decideHeld(held.id, wanted || held.what === 'ambiguous' ? 'apply' : 'restore')
      }
    })
  }
}

export function markOf(item: Item): string {
  const fields = fieldsOf(item)
  return String(fields.subject ?? fields.lastName ?? '').split(' ')[0] ?? ''
}

export const minutesLater = (at: string, minutes: number) => instant(instantMs(at as never) + minutes * 60_000)
