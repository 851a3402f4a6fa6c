// https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation
import { itemsIn, need, resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'
import { anyItemIdXml, readItem } from './ids.ts'
import type { AnyItemRef, EwsItem } from './ids.ts'

export interface GetItemRequest {
  /** At most 10: Microsoft's number for a batch that stays below the one-minute limit. */
  readonly items: readonly AnyItemRef[]
  /** Paths of the wanted properties (`item-shape.ts`); empty reads id and change key only. */
  readonly properties: string
}

/** `Best` gives a body as it is stored: a text body is not turned into HTML and back. */
export const getItem: Operation<GetItemRequest, Result<EwsItem>[]> = {
  name: 'GetItem',
  writes: false,
  encode: ({ items, properties }) =>
    '<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>'
    + (properties === '' ? '' : `<t:BodyType>Best</t:BodyType><t:AdditionalProperties>${properties}</t:AdditionalProperties>`)
    + `</m:ItemShape><m:ItemIds>${items.map(anyItemIdXml).join('')}</m:ItemIds></m:GetItem>`,
  decode: (reply) => resultsOf(reply, (message) => readItem(need(itemsIn(message)[0], 'Item'))),
}
