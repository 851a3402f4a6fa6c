import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { Simulators } from '../index.ts'
import { startSimulators } from '../index.ts'

let simulators: Simulators

beforeEach(async () => {
  simulators = await startSimulators({ mailboxes: 2, items: 3 })
})
afterEach(() => simulators.stop())

async function post(path: string, body: object = {}): Promise<{ status: number; value: any }> {
  const response = await fetch(`${simulators.json.control.url}/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: response.status, value: await response.json() }
}

describe('the simulators together', () => {
  it('say how to reach them', () => {
    expect(simulators.json).toEqual({
      ews: {
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/EWS\/Exchange\.asmx$/),
        autodiscover: expect.stringMatching(/\/autodiscover\/autodiscover\.svc$/),
        service: { username: 'svc@example.test', password: expect.any(String) },
        mailboxes: expect.arrayContaining([
          { address: 'alice@example.test', username: 'alice@example.test', password: expect.any(String) },
        ]),
      },
      graph: {
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        login: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        tenant: expect.any(String),
        clientId: expect.any(String),
        clientSecret: expect.any(String),
        mailboxes: expect.arrayContaining([
          { address: 'bob@example.test', username: 'bob@example.test', password: 'bob-password' },
        ]),
      },
      vtenext: {
        url: expect.stringMatching(/\/webservice\.php$/),
        users: expect.arrayContaining([
          { username: 'user2', accessKey: expect.any(String), email: 'user2@example.test', admin: false },
        ]),
        groups: [{ name: 'Sales', id: '22x7', members: ['alice', 'bob'] }],
      },
      control: { url: expect.stringMatching(/^http:/) },
    })
    expect(simulators.json.ews?.mailboxes).toHaveLength(5)
  })

  it('begin with a handful of events, tasks and contacts in the days to come', () => {
    const now = simulators.ews?.clock.now() ?? 0
    const events = simulators.ews?.items('alice@example.test', 'calendar') ?? []
    expect(events).toHaveLength(2)
    for (const event of events) expect(Date.parse(String(event.fields['Start']))).toBeGreaterThan(now)
    expect(simulators.vtenext?.records('Contacts')).toHaveLength(5)
    expect(simulators.ews?.items('user1@example.test', 'calendar')).toHaveLength(3)
  })

  it('begin empty, or with one server only, when told to', async () => {
    const other = await startSimulators({ empty: true, only: 'ews' })
    expect(other.json).not.toHaveProperty('vtenext')
    expect(other.ews?.items('alice@example.test')).toEqual([])
    await other.stop()
  })
})

describe('the control server', () => {
  it('lists its routes, one line each', async () => {
    const lines = (await (await fetch(simulators.json.control.url)).json()) as string[]
    expect(lines).toContain('POST /ews/put {address, folder, fields}')
    expect(lines.some((line) => line.startsWith('POST /vtenext/put'))).toBe(true)
  })

  it('puts, edits, moves and deletes an item as a user would', async () => {
    const address = 'carol@example.test'
    const made = await post('ews/put', { address, folder: 'tasks', fields: { Subject: 'Call', DueDate: '2026-12-04' } })
    expect(made).toMatchObject({
      status: 200,
      value: { class: 'Task', fields: { Subject: 'Call', DueDate: '2026-12-04' } },
    })
    await post('ews/edit', { address, id: made.value.id, fields: { Status: 'Completed' } })
    const moved = await post('ews/move', { address, id: made.value.id, folder: 'deleteditems' })
    expect(moved.value.fields).toMatchObject({ PercentComplete: 100 })
    await post('ews/delete', { address, id: moved.value.id, type: 'HardDelete' })
    expect((await post('ews/items', { address, folder: 'deleteditems' })).value).toEqual([])
  })

  it('moves the clock of both servers', async () => {
    const before = simulators.vtenext?.clock.now() ?? 0
    await post('clock', { advanceMs: 3_600_000 })
    expect((simulators.vtenext?.clock.now() ?? 0) - before).toBeGreaterThanOrEqual(3_600_000)
    expect((await post('clock', { advanceMs: -1 })).status).toBe(400)
  })

  it.each(['ews', 'graph', 'vtenext'])('refuse an effect that there is not (%s)', async (server) => {
    for (const effect of ['half', { type: 'explode' }, { type: 'status' }]) {
      const { status, value } = await post(`${server}/faults`, { effect })
      expect({ status, told: JSON.stringify(value) }).toEqual({ status: 400, told: expect.stringContaining('is no effect. There are') })
    }
  })

  it('adds and clears faults and hands out the mail of all servers', async () => {
    await post('ews/faults', { operation: 'GetItem', effect: { type: 'stall' } })
    expect(simulators.ews?.faults.take('GetItem', null)).toEqual({ type: 'stall' })
    await post('ews/clearFaults')
    expect(simulators.ews?.faults.take('GetItem', null)).toBeNull()
    expect(await (await fetch(`${simulators.json.control.url}/outbox`)).json()).toEqual({ ews: [], graph: [], vtenext: [] })
  })

  it('lets somebody elsewhere invite and cancel, users answer, and somebody elsewhere answer them', async () => {
    const [alice, guest] = ['alice@example.test', 'guest@elsewhere.example']
    const lastOf = async (address: string) => (await post('ews/items', { address, folder: 'calendar' })).value.at(-1)
    const times = { Start: '2026-12-03T09:00:00', End: '2026-12-03T10:00:00' }
    const fields = { Subject: 'Fair', ...times, RequiredAttendees: [alice] }
    const uid = (await post('ews/meetings', { organizer: guest, fields })).value.fields.UID
    const answered = await post('ews/respond', { address: alice, id: (await lastOf(alice)).id, response: 'accept' })
    expect(answered.value.fields).toMatchObject({ Subject: 'Fair', UID: uid, response: 'Accept' })
    expect((await post('ews/outbox')).value).toMatchObject([{ kind: 'response', to: guest }])
    await post('ews/cancelMeeting', { organizer: guest, uid })
    expect((await lastOf(alice)).fields.Subject).toBe('Canceled: Fair')
    const own = { Subject: 'Visit', ...times, RequiredAttendees: [guest], send: true }
    const made = await post('ews/put', { address: alice, folder: 'calendar', fields: own })
    const name = { organizer: alice, uid: made.value.fields.UID, attendee: guest }
    const shown = await post('ews/answerMeeting', { ...name, response: 'decline' })
    expect(shown.value.fields.RequiredAttendees).toMatchObject([{ address: guest, response: 'Decline' }])
    expect(await post('ews/answerMeeting', { ...name, response: 'maybe' })).toMatchObject({ status: 400 })
  })

  it('shows the occurrences of a series', async () => {
    const address = 'alice@example.test'
    const Recurrence =
      '<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>2027-01-01</t:StartDate></t:NoEndRecurrence></t:Recurrence>'
    const fields = { Subject: 'Daily', Start: '2027-01-01T09:00:00', End: '2027-01-01T09:15:00', Recurrence }
    const { id } = (await post('ews/put', { address, folder: 'calendar', fields })).value
    const days = await post('ews/occurrences', { address, id, from: '2027-03-27', to: '2027-03-30' })
    expect(days.value.map((day: any) => day.fields.Start)).toEqual(
      ['2027-03-27T08:00:00Z', '2027-03-28T07:00:00Z', '2027-03-29T07:00:00Z'],
    )
  })

  it.each([
    ['ews/put', { address: 'alice@example.test' }, 'needs folder and fields'],
    ['ews/items', { address: 'nobody@example.test' }, 'no mailbox nobody@example.test'],
    ['ews/put', { address: 'alice@example.test', folder: 'calender', fields: {} }, 'Existing: root'],
    ['ews/put', { address: 'alice@example.test', folder: 'tasks', fields: { Place: 'x' } }, 'no field Place'],
    ['ews/nothing', {}, 'GET / lists them'],
  ])('answers a wrong request to %s with what is wrong', async (path, body, message) => {
    const { status, value } = await post(path, body)
    expect(status).toBe(400)
    expect(value.error).toContain(message)
  })

  it('gives a mailbox back as it was when a snapshot was taken', async () => {
    await post('ews/snapshot', { name: 'before' })
    await post('ews/emptyMailbox', { address: 'alice@example.test' })
    expect(simulators.ews?.items('alice@example.test')).toEqual([])
    await post('ews/restore', { name: 'before' })
    expect(simulators.ews?.items('alice@example.test')).toHaveLength(3)
  })
})
