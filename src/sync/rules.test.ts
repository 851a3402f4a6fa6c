import { describe, expect, test } from 'vitest'
import { changeKey, copyId, itemId, itemOf, mailboxId, plainDate, token } from '../model/index.ts'
import type { Copy, Directory, Fields, Instant, Item, Policy, Sighting, Snapshot, Traits } from '../model/index.ts'
import { inWindow, mask, match, placement, plan, RULES } from './index.ts'
import type { Mode, PlanInput, Rule, Stance } from './index.ts'

const NOW = '2026-12-01T09:00:00Z' as Instant
const AGREED: Fields = { subject: 'Review', body: '', time: { allDay: false, start: '2026-12-10T08:00:00Z' as Instant, end: '2026-12-10T09:00:00Z' as Instant } }
const item = (more: Fields = {}): Item => itemOf('event', { ...AGREED, ...more })
const POLICY: Policy = {
  direction: { event: 'both', task: 'both', contact: 'to-exchange' }, conflict: 'newest', privateItems: 'mask', contactsCrmWins: false,
  defaultContactUser: null, pastDays: 30, futureDays: 365, meetings: 'copies', sendMeetingUpdates: false, cancelMeetings: false, answers: 'silent', foreignDeletion: 'restore',
  inviteContacts: false, keepPast: true, groupCompletion: 'any', graceSeconds: 60, deletionLimit: { count: 10, share: 0.2 },
}
const snapshot = (id: string, fields: Fields = {}, more: Partial<Snapshot> = {}): Snapshot =>
  ({ id: itemId(id), changeKey: changeKey(`${id}-2`), item: item(fields), modifiedAt: NOW, ...more })
const copy = (traits: Traits = {}): Copy => ({
  id: copyId('c'), mailbox: mailboxId('m'), role: 'home', exchange: { id: itemId('e'), changeKey: changeKey('e-1') }, crm: { id: itemId('r'), changeKey: changeKey('r-1') },
  base: { exchange: item(), crm: item() }, token: token('t'), traits, stamped: true, referenced: true,
})
const sightings = (side: 'e' | 'r', body: string, traits: Traits): Record<Stance, Sighting> => ({
  same: { type: 'quiet' },
  changed: { type: 'seen', snapshot: snapshot(side, { body }, { traits }) },
  gone: { type: 'gone' },
})
function planned(mode: Mode, exchange: Stance, crm: Stance, more: Partial<PlanInput> = {}) {
  const traits: Traits = mode === 'protected' ? { invited: true } : {}
  const direction = mode === 'protected' ? 'both' : mode
  return plan({
    kind: 'event', copy: copy(traits), exchange: sightings('e', 'from Exchange', traits)[exchange], crm: sightings('r', 'from the CRM', {})[crm],
    policy: { ...POLICY, direction: { ...POLICY.direction, event: direction } }, holds: { exchange: (one) => one, crm: (one) => one }, now: NOW, owner: 'alice@example.test', ...more,
  })
}

/** What each rule does, as a user sees it: writes in short, and what becomes of the pair. */
const EFFECTS: Readonly<Record<Rule, (exchange: Stance, crm: Stance) => readonly string[]>> = {
  settle: () => ['keep'],
  merge: (exchange, crm) => [...(exchange === 'changed' && crm === 'changed' ? ['update exchange'] : exchange === 'changed' ? ['update crm'] : ['update exchange']), 'keep'],
  'overwrite-crm': () => ['update crm', 'keep'],
  'overwrite-exchange': () => ['update exchange', 'keep'],
  'leave-exchange': () => ['keep'],
  'recreate-crm': () => ['create crm', 'keep'],
  'recreate-exchange': () => ['create exchange', 'keep'],
  'delete-crm': () => ['delete crm', 'bury deleted'],
  'delete-exchange': () => ['delete exchange', 'bury deleted'],
  respect: () => ['bury user-deleted'],
  bury: () => ['bury deleted'],
}
const WORDS: Readonly<Record<Stance, string>> = { same: 'unchanged', changed: 'edited', gone: 'deleted' }
const STANCES: readonly Stance[] = ['same', 'changed', 'gone']

