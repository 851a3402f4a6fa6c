import { describe, expect, it } from 'vitest'
import { changeKey, itemId } from '../model/index.ts'
import type { Direction, EventItem, Instant, Policy, Snapshot } from '../model/index.ts'
import { mask } from './mask.ts'
import { isUnwanted, narrowed } from './wishes.ts'

const company = { direction: { event: 'both', task: 'to-crm', contact: 'to-exchange' }, privateItems: 'mask', pastDays: 30, futureDays: 365 } as Policy
const event = (fields: EventItem['fields']): Snapshot => ({ id: itemId('a'), changeKey: changeKey('1'), modifiedAt: '2026-11-22T10:00:00Z' as Instant, item: { kind: 'event', fields: { subject: 'Talk', categories: [], ...fields } } })

describe('what a user chooses for himself', () => {
  it.each([
    ['both', 'to-crm', 'to-crm'], ['to-crm', 'both', 'to-crm'], ['to-crm', 'to-exchange', 'off'], ['off', 'both', 'off'], ['both', 'off', 'off'], ['to-exchange', 'to-exchange', 'to-exchange'],
  ] as [Direction, Direction, Direction][])('narrows %s by %s to %s', (allowed, wished, held) => {
    expect(narrowed({ ...company, direction: { ...company.direction, event: allowed } }, { direction: { event: wished } }).direction.event).toBe(held)
  })

  it('never widens the window, and leaves what he does not name as the company has it', () => {
    expect(narrowed(company, { pastDays: 400, futureDays: 10 })).toMatchObject({ pastDays: 30, futureDays: 10, privateItems: 'mask', direction: company.direction })
    expect(narrowed(company, undefined)).toBe(company)
  })

  it('leaves out a category whatever its case, and takes up only those he names', () => {
    expect(isUnwanted(event({ categories: ['Leisure'] }), { categories: { only: [], except: ['leisure'] } })).toBe('category')
    expect(isUnwanted(event({ categories: ['Work'] }), { categories: { only: ['work'], except: [] } })).toBeNull()
    expect(isUnwanted(event({ categories: [] }), { categories: { only: ['work'], except: [] } })).toBe('category')
    expect(isUnwanted(event({ categories: ['Work'] }), { since: '2026-11-22T11:00:00Z' as Instant })).toBe('before-start')
  })

  it('leaves a category out even where the calendar shares its times only and the words are gone', () => {
    const policy = { privateItems: 'mask', availabilityOnly: true, categories: { only: [], except: ['Leisure'] } } as const
    expect(mask(event({ categories: ['Leisure'] }), null, policy)).toMatchObject({ unsupported: 'category', item: { fields: { subject: 'Busy', categories: [] } } })
    expect(mask(event({ categories: ['Work'] }), null, policy).unsupported).toBeUndefined()
  })
})
