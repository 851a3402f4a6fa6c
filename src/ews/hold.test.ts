import fc from 'fast-check'
import { expect, it } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Fields, Instant } from '../model/index.ts'
import { withPeople } from '../lib/people-block.ts'
import { htmlToText, textToHtml } from '../lib/text.ts'
import { hold } from './hold.ts'

it('cuts what Exchange cuts, and never through a character', () => {
  const item = itemOf('event', {
    subject: `${'x'.repeat(254)}🎉`, place: 'Room\n 5 ', body: 'a\u0000b \r\nc\n', categories: ['x\u0001'], reminder: 9_999_999,
    time: { allDay: false, start: '2026-12-01T09:00:59Z' as Instant, end: '2026-12-01T10:00:01Z' as Instant, zone: 'Europe/Rome' },
  })
  expect(hold(item).fields).toEqual({
    subject: 'x'.repeat(254), place: 'Room 5', body: 'ab\nc', categories: ['x'], reminder: 2_629_800,
    time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z', zone: 'Europe/Rome' },
  })
})

it('holds people by their addresses, and no text that only names them', () => {
  const person = (address: string, name: string) => ({ address, name, role: 'required', answer: 'none' } as const)
  expect(hold(itemOf('event', {
    attendees: [person('Zoe@Example.test', ' Z\nY '), person('', 'Nobody'), person('bob@example.test', 'Bob'), person('BOB@example.test', 'Again')],
    organizer: { address: 'Alice@example.test ', name: 'Alice' }, cancelled: false, answer: 'accepted',
    body: `Agenda\n\n${withPeople('', { organizer: null, attendees: [person('bob@example.test', 'Bob')] })}`,
  })).fields).toEqual({
    attendees: [person('bob@example.test', 'Bob'), person('zoe@example.test', 'Z Y')],
    organizer: { address: 'alice@example.test', name: 'Alice' }, cancelled: false, answer: 'accepted', body: 'Agenda',
  })
  expect(hold(itemOf('event', { organizer: { address: '', name: 'x' } })).fields).toEqual({ organizer: null })
})

it('makes nothing of a field that is not told', () => {
  expect(hold(itemOf('contact', { firstName: 'a' }))).toEqual(itemOf('contact', { firstName: 'a' }))
})

it('holds once and for all, and what it holds survives the way to the server and back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 })
  const person = fc.record({ address: fc.constantFrom('a@b', 'A@b', '', ' c@d ', 'x'), name: text, role: fc.constant('optional'), answer: fc.constant('none') })
  const fields = fc.record({ subject: text, body: text, place: text, attendees: fc.array(person, { maxLength: 3 }), organizer: fc.option(person) })
  fc.assert(fc.property(fields, (some) => {
    const held = hold(itemOf('event', some as unknown as Fields))
    expect(hold(held)).toEqual(held)
    expect(htmlToText(textToHtml((held.fields as { body: string }).body))).toBe((held.fields as { body: string }).body)
  }), { numRuns: 400 })
})
