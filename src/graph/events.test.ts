import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GraphSimOptions } from '../../sim/graph/index.ts'
import { alice, bob, day, done, none, pullRound, startCloud, told } from '../../test/support/cloud.ts'
import type { Cloud, Pulled } from '../../test/support/cloud.ts'
import { changeKey, itemId, syncState, token } from '../model/index.ts'
import type { EventItem, Instant, PlainDate, Stamp } from '../model/index.ts'
import type { CreateRequest, Exchange } from '../ports.ts'
import type { GraphConnection } from './index.ts'

let cloud: Cloud
let connection: GraphConnection
let mailbox: Exchange

async function begin(options: GraphSimOptions = {}): Promise<void> {
  cloud = await startCloud(options)
  connection = cloud.connect({ pageSize: 3 })
  mailbox = connection.mailbox(alice)
}
beforeEach(() => begin())
afterEach(() => cloud.stop())

async function restart(options: GraphSimOptions): Promise<void> {
  await cloud.stop()
  await begin(options)
}

const outlook: Cloud['outlook'] = (...request) => cloud.outlook(...request)
const pull = (since: Pulled | null = null, known = none) => pullRound(mailbox, 'event', since, known)
const put = (subject: string, more: object = {}) => outlook('POST', '/calendar/events', {
  subject, start: { dateTime: `${day(3)}T09:00:00`, timeZone: 'UTC' }, end: { dateTime: `${day(3)}T10:00:00`, timeZone: 'UTC' }, ...more,
})
const mails = () => cloud.mails()

const stamp = (name: string): Stamp => ({ instance: 'crm-1', kind: 'event', record: itemId('18x7'), token: token(name) })
const meeting = (fields: Partial<EventItem['fields']> = {}): EventItem => ({
  kind: 'event',
  fields: {
    subject: 'Visit', body: 'Bring:\n  - the plan <v2> & notes\n\nhttps://example.test/a?b=1&c=2', place: 'Room 5',
    time: { allDay: false, start: `${day(5)}T09:00:00Z` as Instant, end: `${day(5)}T10:00:00Z` as Instant, zone: 'Europe/Berlin' },
    freeBusy: 'tentative', sensitivity: 'private', importance: 'high', categories: ['Blue', 'Red & Green'], reminder: 30, attendees: [], organizer: null, ...fields,
  },
})
const create = (request: Partial<CreateRequest> = {}): CreateRequest => ({ item: meeting(), token: token('pair-1'), ...request })

