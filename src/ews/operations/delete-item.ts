// https://learn.microsoft.com/exchange/client-developer/web-service-reference/deleteitem-operation
import { resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { itemIdXml } from './ids.ts'
import type { ItemRef } from './ids.ts'

/** Into Deleted Items, and silently: a meeting is never cancelled by it. Tasks need their attribute even when single. */
export const deleteItem: Operation<readonly ItemRef[], Result<true>[]> = {
  name: 'DeleteItem',
  writes: true,
  encode: (items) =>
    '<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone" AffectedTaskOccurrences="AllOccurrences">'
    + `<m:ItemIds>${items.map((item) => itemIdXml(item)).join('')}</m:ItemIds></m:DeleteItem>`,
  decode: (reply) => resultsOf(reply, () => true as const),
}
