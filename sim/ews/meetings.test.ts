import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { EwsSim, PlainItem } from './index.ts'
import { startEwsSim } from './index.ts'
import {
  ask, attributes, createEvent, getItem, HAS_SCHEMAS, itemIdOf, SCHEMA_DIR, setField, sync, update, value, values,
} from './test-client.ts'
import type { Answer } from './test-client.ts'

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const CAROL = 'carol@example.test'
const GUEST = 'guest@elsewhere.example'
const ALL = 'SendToAllAndSaveCopy'
const NOON = '<t:Start>2026-12-01T12:00:00Z</t:Start><t:End>2026-12-01T13:00:00Z</t:End>'
let sim: EwsSim

beforeEach(async () => {
  sim = await startEwsSim({ validate: HAS_SCHEMAS ? { schemaDir: SCHEMA_DIR } : null })
})
afterEach(() => sim.stop())

const people = (list: string, ...addresses: string[]) =>
  `<t:${list}>${addresses.map((address) => `<t:Attendee><t:Mailbox><t:EmailAddress>${address}</t:EmailAddress></t:Mailbox></t:Attendee>`).join('')}</t:${list}>`
const required = (...addresses: string[]) => people('RequiredAttendees', ...addresses)

async function meet(inner: string, mode = ALL): Promise<string> {
  const answer = await ask(sim, createEvent(`<t:Subject>Talk</t:Subject>${inner}`, mode))
  expect(answer.codes).toEqual(['NoError'])
  return itemIdOf(answer)
}

const only = (address: string, folder = 'calendar'): PlainItem => {
  const items = sim.items(address, folder)
  expect(items).toHaveLength(1)
  return items[0] as PlainItem
}
const refOf = ({ id, changeKey }: PlainItem, name = 'ItemId') => `<t:${name} Id="${id}" ChangeKey="${changeKey}"/>`
const outbox = () => sim.outbox.map(({ kind, from, to }) => [kind, from.split('@')[0], to.split('@')[0]].join(' '))
const change = (updates: string, send = ALL) => ask(sim, update(refOf(only(ALICE)), updates, { send }))
const subject = (text: string) => setField('item:Subject', 'CalendarItem', `<t:Subject>${text}</t:Subject>`)
const start = (text: string) =>
  setField('calendar:Start', 'CalendarItem', `<t:Start>${text}:00:00Z</t:Start>`) +
  setField('calendar:End', 'CalendarItem', `<t:End>${text}:30:00Z</t:End>`)
const invite = (...addresses: string[]) => setField('calendar:RequiredAttendees', 'CalendarItem', required(...addresses))

const respond = (user: string, verb: string, item: PlainItem, disposition: string | null = 'SendAndSaveCopy'): Promise<Answer> =>
  ask(sim, `<m:CreateItem${disposition ? ` MessageDisposition="${disposition}"` : ''}><m:Items><t:${verb}>${refOf(item, 'ReferenceItemId')}</t:${verb}></m:Items></m:CreateItem>`, { user })

/** What a property of an item says in its owner's mailbox. */
async function says(user: string, item: PlainItem, name: string): Promise<string[]> {
  const answer = await ask(sim, getItem(refOf(item), [`calendar:${name}`]), { user })
  return values(answer.text, name)
}

const responses = (item: PlainItem) =>
  (item.fields['RequiredAttendees'] as { address: string; response: string }[]).map(({ address, response }) => `${address.split('@')[0]} ${response}`)

