import { describe, expect, test } from 'vitest'
import { fieldsOf, itemOf, occurrenceUid } from '../model/index.ts'
import type { Fields, Instant, Item, ItemId, PlainDate } from '../model/index.ts'
import { ALICE, Office } from '../../test/property/office.ts'

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
