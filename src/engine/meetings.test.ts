import { describe, expect, test } from 'vitest'
import { assigneeId, CRM_LANE, itemOf, occurrenceUid } from '../model/index.ts'
import type { Answer, Attendee, EventFields, Fields, Instant, Item, MailboxId, PlainDate, Policy, Series, Traits } from '../model/index.ts'
import { ALICE, BOB, LANES, Office } from '../../test/property/office.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'

const person = (name: string, answer: Answer = 'none', role: Attendee['role'] = 'required'): Attendee => ({ address: `${name}@example.test`, name, role, answer })
const TIME = { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } as const
const event = (subject: string, more: Fields = {}): Item => itemOf('event', { subject, time: TIME, ...more })
const ORGANIZER = { address: 'alice@example.test', name: 'alice' }

async function open(policy: Partial<Policy> = {}, inCloud: readonly string[] = []): Promise<Office> {
  const office = new Office({ policy, inCloud })
  await office.connect()
  await office.settle()
  return office
}
const record = (office: Office): CrmRow => {
  expect(office.crm.live().length).toBe(1)
  return office.crm.live()[0] as CrmRow
}
const item = (office: Office, user: string) => {
  const [row, ...more] = office.mailbox(user).synced()
  expect(more).toEqual([])
  return row as NonNullable<typeof row>
}
const fields = (row: { item: Item }) => row.item.fields as Partial<EventFields>
const people = (row: { item: Item }) => (fields(row).attendees ?? []).map(({ address, answer }) => `${address.split('@')[0]} ${answer}`).sort()

/** Alice invites Bob and somebody outside; the invitation lies in Bob's calendar. */
function meet(office: Office, subject = 'Board', order: readonly string[] = [ALICE, BOB]): void {
  const attendees = [person('bob'), person('guest')]
  for (const user of order) {
    const traits: Traits = user === ALICE ? { hasAttendees: true } : { invited: true, hasAttendees: true }
    const own: Fields = user === ALICE ? {} : { answer: 'none' }
    office.mailbox(user).put(event(subject, { attendees, organizer: ORGANIZER, cancelled: false, ...own }), { uid: 'MEETING', traits })
  }
}
const home = async (office: Office) => (await office.store.transaction((tx) => tx.copiesByUid(['MEETING']))).map(({ copy }) => `${copy.mailbox} ${copy.role}`).sort()

describe('a meeting between connected people', () => {
  test.each([[[ALICE, BOB]], [[BOB, ALICE]]])('is one record, kept in step with the organizer, whoever is pulled first', async (order) => {
    const office = await open()
    meet(office)
    for (let round = 0; round < 3; round++) await office.pass(['crm' as never, ...order.map((user) => LANES[user] as never)])
    await office.settle()
    expect(people(record(office))).toEqual(['bob none', 'guest none'])
    expect(fields(record(office)).organizer).toEqual(ORGANIZER)
    expect(record(office).assignee).toBe(ALICE)
    expect(await home(office)).toEqual(['mA home', 'mB shadow'])
    expect(office.writes.filter(({ side }) => side === 'exchange').map(({ type }) => type)).toEqual(['update'])
  })

  test('an answer given in Outlook reaches the record, one given in the CRM reaches the calendar', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { answer: 'tentative' })
    await office.settle()
    expect(people(record(office))).toEqual(['bob tentative', 'guest none'])
    office.crm.edit(record(office).id, { attendees: [person('bob', 'accepted'), person('guest')] })
    await office.settle()
    expect(fields(item(office, BOB)).answer).toBe('accepted')
    expect(people(record(office))).toEqual(['bob accepted', 'guest none'])
    // The organizer's server hears of it later.
    office.mailbox(ALICE).edit(item(office, ALICE).id, { attendees: [person('bob', 'accepted'), person('guest', 'declined')] })
    await office.settle()
    expect(people(record(office))).toEqual(['bob accepted', 'guest declined'])
    const before = office.writes.length
    await office.settle()
    expect(office.writes.length).toBe(before)
  })

  test('an answer that the CRM forgot comes back', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { answer: 'accepted' })
    await office.settle()
    office.crm.edit(record(office).id, { attendees: [person('bob', 'none'), person('guest')] })
    await office.settle()
    expect(people(record(office))).toEqual(['bob accepted', 'guest none'])
    expect(fields(item(office, BOB)).answer).toBe('accepted')
  })

  test('the organizer edits it in the CRM and nobody is mailed; the list of people is not his to change there', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'Board and lunch', attendees: [] })
    await office.settle()
    expect(fields(item(office, ALICE)).subject).toBe('Board and lunch')
    expect(people(record(office))).toEqual(['bob none', 'guest none'])
    expect(office.engine.totals.mails).toBe(0)
  })

  test('somebody is taken off, another one joins: the record follows', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.mailbox(ALICE).edit(item(office, ALICE).id, { attendees: [person('bob', 'accepted'), person('carol')] })
    await office.settle()
    expect(people(record(office))).toEqual(['bob accepted', 'carol none'])
  })

  test('called off by its organizer: the record says so and stays', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.mailbox(ALICE).edit(item(office, ALICE).id, { cancelled: true })
    await office.settle()
    expect(fields(record(office)).cancelled).toBe(true)
    // "Not held" is also what people write in the CRM about a meeting that nobody called off.
    office.mailbox(ALICE).edit(item(office, ALICE).id, { cancelled: false })
    await office.settle()
    expect(fields(record(office)).cancelled).toBe(false)
    office.crm.edit(record(office).id, { cancelled: true })
    await office.settle()
    expect(fields(record(office)).cancelled).toBe(true)
  })
})

