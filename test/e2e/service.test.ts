import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { day, install, usualConfig } from './support/installation.ts'
import type { Installation, Service } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { isAlive, postmasterOf, until } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation
let service: Service

// One service with the connector's own PostgreSQL works through the whole file, as it does in an office.
beforeAll(async () => {
  simulators = await startSimulators()
  office = await install(simulators, { embedded: true, config: { policy: { conflict: 'ask', deletionGraceSeconds: 1 } } })
  service = await office.start('--verbose')
  await until('it is ready', async () => (await fetch(`${service.url}/readyz`)).ok)
})
afterAll(async () => {
  await office.close()
  await simulators.stop()
})
beforeEach(async () => {
  await simulators.control('ews/clearFaults')
  await simulators.control('vtenext/clearFaults')
})

let made = 0
const subject = (words: string) => `${words} ${(made += 1)}`
const inCrm = (name: string, withinMs?: number) => until(`"${name}" is in the CRM`, async () => (await simulators.record('Events', name)) !== undefined, withinMs)
const inOutlook = (who: string, name: string, withinMs?: number) => until(`"${name}" is in Outlook`, async () => (await simulators.item(who, name)) !== undefined, withinMs)
const median = (values: readonly number[]) => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

describe('the service', () => {
  it('brings a change made in Outlook to the CRM within two seconds', async () => {
    const took: number[] = []
    for (let turn = 0; turn < 5; turn++) {
      const name = subject('Made in Outlook')
      await simulators.putItem('alice', 'calendar', meeting(name))
      took.push(await inCrm(name))
    }
    expect(median(took)).toBeLessThan(2000)
  })

  it('brings a change made in the CRM to Outlook within the poll and a second', async () => {
    const took: number[] = []
    for (let turn = 0; turn < 5; turn++) {
      const name = subject('Made in the CRM')
      await simulators.putRecord('bob', 'Events', visit(name))
      took.push(await inOutlook('bob', name))
    }
    expect(median(took)).toBeLessThan(2000)
  })

  it('goes on when subscriptions are killed and streams are dropped', async () => {
    await simulators.control('ews/killSubscriptions')
    await simulators.control('ews/faults', { operation: 'GetStreamingEvents', times: 2, effect: { type: 'drop-before' } })
    const name = subject('After the kill')
    await simulators.putItem('alice', 'calendar', meeting(name))
    await inCrm(name, 15_000)
    await until('it listens again', async () => (await simulators.control('ews/state')).openStreams > 0, 15_000)
    const next = subject('Listening again')
    await simulators.putItem('alice', 'calendar', meeting(next))
    expect(await inCrm(next, 15_000)).toBeLessThan(10_000)
  })

  it('heals by itself when the CRM, and then Exchange, was down', async () => {
    await simulators.control('vtenext/faults', { effect: { type: 'drop-before' } })
    const first = subject('While the CRM is down')
    await simulators.putItem('alice', 'calendar', meeting(first))
    await until('it says that it is not ready', async () => (await fetch(`${service.url}/readyz`)).status === 503)
    const health = (await (await fetch(`${service.url}/readyz`)).json()) as any
    expect(health).toMatchObject({ ok: false, crm: { state: 'failing', error: 'CRM_UNREACHABLE' } })
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    await simulators.control('vtenext/clearFaults')
    await inCrm(first, 20_000)

    await simulators.control('ews/faults', { effect: { type: 'drop-before' } })
    const second = subject('While Exchange is down')
    await simulators.putRecord('bob', 'Events', visit(second))
    await until('its mailboxes fail', async () => ((await (await fetch(`${service.url}/readyz`)).json()) as any).mailboxes.failing > 0, 20_000)
    await simulators.control('ews/clearFaults')
    await inOutlook('bob', second, 30_000)
    await until('it is ready again', async () => (await fetch(`${service.url}/readyz`)).ok, 20_000)
  })

  it('carries out what people decide about held deletions on the command line while it runs', async () => {
    const names = Array.from({ length: 12 }, () => subject('To be held'))
    // Made in Outlook: what the connector made itself a moment ago, Exchange does not report as gone before it was pulled.
    for (const [at, name] of names.entries()) await simulators.putItem('carol', 'calendar', meeting(name, { Start: `${day(10 + at)}T09:00:00Z`, End: `${day(10 + at)}T10:00:00Z` }))
    for (const name of names) await inCrm(name)
    const isOne = (name: unknown) => String(name).startsWith('To be held')
    // The run that made the records has to be over: what it still looks at when the mailbox is emptied, it finds gone one by one.
    const isMarked = async () => (await simulators.items('carol', 'calendar')).filter(({ fields, extended }) => isOne(fields['Subject']) && Object.values(extended ?? {}).length > 0).length === names.length
    await until('both sides know each other', isMarked, 60_000)
    const lastRun = async () => (await office.run('status', '--json')).json.lanes.find(({ mailbox }: { mailbox: string }) => mailbox === 'carol@example.test').waiting === 0
    await until('nothing waits', lastRun, 60_000)
    // In one moment: what is deleted bit by bit is no accident of a server.
    await simulators.control('ews/emptyMailbox', { address: 'carol@example.test' })
    await until('deletions are held', async () => (await office.run('held', '--json')).json.held.length === 12, 60_000)
    expect((await simulators.records('Events')).filter(({ subject: name }) => isOne(name))).toHaveLength(12)
    expect((await office.run('held', '--decide', 'all', '--as', 'apply')).code).toBe(0)
    await until('they are carried out', async () => (await simulators.records('Events')).every(({ subject: name }) => !isOne(name)), 60_000)
    expect((await office.run('held', '--json')).json.held).toEqual([])
  })

  it('asks about a field that was changed on both sides, and writes what was decided', async () => {
    const name = subject('Clash')
    const { id } = await simulators.putItem('alice', 'calendar', meeting(name))
    await inCrm(name)
    await until('both sides know each other', async () => Object.values((await simulators.item('alice', name))?.extended ?? {}).length > 0)
    await simulators.control('ews/loseEvents', { on: true })
    await simulators.editItem('alice', id, { Location: 'from Outlook' })
    await simulators.control('ews/loseEvents', { on: false })
    await simulators.editRecord('alice', (await simulators.record('Events', name))?.['id'] ?? '', { location: 'from the CRM' })
    let conflicts: any[] = []
    await until('the conflict is listed', async () => (conflicts = (await office.run('conflicts', '--json')).json.conflicts).length > 0, 20_000)
    expect(conflicts).toEqual([expect.objectContaining({ field: 'place', exchange: 'from Outlook', crm: 'from the CRM', winner: null })])
    expect((await office.run('conflicts', '--decide', conflicts[0].id, '--take', 'exchange')).code).toBe(0)
    await until('the decision is in the CRM', async () => (await simulators.record('Events', name))?.['location'] === 'from Outlook', 20_000)
  })

  it('shares its work with a sync beside it: nothing is made twice', async () => {
    const names = Array.from({ length: 10 }, () => [subject('Beside'), subject('Beside')] as const)
    const syncs = [office.trySync(), office.trySync()]
    for (const [outlook, crm] of names) {
      await simulators.putItem('alice', 'calendar', meeting(outlook))
      await simulators.putRecord('bob', 'Events', visit(crm))
    }
    for (const { json } of await Promise.all(syncs)) expect(json).toMatchObject({ ok: true, failed: 0 })
    for (const [outlook, crm] of names) {
      await inCrm(outlook)
      await inOutlook('bob', crm)
    }
    await office.settled()
    const all = (await simulators.records('Events')).map(({ subject: name }) => name)
    expect(all.length).toBe(new Set(all).size)
  })

  it('writes neither secrets nor addresses nor subjects into its log, also at the most talkative level', async () => {
    // The message of a refusal names the mailbox, for whoever reads `status`; the log has the lane.
    await simulators.control('ews/faults', { operation: 'SyncFolderItems', subject: 'alice@example.test', times: 1, effect: { type: 'error', code: 'ErrorAccessDenied' } })
    await simulators.putItem('alice', 'calendar', meeting(subject('Refused')))
    await until('the refusal is in the log', () => service.stdout().includes('EWS_ACCESS_DENIED'))
    const log = service.stdout() + service.stderr()
    expect(log).toContain('"lane":"mb-')
    const { crm, exchange: [connection] } = usualConfig(simulators)
    const secrets = [connection?.password, crm.accessKey, 'Made in Outlook', 'Made in the CRM', 'To be held', '@example.test']
    for (const secret of secrets) expect(log.split('\n').filter((line) => line.includes(secret ?? 'nothing')).slice(0, 3)).toEqual([])
  })

  it('ends within five seconds of SIGTERM with exit code 0, and its PostgreSQL with it', async () => {
    const postmaster = postmasterOf(office.folder)
    expect(postmaster).not.toBeNull()
    const startedMs = performance.now()
    const { code } = await service.stop()
    expect([code, performance.now() - startedMs < 5000]).toEqual([0, true])
    await until('its PostgreSQL has ended', () => !isAlive(postmaster ?? 0), 3000)
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow()
  })
})

