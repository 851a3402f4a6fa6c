import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assigneeId, itemOf, type CrmUser, type ItemKind } from '../model/index.ts'
import { answerError } from './errors.ts'
import { holdItem } from './hold.ts'
import { inviteesOf } from './invitees.ts'
import { keyOf, rawRecord, toSnapshot, type RawRecord, type Reading } from './record.ts'
import { MODULES, pick, readSchema, type Schema } from './schema.ts'

const FOLDER = new URL('../../../shared/captures/vtenext/', import.meta.url)
const present = existsSync(FOLDER)
if (!present) console.warn('The captures of a real vtenext are not here: their tests are skipped.')

interface Capture {
  readonly request: { readonly params: Record<string, string> }
  readonly response: {
    readonly success: boolean
    readonly result: never
    readonly error: { code: string; message: string }
  }
}
const capture = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Capture
const named = (start: RegExp) =>
  present
    ? readdirSync(FOLDER)
        .map((file) => file.replace(/\.json$/, ''))
        .filter((name) => start.test(name))
    : []

const kinds = Object.entries(MODULES) as [ItemKind, string][]
const schemaOf = (kind: ItemKind): Schema =>
  readSchema(capture(`describe-${MODULES[kind]}-admin`).response.result, MODULES[kind], 'Exchange ID')
const userOf = (id: string, name: string): CrmUser => ({
  id: assigneeId(id),
  name,
  fullName: name,
  addresses: [`${name}@example.test`],
  active: true,
  admin: false,
  zone: 'Europe/Rome',
})
const users = [userOf('19x1', 'admin'), userOf('19x4', 'alice'), userOf('19x5', 'bob'), userOf('19x6', 'carol')]
const reading = (kind: ItemKind): Reading => ({
  schema: schemaOf(kind),
  server: 'Europe/Rome',
  users,
  zoneOf: (assignee) =>
    assignee === '19x5' ? 'America/New_York' : assignee === '19x6' ? 'Europe/London' : 'Europe/Rome',
  accountName: (account) => (account === '3x22' ? 'Acme' : ''),
})
const kindOf = (id: string): ItemKind => (id.startsWith('1x') ? 'task' : id.startsWith('18x') ? 'event' : 'contact')

