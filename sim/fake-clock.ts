import { instant, instantMs } from '../src/model/index.ts'
import type { Instant } from '../src/model/index.ts'
import type { Clock, Ids } from '../src/ports.ts'

export interface FakeClock extends Clock {
  /** Moves time forward and wakes sleepers in the order of their time; each runs on before the next is woken. */
  advance(ms: number): Promise<void>
  /** How many sleep: zero after a clean stop. */
  sleepers(): number
}

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

/**
 * A clock that stands still until it is moved.
 * @param start the first moment it shows
 */
export function createFakeClock(start: Instant | string = '2026-12-01T09:00:00Z'): FakeClock {
  const startMs = instantMs(start as Instant)
  let nowMs = startMs
  const sleeping = new Set<Sleeper>()
  const nextDue = (untilMs: number) =>
    [...sleeping].filter((sleeper) => sleeper.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs)[0]
  return {
    now: () => instant(nowMs),
    elapsedMs: () => nowMs - startMs,
    sleepers: () => sleeping.size,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const leave = () => {
          sleeping.delete(sleeper)
          signal?.removeEventListener('abort', giveUp)
        }
        const giveUp = () => {
          leave()
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          dueMs: nowMs + Math.max(0, ms),
          wake: () => {
            leave()
            resolve()
          },
        }
        sleeping.add(sleeper)
        signal?.addEventListener('abort', giveUp)
      }),
    async advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`The clock only moves forward: ${ms} ms was asked.`)
      const untilMs = nowMs + ms
      await settled()
      for (let next = nextDue(untilMs); next; next = nextDue(untilMs)) {
        nowMs = next.dueMs
        next.wake()
        await settled()
      }
      nowMs = untilMs
    },
  }
}

/** Everything that can go on without time passing has gone on. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve))

/** Ids `a-1`, `a-2`, ...: the same in every run of a test. */
export function createCountedIds(prefix: string): Ids {
  let count = 0
  return { next: () => `${prefix}-${++count}` }
}
