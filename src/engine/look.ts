import type { Copy, ItemId, ItemKind, Side, Sighting } from '../model/index.ts'
import type { NewInboxRow, Replica, Tx } from '../ports.ts'
import { mask } from '../sync/index.ts'
import type { Run } from './context.ts'
import { withAnswerOf } from './people.ts'

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
    if (side === 'crm') return { type: 'seen', snapshot: withAnswerOf(one.snapshot, run.owner) }
    return { type: 'seen', snapshot: mask(one.snapshot, wanted[index]?.copy ?? null, run.policy) }
  })
}

/** Reads items of a mailbox in one go; those that cannot be read are left out. */
export async function lookOver(run: Run, kind: ItemKind, copies: readonly Copy[]): Promise<ReadonlyMap<ItemId, Sighting>> {
  const found = await run.exchange.get(kind, copies.map(({ exchange }) => exchange.id))
  return new Map(copies.flatMap((copy, index): [ItemId, Sighting][] => {
    const one = found[index]
    if (one === undefined || one.type === 'failed') return []
    return [[copy.exchange.id, one.type === 'gone' ? one : { type: 'seen', snapshot: mask(one.snapshot, copy, run.policy) }]]
  }))
}

/** A reading that becomes an inbox row, unless the feed files something newer before it is saved. */
export interface News {
  readonly row: NewInboxRow
  /** The inbox row that stood there before the reading; null when there was none. */
  readonly version: number | null
}

/** Reads one item again for the inbox. A vanished item keeps the time since when it is suspect. */
export async function lookAgain(run: Run, side: Side, kind: ItemKind, wanted: { readonly id: ItemId; readonly copy: Copy | null }): Promise<News> {
  const [news] = await lookAtAll(run, side, kind, [wanted])
  return news as News
}

/** Reads several items again for the inbox, in one go. */
export async function lookAtAll(run: Run, side: Side, kind: ItemKind, wanted: readonly { readonly id: ItemId; readonly copy: Copy | null }[]): Promise<News[]> {
  const present = await run.engine.store.transaction((tx) => tx.inboxOf(run.lane, side, wanted.map(({ id }) => id)))
  const before = new Map(present.map((row) => [row.id, row] as const))
  const sightings = await look(run, side, kind, wanted)
  const now = run.engine.clock.now()
  return wanted.map(({ id }, index) => {
    const sighting = sightings[index] ?? { type: 'gone' }
    const gone = sighting.type === 'seen' ? null : (before.get(id)?.suspectSince ?? now)
    const row: NewInboxRow = { lane: run.lane, side, id, kind, sighting, dueAt: now, suspectSince: gone }
    return { row, version: before.get(id)?.version ?? null }
  })
}

/** The CRM's feed is filed by another lane: what it filed since the reading is newer and stays. */
export async function putNews(tx: Tx, news: readonly News[]): Promise<void> {
  for (const { row, version } of news) {
    const [present] = await tx.inboxOf(row.lane, row.side, [row.id])
    // A row that another plan of the batch has dropped meanwhile is no news.
    if (present === undefined || present.version === version) await tx.putInbox([row])
  }
}
