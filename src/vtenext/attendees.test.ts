import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createSimClock } from '../../sim/clock.ts'
import { Faults } from '../../sim/faults.ts'
import { startVtenextSim, type VtenextSim } from '../../sim/vtenext/index.ts'
import { splitPeople } from '../lib/people-block.ts'
import { assigneeId, fieldsOf, instant, itemId, token } from '../model/index.ts'
import type { Attendee, ChangeKey, EventFields, Fields, ItemId, Snapshot } from '../model/index.ts'
import type { Clock, CreateRequest, Mailing, WriteOutcome } from '../ports.ts'
import { createVtenext, type Vtenext } from './index.ts'

/** Counts what the CRM is asked. */
class Counting extends Faults {
  calls: string[] = []
  override take(operation: string, subject: string | null) {
    this.calls.push(operation)
    return super.take(operation, subject)
  }
}

let sim: VtenextSim
let crm: Vtenext
let now = 0
const faults = new Counting()
const log = { debug() {}, info() {}, warn() {}, error() {} }
const clock: Clock = { now: () => instant(sim.clock.now()), elapsedMs: () => sim.clock.now(), sleep: () => Promise.resolve() }
const pass = (seconds: number) => void (now += seconds * 1_000)
const opened: Vtenext[] = []
function open(options: Partial<Parameters<typeof createVtenext>[0]> = {}): Vtenext {
  const accessKey = sim.users.find(({ username }) => username === 'admin')?.accessKey ?? ''
  const fresh = createVtenext({ url: sim.url, username: 'admin', accessKey, log, clock, ...options })
  opened.push(fresh)
  return fresh
}

beforeAll(async () => {
  now = Date.parse('2026-11-22T10:00:00Z')
  sim = await startVtenextSim({ clock: createSimClock(() => now), faults })
})
beforeEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  now = Date.parse('2026-11-22T10:00:00Z')
  faults.clear()
  sim.reset()
  sim.setUser({ username: 'bob', email: 'bob@example.test', email2: '', active: true })
  sim.setUser({ username: 'carol', email: 'carol@example.test', email2: '', active: true })
  crm = open()
  faults.calls = []
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await sim.stop()
})

const idOf = (username: string) => assigneeId(sim.users.find((user) => user.username === username)?.id ?? '')
const attendee = (name: string, more: Partial<Attendee> = {}): Attendee =>
  ({ address: `${name}@example.test`, name, role: 'required', answer: 'none', ...more })
const guest = (name: string, more: Partial<Attendee> = {}) => attendee(name, { address: `${name}@acme.test`, ...more })
const hourAt = (day: number, hour: number) => {
  const at = (h: number) => instant(Date.UTC(2026, 11, day, h))
  return { allDay: false, start: at(hour), end: at(hour + 1) } as const
}
/** As the browser's form says it. */
const TEN = { date_start: '2026-12-01', time_start: '10:00', time_end: '11:00' }

async function create(fields: Partial<EventFields>, mailing?: Mailing): Promise<Snapshot> {
  const item = { kind: 'event', fields: { subject: 'Kick-off', body: 'Agenda', time: hourAt(1, 9), ...fields } } as const
  const request: CreateRequest = { item, token: token('token-1'), uid: 'uid-1', assignee: idOf('alice'), ...(mailing === undefined ? {} : { mailing }) }
  return snapshotOf((await crm.create([request]))[0])
}
function snapshotOf(outcome: WriteOutcome | undefined): Snapshot {
  if (outcome?.type !== 'done') throw new Error(`not done: ${JSON.stringify(outcome)}`)
  return outcome.snapshot
}
const revise = async ({ id, changeKey }: Snapshot, fields: Fields, mailing?: Mailing) =>
  (await crm.update([{ id, kind: 'event', fields, expect: changeKey, ...(mailing === undefined ? {} : { mailing }) }]))[0]
