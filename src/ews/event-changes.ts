/** What an update of an event means for the event as it stands: whom it mails, what its text names, what of it is new. */
import { WEEKDAYS, sameValue } from '../model/index.ts'
import type { EventFields, EventTime, Fields, Mailbox, PlainDate, Recurrence, RecurrencePattern, Series } from '../model/index.ts'
import type { Mailing } from '../ports.ts'
import { splitPeople } from '../lib/people-block.ts'
import { toLocal } from '../lib/zoned.ts'
import { bodyHtmlWithPeople, newBodyHtml } from './event-body.ts'
import type { EventChange } from './from-model.ts'
import type { EwsItem } from './operations/ids.ts'
import type { UpdateMailing } from './operations/update-item.ts'
import { meetingFacts } from './people-to-model.ts'
import { bodyText, toSnapshot, zoneOf } from './to-model.ts'

export interface EventPlan {
  /** What is written as it is; the time only where it is another. */
  readonly fields: Fields
  readonly change: EventChange
  /** Who names no zone means the moment: the event stays planned in the one it has. */
  readonly zone: string
  readonly mailing: UpdateMailing
  /** What the event holds after it of what was wanted. */
  readonly intended: Fields
}

/** Whether the event has to be looked at before it is written: its text, its zone, its rule or its guests matter. */
export const needsPresent = (fields: Fields, mailing: Mailing | undefined): boolean =>
  mailing !== undefined || ['time', 'body', 'attendees', 'organizer', 'answer'].some((name) => name in fields)

/**
 * Attendees become real ones only where they are mailed; otherwise an event that is no meeting names them in its text. Who
 * has not been invited yet is told nothing: the first word is the organizer's.
 * The organizer and whether a meeting was called off are never written: they follow from what was mailed.
 * @param wanted held fields
 * @param present read with the event's shape
 * @throws RangeError when the series cannot be moved so
 */
export function planEvent(present: EwsItem, wanted: Partial<EventFields>, mailing: Mailing | undefined, mailbox: Mailbox): EventPlan {
  const { attendees, organizer, cancelled: _cancelled, answer: _answer, body, time, ...others } = wanted
  const people = { ...(attendees === undefined ? {} : { attendees }), ...(organizer === undefined ? {} : { organizer }) }
  const { isMeeting, invited, unsent } = meetingFacts(present.properties, mailbox)
  const tells = mailing !== undefined && !invited && !unsent
  const invites = tells && attendees !== undefined && (isMeeting || attendees.length > 0)
  const zone = zoneOf(present.properties) ?? mailbox.zone
  const { fields: timeFields, recurrence } = time === undefined ? { fields: {}, recurrence: undefined } : planTime(present, time, zone, mailbox)
  const own = isMeeting || invites
  const bodyHtml = own ? meetingBody(present, body, isMeeting) : namingBody(present, wanted)
  return {
    fields: { ...others, ...timeFields },
    change: {
      ...(bodyHtml === undefined ? {} : { bodyHtml }),
      ...(invites ? { attendees: attendees.filter(({ address }) => address !== mailbox.address.toLowerCase()) } : {}),
      ...(recurrence === undefined ? {} : { recurrence }),
    },
    zone,
    mailing: tells && own ? mailing : 'nobody',
    intended: {
      ...others, ...(body === undefined ? {} : { body }), ...(time === undefined ? {} : { time }),
      ...(invites ? { attendees } : own ? {} : people),
    },
  }
}

/** A meeting has its guests, not a list of them; what becomes one loses the list. */
function meetingBody(present: EwsItem, body: string | undefined, isMeeting: boolean): string | undefined {
  const nobody = { organizer: null, attendees: [] }
  if (body !== undefined) return newBodyHtml(body, nobody)
  const text = bodyText(present.properties)
  return isMeeting || splitPeople(text).text === text ? undefined : bodyHtmlWithPeople(present.properties, nobody)
}

/** The block follows every new text, and the text stays where only the people change. */
function namingBody(present: EwsItem, { body, attendees, organizer }: Partial<EventFields>): string | undefined {
  if (body === undefined && attendees === undefined && organizer === undefined) return undefined
  const named = splitPeople(bodyText(present.properties))
  const people = {
    organizer: organizer === undefined ? named.organizer : organizer,
    attendees: attendees ?? named.attendees,
    more: attendees === undefined ? named.more : 0,
  }
  return body === undefined ? bodyHtmlWithPeople(present.properties, people) : newBodyHtml(body, people)
}

interface TimePlan {
  readonly fields: { readonly time?: EventTime }
  /** Only of a series that begins on another day: a rule that is written again forgets its exceptions. */
  readonly recurrence?: Recurrence | undefined
}

function planTime(present: EwsItem, time: EventTime, zone: string, mailbox: Mailbox): TimePlan {
  const now = toSnapshot(present, 'event', mailbox)
  const nowTime = now.series?.time ?? (now.item.fields as Partial<EventFields>).time
  if (sameValue(time, nowTime)) return { fields: {} }
  return { fields: { time }, recurrence: now.series === undefined ? undefined : movedRule(now.series, time, zone) }
}

function movedRule({ recurrence, time }: Series, to: EventTime, zone: string): Recurrence | undefined {
  const from = firstDay(time, zone)
  const day = firstDay(to, zone)
  if (from === day) return undefined
  return { pattern: movedPattern(recurrence.pattern, from, day), range: { ...recurrence.range, first: day } }
}

const firstDay = (time: EventTime, zone: string): PlainDate =>
  time.allDay ? time.firstDay : (toLocal(time.start, time.zone ?? zone).date as PlainDate)

const weekday = (day: PlainDate) => new Date(`${day}T00:00:00Z`).getUTCDay()

/** The same rhythm from another day on. */
function movedPattern(pattern: RecurrencePattern, from: PlainDate, to: PlainDate): RecurrencePattern {
  switch (pattern.type) {
    case 'daily': return pattern
    case 'weekly': {
      const days = pattern.days.map((day) => WEEKDAYS[(WEEKDAYS.indexOf(day) + weekday(to) - weekday(from) + 7) % 7] ?? day)
      return { ...pattern, days: WEEKDAYS.filter((day) => days.includes(day)) }
    }
    case 'absoluteMonthly': return { ...pattern, day: Number(to.slice(8)) }
    case 'absoluteYearly': return { ...pattern, month: Number(to.slice(5, 7)), day: Number(to.slice(8)) }
    case 'relativeMonthly':
    case 'relativeYearly':
      throw new RangeError(`A series on the ${pattern.index} ${pattern.day} of a month cannot begin on another day; change its rule in Outlook.`)
  }
}
