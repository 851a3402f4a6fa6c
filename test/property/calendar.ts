import { fieldsOf, instant, itemOf, occurrenceUid, sameValue, splitUid } from '../../src/model/index.ts'
import type { Answer, Attendee, EventFields, EventTime, FieldName, Fields, FieldValue, Item, Traits } from '../../src/model/index.ts'
import { expand } from '../../src/recurrence/index.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import type { MailboxRow } from '../../sim/memory-mailbox.ts'
import type { RemoteWrite } from '../../sim/memory-replica.ts'
import { ALICE, BOB, CAROL } from './office.ts'
import { DAY_MS, dayOf, later, shown, someSeries, timeOn } from './shown.ts'
import type { Shown } from './shown.ts'
import { Stage, USERS } from './stage.ts'
import type { Act } from './stage.ts'

export const MAKING = ['single-exchange', 'single-crm', 'series', 'series', 'series', 'set', 'set', 'loose-set', 'meeting', 'outside'] as const
export const DEEDS = [
  ...MAKING, 'edit-exchange', 'edit-exchange', 'edit-exchange', 'edit-crm', 'edit-crm', 'edit-crm', 'edit-series', 'clash', 'delete-occurrence', 'delete-occurrence',
  'delete-record', 'delete-record', 'delete-item', 'erase-item', 'delete-set', 'change-rule', 'change-rule', 'to-series', 'to-single', 'move-item', 'add-record',
  'reassign', 'reassign-set', 'invite', 'uninvite', 'answer-exchange', 'answer-crm', 'cancel', 'days',
] as const
export type Deed = (typeof DEEDS)[number]

interface Edit {
  readonly field: FieldName
  readonly value: FieldValue
  /** Somebody wrote over it, or deleted what showed it. */
  closed: boolean
}

/** Something a user made, wherever its descendants are. */
export interface Thing {
  readonly mark: string
  readonly type: 'plain' | 'meeting' | 'outside'
  /** Whose calendar it began in. */
  readonly owner: string
  readonly edits: Edit[]
  /** Records that users made of it in the CRM; 0 for what began in Exchange. */
  made: number
  /** What users deleted of it, one by one. */
  deletions: number
  /** Somebody deleted all of it. */
  ended: boolean
  /** Its rule changed: how many there are of it is no longer known. */
  ruled: boolean
  /** Left alone on one side on purpose. */
  detached: boolean
  /** Both connected people were invited, by somebody outside. */
  readonly both: boolean
  /** Guests and attendees who threw their own copy away, or changed it only for themselves. */
  readonly own: Set<string>
}

const EDITABLE: readonly FieldName[] = ['subject', 'body', 'place', 'time']
const ANSWERS: readonly Answer[] = ['accepted', 'tentative', 'declined']
const nameOf = (user: string) => ({ [ALICE]: 'alice', [BOB]: 'bob' })[user] ?? 'guest'
export const person = (user: string, answer: Answer = 'none'): Attendee => ({ address: `${nameOf(user)}@example.test`, name: nameOf(user), role: 'required', answer })
export const markOf = (item: Item): string => String(fieldsOf(item).subject ?? '').split(' ')[0] ?? ''

/** People who keep calendars: series, sets of records, meetings. */
export class Calendar extends Stage<Deed> {
  readonly things = new Map<string, Thing>()
  readonly complaints: string[] = []
  /** Writes that may be needed for what users did. */
  allowance = 40
  private seq = 0

  protected wrote({ side, at, type, item, fields, mailing, occurrence, traits }: RemoteWrite): void {
    const what = `${type} ${side} ${at} ${markOf(item)} ${occurrence ?? ''} ${fields?.join() ?? ''}`
    this.diary.push(`        engine ${what}`)
    if (mailing !== undefined) this.complaints.push(`${what} is told by mail`)
    const thing = this.thing(item)
    if (type === 'remove' && thing.deletions === 0 && !thing.ended && !thing.ruled && !thing.detached) this.complaints.push(`${what}: nobody deleted it`)
    if (traits?.invited === true && (type !== 'update' || fields?.some((name) => name !== 'answer'))) this.complaints.push(`${what}: another attendee's copy was written`)
    if (traits?.hasAttendees === true && type === 'remove') this.complaints.push(`${what}: a meeting was deleted in Exchange`)
  }

