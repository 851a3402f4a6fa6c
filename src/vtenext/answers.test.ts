import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../../sim/clock.ts'
import { startVtenextSim, type VtenextSim } from '../../sim/vtenext/index.ts'
import { assigneeId, fieldsOf, instant } from '../model/index.ts'
import type { Attendee, ChangeKey, ItemId, SyncState } from '../model/index.ts'
import type { Change, Clock, KnownKeys } from '../ports.ts'
import { createVtenext, type Vtenext } from './index.ts'

let sim: VtenextSim
let crm: Vtenext
let now = 0
const warnings: string[] = []
const log = { debug() {}, info() {}, warn: (_fields: object, message: string) => void warnings.push(message), error() {} }
const clock: Clock = { now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(), sleep: () => Promise.resolve() }
const pass = (seconds: number) => void (now += seconds * 1_000)
const nothingKnown: KnownKeys = async () => new Map<ItemId, ChangeKey>()
const open = (options: { answersSeconds?: number; pageSize?: number } = {}) => {
  const accessKey = sim.users.find(({ username }) => username === 'admin')?.accessKey ?? ''
  return createVtenext({ url: sim.url, username: 'admin', accessKey, log, clock, ...options })
}

beforeEach(async () => {
  now = Date.parse('2026-11-22T10:00:00Z')
  warnings.length = 0
  sim = await startVtenextSim({ clock: createSimClock(() => now) })
  crm = open({ answersSeconds: 0 })
})
afterEach(async () => {
  await crm.close()
  await sim.stop()
})
async function reopen(options: { answersSeconds?: number; pageSize?: number }) {
  await crm.close()
  crm = open(options)
}

const BOB = 'bob@example.test'
const idOf = (username: string) => assigneeId(sim.users.find((user) => user.username === username)?.id ?? '')
const put = (subject: string, date = '2026-12-01', time = '10:00') =>
  sim.put('Events', { subject, date_start: date, time_start: time, time_end: '23:00', invitees: [{ email: BOB }] })
const answer = (id: string, what: 0 | 1 | 2) => sim.answerInvitation(id, idOf('bob'), what)

async function pullAll(since: SyncState | null, known = nothingKnown) {
  const changes: Change[] = []
  let state = since
  for (let pages = 1; ; pages++) {
    const page = await crm.pull('event', state, known)
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    state = page.next
    if (!page.more) return { changes, state }
    if (pages > 60) throw new Error('the feed never ends')
  }
}
const answersOf = (changes: readonly Change[]) => changes.map((change) => {
  if (change.type !== 'seen') throw new Error(change.type)
  const { attendees } = fieldsOf(change.snapshot.item) as { attendees: readonly Attendee[] }
  return [change.snapshot.id, ...attendees.map((one) => one.answer)]
})
const keysOf = (changes: readonly Change[]): KnownKeys => async () =>
  new Map(changes.flatMap((change) => (change.type === 'seen' ? [[change.snapshot.id, change.snapshot.changeKey] as const] : [])))

