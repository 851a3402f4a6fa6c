import { describe, expect, test } from 'vitest'
import { fieldsOf, itemOf, occurrenceUid, splitUid } from '../../model/index.ts'
import type { EventTime, Fields, Instant, Item, ItemId, PlainDate, Series } from '../../model/index.ts'
import { expand } from '../../recurrence/index.ts'
import { ALICE, LANES, Office } from '../../../test/property/office.ts'
import type { OfficeOptions } from '../../../test/property/office.ts'
import type { CrmRow } from '../../../sim/memory-crm.ts'

const at = (text: string) => text as Instant
const day = (text: string) => text as PlainDate

const daily = (more: Partial<Series> = {}, range: Series['recurrence']['range'] = { type: 'endless', first: day('2026-12-02') }): Series => ({
  recurrence: { pattern: { type: 'daily', interval: 1 }, range },
  time: { allDay: false, start: at('2026-12-02T08:00:00Z'), end: at('2026-12-02T08:30:00Z'), zone: 'Europe/Rome' },
  exceptions: [], deleted: [], ...more,
})
const weekly = (): Series => ({ ...daily(), recurrence: { pattern: { type: 'weekly', interval: 1, days: ['wednesday'], firstDay: 'monday' }, range: { type: 'endless', first: day('2026-12-02') } } })
const event = (subject: string, time: EventTime, more: Fields = {}): Item => itemOf('event', { subject, time, ...more })
const master = (series: Series, subject = 'Stand-up') => [event(subject, series.time), { series }] as const

const SHORT: OfficeOptions = { policy: { pastDays: 2, futureDays: 10 } }
async function open(options: OfficeOptions = SHORT): Promise<Office> {
  const office = new Office(options)
  await office.connect()
  return office
}
const timeOf = ({ item }: { item: Item }) => fieldsOf(item).time as Extract<EventTime, { allDay: false }>
const records = (office: Office) => office.crm.live().toSorted((a, b) => (timeOf(a).start < timeOf(b).start ? -1 : 1))
const starts = (office: Office) => records(office).map((row) => timeOf(row).start.slice(5, 16))
const onlyMaster = (office: Office) => {
  const all = office.mailbox(ALICE).synced()
  expect(all.length).toBe(1)
  return all[0] as NonNullable<(typeof all)[number]>
}
const days = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => at(`2026-12-${String(from + n).padStart(2, '0')}T08:00:00Z`))
const idOn = (office: Office, start: string): ItemId => (records(office).find((row) => timeOf(row).start === start) as CrmRow).id
async function writesOf(office: Office, work: () => Promise<unknown> | unknown): Promise<string[]> {
  const before = office.writes.length
  await work()
  await office.settle()
  return office.writes.slice(before).map(({ side, type }) => `${side} ${type}`)
}

