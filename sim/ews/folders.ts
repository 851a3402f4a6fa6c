import type { Call } from './call.ts'
import { resolveFolder } from './call.ts'
import { effectiveRights, rightsOf } from './delegation.ts'
import { ResponseError } from './errors.ts'
import { changeNumber, folderId, folderIdXml } from './ids.ts'
import type { Folder } from './model.ts'
import { permissionSetXml, readPermissionSet } from './permissions.ts'
import { attempt, success } from './soap.ts'
import { readState, writeState } from './sync-folder-items.ts'
import type { XmlElement } from './xml.ts'
import { child, childText, escapeXml, toXml } from './xml.ts'

const ELEMENT_OF_CLASS: [string, string][] = [
  ['IPF.Appointment', 'CalendarFolder'],
  ['IPF.Contact', 'ContactsFolder'],
  ['IPF.Task', 'TasksFolder'],
]

function elementOf(folder: Folder): string {
  return ELEMENT_OF_CLASS.find(([prefix]) => folder.folderClass.startsWith(prefix))?.[1] ?? 'Folder'
}

function childrenOf(call: Call, parent: Folder): Folder[] {
  return [...call.store.folders(call.mailbox).values()].filter((folder) => folder.parent === parent.serial)
}

function descendantsOf(call: Call, parent: Folder): Folder[] {
  return childrenOf(call, parent).flatMap((folder) => [folder, ...descendantsOf(call, folder)])
}

/** Properties in schema order; `*` marks the Default shape. */
const PROPERTIES: [string, boolean, (call: Call, folder: Folder, element: string) => string][] = [
  ['FolderId', true, (call, folder) => folderIdXml(call.mailbox, folder)],
  ['ParentFolderId', false, (call, folder) => `<t:ParentFolderId Id="${folderId(call.mailbox, folder.parent)}"/>`],
  [
    'FolderClass',
    false,
    (_, folder) => (folder.folderClass ? `<t:FolderClass>${escapeXml(folder.folderClass)}</t:FolderClass>` : ''),
  ],
  ['DisplayName', true, (_, folder) => `<t:DisplayName>${escapeXml(folder.name)}</t:DisplayName>`],
  ['TotalCount', true, (call, folder) => `<t:TotalCount>${call.store.itemsOf(folder).size}</t:TotalCount>`],
  [
    'ChildFolderCount',
    true,
    (call, folder) => `<t:ChildFolderCount>${childrenOf(call, folder).length}</t:ChildFolderCount>`,
  ],
  ['EffectiveRights', false, (call, folder) => effectiveRights(call, folder)],
  [
    'DistinguishedFolderId',
    false,
    (_, folder) =>
      folder.distinguished ? `<t:DistinguishedFolderId>${folder.distinguished}</t:DistinguishedFolderId>` : '',
  ],
  ['PermissionSet', false, (call, folder) => permissionSetXml(call.store, folder)],
  [
    'UnreadCount',
    true,
    (_, __, element) => (element === 'Folder' || element === 'TasksFolder' ? '<t:UnreadCount>0</t:UnreadCount>' : ''),
  ],
]

function extendedKey(path: XmlElement | undefined): string {
  return `${path?.attrs['PropertySetId']?.toLowerCase()} ${path?.attrs['PropertyName']}`
}

function renderFolder(call: Call, folder: Folder): string {
  const shape = child(call.body, 'FolderShape')
  const base = childText(shape, 'BaseShape') ?? 'IdOnly'
  const named = new Set(
    child(shape, 'AdditionalProperties')?.children.map((path) => path.attrs['FieldURI']?.split(':')[1]),
  )
  const element = elementOf(folder)
  let xml = ''
  for (const [name, byDefault, write] of PROPERTIES) {
    // Since Exchange 2013 AllProperties leaves the PermissionSet out; it has to be named.
    const inBase =
      base === 'AllProperties' ? name !== 'PermissionSet' : base === 'Default' ? byDefault : name === 'FolderId'
    if (inBase || named.has(name)) xml += write(call, folder, element)
    if (name !== 'ChildFolderCount') continue
    for (const path of child(shape, 'AdditionalProperties')?.children ?? [])
      if (path.name === 'ExtendedFieldURI') xml += folder.extended?.[extendedKey(path)] ?? ''
  }
  return `<t:${element}>${xml}</t:${element}>`
}

