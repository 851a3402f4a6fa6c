import { badRequest, notValid, unknownProperty } from './errors.ts'
import { NEVER } from './event-render.ts'
import type { Attendee, EventFields, ItemBody, Mailbox } from './model.ts'
import { readTime } from './times.ts'
import { instantOf, wallOf } from './zones.ts'

const DAY = 86_400_000
const SHOW_AS = ['free', 'tentative', 'busy', 'oof', 'workingElsewhere', 'unknown']
const SENSITIVITIES = ['normal', 'personal', 'private', 'confidential']
const IMPORTANCES = ['low', 'normal', 'high']
const FLAGS = ['isReminderOn', 'responseRequested', 'allowNewTimeProposals', 'hideAttendees', 'isOnlineMeeting'] as const

/** Accepted in a body and without effect: the server's own to say. */
const READ_ONLY = new Set([
  'id', 'createdDateTime', 'lastModifiedDateTime', 'changeKey', 'originalStartTimeZone', 'originalEndTimeZone', 'iCalUId',
  'hasAttachments', 'bodyPreview', 'isCancelled', 'isOrganizer', 'seriesMasterId', 'type', 'webLink', 'onlineMeetingUrl',
  'onlineMeeting', 'responseStatus', 'organizer', 'isDraft', 'originalStart', 'occurrenceId', 'calendar',
])
/** Read elsewhere: properties that are no plain fields. */
const ELSEWHERE = new Set(['recurrence', 'singleValueExtendedProperties', 'extensions', 'transactionId', 'attachments'])

export function emptyFields(mailbox: Mailbox): EventFields {
  return {
    subject: '',
    body: { contentType: 'html', content: '' },
    importance: 'normal',
    sensitivity: 'normal',
    showAs: 'busy',
    isAllDay: false,
    start: Number.NaN,
    end: Number.NaN,
    startZone: 'UTC',
    endZone: 'UTC',
    location: emptyLocation(),
    locations: [],
    attendees: [],
    organizer: { name: mailbox.name, address: mailbox.address },
    isOrganizer: true,
    response: { response: 'organizer', time: NEVER },
    isReminderOn: true,
    reminderMinutesBeforeStart: 15,
    categories: [],
    isCancelled: false,
    isDraft: false,
    responseRequested: true,
    allowNewTimeProposals: true,
    hideAttendees: false,
    isOnlineMeeting: false,
    onlineMeetingProvider: 'unknown',
    onlineMeeting: null,
    transactionId: null,
  }
}

function emptyLocation(): Record<string, unknown> {
  return { displayName: '', locationType: 'default', uniqueIdType: 'unknown', address: {}, coordinates: {} }
}

/**
 * The fields of an event after a create or update.
 * Documentation: https://learn.microsoft.com/graph/api/user-post-events, https://learn.microsoft.com/graph/api/event-update
 * @param before fields so far; of a new event `emptyFields`
 * @throws GraphError 400 with the property that is wrong
 */
export function readFields(before: EventFields, body: any): EventFields {
  const fields: EventFields = { ...before }
  for (const [name, value] of Object.entries(body as Record<string, any>)) readField(fields, name, value)
  settleTimes(fields, before, body)
  return fields
}

function readField(fields: EventFields, name: string, value: any): void {
  switch (name) {
    case 'subject':
      fields.subject = text(value, name)
      if (fields.subject.length > 255) throw notValid('Event.Subject is longer than 255 characters.')
      break
    case 'body':
      fields.body = readBody(value)
      break
    case 'importance':
      fields.importance = oneOf(IMPORTANCES, value, name)
      break
    case 'sensitivity':
      fields.sensitivity = oneOf(SENSITIVITIES, value, name)
      break
    case 'showAs':
      fields.showAs = oneOf(SHOW_AS, value, name)
      break
    case 'categories':
      if (!Array.isArray(value) || value.some((one) => typeof one !== 'string')) throw wrongType(name)
      fields.categories = value as string[]
      break
    case 'attendees':
      fields.attendees = readAttendees(value, fields.attendees)
      break
    case 'location':
      fields.location = readLocation(value)
      fields.locations = fields.location.displayName === '' ? [] : [fields.location]
      break
    case 'locations':
      if (!Array.isArray(value)) throw wrongType(name)
      fields.locations = value.map(readLocation)
      fields.location = fields.locations[0] ?? emptyLocation()
      break
    case 'reminderMinutesBeforeStart':
      if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(name)
      fields.reminderMinutesBeforeStart = value
      break
    case 'onlineMeetingProvider':
      fields.onlineMeetingProvider = text(value, name)
      break
    case 'start':
    case 'end':
    case 'isAllDay':
      break
    default:
      readFlag(fields, name, value)
  }
}

