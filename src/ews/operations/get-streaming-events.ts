// https://learn.microsoft.com/exchange/client-developer/web-service-reference/getstreamingevents-operation
import { child, childText, childrenOf, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { failureOf } from '../soap.ts'
import type { Failure, Operation } from '../soap.ts'

export interface GetStreamingEventsRequest {
  /** At most 200. */
  readonly subscriptions: readonly string[]
  /** 1 to 30 minutes, after which the server closes the stream. */
  readonly minutes: number
}
export interface StreamEvent {
  /** Ids of the folders that something happened in: at both ends of a move. */
  readonly folders: readonly string[]
  /** Ids of the item, old and new; none where it happened to a folder. */
  readonly items: readonly string[]
}
export interface StreamMessage {
  readonly notifications: readonly {
    readonly subscription: string
    readonly events: readonly StreamEvent[]
  }[]
  readonly closed: boolean
  readonly failure: Failure | null
  /** Subscriptions the server does not know; the others then get nothing on this stream. */
  readonly deadSubscriptions: readonly string[]
}

/** The answer is a sequence of envelopes over one long response; each is decoded by itself. */
export const getStreamingEvents: Operation<GetStreamingEventsRequest, StreamMessage[]> = {
  name: 'GetStreamingEvents',
  writes: false,
  encode: ({ subscriptions, minutes }) =>
    `<m:GetStreamingEvents><m:SubscriptionIds>${subscriptions.map((id) => `<t:SubscriptionId>${escapeXml(id)}</t:SubscriptionId>`).join('')}`
    + `</m:SubscriptionIds><m:ConnectionTimeout>${minutes}</m:ConnectionTimeout></m:GetStreamingEvents>`,
  decode: (reply) => child(reply, 'ResponseMessages')?.children.map(readMessage) ?? [],
}

function readMessage(message: XmlElement): StreamMessage {
  return {
    notifications: childrenOf(child(message, 'Notifications'), 'Notification').map((notification) => ({
      subscription: childText(notification, 'SubscriptionId') ?? '',
      events: notification.children.filter(({ name }) => name.endsWith('Event') && name !== 'StatusEvent').map(readEvent),
    })),
    closed: childText(message, 'ConnectionStatus') === 'Closed',
    failure: failureOf(message),
    // gromox 3.1 leaves out the namespace of these ids; names are compared without it anyway.
    deadSubscriptions: childrenOf(child(message, 'ErrorSubscriptionIds'), 'SubscriptionId').map((id) => id.text),
  }
}

/** An event about a folder itself names it in FolderId: its counters changed because of an item in it. */
function readEvent(event: XmlElement): StreamEvent {
  const ids = (...names: readonly string[]) => names.map((name) => child(event, name)?.attributes['Id']).filter((id) => id !== undefined)
  return { folders: ids('ParentFolderId', 'OldParentFolderId', 'FolderId', 'OldFolderId'), items: ids('ItemId', 'OldItemId') }
}
