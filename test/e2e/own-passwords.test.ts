import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation, Service } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { until } from './support/process.ts'
import { addressOf, startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

describe.each([
  ['Basic over TLS', ['--tls'], { auth: 'basic' }],
  ['NTLM over TLS with Extended Protection required', ['--tls', '--ews-auth', 'ntlm', '--epa', 'require'], { auth: 'ntlm' }],
] as const)('a service to which everybody gave his own password, %s', (_name, flags, signIn) => {
  let simulators: Simulators
  let office: Installation
  let service: Service

  beforeAll(async () => {
    simulators = await startSimulators(...flags)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators)
    configure()
    service = await office.start()
    await until('all three are listened to', async () => (await connected()) === 3, 20_000)
  })
  afterEach(() => office.close())

  const configure = (passwords: Readonly<Record<string, string>> = {}) => {
    const { exchange: [connection], users } = usualConfig(simulators)
    const { username: _service, password: _secret, ...open } = connection ?? {}
    office.configure({
      exchange: [{ ...open, ...signIn, ca: simulators.json.ews.ca, impersonation: false }],
      users: users.map((user) => ({ ...user, username: user.crm === 'bob' ? 'EXAMPLE\\bob' : user.mailbox, password: passwords[user.crm] ?? `${user.crm}-password` })),
    })
  }
  const connected = async () => ((await (await fetch(`${service.url}/readyz`)).json()) as any).mailboxes?.connected
  const attempts = async () => ((await simulators.control('ews/signIns')) as { user: string; verdict: string }[])
  const refused = async () => (await attempts()).filter(({ verdict }) => verdict !== 'ok')

  it('hears of changes over a stream for each, and is never refused', async () => {
    expect((await simulators.control('ews/state')).openStreams).toBe(3)
    await simulators.putItem('bob', 'calendar', meeting('Made in Outlook'))
    await until('it is in the CRM', async () => (await simulators.record('Events', 'Made in Outlook')) !== undefined)
    await simulators.putRecord('carol', 'Events', visit('Made in the CRM'))
    await until('it is in Outlook', async () => (await simulators.item('carol', 'Made in the CRM')) !== undefined)
    expect(await refused()).toEqual([])
  })

  it('follows a new password as soon as the configuration says it, with few refusals before', async () => {
    const before = (await refused()).length
    await simulators.control('ews/setPassword', { address: addressOf('alice'), password: 'another-password' })
    await simulators.control('ews/closeConnections')
    await until('the refusal is told', async () => (await office.run('status', '--json')).json.lanes.some(({ error }: any) => error?.code === 'EWS_UNAUTHORIZED') || (await refused()).length > before, 20_000)
    configure({ alice: 'another-password' })
    service.kill('SIGHUP')
    await until('all three are listened to', async () => (await connected()) === 3, 30_000)
    await simulators.putItem('alice', 'calendar', meeting('With the new one'))
    await until('it is in the CRM', async () => (await simulators.record('Events', 'With the new one')) !== undefined)
    // Call and stream were on their way together; whoever came later did not try.
    expect((await refused()).length - before).toBeLessThanOrEqual(2)
    await simulators.control('ews/setPassword', { address: addressOf('alice'), password: 'alice-password' })
  })

  it('tries a wrong password once, for calls and notifications together', async () => {
    const before = (await refused()).length
    configure({ carol: 'wrong' })
    service.kill('SIGHUP')
    await until('the refusal is told', async () => (await office.run('status', '--json')).json.lanes.some(({ error }: any) => error?.code === 'EWS_UNAUTHORIZED'), 30_000)
    await until('the others are listened to', async () => (await connected()) === 2, 30_000)
    for (const name of ['One', 'Two', 'Three']) {
      await simulators.putRecord('carol', 'Events', visit(name))
      await simulators.putItem('bob', 'calendar', meeting(`${name} of bob`))
      await until('the others go on', async () => (await simulators.record('Events', `${name} of bob`)) !== undefined, 20_000)
    }
    const tried = (await refused()).slice(before).map(({ user }) => user.toLowerCase().replace('@example.test', ''))
    expect(new Set(tried)).toEqual(new Set(['carol']))
    // Unless somebody else's sign-in has shown it, NTLM cannot tell a wrong password from a channel binding that the server does not take.
    expect(tried.length).toBeLessThanOrEqual(signIn.auth === 'ntlm' ? 2 : 1)
  })
})
