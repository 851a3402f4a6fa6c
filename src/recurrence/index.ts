/**
 * What a recurrence rule means: its occurrences, the rule behind a set of times, and which number stands for which
 * occurrence. Pure; time is an input.
 */
export { describe } from './describe.ts'
export { expand, firstOccurrence, last, next, occurrenceAt, occurrenceByIndex } from './expand.ts'
export { inferSeries } from './infer.ts'
export type { Rhythm } from './infer.ts'
export { replan } from './replan.ts'
export type { PlannedSlot, Replan } from './replan.ts'
export type { Rule } from './rule.ts'