describe('an invitation', () => {
  it('puts a copy with the same UID into the calendar of everybody invited', async () => {
    const id = await meet(`<t:Body BodyType="Text">agenda</t:Body>${NOON}<t:Location>Room 2</t:Location>${required(BOB)}${people('OptionalAttendees', CAROL, GUEST)}`)
    const own = await ask(sim, getItem(id, ['calendar:MeetingRequestWasSent', 'calendar:MyResponseType', 'calendar:UID', 'calendar:IsMeeting', 'calendar:AppointmentState']))
    expect([value(own.text, 'MeetingRequestWasSent'), value(own.text, 'MyResponseType'), value(own.text, 'AppointmentState')]).toEqual(['true', 'Organizer', '1'])
    const uid = value(own.text, 'UID')
    for (const user of [BOB, CAROL]) {
      const copy = only(user)
      expect(copy.fields).toMatchObject({ Subject: 'Talk', Location: 'Room 2', Body: { text: 'agenda' }, Start: '2026-12-01T12:00:00Z', UID: uid, LegacyFreeBusyStatus: 'Tentative' })
      const { text } = await ask(sim, getItem(refOf(copy), []).replace('IdOnly', 'AllProperties'), { user })
      expect([value(text, 'IsMeeting'), value(text, 'MyResponseType'), value(text, 'AppointmentState')]).toEqual(['true', 'NoResponseReceived', '3'])
      expect(/<t:Organizer>.*?<\/t:Organizer>/.exec(text)?.[0]).toContain(`<t:EmailAddress>${ALICE}</t:EmailAddress>`)
      expect(text).toMatch(/<t:ResponseObjects><t:AcceptItem>.*<t:TentativelyAcceptItem>.*<t:DeclineItem>/)
    }
    expect(outbox()).toEqual(['invitation alice bob', 'invitation alice carol', 'invitation alice guest'])
  })

  it('with SendToNone reaches nobody, until an update is sent', async () => {
    await meet(`${NOON}${required(BOB, GUEST)}`, 'SendToNone')
    await change(start('2026-12-01T14'), 'SendToNone')
    expect([sim.outbox, sim.items(BOB)]).toEqual([[], []])
    await change(subject('Now'))
    expect(outbox()).toEqual(['invitation alice bob', 'invitation alice guest'])
    expect(only(BOB).fields).toMatchObject({ Subject: 'Now', Start: '2026-12-01T14:00:00Z' })
  })

  it('makes no copy and no mail for the organizer himself', async () => {
    await meet(`${NOON}${required(ALICE, BOB)}`)
    only(ALICE)
    expect(outbox()).toEqual(['invitation alice bob'])
  })

  it('to somebody it was cancelled with asks him again', async () => {
    await meet(`${NOON}${required(BOB, CAROL)}`)
    await respond(BOB, 'AcceptItem', only(BOB))
    await change(invite(CAROL))
    await change(invite(BOB, CAROL))
    expect(only(BOB).fields).toMatchObject({ Subject: 'Talk', response: 'NoResponseReceived' })
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['false'])
  })

  it('is reported to the attendee as a new item', async () => {
    const state = value((await ask(sim, sync('calendar', undefined), { user: BOB })).text, 'SyncState')
    await meet(`${NOON}${required(BOB)}`)
    const { text } = await ask(sim, sync('calendar', state), { user: BOB })
    expect(text).toContain('<t:Create>')
    expect(attributes(text, 'ItemId', 'Id')).toEqual([only(BOB).id])
  })
})

describe('an update', () => {
  it('changes the copies only when it is sent, and keeps answers when only words change', async () => {
    await meet(`${NOON}${required(BOB)}`)
    await respond(BOB, 'AcceptItem', only(BOB))
    await change(subject('Quiet'), 'SendToNone')
    expect(only(BOB).fields['Subject']).toBe('Talk')
    await change(setField('calendar:Location', 'CalendarItem', '<t:Location>Roma</t:Location>'))
    expect(only(BOB).fields).toMatchObject({ Subject: 'Quiet', Location: 'Roma', response: 'Accept', LegacyFreeBusyStatus: 'Busy' })
    expect(responses(only(ALICE))).toEqual(['bob Accept'])
  })

  it('of the time asks everybody again', async () => {
    await meet(`${NOON}${required(BOB)}`)
    await respond(BOB, 'AcceptItem', only(BOB))
    await change(start('2026-12-01T15'))
    expect(await says(BOB, only(BOB), 'MyResponseType')).toEqual(['NoResponseReceived'])
    expect(responses(only(ALICE))).toEqual(['bob Unknown'])
    expect(await says(ALICE, only(ALICE), 'AppointmentSequenceNumber')).toEqual(['1'])
  })

  it('of the attendees invites new ones, cancels with removed ones and leaves the answers of the others', async () => {
    await meet(`${NOON}${required(BOB)}`)
    await respond(BOB, 'AcceptItem', only(BOB))
    await change(invite(BOB, CAROL), 'SendToChangedAndSaveCopy')
    expect(responses(only(ALICE))).toEqual(['bob Accept', 'carol Unknown'])
    await change(invite(CAROL), 'SendToChangedAndSaveCopy')
    expect(outbox()).toEqual(['invitation alice bob', 'response bob alice', 'invitation alice carol', 'cancellation alice bob'])
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['true'])
    expect(await says(CAROL, only(CAROL), 'IsCancelled')).toEqual(['false'])
  })

  it('of an attendee changes his own copy and tells nobody', async () => {
    await meet(`${NOON}${required(BOB)}`)
    const answer = await ask(sim, update(refOf(only(BOB)), subject('Mine'), { send: ALL }), { user: BOB })
    expect(answer.codes).toEqual(['NoError'])
    expect([only(ALICE).fields['Subject'], only(BOB).fields['Subject'], sim.outbox.length]).toEqual(['Talk', 'Mine', 1])
  })
})

