import type { Call } from './call.ts'
import { SoapFault, textOfCode } from './errors.ts'
import type { Item, Mailbox } from './model.ts'
import type { ReadAccess } from './permissions.ts'
import { readAccess } from './permissions.ts'
import { occurrencesBetween, overlaps } from './series.ts'
import { clockOf } from './serializable-zone.ts'
import type { WallClock } from './serializable-zone.ts'
import { idOf } from './ids.ts'
import { child, childText, descend, escapeXml } from './xml.ts'

const DAY = 86_400_000
const MOST_MAILBOXES = 100
const MOST_DAYS = 62

/** Digits of MergedFreeBusy by status, the weaker one first: the stronger one stands where two overlap. */
const DIGITS: [string, string][] = [
  ['Free', '0'],
  ['WorkingElsewhere', '4'],
  ['Tentative', '1'],
  ['Busy', '2'],
  ['OOF', '3'],
]

interface View {
  from: number
  to: number
  intervalMs: number
  requested: string
  clock: WallClock
}

/**
 * Free and busy times of up to 100 mailboxes; trouble with one of them stands in its own answer. Times come without
 * offset in the zone of the request, events that reach beyond the window come whole.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
 * @returns the response element, which has no list of response messages like those of other operations
 */
export function getUserAvailability(call: Call): string {
  const addresses = (child(call.body, 'MailboxDataArray')?.children ?? []).map(
    (entry) => descend(entry, 'Email', 'Address')?.text.trim() ?? '',
  )
  if (addresses.length === 0) throw new SoapFault('ErrorIdentityArrayEmpty')
  if (addresses.length > MOST_MAILBOXES) throw new SoapFault('ErrorIdentityArrayTooBig')
  const view = readView(call)
  const answers = addresses.map((address) => {
    const result = answerFor(call, address, view)
    return 'error' in result ? refusal(result.error, address) : granted(result.view)
  })
  return (
    '<m:GetUserAvailabilityResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ' +
    'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:FreeBusyResponseArray>' +
    `${answers.join('')}</m:FreeBusyResponseArray></m:GetUserAvailabilityResponse>`
  )
}

function readView(call: Call): View {
  const options = child(call.body, 'FreeBusyViewOptions')
  if (!options) throw new SoapFault('ErrorInvalidRequest', { message: 'This server makes no suggestions: ask for FreeBusyViewOptions.' })
  const clock = clockOf(child(call.body, 'TimeZone'), call.zone)
  const window = child(options, 'TimeWindow')
  const from = clock.instant(childText(window, 'StartTime') ?? '')
  const to = clock.instant(childText(window, 'EndTime') ?? '')
  const minutes = Number(childText(options, 'MergedFreeBusyIntervalInMinutes') ?? 30)
  const requested = childText(options, 'RequestedView') ?? 'FreeBusy'
  if (!(to > from)) throw new SoapFault('ErrorInvalidTimeInterval')
  if (to - from > MOST_DAYS * DAY) throw new SoapFault('ErrorTimeIntervalTooBig')
  if (!(minutes >= 5 && minutes <= 1440)) throw new SoapFault('ErrorInvalidMergedFreeBusyInterval')
  if (requested === 'None') throw new SoapFault('ErrorInvalidFreeBusyViewType')
  return { from, to, intervalMs: minutes * 60_000, requested, clock }
}

function refusal(code: string, address: string): string {
  const text =
    code === 'ErrorMailRecipientNotFound'
      ? `Unable to resolve e-mail address ${address} to an Active Directory object.`
      : textOfCode(code)
  return (
    '<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Error">' +
    `<m:MessageText>${escapeXml(text)}</m:MessageText><m:ResponseCode>${code}</m:ResponseCode>` +
    '<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey></m:ResponseMessage>' +
    '<m:FreeBusyView><t:FreeBusyViewType>None</t:FreeBusyViewType></m:FreeBusyView></m:FreeBusyResponse>'
  )
}

const granted = (view: string) =>
  '<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>' +
  `</m:ResponseMessage><m:FreeBusyView>${view}</m:FreeBusyView></m:FreeBusyResponse>`

