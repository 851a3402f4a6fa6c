import { AsyncLocalStorage } from 'node:async_hooks'
import { SyncError } from '../src/lib/errors.ts'
import type { MailboxId } from '../src/model/index.ts'
import type { Clock, Fence, Store, Tx } from '../src/ports.ts'
import { createMemoryTables, memoryTx } from './memory-tx.ts'
import type { UndoLog } from './memory-table.ts'

export interface MemoryStore extends Store {
  /** Lanes woken by committed transactions and not taken yet; outlives the process that woke them. */
  readonly woken: Set<MailboxId>
  /** Calls back after every commit that woke lanes. */
  onWake(listener: () => void): void
  /** How many transactions have committed: the boundaries that crash tests stop at. */
  commits(): number
}

/**
 * The store in memory, for tests: same contract as PostgreSQL, transactions one after another.
 * @param options the clock is accepted for symmetry; nothing here depends on the time of day
 */
export function createMemoryStore(_options: { clock?: Clock } = {}): MemoryStore {
  const tables = createMemoryTables()
  const fences = new Map<MailboxId, number>()
  const woken = new Set<MailboxId>()
  const listeners: (() => void)[] = []
  const current = new AsyncLocalStorage<{ open: boolean }>()
  let tail: Promise<unknown> = Promise.resolve()
  let commits = 0
  let closed = false

  /** One at a time: what runs inside sees nobody else's half-done work. */
  function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    if (closed) return Promise.reject(storeError('STORE_CLOSED', 'The store is closed.'))
    if (current.getStore()?.open) {
      return Promise.reject(storeError('STORE_NESTED', 'A transaction was opened inside another; use the outer one.'))
    }
    const turn = tail.then(work)
    tail = turn.catch(() => undefined)
    return turn
  }

  async function run<T>(work: (tx: Tx) => Promise<T>, fence?: Fence): Promise<T> {
    const undo: UndoLog = []
    const wakes: MailboxId[] = []
    const scope = { open: true }
    try {
      const result = await current.run(scope, () => work(memoryTx(tables, { undo, wakes, scope })))
      if (fence && fences.get(fence.lane) !== fence.value) throw fenced(fence.lane)
      scope.open = false
      commits += 1
      wakes.forEach((lane) => woken.add(lane))
      if (wakes.length > 0) listeners.forEach((listener) => listener())
      return result
    } catch (error) {
      scope.open = false
      for (const step of undo.reverse()) step()
      throw error
    }
  }

  return {
    woken,
    onWake: (listener) => void listeners.push(listener),
    commits: () => commits,
    transaction: (work, fence) => inTurn(() => run(work, fence)),
    snapshot: (work) => inTurn(() => run(work)),
    raiseFence: (lane) =>
      inTurn(() => {
        const value = (fences.get(lane) ?? 0) + 1
        fences.set(lane, value)
        return { lane, value }
      }),
    async close() {
      closed = true
      await tail
    },
  }
}

function fenced(lane: MailboxId): SyncError {
  return new SyncError('STORE_FENCED', `Another run has taken the lane ${lane}; this run's changes were not saved.`, {
    scope: 'mailbox',
    remedy: 'retry',
    context: { lane },
  })
}

const storeError = (code: string, message: string) => new SyncError(code, message, { scope: 'system', remedy: 'bug' })
