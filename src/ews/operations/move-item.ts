// https://learn.microsoft.com/exchange/client-developer/web-service-reference/moveitem-operation
import { itemsIn, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml, itemIdXml, readRef } from './ids.ts'
import type { FolderRef, ItemRef } from './ids.ts'

export interface MoveItemRequest {
  readonly to: FolderRef
  readonly items: readonly ItemRef[]
}

/** A moved item has a new id; null where the server does not tell it (moves to another mailbox). */
export const moveItem: Operation<MoveItemRequest, Result<Required<ItemRef> | null>[]> = {
  name: 'MoveItem',
  writes: true,
  encode: ({ to, items }) =>
    `<m:MoveItem><m:ToFolderId>${folderIdXml(to)}</m:ToFolderId>`
    + `<m:ItemIds>${items.map((item) => itemIdXml(item)).join('')}</m:ItemIds></m:MoveItem>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const moved = itemsIn(message)[0]
    return moved === undefined ? null : readRef(moved)
  }),
}
