import { describe, expect, test } from 'vitest'
import { assigneeId, CRM_LANE, itemOf } from '../model/index.ts'
import type { Attendee, Fields, Instant, Item, Policy, Snapshot, Traits } from '../model/index.ts'
import type { Exchange, WriteOutcome } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { ALICE, BOB, CAROL, LANES, Office, SALES } from '../../test/property/office.ts'

const person = (name: string): Attendee => ({ address: `${name}@example.test`, name, role: 'required', answer: 'none' })
const day = (date: string) => ({ allDay: false, start: `${date}T08:00:00Z` as Instant, end: `${date}T09:00:00Z` as Instant }) as const
const event = (subject: string, more: Fields = {}): Item => itemOf('event', { subject, time: day('2026-12-10'), ...more })
const WITH_PEOPLE = { attendees: [person('guest')] }
const ORGANIZER = { address: 'alice@example.test', name: 'alice' }
const LOUD: Partial<Policy> = { meetings: 'exchange', sendMeetingUpdates: true, cancelMeetings: true, answers: 'mail', inviteContacts: true }

async function open(policy: Partial<Policy> = LOUD): Promise<Office> {
  const office = new Office({ policy })
  await office.connect()
  await office.settle()
  return office
}
const mails = (office: Office, side = 'exchange') => office.writes.filter((write) => write.side === side && write.mailing !== undefined).map(({ at, type, mailing }) => `${at} ${type} ${mailing}`)
/** What of the journal says that somebody was not told: what was written, and who. */
async function untold(office: Office): Promise<string[][]> {
  const written = await office.store.transaction((tx) => tx.journal({ limit: 100 }))
  return written.flatMap(({ after, untold: people, state }) => (people === undefined || state !== 'done' ? [] : [[Object.keys(after ?? {}).join(), people.map(({ address }) => address).join()]]))
}
const record = (office: Office) => office.crm.live()[0] as NonNullable<ReturnType<typeof office.crm.live>[0]>

/** The mailboxes as they are, with some of what they do replaced. */
function replaced(office: Office, change: (real: Exchange) => Partial<Exchange>): void {
  const { engine } = office
  office.engine = { ...engine, exchangeOf: (mailbox) => { const real = engine.exchangeOf(mailbox); return { ...real, ...change(real) } } }
}
const refusing = (): Partial<Exchange> => ({
  create: (requests) => Promise.resolve(requests.map((): WriteOutcome => ({ type: 'failed', error: new SyncError('TEST_BUSY', 'busy', { scope: 'item', remedy: 'retry' }) }))),
})

const meeting = (traits: Traits = {}, more: Fields = {}) =>
  [event('Board', { ...WITH_PEOPLE, organizer: ORGANIZER, cancelled: false, ...more }), { uid: 'M', traits: { hasAttendees: true, ...traits } }] as const

describe('an organizer\'s edit in the CRM', () => {
  test('is told where the policy says so', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...meeting())
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'Council' })
    await office.settle()
    expect(mails(office)).toEqual(['mA update everybody'])
  })

  test('that the policy does not let tell says in the journal who was not told', async () => {
    const office = await open({})
    office.mailbox(ALICE).put(...meeting({}, { attendees: [person('guest'), { ...person('beamer'), role: 'resource' }] }))
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'Council' })
    await office.settle()
    expect(office.mailbox(ALICE).synced()[0]?.item.fields).toMatchObject({ subject: 'Council' })
    expect(mails(office)).toEqual([])
    expect(await untold(office)).toEqual([['subject', 'guest@example.test']])
  })

  test.each<[string, Traits, Fields, Fields]>([
    ['that tells nobody anything', {}, {}, { importance: 'high' }],
    ['of a meeting that is over', {}, { time: day('2020-01-10') }, { subject: 'Council' }],
    ['of a meeting whose invitations were not sent yet', { unsent: true }, {}, { subject: 'Council' }],
    ['of an event with nobody else on it', { hasAttendees: false }, { attendees: [] }, { subject: 'Council' }],
  ])('%s leaves nobody untold', async (_, traits, more, edit) => {
    const office = await open({})
    office.mailbox(ALICE).put(...meeting(traits, more))
    await office.settle()
    for (const one of office.crm.live()) office.crm.edit(one.id, edit)
    await office.settle()
    expect(await untold(office)).toEqual([])
  })

  test('that is told by mail leaves nobody untold, and neither does one that Exchange refused', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...meeting())
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'Council' })
    await office.settle()
    expect(await untold(office)).toEqual([])
  })

  test('of a meeting whose invitations were not sent yet is told to nobody, and neither is its end', async () => {
    const office = await open()
    office.mailbox(ALICE).put(...meeting({ unsent: true }))
    await office.settle()
    office.crm.edit(record(office).id, { subject: 'Council', attendees: [person('guest'), person('carol')] })
    await office.settle()
    office.crm.edit(record(office).id, {}, { deleted: true })
    await office.settle()
    expect(office.mailbox(ALICE).synced()).toEqual([])
    expect(mails(office)).toEqual([])
  })

  test('made before the two were found to be the same, and refused by Exchange at first, is told to nobody', async () => {
    const office = await open()
    office.crm.put(event('Board', { ...WITH_PEOPLE, place: 'Hall' }), ALICE, { uid: 'M' })
    office.mailbox(ALICE).put(...meeting())
    const { engine } = office
    replaced(office, () => ({
      update: (requests) => Promise.resolve(requests.map((): WriteOutcome => ({ type: 'failed', error: new SyncError('TEST_BUSY', 'busy', { scope: 'item', remedy: 'retry' }) }))),
    }))
    for (let run = 0; run < 3; run++) { await office.pass(); office.world.pass(70_000) }
    office.engine = engine
    await office.settle()
    expect(office.mailbox(ALICE).synced()[0]?.item.fields).toMatchObject({ place: 'Hall' })
    expect(mails(office)).toEqual([])
  })

  test('made before the two were found to be the same is told to nobody', async () => {
    const office = await open()
    office.crm.put(event('Council', WITH_PEOPLE), ALICE, { uid: 'M' })
    office.mailbox(ALICE).put(...meeting())
    await office.pass(['crm' as never, LANES[ALICE] as never])
    await office.settle()
    expect(office.crm.live().length).toBe(1)
    expect(mails(office)).toEqual([])
  })
})

