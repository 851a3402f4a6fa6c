import { RRuleTemporal } from 'rrule-temporal'
import { Temporal } from 'temporal-polyfill'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, eventBody, IMMUTABLE, users } from './test-client.ts'

let sim: GraphSim
const EVENTS = users(ALICE, 'events')

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const DAILY = { type: 'daily', interval: 1 }
const recurring = (pattern: object, range: object, startDate: string) => ({ recurrence: { pattern, range: { startDate, ...range } } })

async function makeSeries(at: string, pattern: object, range: object, zone = 'Europe/Rome'): Promise<any> {
  const answer = await ask(sim, 'POST', EVENTS, eventBody('Course', at, recurring(pattern, range, at.slice(0, 10)), zone), { headers: IMMUTABLE })
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body
}

async function instances(id: string, from: string, to: string): Promise<any[]> {
  const query = `startDateTime=${from}&endDateTime=${to}&$top=1000`
  return (await ask(sim, 'GET', `${EVENTS}/${id}/instances?${query}`, undefined, { headers: IMMUTABLE })).body.value
}

describe('the occurrences of a rule', () => {
  // What iCalendar says with the same words is computed by a library that knows nothing of this server.
  const RULES: [string, object, string, string][] = [
    ['every third day', { type: 'daily', interval: 3 }, 'FREQ=DAILY;INTERVAL=3', '2026-03-20'],
    ['every other week on two days, weeks from Monday', { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'tuesday'], firstDayOfWeek: 'monday' }, 'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO', '2026-03-03'],
    ['every other week on two days, weeks from Sunday', { type: 'weekly', interval: 2, daysOfWeek: ['sunday', 'tuesday'], firstDayOfWeek: 'sunday' }, 'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU', '2026-03-03'],
    ['on the 15th of every other month', { type: 'absoluteMonthly', interval: 2, dayOfMonth: 15 }, 'FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15', '2026-01-15'],
    ['on the last day of the month', { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 }, 'FREQ=MONTHLY;BYMONTHDAY=-1', '2026-01-31'],
    ['on the second Tuesday', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['tuesday'], index: 'second' }, 'FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2', '2026-01-13'],
    ['on the last working day', { type: 'relativeMonthly', interval: 1, daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'], index: 'last' }, 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-01-30'],
    ['every year on 29 June', { type: 'absoluteYearly', interval: 1, month: 6, dayOfMonth: 29 }, 'FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=29', '2026-06-29'],
    ['every other year', { type: 'absoluteYearly', interval: 2, month: 6, dayOfMonth: 29 }, 'FREQ=YEARLY;INTERVAL=2;BYMONTH=6;BYMONTHDAY=29', '2026-06-29'],
    ['on the last Sunday of October', { type: 'relativeYearly', interval: 1, month: 10, daysOfWeek: ['sunday'], index: 'last' }, 'FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU', '2026-10-25'],
  ]
  const ZONES = ['Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'Pacific/Auckland', 'America/Sao_Paulo']

  it.each(RULES)('%s are those of iCalendar in every zone', async (_, pattern, rule, startDate) => {
    for (const zone of ZONES) {
      const { id } = await makeSeries(`${startDate}T09:30:00`, pattern, { type: 'noEnd' }, zone)
      const found = (await instances(id, '2026-01-01T00:00:00Z', '2028-12-31T00:00:00Z')).map(({ start }) => `${start.dateTime.slice(0, 19)}Z`)
      const first = Temporal.PlainDateTime.from(`${startDate}T09:30:00`).toZonedDateTime(zone)
      const expected = new RRuleTemporal({ rruleString: `DTSTART;TZID=${zone}:${startDate.replaceAll('-', '')}T093000\nRRULE:${rule}` })
        .between(new Date('2026-01-01T00:00:00Z'), new Date('2028-12-30T23:59:59Z'), true)
        .map((moment) => moment.toInstant().toString().replace('.000Z', 'Z'))
      expect(found[0]).toBe(first.toInstant().toString())
      expect(found, zone).toEqual(expected)
    }
  })

  it('end with a date, after a number, or never', async () => {
    const count = async (range: object) => {
      const { id } = await makeSeries('2026-12-01T09:00:00', DAILY, range)
      return (await instances(id, '2026-11-01T00:00:00Z', '2027-02-01T00:00:00Z')).length
    }
    expect(await count({ type: 'endDate', endDate: '2026-12-05' })).toBe(5)
    expect(await count({ type: 'numbered', numberOfOccurrences: 7 })).toBe(7)
    expect(await count({ type: 'noEnd' })).toBe(62)
  })

  it('begin with the first day the rule has', async () => {
    const body = await makeSeries('2026-12-01T09:00:00', { type: 'weekly', interval: 1, daysOfWeek: ['friday'] }, { type: 'numbered', numberOfOccurrences: 2 })
    expect(body.start.dateTime).toBe('2026-12-04T08:00:00.0000000')
    expect(body.recurrence.range.startDate).toBe('2026-12-04')
    expect((await instances(body.id, '2026-12-01', '2027-01-01')).map(({ start }) => start.dateTime.slice(0, 10))).toEqual(['2026-12-04', '2026-12-11'])
  })

  it('keep their hours and their length when the clocks change', async () => {
    const { end } = eventBody('', '2026-10-24T11:00:00')
    const recurrence = recurring(DAILY, { type: 'numbered', numberOfOccurrences: 2 }, '2026-10-24')
    const { id } = (await ask(sim, 'POST', EVENTS, { ...eventBody('Course', '2026-10-24T09:00:00', recurrence), end })).body
    const found = await instances(id, '2026-10-01', '2026-11-01')
    expect(found.map(({ start, end: until }) => `${start.dateTime.slice(8, 16)} ${until.dateTime.slice(8, 16)}`)).toEqual([
      '24T07:00 24T10:00', '25T08:00 25T11:00',
    ])
  })

  it('of whole days keep their dates when the clocks change', async () => {
    const day = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Rome' })
    const body = { subject: 'Fair', isAllDay: true, start: day('2026-03-27T00:00:00'), end: day('2026-03-28T00:00:00'), ...recurring(DAILY, { type: 'numbered', numberOfOccurrences: 4 }, '2026-03-27') }
    const { id } = (await ask(sim, 'POST', EVENTS, body)).body
    const found = await instances(id, '2026-03-01', '2026-05-01')
    expect(found.map(({ start, end }) => [start.dateTime.slice(0, 16), end.dateTime.slice(0, 16)])).toEqual([
      ['2026-03-27T00:00', '2026-03-28T00:00'], ['2026-03-28T00:00', '2026-03-29T00:00'],
      ['2026-03-29T00:00', '2026-03-30T00:00'], ['2026-03-30T00:00', '2026-03-31T00:00'],
    ])
    // Midnight of the mailbox as UTC, so not midnight.
    expect(found.map(({ originalStart }) => originalStart)).toEqual(['2026-03-26T23:00:00Z', '2026-03-27T23:00:00Z', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'])
  })

  it.each([
    ['no day of the week', { type: 'weekly', interval: 1, daysOfWeek: [] }, { type: 'noEnd' }],
    ['an interval of nothing', { type: 'daily', interval: 0 }, { type: 'noEnd' }],
    ['an unknown type', { type: 'hourly', interval: 1 }, { type: 'noEnd' }],
    ['an end before its start', DAILY, { type: 'endDate', endDate: '2026-11-01' }],
    ['another start than the event', DAILY, { type: 'noEnd', startDate: '2026-12-02' }],
    ['an end before its first day', { type: 'weekly', interval: 1, daysOfWeek: ['friday'] }, { type: 'endDate', endDate: '2026-12-02' }],
  ])('are refused with %s', async (_, pattern, range) => {
    const answer = await ask(sim, 'POST', EVENTS, eventBody('Course', '2026-12-01T09:00:00', recurring(pattern, range, '2026-12-01')))
    expect(answer.status).toBe(400)
    expect(sim.items(ALICE)).toEqual([])
  })
})

describe('single occurrences', () => {
  const range = { type: 'numbered', numberOfOccurrences: 5 }
  const all = (id: string) => instances(id, '2026-11-01', '2027-02-01')
  const patch = (id: string, body: object) => ask(sim, 'PATCH', `${EVENTS}/${id}`, body, { headers: IMMUTABLE })
  const times = (at: string) => {
    const { start, end } = eventBody('', at)
    return { start, end }
  }

  it('become exceptions when changed, and the master lists them', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [, second] = await all(master.id)
    const answer = await patch(second.id, { subject: 'Longer', ...times('2026-12-02T14:00:00') })
    expect(answer.body).toMatchObject({ id: second.id, type: 'exception', seriesMasterId: master.id, subject: 'Longer' })
    const { body } = await ask(sim, 'GET', `${EVENTS}/${master.id}?$select=subject,start&$expand=exceptionOccurrences`, undefined, { headers: IMMUTABLE })
    expect(body.subject).toBe('Course')
    expect(body.exceptionOccurrences).toMatchObject([{ id: second.id, subject: 'Longer', originalStart: '2026-12-02T08:00:00Z', type: 'exception' }])
    expect((await all(master.id)).map(({ type }) => type)).toEqual(['occurrence', 'exception', 'occurrence', 'occurrence', 'occurrence'])
  })

  it('disappear when deleted, and the master names their dates only when asked', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [, , third] = await all(master.id)
    expect((await ask(sim, 'DELETE', `${EVENTS}/${third.id}`)).status).toBe(204)
    const { body } = await ask(sim, 'GET', `${EVENTS}/${master.id}?$select=cancelledOccurrences`, undefined, { headers: IMMUTABLE })
    expect(body.cancelledOccurrences).toEqual([`OID.${master.id}.2026-12-03`])
    expect((await ask(sim, 'GET', `${EVENTS}/${master.id}`)).body).not.toHaveProperty('cancelledOccurrences')
    expect(await all(master.id)).toHaveLength(4)
    expect((await ask(sim, 'GET', `${EVENTS}/${third.id}`)).status).toBe(404)
  })

  it('have an iCalUId of their own and share the change key', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [first, second] = await all(master.id)
    expect(new Set([master.iCalUId, first.iCalUId, second.iCalUId]).size).toBe(3)
    expect([first.changeKey, second.changeKey]).toEqual([master.changeKey, master.changeKey])
    expect(second.iCalUId.slice(32, 40)).toBe('07EA0C02')
  })

  it.each([
    ['the day of the one before', '2026-12-01T20:00:00'],
    ['the day of the one after', '2026-12-03T01:00:00'],
  ])('cannot be moved to %s', async (_, at) => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [, second] = await all(master.id)
    expect((await patch(second.id, times(at))).body.error.code).toBe('ErrorOccurrenceCrossingBoundary')
    expect((await all(master.id)).every(({ type }) => type === 'occurrence')).toBe(true)
  })

  it('follow the master in what they did not change themselves', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [, second] = await all(master.id)
    await patch(second.id, { location: { displayName: 'Room 9' } })
    await patch(master.id, { subject: 'Renamed', location: { displayName: 'Room 1' } })
    const found = await all(master.id)
    expect(found.map(({ subject, location }) => `${subject} ${location.displayName}`).slice(0, 2)).toEqual(['Renamed Room 1', 'Renamed Room 9'])
  })

  it('are regular again when the rule or the time of the series changes', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const [, second, third] = await all(master.id)
    await patch(second.id, { subject: 'Longer' })
    await ask(sim, 'DELETE', `${EVENTS}/${third.id}`)
    await patch(master.id, { subject: 'Renamed', ...recurring(DAILY, range, '2026-12-01'), ...times('2026-12-01T09:00:00') })
    expect(await all(master.id)).toHaveLength(4)
    await patch(master.id, times('2026-12-01T11:00:00'))
    expect((await all(master.id)).map(({ type, start }) => `${type} ${start.dateTime.slice(11, 16)}`)).toEqual(Array(5).fill('occurrence 10:00'))
  })

  it('end with the series when its recurrence is taken away', async () => {
    const master = await makeSeries('2026-12-01T09:00:00', DAILY, range)
    expect((await patch(master.id, { recurrence: null })).body.type).toBe('singleInstance')
    expect((await ask(sim, 'GET', `${users(ALICE, 'calendarView')}?startDateTime=2026-11-01&endDateTime=2027-02-01`)).body.value).toHaveLength(1)
  })

  it('show in a calendar view with everything but the master', async () => {
    await makeSeries('2026-12-01T09:00:00', DAILY, range)
    const { value } = (await ask(sim, 'GET', `${users(ALICE, 'calendarView')}?startDateTime=2026-12-02T00:00:00Z&endDateTime=2026-12-04T00:00:00Z`)).body
    expect(value.map(({ type, subject }: any) => `${type} ${subject}`)).toEqual(['occurrence Course', 'occurrence Course'])
  })
})
