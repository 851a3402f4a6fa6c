import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation, Service } from './support/installation.ts'
import { meeting } from './support/people.ts'
import { until } from './support/process.ts'
import { addressOf, startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

const NEWCOMERS = 12
const ITEMS = 120
/** Two seconds at the promised pace are two thousand; the first readings of all others must not come in between. */
const MOST = 400

let simulators: Simulators
let office: Installation
let service: Service
beforeAll(async () => {
  simulators = await startSimulators('--mailboxes', String(NEWCOMERS), '--items', String(ITEMS))
})
afterEach(() => office.close())
afterAll(() => simulators.stop())

const users = (...names: string[]) => names.map((name) => ({ crm: name, mailbox: addressOf(name) }))
const isListened = async (count: number) => ((await (await fetch(`${service.url}/readyz`)).json()) as any).mailboxes?.connected === count

/** How many records of others come into being between an edit in Outlook and its own record. */
async function overtaken(name: string): Promise<number> {
  const before = (await simulators.records('Events')).length
  await simulators.putItem('alice', 'calendar', meeting(name))
  let records = await simulators.records('Events')
  await until(`"${name}" is in the CRM`, async () => (records = await simulators.records('Events')).some((record) => record['subject'] === name), 60_000)
  return records.length - before - 1
}

describe('the first sync of many mailboxes', () => {
  it('lets live changes of another in between', async () => {
    office = await install(simulators, { config: { users: users('alice'), groups: [] } })
    service = await office.start()
    await until('alice is listened to', () => isListened(1), 30_000)
    await overtaken('When all is calm')
    office.configure({ ...usualConfig(simulators), users: users('alice', ...Array.from({ length: NEWCOMERS }, (_, at) => `user${at + 1}`)), groups: [] })
    service.kill('SIGHUP')
    const read = async () => (await simulators.records('Events')).length
    await until('the newcomers are read', async () => (await read()) > ITEMS && (await isListened(NEWCOMERS + 1)), 60_000)
    const busy: number[] = []
    while ((await read()) < (NEWCOMERS - 2) * ITEMS) busy.push(await overtaken(`Busy ${busy.length}`))
    expect(busy.length, 'changes made while newcomers were read').toBeGreaterThan(0)
    // Counted, not timed: a machine that has other things to do is slow with everything. A thousand records take a second.
    expect(Math.max(...busy), `records of others that came first: ${busy.join(', ')}`).toBeLessThan(MOST)
  })
})
