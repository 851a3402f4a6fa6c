import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { vtenextControl } from '../control/vtenext-routes.ts'
import type { FaultEffect } from '../faults.ts'
import { clientOf, type ForeignClient, meeting } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

let sim: VtenextSim
let control: ReturnType<typeof vtenextControl>
let alice: ForeignClient
beforeAll(async () => {
  sim = await startVtenextSim({
    users: [{ username: 'user1', zone: 'UTC' }],
    groups: [{ name: 'Support', members: ['user1'] }],
  })
  control = vtenextControl(sim)
})
beforeEach(async () => {
  sim.faults.clear()
  sim.reset()
  alice = await clientOf(sim, 'alice')
})
afterAll(() => sim.stop())

const element = JSON.stringify(meeting())
const create = (): ReturnType<ForeignClient['call']> => alice.call('POST', 'create', { elementType: 'Events', element })
const saved = (): number => sim.records('Events').length

describe('scripted faults', () => {
  const strike = (effect: FaultEffect): unknown =>
    control.faults?.({ operation: 'create', subject: 'alice', times: 1, effect })

  it('answer with an HTTP status or an error code instead of doing the work', async () => {
    strike({ type: 'status', status: 503, body: 'down' })
    expect(await create()).toMatchObject({ status: 503, text: 'down' })
    strike({ type: 'error', code: 'DATABASE_QUERY_ERROR', message: 'Gone away' })
    expect((await create()).body).toEqual({
      success: false,
      error: { code: 'DATABASE_QUERY_ERROR', message: 'Gone away' },
    })
    expect(saved()).toBe(0)
    expect((await create()).body.success).toBe(true)
  })

  it('close the line before the work is done', async () => {
    strike({ type: 'drop-before' })
    await expect(create()).rejects.toThrow()
    expect(saved()).toBe(0)
  })

  it.each<FaultEffect>([{ type: 'drop-after' }, { type: 'half' }])(
    'lose the answer after the work is done: %o',
    async (effect) => {
      strike(effect)
      await expect(create()).rejects.toThrow()
      expect(saved()).toBe(1)
    },
  )

  it('answer HTTP 500 with an empty body although the work is done', async () => {
    strike({ type: 'status-after', status: 500 })
    expect(await create()).toMatchObject({ status: 500, text: '' })
    expect(saved()).toBe(1)
  })

  it('strike only the user and the operation they name', async () => {
    strike({ type: 'status', status: 503 })
    const bob = await clientOf(sim, 'bob')
    expect((await bob.call('POST', 'create', { elementType: 'Events', element })).status).toBe(200)
    expect((await alice.call('GET', 'listtypes')).status).toBe(200)
    expect((await create()).status).toBe(503)
  })

  it('can hang a request for good without stopping the server', async () => {
    strike({ type: 'stall' })
    const hung = create().catch((error: unknown) => error)
    expect((await alice.call('GET', 'listtypes')).status).toBe(200)
    expect(await Promise.race([hung, Promise.resolve('still waiting')])).toBe('still waiting')
  })
})

describe('the control routes', () => {
  it('make, change, bin, restore and purge records as people in the browser do', async () => {
    const { id } = control.put?.({
      module: 'Events',
      as: 'bob',
      fields: { subject: 'Dentist', date_start: '2026-12-01', time_start: '10:00', time_end: '11:00' },
    }) as { id: string }
    expect(sim.records('Events')[0]).toMatchObject({
      id,
      assigned_user_id: '19x5',
      time_start: '16:00',
      due_date: '2026-12-01',
    })
    control.edit?.({ id, as: 'bob', fields: { time_start: '10:30' } })
    expect(sim.records('Events')[0]).toMatchObject({ time_start: '16:30', duration_minutes: '30' })
    control.remove?.({ id })
    expect(control.state?.({})).toMatchObject({ records: { Events: 0 }, writes: { create: 0, revise: 0, delete: 0 } })
    control.restore?.({ id })
    expect(control.state?.({})).toMatchObject({ records: { Events: 1 } })
    control.purge?.({ id })
    expect(control.records?.({ module: 'Events' })).toEqual([])
  })

  it('say what is missing and how to send it', () => {
    expect(() => control.put?.({ module: 'Events' })).toThrow(
      'vtenext/put needs fields: send {"module": ..., "fields": ...} as JSON.',
    )
    expect(() => control.edit?.({ id: '18x999', fields: {} })).toThrow()
    expect(() => control.setGroupMembers?.({ name: 'Nobody', members: [] })).toThrow(
      'There is no group named Nobody; use addGroup first.',
    )
    expect(() => control.setUser?.({ username: 'alice', zone: 'Rome' })).toThrow('use one such as Europe/Rome')
  })

  it('empty the CRM at once, or bring back the seed with the added people', async () => {
    await create()
    control.addUser?.({ username: 'late' })
    control.emptyAll?.({})
    expect(control.state?.({})).toMatchObject({ records: { Events: 0 }, writes: { create: 1 } })
    control.reset?.({})
    expect(control.state?.({})).toMatchObject({ writes: { create: 0 } })
    expect(sim.users.map(({ username, id }) => `${username} ${id}`).slice(4)).toEqual(['user1 19x8'])
    expect(sim.groups.map(({ name, id }) => `${name} ${id}`)).toEqual(['Sales 22x7', 'Support 22x9'])
  })
})