async function get(id: string): Promise<Snapshot> {
  const [found] = await crm.get('event', [itemId(id)])
  if (found?.type !== 'seen') throw new Error(`not seen: ${JSON.stringify(found)}`)
  return found.snapshot
}
const eventOf = ({ item }: Snapshot) => fieldsOf(item) as Partial<EventFields>
const brief = (list: readonly Attendee[] | undefined) => list?.map(({ address, role, answer }) => `${address} ${role} ${answer}`)
const stored = (id: string) => {
  const record = sim.records('Events').find((one) => one.id === id)
  if (record === undefined) throw new Error(`there is no record ${id}`)
  return record
}
const invited = (id: string) => stored(id).invitees.map((one) => [one.id, one.partecipation])
const blockOf = (id: string) => splitPeople(String(stored(id).description))
const contact = (email: string) => sim.put('Contacts', { lastname: 'Neri', email })

describe('the attendees of an event', () => {
  it('are invitees where they are CRM users, and named in the text where they are not', async () => {
    const made = await create({
      attendees: [attendee('bob', { answer: 'accepted' }), attendee('carol', { answer: 'declined' }), guest('ann', { answer: 'tentative' })],
    })
    expect(invited(made.id)).toEqual([[idOf('bob'), 2], [idOf('carol'), 1]])
    expect(brief(blockOf(made.id).attendees)).toEqual(['ann@acme.test required tentative'])
    expect(eventOf(made)).toMatchObject({ body: 'Agenda', organizer: null })
    const everybody = ['ann@acme.test required tentative', 'bob@example.test required accepted', 'carol@example.test required declined']
    expect(brief(eventOf(made).attendees)).toEqual(everybody)
    expect(eventOf(await get(made.id))).toEqual(eventOf(made))
  })

  it('who are CRM users have their role and a tentative answer in the text, yes and no on the record', async () => {
    const made = await create({ attendees: [attendee('bob', { answer: 'tentative' }), attendee('carol', { role: 'optional' })] })
    expect(invited(made.id)).toEqual([[idOf('bob'), 0], [idOf('carol'), 0]])
    expect(brief(eventOf(made).attendees)).toEqual(['bob@example.test required tentative', 'carol@example.test optional none'])
    sim.answerInvitation(made.id, idOf('bob'), 1)
    sim.answerInvitation(made.id, idOf('carol'), 2)
    expect(brief(eventOf(await get(made.id)).attendees)).toEqual(['bob@example.test required declined', 'carol@example.test optional accepted'])
  })

  it('are known by every address of a user, and told by the main one', async () => {
    sim.setUser({ username: 'bob', email2: 'robert@example.test' })
    await crm.users()
    const alias = attendee('robert', { answer: 'accepted' })
    const made = await create({ attendees: [alias] })
    expect(invited(made.id)).toEqual([[idOf('bob'), 2]])
    expect(brief(eventOf(made).attendees)).toEqual(['bob@example.test required accepted'])
    const held = crm.hold({ kind: 'event', fields: { attendees: [alias] } })
    expect(brief((held.fields as Partial<EventFields>).attendees)).toEqual(['bob@example.test required accepted'])
    expect(crm.hold(held)).toEqual(held)
  })

  it('are held as they are while the users are not known', () => {
    const attendees = [attendee('robert'), attendee('bob')]
    expect(crm.hold({ kind: 'event', fields: { attendees } }).fields).toEqual({ attendees })
  })

  it('are replaced, and all removed, when that is asked for', async () => {
    const made = await create({ attendees: [attendee('bob', { answer: 'accepted' }), guest('ann')] })
    const other = snapshotOf(await revise(made, { attendees: [attendee('carol'), guest('tom')] }))
    expect(invited(made.id)).toEqual([[idOf('carol'), 0]])
    expect(brief(eventOf(other).attendees)).toEqual(['carol@example.test required none', 'tom@acme.test required none'])
    const nobody = snapshotOf(await revise(other, { attendees: [] }))
    expect(invited(made.id)).toEqual([])
    expect(stored(made.id).description).toBe('Agenda')
    expect(eventOf(nobody)).toMatchObject({ attendees: [], body: 'Agenda' })
  })

  it('stay when the text changes, and the text when they change', async () => {
    const made = await create({ attendees: [guest('ann', { role: 'optional' })], organizer: guest('boss') })
    const text = snapshotOf(await revise(made, { body: 'New agenda' }))
    expect(blockOf(made.id)).toMatchObject({ text: 'New agenda', organizer: { address: 'boss@acme.test' } })
    expect(brief(eventOf(text).attendees)).toEqual(['ann@acme.test optional none'])
    const people = snapshotOf(await revise(text, { attendees: [guest('tom')] }))
    expect(eventOf(people)).toMatchObject({ body: 'New agenda', organizer: { address: 'boss@acme.test' } })
    expect(brief(eventOf(people).attendees)).toEqual(['tom@acme.test required none'])
    const writes = sim.writes.revise
    expect(snapshotOf(await revise(people, { body: 'New agenda  ', attendees: [guest('tom', { name: 'Tom' })] })).changeKey).toBe(people.changeKey)
    expect(sim.writes.revise).toBe(writes)
  })

  it('are not written over an answer that was given meanwhile', async () => {
    const made = await create({ attendees: [attendee('bob')] })
    sim.answerInvitation(made.id, idOf('bob'), 2)
    expect(await revise(made, { attendees: [attendee('bob'), guest('ann')] })).toEqual({ type: 'stale' })
    expect(invited(made.id)).toEqual([[idOf('bob'), 2]])
  })

  it('are not written over somebody who was invited in the very second of the last save', async () => {
    const made = await create({})
    sim.edit(made.id, { invitees: [{ email: 'bob@example.test' }] })
    expect(await revise(made, { attendees: [attendee('carol')] })).toEqual({ type: 'stale' })
    expect(invited(made.id)).toEqual([[idOf('bob'), 0]])
  })

  it('are named after all when vtenext does not find them, which it does not say', async () => {
    await crm.users()
    sim.setUser({ username: 'bob', email: 'new-address@example.test' })
    const made = await create({ attendees: [attendee('bob', { answer: 'accepted' }), attendee('carol'), guest('ann')], organizer: guest('boss') })
    expect(invited(made.id)).toEqual([[idOf('carol'), 0]])
    expect(blockOf(made.id)).toMatchObject({ text: 'Agenda', organizer: { address: 'boss@acme.test' }, attendees: [{}, { answer: 'accepted' }] })
    expect(brief(eventOf(made).attendees)).toEqual(['ann@acme.test required none', 'bob@example.test required accepted', 'carol@example.test required none'])
    expect(await get(made.id)).toEqual(made)
  })

  it('who are users that may no longer sign in are only named', async () => {
    sim.setUser({ username: 'bob', active: false })
    const made = await create({ attendees: [attendee('bob')] })
    expect(invited(made.id)).toEqual([])
    expect(brief(eventOf(made).attendees)).toEqual(['bob@example.test required none'])
  })

  it('more than fifty are named as far as the text goes, and then no longer kept in step', async () => {
    await crm.users()
    const many = Array.from({ length: 60 }, (_, i) => guest(`g${100 + i}`))
    expect(crm.hold({ kind: 'event', fields: { attendees: many } }).fields).toEqual({})
    const made = await create({ attendees: [...many, attendee('bob')] })
    expect(blockOf(made.id)).toMatchObject({ more: 10, attendees: { length: 50 } })
    expect(eventOf(made)).not.toHaveProperty('attendees')
    const moved = snapshotOf(await revise(made, { time: hourAt(2, 9), body: 'Other' }))
    expect(blockOf(made.id)).toMatchObject({ text: 'Other', more: 10 })
    expect(invited(made.id)).toEqual([[idOf('bob'), 0]])
    const fewer = snapshotOf(await revise(moved, { attendees: [guest('ann')] }))
    expect(brief(eventOf(fewer).attendees)).toEqual(['ann@acme.test required none'])
    expect(invited(made.id)).toEqual([])
  })

  it('leave a text of full length its place, and the text them theirs', async () => {
    await crm.users()
    const attendees = [guest('ann'), attendee('bob')]
    const held = crm.hold({ kind: 'event', fields: { body: 'ü'.repeat(40_000), attendees } })
    const made = await create({ body: 'ü'.repeat(40_000), attendees })
    expect(Buffer.byteLength(String(stored(made.id).description))).toBeLessThanOrEqual(65_535)
    expect(eventOf(made).body).toBe((held.fields as Partial<EventFields>).body)
    expect(brief(eventOf(made).attendees)).toHaveLength(2)
    expect(crm.hold(held)).toEqual(held)
  })
})

