import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim } from './index.ts'
import { startEwsSim } from './index.ts'
import {
  ask, attributes, createEvent, createTask, getItem, HAS_SCHEMAS, itemIdOf, SCHEMA_DIR, setField, STAMP, sync, update, value, values,
} from './test-client.ts'
import type { Answer } from './test-client.ts'

const ALICE = 'alice@example.test'
const ROME = 'W. Europe Standard Time'
const LIST = ['calendar:Recurrence', 'calendar:FirstOccurrence', 'calendar:LastOccurrence', 'calendar:ModifiedOccurrences', 'calendar:DeletedOccurrences']
const WHAT = ['item:Subject', 'calendar:Start', 'calendar:End', 'calendar:OriginalStart', 'calendar:RecurrenceId', 'calendar:CalendarItemType', 'calendar:UID', 'calendar:IsRecurring']
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
})
afterEach(() => sim.stop())

const DAILY = '<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>'
const WEEKLY = '<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>'
const times = (count: number, from = '2026-12-01') =>
  `<t:NumberedRecurrence><t:StartDate>${from}</t:StartDate><t:NumberOfOccurrences>${count}</t:NumberOfOccurrences></t:NumberedRecurrence>`
const until = (end: string, from = '2026-12-01') =>
  `<t:EndDateRecurrence><t:StartDate>${from}</t:StartDate><t:EndDate>${end}</t:EndDate></t:EndDateRecurrence>`

const series = (pattern: string, range: string, more = '', date = '2026-12-01') =>
  createEvent(
    `<t:Subject>Visit</t:Subject><t:ExtendedProperty>${STAMP}<t:Value>v1</t:Value></t:ExtendedProperty><t:Start>${date}T09:00:00</t:Start><t:End>${date}T10:00:00</t:End>${more}` +
      `<t:Recurrence>${pattern}${range}</t:Recurrence><t:StartTimeZone Id="${ROME}"/><t:EndTimeZone Id="${ROME}"/>`,
  )

async function create(pattern: string, range: string, more = ''): Promise<string> {
  const answer = await ask(sim, series(pattern, range, more))
  expect(answer.codes).toEqual(['NoError'])
  return itemIdOf(answer)
}

const idIn = (xml: string) => /Id="([^"]*)"/.exec(xml)?.[1] ?? ''
const nth = (master: string, index: number, key = '') =>
  `<t:OccurrenceItemId RecurringMasterId="${idIn(master)}"${key && ` ChangeKey="${key}"`} InstanceIndex="${index}"/>`
const keyNow = () => sim.items(ALICE, 'calendar')[0]?.changeKey ?? ''

const view = (from: string, to: string, more = '') =>
  `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>${WHAT.map((uri) => `<t:FieldURI FieldURI="${uri}"/>`).join('')}</t:AdditionalProperties></m:ItemShape>` +
  `<m:CalendarView${more} StartDate="${from}" EndDate="${to}"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`

const subject = (text: string) => setField('item:Subject', 'CalendarItem', `<t:Subject>${text}</t:Subject>`)
const moveTo = (start: string, end: string) =>
  setField('calendar:Start', 'CalendarItem', `<t:Start>${start}</t:Start>`) + setField('calendar:End', 'CalendarItem', `<t:End>${end}</t:End>`)

async function starts(from = '2026-11-01T00:00:00Z', to = '2027-12-31T00:00:00Z'): Promise<string[]> {
  return values((await ask(sim, view(from, to))).text, 'Start')
}

const changeNth = async (master: string, index: number, updates: string): Promise<Answer> =>
  ask(sim, update(nth(master, index, keyNow()), updates))
const deleteNth = async (master: string, index: number): Promise<Answer> =>
  ask(sim, `<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>${nth(master, index)}</m:ItemIds></m:DeleteItem>`)

