import { naturalKey, occurrenceUid, splitUid } from '../../model/index.ts'
import type { Snapshot } from '../../model/index.ts'
import type { Run } from '../context.ts'
import type { Batch } from '../reconcile.ts'
import { beginOf } from './numbers.ts'
import { isMaster, occurrenceOf } from './unfold.ts'

/**
 * Whoever was invited to one date of a series has a single event with the UID of all of it: under that UID he would join the
 * record of its first date.
 * @returns the item with the UID of its own date, where the series or the record of that date is known
 */
export async function asDate(run: Run, batch: Batch, snapshot: Snapshot): Promise<Snapshot> {
  const { uid, traits } = snapshot
  if (traits?.invited !== true || traits.occurrence === true || uid === undefined) return snapshot
  const rows = await run.engine.store.transaction((tx) => tx.seriesByUid(uid))
  if (rows.some(({ lane }) => lane === run.lane)) return snapshot
  const begin = beginOf(snapshot.item.fields)
  for (const { snapshot: master, slots } of rows) {
    if (!isMaster(master)) continue
    const slot = slots.find((one) => beginOf(occurrenceOf(master, slots, one.slot)?.snapshot.item.fields) === begin)
    if (slot !== undefined) return { ...snapshot, uid: occurrenceUid(uid, slot.slot) }
  }
  const records = batch.alike.flatMap(({ side, sighting }) => (side === 'crm' && sighting.type === 'seen' && sighting.snapshot.uid !== undefined ? [sighting.snapshot] : []))
  const own = records.find((one) => splitUid(one.uid ?? '').uid === uid && naturalKey(one.item) === naturalKey(snapshot.item))
  return own?.uid === undefined ? snapshot : { ...snapshot, uid: own.uid }
}
