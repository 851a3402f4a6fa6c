import { describe, expect, test } from 'vitest'
import { CRM_LANE, fieldsOf, itemOf, occurrenceUid, splitUid } from '../../model/index.ts'
import type { Attendee, EventTime, Fields, Instant, Item, ItemId, MailboxId, PlainDate, Series } from '../../model/index.ts'
import type { Change } from '../../ports.ts'
import { expand } from '../../recurrence/index.ts'
import { ALICE, BOB, LANES, Office } from '../../../test/property/office.ts'
import { Crash } from '../../../sim/memory-replica.ts'

const daily = (first: string, count: number | null, hour = '08'): Series => ({
  recurrence: { pattern: { type: 'daily', interval: 1 }, range: count === null ? { type: 'endless', first: first as PlainDate } : { type: 'count', first: first as PlainDate, count } },
  time: { allDay: false, start: `${first}T${hour}:00:00Z` as Instant, end: `${first}T${hour}:30:00Z` as Instant, zone: 'Europe/Rome' }, exceptions: [], deleted: [],
})
const monthly = (): Series => ({ ...daily('2026-12-01', null), recurrence: { pattern: { type: 'absoluteMonthly', interval: 1, day: 25 }, range: { type: 'endless', first: '2026-12-01' as PlainDate } }, time: daily('2026-12-25', null).time })
const event = (subject: string, time: EventTime, more: Fields = {}): Item => itemOf('event', { subject, time, ...more })
const bob: Attendee = { address: 'bob@example.test', name: 'bob', role: 'required', answer: 'none' }
const at = (text: string) => text as Instant

async function open(): Promise<Office> {
  const office = new Office({ policy: { pastDays: 2, futureDays: 10 } })
  await office.connect()
  await office.settle()
  return office
}
function putSet(office: Office, count: number): ItemId[] {
  const series = daily('2026-12-03', count)
  return expand(series, at('2026-11-01T00:00:00Z'), at('2027-02-01T00:00:00Z')).map(({ time }, n) => office.crm.put(event('Training', time), ALICE, { uid: occurrenceUid('SET', n) }).id)
}
/** Does something once, at the first boundary of that name. */
function once(office: Office, boundary: string, act: () => void): void {
  let isDone = false
  office.world.script = {
    ...office.world.script,
    boundary: async (name) => {
      if (isDone || name !== boundary) return
      isDone = true
      act()
    },
  }
}
const live = (office: Office) => office.crm.live().map(({ uid, item }) => `${splitUid(uid).slot} ${String(fieldsOf(item).subject)}`).sort()
const master = (office: Office, user = ALICE) => {
  const [row, ...more] = office.mailbox(user).synced().filter(({ series }) => series !== undefined)
  expect(more).toEqual([])
  return row as NonNullable<typeof row>
}