describe('a series made in Exchange', () => {
  test('has one record per occurrence inside the window, numbered by the rule', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    expect(starts(office)).toEqual(days(2, 12).map((start) => start.slice(5, 16)))
    expect(records(office).map((row) => splitUid(row.uid).slot)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(new Set(records(office).map((row) => splitUid(row.uid).uid))).toEqual(new Set([onlyMaster(office).uid]))
    expect(await writesOf(office, () => undefined)).toEqual([])
  })

  test('that is endless keeps arriving as the window moves', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const before = records(office).map(({ id }) => id)
    office.world.pass(5 * 86_400_000)
    const writes = await writesOf(office, () => undefined)
    expect(writes).toEqual(Array<string>(5).fill('crm create'))
    expect(records(office).slice(0, 11).map(({ id }) => id)).toEqual(before)
    expect(records(office).map((row) => splitUid(row.uid).slot)).toEqual(Array.from({ length: 16 }, (_, n) => n))
  })

  test('older than the window costs only what is inside, and its numbers are those of the rule', async () => {
    const office = await open()
    const series = daily({ time: { allDay: false, start: at('2020-01-01T08:00:00Z'), end: at('2020-01-01T08:30:00Z'), zone: 'UTC' } }, { type: 'endless', first: day('2020-01-01') })
    office.mailbox(ALICE).put(...master(series))
    await office.settle()
    const wanted = expand(series, at('2026-11-20T00:00:00Z'), at('2026-12-20T00:00:00Z'))
    expect(records(office).length).toBeLessThan(20)
    for (const row of records(office)) expect(splitUid(row.uid).slot).toBe((wanted.find(({ start }) => start === timeOf(row).start)?.index ?? 0) - 1)
  })

  test('an exception edits its one record, a deleted occurrence deletes its own', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const { id } = onlyMaster(office)
    expect(await writesOf(office, () => office.mailbox(ALICE).editOccurrence(id, at('2026-12-05T08:00:00Z'), { subject: 'Retro' }))).toEqual(['crm update'])
    expect(fieldsOf((office.crm.rows.get(idOn(office, '2026-12-05T08:00:00Z')) as CrmRow).item).subject).toBe('Retro')
    const moved = { allDay: false, start: at('2026-12-06T15:00:00Z'), end: at('2026-12-06T16:00:00Z') } as const
    expect(await writesOf(office, () => office.mailbox(ALICE).editOccurrence(id, at('2026-12-06T08:00:00Z'), { time: moved }))).toEqual(['crm update'])
    expect(await writesOf(office, () => office.mailbox(ALICE).deleteOccurrence(id, at('2026-12-07T08:00:00Z')))).toEqual(['crm remove'])
    expect(starts(office)).toEqual(['12-02T08:00', '12-03T08:00', '12-04T08:00', '12-05T08:00', '12-06T15:00', '12-08T08:00', '12-09T08:00', '12-10T08:00', '12-11T08:00', '12-12T08:00'])
  })

  test('whose rule changes keeps the records that still exist, and writes as little as can be', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const kept = [idOn(office, '2026-12-02T08:00:00Z'), idOn(office, '2026-12-09T08:00:00Z')]
    const writes = await writesOf(office, () => office.mailbox(ALICE).edit(onlyMaster(office).id, {}, { series: weekly() }))
    expect(writes).toEqual(Array<string>(9).fill('crm remove'))
    expect(records(office).map(({ id }) => id)).toEqual(kept)
    const later = { allDay: false, start: at('2026-12-02T10:00:00Z'), end: at('2026-12-02T10:30:00Z'), zone: 'Europe/Rome' } as const
    expect(await writesOf(office, () => office.mailbox(ALICE).edit(onlyMaster(office).id, { time: later }, { series: { ...weekly(), time: later } }))).toEqual(['crm update', 'crm update'])
    expect(records(office).map(({ id }) => id)).toEqual(kept)
    expect(starts(office)).toEqual(['12-02T10:00', '12-09T10:00'])
  })

  test('that is deleted takes its future records along and leaves the past', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    office.world.pass(4 * 86_400_000)
    await office.settle()
    office.mailbox(ALICE).move(onlyMaster(office).id, 'deleted')
    await office.settle()
    expect(starts(office).every((start) => start < '12-06')).toBe(true)
    expect(starts(office).length).toBeGreaterThan(2)
    expect(await office.store.transaction((tx) => tx.held({ open: true }))).toEqual([])
  })

  test('a single event becomes a series and back; its record stays', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Stand-up', daily().time))
    await office.settle()
    const [{ id }] = records(office) as [CrmRow]
    office.mailbox(ALICE).edit(onlyMaster(office).id, {}, { series: daily() })
    await office.settle()
    expect(records(office).length).toBe(11)
    expect(records(office)[0]?.id).toBe(id)
    const { series: _none, ...single } = onlyMaster(office)
    office.mailbox(ALICE).rows.set(single.id, single)
    office.mailbox(ALICE).edit(single.id, {})
    await office.settle()
    expect(records(office).map((row) => row.id)).toEqual([id])
  })

  test('that moved to another folder and back is the same', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const before = records(office).map(({ id }) => id)
    const moved = office.mailbox(ALICE).move(onlyMaster(office).id, 'elsewhere')
    await office.pass()
    office.mailbox(ALICE).move(moved ?? onlyMaster(office).id, 'synced')
    const writes = await writesOf(office, () => undefined)
    expect(records(office).map(({ id }) => id).slice(0, before.length)).toEqual(before)
    expect(writes.filter((write) => write.startsWith('exchange'))).toEqual([])
  })

  test('a change that the server never reports is found by comparing, at once when a hint names it', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const row = onlyMaster(office)
    const silent = () => office.mailbox(ALICE).rows.set(row.id, { ...row, seq: row.seq, version: row.version, series: { ...daily(), deleted: [at('2026-12-05T08:00:00Z')] } })
    silent()
    await office.pass()
    expect(records(office).length).toBe(11)
    await office.store.transaction((tx) => tx.recheckSeries(LANES[ALICE] ?? row.id as never, [row.id], office.world.clock.now()))
    await office.settle()
    expect(records(office).length).toBe(10)
  })
})

