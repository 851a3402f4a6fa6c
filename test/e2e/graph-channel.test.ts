import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cloudConnection, hour, startCloudSimulators } from './support/cloud.ts'
import type { CloudSimulators } from './support/cloud.ts'
import { install } from './support/installation.ts'
import type { Installation, Service } from './support/installation.ts'
import { visit } from './support/people.ts'
import { until } from './support/process.ts'

let simulators: CloudSimulators
beforeAll(async () => {
  simulators = await startCloudSimulators()
})
afterAll(() => simulators.stop())

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const inCrm = (name: string, withinMs?: number) => until(`"${name}" is in the CRM`, async () => (await simulators.record('Events', name)) !== undefined, withinMs)
const mailboxes = async (service: Service) => ((await (await fetch(`${service.url}/readyz`)).json()) as { mailboxes: Record<string, number> }).mailboxes

describe('the service with a public address', () => {
  let office: Installation
  let service: Service
  beforeAll(async () => {
    const port = await freePort()
    const connection = cloudConnection(simulators, { publicUrl: `http://127.0.0.1:${port}`, pollSeconds: 300 })
    office = await install(simulators, { config: { exchange: [connection], http: { port } } })
    service = await office.start('--port', String(port))
    await until('it is told of changes', async () => (await mailboxes(service))['notifications'] === 3, 30_000)
  })
  afterAll(() => office.close())

  it('brings a change made in Outlook to the CRM within two seconds, and says how it was told and how long that takes', async () => {
    const took: number[] = []
    for (let turn = 0; turn < 5; turn += 1) {
      await simulators.cloudEvent('alice', `Made in Outlook ${turn}`)
      took.push(await inCrm(`Made in Outlook ${turn}`, 20_000))
    }
    expect(took.toSorted((left, right) => left - right)[2]).toBeLessThan(2000)
    const told = async () => ((await (await fetch(`${service.url}/readyz`)).json()) as { latency: { crm?: { p95: number } } }).latency.crm?.p95
    await until('its health tells how long that takes', async () => (await told() ?? Infinity) < 10_000, 30_000)
    expect(await mailboxes(service)).toMatchObject({ notifications: 3, polled: 0, connected: 3 })
    // Whoever asks on the command line hears the same.
    const status = await office.run('status')
    expect(status.stdout).toContain('cloud: 3 mailboxes by notifications, 0 by polls')
    expect(status.stdout).toMatch(/From Exchange to the CRM: half within \d+\.\d s, 95 of 100 within/)
    expect((await office.run('status', '--json')).json).toMatchObject({ followed: [{ connection: 'cloud', notifications: 3, polled: 0, trouble: null }], latency: { crm: { p95: expect.any(Number) } } })
  })

  it('brings a change made in the CRM to Outlook', async () => {
    await simulators.putRecord('bob', 'Events', visit('Made in the CRM'))
    await until('it is in Outlook', async () => (await simulators.cloudEvents('bob')).some(({ subject }) => subject === 'Made in the CRM'), 20_000)
  })

  it('subscribes again when the cloud has thrown its subscriptions away, and misses nothing', async () => {
    await simulators.control('graph/lifecycle', { address: 'alice@example.test', event: 'subscriptionRemoved' })
    await simulators.cloudEvent('alice', 'While nobody listened', hour(4, 9))
    await until('it subscribes again', async () => ((await simulators.control('graph/state')).subscriptions as number) > 0, 30_000)
    await simulators.cloudEvent('alice', 'Listening again', hour(5, 9))
    await inCrm('While nobody listened', 20_000)
    await inCrm('Listening again', 20_000)
  })

  it('answers the cloud\'s question with its own words, and strangers with nothing', async () => {
    const door = `${service.url}/notify/graph/cloud`
    const question = await fetch(`${door}?validationToken=${encodeURIComponent('Validation: <b>Testing</b> 1&2')}`, { method: 'POST' })
    expect([question.status, question.headers.get('content-type'), await question.text()]).toEqual([200, 'text/plain; charset=utf-8', 'Validation: <b>Testing</b> 1&2'])
    const post = async (body: string, at = door) => (await fetch(at, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status
    expect(await post('{"value":[{"clientState":"forged","subscriptionId":"x"}]}')).toBe(202)
    expect(await post('not json')).toBe(400)
    expect(await post('{}', `${service.url}/notify/graph/nobody`)).toBe(404)
  })
})

describe('the service whose public address Microsoft 365 cannot reach', () => {
  it('polls all the same, and status says so and why', async () => {
    await simulators.control('graph/removeSubscriptions')
    const connection = cloudConnection(simulators, { publicUrl: 'http://127.0.0.1:9', pollSeconds: 1 })
    const office = await install(simulators, { config: { exchange: [connection] } })
    try {
      const service = await office.start()
      await until('it is ready', async () => (await fetch(`${service.url}/readyz`)).ok, 30_000)
      await simulators.cloudEvent('carol', 'Polled all the same', hour(6, 9))
      await inCrm('Polled all the same', 30_000)
      expect(await mailboxes(service)).toMatchObject({ notifications: 0, polled: 3 })
      await until('status tells why', async () => (await office.run('status')).stdout.includes('! cloud: no notifications for now, mailboxes are polled: '), 30_000)
      const { stdout } = await office.run('status')
      expect(stdout).toContain('cloud: 0 mailboxes by notifications, 3 by polls')
      expect(stdout).toContain('validation')
    } finally {
      await office.close()
    }
  })
})

describe('the service without a public address', () => {
  it('polls, and says so', async () => {
    const office = await install(simulators, { config: { exchange: [cloudConnection(simulators, { pollSeconds: 1 })] } })
    try {
      const service = await office.start()
      await until('it is ready', async () => (await fetch(`${service.url}/readyz`)).ok, 30_000)
      await simulators.cloudEvent('carol', 'Polled', hour(6, 9))
      await inCrm('Polled', 30_000)
      expect(await mailboxes(service)).toMatchObject({ notifications: 0, polled: 3 })
    } finally {
      await office.close()
    }
  })
})

describe('doctor', () => {
  it('finds everything in place, and warns of what nobody wrote down', async () => {
    const office = await install(simulators, { config: { exchange: [cloudConnection(simulators)] } })
    try {
      const ran = await office.run('doctor', '--json')
      expect(ran.json, ran.stdout + ran.stderr).toMatchObject({ ok: true })
      expect(ran.json.checks.filter(({ ok }: { ok: boolean }) => !ok).map(({ name, of, level }: { name: string; of: string; level: string }) => [name, of, level])).toContainEqual(['client secret', 'cloud', 'warning'])
    } finally {
      await office.close()
    }
  })

  it('says what to do about a secret that has run out, a mailbox that may not be opened, and an owner who has to sign in', async () => {
    const office = await install(simulators, { config: { exchange: [cloudConnection(simulators, { clientSecret: 'wrong' })] } })
    try {
      expect((await office.run('doctor', '--json')).json.checks).toContainEqual(expect.objectContaining({ name: 'login', ok: false, detail: expect.stringContaining('take its value, not its id') }))
      const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10)
      office.configure({ exchange: [cloudConnection(simulators, { clientSecretExpires: soon })] })
      // Whoever does not run doctor hears of it, too.
      expect((await office.run('status')).stdout).toContain(`! cloud: The client secret ends on ${soon}, in 9 days. Make a new one`)
      expect((await office.run('status', '--json')).json.warnings).toEqual([{ connection: 'cloud', detail: expect.stringContaining(soon), cure: expect.stringContaining('Certificates & secrets') }])
      const service = await office.start()
      await until('its health tells of it', async () => ((await (await fetch(`${service.url}/readyz`)).json()) as { warnings?: string[] }).warnings?.[0]?.includes(soon) === true, 30_000)
      await service.stop()
      await simulators.control('graph/restrictApplication', { addresses: ['alice@example.test'] })
      const { checks } = (await office.run('doctor', '--json')).json
      expect(checks).toContainEqual(expect.objectContaining({ name: 'client secret', level: 'warning', detail: expect.stringContaining(soon) }))
      const denied = checks.find(({ name, of }: { name: string; of: string }) => name === 'access' && of === 'bob@example.test')
      expect(denied).toMatchObject({ ok: false, level: 'error' })
      const commands = [
        `New-ServicePrincipal -AppId ${simulators.graph.clientId} -ObjectId`, 'New-ManagementScope -Name "CRM mailboxes"', '-Role "Application Calendars.ReadWrite" -CustomResourceScope "CRM mailboxes"',
        '-Role "Application Contacts.ReadWrite"', `Test-ServicePrincipalAuthorization -Identity ${simulators.graph.clientId} -Resource bob@example.test`,
      ]
      for (const command of commands) expect(denied.cure).toContain(command)
      // alice's opens, but so would everybody's: that is said before anything happens.
      expect(checks).toContainEqual(expect.objectContaining({ name: 'scope', of: 'alice@example.test', level: 'warning', detail: expect.stringContaining('every mailbox of the tenant'), cure: expect.stringContaining('New-ManagementScope') }))
      await simulators.control('graph/restrictApplication', { addresses: null })
      office.configure({ exchange: [cloudConnection(simulators, { access: 'delegated' })] })
      expect((await office.run('doctor', '--json')).json.checks).toContainEqual(expect.objectContaining({ name: 'login', of: 'alice@example.test', ok: false, cure: expect.stringContaining('sign in') }))
    } finally {
      await simulators.control('graph/restrictApplication', { addresses: null })
      await office.close()
    }
  })
})