describe('while a series made in the CRM is being made in Exchange', () => {
  test('a record that is deleted takes its occurrence along', async () => {
    const office = await open()
    const ids = putSet(office, 4)
    once(office, 'mA.create:after', () => office.crm.edit(ids[2] as ItemId, {}, { deleted: true }))
    await office.settle()
    expect(master(office).series?.deleted).toEqual(['2026-12-05T08:00:00Z'])
    expect(live(office)).toEqual(['0 Training', '1 Training', '3 Training'])
  })

  test('and the process dies, neither the edit nor the deletion of what was made meanwhile is lost', async () => {
    const office = await open()
    const ids = putSet(office, 4)
    once(office, 'mA.create:after', () => {
      const { id } = master(office)
      office.mailbox(ALICE).editOccurrence(id, at('2026-12-04T08:00:00Z'), { subject: 'Exam' })
      office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-03T08:00:00Z'))
      office.crm.edit(ids[3] as ItemId, {}, { deleted: true })
      throw new Crash()
    })
    await office.pass()
    await office.settle()
    expect(live(office)).toEqual(['1 Exam', '2 Training'])
    expect([...(master(office).series?.deleted ?? [])].sort()).toEqual(['2026-12-03T08:00:00Z', '2026-12-06T08:00:00Z'])
  })

  test.each(['tells', 'does not tell'])('and the process dies once it is there, somebody who throws it away throws its records away (a server that %s)', async (how) => {
    const office = await open()
    putSet(office, 4)
    let isMade = false
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        isMade ||= name === 'mA.create:after'
        if (!isMade || name !== 'crm.get:before') return
        const tell = (changes: readonly Change[]) => (how === 'tells' ? changes : changes.filter(({ type }) => type !== 'gone'))
        office.world.script = { ...office.world.script, boundary: async () => undefined, tell }
        office.mailbox(ALICE).erase(master(office).id)
        throw new Crash()
      },
    }
    await office.pass()
    await office.settle()
    expect([office.mailbox(ALICE).synced(), live(office)]).toEqual([[], []])
  })

  test.each(['edited', 'left alone'])('and the process dies once it is there, its first date is deleted like any other (its record %s)', async (how) => {
    const office = await open()
    const [first] = putSet(office, 3)
    let isMade = false
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        isMade ||= name === 'mA.create:after'
        if (!isMade || name !== 'crm.get:before') return
        office.world.script = { ...office.world.script, boundary: async () => undefined }
        office.mailbox(ALICE).deleteOccurrence(master(office).id, at('2026-12-03T08:00:00Z'))
        if (how === 'edited') office.crm.edit(first as ItemId, { place: 'Hall' })
        throw new Crash()
      },
    }
    await office.pass()
    await office.settle()
    const places = office.mailbox(ALICE).synced().map(({ item }) => fieldsOf(item).place)
    expect([live(office).length, places]).toEqual(how === 'edited' ? [3, ['', 'Hall']] : [2, ['']])
  })

  test.each(['crm.create:before', 'commit:before'])('a record that is deleted while the rest of its batch is being made takes its item along (told at %s)', async (boundary) => {
    const office = await open()
    for (const n of [1, 2, 3]) office.mailbox(ALICE).put(event(`Review ${n}`, { ...daily(`2026-12-0${2 + n}`, null).time }))
    let isDone = false
    let isAfter = false
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        isAfter ||= name === 'crm.create:after'
        if (isDone || !isAfter || name !== boundary) return
        isDone = true
        office.crm.edit(office.crm.live()[0]?.id as ItemId, {}, { deleted: true })
        await office.run(CRM_LANE)
        // So long that the next reading does not reach back to it.
        office.world.pass(30_000)
        await office.run(CRM_LANE)
      },
    }
    await office.pass()
    await office.settle()
    expect([isDone, office.crm.live().length, office.mailbox(ALICE).synced().length]).toEqual([true, 2, 2])
  })

  test('records beyond the window are part of it at once, and one deleted there does not come back', async () => {
    const office = await open()
    const ids = putSet(office, 20)
    await office.settle()
    office.crm.edit(ids[18] as ItemId, {}, { deleted: true })
    await office.settle()
    expect(master(office).series?.deleted).toEqual(['2026-12-21T08:00:00Z'])
    office.world.pass(15 * 86_400_000)
    await office.settle()
    expect(office.crm.live().length).toBe(19)
  })

  test('a date deleted against an edit of its record keeps its number, whatever rule the series gets before it is read again', async () => {
    const office = await open()
    const ids = putSet(office, 4)
    let made = 0
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        if (name === 'mA.create:before' && ++made === 2) office.mailbox(ALICE).edit(master(office).id, {}, { series: daily('2026-12-03', 6) })
        if (name !== 'mA.create:after' || made > 1) return
        office.mailbox(ALICE).deleteOccurrence(master(office).id, at('2026-12-04T08:00:00Z'))
        office.crm.edit(ids[1] as ItemId, { place: 'Hall' })
      },
    }
    await office.settle()
    expect(office.crm.live().map(({ uid }) => splitUid(uid).slot).sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(office.mailbox(ALICE).synced().map(({ item }) => fieldsOf(item).place).sort()).toEqual(['', 'Hall'])
  })

  test('it is filed elsewhere and back, and made a single event before it is read: the other records go', async () => {
    const office = await open()
    putSet(office, 3)
    once(office, 'mA.create:after', () => void office.mailbox(ALICE).move(master(office).id, 'synced'))
    await office.pass()
    const { series: _none, ...single } = master(office)
    office.mailbox(ALICE).rows.set(single.id, single)
    office.mailbox(ALICE).edit(single.id, {})
    await office.settle()
    expect([live(office), office.mailbox(ALICE).synced().length]).toEqual([['0 Training'], 1])
  })

  test.each([1, 2, 3, 4, 5, 6])('it is made once, also when the window leaves its first date behind meanwhile (after %s commits)', async (count) => {
    const office = await open()
    const series = daily('2026-12-01', 4)
    expand(series, at('2026-11-01T00:00:00Z'), at('2027-02-01T00:00:00Z')).forEach(({ time }, n) => office.crm.put(event('Training', time), ALICE, { uid: occurrenceUid('SET', n) }))
    let left = Infinity
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        if (name === 'crm.set:after') left = Math.min(left, count)
        if (name === 'commit:before' && --left === 0) office.world.pass(4 * 86_400_000)
      },
    }
    await office.settle()
    expect([office.crm.live().length, office.mailbox(ALICE).synced().length, master(office).uid]).toEqual([4, 1, 'SET'])
  })

  test('two of its records deleted at once take their dates along, and nothing else', async () => {
    const office = await open()
    const ids = putSet(office, 4)
    await office.settle()
    for (const id of ids.slice(1, 3)) office.crm.edit(id, {}, { deleted: true })
    await office.settle()
    expect([...(master(office).series?.deleted ?? [])].sort()).toEqual(['2026-12-04T08:00:00Z', '2026-12-05T08:00:00Z'])
    expect(live(office)).toEqual(['0 Training', '3 Training'])
  })

  test('deleted record by record it leaves nothing behind', async () => {
    const office = await open()
    const ids = putSet(office, 3)
    await office.settle()
    for (const id of ids) {
      office.crm.edit(id, {}, { deleted: true })
      await office.settle()
    }
    expect(office.mailbox(ALICE).synced()).toEqual([])
  })
})

