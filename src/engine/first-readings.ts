import type { MailboxId } from '../model/index.ts'
import type { Lanes } from '../ports.ts'
import { activeKinds } from './context.ts'
import type { Engine } from './context.ts'
import { runLane } from './run.ts'

/**
 * Runs lanes so that first readings, which take minutes, never hold all workers: at most `most` of them run at a time,
 * the others give their worker back and are woken when one ends. Live changes always find a free worker.
 * @returns what runs one lane
 */
export function createRunner(engine: Engine, lanes: Pick<Lanes, 'wake'>, most: number, run = runLane): (lane: MailboxId) => Promise<void> {
  /** Read in full once: from then on a run is short. */
  const read = new Set<MailboxId>()
  const reading = new Set<MailboxId>()
  const waiting = new Set<MailboxId>()

  async function isRead(lane: MailboxId): Promise<boolean> {
    if (read.has(lane)) return true
    const [row, channels] = await engine.store.transaction(async (tx) => [(await tx.lanes()).find((one) => one.lane === lane), await tx.channels(lane)])
    const done = row === undefined || row.mailbox === null
      || (row.lastRunAt !== null && activeKinds(engine.policy).every((kind) => channels.some((channel) => channel.kind === kind && channel.complete)))
    if (done) read.add(lane)
    return done
  }

  return async (lane) => {
    if (await isRead(lane).catch(() => true)) return run(engine, lane)
    if (reading.size >= most) {
      waiting.add(lane)
      return
    }
    waiting.delete(lane)
    reading.add(lane)
    try {
      await run(engine, lane)
    } finally {
      reading.delete(lane)
      const [next] = waiting
      if (next !== undefined) {
        waiting.delete(next)
        await lanes.wake([next])
      }
    }
  }
}
