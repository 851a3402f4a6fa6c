import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EwsSim } from '../../sim/ews/index.ts'
import { done, onlyItem, pullAll, startOffice } from '../../test/support/ews.ts'
import type { TestOffice } from '../../test/support/ews.ts'
import { token } from '../model/index.ts'
import type { EventFields, EventTime, Fields, Instant, OccurrenceStart, PlainDate, RecurrencePattern, Series, Snapshot } from '../model/index.ts'
import type { Exchange, UpdateRequest } from '../ports.ts'
import { occurrenceByIndex } from '../recurrence/index.ts'
import { parseXml } from '../lib/xml.ts'
import { readItem } from './operations/ids.ts'
import type { Session } from './session.ts'
import { removeOccurrence } from './write-occurrence.ts'

const ALICE = 'alice@example.test'
const at = (text: string) => text as Instant
const day = (text: string) => text as PlainDate
const timed = (start: string, end: string, zone = 'Europe/Berlin'): EventTime => ({ allDay: false, start: at(start), end: at(end), zone })
const weekly: Series = {
  recurrence: {
    pattern: { type: 'weekly', interval: 1, days: ['tuesday'], firstDay: 'monday' },
    range: { type: 'count', first: day('2026-10-06'), count: 6 },
  },
  time: timed('2026-10-06T07:00:00Z', '2026-10-06T08:00:00Z'), exceptions: [], deleted: [],
}
/** The clocks change on 2026-10-25. */
const STARTS = ['2026-10-06T07:00:00Z', '2026-10-13T07:00:00Z', '2026-10-20T07:00:00Z', '2026-10-27T08:00:00Z', '2026-11-03T08:00:00Z', '2026-11-10T08:00:00Z']
const ref = (index: number) => ({ index, start: at(STARTS[index - 1] ?? '') })
const content: Partial<EventFields> = { subject: 'Visit', body: 'as usual', place: 'Room 5', time: weekly.time }

let office: TestOffice
let sim: EwsSim
let mailbox: Exchange

beforeEach(async () => {
  office = await startOffice()
  sim = office.sim
  mailbox = office.mailbox('alice')
})
afterEach(() => office.stop())

const create = async (series: Series = weekly, fields: Partial<EventFields> = content): Promise<Snapshot> =>
  done((await mailbox.create([{ item: { kind: 'event', fields }, token: token('t'), series, uid: 'uid-1' }]))[0])
const change = (master: Snapshot, index: number, fields: Fields, more: Partial<UpdateRequest> = {}): UpdateRequest =>
  ({ id: master.id, kind: 'event', fields, expect: master.changeKey, occurrence: ref(index), ...more })
const occurrenceIn = (start: string, days = 1) => {
  const [master] = sim.items(ALICE, 'calendar')
  const to = new Date(Date.parse(start) + days * 86_400_000).toISOString()
  return sim.occurrences(ALICE, master?.id ?? '', start, to)[0]
}

