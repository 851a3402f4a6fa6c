import { existsSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf } from './support/people.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

describe.each([
  ['Basic over TLS', ['--tls'], { auth: 'basic' }],
  ['NTLM over TLS with Extended Protection required', ['--tls', '--ews-auth', 'ntlm', '--epa', 'require'], { auth: 'ntlm' }],
  ['NTLM without channel binding where Extended Protection is off', ['--tls', '--ews-auth', 'ntlm', '--epa', 'none'], { auth: 'ntlm', channelBinding: 'off' }],
] as const)('%s', (_name, flags, signIn) => {
  let simulators: Simulators
  let office: Installation

  beforeAll(async () => {
    simulators = await startSimulators(...flags)
  })
  afterAll(() => simulators.stop())
  beforeEach(async () => {
    await simulators.clear()
    office = await install(simulators)
    await simulators.putItem('alice', 'calendar', meeting('Of alice'))
    await simulators.putItem('bob', 'calendar', meeting('Of bob'))
  })
  afterEach(() => office.close())

  const subjects = async () => subjectsOf(await simulators.records('Events'))
  const ca = () => {
    const path = simulators.json.ews.ca
    expect(path !== undefined && existsSync(path)).toBe(true)
    return path
  }

  it('brings both sides in step with a service account', async () => {
    const [connection] = usualConfig(simulators).exchange
    office.configure({ exchange: [{ ...connection, ...signIn, ca: ca() }] })
    await office.sync()
    expect(await subjects()).toEqual(['Of alice', 'Of bob'])
    await office.settled()
  })

  it('brings both sides in step with everybody\'s own password, as DOMAIN\\user or as address', async () => {
    const { exchange: [connection], users } = usualConfig(simulators)
    const { username: _service, password: _secret, ...open } = connection ?? {}
    office.configure({
      exchange: [{ ...open, ...signIn, ca: ca(), impersonation: false }],
      users: users.map((user) => ({ ...user, username: user.crm === 'bob' ? 'EXAMPLE\\bob' : user.mailbox, password: `${user.crm}-password` })),
    })
    await office.sync()
    expect(await subjects()).toEqual(['Of alice', 'Of bob'])
    await office.settled()
    const doctor = await office.run('doctor', '--json')
    expect(doctor.json.ok, doctor.stdout).toBe(true)
    expect((await simulators.control('ews/signIns')).filter(({ verdict }: any) => verdict !== 'ok')).toEqual([])
  })

  it('finds the servers by itself where only the Autodiscover service is named', async () => {
    const { url: _url, ...connection } = usualConfig(simulators).exchange[0] ?? {}
    office.configure({ exchange: [{ ...connection, ...signIn, ca: ca(), autodiscover: simulators.json.ews.autodiscover }] })
    await office.sync()
    expect(await subjects()).toEqual(['Of alice', 'Of bob'])
    await office.settled()
  })

  it('does not go on without the CA', async () => {
    const [connection] = usualConfig(simulators).exchange
    office.configure({ exchange: [{ ...connection, ...signIn }] })
    const ran = await office.trySync()
    expect(ran.code).toBe(1)
    expect(ran.json.errors[0]).toMatchObject({ code: 'EWS_TLS', message: expect.stringContaining('"ca"') })
    expect(await subjects()).toEqual([])
  })
})
