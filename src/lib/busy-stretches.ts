/** Time that is not free; milliseconds since the epoch. */
export interface Stretch<Status extends string> {
  readonly startMs: number
  readonly endMs: number
  readonly status: Status
}

/**
 * Stretches by start that neither overlap nor touch with the same status, cut to the window.
 * @param strength from weak to strong: where two overlap, the stronger one tells
 */
export function mergeStretches<Status extends string>(
  stretches: readonly Stretch<Status>[], [fromMs, toMs]: readonly [number, number], strength: readonly Status[],
): Stretch<Status>[] {
  const edges = stretches.flatMap(({ startMs, endMs, status }) => {
    const [start, end] = [Math.max(startMs, fromMs), Math.min(endMs, toMs)]
    const rank = strength.indexOf(status)
    return start < end ? [{ at: start, rank, by: 1 }, { at: end, rank, by: -1 }] : []
  }).sort((a, b) => a.at - b.at)
  const open = strength.map(() => 0)
  const merged: Stretch<Status>[] = []
  for (const [index, { at, rank, by }] of edges.entries()) {
    open[rank] = (open[rank] ?? 0) + by
    const next = edges[index + 1]?.at
    const status = strength[open.findLastIndex((count) => count > 0)]
    if (next === undefined || next === at || status === undefined) continue
    const last = merged.at(-1)
    if (last !== undefined && last.status === status && last.endMs === at) merged[merged.length - 1] = { ...last, endMs: next }
    else merged.push({ startMs: at, endMs: next, status })
  }
  return merged
}

/** A window in pieces of at most that length. */
export function splitWindow(fromMs: number, toMs: number, mostMs: number): (readonly [number, number])[] {
  const pieces: (readonly [number, number])[] = []
  for (let at = fromMs; at < toMs; at += mostMs) pieces.push([at, Math.min(at + mostMs, toMs)])
  return pieces
}
