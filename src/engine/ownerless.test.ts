import { describe, expect, test } from 'vitest'
import { assigneeId, CRM_LANE, fieldsOf, itemOf } from '../model/index.ts'
import type { ItemId, PlainDate } from '../model/index.ts'
import { ALICE, BOB, CAROL, Office, SALES } from '../../test/property/office.ts'

const task = itemOf('task', { subject: 'Offer', dueDate: '2026-12-10' as PlainDate, status: 'notStarted' })
const items = (office: Office, user: string) => office.mailbox(user).synced().map(({ item }) => fieldsOf(item).subject)

async function open(owner: string): Promise<{ office: Office; record: ItemId }> {
  const office = new Office()
  await office.connect()
  office.crm.put(task, owner)
  await office.settle()
  return { office, record: office.crm.live()[0]?.id as ItemId }
}

describe('a record that goes to nobody with a mailbox', () => {
  test('leaves its item behind, which is no new one however it is renamed, and is joined again', async () => {
    const { office, record } = await open(ALICE)
    office.crm.edit(record, {}, { assignee: assigneeId(CAROL) })
    await office.settle()
    const [left] = office.mailbox(ALICE).synced()
    office.mailbox(ALICE).edit(left?.id as ItemId, { subject: 'Offer of alice' })
    await office.settle()
    expect(office.crm.live().map(({ item }) => fieldsOf(item).subject)).toEqual(['Offer'])
    office.crm.edit(record, {}, { assignee: assigneeId(ALICE) })
    await office.settle()
    expect([items(office, ALICE).length, office.crm.live().length]).toEqual([1, 1])
  })

  test('because its group lost all members is joined again by those who come back, as it is', async () => {
    const { office, record } = await open(SALES)
    await office.setMembers([])
    await office.settle()
    await office.setMembers([ALICE, BOB])
    await office.settle()
    expect(await office.store.transaction((tx) => tx.copiesByRecord([record]))).toHaveLength(2)
    const [mine] = office.mailbox(ALICE).synced()
    office.mailbox(ALICE).edit(mine?.id as ItemId, { subject: 'Offer, again' })
    await office.settle()
    expect([items(office, ALICE), items(office, BOB)]).toEqual([['Offer, again'], ['Offer, again']])
  })
})

test('a record deleted while everything is read again is not made from what was told before', async () => {
  const office = new Office()
  await office.connect()
  await office.settle()
  office.crm.put(task, ALICE)
  office.world.pass(70_000)
  await office.run(CRM_LANE)
  // Told, and not yet looked at by her mailbox.
  office.crm.edit(office.crm.live()[0]?.id as ItemId, {}, { deleted: true })
  await office.setMembers([ALICE])
  office.world.pass(70_000)
  await office.run(CRM_LANE)
  await office.settle()
  expect(items(office, ALICE)).toEqual([])
})
