import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, BOB, eventBody, IMMUTABLE, STAMP, users } from './test-client.ts'

let sim: GraphSim
const EVENTS = users(ALICE, 'events')
const STAMPED = { singleValueExtendedProperties: [{ id: STAMP, value: 'v1;crm;Events;18x7;pair-1' }] }

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const create = async (body: Record<string, unknown>, headers: Record<string, string> = IMMUTABLE) => ask(sim, 'POST', EVENTS, body, { headers })
const made = async (subject: string, at = '2026-12-01T09:00:00', more: Record<string, unknown> = {}) => (await create(eventBody(subject, at, more))).body

describe('the calendar of an event', () => {
  it('is the one it lies in', async () => {
    const { id } = await made('A')
    const calendar = async () => (await ask(sim, 'GET', users(ALICE, `events/${id}/calendar?$select=id,name,isDefaultCalendar`), undefined, { headers: IMMUTABLE })).body
    expect(await calendar()).toMatchObject({ name: 'Calendar', isDefaultCalendar: true })
    const other = (await ask(sim, 'POST', users(ALICE, 'calendars'), { name: 'Private' })).body
    sim.moveItem(ALICE, id, 'Private')
    expect(await calendar()).toMatchObject({ id: other.id, name: 'Private', isDefaultCalendar: false })
  })
})