describe('one date of a meeting series to which somebody else is invited, too', () => {
  const DATES = ['2026-12-03', '2026-12-04', '2026-12-05'] as const
  const timeOf = (day: string) => ({ allDay: false, start: `${day}T08:00:00Z` as Instant, end: `${day}T09:00:00Z` as Instant }) as const
  const outside = { organizer: ORGANIZER, cancelled: false }
  const series: Series = {
    recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-03' as PlainDate, count: 3 } },
    time: { ...timeOf('2026-12-03'), zone: 'Europe/Rome' }, deleted: [],
    exceptions: [{ start: '2026-12-04T08:00:00Z' as Instant, fields: { attendees: [person('guest'), person('bob')], time: timeOf('2026-12-04') } }],
  }
  function invite(office: Office): void {
    office.mailbox(ALICE).put(event('Course', { ...outside, time: series.time, attendees: [person('guest')] }), { uid: 'COURSE', traits: { hasAttendees: true }, series })
    office.mailbox(BOB).put(event('Course', { ...outside, time: timeOf('2026-12-04'), attendees: [person('guest'), person('bob')], answer: 'none' }), { uid: 'COURSE', traits: { invited: true, hasAttendees: true } })
  }
  const shown = (office: Office) => office.crm.live().map((row) => `${row.uid} ${String((fields(row).time as { start: string }).start).slice(0, 10)} ${people(row).join(', ')}`).sort()
  const orders = [[ALICE, BOB], [BOB, ALICE]]

  test.each(orders.flatMap((order) => [[order, 'new'], [order, 'recorded before']] as const))('is that date of it (%s, %s)', async (order, when) => {
    const office = new Office()
    if (when === 'new') await office.connect()
    invite(office)
    if (when === 'recorded before') {
      DATES.forEach((day, n) => office.crm.put(event('Course', { ...outside, time: timeOf(day), attendees: n === 1 ? [person('guest'), person('bob')] : [person('guest')] }), ALICE, { uid: occurrenceUid('COURSE', n) }))
      await office.connect()
    }
    for (let round = 0; round < 3; round++) await office.pass([CRM_LANE, ...order.map((user) => LANES[user] as MailboxId)])
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { answer: 'accepted' })
    await office.settle()
    expect(shown(office)).toEqual(['COURSE 2026-12-03 guest none', 'COURSE#~1 2026-12-04 bob accepted, guest none', 'COURSE#~2 2026-12-05 guest none'])
    // Accepted on the telephone, it has another id.
    office.mailbox(BOB).move(item(office, BOB).id, 'synced')
    await office.settle()
    expect([shown(office).length, office.mailbox(ALICE).synced().length, office.mailbox(BOB).synced().length]).toEqual([3, 1, 1])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })
})

