import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSimClock } from '../../sim/clock.ts'
import { startVtenextSim, type VtenextSim } from '../../sim/vtenext/index.ts'
import { assigneeId, instant, itemId, occurrenceUid, token } from '../model/index.ts'
import type { ChangeKey, ItemId, Snapshot } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { createVtenext, type Vtenext } from './index.ts'

let sim: VtenextSim
let crm: Vtenext
let now = 0
const log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = { now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(), sleep: () => Promise.resolve() }
const pass = (seconds: number) => void (now += seconds * 1_000)

beforeEach(async () => {
  now = Date.parse('2026-11-22T10:00:00Z')
  sim = await startVtenextSim({ clock: createSimClock(() => now) })
  const accessKey = sim.users.find(({ username }) => username === 'admin')?.accessKey ?? ''
  crm = createVtenext({ url: sim.url, username: 'admin', accessKey, log, clock })
})
afterEach(async () => {
  await crm.close()
  await sim.stop()
})

const TEN = { date_start: '2026-12-01', time_start: '10:00', time_end: '11:00' }
const stored = (id: string) => sim.records('Events').find((record) => record.id === id)
const dayAt = (day: number) => ({ allDay: false, start: instant(Date.UTC(2026, 11, day, 9)), end: instant(Date.UTC(2026, 11, day, 10)) }) as const
async function make(uid: string, day: number): Promise<Snapshot> {
  const item = { kind: 'event', fields: { subject: 'Weekly', time: dayAt(day) } } as const
  const [outcome] = await crm.create([{ item, token: token(`t-${uid}`), uid, assignee: assigneeId('19x4') }])
  if (outcome?.type !== 'done') throw new Error(JSON.stringify(outcome))
  return outcome.snapshot
}
const find = (uid: string | null, of = 'none') =>
  crm.findCreated({ kind: 'event', token: token(of), item: { kind: 'event', fields: {} }, uid, since: clock.now() })

it('an occurrence made from Exchange carries the UID of its series and its number', async () => {
  const made = await make(occurrenceUid('uid-1', 12), 1)
  expect(made.uid).toBe('uid-1#~12')
  expect(stored(made.id)).toMatchObject({ ical_uuid: 'uid-1', recurr_idx: '12' })
  expect(stored((await make('uid-1', 2)).id)).toMatchObject({ ical_uuid: 'uid-1', recurr_idx: '0' })
})

it('an occurrence with a UID that is longer than the column keeps its number', async () => {
  const long = 'x'.repeat(200)
  const made = await make(occurrenceUid(long, 3), 1)
  expect(stored(made.id)).toMatchObject({ ical_uuid: long.slice(0, 127), recurr_idx: '3' })
  expect((await find(occurrenceUid(long, 3)))?.id).toBe(made.id)
})

it('an occurrence is found by its own number and no other', async () => {
  for (let slot = 30; slot >= 1; slot -= 1) await make(occurrenceUid('uid-1', slot), 1)
  expect(await find('uid-1')).toBeNull()
  const [third, first] = [await find('uid-1#~3'), await make('uid-1', 1)]
  expect(third?.uid).toBe('uid-1#~3')
  expect((await find('uid-1'))?.id).toBe(first.id)
  expect(await find('uid-1#~31')).toBeNull()
  expect(await crm.locate('event', token('none'), 'uid-1#~30')).toMatchObject({ where: 'synced', snapshot: { uid: 'uid-1#~30' } })
  expect(await crm.locate('event', token('none'), 'uid-1#~31')).toEqual({ where: 'nowhere' })
})

it('the records of a series are written like any other, each alone', async () => {
  const ids = sim.makeSeries({ fields: { subject: 'Weekly', ...TEN }, count: 3 })
  const page = await crm.pull('event', null, async () => new Map<ItemId, ChangeKey>())
  if (page.type !== 'page') throw new Error(page.type)
  const snapshots = page.changes.map((change) => (change.type === 'seen' ? change.snapshot : null))
  const uid = String(stored(ids[0] ?? '')?.ical_uuid)
  expect(snapshots.map((one) => one?.uid)).toEqual([uid, `${uid}#~1`, `${uid}#~2`])
  expect(snapshots.every((one) => one?.unsupported === undefined)).toBe(true)
  const [first, second] = snapshots
  if (!first || !second) throw new Error('too few')
  const outcomes = await crm.update([first, second].map((one) => ({ id: one.id, kind: 'event', fields: { subject: `New ${one.uid}`, time: dayAt(9) }, expect: one.changeKey })))
  expect(outcomes.map((outcome) => outcome.type === 'done' && outcome.snapshot.uid)).toEqual([uid, `${uid}#~1`])
  expect(ids.map((id) => stored(id)?.recurr_idx)).toEqual(['0', '1', '2'])
  const [third] = await crm.get('event', [itemId(ids[2] ?? '')])
  if (third?.type !== 'seen') throw new Error('not seen')
  expect(await crm.remove([{ id: third.snapshot.id, kind: 'event', expect: third.snapshot.changeKey }])).toEqual([{ type: 'removed' }])
  expect(ids.map((id) => stored(id)?.deleted)).toEqual([false, false, true])
})

