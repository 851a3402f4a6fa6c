import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../clock.ts'
import { clientOf, type ForeignClient, meeting, task } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let now: number
let sim: VtenextSim
let admin: ForeignClient
beforeAll(async () => {
  now = Date.parse('2026-10-24T22:00:00Z')
  sim = await startVtenextSim({ clock: createSimClock(() => now), phpSessionIdleMs: 1e9 })
})
beforeEach(async () => {
  now = Date.parse('2026-10-24T22:00:00Z')
  sim.reset()
  admin = await clientOf(sim, 'admin')
})
afterAll(() => sim.stop())

/** A contact saved in that second after the start. */
function contactAt(second: number, lastname = `Neri ${second}`): string {
  now = Date.parse('2026-10-24T22:00:00Z') + second * 1000
  return sim.put('Contacts', { lastname })
}

const ids = (list: { id: string }[]): string[] => list.map(({ id }) => id)
const iso = (second: number): string =>
  new Date(Date.parse('2026-10-24T22:00:00Z') + second * 1000).toISOString().replace('.000Z', '+0000')

describe('the change feed', () => {
  it('includes both seconds it is asked for', async () => {
    const [, first, second] = [contactAt(1), contactAt(2), contactAt(3), contactAt(4)]
    const { created } = await admin.changes({ module: 'Contacts', dateFrom: iso(2), dateTo: iso(3) })
    expect(ids(created)).toEqual([first, second])
  })

  it('calls a record updated once it was changed in a later second, and deleted once it is in the bin', async () => {
    const [kept, changed, restored] = [contactAt(1), contactAt(2), contactAt(3)]
    now += 1000
    sim.edit(changed, { title: 'CEO' })
    sim.remove(restored)
    const before = await admin.changes({ module: 'Contacts', dateFrom: iso(1) })
    expect([ids(before.created), ids(before.updated), ids(before.deleted)]).toEqual([[kept], [changed], [restored]])
    expect(Object.keys(before.deleted[0])).toEqual(['id', 'modifiedtime', 'createdtime'])
    now += 1000
    sim.restore(restored)
    const after = await admin.changes({ module: 'Contacts', dateFrom: iso(5) })
    expect([ids(after.updated), ids(after.deleted)]).toEqual([[restored], []])
  })

  it('says nothing at all of a record purged from the bin', async () => {
    const id = contactAt(1)
    sim.remove(id)
    sim.purge(id)
    const { created, updated, deleted } = await admin.changes({ module: 'Contacts' })
    expect([created, updated, deleted]).toEqual([[], [], []])
  })

  it('gives a page and everything else of its last second, and its time while there is more', async () => {
    const [a, b, c, d] = [contactAt(1), contactAt(2), contactAt(2), contactAt(3)]
    const page = await admin.changes({ module: 'Contacts', dateFrom: iso(1), maxEntries: '2' })
    expect([ids(page.created), page.more, page.last_update]).toEqual([[a, b, c], true, Date.parse(iso(2)) / 1000])
    now += 100_000
    const rest = await admin.changes({ module: 'Contacts', dateFrom: iso(3), maxEntries: '2' })
    expect([ids(rest.created), rest.more, rest.last_update]).toEqual([[d], false, Math.floor(now / 1000)])
  })

  it('never gets past a second that holds more than a page while later changes wait', async () => {
    for (let count = 0; count < 3; count += 1) contactAt(1)
    contactAt(2)
    const page = await admin.changes({ module: 'Contacts', dateFrom: iso(1), maxEntries: '2' })
    expect([page.created.length, page.more, page.last_update]).toEqual([3, true, Date.parse(iso(1)) / 1000])
  })

  it('has no last_update where the window is empty but later changes wait', async () => {
    contactAt(9)
    const { created, more, last_update } = await admin.changes({ module: 'Contacts', dateFrom: iso(1), dateTo: iso(2) })
    expect([created, more, last_update]).toEqual([[], true, false])
  })

  it('gives nothing for maxEntries -1, for Users, and refuses Groups and dateTo alone', async () => {
    contactAt(1)
    expect((await admin.changes({ module: 'Contacts', maxEntries: '-1' })).created).toEqual([])
    expect((await admin.changes({ module: 'Users' })).created).toEqual([])
    expect((await admin.error('GET', 'vtesync.get_changes', { module: 'Groups' })).code).toBe('ACCESS_DENIED')
    const onlyTo = await admin.error('GET', 'vtesync.get_changes', { module: 'Contacts', dateTo: iso(1) })
    expect(onlyTo.code).toBe('INTERNAL_SERVER_ERROR')
  })

  it("shows a user only what he owns: neither his group's, nor invitations, nor what was given away", async () => {
    const invite = { invitees: [{ email: 'bob@example.test' }] }
    const own = await admin.create('Events', meeting({ assigned_user_id: '19x5' }))
    await admin.create('Events', meeting({ assigned_user_id: '22x7' }))
    await admin.create('Events', meeting({ assigned_user_id: '19x4', ...invite }))
    const given = await admin.create('Events', meeting({ assigned_user_id: '19x5' }))
    await admin.revise({ id: given.id, assigned_user_id: '19x6' })
    const bob = await clientOf(sim, 'bob')
    const { created, updated, deleted } = await bob.changes({ module: 'Events' })
    expect([ids([...created, ...updated]), deleted]).toEqual([[own.id], []])
    const everything = await admin.changes({ module: 'Events', user: 'bob' })
    expect(ids([...everything.created, ...everything.updated])).toHaveLength(4)
  })

  it('selects by start with dateField=time_start, in the bin or not', async () => {
    const early = await admin.create('Events', meeting())
    const late = await admin.create('Events', meeting({ date_start: '2026-12-09', due_date: '2026-12-09' }))
    const binned = await admin.create('Events', meeting({ time_start: '10:30' }))
    await admin.create('Calendar', task())
    sim.remove(binned.id)
    const window = {
      module: 'Events',
      dateField: 'time_start',
      dateFrom: '2026-12-01T09:00:00Z',
      dateTo: '2026-12-08T00:00:00Z',
    }
    const { created, updated, deleted, more } = await admin.changes(window)
    expect([created, ids(updated), ids(deleted), more]).toEqual([[], [early.id], [binned.id], true])
    const living = await admin.changes({ ...window, showDeleted: 'false', dateTo: '2026-12-31T00:00:00Z' })
    expect([ids(living.updated), living.deleted, living.more]).toEqual([[early.id, late.id], [], false])
  })

  it('tells the two passes of the autumn hour apart only by luck: both carry the same wall clock', async () => {
    // Rome leaves daylight saving time on 2026-10-25 at 01:00 UTC: 02:30 comes twice.
    now = Date.parse('2026-10-25T00:30:00Z')
    const first = sim.put('Contacts', { lastname: 'First' })
    now = Date.parse('2026-10-25T01:30:00Z')
    const second = sim.put('Contacts', { lastname: 'Second' })
    const { created } = await admin.changes({ module: 'Contacts', dateFrom: '2026-10-25T01:30:00Z' })
    expect(ids(created)).toEqual([first, second])
    expect(created.map(({ modifiedtime }: { modifiedtime: string }) => modifiedtime)).toEqual([
      '2026-10-25 02:30:00',
      '2026-10-25 02:30:00',
    ])
  })

  it('stays in order when the wall clock runs backwards', async () => {
    now = Date.parse('2026-10-25T00:50:00Z')
    const later = sim.put('Contacts', { lastname: 'At 02:50' })
    now = Date.parse('2026-10-25T01:10:00Z')
    const earlier = sim.put('Contacts', { lastname: 'At 02:10 again' })
    const page = await admin.changes({ module: 'Contacts', dateFrom: '2026-10-24T00:00:00Z', maxEntries: '1' })
    expect([ids(page.created), page.more]).toEqual([[earlier], true])
    const rest = await admin.changes({ module: 'Contacts', dateFrom: '2026-10-25T00:20:00Z' })
    expect(ids(rest.created)).toEqual([later])
  })
})

