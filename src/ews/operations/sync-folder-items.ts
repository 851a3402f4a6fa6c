// https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderitems-operation
import { child, childText, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { BadReply, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml, readItem, readRef } from './ids.ts'
import type { FolderRef } from './ids.ts'

export interface SyncFolderItemsRequest {
  readonly folder: FolderRef
  readonly syncState: string | null
  /** 1 to 512; 513 is a schema error. */
  readonly maxChanges: number
}
export type FolderChange =
  | { readonly type: 'changed'; readonly id: string; readonly changeKey: string; readonly element: string }
  | { readonly type: 'deleted'; readonly id: string }
export interface SyncPage {
  readonly syncState: string
  readonly last: boolean
  readonly changes: readonly FolderChange[]
}

/** IdOnly: every further property costs the server a look at the item (Microsoft's advice), so GetItem reads it after. */
export const syncFolderItems: Operation<SyncFolderItemsRequest, Result<SyncPage>[]> = {
  name: 'SyncFolderItems',
  writes: false,
  encode: ({ folder, syncState, maxChanges }) =>
    '<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>'
    + `<m:SyncFolderId>${folderIdXml(folder)}</m:SyncFolderId>`
    + (syncState === null ? '' : `<m:SyncState>${escapeXml(syncState)}</m:SyncState>`)
    + `<m:MaxChangesReturned>${maxChanges}</m:MaxChangesReturned></m:SyncFolderItems>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const syncState = childText(message, 'SyncState')
    if (syncState === undefined || syncState === '') throw new BadReply('The sync state is missing.')
    const last = childText(message, 'IncludesLastItemInRange') !== 'false'
    return { syncState, last, changes: child(message, 'Changes')?.children.flatMap(readChange) ?? [] }
  }),
}

function readChange(change: XmlElement): FolderChange[] {
  if (change.name === 'Delete') return [{ type: 'deleted', id: readRef(change).id }]
  // Whether an item was read says nothing about a calendar, a task list or contacts.
  if (change.name !== 'Create' && change.name !== 'Update') return []
  const element = change.children[0]
  if (element === undefined) throw new BadReply(`<${change.name}> has no item.`)
  const { type, id, changeKey } = readItem(element)
  return [{ type: 'changed', id, changeKey, element: type }]
}
