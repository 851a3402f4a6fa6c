import { naturalKey, splitUid } from '../model/index.ts'
import type { LinkedCopy, Snapshot } from '../model/index.ts'

/** The counterpart of an unlinked item among the unlinked items of the other side. */
export type Match =
  | { readonly type: 'none' }
  | { readonly type: 'one'; readonly snapshot: Snapshot; readonly by: 'uid' | 'natural-key' }
  /** Several fit: a human decides, because guessing wrong joins two people's appointments. */
  | { readonly type: 'ambiguous'; readonly candidates: readonly Snapshot[] }

/**
 * Stamps are looked up by the engine before this; here remain the UID and, where no UID fits, what a person would
 * recognise: kind, subject and time.
 */
export function match(unlinked: Snapshot, candidates: readonly Snapshot[]): Match {
  const sameUid = unlinked.uid === undefined ? [] : candidates.filter((candidate) => candidate.uid === unlinked.uid)
  if (sameUid.length === 1) return { type: 'one', snapshot: sameUid[0] as Snapshot, by: 'uid' }
  if (sameUid.length > 1) return { type: 'ambiguous', candidates: sameUid }
  const key = naturalKey(unlinked.item)
  if (key === null) return { type: 'none' }
  const alike = candidates.filter((candidate) => naturalKey(candidate.item) === key)
  if (alike.length === 0) return { type: 'none' }
  if (alike.length === 1) return { type: 'one', snapshot: alike[0] as Snapshot, by: 'natural-key' }
  return { type: 'ambiguous', candidates: alike }
}

/**
 * The UID that the Exchange item of a copy carries. Null where nobody knows it: a record of a set that is an event of its
 * own in Exchange (a guest's copy, a set that fits no rule) has one of its own there. One date that somebody was invited to
 * has that of its series.
 */
export function uidInExchange({ link, copy }: LinkedCopy): string | null {
  if (link.uid === null || copy.traits.occurrence === true) return link.uid
  const { uid, slot } = splitUid(link.uid)
  return slot === 0 || copy.traits.invited === true ? uid : null
}

/** The UID under which a pair is known: that of the set where the item has one of its own; elsewhere the CRM may hold it cut. */
export function uidOfPair(exchange: Snapshot | null, crm: Snapshot | null): string | null {
  const isOfSet = exchange?.traits?.occurrence !== true && crm?.uid !== undefined && splitUid(crm.uid).slot > 0
  return (isOfSet ? crm.uid : (exchange?.uid ?? crm?.uid)) ?? null
}
