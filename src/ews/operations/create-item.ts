// https://learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation
import { itemsIn, need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml, readRef } from './ids.ts'
import type { FolderRef, ItemRef } from './ids.ts'

export interface CreateItemRequest {
  readonly folder: FolderRef
  /** Complete item elements (`from-model.ts`), at most 10. */
  readonly items: readonly string[]
  /** Events: invites their attendees. */
  readonly invite?: boolean
}

/** Mails nobody unless told to: the attribute's default would (SendToAllAndSaveCopy in Microsoft's own library). */
export const createItem: Operation<CreateItemRequest, Result<Required<ItemRef>>[]> = {
  name: 'CreateItem',
  writes: true,
  encode: ({ folder, items, invite }) =>
    `<m:CreateItem MessageDisposition="SaveOnly" SendMeetingInvitations="${invite === true ? 'SendToAllAndSaveCopy' : 'SendToNone'}">`
    + `<m:SavedItemFolderId>${folderIdXml(folder)}</m:SavedItemFolderId><m:Items>${items.join('')}</m:Items></m:CreateItem>`,
  decode: (reply) => resultsOf(reply, (message) => readRef(need(itemsIn(message)[0], 'Item'))),
}