describe.skipIf(!present)('what a real vtenext sent', () => {
  it.each(kinds)('describes %s with the prefix, fields and picklists the connector uses', (kind) => {
    const schema = schemaOf(kind)
    expect(schema.idPrefix).toBe({ event: '18', task: '1', contact: '4' }[kind])
    expect(schema.reference).toBeNull()
    expect(schema.fields.has('description')).toBe(true)
    if (kind === 'event') expect(pick(schema, 'activitytype', ['Nothing', 'Meeting'])).toBe('Meeting')
    if (kind === 'task') expect(schema.picklists.get('taskstatus')).toContain('Pending Input')
  })

  it('finds the reference field by its label, whatever its name', () => {
    const result = { idPrefix: '18', fields: [{ name: 'cf_871', label: ' exchange id ', type: { name: 'string' } }] }
    expect(readSchema(result, 'Events', 'Exchange ID').reference).toBe('cf_871')
    expect(readSchema(result, 'Events', 'Other').reference).toBeNull()
  })

  it.each(named(/^vtesync.get_changes-(?!bob-after-delete)/))('reads every record of %s', (name) => {
    const { created, updated } = capture(name).response.result as { created: unknown[]; updated: unknown[] }
    const values = [...created, ...updated]
    expect(values.length).toBeGreaterThan(0)
    for (const value of values) {
      const raw = rawRecord(value, 'test')
      const kind = kindOf(raw.id)
      const snapshot = toSnapshot(kind, raw, reading(kind), inviteesOf(value))
      expect(snapshot.modifiedAt).toMatch(/^2026-11-22T1\d:\d\d:\d\dZ$/)
      expect(snapshot.assignee).toBe(raw.assigned_user_id)
      const own = holdItem(snapshot.item, { server: 'Europe/Rome', schema: () => reading(kind).schema, users })
      expect(own.fields).toEqual(snapshot.item.fields)
    }
  })

  it('reads an event with all it says', () => {
    const raw = first('vtesync.get_changes-example', '18x28')
    expect(toSnapshot('event', raw, reading('event'))).toMatchObject({
      id: '18x28',
      modifiedAt: '2026-11-22T17:53:18Z',
      bornAt: '2026-11-22 18:53:18',
      assignee: '19x4',
      uid: '982f9a89-2508-4732-bf2f-fa14ed319e26',
      item: {
        kind: 'event',
        fields: {
          subject: 'Kick-off Acme',
          body: 'Agenda',
          place: 'Room 1',
          sensitivity: 'normal',
          importance: 'normal',
          reminder: 15,
          time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z', zone: 'Europe/Rome' },
        },
      },
    })
  })

  it('reads a task with its status, importance and dates', () => {
    const raw = first('vtesync.get_changes-Calendar', '1x33')
    expect(toSnapshot('task', raw, reading('task')).item.fields).toEqual({
      subject: 'Task bob',
      body: 'd',
      startDate: '2026-12-03',
      dueDate: '2026-12-05',
      status: 'inProgress',
      importance: 'high',
      sensitivity: 'normal',
    })
  })

  it("reads a contact with its company by the account's name", () => {
    const raw = rawRecord(capture('create-Contacts-full').response.result, 'test')
    expect(toSnapshot('contact', raw, reading('contact')).item.fields).toMatchObject({
      salutation: 'Mr.',
      firstName: 'Zoe',
      lastName: 'Full',
      company: 'Acme',
      jobTitle: 'T',
      businessPhone: '1',
      mobilePhone: '2',
      homePhone: '3',
      otherPhone: '4',
      fax: '5',
      assistant: 'As',
      assistantPhone: '6',
      birthday: '1990-02-28',
      body: 'note',
      businessAddress: {
        street: 'Via Roma 1\nint 2',
        city: 'Milano',
        zip: '20100',
        state: 'MI',
        country: 'Italy',
        pobox: '',
      },
      otherAddress: { street: 'O 1', city: 'OC' },
    })
  })

  it('gives one change key to a record, whichever call it came from', () => {
    const fed = first('vtesync.get_changes-example', '18x28')
    const retrieved = rawRecord(
      Object.fromEntries(
        Object.entries(fed)
          .filter(([name]) => name !== 'invitees')
          .reverse(),
      ),
      'test',
    )
    expect(keyOf('event', retrieved)).toBe(keyOf('event', fed))
    const created = rawRecord(capture('create-Events-special').response.result, 'test')
    const read = rawRecord(capture('retrieve-Events-special').response.result, 'test')
    expect(keyOf('event', read)).toBe(keyOf('event', created))
    expect(keyOf('event', { ...read, subject: 'Other' })).not.toBe(keyOf('event', read))
    expect(keyOf('event', { ...read, time_start: '00:00:00' })).toBe(keyOf('event', read))
    expect(keyOf('event', { ...read, modifiedtime: '2026-11-22 18:22:11' })).not.toBe(keyOf('event', read))
  })

  it('tells who is invited and what they answered', () => {
    const value = recordOf('vtesync.get_changes-single-event-invitees', '18x42')
    const { item, changeKey } = toSnapshot('event', rawRecord(value, 'test'), reading('event'), inviteesOf(value))
    expect(item.fields).toMatchObject({
      body: '',
      organizer: null,
      cancelled: false,
      attendees: [
        { address: 'ann@globex.test', name: 'Ann Müller-Öz', role: 'required', answer: 'none' },
        { address: 'tom@globex.test', name: 'Tom Smith', role: 'required', answer: 'none' },
      ],
    })
    expect(changeKey.split('#')).toHaveLength(3)
  })

  it('tells an organizer from outside, and of one inside nothing', () => {
    const organizer = (name: string) => {
      const raw = rawRecord(capture(name).response.result, 'test')
      return (toSnapshot('event', raw, reading('event')).item.fields as { organizer: unknown }).organizer
    }
    expect(organizer('retrieve-organizer-Other')).toEqual({ address: 'boss@ext.test', name: '' })
    expect(organizer('retrieve-organizer-Users')).toBeNull()
    expect(organizer('retrieve-organizer-Contacts')).toBeNull()
  })

  it('takes the records of a series made in the browser for events of one UID with their numbers', () => {
    const uid = 'bd43d980-7c28-42ba-97a4-4c1e2c564c0e'
    const [first, second] = ['retrieve-recurring-62', 'retrieve-recurring-63'].map((name) =>
      toSnapshot('event', rawRecord(capture(name).response.result, 'test'), reading('event')),
    )
    expect(first).toMatchObject({ uid, traits: { repeats: 'weekly' } })
    expect(second).toMatchObject({ uid: `${uid}#~1` })
    expect(second).not.toHaveProperty('traits')
  })

  it('says of an event that ends before it starts what to mend', () => {
    const raw = rawRecord(capture('create-Events-end-before-start').response.result, 'test')
    expect(() => toSnapshot('event', raw, reading('event'))).toThrow(
      /18x77: ends .* before it starts .* Correct the end in the CRM/,
    )
  })

  it.each([
    ['err-retrieve-deleted', 'CRM_GONE', 'retrieve', false],
    ['err-vtesync-module', 'CRM_FORBIDDEN', 'vtesync.get_changes', false],
    ['err-create-badowner', 'CRM_REJECTED', 'create', true],
    ['err-create-badowner2', 'CRM_FORBIDDEN', 'create', false],
    ['err-mandatory-missing', 'CRM_REJECTED', 'create', false],
    ['err-bad-session', 'CRM_SESSION_ENDED', 'create', false],
    ['err-no-session', 'CRM_SESSION_ENDED', 'listtypes', false],
    ['err-vtesync-dateTo-only', 'CRM_SERVER_ERROR', 'vtesync.get_changes', false],
  ])('takes the error of %s for %s', (name, code, operation, outcomeUnknown) => {
    const error = answerError(capture(name).response.error, { operation, write: operation === 'create' })
    expect(error).toMatchObject({ code, outcomeUnknown })
  })
})

function recordOf(name: string, id: string): unknown {
  const { created, updated } = capture(name).response.result as { created: { id: string }[]; updated: { id: string }[] }
  return [...created, ...updated].find((record) => record.id === id)
}
const first = (name: string, id: string): RawRecord => rawRecord(recordOf(name, id), 'test')

it('names only fields of the model in an empty schema', () => {
  const schema = readSchema({}, 'Events', 'Exchange ID')
  expect(
    holdItem(itemOf('event', { subject: 's', body: 'b', place: 'p' }), { server: null, schema: () => schema, users: null }).fields,
  ).toEqual({ subject: 's' })
})
