import { describe, expect, it } from 'vitest'
import { liveThrough } from './hour.ts'

/** SOAK_MAILBOXES and SOAK_MINUTES make it longer; SOAK_SEED plays a run's trouble again. */
const mailboxes = Number(process.env['SOAK_MAILBOXES'] ?? 500)
const minutes = Number(process.env['SOAK_MINUTES'] ?? 60)
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 1e6))

/** A connection of its own for each mailbox, the simulated server's end included. */
const STREAM_MB = 0.1

describe('an hour with an unreliable server', () => {
  it(`${mailboxes} mailboxes end in step: nothing lost, nothing made twice, memory flat (SOAK_SEED=${seed})`, { timeout: 1_500_000 }, async () => {
    const { outOfStep, offline, deaf, wanted, written, creates, mails, heapMb, streams, alone } = await liveThrough({ mailboxes, minutes, seed })
    expect({ outOfStep, offline, deaf }).toEqual({ outOfStep: [], offline: [], deaf: [] })
    expect(written, 'every task once').toEqual(wanted)
    expect(creates, 'creates on the server').toBe(wanted.length)
    expect(mails).toBe(0)
    const [, early = 0] = heapMb
    const told = `heap in MB, every ten minutes and in the end: ${heapMb.join(', ')}; ${streams} streams open, ${alone} of them of one mailbox`
    expect(alone, told).toBeLessThan(mailboxes / 4)
    // Both ends of a stream are in this process.
    if (heapMb.length > 3) expect(heapMb.at(-1), told).toBeLessThan(early * 1.25 + 20 + streams * STREAM_MB)
    console.log(told)
  })
})
