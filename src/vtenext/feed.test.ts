import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../../sim/clock.ts'
import { startVtenextSim, type VtenextSim } from '../../sim/vtenext/index.ts'
import { instant, syncState, type ChangeKey, type ItemId, type SyncState } from '../model/index.ts'
import type { Change, Clock } from '../ports.ts'
import { createVtenext, type Vtenext } from './index.ts'

let sim: VtenextSim
let crm: Vtenext
/** What the simulated CRM's clock shows; tests move it by hand, so seconds never pass by themselves. */
let now = 0
const log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = {
  now: () => instant(sim.clock.now()),
  elapsedMs: () => sim.clock.now(),
  sleep: () => Promise.resolve(),
}
const nothingKnown = async () => new Map<ItemId, ChangeKey>()

async function start(at: string, pageSize = 200) {
  now = Date.parse(at)
  sim = await startVtenextSim({ clock: createSimClock(() => now) })
  sim.setUser({ username: 'admin', zone: 'Europe/Rome', dateFormat: 'yyyy-mm-dd' })
  crm = open(pageSize)
}
const open = (pageSize: number) =>
  createVtenext({
    url: sim.url,
    username: 'admin',
    accessKey: sim.users.find(({ username }) => username === 'admin')?.accessKey ?? '',
    log,
    clock,
    pageSize,
  })
beforeEach(() => start('2026-11-22T10:00:00Z'))
afterEach(async () => {
  await crm.close()
  await sim.stop()
})

const put = (subject: string) =>
  sim.put('Events', { subject, date_start: '2026-12-01', time_start: '10:00', time_end: '11:00' })
const pass = (seconds: number) => void (now += seconds * 1_000)

async function pullAll(since: SyncState | null, known = nothingKnown) {
  const changes: Change[] = []
  let state = since
  for (let pages = 1; ; pages++) {
    const page = await crm.pull('event', state, known)
    if (page.type !== 'page') throw new Error(page.type)
    changes.push(...page.changes)
    state = page.next
    if (!page.more) return { changes, state, pages }
    if (pages > 60) throw new Error('the feed never ends')
  }
}
const idsOf = (changes: readonly Change[]) =>
  changes.map((change) => (change.type === 'seen' ? change.snapshot.id : change.id))