test('a record that became an event of its own keeps its number when the rule of its series changes', async () => {
  const office = await open()
  const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', 4), uid: 'SERIES' })
  await office.settle()
  office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-03T08:00:00Z'))
  office.crm.edit(office.crm.live()[1]?.id as ItemId, { place: 'Hall' })
  await office.settle()
  expect(office.mailbox(ALICE).synced().length).toBe(2)
  office.mailbox(ALICE).edit(id, {}, { series: daily('2026-12-02', 6) })
  await office.settle()
  expect(office.crm.live().map(({ uid }) => splitUid(uid).slot).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(fieldsOf(office.crm.live().find(({ uid }) => splitUid(uid).slot === 1)?.item as Item).place).toBe('Hall')
})

describe('a series whose dates have other numbers than its rule suggests, when our database is lost', () => {
  async function renumbered(): Promise<{ office: Office; id: ItemId }> {
    const office = await open()
    const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', 4), uid: 'SERIES' })
    await office.settle()
    office.mailbox(ALICE).edit(id, {}, { series: daily('2026-12-01', 6) })
    await office.settle()
    expect(dates(office)).toEqual(['0 02T08', '1 03T08', '2 04T08', '3 05T08', '5 06T08', '6 01T08'])
    return { office, id }
  }
  const dates = (office: Office) => office.crm.live().map(({ uid, item }) => `${splitUid(uid).slot} ${(fieldsOf(item).time as { start: string }).start.slice(8, 13)}`).sort()
  const shown = (office: Office) => office.mailbox(ALICE).synced().length
  const numbered = (office: Office, slot: number) => office.crm.live().find(({ uid }) => splitUid(uid).slot === slot)?.id as ItemId
  const moved = (day: string) => ({ allDay: false, start: `2026-12-${day}T14:00:00Z` as Instant, end: `2026-12-${day}T14:30:00Z` as Instant }) as const

  test('is what it was', async () => {
    const { office } = await renumbered()
    const before = [dates(office), office.writes.length]
    await office.loseDatabase()
    await office.settle()
    expect([dates(office), office.writes.length, shown(office)]).toEqual([...before, 1])
  })

  test('follows a date that was moved in Exchange, or had been before', async () => {
    const { office, id } = await renumbered()
    office.mailbox(ALICE).editOccurrence(id, at('2026-12-04T08:00:00Z'), { time: moved('08') })
    await office.settle()
    await office.loseDatabase()
    office.mailbox(ALICE).editOccurrence(id, at('2026-12-05T08:00:00Z'), { time: moved('09') })
    office.mailbox(ALICE).editOccurrence(id, at('2026-12-04T08:00:00Z'), { subject: 'Retro' })
    // Where the first of them was by the rule: past its neighbours, so it becomes an event of its own.
    office.crm.edit(numbered(office, 5), { time: daily('2026-12-04', 1).time })
    await office.settle()
    expect([dates(office), shown(office)]).toEqual([['0 02T08', '1 03T08', '2 08T14', '3 09T14', '5 04T08', '6 01T08'], 2])
  })

  test('follows a record that was moved in the CRM', async () => {
    const { office } = await renumbered()
    await office.loseDatabase()
    office.crm.edit(numbered(office, 5), { time: moved('09') })
    await office.settle()
    expect([dates(office), shown(office)]).toEqual([['0 02T08', '1 03T08', '2 04T08', '3 05T08', '5 09T14', '6 01T08'], 1])
  })

  test('does not take a record that is an event of its own for a date beyond the window', async () => {
    const { office, id } = await renumbered()
    office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-03T08:00:00Z'))
    office.crm.edit(numbered(office, 1), { time: moved('09') })
    // It is over, and would stay.
    office.crm.edit(numbered(office, 6), {}, { deleted: true })
    await office.settle()
    office.mailbox(ALICE).edit(id, {}, { series: { ...monthly(), time: daily('2026-12-05', null).time, recurrence: { pattern: { type: 'absoluteMonthly', interval: 1, day: 5 }, range: { type: 'endless', first: '2026-12-05' as PlainDate } } } })
    await office.settle()
    const before = [dates(office), shown(office), office.writes.length]
    expect(before.slice(0, 2)).toEqual([['1 09T14', '3 05T08'], 2])
    await office.loseDatabase()
    await office.settle()
    expect([dates(office), shown(office), office.writes.length]).toEqual(before)
    expect(await office.store.transaction((tx) => tx.copiesByRecord(office.crm.live().map((row) => row.id)))).toHaveLength(2)
  })

  test('gives nobody the number of a record that somebody added', async () => {
    const { office, id } = await renumbered()
    office.crm.put(event('Extra', moved('09')), ALICE, { uid: occurrenceUid('SERIES', 7) })
    await office.settle()
    await office.loseDatabase()
    office.mailbox(ALICE).edit(id, {}, { series: daily('2026-12-01', 7) })
    await office.settle()
    expect([dates(office), shown(office)]).toEqual([['0 02T08', '1 03T08', '2 04T08', '3 05T08', '5 06T08', '6 01T08', '7 09T14', '8 07T08'], 2])
  })

  test('does not mistake a record that is an event of its own for the date that came in its place', async () => {
    const { office, id } = await renumbered()
    office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-03T08:00:00Z'))
    office.crm.edit(numbered(office, 1), { place: 'Hall' })
    await office.settle()
    office.mailbox(ALICE).edit(id, {}, { series: daily('2026-12-01', 7) })
    await office.settle()
    const before = dates(office)
    expect([before, shown(office)]).toEqual([['0 02T08', '1 03T08', '2 04T08', '3 05T08', '5 06T08', '6 01T08', '7 03T08', '8 07T08'], 2])
    const writes = office.writes.length
    await office.loseDatabase()
    await office.settle()
    expect([dates(office), shown(office), office.writes.length]).toEqual([before, 2, writes])
  })
})

test('a series whose records are all deleted keeps the date beyond the window that somebody has edited', async () => {
  const office = await open()
  const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', 20) })
  await office.settle()
  office.mailbox(ALICE).editOccurrence(id, at('2026-12-20T08:00:00Z'), { subject: 'Retro' })
  for (const row of office.crm.live()) office.crm.edit(row.id, {}, { deleted: true })
  await office.settle()
  expect([live(office), master(office).series?.exceptions.length]).toEqual([[], 1])
  office.world.pass(9 * 86_400_000)
  await office.settle()
  expect(live(office).filter((words) => words.endsWith('Retro'))).toEqual(['18 Retro'])
})

describe('while an occurrence is written', () => {
  test('what somebody edits of another one is told by the next pull', async () => {
    const office = await open()
    const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', null) })
    await office.settle()
    const [first] = office.crm.live()
    office.crm.edit(first?.id as ItemId, { place: 'Hall' })
    once(office, 'mA.update:before', () => {
      office.mailbox(ALICE).editOccurrence(id, at('2026-12-05T08:00:00Z'), { subject: 'Retro' })
      office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-06T08:00:00Z'))
    })
    await office.settle()
    expect(live(office).filter((words) => words.endsWith('Retro'))).toEqual(['3 Retro'])
    expect(live(office).length).toBe(10)
  })

  test('a rule that changes is told by the next pull', async () => {
    const office = await open()
    const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', null) })
    await office.settle()
    office.crm.edit(office.crm.live()[0]?.id as ItemId, { place: 'Hall' })
    const short = daily('2026-12-02', 3)
    once(office, 'mA.get:before', () => office.mailbox(ALICE).edit(id, {}, { series: short }))
    await office.settle()
    expect(live(office)).toEqual(['0 Stand-up', '1 Stand-up', '2 Stand-up'])
  })
})

test('an event that becomes a series beyond the window goes on as its next occurrence', async () => {
  const office = await open()
  const { id } = office.mailbox(ALICE).put(event('Review', daily('2026-12-04', null).time))
  await office.settle()
  const record = office.crm.live()[0]?.id
  office.mailbox(ALICE).edit(id, { time: monthly().time }, { series: monthly() })
  await office.settle()
  expect(office.crm.live().map((row) => [row.id, (fieldsOf(row.item).time as { start: string }).start])).toEqual([[record, '2026-12-25T08:00:00Z']])
})

test('a new rule moves and deletes no record of what is over, whatever becomes of old items', async () => {
  const office = new Office({ policy: { pastDays: 2, futureDays: 10, keepPast: false } })
  await office.connect()
  const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', null), uid: 'SERIES' })
  await office.settle()
  office.world.pass(9 * 86_400_000)
  await office.settle()
  const over = () => office.crm.live().filter(({ item }) => (fieldsOf(item).time as { start: string }).start < '2026-12-07').map(({ uid, item }) => `${uid} ${(fieldsOf(item).time as { start: string }).start}`)
  const before = over()
  expect(before.length).toBe(5)
  office.mailbox(ALICE).edit(id, {}, { series: daily('2026-12-12', null, '10') })
  await office.settle()
  expect(over()).toEqual(before)
  expect(await office.store.transaction((tx) => tx.copiesByUid(['SERIES']))).toHaveLength(1)
})

test('a mailbox that forgot its sync state before a series was recorded tells it again', async () => {
  const office = await open()
  office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', null) })
  once(office, 'commit:after', () => undefined)
  let commits = 0
  office.world.script = {
    ...office.world.script,
    boundary: async (name) => {
      if (name !== 'mA.pull:after' || ++commits !== 2) return
      office.mailbox(ALICE).reset(false)
      throw new Crash()
    },
  }
  await office.settle()
  expect(office.crm.live().length).toBe(11)
})

test('a guest of a series gets the records that the moving window makes, too', async () => {
  const office = await open()
  office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time, { attendees: [bob] }), { series: daily('2026-12-02', null) })
  await office.settle()
  expect(office.mailbox(BOB).synced().length).toBe(11)
  office.world.pass(3 * 86_400_000)
  await office.settle()
  expect(office.mailbox(BOB).synced().length).toBe(14)
})

