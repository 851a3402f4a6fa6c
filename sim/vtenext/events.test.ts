import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../clock.ts'
import { clientOf, type ForeignClient, meeting, task } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let sim: VtenextSim
let admin: ForeignClient
beforeAll(async () => {
  sim = await startVtenextSim({ clock: createSimClock(() => Date.parse('2026-11-22T17:20:06Z')) })
})
beforeEach(async () => {
  sim.reset()
  admin = await clientOf(sim, 'admin')
})
afterAll(() => sim.stop())

const stored = (module: string): Record<string, unknown> => sim.records(module)[0] as Record<string, unknown>

async function invitees(): Promise<{ id: string; partecipation: string }[]> {
  const { created, updated } = await admin.changes({ module: 'Events' })
  return [...created, ...updated][0].invitees
}

describe('zones', () => {
  it('bob in New York writes 10:00, the server stores 16:00; he reads 10:00 but queries 16:00', async () => {
    const bob = await clientOf(sim, 'bob')
    const { id, ...reply } = await bob.create('Events', meeting({ assigned_user_id: '19x5' }))
    expect(reply).toMatchObject({ time_start: '10:00', createdtime: '2026-11-22 12:20:06', duration_hours: '1' })
    expect(stored('Events')).toMatchObject({
      time_start: '16:00',
      time_end: '17:00',
      createdtime: '2026-11-22 18:20:06',
    })
    expect(await bob.retrieve(id)).toMatchObject({ time_start: '10:00', modifiedtime: '2026-11-22 12:20:06' })
    expect(await bob.query('select id,time_start,modifiedtime from Events;')).toEqual([
      { id, time_start: '16:00', modifiedtime: '2026-11-22 18:20:06' },
    ])
    const [inFeed] = (await bob.changes({ module: 'Events' })).created
    expect(inFeed).toMatchObject({ time_start: '10:00', modifiedtime: '2026-11-22 18:20:06' })
    const [delegated] = (await admin.changes({ module: 'Events', delegatedUser: 'bob' })).created
    expect(delegated).toMatchObject({ time_start: '10:00' })
  })

  it('the weeks when only one side has daylight saving time are five hours apart, not six', async () => {
    const bob = await clientOf(sim, 'bob')
    const day = { date_start: '2027-03-20', due_date: '2027-03-20', time_start: '14:00', time_end: '15:00' }
    await bob.create('Events', meeting({ ...day, assigned_user_id: '19x5' }))
    expect(stored('Events')).toMatchObject({ date_start: '2027-03-20', time_start: '19:00' })
  })

  it('an all-day event is moved as well, into the next day', async () => {
    const bob = await clientOf(sim, 'bob')
    const day = { date_start: '2027-03-01', due_date: '2027-03-01', time_start: '00:00', time_end: '23:59' }
    await bob.create('Events', meeting({ ...day, is_all_day_event: 1, assigned_user_id: '19x5' }))
    expect(stored('Events')).toMatchObject({
      date_start: '2027-03-01',
      time_start: '06:00',
      due_date: '2027-03-02',
      time_end: '05:59',
      is_all_day_event: '1',
    })
  })

  it('the start of a task is converted, its due date is not, and the change feed keeps the server zone', async () => {
    const bob = await clientOf(sim, 'bob')
    await bob.create('Calendar', task({ time_start: '22:30', assigned_user_id: '19x5' }))
    const inServerZone = { date_start: '2026-12-03', time_start: '04:30', due_date: '2026-12-05', time_end: '' }
    expect(stored('Calendar')).toMatchObject(inServerZone)
    expect((await bob.changes({ module: 'Calendar' })).created[0]).toMatchObject(inServerZone)
  })

  it('a revise of the start alone keeps the end, in the zone of whoever revises', async () => {
    const { id } = await admin.create('Events', meeting({ assigned_user_id: '19x5' }))
    const bob = await clientOf(sim, 'bob')
    expect(await bob.revise({ id, time_start: '03:30' })).toMatchObject({ time_start: '03:30', time_end: '05:00' })
    expect(stored('Events')).toMatchObject({
      time_start: '09:30',
      time_end: '11:00',
      duration_hours: '1',
      duration_minutes: '30',
    })
  })
})

describe('reminders', () => {
  it('are written in seconds and read in minutes, with full hours one too long', async () => {
    const read = async (seconds: number | string): Promise<string> =>
      (await admin.create('Events', meeting({ reminder_time: seconds }))).reminder_time
    expect(await read(900)).toBe('15')
    expect(await read(3600)).toBe('61')
    expect(await read(3540)).toBe('59')
    expect(await read('86400')).toBe('1441')
    expect(await read(0)).toBe('')
  })

  it('stay when absent or 0, are ruined by sending back what was read, and by updateRecord', async () => {
    const { id } = await admin.create('Events', meeting({ reminder_time: 900 }))
    expect((await admin.revise({ id, reminder_time: 0 })).reminder_time).toBe('15')
    expect((await admin.update(meeting({ id }))).reminder_time).toBe('15')
    const columns = JSON.stringify({ subject: 'Renamed' })
    expect(await admin.result('POST', 'updateRecord', { id, columns })).toMatchObject({
      subject: 'Renamed',
      reminder_time: '1',
    })
  })
})

