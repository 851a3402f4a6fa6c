import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, NOTHING, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, subjectsOf, visit } from './support/people.ts'
import { run } from './support/process.ts'
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
/** What went wrong, as JSON and as people read it: told once, without a stack. */
function told(ran: Ran): string {
  expect(ran.stderr).not.toMatch(/\n\s+at /)
  if (ran.json?.error !== undefined) return ran.json.error.message
  expect(ran.json.errors).toHaveLength(1)
  return ran.json.errors[0].message
}

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

describe('an answer that is', () => {
  const CASES = [
    ['half', 'ews', 'SyncFolderItems', { type: 'half' }], ['half', 'ews', 'CreateItem', { type: 'half' }], ['an empty 500', 'ews', 'GetItem', { type: 'status', status: 500 }],
    ['half', 'vtenext', 'vtesync.get_changes', { type: 'half' }], ['an empty 500', 'vtenext', 'create', { type: 'status', status: 500 }],
    ['an empty 500 although the work was done', 'vtenext', 'create', { type: 'status-after', status: 500 }], ['a login page', 'vtenext', 'create', { type: 'status', status: 200, body: '<html>Please log in</html>' }],
  ] as const

  it('half, empty or something else loses nothing and makes nothing twice', async () => {
    await simulators.putRecord('carol', 'Events', visit('Of carol'))
    for (const [, server, operation, effect] of CASES) await simulators.control(`${server}/faults`, { operation, times: 1, effect })
    for (let turn = 0; turn < 4; turn++) {
      const ran = await office.trySync()
      expect(ran.stderr).not.toMatch(/\n\s+at /)
      expect([0, 1]).toContain(ran.code)
      for (const { message } of ran.json.errors) expect(message).toMatch(/(CRM|Exchange|mailbox|EWS|onprem)/i)
    }
    expect(await subjects()).toEqual(['Of alice', 'Of bob', 'Of carol'])
    expect(await simulators.items('carol', 'calendar')).toHaveLength(1)
    await office.settled()
  })
})

describe('a record that', () => {
  it('has an impossible date is named and hurts no other; corrected, it is synchronised', async () => {
    const id = await simulators.putRecord('carol', 'Events', visit('Impossible', { date_start: '0000-00-00', due_date: '0000-00-00' }))
    const ran = await office.trySync()
    expect(ran.code).toBe(1)
    expect(told(ran)).toMatch(new RegExp(`${id}.*0000-00-00.*Correct it in the CRM`))
    expect(await subjects()).toEqual(['Impossible', 'Of alice', 'Of bob'])
    expect((await office.run('status', '--item', id)).stdout).toMatch(/left alone/)
    // It was reported; until somebody touches it there is nothing to say again.
    await office.settled()
    const mended = visit('Impossible')
    await simulators.editRecord('carol', id, { date_start: mended.date_start, due_date: mended.due_date })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
  })

  it('belongs to somebody who does not exist goes nowhere, and home once it is given to a person', async () => {
    const admin = await simulators.crmClient('admin')
    await admin.error('POST', 'create', { elementType: 'Events', element: JSON.stringify({ ...visit('Orphan'), activitytype: 'Meeting', eventstatus: 'Planned', duration_hours: '1', assigned_user_id: '19x999' }) })
    const [orphan] = (await simulators.records('Events')).filter(({ subject }) => subject === 'Orphan')
    expect(orphan).toBeDefined()
    expect(await office.sync()).toMatchObject({ exchange: NOTHING, crm: { created: 2 } })
    await simulators.editRecord('admin', orphan?.['id'] ?? '', { assigned_user_id: await userId('carol') })
    expect(await office.sync()).toMatchObject({ exchange: { created: 1 } })
    expect(await simulators.item('carol', 'Orphan')).toBeDefined()
  })
})

async function userId(name: string): Promise<string> {
  const { users } = await simulators.control('vtenext/users')
  return users.find(({ username }: { username: string }) => username === name).id
}

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
