import type { Call } from './call.ts'
import { renderContext, resolveItem } from './call.ts'
import { ResponseError } from './errors.ts'
import { attempt, failure, success } from './soap.ts'
import { ItemShape } from './shape.ts'
import { child } from './xml.ts'

/**
 * Reads items by id, one response message each.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getitem-operation
 */
export function getItem(call: Call): string[] {
  const ids = child(call.body, 'ItemIds')?.children ?? []
  let shape: ItemShape
  try {
    shape = new ItemShape(child(call.body, 'ItemShape'), true)
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error
    return ids.map(() => failure('GetItem', error, { inner: '<m:Items/>' }))
  }
  const context = renderContext(call)
  return ids.map((reference) =>
    attempt(
      'GetItem',
      () => success('GetItem', `<m:Items>${shape.render(resolveItem(call, reference), context)}</m:Items>`),
      '<m:Items/>',
    ),
  )
}
