/**
 * Wall clock times of a time zone to moments and back. Offsets come from the platform's zone data once per zone and
 * year and are then looked up: the first sync asks thousands of times a second.
 */

/** The offsets of one zone in one UTC year: `offsets[i]` holds from `starts[i]` on, in milliseconds. */
interface YearOfOffsets {
  readonly starts: readonly number[]
  readonly offsets: readonly number[]
}
interface Zone {
  readonly format: Intl.DateTimeFormat
  readonly years: Map<number, YearOfOffsets>
}

const DAY = 86_400_000
const zones = new Map<string, Zone | null>()

/** Whether the platform knows this IANA zone (`Europe/Rome`, `UTC`); bare offsets such as `+01:00` are not zones. */
export function isZone(zone: string): boolean {
  return zoneOf(zone) !== null
}

/**
 * The moment of a wall clock time. A time the clocks skip moves forward by the gap, a doubled one is the earlier.
 * @param date yyyy-mm-dd
 * @param time HH:MM or HH:MM:SS
 * @param zone IANA name
 * @returns UTC, yyyy-mm-ddTHH:MM:SSZ
 * @throws RangeError when the date, the time or the zone does not exist
 */
export function toInstant(date: string, time: string, zone: string): string {
  const known = need(zone)
  const local = wallClock(date, time)
  // The offsets before and after any change that could touch this time; at most one change lies within two days.
  const before = offsetAt(known, local - DAY)
  const after = offsetAt(known, local + DAY)
  if (before === after) return text(local - before)
  const moments = [local - before, local - after].filter((at, i) => offsetAt(known, at) === (i === 0 ? before : after))
  return text(moments.length === 0 ? local - before : Math.min(...moments))
}

/**
 * What a clock in the zone shows at a moment.
 * @param instant UTC, yyyy-mm-ddTHH:MM:SSZ
 * @returns date yyyy-mm-dd and time HH:MM:SS
 * @throws RangeError when the instant cannot be read or the zone does not exist
 */
export function toLocal(instant: string, zone: string): { date: string; time: string } {
  const known = need(zone)
  const at = Date.parse(instant)
  if (Number.isNaN(at)) throw new RangeError(`"${instant}" is not a moment (yyyy-mm-ddTHH:MM:SSZ).`)
  const shown = text(at + offsetAt(known, at))
  return { date: shown.slice(0, 10), time: shown.slice(11, 19) }
}

function need(zone: string): Zone {
  const known = zoneOf(zone)
  if (known === null) throw new RangeError(`"${zone}" is not a time zone name (IANA, for example Europe/Rome).`)
  return known
}

function zoneOf(zone: string): Zone | null {
  const known = zones.get(zone)
  if (known !== undefined) return known
  const fresh = openZone(zone)
  // Names come from servers; a stream of wrong ones must not fill the memory.
  if (zones.size > 2_000) zones.clear()
  zones.set(zone, fresh)
  return fresh
}

function openZone(zone: string): Zone | null {
  if (!/^[A-Za-z]/.test(zone)) return null
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', era: 'short', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
    return { format, years: new Map() }
  } catch {
    return null
  }
}

function offsetAt(zone: Zone, at: number): number {
  const year = new Date(at).getUTCFullYear()
  let table = zone.years.get(year)
  if (table === undefined) {
    table = readYear(zone, year)
    zone.years.set(year, table)
  }
  let low = 0
  let high = table.starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((table.starts[middle] ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return table.offsets[low] ?? 0
}

/** Asks the platform day by day and closes in on each change, down to the second. */
function readYear(zone: Zone, year: number): YearOfOffsets {
  const from = Date.UTC(year, 0, 1)
  const to = Date.UTC(year + 1, 0, 1)
  const starts = [from]
  let offset = askOffset(zone, from)
  const offsets = [offset]
  for (let day = from; day < to; day += DAY) {
    const next = askOffset(zone, day + DAY)
    if (next === offset) continue
    let before = day
    let after = day + DAY
    while (after - before > 1_000) {
      const middle = before + Math.floor((after - before) / 2_000) * 1_000
      if (askOffset(zone, middle) === offset) before = middle
      else after = middle
    }
    offset = next
    if (after < to) {
      starts.push(after)
      offsets.push(offset)
    }
  }
  return { starts, offsets }
}

function askOffset(zone: Zone, at: number): number {
  const part: Record<string, number> = {}
  for (const { type, value } of zone.format.formatToParts(at)) part[type] = Number(value)
  const shown = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second)
  return shown - at
}

/** The wall clock time as if it were UTC, in milliseconds. */
function wallClock(date: string, time: string): number {
  const day = /^[1-9]\d{3}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN
  if (Number.isNaN(day) || text(day).slice(0, 10) !== date) {
    throw new RangeError(`"${date}" is not a calendar day (yyyy-mm-dd).`)
  }
  const clock = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(time)
  if (clock === null) throw new RangeError(`"${time}" is not a time of day (HH:MM or HH:MM:SS).`)
  return day + (Number(clock[1]) * 3_600 + Number(clock[2]) * 60 + Number(clock[3] ?? 0)) * 1_000
}

const text = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`