it.each([['Daily', 'daily'], ['Weekly', 'weekly'], ['Monthly', 'monthly'], ['Yearly', 'yearly']])(
  'the first record of a series made in the CRM says that it is %s, the others say nothing', async (recurringtype, repeats) => {
    const ids = sim.makeSeries({ fields: { subject: 'S', ...TEN, recurringtype }, count: 2 })
    expect((await crm.get('event', ids.map(itemId))).map((one) => one.type === 'seen' && one.snapshot.traits)).toEqual([{ repeats }, undefined])
  })

it('an event that does not repeat, or is not the first, says nothing of it', async () => {
  const plain = ['', '--None--'].map((recurringtype) => itemId(sim.put('Events', { subject: 'S', ...TEN, recurringtype })))
  const later = itemId(sim.put('Events', { subject: 'S', ...TEN, recurringtype: 'Weekly', recurr_idx: 3 }))
  const told = await crm.get('event', [...plain, later])
  expect(told.map((one) => one.type === 'seen' && one.snapshot.traits)).toEqual([undefined, undefined, undefined])
})

it('the whole set of a series is given in the order of its numbers, without those that were deleted', async () => {
  const invitees = [{ email: 'bob@example.test', partecipation: 2 }]
  const ids = sim.makeSeries({ fields: { subject: 'Weekly', ...TEN, invitees }, count: 4 })
  sim.put('Events', { subject: 'Other', ...TEN })
  const uid = String(stored(ids[0] ?? '')?.ical_uuid)
  sim.remove(ids[1] ?? '')
  pass(600)
  sim.edit(ids[0] ?? '', { subject: 'Edited much later' })
  const set = await crm.set(uid)
  expect(set.map((one) => one.id)).toEqual([ids[0], ids[2], ids[3]])
  expect(set.map((one) => one.uid)).toEqual([uid, `${uid}#~2`, `${uid}#~3`])
  expect(set).toMatchObject(Array(3).fill({ item: { fields: { attendees: [{ address: 'bob@example.test', answer: 'accepted' }] } } }))
  expect(await crm.get('event', set.map(({ id }) => id))).toEqual(set.map((snapshot) => ({ type: 'seen', snapshot })))
  expect(await crm.set(`${uid}#~2`)).toEqual(set)
  expect(await crm.set('unheard of')).toEqual([])
})

it('a record of a set that is saved while the set is read is told as it is then', async () => {
  const ids = sim.makeSeries({ fields: { subject: 'Weekly', ...TEN }, count: 3 })
  const uid = String(stored(ids[0] ?? '')?.ical_uuid)
  await crm.users()
  const take = sim.faults.take.bind(sim.faults)
  let once = true
  sim.faults.take = (operation, subject) => {
    if (operation === 'vtesync.get_changes' && once) {
      once = false
      pass(120)
      sim.edit(ids[1] ?? '', { subject: 'Meanwhile' })
    }
    return take(operation, subject)
  }
  const set = await crm.set(uid)
  expect(set.map(({ item }) => (item.fields as { subject: string }).subject)).toEqual(['Weekly', 'Meanwhile', 'Weekly'])
})

it('one record of a set with a date that cannot be does not hide the others', async () => {
  const ids = sim.makeSeries({ fields: { subject: 'Daily', ...TEN }, count: 3, everyDays: 1 })
  const uid = String(stored(ids[0] ?? '')?.ical_uuid)
  sim.edit(ids[1] ?? '', { date_start: 'someday' })
  expect((await crm.set(uid)).map(({ id }) => id)).toEqual([ids[0], ids[2]])
})
