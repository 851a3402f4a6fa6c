import { differing, FIELDS, isBlank, sameValue, withFields } from '../model/index.ts'
import type { FieldName, Fields, FieldValue, Item, Side } from '../model/index.ts'
import { MEETING_FIELDS } from './meeting.ts'

/** What a side makes of an item when it stores it: cut, rounded, fields dropped. Pure and idempotent. */
export type Hold = (item: Item) => Item
export type Holds = Readonly<Record<Side, Hold>>

/** The same field moved to different values on both sides since the base. */
export interface Clash {
  readonly field: FieldName
  readonly base: FieldValue | undefined
  readonly exchange: FieldValue | undefined
  readonly crm: FieldValue | undefined
  /** Whose value is kept; null leaves the field as it is on both sides until somebody decides. */
  readonly winner: Side | null
}

export interface Merge {
  /** What has to be written on each side; empty when that side already holds it. */
  readonly write: Readonly<Record<Side, Fields>>
  readonly clashes: readonly Clash[]
}

export type Sides = Readonly<Record<Side, Item>>
export type Referee = (clash: Omit<Clash, 'winner'>) => Side | null

/**
 * Three-way merge, field by field. A field moved on a side when it differs from that side's own base; disjoint moves
 * both survive, equal moves need nothing, a clash goes to the referee and is always reported.
 *
 * @param base what each side held when they last agreed; null at first contact, where an empty field gives way
 */
export function merge(base: Sides | null, now: Sides, holds: Holds, referee: Referee): Merge {
  const write = { exchange: {} as Mutable, crm: {} as Mutable }
  const clashes: Clash[] = []
  // What each side could hold of the other's content: equal to what is there means there is nothing to write.
  const offered = { exchange: holds.exchange(now.crm), crm: holds.crm(now.exchange) }
  for (const field of FIELDS[now.exchange.kind]) {
    const exchange = valueOf(now.exchange, field)
    const crm = valueOf(now.crm, field)
    // A side that has no place for the field neither moves it nor receives it.
    if (exchange === undefined || crm === undefined || MEETING_FIELDS.has(field)) continue
    const agreed = sameValue(valueOf(offered.crm, field), crm) || sameValue(valueOf(offered.exchange, field), exchange)
    if (agreed) continue
    const from = source(base, field, exchange, crm)
    if (from === 'neither') continue
    if (from !== 'both') {
      push(write, from, field, exchange, crm)
      continue
    }
    const clash = { field, base: base === null ? undefined : valueOf(base.exchange, field), exchange, crm }
    const winner = referee(clash)
    clashes.push({ ...clash, winner })
    if (winner !== null) push(write, winner, field, exchange, crm)
  }
  return { write, clashes }
}

/** One side's content put on the other, whatever the other says. */
export function overwrite(winner: Side, now: Sides, holds: Holds): Merge {
  const loser: Side = winner === 'exchange' ? 'crm' : 'exchange'
  const write: Record<Side, Mutable> = { exchange: {}, crm: {} }
  for (const [name, value] of Object.entries(differing(holds[loser](now[winner]), now[loser])) as [FieldName, FieldValue][]) {
    if (MEETING_FIELDS.has(name)) continue
    write[loser][name] = loser === 'exchange' ? keepZone(value, valueOf(now.exchange, name) ?? null) : value
  }
  return { write, clashes: [] }
}

/** Whether an edit was made on this side since the base. Fields the side does not tell do not count. */
export function moved(base: Item, now: Item): boolean {
  return FIELDS[now.kind].some((field) => {
    const value = valueOf(now, field)
    return value !== undefined && !sameValue(value, valueOf(base, field))
  })
}

/**
 * The base after a merge was executed: each side's new content, except that a clash nobody has decided keeps its old
 * base, so that it stays a clash.
 */
export function nextBase(base: Sides | null, now: Sides, result: Merge): Sides {
  const open = result.clashes.filter((clash) => clash.winner === null).map((clash) => clash.field)
  return { exchange: settled('exchange'), crm: settled('crm') }

  function settled(side: Side): Item {
    const item = withFields(now[side], result.write[side])
    if (open.length === 0) return item
    const fields: Mutable = { ...item.fields }
    for (const field of open) {
      const old = base === null ? undefined : valueOf(base[side], field)
      if (old === undefined) delete fields[field]
      else fields[field] = old
    }
    return { ...item, fields } as Item
  }
}

type Mutable = Partial<Record<FieldName, FieldValue>>

export const valueOf = (item: Item, field: FieldName): FieldValue | undefined => (item.fields as Fields)[field]

function source(base: Sides | null, field: FieldName, exchange: FieldValue, crm: FieldValue): Side | 'both' | 'neither' {
  const before = { exchange: base === null ? undefined : valueOf(base.exchange, field), crm: base === null ? undefined : valueOf(base.crm, field) }
  if (before.exchange === undefined && before.crm === undefined) {
    // Never agreed on: nobody edited anything, an empty field only was never filled in.
    if (isBlank(exchange) && !isBlank(crm)) return 'crm'
    if (isBlank(crm) && !isBlank(exchange)) return 'exchange'
    return 'both'
  }
  const exchangeMoved = !sameValue(exchange, before.exchange)
  const crmMoved = !sameValue(crm, before.crm)
  if (exchangeMoved) return crmMoved ? 'both' : 'exchange'
  return crmMoved ? 'crm' : 'neither'
}

function push(write: Record<Side, Mutable>, from: Side, field: FieldName, exchange: FieldValue, crm: FieldValue): void {
  if (from === 'exchange') write.crm[field] = exchange
  else write.exchange[field] = keepZone(crm, exchange)
}

/** The CRM knows no zone: a time that comes from there keeps the zone the Exchange item was planned in. */
function keepZone(value: FieldValue, present: FieldValue): FieldValue {
  if (!isTime(value) || !isTime(present) || value.allDay || present.allDay || present.zone === undefined) return value
  return { ...value, zone: present.zone }
}

const isTime = (value: FieldValue) => typeof value === 'object' && value !== null && 'allDay' in value
