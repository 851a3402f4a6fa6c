import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { EwsSim, EwsSimOptions } from '../../sim/ews/index.ts'
import { done, onlyItem, pullAll, startOffice } from '../../test/support/ews.ts'
import type { TestOffice } from '../../test/support/ews.ts'
import { token } from '../model/index.ts'
import type { Attendee, EventFields, EventTime, Fields, Instant, PlainDate, Series, Snapshot } from '../model/index.ts'
import type { Exchange, UpdateRequest } from '../ports.ts'

const ALICE = 'alice@example.test'
const BOB = 'bob@example.test'
const GUEST = 'guest@example.test'
const attendee = (address: string, more: Partial<Attendee> = {}): Attendee => ({ address, name: '', role: 'required', answer: 'none', ...more })
const bob = attendee(BOB)
const guest = attendee(GUEST, { role: 'optional' })
const time: EventTime = { allDay: false, start: '2026-12-01T09:00:00Z' as Instant, end: '2026-12-01T10:00:00Z' as Instant, zone: 'Europe/Berlin' }

let office: TestOffice
let sim: EwsSim
let mailbox: Exchange

async function start(options: EwsSimOptions = {}): Promise<void> {
  office = await startOffice(options)
  sim = office.sim
  mailbox = office.mailbox('alice')
}
beforeEach(() => start())
afterEach(() => office.stop())

const create = async (fields: Partial<EventFields>, more: object = {}): Promise<Snapshot> =>
  done((await mailbox.create([{ item: { kind: 'event', fields: { subject: 'Talk', time, ...fields } }, token: token('t'), uid: 'uid-1', ...more }]))[0])
const update = (item: Snapshot, fields: Fields, more: Partial<UpdateRequest> = {}) =>
  mailbox.update([{ id: item.id, kind: 'event', fields, expect: item.changeKey, ...more }])
const edit = async (item: Snapshot, fields: Fields, more: Partial<UpdateRequest> = {}): Promise<Snapshot> => done((await update(item, fields, more))[0])
const fieldsIn = (item: Snapshot) => item.item.fields as Partial<EventFields>
const outbox = () => sim.outbox.map(({ kind, to }) => `${kind} ${to}`).toSorted()
const realAttendees = () => sim.items(ALICE, 'calendar')[0]?.fields['RequiredAttendees'] as unknown[] | undefined
const bodyIn = () => {
  const body = sim.items(ALICE, 'calendar')[0]?.fields['Body']
  return typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : String(body ?? '')
}

describe('an event with people the CRM has on it', () => {
  it('names them in its text, invites nobody, and tells them again as they were', async () => {
    const organizer = { address: 'carol@example.test', name: 'Carol <C>' }
    const attendees = [attendee(BOB, { name: 'Bianchi, Bob', answer: 'accepted' }), guest]
    const made = await create({ body: 'Agenda', attendees, organizer })
    expect(fieldsIn(made)).toMatchObject({ body: 'Agenda', attendees, organizer })
    expect(made).not.toHaveProperty('traits')
    expect(realAttendees()).toBeUndefined()
    expect(outbox()).toEqual([])
    expect(bodyIn()).toContain('Bianchi, Bob &lt;bob@example.test&gt;: accepted')
  })

  it('keeps them under a new text, and the text under new people', async () => {
    const made = await create({ body: 'Agenda', attendees: [bob] })
    const retold = await edit(made, { body: 'Other' })
    expect(fieldsIn(retold)).toMatchObject({ body: 'Other', attendees: [bob] })
    const joined = await edit(retold, { attendees: [bob, guest] })
    expect(fieldsIn(joined)).toMatchObject({ body: 'Other', attendees: [bob, guest] })
    const alone = await edit(joined, { attendees: [], organizer: null })
    expect(fieldsIn(alone)).toMatchObject({ body: 'Other', attendees: [], organizer: null })
    expect(bodyIn()).not.toContain('Participants')
    expect(outbox()).toEqual([])
  })

  it('leaves the author\'s formatting alone when only the people change', async () => {
    const html = '<html><head><style>p{}</style></head><body><p><b>Bring</b> the <i>plan</i></p></body></html>'
    sim.putItem(ALICE, 'calendar', { Subject: 'x', Body: { type: 'HTML', text: html }, Start: '2026-12-01T09:00:00Z', End: '2026-12-01T10:00:00Z' })
    const named = await edit(await onlyItem(mailbox), { attendees: [bob] })
    expect(fieldsIn(named)).toMatchObject({ body: 'Bring the plan', attendees: [bob] })
    expect(bodyIn()).toContain('<b>Bring</b> the <i>plan</i>')
    const changed = await edit(named, { attendees: [guest] })
    expect(fieldsIn(changed)).toMatchObject({ body: 'Bring the plan', attendees: [guest] })
    expect(bodyIn()).toContain('<b>Bring</b> the <i>plan</i>')
    expect(bodyIn()).not.toContain(BOB)
    await edit(changed, { attendees: [] })
    expect(bodyIn()).toContain('<b>Bring</b> the <i>plan</i>')
    expect(bodyIn()).not.toContain('Participants')
  })

  it('becomes a meeting when they are to be told, and loses the list', async () => {
    const made = await create({ body: 'Agenda', attendees: [bob] })
    const met = await edit(made, { attendees: [bob, guest] }, { mailing: 'everybody' })
    expect(outbox()).toEqual([`invitation ${BOB}`, `invitation ${GUEST}`])
    expect(fieldsIn(met)).toMatchObject({ body: 'Agenda', attendees: [bob, guest].map((one) => ({ ...one, name: expect.any(String) as string })), organizer: { address: ALICE }, cancelled: false })
    expect(met.traits).toEqual({ hasAttendees: true })
    expect(bodyIn()).not.toContain('Participants')
  })
})

