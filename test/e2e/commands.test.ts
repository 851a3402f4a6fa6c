import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { meeting, visit } from './support/people.ts'
import { launch, run, until } from './support/process.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

let simulators: Simulators
let office: Installation

beforeAll(async () => {
  simulators = await startSimulators()
  office = await install(simulators)
})
afterAll(async () => {
  await office.close()
  await simulators.stop()
})
beforeEach(() => office.configure({}))

const COMMANDS = ['demo', 'start', 'sync', 'plan', 'status', 'doctor', 'users', 'availability', 'sharing', 'journal', 'conflicts', 'held', 'simulate']

describe('help', () => {
  it('lists every command, and each has --help and --json', async () => {
    const all = await run(['--help'])
    expect(all.code).toBe(0)
    for (const command of COMMANDS) expect(all.stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    const each = await Promise.all(COMMANDS.map((command) => run([command, '--help'])))
    for (const [at, { code, stdout, stderr }] of each.entries()) {
      expect([COMMANDS[at], code, stderr]).toEqual([COMMANDS[at], 0, ''])
      expect(stdout).toContain('--json')
    }
  })

  it('a reader that goes away early, such as head, is no error', async () => {
    const running = launch(['--help'])
    running.child.stdout?.destroy()
    const { code, stderr } = await running.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('says which version this is', async () => {
    expect((await run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('demo', () => {
  it('tells a newcomer in words what happens and where to look, and shows no raw line of the log', async () => {
    const demo = launch(['demo'])
    // The deletions are held before the next thing that bob does arrives.
    await until('bob has cleared his calendar and gone on working', () => /bob deleted 12 events[^]*->[^]*->/.test(demo.stdout()), 60_000)
    demo.kill('SIGTERM')
    const { stdout, stderr } = await demo.ended
    expect(stderr).toBe('')
    expect(stdout.split('\n').filter((line) => line.startsWith('{'))).toEqual([])
    const [, url] = /^ {2}Open {6}(http\S+)$/m.exec(stdout) ?? []
    expect(stdout).toMatch(/^ {2}as {8}admin \/ admin-password /m)
    expect(stdout).toContain('user1 has changed his password')
    for (const page of ['conflicts', 'held']) expect(stdout).toContain(`Decide at ${url}/attention?tab=${page}`)
    expect(stdout).toMatch(/\d actions, \d+ not seen on the other side, 0 mails sent\.\n$/)
  })
})

interface Check {
  readonly name: string
  readonly of: string
  readonly ok: boolean
  readonly detail: string
  readonly cure: string
}

async function doctor(): Promise<{ code: number | null; ok: boolean; wrong: Check[]; checks: Check[] }> {
  const { code, json, stdout, stderr } = await office.run('doctor', '--json')
  expect(json, stdout + stderr).not.toBeNull()
  return { code, ok: json.ok, checks: json.checks, wrong: json.checks.filter((check: Check) => !check.ok) }
}

describe('doctor', () => {
  it('finds nothing wrong where all is well, and names what it looked at', async () => {
    const { code, ok, wrong, checks } = await doctor()
    expect({ code, ok, wrong }).toEqual({ code: 0, ok: true, wrong: [] })
    const names = checks.map(({ name, of }) => `${name} of ${of}`)
    for (const name of ['database of store', 'API user is an administrator of vtenext', 'users and groups of configuration', 'login of alice@example.test', 'folders of carol@example.test']) expect(names).toContain(name)
    const human = await office.run('doctor')
    expect(human.stdout).toMatch(/^ok +mailbox +alice@example\.test +reachable, tls, login, access, folders: all well$/m)
    expect(human.stdout).toContain('Everything needed is in place.')
  })

  const CASES: [string, () => unknown, RegExp, RegExp][] = [
    ['an API user who is no administrator', () => office.configure({ crm: { ...usualConfig(simulators).crm, username: 'alice', accessKey: keyOf('alice') } }), /API user is an administrator/, /tick "Admin"/],
    ['an API user in another time zone', () => simulators.control('vtenext/setUser', { username: 'admin', zone: 'Asia/Tokyo' }), /Time zone of the API user.*Asia\/Tokyo/, /set "Time Zone" to Europe\/Rome/],
    ['an API user with another date format', () => simulators.control('vtenext/setUser', { username: 'admin', dateFormat: 'dd-mm-yyyy' }), /Date format.*dd-mm-yyyy/, /"Date Format" to yyyy-mm-dd/],
    ['a wrong access key', () => office.configure({ crm: { ...usualConfig(simulators).crm, accessKey: 'wrong' } }), /refused the login of user "admin"/, /crm\.accessKey/],
    ['a wrong password of the service account', () => office.configure({ exchange: connection({ password: 'wrong' }) }), /login.*alice@example\.test/, /Correct user name and password/],
    ['an account that may not impersonate', () => office.configure({ exchange: connection({ username: 'bob@example.test', password: 'bob-password' }) }), /alice@example\.test/, /New-ManagementRoleAssignment/],
    ['a mailbox that does not exist', () => office.configure({ users: [{ crm: 'alice', mailbox: 'nobody@example.test' }] }), /nobody@example\.test/, /Get-Mailbox/],
    ['a user and a group that the CRM does not know', () => office.configure({ users: [{ crm: 'zoe', mailbox: 'alice@example.test' }] }), /zoe is not synchronised/, /Correct "users"/],
    ['an address where no Exchange answers', () => office.configure({ exchange: connection({ url: `${simulators.json.control.url}/EWS/Exchange.asmx` }) }), /reachable.*HTTP 400/, /Look at the address in a browser/],
  ]

  it.each(CASES)('tells of %s, with the cure', async (_what, spoil, finding, cure) => {
    await spoil()
    const { code, ok, wrong } = await doctor()
    await simulators.control('vtenext/setUser', { username: 'admin', zone: 'Europe/Rome', dateFormat: 'yyyy-mm-dd' })
    expect([code, ok]).toEqual([1, false])
    const texts = wrong.map((check) => `${check.name} (${check.of}): ${check.detail} -> ${check.cure}`).join('\n')
    expect(texts).toMatch(finding)
    expect(texts).toMatch(cure)
    expect(texts).not.toMatch(/undefined|\[object|ENGINE_|Unexpected/)
  })
})

const keyOf = (name: string) => simulators.json.vtenext.users.find(({ username }) => username === name)?.accessKey
const connection = (change: object) => usualConfig(simulators).exchange.map((one) => ({ ...one, ...change }))

describe('what people read', () => {
  it('users: whose mailbox is connected, and the groups with their members', async () => {
    office.configure({ users: [{ crm: 'alice', mailbox: 'alice@example.test' }] })
    const users = (await office.run('users')).stdout
    expect(users).toMatch(/^alice .*alice@example\.test$/m)
    expect(users).toMatch(/^bob .*\(not connected; suggested: bob@example\.test\)$/m)
    const { users: listed } = (await office.run('users', '--json')).json
    expect(listed).toContainEqual({ id: expect.stringMatching(/^19x/), name: 'bob', fullName: 'Bob Bianchi', active: true, zone: 'America/New_York', mailbox: null, suggested: 'bob@example.test' })
    expect((await office.run('users', '--groups')).stdout).toMatch(/^22x7 +Sales +alice, bob\n! Sales: bob without mailbox/m)
  })

  it('status, journal and a sync: in words and as JSON', async () => {
    expect((await office.run('status', '--json')).json).toEqual({ lanes: expect.any(Array) })
    const item = await simulators.putItem('alice', 'calendar', meeting('From Outlook'))
    const record = await simulators.putRecord('bob', 'Events', visit('From the CRM'))
    const synced = await office.run('sync', '--once')
    expect(synced.stdout).toMatch(/^Exchange +1 +0 +0$/m)
    expect(synced.stdout).toMatch(/^CRM +1 +0 +0$/m)
    expect(synced.stdout).toMatch(/^linked 2, skipped 0, conflicts 0, failed 0, held 0, mails 0, /m)

    expect((await office.run('status')).stdout).toMatch(/^alice@example\.test +alice +ok +\d{4}-\S+Z +1 +0 /m)
    expect((await office.run('status', '--json')).json.lanes).toContainEqual(expect.objectContaining({ mailbox: 'bob@example.test', state: 'ok', linked: 1, waiting: 0 }))
    for (const id of [item.id, record]) expect((await office.run('status', '--item', id)).stdout).toMatch(/^linked: event 18x\d+ in the CRM, AAMk\S+ in (alice|bob)@example\.test$/m)
    const unknown = await office.run('status', '--item', '18x99999')
    expect([unknown.code, unknown.stdout]).toEqual([1, expect.stringContaining('Nothing is known of an item with this id.')])

    const { entries } = (await office.run('journal', '--json')).json
    expect(entries).toContainEqual(expect.objectContaining({ mailbox: 'alice@example.test', type: 'create', side: 'crm', state: 'done', reason: 'new in Exchange', after: expect.objectContaining({ subject: 'From Outlook' }) }))
    const journal = (await office.run('journal', '--item', record)).stdout
    expect(journal).toMatch(/create +event +exchange +done +new in the CRM/)
    expect(journal).not.toContain('From Outlook')
    expect((await office.run('journal', '--values', '--limit', '50')).stdout).toContain('"subject":"From Outlook"')
    expect((await office.run('held')).stdout).toBe('Nothing is held.\n')
    expect((await office.run('conflicts')).stdout).toBe('No conflicts are waiting.\n')
  })

  it('before anything was set up: where to begin', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'connector-e2e-'))
    const ran = await run(['status'], {}, folder)
    rmSync(folder, { recursive: true, force: true })
    expect([ran.code, ran.stdout]).toEqual([2, ''])
    expect(ran.stderr).toMatch(/There is no configuration at .*connector\.yaml\. Write one \(README, "Connect your own servers"\)/)
  })

  it('the simulators alone: addresses, people and how to end them', async () => {
    const wrong = await run(['simulate', '--only', 'outlook'])
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('Allowed choices are ews, graph, vtenext.')])
  })
})
