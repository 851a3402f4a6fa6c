import type { Call, Reply } from './call.ts'
import { badRequest } from './errors.ts'
import { need404 } from './event-shape.ts'
import { cancelAll, copyOf, withdraw } from './meetings.ts'
import { deleteOccurrence } from './event-occurrence.ts'
import type { EventFields, EventItem } from './model.ts'

const ANSWERS = { accept: 'accepted', tentativelyAccept: 'tentativelyAccepted', decline: 'declined' } as const

/**
 * An attendee's answer. It goes to the organizer unless sendResponse is false; a declined meeting leaves the calendar.
 * Documentation: https://learn.microsoft.com/graph/api/event-accept
 */
export function respond(call: Call, action: keyof typeof ANSWERS): Reply {
  const { world, mailbox } = call
  const { event, date } = need404(call)
  const { sendResponse = true, proposedNewTime } = call.body ?? {}
  if (event.fields.isOrganizer)
    throw badRequest("Your request can't be completed. You can't respond to this meeting because you're the meeting organizer.", 'ErrorInvalidRequest')
  if (event.fields.isCancelled) throw badRequest("Your request can't be completed. The meeting was canceled.", 'ErrorInvalidRequest')
  if (proposedNewTime && (!sendResponse || !event.fields.allowNewTimeProposals))
    throw badRequest("Your request can't be completed. The proposedNewTime needs sendResponse, and a meeting that allows new time proposals.", 'ErrorInvalidRequest')
  const answer = { response: ANSWERS[action], time: new Date(world.clock.now()).toISOString() }
  if (sendResponse) tellOrganizer(call, event, answer)
  world.store.writes.updated += 1
  if (action === 'decline') {
    if (date === null) world.store.remove(mailbox, event)
    else {
      deleteOccurrence(event, date)
      world.store.changed(mailbox, event)
    }
    return { status: 202 }
  }
  const showAs = action === 'accept' ? 'busy' : 'tentative'
  if (date === null) settle(call, event, { ...event.fields, response: answer, showAs })
  else {
    const known = event.series?.exceptions.get(date)
    const now = world.clock.now()
    event.series?.exceptions.set(date, {
      extended: event.extended, created: event.created, ...known, modified: now, own: { ...known?.own, response: answer, showAs },
    })
    world.store.changed(mailbox, event)
  }
  return { status: 202 }
}

/** Some servers replace the event by a new one when it is accepted. */
function settle({ world, mailbox }: Call, event: EventItem, fields: EventFields): void {
  event.fields = fields
  if (!world.switches.acceptReplaces) {
    world.store.changed(mailbox, event)
    return
  }
  const { kind, uid, series, extended, extensions } = event
  world.store.remove(mailbox, event)
  world.store.create<EventItem>(mailbox, world.store.wellKnown(mailbox, 'calendar'), { kind, uid, fields, series, extended, extensions })
}

function tellOrganizer({ world, mailbox }: Call, event: EventItem, status: { response: string; time: string }): void {
  const { organizer, subject } = event.fields
  world.store.mail({ from: mailbox.address, to: organizer.address, subject, kind: 'response' })
  const target = world.store.find(organizer.address)
  const meeting = copyOf(world, event.uid, organizer.address)
  if (!target || !meeting) return
  const own = mailbox.address.toLowerCase()
  meeting.fields = {
    ...meeting.fields,
    attendees: meeting.fields.attendees.map((one) => (one.emailAddress.address.toLowerCase() === own ? { ...one, status } : one)),
  }
  world.store.changed(target, meeting)
}

/** Documentation: https://learn.microsoft.com/graph/api/event-cancel */
export function cancelEvent(call: Call): Reply {
  const { world, mailbox } = call
  const { event, date } = need404(call)
  if (!event.fields.isOrganizer)
    throw badRequest("Your request can't be completed. You need to be an organizer to cancel a meeting.", 'ErrorInvalidRequest')
  world.store.writes.deleted += 1
  if (date === null) {
    cancelAll(world, mailbox, event)
    world.store.remove(mailbox, event)
  } else {
    const before = structuredClone({ fields: event.fields, series: event.series })
    deleteOccurrence(event, date)
    world.store.changed(mailbox, event)
    withdraw(world, mailbox, event, before)
  }
  return { status: 202 }
}