describe('writing events', () => {
  it('creates one that reads back as it was meant, with its stamp, and mails nobody', async () => {
    const snapshot = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    expect(snapshot.item).toEqual(meeting())
    expect(snapshot.stamp).toEqual(stamp('pair-1'))
    expect(await mailbox.get('event', [snapshot.id])).toEqual([{ type: 'seen', snapshot }])
    expect(mails()).toBe(0)
  })

  it('tells the UID that was asked for of an event it made itself, and everybody else\'s own', async () => {
    const asked = done((await mailbox.create([create({ stamp: stamp('pair-1'), uid: 'uid-of-the-crm' })]))[0])
    expect(await mailbox.get('event', [asked.id])).toMatchObject([{ snapshot: { uid: 'uid-of-the-crm' } }])
    expect(await mailbox.locate('event', token('other'), 'uid-of-the-crm')).toEqual({ where: 'nowhere' })
    expect(await mailbox.locate('event', token('pair-1'), 'uid-of-the-crm')).toMatchObject({ where: 'synced' })
    const unasked = done((await mailbox.create([create({ stamp: stamp('pair-2'), token: token('pair-2') })]))[0])
    expect(unasked.uid).toBeUndefined()
    const { id, iCalUId } = await put('made in Outlook')
    expect(await mailbox.get('event', [id])).toMatchObject([{ snapshot: { uid: iCalUId } }])
    // A copy made by hand carries the stamp along, but is another event.
    const copy = await put('pasted', { singleValueExtendedProperties: [{ id: 'String {1cdabb78-13f8-4dcc-9338-3e2367763215} Name VtenextSync', value: 'v1;crm-1;Events;18x7;pair-1' }] })
    expect(await mailbox.get('event', [copy.id])).toMatchObject([{ snapshot: { uid: copy.iCalUId, stamp: stamp('pair-1') } }])
  })

  it('keeps the days of an all-day event, over the night the clocks change', async () => {
    const time = { allDay: true, firstDay: '2027-03-27' as PlainDate, lastDay: '2027-03-28' as PlainDate } as const
    expect((done((await mailbox.create([create({ item: meeting({ time }) })]))[0]).item as EventItem).fields.time).toEqual(time)
  })

  it('answers in the order of the requests, also for more than a batch and for a bad one in between', async () => {
    const requests = Array.from({ length: 43 }, (_, at) => create({ item: meeting({ subject: `n${at}` }), token: token(`t${at}`) }))
    requests[4] = create({ item: meeting({ time: { allDay: true, firstDay: '2026-02-30' as PlainDate, lastDay: '2026-02-30' as PlainDate } }) })
    const outcomes = await mailbox.create(requests)
    expect(outcomes[4]).toMatchObject({ type: 'failed', error: { code: 'GRAPH_UNWRITABLE_ITEM', scope: 'item', outcomeUnknown: false } })
    expect(outcomes.map((outcome) => (outcome.type === 'done' ? (outcome.snapshot.item as EventItem).fields.subject : null)))
      .toEqual(requests.map((_, at) => (at === 4 ? null : `n${at}`)))
  })

  it('changes only what is named', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const after = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'Moved', place: '', reminder: null }, expect: before.changeKey }]))[0])
    expect(after.item).toEqual(meeting({ subject: 'Moved', place: '', reminder: null }))
    expect(after.changeKey).not.toBe(before.changeKey)
  })

  it('moves an event between timed and all-day', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const time = { allDay: true, firstDay: '2026-12-24' as PlainDate, lastDay: '2026-12-26' as PlainDate } as const
    const allDay = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { time }, expect: before.changeKey }]))[0])
    expect(allDay.item).toEqual(meeting({ time }))
    const again = done((await mailbox.update([{ id: before.id, kind: 'event', fields: { time: meeting().fields.time ?? time }, expect: allDay.changeKey }]))[0])
    expect((again.item as EventItem).fields.time).toMatchObject({ allDay: false, start: `${day(5)}T09:00:00Z` })
  })

  it('reports a version that somebody changed as stale and writes nothing, whether or not the server compares', async () => {
    for (const ifMatch of [true, false]) {
      await restart({ switches: { ifMatch } })
      const before = done((await mailbox.create([create()]))[0])
      await outlook('PATCH', `/events/${before.id}`, { subject: 'by hand' })
      expect(await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'ours' }, expect: before.changeKey }])).toEqual([{ type: 'stale' }])
      expect(await mailbox.remove([{ id: before.id, kind: 'event', expect: before.changeKey }])).toEqual([{ type: 'stale' }])
      expect((await outlook('GET', `/events/${before.id}`)).subject).toBe('by hand')
    }
  })

  it('reports an item that is no longer there, or never was an item of Microsoft 365, as gone', async () => {
    const before = done((await mailbox.create([create()]))[0])
    await outlook('DELETE', `/events/${before.id}`)
    expect(await mailbox.update([{ id: before.id, kind: 'event', fields: { subject: 'ours' }, expect: before.changeKey }])).toEqual([{ type: 'gone' }])
    expect(await mailbox.update([{ id: before.id, kind: 'event', fields: { reminder: 5 }, expect: before.changeKey }])).toEqual([{ type: 'gone' }])
    expect(await mailbox.remove([{ id: before.id, kind: 'event', expect: before.changeKey }])).toEqual([{ type: 'gone' }])
    expect(await mailbox.get('event', [before.id, itemId('AAMkAGItOnPremisesId=')])).toEqual([{ type: 'gone' }, { type: 'gone' }])
  })

  it('stamps without telling the fields, so that nothing looks edited', async () => {
    const before = done((await mailbox.create([create()]))[0])
    const after = done((await mailbox.update([{ id: before.id, kind: 'event', fields: {}, expect: before.changeKey, stamp: stamp('later') }]))[0])
    expect(after.item.fields).toEqual({})
    expect(await mailbox.get('event', [before.id])).toMatchObject([{ snapshot: { changeKey: after.changeKey, stamp: stamp('later'), item: meeting() } }])
  })

  it('removes without a word to anybody', async () => {
    const event = done((await mailbox.create([create()]))[0])
    expect(await mailbox.remove([{ id: event.id, kind: 'event', expect: event.changeKey }])).toEqual([{ type: 'removed' }])
    expect(await mailbox.get('event', [event.id])).toEqual([{ type: 'gone' }])
    expect(mails()).toBe(0)
  })
})

