import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HOUSES, startHouse } from './support/houses.ts'
import type { HouseSimulators } from './support/houses.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, referenceField, subjectsOf, visit } from './support/people.ts'

const OVER_EWS = `<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"/></m:SavedItemFolderId><m:Items><t:CalendarItem>
  <t:Subject>Made by a program</t:Subject><t:Body BodyType="Text">Bring the plans.\r\nAnd the keys.</t:Body><t:Importance>High</t:Importance>
  <t:Start>${day(1)}T09:15:00Z</t:Start><t:End>${day(1)}T10:45:00Z</t:End><t:Location>Milano &amp; Torino</t:Location></t:CalendarItem></m:Items></m:CreateItem>`
const OVER_GRAPH = {
  subject: 'Made by a program', body: { contentType: 'text', content: 'Bring the plans.\r\nAnd the keys.' }, importance: 'high', location: { displayName: 'Milano & Torino' },
  start: { dateTime: `${day(1)}T09:15:00`, timeZone: 'UTC' }, end: { dateTime: `${day(1)}T10:45:00`, timeZone: 'UTC' },
}

describe.each(HOUSES)('with mailboxes %s', (house) => {
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

  /** What another program makes, in its server's own words. */
  const byAnotherProgram = () => (simulators.homeOf('alice') === 'ews' ? simulators.soap('alice', OVER_EWS) : simulators.cloud('alice', 'POST', '/calendar/events', OVER_GRAPH))

  const CONTACT = {
    salutationtype: 'Dr.', firstname: 'Giulia', lastname: 'Rossi', title: 'Head of Sales', department: 'Sales', email: 'giulia@rossi.example',
    phone: '+39 02 1', mobile: '+39 333 2', homephone: '+39 02 3', otherphone: '+39 02 4', fax: '+39 02 5', assistant: 'Marco Bianchi', assistantphone: '+39 02 6',
    birthday: '1980-02-29', description: 'Likes coffee',
    mailingstreet: 'Via Roma 1', mailingpobox: 'CP 7', mailingcity: 'Milano', mailingstate: 'MI', mailingzip: '20100', mailingcountry: 'Italia',
    otherstreet: 'Via Po 2', otherpobox: 'CP 8', othercity: 'Torino', otherstate: 'TO', otherzip: '10100', othercountry: 'Italia',
  }

  describe('a first sync', () => {
    it('brings events, all-day events and tasks to the other side to the minute and the day', async () => {
      await byAnotherProgram()
      await simulators.putItem('alice', 'calendar', { Subject: 'Fair', Start: `${day(5)}T00:00:00`, End: `${day(7)}T00:00:00`, IsAllDayEvent: true })
      await simulators.putItem('alice', 'tasks', { Subject: 'Order badges', StartDate: day(1), DueDate: day(6), Status: 'InProgress', PercentComplete: 50, Body: 'Blue ones' })
      // Over the web service a user's times are in his own zone; bob's is New York.
      const bob = await simulators.crmClient('bob')
      const owner = simulators.json.vtenext.users.findIndex(({ username }) => username === 'bob') + 4
      await bob.create('Events', {
        ...visit('Made over the web service'), location: 'Bolzano', description: 'First line\nsecond line', activitytype: 'Meeting', eventstatus: 'Planned',
        duration_hours: '1', visibility: 'Standard', assigned_user_id: `19x${owner - 1}`,
      })
      await simulators.putRecord('carol', 'Events', { subject: 'Holiday', date_start: day(8), time_start: '00:00', due_date: day(9), time_end: '23:59', is_all_day_event: '1' })
      await simulators.putRecord('carol', 'Calendar', { subject: 'Call Weber', date_start: day(1), due_date: day(2), taskstatus: 'Deferred' })

      const report = await office.sync()
      expect(report).toMatchObject({ exchange: { created: 3, updated: 0, deleted: 0 }, crm: { created: 3, updated: 0, deleted: 0 }, linked: 6, skipped: 0, conflicts: 0, held: 0 })

      expect(await simulators.record('Events', 'Made by a program')).toMatchObject({
        description: 'Bring the plans.\nAnd the keys.', location: 'Milano & Torino', taskpriority: 'High', visibility: 'Standard',
        date_start: day(1), time_start: '10:15', due_date: day(1), time_end: '11:45',
      })
      expect(await simulators.record('Events', 'Fair')).toMatchObject({ is_all_day_event: '1', date_start: day(5), due_date: day(6) })
      expect(await simulators.record('Calendar', 'Order badges')).toMatchObject({ date_start: day(1), due_date: day(6), taskstatus: 'In Progress', description: 'Blue ones' })
      expect((await simulators.item('bob', 'Made over the web service'))?.fields).toMatchObject({
        Start: `${day(4)}T19:00:00Z`, End: `${day(4)}T20:00:00Z`, Location: 'Bolzano', IsAllDayEvent: false,
      })
      expect(JSON.stringify((await simulators.item('bob', 'Made over the web service'))?.fields['Body'])).toMatch(/First line.*second line/)
      const holiday = (await simulators.item('carol', 'Holiday'))?.fields
      expect(holiday).toMatchObject({ IsAllDayEvent: true })
      expect([String(holiday?.['Start']).slice(0, 10), String(holiday?.['End']).slice(0, 10)]).toEqual([day(8), day(10)])
      expect((await simulators.item('carol', 'Call Weber', 'tasks'))?.fields).toMatchObject({ StartDate: day(1), DueDate: day(2), Status: 'Deferred' })
      await office.settled()
    })

    it('writes the Exchange id into the field "Exchange ID" of every record it links', async () => {
      const item = await simulators.putItem('alice', 'calendar', meeting('From Outlook'))
      await simulators.putRecord('alice', 'Calendar', { subject: 'From the CRM', date_start: day(1) })
      await simulators.putRecord('alice', 'Contacts', { lastname: 'Rossi' })
      await office.sync()
      expect((await simulators.record('Events', 'From Outlook'))?.[await referenceField(simulators, 'Events')]).toBe(item.id)
      const task = await simulators.item('alice', 'From the CRM', 'tasks')
      expect((await simulators.record('Calendar', 'From the CRM'))?.[await referenceField(simulators, 'Calendar')]).toBe(task?.id)
      const [contact] = await simulators.items('alice', 'vtenext')
      const [record] = await simulators.records('Contacts')
      expect(record?.[await referenceField(simulators, 'Contacts')]).toBe(contact?.id)
      await office.settled()
    })

    it.skipIf(house === 'here and there')('puts every field of a contact into the folder "vtenext", and takes nothing from there', async () => {
      const account = await simulators.putRecord('alice', 'Accounts', { accountname: 'Rossi & Figli Srl' })
      await simulators.putRecord('alice', 'Contacts', { ...CONTACT, account_id: account })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1 }, crm: NOTHING })

      const [contact] = await simulators.items('alice', 'vtenext')
      expect(contact?.fields).toMatchObject({
        GivenName: 'Giulia', Surname: 'Rossi', DisplayName: 'Giulia Rossi', FileAs: 'Rossi, Giulia', CompanyName: 'Rossi & Figli Srl', Department: 'Sales',
        JobTitle: 'Head of Sales', AssistantName: 'Marco Bianchi', Birthday: expect.stringMatching(/^1980-02-29/),
      })
      const told = JSON.stringify(contact)
      for (const value of Object.values(CONTACT)) if (value !== CONTACT.birthday) expect(told).toContain(value)
      await office.settled()

      await simulators.editItem('alice', contact?.id ?? '', { JobTitle: 'Edited in Outlook' })
      await simulators.putItem('alice', 'vtenext', { GivenName: 'Own', Surname: 'Friend' })
      await simulators.putItem('alice', 'contacts', { GivenName: 'Private', Surname: 'Friend' })
      await office.settled()
      expect((await simulators.records('Contacts')).map((record) => [record['lastname'], record['title']])).toEqual([['Rossi', 'Head of Sales']])

      await simulators.editRecord('alice', (await simulators.records('Contacts'))[0]?.['id'] ?? '', { mobile: '+39 333 9' })
      expect(await office.sync()).toMatchObject({ exchange: { updated: 1 }, crm: NOTHING })
      expect(JSON.stringify((await simulators.items('alice', 'vtenext'))[0]?.fields['PhoneNumbers'])).toContain('+39 333 9')
    })

    it('gives an event of a group to every member, and one member\'s change to all', async () => {
      const [sales] = simulators.json.vtenext.groups
      await simulators.putRecord('admin', 'Events', visit('Team day', { assigned_user_id: sales?.id }))
      await simulators.putRecord('admin', 'Calendar', { subject: 'Team task', date_start: day(1), assigned_user_id: sales?.id })
      expect(await office.sync()).toMatchObject({ exchange: { created: 4 } })
      const task = await simulators.item('bob', 'Team task', 'tasks')
      await simulators.editItem('bob', task?.id ?? '', { Status: 'Completed' })
      expect(await office.sync()).toMatchObject({ exchange: { updated: 1 }, crm: { updated: 1 } })
      expect(await simulators.record('Calendar', 'Team task')).toMatchObject({ taskstatus: 'Completed' })
      expect((await simulators.item('alice', 'Team task', 'tasks'))?.fields).toMatchObject({ Status: 'Completed' })
      expect(await simulators.item('carol', 'Team task', 'tasks')).toBeUndefined()
      await office.settled()
    })

    it('takes a record to the mailbox of whoever it is given to', async () => {
      const id = await simulators.putRecord('alice', 'Events', visit('Handed over'))
      await office.sync()
      const admin = await simulators.crmClient('admin')
      const users = await admin.result('GET', 'query', { query: 'select id, user_name from Users;' })
      await simulators.editRecord('admin', id, { assigned_user_id: users.find(({ user_name: name }: { user_name: string }) => name === 'bob')?.id })
      expect(await office.sync()).toMatchObject({ exchange: { created: 1, deleted: 1 }, crm: NOTHING })
      expect(await simulators.item('alice', 'Handed over')).toBeUndefined()
      expect(await simulators.item('bob', 'Handed over')).toBeDefined()
      await office.settled()
    })
  })

  describe('after the loss of the database', () => {
    it('everything finds its counterpart again, and nothing is made twice', async () => {
      await simulators.putItem('alice', 'calendar', meeting('From Outlook'))
      await simulators.putItem('alice', 'tasks', { Subject: 'Task from Outlook', DueDate: day(2) })
      await simulators.putRecord('bob', 'Events', visit('From the CRM'))
      await simulators.putRecord('bob', 'Calendar', { subject: 'Task from the CRM', date_start: day(1) })
      await simulators.putRecord('bob', 'Contacts', { firstname: 'Anna', lastname: 'Weber' })
      await simulators.putRecord('bob', 'Events', visit('Team day', { assigned_user_id: simulators.json.vtenext.groups[0]?.id }))
      await office.sync()

      await office.loseDatabase()
      // An edit made meanwhile is not undone: there is no base, so the fuller or newer side is kept.
      const record = await simulators.record('Events', 'From the CRM')
      await simulators.editRecord('bob', record?.['id'] ?? '', { location: 'Verona' })
      const report = await office.sync()
      expect(report).toMatchObject({ exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, linked: 7, conflicts: 0 })
      expect((await simulators.item('bob', 'From the CRM'))?.fields).toMatchObject({ Location: 'Verona' })
      await office.settled()
    })
  })

  describe('plan', () => {
    it('says what the next sync does, and writes nothing to either server', async () => {
      await simulators.putItem('alice', 'calendar', meeting('From Outlook'))
      const old = await simulators.putRecord('bob', 'Events', visit('From the CRM'))
      await simulators.putRecord('bob', 'Contacts', { lastname: 'Weber' })
      const before = await simulators.writes()
      const planned = await office.run('plan', '--json')
      expect(planned.code).toBe(0)
      expect(await simulators.writes()).toEqual(before)
      expect(subjectsOf(await simulators.records('Events'))).toEqual(['From the CRM'])
      const report = await office.sync()
      const { exchange, crm, linked, held, skipped } = report
      expect(planned.json).toMatchObject({ ok: true, exchange, crm, linked, held, skipped })
      expect(planned.json.writes.map(({ type, side, kind, mailbox }: any) => `${type} ${kind} on ${side} for ${mailbox}`).toSorted()).toEqual([
        'create contact on exchange for bob@example.test', 'create event on crm for null', 'create event on exchange for bob@example.test',
      ])

      await simulators.editRecord('bob', old, { location: 'Bolzano' })
      await simulators.deleteItem('alice', (await simulators.item('alice', 'From Outlook'))?.id ?? '')
      const next = await office.run('plan', '--json')
      expect(next.json).toMatchObject({ exchange: { created: 0, updated: 1, deleted: 0 }, crm: { created: 0, updated: 0, deleted: 1 } })
      expect(next.json.writes).toContainEqual(expect.objectContaining({ type: 'update', side: 'exchange', fields: ['place'] }))
      expect((await office.run('plan', '--json')).json.writes).toEqual(next.json.writes)
      const { exchange: exchange2, crm: crm2 } = await office.sync()
      expect(next.json).toMatchObject({ exchange: exchange2, crm: crm2 })
      expect((await office.run('plan')).stdout).toMatch(/would be created/)
      await office.settled()
    })
  })
})
