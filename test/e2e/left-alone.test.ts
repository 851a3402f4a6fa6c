import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EITHER, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import type { Repeats } from './support/repeats.ts'
import { meeting, subjectsOf } from './support/people.ts'

describe.each(EITHER)('with mailboxes %s', (house) => {
  let simulators: HouseSimulators
  let office: Installation

  beforeAll(async () => {
    simulators = await startHouse(house)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators)
  })
  afterEach(() => office.close())

  const WEEKLY: Repeats = { every: 'week', from: day(3), count: 5 }

  describe('a recurring task', () => {
    it('is left alone on both sides and says why, whether it was made so or became one', async () => {
      const weekly = await simulators.putItem('alice', 'tasks', { Subject: 'Weekly report', StartDate: day(3), DueDate: day(3), Repeats: WEEKLY })
      const single = await simulators.putItem('alice', 'tasks', { Subject: 'Report', DueDate: day(3) })
      expect(await office.sync()).toMatchObject({ crm: { created: 1 }, exchange: NOTHING, skipped: 1, skippedBy: { recurring: 1 } })
      expect(subjectsOf(await simulators.records('Calendar'))).toEqual(['Report'])
      const status = await office.run('status', '--item', weekly.id)
      expect([status.code, status.stdout]).toEqual([0, expect.stringMatching(/left alone: .*recurring/i)])
      await office.settled()

      await simulators.editItem('alice', single.id, { StartDate: day(3), Repeats: WEEKLY, Subject: 'Became weekly' })
      expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING, skippedBy: { recurring: 1 } })
      expect(subjectsOf(await simulators.records('Calendar'))).toEqual(['Report'])
      await simulators.editRecord('alice', (await simulators.record('Calendar', 'Report'))?.['id'] ?? '', { subject: 'Edited in the CRM' })
      expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
      await office.settled()

      // It no longer repeats: both sides are read again.
      const item = await simulators.item('alice', 'Became weekly', 'tasks')
      await simulators.editItem('alice', item?.id ?? '', { Repeats: null, Subject: 'Once again' })
      expect(await office.sync()).toMatchObject({ failed: 0, skipped: 0 })
      expect((await simulators.records('Calendar')).length).toBe(1)
      await office.settled()
    })
  })

  describe('a series of events', () => {
    it('beyond the window is left alone until the window reaches it', async () => {
      office.configure({ sync: { pastDays: 30, futureDays: 20 } })
      await simulators.putItem('alice', 'calendar', meeting('Far away', { Start: `${day(60)}T09:00:00Z`, End: `${day(60)}T10:00:00Z`, Repeats: { ...WEEKLY, from: day(60) } }))
      expect(await office.sync()).toMatchObject({ crm: NOTHING, exchange: NOTHING })
      office.configure({ sync: { pastDays: 30, futureDays: 365 } })
      await office.loseDatabase()
      expect(await office.sync()).toMatchObject({ crm: { created: 5 }, exchange: NOTHING })
      await office.settled()
    })
  })

  const SECRETS = ['Oncologist', 'Ward 7', 'biopsy', 'Therapycat', 'Redundancies', 'layoffs']

  /** @returns how many there are: a task of Microsoft 365 cannot be private */
  async function secretItems(): Promise<number> {
    await simulators.putItem('alice', 'calendar', meeting('Oncologist', { Location: 'Ward 7', Body: 'biopsy results', Sensitivity: 'Private', Categories: ['Therapycat'] }))
    if (simulators.can('alice').privateTasks) await simulators.putItem('alice', 'tasks', { Subject: 'Redundancies', Body: 'layoffs list', Sensitivity: 'Confidential', DueDate: day(3) })
    return simulators.can('alice').privateTasks ? 2 : 1
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
      const secrets = await secretItems()
      const first = await office.run('sync', '--once', '--json', '--verbose')
      expect(first.json).toMatchObject({ ok: true, crm: { created: secrets } })
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
      const secrets = await secretItems()
      office.configure({ policy: { privateItems: 'skip' } })
      expect(await office.sync()).toMatchObject({ crm: NOTHING, skippedBy: { private: secrets } })
      const status = await office.run('status', '--item', (await simulators.item('alice', 'Oncologist'))?.id ?? '')
      expect(status.stdout).toMatch(/left alone: .*private/i)
      await office.loseDatabase()
      office.configure({ policy: { privateItems: 'full' } })
      expect(await office.sync()).toMatchObject({ crm: { created: secrets } })
      expect(await simulators.record('Events', 'Oncologist')).toMatchObject({ location: 'Ward 7', visibility: 'Private' })
      await office.settled()
    })
  })

  // Last: its invitations stay in the outbox.
  describe('the record of a meeting of somebody else that is deleted in the CRM', () => {
    const why = async (id = '') => (await office.run('status', '--item', id, '--json')).json.why.sentence as string
    const invited = async () => {
      await simulators.invite('bob', { Subject: 'Review', Start: `${day(3)}T09:00:00Z`, End: `${day(3)}T10:00:00Z` }, ['alice@example.test'])
      office.configure({ users: [simulators.userOf('alice')], policy: { foreignDeletion: 'hide' } })
      expect((await office.trySync()).json).toMatchObject({ ok: true, crm: { created: 1 } })
      const record = (await simulators.record('Events', 'Review'))?.['id'] ?? ''
      await simulators.control('vtenext/remove', { id: record })
      return record
    }

    it('stays away by the policy "hide" and says why, and is joined again when it is put back', async () => {
      const record = await invited()
      expect((await office.trySync()).json).toMatchObject({ crm: NOTHING, exchange: NOTHING })
      expect(await why(record)).toMatch(/let go of.*somebody else organizes it/)
      expect(await why((await simulators.item('alice', 'Review'))?.id)).toMatch(/let go of.*somebody else organizes it/)
      await simulators.control('vtenext/restore', { id: record })
      expect((await office.trySync()).json).toMatchObject({ crm: { created: 0, deleted: 0 }, exchange: NOTHING, linked: 1 })
      expect((await office.trySync()).json).toMatchObject({ crm: NOTHING, exchange: NOTHING, linked: 0 })
      expect(await why(record)).toMatch(/^It is in step; only its organizer can change it/)
    })

    it('comes back by the policy "restore", and its old number tells the new one', async () => {
      const record = await invited()
      office.configure({ users: [simulators.userOf('alice')] })
      expect((await office.trySync()).json).toMatchObject({ crm: { created: 1 }, exchange: NOTHING })
      expect(await why(record)).toContain(`made again as ${(await simulators.record('Events', 'Review'))?.['id']}`)
    })
  })
})
