/** What an update of an event means for the event as it stands: whom it would mail, what its text names. */
import type { EventFields, Fields, Mailbox, Stamp } from '../model/index.ts'
import { sameValue } from '../model/index.ts'
import type { Mailing } from '../ports.ts'
import type { SyncError } from '../lib/errors.ts'
import { splitPeople } from '../lib/people-block.ts'
import { onlineMeeting, wouldMail } from './errors.ts'
import { bodyText, bodyWithPeople, newBody } from './event-body.ts'
import { toResource } from './from-model.ts'
import { meetingFacts } from './people-to-model.ts'
import type { EventResource, ItemBody } from './resources.ts'
import { zoneOfSeries } from './series-to-model.ts'
import { readTime } from './times.ts'
import { toSnapshot } from './to-model.ts'

export interface EventPlan {
  /** What to send; null when nothing of it is new. */
  readonly body: object | null
  /** What the event holds after it of what was wanted. */
  readonly intended: Fields
}

/** The properties whose change Exchange tells the attendees, whatever one asks for. The others are the owner's own. */
const TOLD: readonly (keyof EventFields)[] = ['subject', 'body', 'time', 'place', 'sensitivity', 'importance']

/** Whether the event has to be looked at before it is written: its text, its zone or its guests matter. */
export const needsPresent = (fields: Fields, mailing: Mailing | undefined): boolean =>
  mailing !== undefined || [...TOLD, 'attendees', 'organizer', 'answer'].some((name) => name in fields)

/**
 * Attendees become real ones only where they are mailed; otherwise an event that is no meeting names them in its text.
 * The organizer and whether a meeting was called off are never written: they follow from what was mailed.
 * @param wanted held fields
 * @param present as read just now
 * @returns the refusal of what would mail somebody without leave, or lose the way into an online meeting
 */
export function planEvent(present: EventResource, wanted: Partial<EventFields>, mailing: Mailing | undefined, mailbox: Mailbox, stamp?: Stamp): EventPlan | SyncError {
  const { attendees, organizer, cancelled: _cancelled, answer: _answer, body, time, ...others } = wanted
  const { isMeeting, invited, unsent } = meetingFacts(present, mailbox)
  const mayTell = mailing !== undefined && !unsent
  const invites = !invited && mayTell && attendees !== undefined && (isMeeting || attendees.length > 0)
  const isOwn = isMeeting || invites
  const zone = zoneOfSeries(present, mailbox.zone)
  const moves = time !== undefined && !sameValue(time, timeOf(present, mailbox.zone))
  const text = isOwn ? meetingBody(present, body, isMeeting) : namingBody(present, wanted)
  if (text !== undefined && present.isOnlineMeeting === true) return onlineMeeting(present.id ?? '')
  const now = toSnapshot(present, 'event', mailbox).item.fields as Fields
  const tells = moves || text !== undefined || TOLD.some((name) => name in others && !sameValue(wanted[name], now[name]))
  if (tells && isMeeting && !invited && !mayTell) return wouldMail(present.id ?? '', 'Changing')
  // Who names no zone means the moment: the event stays planned in the one it has.
  const fields: Fields = { ...others, ...(moves ? { time: !time.allDay && time.zone === undefined ? { ...time, zone } : time } : {}) }
  const more = {
    ...(text === undefined ? {} : { body: text }),
    ...(invites ? { attendees: attendees.filter(({ address }) => address !== mailbox.address.toLowerCase()) } : {}),
  }
  const isSent = Object.keys(fields).length + Object.keys(more).length > 0 || stamp !== undefined
  const people = { ...(attendees === undefined ? {} : { attendees }), ...(organizer === undefined ? {} : { organizer }) }
  return {
    body: isSent ? toResource('event', fields, zone, stamp, more) : null,
    intended: {
      ...others, ...(body === undefined ? {} : { body }), ...(time === undefined ? {} : { time }), ...(invites ? { attendees } : isOwn ? {} : people),
    },
  }
}

function timeOf({ start, end, isAllDay = false, originalStartTimeZone }: EventResource, zone: string) {
  return start === undefined || end === undefined ? undefined : readTime(start, end, isAllDay, originalStartTimeZone, zone)
}

const NOBODY = { organizer: null, attendees: [] }

/** A meeting has its guests, not a list of them; what becomes one loses the list. */
function meetingBody(present: EventResource, body: string | undefined, isMeeting: boolean): ItemBody | undefined {
  if (body !== undefined) return newBody(body, NOBODY)
  const text = bodyText(present.body)
  return isMeeting || splitPeople(text).text === text ? undefined : bodyWithPeople(present.body, NOBODY)
}

/** The block follows every new text, and the text stays where only the people change. */
function namingBody(present: EventResource, { body, attendees, organizer }: Partial<EventFields>): ItemBody | undefined {
  if (body === undefined && attendees === undefined && organizer === undefined) return undefined
  const named = splitPeople(bodyText(present.body))
  const people = {
    organizer: organizer === undefined ? named.organizer : organizer,
    attendees: attendees ?? named.attendees,
    more: attendees === undefined ? named.more : 0,
  }
  return body === undefined ? bodyWithPeople(present.body, people) : newBody(body, people)
}
