import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install } from './support/installation.ts'
import type { Installation, Report } from './support/installation.ts'
import { startSimulators } from './support/simulators.ts'
import type { CrmRecord, Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: { users: ['alice', 'bob'].map((name) => ({ crm: name, mailbox: `${name}@example.test` })), sync: { pastDays: 2, futureDays: 100 } } })
})
afterEach(() => office.close())

const DAY = 86_400_000
const isoDay = (days: number, from = Date.now()) => new Date(from + days * DAY).toISOString().slice(0, 10)

interface Wanted {
  readonly subject: string
  readonly start: string
  readonly end: string
  readonly zone: string
  readonly recurrence?: string
  readonly attendees?: string
  readonly send?: string
}

/** A new calendar item as Outlook makes it: local times with the item's own zone. @returns its id and change key */
async function createItem(who: string, { subject, start, end, zone, recurrence = '', attendees = '', send = 'SendToNone' }: Wanted): Promise<{ id: string; key: string }> {
  const answer = await simulators.soap(who, `<m:CreateItem SendMeetingInvitations="${send}"><m:SavedItemFolderId><t:DistinguishedFolderId Id="calendar"/></m:SavedItemFolderId><m:Items><t:CalendarItem>
    <t:Subject>${subject}</t:Subject><t:Start>${start}</t:Start><t:End>${end}</t:End>${attendees}${recurrence}<t:StartTimeZone Id="${zone}"/><t:EndTimeZone Id="${zone}"/>
  </t:CalendarItem></m:Items></m:CreateItem>`)
  return refOf(answer)
}
function refOf(answer: string): { id: string; key: string } {
  const match = /<t:ItemId Id="([^"]+)" ChangeKey="([^"]+)"/.exec(answer)
  return { id: match?.[1] ?? '', key: match?.[2] ?? '' }
}
const getKey = async (who: string, id: string) => refOf(await simulators.soap(who, `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:GetItem>`))
const getMaster = (who: string, id: string) => simulators.soap(who, `<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="${id}"/></m:ItemIds></m:GetItem>`)

async function editOccurrence(who: string, master: string, index: number, updates: string): Promise<void> {
  const { key } = await getKey(who, master)
  await simulators.soap(who, `<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:OccurrenceItemId RecurringMasterId="${master}" ChangeKey="${key}" InstanceIndex="${index}"/><t:Updates>${updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
}
const subjectTo = (subject: string) => `<t:SetItemField><t:FieldURI FieldURI="item:Subject"/><t:CalendarItem><t:Subject>${subject}</t:Subject></t:CalendarItem></t:SetItemField>`
const deleteOccurrence = (who: string, master: string, index: number) =>
  simulators.soap(who, `<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds><t:OccurrenceItemId RecurringMasterId="${master}" InstanceIndex="${index}"/></m:ItemIds></m:DeleteItem>`)

const daily = (first: string) => `<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>${first}</t:StartDate></t:NoEndRecurrence></t:Recurrence>`
const lastWeekday = (first: string) => `<t:Recurrence><t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence><t:NumberedRecurrence><t:StartDate>${first}</t:StartDate><t:NumberOfOccurrences>24</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>`

const events = async (subject?: string): Promise<CrmRecord[]> =>
  (await simulators.records('Events')).filter((one) => subject === undefined || one['subject'] === subject).sort((a, b) => (`${a['date_start']}` < `${b['date_start']}` ? -1 : 1))
const numbers = (records: readonly CrmRecord[]) => records.map((one) => Number(one['recurr_idx']))

describe('an endless daily series', () => {
  it('arrives as one numbered record per day, follows edits of both sides and a changed rule, and keeps arriving', async () => {
    const first = isoDay(1)
    const { id } = await createItem('alice', { subject: 'Stand-up', start: `${first}T09:00:00`, end: `${first}T09:15:00`, zone: 'W. Europe Standard Time', recurrence: daily(first) })
    await office.sync()
    const before = await events('Stand-up')
    expect(before.length).toBeGreaterThanOrEqual(99)
    expect(before.length).toBeLessThanOrEqual(102)
    expect(numbers(before)).toEqual(before.map((_, index) => index))
    expect(new Set(before.map((one) => one['ical_uuid'])).size).toBe(1)
    // The wall clock time stays, whatever the summer time.
    expect(new Set(before.map((one) => one['time_start']?.slice(0, 5)))).toEqual(new Set(['09:00']))
    await office.settled()

    await editOccurrence('alice', id, 5, subjectTo('Retro'))
    await deleteOccurrence('alice', id, 7)
    expect(await office.sync()).toMatchObject({ crm: { created: 0, updated: 1, deleted: 1 }, exchange: { created: 0, deleted: 0 } })
    expect(numbers(await events('Retro'))).toEqual([4])
    expect(numbers(await events())).not.toContain(6)

    const edited = (await events()).find((one) => Number(one['recurr_idx']) === 9) as CrmRecord
    const doomed = (await events()).find((one) => Number(one['recurr_idx']) === 11) as CrmRecord
    await simulators.editRecord('alice', edited['id'] ?? '', { subject: 'Planning' })
    await simulators.control('vtenext/remove', { id: doomed['id'] })
    await office.sync()
    const master = await getMaster('alice', id)
    expect(master.match(/<t:DeletedOccurrence>/g)?.length).toBe(2)
    expect(master.match(/<t:Occurrence>/g)?.length).toBe(2)
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

  it('whose rule becomes weekly keeps the records of the days that remain', async () => {
    const first = isoDay(1)
    const { id } = await createItem('alice', { subject: 'Stand-up', start: `${first}T09:00:00`, end: `${first}T09:15:00`, zone: 'W. Europe Standard Time', recurrence: daily(first) })
    await office.sync()
    const before = await events()
    const { key } = await getKey('alice', id)
    const weekday = new Date(`${first}T12:00:00Z`).toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' })
    await simulators.soap('alice', `<m:UpdateItem ConflictResolution="AutoResolve" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:ItemId Id="${id}" ChangeKey="${key}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="calendar:Recurrence"/><t:CalendarItem><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>${weekday}</t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence><t:StartDate>${first}</t:StartDate></t:NoEndRecurrence></t:Recurrence></t:CalendarItem></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
    const report = await office.sync()
    const after = await events()
    expect(report).toMatchObject({ crm: { created: 0, updated: 0, deleted: before.length - after.length }, held: 0 })
    expect(after.map((one) => one['id'])).toEqual(before.filter((_, index) => index % 7 === 0).map((one) => one['id']))
    await office.settled()
  })
})

