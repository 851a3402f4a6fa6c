// https://learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation
import { child, childText } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'
import { need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { FOLDER_STAMP, STAMP_PATH } from '../stamp.ts'
import { folderIdXml, readRef } from './ids.ts'
import type { FolderRef } from './ids.ts'

export interface Folder {
  readonly id: string
  readonly name: string
  /** `IPF.Appointment`, `IPF.Task`, `IPF.Contact`, ...; empty where the server does not tell. */
  readonly folderClass: string
  /** Made by us, whatever it is called now. */
  readonly ours: boolean
}

/** What we may do in a folder. */
export interface FolderRights {
  readonly name: string
  readonly rights: ReadonlySet<string>
}

export const FOLDER_SHAPE = '<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>'
  + '<t:FieldURI FieldURI="folder:FolderClass"/><t:FieldURI FieldURI="folder:DisplayName"/>'
  + `${STAMP_PATH}</t:AdditionalProperties></m:FolderShape>`

export const getFolder: Operation<readonly FolderRef[], Result<Folder>[]> = {
  name: 'GetFolder',
  writes: false,
  encode: (folders) =>
    `<m:GetFolder>${FOLDER_SHAPE}<m:FolderIds>${folders.map(folderIdXml).join('')}</m:FolderIds></m:GetFolder>`,
  decode: (reply) => resultsOf(reply, (message) => readFolder(need(child(message, 'Folders')?.children[0], 'Folder'))),
}

export function readFolder(element: XmlElement): Folder {
  return {
    id: readRef(element, 'FolderId').id,
    name: childText(element, 'DisplayName') ?? '',
    folderClass: childText(element, 'FolderClass') ?? CLASSES[element.name] ?? '',
    ours: childText(child(element, 'ExtendedProperty'), 'Value') === FOLDER_STAMP,
  }
}

/** `Read`, `CreateContents`, `CreateHierarchy`, `Modify`, `Delete`, as the server counts them for whoever asks. */
export const getFolderRights: Operation<readonly FolderRef[], Result<FolderRights>[]> = {
  name: 'GetFolder',
  writes: false,
  encode: (folders) =>
    '<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/>'
    + `<t:FieldURI FieldURI="folder:EffectiveRights"/></t:AdditionalProperties></m:FolderShape><m:FolderIds>${folders.map(folderIdXml).join('')}</m:FolderIds></m:GetFolder>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const folder = need(child(message, 'Folders')?.children[0], 'Folder')
    const granted = child(folder, 'EffectiveRights')?.children.filter(({ text }) => text === 'true').map(({ name }) => name)
    return { name: childText(folder, 'DisplayName') ?? '', rights: new Set(granted) }
  }),
}

// The element tells the class where the property is missing (gromox 3.1, FindFolder).
const CLASSES: Readonly<Record<string, string>> = {
  CalendarFolder: 'IPF.Appointment', TasksFolder: 'IPF.Task', ContactsFolder: 'IPF.Contact',
}