describe('a series made here', () => {
  it('reads back as it was meant, in the zone it keeps its hour in', async () => {
    const master = await create()
    expect(master).toMatchObject({ uid: 'uid-1', series: weekly, item: { fields: { subject: 'Visit', body: 'as usual' } } })
    expect(master).not.toHaveProperty('unsupported')
    expect(sim.occurrences(ALICE, master.id, '2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z').map(({ fields }) => fields['Start']))
      .toEqual(STARTS)
    expect(await mailbox.get('event', [master.id])).toEqual([{ type: 'seen', snapshot: master }])
    expect(sim.outbox).toEqual([])
  })

  it('of whole days keeps its days', async () => {
    const time: EventTime = { allDay: true, firstDay: day('2026-10-24'), lastDay: day('2026-10-25') }
    const series: Series = { ...weekly, recurrence: { pattern: { type: 'daily', interval: 7 }, range: { type: 'endless', first: day('2026-10-24') } }, time }
    const master = await create(series, { subject: 'Fair', time })
    expect(master).toMatchObject({ series, item: { fields: { time } } })
    const moved = done((await mailbox.update([{
      ...change(master, 2, { time: { allDay: true, firstDay: day('2026-11-01'), lastDay: day('2026-11-01') } }), occurrence: { index: 2, start: day('2026-10-31') },
    }]))[0])
    expect(moved.series?.exceptions).toMatchObject([{ start: '2026-10-31', fields: { time: { allDay: true, firstDay: '2026-11-01', lastDay: '2026-11-01' } } }])
    expect(await mailbox.remove([{ ...change(moved, 3, {}), occurrence: { index: 3, start: day('2026-11-07') } }])).toEqual([{ type: 'removed' }])
    expect((await onlyItem(mailbox)).series?.deleted).toEqual(['2026-11-07'])
  })

  it('whatever its rhythm, each of its occurrences is found by its number', async () => {
    const pattern: fc.Arbitrary<RecurrencePattern> = fc.constantFrom<RecurrencePattern>(
      { type: 'daily', interval: 3 }, { type: 'weekly', interval: 2, days: ['monday', 'thursday'], firstDay: 'sunday' },
      { type: 'absoluteMonthly', interval: 1, day: 31 }, { type: 'relativeMonthly', interval: 2, day: 'weekday', index: 'last' },
      { type: 'absoluteYearly', interval: 1, month: 2, day: 29 }, { type: 'absoluteYearly', interval: 2, month: 3, day: 29 },
      { type: 'relativeYearly', interval: 1, month: 3, day: 'sunday', index: 'last' },
    )
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kolkata')
    await fc.assert(fc.asyncProperty(pattern, zone, fc.integer({ min: 1, max: 12 }), fc.boolean(), async (some, own, index, remove) => {
      const time: EventTime = timed('2026-01-05T02:30:00Z', '2026-01-05T03:30:00Z', own)
      const series: Series = { ...weekly, time, recurrence: { pattern: some, range: { type: 'count', first: day('2026-01-04'), count: 12 } } }
      const master = await create(series, { subject: 'x', time })
      if (master.series === undefined) throw new Error('no series')
      const occurrence = occurrenceByIndex(master.series, index)
      if (occurrence === null) throw new Error('no occurrence')
      const request = { ...change(master, 1, { subject: 'y' }), occurrence }
      if (remove) expect(await mailbox.remove([request])).toEqual([{ type: 'removed' }])
      else expect(done((await mailbox.update([request]))[0]).series?.exceptions).toMatchObject([{ start: occurrence.start, fields: { subject: 'y', time: occurrence.time } }])
    }), { numRuns: 25 })
  })
})

describe('a series made in Outlook', () => {
  it('tells its edited and deleted occurrences, the edited ones in full', async () => {
    await create()
    sim.editItem(ALICE, occurrenceIn('2026-10-27T00:00:00Z')?.id ?? '', { Subject: 'Elsewhere', Start: '2026-10-27T14:00:00Z', End: '2026-10-27T15:00:00Z' })
    sim.deleteItem(ALICE, occurrenceIn('2026-11-03T00:00:00Z')?.id ?? '')
    const { series } = await onlyItem(mailbox)
    expect(series).toMatchObject({ ...weekly, deleted: [STARTS[4]], exceptions: [{
      start: STARTS[3],
      fields: { subject: 'Elsewhere', place: 'Room 5', body: 'as usual', time: { start: '2026-10-27T14:00:00Z', end: '2026-10-27T15:00:00Z' }, attendees: [] },
    }] })
    expect(series?.exceptions[0]?.modifiedAt).toBeDefined()
  })

  it('is read only when its change key is new, with the exceptions of all series together', async () => {
    const masters = await Promise.all(['a', 'b', 'c'].map((uid) => create(weekly, { ...content, subject: uid })))
    for (const { id } of masters) {
      const [second] = sim.occurrences(ALICE, id, '2026-10-13T00:00:00Z', '2026-10-14T00:00:00Z')
      sim.editItem(ALICE, second?.id ?? '', { Subject: 'moved' })
    }
    // One call for the masters, one for all their exceptions.
    sim.faults.add({ operation: 'GetItem', skip: 2, effect: { type: 'status', status: 500 } })
    const changes = await pullAll(mailbox, 'event')
    expect(changes.map((one) => one.type === 'seen' && one.snapshot.series?.exceptions.length)).toEqual([1, 1, 1])
    const known = new Map(changes.flatMap((one) => (one.type === 'seen' ? [[one.snapshot.id, one.snapshot.changeKey] as const] : [])))
    expect(await pullAll(mailbox, 'event', known)).toEqual([])
  })

  it('that is asked for by one of its occurrences is told as a whole', async () => {
    const master = await create()
    const id = occurrenceIn('2026-10-13T00:00:00Z')?.id ?? ''
    expect(await mailbox.get('event', [id as Snapshot['id']])).toEqual([{ type: 'seen', snapshot: master }])
  })

  it('is found by its UID and by its stamp, with its rule', async () => {
    const stamp = { instance: 'crm', kind: 'event', record: 'x' as Snapshot['id'], token: token('pair') } as const
    const master = done((await mailbox.create([{ item: { kind: 'event', fields: content }, token: stamp.token, stamp, series: weekly, uid: 'uid-7' }]))[0])
    expect(await mailbox.locate('event', token('other'), 'uid-7')).toEqual({ where: 'nowhere' })
    expect(await mailbox.locate('event', stamp.token, null)).toEqual({ where: 'synced', snapshot: master })
    const query = { kind: 'event', token: stamp.token, item: { kind: 'event', fields: content }, uid: 'uid-7', since: at('2026-01-01T00:00:00Z') } as const
    expect(await mailbox.findCreated(query)).toMatchObject({ series: weekly })
  })
})