describe('whom vtenext would invite by mistake', () => {
  it.each([
    ['a contact whose address contains that of a user', 'bigbob@example.test'],
    ['a contact with the address of a user', 'Bob@Example.test'],
  ])('%s is left alone: the user is only named', async (_what, email) => {
    const stranger = contact(email)
    const made = await create({ attendees: [attendee('bob', { answer: 'accepted' }), attendee('carol')] })
    expect(invited(made.id)).toEqual([[idOf('carol'), 0]])
    expect(invited(made.id).flat()).not.toContain(stranger)
    expect(sim.mails).toEqual([])
    expect(brief(eventOf(made).attendees)).toEqual(['bob@example.test required accepted', 'carol@example.test required none'])
  })

  it('is avoided by a second address of the user where there is one', async () => {
    sim.setUser({ username: 'bob', email2: 'robert@example.test' })
    contact('bigbob@example.test')
    const made = await create({ attendees: [attendee('bob')] })
    expect(invited(made.id)).toEqual([[idOf('bob'), 0]])
    expect(sim.mails).toEqual([])
  })

  it('is a second user with the same address, too', async () => {
    sim.addUser({ username: 'dora', email: 'bob@example.test' })
    const made = await create({ attendees: [attendee('bob')] })
    expect(invited(made.id)).toEqual([])
    expect(brief(eventOf(made).attendees)).toEqual(['bob@example.test required none'])
  })

  it('is also somebody whom another could bring along', async () => {
    const [ann, joann] = [contact('ann@acme.test'), contact('joann@acme.test')]
    const inviting = 'everybody'
    const both = await create({ attendees: [guest('ann'), guest('joann')] }, inviting)
    expect(invited(both.id).flat().filter((one) => one !== 0)).toEqual([ann, joann])
    pass(61)
    contact('bigjoann@acme.test')
    const neither = await create({ attendees: [guest('ann'), guest('joann'), attendee('bob')] }, inviting)
    expect(invited(neither.id)).toEqual([[idOf('bob'), 0]])
    expect(eventOf(neither).attendees).toHaveLength(3)
  })

  it('is also somebody who cannot be asked for at all, whom another would bring along', async () => {
    for (const username of ['dora', 'emil']) sim.addUser({ username, email2: 'joann@acme.test' })
    contact('ann@acme.test')
    contact('joann@acme.test')
    const made = await create({ attendees: [guest('ann'), guest('joann')] }, 'everybody')
    expect(invited(made.id)).toEqual([])
    expect(eventOf(made).attendees).toHaveLength(2)
  })

  it('are two contacts with one address', async () => {
    contact('ann@acme.test')
    contact('ann@acme.test')
    const made = await create({ attendees: [guest('ann')] }, 'everybody')
    expect(invited(made.id)).toEqual([])
    expect(sim.mails).toEqual([])
  })

  it('a colleague who was also invited as a contact stays both, and at least a colleague', async () => {
    sim.setUser({ username: 'bob', email: 'robert@example.test', email2: 'bob@example.test' })
    const same = contact('bob@example.test')
    const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees: [{ email: 'bob@example.test', partecipation: 2 }] })
    const moved = snapshotOf(await revise(await get(id), { time: hourAt(1, 12) }))
    expect(invited(id)).toEqual([[idOf('bob'), 2], [same, 2]])
    expect(brief(eventOf(moved).attendees)).toEqual(['robert@example.test required accepted'])
    pass(61)
    contact('bigbob@example.test')
    snapshotOf(await revise(moved, { time: hourAt(1, 14) }))
    expect(invited(id)).toEqual([[idOf('bob'), 2]])
  })

  it('is looked for again after a minute', async () => {
    snapshotOf((await crm.create([{ item: { kind: 'event', fields: { subject: 'A', time: hourAt(1, 9), attendees: [attendee('bob')] } }, token: token('a'), uid: 'a', assignee: idOf('alice') }]))[0])
    pass(61)
    contact('bigbob@example.test')
    const made = await create({ attendees: [attendee('bob')] })
    expect(invited(made.id)).toEqual([])
    expect(sim.mails).toEqual([])
  })

  it('a moved event whose contact cannot be invited alone keeps him in the text, with his answer', async () => {
    const ann = contact('ann@acme.test')
    const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees: [{ email: 'ann@acme.test', partecipation: 2 }, { email: 'bob@example.test', partecipation: 1 }] })
    sim.mails.length = 0
    contact('joann@acme.test')
    const before = await get(id)
    expect(invited(id)).toEqual([[idOf('bob'), 1], [ann, 2]])
    const moved = snapshotOf(await revise(before, { time: hourAt(1, 12) }))
    expect(invited(id)).toEqual([[idOf('bob'), 1]])
    expect(sim.mails).toEqual([])
    expect(eventOf(moved).attendees).toEqual(eventOf(before).attendees)
  })
})

