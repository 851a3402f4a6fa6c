import { expect, test } from 'vitest'
import { CRM_LANE, fieldsOf, itemOf } from '../model/index.ts'
import type { Fields, Instant, Item, ItemId, MailboxId } from '../model/index.ts'
import { ALICE, BOB, LANES, Office, SALES } from '../../test/property/office.ts'
import { Crash } from '../../sim/memory-replica.ts'

const event = (subject: string, more: Fields = {}): Item => itemOf('event', {
  subject, time: { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant }, ...more,
})
const items = (office: Office, user: string) => office.mailbox(user).synced()
const item = (office: Office, user: string) => items(office, user)[0]?.id as ItemId
const record = (office: Office) => office.crm.live()[0]?.id as ItemId
const places = (office: Office) => [office.crm.live(), items(office, ALICE)].map((rows) => rows.map((row) => fieldsOf(row.item).place))

async function open(): Promise<Office> {
  const office = new Office({ safetyPullSeconds: 0 })
  await office.connect()
  await office.settle()
  return office
}
/** Does something once, at the first boundary of that name. */
function once(office: Office, boundary: string, act: () => void | Promise<void>): void {
  let isDone = false
  office.world.script = {
    ...office.world.script,
    boundary: async (name) => {
      if (isDone || name !== boundary) return
      isDone = true
      await act()
    },
  }
}

test.each([['crm', 'crm.create:before'], ['exchange', 'mA.create:before']])('a request that is carried out after its sender died is waited for, not repeated (in the %s)', async (side, boundary) => {
  const office = await open()
  if (side === 'crm') office.mailbox(ALICE).put(itemOf('task', { subject: 'Offer' }))
  else office.crm.put(itemOf('task', { subject: 'Offer' }), ALICE)
  once(office, boundary, () => { throw new Crash(true) })
  await office.pass()
  // At once, while the request is still on its way.
  await office.pass()
  await office.settle()
  expect([office.crm.live().length, items(office, ALICE).length]).toEqual([1, 1])
})

test('an edit told while the outcome of a write is asked for is newer than the answer', async () => {
  const office = await open()
  office.mailbox(ALICE).put(event('Review'))
  await office.settle()
  office.mailbox(ALICE).edit(item(office, ALICE), { body: 'agenda' })
  let lost = 1
  office.world.script = { ...office.world.script, trouble: ({ name, side }) => (side === 'crm' && name === 'update' && lost-- > 0 ? 'lost-after' : null) }
  once(office, 'crm.get:after', async () => {
    office.crm.edit(record(office), { place: 'Hall' })
    await office.run(CRM_LANE)
    // So long that the next reading does not reach back to it.
    office.world.pass(30_000)
    await office.run(CRM_LANE)
  })
  await office.pass([LANES[ALICE] as MailboxId])
  await office.settle()
  expect([lost < 1, ...places(office)]).toEqual([true, ['Hall'], ['Hall']])
})

test('a record deleted while two members edited their items is made again once, with both edits', async () => {
  const office = await open()
  office.crm.put(event('Fair'), SALES)
  await office.settle()
  office.mailbox(ALICE).edit(item(office, ALICE), { body: 'bring the banner' })
  office.mailbox(BOB).edit(item(office, BOB), { place: 'Hall' })
  office.crm.edit(record(office), {}, { deleted: true })
  await office.run(CRM_LANE)
  once(office, 'crm.create:before', () => office.run(LANES[BOB] as MailboxId))
  await office.run(LANES[ALICE] as MailboxId)
  await office.settle()
  expect([office.crm.live(), items(office, ALICE), items(office, BOB)].map((rows) => rows.map((row) => [fieldsOf(row.item).body, fieldsOf(row.item).place])))
    .toEqual(Array(3).fill([['bring the banner', 'Hall']]))
})
