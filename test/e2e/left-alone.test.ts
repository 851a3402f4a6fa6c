import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dump } from './support/database.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf } from './support/people.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators)
})
afterEach(() => office.close())

const WEEKLY = `<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>${day(3)}</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`

describe('a recurring task', () => {
  it('is left alone on both sides and says why, whether it was made so or became one', async () => {
    const weekly = await simulators.putItem('alice', 'tasks', { Subject: 'Weekly report', StartDate: day(3), DueDate: day(3), Recurrence: WEEKLY })
    const single = await simulators.putItem('alice', 'tasks', { Subject: 'Report', DueDate: day(3) })
    expect(await office.sync()).toMatchObject({ crm: { created: 1 }, exchange: NOTHING, skipped: 1, skippedBy: { recurring: 1 } })
    expect(subjectsOf(await simulators.records('Calendar'))).toEqual(['Report'])
    const status = await office.run('status', '--item', weekly.id)
    expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/left alone: .*recurring/i)])
    await office.settled()

    await simulators.editItem('alice', single.id, { StartDate: day(3), Recurrence: WEEKLY, Subject: 'Became weekly' })
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING, skippedBy: { recurring: 1 } })
    expect(subjectsOf(await simulators.records('Calendar'))).toEqual(['Report'])
    await simulators.editRecord('alice', (await simulators.record('Calendar', 'Report'))?.['id'] ?? '', { subject: 'Edited in the CRM' })
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
    await office.settled()

    // It no longer repeats: both sides are read again.
    const item = await simulators.item('alice', 'Became weekly', 'tasks')
    await simulators.editItem('alice', item?.id ?? '', { Recurrence: null, Subject: 'Once again' })
    expect(await office.sync()).toMatchObject({ failed: 0, skipped: 0 })
    expect((await simulators.records('Calendar')).length).toBe(1)
    await office.settled()
  })
})

describe('a series of events', () => {
  it('beyond the window is left alone until the window reaches it', async () => {
    office.configure({ sync: { pastDays: 30, futureDays: 20 } })
    const far = WEEKLY.replaceAll(day(3), day(60))
    await simulators.putItem('alice', 'calendar', meeting('Far away', { Start: `${day(60)}T09:00:00Z`, End: `${day(60)}T10:00:00Z`, Recurrence: far }))
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
    office.configure({ sync: { pastDays: 30, futureDays: 365 } })
    await office.loseDatabase()
    expect(await office.sync()).toMatchObject({ crm: { created: 5 }, exchange: NOTHING })
    await office.settled()
  })
})

const SECRETS = ['Oncologist', 'Ward 7', 'biopsy', 'Therapycat', 'Redundancies', 'layoffs']

async function secretItems(): Promise<void> {
  await simulators.putItem('alice', 'calendar', meeting('Oncologist', { Location: 'Ward 7', Body: 'biopsy results', Sensitivity: 'Private', Categories: ['Therapycat'] }))
  await simulators.putItem('alice', 'tasks', { Subject: 'Redundancies', Body: 'layoffs list', Sensitivity: 'Confidential', DueDate: day(3) })
}

describe('the words of a private Exchange item', () => {
  it('appear nowhere: not in the CRM, the database, the log or the journal; the time does', async () => {
    await secretItems()
    const first = await office.run('sync', '--once', '--json', '--verbose')
    expect(first.json).toMatchObject({ ok: true, crm: { created: 2 } })
    // An edit, too: what was masked stays masked.
    const item = await simulators.item('alice', 'Oncologist')
    await simulators.editItem('alice', item?.id ?? '', { Body: 'second biopsy', Start: `${day(3)}T12:00:00Z`, End: `${day(3)}T13:00:00Z` })
    expect((await office.run('sync', '--once', '--json', '--verbose')).json).toMatchObject({ crm: { updated: 1 } })
    const journal = await office.run('journal', '--json', '--values')
    const everywhere = {
      crm: JSON.stringify([await simulators.records('Events'), await simulators.records('Calendar')]),
      database: await dump(office), log: first.stderr, journal: journal.stdout,
      status: (await office.run('status', '--item', item?.id ?? '')).stdout,
    }
    expect(everywhere.database).toContain('Busy')
    for (const [place, text] of Object.entries(everywhere)) for (const word of SECRETS) expect(text.includes(word), `${word} in ${place}`).toBe(false)
    expect(await simulators.record('Events', 'Busy')).toMatchObject({ time_start: '13:00', location: '', description: '' })
    await office.settled()

    // Renamed in the CRM, the block becomes a block again; Outlook keeps its words.
    await simulators.editRecord('alice', (await simulators.record('Events', 'Busy'))?.['id'] ?? '', { subject: 'What is this?', location: 'Here' })
    expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: { updated: 1 } })
    expect((await simulators.item('alice', 'Oncologist'))?.fields).toMatchObject({ Location: 'Ward 7' })
    await office.settled()
  })

  it('reach the CRM once the item is no longer private', async () => {
    await secretItems()
    await office.sync()
    const item = await simulators.item('alice', 'Oncologist')
    await simulators.editItem('alice', item?.id ?? '', { Sensitivity: 'Normal' })
    expect(await office.sync()).toMatchObject({ crm: { updated: 1 }, exchange: NOTHING })
    expect(await simulators.record('Events', 'Oncologist')).toMatchObject({ location: 'Ward 7', description: 'biopsy results' })
    await office.settled()
    // And back again: from then on the CRM forgets them.
    await simulators.editItem('alice', item?.id ?? '', { Sensitivity: 'Private' })
    await office.sync()
    expect(JSON.stringify(await simulators.records('Events'))).not.toContain('Oncologist')
    await office.settled()
  })

  it('reach the CRM with the policy "full", and the item stays out of it with "skip"', async () => {
    await secretItems()
    office.configure({ policy: { privateItems: 'skip' } })
    expect(await office.sync()).toMatchObject({ crm: NOTHING, skippedBy: { private: 2 } })
    const status = await office.run('status', '--item', (await simulators.item('alice', 'Oncologist'))?.id ?? '')
    expect(status.stdout).toMatch(/left alone: .*private/i)
    await office.loseDatabase()
    office.configure({ policy: { privateItems: 'full' } })
    expect(await office.sync()).toMatchObject({ crm: { created: 2 } })
    expect(await simulators.record('Events', 'Oncologist')).toMatchObject({ location: 'Ward 7', visibility: 'Private' })
    await office.settled()
  })
})
