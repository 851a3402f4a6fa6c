import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GraphSimOptions } from '../../sim/graph/index.ts'
import { alice, day, done, none, pullRound, startCloud } from '../../test/support/cloud.ts'
import type { Cloud, Pulled } from '../../test/support/cloud.ts'
import { itemId, itemOf, token, WEEKDAYS } from '../model/index.ts'
import type { EventFields, Instant, OccurrenceRef, PlainDate, Recurrence, Series, Snapshot, Stamp } from '../model/index.ts'
import type { Exchange } from '../ports.ts'

let cloud: Cloud
let mailbox: Exchange

async function begin(options: GraphSimOptions = {}): Promise<void> {
  cloud = await startCloud(options)
  mailbox = cloud.connect().mailbox(alice)
}
beforeEach(() => begin())
afterEach(() => cloud.stop())
async function restart(options: GraphSimOptions): Promise<void> {
  await cloud.stop()
  await begin(options)
}

const FIRST = day(3) as PlainDate
const at = (days: number, clock = '09:00') => `${day(days)}T${clock}:00Z` as Instant
const weekdayOf = (date: string) => WEEKDAYS[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? 'monday'
const indexOf = (date: string) => (['first', 'second', 'third', 'fourth'] as const)[Math.ceil(Number(date.slice(8)) / 7) - 1] ?? 'last'
const utc = (days: number, clock: string) => ({ dateTime: `${day(days)}T${clock}:00`, timeZone: 'UTC' })
/** Every day for ten days, as somebody makes it in Outlook. */
const daily = (more: object = {}) => cloud.outlook('POST', '/calendar/events', {
  subject: 'Stand-up', body: { contentType: 'text', content: 'all of us' }, start: utc(3, '09:00'), end: utc(3, '09:30'),
  recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'numbered', startDate: FIRST, numberOfOccurrences: 10 } }, ...more,
})
const instances = async (id: string): Promise<any[]> => (await cloud.outlook('GET', `/events/${id}/instances?startDateTime=${day(-5)}T00:00:00Z&endDateTime=${day(60)}T00:00:00Z&$top=100`)).value
const instanceOn = async (id: string, days: number) => (await instances(id)).find(({ start }) => start.dateTime.startsWith(day(days)))

async function master(id: string): Promise<Snapshot & { readonly series: Series }> {
  const [found] = await mailbox.get('event', [itemId(id)])
  if (found?.type !== 'seen' || found.snapshot.series === undefined) throw new Error(`no series: ${JSON.stringify(found)}`)
  return { ...found.snapshot, series: found.snapshot.series }
}
const occurrence = (days: number): OccurrenceRef => ({ start: at(days), index: days - 2 })

