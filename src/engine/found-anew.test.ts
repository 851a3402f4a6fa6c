import { describe, expect, test } from 'vitest'
import { CRM_LANE, fieldsOf, itemOf, occurrenceUid } from '../model/index.ts'
import type { Attendee, EventTime, Fields, Instant, Item, ItemId, MailboxId, PlainDate, Series } from '../model/index.ts'
import { ALICE, BOB, LANES, Office } from '../../test/property/office.ts'

const at = (day: string): Fields => ({ time: { allDay: false, start: `2026-12-${day}T08:00:00Z` as Instant, end: `2026-12-${day}T09:00:00Z` as Instant } })
const event = (subject: string, day: string): Item => itemOf('event', { subject, ...at(day) })
const subjects = (rows: readonly { readonly item: Item }[]) => rows.map(({ item }) => String(fieldsOf(item).subject)).sort()
const items = (office: Office) => office.mailbox(ALICE).synced()

async function open(put: (office: Office) => void): Promise<Office> {
  const office = new Office({ policy: { pastDays: 2, futureDays: 30 } })
  await office.connect()
  put(office)
  await office.settle()
  return office
}
/** Dates that no rule has in common. */
const putLooseSet = (office: Office) => ['02', '05', '10'].forEach((day, n) => office.crm.put(event(`Visit ${n}`, day), ALICE, { uid: occurrenceUid('SET', n) }))

describe('when our database is lost', () => {
  test('every record of a set that fits no rule is known by its event, the first as well, whatever it is called since', async () => {
    const office = await open(putLooseSet)
    expect(items(office).length).toBe(3)
    await office.loseDatabase()
    for (const { id, item } of items(office)) office.mailbox(ALICE).edit(id, { subject: `${String(fieldsOf(item).subject)}, renamed` })
    await office.settle()
    const renamed = ['Visit 0, renamed', 'Visit 1, renamed', 'Visit 2, renamed']
    expect([subjects(office.crm.live()), subjects(items(office))]).toEqual([renamed, renamed])
  })

  test.each([
    ['a task', (office: Office) => void office.crm.put(itemOf('task', { subject: 'Visit', dueDate: '2026-12-04' as PlainDate }), ALICE)],
    ['an event', (office: Office) => void office.crm.put(event('Visit', '04'), ALICE, { uid: 'ICAL' })],
    ['an event of a CRM that knows no UID', (office: Office) => void office.crm.put(event('Visit', '04'), ALICE)],
    ['the events of a set that fits no rule', putLooseSet],
  ])('a copy and paste of %s is an item of its own, whichever of the two is told first', async (_, put) => {
    for (const name of ['pasted', null]) {
      for (const isToldFirst of [true, false]) {
        const office = await open(put)
        const records = new Map(office.crm.live().map(({ id, item }) => [id, String(fieldsOf(item).subject)]))
        for (const { id, item } of items(office)) {
          office.mailbox(ALICE).copy(id, name === null ? {} : { subject: `${String(fieldsOf(item).subject)}, ${name}` })
          if (isToldFirst) office.mailbox(ALICE).edit(id, { body: 'read' })
        }
        const wanted = subjects(items(office))
        await office.loseDatabase()
        await office.settle()
        expect([subjects(office.crm.live()), subjects(items(office))]).toEqual([wanted, wanted])
        for (const [id, subject] of records) expect(fieldsOf(office.crm.row(id).item)).toMatchObject({ subject, ...(isToldFirst ? { body: 'read' } : {}) })
      }
    }
  })

  test('an event is told from its copy by the UID, whatever times of creation a restored mailbox tells', async () => {
    for (const isToldFirst of [true, false]) {
      const office = await open(({ crm }) => void crm.put(event('Visit', '04'), ALICE, { uid: 'ICAL' }))
      const [original] = items(office)
      const copy = office.mailbox(ALICE).row(office.mailbox(ALICE).copy(original?.id as ItemId, {}))
      office.mailbox(ALICE).rows.set(copy.id, { ...copy, bornAt: '000000000' })
      if (isToldFirst) office.mailbox(ALICE).edit(original?.id as ItemId, {})
      await office.loseDatabase()
      await office.settle()
      expect(office.crm.live().map(({ uid, item }) => [uid, fieldsOf(item).subject])).toEqual([['ICAL', 'Visit'], [copy.uid, 'Visit']])
    }
  })
})

