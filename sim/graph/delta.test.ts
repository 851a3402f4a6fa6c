import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, BOB, eventBody, IMMUTABLE, round, users } from './test-client.ts'

let sim: GraphSim
const WINDOW = 'startDateTime=2026-11-01T00:00:00Z&endDateTime=2027-02-01T00:00:00Z'
const VIEW = `${users(ALICE, 'calendarView/delta')}?${WINDOW}`
const WEEKLY = {
  recurrence: { pattern: { type: 'weekly', interval: 1, daysOfWeek: ['tuesday'] }, range: { type: 'numbered', startDate: '2026-12-01', numberOfOccurrences: 4 } },
}

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const put = (subject: string, at: string, more: Record<string, unknown> = {}) => sim.putItem(ALICE, 'calendar', { ...eventBody(subject, at), ...more })
const follow = (link: string) => round(sim, link, { headers: IMMUTABLE })
const shown = (value: any[]) => value.map((one) => (one['@removed'] ? `-${one.id}` : `${one.type} ${one.subject ?? ''} ${one.start.dateTime.slice(0, 16)}`.replace('  ', ' ')))

describe('the changes of a calendar view', () => {
  it('begin with all that touches the window, in pages of the size asked for', async () => {
    for (let n = 1; n <= 5; n++) put(`Visit ${n}`, `2026-12-0${n}T09:00:00`)
    put('Long ago', '2026-01-05T09:00:00')
    const all = await round(sim, VIEW, { headers: { prefer: 'IdType="ImmutableId", odata.maxpagesize=2' } })
    expect(all.value.map(({ subject }) => subject)).toEqual(['Visit 1', 'Visit 2', 'Visit 3', 'Visit 4', 'Visit 5'])
    expect(all.pages).toBe(3)
    expect(all.value[0]).toMatchObject({ '@odata.type': '#microsoft.graph.event', body: expect.anything(), iCalUId: expect.any(String) })
  })

  it('then hold what is new, changed and gone, once each', async () => {
    const stays = put('Stays', '2026-12-01T09:00:00')
    const goes = put('Goes', '2026-12-02T09:00:00')
    let { deltaLink } = await follow(VIEW)
    expect((await follow(deltaLink)).value).toEqual([])
    sim.editItem(ALICE, stays.id, { subject: 'Stayed' })
    sim.editItem(ALICE, stays.id, { subject: 'Stays on' })
    sim.deleteItem(ALICE, goes.id)
    put('Came', '2026-12-03T09:00:00')
    const changes = await follow(deltaLink)
    expect(shown(changes.value)).toEqual(['singleInstance Stays on 2026-12-01T08:00', `-${goes.id}`, 'singleInstance Came 2026-12-03T08:00'])
    expect(changes.value[1]).toEqual({ id: goes.id, '@removed': { reason: 'deleted' } })
    ;({ deltaLink } = changes)
    expect((await follow(deltaLink)).value).toEqual([])
  })

  it('call removed what lies outside of the window, even when it never was inside', async () => {
    const inside = put('Visit', '2026-12-01T09:00:00')
    const { deltaLink } = await follow(VIEW)
    const outside = put('Next year', '2027-06-01T09:00:00')
    sim.editItem(ALICE, inside.id, eventBody('Visit', '2027-07-01T09:00:00'))
    const { value } = await follow(deltaLink)
    expect(shown(value)).toEqual([`-${outside.id}`, `-${inside.id}`])
    expect((await ask(sim, 'GET', users(ALICE, `events/${inside.id}`))).status).toBe(200)
  })

  it('show a series as its master with all its occurrences, exceptions in full', async () => {
    const series = put('Course', '2026-12-01T09:00:00', WEEKLY)
    const first = await follow(VIEW)
    expect(shown(first.value)).toEqual([
      'seriesMaster Course 2026-12-01T08:00', 'occurrence 2026-12-01T08:00', 'occurrence 2026-12-08T08:00',
      'occurrence 2026-12-15T08:00', 'occurrence 2026-12-22T08:00',
    ])
    expect(Object.keys(first.value[1]).sort()).toEqual(['@odata.etag', '@odata.type', 'end', 'id', 'seriesMasterId', 'start', 'type'])
    expect(first.value[1].seriesMasterId).toBe(series.id)
    sim.editItem(ALICE, first.value[2].id, { subject: 'Course moved', ...timesOf('2026-12-09T14:00:00') })
    const second = await follow(first.deltaLink)
    expect(shown(second.value)[2]).toBe('exception Course moved 2026-12-09T13:00')
    expect(second.value[2]).toMatchObject({ id: first.value[2].id, originalStart: '2026-12-08T08:00:00Z', body: expect.anything() })
  })

  it('show a deleted occurrence only by its absence, unless the server names it', async () => {
    put('Course', '2026-12-01T09:00:00', WEEKLY)
    const first = await follow(VIEW)
    const [, , second, third] = first.value
    sim.deleteItem(ALICE, second.id)
    const without = await follow(first.deltaLink)
    expect(without.value.map(({ id }) => id)).toEqual(first.value.filter((one) => one !== second).map(({ id }) => id))
    sim.setSwitches({ removedOccurrences: true })
    sim.deleteItem(ALICE, third.id)
    const named = await follow(without.deltaLink)
    expect(named.value.filter((one) => one['@removed']).map(({ id }) => id).sort()).toEqual([second.id, third.id].sort())
  })

  it('skip nothing that changes while the client pages', async () => {
    const items = [1, 2, 3, 4].map((n) => put(`Visit ${n}`, `2026-12-0${n}T09:00:00`))
    const headers = { prefer: 'IdType="ImmutableId", odata.maxpagesize=2' }
    const first = (await ask(sim, 'GET', VIEW, undefined, { headers })).body
    sim.editItem(ALICE, items[0]?.id ?? '', { subject: 'Visit 1b' })
    sim.deleteItem(ALICE, items[2]?.id ?? '')
    const rest = await round(sim, first['@odata.nextLink'], { headers })
    expect(rest.value.map(({ subject }) => subject)).toEqual(['Visit 4', 'Visit 1b'])
    expect((await round(sim, rest.deltaLink, { headers })).value).toEqual([])
  })

  it('can be read again from the same link', async () => {
    const { deltaLink } = await follow(VIEW)
    put('Visit', '2026-12-01T09:00:00')
    expect((await follow(deltaLink)).value).toEqual((await follow(deltaLink)).value)
  })

  it('may tell the last of them once more', async () => {
    const first = put('First', '2026-12-01T09:00:00')
    const last = put('Last', '2026-12-02T09:00:00')
    const { deltaLink } = await follow(VIEW)
    sim.setSwitches({ replays: 1 })
    expect((await follow(deltaLink)).value.map(({ id }) => id)).toEqual([last.id])
    sim.setSwitches({ replays: 2 })
    expect((await follow(deltaLink)).value.map(({ id }) => id)).toEqual([first.id, last.id])
  })

  it('may name one thing twice', async () => {
    const { id } = put('Visit', '2026-12-01T09:00:00')
    sim.setSwitches({ repeatEntries: true })
    expect((await follow(VIEW)).value.map((one) => one.id)).toEqual([id, id])
  })

  it('may come with empty pages, which are no end', async () => {
    put('Visit', '2026-12-01T09:00:00')
    sim.setSwitches({ emptyPages: 2 })
    const { value, pages } = await follow(VIEW)
    expect([value.length, pages]).toEqual([1, 3])
  })

  it('are lost when the server drops its state: 410 with the address to begin at', async () => {
    put('Visit', '2026-12-01T09:00:00')
    const { deltaLink } = await follow(VIEW)
    sim.resetDeltaTokens(ALICE)
    const lost = await ask(sim, 'GET', deltaLink)
    expect(lost).toMatchObject({ status: 410, body: { error: { code: 'SyncStateNotFound' } } })
    expect(lost.headers.get('location')).toBe(`${sim.url}/v1.0${users(ALICE, 'calendarView/delta')}`)
    expect((await follow(VIEW)).value).toHaveLength(1)
    sim.resetMailbox(ALICE)
    expect((await ask(sim, 'GET', deltaLink)).status).toBe(410)
  })

  it('belong to one calendar: a move is a removal there and an arrival here', async () => {
    const trips = sim.addFolder(ALICE, { name: 'Trips', kind: 'event' })
    const { id } = put('Visit', '2026-12-01T09:00:00')
    const home = await follow(VIEW)
    const away = await follow(`${users(ALICE, `calendars/${trips}/calendarView/delta`)}?${WINDOW}`)
    sim.moveItem(ALICE, id, 'Trips')
    expect(shown((await follow(home.deltaLink)).value)).toEqual([`-${id}`])
    expect((await follow(away.deltaLink)).value.map((one) => one.id)).toEqual([id])
  })

  it.each([
    ['no window', '', 'ErrorInvalidParameter'],
    ['a window that is none', '?startDateTime=x&endDateTime=y', 'ErrorInvalidParameter'],
    ['a window of ten years', '?startDateTime=2026-01-01T00:00:00Z&endDateTime=2036-01-01T00:00:00Z', 'ErrorCalendarViewRangeTooBig'],
    ['$select', `?${WINDOW}&$select=subject`, 'ErrorInvalidUrlQuery'],
    ['$expand', `?${WINDOW}&$expand=extensions`, 'ErrorInvalidUrlQuery'],
    ['a token that is none', '?$deltatoken=abc', 'ErrorInvalidParameter'],
    ['the token that directories take for "from now on"', `?${WINDOW}&$deltatoken=latest`, 'ErrorInvalidParameter'],
  ])('are refused with %s', async (_, query, code) => {
    expect(await ask(sim, 'GET', `${users(ALICE, 'calendarView/delta')}${query}`)).toMatchObject({ status: 400, body: { error: { code } } })
  })

  it('take a window without offset as UTC, whatever zone is preferred', async () => {
    put('Late', '2026-12-01T00:30:00')
    const link = `${users(ALICE, 'calendarView/delta')}?startDateTime=2026-12-01T00:00:00&endDateTime=2026-12-02T00:00:00`
    expect((await round(sim, link, { headers: { prefer: 'outlook.timezone="Europe/Rome"' } })).value).toHaveLength(1)
    const after = link.replace('2026-12-01T00:00:00', '2026-12-01T00:30:00')
    expect((await round(sim, after, { headers: { prefer: 'outlook.timezone="Europe/Rome"' } })).value).toHaveLength(0)
  })
})

