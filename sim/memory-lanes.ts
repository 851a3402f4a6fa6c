import type { MailboxId } from '../src/model/index.ts'
import type { Lanes } from '../src/ports.ts'
import type { MemoryStore } from './memory-store.ts'

export interface MemoryLanes extends Lanes {
  /** What runs have thrown; the lane went on. */
  readonly failures: readonly unknown[]
  /** The worker dies: nothing is served any more, and what it was running waits to be run again. */
  crash(): void
}

interface Server {
  readonly run: (lane: MailboxId) => Promise<void>
  readonly parallel: number
  readonly running: Set<MailboxId>
  serving: boolean
}

/**
 * Lanes in memory, for tests: wake-ups are served in the order they came.
 * @param store its transactions wake these lanes, and wake-ups that wait stay there when the lanes crash
 */
export function createMemoryLanes(store?: MemoryStore): MemoryLanes {
  const queue = store?.woken ?? new Set<MailboxId>()
  const running = new Set<MailboxId>()
  const failures: unknown[] = []
  const waiters: (() => void)[] = []
  let servers: Server[] = []

  function pump(): void {
    for (const lane of [...queue]) {
      if (running.has(lane)) continue
      const server = servers.find((candidate) => candidate.serving && candidate.running.size < candidate.parallel)
      if (!server) break
      queue.delete(lane)
      running.add(lane)
      server.running.add(lane)
      void start(server, lane)
    }
    waiters.splice(0).forEach((check) => check())
  }

  async function start(server: Server, lane: MailboxId): Promise<void> {
    try {
      await Promise.resolve().then(() => server.run(lane))
    } catch (error) {
      failures.push(error)
    }
    if (!servers.includes(server)) return
    server.running.delete(lane)
    running.delete(lane)
    pump()
  }

  const until = (reached: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => (reached() ? resolve() : void waiters.push(check))
      check()
    })

  store?.onWake(pump)
  return {
    failures,
    async wake(lanes) {
      lanes.forEach((lane) => queue.add(lane))
      pump()
    },
    async serve(run, parallel) {
      const server: Server = { run, parallel, running: new Set(), serving: true }
      servers.push(server)
      pump()
      return {
        idle: () => until(() => queue.size === 0 && running.size === 0),
        async stop() {
          server.serving = false
          await until(() => server.running.size === 0)
        },
      }
    },
    crash() {
      servers = []
      running.forEach((lane) => queue.add(lane))
      running.clear()
    },
  }
}
