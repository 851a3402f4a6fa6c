/** The simulators' clock: real time plus an offset that the control API can move forward. */
export interface SimClock {
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  now(): number
  /** Moves the clock forward; negative values are refused. */
  advance(ms: number): void
}

export function createSimClock(source: () => number = Date.now): SimClock {
  let offsetMs = 0
  return {
    now: () => source() + offsetMs,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`The clock only moves forward: ${ms} ms was asked.`)
      offsetMs += ms
    },
  }
}
