import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudConnection, startCloudSimulators } from './support/cloud.ts'
import type { CloudSimulators } from './support/cloud.ts'
import { install, usualConfig } from './support/installation.ts'
import type { Installation } from './support/installation.ts'
import { addressOf } from './support/simulators.ts'

let simulators: CloudSimulators
let office: Installation

beforeAll(async () => {
  simulators = await startCloudSimulators()
  const usual = usualConfig(simulators)
  office = await install(simulators, { config: {
    exchange: [...usual.exchange, cloudConnection(simulators)],
    // Alice is on the company's own server, the others are in the cloud.
    users: usual.users.map((user) => ({ ...user, exchange: user.crm === 'alice' ? 'onprem' : 'cloud' })),
  } })
})
afterAll(async () => {
  await office.close()
  await simulators.stop()
})
beforeEach(() => simulators.clear())

const at = (clock: string) => ({ dateTime: `2030-03-05T${clock}:00`, timeZone: 'UTC' })
const taken = (who: string, from: string, to: string, more: object = {}) => simulators.cloudEvent(who, 'Secret words', { start: at(from), end: at(to), ...more })
const block = (from: string, to: string, status = 'busy') => ({ start: `2030-03-05T${from}:00Z`, end: `2030-03-05T${to}:00Z`, status })
const ask = (...args: string[]) => office.run('availability', '--json', '--from', '2030-03-05', '--to', '2030-03-06', ...args)

describe('availability of people in the cloud', () => {
  it('stands merged beside that of people on the own server, in one answer, without words', async () => {
    await simulators.putItem('alice', 'calendar', { Subject: 'Secret words', Start: '2030-03-05T08:00:00Z', End: '2030-03-05T09:00:00Z' })
    await taken('bob', '08:00', '09:00')
    await taken('bob', '08:30', '10:00', { showAs: 'tentative' })
    await taken('bob', '12:00', '13:00', { showAs: 'free' })
    await taken('carol', '12:00', '13:00', { showAs: 'workingElsewhere' })
    const { code, json, stdout } = await ask('--users', 'alice,bob,carol')
    expect([code, json.ok]).toEqual([0, true])
    expect(json.users).toEqual([
      { user: 'alice', mailbox: addressOf('alice'), blocks: [block('08:00', '09:00')], error: null },
      { user: 'bob', mailbox: addressOf('bob'), blocks: [block('08:00', '09:00'), block('09:00', '10:00', 'tentative')], error: null },
      { user: 'carol', mailbox: addressOf('carol'), blocks: [block('12:00', '13:00', 'workingElsewhere')], error: null },
    ])
    expect(stdout).not.toContain('Secret')
  })

  it('goes over more days than the cloud takes at once, and tells trouble with one beside the others', async () => {
    await taken('bob', '12:00', '13:00')
    const { json } = await office.run('availability', '--json', '--users', 'bob', '--from', '2029-06-01', '--to', '2030-12-31')
    expect(json.users[0].blocks).toEqual([block('12:00', '13:00')])
    office.configure({ exchange: [cloudConnection(simulators)], users: usualConfig(simulators).users.slice(1).map((user) => ({ ...user, exchange: 'cloud' })), groups: [] })
    const asked = await ask('--users', 'bob,nobody@example.test')
    office.configure({})
    expect(asked.json.users).toMatchObject([{ blocks: [block('12:00', '13:00')], error: null }, { blocks: [], error: { code: 'ErrorMailRecipientNotFound', message: expect.stringContaining('Correct the address') } }])
  })

  it('halves the time asked for where a calendar holds too many entries for one answer', async () => {
    const many = Array.from({ length: 1010 }, (_, n) => ({
      subject: 'Dense', start: new Date(Date.parse('2030-03-05T00:00:00Z') + n * 2_400_000).toISOString(), end: new Date(Date.parse('2030-03-05T00:00:00Z') + n * 2_400_000 + 600_000).toISOString(),
    }))
    for (const fields of many) await simulators.control('graph/put', { address: addressOf('bob'), folder: 'calendar', fields })
    const { json } = await office.run('availability', '--json', '--users', 'bob', '--from', '2030-03-01', '--to', '2030-04-15')
    expect([json.users[0].error, json.users[0].blocks.length]).toEqual([null, 1010])
  })
})

describe('sharing a calendar of the cloud', () => {
  const share = (...args: string[]) => office.run('sharing', '--user', 'bob', ...args, '--json')
  const entries = async () => (await simulators.cloud('bob', 'GET', '/calendar/calendarPermissions')).value.map(({ role, emailAddress }: any) => [emailAddress.address ?? '', role])

  it('gives free/busy to one colleague, raises it, and takes it away: nobody else notices', async () => {
    await simulators.cloud('bob', 'POST', '/calendar/calendarPermissions', { emailAddress: { address: addressOf('carol') }, role: 'read' })
    const before = await entries()
    expect((await share()).json).toMatchObject({ ok: true, user: 'bob', entries: [{ type: 'default', level: 'availability' }, { type: 'user', address: addressOf('carol'), level: 'more', role: 'read' }] })
    expect((await share('--give', 'alice')).json).toMatchObject({ ok: true, outcome: 'written', colleague: addressOf('alice'), before: null })
    expect(await entries()).toEqual([...before, [addressOf('alice'), 'freeBusyRead']])
    expect((await share('--give', 'alice')).json).toMatchObject({ outcome: 'unchanged' })
    expect((await share('--give', 'alice', '--level', 'details')).json.entries.at(-1)).toMatchObject({ address: addressOf('alice'), level: 'details', role: 'limitedRead' })
    expect((await share('--remove', 'alice')).json).toMatchObject({ ok: true, outcome: 'written', before: { level: 'details' } })
    expect(await entries()).toEqual(before)
    expect((await share('--remove', 'alice')).json).toMatchObject({ ok: true, outcome: 'unchanged' })
  })

  it('takes no right away in silence, and says whom it does not know', async () => {
    await simulators.cloud('bob', 'POST', '/calendar/calendarPermissions', { emailAddress: { address: addressOf('carol') }, role: 'write' }).catch(() => undefined)
    const refused = await share('--give', 'carol')
    expect([refused.code, refused.json]).toMatchObject([1, { ok: false, outcome: 'refused', message: expect.stringContaining('--force') }])
    expect((await share('--give', 'carol', '--force')).json).toMatchObject({ outcome: 'written' })
    expect((await share('--remove', 'carol')).json).toMatchObject({ outcome: 'written' })
    expect((await share('--give', 'bob')).json.error.message).toContain('owns this calendar')
    expect((await share('--give', 'nobody@elsewhere.example')).json.error.message).toContain('knows nobody with the address nobody@elsewhere.example')
  })
})
