import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { alice, bob, day, done, none, startCloud } from '../../test/support/cloud.ts'
import type { Cloud } from '../../test/support/cloud.ts'
import { itemId, itemOf, token } from '../model/index.ts'
import type { Attendee, EventFields, Instant, Mailbox, Snapshot } from '../model/index.ts'
import type { Exchange } from '../ports.ts'
import type { GraphConnection } from './index.ts'
import { meetingFacts } from './people-to-model.ts'

let cloud: Cloud
let connection: GraphConnection
let mailbox: Exchange

beforeEach(async () => {
  cloud = await startCloud()
  connection = cloud.connect()
  mailbox = connection.mailbox(alice)
})
afterEach(() => cloud.stop())

const time = { allDay: false, start: `${day(3)}T09:00:00Z` as Instant, end: `${day(3)}T10:00:00Z` as Instant } as const
const guest = (address: string, more: Partial<Attendee> = {}): Attendee => ({ address, name: address.split('@')[0] ?? '', role: 'required', answer: 'none', ...more })
const invite = (addresses: readonly string[] = ['bob@example.test'], more: object = {}) => cloud.outlook('POST', '/calendar/events', {
  subject: 'Review', start: { dateTime: time.start.slice(0, 19), timeZone: 'UTC' }, end: { dateTime: time.end.slice(0, 19), timeZone: 'UTC' },
  attendees: addresses.map((address) => ({ type: 'required', emailAddress: { address, name: address } })), ...more,
})
async function one(id: string, replica = mailbox): Promise<Snapshot> {
  const [found] = await replica.get('event', [itemId(id)])
  if (found?.type !== 'seen') throw new Error(`not seen: ${JSON.stringify(found)}`)
  return found.snapshot
}
const fieldsOf = (snapshot: Snapshot) => snapshot.item.fields as Partial<EventFields>
async function only(replica: Exchange): Promise<Snapshot> {
  const page = await replica.pull('event', null, none)
  const [change] = page.type === 'page' ? page.changes : []
  if (change?.type !== 'seen') throw new Error(`not seen: ${JSON.stringify(page)}`)
  return change.snapshot
}
const at = (mailbox_: Mailbox) => connection.mailbox(mailbox_)

describe('the people of an event', () => {
  it('are named in its text where nobody may be mailed, and are read from there', async () => {
    const item = itemOf('event', { subject: 'Visit', body: 'Bring the plan', time, attendees: [guest('bob@example.test'), guest('carol@example.test', { role: 'optional' })], organizer: { address: 'alice@example.test', name: 'Alice' } })
    const made = done((await mailbox.create([{ item, token: token('t') }]))[0])
    expect(fieldsOf(made)).toMatchObject({ body: 'Bring the plan', attendees: [guest('bob@example.test'), guest('carol@example.test', { role: 'optional' })] })
    const there = await cloud.outlook('GET', `/events/${made.id}`)
    expect(there.attendees).toEqual([])
    expect(there.body.content).toContain('bob@example.test')
    expect(cloud.mails()).toBe(0)
    const after = done((await mailbox.update([{ id: made.id, kind: 'event', fields: { attendees: [guest('carol@example.test')] }, expect: made.changeKey }]))[0])
    expect(fieldsOf(after)).toMatchObject({ body: 'Bring the plan', attendees: [guest('carol@example.test')] })
    expect(cloud.mails()).toBe(0)
  })

  it('know the owner of the mailbox as the organizer by his address, too, as after a move from another server', () => {
    const event = { isOrganizer: false, organizer: { emailAddress: { address: 'Alice@Example.test', name: 'Alice' } }, attendees: [{ emailAddress: { address: 'bob@example.test' } }] }
    expect(meetingFacts(event, alice)).toMatchObject({ isMeeting: true, invited: false, hasAttendees: true })
    expect(meetingFacts(event, bob)).toMatchObject({ invited: true })
  })

  it('are not told that the organizer answers his own invitation (rule R-13)', async () => {
    const { id } = await invite()
    const before = await one(id)
    const sent = cloud.mails()
    const take = vi.spyOn(cloud.sim.faults, 'take')
    done((await mailbox.update([{ id: before.id, kind: 'event', fields: { answer: 'accepted' }, expect: before.changeKey }]))[0])
    expect(take.mock.calls.map(([operation]) => operation)).not.toContain('acceptEvent')
    expect(cloud.mails()).toBe(sent)
  })

  it('become guests, and are mailed, only by leave', async () => {
    const item = itemOf('event', { subject: 'Visit', body: 'Bring the plan', time, attendees: [guest('bob@example.test'), guest('alice@example.test')] })
    const made = done((await mailbox.create([{ item, token: token('t'), mailing: 'everybody' }]))[0])
    expect(made.traits).toEqual({ hasAttendees: true })
    expect(fieldsOf(made)).toMatchObject({ attendees: [{ address: 'bob@example.test' }], organizer: { address: 'alice@example.test' }, cancelled: false })
    expect(cloud.mails()).toBeGreaterThan(0)
  })

  it('of a meeting are Exchange\'s own, with their answers', async () => {
    const { id } = await invite()
    const copy = await only(at(bob))
    expect(copy.traits).toEqual({ invited: true, hasAttendees: true })
    expect(fieldsOf(copy)).toMatchObject({ organizer: { address: 'alice@example.test' }, answer: 'none' })
    await cloud.outlook('POST', `/events/${copy.id}/accept`, { sendResponse: true }, bob)
    expect(fieldsOf(await one(id)).attendees).toMatchObject([{ address: 'bob@example.test', answer: 'accepted' }])
    expect(fieldsOf(await one(copy.id, at(bob)))).toMatchObject({ answer: 'accepted' })
  })
})