describe('one occurrence', () => {
  it('is changed alone, and the answer is the whole master', async () => {
    const master = await create()
    const time = timed('2026-10-27T10:00:00Z', '2026-10-27T11:00:00Z')
    const now = done((await mailbox.update([change(master, 4, { subject: 'moved', time })]))[0])
    expect(now).toMatchObject({ id: master.id, item: { fields: { subject: 'Visit', time: weekly.time } }, series: {
      ...weekly, exceptions: [{ start: STARTS[3], fields: { subject: 'moved', place: 'Room 5', time } }],
    } })
    expect(now.changeKey).not.toBe(master.changeKey)
    // And once more, by the same number, although it begins at another time now.
    const again = done((await mailbox.update([change(now, 4, { place: '' })]))[0])
    expect(again.series?.exceptions).toMatchObject([{ start: STARTS[3], fields: { subject: 'moved', place: '', time } }])
    expect(sim.outbox).toEqual([])
  })

  it('keeps the zone of its series where the CRM names none', async () => {
    const master = await create({ ...weekly, time: timed(STARTS[0] ?? '', '2026-10-06T08:00:00Z', 'America/New_York') })
    const time: EventTime = { allDay: false, start: at('2026-10-13T09:00:00Z'), end: at('2026-10-13T10:00:00Z') }
    const now = done((await mailbox.update([change(master, 2, { time })]))[0])
    expect(now.series?.exceptions[0]?.fields.time).toEqual({ ...time, zone: 'America/New_York' })
  })

  it('and several of one master are written one after the other, against one version', async () => {
    const master = await create()
    const outcomes = await mailbox.update([change(master, 2, { subject: 'two' }), change(master, 3, { subject: 'three' }), change(master, 4, { subject: 'four' })])
    expect(outcomes.map(({ type }) => type)).toEqual(['done', 'done', 'done'])
    expect(done(outcomes[2]).series?.exceptions.map(({ fields }) => fields.subject)).toEqual(['two', 'three', 'four'])
  })

  it('of a master that somebody changed is stale, and nothing is written', async () => {
    const master = await create()
    sim.editItem(ALICE, master.id, { Location: 'by hand' })
    expect(await mailbox.update([change(master, 2, { subject: 'two' })])).toEqual([{ type: 'stale' }])
    expect(await mailbox.remove([change(master, 2, {})])).toEqual([{ type: 'stale' }])
    expect((await onlyItem(mailbox)).series).toMatchObject({ exceptions: [], deleted: [] })
  })

  it('is deleted alone, and was gone afterwards', async () => {
    const master = await create()
    expect(await mailbox.remove([change(master, 4, {})])).toEqual([{ type: 'removed' }])
    const now = await onlyItem(mailbox)
    expect(now.series).toMatchObject({ deleted: [STARTS[3]], exceptions: [] })
    expect(await mailbox.remove([change(now, 4, {})])).toEqual([{ type: 'gone' }])
    expect(await mailbox.update([change(now, 4, { subject: 'x' })])).toEqual([{ type: 'gone' }])
    // Deleted ones still count: the fifth is the fifth.
    expect(done((await mailbox.update([change(now, 5, { subject: 'five' })]))[0]).series?.exceptions).toMatchObject([{ start: STARTS[4] }])
    expect(sim.outbox).toEqual([])
  })

  it('whose number means another day is not touched', async () => {
    const master = await create()
    const wrong = { index: 3, start: at(STARTS[1] ?? '') as OccurrenceStart }
    const refused = [{ type: 'failed', error: { code: 'EWS_OCCURRENCE', scope: 'item', message: expect.stringContaining('2026-10-20T07:00:00Z') as string } }]
    expect(await mailbox.update([{ ...change(master, 2, { subject: 'x' }), occurrence: wrong }])).toMatchObject(refused)
    expect(await mailbox.remove([{ ...change(master, 2, {}), occurrence: wrong }])).toMatchObject(refused)
    expect((await onlyItem(mailbox)).series).toMatchObject({ exceptions: [], deleted: [] })
  })

  it('that the server only says it deleted is told as a failure', async () => {
    const inner = (id: string, more: string) => readItem(parseXml(`<CalendarItem><ItemId Id="${id}" ChangeKey="K"/>${more}</CalendarItem>`))
    const times = `<Start>${STARTS[0] ?? ''}</Start><End>2026-10-06T08:00:00Z</End>`
    const master = inner('AA', `${times}<CalendarItemType>RecurringMaster</CalendarItemType><Recurrence><DailyRecurrence><Interval>7</Interval></DailyRecurrence>`
      + '<NoEndRecurrence><StartDate>2026-10-06</StartDate></NoEndRecurrence></Recurrence>')
    const session = {
      mailbox: { address: ALICE, zone: 'Europe/Rome' },
      read: (_kind: string, ids: readonly string[]) => Promise.resolve(ids.map(() => ({ ok: true, value: master }))),
      readRefs: () => Promise.resolve([{ ok: true, value: inner('OO', `${times}<CalendarItemType>Occurrence</CalendarItemType>`) }]),
      batch: () => Promise.resolve([{ ok: true, value: true }]),
    } as unknown as Session
    const request = { id: 'AA' as Snapshot['id'], kind: 'event', expect: 'K' as Snapshot['changeKey'] } as const
    expect(await removeOccurrence(session, request, ref(1), new Map())).toMatchObject({ type: 'failed', error: { code: 'EWS_OCCURRENCE', message: expect.stringContaining('still there') as string } })
  })

  it('may have been written when the answer is lost', async () => {
    const master = await create()
    sim.faults.add({ operation: 'UpdateItem', times: 1, effect: { type: 'drop-after' } })
    expect(await mailbox.update([change(master, 2, { subject: 'two' })])).toMatchObject([{ type: 'failed', error: { outcomeUnknown: true } }])
    expect((await onlyItem(mailbox)).series?.exceptions).toHaveLength(1)
  })
})

