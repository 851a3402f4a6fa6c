/** Wall clock arithmetic for the simulated CRM: fast, cached, and with PHP's answers around daylight saving changes. */
const DAY_MS = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()
/** Offset of a whole UTC day, or null where the offset changes within the day. */
const dayOffsets = new Map<string, Map<number, number | null>>()

/** Says whether `zone` is an IANA name this runtime knows. */
export function isZone(zone: string): boolean {
  try {
    formatOf(zone)
    return true
  } catch {
    return false
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  formats.set(zone, format)
  return format
}

function computeOffset(zone: string, epochMs: number): number {
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(zone).formatToParts(epochMs)) part[type] = Number(value)
  const wall = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second)
  return wall - Math.floor(epochMs / 1000) * 1000
}

/** Milliseconds to add to UTC to get the wall clock of `zone` at that instant. */
export function offsetAt(zone: string, epochMs: number): number {
  let days = dayOffsets.get(zone)
  if (!days) dayOffsets.set(zone, (days = new Map()))
  const day = Math.floor(epochMs / DAY_MS)
  let offset = days.get(day)
  if (offset === undefined) {
    const start = computeOffset(zone, day * DAY_MS)
    offset = start === computeOffset(zone, (day + 1) * DAY_MS - 1000) ? start : null
    if (days.size > 5000) days.clear()
    days.set(day, offset)
  }
  return offset ?? computeOffset(zone, epochMs)
}

/**
 * The instant of a wall clock reading (given as if it were UTC). An hour that occurs twice means its first pass, an
 * hour that does not exist is moved forward by the gap, as PHP does.
 */
export function instantOf(zone: string, wallMs: number): number {
  const before = offsetAt(zone, wallMs - DAY_MS)
  if (offsetAt(zone, wallMs - before) === before) return wallMs - before
  const after = offsetAt(zone, wallMs + DAY_MS)
  return offsetAt(zone, wallMs - after) === after ? wallMs - after : wallMs - before
}

const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`)

/** `yyyy-mm-dd` of a wall clock reading given as if it were UTC. */
export function dateText(wallMs: number): string {
  const date = new Date(wallMs)
  return `${String(date.getUTCFullYear()).padStart(4, '0')}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`
}

/** `HH:MM` of a wall clock reading given as if it were UTC. */
export function timeText(wallMs: number): string {
  const minutes = Math.floor(wallMs / 60_000) % 1440
  const positive = minutes < 0 ? minutes + 1440 : minutes
  return `${two(Math.floor(positive / 60))}:${two(positive % 60)}`
}

/** `yyyy-mm-dd hh:mm:ss` of an instant, in `zone`. */
export function stampText(zone: string, epochMs: number): string {
  const wall = epochMs + offsetAt(zone, epochMs)
  return `${dateText(wall)} ${timeText(wall)}:${two(new Date(wall).getUTCSeconds())}`
}

/** A wall clock reading as if it were UTC, from `yyyy-mm-dd` and `HH:MM[:SS]`; NaN for zero dates and garbage. */
export function wallOf(date: string, time: string): number {
  const year = Number(date.slice(0, 4))
  const month = Number(date.slice(5, 7))
  if (!(year > 0) || !(month > 0)) return Number.NaN
  const hour = Number(time.slice(0, 2) || '0')
  const wall = Date.UTC(year, month - 1, Number(date.slice(8, 10)), hour, Number(time.slice(3, 5) || '0'))
  return wall + Number(time.slice(6, 8) || '0') * 1000
}

/** Moves a date and a time from one zone to another; a pair without a time, or with a zero date, stays as it is. */
export function movePair(date: string, time: string, from: string, to: string): [date: string, time: string] {
  if (from === to || date === '' || time === '') return [date, time]
  const wall = wallOf(date, time)
  if (Number.isNaN(wall)) return [date, time]
  const instant = instantOf(from, wall)
  const moved = instant + offsetAt(to, instant)
  return [dateText(moved), timeText(moved)]
}

/** Moves `yyyy-mm-dd hh:mm:ss` from one zone to another. */
export function moveStamp(stamp: string, from: string, to: string): string {
  if (from === to) return stamp
  const wall = wallOf(stamp.slice(0, 10), stamp.slice(11))
  return Number.isNaN(wall) ? stamp : stampText(to, instantOf(from, wall))
}
