// https://learn.microsoft.com/exchange/client-developer/web-service-reference/finditem-operation
import { descend } from '../../lib/xml.ts'
import { itemsIn, need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { folderIdXml, readItem } from './ids.ts'
import type { EwsItem, FolderRef } from './ids.ts'

export interface FindItemRequest {
  /** Answered one by one, in this order. */
  readonly folders: readonly FolderRef[]
  /** A search expression, `<t:IsEqualTo>…` or `<t:Contains>…`. */
  readonly restriction: string
  readonly properties: string
  readonly offset: number
  /** In a page, per folder; the server may cut it shorter. */
  readonly most: number
}
export interface FoundPage {
  readonly items: readonly EwsItem[]
  readonly last: boolean
}

export const findItem: Operation<FindItemRequest, Result<FoundPage>[]> = {
  name: 'FindItem',
  writes: false,
  encode: ({ folders, restriction, properties, offset, most }) =>
    '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
    + `<t:AdditionalProperties>${properties}</t:AdditionalProperties></m:ItemShape>`
    + `<m:IndexedPageItemView MaxEntriesReturned="${most}" Offset="${offset}" BasePoint="Beginning"/>`
    + `<m:Restriction>${restriction}</m:Restriction>`
    + `<m:ParentFolderIds>${folders.map(folderIdXml).join('')}</m:ParentFolderIds></m:FindItem>`,
  decode: (reply) => resultsOf(reply, (message) => {
    const root = need(descend(message, 'RootFolder'), 'RootFolder')
    return { items: itemsIn(message).map(readItem), last: root.attributes['IncludesLastItemInRange'] !== 'false' }
  }),
}