test('an occurrence whose record was given to somebody without a mailbox does not get another one when the series is edited', async () => {
  const office = await open()
  const { id } = office.mailbox(ALICE).put(event('Stand-up', daily('2026-12-02', null).time), { series: daily('2026-12-02', null) })
  await office.settle()
  office.crm.edit(office.crm.live()[4]?.id as ItemId, {}, { assignee: 'u3' as never })
  await office.settle()
  office.mailbox(ALICE).edit(id, { subject: 'Huddle' })
  await office.settle()
  expect(live(office).filter((words) => words.startsWith('4 '))).toEqual(['4 Stand-up'])
})

describe('a record that the CRM moves beyond its neighbours in the series', () => {
  test.each([1, 8])('becomes an event of its own, with what Exchange alone knows of it (%i days)', async (days) => {
    const office = await open()
    office.mailbox(ALICE).put(event('Training', daily('2026-12-03', 4).time, { categories: ['Blue'] }), { series: daily('2026-12-03', 4) })
    await office.settle()
    const { id, item } = office.crm.live()[1] as NonNullable<ReturnType<typeof office.crm.live>[number]>
    const time = fieldsOf(item).time as Extract<EventTime, { allDay: false }>
    const later = (moment: Instant) => new Date(Date.parse(moment) + days * 86_400_000).toISOString().replace('.000', '') as Instant
    office.crm.edit(id, { time: { ...time, start: later(time.start), end: later(time.end) }, place: 'Hall' })
    await office.settle()
    const [single, ...more] = office.mailbox(ALICE).synced().filter(({ series }) => series === undefined)
    expect(more).toEqual([])
    expect(fieldsOf(single?.item as Item)).toMatchObject({ subject: 'Training', place: 'Hall', categories: ['Blue'], time: { start: later(time.start) } })
    expect(master(office).series?.deleted).toEqual([time.start])
    expect([office.crm.live().length, office.totals.failed]).toEqual([4, 0])
    office.mailbox(ALICE).edit(single?.id as ItemId, { place: 'Roof' })
    await office.settle()
    expect(fieldsOf(office.crm.row(id).item).place).toBe('Roof')
  })

  test('is not moved by it when it is a meeting with guests: somebody has to decide', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Board', daily('2026-12-03', 4).time, { attendees: [{ ...bob, address: 'boss@ext.test' }] }), { series: daily('2026-12-03', 4), traits: { hasAttendees: true } })
    await office.settle()
    const { id, item } = office.crm.live()[1] as NonNullable<ReturnType<typeof office.crm.live>[number]>
    const time = fieldsOf(item).time as Extract<EventTime, { allDay: false }>
    office.crm.edit(id, { time: { ...time, start: at('2026-12-20T08:00:00Z'), end: at('2026-12-20T09:00:00Z') } })
    for (let round = 0; round < 3; round++) await office.pass()
    expect([office.mailbox(ALICE).synced().length, master(office).series?.deleted, office.totals.errors.map(({ code }) => code)]).toEqual([1, [], ['EWS_NOT_IN_SERIES']])
  })
})