describe('one date of an outsider\'s series that was recorded before a colleague is invited to all of it', () => {
  const DAYS = ['2026-12-03', '2026-12-04', '2026-12-05'] as const
  const timeOf = (day: string) => ({ allDay: false, start: `${day}T08:00:00Z` as Instant, end: `${day}T09:00:00Z` as Instant }) as const
  const outside = { organizer: { address: 'boss@ext.test', name: 'Boss' }, cancelled: false, answer: 'none' } as const
  const traits = { invited: true, hasAttendees: true }
  const series = (exceptions: Series['exceptions']): Series => ({
    recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: DAYS[0] as PlainDate, count: 3 } }, time: { ...timeOf(DAYS[0]), zone: 'Europe/Rome' }, deleted: [], exceptions,
  })
  const shown = (office: Office) => office.crm.live().map((row) => `${String((fields(row).time as { start: string }).start).slice(0, 10)} ${people(row).join(', ')}`).sort()

  test.each([[1, '2026-12-04'], [0, '2026-12-03'], [2, '2026-12-11']] as const)('is that date of it, also when our database is lost (date %s, held on %s)', async (n, day) => {
    const office = await open()
    const both = [person('alice'), person('bob')]
    office.mailbox(BOB).put(event('Course', { ...outside, time: timeOf(day), attendees: both }), { uid: 'COURSE', traits })
    await office.settle()
    const [record] = office.crm.live()
    const exception = { start: `${DAYS[n]}T08:00:00Z` as Instant, fields: { attendees: both, time: timeOf(day) } }
    office.mailbox(ALICE).put(event('Course', { ...outside, time: series([]).time, attendees: [person('alice')] }), { uid: 'COURSE', traits, series: series([exception]) })
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { answer: 'accepted' })
    await office.settle()
    const dates = DAYS.map((one, at) => (at === n ? `${day} alice none, bob accepted` : `${one} alice none`)).sort()
    expect([shown(office), office.crm.live().find(({ id }) => id === record?.id)?.uid]).toEqual([dates, 'COURSE'])
    await office.loseDatabase()
    await office.settle()
    expect([shown(office), new Set(office.crm.live().map(({ uid }) => uid)).size]).toEqual([dates, 3])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })
})

describe('a meeting organised by somebody outside', () => {
  async function invited(policy: Partial<Policy> = {}): Promise<Office> {
    const office = await open(policy)
    const organizer = { address: 'boss@ext.test', name: 'Boss' }
    office.mailbox(BOB).put(event('Audit', { attendees: [person('bob')], organizer, cancelled: false, answer: 'none' }), { uid: 'FOREIGN', traits: { invited: true, hasAttendees: true } })
    await office.settle()
    return office
  }

  test('an edit in the CRM is undone, with the reason in the journal; a deletion brings the record back', async () => {
    const office = await invited()
    office.crm.edit(record(office).id, { subject: 'Not my meeting' })
    await office.settle()
    expect(fields(record(office)).subject).toBe('Audit')
    const journal = await office.store.transaction((tx) => tx.journal({ limit: 10 }))
    expect(journal.map(({ reason }) => reason)).toContain('edited in the CRM by somebody who is not the organizer: undone')
    office.crm.edit(record(office).id, {}, { deleted: true })
    await office.settle()
    expect(fields(record(office)).subject).toBe('Audit')
    expect(office.writes.filter(({ side }) => side === 'exchange')).toEqual([])
  })

  test('by policy a record deleted in the CRM stays away, and the meeting is untouched', async () => {
    const office = await invited({ foreignDeletion: 'hide' })
    office.crm.edit(record(office).id, {}, { deleted: true })
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { place: 'Room 2' })
    await office.settle()
    expect([office.crm.live(), office.mailbox(BOB).synced().length]).toEqual([[], 1])
  })

  test('an answer given in the CRM is a real response', async () => {
    const office = await invited()
    office.crm.edit(record(office).id, { attendees: [person('bob', 'declined')] })
    await office.settle()
    expect(fields(item(office, BOB)).answer).toBe('declined')
    expect(people(record(office))).toEqual(['bob declined'])
  })
})

