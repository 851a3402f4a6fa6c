import { child, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { need } from '../soap.ts'

/** An item's id with the version it was read in. Both are opaque and case-sensitive. */
export interface ItemRef {
  readonly id: string
  readonly changeKey?: string
}
/** One occurrence of a master, counted from 1 with the deleted ones. */
export interface OccurrenceItemRef {
  readonly master: string
  readonly index: number
}
/** The master that an occurrence belongs to. */
export interface MasterOfRef {
  readonly masterOf: string
}
/** What GetItem takes for an id. */
export type AnyItemRef = ItemRef | OccurrenceItemRef | MasterOfRef
/** A folder by id, or by the name every mailbox has for it; `of` is the address of somebody else's mailbox. */
export type FolderRef = { readonly id: string } | { readonly distinguished: string; readonly of?: string | undefined }

/** An item as it came; `to-model` reads its properties. */
export interface EwsItem {
  /** Element name: `CalendarItem`, `Task`, `Contact` or something we do not keep in step. */
  readonly type: string
  readonly id: string
  readonly changeKey: string
  readonly properties: XmlElement
}

export function itemIdXml(ref: ItemRef, element = 't:ItemId'): string {
  const key = ref.changeKey === undefined ? '' : ` ChangeKey="${escapeXml(ref.changeKey)}"`
  return `<${element} Id="${escapeXml(ref.id)}"${key}/>`
}

/** https://learn.microsoft.com/exchange/client-developer/web-service-reference/occurrenceitemid */
export function anyItemIdXml(ref: AnyItemRef): string {
  if ('id' in ref) return itemIdXml(ref)
  if ('masterOf' in ref) return `<t:RecurringMasterItemId OccurrenceId="${escapeXml(ref.masterOf)}"/>`
  return `<t:OccurrenceItemId RecurringMasterId="${escapeXml(ref.master)}" InstanceIndex="${ref.index}"/>`
}

export function folderIdXml(ref: FolderRef): string {
  if ('id' in ref) return `<t:FolderId Id="${escapeXml(ref.id)}"/>`
  const name = `<t:DistinguishedFolderId Id="${escapeXml(ref.distinguished)}"`
  return ref.of === undefined ? `${name}/>` : `${name}><t:Mailbox><t:EmailAddress>${escapeXml(ref.of)}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
}

/** @throws BadReply when the element has no id */
export function readRef(element: XmlElement | undefined, idName = 'ItemId'): Required<ItemRef> {
  const id = need(child(element, idName), idName).attributes
  return { id: id['Id'] ?? '', changeKey: id['ChangeKey'] ?? '' }
}

export function readItem(element: XmlElement): EwsItem {
  return { type: element.name, ...readRef(element), properties: element }
}
