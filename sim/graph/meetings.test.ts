import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from './index.ts'
import { startGraphSim } from './index.ts'
import { ALICE, ask, BOB, CAROL, eventBody, IMMUTABLE, STAMP, users } from './test-client.ts'

let sim: GraphSim
const GUEST = 'guest@elsewhere.example'
const invite = (...addresses: string[]) => ({ attendees: addresses.map((address) => ({ emailAddress: { address }, type: 'required' })) })

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

async function meet(...addresses: string[]): Promise<any> {
  return (await ask(sim, 'POST', users(ALICE, 'events'), eventBody('Talk', '2026-12-01T09:00:00', { location: { displayName: 'Room 1' }, ...invite(...addresses) }))).body
}
const mails = () => sim.outbox.map(({ kind, from, to }) => `${kind} ${from.split('@')[0]} ${to.split('@')[0]}`)
const copy = (address: string) => sim.items(address, 'calendar')[0]
const patch = (id: string, body: object) => ask(sim, 'PATCH', users(ALICE, `events/${id}`), body)

describe('a draft', () => {
  it('is not sent by what nobody is told of', async () => {
    const { id } = sim.putItem(ALICE, 'calendar', { ...eventBody('Draft', '2026-12-01T09:00:00'), attendees: [{ emailAddress: { address: BOB, name: 'Bob' }, type: 'required' }], unsent: true })
    const draft = async (body: object) => (await ask(sim, 'PATCH', users(ALICE, `events/${id}`), body, { headers: IMMUTABLE })).body.isDraft
    expect(await draft({ categories: ['Blue'] })).toBe(true)
    expect(await draft({ subject: 'Sent' })).toBe(false)
  })
})

describe('a meeting', () => {
  it('invites its attendees the moment it is made, with no way around', async () => {
    const { iCalUId } = await meet(BOB, GUEST)
    expect(mails()).toEqual(['request alice bob', 'request alice guest'])
    expect(copy(BOB)?.fields).toMatchObject({
      subject: 'Talk', iCalUId, isOrganizer: false, showAs: 'tentative', responseStatus: { response: 'notResponded' },
      organizer: { emailAddress: { address: ALICE } },
    })
    expect(sim.items(CAROL)).toEqual([])
  })

  it('without attendees mails nobody', async () => {
    await meet()
    expect(sim.outbox).toEqual([])
  })

  it('tells everybody of a new time and asks them again', async () => {
    const { id } = await meet(BOB)
    await ask(sim, 'POST', users(BOB, `events/${copy(BOB)?.id}/accept`), {})
    expect(copy(ALICE)?.fields.attendees[0].status.response).toBe('accepted')
    const { start, end } = eventBody('', '2026-12-02T15:00:00')
    await patch(id, { start, end })
    expect(mails()).toEqual(['request alice bob', 'response bob alice', 'update alice bob'])
    expect(copy(BOB)?.fields).toMatchObject({ responseStatus: { response: 'notResponded' }, start: { dateTime: '2026-12-02T14:00:00.0000000' } })
    expect(copy(ALICE)?.fields.attendees[0].status.response).toBe('none')
  })

  it('tells only those who came or went when the list alone changes', async () => {
    const { id } = await meet(BOB, GUEST)
    sim.outbox.length = 0
    await patch(id, invite(GUEST, CAROL))
    expect(mails()).toEqual(['request alice carol', 'cancellation alice bob'])
    expect(copy(BOB)?.fields).toMatchObject({ isCancelled: true, subject: 'Canceled: Talk' })
    expect(copy(CAROL)?.fields.subject).toBe('Talk')
  })

  it('says nothing of what concerns the organizer alone', async () => {
    const { id } = await meet(BOB)
    sim.outbox.length = 0
    await patch(id, { categories: ['red'], isReminderOn: false, showAs: 'free', singleValueExtendedProperties: [{ id: STAMP, value: 'x' }] })
    expect(sim.outbox).toEqual([])
    expect(copy(BOB)?.fields.categories).toEqual([])
    expect(copy(BOB)?.extended).toEqual({})
  })

  it.each([['DELETE', ''], ['POST', '/cancel']])('is called off for everybody by the organizer\'s %s%s', async (method, action) => {
    const { id } = await meet(BOB)
    sim.outbox.length = 0
    const { status } = await ask(sim, method, users(ALICE, `events/${id}${action}`), method === 'POST' ? { comment: 'ill' } : undefined)
    expect(status).toBe(method === 'POST' ? 202 : 204)
    expect(mails()).toEqual(['cancellation alice bob'])
    expect(sim.items(ALICE)).toEqual([])
    expect(copy(BOB)?.fields).toMatchObject({ isCancelled: true, showAs: 'free' })
  })

  it('loses one occurrence for everybody, with a mail', async () => {
    const recurrence = { pattern: { type: 'daily', interval: 1 }, range: { type: 'numbered', startDate: '2026-12-01', numberOfOccurrences: 3 } }
    const { id } = (await ask(sim, 'POST', users(ALICE, 'events'), eventBody('Course', '2026-12-01T09:00:00', { recurrence, ...invite(BOB) }))).body
    const { value } = (await ask(sim, 'GET', users(ALICE, `events/${id}/instances?startDateTime=2026-11-01&endDateTime=2027-01-01`))).body
    await ask(sim, 'DELETE', users(ALICE, `events/${value[1].id}`))
    expect(mails()).toEqual(['request alice bob', 'cancellation alice bob'])
    expect(copy(BOB)?.cancelledDates).toEqual(['2026-12-02'])
  })

  it('that a person makes in Outlook reaches the others without counting as our mail', () => {
    sim.putItem(ALICE, 'calendar', { ...eventBody('Talk', '2026-12-01T09:00:00'), attendees: [BOB] })
    expect(sim.items(BOB)).toHaveLength(1)
    expect(sim.outbox).toEqual([])
  })

  it('may carry extended properties along on servers that do so', async () => {
    sim.setSwitches({ stampTravels: true })
    const stamped = { singleValueExtendedProperties: [{ id: STAMP, value: 'v1' }] }
    await ask(sim, 'POST', users(ALICE, 'events'), eventBody('Talk', '2026-12-01T09:00:00', { ...stamped, ...invite(BOB) }))
    expect(copy(BOB)?.extended).toEqual({ [STAMP]: 'v1' })
  })
})