describe('an answer', () => {
  it.each([
    ['AcceptItem', 'SendAndSaveCopy', 'Accept', 'Busy'],
    ['AcceptItem', 'SendOnly', 'Accept', 'Busy'],
    ['TentativelyAcceptItem', 'SendAndSaveCopy', 'Tentative', 'Tentative'],
    ['AcceptItem', 'SaveOnly', 'Accept', 'Busy'],
  ])('%s with %s is shown in the own calendar, and in the organizer\'s when it was sent', async (verb, disposition, expected, busy) => {
    await meet(`${NOON}${required(BOB, CAROL)}`)
    sim.clock.advance(3_600_000)
    const answer = await respond(BOB, verb, only(BOB), disposition)
    expect(answer.codes).toEqual(['NoError'])
    expect(attributes(answer.text, 'ItemId', 'Id')).toEqual([only(BOB).id])
    expect(await says(BOB, only(BOB), 'MyResponseType')).toEqual([expected])
    expect(await says(BOB, only(BOB), 'AppointmentReplyTime')).toHaveLength(1)
    expect(only(BOB).fields['LegacyFreeBusyStatus']).toBe(busy)
    const sent = disposition !== 'SaveOnly'
    expect(responses(only(ALICE))).toEqual([`bob ${sent ? expected : 'Unknown'}`, 'carol Unknown'])
    const { text } = await ask(sim, getItem(refOf(only(ALICE)), ['calendar:RequiredAttendees']))
    const [time] = values(text, 'LastResponseTime')
    expect(time === undefined).toBe(!sent)
    if (time) expect(Math.abs(Date.parse(time) - sim.clock.now())).toBeLessThan(60_000)
    expect(outbox().filter((mail) => mail.startsWith('response'))).toEqual(sent ? ['response bob alice'] : [])
  })

  it('that declines moves the event to Deleted Items', async () => {
    await meet(`${NOON}${required(BOB)}`)
    const answer = await respond(BOB, 'DeclineItem', only(BOB))
    expect(sim.items(BOB, 'calendar')).toEqual([])
    expect(attributes(answer.text, 'ItemId', 'Id')).toEqual([only(BOB, 'deleteditems').id])
    expect(responses(only(ALICE))).toEqual(['bob Decline'])
    // An update brings it back.
    await change(start('2026-12-01T16'))
    expect(only(BOB).fields['response']).toBe('NoResponseReceived')
  })

  it('can replace the event by a new one where the server does so', async () => {
    await sim.stop()
    sim = await startEwsSim({ acceptRecreates: true })
    await meet(`${NOON}${required(BOB)}`)
    const before = only(BOB)
    const state = value((await ask(sim, sync('calendar', undefined), { user: BOB })).text, 'SyncState')
    const answer = await respond(BOB, 'AcceptItem', before)
    expect(attributes(answer.text, 'ItemId', 'Id')).toEqual([only(BOB).id])
    expect(only(BOB).id).not.toBe(before.id)
    expect(only(BOB).fields['UID']).toBe(before.fields['UID'])
    const { text } = await ask(sim, sync('calendar', state), { user: BOB })
    expect([text.includes('<t:Create>'), text.includes('<t:Delete>')]).toEqual([true, true])
  })

  it.each([
    ['AcceptItem', 'ErrorCalendarIsOrganizerForAccept'],
    ['TentativelyAcceptItem', 'ErrorCalendarIsOrganizerForTentative'],
    ['DeclineItem', 'ErrorCalendarIsOrganizerForDecline'],
    ['RemoveItem', 'ErrorCalendarIsOrganizerForRemove'],
  ])('%s is not for the organizer', async (verb, code) => {
    await meet(`${NOON}${required(BOB)}`)
    expect((await respond(ALICE, verb, only(ALICE))).codes).toEqual([code])
    expect(outbox()).toEqual(['invitation alice bob'])
  })

  it('wants to know whether it is sent', async () => {
    await meet(`${NOON}${required(BOB)}`)
    expect((await respond(BOB, 'AcceptItem', only(BOB), null)).codes).toEqual(['ErrorMessageDispositionRequired'])
  })
})

