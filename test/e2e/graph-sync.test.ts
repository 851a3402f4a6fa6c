import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, hour, startCloudSimulators } from './support/cloud.ts'
import type { CloudItem, CloudSimulators } from './support/cloud.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'

let simulators: CloudSimulators
let office: Installation

beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: { exchange: [cloudConnection(simulators)] } })
})
afterEach(() => office.close())

const subjects = (items: readonly CloudItem[]) => items.map((item) => item['subject'] as string).toSorted()

describe('a company whose mailboxes are in Microsoft 365', () => {
  it('gets events, tasks and contacts to the other side, to the minute and the day', async () => {
    await simulators.cloudEvent('alice', 'Made in Outlook', {
      ...hour(1, 9), body: { contentType: 'html', content: '<p>Bring the plans.</p><p>And the keys.</p>' }, location: { displayName: 'Milano & Torino' }, importance: 'high',
    })
    await simulators.cloudEvent('alice', 'Fair', { isAllDay: true, start: { dateTime: `${day(5)}T00:00:00`, timeZone: 'W. Europe Standard Time' }, end: { dateTime: `${day(7)}T00:00:00`, timeZone: 'W. Europe Standard Time' } })
    await simulators.cloud('alice', 'POST', `${await simulators.cloudList('alice')}/tasks`, {
      title: 'Order badges', dueDateTime: { dateTime: `${day(6)}T00:00:00`, timeZone: 'UTC' }, status: 'inProgress', body: { contentType: 'text', content: 'Blue ones' },
    })
    await simulators.putRecord('alice', 'Events', visit('Made in the CRM', { location: 'Bolzano', description: 'First line\nsecond line' }))
    await simulators.putRecord('carol', 'Events', { subject: 'Holiday', date_start: day(8), time_start: '00:00', due_date: day(9), time_end: '23:59', is_all_day_event: '1' })
    await simulators.putRecord('carol', 'Calendar', { subject: 'Call Weber', date_start: day(1), due_date: day(2), taskstatus: 'Deferred' })
    await simulators.putRecord('bob', 'Contacts', { firstname: 'Giulia', lastname: 'Rossi', email: 'giulia@rossi.example', fax: '+39 02 5', mailingpobox: 'CP 7', mailingcity: 'Milano' })

    const report = await office.sync()
    expect(report).toMatchObject({ exchange: { created: 4, updated: 0, deleted: 0 }, crm: { created: 3, updated: 0, deleted: 0 }, linked: 7, skipped: 0, conflicts: 0, held: 0 })

    expect(await simulators.record('Events', 'Made in Outlook')).toMatchObject({ description: expect.stringMatching(/^Bring the plans\.\n+And the keys\.$/), location: 'Milano & Torino', taskpriority: 'High', date_start: day(1) })
    expect(await simulators.record('Events', 'Fair')).toMatchObject({ is_all_day_event: '1', date_start: day(5), due_date: day(6) })
    expect(await simulators.record('Calendar', 'Order badges')).toMatchObject({ due_date: day(6), taskstatus: 'In Progress', description: 'Blue ones' })
    const visitThere = (await simulators.cloudEvents('alice')).find(({ subject }) => subject === 'Made in the CRM')
    expect(visitThere).toMatchObject({ start: { dateTime: expect.stringContaining(`${day(4)}T13:00`) }, location: { displayName: 'Bolzano' }, attendees: [] })
    expect(visitThere?.['body'].content).toMatch(/First line.*second line/s)
    expect(await simulators.cloudEvents('carol')).toMatchObject([{ subject: 'Holiday', isAllDay: true }])
    expect(await simulators.cloudTasks('carol')).toMatchObject([{ title: 'Call Weber', status: 'deferred', dueDateTime: { dateTime: expect.stringContaining(day(2)) } }])
    expect(await simulators.cloudContacts('bob')).toMatchObject([{ displayName: 'Giulia Rossi', emailAddresses: [{ address: 'giulia@rossi.example' }], businessAddress: { city: 'Milano' } }])
    await office.settled()
  })

  it('sees edits of both sides on the other, and field by field where both edit', async () => {
    const { id } = await simulators.cloudEvent('alice', 'Review')
    const record = await simulators.putRecord('alice', 'Events', visit('Planning'))
    await office.sync()
    const planning = (await simulators.cloudEvents('alice')).find(({ subject }) => subject === 'Planning')
    await simulators.cloud('alice', 'PATCH', `/events/${id}`, { subject: 'Review, second try', ...hour(3, 15) })
    await simulators.cloud('alice', 'PATCH', `/events/${planning?.id}`, { location: { displayName: 'Room 7' } })
    await simulators.editRecord('alice', record, { subject: 'Planning, moved', description: 'bring coffee' })
    const report = await office.sync()
    expect(report).toMatchObject({ conflicts: 0, failed: 0 })
    expect(await simulators.record('Events', 'Review, second try')).toMatchObject({ date_start: day(3), time_start: '16:00' })
    expect(await simulators.record('Events', 'Planning, moved')).toMatchObject({ location: 'Room 7', description: 'bring coffee' })
    expect((await simulators.cloudEvents('alice')).find(({ subject }) => subject === 'Planning, moved')).toMatchObject({ location: { displayName: 'Room 7' } })
    await office.settled()
  })

  it('sees a clash on one field, which the policy decides and which is recorded', async () => {
    const { id } = await simulators.cloudEvent('alice', 'Review')
    await office.sync()
    const record = await simulators.record('Events', 'Review')
    await simulators.editRecord('alice', record?.['id'] ?? '', { subject: 'From the CRM' })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await simulators.cloud('alice', 'PATCH', `/events/${id}`, { subject: 'From Outlook' })
    expect(await office.sync()).toMatchObject({ conflicts: 1 })
    expect(await simulators.record('Events', 'From Outlook')).toBeDefined()
    await office.settled()
  })

  it('sees deletions of both sides on the other', async () => {
    const { id } = await simulators.cloudEvent('alice', 'Away in Outlook')
    const gone = await simulators.putRecord('alice', 'Events', visit('Away in the CRM'))
    const task = await simulators.putRecord('alice', 'Calendar', { subject: 'Task away', date_start: day(1) })
    for (const name of ['a', 'b', 'c']) await simulators.cloudEvent('alice', name, hour(5, 9))
    await office.sync()
    await simulators.cloud('alice', 'DELETE', `/events/${id}`)
    const [there] = await simulators.cloudTasks('alice')
    await simulators.cloud('alice', 'DELETE', `${await simulators.cloudList('alice')}/tasks/${there?.id}`)
    const admin = await simulators.crmClient('admin')
    await admin.result('POST', 'delete', { id: gone })
    expect(await office.sync()).toMatchObject({ exchange: { created: 0, deleted: 1 }, crm: { created: 0, deleted: 2 }, held: 0 })
    expect(subjects(await simulators.cloudEvents('alice'))).toEqual(['a', 'b', 'c'])
    expect(await simulators.record('Calendar', 'Task away')).toBeUndefined()
    expect(task).not.toBe('')
    await office.settled()
  })

  it('shows a private event as a busy block only', async () => {
    await simulators.cloudEvent('alice', 'Doctor', { sensitivity: 'private', body: { contentType: 'text', content: 'secret' }, location: { displayName: 'Clinic' } })
    await office.sync()
    expect(await simulators.record('Events', 'Busy')).toMatchObject({ description: '', location: '' })
    expect(await simulators.record('Events', 'Doctor')).toBeUndefined()
    await office.settled()
  })

  it('leaves a meeting with guests to Outlook: nobody is mailed, and the reason is told', async () => {
    const attendees = [{ emailAddress: { address: 'guest@elsewhere.example', name: 'Guest' }, type: 'required' }]
    await simulators.cloudEvent('alice', 'With guests', { attendees })
    const mails = await simulators.mails()
    await office.sync()
    const record = await simulators.record('Events', 'With guests')
    await simulators.editRecord('alice', record?.['id'] ?? '', { subject: 'Renamed in the CRM' })
    const ran = await office.trySync()
    expect(ran.json.errors).toMatchObject([{ code: 'GRAPH_WOULD_MAIL', message: expect.stringContaining('Change the meeting in Outlook') }])
    const admin = await simulators.crmClient('admin')
    await admin.result('POST', 'delete', { id: record?.['id'] ?? '' })
    await office.trySync()
    expect(subjects(await simulators.cloudEvents('alice'))).toEqual(['With guests'])
    expect(await simulators.mails()).toBe(mails)
  })

  it('loses its database and finds everything again, without a duplicate', async () => {
    await simulators.cloudEvent('alice', 'Made in Outlook')
    await simulators.putRecord('alice', 'Events', visit('Made in the CRM'))
    await simulators.putRecord('alice', 'Calendar', { subject: 'Task', date_start: day(1) })
    await simulators.putRecord('alice', 'Contacts', { lastname: 'Rossi' })
    await office.sync()
    await office.loseDatabase()
    expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: NOTHING, linked: 4 })
    expect(subjects(await simulators.cloudEvents('alice'))).toEqual(['Made in Outlook', 'Made in the CRM'])
    expect(await simulators.cloudTasks('alice')).toHaveLength(1)
    expect(await simulators.cloudContacts('alice')).toHaveLength(1)
    await office.settled()
  })

  it('works on with events and contacts where the tenant gave no right to tasks', async () => {
    office.configure({ exchange: [cloudConnection(simulators, { tasks: false })] })
    await simulators.putRecord('alice', 'Events', visit('Visit'))
    await simulators.putRecord('alice', 'Calendar', { subject: 'Task', date_start: day(1) })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 }, skipped: 1, skippedBy: { 'no-place': 1 } })
    await office.settled()
    office.configure({ exchange: [cloudConnection(simulators, { tasks: true })] })
    await simulators.editRecord('alice', (await simulators.record('Calendar', 'Task'))?.['id'] ?? '', { subject: 'Task now' })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
    expect(await simulators.cloudTasks('alice')).toMatchObject([{ title: 'Task now' }])
  })

  it('comes through a cloud that asks for patience and gives up half-way', async () => {
    for (let count = 0; count < 25; count += 1) await simulators.putRecord('alice', 'Events', visit(`n${count}`, { date_start: day(count + 1), due_date: day(count + 1) }))
    await simulators.control('graph/throttle', { operation: 'createEvent', times: 4, seconds: 1 })
    await simulators.control('graph/faults', { operation: 'createEvent', skip: 8, times: 2, effect: { type: 'status-after', status: 504 } })
    await office.trySync()
    const ran = await office.trySync()
    expect(ran.json).toMatchObject({ ok: true })
    expect(await simulators.cloudEvents('alice')).toHaveLength(25)
    await office.settled()
  })

  it('is told what is wrong when the secret has expired, and nothing is lost by it', async () => {
    await simulators.cloudEvent('alice', 'a')
    office.configure({ exchange: [cloudConnection(simulators, { clientSecret: 'wrong' })] })
    const ran = await office.trySync()
    expect(ran.code).toBe(1)
    expect(ran.json.errors[0]).toMatchObject({ code: 'GRAPH_CLIENT', message: expect.stringContaining('take its value, not its id') })
    office.configure({ exchange: [cloudConnection(simulators)] })
    expect(await office.sync()).toMatchObject({ crm: { created: 1 } })
  })
})

