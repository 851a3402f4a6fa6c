import type { Fields, Policy, Side, TaskFields, TaskStatus } from '../model/index.ts'
import type { Sides } from './merge.ts'

/** A task that several people have a copy of, under a policy by which one of them cannot complete it for all. */
export interface GroupTask {
  readonly completion: Exclude<Policy['groupCompletion'], 'any'>
  /** What the other members' copies said when they were last seen. */
  readonly others: readonly TaskStatus[]
}

/**
 * What has to be written of the status of a group's task. With `own` each copy completes by itself and only the CRM's
 * word goes to all; with `all` the record is complete when every copy is, and open again when one is.
 */
export function groupPart(base: Sides, now: Sides, { completion, others }: GroupTask): Readonly<Record<Side, Fields>> {
  const exchange = statusOf(now, 'exchange')
  const crm = statusOf(now, 'crm')
  if (exchange === undefined || crm === undefined) return NOTHING
  const before = { exchange: statusOf(base, 'exchange'), crm: statusOf(base, 'crm') }
  const turned = (crm === 'completed') !== (before.crm === 'completed')
  // Completing or reopening the record in the CRM is meant for everybody; anything less does not undo a member's own work.
  if (crm !== before.crm && (turned || (exchange !== 'completed' && completion === 'all') || completion === 'own')) {
    return crm === exchange ? NOTHING : { exchange: { status: crm }, crm: {} }
  }
  if (completion === 'own') return NOTHING
  const everyone = [exchange, ...others].every((status) => status === 'completed')
  if (everyone) return crm === 'completed' ? NOTHING : { exchange: {}, crm: { status: 'completed' } }
  const moved = exchange !== before.exchange && exchange !== 'completed'
  return moved && exchange !== crm ? { exchange: {}, crm: { status: exchange } } : NOTHING
}

const NOTHING = { exchange: {}, crm: {} } as const

const statusOf = (sides: Sides, side: Side): TaskStatus | undefined => (sides[side].fields as Partial<TaskFields>).status
