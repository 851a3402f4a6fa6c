// https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation
import { child, childText, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { BadReply, need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { FOLDER_SHAPE, readFolder } from './get-folder.ts'
import type { Folder } from './get-folder.ts'
import { readRef } from './ids.ts'

export type HierarchyChange =
  | { readonly type: 'changed'; readonly folder: Folder }
  | { readonly type: 'deleted'; readonly id: string }
export interface HierarchyPage {
  readonly syncState: string
  readonly last: boolean
  readonly changes: readonly HierarchyChange[]
}

export const syncFolderHierarchy: Operation<{ readonly syncState: string | null }, Result<HierarchyPage>[]> = {
  name: 'SyncFolderHierarchy',
  writes: false,
  encode: ({ syncState }) =>
    `<m:SyncFolderHierarchy>${FOLDER_SHAPE}`
    + (syncState === null ? '' : `<m:SyncState>${escapeXml(syncState)}</m:SyncState>`)
    + '</m:SyncFolderHierarchy>',
  decode: (reply) => resultsOf(reply, (message) => {
    const syncState = childText(message, 'SyncState')
    if (syncState === undefined || syncState === '') throw new BadReply('The sync state is missing.')
    const last = childText(message, 'IncludesLastFolderInRange') !== 'false'
    return { syncState, last, changes: child(message, 'Changes')?.children.map(readChange) ?? [] }
  }),
}

function readChange(change: XmlElement): HierarchyChange {
  if (change.name === 'Delete') return { type: 'deleted', id: readRef(change, 'FolderId').id }
  return { type: 'changed', folder: readFolder(need(change.children[0], 'Folder')) }
}