describe('a whole series', () => {
  const update = (master: Snapshot, fields: Fields) => mailbox.update([{ id: master.id, kind: 'event', fields, expect: master.changeKey }])

  it('keeps its exceptions when its words change, or its time is written as it was', async () => {
    const master = done((await mailbox.update([change(await create(), 2, { subject: 'two' })]))[0])
    const { zone: _, ...bare } = weekly.time as EventTime & { zone: string }
    const now = done((await update(master, { subject: 'all', place: 'Room 6', time: bare }))[0])
    expect(now).toMatchObject({ item: { fields: { subject: 'all', place: 'Room 6' } }, series: { ...weekly, exceptions: [{ start: STARTS[1], fields: { subject: 'two' } }] } })
  })

  it('moves to another hour in its own zone', async () => {
    const master = await create()
    const now = done((await update(master, { time: { allDay: false, start: at('2026-10-06T09:00:00Z'), end: at('2026-10-06T10:00:00Z') } }))[0])
    expect(now.series?.time).toEqual(timed('2026-10-06T09:00:00Z', '2026-10-06T10:00:00Z'))
    expect(occurrenceIn('2026-11-10T00:00:00Z')?.fields['Start']).toBe('2026-11-10T10:00:00Z')
  })

  it('moves to another day of the week', async () => {
    const now = done((await update(await create(), { time: timed('2026-10-08T07:00:00Z', '2026-10-08T08:00:00Z') }))[0])
    expect(now.series).toMatchObject({ time: { start: '2026-10-08T07:00:00Z' }, recurrence: { pattern: { days: ['thursday'] }, range: { type: 'count', first: '2026-10-08', count: 6 } } })
  })

  it('goes to Deleted Items as one', async () => {
    const master = await create()
    expect(await mailbox.remove([{ id: master.id, kind: 'event', expect: master.changeKey }])).toEqual([{ type: 'removed' }])
    expect(await pullAll(mailbox, 'event')).toEqual([])
  })
})
