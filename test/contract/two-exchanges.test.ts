import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEwsSim } from '../../sim/ews/index.ts'
import { createEwsConnection } from '../../src/ews/index.ts'
import { STAMP_NAME, STAMP_SET } from '../../src/ews/stamp.ts'
import { formatStamp as ewsStamp } from '../../src/ews/stamp.ts'
import { formatStamp as graphStamp, STAMP_ID } from '../../src/graph/stamp.ts'
import { changeKey, itemId, itemOf, syncState, token } from '../../src/model/index.ts'
import type { EventFields, Fields, Instant, Item, ItemKind, PlainDate, Snapshot, Stamp } from '../../src/model/index.ts'
import type { Exchange } from '../../src/ports.ts'
import { alice, day, done, none, pullRound, startCloud } from '../support/cloud.ts'

interface Place {
  readonly mailbox: Exchange
  mails(): number
  stop(): Promise<void>
}

async function onPremises(): Promise<Place> {
  const sim = await startEwsSim({ validate: null })
  const cloud = await startCloud()
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const connection = createEwsConnection({ name: 'onprem', url: sim.url, auth: { kind: 'basic' }, credentials: sim.service, impersonation: true, log, clock: cloud.clock, timeoutMs: 5_000 })
  return {
    mailbox: connection.mailbox(alice), mails: () => sim.outbox.length,
    async stop() {
      await connection.close()
      await Promise.all([sim.stop(), cloud.stop()])
    },
  }
}

async function inTheCloud(): Promise<Place> {
  const cloud = await startCloud()
  return { mailbox: cloud.connect().mailbox(alice), mails: () => cloud.mails(), stop: () => cloud.stop() }
}

const timed = { allDay: false, start: `${day(3)}T09:00:00Z` as Instant, end: `${day(3)}T10:00:00Z` as Instant } as const
const ITEMS: Readonly<Record<ItemKind, Item>> = {
  event: itemOf('event', { subject: 'Visit', body: 'Bring:\n- the plan', time: timed, place: 'Room 5', freeBusy: 'busy', sensitivity: 'normal', importance: 'high', categories: ['Blue'], reminder: 30 }),
  task: itemOf('task', { subject: 'Call', body: 'soon', startDate: null, dueDate: day(2) as PlainDate, status: 'inProgress', importance: 'low', categories: [] }),
  contact: itemOf('contact', { firstName: 'Carol', lastName: 'Rossi', email: 'carol@example.test', fax: '+39 1', body: 'likes tea' }),
}
const stampOf = (kind: ItemKind, name = 'pair-1'): Stamp => ({ instance: 'crm-1', kind, record: itemId('18x7'), token: token(name) })

