import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
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

describe('a series', () => {
  it('is left alone on both sides and says why, whether it was made so or became one', async () => {
    const series = await simulators.putItem('alice', 'calendar', meeting('Weekly in Outlook', { Recurrence: WEEKLY }))
    const [first = ''] = (await simulators.control('vtenext/makeSeries', { as: 'alice', count: 3, fields: visit('Weekly in the CRM') })).ids
    await simulators.putItem('alice', 'calendar', meeting('Single'))
    const report = await office.sync()
    expect(report).toMatchObject({ crm: { created: 1 }, exchange: NOTHING, skipped: 4, skippedBy: { recurring: 4 } })
    expect((await simulators.records('Events')).filter(({ subject }) => subject === 'Weekly in Outlook')).toEqual([])
    expect(await simulators.item('alice', 'Weekly in the CRM')).toBeUndefined()
    for (const id of [series.id, first]) {
      const status = await office.run('status', '--item', id)
      expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/left alone: .*(series|recurring)/i)])
    }
    await office.settled()

    const single = await simulators.item('alice', 'Single')
    await simulators.editItem('alice', single?.id ?? '', { Recurrence: WEEKLY, Subject: 'Became weekly' })
    expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING, skippedBy: { recurring: 1 } })
    expect(await simulators.record('Events', 'Single')).toMatchObject({ subject: 'Single' })
    await office.settled()
  })
})

const SECRETS = ['Oncologist', 'Ward 7', 'biopsy', 'Therapycat', 'Redundancies', 'layoffs']

async function secretItems(): Promise<void> {
  await simulators.putItem('alice', 'calendar', meeting('Oncologist', { Location: 'Ward 7', Body: 'biopsy results', Sensitivity: 'Private', Categories: ['Therapycat'] }))
  await simulators.putItem('alice', 'tasks', { Subject: 'Redundancies', Body: 'layoffs list', Sensitivity: 'Confidential', DueDate: day(3) })
}

/** Every table of the database as text. */
async function dump(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>(`select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`)
    const texts = []
    for (const { name } of rows) texts.push(name, JSON.stringify((await client.query(`select t::text as row from ${name} t`)).rows))
    return texts.join('\n')
  } finally {
    await client.end()
  }
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
      database: await dump(office.databaseUrl ?? ''), log: first.stderr, journal: journal.stdout,
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
