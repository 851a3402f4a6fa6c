import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import type { EwsSim } from '../../sim/ews/index.ts'
import { loadSchema } from '../../sim/ews/schema.ts'
import { parseXml } from '../lib/xml.ts'
import { instant, instantMs } from '../model/index.ts'
import type { Window } from '../model/index.ts'
import type { BusyBlock } from '../ports.ts'
import { blocksOf, createAvailability } from './availability.ts'
import { createEwsConnection } from './connection.ts'
import type { EwsConnection } from './connection.ts'
import { getFolderPermissions } from './operations/get-folder-permissions.ts'
import { getUserAvailability } from './operations/get-user-availability.ts'
import { resolvePerson } from './operations/resolve-person.ts'
import { updateFolder } from './operations/update-folder.ts'
import type { Session } from './session.ts'
import { envelope, openEnvelope } from './soap.ts'

const shared = new URL('../../../shared/', import.meta.url)
const schemaDir = fileURLToPath(new URL('schemas/ews/', shared))
const captures = new URL('captures/ews/', shared)
const hasSchemas = existsSync(schemaDir)
const hasCaptures = existsSync(captures)
if (!hasSchemas || !hasCaptures) console.log('Schemas or captured replies are not beside the repository: availability is not checked against them.')

const at = (text: string) => instant(Date.parse(text))
const window = (from: string, to: string): Window => ({ from: at(from), to: at(to) })
const day = window('2026-12-01T00:00:00Z', '2026-12-02T00:00:00Z')
const folder = { id: 'AA+/=', changeKey: 'CQ==' }
const named = (name: string, text: string) => ({ name, text })

describe('requests fit the schema of the server', () => {
  const rights = [named('CanCreateItems', 'true'), named('EditItems', 'Owned'), named('ReadItems', 'FullDetails')]
  const permissions = [
    { user: [named('DistinguishedUser', 'Default')], level: 'FreeBusyTimeOnly', rights },
    { user: [named('SID', 'S-1-5-21-1'), named('PrimarySmtpAddress', 'bob@example.test'), named('DisplayName', 'Bob & Co')], level: 'Custom', rights },
  ]
  it.skipIf(!hasSchemas).each([
    ['GetUserAvailability', getUserAvailability.encode({ addresses: ['alice@example.test', "o'neill&sons@example.test"], window: day })],
    ['GetFolder with permissions', getFolderPermissions.encode({ distinguished: 'calendar' })],
    ['UpdateFolder with permissions', updateFolder.encode({ folder, permissions })],
    ['UpdateFolder without any permission', updateFolder.encode({ folder, permissions: [] })],
    ['ResolveNames with all addresses', resolvePerson.encode('a&b@example.test')],
  ])('%s', async (_name, body) => {
    expect((await loadSchema(schemaDir))?.check(envelope(body))).toBeNull()
  })
  it.skipIf(!hasSchemas)('and the check would notice a wrong order', async () => {
    const wrong = updateFolder.encode({ folder, permissions: [{ user: [named('DisplayName', 'x'), named('SID', 'y')], level: 'None', rights: [] }] })
    expect((await loadSchema(schemaDir))?.check(envelope(wrong))?.message).toContain('SID')
  })
  it('write the single rights of a custom entry, and of no other', () => {
    const xml = updateFolder.encode({ folder, permissions })
    expect(xml.match(/<t:CanCreateItems>/g)).toHaveLength(1)
    expect(xml).toContain('<t:ReadItems>FullDetails</t:ReadItems><t:CalendarPermissionLevel>Custom<')
  })
})

/** A session whose server gives one captured reply. */
function replaying(start: string): Session {
  const name = readdirSync(captures).find((file) => file.startsWith(start) && file.endsWith('.resp.xml')) ?? start
  const opened = openEnvelope(readFileSync(new URL(name, captures), 'utf8'))
  if (opened.type === 'fault') throw new Error(opened.fault.code)
  return { call: () => Promise.resolve(getUserAvailability.decode(opened.reply)), mailbox: { address: 'alice@example.test' } } as unknown as Session
}