describe('a cancellation', () => {
  const remove = (item: PlainItem, mode: string) =>
    ask(sim, `<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="${mode}"><m:ItemIds>${refOf(item)}</m:ItemIds></m:DeleteItem>`)

  it.each([
    ['CancelCalendarItem', () => respond(ALICE, 'CancelCalendarItem', only(ALICE))],
    ['DeleteItem', () => remove(only(ALICE), ALL)],
  ])('by %s marks the copies, which stay until their owners remove them', async (_, cancel) => {
    await meet(`${NOON}${required(BOB)}`)
    await cancel()
    expect([sim.items(ALICE, 'calendar'), sim.items(ALICE, 'deleteditems').length]).toEqual([[], 1])
    expect(only(BOB).fields).toMatchObject({ Subject: 'Canceled: Talk', LegacyFreeBusyStatus: 'Free' })
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['true'])
    expect(outbox()).toEqual(['invitation alice bob', 'cancellation alice bob'])
    expect((await respond(BOB, 'AcceptItem', only(BOB))).codes).toEqual(['ErrorCalendarIsCancelledForAccept'])
    expect((await respond(BOB, 'RemoveItem', only(BOB))).codes).toEqual(['NoError'])
    expect(sim.items(BOB, 'calendar')).toEqual([])
  })

  it('that is not sent leaves the copies as they are', async () => {
    await meet(`${NOON}${required(BOB)}`)
    await remove(only(ALICE), 'SendToNone')
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['false'])
    expect(outbox()).toEqual(['invitation alice bob'])
  })

  it('is the organizer\'s alone; a deletion by an attendee tells nobody', async () => {
    await meet(`${NOON}${required(BOB)}`)
    expect((await respond(BOB, 'CancelCalendarItem', only(BOB))).codes).toEqual(['ErrorCalendarIsNotOrganizer'])
    expect((await respond(BOB, 'RemoveItem', only(BOB))).codes).toEqual(['ErrorInvalidRequest'])
    sim.deleteItem(BOB, only(BOB).id, 'HardDelete', { send: true })
    expect(outbox()).toEqual(['invitation alice bob'])
  })
})