describe('an attendee', () => {
  const answer = (action: string, body: object = {}) => ask(sim, 'POST', users(BOB, `events/${copy(BOB)?.id}/${action}`), body)

  beforeEach(async () => {
    await meet(BOB)
    sim.outbox.length = 0
  })

  it.each([
    ['accept', 'accepted', 'busy'],
    ['tentativelyAccept', 'tentativelyAccepted', 'tentative'],
  ])('answers with %s, and the organizer sees it', async (action, response, showAs) => {
    expect((await answer(action)).status).toBe(202)
    expect(copy(BOB)?.fields).toMatchObject({ responseStatus: { response }, showAs })
    expect(copy(ALICE)?.fields.attendees[0].status.response).toBe(response)
    expect(mails()).toEqual(['response bob alice'])
  })

  it('declines, and the meeting leaves his calendar', async () => {
    await answer('decline')
    expect(sim.items(BOB)).toEqual([])
    expect(copy(ALICE)?.fields.attendees[0].status.response).toBe('declined')
  })

  it('may answer for himself alone', async () => {
    await answer('accept', { sendResponse: false })
    expect(sim.outbox).toEqual([])
    expect(copy(ALICE)?.fields.attendees[0].status.response).toBe('none')
  })

  it('can propose a time only with an answer', async () => {
    const { start, end } = eventBody('', '2026-12-03T09:00:00')
    expect((await answer('tentativelyAccept', { sendResponse: false, proposedNewTime: { start, end } })).status).toBe(400)
    expect((await answer('tentativelyAccept', { proposedNewTime: { start, end } })).status).toBe(202)
  })

  it('gets another event with another id by accepting where the server does so', async () => {
    sim.setSwitches({ acceptReplaces: true })
    const before = copy(BOB)
    await answer('accept')
    expect(copy(BOB)?.id).not.toBe(before?.id)
    expect(copy(BOB)?.fields.iCalUId).toBe(before?.fields.iCalUId)
  })

  it('deletes his copy silently, and cannot call the meeting off', async () => {
    expect((await answer('cancel')).body.error.message).toContain('You need to be an organizer to cancel a meeting.')
    await ask(sim, 'DELETE', users(BOB, `events/${copy(BOB)?.id}`))
    expect(sim.outbox).toEqual([])
    expect(sim.items(ALICE)).toHaveLength(1)
  })

  it('changes his copy for himself, until the organizer\'s next update', async () => {
    await ask(sim, 'PATCH', users(BOB, `events/${copy(BOB)?.id}`), { subject: 'My talk' })
    expect([copy(BOB)?.fields.subject, copy(ALICE)?.fields.subject]).toEqual(['My talk', 'Talk'])
    await patch(copy(ALICE)?.id ?? '', { location: { displayName: 'Room 2' } })
    expect(copy(BOB)?.fields).toMatchObject({ subject: 'Talk', location: { displayName: 'Room 2' } })
  })
})

describe('the organizer', () => {
  it('cannot answer himself', async () => {
    const { id } = await meet(BOB)
    expect((await ask(sim, 'POST', users(ALICE, `events/${id}/accept`), {})).body.error.code).toBe('ErrorInvalidRequest')
  })
})

describe('availability', () => {
  const asked = { startTime: { dateTime: '2026-12-01T08:00:00', timeZone: 'Europe/Rome' }, endTime: { dateTime: '2026-12-01T12:00:00', timeZone: 'Europe/Rome' } }
  const schedule = (body: object, token?: string) => ask(sim, 'POST', users(ALICE, 'calendar/getSchedule'), body, token === undefined ? {} : { token })

  it('is one digit for each interval; 4 is working elsewhere', async () => {
    sim.putItem(ALICE, 'calendar', eventBody('Talk', '2026-12-01T09:00:00'))
    sim.putItem(ALICE, 'calendar', eventBody('Home', '2026-12-01T10:30:00', { showAs: 'workingElsewhere' }))
    const { body } = await schedule({ ...asked, schedules: [ALICE, 'nobody@example.test'], availabilityViewInterval: 30 })
    expect(body.value[0]).toMatchObject({ scheduleId: ALICE, availabilityView: '00220440', workingHours: { timeZone: { name: 'W. Europe Standard Time' } } })
    expect(body.value[0].scheduleItems).toMatchObject([{ status: 'busy', subject: 'Talk' }, { status: 'workingElsewhere' }])
    expect(body.value[1].error.responseCode).toBe('ErrorMailRecipientNotFound')
  })

  it.each([
    ['no schedules', { schedules: [] }],
    ['an interval of two minutes', { schedules: [ALICE], availabilityViewInterval: 2 }],
    ['a window the wrong way round', { schedules: [ALICE], startTime: asked.endTime, endTime: asked.startTime }],
    ['a window of a year', { schedules: [ALICE], endTime: { dateTime: '2027-12-01T08:00:00', timeZone: 'UTC' } }],
  ])('is refused with %s', async (_, wrong) => {
    expect((await schedule({ ...asked, ...wrong })).status).toBe(400)
  })
})
