import { asSyncError } from '../lib/errors.ts'
import { instantMs } from '../model/index.ts'
import type { MailboxId, Side } from '../model/index.ts'
import type { Written } from '../engine/index.ts'
import type { Log } from '../ports.ts'
import type { PanelStore } from '../store/index.ts'

export interface LatencyRecorder {
  onWritten(write: Written): void
  /** From now on a mailbox is followed: what was changed before says nothing about how fast we are. */
  follow(lanes: readonly MailboxId[]): void
  stop(): Promise<void>
}

/** The servers tell a change's time in whole seconds, cut: on average it was half a second later. */
const CUT_MS = 500
const FLUSH_MS = 2000

/** Measures how long changes take from one side to the other, and saves that every other second. */
export function recordLatencies(panel: PanelStore, log: Log): LatencyRecorder {
  const startedMs = Date.now()
  const followed = new Map<MailboxId, number>()
  let points: { side: Side; ms: number }[] = []
  const flush = async () => {
    const batch = points
    points = []
    await panel.measures.addLatencies(batch).catch((thrown: unknown) => log.debug({ code: asSyncError(thrown).code }, 'measured latencies were not saved'))
  }
  const timer = setInterval(() => void flush(), FLUSH_MS)
  return {
    onWritten({ lane, side, changedAt }) {
      const now = Date.now()
      if (changedAt === null || instantMs(changedAt) < (followed.get(lane) ?? startedMs)) return
      points.push({ side, ms: Math.max(0, now - instantMs(changedAt) - CUT_MS) })
    },
    follow(lanes) {
      for (const lane of lanes) if (!followed.has(lane)) followed.set(lane, Date.now())
    },
    async stop() {
      clearInterval(timer)
      await flush()
    },
  }
}