describe('one event', () => {
  it('is made with the defaults Outlook gives', async () => {
    const { status, body, headers } = await create(eventBody('Visit', '2026-12-01T09:00:00'))
    expect(status).toBe(201)
    expect(headers.get('etag')).toBe(body['@odata.etag'])
    expect(body).toMatchObject({
      subject: 'Visit', type: 'singleInstance', showAs: 'busy', sensitivity: 'normal', importance: 'normal', isAllDay: false,
      isReminderOn: true, reminderMinutesBeforeStart: 15, isOrganizer: true, organizer: { emailAddress: { address: ALICE } },
      start: { dateTime: '2026-12-01T08:00:00.0000000', timeZone: 'UTC' }, originalStartTimeZone: 'W. Europe Standard Time',
      responseStatus: { response: 'organizer' }, attendees: [], recurrence: null,
    })
    expect(body).not.toHaveProperty('singleValueExtendedProperties')
    expect(sim.writes).toEqual({ created: 1, updated: 0, deleted: 0 })
  })

  it('is read in the zone the client prefers, Windows or IANA', async () => {
    const { id } = await made('Visit')
    for (const zone of ['Europe/Rome', 'W. Europe Standard Time']) {
      const { body } = await ask(sim, 'GET', `${EVENTS}/${id}`, undefined, { headers: { prefer: `outlook.timezone="${zone}"` } })
      expect(body.start).toEqual({ dateTime: '2026-12-01T09:00:00.0000000', timeZone: zone })
    }
    const wrong = await ask(sim, 'GET', `${EVENTS}/${id}`, undefined, { headers: { prefer: 'outlook.timezone="Middle-earth"' } })
    expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'TimeZoneNotSupportedException' } } })
  })

  it('has its body as HTML or as text', async () => {
    const { id } = await made('Visit', undefined, { body: { contentType: 'text', content: 'a < b\nc' } })
    const read = async (prefer: string) => (await ask(sim, 'GET', `${EVENTS}/${id}`, undefined, { headers: { prefer } })).body.body
    expect(await read('outlook.body-content-type="text"')).toEqual({ contentType: 'text', content: 'a < b\nc' })
    expect((await read('')).content).toContain('a &lt; b<br>\r\nc')
    await ask(sim, 'PATCH', `${EVENTS}/${id}`, { body: { contentType: 'html', content: '<p>one</p><p>two &amp; three</p>' } })
    expect(await read('outlook.body-content-type="text"')).toEqual({ contentType: 'text', content: 'one\r\ntwo & three' })
  })

  it('changes only what a PATCH names, and its change key every time', async () => {
    const first = await made('Visit', undefined, { location: { displayName: 'Room 2' } })
    const { body } = await ask(sim, 'PATCH', `${EVENTS}/${first.id}`, { subject: 'Longer visit' }, { headers: IMMUTABLE })
    expect(body).toMatchObject({ id: first.id, subject: 'Longer visit', start: first.start, location: { displayName: 'Room 2' } })
    expect(body.changeKey).not.toBe(first.changeKey)
  })

  it('is changed and deleted only as the version the client knows', async () => {
    const { id, '@odata.etag': old } = await made('Visit')
    const match = (etag: string) => ({ headers: { 'if-match': etag } })
    const { body } = await ask(sim, 'PATCH', `${EVENTS}/${id}`, { subject: 'A' }, match(old))
    const stale = await ask(sim, 'PATCH', `${EVENTS}/${id}`, { subject: 'B' }, match(old))
    expect(stale).toMatchObject({ status: 412, body: { error: { code: 'ErrorIrresolvableConflict' } } })
    expect((await ask(sim, 'DELETE', `${EVENTS}/${id}`, undefined, match(old))).status).toBe(412)
    sim.setSwitches({ ifMatch: false })
    expect((await ask(sim, 'PATCH', `${EVENTS}/${id}`, { subject: 'C' }, match(old))).status).toBe(200)
    sim.setSwitches({ ifMatch: true })
    expect((await ask(sim, 'DELETE', `${EVENTS}/${id}`, undefined, match(body['@odata.etag']))).status).toBe(412)
    expect((await ask(sim, 'DELETE', `${EVENTS}/${id}`, undefined, match('*'))).status).toBe(204)
    expect((await ask(sim, 'GET', `${EVENTS}/${id}`)).body.error.code).toBe('ErrorItemNotFound')
  })

  it('that lasts whole days floats: the same dates in every zone', async () => {
    const day = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Rome' })
    const { id } = (await create({ subject: 'Fair', isAllDay: true, start: day('2026-12-05T00:00:00'), end: day('2026-12-07T00:00:00') })).body
    for (const zone of ['UTC', 'Pacific/Auckland']) {
      const { body } = await ask(sim, 'GET', `${EVENTS}/${id}`, undefined, { headers: { prefer: `outlook.timezone="${zone}"` } })
      expect([body.start.dateTime, body.end.dateTime]).toEqual(['2026-12-05T00:00:00.0000000', '2026-12-07T00:00:00.0000000'])
    }
    const timed = await ask(sim, 'PATCH', `${EVENTS}/${id}`, { isAllDay: false, start: day('2026-12-05T09:00:00'), end: day('2026-12-05T10:00:00') })
    expect(timed.body.start.dateTime).toBe('2026-12-05T08:00:00.0000000')
  })

  it.each([
    ['an end before the start', { end: { dateTime: '2026-12-01T08:00:00', timeZone: 'Europe/Rome' } }, 'ErrorPropertyValidationFailure'],
    ['a whole day that begins at nine', { isAllDay: true }, 'ErrorPropertyValidationFailure'],
    ['an unknown property', { colour: 'red' }, 'RequestBodyRead'],
    ['an unknown value', { showAs: 'away' }, 'RequestBodyRead'],
    ['an unknown zone', { start: { dateTime: '2026-12-01T09:00:00', timeZone: 'Rome' } }, 'TimeZoneNotSupportedException'],
    ['a date that is none', { start: { dateTime: 'tomorrow', timeZone: 'UTC' } }, 'RequestBodyRead'],
    ['a long subject', { subject: 'x'.repeat(256) }, 'ErrorPropertyValidationFailure'],
    ['an attendee without an address', { attendees: [{ emailAddress: { name: 'Bob' } }] }, 'ErrorInvalidRecipients'],
  ])('is refused with %s', async (_, wrong, code) => {
    const answer = await create({ ...eventBody('Visit', '2026-12-01T09:00:00'), ...wrong })
    expect(answer).toMatchObject({ status: 400, body: { error: { code } } })
    expect(sim.items(ALICE)).toEqual([])
  })
})