describe('the invitation firewall', () => {
  const attendees = [{ emailAddress: { address: 'bob@example.test', name: 'Bob' }, type: 'required' }]

  it('neither changes nor deletes what would mail the attendees, and says why', async () => {
    const { id } = await put('with guests', { attendees })
    const sent = mails()
    const [found] = await mailbox.get('event', [id])
    if (found?.type !== 'seen') throw new Error('not found')
    expect(found.snapshot.traits).toEqual({ hasAttendees: true })
    const expected = { type: 'failed', error: { code: 'GRAPH_WOULD_MAIL', scope: 'item', remedy: 'leave', outcomeUnknown: false } }
    const { changeKey: expect_ } = found.snapshot
    expect(await mailbox.update([{ id, kind: 'event', fields: { subject: 'x' }, expect: expect_ }])).toMatchObject([expected])
    expect(await mailbox.remove([{ id, kind: 'event', expect: expect_ }])).toMatchObject([expected])
    expect(mails()).toBe(sent)
    expect((await outlook('GET', `/events/${id}`)).subject).toBe('with guests')
  })

  it('lets through what is the owner\'s own: reminder, categories, our stamp', async () => {
    const { id } = await put('with guests', { attendees })
    const sent = mails()
    const [found] = await mailbox.get('event', [id])
    if (found?.type !== 'seen') throw new Error('not found')
    const after = done((await mailbox.update([{ id, kind: 'event', fields: { reminder: 5, categories: ['Blue'] }, expect: found.snapshot.changeKey }]))[0])
    done((await mailbox.update([{ id, kind: 'event', fields: {}, expect: after.changeKey, stamp: stamp('s') }]))[0])
    expect(mails()).toBe(sent)
  })

  it('knows the copy of somebody who was invited from the organizer\'s', async () => {
    await put('with guests', { attendees })
    const page = await connection.mailbox(bob).pull('event', null, none)
    expect(page).toMatchObject({ changes: [{ snapshot: { traits: { invited: true, hasAttendees: true } } }] })
  })
})

describe('a create whose answer is lost', () => {
  const query = () => ({ kind: 'event', token: token('pair-9'), item: meeting(), uid: null, since: cloud.clock.now() } as const)

  it('has an unknown outcome, and its item is found by its token', async () => {
    await mailbox.open()
    expect(await mailbox.findCreated(query())).toBeNull()
    cloud.sim.faults.add({ operation: 'createEvent', times: 1, effect: { type: 'drop-after' } })
    expect(await mailbox.create([create({ token: query().token, stamp: stamp('pair-9') })]))
      .toMatchObject([{ type: 'failed', error: { code: 'GRAPH_UNREACHABLE', scope: 'server', outcomeUnknown: true } }])
    expect(await mailbox.findCreated(query())).toMatchObject({ item: meeting(), stamp: stamp('pair-9') })
  })

  it('may have happened although the server gave up with 504', async () => {
    await mailbox.open()
    cloud.sim.faults.add({ operation: 'createEvent', times: 1, effect: { type: 'status-after', status: 504 } })
    expect(await mailbox.create([create({ token: query().token, stamp: stamp('pair-9') })]))
      .toMatchObject([{ type: 'failed', error: { code: 'GRAPH_TRANSIENT', scope: 'mailbox', outcomeUnknown: true } }])
    expect(await mailbox.findCreated(query())).not.toBeNull()
  })

  it.each(['same', 'error'] as const)('is harmless when it is sent again (a server that answers with: %s)', async (repeatedTransaction) => {
    await restart({ switches: { repeatedTransaction } })
    const first = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    expect(done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0]).id).toBe(first.id)
    expect((await outlook('GET', '/calendar/events')).value).toHaveLength(1)
  })
})

