// https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation
import { resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { itemIdXml } from './ids.ts'
import type { ItemRef } from './ids.ts'

export interface DeleteItemRequest {
  readonly items: readonly ItemRef[]
  /** Meetings of the mailbox: calls them off by mail. Otherwise nobody is told. */
  readonly cancel?: boolean
}

/** Into Deleted Items. The id of an occurrence deletes that one alone. Tasks need their attribute even when single. */
export const deleteItem: Operation<DeleteItemRequest, Result<true>[]> = {
  name: 'DeleteItem',
  writes: true,
  encode: ({ items, cancel }) =>
    `<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="${cancel === true ? 'SendToAllAndSaveCopy' : 'SendToNone'}" AffectedTaskOccurrences="AllOccurrences">`
    + `<m:ItemIds>${items.map((item) => itemIdXml(item)).join('')}</m:ItemIds></m:DeleteItem>`,
  decode: (reply) => resultsOf(reply, () => true as const),
}
