import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSimClock } from '../clock.ts'
import { clientOf, type ForeignClient } from './foreign-client.ts'
import { startVtenextSim, type VtenextSim } from './index.ts'

const folder = new URL('../../../shared/captures/vtenext/', import.meta.url)
const isPresent = existsSync(folder)
if (!isPresent)
  console.log(`The captures of a real vtenext are not at ${folder.pathname}: their comparison is skipped.`)

interface Capture {
  request: { method: 'GET' | 'POST'; params: Record<string, string> }
  status: number
  contentType: string
  response: any
}

const capture = (name: string): Capture => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))

/** Hours from UTC in November, as the captures were taken. */
const OFFSETS: Record<string, number> = { admin: 1, alice: 1, bob: -5, carol: 0 }

let now = Date.parse('2026-11-22T17:00:00Z')
let sim: VtenextSim
const clients: Record<string, ForeignClient> = {}

const userOf = (name: string): string => (name.startsWith('bob') ? 'bob' : 'alice')
const instantOf = (user: string, stamp: string): number =>
  Date.parse(`${stamp.replace(' ', 'T')}Z`) - (OFFSETS[user] ?? 0) * 3_600_000
const momentOf = (name: string): number =>
  instantOf(userOf(name.replace('create-Events-', '')), capture(name).response.result.modifiedtime)

/** Brings the clock to the moment the captured reply was given, so that even its times must be equal. */
function travel(user: string, stamp: string | undefined): void {
  if (stamp) now = Math.max(now, instantOf(user, stamp))
}

async function replay(user: string, name: string): Promise<{ actual: any; captured: Capture }> {
  const captured = capture(name)
  travel(user, captured.response.result?.modifiedtime)
  const { operation = '', sessionName: _captured, ...parameters } = captured.request.params
  const reply = await (clients[user] as ForeignClient).call(captured.request.method, operation, parameters)
  expect(reply.status, name).toBe(captured.status)
  return { actual: reply.body, captured }
}

/** A record without what no server can repeat, and without the field the real one does not have. */
function comparable(record: Record<string, unknown>): Record<string, unknown> {
  const { cf_1234: _e, cf_1235: _t, cf_1236: _c, ical_uuid, ...rest } = record
  const isGenerated = typeof ical_uuid === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/.test(ical_uuid)
  return { ...rest, ...(ical_uuid === undefined ? {} : { ical_uuid: isGenerated ? 'a fresh uuid' : ical_uuid }) }
}

async function expectSame(user: string, name: string): Promise<void> {
  const { actual, captured } = await replay(user, name)
  if (captured.response.success === false) expect(actual, name).toEqual(captured.response)
  else expect(comparable(actual.result), name).toEqual(comparable(captured.response.result))
}

/** As `expectSame`, for records whose numbers differ because fewer were made before them. */
async function expectAlike(user: string, name: string): Promise<void> {
  const { actual, captured } = await replay(user, name)
  const unnumbered = (record: Record<string, unknown>): object => {
    const { id: _id, contact_no: _number, ...rest } = comparable(record)
    return rest
  }
  expect(unnumbered(actual.result), name).toEqual(unnumbered(captured.response.result))
}

