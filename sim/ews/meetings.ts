import { ResponseError } from './errors.ts'
import type { Attendee, Fields, Item, Mailbox, MailSent } from './model.ts'
import type { Store } from './store.ts'

const LISTS = ['RequiredAttendees', 'OptionalAttendees', 'Resources']

export function attendeesOf(fields: Fields): Attendee[] {
  return LISTS.flatMap((name) => (fields[name] as Attendee[] | undefined) ?? [])
}

/**
 * Sends what a Send* attribute asks for and keeps the meeting marks of the organizer's copy up to date.
 * Sending turns a plain appointment into a meeting even when it has no attendees.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-update-appointments-and-meetings-by-using-ews-in-exchange
 * @param mode value of the Send* attribute.
 * @param before fields before an update; null on create.
 */
export function sendInvitations(store: Store, mailbox: Mailbox, item: Item, mode: string, before: Fields | null): void {
  const now = attendeesOf(item.fields)
  const sends = mode !== 'SendToNone'
  if (now.length > 0 || sends) item.fields['#state'] = Number(item.fields['#state'] ?? 0) | 1
  if (!sends) return
  const wasSent = before?.['#sent'] === true
  const old = before ? attendeesOf(before) : []
  const added = now.filter((attendee) => !wasSent || !old.some((known) => known.address === attendee.address))
  const removed = wasSent ? old.filter((attendee) => !now.some((kept) => kept.address === attendee.address)) : []
  const kept = mode.includes('Changed') ? [] : now.filter((attendee) => !added.includes(attendee))
  mailAll(store, mailbox, item, added, 'request')
  mailAll(store, mailbox, item, kept, 'update')
  mailAll(store, mailbox, item, removed, 'cancellation')
  item.fields['#sent'] = true
  if (before) item.fields['#sequence'] = Number(item.fields['#sequence'] ?? 0) + 1
}

/** Tells the attendees that a meeting is gone; only the organizer's deletion sends anything. */
export function sendCancellations(store: Store, mailbox: Mailbox, item: Item, mode: string): void {
  if (mode === 'SendToNone' || typeof item.fields['#organizer'] === 'string') return
  mailAll(store, mailbox, item, attendeesOf(item.fields), 'cancellation')
}

function mailAll(store: Store, mailbox: Mailbox, item: Item, to: Attendee[], kind: MailSent['kind']): void {
  for (const attendee of to) {
    store.mail({ from: mailbox.address, to: attendee.address, subject: String(item.fields['Subject'] ?? ''), kind })
  }
}

/** A Send* attribute that calendar items must not go without. */
export function requireSendMode(value: string | undefined, code: string): string {
  if (value === undefined) throw new ResponseError(code)
  return value
}
