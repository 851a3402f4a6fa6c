import { describe, expect, test } from 'vitest'
import { assigneeId, CRM_LANE, fieldsOf, itemOf } from '../model/index.ts'
import type { Fields, Held, Instant, Item, Policy } from '../model/index.ts'
import { ALICE, BOB, LANES, Office, SALES } from '../../test/property/office.ts'
import type { OfficeOptions } from '../../test/property/office.ts'
import { preview } from './index.ts'

const event = (subject: string, more: Fields = {}): Item => itemOf('event', {
  subject, time: { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant }, ...more,
})
const contact = (lastName: string, more: Fields = {}): Item => itemOf('contact', { lastName, email: '', jobTitle: '', ...more })
const subjects = (rows: readonly { item: Item }[]) => rows.map(({ item }) => String(fieldsOf(item).subject ?? fieldsOf(item).lastName)).sort()
const policy = (more: Partial<Policy>): OfficeOptions => ({ policy: more })

async function open(options: OfficeOptions = {}): Promise<Office> {
  const office = new Office(options)
  await office.connect()
  return office
}
const onlyRecord = (office: Office) => first(office.crm.live())
const onlyItem = (office: Office, user = ALICE) => first(office.mailbox(user).synced())
function first<Row>(rows: readonly Row[]): Row {
  expect(rows.length).toBe(1)
  return rows[0] as Row
}
const held = (office: Office) => office.store.transaction((tx) => tx.held({ open: true }))
const decide = (office: Office, one: Held | undefined, decision: NonNullable<Held['decision']>) =>
  office.store.transaction((tx) => tx.decideHeld(one?.id ?? '', decision))
const conflicts = (office: Office) => office.store.transaction((tx) => tx.conflicts({}))
async function dump(office: Office): Promise<string> {
  return office.store.transaction(async (tx) => JSON.stringify([
    await tx.lanes(), await Promise.all([CRM_LANE, ...Object.values(LANES)].map((lane) => tx.channels(lane))),
    await Promise.all(Object.values(LANES).map((lane) => tx.takeInbox(lane, '9999-12-31T00:00:00Z' as Instant, 1000))),
    await Promise.all(Object.values(LANES).flatMap((lane) => (['event', 'task', 'contact'] as const).map((kind) => tx.copiesOf(lane, kind, null, 1000)))),
    await tx.journal({ limit: 1000 }), await tx.conflicts({}), await tx.held({}), await tx.skips(null, 1000),
  ]))
}

