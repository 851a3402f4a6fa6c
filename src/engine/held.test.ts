import { describe, expect, test } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Fields, Instant, Item } from '../model/index.ts'
import type { CrmRow } from '../../sim/memory-crm.ts'
import { ALICE, Office } from '../../test/property/office.ts'

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

  test('the edit outlives a deletion that is then approved', async () => {
    const office = await asked()
    office.crm.edit((office.crm.live()[0] as CrmRow).id, { place: 'Hall' })
    await office.settle()
    await decide(office, 'apply')
    expect([office.crm.live().length, office.mailbox(ALICE).synced().length]).toEqual([1, 1])
  })
})