describe('the patterns', () => {
  const relative = '<t:DaysOfWeek>Weekday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex>'
  it.each([
    ['every third day', '<t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence>', ['12-01', '12-04', '12-07']],
    ['Tuesdays and Fridays of every second week', '<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Tuesday Friday</t:DaysOfWeek><t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>', ['12-01', '12-04', '12-15']],
    ['the 31st, or the last day of a shorter month', '<t:AbsoluteMonthlyRecurrence><t:Interval>2</t:Interval><t:DayOfMonth>31</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>', ['12-31', '02-28', '04-30']],
    ['the last working day of a month', `<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval>${relative}</t:RelativeMonthlyRecurrence>`, ['12-31', '01-29', '02-26']],
    ['the 29th of February', '<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth><t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>', ['02-28', '02-29', '02-28']],
    ['the second Sunday of May', '<t:RelativeYearlyRecurrence><t:DaysOfWeek>Sunday</t:DaysOfWeek><t:DayOfWeekIndex>Second</t:DayOfWeekIndex><t:Month>May</t:Month></t:RelativeYearlyRecurrence>', ['05-09', '05-14', '05-13']],
  ])('give the right days for %s, and the master lies on the first', async (_, pattern, days) => {
    const id = await create(pattern, times(3))
    const found = (await Promise.all([1, 2, 3].map((index) => ask(sim, getItem(nth(id, index), WHAT))))).map(({ text }) => value(text, 'Start'))
    expect(found.map((start) => start?.slice(5, 10))).toEqual(days)
    const { text } = await ask(sim, getItem(id, ['calendar:Start', ...LIST]))
    expect(values(text, 'Start')).toEqual([found[0], found[0], found[2]])
    expect(value(text, 'StartDate')?.slice(5, 10)).toBe(days[0])
  })

  it.each([
    ['an interval of 0 weeks', 'ErrorCalendarOutOfRange', WEEKLY.replace('>1<', '>0<'), times(3)],
    ['the 32nd of a month', 'ErrorCalendarOutOfRange', '<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>32</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>', times(3)],
    ['no occurrences', 'ErrorCalendarOutOfRange', WEEKLY, times(0)],
    ['a range in which no such day lies', 'ErrorRecurrenceHasNoOccurrence', WEEKLY, until('2026-12-07', '2026-12-02')],
    ['an end after the year 4500', 'ErrorRecurrenceEndDateTooBig', WEEKLY, until('4500-09-02')],
    ['weeks that repeat on "Weekday"', 'ErrorCalendarInvalidDayForWeeklyRecurrence', WEEKLY.replace('Tuesday', 'Weekday'), times(3)],
  ])('are refused with %s', async (_, code, pattern, range) => {
    expect((await ask(sim, series(pattern, range))).codes).toEqual([code])
    expect(sim.items(ALICE)).toEqual([])
  })

  it('do not let an occurrence last longer than the time to the next one', async () => {
    const long = series(DAILY, times(3)).replace('2026-12-01T10:00:00', '2026-12-02T09:30:00')
    expect((await ask(sim, long)).codes).toEqual(['ErrorOccurrenceTimeSpanTooBig'])
  })
})

