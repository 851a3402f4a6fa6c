import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dump } from './support/database.ts'
import { day, install, NOTHING, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
/** What the last runs wrote to the log, at its most talkative. */
let said = ''

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators)
  said = ''
})
afterEach(() => office.close())

/** The word that nobody but its owner may see; it stands in every text of what `secret` makes. */
const WORD = 'Zanzibar'
const secret = (fields: object = {}) => meeting(`${WORD} talks`, { Location: `${WORD} hall`, Body: `about ${WORD}`, Categories: [WORD], Sensitivity: 'Private', ...fields })

/** A sync at debug level that has to end well. */
async function sync() {
  const ran = await office.run('sync', '--once', '--json', '--verbose')
  expect(ran.json, ran.stderr).toMatchObject({ ok: true, failed: 0, mails: 0 })
  said += ran.stderr + ran.stdout
  return ran.json
}

const recordsText = async () => JSON.stringify([await simulators.records('Events'), await simulators.records('Calendar')])

/** Where the word is: nowhere, unless named. The log of the last runs counts. */
async function places(): Promise<string[]> {
  const journal = await office.run('journal', '--values', '--json')
  const conflicts = await office.run('conflicts', '--all', '--json')
  const texts = { crm: await recordsText(), database: await dump(office), log: said, journal: journal.stdout + conflicts.stdout, status: (await office.run('status', '--json')).stdout }
  return Object.entries(texts).flatMap(([place, text]) => (text.includes(WORD) ? [place] : []))
}

const subjects = async (module = 'Events') => (await simulators.records(module)).map(({ subject }) => subject).toSorted()
const only = async (module = 'Events') => {
  const [record, ...more] = await simulators.records(module)
  expect(more).toEqual([])
  return record
}
const WEEKLY = `<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>${new Date(`${day(3)}T09:00:00Z`).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' })}</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>${day(3)}</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`

describe('what is made private in Outlook later', () => {
  it('loses its words in the CRM, the database, the journal and the conflicts, and gets them back when it is no longer private', async () => {
    const item = await simulators.putItem('alice', 'calendar', secret({ Sensitivity: 'Normal' }))
    const task = await simulators.putItem('alice', 'tasks', { Subject: `${WORD} list`, Body: `${WORD}!`, DueDate: day(3) })
    await office.sync()
    // A clash whose values hold the word.
    await simulators.editRecord('alice', (await only())?.['id'] ?? '', { location: `${WORD} square` })
    await simulators.editItem('alice', item.id, { Location: `${WORD} garden` })
    expect(await office.sync()).toMatchObject({ conflicts: 1 })
    expect(await places()).toEqual(['crm', 'database', 'journal'])
    await simulators.editItem('alice', item.id, { Sensitivity: 'Private' })
    await simulators.editItem('alice', task.id, { Sensitivity: 'Confidential' })
    await sync()
    expect(await places()).toEqual([])
    expect([await subjects(), await subjects('Calendar')]).toEqual([['Busy'], ['Private task']])
    await office.settled()
    await simulators.editItem('alice', item.id, { Sensitivity: 'Normal' })
    await simulators.editItem('alice', task.id, { Sensitivity: 'Normal' })
    await office.sync()
    expect(await only()).toMatchObject({ subject: `${WORD} talks`, description: `about ${WORD}` })
    expect(await subjects('Calendar')).toEqual([`${WORD} list`])
    await office.settled()
  })

  it('is not written back: an edit of the block, its deletion and its being given away leave Outlook as it is', async () => {
    const item = await simulators.putItem('alice', 'calendar', secret())
    await sync()
    const before = await simulators.item('alice', `${WORD} talks`)
    await simulators.editRecord('alice', (await only())?.['id'] ?? '', { subject: 'Guessed', location: 'Here', description: 'A guess', time_start: '18:00', time_end: '19:00' })
    expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: { updated: 1 } })
    expect(await only()).toMatchObject({ subject: 'Busy', location: '', description: '', time_start: '10:00' })
    await simulators.control('vtenext/remove', { id: (await only())?.['id'] })
    expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: { created: 1 } })
    const bob = (await simulators.control('vtenext/users')).users.find(({ username }: { username: string }) => username === 'bob')
    await simulators.editRecord('admin', (await only())?.['id'] ?? '', { assigned_user_id: bob.id })
    await sync()
    await sync()
    expect((await simulators.items('alice', 'calendar')).find(({ id }) => id === item.id)?.fields).toEqual(before?.fields)
    expect(await places()).toEqual([])
    await office.settled()
  })
})

