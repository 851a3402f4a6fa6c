import type { Copy, ItemId, ItemKind, Side, Sighting } from '../model/index.ts'
import type { Replica } from '../ports.ts'
import { mask } from '../sync/index.ts'
import type { Run } from './context.ts'

export const replicaOf = (run: Run, side: Side): Replica => (side === 'crm' ? run.engine.crm : run.exchange)

/**
 * Reads items as they are now, masked like everything that comes from Exchange.
 * @throws SyncError of the first item that could not be read
 */
export async function look(
  run: Run,
  side: Side,
  kind: ItemKind,
  wanted: readonly { readonly id: ItemId; readonly copy: Copy | null }[],
): Promise<readonly Exclude<Sighting, { type: 'quiet' }>[]> {
  if (wanted.length === 0) return []
  const found = await replicaOf(run, side).get(kind, wanted.map(({ id }) => id))
  return found.map((one, index) => {
    if (one.type === 'failed') throw one.error
    if (one.type === 'gone') return one
    if (side === 'crm') return { type: 'seen', snapshot: one.snapshot }
    return { type: 'seen', snapshot: mask(one.snapshot, wanted[index]?.copy ?? null, run.engine.policy) }
  })
}
