import { describe, expect, test } from 'vitest'
import { changeKey, copyId, instant, itemId, mailboxId, token } from '../model/index.ts'
import type { Attendee, Copy, EventFields, Item, Series, Snapshot } from '../model/index.ts'
import { mask, withKnownWords, withWordsOfRecord } from './mask.ts'

const TIME = { allDay: false, start: instant(0), end: instant(3_600_000), zone: 'Europe/Rome' } as const
const carol = (answer: Attendee['answer']): Attendee => ({ address: 'carol@example.test', name: 'Carol', role: 'required', answer })
const event = (fields: Partial<EventFields> = {}): Item =>
  ({ kind: 'event', fields: { subject: 'Doctor', body: 'secret', place: 'Clinic', categories: ['health'], attendees: [], organizer: null, time: TIME, freeBusy: 'busy', ...fields } })
const seen = (item: Item, more: Partial<Snapshot> = {}): Snapshot => ({ id: itemId('e'), changeKey: changeKey('k'), item, modifiedAt: instant(0), ...more })
const half = { id: itemId('e'), changeKey: changeKey('k') }
const copy = (base: Item, traits: Copy['traits'] = {}): Copy => ({
  id: copyId('c'), mailbox: mailboxId('m'), role: 'home', exchange: half, crm: half, base: { exchange: base, crm: base }, token: token('t'), traits, stamped: true, referenced: true,
})
const ONLY = { privateItems: 'full', availabilityOnly: true } as const
const text = (value: unknown) => JSON.stringify(value)
const series = (subject: string): Series => ({
  recurrence: { pattern: { type: 'daily', interval: 1 }, range: { type: 'endless', first: '2026-12-01' } } as unknown as Series['recurrence'],
  time: TIME, deleted: [], exceptions: [{ start: TIME.start, fields: event({ subject }).fields as Partial<EventFields> }],
})

describe('a calendar that shares its availability only', () => {
  test('tells the time of every event and not a word, whatever the policy for private ones', () => {
    const shown = mask(seen(event({ organizer: carol('none'), attendees: [carol('accepted')] }), { series: series('Operation') }), null, ONLY)
    expect(shown.item.fields).toMatchObject({ subject: 'Busy', time: TIME, freeBusy: 'busy' })
    expect(shown.traits).toEqual({ masked: true })
    expect(text(shown)).not.toMatch(/Doctor|secret|Clinic|health|Operation|carol/i)
  })
  test('leaves tasks as they are', () => {
    const task = seen({ kind: 'task', fields: { subject: 'Call back' } })
    expect(mask(task, null, ONLY)).toBe(task)
  })
  test('still skips private events where the policy skips them', () => {
    expect(mask(seen(event({ sensitivity: 'private' })), null, { privateItems: 'skip', availabilityOnly: true })).toMatchObject({ unsupported: 'private', item: { fields: { subject: 'Busy' } } })
  })
  test('keeps the words the CRM wrote, takes the new time, and tells no word that came after', () => {
    const base = event({ subject: 'Visit', body: 'from the CRM', place: 'Milano', categories: [], attendees: [carol('none')] })
    const edited = event({ subject: 'Visit, with the doctor', attendees: [carol('accepted'), { ...carol('none'), address: 'dr@example.test' }], time: { ...TIME, end: instant(7_200_000) } })
    const shown = mask(seen(edited), copy(base, { fromCrm: true }), ONLY)
    expect(shown.item.fields).toMatchObject({ subject: 'Visit', body: 'from the CRM', place: 'Milano', attendees: [carol('accepted')], time: { end: instant(7_200_000) } })
    expect(shown.traits?.masked).toBeUndefined()
    expect(text(shown)).not.toMatch(/doctor|secret|dr@/i)
  })
  test('stays masked once it is', () => {
    const shown = mask(seen(event()), copy(event({ subject: 'Busy' }), { masked: true }), ONLY)
    expect([shown.traits?.masked, text(shown).includes('Doctor')]).toEqual([true, false])
  })
  test('keeps the words of a series made in the CRM, of its exceptions too', () => {
    const shown = withKnownWords(seen(event(), { series: series('Operation') }), event({ subject: 'Visit' }), series('Visit in Rome'))
    expect([shown.item.fields, shown.series?.exceptions[0]?.fields]).toMatchObject([{ subject: 'Visit' }, { subject: 'Visit in Rome' }])
    expect(withKnownWords(seen(event(), { series: series('Operation') }), event({ subject: 'Visit' })).series?.exceptions[0]?.fields).toMatchObject({ subject: 'Visit' })
  })
  test('never writes the block over a record that says more', () => {
    const block = mask(seen(event()), null, ONLY)
    const joined = withWordsOfRecord(block, seen(event({ subject: 'Visit', body: 'from the CRM' })))
    expect(joined).toMatchObject({ item: { fields: { subject: 'Visit', body: 'from the CRM' } }, traits: {} })
    expect(joined.traits?.masked).toBeUndefined()
    expect(withWordsOfRecord(block, seen(event({ subject: 'Busy', body: '' })))).toBe(block)
  })
})
