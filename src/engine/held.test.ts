import { describe, expect, test } from 'vitest'
import { CRM_LANE, itemOf, occurrenceUid } from '../model/index.ts'
import type { Attendee, Fields, Instant, Item, MailboxId } from '../model/index.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import { ALICE, BOB, LANES, Office, SALES } from '../../test/property/office.ts'

const TIME = { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } as const
const event = (subject: string, more: Fields = {}): Item => itemOf('event', { subject, time: TIME, ...more })
const held = (office: Office) => office.store.transaction((tx) => tx.held({}))

/** Alice's review is missing after her mailbox lost its sync state: somebody is asked. */
async function asked(): Promise<Office> {
  const office = new Office()
  await office.connect()
  office.mailbox(ALICE).put(event('Review'))
  await office.settle()
  office.mailbox(ALICE).rows.clear()
  office.mailbox(ALICE).reset(false)
  await office.settle()
  expect((await held(office)).map(({ what }) => what)).toEqual(['delete-crm'])
  return office
}

async function decide(office: Office, decision: 'apply' | 'restore'): Promise<void> {
  await office.store.transaction(async (tx) => {
    for (const one of await tx.held({})) await tx.decideHeld(one.id, decision)
  })
  await office.settle()
}

describe('while somebody is asked about a deletion', () => {
  test('an edit of what is left does not answer for him', async () => {
    const office = await asked()
    const { id } = office.crm.live()[0] as CrmRow
    office.crm.edit(id, { place: 'Hall' })
    await office.settle()
    office.crm.edit(id, {}, { reference: '' })
    await office.settle()
    expect([office.crm.live().length, (await held(office)).length]).toEqual([1, 1])
    const before = office.writes.length
    await office.pass()
    expect(office.writes.length).toBe(before)
  })

  test('the edit is part of what is restored', async () => {
    const office = await asked()
    office.crm.edit((office.crm.live()[0] as CrmRow).id, { place: 'Hall' })
    await office.settle()
    await decide(office, 'restore')
    expect(office.mailbox(ALICE).synced().map(({ item }) => [item.fields.body, (item.fields as Fields).place])).toEqual([['', 'Hall']])
    expect(await held(office)).toEqual([])
  })

  test('the question is over when the item turns up again as it was, and no answer makes a second one of it', async () => {
    const office = new Office()
    await office.connect()
    const mailbox = office.mailbox(ALICE)
    mailbox.put(event('Review'))
    await office.settle()
    const before = new Map(mailbox.rows)
    mailbox.rows.clear()
    mailbox.reset(false)
    await office.settle()
    expect((await held(office)).length).toBe(1)
    for (const [id, row] of before) mailbox.rows.set(id, row)
    mailbox.reset(false)
    await office.settle()
    expect(await held(office)).toEqual([])
    expect([office.crm.live().length, mailbox.synced().length]).toEqual([1, 1])
  })

  test('the edit outlives a deletion that is then approved', async () => {
    const office = await asked()
    office.crm.edit((office.crm.live()[0] as CrmRow).id, { place: 'Hall' })
    await office.settle()
    await decide(office, 'apply')
    expect([office.crm.live().length, office.mailbox(ALICE).synced().length]).toEqual([1, 1])
  })
})

const bob: Attendee = { address: 'bob@example.test', name: 'bob', role: 'required', answer: 'none' }
const meeting = { attendees: [bob], organizer: { address: 'alice@example.test', name: 'alice' }, cancelled: false }