describe('deletions', () => {
  test('a record deleted and restored in the CRM within one second is not deleted in Exchange', async () => {
    const office = await open()
    const { id } = office.crm.put(event('Visit'), ALICE)
    await office.settle()
    // Edited and carried over, deleted and restored, all in one second: the version is the one we know.
    office.crm.edit(id, { body: 'urgent' })
    await office.pass()
    for (const deleted of [true, false]) {
      office.crm.edit(id, {}, { deleted })
      await office.run(CRM_LANE)
    }
    await office.settle()
    expect([subjects(office.mailbox(ALICE).synced()), subjects(office.crm.live())]).toEqual([['Visit'], ['Visit']])
    expect(office.writes.filter((write) => write.type === 'remove')).toEqual([])
  })

  test('items missing after a reset of Exchange wait for a human; restoring makes them again', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    office.mailbox(ALICE).rows.clear()
    office.mailbox(ALICE).reset(false)
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Review'])
    const [one, ...more] = await held(office)
    expect([one?.what, more]).toEqual(['delete-crm', []])
    await decide(office, one, 'restore')
    await office.settle()
    expect(subjects(office.mailbox(ALICE).synced())).toEqual(['Review'])
    expect(await held(office)).toEqual([])
  })

  test('a decided deletion is carried out at once and the decision is then forgotten', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    office.mailbox(ALICE).rows.clear()
    office.mailbox(ALICE).reset(false)
    await office.settle()
    await decide(office, (await held(office))[0], 'apply')
    await office.pass()
    expect(office.crm.live()).toEqual([])
    expect(await office.store.transaction((tx) => tx.held({}))).toEqual([])
  })

  test('more deletions than the limit in one run wait for a human, on either side', async () => {
    const office = await open()
    for (let n = 0; n < 12; n++) office.mailbox(ALICE).put(event(`Review ${n}`))
    for (let n = 0; n < 12; n++) office.crm.put(event(`Visit ${n}`), BOB)
    await office.settle()
    for (const row of office.mailbox(ALICE).synced()) office.mailbox(ALICE).move(row.id, 'deleted')
    for (const row of office.crm.live().filter((one) => one.assignee === BOB)) office.crm.edit(row.id, {}, { deleted: true })
    await office.settle()
    expect(office.crm.live().length).toBe(12)
    expect(office.mailbox(BOB).synced().length).toBe(12)
    expect((await held(office)).map(({ what }) => what).sort()).toEqual([...Array<string>(12).fill('delete-crm'), ...Array<string>(12).fill('delete-exchange')])
  })

  test('a vanished item waits out its grace time, and an edit of its record waits with it', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    office.mailbox(ALICE).erase(onlyItem(office).id)
    office.world.pass(5000)
    await office.pass()
    office.crm.edit(onlyRecord(office).id, { body: 'still needed' })
    office.world.pass(5000)
    await office.pass()
    expect([office.mailbox(ALICE).synced(), office.crm.live().length]).toEqual([[], 1])
    await office.settle()
    expect(fieldsOf(onlyItem(office).item).body).toBe('still needed')
  })

  test('an old event deleted or archived in Exchange stays in the CRM', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Last week', { time: { allDay: false, start: '2026-11-25T08:00:00Z' as Instant, end: '2026-11-25T09:00:00Z' as Instant } }))
    await office.settle()
    office.mailbox(ALICE).move(onlyItem(office).id, 'deleted')
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Last week'])
  })

  test("a record deleted in the CRM leaves an organizer's meeting with attendees alone, also when answers arrive", async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Board'), { traits: { hasAttendees: true } })
    await office.settle()
    office.crm.edit(onlyRecord(office).id, {}, { deleted: true })
    await office.settle()
    office.mailbox(ALICE).edit(onlyItem(office).id, {})
    await office.settle()
    expect([subjects(office.mailbox(ALICE).synced()), office.crm.live()]).toEqual([['Board'], []])
  })
})

