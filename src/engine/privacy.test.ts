import { describe, expect, test } from 'vitest'
import { assigneeId, CRM_LANE, fieldsOf, itemOf } from '../model/index.ts'
import type { Attendee, EventTime, Fields, Instant, Item, ItemId, MailboxId, PlainDate, Policy, Series } from '../model/index.ts'
import { ALICE, BOB, LANES, Office, SALES } from '../../test/property/office.ts'

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

describe('an event of several people that one of them makes private', () => {
  const WORD = 'Zanzibar'
  const bob: Attendee = { address: 'bob@example.test', name: 'bob', role: 'required', answer: 'none' }
  const item = (office: Office, user: string) => office.mailbox(user).synced()[0]?.id as ItemId
  const record = (office: Office) => office.crm.live()[0]?.id as ItemId

  /** Where the word is in the database, by table. */
  async function places({ store }: Office): Promise<string[]> {
    const tables = await store.transaction(async (tx) => ({
      journal: await tx.journal({ limit: 1000 }), conflicts: await tx.conflicts({}),
      copies: (await Promise.all(Object.values(LANES).map((lane) => tx.copiesOf(lane, 'event', null, 100)))).flat(),
      inbox: (await Promise.all([CRM_LANE, ...Object.values(LANES)].map((lane) => tx.takeInbox(lane, '9999-12-31T00:00:00Z' as Instant, 100)))).flat(),
    }))
    return Object.entries(tables).flatMap(([name, rows]) => (JSON.stringify(rows).includes(WORD) ? [name] : []))
  }
  const make = async (assignee: string, more: Fields = {}) => {
    const office = await open()
    office.crm.put(event(`${WORD} talks`, { body: `about ${WORD}`, ...more }), assignee)
    await office.settle()
    // A story, and a clash, of the colleague's own copy.
    office.mailbox(BOB).edit(item(office, BOB), { place: `${WORD} square` })
    office.crm.edit(record(office), { place: `${WORD} garden` })
    await office.settle()
    expect(await places(office)).toEqual(expect.arrayContaining(['journal', 'copies']))
    return office
  }
  const hide = (office: Office, user: string) => office.mailbox(user).edit(item(office, user), { sensitivity: 'private' })
  const orders: MailboxId[][] = [[LANES[ALICE] as MailboxId, LANES[BOB] as MailboxId], [LANES[BOB] as MailboxId, LANES[ALICE] as MailboxId]]

  test.each([['a group', SALES, {}], ['a host and his guest', ALICE, { attendees: [bob] }]] as const)('leaves its words nowhere in what is known of their copies (%s)', async (_, assignee, more) => {
    for (const order of orders) {
      const office = await make(assignee, more)
      hide(office, ALICE)
      for (let round = 0; round < 3; round++) await office.pass([CRM_LANE, ...order])
      await office.settle()
      expect(await places(office)).toEqual([])
      expect(office.crm.live().map((row) => fieldsOf(row.item).subject)).toEqual(['Busy'])
    }
  })

  test('nor in that of somebody who had it before', async () => {
    const office = await make(SALES)
    await office.setMembers([ALICE])
    await office.settle()
    expect(office.mailbox(BOB).synced()).toEqual([])
    hide(office, ALICE)
    await office.settle()
    expect(await places(office)).toEqual([])
  })

  test('nor when a colleague edits or loses it at the same moment', async () => {
    for (const act of ['edits', 'loses']) {
      const office = await make(SALES)
      hide(office, ALICE)
      await office.pass([LANES[ALICE] as MailboxId, CRM_LANE])
      if (act === 'edits') office.mailbox(BOB).edit(item(office, BOB), { subject: 'Mine', place: 'Here' })
      else office.crm.edit(record(office), {}, { assignee: assigneeId(ALICE) })
      await office.settle()
      expect([act, await places(office)]).toEqual([act, []])
    }
  })
})
