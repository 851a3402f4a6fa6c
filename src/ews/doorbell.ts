/** What a stream tells becomes hints: which kinds of a mailbox, and which items where the server names them. */
import { ITEM_KINDS, itemId } from '../model/index.ts'
import type { ItemId, ItemKind } from '../model/index.ts'
import type { StreamEvent } from './operations/get-streaming-events.ts'
import type { StreamMember } from './stream-member.ts'

/** More names than this in one hint help nobody: the pull tells them. */
const MOST_NAMED = 1_000

/**
 * Rings for what the events are about; foreign folders are not listened to.
 * @returns `nameless` when something of ours changed and the server named no item, in a subscription to our folders alone
 */
export function hear(member: StreamMember, events: readonly StreamEvent[], debounceMs: number): 'heard' | 'nameless' {
  const ours = member.wide ? events.filter(({ folders }) => folders.some((id) => member.kinds.has(id))) : events
  if (ours.length === 0) return 'heard'
  const kinds = ours.flatMap(({ folders }) => folders.flatMap((id) => member.kinds.get(id) ?? []))
  // A folder id we do not know in a subscription to known folders: better one pull too many.
  ring(member, kinds.length > 0 ? kinds : ITEM_KINDS, debounceMs, ours.flatMap(({ items }) => items.map(itemId)))
  return !member.wide && ours.every(({ items }) => items.length === 0) ? 'nameless' : 'heard'
}

/** One hint for all that rings within the time. */
export function ring(member: StreamMember, kinds: readonly ItemKind[], debounceMs: number, items: readonly ItemId[] = []): void {
  for (const kind of kinds) member.ringing.add(kind)
  for (const item of items) if (member.named.size < MOST_NAMED) member.named.add(item)
  member.timer ??= setTimeout(() => {
    member.timer = undefined
    const rung = ITEM_KINDS.filter((kind) => member.ringing.has(kind))
    const named = [...member.named]
    member.ringing.clear()
    member.named.clear()
    if (named.length > 0) member.onHint(rung, named)
    else member.onHint(rung)
  }, debounceMs)
}

/** Whoever is no longer followed is not told either. */
export function silence(member: StreamMember): void {
  clearTimeout(member.timer)
  member.timer = undefined
}