describe('groups and reassignment', () => {
  test('one member changes the record for all; deleting his copy removes it only for him', async () => {
    const office = await open()
    office.crm.put(event('Fair'), SALES)
    await office.settle()
    office.mailbox(BOB).edit(onlyItem(office, BOB).id, { place: 'Hall' })
    await office.settle()
    expect(fieldsOf(onlyItem(office, ALICE).item).place).toBe('Hall')
    office.mailbox(BOB).move(onlyItem(office, BOB).id, 'deleted')
    await office.settle()
    office.crm.edit(onlyRecord(office).id, { body: 'bring cards' })
    await office.settle()
    expect([office.mailbox(BOB).synced(), fieldsOf(onlyItem(office, ALICE).item).body]).toEqual([[], 'bring cards'])
    office.mailbox(ALICE).move(onlyItem(office, ALICE).id, 'deleted')
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Fair'])
  })

  test('a group record deleted in the CRM while two members edit it comes back once, with both edits', async () => {
    const office = await open()
    office.crm.put(event('Fair'), SALES)
    await office.settle()
    office.crm.edit(onlyRecord(office).id, {}, { deleted: true })
    office.mailbox(ALICE).edit(onlyItem(office, ALICE).id, { body: 'from Alice' })
    office.mailbox(BOB).edit(onlyItem(office, BOB).id, { place: 'from Bob' })
    await office.settle()
    for (const row of [onlyRecord(office), onlyItem(office, ALICE), onlyItem(office, BOB)]) {
      expect(fieldsOf(row.item)).toMatchObject({ body: 'from Alice', place: 'from Bob' })
    }
  })

  test('an edit made in the CRM just as its record gets the Exchange id is still told', async () => {
    const office = await open()
    const { id } = office.crm.put(event('Fair'), ALICE)
    const { crm } = office
    const update = crm.update.bind(crm)
    let isEdited = false
    // Between our look at the version and our write, as it happens in a CRM that compares none.
    crm.update = async (requests) => {
      if (isEdited || !requests.some(({ reference }) => reference !== undefined)) return update(requests)
      isEdited = true
      crm.edit(id, { subject: 'Market' })
      const [now] = await crm.get('event', [id])
      return update(requests.map((request) => ({ ...request, expect: now?.type === 'seen' ? now.snapshot.changeKey : request.expect })))
    }
    await office.settle()
    expect([isEdited, subjects(office.mailbox(ALICE).synced()), subjects(crm.live())]).toEqual([true, ['Market'], ['Market']])
  })

  test('two mailboxes that copy one record at the same moment share one link', async () => {
    const office = await open()
    await office.run(CRM_LANE)
    office.crm.put(event('Fair'), SALES)
    await office.run(CRM_LANE)
    let nested = false
    office.world.script = { ...office.world.script, boundary: async (name) => {
      if (nested || !name.startsWith('mA.create')) return
      nested = true
      await office.run(LANES[BOB] as never)
    } }
    await office.settle()
    const links = await office.store.transaction((tx) => tx.copiesByRecord([onlyRecord(office).id]))
    expect([links.length, new Set(links.map(({ link }) => link.id)).size]).toEqual([2, 1])
  })

  test('a record given to somebody else leaves the old mailbox only when the new copy exists', async () => {
    const office = await open()
    office.crm.put(event('Fair'), ALICE)
    await office.settle()
    office.crm.edit(onlyRecord(office).id, {}, { assignee: assigneeId(BOB) })
    office.world.pass(5000)
    await office.run(CRM_LANE)
    for (let n = 0; n < 3; n++) await office.run(LANES[ALICE] as never)
    expect(subjects(office.mailbox(ALICE).synced())).toEqual(['Fair'])
    await office.settle()
    expect([office.mailbox(ALICE).synced(), subjects(office.mailbox(BOB).synced())]).toEqual([[], ['Fair']])
  })

  test('a mailbox connected later finds its own copies and makes no duplicates', async () => {
    const office = new Office()
    const all = office.directory
    office.directory = { ...all, mailboxes: all.mailboxes.slice(0, 1) }
    await office.connect()
    office.crm.put(event('Visit'), BOB)
    office.mailbox(BOB).put(event('Visit'))
    await office.settle()
    office.directory = all
    await office.connect()
    await office.store.transaction(async (tx) => {
      for (const channel of await tx.channels(CRM_LANE)) await tx.saveChannel({ ...channel, syncState: null, complete: false, resyncSince: office.world.clock.now() })
    })
    await office.settle()
    expect([office.crm.live().length, office.mailbox(BOB).synced().length]).toEqual([1, 1])
  })

  test('a record that a full reading of the CRM only lacks deletes nothing by itself: a human decides', async () => {
    const office = await open()
    office.crm.put(event('Visit'), ALICE)
    await office.settle()
    office.crm.edit(onlyRecord(office).id, {}, { deleted: true })
    await office.store.transaction(async (tx) => {
      for (const channel of await tx.channels(CRM_LANE)) await tx.saveChannel({ ...channel, syncState: null, complete: false, resyncSince: office.world.clock.now() })
    })
    await office.settle()
    expect(subjects(office.mailbox(ALICE).synced())).toEqual(['Visit'])
    const [one, ...more] = await held(office)
    expect([one?.what, more]).toEqual(['delete-exchange', []])
    await decide(office, one, 'apply')
    await office.settle()
    expect(office.mailbox(ALICE).synced()).toEqual([])
  })
})

