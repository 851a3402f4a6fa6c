import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, startCloudSimulators } from './support/cloud.ts'
import type { CloudSimulators } from './support/cloud.ts'
import { day, install, NOTHING } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf, visit } from './support/people.ts'

let simulators: CloudSimulators
let office: Installation

beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: living('onprem') })
})
afterEach(() => office.close())

const living = (where: 'onprem' | 'cloud') => ({
  exchange: [{ name: 'onprem', kind: 'ews', url: simulators.json.ews.url, ...simulators.json.ews.service, impersonation: true }, cloudConnection(simulators)],
  users: [{ crm: 'bob', mailbox: 'bob@example.test', exchange: where }],
})

const STAMP = { set: '1cdabb78-13f8-4dcc-9338-3e2367763215', name: 'VtenextSync' }
const stampedIn = (item: { properties?: unknown; fields: Record<string, unknown> }) => /v1;[\w-]+;\w+;\w+;[\w-]+/.exec(JSON.stringify(item))?.[0]

/** What Microsoft's migration does with a mailbox: every item gets another id and keeps its UID and its named properties. */
async function moveToCloud(): Promise<void> {
  const property = `String {${STAMP.set}} Name ${STAMP.name}`
  for (const item of await simulators.items('bob', 'calendar')) {
    const stamp = stampedIn(item)
    await simulators.cloudEvent('bob', String(item.fields['Subject']), {
      start: { dateTime: String(item.fields['Start']).slice(0, 19), timeZone: 'UTC' }, end: { dateTime: String(item.fields['End']).slice(0, 19), timeZone: 'UTC' },
      ...(stamp === undefined ? {} : {
        // Nobody can give an event its UID over Graph; one that lies beside our own transaction is told as its UID.
        transactionId: stamp.split(';')[4], singleValueExtendedProperties: [{ id: property, value: stamp }, { id: `String {${STAMP.set}} Name VtenextUid`, value: item.fields['UID'] }],
      }),
    })
  }
  for (const item of await simulators.items('bob', 'tasks')) {
    await simulators.cloud('bob', 'POST', `${await simulators.cloudList('bob')}/tasks`, {
      title: item.fields['Subject'], dueDateTime: { dateTime: `${String(item.fields['DueDate']).slice(0, 10)}T00:00:00`, timeZone: 'UTC' },
    })
  }
  await simulators.control('ews/emptyMailbox', { address: 'bob@example.test' })
}

describe('a mailbox that moves to the cloud', () => {
  it('keeps its links: nothing is made twice, nothing deleted, nobody mailed', async () => {
    await simulators.putItem('bob', 'calendar', meeting('Made in Outlook'))
    await simulators.putRecord('bob', 'Events', visit('Made in the CRM'))
    await simulators.putRecord('bob', 'Calendar', { subject: 'Task', date_start: day(1), due_date: day(2) })
    expect(await office.sync()).toMatchObject({ linked: 3 })
    await moveToCloud()
    office.configure(living('cloud'))
    const ran = await office.trySync()
    expect(ran.json).toMatchObject({ ok: true, exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, held: 0, mails: 0 })
    expect(subjectsOf(await simulators.records('Events'))).toEqual(['Made in Outlook', 'Made in the CRM'])
    expect(await simulators.cloudEvents('bob')).toHaveLength(2)
    expect(await simulators.cloudTasks('bob')).toHaveLength(1)

    // The links live: edits and deletions go through.
    const [first] = (await simulators.cloudEvents('bob')).filter(({ subject }) => subject === 'Made in the CRM')
    await simulators.cloud('bob', 'PATCH', `/events/${first?.id}`, { subject: 'Edited in the cloud' })
    const [task] = await simulators.cloudTasks('bob')
    await simulators.cloud('bob', 'PATCH', `${await simulators.cloudList('bob')}/tasks/${task?.id}`, { title: 'Task edited' })
    await office.trySync()
    expect(await simulators.record('Events', 'Edited in the cloud')).toBeDefined()
    expect(await simulators.record('Calendar', 'Task edited')).toBeDefined()
    expect((await office.trySync()).json).toMatchObject({ ok: true, exchange: NOTHING, crm: NOTHING, held: 0 })
    expect(await simulators.mails()).toBe(0)
  })

  it('and did not bring an item along waits for a human instead of deleting the record', async () => {
    await simulators.putRecord('bob', 'Events', visit('Lost on the way'))
    await simulators.putRecord('bob', 'Events', visit('Came along', { date_start: day(6), due_date: day(6) }))
    await office.sync()
    for (const item of await simulators.items('bob', 'calendar')) if (item.fields['Subject'] === 'Lost on the way') await simulators.deleteItem('bob', item.id, 'HardDelete')
    await moveToCloud()
    office.configure(living('cloud'))
    expect((await office.trySync()).json).toMatchObject({ crm: { created: 0, deleted: 0 }, held: 1 })
    expect(subjectsOf(await simulators.records('Events'))).toEqual(['Came along', 'Lost on the way'])
  })
})