  protected renumbered(): void {
    // Series and meetings carry their UID, single events their stamp or their UID: all are known again.
  }

  protected perform({ act, pick, field }: Act<Deed>): void {
    const { crm } = this.office
    this.userActs++
    this.allowance += 12
    switch (act) {
      case 'single-exchange':
        return this.makeItem(USERS[pick % 2] ?? ALICE, 'plain', null, field)
      case 'series':
        return this.makeItem(USERS[pick % 2] ?? ALICE, 'plain', this.rule(pick, field), field)
      case 'meeting':
      case 'outside':
        return this.makeItem(act === 'meeting' ? ALICE : BOB, act, field % 2 === 0 ? null : this.rule(pick, field), pick)
      case 'single-crm':
        return this.makeRecords(pick, [timeOn(this.day(1 + (field % 5)), 9, this.next())])
      case 'set': {
        const { recurrence, time } = this.rule(pick, field % 5)
        const times = expand({ recurrence, time }, instant(this.office.world.nowMs()), instant(this.office.world.nowMs() + 40 * DAY_MS)).map((one) => one.time)
        return this.makeRecords(pick, times.slice(0, 2 + (field % 5)))
      }
      case 'loose-set': {
        const minute = this.next()
        return this.makeRecords(pick, [1, 2, 6, 7].slice(0, 3 + (field % 2)).map((offset) => timeOn(this.day(offset), 9, minute)))
      }
      case 'edit-exchange':
        return this.onShown(pick, (one, user) => this.editShown(one, user, field))
      case 'edit-series':
        return this.onItem(pick, (row, user) => {
          if (row.series === undefined || this.isForeign(row, user)) return
          const name = (['subject', 'body', 'place'] as const)[field % 3] ?? 'body'
          const fields = this.freshly(this.thing(row.item), name, row.item.fields, true)
          this.eachCopy(row, user, (copy, whose) => this.office.mailbox(whose).edit(copy.id, fields))
        })
      case 'edit-crm':
        return this.onRecord(pick, (row) => this.editRecord(row, field))
      case 'clash':
        return this.onRecord(pick, (row) => {
          const twin = this.everything().find(({ one }) => markOf(itemOf('event', one.fields as Fields)) === markOf(row.item) && sameValue(one.fields.time, timeOf(row)))
          this.editRecord(row, field)
          if (twin !== undefined) this.editShown(twin.one, twin.user, field)
        })
      case 'delete-occurrence':
        return this.onShown(pick, (one, user) => {
          if (one.start === null) return this.deleteItem(one.row, user, true)
          this.deleted(one.row.item, one.fields)
          const { start } = one
          if (this.thing(one.row.item).both || this.isOwn(one.row, user, one.fields.time)) {
            this.thing(one.row.item).own.add(user)
            return this.office.mailbox(user).deleteOccurrence(one.row.id, start)
          }
          this.eachCopy(one.row, user, (copy, whose) => {
            if (copy.series !== undefined && !copy.series.deleted.includes(start)) this.office.mailbox(whose).deleteOccurrence(copy.id, start)
          })
        })
      case 'delete-item':
      case 'erase-item':
        return this.onItem(pick, (row, user) => this.deleteItem(row, user, act === 'delete-item'))
      case 'delete-record':
        return this.onRecord(pick, (row) => this.deleteRecord(row))
      case 'delete-set':
        return this.onRecord(pick, (row) => {
          this.thing(row.item).ended = true
          for (const one of crm.live().filter(({ uid }) => splitUid(uid).uid === splitUid(row.uid).uid)) this.deleteRecord(one)
        })
      case 'change-rule':
        return this.onItem(pick, (row, user) => (row.series === undefined ? undefined : this.changeRule(row, user, pick, field)))
      case 'to-series':
        return this.onItem(pick, (row, user) => (row.series === undefined && this.thing(row.item).made === 0 ? this.changeRule(row, user, pick, field) : undefined))
      case 'to-single':
        return this.onItem(pick, (row, user) => {
          if (row.series === undefined || this.isForeign(row, user)) return
          this.forget(row, user)
          this.eachCopy(row, user, (copy, whose) => {
            const { series: _none, ...single } = copy
            this.office.mailbox(whose).rows.set(copy.id, single)
            this.office.mailbox(whose).edit(copy.id, {})
          })
        })
      case 'move-item':
        return this.onItem(pick, (row, user) => void this.office.mailbox(user).move(row.id, 'synced'))
      case 'add-record':
        return this.onRecord(pick, (row) => {
          const thing = this.thing(row.item)
          if (thing.made === 0 || row.uid === '') return
          const numbers = [...crm.rows.values()].filter(({ uid }) => splitUid(uid).uid === splitUid(row.uid).uid).map(({ uid }) => splitUid(uid).slot)
          thing.made++
          crm.put(itemOf('event', { ...fieldsOf(row.item), time: timeOn(this.day(1 + (field % 7)), 12, this.next()) }), row.assignee, { uid: occurrenceUid(splitUid(row.uid).uid, Math.max(...numbers) + 1) })
        })
      case 'reassign':
        return this.onRecord(pick, (row) => this.reassign([row], field))
      case 'reassign-set':
        return this.onRecord(pick, (row) => this.reassign(crm.live().filter(({ uid, id }) => id === row.id || (row.uid !== '' && splitUid(uid).uid === splitUid(row.uid).uid)), field))
      case 'invite':
      case 'uninvite':
        return this.onRecord(pick, (row) => {
          if (this.thing(row.item).type !== 'plain') return
          if (act === 'uninvite') this.thing(row.item).deletions++
          crm.edit(row.id, { attendees: act === 'invite' ? [person(row.assignee === ALICE ? BOB : ALICE), person('x')] : [] })
        })
      case 'answer-exchange':
        return this.onShown(pick, ({ row, start }, user) => {
          if (row.traits?.invited !== true) return
          const answer = { answer: ANSWERS[field % 3] as Answer }
          // An answer to one occurrence makes an exception of it in that calendar only, and the two would show different words.
          if (start === null || field % 2 === 0 || this.thing(row.item).both) this.office.mailbox(user).edit(row.id, answer)
          else this.office.mailbox(user).editOccurrence(row.id, start, answer)
        })
      case 'answer-crm':
        return this.onRecord(pick, (row) => {
          if (this.thing(row.item).type === 'plain') return
          const list = (fieldsOf(row.item).attendees ?? []) as readonly Attendee[]
          crm.edit(row.id, { attendees: list.map((one) => (one.address.startsWith('bob') ? { ...one, answer: ANSWERS[field % 3] as Answer } : one)) })
        })
      case 'cancel':
        return this.onItem(pick, (row, user) => {
          const thing = this.thing(row.item)
          if (thing.type !== 'meeting' || user !== ALICE) return
          thing.detached = thing.ended = true
          for (const edit of thing.edits) edit.closed = true
          this.eachCopy(row, user, (copy, whose) => {
            if (whose === user) this.office.mailbox(whose).move(copy.id, 'deleted')
            else this.office.mailbox(whose).edit(copy.id, { cancelled: true })
          })
        })
      case 'days':
        return this.office.world.pass((1 + (field % 4)) * DAY_MS)
    }
  }