describe.each([['events/delta', true], ['calendarView/delta', false]])('following a calendar by %s', (_name, eventsDelta) => {
  beforeEach(() => restart({ switches: { eventsDelta, forcePageSize: 2, emptyPages: 1 } }))

  it('tells everything once, then only what changed', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await put(name)
    const all = await pull()
    expect(told(all)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(all.pages).toBeGreaterThan(2)
    expect(told(await pull(all))).toEqual([])
    const { id } = (await outlook('GET', "/calendar/events?$filter=subject eq 'c'")).value[0]
    await outlook('PATCH', `/events/${id}`, { subject: 'c2' })
    const changed = await pull(all)
    expect(told(changed)).toEqual(['c2'])
    expect(told(await pull(changed))).toEqual([])
  })

  it('does not tell our own writes again when their version is known', async () => {
    const own = done((await mailbox.create([create()]))[0])
    expect(told(await pull(null, () => Promise.resolve(new Map([[own.id, own.changeKey]]))))).toEqual([])
    expect(told(await pull(null, () => Promise.resolve(new Map([[own.id, changeKey('older')]]))))).toEqual(['Visit'])
  })

  it('tells a deletion', async () => {
    const { id } = await put('a')
    const all = await pull()
    await outlook('DELETE', `/events/${id}`)
    expect((await pull(all)).changes).toEqual([{ type: 'gone', id }])
  })

  it('asks for everything again when the server has forgotten where we were', async () => {
    await put('a')
    const { state } = await pull()
    for (const [status, code] of [[410, 'SyncStateNotFound'], [410, 'Gone'], [400, 'syncStateInvalid'], [404, 'resyncRequired'], [400, 'ErrorInvalidParameter']] as const) {
      cloud.sim.faults.add({ operation: eventsDelta ? 'eventsDelta' : 'calendarViewDelta', times: 1, effect: { type: 'error', code, message: 'Badly formed token.', status } })
      expect(await mailbox.pull('event', state, none)).toEqual({ type: 'resync-required' })
    }
    expect(told(await pull())).toEqual(['a'])
  })

  it('tells an event that was moved to another calendar as gone, although its id still reads', async () => {
    const { id } = await put('a')
    const all = await pull()
    const other = await outlook('POST', '/calendars', { name: 'Private' })
    cloud.sim.moveItem(alice.address, id, other.name)
    expect((await outlook('GET', `/events/${id}`)).subject).toBe('a')
    expect((await pull(all)).changes).toEqual([{ type: 'gone', id }])
    expect(await mailbox.get('event', [id])).toEqual([{ type: 'gone' }])
  })

  it('does not take an event for moved away whose calendar only has another spelling of its id', async () => {
    const { id } = await put('a')
    await mailbox.open()
    const calendar = (body: object) => cloud.sim.faults.add({ operation: 'getEventCalendar', times: 1, effect: { type: 'status', status: 200, body: JSON.stringify(body) } })
    for (const body of [{ id: 'AQMkOther', isDefaultCalendar: true }, { id: 'AQMkOther' }]) {
      calendar(body)
      expect(await mailbox.get('event', [id])).toMatchObject([{ type: 'seen' }])
    }
    calendar({ id: 'AQMkOther', isDefaultCalendar: false })
    expect(await mailbox.get('event', [id])).toEqual([{ type: 'gone' }])
    cloud.sim.faults.add({ operation: 'listCalendars', times: 1, effect: { type: 'status', status: 200, body: JSON.stringify({ value: [{ id: 'AQMkOther', isDefaultCalendar: true }] }) } })
    expect(await mailbox.locate('event', token('never'), null)).toEqual({ where: 'nowhere' })
  })

  it('is not given up for a server that is busy for a moment', async () => {
    await put('a')
    cloud.sim.faults.add({ operation: eventsDelta ? 'eventsDelta' : 'calendarViewDelta', times: 1, effect: { type: 'status', status: 500 } })
    await expect(pull()).rejects.toMatchObject({ code: 'GRAPH_TRANSIENT' })
    const all = await pull()
    expect(told(all)).toEqual(['a'])
    expect(all.state.includes('calendarView')).toBe(!eventsDelta)
  })

  it('asks for everything again when the sync state is another protocol\'s or another way of access', async () => {
    expect(await mailbox.pull('event', syncState('H4sIAAAAAAAEAO29'), none)).toEqual({ type: 'resync-required' })
    const { state } = await pull()
    expect(await mailbox.pull('event', syncState(state.replace('/users/alice%40example.test', '/me')), none)).toEqual({ type: 'resync-required' })
  })
})

