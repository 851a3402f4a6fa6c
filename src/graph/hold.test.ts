import { describe, expect, it } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Instant } from '../model/index.ts'
import { hold } from './hold.ts'

describe('what Microsoft 365 makes of an item', () => {
  it('cuts lines, drops what no text may hold and rounds times to minutes, once and for all', () => {
    const item = itemOf('event', {
      subject: `${'x'.repeat(300)}`, place: 'a\nb', body: 'line \r\nend \u0001', reminder: 9_999_999, categories: ['Blue'],
      time: { allDay: false, start: '2026-12-01T09:00:40Z' as Instant, end: '2026-12-01T10:00:59Z' as Instant },
    })
    const held = hold(item)
    expect(held.fields).toEqual({
      subject: 'x'.repeat(255), place: 'a b', body: 'line\nend', reminder: 2_629_800, categories: ['Blue'],
      time: { allDay: false, start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z' },
    })
    expect(hold(held)).toEqual(held)
  })

  it('has no place for the sensitivity of a task, and so never erases it', () => {
    expect(hold(itemOf('task', { subject: 'x', sensitivity: 'private' }))).toEqual(itemOf('task', { subject: 'x' }))
    expect(hold(itemOf('event', { sensitivity: 'private' }))).toEqual(itemOf('event', { sensitivity: 'private' }))
  })
})
