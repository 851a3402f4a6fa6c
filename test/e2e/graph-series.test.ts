import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, hour, startCloudSimulators } from './support/cloud.ts'
import type { CloudSimulators } from './support/cloud.ts'
import { day, install } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import type { CrmRecord } from './support/simulators.ts'

let simulators: CloudSimulators
let office: Installation

beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: { exchange: [cloudConnection(simulators)], users: ['alice', 'bob'].map((name) => ({ crm: name, mailbox: `${name}@example.test` })), sync: { pastDays: 2, futureDays: 40 } } })
})
afterEach(() => office.close())

const events = async (): Promise<CrmRecord[]> => (await simulators.records('Events')).toSorted((a, b) => (`${a['date_start']}` < `${b['date_start']}` ? -1 : 1))
const numbers = (records: readonly CrmRecord[]) => records.map((one) => Number(one['recurr_idx']))
const instancesOf = async (id: string): Promise<any[]> =>
  (await simulators.cloud('alice', 'GET', `/events/${id}/instances?startDateTime=${day(-5)}T00:00:00Z&endDateTime=${day(90)}T00:00:00Z&$top=200`)).value

describe('a series in Microsoft 365', () => {
  it('arrives as one numbered record per day, and follows edits and deletions of both sides', async () => {
    const { id } = await simulators.cloudEvent('alice', 'Stand-up', {
      ...hour(1, 9), recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'noEnd', startDate: day(1) } },
    })
    await office.sync()
    const before = await events()
    expect(before.length).toBeGreaterThanOrEqual(39)
    expect(numbers(before)).toEqual(before.map((_, index) => index))
    expect(new Set(before.map((one) => one['ical_uuid'])).size).toBe(1)
    await office.settled()

    const there = await instancesOf(id)
    await simulators.cloud('alice', 'PATCH', `/events/${there[4].id}`, { subject: 'Retro' })
    await simulators.cloud('alice', 'DELETE', `/events/${there[6].id}`)
    expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 1, deleted: 1 } })
    expect(numbers((await events()).filter((one) => one['subject'] === 'Retro'))).toEqual([4])
    expect(numbers(await events())).not.toContain(6)

    const byNumber = async (number: number) => (await events()).find((one) => Number(one['recurr_idx']) === number)?.['id'] ?? ''
    await simulators.editRecord('alice', await byNumber(9), { subject: 'Planning' })
    await simulators.control('vtenext/remove', { id: await byNumber(11) })
    expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0 })
    const after = await instancesOf(id)
    expect(after.filter(({ type }) => type === 'exception').map(({ subject }) => subject).toSorted()).toEqual(['Planning', 'Retro'])
    expect(after.map(({ start }) => start.dateTime.slice(0, 10))).not.toContain(day(12))
    await office.settled()
  })

  it('made in the CRM becomes one series, is found again after the loss of the database, and is not made twice', async () => {
    const start = day(3)
    const { ids } = (await simulators.control('vtenext/makeSeries', { as: 'alice', count: 5, fields: { subject: 'Training', date_start: start, due_date: start, time_start: '10:00', time_end: '11:00' } })) as { ids: string[] }
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 }, crm: { created: 0, deleted: 0 }, linked: 5 })
    const [series, ...more] = await simulators.cloudEvents('alice')
    expect(more).toEqual([])
    expect(series).toMatchObject({ subject: 'Training', type: 'seriesMaster', recurrence: { range: { type: 'numbered', numberOfOccurrences: 5 } } })
    await office.settled()
    await simulators.editRecord('alice', ids[2] ?? '', { subject: 'Exam' })
    await simulators.control('vtenext/remove', { id: ids[4] })
    expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0 })
    expect((await instancesOf(series?.id ?? '')).map(({ subject }) => subject)).toEqual(['Training', 'Training', 'Exam', 'Training'])
    await office.settled()
    await office.loseDatabase()
    expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, linked: 4 })
    await office.settled()
  })
})

describe('a meeting in Microsoft 365', () => {
  it('is one record with the invited colleague on it, and his answer travels', async () => {
    const attendees = ['bob@example.test', 'gina@ext.test'].map((address) => ({ type: 'required', emailAddress: { address, name: address } }))
    await simulators.cloudEvent('alice', 'Board', { attendees })
    const mails = await simulators.mails()
    expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0, crm: { created: 1 } })
    const [record, ...more] = await events()
    expect(more).toEqual([])
    expect(record?.invitees.length).toBe(1)
    expect(record?.['description']).toContain('gina@ext.test')
    expect(await simulators.mails()).toBe(mails)

    const bobs = (await simulators.cloudEvents('bob')).find(({ subject }) => subject === 'Board')
    await simulators.cloud('bob', 'POST', `/events/${bobs?.id}/accept`, { sendResponse: true })
    const answered = await simulators.mails()
    expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0 })
    expect(((await events())[0]?.invitees as unknown as { partecipation: number | string }[])[0]?.partecipation.toString()).toBe('2')
    expect((await office.trySync()).json).toMatchObject({ crm: { created: 0, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 } })
    expect(await simulators.mails()).toBe(answered)
  })
})
