import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, startCloudSimulators } from './support/cloud.ts'
import type { CloudItem, CloudSimulators } from './support/cloud.ts'
import { day, install } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { visit } from './support/people.ts'

let simulators: CloudSimulators
let office: Installation

beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())
beforeEach(async () => {
  await simulators.clear()
  office = await install(simulators, { config: { exchange: [cloudConnection(simulators)] } })
})
afterEach(() => office.close())

const subjects = (items: readonly CloudItem[]) => items.map((item) => item['subject'] as string).toSorted()

describe('a company whose mailboxes are in Microsoft 365', () => {
  it('leaves a meeting with guests to Outlook: nobody is mailed, and the reason is told', async () => {
    const attendees = [{ emailAddress: { address: 'guest@elsewhere.example', name: 'Guest' }, type: 'required' }]
    await simulators.cloudEvent('alice', 'With guests', { attendees })
    const mails = await simulators.mails()
    await office.sync()
    const record = await simulators.record('Events', 'With guests')
    await simulators.editRecord('alice', record?.['id'] ?? '', { subject: 'Renamed in the CRM' })
    expect(await office.sync()).toMatchObject({ exchange: { updated: 0 }, crm: { updated: 0 }, skippedBy: { 'only-in-outlook': 1 }, errors: [] })
    expect((await office.run('status', '--item', record?.['id'] ?? '')).stdout).toContain('can only be changed in Outlook')
    // Nobody reverts it, and it is no trouble that comes back with every run.
    expect(await office.sync()).toMatchObject({ exchange: { updated: 0 }, crm: { updated: 0 }, failed: 0 })
    expect(await simulators.record('Events', 'Renamed in the CRM')).toBeDefined()
    const admin = await simulators.crmClient('admin')
    await admin.result('POST', 'delete', { id: record?.['id'] ?? '' })
    await office.trySync()
    expect(subjects(await simulators.cloudEvents('alice'))).toEqual(['With guests'])
    expect(await simulators.mails()).toBe(mails)
  })

  it('works on with events and contacts where the tenant gave no right to tasks', async () => {
    office.configure({ exchange: [cloudConnection(simulators, { tasks: false })] })
    await simulators.putRecord('alice', 'Events', visit('Visit'))
    await simulators.putRecord('alice', 'Calendar', { subject: 'Task', date_start: day(1) })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 }, skipped: 1, skippedBy: { 'no-place': 1 } })
    await office.settled()
    office.configure({ exchange: [cloudConnection(simulators, { tasks: true })] })
    await simulators.editRecord('alice', (await simulators.record('Calendar', 'Task'))?.['id'] ?? '', { subject: 'Task now' })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
    expect(await simulators.cloudTasks('alice')).toMatchObject([{ title: 'Task now' }])
  })

  it('comes through a cloud that asks for patience and gives up half-way', async () => {
    for (let count = 0; count < 25; count += 1) await simulators.putRecord('alice', 'Events', visit(`n${count}`, { date_start: day(count + 1), due_date: day(count + 1) }))
    await simulators.control('graph/throttle', { operation: 'createEvent', times: 4, seconds: 1 })
    await simulators.control('graph/faults', { operation: 'createEvent', skip: 8, times: 2, effect: { type: 'status-after', status: 504 } })
    await office.trySync()
    const ran = await office.trySync()
    expect(ran.json).toMatchObject({ ok: true })
    expect(await simulators.cloudEvents('alice')).toHaveLength(25)
    await office.settled()
  })

  it('is told what is wrong when the secret has expired, and nothing is lost by it', async () => {
    await simulators.cloudEvent('alice', 'a')
    office.configure({ exchange: [cloudConnection(simulators, { clientSecret: 'wrong' })] })
    const ran = await office.trySync()
    expect(ran.code).toBe(1)
    expect(ran.json.errors[0]).toMatchObject({ code: 'GRAPH_CLIENT', message: expect.stringContaining('take its value, not its id') })
    office.configure({ exchange: [cloudConnection(simulators)] })
    expect(await office.sync()).toMatchObject({ crm: { created: 1 } })
  })
})