describe('an installation with mailboxes here and there', () => {
  const mixed = () => ({
    exchange: [
      { name: 'onprem', kind: 'ews', url: simulators.json.ews.url, ...simulators.json.ews.service, impersonation: true },
      cloudConnection(simulators),
    ],
    users: [{ crm: 'alice', mailbox: 'alice@example.test', exchange: 'onprem' }, { crm: 'bob', mailbox: 'bob@example.test', exchange: 'cloud' }],
  })

  it('gives each his own, and both what belongs to their group', async () => {
    office.configure(mixed())
    await simulators.putItem('alice', 'calendar', meeting('From the company\'s server'))
    await simulators.cloudEvent('bob', 'From the cloud')
    const group = simulators.json.vtenext.groups[0]?.id ?? ''
    const shared = await simulators.putRecord('admin', 'Events', visit('For all of Sales', { assigned_user_id: group }))
    await simulators.putRecord('admin', 'Calendar', { subject: 'Task of Sales', date_start: day(1), assigned_user_id: group })
    expect(await office.sync()).toMatchObject({ exchange: { created: 4 }, crm: { created: 2 } })
    expect(await simulators.item('alice', 'For all of Sales')).toBeDefined()
    const bobs = (await simulators.cloudEvents('bob')).find(({ subject }) => subject === 'For all of Sales')
    expect(bobs).toBeDefined()

    await simulators.cloud('bob', 'PATCH', `/events/${bobs?.id}`, { subject: 'Renamed by bob in the cloud' })
    const [task] = await simulators.cloudTasks('bob')
    await simulators.cloud('bob', 'PATCH', `${await simulators.cloudList('bob')}/tasks/${task?.id}`, { status: 'completed' })
    await office.sync()
    expect(await simulators.record('Events', 'Renamed by bob in the cloud')).toMatchObject({ id: shared })
    expect(await simulators.item('alice', 'Renamed by bob in the cloud')).toBeDefined()
    expect((await simulators.item('alice', 'Task of Sales', 'tasks'))?.fields).toMatchObject({ Status: 'Completed' })
    await office.settled()
  })

  it('moves a record from here to there with its assignee', async () => {
    office.configure(mixed())
    const id = await simulators.putRecord('alice', 'Events', visit('Handed over'))
    await office.sync()
    const bob = simulators.json.vtenext.users.findIndex(({ username }) => username === 'bob')
    const admin = await simulators.crmClient('admin')
    const users = await admin.result('GET', 'query', { query: "select id, user_name from Users;" })
    const bobId = users.find(({ user_name: name }: { user_name: string }) => name === 'bob')?.id
    expect(bob).toBeGreaterThanOrEqual(0)
    await simulators.editRecord('admin', id, { assigned_user_id: bobId })
    await office.sync()
    expect(await simulators.item('alice', 'Handed over')).toBeUndefined()
    expect(subjects(await simulators.cloudEvents('bob'))).toEqual(['Handed over'])
    await office.settled()
  })
})