describe('an event made in the CRM with invitees', () => {
  const make = (office: Office) => office.crm.put(event('Visit', { attendees: [person('bob'), person('guest')] }), ALICE, { uid: 'VISIT' })

  test('lies in the calendars of those it invites, and nobody is mailed', async () => {
    const office = await open()
    make(office)
    await office.settle()
    expect([item(office, ALICE).uid, item(office, BOB).uid]).toEqual(['VISIT', 'VISIT'])
    expect(people(item(office, ALICE))).toEqual(['bob none', 'guest none'])
    expect(record(office).assignee).toBe(ALICE)
    expect(office.engine.totals.mails).toBe(0)
    office.crm.edit(record(office).id, { place: 'Hall' })
    await office.settle()
    expect([fields(item(office, ALICE)).place, fields(item(office, BOB)).place]).toEqual(['Hall', 'Hall'])
  })

  test('the guest changes or throws away his copy: only for himself', async () => {
    const office = await open()
    make(office)
    await office.settle()
    office.mailbox(BOB).edit(item(office, BOB).id, { subject: 'Mine' })
    await office.settle()
    expect(fields(record(office)).subject).toBe('Visit')
    office.mailbox(BOB).move(item(office, BOB).id, 'deleted')
    await office.settle()
    office.crm.edit(record(office).id, { place: 'Hall' })
    await office.settle()
    expect([office.mailbox(BOB).synced(), fields(item(office, ALICE)).place]).toEqual([[], 'Hall'])
  })

  test('who is no longer invited loses the copy, who becomes responsible keeps it as his own', async () => {
    const office = await open()
    make(office)
    await office.settle()
    office.crm.edit(record(office).id, { attendees: [person('guest')] })
    await office.settle()
    expect(office.mailbox(BOB).synced()).toEqual([])
    office.crm.edit(record(office).id, { attendees: [person('bob')] })
    await office.settle()
    const { id } = item(office, BOB)
    office.crm.edit(record(office).id, { attendees: [] }, { assignee: assigneeId(BOB) })
    await office.settle()
    expect(item(office, BOB).id).toBe(id)
    expect(office.mailbox(ALICE).synced()).toEqual([])
  })

  test('with the policy it is a real meeting that Exchange invites to, once', async () => {
    const office = await open({ meetings: 'exchange' })
    make(office)
    await office.settle()
    expect(office.engine.totals.mails).toBe(1)
    expect(office.mailbox(BOB).synced()).toEqual([])
  })

  test('that existed before the mailbox was connected is never a reason to mail', async () => {
    const office = new Office({ policy: { meetings: 'exchange', sendMeetingUpdates: true } })
    make(office)
    await office.connect()
    await office.settle()
    expect(item(office, ALICE).uid).toBe('VISIT')
    expect(office.engine.totals.mails).toBe(0)
  })
})

describe('a meeting in Microsoft 365 that the CRM changes', () => {
  const skips = async (office: Office) => (await office.store.transaction((tx) => tx.skips(null, 10))).map(({ id, reason }) => [id as string, reason])

  test('is left to Outlook without anything being wrong, and says so', async () => {
    const office = await open({}, [ALICE, BOB])
    meet(office)
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'From the CRM' })
    await office.settle()
    expect([fields(item(office, ALICE)).subject, fields(record(office)).subject]).toEqual(['Board', 'From the CRM'])
    expect(await skips(office)).toEqual([[record(office).id, 'only-in-outlook']])
    expect(office.totals.errors).toEqual([])
  })

  test('is whole again when Outlook changes, and what the CRM said is kept as a conflict', async () => {
    const office = await open({}, [ALICE, BOB])
    meet(office)
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'From the CRM' })
    await office.settle()
    for (const user of [ALICE, BOB]) office.mailbox(user).edit(item(office, user).id, { subject: 'From Outlook' })
    await office.settle()
    expect(fields(record(office)).subject).toBe('From Outlook')
    expect(await skips(office)).toEqual([])
    expect(await office.store.transaction((tx) => tx.conflicts({}))).toMatchObject([{ field: 'subject', exchange: 'From Outlook', crm: 'From the CRM', winner: 'exchange' }])
  })

  test('changes there once the policy lets it mail, and somebody edits it', async () => {
    const office = await open({ sendMeetingUpdates: true }, [ALICE, BOB])
    meet(office)
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'From the CRM' })
    await office.settle()
    expect(fields(item(office, ALICE)).subject).toBe('From the CRM')
    expect(await skips(office)).toEqual([])
  })
})