describe('reading a series', () => {
  it('gives the rule, the first occurrence and what all of them share', async () => {
    const { id, iCalUId } = await daily()
    expect(await master(id)).toMatchObject({
      uid: iCalUId, item: { fields: { subject: 'Stand-up', body: 'all of us' } },
      series: {
        recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: FIRST, count: 10 } },
        time: { allDay: false, start: at(3), end: at(3, '09:30') }, exceptions: [], deleted: [],
      },
    })
  })

  it('gives what was edited, moved and deleted in it', async () => {
    const { id } = await daily()
    await cloud.outlook('PATCH', `/events/${(await instanceOn(id, 4)).id}`, { subject: 'With cake' })
    await cloud.outlook('PATCH', `/events/${(await instanceOn(id, 6)).id}`, { start: utc(6, '15:00'), end: utc(6, '15:30') })
    await cloud.outlook('DELETE', `/events/${(await instanceOn(id, 8)).id}`)
    const { series } = await master(id)
    expect(series.deleted).toEqual([at(8)])
    expect(series.exceptions).toMatchObject([
      { start: at(4), fields: { subject: 'With cake', body: 'all of us', time: { start: at(4) } } },
      { start: at(6), fields: { subject: 'Stand-up', time: { start: at(6, '15:00'), end: at(6, '15:30') } } },
    ])
  })

  it('gives the same where the server does not name what was deleted', async () => {
    const { id } = await daily()
    await cloud.outlook('PATCH', `/events/${(await instanceOn(id, 4)).id}`, { subject: 'With cake' })
    await cloud.outlook('PATCH', `/events/${(await instanceOn(id, 6)).id}`, { start: utc(6, '15:00'), end: utc(6, '15:30') })
    await cloud.outlook('DELETE', `/events/${(await instanceOn(id, 8)).id}`)
    const { series } = await master(id)
    cloud.sim.setSwitches({ cancelledOccurrences: false })
    expect((await master(id)).series).toEqual(series)
    expect(series.deleted).toEqual([at(8)])
  })

  it('keeps its wall clock time over a change of the clocks, and finds its occurrences again', async () => {
    const zone = 'W. Europe Standard Time'
    const { id } = await cloud.outlook('POST', '/calendar/events', {
      subject: 'Weekly', start: { dateTime: '2027-03-18T09:00:00', timeZone: zone }, end: { dateTime: '2027-03-18T10:00:00', timeZone: zone },
      recurrence: { pattern: { type: 'weekly', interval: 1, daysOfWeek: ['thursday'] }, range: { type: 'noEnd', startDate: '2027-03-18', recurrenceTimeZone: zone } },
    })
    const all = (await cloud.outlook('GET', `/events/${id}/instances?startDateTime=2027-03-01T00:00:00Z&endDateTime=2027-05-01T00:00:00Z`)).value
    const after = all.find(({ start }: { start: { dateTime: string } }) => start.dateTime.startsWith('2027-04-01'))
    await cloud.outlook('DELETE', `/events/${after.id}`)
    const { series } = await master(id)
    expect(series.time).toMatchObject({ start: '2027-03-18T08:00:00Z', zone: 'Europe/Berlin' })
    expect(series.deleted).toEqual(['2027-04-01T07:00:00Z'])
  })

  it('of whole days names its occurrences by day', async () => {
    const { id } = await daily({ isAllDay: true, start: { dateTime: `${FIRST}T00:00:00`, timeZone: 'W. Europe Standard Time' }, end: { dateTime: `${day(4)}T00:00:00`, timeZone: 'W. Europe Standard Time' } })
    await cloud.outlook('DELETE', `/events/${(await instanceOn(id, 5)).id}`)
    expect((await master(id)).series).toMatchObject({ time: { allDay: true, firstDay: FIRST, lastDay: FIRST }, deleted: [day(5)] })
  })
})

