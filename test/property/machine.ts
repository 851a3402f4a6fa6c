import { fieldsOf, FIELDS, instant, itemOf, sameValue } from '../../src/model/index.ts'
import type { FieldName, Fields, FieldValue, Item, ItemId, ItemKind, PlainDate } from '../../src/model/index.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import type { MailboxRow } from '../../sim/memory-mailbox.ts'
import type { RemoteWrite } from '../../sim/memory-replica.ts'
import { ALICE, BOB, SALES } from './office.ts'
import { Stage, USERS } from './stage.ts'
import type { Act, TroubleName } from './stage.ts'

export const ACTS = [
  'create-exchange', 'create-crm', 'edit-exchange', 'edit-crm', 'edit-exchange', 'edit-crm', 'edit-exchange', 'edit-crm', 'delete-exchange', 'hard-delete-exchange',
  'delete-crm', 'move-elsewhere', 'move-back', 'restore-exchange', 'restore-crm', 'paste', 'pure-paste', 'move-around', 'reassign',
  'crash', 'crash-in-flight', 'lost-after', 'lost-before', 'refuse', 'crm-down', 'mailbox-down', 'reset', 'reset-new-ids', 'noise', 'crm-lane',
  'other-lane', 'crm-lane', 'time', 'edit-both', 'edit-both', 'clash', 'clash', 'reset-loses', 'membership',
] as const
export type ActName = Exclude<(typeof ACTS)[number], TroubleName>

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
/** People who make single items of every kind, and work on them from both sides. */
export class Machine extends Stage<ActName> {
  readonly things = new Map<string, Thing>()
  private seq = 0
  private readonly removals: string[] = []

  protected wrote(write: RemoteWrite): void {
    this.diary.push(`        engine ${write.type} ${write.side} ${write.at} ${markOf(write.item)}`)
    if (write.type === 'remove') this.judgeRemoval(write.side, write.item)
  }

  protected renumbered(user: string): void {
    this.office.mailbox(user).synced().forEach((row) => this.blurred(row))
  }

  protected perform({ act, pick, field }: Act<ActName>): void | Promise<void> {
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
          // A task has no UID: should the original go before anybody looked, this is it under a new id, with a new name.
          if (row.kind === 'task' && row.stamp !== null) thing.detached = true
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
      case 'membership':
        return this.changeMembers([[ALICE, BOB], [ALICE], [BOB], []][field % 4] ?? [])
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
    }
  }

  // ------------------------------------------------------------------------------------------------- users

  private changeMembers(members: readonly string[]): Promise<void> {
    this.userActs++
    for (const row of this.office.crm.live().filter(({ assignee }) => assignee === SALES)) {
      const thing = this.thing(row)
      thing.reassigned = true
      // With nobody to take it, it stays where it is, unlinked; whoever gets it next need not be the same.
      if (members.length === 0) for (const user of USERS) thing.without.add(user)
    }
    return this.office.setMembers(members)
  }

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
      const wanted = records.filter((row) => row.assignee === user || (row.assignee === SALES && this.office.members.includes(user)))
      const mine = items.filter((one) => one.user === user).map(({ row }) => row)
      if (!thing.loose && !thing.detached && mine.length > 1) faults.push(`${thing.mark}: ${mine.length} items of ${user}`)
      if (thing.detached || thing.without.has(user)) continue
      if (thing.loose ? mine.length < wanted.length : mine.length !== wanted.length) {
        if (!(wanted.length === 0 && records.some((row) => row.assignee === 'u9' || (row.assignee === SALES && this.office.members.length === 0)))) faults.push(`${thing.mark}: ${wanted.length} records for ${user}, but ${mine.length} items`)
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
