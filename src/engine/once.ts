import { CRM_LANE } from '../model/index.ts'
import type { MailboxId } from '../model/index.ts'
import type { Lanes } from '../ports.ts'
import { writesOf } from './context.ts'
import type { Engine } from './context.ts'
import { runLane } from './run.ts'

/** Rounds after which a sync that still writes is stopped; a settled pair needs one. */
const MAX_ROUNDS = 10

/** Rounds that wait for another mailbox's turn without a write. */
const PATIENCE = 2

/** Whether a row waits for another mailbox rather than for a server to recover. */
async function someWait(engine: Engine, lanes: readonly MailboxId[]): Promise<boolean> {
  const counts = await engine.store.transaction(async (tx) => Promise.all(lanes.map((lane) => tx.countInbox(lane))))
  return counts.some(({ waiting, failing }) => waiting > failing)
}

/**
 * Pulls both sides and works until nothing is left to do. The lanes are taken through the queue, so that a service
 * running beside it never works on the same mailbox at the same time.
 */
export async function syncOnce(engine: Engine, lanes: Lanes, parallel: number): Promise<void> {
  const server = await lanes.serve((lane) => runLane(engine, lane), parallel)
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = writesOf(engine.totals)
      await lanes.wake([CRM_LANE])
      await server.idle()
      const mailboxes = (await engine.store.transaction((tx) => tx.lanes())).filter((row) => row.mailbox !== null)
      await lanes.wake(mailboxes.map((row) => row.lane))
      await server.idle()
      if (writesOf(engine.totals) === before && (round >= PATIENCE || !(await someWait(engine, mailboxes.map((row) => row.lane))))) return
    }
  } finally {
    await server.stop()
    await countHeld(engine)
  }
}

async function countHeld(engine: Engine): Promise<void> {
  const held = await engine.store.transaction((tx) => tx.held({ open: true }))
  engine.totals.held = held.length
}
