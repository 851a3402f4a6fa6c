import { Temporal } from 'temporal-polyfill'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HOUSES, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { day, install } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'

describe.each(HOUSES)('with mailboxes %s', (house) => {
  let simulators: HouseSimulators
  let office: Installation

  /** Each mailbox stands in another zone than its user in the CRM. */
  const PEOPLE = [
    { name: 'alice', crm: 'Europe/Rome', mailbox: 'Eastern Standard Time' },
    { name: 'bob', crm: 'America/New_York', mailbox: 'W. Europe Standard Time' },
    { name: 'dave', crm: 'Europe/London', mailbox: 'Tokyo Standard Time' },
  ] as const

  beforeAll(async () => {
    simulators = await startHouse(house)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    await simulators.control('vtenext/addUser', { username: 'dave', zone: 'Europe/London' })
    for (const { name, crm, mailbox } of PEOPLE) {
      await simulators.control('vtenext/setUser', { username: name, zone: crm })
      await simulators.giveMailbox(name, mailbox)
    }
    // The nights on which clocks change lie up to a year ahead.
    office = await install(simulators, { config: { users: PEOPLE.map(({ name }) => simulators.userOf(name)), sync: { pastDays: 3650, futureDays: 3650 } } })
  })
  afterEach(() => office.close())

  /** Instants around both changes of the clock in Rome and New York. */
  const NIGHTS = [
    '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z', '2027-03-28T00:30:00Z', '2027-03-28T01:30:00Z',
    '2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', '2027-03-14T06:30:00Z', '2027-03-14T07:30:00Z',
  ]

  const later = (at: string, minutes: number) => new Date(Date.parse(at) + minutes * 60_000).toISOString().replace('.000Z', 'Z')

  describe('times', () => {
    it('are the same instant on both sides for people in Rome, New York and London, also in the nights when clocks change', async () => {
      for (const { name } of PEOPLE) {
        for (const at of NIGHTS) await simulators.putItem(name, 'calendar', { Subject: `${name} ${at}`, Start: at, End: later(at, 30) })
        await simulators.putRecord(name, 'Events', visit(`${name} from the CRM`, { date_start: '2027-07-01', time_start: '09:00', due_date: '2027-07-01', time_end: '09:45' }))
      }
      expect(await office.sync()).toMatchObject({ crm: { created: 24 }, exchange: { created: 3 } })
      await office.settled()
      const local = { alice: '2027-07-01T07:00:00Z', bob: '2027-07-01T13:00:00Z', dave: '2027-07-01T08:00:00Z' }
      for (const { name } of PEOPLE) expect((await simulators.item(name, `${name} from the CRM`))?.fields).toMatchObject({ Start: local[name], End: later(local[name], 45) })

      // Read once more from nothing, the records still say the same: what was written was understood.
      await office.loseDatabase()
      expect(await office.sync()).toMatchObject({ linked: 27, crm: { created: 0, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 } })
      for (const { name } of PEOPLE) {
        for (const at of NIGHTS) expect((await simulators.item(name, `${name} ${at}`))?.fields).toMatchObject({ Start: at, End: later(at, 30) })
      }
    })

    it('of an edit made in the CRM by somebody in another zone reach Outlook as the instant he meant', async () => {
      const item = await simulators.putItem('bob', 'calendar', { Subject: 'Moved', Start: '2027-03-14T15:00:00Z', End: '2027-03-14T16:00:00Z' })
      await office.sync()
      const record = await simulators.record('Events', 'Moved')
      await simulators.editRecord('bob', record?.['id'] ?? '', { date_start: '2027-03-14', time_start: '03:30', due_date: '2027-03-14', time_end: '04:30' })
      await office.sync()
      const moved = (await simulators.items('bob', 'calendar')).find(({ id }) => id === item.id)
      expect(moved?.fields).toMatchObject({ Start: '2027-03-14T07:30:00Z', End: '2027-03-14T08:30:00Z' })
      await office.settled()
    })
  })

  describe('an all-day event', () => {
    it('is the same days on both sides, whatever zone its people and mailboxes stand in', async () => {
      const nights = ['2026-10-25', '2027-03-28', '2026-11-01', '2027-03-14', '2027-01-01']
      const dayAfter = (date: string, days = 1) => later(`${date}T00:00:00Z`, days * 1440).slice(0, 10)
      for (const { name } of PEOPLE) {
        for (const date of nights) {
          await simulators.putItem(name, 'calendar', { Subject: `${name} ${date}`, Start: `${date}T00:00:00`, End: `${dayAfter(date)}T00:00:00`, IsAllDayEvent: true })
          await simulators.putRecord(name, 'Events', { subject: `${name} CRM ${date}`, date_start: date, time_start: '00:00', due_date: dayAfter(date), time_end: '23:59', is_all_day_event: '1' })
        }
      }
      expect(await office.sync()).toMatchObject({ crm: { created: 15 }, exchange: { created: 15 } })
      await office.settled()
      for (const { name, crm } of PEOPLE) {
        const own = await simulators.crmClient(name)
        // Graph tells days, EWS the instants at which they begin where the mailbox was told they do.
        const midnight = (date: string) => simulators.homeOf(name) === 'graph' ? `${date}T00:00:00Z` : new Date(Temporal.PlainDate.from(date).toZonedDateTime(crm).epochMilliseconds).toISOString().replace('.000Z', 'Z')
        for (const date of nights) {
          // As he sees it himself, in his own zone.
          const record = await simulators.record('Events', `${name} ${date}`)
          expect(await own.retrieve(record?.['id'] ?? '')).toMatchObject({ is_all_day_event: '1', date_start: date, due_date: date })
          expect((await simulators.item(name, `${name} CRM ${date}`))?.fields).toMatchObject({ IsAllDayEvent: true, Start: midnight(date), End: midnight(dayAfter(date, 2)) })
        }
      }
      await office.loseDatabase()
      expect(await office.sync()).toMatchObject({ linked: 30, crm: { created: 0, updated: 0 }, exchange: { created: 0, updated: 0 } })
    })
  })

  describe('texts that one side cannot hold', () => {
    it.skipIf(house === 'here and there')('are cut, never written back and never written again', async () => {
      const long = 'Subject '.repeat(40).slice(0, simulators.can('alice').longestSubject).trim()
      const texts = {
        long: { Subject: long, Location: 'Place '.repeat(60).trim() },
        emoji: { Subject: 'Coffee ☕ and 🎉 cake', Location: 'Café 👩‍🚀', Body: 'Bring 🥐\r\nand 🧀' },
        entities: { Subject: 'Research &amp; Development <R&D> "quoted" it\'s', Location: 'a < b && c > d', Body: 'x &lt; y &amp;amp; z' },
        html: { Subject: 'HTML', Body: { type: 'HTML', text: '<html><body><p>Hello <b>you</b>,</p><ul><li>one</li><li>two</li></ul><p>See <a href="https://example.test/?a=1&amp;b=2">this</a></p></body></html>' } },
        big: { Subject: 'Big', Body: 'A line of text that is not short.\r\n'.repeat(1800) },
        control: { Subject: 'Tab\tand bell\u0007', Body: 'vertical\u000btab\u0000null\u001bescape', Location: 'line\nbreak' },
        blanks: { Subject: '  blanks  around  ', Body: '\n\n  text  \n\n\n', Location: ' ' },
        nothing: { Subject: '', Body: '', Location: '' },
        backslash: { Subject: 'C:\\temp\\new', Body: "Robert'); DROP TABLE--", Location: '100% \\% _' },
      }
      for (const fields of Object.values(texts)) await simulators.putItem('alice', 'calendar', meeting('', fields))
      for (const fields of Object.values(texts)) await simulators.putItem('alice', 'tasks', { Subject: `Task ${fields.Subject}`, DueDate: day(3), ...('Body' in fields ? { Body: fields.Body } : {}) })
      const put = (subject: string, description: string, location = '') => simulators.putRecord('alice', 'Events', visit(subject, { description, location }))
      await put('From the CRM <b>&amp;</b> "1"', 'line 1\r\nline 2\n\n  indented\ttab')
      await put('x'.repeat(100), '<p>not HTML, but text</p> &nbsp; &euro;', 'y'.repeat(150))
      await put('Big from the CRM', 'Ein längerer Text mit Umlauten.\n'.repeat(2000))
      const first = await office.sync()
      expect(first).toMatchObject({ crm: { created: 18 }, exchange: { created: 3 }, failed: 0 })
      await office.settled()
      await office.settled()
      const items = await simulators.items('alice', 'calendar')
      expect(items.find(({ fields }) => String(fields['Subject']).startsWith('Subject '))?.fields['Subject']).toBe(long)
      expect(await simulators.record('Events', 'HTML')).toMatchObject({ description: expect.stringMatching(/Hello you,[\s\S]*one[\s\S]*two[\s\S]*https:\/\/example\.test\/\?a=1&b=2/) })
      expect((await simulators.record('Events', 'Big'))?.['description']?.length).toBeGreaterThan(55_000)
      // vtenext takes entities for what they stand for; Outlook's text stays as it is.
      expect(await simulators.record('Events', 'Research & Development <R&D> "quoted" it\'s')).toMatchObject({ location: 'a < b && c > d', description: 'x < y & z' })
      expect(items.map(({ fields }) => fields['Subject'])).toContain(texts.entities.Subject)

      // An edit of another field carries nothing else along.
      const record = (await simulators.records('Events')).find(({ subject }) => subject?.startsWith('Subject '))
      await simulators.editRecord('alice', record?.['id'] ?? '', { description: 'Edited in the CRM' })
      expect(await office.sync()).toMatchObject({ exchange: { updated: 1 }, crm: { updated: 0 } })
      expect((await simulators.items('alice', 'calendar')).find(({ fields }) => fields['Subject'] === long)?.fields['Location']).toBe('Place '.repeat(60).trim())
      await office.settled()
    })
  })
})
