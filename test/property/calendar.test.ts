import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, faultsOf } from './calendar-oracle.ts'
import { Calendar, DEEDS, MAKING } from './calendar.ts'
import type { Deed } from './calendar.ts'
import { HOUSES, Office } from './office.ts'
import { TROUBLES } from './stage.ts'
import type { Act, TroubleName } from './stage.ts'

const RUNS = Number(process.env.CONVERGENCE_RUNS ?? 60)
const SEED = { seed: Number(process.env.CONVERGENCE_SEED ?? 20261122) }

const numbers = { wait: fc.nat(12), pick: fc.nat(1000), field: fc.nat(1000) }
const anAct: fc.Arbitrary<Act<Deed | TroubleName>> = fc.record({
  act: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...DEEDS) }, { weight: 1, arbitrary: fc.constantFrom(...TROUBLES) }), when: fc.constantFrom('any' as const, 'write' as const), ...numbers,
}).map((act) => (act.when === 'write' ? { ...act, wait: act.wait % 3 } : act))
const creations = fc.array(fc.record({ act: fc.constantFrom(...MAKING), when: fc.constant('any' as const), ...numbers }), { minLength: 1, maxLength: 3 })
/** An ordinary winter day, and one before each change of the clocks. */
const beginning = fc.constantFrom('2026-12-01T09:00:00Z', '2026-10-20T09:00:00Z', '2027-03-23T09:00:00Z')

test.each(HOUSES)('series, sets and meetings of people with mailboxes $where: both calendars and the CRM come to show the same', async ({ inCloud }) => {
  await fc.assert(
    fc.asyncProperty(beginning, creations, fc.array(anAct, { maxLength: 30 }), fc.boolean(), async (start, first, acts, once) => {
      const office = new Office({ once, safetyPullSeconds: once ? 0 : 2, policy: { pastDays: 2, futureDays: 10 }, startMs: Date.parse(start), inCloud })
      const calendar = new Calendar(office, [...first, ...acts])
      const story = () => calendar.diary.join('\n')
      try {
        await office.connect()
        await calendar.work()
        await office.settle()
        await decide(calendar)
        await office.settle()
      } catch (error) {
        throw new Error(`${String(error)}\n${story()}`, { cause: error })
      }
      const before = office.writes.length
      await office.pass()
      expect(office.writes.slice(before), story()).toEqual([])
      expect(await faultsOf(calendar), story()).toEqual([])
    }),
    { numRuns: RUNS, ...SEED, interruptAfterTimeLimit: 3_000_000 },
  )
}, 3_600_000)
