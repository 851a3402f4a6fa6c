import { expect, test } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Instant } from '../model/index.ts'
import { ALICE, Office } from '../../test/property/office.ts'

const TIME = { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } as const

test('a mailbox that is emptied waits for a human also when searching for its items takes longer than their grace time', async () => {
  const office = new Office({ policy: { graceSeconds: 1 } })
  await office.connect()
  for (let n = 0; n < 12; n++) office.mailbox(ALICE).put(itemOf('event', { subject: `Review ${n}`, time: TIME }))
  await office.settle()
  for (const row of office.mailbox(ALICE).synced()) office.mailbox(ALICE).erase(row.id)
  // Every question takes its time: the last is answered when the first would be ripe.
  const { boundary } = office.world.script
  office.world.script = { ...office.world.script, boundary: async (name) => {
    if (name.endsWith('locate:before')) office.world.pass(200)
    return boundary(name)
  } }
  await office.settle()
  expect(office.crm.live().length).toBe(12)
  expect((await office.store.transaction((tx) => tx.held({ open: true }))).length).toBe(12)
})
