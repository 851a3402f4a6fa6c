import type { DeleteType } from './delete-item.ts'
import { disposeItem } from './delete-item.ts'
import type { Desk, PlainFields, PlainItem } from './desk.ts'
import type { Answer } from './meeting-answers.ts'
import { answerMeeting, occurrenceAt, recordAnswer } from './meeting-answers.ts'
import { findOwn } from './meeting-copies.ts'
import { attendeesOf, isReceived, sendCancellations } from './meetings.ts'
import type { Item, Mailbox } from './model.ts'
import { originalStartOn, recurrenceOf } from './series.ts'
import { dayOf } from './recurrence.ts'
import type { Store } from './store.ts'
import { readInstant } from './zones.ts'

/** Names a meeting by its organizer and UID, or one occurrence of it. */
export interface MeetingName {
  organizer: string
  uid: string
  /** Where the pattern puts the occurrence: its date in the series' zone, or ISO text of its original start. */
  occurrence?: string | undefined
}

export interface OutsideMeeting {
  /** SMTP address of somebody without a mailbox here. */
  organizer: string
  /** Fields as `putItem` takes them; RequiredAttendees, OptionalAttendees and Resources name the invited. */
  fields: PlainFields
  /** Absent: a new meeting. */
  uid?: string | undefined
  occurrence?: string | undefined
  /** Windows zone id of the organizer, used when he is new; default W. Europe Standard Time. */
  zone?: string | undefined
}

export type PlainAnswer = 'accept' | 'tentative' | 'decline' | 'none'

const ANSWERS: Record<PlainAnswer, Answer | 'Unknown'> = {
  accept: 'Accept',
  tentative: 'Tentative',
  decline: 'Decline',
  none: 'Unknown',
}

/** Meetings as people make and answer them in their own programs, here and elsewhere. */
export class MeetingDesk {
  readonly #store: Store
  readonly #desk: Desk

  constructor(store: Store, desk: Desk) {
    this.#store = store
    this.#desk = desk
  }

  /** Somebody elsewhere invites, or updates what he has invited to; returns his own item with the UID in its fields. */
  invite({ organizer, fields, uid, occurrence, zone }: OutsideMeeting): PlainItem {
    const mailbox = this.#store.outsider(organizer, zone)
    if (uid === undefined) return this.#desk.putInto(mailbox, 'calendar', { ...fields, send: true })
    const own = findOwn(this.#store, mailbox, uid)
    if (!own && occurrence === undefined)
      return this.#desk.putInto(mailbox, 'calendar', { ...fields, UID: uid, send: true })
    return this.#desk.editIn(mailbox, this.#meeting({ organizer, uid, occurrence }), { ...fields, send: true })
  }

  /** Somebody elsewhere, or the owner of a mailbox here, cancels; everybody invited is told. */
  cancel(name: MeetingName): void {
    const item = this.#meeting(name)
    this.remove(this.#organizer(name.organizer), item, 'MoveToDeletedItems', true)
  }

  /** Deletes an item or occurrence, and tells the attendees when `send` is true. */
  remove(mailbox: Mailbox, item: Item, type: DeleteType, send: boolean): void {
    disposeItem(this.#store, mailbox, item, type)
    if (send) sendCancellations(this.#store, mailbox, item, 'SendToAllAndSaveCopy')
  }

  /** An answer of somebody elsewhere arrives at the organizer; 'none' takes it back. */
  answer(name: MeetingName, attendee: string, response: PlainAnswer): PlainItem {
    const mailbox = this.#organizer(name.organizer)
    const item = this.#meeting(name)
    const originalStart = item.occurrence?.originalStart ?? null
    if (!recordAnswer(this.#store, mailbox, name.uid, originalStart, attendee, answerOf(response))) {
      const invited = attendeesOf(item.fields).map(({ address }) => address)
      throw new Error(`${attendee} is not invited. Invited: ${invited.join(', ') || 'nobody'}.`)
    }
    return this.#desk.plain(mailbox, this.#meeting(name))
  }

  /** The owner of a mailbox here answers an invitation in Outlook; null when a declined occurrence is gone. */
  respond(address: string, id: string, response: PlainAnswer, send: boolean): PlainItem | null {
    const mailbox = this.#store.mailbox(address)
    const item = this.#desk.item(mailbox, id)
    if (!isReceived(item.fields)) throw new Error(`${id} is not an invitation to ${address}.`)
    const answer = answerOf(response)
    if (answer === 'Unknown') throw new Error('Outlook has no answer "none": use accept, tentative or decline.')
    const result = answerMeeting(this.#store, mailbox, item, answer, send)
    return result && this.#desk.plain(mailbox, result)
  }

  #organizer(address: string): Mailbox {
    const mailbox = this.#store.organizer(address)
    if (!mailbox) throw new Error(`${address} has no mailbox here and has never invited anybody.`)
    return mailbox
  }

  #meeting({ organizer, uid, occurrence }: MeetingName): Item {
    const mailbox = this.#organizer(organizer)
    const own = findOwn(this.#store, mailbox, uid)
    if (!own) throw new Error(`${organizer} has no meeting of his own with the UID ${uid}.`)
    if (occurrence === undefined) return own
    if (!recurrenceOf(own.fields)) throw new Error(`The meeting ${uid} does not recur; leave "occurrence" out.`)
    const originalStart =
      occurrence.length === 10 ? originalStartOn(own, dayOf(occurrence)) : readInstant(occurrence, mailbox.zone)
    const found = Number.isNaN(originalStart) ? null : occurrenceAt(own, originalStart)
    if (!found) throw new Error(`The meeting ${uid} has no occurrence ${occurrence}, or it was deleted.`)
    return found
  }
}

function answerOf(response: PlainAnswer): Answer | 'Unknown' {
  const answer = ANSWERS[response]
  if (!answer) throw new Error(`The response '${response}' is none of ${Object.keys(ANSWERS).join(', ')}.`)
  return answer
}