/** The table once more, by hand: a changed cell has to be changed in two places. */
const EXPECTED: Readonly<Record<Mode, string>> = {
  both: 'settle merge delete-exchange | merge merge recreate-crm | delete-crm recreate-exchange bury',
  'to-crm': 'settle settle respect | overwrite-crm overwrite-crm respect | delete-crm delete-crm bury',
  'to-exchange': 'settle overwrite-exchange delete-exchange | leave-exchange overwrite-exchange delete-exchange | respect respect bury',
  protected: 'settle overwrite-crm recreate-crm | overwrite-crm overwrite-crm recreate-crm | delete-crm delete-crm bury',
}

describe.each(Object.keys(RULES) as Mode[])('what happens to a pair that flows "%s"', (mode) => {
  const rows = EXPECTED[mode].split(' | ').map((row) => row.split(' ')) as Rule[][]
  for (const [at, exchange] of STANCES.entries()) {
    for (const [column, crm] of STANCES.entries()) {
      const rule = rows[at]?.[column] as Rule
      test(`${WORDS[exchange]} in Exchange, ${WORDS[crm]} in the CRM: ${rule}`, () => {
        expect(RULES[mode][exchange][crm]).toBe(rule)
        const { writes, ending } = planned(mode, exchange, crm)
        const effect = [...writes.map((write) => `${write.type} ${write.on}`), ending.type === 'keep' ? 'keep' : `bury ${ending.reason}`]
        // Protected: an edit in the CRM alone is taken back, an edit in Exchange alone is carried over: both write the CRM.
        expect(effect).toEqual(EFFECTS[rule](exchange, crm))
        for (const write of writes) if (write.type !== 'create') expect(write.expect).toBe({ exchange: exchange === 'changed' ? 'e-2' : 'e-1', crm: crm === 'changed' ? 'r-2' : 'r-1' }[write.on])
      })
    }
  }
})

describe('exceptions to the table', () => {
  const old: Fields = { time: { allDay: false, start: '2026-11-20T08:00:00Z' as Instant, end: '2026-11-20T09:00:00Z' as Instant } }
  test('an event that is over and vanishes from Exchange stays in the CRM', () => {
    const past = { ...copy(), base: { exchange: item(old), crm: item(old) } }
    expect(planned('both', 'gone', 'same', { copy: past })).toMatchObject({ writes: [], ending: { type: 'bury', reason: 'unlinked' } })
  })
  test('a meeting with attendees is never deleted from the CRM side', () => {
    expect(planned('both', 'same', 'gone', { copy: copy({ hasAttendees: true }) })).toMatchObject({ writes: [], ending: { type: 'bury', reason: 'unlinked' } })
  })
  test('with the policy "the CRM wins" an edit of a one-way item is taken back', () => {
    const policy = { ...POLICY, contactsCrmWins: true, direction: { ...POLICY.direction, event: 'to-exchange' as const } }
    expect(planned('to-exchange', 'changed', 'same', { policy }).writes).toMatchObject([{ type: 'update', on: 'exchange', fields: { body: '' } }])
  })
  test('the newer edit wins a clash; in the same second the CRM does; a human overrules both', () => {
    const later = { ...sightings('e', 'from Exchange', {}).changed, snapshot: snapshot('e', { body: 'from Exchange' }, { modifiedAt: '2026-12-01T09:00:01Z' as Instant }) } as Sighting
    expect(planned('both', 'changed', 'changed').clashes).toMatchObject([{ field: 'body', winner: 'crm' }])
    expect(planned('both', 'changed', 'changed', { exchange: later }).clashes).toMatchObject([{ winner: 'exchange' }])
    expect(planned('both', 'changed', 'changed', { exchange: later, decided: () => 'crm' }).clashes).toMatchObject([{ winner: 'crm' }])
  })
  test('with the policy "ask" a clash writes nothing', () => {
    expect(planned('both', 'changed', 'changed', { policy: { ...POLICY, conflict: 'ask' } })).toMatchObject({ writes: [], clashes: [{ winner: null }] })
  })
})

