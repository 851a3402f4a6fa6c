/** What all processes know together of a connection's notifications, kept where its tokens are. */
import type { Vault } from './tokens.ts'

/** How the mailboxes of a connection were followed when a service last said so. */
export interface FollowedState {
  readonly at: string
  readonly notifications: number
  readonly polled: number
  /** Why there are no notifications where there should be; null while there is nothing to say. */
  readonly trouble: string | null
}

export interface Heard {
  /** A genuine notification came to this process. */
  note(nowMs: number): Promise<void>
  /** When the last one came to any process; -Infinity for never. */
  last(): Promise<number>
  /** Every address at which notifications were awaited, this one included: a subscription for an earlier one is still ours. */
  addresses(current: string): Promise<readonly string[]>
  tell(state: FollowedState): Promise<void>
  told(): Promise<FollowedState | null>
}

/** Written at most this often; what is asked of it is minutes. */
const NOTE_EVERY_MS = 60_000

const MOST_ADDRESSES = 20

export function heardOf(vault: Vault, connection: string): Heard {
  const heardName = `graph-heard:${connection}`
  const stateName = `graph-followed:${connection}`
  const addressesName = `graph-addresses:${connection}`
  let notedMs = -Infinity
  let known: readonly string[] = []
  return {
    async addresses(current) {
      if (known.includes(current)) return known
      const saved = JSON.parse(await vault.get(addressesName) ?? '[]') as string[]
      known = [...new Set([...saved, current])].slice(-MOST_ADDRESSES)
      if (known.length > saved.length) await vault.put(addressesName, JSON.stringify(known))
      return known
    },
    async note(nowMs) {
      if (nowMs - notedMs < NOTE_EVERY_MS) return
      notedMs = nowMs
      await vault.put(heardName, String(nowMs))
    },
    last: async () => Number(await vault.get(heardName) ?? -Infinity),
    tell: (state) => vault.put(stateName, JSON.stringify(state)),
    async told() {
      const text = await vault.get(stateName)
      return text === null ? null : JSON.parse(text) as FollowedState
    },
  }
}