describe.skipIf(!isPresent)('the simulated CRM answers what a real vtenext answered', () => {
  beforeAll(async () => {
    sim = await startVtenextSim({ clock: createSimClock(() => now), phpSessionIdleMs: 86_400_000 })
    sim.setUser({ username: 'admin', dateFormat: 'dd-mm-yyyy' })
    for (const user of ['admin', 'alice', 'bob', 'carol']) clients[user] = await clientOf(sim, user)
    for (const name of ['create-Accounts-1', 'create-Accounts-2']) await expectSame('admin', name)
    for (const number of [1, 2, 3, 4]) await expectSame('admin', `create-Contacts-${number}`)
    for (const user of ['admin', 'alice', 'bob', 'carol']) await expectSame(user, `create-Events-${user}`)
  })
  afterAll(() => sim.stop())

  it("gives the differences of the users' zones at login", async () => {
    for (const user of ['admin', 'alice', 'bob', 'carol']) {
      const { body } = await clients[user]!.login(user, sim.users.find(({ username }) => username === user)!.accessKey)
      const captured = capture(`login-${user}`).response.result
      expect({ ...body.result, sessionName: '' }).toEqual({ ...captured, sessionName: '' })
      expect(body.result.sessionName).toMatch(/^[0-9a-f]{21}$/)
    }
  })

  it('shows the four events to admin, alice, bob and carol in the right zone and date format', async () => {
    for (const user of ['admin', 'alice', 'bob', 'carol']) {
      for (const number of [28, 29, 30, 31]) await expectSame(user, `retrieve-Events-18x${number}-by-${user}`)
      const { actual, captured } = await replay(user, `query-Events-by-${user}`)
      expect(actual.result.map(comparable), user).toEqual(captured.response.result.map(comparable))
    }
    for (const user of ['admin', 'bob']) {
      const { actual, captured } = await replay(user, `vtesync-get_changes-Events-by-${user}`)
      for (const list of ['created', 'updated', 'deleted']) {
        expect(actual.result[list].map(comparable), user).toEqual(captured.response.result[list].map(comparable))
      }
      const { last_update: _actual, created: _a, ...rest } = actual.result
      const { last_update: _captured, created: _c, ...wanted } = captured.response.result
      expect(rest).toEqual(wanted)
    }
  })

  it('stores tasks, half-events and what they are made of as a real one does', async () => {
    const steps: [user: string, name: string][] = [
      ['alice', 'create-Calendar-min'],
      ['bob', 'create-Calendar-bob'],
      ['alice', 'create-Calendar-badpicklist'],
      ['alice', 'create-Calendar-baddate'],
      ['carol', 'create-Calendar-ddmm'],
      ['alice', 'create-Calendar-ddmm-yyyyuser'],
      ['alice', 'create-Events-group'],
      ['carol', 'create-Events-group-nonmember'],
      ['carol', 'create-Events-assign-other'],
      ['alice', 'create-Events-special'],
    ]
    for (const [user, name] of steps) await expectSame(user, name)
    for (const number of ['08', '09', '12', '37']) {
      const { actual, captured } = await replay('admin', `query-${number}`)
      expect(actual, `query-${number}`).toEqual(captured.response)
    }
    const { actual, captured } = await replay('admin', 'query-Calendar')
    expect(actual.result.map(comparable)).toEqual(captured.response.result.map(comparable))
  })

  it('pages the change feed by whole seconds, with the same last_update', async () => {
    for (const name of ['vtesync.get_changes-maxEntries-3', 'vtesync.get_changes-page-loop']) {
      const { actual, captured } = await replay('admin', name)
      const { created, ...rest } = actual.result
      const { created: wanted, ...others } = captured.response.result
      expect(created.map(comparable), name).toEqual(wanted.map(comparable))
      expect(rest, name).toEqual(others)
    }
  })

  it('matches invitees, keeps reminders in minutes and survives revise, update and updateRecord alike', async () => {
    const steps: [user: string, name: string][] = [
      ['alice', 'create-Events-invitees'],
      ['admin', 'retrieve-Events-invited-by-admin'],
      ['bob', 'retrieve-Events-invited-by-bob'],
      ['carol', 'retrieve-Events-invited-by-carol'],
      ['alice', 'revise-Events-partial'],
      ['alice', 'revise-Events-invitees'],
      ['alice', 'revise-Events-invitees-empty'],
    ]
    for (const [user, name] of steps) await expectSame(user, name)
    // The two records the next captures speak of, as update-Events and updateRecord-Events found them.
    for (const number of [42, 43]) {
      const created = capture(number === 42 ? 'update-Events' : 'updateRecord-Events').response.result.createdtime
      travel('alice', created)
      const element = capture('create-Events-invitees').request.params.element ?? ''
      const record = await clients.alice!.create('Events', JSON.parse(element))
      expect(record.id).toBe(`18x${number}`)
      await expectSame('alice', number === 42 ? 'update-Events' : 'updateRecord-Events')
    }
    await expectSame('alice', 'err-update-missing')
  })

  it('keeps a record whose owner does not exist, and from then on refuses to list contacts at all', async () => {
    for (const name of ['create-nonexistent-ref', 'create-unknown-field']) await expectAlike('admin', name)
    await expectSame('admin', 'err-create-badowner')
    for (const user of ['admin', 'alice', 'bob', 'carol']) await expectSame(user, `query-contacts-nonadmin-${user}`)
  })

  it('takes the same identities, organizers, all-day events and odd times', async () => {
    const names = ['organizer-Contacts', 'organizer-Other', 'organizer-Users', 'owner-invited-ext-organizer']
    names.push('end-before-start', 'time-seconds', 'uid-idx', 'uid-dup', 'recurring-requestparams')
    names.push('bob-allday', 'bob-dst')
    const byTime = new Map(names.map((name) => [name, momentOf(`create-Events-${name}`)]))
    // In the order they were captured, as the clock only goes forward.
    for (const name of names.sort((a, b) => (byTime.get(a) ?? 0) - (byTime.get(b) ?? 0))) {
      await expectAlike(userOf(name), `create-Events-${name}`)
    }
    await expectAlike('alice', 'create-Calendar-parent-contact')
  })

  it('finds invitees by a part of an address and lists them with HTML-encoded names', async () => {
    await expectAlike('admin', 'create-Events-invitee-partial-mail')
    const { actual, captured } = await replay('admin', 'vtesync.get_changes-single-event-invitees')
    expect(actual.result.created[0].invitees).toEqual(captured.response.result.created[0].invitees)
  })

  it('refuses with the same codes and messages', async () => {
    const byAdmin = readdirSync(folder)
      .map((file) => file.replace(/\.json$/, ''))
      .filter((name) =>
        /^err-(?:create-(?!badowner$)|retrieve-(?!deleted|wrong)|vtesync-(?!date-Z|nonadmin))/.test(name),
      )
    expect(byAdmin.length).toBeGreaterThan(12)
    for (const name of byAdmin) await expectSame('admin', name)
    await expectSame('bob', 'err-vtesync-nonadmin-delegated')
    await expectSame('alice', 'err-mandatory-missing')
    for (const name of ['create-via-GET', 'query-via-POST', 'extendsession', 'delete-nonexistent']) {
      const { actual, captured } = await replay('admin', name)
      expect(actual, name).toEqual(captured.response)
    }
  })

  it('refuses bad VTQL with the same messages', async () => {
    for (const number of [17, 19, 32, 33, 34, 35, 36, 38, 41, 42]) await expectSame('admin', `query-${number}`)
    for (const number of [27, 28]) await expectSame('carol', `query-${number}`)
    for (const number of [29, 30]) await replay('admin', `query-${number}`)
    const { actual, captured } = await replay('admin', 'query-26')
    expect(actual).toEqual(captured.response)
  })

  it('crashes where a real one crashes: HTTP 500, empty body, not JSON', async () => {
    for (const [verb, operation] of [
      ['GET', 'sync'],
      ['GET', 'err-no-such-operation'],
      ['GET', ''],
    ] as const) {
      const reply = await clients.admin!.call(verb, operation, { elementType: 'Events', modifiedTime: '1' })
      expect({ status: reply.status, text: reply.text }).toEqual({ status: 500, text: '' })
    }
    expect(capture('err-unknown-op').status).toBe(500)
    expect(capture('sync-Events-by-admin').status).toBe(500)
  })

  it('describes the same fields with the same labels, types and rights', async () => {
    const essential = (fields: any[]): any[] =>
      fields
        .filter(({ name }) => !name.startsWith('cf_'))
        .map(({ name, label, type, nullable, editable, mandatory, default: fallback }) => {
          const { picklistValues: _values, defaultValue: _default, ...kind } = type
          return { name, label, type: kind, nullable, editable, mandatory, fallback }
        })
    for (const module of ['Events', 'Calendar', 'Contacts', 'Accounts', 'Users', 'Groups']) {
      const { actual, captured } = await replay('admin', `describe-${module}-admin`)
      const { fields, ...rest } = actual.result
      const { fields: wanted, ...others } = captured.response.result
      expect(rest, module).toEqual(others)
      expect(essential(fields), module).toEqual(essential(wanted))
      for (const [index, field] of wanted.entries()) {
        const mine = fields.find(({ name }: any) => name === field.name)
        expect(Object.keys(mine), `${module}.${field.name} ${index}`).toEqual(
          expect.arrayContaining(Object.keys(field)),
        )
        if (/^(Events|Calendar|Contacts)$/.test(module))
          expect(mine.type.picklistValues).toEqual(field.type.picklistValues)
      }
    }
    const { actual, captured } = await replay('carol', 'describe-Users-nonadmin')
    expect(actual.result.fields.map(({ name }: any) => name)).toEqual(['id'])
    expect({ ...actual.result, fields: [] }).toEqual({ ...captured.response.result, fields: [] })
  })

  it('shows users and groups alike', async () => {
    const { actual, captured } = await replay('admin', 'query-Users-admin')
    expect(actual).toEqual(captured.response)
    const bob = await replay('admin', 'retrieve-Users')
    const secrets = { user_password: '', confirm_password: '', accesskey: '' }
    expect({ ...bob.actual.result, ...secrets }).toEqual({ ...bob.captured.response.result, ...secrets })
    await expectSame('carol', 'retrieve-Users-self-by-nonadmin')
    await expectSame('carol', 'retrieve-Users-other-by-nonadmin')
    const sales = await replay('carol', 'retrieve-Groups-7')
    expect(Object.keys(sales.actual.result)).toEqual(Object.keys(sales.captured.response.result))
    expect(sales.actual.result).toMatchObject({ groupid: '7', groupname: 'Sales', id: '22x7' })
  })

  it('refuses logins with the same codes', async () => {
    for (const name of [
      'err-login-bad',
      'err-login-unknown-user',
      'err-login-get',
      'err-login_pwd',
      'err-no-session',
    ]) {
      const captured = capture(name)
      const client = clients.alice as ForeignClient
      if (name === 'err-login-bad') await client.send('GET', { operation: 'getchallenge', username: 'alice' })
      const reply = await client.send(captured.request.method, captured.request.params)
      expect(reply.body, name).toEqual(captured.response)
    }
    for (const name of ['err-bad-session', 'err-after-logout']) {
      const { method, params } = capture(name).request
      expect((await (clients.alice as ForeignClient).send(method, params)).body).toEqual(capture(name).response)
    }
  })
})
