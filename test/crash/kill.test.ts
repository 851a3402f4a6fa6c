import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { day, install } from '../e2e/support/installation.ts'
import type { Installation } from '../e2e/support/installation.ts'
import { isAlive, postmasterOf, until } from '../e2e/support/process.ts'
import { startSimulators } from '../e2e/support/simulators.ts'
import type { Simulators } from '../e2e/support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
  // With a PostgreSQL of its own, which outlives the killed process and is found again by the next one.
  office = await install(simulators, { embedded: true, config: { users: [{ crm: 'alice', mailbox: 'alice@example.test' }] } })
})
afterAll(async () => {
  await office.close()
  await simulators.stop()
})

async function fill(round: string, eachWay: number): Promise<string[]> {
  const names: string[] = []
  for (let n = 0; n < eachWay; n++) {
    const [date, hour] = [day(1 + Math.floor(n / 8)), String(8 + (n % 8)).padStart(2, '0')]
    names.push(`${round} Outlook ${n}`, `${round} CRM ${n}`)
    await simulators.putItem('alice', 'calendar', { Subject: `${round} Outlook ${n}`, Start: `${date}T${hour}:00:00Z`, End: `${date}T${hour}:30:00Z` })
    await simulators.putRecord('alice', 'Events', { subject: `${round} CRM ${n}`, date_start: date, time_start: `${hour}:00`, due_date: date, time_end: `${hour}:30` })
  }
  return names.toSorted()
}

async function expectComplete(names: readonly string[]): Promise<void> {
  const last = await office.trySync()
  expect(last.json, `${last.stdout}${last.stderr}`).toMatchObject({ ok: true, failed: 0, held: 0, conflicts: 0, mails: 0 })
  // Sorted and compared whole: what is there twice is found as surely as what is missing.
  expect((await simulators.items('alice', 'calendar')).map(({ fields }) => fields['Subject']).toSorted()).toEqual(names)
  expect((await simulators.records('Events')).map(({ subject }) => subject).toSorted()).toEqual(names)
  await office.settled()
  const { entries } = (await office.run('journal', '--json', '--limit', '5000')).json
  expect(entries.filter(({ state }: { state: string }) => state === 'open')).toEqual([])
}

async function killWhen(isTime: () => Promise<boolean> | boolean): Promise<boolean> {
  const running = office.launch('sync', '--once', '--json')
  let ended = false
  void running.ended.then(() => { ended = true })
  await until('the moment to kill comes', async () => ended || (await isTime()), 30_000)
  const inTime = !ended
  running.kill('SIGKILL')
  await running.ended
  return inTime
}

async function slowDown(ms: number): Promise<void> {
  for (const operation of ['CreateItem', 'SyncFolderItems', 'UpdateItem']) await simulators.control('ews/faults', { operation, effect: { type: 'delay', ms } })
  for (const operation of ['create', 'revise', 'vtesync.get_changes']) await simulators.control('vtenext/faults', { operation, effect: { type: 'delay', ms: ms / 5 } })
}

async function atFullSpeed(): Promise<void> {
  await simulators.control('ews/clearFaults')
  await simulators.control('vtenext/clearFaults')
}

describe('a sync that is killed with -9', () => {
  it('at any moment is finished by the next ones, with nothing missing and nothing twice', async () => {
    const names = await fill('Any moment', 60)
    await slowDown(200)
    let killed = 0
    for (let afterMs = 400; killed < 12 && afterMs <= 400 + 12 * 150; afterMs += 150) {
      const startedMs = performance.now()
      if (await killWhen(() => performance.now() - startedMs > afterMs)) killed += 1
    }
    expect(killed).toBeGreaterThanOrEqual(6)
    await atFullSpeed()
    await expectComplete(names)
  })

  it('just when a server has carried out a create makes nothing twice', async () => {
    const before = (await simulators.items('alice', 'calendar')).map(({ fields }) => String(fields['Subject']))
    const names = [...before, ...(await fill('At the create', 12))].toSorted()
    // The answer gets lost as well: the connector never hears of the first ones.
    await simulators.control('ews/faults', { operation: 'CreateItem', times: 1, effect: { type: 'drop-after' } })
    await simulators.control('vtenext/faults', { operation: 'create', times: 1, effect: { type: 'drop-after' } })
    for (const side of ['exchange', 'crm', 'exchange', 'crm'] as const) {
      const { created } = (await simulators.writes())[side]
      await killWhen(async () => (await simulators.writes())[side].created > created)
    }
    await atFullSpeed()
    await expectComplete(names)
  })

  it('leaves no PostgreSQL behind once a sync ends well', async () => {
    const running = office.launch('sync', '--once', '--json')
    let postmaster: number | null = null
    await until('its PostgreSQL runs', () => (postmaster = postmasterOf(office.folder)) !== null)
    expect((await running.ended).code).toBe(0)
    await until('its PostgreSQL has ended', () => postmaster !== null && !isAlive(postmaster))
  })
})
