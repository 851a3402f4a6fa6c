import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf } from './support/people.ts'
import { run, told } from './support/process.ts'
import type { Ran } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
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

async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

/** With the trouble: exit 1 and one message. Without it: everything is there, once. */
async function healsAfter(ran: Ran, mend: () => unknown): Promise<void> {
  expect(ran.code).toBe(1)
  await mend()
  await office.sync()
  expect(await subjects()).toEqual(['Of alice', 'Of bob'])
}

describe('a sync that cannot reach or sign in to', () => {
  it('the CRM names the server and the cure, touches nothing, and works when it is back', async () => {
    const { crm } = usualConfig(simulators)
    office.configure({ crm: { ...crm, url: `${await nowhere()}/webservice.php` } })
    const ran = await office.trySync()
    expect(told(ran)).toBe('The CRM did not answer "getchallenge" (ECONNREFUSED). Check that crm.url is right and the web server runs; the connector tries again by itself.')
    await healsAfter(ran, () => office.configure({}))
  })

  it('the CRM with its access key says whose key, and where to find the right one', async () => {
    office.configure({ crm: { ...usualConfig(simulators).crm, accessKey: 'wrong' } })
    const ran = await office.trySync()
    expect(told(ran)).toBe('The CRM refused the login of user "admin" (INVALID_USER_CREDENTIALS). Check crm.username and crm.accessKey: the key is in the user\'s preferences and changes with the password.')
    await healsAfter(ran, () => office.configure({}))
  })

  it('Exchange says so once, not once for every mailbox', async () => {
    const [connection] = usualConfig(simulators).exchange
    office.configure({ exchange: [{ ...connection, url: `${await nowhere()}/EWS/Exchange.asmx` }] })
    const ran = await office.trySync()
    expect(new Set(ran.json.errors.map(({ message }: any) => message)).size).toBe(1)
    const human = await office.run('sync', '--once')
    expect(human.stdout.match(/^! /gm)).toHaveLength(1)
    expect(human.stdout).toMatch(/^! http:.*Exchange\.asmx cannot be reached \(ECONNREFUSED\)\. .*\(3 mailboxes\)$/m)
    await healsAfter(ran, () => office.configure({}))
  })

  it('one mailbox whose address is unknown leaves the others in peace', async () => {
    const { users } = usualConfig(simulators)
    office.configure({ users: users.map((user) => (user.crm === 'bob' ? { crm: 'bob', mailbox: 'nobody@example.test' } : user)) })
    const ran = await office.trySync()
    expect(told(ran)).toContain('nobody@example.test')
    expect(await subjects()).toEqual(['Of alice'])
    await healsAfter(ran, () => office.configure({}))
  })

  it('one mailbox whose own password is wrong leaves the others in peace, where nobody impersonates', async () => {
    const { exchange: [connection], users } = usualConfig(simulators)
    const { username: _service, password: _secret, ...own } = connection ?? {}
    const withPasswords = (wrong?: string) => ({
      exchange: [{ ...own, impersonation: false }],
      users: users.map((user) => ({ ...user, username: user.mailbox, password: user.crm === wrong ? 'wrong' : `${user.crm}-password` })),
    })
    office.configure(withPasswords('bob'))
    const ran = await office.trySync()
    expect(told(ran)).toMatch(/bob@example\.test/)
    expect(told(ran)).not.toContain('wrong')
    expect(await subjects()).toEqual(['Of alice'])
    await healsAfter(ran, () => office.configure(withPasswords()))
  })
})

describe('a user of the configuration', () => {
  it.each([
    ['that the CRM does not know', { crm: 'nobody', mailbox: 'bob@example.test' }, () => undefined, 'nobody is not synchronised: the CRM has no user of that name. Correct "users" in the configuration, or the user in the CRM.'],
    ['that is inactive in the CRM', { crm: 'bob', mailbox: 'bob@example.test' }, () => simulators.control('vtenext/setUser', { username: 'bob', active: false }), 'bob is not synchronised: that CRM user is inactive. Correct "users" in the configuration, or the user in the CRM.'],
  ])('%s is named, and everybody else is synchronised', async (_what, bob, spoil, message) => {
    await spoil()
    const { users } = usualConfig(simulators)
    office.configure({ users: users.map((user) => (user.crm === 'bob' ? bob : user)) })
    const ran = await office.trySync()
    expect(told(ran)).toBe(message)
    expect(await subjects()).toEqual(['Of alice'])
    await healsAfter(ran, async () => {
      office.configure({})
      await simulators.control('vtenext/setUser', { username: 'bob', active: true })
    })
  })
})

describe('wrong use', () => {
  it('of the configuration is told with file, line and cure, and exit code 2', async () => {
    office.write('crm:\n  kind: vtenext\n  url: http://127.0.0.1/webservice.php\n  username: admin\n  accessKey: ${NOT_SET_ANYWHERE}\nexchange:\n  - { name: onprem, kind: ews, url: http://127.0.0.1/EWS/Exchange.asmx, impersonatoin: true }\n')
    const ran = await office.run('sync', '--once')
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain('line 5: crm.accessKey names the environment variable NOT_SET_ANYWHERE, which is not set')
    expect(ran.stderr).toContain('line 7: exchange.0 has the unknown key "impersonatoin"')
    const missing = await office.run('sync', '--once', '--json', '--config', 'elsewhere.yaml')
    expect([missing.code, missing.json.error.message]).toEqual([2, expect.stringMatching(/There is no configuration at .*elsewhere\.yaml\. Write one/)])
    office.write('crm:\n  kind: vtenext\n url: oops\n')
    expect((await office.run('plan')).stderr).toMatch(/connector\.yaml, line 3, column \d+: not valid YAML/)
  })

  it('of the command line is told with exit code 2', async () => {
    for (const args of [['sync'], ['sync', '--once', '--what'], ['frobnicate'], ['sync', '--once', '--parallel', 'many']]) {
      const ran = await office.run(...args)
      expect([args.join(' '), ran.code, ran.stdout]).toEqual([args.join(' '), 2, ''])
      expect(ran.stderr.split('\n')[0]).toMatch(/^error: /)
    }
  })

  it('of a port that is taken is told with exit code 2', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    const ran = await office.run('start', '--port', String(port))
    taken.close()
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain(`The panel cannot listen on 127.0.0.1:${port}`)
    expect(ran.stderr).toContain('--port 0')
  })

  it('of a database that cannot be reached names DATABASE_URL, not its password', async () => {
    const ran = await run(['sync', '--once', '--data', office.folder], { DATABASE_URL: 'postgres://connector:very-secret@127.0.0.1:1/connector' }, office.folder)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('DATABASE_URL')
    expect(ran.stderr).not.toContain('very-secret')
  })
})
