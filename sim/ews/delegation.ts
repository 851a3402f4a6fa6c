/** What people may do in folders of others. */
import type { Call } from './call.ts'
import type { Folder } from './model.ts'

export type Right = 'read' | 'create' | 'modify' | 'delete' | 'hierarchy'

const ROLES: Record<string, Right[]> = {
  FolderVisible: [],
  Reviewer: ['read'],
  Author: ['read', 'create'],
  Editor: ['read', 'create', 'modify', 'delete'],
  PublishingEditor: ['read', 'create', 'modify', 'delete', 'hierarchy'],
  Owner: ['read', 'create', 'modify', 'delete', 'hierarchy'],
}

export const isRole = (name: string): boolean => name in ROLES

/** The right an operation needs in the folder it names, and in the folder of the item it names. */
const NEEDED: Record<string, { folder?: Right; item?: Right }> = {
  CreateItem: { folder: 'create' },
  CreateFolder: { folder: 'hierarchy' },
  MoveItem: { folder: 'create', item: 'delete' },
  CopyItem: { folder: 'create', item: 'read' },
  UpdateItem: { item: 'modify' },
  DeleteItem: { item: 'delete' },
  GetItem: { item: 'read' },
  FindItem: { folder: 'read' },
  SyncFolderItems: { folder: 'read' },
  Subscribe: { folder: 'read' },
}

/** Null for the owner, who may do everything; undefined where the folder cannot even be seen. */
export function rightsOf(call: Call, folder: Folder): Right[] | null | undefined {
  if (call.delegate === null) return null
  const user = call.delegate.toLowerCase()
  // As an administrator granted it, or as the owner wrote it into the PermissionSet.
  const role = folder.grants?.[user] ?? folder.permissions?.find(({ who }) => who.toLowerCase() === user)?.level
  return role === undefined ? undefined : (ROLES[role] ?? [])
}

/** `hidden`: as if it were not there; `denied`: visible, but not for this. */
export function judge(call: Call, folder: Folder, of: 'folder' | 'item'): 'ok' | 'hidden' | 'denied' {
  const rights = rightsOf(call, folder)
  if (rights === null) return 'ok'
  if (rights === undefined) return 'hidden'
  const needed = NEEDED[call.operation]?.[of]
  if (of === 'item' && !rights.includes('read')) return 'hidden'
  return needed === undefined || rights.includes(needed) ? 'ok' : 'denied'
}

export function effectiveRights(call: Call, folder: Folder): string {
  const rights = rightsOf(call, folder)
  const flag = (name: string, right: Right | null) =>
    `<t:${name}>${rights === null || (right !== null && (rights?.includes(right) ?? false))}</t:${name}>`
  return (
    '<t:EffectiveRights>' +
    flag('CreateAssociated', 'hierarchy') +
    flag('CreateContents', 'create') +
    flag('CreateHierarchy', 'hierarchy') +
    flag('Delete', 'delete') +
    flag('Modify', 'modify') +
    flag('Read', 'read') +
    flag('ViewPrivateItems', null) +
    '</t:EffectiveRights>'
  )
}