describe('the last weekday of the month in New York', () => {
  it('with three exceptions and two deletions arrives as it is', async () => {
    // The window is two days back and a hundred ahead: three or four occurrences of it lie inside.
    const first = isoDay(-400)
    await office.close()
    office = await install(simulators, { config: { users: [{ crm: 'alice', mailbox: 'alice@example.test' }], sync: { pastDays: 365, futureDays: 365 } } })
    const { id } = await createItem('alice', { subject: 'Closing', start: `${lastWeekdayOf(first)}T17:00:00`, end: `${lastWeekdayOf(first)}T18:00:00`, zone: 'Eastern Standard Time', recurrence: lastWeekday(lastWeekdayOf(first)) })
    for (const index of [4, 6, 8]) await editOccurrence('alice', id, index, subjectTo(`Closing ${index}`))
    for (const index of [5, 9]) await deleteOccurrence('alice', id, index)
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
  it('becomes one Exchange series, and an edited record an exception of it', async () => {
    const start = isoDay(3)
    const { ids } = (await simulators.control('vtenext/makeSeries', { as: 'alice', count: 5, fields: { subject: 'Training', date_start: start, due_date: start, time_start: '10:00', time_end: '11:00' } })) as { ids: string[] }
    const report: Report = await office.sync()
    expect(report).toMatchObject({ exchange: { created: 1 }, crm: { created: 0, deleted: 0 }, linked: 5 })
    const item = await simulators.item('alice', 'Training')
    const master = await getMaster('alice', item?.id ?? '')
    expect(master).toContain('<t:NumberOfOccurrences>5</t:NumberOfOccurrences>')
    await office.settled()
    await simulators.editRecord('alice', ids[2] ?? '', { subject: 'Exam' })
    await simulators.control('vtenext/remove', { id: ids[4] })
    await office.sync()
    const after = await getMaster('alice', item?.id ?? '')
    expect([after.match(/<t:Occurrence>/g)?.length, after.match(/<t:DeletedOccurrence>/g)?.length]).toEqual([1, 1])
    await office.settled()
  })
})

describe('a meeting', () => {
  it('organised by alice with bob invited is one record with bob as invitee, and his answer travels', async () => {
    const start = isoDay(2)
    const attendees = '<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>bob@example.test</t:EmailAddress></t:Mailbox></t:Attendee><t:Attendee><t:Mailbox><t:Name>Gina Guest</t:Name><t:EmailAddress>gina@ext.test</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>'
    await createItem('alice', { subject: 'Board', start: `${start}T09:00:00`, end: `${start}T10:00:00`, zone: 'W. Europe Standard Time', attendees, send: 'SendToAllAndSaveCopy' })
    const mailed = await simulators.mails()
    expect(mailed).toBeGreaterThan(0)
    const report = await office.trySync()
    expect(report.json, report.stderr).toMatchObject({ ok: true, mails: 0, crm: { created: 1 } })
    const [record, ...more] = await events()
    expect(more).toEqual([])
    expect(record?.invitees.length).toBe(1)
    expect(record?.['description']).toContain('gina@ext.test')

    const bobs = await simulators.item('bob', 'Board')
    const { key } = await getKey('bob', bobs?.id ?? '')
    await simulators.soap('bob', `<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:AcceptItem><t:ReferenceItemId Id="${bobs?.id}" ChangeKey="${key}"/></t:AcceptItem></m:Items></m:CreateItem>`)
    const mails = await simulators.mails()
    expect((await office.trySync()).json).toMatchObject({ ok: true, mails: 0 })
    expect(((await events())[0]?.invitees as unknown as { partecipation: number | string }[])[0]?.partecipation.toString()).toBe('2')

    // Somebody who is not the organizer changes it in the CRM: bob's own calendar and alice's stay as they are.
    expect((await office.trySync()).json).toMatchObject({ crm: { created: 0, updated: 0, deleted: 0 }, exchange: { created: 0, updated: 0, deleted: 0 } })
    expect(await simulators.mails()).toBe(mails)
  })
})