  // ------------------------------------------------------------------------------------------------- making

  private next(): number {
    return ++this.seq % 590
  }

  day(offset: number): string {
    return later(this.office.world.clock.now().slice(0, 10), offset)
  }

  private rule(pick: number, field: number) {
    return someSeries(this.day((pick % 8) - 3), pick, field, this.next())
  }

  private newThing(type: Thing['type'], owner: string, made: number, both = false): Thing {
    this.allowance += 40
    const thing: Thing = { mark: `T${this.things.size + 1}`, type, owner, edits: [], made, deletions: 0, ended: false, ruled: false, detached: false, both, own: new Set() }
    this.things.set(thing.mark, thing)
    return thing
  }

  private makeItem(user: string, type: Thing['type'], series: MailboxRow['series'] | null, field: number): void {
    const both = type === 'outside' && field % 2 === 0
    const thing = this.newThing(type, user, 0, both)
    const time = series?.time ?? timeOn(this.day(field % 6), 9, this.next())
    const item = (more: Fields) => itemOf('event', { subject: `${thing.mark} made`, time, ...more })
    const own = series == null ? {} : { series }
    const uid = `UID-${thing.mark}`
    if (type === 'plain') {
      this.office.mailbox(user).put(item({}), { uid, ...own })
      return
    }
    const organizer = { address: type === 'meeting' ? person(ALICE).address : 'boss@ext.test', name: 'organizer' }
    const common = { attendees: [person(BOB), ...(both ? [person(ALICE)] : []), person('x')], organizer, cancelled: false }
    if (type === 'meeting') this.office.mailbox(ALICE).put(item(common), { uid, traits: { hasAttendees: true }, ...own })
    const traits: Traits = { invited: true, hasAttendees: true }
    for (const guest of both ? [ALICE, BOB] : [BOB]) this.office.mailbox(guest).put(item({ ...common, answer: 'none' }), { uid, traits, ...own })
  }