describe('one-way, private and protected items', () => {
  test('contacts flow to Exchange only: edits there are left alone, deletions there respected', async () => {
    const office = await open()
    office.crm.put(contact('Rossi'), ALICE)
    office.crm.put(contact('Verdi'), ALICE)
    office.mailbox(ALICE).put(contact('Own friend'))
    await office.settle()
    const rows = office.mailbox(ALICE).synced()
    expect([subjects(rows), subjects(office.crm.live())]).toEqual([['Own friend', 'Rossi', 'Verdi'], ['Rossi', 'Verdi']])
    const named = (name: string) => rows.find((row) => fieldsOf(row.item).lastName === name)?.id as never
    office.mailbox(ALICE).edit(named('Rossi'), { jobTitle: 'Boss' })
    office.mailbox(ALICE).move(named('Verdi'), 'deleted')
    await office.settle()
    const record = (name: string) => office.crm.live().find((row) => fieldsOf(row.item).lastName === name)?.id as never
    expect(fieldsOf(office.crm.row(record('Rossi')).item).jobTitle).toBe('')
    office.crm.edit(record('Verdi'), { email: 'verdi@example.test' })
    office.crm.edit(record('Rossi'), { email: 'rossi@example.test' })
    await office.settle()
    expect(subjects(office.mailbox(ALICE).synced())).toEqual(['Own friend', 'Rossi'])
    expect(fieldsOf(office.mailbox(ALICE).row(named('Rossi')).item)).toMatchObject({ email: 'rossi@example.test', jobTitle: '' })
  })

  test('the words of a private item are nowhere in our database or the CRM; made public, they arrive', async () => {
    const office = await open()
    const secret = { body: 'secret diagnosis', place: 'secret clinic', categories: ['secret care'] }
    office.mailbox(ALICE).put(event('secret doctor', { ...secret, sensitivity: 'private' }))
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const review = office.mailbox(ALICE).synced().find((row) => fieldsOf(row.item).subject === 'Review')
    office.mailbox(ALICE).edit(review?.id as never, { ...secret, sensitivity: 'confidential' })
    await office.settle()
    const busy = office.crm.live().filter((row) => fieldsOf(row.item).subject === 'Busy')
    expect(busy.length).toBe(2)
    office.crm.edit(busy[0]?.id as never, { body: 'edited in the CRM' })
    await office.settle()
    expect(`${await dump(office)}${JSON.stringify(office.crm.live())}`).not.toContain('secret')
    expect(JSON.stringify(office.mailbox(ALICE).synced())).not.toContain('edited in the CRM')
    for (const row of office.mailbox(ALICE).synced()) office.mailbox(ALICE).edit(row.id, { sensitivity: 'normal' })
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Review', 'secret doctor'])
  })

  test("an invited person's copy: edits and deletions in the CRM are taken back, and nothing is written to Exchange", async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Board'), { traits: { invited: true } })
    await office.settle()
    office.crm.edit(onlyRecord(office).id, { subject: 'Not the board' })
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Board'])
    office.crm.edit(onlyRecord(office).id, {}, { deleted: true })
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Board'])
    expect(office.writes.filter((write) => write.side === 'exchange')).toEqual([])
  })

  test('one meeting in two mailboxes is one record', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Board'), { uid: 'board', traits: { hasAttendees: true } })
    office.mailbox(BOB).put(event('Board'), { uid: 'board', traits: { invited: true } })
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Board'])
    expect([office.mailbox(ALICE).synced().length, office.mailbox(BOB).synced().length]).toEqual([1, 1])
  })
})