describe.skipIf(!hasCaptures)('replies of an independent server', () => {
  const december = window('2026-12-01T00:00:00Z', '2026-12-04T00:00:00Z')
  it('are cut to what was asked for, with offsets that have no colon', async () => {
    const [alice] = await createAvailability(replaying('79-'), false).freeBusy(['alice@example.test'], december)
    expect(alice?.error).toBeNull()
    expect(alice?.blocks.map(({ start, end }) => `${start.slice(8, 16)} ${end.slice(11, 16)}`)).toEqual([
      '01T08:00 08:15', '01T10:00 11:00', '01T12:00 13:00', '02T08:00 08:15', '02T13:00 14:00', '03T10:00 10:15',
    ])
  })
  it('of an event that is there twice are one block', async () => {
    const [bob] = await createAvailability(replaying('84-'), false).freeBusy(['bob@example.test'], december)
    expect(bob?.blocks).toEqual([{ start: '2026-12-01T10:00:00Z', end: '2026-12-01T11:00:00Z', status: 'busy' }])
  })
  it('say of a mailbox that does not exist what is wrong, and answer for the other one', async () => {
    const [alice, nobody] = await createAvailability(replaying('80-'), false).freeBusy(['alice@example.test', 'nobody@example.test'], december)
    expect(alice?.blocks).toHaveLength(6)
    expect(nobody).toEqual({ address: 'nobody@example.test', blocks: [], error: { code: 'ErrorCannotFindUser', message: expect.stringContaining('knows no mailbox nobody@example.test') } })
  })
})

/** A session whose server answers with this view. */
function answering(view: string): Session {
  const reply = parseXml('<r><FreeBusyResponseArray><FreeBusyResponse><ResponseMessage ResponseClass="Success"><ResponseCode>NoError</ResponseCode>'
    + `</ResponseMessage><FreeBusyView>${view}</FreeBusyView></FreeBusyResponse></FreeBusyResponseArray></r>`)
  return { call: () => Promise.resolve(getUserAvailability.decode(reply)), mailbox: { address: 'alice@example.test' } } as unknown as Session
}
const askOne = async (view: string) => (await createAvailability(answering(view), false).freeBusy(['bob@example.test'], day))[0]

describe('a server that tells less', () => {
  it('is understood by its digits, of which the ambiguous ones count as no data', async () => {
    const one = await askOne('<FreeBusyViewType>MergedOnly</FreeBusyViewType><MergedFreeBusy>0122304</MergedFreeBusy>')
    expect(one?.blocks.map(({ start, end, status }) => [start.slice(11, 16), end.slice(11, 16), status])).toEqual([
      ['00:15', '00:30', 'tentative'], ['00:30', '01:00', 'busy'], ['01:00', '01:15', 'oof'], ['01:30', '01:45', 'noData'],
    ])
  })
  it('and says nothing at all, leaves the whole time without data', async () => {
    expect((await askOne('<FreeBusyViewType>None</FreeBusyViewType>'))?.blocks).toEqual([{ start: day.from, end: day.to, status: 'noData' }])
  })
  it('and tells a time that is none, gives no answer for that mailbox', async () => {
    const event = '<CalendarEvent><StartTime>soon</StartTime><EndTime>2026-12-01T09:00:00</EndTime><BusyType>Busy</BusyType></CalendarEvent>'
    expect((await askOne(`<FreeBusyViewType>FreeBusy</FreeBusyViewType><CalendarEventArray>${event}</CalendarEventArray>`))?.error?.message).toContain('"soon"')
  })
})