describe('an occurrence that left its series for the sake of its record', () => {
  async function withSeries(where: string): Promise<Office> {
    const office = await open()
    if (where === 'the CRM') putSet(office, 4)
    else office.mailbox(ALICE).put(event('Training', daily('2026-12-03', 4).time), { series: daily('2026-12-03', 4) })
    await office.settle()
    return office
  }
  const singles = (office: Office, user: string) => office.mailbox(user).synced().filter(({ series }) => series === undefined).map(({ item }) => (fieldsOf(item).time as { start: string }).start.slice(5, 10))
  const CASES = ['Exchange', 'the CRM'].flatMap((where) => [0, 2].map((number) => [where, number] as const))

  test.each(CASES)('is an event when the record comes back to its owner (made in %s, number %i)', async (where, number) => {
    const office = await withSeries(where)
    const id = office.crm.live()[number]?.id as ItemId
    const date = `12-0${3 + number}`
    office.crm.edit(id, {}, { assignee: BOB as never })
    await office.settle()
    expect([singles(office, ALICE), singles(office, BOB)]).toEqual([[], [date]])
    office.crm.edit(id, {}, { assignee: ALICE as never })
    await office.settle()
    expect([singles(office, ALICE), singles(office, BOB), office.crm.live().length]).toEqual([[date], [], 4])
  })

  test.each(CASES)('keeps its record when that comes back at once (made in %s, number %i)', async (where, number) => {
    for (const [away, back] of [[{ assignee: BOB as never }, { assignee: ALICE as never }], [{ deleted: true }, { deleted: false }]] as const) {
      for (const boundary of ['mA.remove:after', 'commit:after']) {
        const office = await withSeries(where)
        const id = office.crm.live()[number]?.id as ItemId
        office.crm.edit(id, {}, away)
        let isGone = false
        let isBack = false
        office.world.script = {
          ...office.world.script,
          boundary: async (name) => {
            isGone ||= name === 'mA.remove:after'
            if (isBack || !isGone || name !== boundary) return
            isBack = true
            office.crm.edit(id, {}, back)
            await office.run(CRM_LANE)
          },
        }
        await office.settle()
        expect([singles(office, ALICE), singles(office, BOB), office.crm.live().length], `${Object.keys(away)} ${boundary}`).toEqual([[`12-0${3 + number}`], [], 4])
      }
    }
  })

  test.each(CASES)('is an event when the record is put back in the CRM, also without our database (made in %s, number %i)', async (where, number) => {
    const office = await withSeries(where)
    const id = office.crm.live()[number]?.id as ItemId
    office.crm.edit(id, {}, { deleted: true })
    await office.settle()
    office.crm.edit(id, {}, { deleted: false })
    await office.settle()
    expect([singles(office, ALICE), office.crm.live().length]).toEqual([[`12-0${3 + number}`], 4])
    await office.loseDatabase()
    await office.settle()
    expect([singles(office, ALICE), office.crm.live().length]).toEqual([[`12-0${3 + number}`], 4])
  })
})

