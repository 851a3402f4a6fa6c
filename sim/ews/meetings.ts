import { ResponseError } from './errors.ts'
import { cancelCopy, deliverCopy } from './meeting-copies.ts'
import type { Attendee, Fields, Item, Mailbox, MailSent } from './model.ts'
import { occurrenceOn } from './series.ts'
import type { Store } from './store.ts'

export const LISTS = ['RequiredAttendees', 'OptionalAttendees', 'Resources']

export function attendeesOf(fields: Fields): Attendee[] {
  return LISTS.flatMap((name) => (fields[name] as Attendee[] | undefined) ?? [])
}

export function isSame(address: string, other: string): boolean {
  return address.toLowerCase() === other.toLowerCase()
}

/** Is this the copy of somebody who was invited? */
export function isReceived(fields: Fields): boolean {
  return typeof fields['#organizer'] === 'string'
}

/** The answers that were tracked stay with attendees who are written again without them. */
export function keepAnswers(fields: Fields, before: Fields): void {
  const known = attendeesOf(before)
  for (const name of LISTS) {
    const list = fields[name] as Attendee[] | undefined
    if (!list || list === before[name]) continue
    fields[name] = list.map((attendee) =>
      attendee.response === 'Unknown'
        ? { ...attendee, ...answerOf(known.find((other) => isSame(other.address, attendee.address))) }
        : attendee,
    )
  }
}

function answerOf(attendee: Attendee | undefined): Partial<Attendee> {
  if (!attendee) return {}
  const { response, lastResponse } = attendee
  return lastResponse === undefined ? { response } : { response, lastResponse }
}

/** What makes an update a full one, after which the attendees are asked again. */
function timesOf(fields: Fields): string {
  const recurrence = fields['Recurrence'] as { xml: string } | undefined
  return [fields['Start'], fields['End'], fields['IsAllDayEvent'] === true, recurrence?.xml ?? ''].join('|')
}

/**
 * Sends what a Send* attribute asks for: mails, and the copies in the mailboxes of this server. Keeps the meeting
 * marks of the organizer's item up to date in `item.fields`. Sending turns a plain appointment into a meeting even when
 * it has no attendees. Of an attendee's copy nothing is ever sent: its changes stay where they are.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-update-appointments-and-meetings-by-using-ews-in-exchange
 * @param item the item as it will be; a picture of one occurrence invites to that one only.
 * @param mode value of the Send* attribute.
 * @param before fields before an update; null on create.
 */
export function sendInvitations(store: Store, mailbox: Mailbox, item: Item, mode: string, before: Fields | null): void {
  if (isReceived(item.fields)) return
  const sends = mode !== 'SendToNone'
  if (attendeesOf(item.fields).length > 0 || sends) item.fields['#state'] = Number(item.fields['#state'] ?? 0) | 1
  if (!sends) return
  const wasSent = before?.['#sent'] === true
  const old = before ? attendeesOf(before) : []
  const isIn = (list: Attendee[], { address }: Attendee) => list.some((other) => isSame(other.address, address))
  const toAll = !mode.includes('Changed')
  if (wasSent && toAll && timesOf(item.fields) !== sentTimes(item, before)) forgetAnswers(item.fields)
  const now = attendeesOf(item.fields)
  const added = now.filter((attendee) => !wasSent || !isIn(old, attendee))
  const removed = wasSent ? old.filter((attendee) => !isIn(now, attendee)) : []
  item.fields['#sent'] = true
  item.fields['#sentTimes'] = timesOf(item.fields)
  if (before) item.fields['#sequence'] = Number(item.fields['#sequence'] ?? 0) + 1
  tell(store, mailbox, item, added, 'invitation')
  if (toAll) tell(store, mailbox, item, now.filter((attendee) => !added.includes(attendee)), 'update')
  tell(store, mailbox, item, removed, 'cancellation')
}

/** The times the attendees know; an occurrence is compared with how it was, for its master's times are not its own. */
function sentTimes(item: Item, before: Fields): string {
  return item.occurrence ? timesOf(before) : String(before['#sentTimes'] ?? timesOf(before))
}

function forgetAnswers(fields: Fields): void {
  for (const name of LISTS) {
    const list = fields[name] as Attendee[] | undefined
    if (list) fields[name] = list.map(({ address, name: called }) => ({ address, name: called, response: 'Unknown' }))
  }
}

/**
 * Tells the attendees that a meeting, or one occurrence, is gone; only the organizer's deletion sends anything. Those
 * who were invited to single occurrences of a series only are told, too.
 */
export function sendCancellations(store: Store, mailbox: Mailbox, item: Item, mode: string): void {
  if (mode === 'SendToNone' || isReceived(item.fields)) return
  const attendees = attendeesOf(item.fields)
  tell(store, mailbox, item, attendees, 'cancellation')
  for (const day of item.series?.exceptions.keys() ?? []) {
    const exception = occurrenceOn(item, day)
    if (!exception) continue
    const more = attendeesOf(exception.fields).filter(
      ({ address }) => !attendees.some((attendee) => isSame(attendee.address, address)),
    )
    tell(store, mailbox, exception, more, 'cancellation')
  }
}

function tell(store: Store, mailbox: Mailbox, item: Item, to: Attendee[], kind: MailSent['kind']): void {
  for (const { address } of to) {
    if (isSame(address, mailbox.address)) continue
    store.mail({ from: mailbox.address, to: address, subject: String(item.fields['Subject'] ?? ''), kind })
    if (kind === 'cancellation') cancelCopy(store, item, address)
    else deliverCopy(store, mailbox, item, address)
  }
}

/** A Send* attribute that calendar items must not go without. */
export function requireSendMode(value: string | undefined, code: string): string {
  if (value === undefined) throw new ResponseError(code)
  return value
}