describe('the changes of a whole calendar', () => {
  const DELTA = users(ALICE, 'events/delta')

  it('hold single events and masters with id, type and times only', async () => {
    put('Visit', '2020-12-01T09:00:00')
    const series = put('Course', '2026-12-01T09:00:00', WEEKLY)
    const { value, deltaLink } = await follow(DELTA)
    expect(value.map(({ type }) => type)).toEqual(['singleInstance', 'seriesMaster'])
    expect(Object.keys(value[0]).sort()).toEqual(['@odata.etag', '@odata.type', 'end', 'id', 'start', 'type'])
    sim.deleteItem(ALICE, series.id)
    expect(shown((await follow(deltaLink)).value)).toEqual([`-${series.id}`])
  })

  it('may begin at a date', async () => {
    put('Old', '2020-12-01T09:00:00')
    put('New', '2026-12-01T09:00:00')
    expect((await follow(`${DELTA}?startDateTime=2026-01-01T00:00:00Z`)).value).toHaveLength(1)
  })

  it('are not there on a server that has them in beta only', async () => {
    sim.setSwitches({ eventsDelta: false })
    expect((await ask(sim, 'GET', DELTA)).body.error.code).toBe('ErrorInvalidIdMalformed')
  })

  it('do not take the token of another feed', async () => {
    const { deltaLink } = await follow(DELTA)
    expect((await ask(sim, 'GET', deltaLink.replace('events/delta', 'calendarView/delta'))).status).toBe(400)
    expect((await ask(sim, 'GET', deltaLink.replace(ALICE, BOB))).status).toBe(410)
  })
})

function timesOf(at: string): object {
  const { start, end } = eventBody('', at)
  return { start, end }
}
