import type { RenderContext } from './computed.ts'
import { judge } from './delegation.ts'
import { ResponseError } from './errors.ts'
import { changeNumber, parseId } from './ids.ts'
import type { Folder, Item, Mailbox } from './model.ts'
import { dayAtIndex, occurrenceOn } from './series.ts'
import type { Store } from './store.ts'
import type { XmlElement } from './xml.ts'
import { childText } from './xml.ts'

/** One request after authentication and impersonation. */
export interface Call {
  store: Store
  operation: string
  /** The operation's element. */
  body: XmlElement
  /** The mailbox acted upon. */
  mailbox: Mailbox
  /** Who signed in. */
  user: string
  /** Who works in a mailbox of somebody else by folder rights; null for its owner and whoever impersonates him. */
  delegate: string | null
  /** TimeZoneContext as Windows zone id; null when the request has none. */
  zone: string | null
  headers: Record<string, string | string[] | undefined>
  /** Headers for the answer. */
  responseHeaders: Record<string, string>
  /** At most so many changes or items per page, for tests of page loops. */
  forcePageSize: number
}

export function renderContext(call: Call): RenderContext {
  return { store: call.store, mailbox: call.mailbox, zone: call.zone ?? 'UTC' }
}

/** Mailbox of a folder reference; it may name another one, which only its owner may open. */
export function mailboxOfReference(call: Call, reference: XmlElement): Mailbox | undefined {
  const owner = reference.children[0]
  const address = owner ? childText(owner, 'EmailAddress') : undefined
  if (reference.name === 'DistinguishedFolderId') return address ? call.store.find(address) : call.mailbox
  const parsed = parseId(reference.attrs['Id'] ?? '')
  return parsed ? call.store.byToken(parsed.token) : undefined
}

/** The folder that a FolderId or DistinguishedFolderId means; throws ResponseError. */
export function resolveFolder(call: Call, reference: XmlElement | undefined, missing = 'ErrorFolderNotFound'): Folder {
  if (!reference) throw new ResponseError('ErrorInvalidRequest', 'A folder id is missing.')
  const id = reference.attrs['Id'] ?? ''
  if (reference.name !== 'DistinguishedFolderId' && parseId(id) === null)
    throw new ResponseError('ErrorInvalidIdMalformed')
  if (mailboxOfReference(call, reference) !== call.mailbox) throw new ResponseError(missing)
  const folder =
    reference.name === 'DistinguishedFolderId'
      ? call.store.distinguished(call.mailbox, id)
      : call.store.folders(call.mailbox).get(parseId(id)?.serial ?? -1)
  if (!folder) throw new ResponseError(missing)
  const verdict = judge(call, folder, 'folder')
  if (verdict !== 'ok') throw new ResponseError(verdict === 'hidden' ? missing : 'ErrorAccessDenied')
  return folder
}

const ID_ATTRIBUTE: Record<string, string> = {
  OccurrenceItemId: 'RecurringMasterId',
  RecurringMasterItemId: 'OccurrenceId',
}

/**
 * The item that an ItemId, OccurrenceItemId or RecurringMasterItemId means; throws ResponseError. An occurrence comes
 * as a picture worked out of its master: what is to be kept of it has to be written to the master.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/occurrenceitemid
 */
export function resolveItem(call: Call, reference: XmlElement): Item {
  const id = reference.attrs[ID_ATTRIBUTE[reference.name] ?? 'Id'] ?? ''
  if (id === '') throw new ResponseError('ErrorInvalidIdEmpty')
  const parsed = parseId(id)
  if (!parsed) throw new ResponseError('ErrorInvalidIdMalformed')
  const item =
    parsed.type === 'item' && parsed.token === call.mailbox.token ? call.mailbox.items.get(parsed.serial) : undefined
  if (!item) throw new ResponseError('ErrorItemNotFound')
  const verdict = judge(call, call.store.folderOf(call.mailbox, item), 'item')
  if (verdict !== 'ok') throw new ResponseError(verdict === 'hidden' ? 'ErrorItemNotFound' : 'ErrorAccessDenied')
  if (reference.name === 'OccurrenceItemId') {
    if (!item.series || parsed.day !== null) throw new ResponseError('ErrorCalendarCannotUseIdForRecurringMasterId')
    return occurrenceAt(item, Number(reference.attrs['InstanceIndex']))
  }
  if (reference.name === 'RecurringMasterItemId') {
    if (!item.series || parsed.day === null) throw new ResponseError('ErrorCalendarCannotUseIdForOccurrenceId')
    return item
  }
  if (parsed.day === null) return item
  const occurrence = occurrenceOn(item, parsed.day)
  if (!occurrence) throw new ResponseError('ErrorItemNotFound')
  return occurrence
}

function occurrenceAt(master: Item, index: number): Item {
  const day = dayAtIndex(master, index)
  if (day === undefined) throw new ResponseError('ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange')
  const occurrence = occurrenceOn(master, day)
  if (!occurrence) throw new ResponseError('ErrorCalendarOccurrenceIsDeletedFromRecurrence')
  return occurrence
}

/** The stored item behind a picture of an occurrence: its master; any other item itself. */
export function storedItem(mailbox: Mailbox, item: Item): Item {
  if (!item.occurrence) return item
  const master = mailbox.items.get(item.serial)
  if (!master) throw new ResponseError('ErrorItemNotFound')
  return master
}

/** Change number of the ItemId's change key; throws when it is missing or none of this mailbox. */
export function requireChangeNumber(call: Call, reference: XmlElement): number {
  const key = reference.attrs['ChangeKey']
  if (!key) throw new ResponseError('ErrorChangeKeyRequiredForWriteOperations')
  const number = changeNumber(call.mailbox, key)
  if (number < 0) throw new ResponseError('ErrorInvalidChangeKey')
  return number
}

export function inDeletedItems(call: Call, item: Item): boolean {
  return call.store.folderOf(call.mailbox, item).distinguished === 'deleteditems'
}
