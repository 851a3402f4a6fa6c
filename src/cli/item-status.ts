import { explainSkip } from '../engine/index.ts'
import { itemId, splitOccurrenceId, splitUid } from '../model/index.ts'
import type { InboxRow, ItemId, LinkedCopy, Operation, Tombstone } from '../model/index.ts'
import type { LaneRow, Tx } from '../ports.ts'

/** One item explained: what it is linked to, what was last written, and why it stands as it does. */
export interface ItemStatus {
  readonly known: boolean
  readonly why: { readonly sentence: string; readonly cure: string }
  readonly link: { readonly kind: string; readonly record: string; readonly uid: string | null; readonly copies: readonly CopyStatus[] } | null
  /** The master's occurrences, when the id is a series in Exchange. */
  readonly series: { readonly occurrences: number; readonly exceptions: number; readonly deleted: number } | null
  readonly writes: readonly Pick<Operation, 'at' | 'type' | 'side' | 'reason' | 'state' | 'outcome' | 'before' | 'after' | 'untold'>[]
  readonly skips: readonly { readonly reason: string; readonly why: string; readonly at: string; readonly enterAt: string | null }[]
  readonly waiting: readonly { readonly side: string; readonly dueAt: string; readonly attempts: number; readonly error: { code: string; message: string } | null }[]
  readonly held: readonly { readonly id: string; readonly what: string; readonly reason: string }[]
  readonly conflicts: readonly { readonly id: string; readonly field: string; readonly state: string; readonly winner: string | null }[]
}

interface CopyStatus {
  readonly mailbox: string
  readonly item: string
  readonly role: LinkedCopy['copy']['role']
  /** Of a series: the occurrence's number. */
  readonly occurrence: number | null
}

/** @param raw an Exchange item id or a CRM record id, in its own case */
export async function itemStatus(tx: Tx, raw: string): Promise<ItemStatus> {
  const id = itemId(raw)
  const lanes = await tx.lanes()
  const copies = await copiesOf(tx, lanes, id)
  const around = [...new Set<ItemId>([id, ...copies.flatMap(({ link, copy }) => [link.record, copy.exchange.id])])]
  const each = <T>(ask: (lane: LaneRow['lane']) => Promise<readonly T[]>) => Promise.all(lanes.map(({ lane }) => ask(lane))).then((lists) => lists.flat())
  const [grave] = (await each((lane) => tx.tombstones(lane, [id]))).toSorted((a, b) => (a.at < b.at ? 1 : -1))
  const skips = (await each((lane) => tx.skips(lane, 10_000))).filter((skip) => skip.id === id)
  const waiting = await each(async (lane) => [...(await tx.inboxOf(lane, 'exchange', around)), ...(await tx.inboxOf(lane, 'crm', around))])
  const held = (await tx.held({ open: true })).filter((one) => around.includes(one.item) || one.candidates.includes(id))
  const conflicts = copies.length === 0 ? [] : await tx.conflicts({ copies: copies.map(({ copy }) => copy.id) })
  const journal = await tx.journal({ item: raw, limit: 10 })
  const over = copies.length > 0 ? null : ending(id, grave, journal[0])
  // What was let go of is looked at again with every edit; how that came about says more.
  const told = skips.filter(({ side, reason }) => over === null || side === 'crm' || reason !== 'moved-away')
  const [series] = await each((lane) => tx.series(lane, [id]))
  const [first] = copies
  return {
    known: copies.length + skips.length + waiting.length + held.length + journal.length > 0,
    why: why(copies, told.map(({ reason }) => explainSkip(reason)), waiting, held.map(({ id: one }) => one), conflicts.filter(({ state }) => state === 'open').length, journal, over),
    link: first === undefined ? null : {
      kind: first.link.kind, record: first.link.record, uid: first.link.uid === null ? null : splitUid(first.link.uid).uid,
      copies: copies.map((one) => copyStatus(one, lanes)),
    },
    series: series === undefined ? null : {
      occurrences: series.slots.length, exceptions: series.snapshot.series?.exceptions.length ?? 0, deleted: series.snapshot.series?.deleted.length ?? 0,
    },
    writes: journal.map(({ at, type, side, reason, state, outcome, before, after, untold }) => ({ at, type, side, reason, state, outcome, before, after, ...(untold === undefined ? {} : { untold }) })),
    skips: skips.map(({ reason, at, enterAt }) => ({ reason, why: explainSkip(reason), at, enterAt })),
    waiting: waiting.map(({ side, dueAt, attempts, error }) => ({ side, dueAt, attempts, error })),
    held: held.map(({ id: one, what, reason }) => ({ id: one, what, reason })),
    conflicts: conflicts.map(({ id: one, field, state, winner }) => ({ id: one, field, state, winner })),
  }
}

