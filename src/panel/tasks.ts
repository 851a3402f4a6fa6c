import { randomUUID } from 'node:crypto'
import { refused } from './errors.ts'

/** Work that takes longer than a request: begun by one, looked at by others. */
export interface Task {
  readonly id: string
  readonly kind: string
  readonly state: 'running' | 'done' | 'failed'
  readonly total: number
  readonly done: number
  /** What there is of the result so far. */
  readonly result: unknown
  readonly error: string | null
}

export interface Tasks {
  run(kind: string, total: number, work: (report: (partial: readonly unknown[]) => void) => Promise<unknown>): Task
  /** @throws Refusal NO_SUCH_TASK */
  get(id: string): Task
}

const KEEP_MS = 15 * 60_000

export function openTasks(changed: () => void): Tasks {
  const all = new Map<string, Task>()
  return {
    run(kind, total, work) {
      const id = randomUUID()
      const put = (change: Partial<Task>): Task => {
        const next = { id, kind, state: 'running' as const, total, done: 0, result: null, error: null, ...all.get(id), ...change }
        all.set(id, next)
        changed()
        return next
      }
      const task = put({})
      void work((partial) => put({ done: partial.length, result: partial }))
        .then((result) => put({ state: 'done', done: total, result }))
        .catch((thrown: unknown) => put({ state: 'failed', error: thrown instanceof Error ? thrown.message : String(thrown) }))
        .finally(() => setTimeout(() => all.delete(id), KEEP_MS).unref())
      return task
    },
    get(id) {
      const found = all.get(id)
      if (found === undefined) throw refused(404, 'NO_SUCH_TASK', 'There is no such task (any more).')
      return found
    },
  }
}
