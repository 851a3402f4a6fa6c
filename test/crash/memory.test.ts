import { describe, expect, test } from 'vitest'
import { fieldsOf, itemOf, occurrenceUid } from '../../src/model/index.ts'
import type { EventTime, Fields, Instant, ItemId, PlainDate, Series } from '../../src/model/index.ts'
import { expand } from '../../src/recurrence/index.ts'
import { Crash } from '../../sim/memory-replica.ts'
import { ALICE, BOB, Office, SALES } from '../property/office.ts'

interface Scenario {
  readonly name: string
  /** How many deaths are tried; without it the step decides. */
  readonly deaths?: number
  /** What both sides agree on before. */
  prepare(office: Office): void
  /** What people do next, before the connector runs again. */
  act(office: Office): void
  /** What they do once the connector has made the first item of it. */
  later?(office: Office): void
}

const event = (subject: string, minute = 0, more: Fields = {}) => itemOf('event', {
  subject, time: { allDay: false, start: `2026-12-10T08:${`${minute}`.padStart(2, '0')}:00Z` as Instant, end: '2026-12-10T10:00:00Z' as Instant }, ...more,
})
const task = (subject: string) => itemOf('task', { subject })
const subjectIs = (subject: string) => (row: { item: { fields: Fields } }) => fieldsOf(row.item as never).subject === subject
const record = (office: Office, subject: string): ItemId => found(office.crm.live().find(subjectIs(subject)))
const item = (office: Office, user: string, subject: string): ItemId => found(office.mailbox(user).synced().find(subjectIs(subject)))

function found(row: { id: ItemId } | undefined): ItemId {
  if (row === undefined) throw new Error('the scenario looks for something that is not there')
  return row.id
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'new items on both sides',
    prepare: () => undefined,
    act(office) {
      office.mailbox(ALICE).put(event('Review'))
      office.mailbox(ALICE).put(task('Call'))
      office.crm.put(event('Visit', 5), ALICE)
      office.crm.put(task('Offer'), BOB)
    },
  },
  {
    name: 'edits of different fields on both sides, and a clash',
    prepare(office) {
      office.mailbox(ALICE).put(event('Review'))
      office.crm.put(event('Visit', 5), ALICE)
    },
    act(office) {
      office.mailbox(ALICE).edit(item(office, ALICE, 'Review'), { body: 'from Exchange' })
      office.crm.edit(record(office, 'Review'), { place: 'Room 1' })
      office.mailbox(ALICE).edit(item(office, ALICE, 'Visit'), { body: 'one', place: 'Hall' })
      office.crm.edit(record(office, 'Visit'), { body: 'two' })
    },
  },
  {
    name: 'deletions on both sides, one of them against an edit',
    prepare(office) {
      for (const name of ['One', 'Two', 'Three', 'Four']) office.mailbox(ALICE).put(event(name, name.length))
    },
    act(office) {
      office.mailbox(ALICE).move(item(office, ALICE, 'One'), 'deleted')
      office.crm.edit(record(office, 'Two'), {}, { deleted: true })
      office.mailbox(ALICE).erase(item(office, ALICE, 'Three'))
      office.crm.edit(record(office, 'Three'), { body: 'still needed' })
      office.crm.edit(record(office, 'Four'), {}, { deleted: true })
      office.mailbox(ALICE).edit(item(office, ALICE, 'Four'), { body: 'still needed' })
    },
  },
  {
    name: 'a record for a group, and one member edits',
    prepare: (office) => void office.crm.put(event('Fair'), SALES),
    act(office) {
      office.mailbox(BOB).edit(item(office, BOB, 'Fair'), { place: 'Hall 7' })
      office.crm.put(task('Pack'), SALES)
    },
  },
  {
    name: 'a record given to somebody else while its item is edited',
    prepare: (office) => void office.crm.put(event('Fair'), ALICE),
    act(office) {
      office.crm.edit(record(office, 'Fair'), {}, { assignee: BOB as never })
      office.mailbox(ALICE).edit(item(office, ALICE, 'Fair'), { body: 'bring the banner' })
    },
  },
  {
    name: 'an item that moved, and a mailbox that was reset',
    prepare(office) {
      office.mailbox(ALICE).put(event('Review'))
      office.crm.put(event('Visit', 5), BOB)
    },
    act(office) {
      office.mailbox(ALICE).move(item(office, ALICE, 'Review'), 'synced')
      office.mailbox(BOB).reset(true)
    },
  },
]

const daily = (first: number, count: number, hour = '08'): Series => {
  const day = `2026-12-${`${first}`.padStart(2, '0')}`
  return {
    recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: day as PlainDate, count } },
    time: { allDay: false, start: `${day}T${hour}:00:00Z` as Instant, end: `${day}T${hour}:30:00Z` as Instant, zone: 'Europe/Rome' }, exceptions: [], deleted: [],
  }
}
const timesOf = (series: Series) => expand(series, '2026-11-01T00:00:00Z' as Instant, '2027-01-31T00:00:00Z' as Instant).map(({ time }) => time)
const putSet = (office: Office, series: Series) =>
  timesOf(series).forEach((time, n) => office.crm.put(itemOf('event', { subject: 'Training', time }), ALICE, { uid: occurrenceUid('SET', n) }))