describe('a series', () => {
  it('keeps its hour over the change of clocks and says so in UTC', async () => {
    await ask(sim, series(WEEKLY, until('2027-04-06', '2027-03-23'), '', '2027-03-23'))
    expect(await starts()).toEqual(['2027-03-23T08:00:00Z', '2027-03-30T07:00:00Z', '2027-04-06T07:00:00Z'])
  })

  it('of whole days goes from midnight to midnight of its zone', async () => {
    await ask(sim, series(DAILY, times(3, '2027-03-27'), '<t:IsAllDayEvent>true</t:IsAllDayEvent>', '2027-03-27'))
    const { text } = await ask(sim, view('2027-03-01T00:00:00Z', '2027-04-30T00:00:00Z'))
    expect(values(text, 'Start')).toEqual(['2027-03-26T23:00:00Z', '2027-03-27T23:00:00Z', '2027-03-28T22:00:00Z'])
    expect(values(text, 'End')).toEqual(['2027-03-27T23:00:00Z', '2027-03-28T22:00:00Z', '2027-03-29T22:00:00Z'])
  })

  it('is one master in a plain search and in SyncFolderItems, and its occurrences in a calendar view', async () => {
    const id = await create(WEEKLY, times(4))
    const plain = await ask(sim, view('x', 'y').replace(/<m:CalendarView[^>]*>/, ''))
    expect(attributes(plain.text, 'ItemId', 'Id')).toEqual([idIn(id)])
    const all = await ask(sim, view('x', 'y').replace(/<m:CalendarView[^>]*>/, '').replace('IdOnly', 'AllProperties'))
    expect(all.text).not.toMatch(/Recurrence>|Occurrence>/)
    const synced = await ask(sim, sync('calendar', undefined))
    expect(attributes(synced.text, 'ItemId', 'Id')).toEqual([idIn(id)])
    const { text } = await ask(sim, view('2026-12-05T00:00:00Z', '2026-12-20T00:00:00Z'))
    expect(values(text, 'CalendarItemType')).toEqual(['Occurrence', 'Occurrence'])
    expect(values(text, 'Start')).toEqual(['2026-12-08T08:00:00Z', '2026-12-15T08:00:00Z'])
    expect(new Set([idIn(id), ...attributes(text, 'ItemId', 'Id')]).size).toBe(3)
    expect(attributes(text, 'ItemId', 'ChangeKey')).toEqual([keyNow(), keyNow()])
    expect(new Set(values(text, 'UID')).size).toBe(1)
  })

  it('shows an occurrence of several days that began before the view', async () => {
    const long = series('<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>', times(4))
    await ask(sim, long.replace('2026-12-01T10:00:00', '2026-12-07T10:00:00'))
    expect(await starts('2026-12-14T00:00:00Z', '2026-12-14T01:00:00Z')).toEqual(['2026-12-08T08:00:00Z'])
  })

  it('shows at most so many occurrences, over at most two years', async () => {
    await create(DAILY, '<t:NoEndRecurrence><t:StartDate>2026-12-01</t:StartDate></t:NoEndRecurrence>')
    const some = await ask(sim, view('2026-12-01T00:00:00Z', '2027-12-01T00:00:00Z', ' MaxEntriesReturned="5"'))
    expect(values(some.text, 'Start')).toHaveLength(5)
    expect(attributes(some.text, 'RootFolder', 'IncludesLastItemInRange')).toEqual(['false'])
    expect((await ask(sim, view('2026-12-01T00:00:00Z', '2029-12-02T00:00:00Z'))).codes).toEqual(['ErrorCalendarViewRangeTooBig'])
  })

  it('finds an occurrence by its number, counted from 1, with the stamp of its master', async () => {
    const id = await create(WEEKLY, times(4))
    const { text, codes } = await ask(sim, getItem(nth(id, 3), WHAT, STAMP))
    expect(codes).toEqual(['NoError'])
    expect(value(text, 'Start')).toBe('2026-12-15T08:00:00Z')
    expect([value(text, 'OriginalStart'), value(text, 'RecurrenceId')]).toEqual(['2026-12-15T08:00:00Z', '2026-12-15T08:00:00Z'])
    expect([value(text, 'CalendarItemType'), value(text, 'IsRecurring'), value(text, 'Value')]).toEqual(['Occurrence', 'true', 'v1'])
    const back = await ask(sim, getItem(`<t:RecurringMasterItemId OccurrenceId="${attributes(text, 'ItemId', 'Id')[0]}"/>`, WHAT))
    expect(attributes(back.text, 'ItemId', 'Id')).toEqual([idIn(id)])
    expect(value(back.text, 'CalendarItemType')).toBe('RecurringMaster')
  })

  it('puts the day of an occurrence into the GlobalObjectId and not into the clean one', async () => {
    const id = await create(WEEKLY, times(4))
    const paths = [35, 3].map((n) => `<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="${n}" PropertyType="Binary"/>`).join('')
    const [ofMaster] = values((await ask(sim, getItem(id, [], paths))).text, 'Value')
    const [clean = '', full = ''] = values((await ask(sim, getItem(nth(id, 2), [], paths))).text, 'Value')
    expect(clean).toBe(ofMaster)
    expect(Buffer.from(full, 'base64').subarray(16, 20).toString('hex')).toBe('07ea0c08')
  })

  it('answers a wrong address with the documented error', async () => {
    const id = await create(WEEKLY, times(4))
    const single = itemIdOf(await ask(sim, createEvent('<t:Subject>Single</t:Subject>')))
    const [occurrence = ''] = attributes((await ask(sim, getItem(nth(id, 1), []))).text, 'ItemId', 'Id')
    const asked = [nth(id, 0), nth(id, 5), nth(single, 1), nth(`Id="${occurrence}"`, 1), `<t:RecurringMasterItemId OccurrenceId="${idIn(id)}"/>`]
    expect((await ask(sim, getItem(asked.join(''), []))).codes).toEqual([
      'ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange', 'ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange',
      'ErrorCalendarCannotUseIdForRecurringMasterId', 'ErrorCalendarCannotUseIdForRecurringMasterId', 'ErrorCalendarCannotUseIdForOccurrenceId',
    ])
  })
})

