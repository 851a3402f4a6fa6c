// https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation
// https://learn.microsoft.com/exchange/client-developer/web-service-reference/permissionset-calendarpermissionsettype
import { child, childText, childrenOf, descend, escapeXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml, readRef } from './ids.ts'
import type { FolderRef, ItemRef } from './ids.ts'

/** One entry of a calendar's permission set, every element as the server wrote it, so that it can be written back unchanged. */
export interface CalendarPermission {
  /** What names the user, in schema order: SID, address, display name, or `DistinguishedUser`. */
  readonly user: readonly Named[]
  /** The server's word: `FreeBusyTimeOnly`, `Reviewer`, `Custom`, ... */
  readonly level: string
  /** The single rights that the level stands for. */
  readonly rights: readonly Named[]
}
export interface Named {
  readonly name: string
  readonly text: string
}
export interface PermissionSet {
  readonly folder: Required<ItemRef>
  readonly permissions: readonly CalendarPermission[]
  /** Accounts that the directory no longer knows. */
  readonly unknown: readonly string[]
}

/** The permissions come only when named: since Exchange 2013 AllProperties leaves them out. */
export const getFolderPermissions: Operation<FolderRef, Result<PermissionSet>[]> = {
  name: 'GetFolder',
  writes: false,
  encode: (folder) => '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
    + '<t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties></m:FolderShape>'
    + `<m:FolderIds>${folderIdXml(folder)}</m:FolderIds></m:GetFolder>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const folder = need(child(message, 'Folders')?.children[0], 'Folder')
    // Without the element the set would look empty, and writing that back would take everybody's rights away.
    const list = need(descend(folder, 'PermissionSet', 'CalendarPermissions'), 'CalendarPermissions')
    return {
      folder: readRef(folder, 'FolderId'),
      permissions: childrenOf(list, 'CalendarPermission').map(readPermission),
      unknown: childrenOf(descend(folder, 'PermissionSet', 'UnknownEntries'), 'UnknownEntry').map(({ text }) => text.trim()),
    }
  }),
}

function readPermission(entry: XmlElement): CalendarPermission {
  const named = ({ name, text }: XmlElement): Named => ({ name, text })
  return {
    user: need(child(entry, 'UserId'), 'UserId').children.map(named),
    level: childText(entry, 'CalendarPermissionLevel')?.trim() ?? 'Custom',
    rights: entry.children.filter(({ name }) => name !== 'UserId' && name !== 'CalendarPermissionLevel').map(named),
  }
}

/** A level says everything by itself and refuses single rights beside it; Custom consists of nothing else. */
export function permissionXml({ user, level, rights }: CalendarPermission): string {
  return `<t:CalendarPermission><t:UserId>${user.map(namedXml).join('')}</t:UserId>${level === 'Custom' ? rights.map(namedXml).join('') : ''}`
    + `<t:CalendarPermissionLevel>${escapeXml(level)}</t:CalendarPermissionLevel></t:CalendarPermission>`
}

const namedXml = ({ name, text }: Named) => `<t:${name}>${escapeXml(text)}</t:${name}>`
