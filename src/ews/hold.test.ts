import fc from 'fast-check'
import { expect, it } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Fields, Instant } from '../model/index.ts'
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

it('makes nothing of a field that is not told', () => {
  expect(hold(itemOf('contact', { firstName: 'a' }))).toEqual(itemOf('contact', { firstName: 'a' }))
})

it('holds once and for all, and what it holds survives the way to the server and back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 })
  const fields = fc.record({ subject: text, body: text, place: text })
  fc.assert(fc.property(fields, (some) => {
    const held = hold(itemOf('event', some as Fields))
    expect(hold(held)).toEqual(held)
    expect(htmlToText(textToHtml((held.fields as { body: string }).body))).toBe((held.fields as { body: string }).body)
  }), { numRuns: 400 })
})