describe('one occurrence', () => {
  it('becomes an exception when it is changed, and the master is told of as updated', async () => {
    const id = await create(WEEKLY, times(4))
    const state = value((await ask(sim, sync('calendar', undefined))).text, 'SyncState')
    const changed = await changeNth(id, 3, subject('Moved visit') + moveTo('2026-12-16T11:00:00Z', '2026-12-16T12:00:00Z'))
    expect(changed.codes).toEqual(['NoError'])
    const next = await ask(sim, sync('calendar', state))
    expect(next.text).toContain(`<t:Update><t:CalendarItem><t:ItemId Id="${idIn(id)}" ChangeKey="${keyNow()}"/>`)
    expect(attributes(changed.text, 'ItemId', 'ChangeKey')).toEqual([keyNow()])
    const { text } = await ask(sim, getItem(id, LIST))
    const [modified = ''] = /<t:ModifiedOccurrences>.*<\/t:ModifiedOccurrences>/.exec(text) ?? []
    expect(attributes(modified, 'ItemId', 'Id')).toEqual(attributes(changed.text, 'ItemId', 'Id'))
    expect([value(modified, 'Start'), value(modified, 'OriginalStart')]).toEqual(['2026-12-16T11:00:00Z', '2026-12-15T08:00:00Z'])
    const exception = await ask(sim, getItem(itemIdOf(changed), WHAT, STAMP))
    expect([value(exception.text, 'Subject'), value(exception.text, 'CalendarItemType'), value(exception.text, 'Value')]).toEqual(['Moved visit', 'Exception', 'v1'])
    expect(await starts()).toEqual(['2026-12-01T08:00:00Z', '2026-12-08T08:00:00Z', '2026-12-16T11:00:00Z', '2026-12-22T08:00:00Z'])
  })

  it('goes on taking what it did not change from its master', async () => {
    const id = await create(WEEKLY, times(3))
    await changeNth(id, 2, setField('calendar:Location', 'CalendarItem', '<t:Location>Roma</t:Location>'))
    await ask(sim, update(`<t:ItemId Id="${idIn(id)}" ChangeKey="${keyNow()}"/>`, subject('Renamed')))
    const { text } = await ask(sim, getItem(nth(id, 2), [...WHAT, 'calendar:Location']))
    expect([value(text, 'Subject'), value(text, 'Location'), value(text, 'CalendarItemType')]).toEqual(['Renamed', 'Roma', 'Exception'])
  })

  it('may not be moved onto or beyond the day of a neighbour, nor over its time', async () => {
    const id = await create(WEEKLY, times(3))
    const on = (start: string, end: string) => changeNth(id, 2, moveTo(start, end))
    expect((await on('2026-12-15T06:00:00Z', '2026-12-15T07:00:00Z')).codes).toEqual(['ErrorOccurrenceCrossingBoundary'])
    expect((await on('2026-12-01T20:00:00Z', '2026-12-01T21:00:00Z')).codes).toEqual(['ErrorOccurrenceCrossingBoundary'])
    expect((await on('2026-12-14T08:00:00Z', '2026-12-15T08:30:00Z')).codes).toEqual(['ErrorOccurrenceTimeSpanTooBig'])
    expect(sim.items(ALICE)[0]?.series?.exceptions).toEqual([])
    expect((await on('2026-12-14T08:00:00Z', '2026-12-15T08:00:00Z')).codes).toEqual(['NoError'])
  })

  it('may take the place of a deleted neighbour', async () => {
    const id = await create(DAILY, times(4))
    await deleteNth(id, 3)
    expect((await changeNth(id, 2, moveTo('2026-12-03T11:00:00Z', '2026-12-03T12:00:00Z'))).codes).toEqual(['NoError'])
  })

  it('is listed as deleted and still counts', async () => {
    const id = await create(WEEKLY, times(4))
    const [second = ''] = attributes((await ask(sim, getItem(nth(id, 2), []))).text, 'ItemId', 'Id')
    expect((await deleteNth(id, 2)).codes).toEqual(['NoError'])
    const { text } = await ask(sim, getItem(id, LIST))
    expect(/<t:DeletedOccurrences>(.*)<\/t:DeletedOccurrences>/.exec(text)?.[1]).toBe('<t:DeletedOccurrence><t:Start>2026-12-08T08:00:00Z</t:Start></t:DeletedOccurrence>')
    expect((await ask(sim, getItem(`${nth(id, 2)}${nth(id, 3)}<t:ItemId Id="${second}"/>`, []))).codes).toEqual([
      'ErrorCalendarOccurrenceIsDeletedFromRecurrence', 'NoError', 'ErrorItemNotFound',
    ])
    expect(sim.items(ALICE).map(({ folder }) => folder)).toEqual(['calendar'])
    expect(await starts()).toEqual(['2026-12-01T08:00:00Z', '2026-12-15T08:00:00Z', '2026-12-22T08:00:00Z'])
  })

  it('cannot be deleted when it is the last one left', async () => {
    const id = await create(WEEKLY, times(2))
    expect((await deleteNth(id, 1)).codes).toEqual(['NoError'])
    expect((await deleteNth(id, 2)).codes).toEqual(['ErrorRecurrenceHasNoOccurrence'])
  })

  it('is not written with the change key from before another occurrence was changed', async () => {
    const id = await create(WEEKLY, times(4))
    const stale = keyNow()
    await changeNth(id, 2, subject('First'))
    const again = (mode: string, index: number) => ask(sim, update(nth(id, index, stale), subject('Second'), { mode }))
    expect((await again('NeverOverwrite', 3)).codes).toEqual(['ErrorIrresolvableConflict'])
    expect((await again('AutoResolve', 2)).codes).toEqual(['ErrorIrresolvableConflict'])
    const merged = await again('AutoResolve', 3)
    expect([merged.codes, value(merged.text, 'Count')]).toEqual([['NoError'], '1'])
    expect((await ask(sim, update(nth(id, 2), subject('x')))).codes).toEqual(['ErrorChangeKeyRequiredForWriteOperations'])
  })

  it('has no pattern of its own and stays in its folder', async () => {
    const id = await create(WEEKLY, times(4))
    const pattern = setField('calendar:Recurrence', 'CalendarItem', `<t:Recurrence>${DAILY}${times(2)}</t:Recurrence>`)
    expect((await changeNth(id, 2, pattern)).codes).toEqual(['ErrorInvalidPropertySet'])
    const move = (operation: string) => `<m:${operation}><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId><m:ItemIds>${nth(id, 2)}</m:ItemIds></m:${operation}>`
    expect((await ask(sim, move('MoveItem'))).codes).toEqual(['ErrorCalendarCannotMoveOrCopyOccurrence'])
  })
})