describe('a series with attendees', () => {
  const WEEKLY =
    '<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence>' +
    '<t:NumberedRecurrence><t:StartDate>2026-12-01</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>'
  const year = (address: string) => sim.occurrences(address, only(address).id, '2026-11-01', '2027-11-01')
  const nth = (address: string, index: number) => year(address)[index - 1] as PlainItem
  const changeNth = (index: number, updates: string) => ask(sim, update(refOf(nth(ALICE, index)), updates, { send: ALL }))
  beforeEach(async () => {
    await meet(`${NOON}${required(BOB)}${WEEKLY}`)
  })

  it('arrives as a series, with its exceptions and deletions when it is sent again', async () => {
    expect(year(BOB).map(({ fields }) => fields['Start'])).toEqual(year(ALICE).map(({ fields }) => fields['Start']))
    sim.editItem(ALICE, nth(ALICE, 2).id, { Subject: 'Special' })
    sim.deleteItem(ALICE, nth(ALICE, 3).id)
    expect(year(BOB).map(({ fields }) => fields['Subject'])).toEqual(['Talk', 'Talk', 'Talk', 'Talk'])
    await change(setField('calendar:Location', 'CalendarItem', '<t:Location>Roma</t:Location>'))
    expect(year(BOB).map(({ fields }) => [fields['Subject'], fields['Location']])).toEqual([['Talk', 'Roma'], ['Special', 'Roma'], ['Talk', 'Roma']])
  })

  it('tells of one changed occurrence as an exception in the attendee\'s series', async () => {
    await changeNth(2, subject('Special') + start('2026-12-09T08'))
    expect(nth(BOB, 2).fields).toMatchObject({ Subject: 'Special', Start: '2026-12-09T08:00:00Z', OriginalStart: '2026-12-08T12:00:00Z' })
    expect(only(BOB).series?.exceptions).toHaveLength(1)
    expect(outbox()).toEqual(['invitation alice bob', 'update alice bob'])
  })

  it('can have somebody more in one occurrence, who gets that one only', async () => {
    await changeNth(2, invite(BOB, CAROL))
    const copy = only(CAROL)
    expect(copy.fields).toMatchObject({ UID: only(ALICE).fields['UID'], Start: '2026-12-08T12:00:00Z', RecurrenceId: '2026-12-08T12:00:00Z' })
    expect(await says(CAROL, copy, 'CalendarItemType')).toEqual(['Single'])
    await respond(CAROL, 'AcceptItem', copy)
    expect(responses(nth(ALICE, 2))).toEqual(['bob Unknown', 'carol Accept'])
    expect(responses(only(ALICE))).toEqual(['bob Unknown'])
    await respond(ALICE, 'CancelCalendarItem', only(ALICE))
    expect(await says(CAROL, only(CAROL), 'IsCancelled')).toEqual(['true'])
  })

  it('can do without somebody in one occurrence', async () => {
    await changeNth(2, invite(CAROL))
    expect(outbox().slice(1)).toEqual(['invitation alice carol', 'cancellation alice bob'])
    expect(await says(BOB, nth(BOB, 2), 'IsCancelled')).toEqual(['true'])
    expect(await says(BOB, nth(BOB, 3), 'IsCancelled')).toEqual(['false'])
  })

  it('sent again does not tell him of an occurrence he is not invited to, nor who answered what', async () => {
    await changeNth(2, invite(CAROL))
    await changeNth(3, invite(BOB, CAROL))
    await respond(CAROL, 'AcceptItem', sim.items(CAROL, 'calendar')[1] as PlainItem)
    await respond(BOB, 'DeclineItem', only(BOB))
    await change(subject('Talk again'))
    expect(year(BOB).map(({ fields }) => fields['Start'])).toEqual(['2026-12-01T12:00:00Z', '2026-12-15T12:00:00Z', '2026-12-22T12:00:00Z'])
    expect(responses(nth(ALICE, 3))).toEqual(['bob Decline', 'carol Accept'])
    expect(responses(nth(BOB, 2))).toEqual(['bob Unknown', 'carol Unknown'])
  })

  it('is answered for its moved occurrence, too', async () => {
    await respond(BOB, 'TentativelyAcceptItem', only(BOB))
    await changeNth(2, start('2026-12-09T08'))
    expect(nth(BOB, 2).fields['response']).toBe('NoResponseReceived')
    await respond(BOB, 'AcceptItem', only(BOB))
    expect(nth(BOB, 2).fields).toMatchObject({ response: 'Accept', LegacyFreeBusyStatus: 'Busy' })
  })

  it('brings a declined occurrence back when that is changed', async () => {
    await respond(BOB, 'DeclineItem', nth(BOB, 2))
    expect(year(BOB)).toHaveLength(3)
    await changeNth(2, start('2026-12-09T08'))
    expect(nth(BOB, 2).fields).toMatchObject({ Start: '2026-12-09T08:00:00Z', response: 'NoResponseReceived' })
  })

  it('is accepted as a whole, and one occurrence declined', async () => {
    await respond(BOB, 'AcceptItem', only(BOB))
    const gone = await respond(BOB, 'DeclineItem', nth(BOB, 3))
    expect([gone.codes, attributes(gone.text, 'ItemId', 'Id')]).toEqual([['NoError'], [only(BOB).id]])
    expect(only(BOB).series?.deleted).toEqual(['2026-12-15T12:00:00Z'])
    expect([1, 3].map((index) => responses(nth(ALICE, index)))).toEqual([['bob Accept'], ['bob Decline']])
  })

  it('loses one occurrence everywhere when that is cancelled', async () => {
    const cancelled = await respond(ALICE, 'CancelCalendarItem', nth(ALICE, 2))
    expect(cancelled.codes).toEqual(['NoError'])
    expect(only(ALICE).series?.deleted).toEqual(['2026-12-08T12:00:00Z'])
    expect(nth(BOB, 2).fields['Subject']).toBe('Canceled: Talk')
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['false'])
  })
})