describe('trap 10: the change feed', () => {
  it('reports a new, an edited and a deleted record once, and nothing when nothing changed', async () => {
    const edited = put('Edited')
    const deleted = put('Deleted')
    const first = await pullAll(null)
    expect(idsOf(first.changes).sort()).toEqual([edited, deleted].sort())
    pass(60)
    const fresh = put('Fresh')
    sim.edit(edited, { subject: 'Again' })
    sim.remove(deleted)
    const second = await pullAll(first.state)
    expect(idsOf(second.changes).sort()).toEqual([edited, deleted, fresh].sort())
    expect(second.changes.find((change) => change.type === 'gone')).toMatchObject({
      id: deleted,
      bornAt: '2026-11-22 11:00:00',
    })
    let { state } = second
    for (let poll = 0; poll < 4; poll++) {
      const quiet = await pullAll(state)
      expect(quiet).toMatchObject({ changes: [], pages: 1 })
      state = quiet.state
      pass(2)
    }
    expect(JSON.parse(state)).toMatchObject({ seen: {} })
  })

  it('sees the second change of one second', async () => {
    const id = put('One')
    const { state } = await pullAll(null)
    sim.edit(id, { subject: 'Two' })
    const { changes } = await pullAll(state)
    expect(changes).toMatchObject([{ type: 'seen', snapshot: { id, item: { fields: { subject: 'Two' } } } }])
  })

  it('leaves out what is known already, except on a pull from the beginning', async () => {
    const id = put('Known')
    const { changes } = await pullAll(null)
    const key = changes[0]?.type === 'seen' ? changes[0].snapshot.changeKey : undefined
    const known = async () => new Map([[id as ItemId, key as ChangeKey]])
    expect(idsOf((await pullAll(null, known)).changes)).toEqual([id])
    const before = await pullAll(null)
    pass(60)
    sim.edit(id, { subject: 'Other' })
    const other = await pullAll(before.state, known)
    expect(idsOf(other.changes)).toEqual([id])
    const newKey = other.changes[0]?.type === 'seen' ? other.changes[0].snapshot.changeKey : undefined
    expect((await pullAll(before.state, async () => new Map([[id as ItemId, newKey as ChangeKey]]))).changes).toEqual(
      [],
    )
  })

  it('comes to an end and loses nothing when more records share a second than fit on a page', async () => {
    const ids = new Set<string>()
    for (const count of [1, 7, 1, 5, 2]) {
      for (let i = 0; i < count; i++) ids.add(put(`R${i}`))
      pass(1)
    }
    await crm.close()
    crm = open(2)
    const { changes, state, pages } = await pullAll(null)
    expect(new Set(idsOf(changes))).toEqual(ids)
    expect(idsOf(changes)).toHaveLength(ids.size)
    expect(pages).toBeGreaterThan(2)
    expect((await pullAll(state)).changes).toEqual([])
  })

  it('reports what changed on an earlier page while later pages were read', async () => {
    const ids = Array.from({ length: 6 }, (_, i) => {
      pass(1)
      return put(`R${i}`)
    })
    await crm.close()
    crm = open(2)
    const first = await crm.pull('event', null, nothingKnown)
    if (first.type !== 'page') throw new Error(first.type)
    sim.edit(ids[0] ?? '', { subject: 'Meanwhile' })
    pass(30)
    const rest = await pullAll(first.next)
    const later = await pullAll(rest.state)
    const subjects = [...rest.changes, ...later.changes].map((change) =>
      change.type === 'seen' && change.snapshot.item.kind === 'event' ? change.snapshot.item.fields.subject : '',
    )
    expect(subjects).toContain('Meanwhile')
  })

  it('reports a record whose transaction ended late, though its time is that of an earlier page', async () => {
    for (let i = 0; i < 3; i++) put(`R${i}`)
    pass(10)
    put('Other')
    pass(10)
    await crm.close()
    crm = open(2)
    const first = await crm.pull('event', null, nothingKnown)
    if (first.type !== 'page' || !first.more) throw new Error('one page only')
    pass(30)
    const rest = await pullAll(first.next)
    pass(-32)
    const late = put('Late')
    pass(40)
    expect(idsOf((await pullAll(rest.state)).changes)).toContain(late)
  })

  it('sees a restored record again', async () => {
    const id = put('Back')
    sim.remove(id)
    const { state } = await pullAll(null)
    pass(60)
    sim.restore(id)
    expect((await pullAll(state)).changes).toMatchObject([{ type: 'seen', snapshot: { id } }])
  })

  it('shows a record of the group and one given to somebody else', async () => {
    const id = put('Group')
    const { state } = await pullAll(null)
    pass(60)
    const sales = sim.groups[0]?.id ?? ''
    sim.edit(id, { assigned_user_id: sales })
    expect((await pullAll(state)).changes).toMatchObject([{ type: 'seen', snapshot: { id, assignee: sales } }])
  })

  it('starts again from a sync state that is not its own', async () => {
    for (const foreign of ['', 'garbage', '{}', 'null', '{"v":2,"from":1,"seen":{}}', '{"v":1,"from":1,"seen":null}']) {
      expect(await crm.pull('event', syncState(foreign), nothingKnown)).toEqual({ type: 'resync-required' })
    }
  })

  it("stops at once when the API user's time zone is changed meanwhile", async () => {
    const { state } = await pullAll(null)
    sim.setUser({ username: 'admin', zone: 'America/New_York' })
    await expect(crm.pull('event', state, nothingKnown)).rejects.toMatchObject({ code: 'CRM_MISCONFIGURED' })
  })

  it('tells the records of one UID by their numbers', async () => {
    const numbered = (recurr_idx: number) =>
      sim.put('Events', {
        subject: `No ${recurr_idx}`,
        date_start: '2026-12-01',
        time_start: '10:00',
        time_end: '11:00',
        ical_uuid: 'same',
        recurr_idx,
      })
    numbered(0)
    numbered(7)
    const { changes } = await pullAll(null)
    expect(changes.map((change) => change.type === 'seen' && change.snapshot.uid)).toEqual(['same', 'same#~7'])
  })
})

describe('in the night when the clocks go back', () => {
  it('loses no change made in the second half of the doubled hour', async () => {
    await crm.close()
    await sim.stop()
    // 02:55 in Rome for the first time; six minutes later it is 02:01 again.
    await start('2026-10-25T00:55:00Z')
    const before = put('Before')
    let { changes, state } = await pullAll(null)
    expect(idsOf(changes)).toEqual([before])
    pass(6 * 60)
    const doubled = put('Doubled')
    ;({ changes, state } = await pullAll(state))
    expect(idsOf(changes)).toEqual([doubled])
    pass(3 * 60)
    const next = put('Next')
    ;({ changes, state } = await pullAll(state))
    expect(idsOf(changes)).toContain(next)
    pass(3_600)
    const after = put('After')
    ;({ changes, state } = await pullAll(state))
    expect(idsOf(changes)).toEqual([after])
  })

  it('ends also when the last second before the change is full', async () => {
    await crm.close()
    await sim.stop()
    await start('2026-10-25T00:59:59Z', 2)
    const ids = Array.from({ length: 5 }, (_, i) => put(`R${i}`))
    pass(30)
    ids.push(put('Doubled'))
    pass(7_200)
    ids.push(put('Later'), put('Later still'), put('Last'))
    const { changes } = await pullAll(null)
    expect(new Set(idsOf(changes))).toEqual(new Set(ids))
  })
})
