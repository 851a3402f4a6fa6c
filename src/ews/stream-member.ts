import type { ItemId, ItemKind } from '../model/index.ts'
import type { Folders } from './folders.ts'
import type { Session } from './session.ts'

export type OnHint = (kinds: readonly ItemKind[], items?: readonly ItemId[]) => void

/** A mailbox on a stream. */
export interface StreamMember {
  readonly session: Session
  readonly folders: Folders
  readonly onHint: OnHint
  subscription: string | null
  kinds: ReadonlyMap<string, ItemKind>
  /** Kinds that rang since the last hint, and the timer that will tell. */
  readonly ringing: Set<ItemKind>
  /** Items that the server named with it. */
  readonly named: Set<ItemId>
  /** Subscribed to all folders, of which only ours are listened to: otherwise this server names no items. */
  wide: boolean
  timer: NodeJS.Timeout | undefined
  /** How often in a row the stream refused its fresh subscription. */
  refused: number
  failures: number
  /** How often it was taken apart from others since a stream with others last served it well. */
  timesApart: number
  /** How often its stream has ended well since. */
  endedWell: number
  /** Not subscribed before this reading of the clock. */
  notBefore: number
}

export function newMember(session: Session, folders: Folders, onHint: OnHint): StreamMember {
  return {
    session, folders, onHint, subscription: null, kinds: new Map(), ringing: new Set(), named: new Set(), wide: false, timer: undefined,
    refused: 0, failures: 0, timesApart: 0, endedWell: 0, notBefore: 0,
  }
}

/** Real time whatever the clock says: for a process that wants to end. */
export function sleepReal(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}

/** The chunks until the signal: a stalled socket would keep a plain loop waiting for ever. */
export async function* untilAborted(chunks: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const iterator = chunks[Symbol.asyncIterator]()
  const aborted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => { resolve(null) }, { once: true })
  })
  for (;;) {
    const next = iterator.next()
    next.catch(() => undefined)
    const result = await Promise.race([next, aborted])
    if (result === null || result.done === true) return
    yield result.value
  }
}