describe('a mailbox that moves back', () => {
  // An event of the CRM's brings along the UID that Graph gave it; one that came from the own server before, the CRM's.
  it.each(['Graph', 'the CRM'])('keeps its links, too (with the UID of %s)', async (origin) => {
    office.configure(living('cloud'))
    await simulators.putRecord('bob', 'Events', visit('Made in the CRM'))
    await simulators.putRecord('bob', 'Calendar', { subject: 'Task', date_start: day(1), due_date: day(2) })
    await office.sync()
    const record = await simulators.record('Events', 'Made in the CRM')
    const [there] = await simulators.cloudEvents('bob')
    const { singleValueExtendedProperties: [stamp] } = await simulators.cloud('bob', 'GET', `/events/${there?.id}?$expand=singleValueExtendedProperties($filter=id eq 'String {${STAMP.set}} Name ${STAMP.name}')`)
    await simulators.soap('bob', `<m:CreateItem SendMeetingInvitations="SendToNone"><m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"/></m:SavedItemFolderId><m:Items><t:CalendarItem>
      <t:Subject>Made in the CRM</t:Subject><t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="${STAMP.set}" PropertyName="${STAMP.name}" PropertyType="String"/><t:Value>${stamp.value}</t:Value></t:ExtendedProperty>
      <t:UID>${origin === 'Graph' ? there?.['iCalUId'] : record?.['ical_uuid']}</t:UID><t:Start>${there?.['start'].dateTime.slice(0, 19)}Z</t:Start><t:End>${there?.['end'].dateTime.slice(0, 19)}Z</t:End></t:CalendarItem></m:Items></m:CreateItem>`)
    await simulators.putItem('bob', 'tasks', { Subject: 'Task', StartDate: day(1), DueDate: day(2), Status: 'NotStarted' })
    await simulators.control('graph/emptyMailbox', { address: 'bob@example.test', silent: true })
    office.configure(living('onprem'))
    const ran = await office.trySync()
    expect(ran.json, ran.stdout).toMatchObject({ ok: true, exchange: { created: 0, deleted: 0 }, crm: { created: 0, deleted: 0 }, held: 0, mails: 0 })
    expect(await simulators.items('bob', 'calendar')).toHaveLength(1)
    expect(subjectsOf(await simulators.records('Calendar'))).toEqual(['Task'])
    expect((await office.trySync()).json).toMatchObject({ ok: true, exchange: NOTHING, crm: NOTHING, held: 0 })
    // Everything gets other ids once more, between two servers of the company's own.
    await simulators.control('ews/moveMailbox', { address: 'bob@example.test' })
    expect((await office.trySync()).json).toMatchObject({ ok: true, exchange: NOTHING, crm: NOTHING, held: 0 })
    expect(subjectsOf(await simulators.records('Events'))).toEqual(['Made in the CRM'])
    const [item] = await simulators.items('bob', 'calendar')
    await simulators.control('ews/edit', { address: 'bob@example.test', id: item?.id, fields: { Subject: 'Edited at home' } })
    await office.trySync()
    expect(subjectsOf(await simulators.records('Events'))).toEqual(['Edited at home'])
  })
})
