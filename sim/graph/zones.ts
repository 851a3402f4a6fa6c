import windowsZones from 'cldr-core/supplemental/windowsZones.json' with { type: 'json' }

interface MapZone {
  mapZone: { _other: string; _type: string; _territory: string }
}

const IANA_BY_WINDOWS = new Map<string, string>([['utc', 'UTC']])
const WINDOWS_BY_IANA = new Map<string, string>([['UTC', 'UTC']])
for (const { mapZone } of windowsZones.supplemental.windowsZones.mapTimezones as MapZone[]) {
  if (mapZone._territory === '001') IANA_BY_WINDOWS.set(mapZone._other.toLowerCase(), mapZone._type)
  for (const iana of mapZone._type.split(' ')) if (!WINDOWS_BY_IANA.has(iana)) WINDOWS_BY_IANA.set(iana, mapZone._other)
}

const FORMATS = new Map<string, Intl.DateTimeFormat | null>()
const OFFSETS = new Map<string, Map<number, number>>()
const SLOT = 900_000
const CACHED_SLOTS = 20_000
const DAY = 86_400_000

function formatOf(iana: string): Intl.DateTimeFormat | null {
  const known = FORMATS.get(iana)
  if (known !== undefined) return known
  let format: Intl.DateTimeFormat | null = null
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: iana, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    })
  } catch {
    // The platform does not know the name; null says so.
  }
  FORMATS.set(iana, format)
  return format
}

/** IANA zone of a Windows or IANA name; null when it is neither. */
export function ianaOf(name: string): string | null {
  const windows = IANA_BY_WINDOWS.get(name.toLowerCase())
  if (windows !== undefined) return windows
  return /^[A-Za-z]/.test(name) && formatOf(name) ? name : null
}

/** The Windows id Exchange keeps for a zone; a zone without one stays as it is. */
export function windowsOf(name: string): string {
  return IANA_BY_WINDOWS.has(name.toLowerCase()) ? name : (WINDOWS_BY_IANA.get(name) ?? name)
}

/** Offset from UTC in milliseconds of a zone (either kind of name) at an instant. */
export function offsetAt(zone: string, instant: number): number {
  const iana = ianaOf(zone) ?? 'UTC'
  if (iana === 'UTC' || iana === 'Etc/UTC' || iana === 'Etc/GMT') return 0
  let slots = OFFSETS.get(iana)
  if (!slots || slots.size > CACHED_SLOTS) OFFSETS.set(iana, (slots = new Map()))
  const slot = Math.floor(instant / SLOT)
  const known = slots.get(slot)
  if (known !== undefined) return known
  const part: Record<string, number> = {}
  for (const { type, value } of formatOf(iana)?.formatToParts(slot * SLOT) ?? []) part[type] = Number(value)
  const shown = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute, part.second)
  const offset = shown - slot * SLOT
  slots.set(slot, offset)
  return offset
}

/** The wall clock of a zone, written as if it were UTC milliseconds. */
export function wallOf(zone: string, instant: number): number {
  return instant + offsetAt(zone, instant)
}

/** The instant at which the zone's wall clock shows `wall`; a time in a gap moves forward, a doubled one is the first. */
export function instantOf(zone: string, wall: number): number {
  const before = offsetAt(zone, wall - DAY)
  const after = offsetAt(zone, wall + DAY)
  if (before === after) return wall - before
  const early = wall - before
  if (offsetAt(zone, early) === before) return early
  const late = wall - after
  return offsetAt(zone, late) === after ? late : early
}

/** Local date YYYY-MM-DD of an instant. */
export function dateIn(zone: string, instant: number): string {
  return new Date(wallOf(zone, instant)).toISOString().slice(0, 10)
}
