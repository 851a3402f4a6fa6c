// https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateitem-operation
import { descend } from '../../lib/xml.ts'
import { itemsIn, need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { itemIdXml, readRef } from './ids.ts'
import type { ItemRef } from './ids.ts'

export interface ItemChange {
  /** The version the change was planned against. */
  readonly item: Required<ItemRef>
  /** `SetItemField` and `DeleteItemField` elements (`from-model.ts`). */
  readonly updates: string
}
/** Whom an update of a meeting is mailed to. */
export type UpdateMailing = 'nobody' | 'everybody' | 'changed'
export interface UpdateItemRequest {
  /** At most 10. */
  readonly changes: readonly ItemChange[]
  readonly mailing?: UpdateMailing
}
export interface Updated extends Required<ItemRef> {
  /** How many properties the server merged by itself; NeverOverwrite should leave none. */
  readonly merged: number
}

const SEND: Readonly<Record<UpdateMailing, string>> = {
  nobody: 'SendToNone', everybody: 'SendToAllAndSaveCopy', changed: 'SendToChangedAndSaveCopy',
}

/** NeverOverwrite: another version than the named one is a conflict, and conflicts are for our own merge. */
export const updateItem: Operation<UpdateItemRequest, Result<Updated>[]> = {
  name: 'UpdateItem',
  writes: true,
  encode: ({ changes, mailing = 'nobody' }) =>
    `<m:UpdateItem MessageDisposition="SaveOnly" ConflictResolution="NeverOverwrite" SendMeetingInvitationsOrCancellations="${SEND[mailing]}">`
    + `<m:ItemChanges>${changes.map(changeXml).join('')}</m:ItemChanges></m:UpdateItem>`,
  decode: (reply) => resultsOf(reply, (message) => ({
    ...readRef(need(itemsIn(message)[0], 'Item')),
    merged: Number(descend(message, 'ConflictResults', 'Count')?.text ?? 0),
  })),
}

function changeXml({ item, updates }: ItemChange): string {
  return `<t:ItemChange>${itemIdXml(item)}<t:Updates>${updates}</t:Updates></t:ItemChange>`
}