describe('an event that the CRM has people on', () => {
  const make = (office: Office, assignee = ALICE, more: Fields = {}) => office.crm.put(event('Visit', { ...WITH_PEOPLE, ...more }), assignee, { uid: 'VISIT' })

  test('invites once when it is new, also where the first try failed', async () => {
    const office = await open()
    const { engine } = office
    replaced(office, refusing)
    make(office)
    await office.pass()
    office.engine = engine
    await office.settle()
    expect(mails(office)).toEqual(['mA create everybody'])
  })

  test('that was there before the mailbox invites nobody, however late Exchange takes it', async () => {
    const office = new Office({ policy: LOUD })
    make(office)
    office.world.pass(60_000)
    await office.connect()
    const { engine } = office
    replaced(office, refusing)
    for (let run = 0; run < 3; run++) { await office.pass(); office.world.pass(70_000) }
    office.engine = engine
    await office.settle()
    expect(office.mailbox(ALICE).synced().length).toBe(1)
    expect(mails(office)).toEqual([])
  })

  test('of a group is one meeting, and invites nobody for whoever joins the group later', async () => {
    const office = await open()
    const { directory } = office
    office.directory = { ...directory, groups: [{ id: assigneeId(SALES), name: 'Sales', members: [assigneeId(ALICE)] }] }
    make(office, SALES)
    await office.settle()
    expect(mails(office)).toEqual(['mA create everybody'])
    office.directory = directory
    await office.store.transaction(async (tx) => {
      for (const channel of await tx.channels(CRM_LANE)) await tx.saveChannel({ ...channel, syncState: null, resyncSince: office.world.clock.now() })
    })
    await office.settle()
    expect(office.mailbox(BOB).synced().length).toBe(1)
    expect(mails(office)).toEqual(['mA create everybody'])
  })

  test('that somebody else organizes invites nobody', async () => {
    const office = await open()
    make(office, ALICE, { organizer: { address: 'boss@ext.test', name: 'Boss' } })
    await office.settle()
    expect(office.mailbox(ALICE).synced().length).toBe(1)
    expect(mails(office)).toEqual([])
  })

  test('that became a meeting with its first attendee stays with its organizer, whoever gets the record', async () => {
    const office = await open()
    replaced(office, (real) => ({
      update: async (requests) => (await real.update(requests)).map((outcome, index): WriteOutcome => (
        outcome.type === 'done' && requests[index]?.mailing !== undefined ? { ...outcome, snapshot: { ...outcome.snapshot, traits: { hasAttendees: true } } as Snapshot } : outcome)),
    }))
    office.mailbox(ALICE).put(event('Talk'), { uid: 'TALK' })
    await office.settle()
    office.crm.edit(record(office).id, { attendees: [person('carol')] })
    await office.settle()
    expect(mails(office)).toEqual(['mA update changed'])
    office.crm.edit(record(office).id, {}, { assignee: assigneeId(CAROL) })
    await office.settle()
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
    const [linked] = await office.store.transaction((tx) => tx.copiesByRecord([record(office).id]))
    expect(linked?.copy.traits.hasAttendees).toBe(true)
  })
})