describe('a create that is sent twice', () => {
  const body = { ...eventBody('Visit', '2026-12-01T09:00:00'), transactionId: 'pair-1' }

  it('makes one event where it has a transactionId', async () => {
    const [first, second] = [await create(body), await create(body)]
    expect(second.body.id).toBe(first.body.id)
    expect(first.body.transactionId).toBe('pair-1')
    expect(sim.items(ALICE)).toHaveLength(1)
    expect((await create({ ...body, subject: 'Other' })).body.error.code).toBe('ErrorDuplicateTransactionId')
    expect((await ask(sim, 'POST', users(BOB, 'events'), body)).status).toBe(201)
  })

  it('is an error on a server that says so', async () => {
    sim.setSwitches({ repeatedTransaction: 'error' })
    await create(body)
    expect((await create(body)).body.error.code).toBe('ErrorDuplicateTransactionId')
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it('cannot get another transactionId later', async () => {
    const { id } = (await create(body)).body
    expect((await ask(sim, 'PATCH', `${EVENTS}/${id}`, { transactionId: 'pair-2' })).status).toBe(400)
  })
})

describe('ids', () => {
  it('are given in the format asked for, and understood in both', async () => {
    const immutable = await made('Visit')
    const ordinary = (await ask(sim, 'GET', `${EVENTS}/${immutable.id}`)).body.id
    expect(ordinary).not.toBe(immutable.id)
    expect((await ask(sim, 'GET', `${EVENTS}/${ordinary}`, undefined, { headers: IMMUTABLE })).body.id).toBe(immutable.id)
    const translate = { inputIds: [ordinary, 'nonsense'], sourceIdType: 'restId', targetIdType: 'restImmutableEntryId' }
    const { body } = await ask(sim, 'POST', users(ALICE, 'translateExchangeIds'), translate)
    expect(body.value).toEqual([{ sourceId: ordinary, targetId: immutable.id }, { sourceId: 'nonsense', errorDetails: expect.anything() }])
  })

  it('change with a move to another calendar unless they are immutable', async () => {
    const { id } = await made('Visit')
    const ordinary = (await ask(sim, 'GET', `${EVENTS}/${id}`)).body.id
    sim.addFolder(ALICE, { name: 'Private', kind: 'event' })
    expect(sim.moveItem(ALICE, id, 'Private').id).toBe(id)
    expect((await ask(sim, 'GET', `${EVENTS}/${ordinary}`)).status).toBe(404)
    expect((await ask(sim, 'GET', `${EVENTS}/${id}`)).status).toBe(200)
  })

  it('differ in case alone, and are told apart', async () => {
    const all = []
    for (let n = 0; n < 9; n++) all.push(await made(`Visit ${n}`))
    const folded = new Set(all.map(({ id }) => id.toLowerCase().replaceAll('_', '-')))
    expect(folded.size).toBeLessThan(all.length)
    for (const { id, subject } of all) expect((await ask(sim, 'GET', `${EVENTS}/${id}`)).body.subject).toBe(subject)
  })

  it('that are none are called malformed', async () => {
    expect((await ask(sim, 'GET', `${EVENTS}/abc`)).body.error.code).toBe('ErrorInvalidIdMalformed')
  })

  it('of one mailbox mean nothing in another', async () => {
    const { id } = await made('Visit')
    expect((await ask(sim, 'GET', `${users(BOB, 'events')}/${id}`)).body.error.code).toBe('ErrorItemNotFound')
  })
})

describe('extended properties', () => {
  const expand = `$expand=singleValueExtendedProperties($filter=id eq '${STAMP}')`

  it('are shown only when expanded by id', async () => {
    const { id } = await made('Visit', undefined, STAMPED)
    const { body } = await ask(sim, 'GET', `${EVENTS}/${id}?${expand}`)
    expect(body.singleValueExtendedProperties).toEqual([{ id: STAMP, value: 'v1;crm;Events;18x7;pair-1' }])
    expect((await ask(sim, 'GET', `${EVENTS}/${id}?${expand.replace('VtenextSync', 'Other')}`)).body).not.toHaveProperty('singleValueExtendedProperties')
  })

  it.each([
    ['the same text', STAMP, 'v1;crm;Events;18x7;pair-1', 1],
    ['a value in capitals', STAMP, 'V1;CRM;EVENTS;18X7;PAIR-1', 1],
    ['a guid in capitals', STAMP.replace(/\{.*\}/, (guid) => guid.toUpperCase()), 'v1;crm;Events;18x7;pair-1', 1],
    ['a name in capitals', STAMP.replace('VtenextSync', 'VTENEXTSYNC'), 'v1;crm;Events;18x7;pair-1', 0],
    ['another value', STAMP, 'v1', 0],
  ])('find an event by %s', async (_, id, value, found) => {
    await made('Visit', undefined, STAMPED)
    await made('Other')
    const filter = encodeURIComponent(`singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq '${value}')`)
    expect((await ask(sim, 'GET', `${EVENTS}?$filter=${filter}`)).body.value).toHaveLength(found)
  })

  it('are changed and taken away by a PATCH', async () => {
    const { id } = await made('Visit', undefined, STAMPED)
    const patch = (value: string | null) => ask(sim, 'PATCH', `${EVENTS}/${id}`, { singleValueExtendedProperties: [{ id: STAMP, value }] })
    await patch('v2')
    expect(sim.items(ALICE)[0]?.extended).toEqual({ [STAMP]: 'v2' })
    await patch(null)
    expect(sim.items(ALICE)[0]?.extended).toEqual({})
  })

  it('with an id of the wrong form are refused', async () => {
    const wrong = { singleValueExtendedProperties: [{ id: 'VtenextSync', value: 'x' }] }
    expect((await create({ ...eventBody('Visit', '2026-12-01T09:00:00'), ...wrong })).body.error.code).toBe('ErrorInvalidProperty')
  })
})

describe('lists', () => {
  it('come in pages with links to the next', async () => {
    for (let n = 0; n < 12; n++) await made(`Visit ${n}`)
    const first = (await ask(sim, 'GET', `${EVENTS}?$select=subject&$count=true`)).body
    expect([first.value.length, first['@odata.count']]).toEqual([10, 12])
    const second = (await ask(sim, 'GET', first['@odata.nextLink'])).body
    expect(second.value.map(({ subject }: any) => subject)).toEqual(['Visit 10', 'Visit 11'])
    expect(second).not.toHaveProperty('@odata.nextLink')
    const page = (await ask(sim, 'GET', `${EVENTS}?$top=5&$skip=5&$orderby=subject desc`)).body
    expect(page.value.map(({ subject }: any) => subject)).toEqual(['Visit 4', 'Visit 3', 'Visit 2', 'Visit 11', 'Visit 10'])
  })

  it.each([
    ["subject eq 'visit 1'", ['Visit 1']],
    ["startswith(subject,'Visit') and not (subject eq 'Visit 2')", ['Visit 0', 'Visit 1']],
    ["start/dateTime ge '2026-12-01T09:00'", ['Visit 1', 'Visit 2']],
    ["categories/any(c: c eq 'red')", ['Visit 2']],
    ['isCancelled eq true or lastModifiedDateTime lt 2020-01-01T00:00:00Z', []],
  ])('are filtered by %s', async (filter, subjects) => {
    for (let n = 0; n < 3; n++) await made(`Visit ${n}`, `2026-12-01T${String(9 + n).padStart(2, '0')}:00:00`, n === 2 ? { categories: ['red'] } : {})
    const { body } = await ask(sim, 'GET', `${EVENTS}?$filter=${encodeURIComponent(filter)}`)
    expect(body.value.map(({ subject }: any) => subject)).toEqual(subjects)
  })

  it('find an event by iCalUId, and by uid only where that is shown', async () => {
    const { iCalUId } = await made('Visit')
    await made('Other')
    expect((await ask(sim, 'GET', `${EVENTS}?$filter=iCalUId eq '${iCalUId}'`)).body.value).toHaveLength(1)
    expect((await ask(sim, 'GET', `${EVENTS}?$select=uid`)).body.error.code).toBe('RequestBroker--ParseUri')
    sim.setSwitches({ uid: true })
    expect((await ask(sim, 'GET', `${EVENTS}?$select=uid&$filter=uid eq '${iCalUId}'`)).body.value).toMatchObject([{ uid: iCalUId }])
  })

  it.each([
    ['$select=nothing'], ['$expand=nothing'], ["$filter=subject is 'x'"], ['$top=0'], ['$top=1001'], ['$skip=-1'],
  ])('refuse %s', async (query) => {
    expect((await ask(sim, 'GET', `${EVENTS}?${query}`)).status).toBe(400)
  })
})

describe('calendars', () => {
  it('are listed, made, renamed and removed; the default one stays', async () => {
    const calendars = users(ALICE, 'calendars')
    const { id } = (await ask(sim, 'POST', calendars, { name: 'Trips' })).body
    expect((await ask(sim, 'POST', calendars, { name: 'Trips' })).body.error.code).toBe('ErrorFolderExists')
    await ask(sim, 'POST', `${calendars}/${id}/events`, eventBody('Away', '2026-12-03T09:00:00'))
    expect((await ask(sim, 'GET', `${calendars}/${id}/events`)).body.value).toHaveLength(1)
    expect((await ask(sim, 'GET', EVENTS)).body.value).toHaveLength(0)
    await ask(sim, 'PATCH', `${calendars}/${id}`, { name: 'Journeys' })
    const { value } = (await ask(sim, 'GET', calendars)).body
    expect(value.map((one: any) => [one.name, one.isDefaultCalendar])).toEqual([['Calendar', true], ['Journeys', false]])
    expect((await ask(sim, 'DELETE', `${calendars}/${value[0].id}`)).status).toBe(400)
    expect((await ask(sim, 'DELETE', `${calendars}/${id}`)).status).toBe(204)
    expect(sim.items(ALICE)).toEqual([])
  })
})