  private makeRecords(pick: number, times: readonly EventTime[]): void {
    const thing = this.newThing('plain', USERS[pick % 2] ?? ALICE, times.length)
    const people = pick % 5 === 4 ? { attendees: [person(thing.owner === ALICE ? BOB : ALICE)] } : {}
    times.forEach((time, n) => this.office.crm.put(itemOf('event', { subject: `${thing.mark} made`, time, ...people }), thing.owner, { uid: occurrenceUid(`SET-${thing.mark}`, n) }))
  }

  // ------------------------------------------------------------------------------------------------- editing

  /** A value nobody ever wrote before; what it replaces is nobody's loss. */
  private freshly(thing: Thing, field: FieldName, present: Fields, counts: boolean): Fields {
    const number = this.next()
    const time = present.time as EventTime | undefined
    const value: FieldValue = field === 'time' ? timeOn(time === undefined ? this.day(2) : dayOf(time), 14, number % 500) : `${thing.mark} v${number}`
    if (counts) {
      this.close(thing, { [field]: present[field] ?? '' })
      thing.edits.push({ field, value, closed: false })
    }
    return { [field]: value }
  }

  private editShown(one: Shown, user: string, field: number): void {
    if (this.isForeign(one.row, user)) return
    const thing = this.thing(one.row.item)
    const isOwn = this.isOwn(one.row, user, one.fields.time)
    if (isOwn) thing.own.add(user)
    const fields = this.freshly(thing, EDITABLE[field % 4] as FieldName, one.fields as Fields, !isOwn)
    this.eachCopy(one.row, user, (copy, whose) => {
      if (one.start === null) this.office.mailbox(whose).edit(copy.id, fields)
      else if (copy.series !== undefined && !copy.series.deleted.includes(one.start)) this.office.mailbox(whose).editOccurrence(copy.id, one.start, fields as Partial<EventFields>)
    })
  }

  private editRecord(row: CrmRow, field: number): void {
    const thing = this.thing(row.item)
    // Undone: it is somebody else's meeting. As long as only an attendee's copy is known, the connected organizer's too.
    const counts = thing.type === 'plain'
    this.office.crm.edit(row.id, this.freshly(thing, EDITABLE[field % 4] as FieldName, fieldsOf(row.item), counts))
  }

  private changeRule(row: MailboxRow, user: string, pick: number, field: number): void {
    if (this.isForeign(row, user)) return
    this.forget(row, user)
    this.allowance += 60
    const series = this.rule(pick, field)
    this.eachCopy(row, user, (copy, whose) => this.office.mailbox(whose).edit(copy.id, { time: series.time }, { series }))
  }

  /** A new rule throws the exceptions of the old one away, as Outlook says before it does. */
  private forget(row: MailboxRow, user: string): void {
    const thing = this.thing(row.item)
    thing.ruled = true
    // Of a meeting from outside somebody may have thrown dates away that the other still has.
    this.eachCopy(row, user, ({ series }) => {
      for (const { fields } of series?.exceptions ?? []) this.close(thing, fields as Fields)
    })
    if (row.series === undefined) this.close(thing, { time: timeOf(row) })
  }