describe('VTQL', () => {
  it('sorts, cuts and pages, the same through an index as by looking at everything', async () => {
    const all = [contactAt(1, 'B'), contactAt(2, 'a'), contactAt(2, 'C'), contactAt(3, 'a')]
    now += 1000
    sim.edit(all[0] ?? '', { title: 'x' })
    const [a, b, c, d] = all
    expect(
      ids(
        await admin.query(
          "select id from Contacts where modifiedtime >= '2026-10-25 00:00:02' order by modifiedtime,id limit 1,2;",
        ),
      ),
    ).toEqual([c, d])
    expect(ids(await admin.query('select id from Contacts order by lastname,id desc;'))).toEqual([d, b, a, c])
    expect(ids(await admin.query('select id from Contacts limit 2,2;'))).toEqual([c, d])
    expect(
      ids(
        await admin.query(
          "select id from Contacts where assigned_user_id='19x1' and lastname > 'a' order by id limit 1;",
        ),
      ),
    ).toEqual([a])
    expect(ids(await admin.query("select id from Contacts where modifiedtime > '2026-10-25 00:00:03';"))).toEqual([a])
    expect(ids(await admin.query(`select id from Contacts where id in ('${d}','${a}','1x${a?.slice(2)}');`))).toEqual([
      a,
      d,
    ])
  })

  it('orders records of one second by id, whichever of them was changed last', async () => {
    const [first, second, third] = [contactAt(1), contactAt(1), contactAt(1)]
    now += 5000
    for (const id of [third, second]) sim.edit(id ?? '', { title: 'x' })
    const text = "select id from Contacts where modifiedtime >= '2026-10-25 00:00:06' order by modifiedtime,id limit 1;"
    expect(ids(await admin.query(text))).toEqual([second])
    expect(ids(await admin.query('select id from Contacts order by modifiedtime,id;'))).toEqual([first, second, third])
  })

  it('binds `and` tighter than `or`, matches like without regard to case, and doubles quotes', async () => {
    const [brien, neri, rossi] = [contactAt(1, "O'Brien"), contactAt(2, 'Neri'), contactAt(3, 'Rossi')]
    const where = async (condition: string): Promise<string[]> =>
      ids(await admin.query(`select id from Contacts where ${condition};`))
    expect(await where("lastname='neri' or lastname='Rossi' and title='CEO'")).toEqual([neri])
    expect(await where("lastname like '%o''b%'")).toEqual([brien])
    expect(await where("lastname like '_e%'")).toEqual([neri])
    expect(await where("lastname != 'Neri'")).toEqual([brien, rossi])
  })

  it('gives at most 1000 records where no limit is named, and as many as asked for where one is', async () => {
    for (let count = 0; count < 1003; count += 1) contactAt(1)
    expect(await admin.query('select id from Contacts;')).toHaveLength(1000)
    expect(await admin.query('select id from Contacts limit 5000;')).toHaveLength(1003)
    expect(await admin.query('select count(*) from Contacts;')).toEqual([{ count: '1003' }])
  })

  it('finds records by owner after they were handed over', async () => {
    const id = contactAt(1)
    await admin.revise({ id, assigned_user_id: '22x7' })
    expect(ids(await admin.query("select id from Contacts where assigned_user_id in ('19x1','19x4');"))).toEqual([])
    expect(await admin.query("select id,assigned_user_id from Contacts where assigned_user_id='22x7';")).toEqual([
      { id, assigned_user_id: '22x7' },
    ])
  })
})