describe('contacts', () => {
  it('are never invited by us, only named; the first of them is the contact of the event', async () => {
    contact('other@acme.test')
    const ann = contact('Ann@Acme.test')
    contact('tom@acme.test')
    const made = await create({ attendees: [attendee('bob'), guest('stranger'), guest('ann'), guest('tom')] })
    expect(stored(made.id)).toMatchObject({ contact_id: ann, invitees: [{ id: idOf('bob'), partecipation: 0 }] })
    expect(sim.mails).toEqual([])
  })

  it('of an event that has one stays', async () => {
    const [ann, tom] = [contact('ann@acme.test'), contact('tom@acme.test')]
    const id = sim.put('Events', { subject: 'C', ...TEN, contact_id: tom })
    const next = snapshotOf(await revise(await get(id), { attendees: [guest('ann')] }))
    expect(stored(id)).toMatchObject({ contact_id: tom })
    sim.edit(id, { contact_id: '' })
    pass(600)
    snapshotOf(await revise(await get(id), { attendees: [guest('ann'), guest('eve')] }))
    expect(stored(id)).toMatchObject({ contact_id: ann })
    expect(next.id).toBe(id)
  })

  it('become invitees where the policy says so, each alone or not at all', async () => {
    const ann = contact('ann@acme.test')
    contact('joann@acme.test')
    const tom = contact('tom@acme.test')
    const inviting = 'everybody'
    const made = await create({ attendees: [guest('ann'), guest('tom', { answer: 'accepted' }), guest('joann'), attendee('bob')] }, inviting)
    expect(invited(made.id)).toHaveLength(4)
    expect(invited(made.id)).toContainEqual([tom, 2])
    const fewer = snapshotOf(await revise(made, { attendees: [guest('ann'), guest('tom')] }, inviting))
    expect(invited(made.id)).toEqual([[tom, 0]])
    expect(brief(eventOf(fewer).attendees)).toEqual(['ann@acme.test required none', 'tom@acme.test required none'])
    expect(invited(made.id).flat()).not.toContain(ann)
  })

  it('who were only named before are not mailed because of a new time, an answer or somebody else', async () => {
    contact('ann@acme.test')
    const tom = contact('tom@acme.test')
    const made = await create({ attendees: [guest('ann')] })
    const moved = snapshotOf(await revise(made, { time: hourAt(1, 12) }, 'changed'))
    const answered = snapshotOf(await revise(moved, { attendees: [guest('ann', { answer: 'accepted' })] }, 'changed'))
    expect(sim.mails).toEqual([])
    snapshotOf(await revise(answered, { attendees: [guest('ann', { answer: 'accepted' }), guest('tom')] }, 'changed'))
    expect(invited(made.id)).toEqual([[tom, 0]])
    expect(sim.mails.map(({ to }) => to)).toEqual(['tom@acme.test'])
  })

  it('that were invited in the CRM stay so, with their answers, and are not mailed again', async () => {
    const ann = contact('ann@acme.test')
    const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees: [{ email: 'ann@acme.test', partecipation: 2 }] })
    sim.mails.length = 0
    const moved = snapshotOf(await revise(await get(id), { time: hourAt(1, 12) }))
    expect(invited(id)).toEqual([[ann, 2]])
    snapshotOf(await revise(moved, { attendees: [guest('ann', { answer: 'declined' }), attendee('bob')] }))
    expect(invited(id)).toEqual([[idOf('bob'), 0], [ann, 1]])
    expect(sim.mails).toEqual([])
  })

  it('that were invited and have lost their address are not thrown out', async () => {
    const ann = contact('ann@acme.test')
    const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees: [{ email: 'ann@acme.test', partecipation: 2 }] })
    sim.edit(ann, { email: '' })
    const changed = snapshotOf(await revise(await get(id), { attendees: [attendee('bob')], time: hourAt(1, 12) }))
    expect(invited(id).map(([who]) => who)).toEqual([ann])
    expect(brief(eventOf(changed).attendees)).toEqual(['bob@example.test required none'])
    expect(changed.changeKey).toBe((await get(id)).changeKey)
  })
})

