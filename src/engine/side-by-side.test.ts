import { expect, test } from 'vitest'
import { assigneeId, CRM_LANE, itemOf, mailboxId, occurrenceUid } from '../model/index.ts'
import type { Attendee, Fields, Instant, Item, MailboxId, PlainDate, Series, Traits } from '../model/index.ts'
import { ALICE, BOB, CAROL, mailboxOf, Office, SALES } from '../../test/property/office.ts'

const NAMES: Readonly<Record<string, string>> = { [ALICE]: 'alice', [BOB]: 'bob', [CAROL]: 'carol' }
const LANES: Readonly<Record<string, MailboxId>> = { [ALICE]: mailboxId('mA'), [BOB]: mailboxId('mB'), [CAROL]: mailboxId(`m-${CAROL}`) }
const USERS = [ALICE, BOB, CAROL]
const mailbox = (office: Office, user: string) => office.world.mailbox(LANES[user] as string)
const timeOn = (day: string) => ({ allDay: false, start: `2026-12-${day}T08:00:00Z` as Instant, end: `2026-12-${day}T09:00:00Z` as Instant }) as const
const event = (more: Fields = {}): Item => itemOf('event', { subject: 'Visit', time: timeOn('03'), ...more })
const person = (user: string): Attendee => ({ address: `${NAMES[user] ?? user}@example.test`, name: NAMES[user] ?? user, role: 'required', answer: 'none' })
const HOST: Traits = { hasAttendees: true }
const GUEST: Traits = { invited: true, hasAttendees: true }

function meet(office: Office, organizer: string, guests: readonly string[], more: Fields = {}): void {
  const fields = { ...more, attendees: guests.map(person), organizer: { address: person(organizer).address, name: organizer }, cancelled: false }
  if (USERS.includes(organizer)) mailbox(office, organizer).put(event(fields), { uid: 'MEETING', traits: HOST })
  for (const guest of guests) if (USERS.includes(guest)) mailbox(office, guest).put(event({ ...fields, answer: 'none' }), { uid: 'MEETING', traits: GUEST })
}

interface Scene {
  readonly make: (office: Office) => void
  readonly then?: (office: Office) => void
}

const SCENES: Readonly<Record<string, Scene>> = {
  'an event of a group': { make: (office) => void office.crm.put(event(), SALES, { uid: 'VISIT' }) },
  'a task of a group': { make: (office) => void office.crm.put(itemOf('task', { subject: 'Call', dueDate: '2026-12-10' as PlainDate }), SALES) },
  'an event of the CRM with guests': { make: (office) => void office.crm.put(event({ attendees: [person(ALICE), person(BOB)] }), CAROL, { uid: 'VISIT' }) },
  'a meeting': { make: (office) => meet(office, ALICE, [BOB, CAROL, 'guest']) },
  'an invitation from outside': { make: (office) => meet(office, 'boss', [ALICE, BOB, CAROL]) },
  'an invitation from outside that somebody is taken off': {
    make: (office) => meet(office, 'boss', [ALICE, BOB]),
    then: (office) => {
      const [item] = mailbox(office, ALICE).synced()
      mailbox(office, ALICE).edit(item?.id as never, { attendees: [person(ALICE)] })
    },
  },
  'an outside series that somebody is taken off': {
    make: (office) => {
      const series: Series = {
        recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-03' as PlainDate, count: 3 } },
        time: { ...timeOn('03'), zone: 'Europe/Rome' }, deleted: [], exceptions: [],
      }
      const fields = { organizer: { address: 'boss@ext.test', name: 'boss' }, cancelled: false, time: series.time, attendees: [person(ALICE), person(BOB)], answer: 'none' as const }
      for (const user of [ALICE, BOB]) mailbox(office, user).put(event(fields), { uid: 'COURSE', traits: GUEST, series })
    },
    then: (office) => {
      const [item] = mailbox(office, ALICE).synced()
      mailbox(office, ALICE).edit(item?.id as never, { attendees: [person(ALICE)] })
    },
  },
  'a meeting whose record is given to somebody else': {
    make: (office) => meet(office, ALICE, [BOB, 'guest']),
    then: (office) => office.crm.edit(office.crm.live()[0]?.id as never, {}, { assignee: assigneeId(CAROL) }),
  },
  'a set that invites somebody': {
    make: (office) => ['03', '04', '05'].forEach((day, n) => office.crm.put(event({ time: timeOn(day), attendees: [person(BOB)] }), ALICE, { uid: occurrenceUid('SET', n) })),
  },
  'a meeting series, one date of it with somebody more': {
    make: (office) => {
      const fields = { attendees: [person(BOB)], organizer: { address: person(ALICE).address, name: 'alice' }, cancelled: false }
      const series: Series = {
        recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'count', first: '2026-12-03' as PlainDate, count: 3 } },
        time: { ...timeOn('03'), zone: 'Europe/Rome' }, deleted: [],
        exceptions: [{ start: '2026-12-04T08:00:00Z' as Instant, fields: { attendees: [person(BOB), person(CAROL)], time: timeOn('04') } }],
      }
      mailbox(office, ALICE).put(event({ ...fields, time: series.time }), { uid: 'COURSE', traits: HOST, series })
      mailbox(office, BOB).put(event({ ...fields, time: series.time, answer: 'none' }), { uid: 'COURSE', traits: GUEST, series })
      mailbox(office, CAROL).put(event({ ...fields, attendees: [person(BOB), person(CAROL)], time: timeOn('04'), answer: 'none' }), { uid: 'COURSE', traits: GUEST })
    },
  },
}