describe('a service that is started again', () => {
  it('brings what was made and edited in the CRM while it was stopped, also when the CRM is slow to tell its users', async () => {
    const [known, fresh] = [subject('Before the stop'), subject('While stopped')]
    await simulators.putRecord('bob', 'Events', visit(known))
    await office.sync()
    await simulators.editRecord('bob', (await simulators.record('Events', known))?.['id'] ?? '', { location: 'Edited while stopped' })
    await simulators.putRecord('bob', 'Events', visit(fresh))
    await simulators.control('vtenext/faults', { operation: 'query', effect: { type: 'delay', ms: 800 } })
    service = await office.start()
    await inOutlook('bob', fresh, 20_000)
    await until('the edit is in Outlook', async () => (await simulators.item('bob', known))?.fields['Location'] === 'Edited while stopped', 20_000)
    expect((await service.stop()).code).toBe(0)
  })

  it('waits for a CRM that is down, and asks it at once when it calls POST /notify/crm, however seldom it polls', async () => {
    office.configure({ crm: { ...usualConfig(simulators).crm, pollSeconds: 60 } })
    await simulators.control('vtenext/faults', { effect: { type: 'drop-before' } })
    service = await office.start()
    await until('it has noticed', () => service.stdout().includes('CRM_UNREACHABLE'))
    await until('it says that it is not ready', async () => (await fetch(`${service.url}/readyz`)).status === 503)
    await simulators.control('vtenext/clearFaults')
    await until('it is ready', async () => (await fetch(`${service.url}/readyz`)).ok, 30_000)

    const name = subject('With a call')
    await simulators.putRecord('bob', 'Events', visit(name))
    expect((await fetch(`${service.url}/notify/crm`, { method: 'POST' })).status).toBe(202)
    expect(await inOutlook('bob', name)).toBeLessThan(5000)
    expect((await service.stop()).code).toBe(0)
  })
})
