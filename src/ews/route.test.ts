import { describe, expect, it } from 'vitest'
import { SyncError } from '../lib/errors.ts'
import { instant } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { discoveredRoutes } from './route.ts'
import type { Transport } from './transport.ts'

const trouble = (code: string) => new SyncError(code, code, { scope: 'server', remedy: 'wait' })

/** Autodiscover as a list of answers: the EWS address, or null where it does not answer. */
function routes(answers: (string | null)[]) {
  let now = 0
  let asked = 0
  const clock: Clock = { now: () => instant(now), elapsedMs: () => now, sleep: () => Promise.resolve() }
  const route = discoveredRoutes({
    clock, transport: (url) => ({ url }) as Transport,
    find: () => {
      asked += 1
      const ewsUrl = answers.length > 1 ? answers.shift() : answers[0]
      return ewsUrl == null ? Promise.reject(trouble('EWS_AUTODISCOVER')) : Promise.resolve({ ewsUrl, grouping: '', endpoint: '' })
    },
  })('alice@example.test', { username: 'u', password: 'p' })
  return { route, asked: () => asked, pass: (ms: number) => { now += ms } }
}

describe('the way to a mailbox', () => {
  it('is looked for once a day', async () => {
    const { route, asked, pass } = routes(['one'])
    await Promise.all([route.place(), route.place()])
    pass(23 * 3_600_000)
    await route.place()
    expect(asked()).toBe(1)
    pass(2 * 3_600_000)
    await route.place()
    expect(asked()).toBe(2)
  })

  it('is looked for again when the mailbox may have moved, at most once a minute', async () => {
    const { route, asked, pass } = routes(['one', 'one', 'two'])
    await route.place()
    pass(61_000)
    expect(await route.hasMoved(trouble('EWS_UNREACHABLE'))).toBe(false)
    expect(await route.hasMoved(trouble('EWS_UNREACHABLE'))).toBe(false)
    expect(asked()).toBe(2)
    pass(61_000)
    expect(await route.hasMoved(trouble('EWS_MOVED'))).toBe(true)
    expect((await route.place()).transport.url).toBe('two')
  })

  it('is not asked for because of a wrong password or a busy server', async () => {
    const { route, asked, pass } = routes(['one'])
    await route.place()
    pass(61_000)
    for (const code of ['EWS_UNAUTHORIZED', 'EWS_BUSY', 'EWS_TLS', 'EWS_TRANSIENT']) expect(await route.hasMoved(trouble(code))).toBe(false)
    expect(asked()).toBe(1)
  })

  it('is what it was while Autodiscover does not answer', async () => {
    const { route, asked, pass } = routes(['one', null, 'two'])
    await route.place()
    pass(61_000)
    expect(await route.hasMoved(trouble('EWS_UNREACHABLE'))).toBe(false)
    expect((await route.place()).transport.url).toBe('one')
    expect(asked()).toBe(2)
  })
})