const numbered = (office: Office, slot: number): ItemId => found(office.crm.live().find(({ uid }) => uid === occurrenceUid('SET', slot)))

/** What is made of several items at once: here a death leaves half of it behind. */
const OF_SERIES: readonly Scenario[] = [
  {
    name: 'a series made in the CRM, edited and shortened while it is being made',
    deaths: 16,
    prepare: () => undefined,
    act(office) {
      putSet(office, daily(3, 4))
      office.crm.edit(numbered(office, 2), { subject: 'Exam' })
    },
    later(office) {
      office.crm.edit(numbered(office, 1), {}, { deleted: true })
      office.crm.edit(numbered(office, 3), { place: 'Hall' })
    },
  },
  {
    name: 'a series whose rule changes while a record of it is edited',
    deaths: 16,
    prepare: (office) => void office.mailbox(ALICE).put(itemOf('event', { subject: 'Stand-up', time: daily(3, 4).time }), { series: daily(3, 4), uid: 'SET' }),
    act(office) {
      const series = daily(4, 5, '10')
      office.mailbox(ALICE).edit(item(office, ALICE, 'Stand-up'), { time: series.time }, { series })
      office.crm.edit(numbered(office, 2), { place: 'Hall' })
    },
  },
  {
    name: 'two records of a series that change places in the CRM',
    deaths: 16,
    prepare: (office) => void office.mailbox(ALICE).put(itemOf('event', { subject: 'Stand-up', time: daily(3, 4).time }), { series: daily(3, 4), uid: 'SET' }),
    act(office) {
      const times = timesOf(daily(3, 4))
      office.crm.edit(numbered(office, 1), { time: times[2] as EventTime })
      office.crm.edit(numbered(office, 2), { time: times[1] as EventTime, place: 'Hall' })
    },
  },
  {
    name: 'a whole series deleted in the CRM',
    deaths: 16,
    prepare: (office) => putSet(office, daily(3, 4)),
    act: (office) => [0, 1, 2, 3].forEach((slot) => office.crm.edit(numbered(office, slot), {}, { deleted: true })),
  },
]

/** CRASH_EVERY=1 dies at every single boundary; 3 reaches calls and commits, before and after, in turn. */
const STEP = Number(process.env.CRASH_EVERY ?? 3)

describe.each([...SCENARIOS, ...OF_SERIES])('$name', (scenario) => {
  for (const once of [false, true]) {
    test(`ends the same whatever moment the ${once ? 'single sync' : 'service'} dies at`, async () => {
      const whole = await play(scenario, once, Infinity)
      expect(whole.boundaries).toBeGreaterThan(20)
      const step = scenario.deaths === undefined || process.env.CRASH_EVERY !== undefined ? STEP : Math.max(1, Math.floor(whole.boundaries / scenario.deaths))
      for (let at = 1; at <= whole.boundaries; at += step) {
        const broken = await play(scenario, once, at)
        expect(broken.state, `died at boundary ${at} (${broken.diedAt})`).toEqual(whole.state)
        expect(broken.writesAtRest, `died at boundary ${at} (${broken.diedAt})`).toBe(0)
      }
    })
  }
})

async function play(scenario: Scenario, once: boolean, dieAt: number) {
  const office = new Office({ once, safetyPullSeconds: 0 })
  await office.connect()
  scenario.prepare(office)
  await office.settle()
  scenario.act(office)
  let boundaries = 0
  let diedAt = ''
  let isLater = false
  office.world.script = {
    ...office.world.script,
    boundary: async (name) => {
      boundaries++
      office.world.pass(20)
      if (!isLater && name.endsWith('.create:after')) {
        isLater = true
        scenario.later?.(office)
      }
      if (boundaries !== dieAt) return
      diedAt = name
      // The death of a single sync leaves a request behind that is executed all the same.
      throw new Crash(once)
    },
  }
  let counted = 0
  for (let before = -1; before !== office.writes.length; counted = boundaries) {
    before = office.writes.length
    await office.pass()
  }
  await office.settle()
  // The create was executed after its sender's death, where nobody saw it.
  if (!isLater) scenario.later?.(office)
  await office.settle()
  const before = office.writes.length
  await office.pass()
  return { boundaries: counted, diedAt, state: stateOf(office), writesAtRest: office.writes.length - before }
}

/** Both sides by content: ids and times of modification differ from run to run. */
function stateOf(office: Office) {
  const text = (rows: readonly { item: { fields: object } }[]) => rows.map(({ item: { fields } }) => JSON.stringify(Object.entries(fields).sort())).sort()
  return {
    crm: office.crm.live().map((row) => `${row.assignee} ${text([row])[0]}`).sort(),
    alice: text(office.mailbox(ALICE).synced()),
    bob: text(office.mailbox(BOB).synced()),
  }
}