describe('the organizer', () => {
  it('is named in the text, known to vtenext itself, and never an attendee', async () => {
    const outside = await create({ organizer: guest('boss'), attendees: [guest('boss'), attendee('bob')] })
    expect(stored(outside.id)).toMatchObject({ organizer: 'boss@acme.test' })
    expect(eventOf(outside)).toMatchObject({ organizer: { address: 'boss@acme.test', name: 'boss' } })
    expect(brief(eventOf(outside).attendees)).toEqual(['bob@example.test required none'])
    const inside = await create({ organizer: attendee('bob'), attendees: [attendee('carol')] })
    expect(stored(inside.id)).toMatchObject({ organizer: '' })
    expect(eventOf(inside)).toMatchObject({ organizer: { address: 'bob@example.test' } })
    expect(eventOf(await get(sim.put('Events', { subject: 'own', ...TEN })))).toMatchObject({ organizer: null, attendees: [] })
  })

  it('of an event from elsewhere is read from the record', async () => {
    const id = sim.put('Events', { subject: 'ext', ...TEN, organizer: { type: 'Other', value: 'Boss@acme.test' } })
    const event = await get(id)
    expect(eventOf(event)).toMatchObject({ organizer: { address: 'boss@acme.test', name: '' } })
    const changed = snapshotOf(await revise(event, { organizer: guest('chief'), attendees: [guest('ann')] }))
    expect(eventOf(changed)).toMatchObject({ organizer: { address: 'chief@acme.test' } })
  })

  it('who was also invited in the CRM keeps that place when the list is replaced', async () => {
    const made = await create({ organizer: attendee('bob'), attendees: [attendee('carol')] })
    sim.edit(made.id, { invitees: [{ email: 'bob@example.test', partecipation: 2 }, { email: 'carol@example.test' }] })
    const now = await get(made.id)
    expect(brief(eventOf(now).attendees)).toEqual(['carol@example.test required none'])
    snapshotOf(await revise(now, { attendees: [guest('ann')] }))
    expect(invited(made.id)).toEqual([[idOf('bob'), 2]])
  })
})