describe('the window of a calendar view', () => {
  beforeEach(() => restart({ switches: { eventsDelta: false } }))
  const at = (days: number) => ({ start: { dateTime: `${day(days)}T09:00:00`, timeZone: 'UTC' }, end: { dateTime: `${day(days)}T10:00:00`, timeZone: 'UTC' } })
  const windowOf = ({ state }: Pulled) => { const { from, to } = JSON.parse(state) as { from: string; to: string }; return [from.slice(0, 10), to.slice(0, 10)] }
  const DAY_MS = 86_400_000

  it('reaches well beyond the days that are kept in step', async () => {
    expect(windowOf(await pull())).toEqual([day(-61), day(427)])
  })

  it('does not take an event moved out of it for deleted', async () => {
    const { id } = await put('a')
    const all = await pull()
    await outlook('PATCH', `/events/${id}`, at(800))
    const moved = await pull(all)
    expect(moved.changes.filter(({ type }) => type === 'gone')).toEqual([])
    expect(moved.changes).toMatchObject([{ type: 'seen', snapshot: { id } }])
  })

  it('moves with the calendar, tells what comes in and never reports what is left behind as gone', async () => {
    await put('soon')
    await put('old', at(-50))
    await put('far', at(450))
    let now = await pull()
    expect(told(now)).toEqual(['old', 'soon'])
    cloud.sim.clock.advance(20 * DAY_MS)
    now = await pull(now)
    expect(windowOf(now)).toEqual([day(-61), day(427)])
    cloud.sim.clock.advance(15 * DAY_MS)
    now = await pull(now)
    expect(windowOf(now)).toEqual([day(-61 + 35), day(427 + 35)])
    expect(told(now)).toEqual(['far', 'soon'])
    expect(told(await pull(now))).toEqual([])
  })

  it('loses no deletion between the end of the old window and the beginning of the new one', async () => {
    const { id } = await put('doomed')
    const before = await pull()
    cloud.sim.clock.advance(35 * DAY_MS)
    const old = await mailbox.pull('event', before.state, none)
    if (old.type !== 'page') throw new Error(old.type)
    expect(old.more).toBe(true)
    await outlook('DELETE', `/events/${id}`)
    const rest = await pull({ changes: [], state: old.next, pages: 0 })
    expect(rest.changes).toEqual([{ type: 'gone', id }])
    expect((await pull(rest)).changes).toEqual([])
  })

  it('loses no deletion after the new window was read', async () => {
    const { id } = await put('doomed')
    const before = await pull()
    cloud.sim.clock.advance(35 * DAY_MS)
    const old = await mailbox.pull('event', before.state, none)
    if (old.type !== 'page') throw new Error(old.type)
    const fresh = await mailbox.pull('event', old.next, none)
    if (fresh.type !== 'page') throw new Error(fresh.type)
    await outlook('DELETE', `/events/${id}`)
    const rest = await pull({ changes: [], state: fresh.next, pages: 0 })
    expect(new Set(told(rest))).toEqual(new Set([`gone ${id}`]))
    expect((await pull(rest)).changes).toEqual([])
  })
})

