import type { IncomingHttpHeaders } from 'node:http'

import type { SimClock } from '../clock.ts'
import type { Entra, Principal } from '../entra/index.ts'
import type { Faults } from '../faults.ts'
import { badRequest, malformedId, notFound } from './errors.ts'
import type { View } from './event-render.ts'
import { parseId } from './ids.ts'
import type { Folder, Item, Kind, Mailbox } from './model.ts'
import { unknownZone } from './recurrence-read.ts'
import type { Store } from './store.ts'
import type { Subscriptions } from './subscriptions.ts'
import type { Throttle } from './throttle.ts'
import { ianaOf } from './zones.ts'

/** Where documents and practice differ, or where a test wants the server to be unkind. */
export interface Switches {
  /** What a repeated transactionId answers: the same event, or always an error. */
  repeatedTransaction: 'same' | 'error'
  /** Is `events/delta` there in v1.0? */
  eventsDelta: boolean
  /** Does a delta name every occurrence that was deleted, or only show those that are left? */
  removedOccurrences: boolean
  /** Does a master name its deleted occurrences when it is asked? */
  cancelledOccurrences: boolean
  /** `uid` of events, documented for beta only. */
  uid: boolean
  /** Do extended properties travel with an invitation? */
  stampTravels: boolean
  /** Does accepting replace the event by a new one with another id? */
  acceptReplaces: boolean
  /** Is If-Match looked at? */
  ifMatch: boolean
  /** At most so many entries per page, for tests of page loops. */
  forcePageSize: number
  /** Pages without entries before the last one of a delta round. */
  emptyPages: number
  /** How many of the last changes a delta round tells once more. */
  replays: number
  /** Every entry of a delta page comes twice. */
  repeatEntries: boolean
  /** Is To Do there? Some national clouds are without it. */
  todo: boolean
  /** What a reading of a deleted task by its id answers: gone, an invalid request, or the task as it was. */
  deletedTasks: 'gone' | 'refused' | 'readable'
}

/** One simulated cloud with all that its requests share. */
export interface World {
  store: Store
  clock: SimClock
  faults: Faults
  entra: Entra
  subscriptions: Subscriptions
  throttle: Throttle
  switches: Switches
  /** Mailboxes an application may open; null is all. */
  applicationScope: Set<string> | null
  /** Status of every answer while the cloud is down. */
  outage: number | null
  /** By mailbox and transactionId: the event made, and what was asked for. */
  transactions: Map<string, { serial: number; asked: string }>
}

export interface Call {
  world: World
  method: string
  /** Address of the request, absolute. */
  url: URL
  headers: IncomingHttpHeaders
  body: any
  who: Principal
  mailbox: Mailbox
  /** Calendar, contact folder or list in the path. */
  folder: Folder | null
  /** Variable segments of the path. */
  params: Record<string, string>
  view: View
  /** odata.maxpagesize. */
  maxPageSize: number | null
}

export interface Reply {
  status: number
  body?: object
  headers?: Record<string, string>
}

/** The Prefer header: what Outlook's part of Graph knows of it. */
export function readPreferences(headers: IncomingHttpHeaders, mailbox: Mailbox, uid: boolean): { view: View; maxPageSize: number | null } {
  const prefer = [headers.prefer].flat().join(', ')
  const zone = /outlook\.timezone\s*=\s*"?([^",]+)"?/i.exec(prefer)?.[1] ?? 'UTC'
  if (ianaOf(zone) === null) throw unknownZone(zone)
  const size = /odata\.maxpagesize\s*=\s*(\d+)/i.exec(prefer)?.[1]
  const view: View = {
    mailbox,
    immutable: /IdType\s*=\s*"?ImmutableId"?/i.test(prefer),
    zone,
    body: /outlook\.body-content-type\s*=\s*"?text"?/i.test(prefer) ? 'text' : 'html',
    uid,
  }
  return { view, maxPageSize: size === undefined ? null : Math.max(1, Number(size)) }
}

export interface Found {
  item: Item
  /** Date of an occurrence the id means; null for the whole item. */
  occurrence: string | null
}

/** The item an id means, in either format; an ordinary id is void after a move. */
export function findItem(mailbox: Mailbox, id: string, kind: Kind): Found {
  const parsed = parseId(id)
  if (!parsed || parsed.type !== 'item') throw malformedId()
  const item = parsed.token === mailbox.token ? mailbox.items.get(parsed.serial) : undefined
  if (!item || item.kind !== kind) throw notFound()
  if (parsed.moves !== null && parsed.moves !== item.moves) throw notFound()
  return { item, occurrence: parsed.occurrence }
}

export function findFolder(store: Store, mailbox: Mailbox, id: string, kind: Kind): Folder {
  const folders = store.folders(mailbox)
  const parsed = parseId(id)
  if (!parsed || parsed.type !== 'folder') throw malformedId()
  const folder = parsed.token === mailbox.token ? folders.get(parsed.serial) : undefined
  if (!folder || folder.kind !== kind) throw notFound()
  return folder
}

export function needObject(body: any): Record<string, any> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('Empty Payload. JSON content expected.', 'BadRequest')
  return body
}
