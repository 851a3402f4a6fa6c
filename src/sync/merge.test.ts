import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FIELDS, fieldsOf, itemOf, sameValue, withFields } from '../model/index.ts'
import type { FieldName, Fields, Item } from '../model/index.ts'
import { merge, moved, nextBase, overwrite } from './merge.ts'
import type { Holds, Referee, Sides } from './merge.ts'

const NARROW: readonly FieldName[] = ['freeBusy', 'categories']
const whole = (item: Item): Item => item
/** Like the CRM: no room for two fields, subjects cut. */
const narrow = (item: Item): Item => itemOf(item.kind, Object.fromEntries(Object.entries(fieldsOf(item))
  .filter(([name]) => !NARROW.includes(name as FieldName))
  .map(([name, value]) => [name, name === 'subject' ? String(value).slice(0, 6).trimEnd() : value])))
const HOLDS: Holds = { exchange: whole, crm: narrow }
const ALIKE: Holds = { exchange: whole, crm: whole }
const crmWins: Referee = () => 'crm'
const nobody: Referee = () => null

const text = fc.constantFrom('', 'a', 'b', 'c', 'a long one', 'a long two')
const anEvent: fc.Arbitrary<Item> = fc.record({
  subject: text, body: text, place: text, importance: fc.constantFrom('low' as const, 'high' as const), reminder: fc.constantFrom(null, 5, 10),
  freeBusy: fc.constantFrom('free' as const, 'busy' as const), categories: fc.constantFrom<readonly string[]>([], ['x'], ['x', 'y']),
}).map((fields) => itemOf('event', fields))
const sides = fc.tuple(anEvent, anEvent).map(([exchange, crm]): Sides => ({ exchange, crm: narrow(crm) }))
const bases = anEvent.map((item): Sides => ({ exchange: item, crm: narrow(item) }))
const after = (now: Sides, write: Readonly<Record<'exchange' | 'crm', Fields>>, holds: Holds): Sides => ({
  exchange: holds.exchange(withFields(now.exchange, write.exchange)), crm: holds.crm(withFields(now.crm, write.crm)),
})
const swap = ({ exchange, crm }: Sides): Sides => ({ exchange: crm, crm: exchange })