describe('a meeting of one\'s own', () => {
  it('is made where the CRM asks for mails, and its changes go out to whom it says', async () => {
    const made = await create({ body: 'Agenda', attendees: [bob, guest, attendee(ALICE)] }, { mailing: 'everybody' })
    expect(outbox()).toEqual([`invitation ${BOB}`, `invitation ${GUEST}`])
    expect(fieldsIn(made)).toMatchObject({ organizer: { address: ALICE }, attendees: [{ address: BOB, role: 'required' }, { address: GUEST, role: 'optional' }] })
    sim.outbox.length = 0
    const silent = await edit(made, { place: 'Room 5' })
    expect(outbox()).toEqual([])
    const told = await edit(silent, { place: 'Room 6' }, { mailing: 'everybody' })
    expect(outbox()).toEqual([`update ${BOB}`, `update ${GUEST}`])
    sim.outbox.length = 0
    await edit(told, { attendees: [bob, attendee('carol@example.test')] }, { mailing: 'changed' })
    expect(outbox()).toEqual([`cancellation ${GUEST}`, 'invitation carol@example.test'])
  })

  it('tells what became of the invitations', async () => {
    await create({ attendees: [bob, guest] }, { mailing: 'everybody' })
    sim.answerFromOutside({ organizer: ALICE, uid: 'uid-1' }, GUEST, 'tentative')
    sim.respond(BOB, (await onlyItem(office.mailbox('bob'))).id, 'accept')
    expect(fieldsIn(await onlyItem(mailbox)).attendees).toMatchObject([{ address: BOB, answer: 'accepted' }, { address: GUEST, answer: 'tentative' }])
  })

  it('gets no new guests behind their back', async () => {
    const made = await create({ attendees: [bob] }, { mailing: 'everybody' })
    sim.outbox.length = 0
    const now = await edit(made, { attendees: [bob, guest], body: 'new' })
    expect(fieldsIn(now)).toMatchObject({ attendees: [{ address: BOB }], body: 'new' })
    expect(bodyIn()).not.toContain('Participants')
    expect(outbox()).toEqual([])
  })

  it('is called off only when that is said', async () => {
    const first = await create({ attendees: [bob] }, { mailing: 'everybody' })
    const second = await create({ attendees: [guest] }, { mailing: 'everybody', uid: 'uid-2' })
    sim.outbox.length = 0
    expect(await mailbox.remove([
      { id: first.id, kind: 'event', expect: first.changeKey }, { id: second.id, kind: 'event', expect: second.changeKey, mailing: 'everybody' },
    ])).toEqual([{ type: 'removed' }, { type: 'removed' }])
    expect(outbox()).toEqual([`cancellation ${GUEST}`])
  })

  it('whose invitations its organizer has not sent yet is changed and deleted without a word to anybody', async () => {
    const day = { Start: '2026-12-01T09:00:00Z', End: '2026-12-01T10:00:00Z' }
    sim.putItem(ALICE, 'calendar', { Subject: 'Plan', ...day, RequiredAttendees: [BOB] })
    const saved = await onlyItem(mailbox)
    expect(saved.traits).toEqual({ hasAttendees: true, unsent: true })
    const moved = await edit(saved, { place: 'Room 5', time: { ...time, end: '2026-12-01T11:00:00Z' as Instant } }, { mailing: 'everybody' })
    const asked = await edit(moved, { attendees: [bob, guest] }, { mailing: 'changed' })
    expect(fieldsIn(asked)).toMatchObject({ place: 'Room 5', attendees: [{ address: BOB }] })
    expect(await mailbox.remove([{ id: asked.id, kind: 'event', expect: asked.changeKey, mailing: 'everybody' }])).toEqual([{ type: 'removed' }])
    expect(outbox()).toEqual([])
  })

  it('is not made of an event nobody is on', async () => {
    const made = await create({}, { mailing: 'everybody' })
    const changed = await edit(made, { place: 'Room 5' }, { mailing: 'everybody' })
    expect(fieldsIn(changed)).not.toHaveProperty('cancelled')
    expect(fieldsIn(changed)).toMatchObject({ place: 'Room 5', organizer: null })
    expect(outbox()).toEqual([])
  })
})