describe('a 404 that does not speak of the item', () => {
  it.each([
    ['the mailbox cannot be found', '{"error":{"code":"ResourceNotFound","message":"Resource could not be discovered."}}', 'GRAPH_NO_MAILBOX'],
    ['a proxy answers', '<html>Not found</html>', 'GRAPH_NOT_GRAPH'],
  ])('(%s) makes no event look deleted', async (_what, body, code) => {
    const own = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    const all = await pull()
    const deleted = await put('deleted')
    const told = await pull(all)
    await outlook('DELETE', `/events/${deleted.id}`)
    const strike = (operation?: string) => {
      cloud.sim.faults.clear()
      cloud.sim.faults.add({ ...(operation === undefined ? {} : { operation }), effect: { type: 'status', status: 404, body } })
    }
    strike()
    expect(await mailbox.get('event', [own.id])).toMatchObject([{ type: 'failed', error: { code, scope: 'mailbox' } }])
    expect(await mailbox.update([{ id: own.id, kind: 'event', fields: { subject: 'ours' }, expect: own.changeKey }])).toMatchObject([{ type: 'failed', error: { code } }])
    expect(await mailbox.remove([{ id: own.id, kind: 'event', expect: own.changeKey }])).toMatchObject([{ type: 'failed', error: { code } }])
    await expect(mailbox.pull('event', told.state, none)).rejects.toMatchObject({ code })
    // The feed's own word is not confirmed by such an answer either.
    strike('getEvent')
    await expect(mailbox.pull('event', told.state, none)).rejects.toMatchObject({ code })
    cloud.sim.faults.clear()
    expect((await pull(told)).changes).toEqual([{ type: 'gone', id: deleted.id }])
  })
})

describe('a vanished event', () => {
  it('is found by its stamp where it is kept in step, and elsewhere in another calendar', async () => {
    const own = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    expect(await mailbox.locate('event', token('pair-1'), null)).toMatchObject({ where: 'synced', snapshot: { id: own.id } })
    expect(await mailbox.locate('event', token('nobody'), 'nobody')).toEqual({ where: 'nowhere' })
    const other = await outlook('POST', '/calendars', { name: 'Private' })
    await outlook('POST', `/calendars/${other.id}/events`, {
      subject: 'x', start: { dateTime: `${day(3)}T09:00:00`, timeZone: 'UTC' }, end: { dateTime: `${day(3)}T10:00:00`, timeZone: 'UTC' },
      singleValueExtendedProperties: [{ id: 'String {1cdabb78-13f8-4dcc-9338-3e2367763215} Name VtenextSync', value: 'v1;crm-1;Events;18x7;away' }],
    })
    expect(await mailbox.locate('event', token('away'), null)).toEqual({ where: 'elsewhere' })
  })

  it('is the older one of two that carry its stamp, in whatever order they are listed', async () => {
    const own = done((await mailbox.create([create({ stamp: stamp('pair-1') })]))[0])
    const expanded = "?$expand=singleValueExtendedProperties($filter=id eq 'String {1cdabb78-13f8-4dcc-9338-3e2367763215} Name VtenextSync')"
    const older = await outlook('GET', `/events/${own.id}${expanded}`)
    const { id } = await put('pasted', { singleValueExtendedProperties: older.singleValueExtendedProperties })
    const younger = { ...await outlook('GET', `/events/${id}${expanded}`), createdDateTime: '2099-01-01T00:00:00Z' }
    for (const value of [[older, younger], [younger, older]]) {
      cloud.sim.faults.add({ operation: 'listEvents', times: 1, effect: { type: 'status', status: 200, body: JSON.stringify({ value }) } })
      expect(await mailbox.locate('event', token('pair-1'), null)).toMatchObject({ where: 'synced', snapshot: { id: own.id } })
    }
  })

  it('is found by its UID, unless it carries another pair\'s stamp', async () => {
    const { id, iCalUId } = await put('made in Outlook')
    expect(await mailbox.locate('event', token('pair-2'), iCalUId)).toMatchObject({ where: 'synced', snapshot: { id } })
    const [found] = await mailbox.get('event', [id])
    if (found?.type !== 'seen') throw new Error('not found')
    await mailbox.update([{ id, kind: 'event', fields: {}, expect: found.snapshot.changeKey, stamp: stamp('pair-3') }])
    expect(await mailbox.locate('event', token('pair-2'), iCalUId)).toEqual({ where: 'nowhere' })
  })
})