describe('the policy for private items', () => {
  const rule = (privateItems: string) => office.configure({ policy: { privateItems } })

  it('applies to what is linked when it changes: told in full, masked again, and a block with "skip"', async () => {
    await simulators.putItem('alice', 'calendar', secret())
    await simulators.putItem('alice', 'calendar', secret({ Recurrence: WEEKLY, Start: `${day(3)}T15:00:00Z`, End: `${day(3)}T16:00:00Z` }))
    await simulators.putItem('alice', 'tasks', { Subject: `${WORD} list`, Sensitivity: 'Private', DueDate: day(3) })
    await sync()
    expect(await subjects()).toEqual(['Busy', 'Busy', 'Busy', 'Busy'])
    expect(await places()).toEqual([])
    for (const other of ['mask', 'skip']) {
      rule('full')
      await office.sync()
      expect([await subjects(), await subjects('Calendar')]).toEqual([Array(4).fill(`${WORD} talks`), [`${WORD} list`]])
      await office.settled()
      rule(other)
      await sync()
      expect([await subjects(), await subjects('Calendar')]).toEqual([['Busy', 'Busy', 'Busy', 'Busy'], ['Private task']])
      expect(await places(), `after ${other}`).toEqual([])
      await office.settled()
    }
    expect((await simulators.items('alice', 'calendar')).map(({ fields }) => fields['Subject'])).toEqual([`${WORD} talks`, `${WORD} talks`])
  })

  it('takes up what was left out when it no longer skips', async () => {
    rule('skip')
    await simulators.putItem('alice', 'calendar', secret())
    await sync()
    expect(await simulators.records('Events')).toEqual([])
    expect(await places()).toEqual([])
    rule('mask')
    await sync()
    expect(await subjects()).toEqual(['Busy'])
    expect(await places()).toEqual([])
    await office.settled()
  })
})

