/** What is read of each kind, and from where. */
import type { ContactFields, ItemId, ItemKind } from '../model/index.ts'
import { query, segment } from './session.ts'
import { STAMP_ID, UID_ID } from './stamp.ts'

/**
 * Fields of a contact that Graph has no property for, by the MAPI names Outlook stores them under; the same that the EWS
 * side uses. https://learn.microsoft.com/graph/api/resources/extended-properties-overview
 */
export const CONTACT_EXTENDED = {
  otherPhone: 'String 0x3A1F', fax: 'String 0x3A24', assistantPhone: 'String 0x3A2E',
} as const satisfies Partial<Record<keyof ContactFields, string>>
/** Post-office boxes, which Graph's addresses have no room for. */
export const POBOXES = {
  businessAddress: 'String {00062004-0000-0000-c000-000000000046} Id 0x804A', otherAddress: 'String 0x3A64',
} as const satisfies Partial<Record<keyof ContactFields, string>>

const EXTENDED: Readonly<Record<ItemKind, readonly string[]>> = {
  event: [STAMP_ID, UID_ID],
  task: [],
  contact: [STAMP_ID, ...Object.values(CONTACT_EXTENDED), ...Object.values(POBOXES)],
}

const expanded = (ids: readonly string[]) => `singleValueExtendedProperties($filter=${ids.map((id) => `id eq '${id}'`).join(' or ')})`

/** https://learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get */
export const SHAPES: Readonly<Record<ItemKind, string>> = {
  event: query({ $expand: expanded(EXTENDED.event) }),
  task: query({ $expand: 'linkedResources' }),
  contact: query({ $expand: expanded(EXTENDED.contact) }),
}

/** Where the items of a mailbox are. */
export interface Places {
  /** Of the To Do list that Outlook shows as its tasks; undefined where there is no To Do. */
  readonly list: string | undefined
  /** Of the contacts folder "vtenext"; empty where it may not be made. */
  readonly contacts: string
  /** Of the calendar that is kept in step. */
  readonly calendar: string
}

/** The address of one item below the mailbox's root. */
export function itemPath(kind: ItemKind, id: ItemId | string, places: Places): string {
  switch (kind) {
    case 'event': return `/events/${segment(id)}`
    case 'contact': return `/contacts/${segment(id)}`
    case 'task': return `/todo/lists/${segment(places.list ?? '')}/tasks/${segment(id)}`
  }
}

/** The address under which new items of a kind are made. */
export function folderPath(kind: ItemKind, places: Places): string {
  switch (kind) {
    case 'event': return '/calendar/events'
    case 'contact': return `/contactFolders/${segment(places.contacts)}/contacts`
    case 'task': return `/todo/lists/${segment(places.list ?? '')}/tasks`
  }
}
