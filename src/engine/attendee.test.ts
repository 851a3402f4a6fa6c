import { describe, expect, test } from 'vitest'
import { assigneeId, itemOf } from '../model/index.ts'
import type { Answer, Attendee, EventFields, Fields, Instant, Item, ItemId } from '../model/index.ts'
import { ALICE, BOB, LANES, Office } from '../../test/property/office.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'

const person = (name: string, answer: Answer = 'none'): Attendee => ({ address: `${name}@example.test`, name, role: 'required', answer })
const TIME = { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } as const
const event = (subject: string, more: Fields = {}): Item => itemOf('event', { subject, time: TIME, ...more })
const fields = (row: { item: Item } | undefined) => (row?.item.fields ?? {}) as Partial<EventFields>
const items = (office: Office, user: string) => office.mailbox(user).synced()
const only = (office: Office): CrmRow => {
  expect(office.crm.live().length).toBe(1)
  return office.crm.live()[0] as CrmRow
}
const answers = (office: Office) => (fields(only(office)).attendees ?? []).map(({ name, answer }) => `${name} ${answer}`).sort()
async function open(): Promise<Office> {
  const office = new Office()
  await office.connect()
  await office.settle()
  return office
}

function meet(office: Office, users: readonly string[] = [ALICE, BOB]): void {
  const common = { attendees: [person('bob'), person('guest')], organizer: { address: 'alice@example.test', name: 'alice' }, cancelled: false }
  for (const user of users) {
    const own = user === ALICE ? {} : { answer: 'none' as const }
    office.mailbox(user).put(event('Board', { ...common, ...own }), { uid: 'MEETING', traits: user === ALICE ? { hasAttendees: true } : { invited: true, hasAttendees: true } })
  }
}

describe('a meeting between connected people', () => {
  test('whose record is given to an attendee stays in its organizer\'s calendar', async () => {
    const office = await open()
    meet(office)
    await office.settle()
    office.crm.edit(only(office).id, {}, { assignee: assigneeId(BOB) })
    await office.settle()
    office.crm.edit(only(office).id, { place: 'Hall' })
    await office.settle()
    expect([items(office, ALICE).length, fields(items(office, ALICE)[0]).place]).toEqual([1, 'Hall'])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })

  test('that was recorded from an attendee\'s calendar takes over what the organizer changed since', async () => {
    const office = await open()
    meet(office, [BOB])
    await office.settle()
    meet(office, [ALICE])
    office.mailbox(ALICE).edit(items(office, ALICE)[0]?.id as ItemId, { place: 'Hall' })
    await office.settle()
    expect(fields(only(office)).place).toBe('Hall')
    expect(items(office, ALICE).length).toBe(1)
  })

  test('an answer given on the record before the attendee\'s calendar was read reaches it', async () => {
    const office = await open()
    meet(office)
    await office.pass(['crm' as never, LANES[ALICE] as never])
    office.crm.edit(only(office).id, { attendees: [person('bob', 'accepted'), person('guest')] })
    await office.settle()
    expect([fields(items(office, BOB)[0]).answer, answers(office)]).toEqual(['accepted', ['bob accepted', 'guest none']])
  })
})

describe('a meeting from outside that two of us were invited to', () => {
  async function invited(answer: Answer = 'none'): Promise<Office> {
    const office = await open()
    const common = { attendees: [person('alice'), person('bob')], organizer: { address: 'boss@ext.test', name: 'Boss' }, cancelled: false }
    for (const user of [ALICE, BOB]) office.mailbox(user).put(event('Audit', { ...common, answer }), { uid: 'AUDIT', traits: { invited: true, hasAttendees: true } })
    await office.settle()
    return office
  }

  test('is one record with the answers both had given', async () => {
    const office = await invited('accepted')
    expect(answers(office)).toEqual(['alice accepted', 'bob accepted'])
    expect(office.writes.filter(({ side }) => side === 'exchange')).toEqual([])
  })

  test('goes on from the calendar of the one who stays', async () => {
    const office = await invited()
    const recorder = String(only(office).assignee)
    const other = recorder === ALICE ? BOB : ALICE
    office.mailbox(recorder).move(items(office, recorder)[0]?.id as ItemId, 'deleted')
    await office.settle()
    office.mailbox(other).edit(items(office, other)[0]?.id as ItemId, { place: 'Room 2' })
    await office.settle()
    expect(fields(only(office)).place).toBe('Room 2')
    office.crm.edit(only(office).id, {}, { deleted: true })
    await office.settle()
    expect(fields(only(office)).subject).toBe('Audit')
    office.mailbox(other).move(items(office, other)[0]?.id as ItemId, 'deleted')
    await office.settle()
    expect(office.crm.live()).toEqual([])
  })

  test('is put back with the answer its owner had given when its record is deleted', async () => {
    const office = await open()
    const common = { attendees: [person('alice')], organizer: { address: 'boss@ext.test', name: 'Boss' }, cancelled: false }
    office.mailbox(ALICE).put(event('Audit', { ...common, answer: 'accepted' }), { uid: 'AUDIT', traits: { invited: true, hasAttendees: true } })
    await office.settle()
    expect(answers(office)).toEqual(['alice accepted'])
    office.crm.edit(only(office).id, {}, { deleted: true })
    await office.settle()
    expect(answers(office)).toEqual(['alice accepted'])
  })

  test('that is called off at once for both takes its record along', async () => {
    const office = await invited()
    for (const user of [ALICE, BOB]) office.mailbox(user).move(items(office, user)[0]?.id as ItemId, 'deleted')
    await office.settle()
    expect(office.crm.live()).toEqual([])
  })
})

describe('an event with guests', () => {
  test('that its host deletes is deleted, for the guests too', async () => {
    const office = await open()
    office.crm.put(event('Visit', { attendees: [person('bob')] }), ALICE, { uid: 'VISIT' })
    await office.settle()
    expect(items(office, BOB).length).toBe(1)
    office.mailbox(ALICE).move(items(office, ALICE)[0]?.id as ItemId, 'deleted')
    await office.settle()
    expect([office.crm.live(), items(office, BOB)]).toEqual([[], []])
  })
})

describe('a record that is given away outside the window', () => {
  test('leaves at once when it is still to come, and its new owner gets it when its time comes', async () => {
    const office = new Office({ policy: { pastDays: 2, futureDays: 10 } })
    await office.connect()
    const { id } = office.crm.put(event('Visit'), ALICE)
    await office.settle()
    office.crm.edit(id, { time: { allDay: false, start: '2027-02-10T08:00:00Z' as Instant, end: '2027-02-10T09:00:00Z' as Instant } }, { assignee: assigneeId(BOB) })
    await office.settle()
    expect([items(office, ALICE).length, items(office, BOB).length]).toEqual([0, 0])
    office.world.pass(65 * 86_400_000)
    await office.settle()
    expect(items(office, BOB).length).toBe(1)
  })

  test('stays where it was when it is over', async () => {
    const office = new Office({ policy: { pastDays: 2, futureDays: 10 } })
    await office.connect()
    const { id } = office.crm.put(event('Visit'), ALICE)
    await office.settle()
    office.world.pass(30 * 86_400_000)
    office.crm.edit(id, {}, { assignee: assigneeId(BOB) })
    await office.settle()
    expect([items(office, ALICE).length, items(office, BOB).length, office.crm.live().length]).toEqual([1, 0, 1])
  })
})
