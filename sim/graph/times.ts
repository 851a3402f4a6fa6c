import { badRequest, notValid } from './errors.ts'
import { unknownZone } from './recurrence-read.ts'
import { ianaOf, instantOf, wallOf } from './zones.ts'

const DATE_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?)?(Z|[+-]\d{2}:\d{2})?$/

export interface ZonedTime {
  dateTime: string
  timeZone: string
}

/** A dateTimeTimeZone from a request: instant in UTC milliseconds, its wall clock as if it were UTC, and the zone. */
export interface ReadTime {
  instant: number
  wall: number
  zone: string
}

/**
 * Documentation: https://learn.microsoft.com/graph/api/resources/datetimetimezone
 * @param name of the property, for the message
 */
export function readTime(value: any, name: string): ReadTime {
  if (typeof value?.dateTime !== 'string' || !DATE_TIME.test(value.dateTime))
    throw badRequest(
      `Cannot convert the literal '${String(value?.dateTime)}' of ${name} to the expected type 'Edm.DateTime'.`, 'RequestBodyRead',
    )
  const zone = value.timeZone ?? 'UTC'
  if (typeof zone !== 'string' || ianaOf(zone) === null) throw unknownZone(zone)
  const [, text = '', offset] = /^(.*?)(Z|[+-]\d{2}:\d{2})?$/.exec(value.dateTime) ?? []
  const wall = Date.parse(text.length === 10 ? `${text}T00:00:00Z` : `${text.length === 16 ? `${text}:00` : text}Z`)
  if (Number.isNaN(wall)) throw notValid(`${name} is no moment of the calendar: ${value.dateTime}.`)
  // A value with an offset is a moment; the zone only says in which one it is kept.
  if (offset !== undefined) {
    const instant = Date.parse(`${new Date(wall).toISOString().slice(0, 23)}${offset}`)
    return { instant, wall: wallOf(zone, instant), zone }
  }
  return { instant: instantOf(zone, wall), wall, zone }
}

/** Whole milliseconds with seven digits of fraction, as Graph writes them. */
export function sevenDigits(wall: number): string {
  return `${new Date(wall).toISOString().slice(0, 23)}0000`
}

export function writeTime(instant: number, zone: string): ZonedTime {
  return { dateTime: sevenDigits(wallOf(zone, instant)), timeZone: zone }
}

/** A floating midnight is the same date in every zone. */
export function writeDate(midnight: number, zone: string): ZonedTime {
  return { dateTime: sevenDigits(midnight), timeZone: zone }
}

export function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}0000Z`
}

/** A query parameter such as startDateTime: without offset it is UTC. */
export function readMoment(value: string | null, name: string): number {
  // A plus sign that was not escaped arrives as a blank.
  const text = (value ?? '').replace(' ', '+')
  const zoned = /(?:Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text.length === 10 ? `${text}T00:00:00` : text}Z`
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(zoned.replace(/(\.\d{3})\d+/, '$1')) : Number.NaN
  if (Number.isNaN(ms))
    throw badRequest(`The value '${String(value)}' of parameter '${name}' is invalid.`, 'ErrorInvalidParameter')
  return ms
}
