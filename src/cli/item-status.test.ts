import { expect, test } from 'vitest'
import { ALICE, Office } from '../../test/property/office.ts'
import { itemId, itemOf } from '../model/index.ts'
import type { Instant } from '../model/index.ts'
import { itemStatus } from './item-status.ts'

test('status --item names the attendees who were not told of an edit, and what to do', async () => {
  const office = new Office({ policy: {} })
  await office.connect()
  await office.settle()
  const time = { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } as const
  const guest = { address: 'guest@ext.test', name: 'Guest', role: 'required', answer: 'none' } as const
  const organizer = { address: 'alice@example.test', name: 'alice' }
  office.mailbox(ALICE).put(itemOf('event', { subject: 'Board', time, attendees: [guest], organizer, cancelled: false }), { uid: 'M', traits: { hasAttendees: true } })
  await office.settle()
  const [record] = office.crm.live()
  office.crm.edit(record?.id ?? itemId(''), { subject: 'Council' })
  await office.settle()
  const { why, writes } = await office.store.transaction((tx) => itemStatus(tx, record?.id ?? ''))
  expect(why.sentence).toContain('the attendees were not told by mail: guest@ext.test')
  expect(why.cure).toContain('Send the update from Outlook')
  expect(writes.find(({ after }) => after !== null && 'subject' in after && after.subject === 'Council')?.untold).toEqual([{ address: 'guest@ext.test', name: 'Guest' }])
})