function answerFor(call: Call, address: string, view: View): { error: string } | { view: string } {
  const mailbox = call.store.find(address)
  if (!mailbox) return { error: 'ErrorMailRecipientNotFound' }
  if (mailbox.movingUntil > call.store.clock.now()) return { error: 'ErrorMailboxMoveInProgress' }
  const folder = call.store.distinguished(mailbox, 'calendar')
  if (!folder) return { error: 'ErrorFreeBusyGenerationFailed' }
  const access: ReadAccess = mailbox === call.mailbox ? 'FullDetails' : readAccess(folder, call.mailbox)
  if (access === 'None') return { error: 'ErrorNoFreeBusyAccess' }
  const items = [...call.store.itemsOf(folder).values()]
    .filter(({ kind }) => kind === 'CalendarItem')
    .flatMap((item) =>
      item.series ? occurrencesBetween(item, view.from, view.to) : overlaps(item, view.from, view.to) ? [item] : [],
    )
    .sort((a, b) => startOf(a) - startOf(b))
  return { view: viewXml(mailbox, mailbox === call.mailbox, items, access, view) }
}

const startOf = (item: Item) => Number(item.fields['Start'])
const endOf = (item: Item) => Number(item.fields['End'])
const statusOf = (item: Item) => String(item.fields['LegacyFreeBusyStatus'] ?? 'Busy')

/** As much as was asked for and the caller may see. */
function viewXml(mailbox: Mailbox, isOwn: boolean, items: Item[], access: ReadAccess, view: View): string {
  const { requested, clock } = view
  const detailed = requested.startsWith('Detailed') && access !== 'TimeOnly'
  const merged = requested.includes('Merged')
  const type = requested === 'MergedOnly' ? requested : `${detailed ? 'Detailed' : 'FreeBusy'}${merged ? 'Merged' : ''}`
  const events = items.map(
    (item) =>
      `<t:CalendarEvent><t:StartTime>${clock.wall(startOf(item))}</t:StartTime><t:EndTime>${clock.wall(endOf(item))}</t:EndTime>` +
      `<t:BusyType>${statusOf(item)}</t:BusyType>${detailed ? detailsXml(mailbox, isOwn, item, access) : ''}</t:CalendarEvent>`,
  )
  return (
    `<t:FreeBusyViewType>${type}</t:FreeBusyViewType>` +
    (merged ? `<t:MergedFreeBusy>${digitsOf(items, view)}</t:MergedFreeBusy>` : '') +
    (requested === 'MergedOnly' || events.length === 0
      ? ''
      : `<t:CalendarEventArray>${events.join('')}</t:CalendarEventArray>`)
  )
}

function detailsXml(mailbox: Mailbox, isOwn: boolean, item: Item, access: ReadAccess): string {
  const isPrivate = item.fields['Sensitivity'] === 'Private'
  const text = (name: string, field: string) =>
    item.fields[field] === undefined ? '' : `<t:${name}>${escapeXml(String(item.fields[field]))}</t:${name}>`
  const words = isPrivate && !isOwn ? '' : text('Subject', 'Subject') + text('Location', 'Location')
  const id = access === 'FullDetails' && words !== '' ? `<t:ID>${idOf(mailbox, item)}</t:ID>` : ''
  return (
    `<t:CalendarEventDetails>${id}${words}<t:IsMeeting>${(Number(item.fields['#state'] ?? 0) & 1) !== 0}</t:IsMeeting>` +
    `<t:IsRecurring>${item.occurrence !== undefined}</t:IsRecurring><t:IsException>${item.occurrence?.exception === true}</t:IsException>` +
    `<t:IsReminderSet>${item.fields['ReminderIsSet'] === true}</t:IsReminderSet><t:IsPrivate>${isPrivate}</t:IsPrivate></t:CalendarEventDetails>`
  )
}

/** One digit for each interval from the start of the window on. */
function digitsOf(items: Item[], { from, to, intervalMs }: View): string {
  const ranks = new Uint8Array(Math.ceil((to - from) / intervalMs))
  for (const item of items) {
    const rank = Math.max(0, DIGITS.findIndex(([status]) => status === statusOf(item)))
    const first = Math.max(0, Math.floor((startOf(item) - from) / intervalMs))
    const end = Math.min(ranks.length, Math.ceil((endOf(item) - from) / intervalMs))
    for (let at = first; at < end; at += 1) ranks[at] = Math.max(ranks[at] ?? 0, rank)
  }
  return Array.from(ranks, (rank) => DIGITS[rank]?.[1] ?? '0').join('')
}