describe('a series made in the CRM that invites a guest', () => {
  async function withGuest(): Promise<Office> {
    const office = await open()
    const series = daily('2026-12-03', 3)
    expand(series, at('2026-11-01T00:00:00Z'), at('2027-02-01T00:00:00Z')).forEach(({ time }, n) => office.crm.put(event('Training', time, { attendees: [bob] }), ALICE, { uid: occurrenceUid('SET', n) }))
    await office.settle()
    expect(shown(office)).toEqual([3, 1, 3])
    return office
  }
  const shown = (office: Office) => [office.crm.live().length, office.mailbox(ALICE).synced().length, office.mailbox(BOB).synced().length]

  test.each([[[BOB]], [[ALICE]], [[ALICE, BOB]]])('is there once, also when the ids of mailboxes change (%s)', async (users) => {
    const office = await withGuest()
    for (const user of users) office.mailbox(user).reset(true)
    await office.settle()
    office.crm.edit(office.crm.live()[1]?.id as ItemId, { place: 'Hall' })
    await office.settle()
    expect(shown(office)).toEqual([3, 1, 3])
    expect(office.mailbox(BOB).synced().map(({ item }) => String(fieldsOf(item).place)).sort()).toEqual(['', '', 'Hall'])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })

  test('is there once, also when it was found anew from the guest first, and then ids change', async () => {
    const office = await withGuest()
    await office.loseDatabase()
    await office.pass([CRM_LANE, LANES[BOB] as MailboxId, LANES[ALICE] as MailboxId])
    await office.settle()
    for (const user of [ALICE, BOB]) office.mailbox(user).reset(true)
    await office.settle()
    expect([shown(office), await office.store.transaction((tx) => tx.held({}))]).toEqual([[3, 1, 3], []])
    expect((await office.store.transaction((tx) => tx.copiesByUid(['SET#~1', 'SET#~2']))).map(({ copy }) => copy.role).sort()).toEqual(['guest', 'guest', 'home', 'home'])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })

  test.each(['on its way', 'told at once'])('goes along when the guest files one date elsewhere and back (%s)', async (how) => {
    const office = await withGuest()
    const [, second] = office.mailbox(BOB).synced()
    const away = office.mailbox(BOB).move(second?.id as ItemId, 'synced')
    if (how === 'on its way') await office.pass()
    office.mailbox(BOB).move(away, 'synced')
    await office.settle()
    expect(shown(office)).toEqual([3, 1, 3])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })
})
