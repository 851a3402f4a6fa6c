// https://learn.microsoft.com/exchange/client-developer/web-service-reference/createfolder-operation
import { child, escapeXml } from '../../lib/xml.ts'
import { need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderStampXml } from '../stamp.ts'
import { folderIdXml, readRef } from './ids.ts'
import type { FolderRef } from './ids.ts'

export interface CreateFolderRequest {
  readonly parent: FolderRef
  readonly name: string
}

/** Creates a contacts folder: the only folder we ever make. */
export const createFolder: Operation<CreateFolderRequest, Result<string>[]> = {
  name: 'CreateFolder',
  writes: true,
  encode: ({ parent, name }) =>
    `<m:CreateFolder><m:ParentFolderId>${folderIdXml(parent)}</m:ParentFolderId><m:Folders><t:ContactsFolder>`
    + `<t:FolderClass>IPF.Contact</t:FolderClass><t:DisplayName>${escapeXml(name)}</t:DisplayName>${folderStampXml()}`
    + '</t:ContactsFolder></m:Folders></m:CreateFolder>',
  decode: (reply) => resultsOf(reply, (message) =>
    readRef(need(child(message, 'Folders')?.children[0], 'Folder'), 'FolderId').id),
}