describe('a changed master', () => {
  const exceptions = () => sim.items(ALICE, 'calendar')[0]?.series
  const pattern = (xml: string) => setField('calendar:Recurrence', 'CalendarItem', `<t:Recurrence>${xml}</t:Recurrence>`)
  const change = async (id: string, updates: string) => ask(sim, update(`<t:ItemId Id="${idIn(id)}" ChangeKey="${keyNow()}"/>`, updates))

  async function withException(): Promise<string> {
    const id = await create(WEEKLY, times(5))
    await changeNth(id, 2, subject('Other'))
    await deleteNth(id, 4)
    return id
  }

  it.each([
    ['another pattern', pattern(DAILY + times(5))],
    ['another hour', moveTo('2026-12-01T12:00:00Z', '2026-12-01T13:00:00Z')],
    ['another zone', setField('calendar:StartTimeZone', 'CalendarItem', '<t:StartTimeZone Id="Tokyo Standard Time"/>')],
  ])('loses its exceptions with %s', async (_, updates) => {
    const id = await withException()
    expect((await change(id, updates)).codes).toEqual(['NoError'])
    expect(exceptions()).toEqual({ exceptions: [], deleted: [] })
  })

  it.each([
    ['another subject', subject('Renamed'), 1],
    ['the same pattern once more', pattern(WEEKLY + times(5)), 1],
    ['a later end', pattern(WEEKLY + until('2027-12-31')), 1],
    ['an end before the deleted one', pattern(WEEKLY + times(3)), 0],
  ])('keeps its exceptions with %s, as far as they are in its range', async (_, updates, deleted) => {
    const id = await withException()
    expect((await change(id, updates)).codes).toEqual(['NoError'])
    expect(exceptions()?.exceptions).toHaveLength(1)
    expect(exceptions()?.deleted).toHaveLength(deleted)
  })

  it('keeps them over a new hour too where the server is told to', async () => {
    await sim.stop()
    sim = await startEwsSim({ keepExceptions: true })
    const id = await withException()
    await change(id, moveTo('2026-12-01T12:00:00Z', '2026-12-01T13:00:00Z'))
    expect(exceptions()?.exceptions).toHaveLength(1)
  })

  it('takes its pattern along to another date', async () => {
    const id = await create(WEEKLY, times(2))
    await change(id, moveTo('2026-12-03T10:00:00Z', '2026-12-03T11:00:00Z'))
    expect(await starts()).toEqual(['2026-12-08T10:00:00Z', '2026-12-15T10:00:00Z'])
  })

  it('becomes a single event without its pattern, and a single event a master with one', async () => {
    const id = await create(WEEKLY, times(4))
    await change(id, '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>')
    expect(await starts()).toEqual(['2026-12-01T08:00:00Z'])
    await change(id, pattern(DAILY + times(2)))
    expect(await starts()).toEqual(['2026-12-01T08:00:00Z', '2026-12-02T08:00:00Z'])
  })
})

