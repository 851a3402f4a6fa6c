import type { RULES, Rule, Stance } from './plan.ts'

type Row = Readonly<Record<Stance, Rule>>
type Table = (typeof RULES)['both']

export const complete: Row = { same: 'settle', changed: 'merge', gone: 'bury' }
// @ts-expect-error a cell of the decision table cannot be left out
export const missingCell: Row = { same: 'settle', changed: 'merge' }
// @ts-expect-error nor a row
export const missingRow: Table = { same: complete, changed: complete }
// @ts-expect-error nor can a rule be invented
export const unknownRule: Row = { same: 'settle', changed: 'merge', gone: 'shrug' }