describe('changing a meeting', () => {
  it('with leave mails the guests; without it nothing is done', async () => {
    const { id } = await invite()
    const before = await one(id)
    const sent = cloud.mails()
    expect(await mailbox.update([{ id: itemId(id), kind: 'event', fields: { subject: 'Moved' }, expect: before.changeKey }])).toMatchObject([{ type: 'failed', error: { code: 'GRAPH_WOULD_MAIL' } }])
    expect(cloud.mails()).toBe(sent)
    const after = done((await mailbox.update([{ id: itemId(id), kind: 'event', fields: { subject: 'Moved' }, expect: before.changeKey, mailing: 'everybody' }]))[0])
    expect(fieldsOf(after)).toMatchObject({ subject: 'Moved' })
    expect(cloud.mails()).toBeGreaterThan(sent)
  })

  it('is left alone while its organizer has not sent it, with leave as without', async () => {
    const { id } = cloud.sim.putItem('alice@example.test', 'calendar', { subject: 'Plan', start: '2026-12-01T09:00:00', end: '2026-12-01T10:00:00', attendees: ['bob@example.test'], unsent: true })
    const before = await one(id)
    expect(before.traits).toEqual({ hasAttendees: true, unsent: true })
    const sent = cloud.mails()
    const refused = { type: 'failed', error: { code: 'GRAPH_WOULD_MAIL' } }
    expect(await mailbox.update([{ id: itemId(id), kind: 'event', fields: { subject: 'Moved' }, expect: before.changeKey, mailing: 'everybody' }])).toMatchObject([refused])
    expect(await mailbox.remove([{ id: itemId(id), kind: 'event', expect: before.changeKey, mailing: 'everybody' }])).toMatchObject([refused])
    expect(cloud.mails()).toBe(sent)
  })

  it('with leave calls it off', async () => {
    const { id } = await invite()
    const { changeKey } = await one(id)
    const sent = cloud.mails()
    expect(await mailbox.remove([{ id: itemId(id), kind: 'event', expect: changeKey, mailing: 'everybody' }])).toEqual([{ type: 'removed' }])
    expect(cloud.mails()).toBeGreaterThan(sent)
  })

  it('of the owner\'s own things tells nobody', async () => {
    const { id } = await invite()
    const before = await one(id)
    const sent = cloud.mails()
    const after = done((await mailbox.update([{ id: itemId(id), kind: 'event', fields: { reminder: 5, freeBusy: 'free', subject: 'Review' }, expect: before.changeKey }]))[0])
    expect(after.id).toBe(id)
    expect(cloud.mails()).toBe(sent)
  })

  it('keeps the way into an online meeting', async () => {
    const { id } = await invite([], { isOnlineMeeting: true, onlineMeetingProvider: 'teamsForBusiness' })
    const { changeKey } = await one(id)
    expect(await mailbox.update([{ id: itemId(id), kind: 'event', fields: { body: 'new' }, expect: changeKey }])).toMatchObject([{ type: 'failed', error: { code: 'GRAPH_ONLINE_MEETING', scope: 'item' } }])
  })
})

describe('an answer', () => {
  it.each(['accepted', 'tentative', 'declined'] as const)('(%s) is given silently, or by mail with leave', async (answer) => {
    for (const mailing of [undefined, 'everybody'] as const) {
      const { id } = await invite(['bob@example.test'], { subject: `Review ${answer} ${mailing ?? 'silent'}` })
      const { iCalUId } = await cloud.outlook('GET', `/events/${id}`)
      const found = await at(bob).locate('event', token('none'), iCalUId)
      if (found.where !== 'synced') throw new Error(found.where)
      const sent = cloud.mails()
      const after = done((await at(bob).update([{ id: found.snapshot.id, kind: 'event', fields: { answer }, expect: found.snapshot.changeKey, ...(mailing === undefined ? {} : { mailing }) }]))[0])
      expect(fieldsOf(after)).toMatchObject({ answer })
      expect(cloud.mails() > sent).toBe(mailing !== undefined)
    }
  })

  it('that was given already is not given again', async () => {
    await invite()
    const copy = await only(at(bob))
    const first = done((await at(bob).update([{ id: copy.id, kind: 'event', fields: { answer: 'accepted' }, expect: copy.changeKey }]))[0])
    expect(done((await at(bob).update([{ id: copy.id, kind: 'event', fields: { answer: 'accepted' }, expect: first.changeKey }]))[0]).changeKey).toBe(first.changeKey)
  })
})
