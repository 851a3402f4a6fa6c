// https://learn.microsoft.com/exchange/client-developer/web-service-reference/updatefolder-operation
import { escapeXml } from '../../lib/xml.ts'
import { resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { permissionXml } from './get-folder-permissions.ts'
import type { CalendarPermission } from './get-folder-permissions.ts'
import type { ItemRef } from './ids.ts'

export interface UpdatePermissionsRequest {
  /** The calendar in the version that was read: another one answers ErrorStaleObject. */
  readonly folder: Required<ItemRef>
  /** The whole set: an update replaces all of it. */
  readonly permissions: readonly CalendarPermission[]
}

export const updateFolder: Operation<UpdatePermissionsRequest, Result<null>[]> = {
  name: 'UpdateFolder',
  writes: true,
  encode: ({ folder, permissions }) =>
    `<m:UpdateFolder><m:FolderChanges><t:FolderChange><t:FolderId Id="${escapeXml(folder.id)}" ChangeKey="${escapeXml(folder.changeKey)}"/><t:Updates>`
    + '<t:SetFolderField><t:FieldURI FieldURI="folder:PermissionSet"/><t:CalendarFolder><t:PermissionSet>'
    + `<t:CalendarPermissions>${permissions.map(permissionXml).join('')}</t:CalendarPermissions>`
    + '</t:PermissionSet></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>',
  decode: (reply) => resultsOf(reply, () => null),
}