describe('writing a series', () => {
  const stamp: Stamp = { instance: 'crm-1', kind: 'event', record: itemId('18x7'), token: token('pair-1') }
  const rules: [string, Recurrence['pattern']][] = [
    ['every second day', { type: 'daily', interval: 2 }],
    ['twice a week', { type: 'weekly', interval: 1, days: WEEKDAYS.filter((name) => name === weekdayOf(FIRST) || name === weekdayOf(day(5))), firstDay: 'monday' }],
    ['the same day of every month', { type: 'absoluteMonthly', interval: 1, day: Number(FIRST.slice(8)) }],
    ['the same weekday of every second month', { type: 'relativeMonthly', interval: 2, day: weekdayOf(FIRST), index: indexOf(FIRST) }],
    ['a weekday of a month of the year', { type: 'relativeYearly', interval: 1, month: Number(FIRST.slice(5, 7)), day: weekdayOf(FIRST), index: indexOf(FIRST) }],
    ['a day of the year', { type: 'absoluteYearly', interval: 1, month: Number(FIRST.slice(5, 7)), day: Number(FIRST.slice(8)) }],
  ]
  it.each(rules)('makes it with its rule (%s), its stamp and the UID of the CRM', async (_what, pattern) => {
    const series: Series = {
      recurrence: { pattern, range: { type: 'count', first: FIRST, count: 6 } }, exceptions: [], deleted: [],
      time: { allDay: false, start: at(3), end: at(3, '10:00'), zone: 'Etc/UTC' },
    }
    const made = done((await mailbox.create([{ item: itemOf('event', { subject: 'Ours', time: series.time }), token: stamp.token, stamp, uid: 'uid-1', series }]))[0])
    expect(made).toMatchObject({ uid: 'uid-1', stamp, series: { recurrence: { pattern, range: { type: 'count', first: FIRST, count: 6 } } } })
    expect(await master(made.id)).toMatchObject({ uid: 'uid-1', stamp, series: made.series })
    expect(cloud.mails()).toBe(0)
  })

  it.each<[string, Recurrence['range']]>([['never', { type: 'endless', first: FIRST }], ['on a day', { type: 'until', first: FIRST, last: day(20) as PlainDate }]])('that ends %s reads as it was made', async (_when, range) => {
    const series: Series = { recurrence: { pattern: { type: 'daily', interval: 3 }, range }, exceptions: [], deleted: [], time: { allDay: false, start: at(3), end: at(3, '10:00'), zone: 'Etc/UTC' } }
    const made = done((await mailbox.create([{ item: itemOf('event', { subject: 'Ours', time: series.time }), token: stamp.token, stamp, series }]))[0])
    expect((await master(made.id)).series.recurrence).toEqual(series.recurrence)
  })

  it('keeps its wall clock time over a change of the clocks', async () => {
    const start = { allDay: false, start: '2027-03-18T08:00:00Z' as Instant, end: '2027-03-18T09:00:00Z' as Instant, zone: 'Europe/Rome' } as const
    const pattern = { type: 'weekly', interval: 1, days: ['thursday'], firstDay: 'monday' } as const
    const series: Series = { recurrence: { pattern, range: { type: 'endless', first: '2027-03-18' as PlainDate } }, exceptions: [], deleted: [], time: start }
    const made = done((await mailbox.create([{ item: itemOf('event', { subject: 'Ours', time: start }), token: stamp.token, stamp, series }]))[0])
    const all = (await cloud.outlook('GET', `/events/${made.id}/instances?startDateTime=2027-03-01T00:00:00Z&endDateTime=2027-05-01T00:00:00Z`)).value as { start: { dateTime: string } }[]
    expect(all.slice(0, 3).map((one) => one.start.dateTime.slice(0, 16))).toEqual(['2027-03-18T08:00', '2027-03-25T08:00', '2027-04-01T07:00'])
    expect((await cloud.outlook('GET', `/events/${made.id}`)).recurrence.range.recurrenceTimeZone).toBe('W. Europe Standard Time')
  })

  it('does not believe a deletion that the server only said it made', async () => {
    const { id } = await daily()
    const { changeKey } = await master(id)
    cloud.sim.faults.add({ operation: 'deleteEvent', times: 1, effect: { type: 'status', status: 204 } })
    expect(await mailbox.remove([{ id: itemId(id), kind: 'event', expect: changeKey, occurrence: occurrence(5) }]))
      .toMatchObject([{ type: 'failed', error: { code: 'GRAPH_OCCURRENCE', scope: 'item', message: expect.stringContaining('still there') } }])
  })

  it('edits one occurrence and answers with the whole series', async () => {
    const { id } = await daily()
    const before = await master(id)
    const fields: Partial<EventFields> = { subject: 'Elsewhere', place: 'Room 5', time: { allDay: false, start: at(5, '11:00'), end: at(5, '11:30') } }
    const after = done((await mailbox.update([{ id: itemId(id), kind: 'event', fields, expect: before.changeKey, occurrence: occurrence(5) }]))[0])
    expect(after.id).toBe(id)
    expect(after.series?.exceptions).toMatchObject([{ start: at(5), fields: { subject: 'Elsewhere', place: 'Room 5', time: { start: at(5, '11:00') } } }])
    // Moved away, it is still the one the rule has on that day.
    const again = done((await mailbox.update([{ id: itemId(id), kind: 'event', fields: { subject: 'Once more' }, expect: after.changeKey, occurrence: occurrence(5) }]))[0])
    expect(again.series?.exceptions).toMatchObject([{ start: at(5), fields: { subject: 'Once more', time: { start: at(5, '11:00') } } }])
  })

  it('says of an occurrence that would pass its neighbour that its series cannot hold it', async () => {
    const { id } = await daily()
    const { changeKey } = await master(id)
    const time = { allDay: false, start: at(8, '14:00'), end: at(8, '14:30') } as const
    const [outcome] = await mailbox.update([{ id: itemId(id), kind: 'event', fields: { time }, expect: changeKey, occurrence: occurrence(5) }])
    expect(outcome).toMatchObject({ type: 'failed', error: { code: 'GRAPH_NOT_IN_SERIES', scope: 'item', remedy: 'apart' } })
  })

  it('deletes one occurrence, and finds it deleted', async () => {
    const { id } = await daily()
    const before = await master(id)
    const remove = (days: number) => ({ id: itemId(id), kind: 'event', expect: before.changeKey, occurrence: occurrence(days) } as const)
    expect(await mailbox.remove([remove(5), remove(7)])).toEqual([{ type: 'removed' }, { type: 'removed' }])
    expect((await master(id)).series.deleted).toEqual([at(5), at(7)])
    expect(await mailbox.remove([{ ...remove(5), expect: (await master(id)).changeKey }])).toEqual([{ type: 'gone' }])
  })

  it('writes nothing over a series that somebody changed, and nothing to an occurrence that is not there', async () => {
    const { id } = await daily()
    const before = await master(id)
    await cloud.outlook('PATCH', `/events/${id}`, { subject: 'by hand' })
    const request = { id: itemId(id), kind: 'event', fields: { subject: 'ours' }, occurrence: occurrence(5) } as const
    expect(await mailbox.update([{ ...request, expect: before.changeKey }])).toEqual([{ type: 'stale' }])
    const now = await master(id)
    expect(await mailbox.update([{ ...request, expect: now.changeKey, occurrence: { start: at(5, '17:00'), index: 3 } }])).toMatchObject([{ type: 'failed', error: { code: 'GRAPH_OCCURRENCE', scope: 'item' } }])
  })

  it('of a meeting with guests is not touched without leave', async () => {
    const { id } = await daily({ attendees: [{ type: 'required', emailAddress: { address: 'bob@example.test', name: 'Bob' } }] })
    const sent = cloud.mails()
    const { changeKey } = await master(id)
    const request = { id: itemId(id), kind: 'event', expect: changeKey, occurrence: occurrence(5) } as const
    expect(await mailbox.update([{ ...request, fields: { subject: 'x' } }])).toMatchObject([{ type: 'failed', error: { code: 'GRAPH_WOULD_MAIL' } }])
    expect(await mailbox.remove([request])).toMatchObject([{ type: 'failed', error: { code: 'GRAPH_WOULD_MAIL' } }])
    expect(cloud.mails()).toBe(sent)
  })
})

