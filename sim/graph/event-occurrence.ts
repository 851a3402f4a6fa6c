import { badRequest, notFound } from './errors.ts'
import { readFields } from './event-read.ts'
import { readExtended } from './extended.ts'
import type { EventFields, EventItem } from './model.ts'
import { instanceOn, neighbours, ruleTimes, seriesZone, startDate } from './series.ts'

/**
 * Makes or changes the exception of a date. It must stay between its neighbours.
 * Documentation: https://learn.microsoft.com/graph/api/event-update (ErrorOccurrenceCrossingBoundary)
 * @param now UTC milliseconds
 */
export function changeOccurrence(event: EventItem, date: string, body: Record<string, any>, now: number): void {
  const { series } = event
  const instance = instanceOn(event, date)
  if (!series || !instance) throw notFound()
  if (body.recurrence !== undefined) throw badRequest('The recurrence of an occurrence cannot be set; change the master of the series.', 'ErrorInvalidRequest')
  const fields = readFields(instance.fields, body)
  checkNeighbours(event, date, fields)
  const known = series.exceptions.get(date)
  series.exceptions.set(date, {
    own: ownOf(event, date, fields),
    extended: readExtended(known?.extended ?? event.extended, body.singleValueExtendedProperties),
    created: known?.created ?? event.created,
    modified: now,
  })
}

/** What differs from the series; times always belong to the exception itself. */
function ownOf(event: EventItem, date: string, fields: EventFields): Partial<EventFields> {
  const regular: EventFields = { ...event.fields, ...ruleTimes(event, date) }
  const { start, end } = fields
  const changed = Object.entries(fields).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(regular[name as keyof EventFields]))
  return { ...Object.fromEntries(changed), start, end }
}

/** It may not move to the day of its neighbours or beyond. */
function checkNeighbours(event: EventItem, date: string, fields: EventFields): void {
  const { before, after } = neighbours(event, date)
  const zone = seriesZone(event)
  const day = startDate(fields, zone)
  const tooEarly = before && (day <= startDate(before.fields, zone) || fields.start < before.fields.end)
  const tooLate = after && (day >= startDate(after.fields, zone) || fields.end > after.fields.start)
  if (tooEarly || tooLate)
    throw badRequest('Modified occurrence is crossing or overlapping adjacent occurrence.', 'ErrorOccurrenceCrossingBoundary')
}

export function deleteOccurrence(event: EventItem, date: string): void {
  if (!event.series || !instanceOn(event, date)) throw notFound()
  event.series.exceptions.delete(date)
  event.series.cancelled.add(date)
}
