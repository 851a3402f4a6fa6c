import type { World } from './call.ts'
import { guests, NEVER } from './event-render.ts'
import type { EventFields, EventItem, Mailbox } from './model.ts'
import type { Planned } from './series.ts'

/** Changes of these are worth a mail to everybody. */
const TOLD: (keyof EventFields)[] = ['subject', 'body', 'start', 'end', 'isAllDay', 'location', 'locations', 'isOnlineMeeting']

/**
 * Tells the attendees of a meeting what its organizer did: an invitation on create, an update where time, place or words
 * changed, and to those who came or went alone where only the list changed. There is no way to say nothing.
 * Documentation: https://learn.microsoft.com/graph/api/event-update#notes-for-updating-specific-properties
 * @param before as it was before an update; null on create
 */
export function announce(world: World, mailbox: Mailbox, event: EventItem, before: Planned | null): void {
  if (!event.fields.isOrganizer) return
  const now = invited(event)
  const old = before ? invited(before) : []
  const added = now.filter((address) => !old.includes(address))
  const removed = old.filter((address) => !now.includes(address))
  const kept = now.filter((address) => old.includes(address))
  const news = before !== null && worthTelling(before, event)
  // What nobody is told of, a category or a property of a program, sends no draft.
  if (before === null || news || added.length > 0 || removed.length > 0) event.fields.isDraft = false
  if (before && event.fields.start !== before.fields.start) forgetAnswers(event)
  mailAll(world, mailbox, event, added, 'request')
  mailAll(world, mailbox, event, removed, 'cancellation')
  if (news) mailAll(world, mailbox, event, kept, 'update')
  for (const address of removed) markCancelled(world, event.uid, address)
  for (const address of news ? now : added) deliver(world, mailbox, event, address)
}

/** Addresses, in lower case, of everybody but the organizer, those of single occurrences included. */
function invited({ fields, series }: Planned): string[] {
  const all = [fields, ...[...(series?.exceptions.values() ?? [])].map(({ own }) => ({ ...fields, ...own }))].flatMap(guests)
  return [...new Set(all.map(({ emailAddress }) => emailAddress.address.toLowerCase()))]
}

function worthTelling(before: Planned, now: Planned): boolean {
  const told = ({ fields, series }: Planned) =>
    JSON.stringify([
      TOLD.map((name) => fields[name]), series?.recurrence, [...(series?.cancelled ?? [])],
      [...(series?.exceptions ?? [])].map(([date, { own }]) => [date, TOLD.map((name) => own[name])]),
    ])
  return told(before) !== told(now)
}

/** A new time asks everybody again. */
function forgetAnswers(event: EventItem): void {
  const asked = { response: 'none', time: NEVER }
  event.fields.attendees = event.fields.attendees.map((attendee) => ({ ...attendee, status: asked }))
}

function mailAll(world: World, from: Mailbox, event: EventItem, to: string[], kind: 'request' | 'update' | 'cancellation'): void {
  for (const address of to) world.store.mail({ from: from.address, to: address, subject: event.fields.subject, kind })
}

/** The copy in an attendee's calendar, made or brought up to date; people elsewhere only get the mail. */
function deliver(world: World, organizer: Mailbox, event: EventItem, address: string): void {
  const target = world.store.find(address)
  if (!target?.enabled || target === organizer) return
  const known = copyOf(world, event.uid, address)
  const moved = known && known.fields.start !== event.fields.start
  const own = known?.fields
  const fields: EventFields = {
    ...structuredClone(event.fields),
    isOrganizer: false,
    transactionId: null,
    categories: own?.categories ?? [],
    isReminderOn: own?.isReminderOn ?? event.fields.isReminderOn,
    reminderMinutesBeforeStart: own?.reminderMinutesBeforeStart ?? event.fields.reminderMinutesBeforeStart,
    showAs: moved || !own ? 'tentative' : own.showAs,
    response: moved || !own ? { response: 'notResponded', time: NEVER } : own.response,
  }
  const series = structuredClone(event.series)
  if (known) {
    Object.assign(known, { fields, series })
    world.store.changed(target, known)
    return
  }
  world.store.create<EventItem>(target, world.store.wellKnown(target, 'calendar'), {
    kind: 'event', uid: event.uid, fields, series, extensions: {},
    extended: world.switches.stampTravels ? { ...event.extended } : {},
  })
}

export function copyOf(world: World, uid: string, address: string): EventItem | undefined {
  const target = world.store.find(address)
  return target && world.store.items(target, 'event').find((event) => event.uid === uid)
}

/** A cancelled meeting stays in the attendee's calendar until he removes it. */
function markCancelled(world: World, uid: string, address: string): void {
  const target = world.store.find(address)
  const copy = copyOf(world, uid, address)
  if (!target || !copy || copy.fields.isOrganizer) return
  copy.fields = { ...copy.fields, isCancelled: true, showAs: 'free', subject: `Canceled: ${copy.fields.subject}` }
  world.store.changed(target, copy)
}

/** The organizer's deletion or cancellation of a whole meeting; an attendee's deletion tells nobody. */
export function cancelAll(world: World, mailbox: Mailbox, event: EventItem): void {
  if (!event.fields.isOrganizer) return
  const to = invited(event)
  mailAll(world, mailbox, event, to, 'cancellation')
  for (const address of to) markCancelled(world, event.uid, address)
}

/** One occurrence less. */
export function withdraw(world: World, mailbox: Mailbox, event: EventItem, before: Planned): void {
  if (!event.fields.isOrganizer) return
  const to = invited(before)
  mailAll(world, mailbox, event, to, 'cancellation')
  for (const address of to) deliver(world, mailbox, event, address)
}