describe('merging two versions of one item', () => {
  test('when only one side was edited, the other gets that edit and nothing else', () => {
    fc.assert(fc.property(bases, anEvent, (base, edited) => {
      const now = { exchange: edited, crm: base.crm }
      const result = merge(base, now, HOLDS, nobody)
      expect(result.clashes).toEqual([])
      expect(result.write.exchange).toEqual({})
      for (const field of Object.keys(result.write.crm) as FieldName[]) {
        expect(sameValue(fieldsOf(edited)[field], fieldsOf(base.exchange)[field])).toBe(false)
        expect(result.write.crm[field]).toEqual(fieldsOf(edited)[field])
      }
      expect(Object.keys(merge(base, after(now, result.write, HOLDS), HOLDS, nobody).write.crm)).toEqual([])
    }))
  })

  test('the same edit on both sides needs no write', () => {
    fc.assert(fc.property(bases, anEvent, (base, edited) => {
      expect(merge(base, { exchange: edited, crm: narrow(edited) }, HOLDS, nobody)).toEqual({ write: { exchange: {}, crm: {} }, clashes: [] })
    }))
  })

  test('merging what was merged changes nothing more', () => {
    fc.assert(fc.property(fc.option(bases, { nil: null }), sides, (base, now) => {
      const first = merge(base, now, HOLDS, crmWins)
      const agreed = nextBase(base, now, first)
      const second = merge(agreed, after(now, first.write, HOLDS), HOLDS, crmWins)
      expect(second).toEqual({ write: { exchange: {}, crm: {} }, clashes: [] })
    }))
  })

  test('exchanging the sides exchanges the result, but for who wins a tie', () => {
    fc.assert(fc.property(fc.tuple(anEvent, anEvent), fc.tuple(anEvent, anEvent), (before, present) => {
      const base = { exchange: before[0], crm: before[1] }
      const now = { exchange: present[0], crm: present[1] }
      const one = merge(base, now, ALIKE, nobody)
      const two = merge(swap(base), swap(now), ALIKE, nobody)
      expect(two.write).toEqual({ exchange: one.write.crm, crm: one.write.exchange })
      expect(two.clashes.map(({ field }) => field)).toEqual(one.clashes.map(({ field }) => field))
    }))
  })

  test('a field edited differently on both sides is always reported, with all three values', () => {
    fc.assert(fc.property(bases, sides, (base, now) => {
      const { clashes, write } = merge(base, now, HOLDS, nobody)
      for (const field of FIELDS.event) {
        const values = [base.exchange, base.crm, now.exchange, now.crm].map((item) => fieldsOf(item)[field])
        if (values.includes(undefined)) continue
        const [baseExchange, baseCrm, exchange, crm] = values
        const bothMoved = !sameValue(exchange, baseExchange) && !sameValue(crm, baseCrm)
        const offered = sameValue(fieldsOf(HOLDS.crm(now.exchange))[field], crm) || sameValue(fieldsOf(HOLDS.exchange(now.crm))[field], exchange)
        const reported = clashes.find((clash) => clash.field === field)
        expect(reported !== undefined).toBe(bothMoved && !offered)
        if (reported) expect(reported).toEqual({ field, base: baseExchange, exchange, crm, winner: null })
        if (reported) expect(field in write.exchange || field in write.crm).toBe(false)
      }
    }))
  })

  test('what a side has no room for is neither written to it nor taken for emptied there', () => {
    fc.assert(fc.property(fc.option(bases, { nil: null }), sides, (base, now) => {
      const { write } = merge(base, now, HOLDS, crmWins)
      for (const field of NARROW) expect([write.crm[field], write.exchange[field]]).toEqual([undefined, undefined])
    }))
  })

  test('at first contact an empty field gives way and never empties the other side', () => {
    fc.assert(fc.property(sides, (now) => {
      const { write } = merge(null, now, HOLDS, crmWins)
      for (const side of ['exchange', 'crm'] as const) expect(Object.values(write[side]).filter((value) => value === '')).toEqual([])
    }))
  })

  test('a field that was never agreed on counts as first contact', () => {
    const base = { exchange: itemOf('event', { subject: 'a' }), crm: itemOf('event', { subject: 'a' }) }
    const now = { exchange: itemOf('event', { subject: 'a', place: 'Hall' }), crm: itemOf('event', { subject: 'a', place: '' }) }
    expect(merge(base, now, ALIKE, crmWins)).toEqual({ write: { exchange: {}, crm: { place: 'Hall' } }, clashes: [] })
  })

  test('a cut subject is not an edit and does not cut the longer one', () => {
    const long = itemOf('event', { subject: 'a long one', body: '' })
    const base = { exchange: long, crm: narrow(long) }
    expect(merge(base, { exchange: long, crm: withFields(narrow(long), { body: 'x' }) }, HOLDS, nobody).write).toEqual({ exchange: { body: 'x' }, crm: {} })
  })

  test('a clash nobody has decided stays a clash', () => {
    const base = { exchange: itemOf('event', { body: 'old' }), crm: itemOf('event', { body: 'old' }) }
    const now = { exchange: itemOf('event', { body: 'one' }), crm: itemOf('event', { body: 'two' }) }
    const kept = nextBase(base, now, merge(base, now, ALIKE, nobody))
    expect(kept).toEqual(base)
    expect(merge(kept, now, ALIKE, crmWins).write).toEqual({ exchange: { body: 'two' }, crm: {} })
  })

  test('a time from the CRM keeps the zone the Exchange event was planned in', () => {
    const at = (hour: number, zone?: string) => itemOf('event', {
      time: { allDay: false, start: `2026-12-01T0${hour}:00:00Z` as never, end: `2026-12-01T0${hour}:30:00Z` as never, ...(zone ? { zone } : {}) },
    })
    const zoned = { time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T09:30:00Z', zone: 'Europe/Rome' } }
    expect(merge({ exchange: at(8, 'Europe/Rome'), crm: at(8) }, { exchange: at(8, 'Europe/Rome'), crm: at(9) }, ALIKE, nobody).write.exchange).toEqual(zoned)
    expect(overwrite('crm', { exchange: at(8, 'Europe/Rome'), crm: at(9) }, ALIKE).write.exchange).toEqual(zoned)
  })

  test('one side put on the other writes only what differs, and only where it fits', () => {
    fc.assert(fc.property(sides, (now) => {
      const { write, clashes } = overwrite('exchange', now, HOLDS)
      expect([write.exchange, clashes]).toEqual([{}, []])
      expect(after(now, write, HOLDS).crm).toEqual(narrow(now.exchange))
    }))
  })

  test('an item moved when a field it tells differs, not when it tells less', () => {
    const base = itemOf('event', { subject: 'a', body: 'x', categories: ['b', 'a'] })
    expect(moved(base, itemOf('event', { subject: 'a' }))).toBe(false)
    expect(moved(base, itemOf('event', { body: 'x \r\n', categories: ['a', 'b'] }))).toBe(false)
    expect(moved(base, itemOf('event', { subject: 'b' }))).toBe(true)
  })
})