describe('a series edited in the CRM', () => {
  test('an edited record becomes an exception, a deleted one a deleted occurrence', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    office.crm.edit(idOn(office, '2026-12-05T08:00:00Z'), { subject: 'Retro' })
    expect(await writesOf(office, () => office.crm.edit(idOn(office, '2026-12-07T08:00:00Z'), {}, { deleted: true }))).toEqual(['exchange update', 'exchange remove'])
    const { series } = onlyMaster(office)
    expect(series?.exceptions.map(({ start, fields }) => [start, fields.subject])).toEqual([['2026-12-05T08:00:00Z', 'Retro']])
    expect(series?.deleted).toEqual(['2026-12-07T08:00:00Z'])
    expect(await writesOf(office, () => undefined)).toEqual([])
  })

  test('all its records deleted ends the series', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily({}, { type: 'count', first: day('2026-12-02'), count: 5 })))
    await office.settle()
    for (const { id } of records(office)) office.crm.edit(id, {}, { deleted: true })
    await office.settle()
    expect(office.mailbox(ALICE).synced()).toEqual([])
  })

  test('both sides edit different occurrences and different fields of one', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...master(daily()))
    await office.settle()
    const { id } = onlyMaster(office)
    office.mailbox(ALICE).editOccurrence(id, at('2026-12-05T08:00:00Z'), { place: 'Hall' })
    office.crm.edit(idOn(office, '2026-12-05T08:00:00Z'), { subject: 'Retro' })
    office.crm.edit(idOn(office, '2026-12-06T08:00:00Z'), { subject: 'Plan' })
    await office.settle()
    expect(onlyMaster(office).series?.exceptions.map(({ fields }) => [fields.subject, fields.place ?? '']).sort()).toEqual([['Plan', ''], ['Retro', 'Hall']])
    expect(fieldsOf((office.crm.rows.get(idOn(office, '2026-12-05T08:00:00Z')) as CrmRow).item)).toMatchObject({ subject: 'Retro', place: 'Hall' })
  })
})

describe('a series made in the CRM', () => {
  const make = (office: Office, starts: readonly Instant[], uid = 'SET') =>
    starts.map((start, n) => office.crm.put(event('Training', { allDay: false, start, end: at(`${start.slice(0, 11)}09:00:00Z`) }), ALICE, { uid: occurrenceUid(uid, n) }).id)

  test('becomes one series in Exchange where the dates fit a rule', async () => {
    const office = await open()
    const ids = make(office, days(3, 7))
    await office.settle()
    const { series, uid } = onlyMaster(office)
    expect([uid, series?.recurrence]).toEqual(['SET', { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-03', count: 5 } }])
    expect(records(office).map(({ id }) => id)).toEqual(ids)
    expect(await writesOf(office, () => undefined)).toEqual([])
    office.crm.edit(ids[2] as ItemId, { subject: 'Exam' })
    await office.settle()
    expect(onlyMaster(office).series?.exceptions.map(({ start, fields }) => [start, fields.subject])).toEqual([['2026-12-05T08:00:00Z', 'Exam']])
  })

  test('what one of its records says differently becomes an exception', async () => {
    const office = await open()
    const ids = make(office, days(3, 7))
    office.crm.edit(ids[1] as ItemId, { subject: 'Exam', place: 'Hall' })
    await office.settle()
    expect(onlyMaster(office).series?.exceptions.map(({ start, fields }) => [start, fields.subject, fields.place])).toEqual([['2026-12-04T08:00:00Z', 'Exam', 'Hall']])
    expect(fieldsOf((office.crm.rows.get(ids[1] as ItemId) as CrmRow).item).subject).toBe('Exam')
  })

  test('whose dates fit no rule becomes single events', async () => {
    const office = await open()
    make(office, [...days(3, 4), ...days(8, 8), ...days(11, 11)])
    await office.settle()
    const items = office.mailbox(ALICE).synced()
    expect(items.map(({ series }) => series)).toEqual([undefined, undefined, undefined, undefined])
    expect(new Set(items.map(({ uid }) => uid)).size).toBe(4)
    expect(office.crm.live().length).toBe(4)
    expect(await writesOf(office, () => undefined)).toEqual([])
  })

  test('a record added later becomes an event, one removed a deleted occurrence', async () => {
    const office = await open()
    const ids = make(office, days(3, 7))
    await office.settle()
    office.crm.put(event('Training', { allDay: false, start: at('2026-12-10T08:00:00Z'), end: at('2026-12-10T09:00:00Z') }), ALICE, { uid: occurrenceUid('SET', 5) })
    office.crm.edit(ids[0] as ItemId, {}, { deleted: true })
    await office.settle()
    const items = office.mailbox(ALICE).synced()
    expect(items.map(({ series }) => series?.deleted ?? null)).toEqual([['2026-12-03T08:00:00Z'], null])
    expect(office.crm.live().length).toBe(5)
  })

  test('one that loses our database is found again', async () => {
    const office = await open()
    make(office, days(3, 7))
    await office.settle()
    const other = new Office(SHORT)
    Object.assign(other, { world: office.world })
    const writes = office.writes.length
    await office.store.transaction(async (tx) => {
      const copies = await tx.copiesOf(LANES[ALICE] as never, 'event', null, 100)
      await tx.removeCopies(copies.map(({ copy }) => copy.id))
      await tx.removeSeries(LANES[ALICE] as never, (await tx.series(LANES[ALICE] as never)).map(({ master }) => master))
      for (const lane of [LANES[ALICE], 'crm'] as never[]) for (const channel of await tx.channels(lane)) await tx.saveChannel({ ...channel, syncState: null, complete: false })
    })
    await office.settle()
    expect(office.writes.slice(writes).filter(({ type }) => type !== 'update')).toEqual([])
    expect(office.crm.live().length).toBe(5)
    expect(onlyMaster(office).series?.exceptions).toEqual([])
  })
})