function foldersXml(inner: string): string {
  return `<m:Folders>${inner}</m:Folders>`
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation */
export function getFolder(call: Call): string[] {
  const ids = child(call.body, 'FolderIds')?.children ?? []
  return ids.map((id) =>
    attempt(
      'GetFolder',
      () => success('GetFolder', foldersXml(renderFolder(call, resolveFolder(call, id)))),
      '<m:Folders/>',
    ),
  )
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/findfolder-operation */
export function findFolder(call: Call): string[] {
  const parents = child(call.body, 'ParentFolderIds')?.children ?? []
  const view = child(call.body, 'IndexedPageFolderView')
  return parents.map((id) =>
    attempt('FindFolder', () => {
      const parent = resolveFolder(call, id)
      const all = call.body.attrs['Traversal'] === 'Deep' ? descendantsOf(call, parent) : childrenOf(call, parent)
      const found = all.filter((folder) => rightsOf(call, folder) !== undefined)
      const offset = Number(view?.attrs['Offset'] ?? 0)
      const page = found.slice(offset, offset + Number(view?.attrs['MaxEntriesReturned'] ?? found.length))
      const next = offset + page.length
      return success(
        'FindFolder',
        `<m:RootFolder IndexedPagingOffset="${next}" TotalItemsInView="${found.length}" ` +
          `IncludesLastItemInRange="${next >= found.length}"><t:Folders>${page.map((folder) => renderFolder(call, folder)).join('')}` +
          '</t:Folders></m:RootFolder>',
      )
    }),
  )
}

const CLASS_OF_ELEMENT: Record<string, string> = {
  Folder: 'IPF.Note',
  CalendarFolder: 'IPF.Appointment',
  ContactsFolder: 'IPF.Contact',
  TasksFolder: 'IPF.Task',
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/createfolder-operation */
export function createFolder(call: Call): string[] {
  const parentId = child(call.body, 'ParentFolderId')?.children[0]
  const elements = child(call.body, 'Folders')?.children ?? []
  return elements.map((element) =>
    attempt(
      'CreateFolder',
      () => {
        const parent = resolveFolder(call, parentId, 'ErrorParentFolderNotFound')
        const name = childText(element, 'DisplayName') ?? ''
        const clash = childrenOf(call, parent).some((folder) => folder.name.toLowerCase() === name.toLowerCase())
        if (clash) throw new ResponseError('ErrorFolderExists')
        const folderClass = childText(element, 'FolderClass') ?? CLASS_OF_ELEMENT[element.name] ?? 'IPF.Note'
        const folder = call.store.addFolder(call.mailbox, { name, folderClass, parent: parent.serial })
        if (parent.grants) folder.grants = { ...parent.grants }
        for (const property of element.children.filter((one) => one.name === 'ExtendedProperty')) {
          const path = child(property, 'ExtendedFieldURI')
          folder.extended = { ...folder.extended, [extendedKey(path)]: toXml(property) }
        }
        call.store.onChange({
          kind: 'Created',
          mailbox: call.mailbox,
          at: call.store.clock.now(),
          folder: folder.serial,
          old: { serial: 0, folder: parent.serial },
        })
        const made = elementOf(folder)
        return success('CreateFolder', foldersXml(`<t:${made}>${folderIdXml(call.mailbox, folder)}</t:${made}>`))
      },
      '<m:Folders/>',
    ),
  )
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/deletefolder-operation */
export function deleteFolder(call: Call): string[] {
  const ids = child(call.body, 'FolderIds')?.children ?? []
  return ids.map((id) =>
    attempt('DeleteFolder', () => {
      const folder = resolveFolder(call, id)
      if (folder.distinguished) throw new ResponseError('ErrorDeleteDistinguishedFolder')
      call.store.removeFolder(call.mailbox, folder)
      return success('DeleteFolder')
    }),
  )
}

/**
 * Renames a folder or replaces its whole PermissionSet.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/updatefolder-operation
 */
export function updateFolder(call: Call): string[] {
  const changes = child(call.body, 'FolderChanges')?.children ?? []
  return changes.map((change) =>
    attempt(
      'UpdateFolder',
      () => {
        const reference = change.children[0]
        const folder = resolveFolder(call, reference)
        const key = reference?.attrs['ChangeKey']
        if (!key) throw new ResponseError('ErrorChangeKeyRequiredForWriteOperations')
        if (changeNumber(call.mailbox, key) !== folder.seq) throw new ResponseError('ErrorStaleObject')
        for (const update of child(change, 'Updates')?.children ?? []) setFolderField(call, folder, update)
        folder.seq = ++call.mailbox.seq
        return success(
          'UpdateFolder',
          foldersXml(`<t:${elementOf(folder)}>${folderIdXml(call.mailbox, folder)}</t:${elementOf(folder)}>`),
        )
      },
      '<m:Folders/>',
    ),
  )
}

function setFolderField(call: Call, folder: Folder, update: XmlElement): void {
  const uri = update.children[0]?.attrs['FieldURI']
  const value = update.children[1]?.children[0]
  if (update.name !== 'SetFolderField' || !value) throw new ResponseError('ErrorInvalidPropertySet')
  if (uri === 'folder:DisplayName') folder.name = value.text
  else if (uri === 'folder:PermissionSet') folder.permissions = readPermissionSet(call.store, value)
  else throw new ResponseError('ErrorInvalidPropertySet')
}

/** Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/syncfolderhierarchy-operation */
export function syncFolderHierarchy(call: Call): string[] {
  return [
    attempt('SyncFolderHierarchy', () => {
      const reference = child(call.body, 'SyncFolderId')?.children[0]
      const all = call.store.folders(call.mailbox)
      const root = reference
        ? resolveFolder(call, reference, 'ErrorSyncFolderNotFound')
        : call.store.distinguished(call.mailbox, 'msgfolderroot')
      if (!root) throw new ResponseError('ErrorSyncFolderNotFound')
      const scope = `h${root.serial}`
      const { base } = readState(call.mailbox, scope, childText(call.body, 'SyncState'))
      const inside = new Set(descendantsOf(call, root))
      let changes = ''
      for (const folder of all.values()) {
        if (!inside.has(folder) || folder.seq <= base) continue
        const kind = folder.createdSeq > base ? 'Create' : 'Update'
        changes += `<t:${kind}>${renderFolder(call, folder)}</t:${kind}>`
      }
      for (const gone of call.mailbox.folderTombstones) {
        if (gone.seq > base && gone.createdSeq <= base)
          changes += `<t:Delete><t:FolderId Id="${folderId(call.mailbox, gone.serial)}"/></t:Delete>`
      }
      const now = call.mailbox.seq
      return success(
        'SyncFolderHierarchy',
        `<m:SyncState>${writeState(call.mailbox, scope, { base: now, upper: now, cursor: now })}` +
          `</m:SyncState><m:IncludesLastFolderInRange>true</m:IncludesLastFolderInRange><m:Changes>${changes}</m:Changes>`,
      )
    }),
  ]
}
