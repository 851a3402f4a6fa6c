/**
 * The nouns: items, links with their base, people, policy. Pure values, no I/O, no clock, nothing imported.
 */
export * from './fields.ts'
export * from './ids.ts'
export * from './item.ts'
export * from './journal.ts'
export * from './link.ts'
export * from './person.ts'
export * from './policy.ts'
export * from './recurrence.ts'