describe('conflicts and decisions', () => {
  const clash = async (office: Office) => {
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    office.mailbox(ALICE).edit(onlyItem(office).id, { body: 'one' })
    office.crm.edit(onlyRecord(office).id, { body: 'two' })
    await office.settle()
  }
  const bodies = (office: Office) => [fieldsOf(onlyItem(office).item).body, fieldsOf(onlyRecord(office).item).body]

  test('an edit that arrives while a newer reading is being saved is not covered by it', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const { id } = onlyRecord(office)
    office.mailbox(ALICE).edit(onlyItem(office).id, { place: 'Hall' })
    const script = office.world.script
    const once = new Set<string>()
    office.world.script = { ...script, boundary: async (name) => {
      if (!['crm.update:before', 'crm.get:after'].includes(name) || once.has(name)) return
      once.add(name)
      office.crm.edit(id, { body: name })
      if (name === 'crm.update:before') return
      await office.run(CRM_LANE)
      office.world.pass(10_000)
    } }
    await office.settle()
    expect([once.size, fieldsOf(onlyItem(office).item).body, fieldsOf(onlyRecord(office).item).place]).toEqual([2, 'crm.get:after', 'Hall'])
  })

  test('a clash is recorded with all three values, whoever wins', async () => {
    const office = await open(policy({ conflict: 'exchange' }))
    await clash(office)
    expect(bodies(office)).toEqual(['one', 'one'])
    expect(await conflicts(office)).toMatchObject([{ field: 'body', base: '', exchange: 'one', crm: 'two', winner: 'exchange', state: 'closed' }])
  })

  test('with the policy "ask" both values stay until somebody decides; other fields go on', async () => {
    const office = await open(policy({ conflict: 'ask' }))
    await clash(office)
    office.mailbox(ALICE).edit(onlyItem(office).id, { place: 'Hall' })
    await office.settle()
    expect([bodies(office), fieldsOf(onlyRecord(office).item).place]).toEqual([['one', 'two'], 'Hall'])
    office.crm.edit(onlyRecord(office).id, { body: 'three' })
    await office.settle()
    const waiting = (await conflicts(office)).filter(({ state }) => state === 'open')
    expect(waiting).toMatchObject([{ exchange: 'one', crm: 'three' }])
    await office.store.transaction((tx) => tx.decideConflict(waiting[0]?.id ?? '', 'crm'))
    await office.settle()
    expect(bodies(office)).toEqual(['three', 'three'])
    expect((await conflicts(office)).map(({ state }) => state)).toEqual(['closed', 'closed'])
  })

  test('what looks like several items waits, and is made anew when somebody says so', async () => {
    const office = await open()
    office.crm.put(event('Lunch'), ALICE)
    office.crm.put(event('Lunch'), ALICE)
    office.mailbox(ALICE).put(event('Lunch'))
    await office.settle()
    expect([office.crm.live().length, office.mailbox(ALICE).synced().length]).toEqual([2, 1])
    await decide(office, (await held(office))[0], 'apply')
    await office.settle()
    expect([office.crm.live().length, office.mailbox(ALICE).synced().length]).toEqual([3, 3])
    expect(await office.store.transaction((tx) => tx.held({}))).toEqual([])
  })

  test('losing our database links everything again and duplicates nothing', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    office.crm.put(itemOf('task', { subject: 'Call' }), ALICE)
    office.crm.put(event('Fair'), SALES)
    await office.settle()
    const again = new Office()
    Object.assign(again, { world: office.world, writes: [] })
    again.world.script = { ...again.world.script, wrote: (write) => void again.writes.push(write) }
    again.restart()
    await again.connect()
    await again.settle()
    expect(subjects(again.crm.live())).toEqual(['Call', 'Fair', 'Review'])
    expect([subjects(again.mailbox(ALICE).synced()), subjects(again.mailbox(BOB).synced())]).toEqual([['Call', 'Fair', 'Review'], ['Fair']])
    expect(again.writes.filter((write) => write.type === 'create')).toEqual([])
  })
})

describe('moves, copies and pastes', () => {
  /** The feed tells of the new id before it tells of the end of the old one. */
  const told = (office: Office, isTold: (type: string) => boolean) => {
    office.world.script = { ...office.world.script, tell: (changes) => changes.filter((change) => isTold(change.type)) }
  }

  test('an item that moved is the same item, also when its new id is told first', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const { id } = onlyRecord(office)
    office.mailbox(ALICE).move(onlyItem(office).id, 'synced')
    told(office, (type) => type === 'seen')
    await office.settle()
    told(office, () => true)
    await office.settle()
    expect([onlyRecord(office).id, office.writes.filter((write) => write.type === 'create').length]).toEqual([id, 1])
  })

  test('a paste of an event that is then moved out of sight is a new event, not the old one', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const { id } = onlyItem(office)
    office.mailbox(ALICE).copy(id, { subject: 'Another review' })
    office.mailbox(ALICE).move(id, 'elsewhere')
    told(office, (type) => type === 'seen')
    await office.settle()
    told(office, () => true)
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Another review', 'Review'])
  })

  test('a paste of an event that was let go of before is a new event too; the event itself is taken back', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const away = office.mailbox(ALICE).move(onlyItem(office).id, 'elsewhere')
    await office.settle()
    const { stamp } = office.mailbox(ALICE).row(away)
    office.mailbox(ALICE).put(event('Another review'), { stamp })
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Another review', 'Review'])
    office.mailbox(ALICE).move(away, 'synced')
    await office.settle()
    expect([subjects(office.crm.live()), subjects(office.mailbox(ALICE).synced())]).toEqual([['Another review', 'Review'], ['Another review', 'Review']])
  })
})