describe.each([
  ['events/delta', { eventsDelta: true }], ['calendarView/delta that names deleted occurrences', { eventsDelta: false, removedOccurrences: true }],
  ['calendarView/delta that does not', { eventsDelta: false, removedOccurrences: false }],
])('following a series by %s', (_name, switches) => {
  beforeEach(() => restart({ switches }))
  const seriesIn = ({ changes }: Pulled) => changes.flatMap((change) => (change.type === 'seen' && change.snapshot.series !== undefined ? [change.snapshot] : []))

  it('tells it as one item', async () => {
    const { id } = await daily()
    const all = await pullRound(mailbox, 'event')
    expect(new Set(seriesIn(all).map((one) => one.id as string))).toEqual(new Set([id]))
    expect(all.changes.every((change) => change.type === 'seen' && change.snapshot.id === id)).toBe(true)
  })

  it('tells an edited and a deleted occurrence as news of the series', async () => {
    const { id } = await daily()
    const all = await pullRound(mailbox, 'event')
    await cloud.outlook('PATCH', `/events/${(await instanceOn(id, 4)).id}`, { subject: 'With cake' })
    const edited = await pullRound(mailbox, 'event', all)
    expect(seriesIn(edited).at(-1)?.series?.exceptions).toMatchObject([{ start: at(4), fields: { subject: 'With cake' } }])
    await cloud.outlook('DELETE', `/events/${(await instanceOn(id, 8)).id}`)
    expect(seriesIn(await pullRound(mailbox, 'event', edited, none)).at(-1)?.series?.deleted).toEqual([at(8)])
  })

  it('tells a deleted occurrence of which the server names nothing but an id', async () => {
    const { id } = await daily()
    const all = await pullRound(mailbox, 'event')
    const { id: deleted } = await instanceOn(id, 8)
    await cloud.outlook('DELETE', `/events/${deleted}`)
    const alone = { value: [{ id: deleted, '@removed': { reason: 'deleted' } }], '@odata.deltaLink': `${cloud.sim.url}/v1.0${(JSON.parse(all.state) as { link: string }).link}` }
    cloud.sim.faults.add({ operation: switches.eventsDelta ? 'eventsDelta' : 'calendarViewDelta', times: 1, effect: { type: 'status', status: 200, body: JSON.stringify(alone) } })
    expect(seriesIn(await pullRound(mailbox, 'event', all)).map(({ series }) => series?.deleted)).toEqual([[at(8)]])
  })

  it('tells that it is gone', async () => {
    const { id } = await daily()
    const all = await pullRound(mailbox, 'event')
    await cloud.outlook('DELETE', `/events/${id}`)
    expect((await pullRound(mailbox, 'event', all)).changes.filter((change) => change.type !== 'gone')).toEqual([])
    expect(await mailbox.get('event', [itemId(id)])).toEqual([{ type: 'gone' }])
  })
})
