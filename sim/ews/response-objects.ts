import type { Call } from './call.ts'
import { resolveItem, storedItem } from './call.ts'
import { appointmentState } from './computed.ts'
import { disposeItem } from './delete-item.ts'
import { ResponseError } from './errors.ts'
import { itemIdXml } from './ids.ts'
import type { Answer } from './meeting-answers.ts'
import { answerMeeting } from './meeting-answers.ts'
import { isReceived, sendCancellations } from './meetings.ts'
import type { Item } from './model.ts'
import { success } from './soap.ts'
import type { XmlElement } from './xml.ts'
import { child } from './xml.ts'

const ANSWERS: Record<string, [Answer, string]> = {
  AcceptItem: ['Accept', 'Accept'],
  TentativelyAcceptItem: ['Tentative', 'Tentative'],
  DeclineItem: ['Decline', 'Decline'],
}

export function isResponseObject(name: string): boolean {
  return name in ANSWERS || name === 'CancelCalendarItem' || name === 'RemoveItem'
}

/**
 * AcceptItem, TentativelyAcceptItem, DeclineItem, CancelCalendarItem and RemoveItem, made with CreateItem. They refer
 * to the calendar item, or to an occurrence by its own id; meeting messages in the Inbox are not simulated.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/acceptitem
 */
export function createResponse(call: Call, element: XmlElement): string {
  const disposition = call.body.attrs['MessageDisposition']
  if (!disposition) throw new ResponseError('ErrorMessageDispositionRequired')
  const reference = child(element, 'ReferenceItemId')
  if (!reference) throw new ResponseError('ErrorInvalidRequest', `${element.name} names no ReferenceItemId.`)
  const item = resolveItem(call, reference)
  if (item.kind !== 'CalendarItem') throw new ResponseError('ErrorInvalidReferenceItem')
  const sends = disposition !== 'SaveOnly'
  if (element.name === 'CancelCalendarItem') return cancel(call, item, sends)
  if (element.name === 'RemoveItem') return removeCancelled(call, item)
  const [answer, verb] = ANSWERS[element.name] ?? ['Accept', 'Accept']
  if (!isReceived(item.fields)) throw new ResponseError(`ErrorCalendarIsOrganizerFor${verb}`)
  if ((appointmentState(item) & 4) !== 0) throw new ResponseError(`ErrorCalendarIsCancelledFor${verb}`)
  const result = answerMeeting(call.store, call.mailbox, item, answer, sends)
  call.store.writes.updated += 1
  return answered(call, result ?? storedItem(call.mailbox, item))
}

/**
 * The organizer cancels: everybody invited is told, and the meeting goes to Deleted Items. Only saved and not sent, the
 * cancellation stays a draft and the meeting where it is.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/cancelcalendaritem
 */
function cancel(call: Call, item: Item, sends: boolean): string {
  if (isReceived(item.fields)) throw new ResponseError('ErrorCalendarIsNotOrganizer')
  if (!sends) return answered(call, item)
  const result = disposeItem(call.store, call.mailbox, item, 'MoveToDeletedItems')
  sendCancellations(call.store, call.mailbox, item, 'SendToAllAndSaveCopy')
  call.store.writes.deleted += 1
  return answered(call, result ?? storedItem(call.mailbox, item))
}

/**
 * An attendee takes a cancelled meeting off his calendar.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/removeitem
 */
function removeCancelled(call: Call, item: Item): string {
  if (!isReceived(item.fields)) throw new ResponseError('ErrorCalendarIsOrganizerForRemove')
  if ((appointmentState(item) & 4) === 0)
    throw new ResponseError('ErrorInvalidRequest', 'RemoveItem is for cancelled meetings only.')
  const result = disposeItem(call.store, call.mailbox, item, 'MoveToDeletedItems')
  call.store.writes.deleted += 1
  return answered(call, result ?? storedItem(call.mailbox, item))
}

/** Names the calendar item where it is now; when an occurrence left its series, the master. */
function answered(call: Call, item: Item): string {
  return success('CreateItem', `<m:Items><t:CalendarItem>${itemIdXml(call.mailbox, item)}</t:CalendarItem></m:Items>`)
}

/** ResponseObjects of a calendar item: what may be made of it with CreateItem. */
export function responseObjectsXml(item: Item, id: string): string {
  if (item.kind !== 'CalendarItem' || (appointmentState(item) & 1) === 0) return ''
  const cancelled = (appointmentState(item) & 4) !== 0
  const names = isReceived(item.fields) ? (cancelled ? [] : Object.keys(ANSWERS)) : ['CancelCalendarItem']
  const inner = names.map((name) => `<t:${name}>${id}</t:${name}>`).join('')
  return inner ? `<t:ResponseObjects>${inner}</t:ResponseObjects>` : ''
}