describe('items that come and go', () => {
  test('a linked event that becomes recurring is left alone on both sides; back again, both edits arrive', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    office.mailbox(ALICE).edit(onlyItem(office).id, {}, { unsupported: 'recurring' })
    await office.settle()
    const before = office.writes.length
    office.crm.edit(onlyRecord(office).id, { body: 'from the CRM' })
    await office.settle()
    expect(office.writes.length).toBe(before)
    const { unsupported: _, ...row } = office.mailbox(ALICE).row(onlyItem(office).id)
    office.mailbox(ALICE).rows.set(row.id, row)
    office.mailbox(ALICE).edit(row.id, { place: 'Hall' })
    await office.settle()
    for (const one of [onlyItem(office), onlyRecord(office)]) expect(fieldsOf(one.item)).toMatchObject({ body: 'from the CRM', place: 'Hall' })
  })

  test('an event beyond the window waits, and comes when the window reaches it', async () => {
    const office = await open(policy({ futureDays: 30 }))
    const time = { allDay: false, start: '2027-02-01T08:00:00Z' as Instant, end: '2027-02-01T09:00:00Z' as Instant } as const
    office.mailbox(ALICE).put(event('Later', { time }))
    await office.settle()
    expect(office.crm.live()).toEqual([])
    office.world.pass(40 * 86_400_000)
    await office.settle()
    expect(subjects(office.crm.live())).toEqual(['Later'])
  })

  test('two systems that correct each other are stopped after a few writes', async () => {
    const office = await open()
    office.mailbox(ALICE).put(event('Review'))
    await office.settle()
    const before = office.writes.length
    for (let n = 0; n < 40; n++) {
      office.crm.edit(onlyRecord(office).id, { body: n % 2 === 0 ? 'on' : 'off' })
      office.world.pass(3000)
      await office.pass()
    }
    expect(office.writes.length - before).toBeLessThan(10)
    expect(office.totals.errors.map(({ code }) => code)).toEqual(['ENGINE_LOOP'])
  })

  test('a poisoned item does not stop the others of its mailbox', async () => {
    const office = await open()
    for (const name of ['Good', 'Poisoned', 'Better']) office.mailbox(ALICE).put(event(name))
    const create = office.crm.create.bind(office.crm)
    office.crm.create = async (requests) => (fieldsOf(requests[0]?.item as Item).subject === 'Poisoned' ? Promise.resolve([{ type: 'failed', error: new (await import('../lib/errors.ts')).SyncError('TEST', 'no', { scope: 'item', remedy: 'retry' }) }]) : create(requests))
    await office.pass()
    await office.pass()
    expect(subjects(office.crm.live())).toEqual(['Better', 'Good'])
  })
})

test('a preview counts what a sync would do and leaves no trace', async () => {
  const office = await open({ once: true })
  office.mailbox(ALICE).put(event('Review'))
  office.crm.put(event('Visit'), BOB)
  const before = await dump(office)
  const { totals, writes } = await preview(office.engine)
  expect(await dump(office)).toBe(before)
  expect(office.writes).toEqual([])
  expect([totals.crm.created, totals.exchange.created, totals.failed]).toEqual([1, 1, 0])
  expect(writes.map(({ side, type }) => `${type} ${side}`).sort()).toEqual(['create crm', 'create exchange'])
})