  private deleteItem(row: MailboxRow, user: string, toBin: boolean): void {
    const thing = this.thing(row.item)
    // Calling a meeting off is an act of its own.
    if (thing.type === 'meeting' && user === ALICE) return
    if (thing.both || this.isOwn(row, user)) thing.own.add(user)
    thing.ended = true
    this.deleted(row.item, row.item.fields)
    for (const { fields } of row.series?.exceptions ?? []) this.close(thing, fields as Fields)
    if (toBin) this.office.mailbox(user).move(row.id, 'deleted')
    else this.office.mailbox(user).erase(row.id)
  }

  private deleteRecord(row: CrmRow): void {
    const thing = this.thing(row.item)
    // The organizer's meeting stays in Exchange; somebody else's comes back.
    if (thing.type === 'meeting') thing.detached = true
    this.deleted(row.item, row.item.fields)
    this.office.crm.edit(row.id, {}, { deleted: true })
  }

  private deleted(item: Item, fields: object): void {
    const thing = this.thing(item)
    thing.deletions++
    this.close(thing, fields)
  }

  private reassign(rows: readonly CrmRow[], field: number): void {
    const to = [ALICE, BOB, CAROL][field % 3] ?? ALICE
    for (const row of rows) {
      const thing = this.thing(row.item)
      if (row.assignee === to || thing.type !== 'plain') continue
      thing.deletions++
      thing.ended = true
      if (to === CAROL) thing.detached = true
      this.office.crm.edit(row.id, {}, { assignee: to as CrmRow['assignee'] })
    }
  }

  private close(thing: Thing, fields: object): void {
    for (const edit of thing.edits) if (sameValue((fields as Fields)[edit.field], edit.value)) edit.closed = true
  }

  // ------------------------------------------------------------------------------------------------- finding

  /** The organizer's change reaches the others' calendars by Exchange itself. */
  private eachCopy(row: MailboxRow, user: string, act: (copy: MailboxRow, whose: string) => void): void {
    if (this.thing(row.item).type === 'plain') return act(row, user)
    for (const whose of USERS) for (const copy of this.office.mailbox(whose).synced().filter(({ uid }) => uid === row.uid)) act(copy, whose)
  }

  /** An attendee's copy of a connected colleague's meeting: only its answer is his. */
  private isForeign(row: MailboxRow, user: string): boolean {
    const { type } = this.thing(row.item)
    return type === 'meeting' && user !== ALICE
  }

  /** A copy in somebody else's calendar than the record's owner's: what is done to it is done for himself only. */
  isOwn(row: MailboxRow, user: string, time = timeOf(row)): boolean {
    const thing = this.thing(row.item)
    if (thing.type !== 'plain') return this.isForeign(row, user)
    const records = this.office.crm.live().filter(({ item }) => markOf(item) === thing.mark)
    const its = records.filter((record) => sameValue(timeOf(record), time))
    const owners = (its.length > 0 ? its : records).map(({ assignee }) => String(assignee))
    return owners.length === 0 ? thing.owner !== user : !owners.includes(user)
  }

  private everything(): { one: Shown; user: string }[] {
    const now = this.office.world.nowMs()
    return USERS.flatMap((user) => this.office.mailbox(user).synced().flatMap((row) => shown(row, instant(now - DAY_MS), instant(now + 12 * DAY_MS)).map((one) => ({ one, user }))))
  }

  private onShown(pick: number, act: (one: Shown, user: string) => void): void {
    const all = this.everything()
    const found = all[pick % all.length]
    if (found !== undefined) act(found.one, found.user)
  }

  private onItem(pick: number, act: (row: MailboxRow, user: string) => void): void {
    const all = USERS.flatMap((user) => this.office.mailbox(user).synced().map((row) => ({ row, user })))
    const found = all[pick % all.length]
    if (found !== undefined) act(found.row, found.user)
  }

  private onRecord(pick: number, act: (row: CrmRow) => void): void {
    const all = this.office.crm.live()
    const row = all[pick % all.length]
    if (row !== undefined) act(row)
  }

  thing(item: Item): Thing {
    const found = this.things.get(markOf(item))
    if (found === undefined) throw new Error(`nobody made ${JSON.stringify(item)}`)
    return found
  }
}

export const timeOf = ({ item }: { readonly item: Item }): EventTime => fieldsOf(item).time as EventTime