describe('a series', () => {
  it('that is private is masked in all its occurrences and exceptions, whatever is done to it', async () => {
    const series = await simulators.putItem('alice', 'calendar', secret({ Recurrence: WEEKLY }))
    await sync()
    await simulators.editItem('alice', series.id, { Location: `${WORD} tower`, Body: `${WORD} again` })
    await sync()
    const [first] = await simulators.records('Events')
    await simulators.editRecord('alice', first?.['id'] ?? '', { subject: 'Guessed' })
    expect(await sync()).toMatchObject({ exchange: NOTHING })
    expect(await subjects()).toEqual(['Busy', 'Busy', 'Busy'])
    expect(await places()).toEqual([])
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: { created: 0 } })
    expect(await places()).toEqual([])
    await office.settled()
  })

  it('with one private occurrence hides that one, and does not write it back', async () => {
    const series = await simulators.putItem('alice', 'calendar', meeting('Weekly', { Recurrence: WEEKLY }))
    await sync()
    const second = await simulators.soap('alice', `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:OccurrenceItemId RecurringMasterId="${series.id}" InstanceIndex="2"/></m:ItemIds></m:GetItem>`)
    const itemId = /<t:ItemId [^>]*\/>/.exec(second)?.[0] ?? ''
    const update = (field: string, value: string) => `<t:SetItemField><t:FieldURI FieldURI="item:${field}"/><t:CalendarItem><t:${field}>${value}</t:${field}></t:CalendarItem></t:SetItemField>`
    await simulators.soap('alice', `<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange>`
      + `${itemId}<t:Updates>${update('Subject', `${WORD} date`)}${update('Sensitivity', 'Private')}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
    await sync()
    expect(await subjects()).toEqual(['Busy', 'Weekly', 'Weekly'])
    expect(await places()).toEqual([])
    const block = (await simulators.records('Events')).find(({ subject }) => subject === 'Busy')
    await simulators.editRecord('alice', block?.['id'] ?? '', { subject: 'Guessed', location: 'Here' })
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: { updated: 1 } })
    expect(await subjects()).toEqual(['Busy', 'Weekly', 'Weekly'])
    const shown = await simulators.control('ews/occurrences', { address: 'alice@example.test', id: series.id, from: `${day(0)}T00:00:00Z`, to: `${day(60)}T00:00:00Z` })
    expect(JSON.stringify(shown)).toContain(`${WORD} date`)
    await office.settled()
  })
})

describe('a private event that began in the CRM', () => {
  it('keeps its words there, and edits of both sides, also when the database was lost', async () => {
    await simulators.putRecord('alice', 'Events', visit('Bank', { location: 'Milano', description: 'the loan', visibility: 'Private' }))
    await simulators.putRecord('alice', 'Calendar', { subject: 'Call the bank', date_start: day(2), due_date: day(3), visibility: 'Private' })
    await sync()
    const item = await simulators.item('alice', 'Bank')
    expect(item?.fields).toMatchObject({ Sensitivity: 'Private', Location: 'Milano' })
    await simulators.editItem('alice', item?.id ?? '', { Location: 'Torino' })
    await sync()
    expect(await only()).toMatchObject({ subject: 'Bank', location: 'Torino' })
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING })
    expect(await only()).toMatchObject({ subject: 'Bank', location: 'Torino', description: 'the loan' })
    expect(await subjects('Calendar')).toEqual(['Call the bank'])
    await office.settled()
    await simulators.editRecord('alice', (await only())?.['id'] ?? '', { location: 'Bolzano' })
    await simulators.editItem('alice', item?.id ?? '', { Subject: 'Bank, again' })
    await sync()
    expect(await only()).toMatchObject({ subject: 'Bank, again', location: 'Bolzano' })
    expect((await simulators.item('alice', 'Bank, again'))?.fields).toMatchObject({ Location: 'Bolzano' })
    await office.settled()
  })

  it('keeps them as a series, too', async () => {
    const { ids } = await simulators.control('vtenext/makeSeries', { fields: visit('Choir', { location: 'Church', visibility: 'Private' }), count: 3, as: 'alice' })
    await sync()
    expect(ids).toHaveLength(3)
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING })
    expect(await subjects()).toEqual(['Choir', 'Choir', 'Choir'])
    const [master] = await simulators.items('alice', 'calendar')
    await simulators.editItem('alice', master?.id ?? '', { Location: 'School' })
    await sync()
    expect((await simulators.records('Events')).map(({ subject, location }) => `${subject} ${location}`)).toEqual(Array(3).fill('Choir School'))
    await office.settled()
  })

  it('is masked from then on when it is made private in Outlook only', async () => {
    await simulators.putRecord('alice', 'Events', visit('Visit'))
    await sync()
    const item = await simulators.item('alice', 'Visit')
    await simulators.editItem('alice', item?.id ?? '', { Subject: `${WORD} visit`, Sensitivity: 'Private' })
    await sync()
    expect(await subjects()).toEqual(['Busy'])
    expect(await places()).toEqual([])
    await office.settled()
  })
})

describe('what began in the CRM and was made private in Outlook', () => {
  const edits = (id: string, fields: Record<string, unknown>) => simulators.editItem('alice', id, fields)
  const block = { subject: 'Busy', location: '', description: '' }

  it('stays a block without our database, and the block is not written over the words in Outlook', async () => {
    await simulators.putRecord('alice', 'Events', visit('Visit', { location: 'Milano' }))
    await simulators.putRecord('alice', 'Calendar', { subject: 'Call', date_start: day(2), due_date: day(3) })
    await sync()
    const event = await simulators.item('alice', 'Visit')
    const task = await simulators.item('alice', 'Call', 'tasks')
    await edits(event?.id ?? '', { Subject: `${WORD} visit`, Location: `${WORD} hall`, Sensitivity: 'Private' })
    await edits(task?.id ?? '', { Subject: `${WORD} call`, Sensitivity: 'Private' })
    await sync()
    await office.settled()
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING, linked: 2, conflicts: 0 })
    expect(await only()).toMatchObject(block)
    expect(await subjects('Calendar')).toEqual(['Private task'])
    expect(await places()).toEqual([])
    await office.settled()
    await edits(event?.id ?? '', { Sensitivity: 'Normal' })
    await sync()
    expect(await only()).toMatchObject({ subject: `${WORD} visit`, location: `${WORD} hall` })
  })

  it.each(['the whole of it', 'one of its dates'])('does so as a series, too (%s)', async (part) => {
    await simulators.control('vtenext/makeSeries', { fields: visit('Choir', { location: 'Church' }), count: 3, as: 'alice' })
    await sync()
    const [master] = await simulators.items('alice', 'calendar')
    const dates = await simulators.control('ews/occurrences', { address: 'alice@example.test', id: master?.id, from: `${day(0)}T00:00:00Z`, to: `${day(60)}T00:00:00Z` })
    const id = part === 'one of its dates' ? dates[1].id : master?.id
    await edits(id, { Subject: `${WORD} choir`, Sensitivity: 'Private' })
    await sync()
    const masked = part === 'one of its dates' ? ['Busy', 'Choir', 'Choir'] : ['Busy', 'Busy', 'Busy']
    expect(await subjects()).toEqual(masked)
    expect(await places()).toEqual([])
    await office.settled()
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, conflicts: 0 })
    expect(await subjects()).toEqual(masked)
    expect(await places()).toEqual([])
    expect(JSON.stringify(await simulators.items('alice', 'calendar'))).toContain(`${WORD} choir`)
    await office.settled()
  })
})

describe('what came from Outlook and was made private in the CRM', () => {
  it('keeps its words there, also when the database was lost', async () => {
    await simulators.putItem('alice', 'calendar', meeting('Lunch', { Location: 'Bar' }))
    await sync()
    await simulators.editRecord('alice', (await only())?.['id'] ?? '', { visibility: 'Private' })
    await sync()
    expect(await only()).toMatchObject({ subject: 'Lunch', location: 'Bar' })
    await office.settled()
    await office.loseDatabase()
    expect(await sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING })
    expect(await only()).toMatchObject({ subject: 'Lunch', location: 'Bar' })
    await office.settled()
  })
})

describe('sharing the availability only', () => {
  const users = (availabilityOnly: boolean) => usualConfig(simulators).users.map((user) => (user.crm === 'alice' ? { ...user, availabilityOnly } : user))

  it('applies to what is linked when it is switched on, and off again', async () => {
    const item = await simulators.putItem('alice', 'calendar', secret({ Sensitivity: 'Normal' }))
    await simulators.putItem('alice', 'calendar', secret({ Sensitivity: 'Normal', Recurrence: WEEKLY, Start: `${day(3)}T15:00:00Z`, End: `${day(3)}T16:00:00Z` }))
    await simulators.putItem('bob', 'calendar', meeting('Bob keeps his words'))
    await simulators.putRecord('alice', 'Events', visit('Visit to Rossi', { location: 'Milano' }))
    await office.sync()
    expect(await subjects()).toEqual(['Bob keeps his words', 'Visit to Rossi', ...Array(4).fill(`${WORD} talks`)])
    office.configure({ users: users(true) })
    await sync()
    expect(await subjects()).toEqual(['Bob keeps his words', 'Busy', 'Busy', 'Busy', 'Busy', 'Visit to Rossi'])
    expect(await places()).toEqual([])
    expect((await simulators.record('Events', 'Visit to Rossi'))?.['location']).toBe('Milano')
    expect((await simulators.items('alice', 'calendar')).filter(({ fields }) => fields['Subject'] === `${WORD} talks`)).toHaveLength(2)
    await office.settled()
    await simulators.editItem('alice', item.id, { Location: `${WORD} tower` })
    await sync()
    expect(await places()).toEqual([])
    office.configure({ users: users(false) })
    await office.sync()
    expect(await subjects()).toEqual(['Bob keeps his words', 'Visit to Rossi', ...Array(4).fill(`${WORD} talks`)])
    expect((await simulators.records('Events')).map(({ location }) => location)).toContain(`${WORD} tower`)
    await office.settled()
  })
})
