import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Instant, Occurrence, PlainDate, Slot } from '../model/index.ts'
import { expand, replan } from './index.ts'
import type { Rule } from './index.ts'

const slot = (number: number, start: string): Slot => ({ slot: number, start: start as PlainDate })
const wants = (index: number, start: string): Occurrence =>
  ({ index, start: start as PlainDate, time: { allDay: true, firstDay: start as PlainDate, lastDay: start as PlainDate } })
const pairs = (slots: readonly Slot[]) => slots.map((one) => [one.slot, one.start])

const writesOf = (present: readonly Slot[], plan: ReturnType<typeof replan>) => {
  const before = new Map(present.map((one) => [one.slot, one.start]))
  const kept = plan.slots.filter((one) => before.get(one.slot) === one.start)
  return plan.slots.length - kept.length + plan.gone.length
}

describe('numbers of a series that changed', () => {
  it('are new from its places where nothing stood', () => {
    expect(pairs(replan([], [wants(4, '2026-01-04'), wants(5, '2026-01-05')]).slots)).toEqual([[3, '2026-01-04'], [4, '2026-01-05']])
  })

  it('stay with what begins as before, whatever its place in the new rule', () => {
    const plan = replan([slot(0, '2026-01-01'), slot(1, '2026-01-02'), slot(2, '2026-01-03')], [wants(1, '2026-01-03'), wants(2, '2026-01-04')])
    expect(pairs(plan.slots)).toEqual([[2, '2026-01-03'], [0, '2026-01-04']])
    expect(plan.gone).toEqual([slot(1, '2026-01-02')])
  })

  it('move with it in order', () => {
    const plan = replan([slot(1, '2026-01-08'), slot(0, '2026-01-01')], [wants(1, '2026-01-02'), wants(2, '2026-01-09'), wants(3, '2026-01-16')])
    expect(pairs(plan.slots)).toEqual([[0, '2026-01-02'], [1, '2026-01-09'], [2, '2026-01-16']])
    expect(plan.gone).toEqual([])
  })

  it('stay on their day when only the hour moves, as the zone of the series has days', () => {
    const daily = (start: string, end: string): Rule => ({
      recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-01-05' as PlainDate, count: 3 } },
      time: { allDay: false, start: start as Instant, end: end as Instant, zone: 'Pacific/Auckland' },
    })
    const window = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'] as [Instant, Instant]
    const morning = expand(daily('2026-01-04T19:00:00Z', '2026-01-04T20:00:00Z'), ...window)
    const evening = expand(daily('2026-01-05T07:00:00Z', '2026-01-05T08:00:00Z'), ...window)
    const present = replan([], morning).slots.filter((one) => one.slot > 0)
    expect(pairs(replan(present, evening).slots)).toEqual([[0, '2026-01-05T07:00:00Z'], [1, '2026-01-06T07:00:00Z'], [2, '2026-01-07T07:00:00Z']])
  })

  it('of several on one day go to the nearest', () => {
    const at = (text: string) => `2026-01-05T${text}:00Z`
    const plan = replan([slot(0, at('08:00')), slot(1, at('16:00'))], [{ ...wants(1, '2026-01-05'), start: at('15:00') as Instant }])
    expect(pairs(plan.slots)).toEqual([[1, at('15:00')]])
  })

  it('stay on their day when a series becomes one of whole days', () => {
    const plan = replan([slot(7, '2026-01-05T09:00:00Z'), slot(8, '2026-01-06T09:00:00Z')], [wants(1, '2026-01-06'), wants(2, '2026-01-07')])
    expect(pairs(plan.slots)).toEqual([[8, '2026-01-06'], [7, '2026-01-07']])
  })

  it('are above all where the place\'s own is taken', () => {
    const plan = replan([slot(1, '2026-01-01'), slot(9, '2026-01-03')], [wants(1, '2026-01-01'), wants(2, '2026-01-02'), wants(3, '2026-01-03'), wants(4, '2026-01-04')])
    expect(pairs(plan.slots)).toEqual([[1, '2026-01-01'], [10, '2026-01-02'], [9, '2026-01-03'], [3, '2026-01-04']])
  })

  it('that are to be kept are neither moved nor gone nor given away', () => {
    const present = [slot(0, '2025-01-01'), slot(1, '2026-01-01')]
    const plan = replan(present, [wants(1, '2026-01-02'), wants(2, '2026-01-03')], (one) => one.start < '2026')
    expect(pairs(plan.slots)).toEqual([[1, '2026-01-02'], [2, '2026-01-03']])
    expect(plan.gone).toEqual([])
  })

  it('that are to be kept and are wanted are in the plan', () => {
    expect(pairs(replan([slot(5, '2026-01-01')], [wants(1, '2026-01-01')], () => true).slots)).toEqual([[5, '2026-01-01']])
  })
})

describe('whatever stood and whatever is wanted', () => {
  const starts = fc.integer({ min: 1, max: 9 }).chain((day) => fc.constantFrom(`2026-01-0${day}`, `2026-01-0${day}T08:00:00Z`, `2026-01-0${day}T17:00:00Z`))
  const wanted = (maxLength: number) => fc.uniqueArray(starts, { maxLength }).map((all) => all.sort().map((start, i) => wants(i + 1, start)))
  const present = (maxLength: number) =>
    fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 12 }), starts), { maxLength, selector: ([number]) => number })
      .map((all) => all.map(([number, start]) => slot(number, start)))

  /** Every way of giving present numbers to wanted occurrences; who gets none is made, whose number is left over is deleted. */
  function fewestWrites(before: readonly Slot[], after: readonly Occurrence[]): number {
    const [one, ...others] = after
    if (one === undefined) return before.length
    return Math.min(1 + fewestWrites(before, others), ...before.map((taken) =>
      (taken.start === one.start ? 0 : 1) + fewestWrites(before.filter((each) => each !== taken), others)))
  }

  it('there are no plans with fewer writes', () => {
    fc.assert(fc.property(present(5), wanted(5), (before, after) => {
      expect(writesOf(before, replan(before, after))).toBe(fewestWrites(before, after))
    }), { numRuns: 400 })
  })

  it('every wanted one has a number of its own, and every number that stood is used, kept or gone', () => {
    fc.assert(fc.property(present(12), wanted(12), fc.integer({ min: 0, max: 13 }), (before, after, kept) => {
      const keep = (one: Slot) => one.slot < kept
      const plan = replan(before, after, keep)
      expect(plan.slots.map((one) => one.occurrence)).toEqual(after)
      expect(plan.slots.every((one) => one.start === one.occurrence.start)).toBe(true)
      const used = plan.slots.map((one) => one.slot)
      expect(new Set(used).size).toBe(used.length)
      expect(plan.gone.some((one) => used.includes(one.slot) || keep(one))).toBe(false)
      const left = before.filter((one) => !used.includes(one.slot) && !plan.gone.includes(one))
      expect(left.every(keep)).toBe(true)
      const moved = before.filter((one) => plan.slots.some((each) => each.slot === one.slot && each.start !== one.start))
      expect(moved.some(keep)).toBe(false)
    }), { numRuns: 400 })
  })

  it('planned again nothing changes, in whatever order it is asked', () => {
    fc.assert(fc.property(present(10), wanted(10), (before, after) => {
      const plan = replan(before, after)
      const again = replan(plan.slots.toReversed(), after)
      expect(again).toEqual({ slots: plan.slots, gone: [] })
      expect(pairs(replan(before.toReversed(), after.toReversed()).slots).toReversed()).toEqual(pairs(plan.slots))
    }), { numRuns: 300 })
  })
})