async function open(): Promise<Office> {
  const office = new Office()
  office.directory = { ...office.directory, mailboxes: USERS.map((user) => mailboxOf(NAMES[user] as string, user)).map((one) => ({ ...one, id: LANES[one.userId] as MailboxId })) }
  await office.connect()
  return office
}
async function settle(office: Office): Promise<void> {
  for (let round = 0, quiet = 0; quiet < 2 && round < 12; round++) {
    const before = office.writes.length
    office.world.pass(70_000)
    await office.pass([CRM_LANE, ...USERS.map((user) => LANES[user] as MailboxId)])
    const counts = await office.store.transaction((tx) => Promise.all(Object.values(LANES).map((lane) => tx.countInbox(lane))))
    quiet = office.writes.length === before && counts.every(({ waiting }) => waiting === 0) ? quiet + 1 : 0
  }
}
const shown = (office: Office) => [office.crm.live().length, ...USERS.map((user) => mailbox(office, user).synced().length)].join(' ')

/** Where one mailbox's run stops while the CRM is read and the other mailboxes run to their end: every so many of its steps. */
const STEP = Number(process.env['SIDE_BY_SIDE_STEP'] ?? 6)

test.each(Object.entries(SCENES).flatMap(([name, scene]) => USERS.map((first) => [name, first, scene] as const)))('%s is there once when mailboxes find it anew side by side (%s first)', async (_, first, scene) => {
  for (let stop = USERS.indexOf(first); stop < 80; stop += STEP) {
    const office = await open()
    scene.make(office)
    await settle(office)
    scene.then?.(office)
    await settle(office)
    const before = shown(office)
    await office.loseDatabase()
    await office.run(CRM_LANE)
    let count = 0
    let reached = false
    office.world.script = {
      ...office.world.script,
      boundary: async () => {
        if (reached || count++ < stop) return
        reached = true
        await office.run(CRM_LANE)
        for (const user of USERS) await office.run(LANES[user] as MailboxId)
      },
    }
    await office.run(LANES[first] as MailboxId)
    const wasReached = reached
    reached = true
    await settle(office)
    expect(`${stop}: ${shown(office)}`).toBe(`${stop}: ${before}`)
    expect(office.writes.filter(({ type }) => type === 'remove')).toEqual([])
    if (!wasReached) return
  }
})
