/**
 * The only place where a plan meets I/O: pull, reconcile, execute, recover, schedule. Talks to ports, never to an adapter;
 * decides nothing that src/sync has not decided. Start reading at run.ts.
 */
export { newTotals } from './context.ts'
export type { Engine, Mode, Totals, Written } from './context.ts'
export { syncOnce } from './once.ts'
export { preview } from './preview.ts'
export type { PlannedWrite } from './preview.ts'
export { runLane } from './run.ts'
export { startService } from './service.ts'
export type { Job, Repeat, Service } from './service.ts'
export { explainSkip } from './reasons.ts'
