import { storedItem } from './call.ts'
import { disposeItem } from './delete-item.ts'
import { findOwn } from './meeting-copies.ts'
import { isSame, LISTS } from './meetings.ts'
import type { Attendee, Fields, Item, Mailbox } from './model.ts'
import { DAY_MS } from './recurrence.ts'
import { saveItem } from './save-item.ts'
import { occurrenceOn } from './series.ts'
import type { Store } from './store.ts'
import { wallOf } from './zones.ts'

export type Answer = 'Accept' | 'Tentative' | 'Decline'

/**
 * Answers an invitation in the attendee's calendar. Declined events go to Deleted Items, a declined occurrence leaves
 * its series. The organizer's item learns of it only when the answer is sent.
 * @returns where the item is now; null for a declined occurrence. Its id may be new.
 */
export function answerMeeting(store: Store, mailbox: Mailbox, item: Item, answer: Answer, sends: boolean): Item | null {
  const fields: Fields = { ...item.fields, '#response': answer, AppointmentReplyTime: store.clock.now() }
  fields['LegacyFreeBusyStatus'] = answer === 'Accept' ? String(item.fields['#intended'] ?? 'Busy') : 'Tentative'
  if (answer === 'Decline') fields['LegacyFreeBusyStatus'] = 'Free'
  const next = { ...item, fields }
  answerOccurrences(item)
  let result: Item | null
  if (answer === 'Decline') {
    if (!item.occurrence) storedItem(mailbox, item).fields = fields
    result = disposeItem(store, mailbox, item, 'MoveToDeletedItems')
  } else if (store.acceptRecreates && !item.occurrence) result = recreate(store, mailbox, next)
  else result = saveItem(store, mailbox, item, next, new Set(['MyResponseType', 'LegacyFreeBusyStatus']))
  if (sends) sendAnswer(store, mailbox, item, answer)
  return result
}

/** The answer to a series counts for the occurrences that were not answered by themselves. */
function answerOccurrences({ series }: Item): void {
  for (const { fields } of series?.exceptions.values() ?? []) {
    if (fields['#response'] !== 'NoResponseReceived') continue
    delete fields['#response']
    delete fields['LegacyFreeBusyStatus']
  }
}

/** Some servers take the tentative event away and put the accepted one in its place, with a new id. */
function recreate(store: Store, mailbox: Mailbox, item: Item): Item {
  const folder = store.folderOf(mailbox, item)
  store.remove(mailbox, item)
  return store.create(mailbox, folder, item, item.searchKey)
}

function sendAnswer(store: Store, mailbox: Mailbox, item: Item, answer: Answer): void {
  const to = String(item.fields['#organizer'] ?? '')
  const subject = String(item.fields['Subject'] ?? '')
  store.mail({ from: mailbox.address, to, subject, kind: 'response', response: answer })
  const organizer = store.organizer(to)
  const originalStart = item.occurrence?.originalStart ?? (item.fields['RecurrenceId'] as number | undefined) ?? null
  if (organizer) recordAnswer(store, organizer, String(item.fields['UID']), originalStart, mailbox.address, answer)
}

/**
 * Notes an attendee's answer in the organizer's item, or in one occurrence, which thereby becomes an exception.
 * @param originalStart UTC milliseconds of the occurrence in the pattern; null for a single event or a whole series.
 * @param answer 'Unknown' takes an answer back.
 * @returns false when there is no such meeting, occurrence or attendee.
 */
export function recordAnswer(
  store: Store,
  organizer: Mailbox,
  uid: string,
  originalStart: number | null,
  address: string,
  answer: Answer | 'Unknown',
): boolean {
  const own = findOwn(store, organizer, uid)
  const item = own && originalStart !== null ? occurrenceAt(own, originalStart) : own
  if (!item) return false
  const now = store.clock.now()
  const fields = { ...item.fields }
  const touched = new Set(LISTS.filter((name) => noteIn(fields, name, address, answer, now)))
  if (!item.occurrence && item.series) {
    for (const exception of item.series.exceptions.values())
      for (const name of LISTS) noteIn(exception.fields, name, address, answer, now, answerIn(item.fields, address))
  }
  if (touched.size === 0) return false
  saveItem(store, organizer, item, { ...item, fields }, touched)
  return true
}

/** The occurrence that the pattern puts at an instant. */
export function occurrenceAt(master: Item, originalStart: number): Item | null {
  const wall = wallOf(String(master.fields['StartTimeZone'] ?? 'UTC'), originalStart)
  return occurrenceOn(master, Math.floor(wall / DAY_MS))
}

function answerIn(fields: Fields, address: string): string | undefined {
  const lists = LISTS.flatMap((name) => (fields[name] as Attendee[] | undefined) ?? [])
  return lists.find((attendee) => isSame(attendee.address, address))?.response
}

/** @param only changes an answer only where it is this one: an occurrence answered otherwise keeps its own. */
function noteIn(
  fields: Record<string, unknown>,
  name: string,
  address: string,
  answer: string,
  now: number,
  only?: string,
): boolean {
  const list = fields[name] as Attendee[] | null | undefined
  const isHis = (attendee: Attendee) =>
    isSame(attendee.address, address) && (only === undefined || attendee.response === only)
  if (!list?.some(isHis)) return false
  fields[name] = list.map((attendee) => {
    if (!isHis(attendee)) return attendee
    const { lastResponse: _, ...rest } = attendee
    return answer === 'Unknown' ? { ...rest, response: answer } : { ...rest, response: answer, lastResponse: now }
  })
  return true
}