describe.each([['a company\'s own server', onPremises], ['Microsoft 365', inTheCloud]])('a mailbox on %s', (_where, open) => {
  let place: Place
  let mailbox: Exchange
  beforeEach(async () => {
    place = await open()
    mailbox = place.mailbox
    await mailbox.open()
  })
  afterEach(() => place.stop())

  const make = async (kind: ItemKind): Promise<Snapshot> =>
    done((await mailbox.create([{ item: ITEMS[kind], token: token('pair-1'), stamp: stampOf(kind), ...(kind === 'event' ? { uid: 'uid-of-the-crm' } : {}) }]))[0])

  describe.each(['event', 'task', 'contact'] as const)('with an item of the kind %s', (kind) => {
    it('holds it the same once and twice, and gives back what it holds', async () => {
      const held = mailbox.hold(ITEMS[kind])
      expect(mailbox.hold(held)).toEqual(held)
      const made = await make(kind)
      expect(made.item.fields).toMatchObject(held.fields)
      expect(made.stamp).toEqual(stampOf(kind))
      expect((await mailbox.get(kind, [made.id]))[0]).toMatchObject({ type: 'seen', snapshot: { id: made.id, item: { fields: held.fields } } })
    })

    it('tells it once, then nothing, then its deletion', async () => {
      const made = await make(kind)
      const all = await pullRound(mailbox, kind)
      expect(all.changes).toMatchObject([{ type: 'seen', snapshot: { id: made.id } }])
      expect((await pullRound(mailbox, kind, all)).changes).toEqual([])
      const [now] = await mailbox.get(kind, [made.id])
      expect(await mailbox.remove([{ id: made.id, kind, expect: now?.type === 'seen' ? now.snapshot.changeKey : made.changeKey }])).toEqual([{ type: 'removed' }])
      expect((await pullRound(mailbox, kind, all)).changes).toEqual([{ type: 'gone', id: made.id }])
      expect(await mailbox.get(kind, [made.id])).toEqual([{ type: 'gone' }])
    })

    it('does not tell it when its version is known', async () => {
      const made = await make(kind)
      const [now] = await mailbox.get(kind, [made.id])
      const key = now?.type === 'seen' ? now.snapshot.changeKey : made.changeKey
      expect((await pullRound(mailbox, kind, null, () => Promise.resolve(new Map([[made.id, key]])))).changes).toEqual([])
    })

    it('writes only over the version that was named', async () => {
      const made = await make(kind)
      const field = kind === 'contact' ? { jobTitle: 'CEO' } : { subject: 'Other' }
      expect(await mailbox.update([{ id: made.id, kind, fields: field, expect: changeKey('W/"older"') }])).toMatchObject([{ type: expect.stringMatching(/^(stale|failed)$/) }])
      const after = done((await mailbox.update([{ id: made.id, kind, fields: field, expect: made.changeKey }]))[0])
      expect(after.item.fields).toMatchObject(field)
      expect(await mailbox.update([{ id: made.id, kind, fields: field, expect: made.changeKey }])).toEqual([{ type: 'stale' }])
    })

    it('finds it by its token, as created and as lost', async () => {
      const made = await make(kind)
      const query = { kind, item: ITEMS[kind], uid: null, since: `${day(-1)}T00:00:00Z` as Instant }
      expect(await mailbox.findCreated({ ...query, token: token('pair-1') })).toMatchObject({ id: made.id })
      expect(await mailbox.findCreated({ ...query, token: token('other') })).toBeNull()
      expect(await mailbox.locate(kind, token('pair-1'), null)).toMatchObject({ where: 'synced', snapshot: { id: made.id } })
      expect(await mailbox.locate(kind, token('other'), null)).toEqual({ where: 'nowhere' })
    })

    it('mails nobody, whatever is done to it', async () => {
      const made = await make(kind)
      const [now] = await mailbox.get(kind, [made.id])
      await mailbox.remove([{ id: made.id, kind, expect: now?.type === 'seen' ? now.snapshot.changeKey : made.changeKey }])
      expect(place.mails()).toBe(0)
    })
  })

  it('keeps the UID that an event was made with', async () => {
    const made = await make('event')
    expect((await mailbox.get('event', [made.id]))[0]).toMatchObject({ snapshot: { uid: 'uid-of-the-crm' } })
  })

  it('starts again from what another protocol left', async () => {
    expect(await mailbox.pull('event', syncState('no state of ours'), none)).toEqual({ type: 'resync-required' })
    expect(await mailbox.get('event', [itemId('an id of another protocol')])).toEqual([{ type: 'gone' }])
  })

  it('names the people of an event in its text where nobody may be mailed', async () => {
    const people: Partial<EventFields> = { attendees: [{ address: 'bob@example.test', name: 'Bob', role: 'required', answer: 'none' }], organizer: { address: 'alice@example.test', name: 'Alice' } }
    const made = done((await mailbox.create([{ item: itemOf('event', { ...(ITEMS.event.fields as Fields), ...people }), token: token('p') }]))[0])
    expect(made.item.fields).toMatchObject({ body: 'Bring:\n- the plan', ...people })
    expect(place.mails()).toBe(0)
  })
})

describe('the stamp', () => {
  it('is the same property with the same words in both protocols', () => {
    expect(STAMP_ID.toLowerCase()).toBe(`string {${STAMP_SET}} name ${STAMP_NAME}`.toLowerCase())
    for (const kind of ['event', 'task', 'contact'] as const) expect(graphStamp(stampOf(kind))).toBe(ewsStamp(stampOf(kind)))
  })
})