describe('a reminder', () => {
  it('does not come back with the record from the bin', async () => {
    const { id } = await admin.create('Events', meeting({ reminder_time: 900 }))
    await admin.result('POST', 'delete', { id })
    sim.restore(id)
    expect((await admin.retrieve(id)).reminder_time).toBe('')
  })
})

describe('invitees', () => {
  const bobAndTom = (answer: number): object[] => [
    { email: 'BOB@example.test', partecipation: answer },
    { email: 'tom@globex.test', partecipation: answer },
    { email: 'stranger@nowhere.test', partecipation: 0 },
  ]
  const answers = async (): Promise<string[]> => (await invitees()).map(({ partecipation }) => partecipation)
  let id: string

  beforeEach(async () => {
    sim.put('Contacts', { lastname: 'Smith', firstname: 'Tom', email: 'tom@globex.test' })
    sim.put('Contacts', { lastname: 'Müller', firstname: 'Ann', email: 'Ann.tom@globex.test' })
    const made = await admin.create('Events', meeting({ invitees: bobAndTom(2) }))
    id = made.id
  })

  it('are users with that address and all contacts whose address contains it; strangers are dropped', async () => {
    expect(await invitees()).toEqual([
      expect.objectContaining({ id: '19x5', user_name: 'bob', partecipation: '2', type: 'Users', email2: '' }),
      expect.objectContaining({ id: '4x22', email1: 'tom@globex.test', email2: null, entityname: 'Smith Tom' }),
      expect.objectContaining({ id: '4x23', entityname: 'M&uuml;ller Ann', type: 'Contacts' }),
    ])
  })

  it('lose their answers when the time changes and the list is not sent along', async () => {
    await admin.revise({ id, subject: 'Same time' })
    expect(await answers()).toEqual(['2', '2', '2'])
    await admin.revise({ id, time_end: '12:00', invitees: bobAndTom(2) })
    expect(await answers()).toEqual(['2', '2', '2'])
    await admin.revise({ id, time_end: '12:30' })
    expect(await answers()).toEqual(['0', '0', '0'])
    await admin.revise({ id, invitees: [] })
    expect(await answers()).toEqual([])
  })

  it('who are contacts get a mail when they are new, users do not', async () => {
    expect(sim.mails.map(({ to, subject }) => `${to} ${subject}`)).toEqual([
      'tom@globex.test Kick-off',
      'Ann.tom@globex.test Kick-off',
    ])
    await admin.revise({ id, invitees: bobAndTom(1) })
    expect(sim.mails).toHaveLength(2)
  })

  it('answer without touching modifiedtime', async () => {
    sim.clock.advance(60_000)
    sim.answerInvitation(id, '19x5', 1)
    expect(await answers()).toEqual(['1', '2', '2'])
    expect((await admin.retrieve(id)).modifiedtime).toBe((await admin.retrieve(id)).createdtime)
  })

  it('named by bob are himself and contacts only: carol is dropped without notice', async () => {
    sim.purge(id)
    const bob = await clientOf(sim, 'bob')
    const list = [{ email: 'carol@example.test' }, { email: 'bob@example.test' }, { email: 'tom@globex.test' }]
    await bob.create('Events', meeting({ assigned_user_id: '19x5', invitees: list }))
    expect((await invitees()).map((invitee) => invitee.id)).toEqual(['19x5', '4x22', '4x23'])
  })

  it('who own the event but do not organize it may change but not delete it', async () => {
    const made = await admin.create(
      'Events',
      meeting({
        organizer: { type: 'Other', value: 'boss@ext.test' },
        invitees: [{ email: 'alice@example.test' }],
      }),
    )
    const alice = await clientOf(sim, 'alice')
    expect(await alice.revise({ id: made.id, subject: 'Mine' })).toMatchObject({ organizer: 'boss@ext.test' })
    expect((await alice.error('POST', 'delete', { id: made.id })).message).toBe(
      'Permission to read given object is denied',
    )
    expect(await admin.result('POST', 'delete', { id: made.id })).toEqual({ status: 'successful' })
  })
})

describe('a series', () => {
  it('is one record per occurrence with one ical_uuid and a label on the first', async () => {
    const ids = sim.makeSeries({ fields: meeting(), count: 3, as: 'alice' })
    const uuid = (await admin.retrieve(ids[0] ?? '')).ical_uuid
    const found = await admin.query(
      `select id,recurr_idx,date_start,recurringtype from Events where ical_uuid='${uuid}' order by recurr_idx;`,
    )
    expect(found).toEqual([
      { id: ids[0], recurr_idx: '0', date_start: '2026-12-01', recurringtype: 'Weekly' },
      { id: ids[1], recurr_idx: '1', date_start: '2026-12-08', recurringtype: '' },
      { id: ids[2], recurr_idx: '2', date_start: '2026-12-15', recurringtype: '' },
    ])
    expect(sim.writes.create).toBe(0)
  })
})
