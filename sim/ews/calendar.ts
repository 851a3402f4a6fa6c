import { ResponseError } from './errors.ts'
import type { Fields } from './model.ts'
import type { UnreadWall } from './values.ts'
import { instantOf, readInstant, wallOf } from './zones.ts'

const DAY = 86_400_000
const FIVE_YEARS = 5 * 366 * DAY

export type DraftFields = Record<string, Fields[string] | UnreadWall>

function isRaw(value: unknown): value is UnreadWall {
  return typeof value === 'object' && value !== null && 'raw' in value
}

/**
 * Settles the times of a calendar item after all properties of a request are known: a value without zone is meant
 * in the item's own zone, a changed zone alone keeps the wall clock and so shifts the instant, all-day bounds are
 * pushed outward to midnights of the item's zone.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/time-zones-and-ews
 * @param draft the fields as they will be; Start and End may still be unread.
 * @param before the fields as they were; null when the item is new.
 * @param contextZone Windows zone id of the TimeZoneContext; null when the request has none.
 */
export function settleTimes(draft: DraftFields, before: Fields | null, contextZone: string | null, now: number): void {
  const start = settleEdge(draft, before, 'Start', 'StartTimeZone', contextZone)
  const end = settleEdge(draft, before, 'End', 'EndTimeZone', contextZone)
  const creationZone = contextZone ?? 'UTC'
  draft['StartTimeZone'] ??= creationZone
  draft['EndTimeZone'] ??= draft['StartTimeZone']
  const from = start ?? Math.ceil(now / 1_800_000) * 1_800_000
  const to = end ?? from + 1_800_000
  if (to < from) throw new ResponseError('ErrorCalendarEndDateIsEarlierThanStartDate')
  if (to - from > FIVE_YEARS) throw new ResponseError('ErrorCalendarDurationIsTooLong')
  draft['Start'] = from
  draft['End'] = to
  if (draft['IsAllDayEvent'] === true) roundToDays(draft, from, to)
  const minutes = Number(draft['ReminderMinutesBeforeStart'] ?? 15)
  if (draft['ReminderIsSet'] === true && draft['Start'] !== before?.['Start'])
    draft['ReminderDueBy'] = draft['Start'] as number
  draft['ReminderMinutesBeforeStart'] = minutes
}

function settleEdge(
  draft: DraftFields,
  before: Fields | null,
  name: string,
  zoneName: string,
  contextZone: string | null,
): number | undefined {
  const value = draft[name]
  const zone = draft[zoneName] as string | undefined
  if (isRaw(value)) {
    const instant = readInstant(value.raw, zone ?? contextZone ?? 'UTC')
    if (Number.isNaN(instant)) throw new ResponseError('ErrorInvalidRequest', `The ${name} '${value.raw}' is no date.`)
    return Math.floor(instant / 1000) * 1000
  }
  if (value === undefined) return undefined
  const oldZone = before?.[zoneName] as string | undefined
  if (before && zone !== undefined && zone !== oldZone)
    return instantOf(zone, wallOf(oldZone ?? 'UTC', value as number))
  return value as number
}

/** Midnights of the item's zone, pushed outward: 1 PM to 2 PM becomes the whole day. */
function roundToDays(draft: DraftFields, from: number, to: number): void {
  const startZone = draft['StartTimeZone'] as string
  const endZone = draft['EndTimeZone'] as string
  const first = Math.floor(wallOf(startZone, from) / DAY) * DAY
  const last = Math.max(Math.ceil(wallOf(endZone, to) / DAY) * DAY, first + DAY)
  draft['Start'] = instantOf(startZone, first)
  draft['End'] = instantOf(endZone, last)
}

/** What Exchange fills in when a calendar item is made without it. */
export function calendarDefaults(draft: DraftFields): void {
  draft['IsAllDayEvent'] ??= false
  draft['LegacyFreeBusyStatus'] ??= 'Busy'
  draft['ReminderIsSet'] ??= true
  draft['IsResponseRequested'] ??= true
}