describe('when our database is lost, a meeting whose record is an attendee\'s', () => {
  const time = fieldsOf(event('', '04')).time as EventTime
  const series: Series = { recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-04' as PlainDate, count: 3 } }, time: { ...time, zone: 'Europe/Rome' } as EventTime, exceptions: [], deleted: [] }
  const bob: Attendee = { address: 'bob@example.test', name: 'bob', role: 'required', answer: 'none' }
  const roles = async (office: Office) => (await office.store.transaction((tx) => tx.copiesByRecord(office.crm.live().map(({ id }) => id)))).map(({ copy }) => `${copy.mailbox} ${copy.role}`).sort()

  function invite(office: Office, user: string, more: { readonly series?: Series }): void {
    const fields = { ...fieldsOf(event('Board', '04')), attendees: [bob], organizer: { address: 'alice@example.test', name: 'alice' }, cancelled: false }
    if (user === ALICE) office.mailbox(ALICE).put(itemOf('event', fields), { uid: 'MEETING', traits: { hasAttendees: true }, ...more })
    else office.mailbox(user).put(itemOf('event', { ...fields, answer: 'none' }), { uid: 'MEETING', traits: { invited: true, hasAttendees: true }, ...more })
  }

  test.each([['a single one', {}, 1], ['a series', { series }, 3]] as const)('is there once and kept in step with its organizer, whoever is read first (%s)', async (_, more, count) => {
    for (const order of [[ALICE, BOB], [BOB, ALICE]]) {
      const office = await open((one) => invite(one, BOB, more))
      invite(office, ALICE, more)
      await office.settle()
      const before = [office.crm.live().map(({ id, assignee }) => `${id} ${assignee}`), await roles(office)]
      expect(before).toEqual([Array(count).fill(expect.stringMatching(/ u2$/)), [...Array(count).fill('mA home'), ...Array(count).fill('mB shadow')]])
      const writes = office.writes.length
      await office.loseDatabase()
      for (let round = 0; round < 3; round++) await office.pass([CRM_LANE, ...order.map((user) => LANES[user] as MailboxId)])
      await office.settle()
      expect([office.crm.live().map(({ id, assignee }) => `${id} ${assignee}`), await roles(office)]).toEqual(before)
      expect(office.writes.slice(writes).filter(({ type, fields }) => type !== 'update' || (fields ?? []).length > 0)).toEqual([])
    }
  })

  test.each([['a single one', {}, 1], ['a series', { series }, 3]] as const)('is there once for somebody invited as one of a list, who is on no record (%s)', async (_, more, count) => {
    const fields = { ...fieldsOf(event('Board', '04')), attendees: [bob], organizer: { address: 'boss@ext.test', name: 'Boss' }, cancelled: false, answer: 'none' } as const
    const office = await open((one) => void one.mailbox(BOB).put(itemOf('event', fields), { uid: 'MEETING', traits: { invited: true, hasAttendees: true }, ...more }))
    office.mailbox(ALICE).put(itemOf('event', fields), { uid: 'MEETING', traits: { invited: true, hasAttendees: true }, ...more })
    await office.settle()
    expect(office.crm.live().length).toBe(count)
    const ids = office.crm.live().map(({ id }) => id)
    for (const isBeside of [false, true]) {
      await office.loseDatabase()
      await office.run(CRM_LANE)
      const script = office.world.script
      if (isBeside) office.world.script = { ...script, boundary: async (name) => (name === 'crm.set:after' ? office.run(LANES[BOB] as MailboxId) : undefined) }
      await office.run(LANES[ALICE] as MailboxId)
      office.world.script = script
      await office.settle()
      expect(office.crm.live().map(({ id }) => id)).toEqual(ids)
      const found = await roles(office)
      expect([found.length, found.filter((words) => words.endsWith('home')).length]).toEqual([2 * count, count])
    }
  })
})