describe('blocks', () => {
  const minutes = (from: number, to: number, status: BusyBlock['status']) => ({ startMs: from * 60_000, endMs: to * 60_000, status })
  const hour: Window = { from: instant(0), to: instant(3_600_000) }
  const short = (blocks: readonly BusyBlock[]) => blocks.map(({ start, end, status }) => [instantMs(start) / 60_000, instantMs(end) / 60_000, status])

  it('show the stronger status where two overlap', () => {
    expect(short(blocksOf([minutes(0, 30, 'tentative'), minutes(10, 20, 'oof'), minutes(15, 40, 'busy'), minutes(35, 50, 'workingElsewhere')], hour))).toEqual([
      [0, 10, 'tentative'], [10, 20, 'oof'], [20, 40, 'busy'], [40, 50, 'workingElsewhere'],
    ])
  })
  it('that touch are one, and what lies outside is cut away', () => {
    expect(short(blocksOf([minutes(-50, 10, 'busy'), minutes(10, 20, 'busy'), minutes(50, 900, 'busy'), minutes(70, 80, 'oof')], hour))).toEqual([[0, 20, 'busy'], [50, 60, 'busy']])
  })
  it('tell for every minute the strongest status that covers it, whatever the events', () => {
    const strength: readonly BusyBlock['status'][] = ['noData', 'workingElsewhere', 'tentative', 'busy', 'oof']
    const event = fc.record({ from: fc.integer({ min: -20, max: 80 }), length: fc.integer({ min: 0, max: 60 }), status: fc.constantFrom(...strength) })
    fc.assert(fc.property(fc.array(event, { maxLength: 12 }), (events) => {
      const blocks = short(blocksOf(events.map(({ from, length, status }) => minutes(from, from + length, status)), hour))
      for (let minute = 0; minute < 60; minute += 1) {
        const rank = Math.max(-1, ...events.filter(({ from, length }) => from <= minute && minute < from + length).map(({ status }) => strength.indexOf(status)))
        const told = blocks.filter(([from, to]) => Number(from) <= minute && minute < Number(to))
        expect(told.map(([, , status]) => status)).toEqual(rank < 0 ? [] : [strength[rank]])
      }
      for (const [index, [from, , status]] of blocks.entries()) {
        const before = blocks[index - 1]
        expect(before !== undefined && before[1] === from && before[2] === status).toBe(false)
      }
    }))
  })
})

describe('against the simulated server', () => {
  let sim: EwsSim
  let connection: EwsConnection
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const clock = { now: () => instant(Date.now()), elapsedMs: () => performance.now(), sleep: () => Promise.resolve() }
  const crowd = Array.from({ length: 101 }, (_, index) => `user${index}@example.test`)

  beforeAll(async () => {
    sim = await startEwsSim({ validate: hasSchemas ? { schemaDir } : null, mailboxes: [...crowd, 'alice@example.test', 'bob@example.test'].map((address) => ({ address })) })
    connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock })
  })
  afterAll(async () => {
    await connection.close()
    await sim.stop()
  })
  beforeEach(() => sim.faults.clear())

  it('asks for more than a hundred mailboxes and for more than a server takes at once', async () => {
    const last = crowd[100] ?? ''
    for (const Start of ['2026-12-01T08:00:00Z', '2027-01-11T23:30:00Z', '2027-05-30T08:00:00Z']) {
      sim.putItem(last, 'calendar', { Subject: 'Secret words', Start, End: new Date(Date.parse(Start) + 3_600_000).toISOString() })
    }
    const answers = await connection.availability('alice@example.test').freeBusy(crowd, window('2026-12-01T00:00:00Z', '2027-06-01T00:00:00Z'))
    expect(answers.map(({ address }) => address)).toEqual(crowd)
    expect(answers.flatMap(({ error }) => error ?? [])).toEqual([])
    // The second event lies over the seam of two questions.
    expect(answers.at(-1)?.blocks.map(({ start, end }) => `${start} ${end}`)).toEqual([
      '2026-12-01T08:00:00Z 2026-12-01T09:00:00Z', '2027-01-11T23:30:00Z 2027-01-12T00:30:00Z', '2027-05-30T08:00:00Z 2027-05-30T09:00:00Z',
    ])
    expect(JSON.stringify(answers)).not.toContain('Secret')
  })
  it('passes on what a server refuses as a whole', async () => {
    const whole = connection.availability('alice@example.test')
    sim.faults.add({ operation: 'GetUserAvailability', effect: { type: 'error', code: 'ErrorTimeIntervalTooBig', status: 500 } })
    await expect(whole.freeBusy(['bob@example.test'], day)).rejects.toThrow('ErrorTimeIntervalTooBig')
  })
  it('fails as a whole only when nobody could be asked', async () => {
    await expect(connection.availability('nobody@example.test').freeBusy(['bob@example.test'], day)).rejects.toMatchObject({ code: 'EWS_NO_MAILBOX' })
    await expect(connection.availability(null).freeBusy(['bob@example.test'], day)).rejects.toMatchObject({ code: 'EWS_NO_MAILBOX' })
  })
})
