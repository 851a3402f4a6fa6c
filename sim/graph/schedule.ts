import type { Call, Reply, World } from './call.ts'
import { needObject } from './call.ts'
import { badRequest } from './errors.ts'
import type { EventFields, Mailbox } from './model.ts'
import { contextOf } from './odata.ts'
import { instancesOf, span } from './series.ts'
import { readTime, writeTime } from './times.ts'

/** Digits of the availability view; unlike in EWS 4 is "working elsewhere". */
const DIGITS: Record<string, number> = { free: 0, tentative: 1, busy: 2, oof: 3, workingElsewhere: 4 }
const MINUTE = 60_000
const MOST_DAYS = 62
const MOST_SCHEDULES = 20
const MOST_ITEMS = 1_000

/**
 * Documentation: https://learn.microsoft.com/graph/api/calendar-getschedule
 * Who may only see free and busy gets times without subject and place.
 */
export function getSchedule(call: Call): Reply {
  const { schedules, startTime, endTime, availabilityViewInterval: interval = 30 } = needObject(call.body)
  if (!Array.isArray(schedules) || schedules.length === 0) throw badRequest('The schedules are missing.', 'ErrorInvalidParameter')
  if (schedules.length > MOST_SCHEDULES)
    throw badRequest(`${schedules.length} schedules were asked for; the most are ${MOST_SCHEDULES}.`, 'ErrorInvalidParameter')
  if (!Number.isInteger(interval) || interval < 5 || interval > 1_440)
    throw badRequest('The availabilityViewInterval must lie between 5 and 1440 minutes.', 'ErrorInvalidParameter')
  const from = readTime(startTime, 'startTime').instant
  const to = readTime(endTime, 'endTime').instant
  if (to <= from) throw badRequest('The endTime must be after the startTime.', 'ErrorInvalidTimeInterval')
  if (to - from < interval * MINUTE) throw badRequest('The window is shorter than the availabilityViewInterval.', 'ErrorInvalidMergedFreeBusyInterval')
  if (to - from > MOST_DAYS * 1_440 * MINUTE)
    throw badRequest(`Requested time period exceeds ${MOST_DAYS} days.`, 'ErrorTimeIntervalTooBig')
  const value = schedules.map((address: string) => scheduleOf(call, String(address), from, to, interval * MINUTE))
  return { status: 200, body: { '@odata.context': contextOf(call), value } }
}

interface Busy {
  fields: EventFields
  from: number
  to: number
}

function scheduleOf(call: Call, address: string, from: number, to: number, step: number): object {
  const { world, view } = call
  const mailbox = world.store.find(address)
  if (!mailbox?.enabled) {
    const message = `Unable to resolve e-mail address ${address} to an Active Directory object.`
    return { scheduleId: address, availabilityView: '', error: { message, responseCode: 'ErrorMailRecipientNotFound' } }
  }
  const items = busyOf(world, mailbox, from, to)
  if (items.length > MOST_ITEMS) {
    const message = 'The result set contains too many calendar entries. The allowed size = 1000.'
    return { scheduleId: address, availabilityView: '', error: { message, responseCode: '5006' } }
  }
  const details = mayRead(call, mailbox)
  return {
    scheduleId: address,
    availabilityView: viewOf(items, from, to, step),
    scheduleItems: items.map(({ fields, from: start, to: end }) => ({
      ...(details ? detailsOf(fields) : {}),
      status: fields.showAs,
      start: writeTime(start, view.zone),
      end: writeTime(end, view.zone),
    })),
    workingHours: {
      daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
      startTime: '08:00:00.0000000', endTime: '17:00:00.0000000', timeZone: { name: mailbox.zone },
    },
  }
}

/** What is not private is told in words. */
function detailsOf({ sensitivity, subject, location }: EventFields): object {
  return sensitivity === 'private' ? { isPrivate: true } : { isPrivate: false, subject, location: location.displayName }
}

function busyOf(world: World, mailbox: Mailbox, from: number, to: number): Busy[] {
  return world.store.items(mailbox, 'event', world.store.wellKnown(mailbox, 'calendar'))
    .flatMap((event) => instancesOf(mailbox, event, from, to))
    .filter(({ fields }) => !fields.isCancelled)
    .map(({ fields }) => ({ fields, ...span(mailbox, fields) }))
    .sort((a, b) => a.from - b.from)
}

/** One digit for each interval: the strongest status in it. */
function viewOf(items: Busy[], from: number, to: number, step: number): string {
  let view = ''
  for (let at = from; at < to; at += step) {
    const inside = items.filter((item) => item.from < at + step && item.to > at)
    // Working elsewhere is the weakest after free, though its digit is the highest.
    const strength = (status: string) => (status === 'workingElsewhere' ? 0.5 : (DIGITS[status] ?? 0))
    const strongest = inside.map(({ fields }) => fields.showAs).sort((a, b) => strength(b) - strength(a))[0] ?? 'free'
    view += DIGITS[strongest] ?? 0
  }
  return view
}

/** An application may read all; a user his own calendar and those shared with him in more than free and busy. */
function mayRead({ who, world }: Call, mailbox: Mailbox): boolean {
  if (who.kind === 'application' || who.userId === mailbox.id) return true
  const { permissions } = world.store.wellKnown(mailbox, 'calendar')
  const own = permissions.find(({ id }) => id.endsWith(who.userId ?? '-')) ?? permissions.find(({ address }) => address === null)
  return own !== undefined && !['none', 'freeBusyRead'].includes(own.role)
}
