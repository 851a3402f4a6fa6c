// https://learn.microsoft.com/exchange/client-developer/web-service-reference/getuseravailability-operation
import { child, childText, childrenOf, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import type { Window } from '../../model/index.ts'
import { failureOf, need } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'

export interface AvailabilityRequest {
  /** At most 100 SMTP addresses. */
  readonly addresses: readonly string[]
  /** At most 42 days: what every version takes unless an administrator allowed more. */
  readonly window: Window
}

/** What one mailbox answered, times still as the server wrote them. */
export interface FreeBusyView {
  /** `FreeBusyMerged`, or less where the asker may see less. */
  readonly type: string
  readonly events: readonly { readonly start: string; readonly end: string; readonly status: string }[]
  /** One digit for each `MERGED_MINUTES` from the start of the window on; empty where the server tells none. */
  readonly digits: string
}

export const MERGED_MINUTES = 15

// UTC has no summer time, and the schema no way to say so: two changes that change nothing, as Microsoft's client writes them.
const change = (name: string, month: number) => `<t:${name}><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder>`
  + `<t:Month>${month}</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:${name}>`
const UTC = `<t:TimeZone><t:Bias>0</t:Bias>${change('StandardTime', 3)}${change('DaylightTime', 10)}</t:TimeZone>`

/** Asks without words: subjects and places are not needed, so they never travel. One result per address, in their order. */
export const getUserAvailability: Operation<AvailabilityRequest, Result<FreeBusyView>[]> = {
  name: 'GetUserAvailability',
  writes: false,
  encode: ({ addresses, window }) =>
    `<m:GetUserAvailabilityRequest>${UTC}<m:MailboxDataArray>${addresses.map(mailboxXml).join('')}</m:MailboxDataArray>`
    + `<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>${window.from.slice(0, 19)}</t:StartTime><t:EndTime>${window.to.slice(0, 19)}</t:EndTime></t:TimeWindow>`
    + `<t:MergedFreeBusyIntervalInMinutes>${MERGED_MINUTES}</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>FreeBusyMerged</t:RequestedView>`
    + '</t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>',
  decode: (reply) => childrenOf(need(child(reply, 'FreeBusyResponseArray'), 'FreeBusyResponseArray'), 'FreeBusyResponse').map((answer) => {
    const failure = failureOf(need(child(answer, 'ResponseMessage'), 'ResponseMessage'))
    return failure === null ? { ok: true, value: readView(child(answer, 'FreeBusyView')) } : { ok: false, failure }
  }),
}

const mailboxXml = (address: string) => `<t:MailboxData><t:Email><t:Address>${escapeXml(address)}</t:Address></t:Email>`
  + '<t:AttendeeType>Required</t:AttendeeType><t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>'

function readView(view: XmlElement | undefined): FreeBusyView {
  return {
    type: childText(view, 'FreeBusyViewType')?.trim() ?? 'None',
    digits: childText(view, 'MergedFreeBusy')?.trim() ?? '',
    events: childrenOf(child(view, 'CalendarEventArray'), 'CalendarEvent').map((event) => ({
      start: need(child(event, 'StartTime'), 'StartTime').text.trim(),
      end: need(child(event, 'EndTime'), 'EndTime').text.trim(),
      status: childText(event, 'BusyType')?.trim() ?? 'NoData',
    })),
  }
}
