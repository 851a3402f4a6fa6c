import { describe, expect, it } from 'vitest'
import { mailboxId } from '../model/index.ts'
import type { MailboxId } from '../model/index.ts'
import type { Engine } from './context.ts'
import { createRunner } from './first-readings.ts'

/** Mailboxes that were read in full before, and runs that end when told. */
function service(read: readonly string[], most: number) {
  const done = new Set(read)
  const running: string[] = []
  const woken: string[] = []
  const ends = new Map<string, () => void>()
  const tx = {
    lanes: () => Promise.resolve(['a', 'b', 'c', 'd'].map((lane) => ({ lane, mailbox: {}, lastRunAt: done.has(lane) ? 'then' : null }))),
    channels: (lane: string) => Promise.resolve(['event', 'task', 'contact'].map((kind) => ({ kind, complete: done.has(lane) }))),
  }
  const engine = {
    policy: { direction: { event: 'both', task: 'both', contact: 'to-exchange' } },
    store: { transaction: (work: (one: typeof tx) => Promise<unknown>) => work(tx) },
  } as unknown as Engine
  const run = createRunner(engine, { wake: (lanes) => Promise.resolve(void woken.push(...lanes)) }, most, (_engine, lane) => {
    running.push(lane)
    return new Promise<void>((resolve) => ends.set(lane, () => { done.add(lane); resolve() }))
  })
  return { run: (lane: string) => run(mailboxId(lane)), running, woken, end: (lane: string) => ends.get(lane)?.() }
}
const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('first readings', () => {
  it('are so many at a time; who has to wait gives the worker back and is woken when one ends', async () => {
    const { run, running, woken, end } = service([], 2)
    const runs = ['a', 'b'].map(run)
    await settled()
    await run('c')
    await run('d')
    expect(running).toEqual(['a', 'b'])
    end('a')
    await runs[0]
    expect(woken).toEqual(['c'])
    const third = run('c')
    await settled()
    expect(running).toEqual(['a', 'b', 'c'])
    end('b')
    end('c')
    await Promise.all([...runs, third])
    expect(woken).toEqual(['c', 'd'] satisfies string[] as MailboxId[])
  })

  it('never keep a mailbox waiting that was read before', async () => {
    const { run, running, end } = service(['d'], 1)
    const first = run('a')
    await settled()
    const live = run('d')
    await settled()
    expect(running).toEqual(['a', 'd'])
    end('d')
    end('a')
    await Promise.all([first, live])
  })
})
