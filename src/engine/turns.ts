import { instant, instantMs, itemOf, naturalKey } from '../model/index.ts'
import type { InboxRow, Instant, MailboxId, Operation, Snapshot } from '../model/index.ts'
import type { Run } from './context.ts'
import type { Stranger } from './first-contact.ts'
import { hostOf, invitedMailboxes } from './people.ts'
import type { Batch } from './reconcile.ts'

/** Another mailbox has the word: soon at first, then less and less often. */
export const soon = (run: Run, { attempts }: InboxRow): Instant => instant(instantMs(run.engine.clock.now()) + 1000 * 2 ** Math.min(attempts, 5))

/** Whether a meeting is another mailbox's to record: one meeting is one record. */
export async function isOthersTurn(run: Run, stranger: Stranger): Promise<boolean> {
  const { engine, lane } = run
  const { item, uid } = stranger.snapshot
  if (await isOrganizersTurn(run, stranger)) return true
  if (uid === undefined) return false
  return engine.store.transaction(async (tx) => {
    const holder = await tx.claim(uid, lane, engine.clock.now())
    if (holder !== lane) return true
    // Whoever held the claim before may have recorded it since we looked, or died over it.
    if ((await tx.copiesByUid([uid])).some(({ copy }) => copy.mailbox !== lane)) return true
    const others = [hostOf(run, item)?.id, ...invitedMailboxes(engine.directory(), item)].filter((one) => one !== undefined && one !== lane)
    const open = await Promise.all(others.map((one) => tx.unsettled(one as MailboxId)))
    return open.flat().some(({ type, intent }) => type === 'create' && intent?.uid === uid)
  }, run.fence)
}

/** Whether the organizer's own mailbox is connected and still has to tell of this meeting: its copy is the one to record. */
async function isOrganizersTurn(run: Run, { row: { attempts }, snapshot: { item, traits, uid } }: Stranger): Promise<boolean> {
  const { engine } = run
  if (traits?.invited !== true || uid === undefined) return false
  const host = hostOf(run, item)
  if (host === null) return false
  return engine.store.transaction(async (tx) => {
    const row = (await tx.lanes()).find((one) => one.lane === host.id)
    if (row === undefined || row.state === 'paused' || row.state === 'failing') return false
    if (attempts === 0) {
      // Both calendars changed at one moment: the organizer's is looked at first.
      await tx.markDirty(host.id, ['event'], engine.clock.now())
      await tx.wake([host.id])
      return true
    }
    const channel = (await tx.channels(host.id)).find(({ kind }) => kind === 'event')
    return channel?.complete !== true || (await tx.inboxLike(host.id, 'exchange', [uid], [])).length > 0
  })
}

/**
 * Whether another mailbox is making this record right now, or has linked it since the batch was read: the feed may tell of a
 * record before the answer to its creation is settled, and whoever took it for a new one would make an item beside his own.
 */
export async function isBeingMade(run: Run, batch: Batch, { row, snapshot }: Stranger): Promise<boolean> {
  const { engine, lane } = run
  const makers = new Set([...batch.place(row.kind, snapshot.assignee), ...invitedMailboxes(engine.directory(), snapshot.item), hostOf(run, snapshot.item)?.id])
  makers.delete(lane)
  return engine.store.transaction(async (tx) => {
    // The journal first: what it has settled is linked by then.
    const open = await Promise.all([...makers].map(async (one) => (one === undefined ? [] : tx.unsettled(one))))
    if (open.flat().some((operation) => makes(operation, snapshot))) return true
    const known = new Set((batch.siblings.get(row.id) ?? []).map(({ copy }) => copy.id))
    return (await tx.copiesByRecord([row.id])).some(({ copy }) => !known.has(copy.id))
  })
}

function makes({ type, side, kind, intent, after }: Operation, { item, uid }: Snapshot): boolean {
  if (type !== 'create' || side !== 'crm' || kind !== item.kind || after === null) return false
  // The CRM may hold the UID cut.
  if (uid !== undefined && intent?.uid?.startsWith(uid) === true) return true
  const key = naturalKey(itemOf(kind, after))
  return key !== null && key === naturalKey(item)
}