describe('an invitation by somebody else', () => {
  const invite = () => void sim.inviteFromOutside({ organizer: GUEST, fields: {
    Subject: 'Talk', Body: 'theirs', Start: '2026-12-01T09:00:00Z', End: '2026-12-01T10:00:00Z', UID: 'uid-9', RequiredAttendees: [ALICE, BOB],
  } })

  it('is told with its organizer and the owner\'s own answer', async () => {
    invite()
    const item = await onlyItem(mailbox)
    expect(item).toMatchObject({ traits: { invited: true }, item: { fields: { organizer: { address: GUEST }, answer: 'none', cancelled: false } } })
    expect(fieldsIn(item).attendees?.map(({ address }) => address)).toContain(BOB)
  })

  it('is answered silently, or so that the organizer hears of it', async () => {
    invite()
    const silent = await edit(await onlyItem(mailbox), { answer: 'tentative' })
    expect(fieldsIn(silent)).toMatchObject({ answer: 'tentative', subject: 'Talk' })
    expect(outbox().filter((mail) => mail.startsWith('response'))).toEqual([])
    const loud = await edit(silent, { answer: 'accepted' }, { mailing: 'everybody' })
    expect(fieldsIn(loud)).toMatchObject({ answer: 'accepted' })
    expect(outbox().filter((mail) => mail.startsWith('response'))).toEqual([`response ${GUEST}`])
  })

  it('takes other fields along with the answer', async () => {
    invite()
    const item = await edit(await onlyItem(mailbox), { answer: 'accepted', categories: ['Blue'], reminder: 5 })
    expect(fieldsIn(item)).toMatchObject({ answer: 'accepted', categories: ['Blue'], reminder: 5 })
  })

  it('may have another id after the answer', async () => {
    await office.stop()
    await start({ acceptRecreates: true })
    invite()
    const before = await onlyItem(mailbox)
    const after = await edit(before, { answer: 'accepted' })
    expect(after.id).not.toBe(before.id)
    expect(await onlyItem(mailbox)).toEqual(after)
  })

  it('leaves the calendar when it is declined', async () => {
    invite()
    const before = await onlyItem(mailbox)
    const after = await edit(before, { answer: 'declined' }, { mailing: 'everybody' })
    expect(after).toMatchObject({ id: before.id, item: { fields: { answer: 'declined' } } })
    expect(await pullAll(mailbox, 'event')).toEqual([])
    expect(outbox()).toContain(`response ${GUEST}`)
  })

  it('is not answered twice, not by its organizer, and not taken back', async () => {
    invite()
    const given = await edit(await onlyItem(mailbox), { answer: 'accepted' })
    sim.faults.add({ operation: 'CreateItem', effect: { type: 'status', status: 500 } })
    expect(await edit(given, { answer: 'accepted' })).toEqual(given)
    expect(fieldsIn(await edit(given, { answer: 'none' }))).toMatchObject({ answer: 'accepted' })
    sim.faults.clear()
    const own = await create({ attendees: [bob] }, { mailing: 'everybody' })
    sim.faults.add({ operation: 'CreateItem', effect: { type: 'status', status: 500 } })
    expect(await edit(own, { answer: 'accepted' })).toEqual(own)
  })

  it('that somebody changed meanwhile is not answered', async () => {
    invite()
    const before = await onlyItem(mailbox)
    sim.editItem(ALICE, before.id, { Categories: ['Red'] })
    expect(await update(before, { answer: 'accepted' })).toEqual([{ type: 'stale' }])
    expect(fieldsIn(await onlyItem(mailbox)).answer).toBe('none')
  })

  it('is told as cancelled when the organizer called it off, and nobody hears of its removal', async () => {
    invite()
    sim.cancelMeeting({ organizer: GUEST, uid: 'uid-9' })
    const item = await onlyItem(mailbox)
    expect(fieldsIn(item)).toMatchObject({ cancelled: true })
    sim.outbox.length = 0
    expect(await mailbox.remove([{ id: item.id, kind: 'event', expect: item.changeKey, mailing: 'everybody' }])).toEqual([{ type: 'removed' }])
    expect(outbox()).toEqual([])
  })
})