async function copiesOf(tx: Tx, lanes: readonly LaneRow[], id: ItemId): Promise<readonly LinkedCopy[]> {
  const byItem = (await Promise.all(lanes.map(({ lane }) => tx.copiesByItem(lane, [id])))).flat()
  const records = [id, ...byItem.map(({ link }) => link.record)]
  return [...new Map([...(await tx.copiesByRecord(records)), ...byItem].map((row) => [row.copy.id, row])).values()]
}

function copyStatus({ link, copy }: LinkedCopy, lanes: readonly LaneRow[]): CopyStatus {
  const isOccurrence = copy.traits.occurrence === true
  return {
    mailbox: lanes.find(({ lane }) => lane === copy.mailbox)?.mailbox?.address ?? copy.mailbox,
    item: splitOccurrenceId(copy.exchange.id).master,
    role: copy.role,
    occurrence: isOccurrence ? splitUid(link.uid ?? '').slot : null,
  }
}

/** The one thing that matters most about the item, and what to do about it. */
function why(
  copies: readonly LinkedCopy[],
  skipped: readonly string[],
  waiting: readonly InboxRow[],
  held: readonly string[],
  openConflicts: number,
  journal: readonly Operation[],
  over: ItemStatus['why'] | null,
): ItemStatus['why'] {
  const failing = waiting.find(({ error }) => error !== null)
  if (failing?.error != null) return { sentence: `Its last change could not be carried over: ${failing.error.message}`, cure: `It is tried again at ${failing.dueAt}; "sync --once" tries at once.` }
  if (held[0] !== undefined) return { sentence: 'It waits for a decision.', cure: `Decide it: exchange-connector held --decide ${held[0]}` }
  if (openConflicts > 0) return { sentence: 'Both sides changed the same field, and the policy asks somebody to decide.', cure: 'See "exchange-connector conflicts" and choose a side.' }
  if (skipped[0] !== undefined) return { sentence: skipped[0], cure: CURES.skipped }
  if (waiting.length > 0) return { sentence: 'News of it waits to be carried over.', cure: 'Nothing to do: the next run takes it.' }
  if (over !== null) return over
  const [last] = journal
  if (copies.length === 0) {
    return last === undefined
      ? { sentence: 'Nothing is known of an item with this id.', cure: 'Check the id: ids are case-sensitive, CRM ids look like 18x29. An item that is new is known after the next sync.' }
      : { sentence: `It is no longer linked; the last thing that happened: ${last.reason}.`, cure: 'Nothing to do.' }
  }
  const state = copies.some(({ copy }) => copy.traits.invited === true) ? CURES.invited : copies.some(({ copy }) => copy.traits.masked === true) ? CURES.masked : 'Both sides are in step.'
  const edit = journal.find(({ type, state: became }) => (type === 'create' || type === 'update' || type === 'delete') && became === 'done')
  if (edit?.untold !== undefined) {
    return { sentence: `${state} Last write: ${edit.reason}; the attendees were not told by mail: ${edit.untold.map(({ address }) => address).join(', ')}.`, cure: CURES.untold }
  }
  return { sentence: last === undefined ? state : `${state} Last write: ${last.reason}.`, cure: 'Nothing to do.' }
}

/** How an item ended that is linked no more; null where that is not remembered. */
function ending(id: ItemId, grave: Tombstone | undefined, last: Operation | undefined): ItemStatus['why'] | null {
  if (last?.type === 'create' && last.side === 'crm' && last.state === 'done' && last.item !== null && last.item !== id && last.item.includes('x') && id.includes('x')) {
    return { sentence: `Its record was made again as ${last.item}: ${last.reason}.`, cure: `Ask for ${last.item} instead.` }
  }
  return grave === undefined ? null : ENDINGS[grave.reason]
}

const ENDINGS: Readonly<Record<Tombstone['reason'], ItemStatus['why']>> = {
  'deleted': { sentence: 'It was deleted on both sides.', cure: 'Nothing to do; put back from the bin of the CRM it is made again.' },
  'user-deleted': { sentence: explainSkip('user-deleted'), cure: 'Nothing to do; taken back out of Deleted Items it is joined again.' },
  'unlinked': {
    sentence: 'It was let go of, and what is left stays as it is: its record was deleted in the CRM although the meeting is not the CRM\'s to delete (somebody else organizes it, or it has guests), or something that is over was deleted in Exchange.',
    cure: 'Nothing to do; its record put back from the bin of the CRM is joined again.',
  },
  'ownerless': { sentence: 'Its record went to somebody without a connected mailbox; it stays in Exchange as it is.', cure: 'Nothing to do; it is joined again when the record comes back.' },
  'reassigned': { sentence: 'Its record went to somebody else, and it left this mailbox.', cure: 'Nothing to do.' },
}

const CURES = {
  skipped: 'Change what the sentence names, or the item itself; it is then looked at again.',
  invited: 'It is in step; only its organizer can change it, in Exchange.',
  untold: 'Send the update from Outlook, if they have to know; the policy sendMeetingUpdates tells them of the next edits.',
  masked: 'It is in step as a busy block, because it is private in Exchange.',
} as const