describe('an answer given in the CRM', () => {
  it('is reported once, though the record was not touched', async () => {
    const [first, other] = [put('Answered'), put('Not answered')]
    pass(60)
    let { state } = await pullAll(null)
    pass(300)
    expect((await pullAll(state)).changes).toEqual([])
    answer(first, 2)
    const told = await pullAll(state)
    expect(answersOf(told.changes)).toEqual([[first, 'accepted']])
    state = told.state
    pass(300)
    expect((await pullAll(state)).changes).toEqual([])
    answer(first, 1)
    answer(other, 2)
    expect(answersOf((await pullAll(state)).changes)).toEqual([[first, 'declined'], [other, 'accepted']])
  })

  it('is reported once also in the seconds after a save', async () => {
    const id = put('Answered')
    const { state } = await pullAll(null)
    answer(id, 2)
    const told = await pullAll(state)
    expect(answersOf(told.changes)).toEqual([[id, 'accepted']])
    expect((await pullAll(told.state)).changes).toEqual([])
    pass(2)
    expect((await pullAll(told.state)).changes).toEqual([])
  })

  it('is told until the engine has it, and then no more', async () => {
    const id = put('Linked')
    pass(60)
    const first = await pullAll(null)
    pass(300)
    answer(id, 2)
    const second = await pullAll(first.state, keysOf(first.changes))
    const third = await pullAll(second.state, keysOf(first.changes))
    expect([answersOf(second.changes), answersOf(third.changes)]).toEqual([[[id, 'accepted']], [[id, 'accepted']]])
    expect((await pullAll(third.state, keysOf(second.changes))).changes).toEqual([])
    const restarted = JSON.stringify({ ...JSON.parse(third.state), answers: { began: 0, from: null, seen: {} } }) as SyncState
    expect((await pullAll(restarted, keysOf(second.changes))).changes).toEqual([])
  })

  it('is told once when the record was saved as well', async () => {
    const id = put('Linked')
    pass(60)
    const first = await pullAll(null)
    pass(300)
    sim.edit(id, { subject: 'Saved' })
    answer(id, 2)
    expect(answersOf((await pullAll(first.state, keysOf(first.changes))).changes)).toEqual([[id, 'accepted']])
  })

  it('is told once when it comes while the feed is read', async () => {
    const id = put('Answered')
    const { state } = await pullAll(null)
    const take = sim.faults.take.bind(sim.faults)
    let calls = 0
    sim.faults.take = (operation, subject) => {
      if (operation === 'vtesync.get_changes' && ++calls === 2) answer(id, 2)
      return take(operation, subject)
    }
    const told = await pullAll(state)
    expect(answersOf(told.changes)).toEqual([[id, 'accepted']])
    expect((await pullAll(told.state)).changes).toEqual([])
  })

  it('is looked for once a minute', async () => {
    await reopen({})
    const id = put('Answered')
    pass(60)
    const { state } = await pullAll(null)
    pass(30)
    answer(id, 2)
    const early = await pullAll(state)
    expect(early.changes).toEqual([])
    pass(31)
    expect(answersOf((await pullAll(early.state)).changes)).toEqual([[id, 'accepted']])
  })

  it('to an event of the past, or of a day far ahead, is not looked for', async () => {
    const ids = [put('Past', '2026-11-01'), put('Near', '2027-01-20'), put('Far', '2027-01-22')]
    pass(60)
    const { state } = await pullAll(null)
    pass(300)
    for (const id of ids) answer(id, 2)
    expect(answersOf((await pullAll(state)).changes)).toEqual([[ids[1], 'accepted']])
  })

  it('is found among many events that begin at the same minute', async () => {
    await reopen({ answersSeconds: 0, pageSize: 2 })
    const ids = [...Array.from({ length: 9 }, (_, i) => put(`Same ${i}`)), ...Array.from({ length: 9 }, (_, i) => put(`Day ${i}`, `2026-12-1${i}`))]
    pass(60)
    const { state } = await pullAll(null)
    pass(300)
    for (const id of ids) answer(id, 2)
    const told = await pullAll(state)
    expect(new Set(answersOf(told.changes).map(([id]) => id))).toEqual(new Set(ids))
    expect((await pullAll(told.state)).changes).toEqual([])
  })

  it('in a large calendar is found over several pulls, and each stays short', async () => {
    await reopen({ pageSize: 2 })
    const ids = Array.from({ length: 40 }, (_, i) => put(`E${i}`, `2026-12-${String(1 + (i % 28)).padStart(2, '0')}`, `${10 + Math.floor(i / 28)}:00`))
    pass(60)
    let { state } = await pullAll(null)
    pass(300)
    for (const id of ids) answer(id, 2)
    const told: unknown[] = []
    let pulls = 0
    for (; told.length < ids.length && pulls < 20; pulls += 1) {
      const page = await pullAll(state)
      state = page.state
      told.push(...answersOf(page.changes).map(([id]) => id))
      expect(page.changes.length).toBeLessThanOrEqual(30)
      pass(5)
    }
    expect(told).toHaveLength(ids.length)
    expect(new Set(told)).toEqual(new Set(ids))
    expect(pulls).toBeGreaterThan(1)
  })

  it('does not make the sync state grow: what is over is forgotten', async () => {
    put('Soon')
    put('Later', '2026-12-20')
    let { state } = await pullAll(null)
    expect(Object.keys(JSON.parse(state).answers.seen)).toHaveLength(2)
    pass(12 * 86_400)
    state = (await pullAll(state)).state
    expect(Object.keys(JSON.parse(state).answers.seen)).toHaveLength(1)
  })

  it('that cannot be asked for does not keep the feed from going on', async () => {
    const id = put('Answered')
    pass(60)
    await reopen({})
    const { state } = await pullAll(null)
    pass(300)
    answer(id, 2)
    const fresh = put('Fresh')
    sim.faults.add({ operation: 'vtesync.get_changes', skip: 1, times: 1, effect: { type: 'status', status: 500, body: '' } })
    const told = await pullAll(state)
    expect(answersOf(told.changes)).toEqual([[fresh, 'none']])
    expect(warnings).toHaveLength(1)
    expect(JSON.parse(told.state).answers).toMatchObject({ began: now / 1_000, from: null })
    pass(61)
    expect(answersOf((await pullAll(told.state)).changes)).toEqual([[id, 'accepted']])
  })
})
