import windowsZones from 'cldr-core/supplemental/windowsZones.json' with { type: 'json' }

interface MapZone {
  mapZone: { _other: string; _type: string; _territory: string }
}

const IANA_BY_WINDOWS = new Map<string, string>([['UTC', 'UTC']])
for (const { mapZone } of windowsZones.supplemental.windowsZones.mapTimezones as MapZone[]) {
  if (mapZone._territory === '001') IANA_BY_WINDOWS.set(mapZone._other, mapZone._type)
}

/** Is this a Windows zone id an Exchange server knows? */
export function isKnownZone(windowsId: string): boolean {
  return IANA_BY_WINDOWS.has(windowsId)
}

/** IANA zone of a Windows zone id; an unknown or custom id counts as UTC. */
export function ianaOf(windowsId: string): string {
  return IANA_BY_WINDOWS.get(windowsId) ?? 'UTC'
}

const FORMATS = new Map<string, Intl.DateTimeFormat>()

function formatOf(iana: string): Intl.DateTimeFormat {
  let format = FORMATS.get(iana)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: iana,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    FORMATS.set(iana, format)
  }
  return format
}

/** Offset from UTC in milliseconds of a zone (Windows id) at an instant. */
export function offsetAt(windowsId: string, instant: number): number {
  const iana = ianaOf(windowsId)
  if (iana === 'UTC' || iana === 'Etc/UTC') return 0
  const whole = Math.floor(instant / 1000) * 1000
  const match = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)$/.exec(formatOf(iana).format(whole))
  if (!match) throw new Error(`No calendar date for ${instant} in ${iana}.`)
  const [, month, day, year, hour, minute, second] = match.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole
}

/** The wall clock of a zone, written as if it were UTC milliseconds. */
export function wallOf(windowsId: string, instant: number): number {
  return instant + offsetAt(windowsId, instant)
}

/** The instant at which the zone's wall clock shows `wall`; a time in a DST gap moves forward. */
export function instantOf(windowsId: string, wall: number): number {
  const before = offsetAt(windowsId, wall - 86_400_000)
  const first = wall - before
  if (offsetAt(windowsId, first) === before) return first
  const second = wall - offsetAt(windowsId, first)
  return wallOf(windowsId, second) === wall ? second : first
}

const ZONED = /(?:Z|[+-]\d{2}:\d{2})$/

/**
 * Reads an xs:dateTime as UTC milliseconds. A value without Z or offset is a wall clock of `windowsId`.
 * Returns NaN for text that is no date.
 */
export function readInstant(text: string, windowsId: string): number {
  const trimmed = text.trim()
  if (ZONED.test(trimmed))
    return Date.parse(
      /^\d{4}-\d\d-\d\d(?:Z|[+-])/.test(trimmed) ? `${trimmed.slice(0, 10)}T00:00:00${trimmed.slice(10)}` : trimmed,
    )
  const wall = Date.parse(trimmed.includes('T') ? `${trimmed}Z` : `${trimmed}T00:00:00Z`)
  return Number.isNaN(wall) ? wall : instantOf(windowsId, wall)
}

/** Writes an instant the way Exchange does: whole seconds, Z in UTC, otherwise the zone's offset. */
export function writeInstant(instant: number, windowsId = 'UTC'): string {
  const offset = windowsId === 'UTC' ? 0 : offsetAt(windowsId, instant)
  return new Date(instant + offset).toISOString().slice(0, 19) + textOf(offset)
}

/** The zone's offset at an instant as it stands behind a date: `Z` or `+01:00`. */
export function offsetText(windowsId: string, instant: number): string {
  return textOf(offsetAt(windowsId, instant))
}

function textOf(offset: number): string {
  if (offset === 0) return 'Z'
  const minutes = Math.abs(offset) / 60_000
  const hh = String(Math.floor(minutes / 60)).padStart(2, '0')
  const mm = String(Math.floor(minutes % 60)).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${hh}:${mm}`
}
