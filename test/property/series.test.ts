import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant, itemOf } from '../../src/model/index.ts'
import type { Series } from '../../src/model/index.ts'
import { expand } from '../../src/recurrence/index.ts'
import { decide, faultsOf } from './calendar-oracle.ts'
import { Calendar } from './calendar.ts'
import type { Deed } from './calendar.ts'
import { ALICE, Office } from './office.ts'
import { DAY_MS, someSeries } from './shown.ts'
import type { Act } from './stage.ts'

const SEED = Number(process.env.CONVERGENCE_SEED ?? 20261122)
const SHORT = { pastDays: 2, futureDays: 10 }
const EDITS = [
  'edit-exchange', 'edit-exchange', 'edit-crm', 'edit-crm', 'edit-crm', 'edit-series', 'clash', 'delete-occurrence', 'delete-record', 'change-rule', 'move-item', 'to-single',
] as const
const one = (name: 'series' | 'edit' | 'set', wait: number): fc.Arbitrary<Act<Deed>> => fc.record({
  act: name === 'edit' ? fc.constantFrom(...EDITS) : fc.constant(name), when: fc.constant('any' as const), wait: fc.nat(wait), pick: fc.nat(10_000), field: fc.nat(10_000),
})
const exactly = (count: number, arbitrary: fc.Arbitrary<Act<Deed>>) => fc.array(arbitrary, { minLength: count, maxLength: count })

async function rest(calendar: Calendar): Promise<void> {
  const { office } = calendar
  await office.settle()
  await decide(calendar)
  await office.settle()
  const before = office.writes.length
  await office.pass()
  expect(office.writes.slice(before), calendar.diary.join('\n')).toEqual([])
  expect(await faultsOf(calendar), calendar.diary.join('\n')).toEqual([])
}

test(`two hundred series that people edit on both sides at random settle, nothing doubled, no edit lost (seed ${SEED})`, async () => {
  await fc.assert(fc.asyncProperty(exactly(18, one('series', 0)), exactly(2, one('set', 0)), exactly(40, one('edit', 8)), async (series, sets, edits) => {
    const office = new Office({ policy: SHORT })
    const calendar = new Calendar(office, [...series, ...sets, ...edits])
    await office.connect()
    await calendar.work()
    await rest(calendar)
  }), { numRuns: 10, seed: SEED, endOnFailure: true })
}, 300_000)

test(`sixty days go by while people edit: the window moves on and nothing is lost (seed ${SEED})`, async () => {
  await fc.assert(fc.asyncProperty(exactly(4, one('series', 0)), fc.array(exactly(3, one('edit', 4)), { minLength: 15, maxLength: 15 }), async (series, weeks) => {
    const office = new Office({ policy: SHORT })
    await office.connect()
    const calendar = new Calendar(office, series)
    await calendar.work()
    await office.settle()
    for (const edits of weeks) {
      office.world.pass(4 * DAY_MS)
      await calendar.goOn(edits)
      await office.settle()
    }
    await rest(calendar)
  }), { numRuns: 3, seed: SEED, endOnFailure: true })
}, 300_000)

describe(`a series whose rule changes at random (seed ${SEED})`, () => {
  const rule = fc.record({ offset: fc.integer({ min: -3, max: 6 }), pick: fc.nat(1000), field: fc.nat(1000), minute: fc.constantFrom(0, 0, 15) })
  const day = (offset: number) => new Date(Date.parse('2026-12-01T00:00:00Z') + offset * DAY_MS).toISOString().slice(0, 10)
  const seriesOf = ({ offset, pick, field, minute }: { offset: number; pick: number; field: number; minute: number }) => someSeries(day(offset), pick, field, minute)

  test('touches no more records than differ, and none when it is told again', async () => {
    await fc.assert(fc.asyncProperty(rule, rule, async (first, second) => {
      const [before, after] = [seriesOf(first), seriesOf(second)]
      const office = new Office({ policy: SHORT })
      await office.connect()
      const mailbox = office.mailbox(ALICE)
      const { id } = mailbox.put(itemOf('event', { subject: 'Stand-up', time: before.time }), { series: before })
      await office.settle()
      const [old, wanted] = [starts(office, before), starts(office, after)]
      const same = [...old].filter((start) => wanted.has(start)).length
      mailbox.edit(id, { time: after.time }, { series: after })
      const touched = await writesOf(office)
      expect(touched).toBeLessThanOrEqual(Math.max(old.size, wanted.size) - same)
      mailbox.edit(id, {})
      expect(await writesOf(office)).toBe(0)
    }), { numRuns: 40, seed: SEED })
  }, 300_000)

  /** What the window and its margin show by the rule. */
  function starts(office: Office, series: Series): ReadonlySet<string> {
    const now = office.world.nowMs()
    return new Set(expand(series, instant(now - 3.2 * DAY_MS), instant(now + 11.2 * DAY_MS)).map(({ start }) => start))
  }

  async function writesOf(office: Office): Promise<number> {
    const before = office.writes.length
    await office.settle()
    return office.writes.length - before
  }
})