it('an event that was called off is not held, and planned again when it is on again', async () => {
  const made = await create({ cancelled: true })
  expect(stored(made.id)).toMatchObject({ eventstatus: 'Not Held' })
  expect(eventOf(made)).toMatchObject({ cancelled: true })
  const again = snapshotOf(await revise(made, { cancelled: false }))
  expect(stored(made.id)).toMatchObject({ eventstatus: 'Planned' })
  sim.edit(made.id, { eventstatus: 'Held' })
  const held = await get(made.id)
  expect(eventOf(held)).toMatchObject({ cancelled: false })
  expect(held.changeKey).not.toBe(again.changeKey)
  snapshotOf(await revise(held, { cancelled: false, place: 'Here' }))
  expect(stored(made.id)).toMatchObject({ eventstatus: 'Held', location: 'Here' })
})

describe('the version of an event with invitees', () => {
  const nothingKnown = async () => new Map<ItemId, ChangeKey>()

  it('is the same in the feed, in a read, in the answer to a write and when it is found again', async () => {
    const made = await create({ attendees: [attendee('bob', { answer: 'accepted' }), guest('ann')] })
    const page = await crm.pull('event', null, nothingKnown)
    expect(page).toMatchObject({ changes: [{ type: 'seen', snapshot: made }] })
    const query = { kind: 'event', token: token('token-1'), item: made.item, uid: 'uid-1', since: clock.now() } as const
    const other = open()
    for (const from of [crm, other]) {
      expect(await from.get('event', [made.id])).toEqual([{ type: 'seen', snapshot: made }])
      expect(await from.findCreated(query)).toEqual(made)
      expect(await from.set('uid-1')).toEqual([made])
    }
    pass(5)
    const moved = snapshotOf(await revise(made, { time: hourAt(3, 9) }))
    expect(await crm.get('event', [made.id])).toEqual([{ type: 'seen', snapshot: moved }])
  })

  it('costs events without invitees not one call more', async () => {
    await crm.groups()
    const requests = Array.from({ length: 5 }, (_, i): CreateRequest => ({
      item: { kind: 'event', fields: { subject: `E${i}`, time: hourAt(1, 9), attendees: [], organizer: null } }, token: token(`t${i}`), uid: `u${i}`, assignee: idOf('alice'),
    }))
    await create({})
    faults.calls = []
    const made = (await crm.create(requests)).map(snapshotOf)
    expect(faults.calls).toEqual(Array(5).fill('create'))
    faults.calls = []
    await crm.update(made.map(({ id, changeKey }) => ({ id, kind: 'event', fields: { time: hourAt(2, 9) }, expect: changeKey })))
    expect(faults.calls.sort()).toEqual([...Array(5).fill('retrieve'), ...Array(5).fill('revise')])
    faults.calls = []
    await crm.get('event', made.map(({ id }) => id))
    expect(faults.calls).toEqual(Array(5).fill('retrieve'))
  })

  it('costs a batch of invitations one call more, and two for who is meant', async () => {
    await crm.groups()
    await create({})
    const requests = Array.from({ length: 5 }, (_, i): CreateRequest => ({
      item: { kind: 'event', fields: { subject: `E${i}`, time: hourAt(1, 9), attendees: [attendee('bob'), guest(`g${i}`)] } },
      token: token(`t${i}`), uid: `u${i}`, assignee: idOf('alice'),
    }))
    faults.calls = []
    await crm.create(requests)
    expect(faults.calls.sort()).toEqual([...Array(5).fill('create'), 'query', 'query', 'vtesync.get_changes'])
  })

  it('is not told from two halves when somebody saves between two calls', async () => {
    const id = sim.put('Events', { subject: 'Inv', ...TEN, invitees: [{ email: 'bob@example.test' }] })
    await crm.users()
    const take = faults.take.bind(faults)
    let once = true
    faults.take = (operation, subject) => {
      if (operation === 'vtesync.get_changes' && once) {
        once = false
        pass(3)
        sim.edit(id, { subject: 'Meanwhile' })
      }
      return take(operation, subject)
    }
    try {
      const event = await get(id)
      expect(eventOf(event)).toMatchObject({ subject: 'Meanwhile', attendees: [{ address: 'bob@example.test' }] })
    } finally {
      faults.take = take
    }
  })
})