function readFlag(fields: EventFields, name: string, value: unknown): void {
  const flag = FLAGS.find((one) => one === name)
  if (flag === undefined) {
    if (READ_ONLY.has(name) || ELSEWHERE.has(name) || name.includes('@odata.')) return
    throw unknownProperty(name, 'event')
  }
  if (typeof value !== 'boolean') throw wrongType(name)
  fields[flag] = value
  if (flag !== 'isOnlineMeeting' || !value) return
  fields.onlineMeetingProvider = fields.onlineMeetingProvider === 'unknown' ? 'teamsForBusiness' : fields.onlineMeetingProvider
  fields.onlineMeeting ??= { joinUrl: `https://teams.microsoft.com/l/meetup-join/${fields.start || 0}` }
}

/** Start, end and all-day belong together; what the request leaves out stays as it was. */
function settleTimes(fields: EventFields, before: EventFields, body: any): void {
  const { start, end, isAllDay } = body
  if (isAllDay !== undefined && typeof isAllDay !== 'boolean') throw wrongType('isAllDay')
  fields.isAllDay = isAllDay ?? before.isAllDay
  const read = { start: start ? readTime(start, 'start') : null, end: end ? readTime(end, 'end') : null }
  for (const side of ['start', 'end'] as const) {
    const zone = side === 'start' ? 'startZone' : 'endZone'
    const given = read[side]
    if (given) fields[zone] = given.zone
    if (given) fields[side] = fields.isAllDay ? given.wall : given.instant
    else if (fields.isAllDay !== before.isAllDay)
      fields[side] = fields.isAllDay ? wallOf(before[zone], before[side]) : instantOf(before[zone], before[side])
  }
  if (Number.isNaN(fields.start) || Number.isNaN(fields.end)) throw notValid('Event.Start and Event.End are required.')
  if (fields.isAllDay) checkAllDay(fields)
  else if (fields.end < fields.start) throw notValid('Event.End is before Event.Start.')
  if (fields.end - fields.start > 1_825 * DAY) throw badRequest('The duration of the event is longer than 5 years.', 'ErrorCalendarDurationIsTooLong')
}

function checkAllDay({ start, end, startZone, endZone }: EventFields): void {
  const broken = (name: string) => notValid(`The Event.${name} property for an all-day event needs to be set to midnight.`)
  if (start % DAY !== 0) throw broken('Start')
  if (end % DAY !== 0) throw broken('End')
  if (end - start < DAY) throw notValid('The duration of an event marked as All day must be at least 24 hours.')
  if (startZone.toLowerCase() !== endZone.toLowerCase()) throw notValid('Event.Start and Event.End of an all-day event must be in one time zone.')
}

export function readBody(value: any): ItemBody {
  const contentType = String(value?.contentType ?? 'text').toLowerCase()
  if (contentType !== 'html' && contentType !== 'text') throw wrongType('body')
  return { contentType, content: typeof value?.content === 'string' ? value.content : '' }
}

/** A known attendee keeps his answer. */
function readAttendees(value: any, known: Attendee[]): Attendee[] {
  if (!Array.isArray(value)) throw wrongType('attendees')
  if (value.length > 500) throw badRequest('The number of attendees exceeds the limit of 500.', 'ErrorExceededMaxRecipientLimit')
  return value.map((one) => {
    const address = one?.emailAddress?.address
    if (typeof address !== 'string' || !/^[^\s@]+@[^\s@]+$/.test(address))
      throw badRequest(`At least one recipient isn't valid: '${String(address)}'.`, 'ErrorInvalidRecipients')
    const before = known.find((attendee) => attendee.emailAddress.address.toLowerCase() === address.toLowerCase())
    return {
      type: one.type ?? before?.type ?? 'required',
      status: before?.status ?? { response: 'none', time: NEVER },
      emailAddress: { name: one.emailAddress.name ?? before?.emailAddress.name ?? address, address },
    }
  })
}

function readLocation(value: any): Record<string, unknown> {
  const displayName = value?.displayName ?? ''
  if (displayName === '') return emptyLocation()
  return { ...emptyLocation(), uniqueIdType: 'private', uniqueId: displayName, ...value, displayName }
}

function text(value: unknown, name: string): string {
  if (value === null) return ''
  if (typeof value !== 'string') throw wrongType(name)
  return value
}

function oneOf(values: string[], value: unknown, name: string): string {
  const found = values.find((one) => one.toLowerCase() === String(value).toLowerCase())
  if (found === undefined) throw badRequest(`Requested value '${String(value)}' was not found (${name}).`, 'RequestBodyRead')
  return found
}

function wrongType(name: string) {
  return badRequest(`Cannot convert the value of property '${name}' to its expected type.`, 'RequestBodyRead')
}
