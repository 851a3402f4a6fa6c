import type { MailboxId } from '../model/index.ts'
import type { Fence, Tx } from '../ports.ts'
import { channelStatements } from './channels.ts'
import { conflictStatements } from './conflicts.ts'
import type { Database } from './database.ts'
import { toStoreError } from './errors.ts'
import { heldStatements } from './held.ts'
import { inboxStatements } from './inbox.ts'
import type { LaneQueue } from './lane-queue.ts'
import { checkFence, laneStatements } from './lanes.ts'
import { linkStatements } from './links.ts'
import { operationStatements } from './operations.ts'
import { seriesStatements } from './series.ts'
import { settingStatements } from './settings.ts'
import { skipStatements } from './skips.ts'

const ATTEMPTS = 3

/**
 * Runs `work` in one transaction; a clash with another one repeats it, up to three times in all, so `work` must not
 * keep anything outside the transaction that a second run would double.
 */
export async function inTransaction<T>(
  db: Database, queue: LaneQueue, work: (tx: Tx) => Promise<T>, fence?: Fence,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await once(db, queue, work, fence)
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error
    }
  }
}

/** Two statements of an ordinary transaction see what was committed between them: a record linked to nobody, and then to everybody. */
export async function inSnapshot<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  let own: { readonly error: unknown } | undefined
  try {
    return await db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute((transaction) =>
      work(statements(transaction, [])).catch((error: unknown) => {
        own = { error }
        throw error
      }))
  } catch (error) {
    throw own ? own.error : toStoreError(error)
  }
}

const isConflict = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'STORE_CONFLICT'

async function once<T>(db: Database, queue: LaneQueue, work: (tx: Tx) => Promise<T>, fence?: Fence): Promise<T> {
  const wakes: MailboxId[] = []
  // What `work` throws on its own account passes as it is; everything else comes from the database.
  let own: { readonly error: unknown } | undefined
  try {
    const result = await db.transaction().execute(async (transaction) => {
      const answer = await work(statements(transaction, wakes)).catch((error: unknown) => {
        own = { error }
        throw error
      })
      // At the end and together: jobs are locked for as short as can be, and always in the same order.
      await queue.wakeIn(transaction, wakes)
      if (fence) await checkFence(transaction, fence)
      return answer
    })
    if (wakes.length > 0) queue.nudge()
    return result
  } catch (error) {
    throw own ? own.error : toStoreError(error)
  }
}

function statements(db: Database, wakes: MailboxId[]): Tx {
  return {
    ...laneStatements(db),
    ...channelStatements(db),
    ...inboxStatements(db),
    ...linkStatements(db),
    ...seriesStatements(db),
    ...skipStatements(db),
    ...operationStatements(db),
    ...conflictStatements(db),
    ...heldStatements(db),
    ...settingStatements(db),
    wake: async (lanes) => void wakes.push(...lanes),
  }
}