describe('people elsewhere', () => {
  it('answer, and the organizer sees it', async () => {
    await meet(`${NOON}${required(GUEST, BOB)}`)
    const name = { organizer: ALICE, uid: String(only(ALICE).fields['UID']) }
    const key = only(ALICE).changeKey
    sim.answerFromOutside(name, GUEST, 'tentative')
    expect(responses(only(ALICE))).toEqual(['guest Tentative', 'bob Unknown'])
    expect(only(ALICE).changeKey).not.toBe(key)
    sim.answerFromOutside(name, GUEST, 'none')
    expect(responses(only(ALICE))).toEqual(['guest Unknown', 'bob Unknown'])
    expect(() => sim.answerFromOutside(name, 'nobody@elsewhere.example', 'accept')).toThrow('Invited: guest@elsewhere.example, bob@example.test')
    expect(() => sim.answerFromOutside({ ...name, uid: 'x' }, GUEST, 'accept')).toThrow('no meeting of his own with the UID x')
  })

  it('invite, update and cancel; no mail leaves this server but the answers', async () => {
    const fields = { Subject: 'Fair', Start: '2026-12-03T09:00:00', End: '2026-12-03T10:00:00', RequiredAttendees: [ALICE, BOB] }
    const { fields: made } = sim.inviteFromOutside({ organizer: GUEST, fields })
    const uid = String(made['UID'])
    expect(only(ALICE).fields).toMatchObject({ Subject: 'Fair', UID: uid, organizer: GUEST, response: 'NoResponseReceived' })
    expect(sim.outbox).toEqual([])
    await respond(ALICE, 'AcceptItem', only(ALICE))
    expect(sim.outbox).toMatchObject([{ kind: 'response', from: ALICE, to: GUEST, subject: 'Fair', response: 'Accept' }])
    expect(sim.inviteFromOutside({ organizer: GUEST, uid, fields: { Location: 'Hall 4' } })).toMatchObject({ fields: { RequiredAttendees: [{ response: 'Accept' }, {}] } })
    expect(only(ALICE).fields).toMatchObject({ Location: 'Hall 4', response: 'Accept' })
    sim.cancelMeeting({ organizer: GUEST, uid })
    expect(await says(BOB, only(BOB), 'IsCancelled')).toEqual(['true'])
    expect(sim.outbox).toHaveLength(1)
  })

  it('invite to a series and change one occurrence of it', async () => {
    const Recurrence =
      '<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2026-12-03</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>'
    const fields = { Subject: 'Fair', Start: '2026-12-03T09:00:00', End: '2026-12-03T10:00:00', RequiredAttendees: [BOB], Recurrence }
    const uid = String(sim.inviteFromOutside({ organizer: GUEST, fields }).fields['UID'])
    sim.inviteFromOutside({ organizer: GUEST, uid, occurrence: '2026-12-04', fields: { Subject: 'Party' } })
    sim.cancelMeeting({ organizer: GUEST, uid, occurrence: '2026-12-05T08:00:00Z' })
    expect(sim.occurrences(BOB, only(BOB).id, '2026-12-01', '2026-12-31').map(({ fields: { Subject } }) => Subject)).toEqual(['Fair', 'Party', 'Canceled: Fair'])
    expect(() => sim.cancelMeeting({ organizer: GUEST, uid, occurrence: '2026-12-09' })).toThrow('no occurrence 2026-12-09')
  })

  it('have no mailbox here that could be invited to from outside', () => {
    expect(() => sim.inviteFromOutside({ organizer: ALICE, fields: {} })).toThrow('has a mailbox here')
  })
})

describe('users in Outlook', () => {
  it('invite, answer and cancel without the API', () => {
    const mine = sim.putItem(ALICE, 'calendar', { Subject: 'Lunch', Start: '2026-12-03T12:00:00', RequiredAttendees: [BOB], send: true })
    expect(sim.respond(BOB, only(BOB).id, 'accept')?.fields['response']).toBe('Accept')
    expect(responses(only(ALICE))).toEqual(['bob Accept'])
    sim.editItem(ALICE, mine.id, { Subject: 'Dinner' })
    expect(only(BOB).fields['Subject']).toBe('Lunch')
    sim.deleteItem(ALICE, mine.id, 'MoveToDeletedItems', { send: true })
    expect(only(BOB).fields['Subject']).toBe('Canceled: Lunch')
    expect(() => sim.respond(ALICE, only(ALICE, 'deleteditems').id, 'accept')).toThrow('not an invitation')
  })
})