/** What people have of it, by mailbox, before the record is deleted. */
const SHARED: readonly (readonly [string, (office: Office) => void])[] = [
  ['of a group', (office) => void office.crm.put(event('Visit'), SALES, { uid: 'VISIT' })],
  ['that invites a guest', (office) => void office.crm.put(event('Visit', { attendees: [bob] }), ALICE, { uid: 'VISIT' })],
  ['of a meeting', (office) => {
    office.mailbox(ALICE).put(event('Visit', meeting), { uid: 'MEETING', traits: { hasAttendees: true } })
    office.mailbox(BOB).put(event('Visit', { ...meeting, answer: 'none' }), { uid: 'MEETING', traits: { invited: true, hasAttendees: true } })
  }],
  ['of an invitation from outside to two', (office) => {
    const outside = { attendees: [bob, { ...bob, address: 'alice@example.test', name: 'alice' }], organizer: { address: 'boss@ext.test', name: 'Boss' }, cancelled: false, answer: 'none' as const }
    for (const user of [ALICE, BOB]) office.mailbox(user).put(event('Visit', outside), { uid: 'OUTSIDE', traits: { invited: true, hasAttendees: true } })
  }],
  ['of a set that invites a guest', (office) => {
    for (const [n, day] of ['03', '04', '05'].entries()) {
      const time = { allDay: false, start: `2026-12-${day}T08:00:00Z` as Instant, end: `2026-12-${day}T09:00:00Z` as Instant } as const
      office.crm.put(itemOf('event', { subject: 'Visit', time, attendees: [bob] }), ALICE, { uid: occurrenceUid('SET', n) })
    }
  }],
]

describe('a deleted record that is put back', () => {
  /** Everything is deleted in the CRM, and each mailbox asks. */
  async function removed(make: (office: Office) => void): Promise<{ office: Office; shown: () => number[] }> {
    const office = new Office({ policy: { deletionLimit: { count: 0, share: 0 } } })
    await office.connect()
    make(office)
    await office.settle()
    const shown = () => [office.crm.live().length, office.mailbox(ALICE).synced().length, office.mailbox(BOB).synced().length]
    return { office, shown }
  }
  const removeAll = async (office: Office) => {
    for (const { id } of office.crm.live()) office.crm.edit(id, {}, { deleted: true })
    await office.settle()
  }
  const orders: readonly (readonly [string, readonly string[]])[] = [['alice first', [ALICE, BOB]], ['bob first', [BOB, ALICE]]]

  test.each(SHARED.flatMap(([what, make]) => orders.map(([words, order]) => [what, words, make, order] as const)))('%s is there once, in every calendar that had it (%s)', async (_, _words, make, order) => {
    const { office, shown } = await removed(make)
    const before = shown()
    const items = () => [ALICE, BOB].flatMap((user) => office.mailbox(user).synced().map(({ id }) => id))
    const ids = items()
    await removeAll(office)
    expect([office.crm.live().length, items()]).toEqual([0, ids])
    await office.store.transaction(async (tx) => {
      for (const one of await tx.held({})) await tx.decideHeld(one.id, 'restore')
    })
    for (let round = 0; round < 3; round++) await office.pass([CRM_LANE, ...order.map((user) => LANES[user] as MailboxId)])
    await office.settle()
    expect([shown(), items()]).toEqual([before, ids])
    expect(await held(office)).toEqual([])
    office.crm.edit((office.crm.live()[0] as CrmRow).id, { place: 'Hall' })
    await office.settle()
    expect(shown()).toEqual(before)
  })

  test.each(SHARED)('%s is there once, also when the feed tells of it before it is linked', async (_, make) => {
    const { office, shown } = await removed(make)
    const before = shown()
    await removeAll(office)
    await office.store.transaction(async (tx) => {
      for (const one of await tx.held({})) await tx.decideHeld(one.id, 'restore')
    })
    let isBusy = false
    office.world.script = {
      ...office.world.script,
      boundary: async (name) => {
        if (isBusy || name !== 'crm.create:after') return
        isBusy = true
        await office.run(CRM_LANE)
        for (const lane of Object.values(LANES)) await office.run(lane)
        isBusy = false
      },
    }
    await office.pass()
    await office.settle()
    expect(shown()).toEqual(before)
  })

  test('that somebody took out of the bin meanwhile is no longer asked about, and what was approved deletes nothing', async () => {
    const { office, shown } = await removed((one) => void one.crm.put(event('Visit'), SALES))
    const [{ id }] = office.crm.live() as [CrmRow]
    await removeAll(office)
    expect((await held(office)).length).toBe(2)
    await office.store.transaction(async (tx) => {
      for (const one of (await tx.held({})).slice(1)) await tx.decideHeld(one.id, 'apply')
    })
    office.crm.edit(id, {}, { deleted: false })
    await office.pass([...Object.values(LANES), CRM_LANE, ...Object.values(LANES)])
    await office.settle()
    expect([shown(), await held(office)]).toEqual([[1, 1, 1], []])
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
  })
})
