// https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation
import { descend } from '../../lib/xml.ts'
import { need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { FOLDER_SHAPE, readFolder } from './get-folder.ts'
import type { Folder } from './get-folder.ts'
import { folderIdXml } from './ids.ts'
import type { FolderRef } from './ids.ts'

export interface FindFolderRequest {
  readonly parent: FolderRef
  readonly traversal: 'Shallow' | 'Deep'
  readonly offset: number
}
export interface FolderPage {
  readonly folders: readonly Folder[]
  /** The server cuts long lists short: the next page starts at offset + folders.length. */
  readonly last: boolean
}

export const findFolder: Operation<FindFolderRequest, Result<FolderPage>[]> = {
  name: 'FindFolder',
  writes: false,
  encode: ({ parent, traversal, offset }) =>
    `<m:FindFolder Traversal="${traversal}">${FOLDER_SHAPE}`
    + `<m:IndexedPageFolderView MaxEntriesReturned="500" Offset="${offset}" BasePoint="Beginning"/>`
    + `<m:ParentFolderIds>${folderIdXml(parent)}</m:ParentFolderIds></m:FindFolder>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const root = need(descend(message, 'RootFolder'), 'RootFolder')
    const folders = descend(root, 'Folders')?.children.map(readFolder) ?? []
    return { folders, last: root.attributes['IncludesLastItemInRange'] !== 'false' }
  }),
}