describe('finding the counterpart', () => {
  const candidates = (...all: Snapshot[]) => all
  test('the same UID decides before anything else', () => {
    const found = match(snapshot('e', {}, { uid: 'u' }), candidates(snapshot('r1'), snapshot('r2', { subject: 'Other' }, { uid: 'u' })))
    expect(found).toMatchObject({ type: 'one', by: 'uid', snapshot: { id: 'r2' } })
  })
  test('without UID, subject and time decide; several that look alike are for a human', () => {
    expect(match(snapshot('e'), candidates(snapshot('r1')))).toMatchObject({ type: 'one', by: 'natural-key' })
    expect(match(snapshot('e'), candidates(snapshot('r1'), snapshot('r2')))).toMatchObject({ type: 'ambiguous' })
    expect(match(snapshot('e'), candidates(snapshot('r1', { subject: 'Other' })))).toEqual({ type: 'none' })
  })
})

describe('where records go', () => {
  const mailboxes = ['u1', 'u2'].map((user) => ({ id: mailboxId(`m-${user}`), userId: user }) as unknown as Directory['mailboxes'][number])
  const directory = { users: [], mailboxes, groups: [{ id: 'g', name: 'Sales', members: ['u1', 'u2', 'u9'] }] } as unknown as Directory
  const place = placement(directory, { defaultContactUser: 'u2' as never })
  test.each([
    ['event', 'u1', ['m-u1']], ['event', 'g', ['m-u1', 'm-u2']], ['event', 'u9', []], ['contact', 'u9', ['m-u2']], ['task', undefined, []], ['contact', undefined, ['m-u2']],
  ] as const)('a %s of %s goes to %j', (kind, assignee, wanted) => {
    expect(place(kind, assignee as never)).toEqual(wanted)
  })
})

describe('the window', () => {
  const at = (day: string): Item => item({ time: { allDay: true, firstDay: plainDate(day), lastDay: plainDate(day) } })
  const inside = (one: Item) => inWindow(one, NOW, POLICY)
  test('events are in it from thirty days back to a year ahead, with a day of margin', () => {
    expect([inside(at('2026-11-01')), inside(at('2026-12-24')), inside(at('2027-12-02'))]).toEqual([{ in: true }, { in: true }, { in: true }])
    expect(inside(at('2026-10-20'))).toEqual({ in: false, enterAt: null })
  })
  test('an event too far ahead tells the moment it comes in, and is in at that moment', () => {
    const verdict = inside(at('2028-03-01'))
    if (verdict.in || verdict.enterAt === null) throw new Error('expected a time of entry')
    expect(inWindow(at('2028-03-01'), verdict.enterAt, POLICY)).toEqual({ in: true })
  })
  test('an open task never ages, a finished one does', () => {
    const task = (status: 'completed' | 'notStarted') => itemOf('task', { subject: 'x', status, dueDate: plainDate('2020-01-01') })
    expect([inside(task('notStarted')), inside(task('completed'))]).toEqual([{ in: true }, { in: false, enterAt: null }])
  })
})

describe('private items', () => {
  const secret = snapshot('e', { sensitivity: 'private', subject: 'Doctor', body: 'b', place: 'p', categories: ['c'] })
  test('become a busy block before they are stored', () => {
    const masked = mask(secret, null, POLICY)
    expect(masked.item.fields).toMatchObject({ subject: 'Busy', body: '', place: '', categories: [], time: AGREED.time })
    expect(masked.traits).toEqual({ masked: true })
  })
  test('are told in full, or not at all, when the policy says so', () => {
    expect(mask(secret, null, { privateItems: 'full' })).toBe(secret)
    expect(mask(secret, null, { privateItems: 'skip' })).toMatchObject({ unsupported: 'private', item: { fields: { subject: 'Busy' } } })
  })
  test('keep their words when they were private in the CRM from the start', () => {
    const own = { ...copy(), traits: { fromCrm: true }, base: { exchange: item({ sensitivity: 'private' }), crm: item({ sensitivity: 'private' }) } }
    expect(mask(secret, own, POLICY)).toBe(secret)
    expect(mask(secret, { ...own, traits: { masked: true } }, POLICY)).not.toBe(secret)
  })
})