describe('a series of meetings', () => {
  const series: Series = {
    recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-01' as PlainDate, count: 5 } }, time, exceptions: [], deleted: [],
  }
  const occurrence = { index: 2, start: '2026-12-02T09:00:00Z' as Instant }

  it('calls off one occurrence, and moves another, with a word to everybody', async () => {
    const master = await create({ attendees: [bob] }, { mailing: 'everybody', series })
    sim.outbox.length = 0
    const moved = await edit(master, { time: { ...time, start: '2026-12-02T11:00:00Z' as Instant, end: '2026-12-02T12:00:00Z' as Instant } }, { occurrence, mailing: 'everybody' })
    expect(moved.series?.exceptions).toMatchObject([{ start: occurrence.start, fields: { time: { start: '2026-12-02T11:00:00Z' }, attendees: [{ address: BOB }] } }])
    expect(outbox()).toEqual([`update ${BOB}`])
    sim.outbox.length = 0
    expect(await mailbox.remove([{ id: moved.id, kind: 'event', expect: moved.changeKey, occurrence: { index: 3, start: '2026-12-03T09:00:00Z' as Instant }, mailing: 'everybody' }]))
      .toEqual([{ type: 'removed' }])
    expect(outbox()).toEqual([`cancellation ${BOB}`])
  })

  it('is answered for one occurrence alone', async () => {
    const master = await create({ attendees: [bob] }, { mailing: 'everybody', series })
    mailbox = office.mailbox('bob')
    const received = await onlyItem(mailbox)
    const accepted = await edit(received, { answer: 'accepted' }, { mailing: 'everybody' })
    expect(accepted).toMatchObject({ series: { recurrence: series.recurrence }, item: { fields: { answer: 'accepted' } } })
    const now = await edit(accepted, { answer: 'tentative' }, { occurrence })
    expect(now.series?.exceptions).toMatchObject([{ start: occurrence.start, fields: { answer: 'tentative', organizer: { address: ALICE } } }])
    expect(fieldsIn(now)).toMatchObject({ answer: 'accepted' })
    expect(master.series?.exceptions).toEqual([])
  })

  it('without invitations names the people of one occurrence in its text', async () => {
    const master = await create({ body: 'all', attendees: [bob] }, { series })
    const now = await edit(master, { attendees: [bob, guest] }, { occurrence })
    expect(now.series?.exceptions).toMatchObject([{ fields: { body: 'all', attendees: [bob, guest] } }])
    expect(fieldsIn(now)).toMatchObject({ body: 'all', attendees: [bob] })
    expect(outbox()).toEqual([])
  })
})
