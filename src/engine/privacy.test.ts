import { describe, expect, test } from 'vitest'
import { fieldsOf, itemOf } from '../model/index.ts'
import type { EventTime, Fields, Instant, Item, PlainDate, Policy, Series } from '../model/index.ts'
import { ALICE, Office } from '../../test/property/office.ts'

const TIME: EventTime = { allDay: false, start: '2026-12-02T08:00:00Z' as Instant, end: '2026-12-02T08:30:00Z' as Instant, zone: 'Europe/Rome' }
const SERIES: Series = {
  recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-02' as PlainDate, count: 3 } }, time: TIME, exceptions: [], deleted: [],
}
const event = (subject: string, more: Fields = {}): Item => itemOf('event', { subject, time: TIME, ...more })
const subjects = (office: Office) => office.crm.live().map(({ item }) => fieldsOf(item).subject).sort()

async function open(): Promise<Office> {
  const office = new Office()
  await office.connect()
  return office
}
const live = (office: Office, policy: Partial<Policy>) => {
  Object.assign(office.policy, policy)
  return office.settle()
}

describe('a change of what the CRM may know', () => {
  test.each([['a series', SERIES], ['an event', undefined]] as const)('reaches %s each time the policy changes', async (_, series) => {
    const office = await open()
    office.mailbox(ALICE).put(event('Doctor', { sensitivity: 'private' }), series === undefined ? {} : { series })
    await office.settle()
    const told = (subject: string) => Array(series === undefined ? 1 : 3).fill(subject)
    expect(subjects(office)).toEqual(told('Busy'))
    for (const privateItems of ['mask', 'skip'] as const) {
      await live(office, { privateItems: 'full' })
      expect(subjects(office)).toEqual(told('Doctor'))
      await live(office, { privateItems })
      expect(subjects(office)).toEqual(told('Busy'))
    }
    expect(fieldsOf(office.mailbox(ALICE).synced()[0]?.item as Item).subject).toBe('Doctor')
  })
})
