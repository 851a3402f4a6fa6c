import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HOUSES, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { install } from './support/installation.ts'
import type { Installation, Report } from './support/installation.ts'
import type { Repeats } from './support/repeats.ts'
import { addressOf } from './support/simulators.ts'
import type { CrmRecord } from './support/simulators.ts'

describe.each(HOUSES)('with mailboxes %s', (house) => {
  let simulators: HouseSimulators
  let office: Installation
  /** What happens in one mailbox is the same wherever the others are. */
  const isMixed = house === 'here and there'

  beforeAll(async () => {
    simulators = await startHouse(house)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators, { config: { users: ['alice', 'bob'].map((name) => simulators.userOf(name)), sync: { pastDays: 2, futureDays: 100 } } })
  })
  afterEach(() => office.close())

  const DAY = 86_400_000
  const isoDay = (days: number, from = Date.now()) => new Date(from + days * DAY).toISOString().slice(0, 10)

  /** As Outlook makes it: local times with the item's own zone. @returns its id */
  const putSeries = async (who: string, Subject: string, first: string, [from, to]: readonly [string, string], StartTimeZone: string, Repeats: Repeats): Promise<string> =>
    (await simulators.putItem(who, 'calendar', { Subject, Start: `${first}T${from}:00`, End: `${first}T${to}:00`, StartTimeZone, Repeats })).id
  /** How many dates of the series were edited, and how many deleted. */
  async function exceptionsOf(who: string, id: string): Promise<[edited: number, deleted: number]> {
    const series = (await simulators.items(who, 'calendar')).find((item) => item.id === id)?.series
    return [series?.exceptions.length ?? 0, series?.deleted.length ?? 0]
  }

  const events = async (subject?: string): Promise<CrmRecord[]> =>
    (await simulators.records('Events')).filter((one) => subject === undefined || one['subject'] === subject).sort((a, b) => (`${a['date_start']}` < `${b['date_start']}` ? -1 : 1))
  const numbers = (records: readonly CrmRecord[]) => records.map((one) => Number(one['recurr_idx']))

  describe('an endless daily series', () => {
    it.skipIf(isMixed)('arrives as one numbered record per day, follows edits of both sides and a changed rule, and keeps arriving', async () => {
      const first = isoDay(1)
      const id = await putSeries('alice', 'Stand-up', first, ['09:00', '09:15'], 'W. Europe Standard Time', { every: 'day', from: first })
      await office.sync()
      const before = await events('Stand-up')
      expect(before.length).toBeGreaterThanOrEqual(99)
      expect(before.length).toBeLessThanOrEqual(102)
      expect(numbers(before)).toEqual(before.map((_, index) => index))
      expect(new Set(before.map((one) => one['ical_uuid'])).size).toBe(1)
      // The wall clock time stays, whatever the summer time.
      expect(new Set(before.map((one) => one['time_start']?.slice(0, 5)))).toEqual(new Set(['09:00']))
      await office.settled()

      const dates = await simulators.occurrences('alice', id)
      await simulators.editItem('alice', dates[4] ?? '', { Subject: 'Retro' })
      await simulators.deleteItem('alice', dates[6] ?? '')
      expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 1, deleted: 1 }, exchange: { created: 0, deleted: 0 } })
      expect(numbers(await events('Retro'))).toEqual([4])
      expect(numbers(await events())).not.toContain(6)

      const edited = (await events()).find((one) => Number(one['recurr_idx']) === 9) as CrmRecord
      const doomed = (await events()).find((one) => Number(one['recurr_idx']) === 11) as CrmRecord
      await simulators.editRecord('alice', edited['id'] ?? '', { subject: 'Planning' })
      await simulators.control('vtenext/remove', { id: doomed['id'] })
      await office.sync()
      expect(await exceptionsOf('alice', id)).toEqual([2, 2])
      await office.settled()

      // Sixty days later: nothing but the days that came into the window.
      await simulators.control('clock', { advanceMs: 60 * DAY })
      const now = ['--now', new Date(Date.now() + 60 * DAY).toISOString()]
      const later = await office.run('sync', '--once', '--json', ...now)
      expect(later.json, later.stderr).toMatchObject({ ok: true, crm: { created: 60, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 }, mails: 0 })
      const kept = new Set((await events()).map((one) => one['id']))
      for (const { id: record } of before) if (record !== doomed['id'] && record !== before[6]?.['id']) expect(kept.has(record)).toBe(true)
      expect(new Set(numbers(await events())).size).toBe((await events()).length)
      const settled = await office.run('sync', '--once', '--json', ...now)
      expect(settled.json).toMatchObject({ ok: true, crm: { created: 0, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 } })
      expect(await simulators.mails()).toBe(0)
    })

    it.skipIf(isMixed)('whose rule becomes weekly keeps the records of the days that remain', async () => {
      const first = isoDay(1)
      const id = await putSeries('alice', 'Stand-up', first, ['09:00', '09:15'], 'W. Europe Standard Time', { every: 'day', from: first })
      await office.sync()
      const before = await events()
      await simulators.editItem('alice', id, { Repeats: { every: 'week', from: first } })
      const report = await office.sync()
      const after = await events()
      expect(report).toMatchObject({ crm: { created: 0, updated: 0, deleted: before.length - after.length }, held: 0 })
      expect(after.map((one) => one['id'])).toEqual(before.filter((_, index) => index % 7 === 0).map((one) => one['id']))
      await office.settled()
    })
  })

  describe('the last weekday of the month in New York', () => {
    it.skipIf(isMixed)('with three exceptions and two deletions arrives as it is', async () => {
      // The window is two days back and a hundred ahead: three or four occurrences of it lie inside.
      const first = isoDay(-400)
      await office.close()
      office = await install(simulators, { config: { users: [simulators.userOf('alice')], sync: { pastDays: 365, futureDays: 365 } } })
      const id = await putSeries('alice', 'Closing', lastWeekdayOf(first), ['17:00', '18:00'], 'Eastern Standard Time', { every: 'last-weekday', from: lastWeekdayOf(first), count: 24 })
      const dates = await simulators.occurrences('alice', id, 400)
      for (const number of [4, 6, 8]) await simulators.editItem('alice', dates[number - 1] ?? '', { Subject: `Closing ${number}` })
      for (const number of [5, 9]) await simulators.deleteItem('alice', dates[number - 1] ?? '')
      await office.sync()
      const records = await events()
      expect(records.filter((one) => /Closing \d/.test(one['subject'] ?? '')).map((one) => [one['subject'], Number(one['recurr_idx'])])).toEqual([['Closing 4', 3], ['Closing 6', 5], ['Closing 8', 7]])
      expect(numbers(records)).not.toContain(4)
      expect(numbers(records)).not.toContain(8)
      // 17:00 in New York is 23:00 in Rome, 22:00 in the weeks between the two changes of clock.
      expect(new Set(records.map((one) => one['time_start']?.slice(0, 5)))).toContain('23:00')
      expect(records.every((one) => ['22:00', '23:00'].includes(one['time_start']?.slice(0, 5) ?? ''))).toBe(true)
      expect(records.length).toBeGreaterThanOrEqual(20)
      await office.settled()
    })
  })

  function lastWeekdayOf(day: string): string {
    const date = new Date(Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)), 0))
    while (date.getUTCDay() === 0 || date.getUTCDay() === 6) date.setUTCDate(date.getUTCDate() - 1)
    return date.toISOString().slice(0, 10)
  }

  describe('a series made in the CRM', () => {
    it.skipIf(isMixed)('becomes one Exchange series, and an edited record an exception of it', async () => {
      const start = isoDay(3)
      const { ids } = (await simulators.control('vtenext/makeSeries', { as: 'alice', count: 5, fields: { subject: 'Training', date_start: start, due_date: start, time_start: '10:00', time_end: '11:00' } })) as { ids: string[] }
      const report: Report = await office.sync()
      expect(report).toMatchObject({ exchange: { created: 1 }, crm: { created: 0, deleted: 0 }, linked: 5 })
      const item = await simulators.item('alice', 'Training')
      expect(JSON.stringify(item?.fields)).toMatch(/[nN]umberOfOccurrences[^0-9]{1,3}5/)
      await office.settled()
      await simulators.editRecord('alice', ids[2] ?? '', { subject: 'Exam' })
      await simulators.control('vtenext/remove', { id: ids[4] })
      await office.sync()
      expect(await exceptionsOf('alice', item?.id ?? '')).toEqual([1, 1])
      await office.settled()
      await office.loseDatabase()
      expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, linked: 4 })
      await office.settled()
    })
  })

  describe('a record of a series that is moved beyond its neighbours', () => {
    it.skipIf(isMixed || house === 'in Microsoft 365')('becomes an event of its own, because Exchange does not let occurrences pass each other', async () => {
      const first = isoDay(3)
      const id = await putSeries('alice', 'Training', first, ['09:00', '10:00'], 'W. Europe Standard Time', { every: 'week', from: first, count: 5 })
      await simulators.editItem('alice', id, { Categories: ['Blue'] })
      await office.sync()
      await office.settled()
      const [, second, third] = await events('Training')
      const change = (one: CrmRecord | undefined, to: CrmRecord | undefined, location: string) => simulators.editRecord('alice', one?.['id'] ?? '', { date_start: to?.['date_start'], due_date: to?.['due_date'], location })
      await change(second, third, 'Hall')
      await change(third, second, 'Roof')
      expect(await office.sync()).toMatchObject({ failed: 0, crm: { created: 0, deleted: 0 } })
      const shown = (await simulators.items('alice', 'calendar')).filter((item) => item.series === undefined).map(({ fields }) => fields)
      expect(shown.map((fields) => `${String(fields['Start']).slice(0, 10)} ${fields['Subject']} ${fields['Location']}`).sort()).toEqual([`${second?.['date_start']} Training Roof`, `${third?.['date_start']} Training Hall`].sort())
      // What the CRM does not hold comes along.
      expect(shown.map((fields) => fields['Categories'])).toEqual([['Blue'], ['Blue']])
      expect((await exceptionsOf('alice', id))[1]).toBe(2)
      expect((await events()).length).toBe(5)
      await office.settled()
      await simulators.editRecord('alice', second?.['id'] ?? '', { location: 'Attic' })
      await office.sync()
      expect((await simulators.items('alice', 'calendar')).map(({ fields }) => fields['Location'])).toContain('Attic')
      await office.loseDatabase()
      expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, linked: 5 })
      await office.settled()
    })
  })

  describe('a meeting', () => {
    it('organised by alice with bob invited is one record with bob as invitee, and his answer travels', async () => {
      const start = isoDay(2)
      await simulators.invite('alice', { Subject: 'Board', Start: `${start}T09:00:00Z`, End: `${start}T10:00:00Z` }, [addressOf('bob'), 'gina@ext.test'])
      const report = await office.trySync()
      expect(report.json, report.stderr).toMatchObject({ ok: true, mails: 0, crm: { created: 1 } })
      const [record, ...more] = await events()
      expect(more).toEqual([])
      expect(record?.invitees.length).toBe(1)
      expect(record?.['description']).toContain('gina@ext.test')

      await simulators.accept('bob', 'Board')
      const mails = await simulators.mails()
      expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0 })
      expect(((await events())[0]?.invitees as unknown as { partecipation: number | string }[])[0]?.partecipation.toString()).toBe('2')

      // Somebody who is not the organizer changes it in the CRM: bob's own calendar and alice's stay as they are.
      expect((await office.trySync()).json).toMatchObject({ crm: { created: 0, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 } })
      expect(await simulators.mails()).toBe(mails)
    })
  })
})