describe('what a user does in Outlook', () => {
  it('changes and deletes single occurrences of a series, too', async () => {
    const master = sim.putItem(ALICE, 'calendar', {
      Subject: 'Weekly', Start: '2026-12-01T09:00:00', End: '2026-12-01T10:00:00', Recurrence: `<t:Recurrence>${WEEKLY}${times(4)}</t:Recurrence>`,
    })
    const [first, second] = sim.occurrences(ALICE, master.id, '2026-12-01', '2026-12-31')
    sim.editItem(ALICE, first?.id ?? '', { Subject: 'Kick-off' })
    sim.deleteItem(ALICE, second?.id ?? '')
    expect(sim.items(ALICE)[0]?.series).toEqual({ exceptions: [expect.objectContaining({ id: first?.id })], deleted: ['2026-12-08T08:00:00Z'] })
    expect(sim.occurrences(ALICE, master.id, '2026-12-01', '2026-12-31').map(({ fields }) => fields['Subject'])).toEqual(['Kick-off', 'Weekly', 'Weekly'])
  })
})

describe('a recurring task', () => {
  const complete = setField('task:Status', 'Task', '<t:Status>Completed</t:Status>')
  const task = (pattern: string, range: string, dates: string) => createTask(`<t:Subject>Report</t:Subject>${dates}`.replace('<t:StartDate>', `<t:Recurrence>${pattern}${range}</t:Recurrence><t:StartDate>`))
  const monday = '<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence>'
  const dates = '<t:DueDate>2006-01-03T00:00:00Z</t:DueDate><t:StartDate>2006-01-01T00:00:00Z</t:StartDate>'
  const tasks = () => sim.items(ALICE, 'tasks').map(({ fields }) => [fields['Status'], fields['StartDate'], fields['DueDate']])

  it('begins on the first day of its pattern', async () => {
    await ask(sim, task(monday, '<t:NoEndRecurrence><t:StartDate>2006-10-26</t:StartDate></t:NoEndRecurrence>', dates))
    expect(tasks()).toEqual([['NotStarted', '2006-10-30', '2006-11-01']])
    expect(String(sim.items(ALICE)[0]?.fields['Recurrence'])).toContain('<t:StartDate>2006-10-30</t:StartDate>')
  })

  it('leaves a completed one-off task with a new id and goes on under its own', async () => {
    const id = itemIdOf(await ask(sim, task(monday, times(2, '2026-12-07'), dates)))
    const answer = await ask(sim, update(id, complete, { send: null }))
    expect(answer.codes).toEqual(['NoError'])
    expect(attributes(answer.text, 'ItemId', 'Id')).not.toContain(idIn(id))
    expect(tasks()).toEqual([['NotStarted', '2026-12-14', '2026-12-16'], ['Completed', '2026-12-07', '2026-12-09']])
    const [current, done] = sim.items(ALICE, 'tasks')
    expect([current?.id, attributes(answer.text, 'ItemId', 'Id')[0]]).toEqual([idIn(id), done?.id])
    expect(done?.fields).not.toHaveProperty('Recurrence')
    // The last one is just completed.
    const last = await ask(sim, update(`<t:ItemId Id="${idIn(id)}" ChangeKey="${current?.changeKey}"/>`, complete, { send: null }))
    expect(attributes(last.text, 'ItemId', 'Id')).toEqual([idIn(id)])
    expect(tasks().map(([status]) => status)).toEqual(['Completed', 'Completed'])
  })

  it('leaves its current occurrence behind under a new id when that gets another date', async () => {
    const id = itemIdOf(await ask(sim, task(monday, times(3, '2026-12-07'), dates)))
    const later = setField('task:DueDate', 'Task', '<t:DueDate>2026-12-11T00:00:00Z</t:DueDate>')
    const answer = await ask(sim, update(id, later, { send: null }))
    expect(attributes(answer.text, 'ItemId', 'Id')).not.toContain(idIn(id))
    expect(tasks()).toEqual([['NotStarted', '2026-12-14', '2026-12-16'], ['NotStarted', '2026-12-07', '2026-12-11']])
  })

  it('that regenerates comes again so long after it was completed', async () => {
    const again = '<t:DailyRegeneration><t:Interval>3</t:Interval></t:DailyRegeneration>'
    const id = itemIdOf(await ask(sim, task(again, times(5, '2026-12-07'), dates)))
    await ask(sim, update(id, setField('task:CompleteDate', 'Task', '<t:CompleteDate>2026-12-20T00:00:00Z</t:CompleteDate>'), { send: null }))
    expect(tasks()[0]).toEqual(['NotStarted', '2026-12-23', '2026-12-25'])
  })

  it('skips its current occurrence when that alone is deleted, but not the last', async () => {
    const id = itemIdOf(await ask(sim, task(monday, times(2, '2026-12-07'), dates)))
    const remove = `<m:DeleteItem DeleteType="HardDelete" AffectedTaskOccurrences="SpecifiedOccurrenceOnly"><m:ItemIds>${id}</m:ItemIds></m:DeleteItem>`
    expect((await ask(sim, remove)).codes).toEqual(['NoError'])
    expect(tasks()).toEqual([['NotStarted', '2026-12-14', '2026-12-16']])
    expect((await ask(sim, remove)).codes).toEqual(['ErrorCannotDeleteTaskOccurrence'])
  })
})
