/**
 * The verbs: match, merge, plan, place, mask. Pure functions of values; no I/O, no clock. The rules they keep, and the
 * test behind each, are in SPEC.md.
 */
export * from './group.ts'
export * from './mask.ts'
export * from './match.ts'
export * from './meeting.ts'
export * from './merge.ts'
export * from './place.ts'
export * from './plan.ts'
export * from './window.ts'
export * from './wishes.ts'
