// https://learn.microsoft.com/exchange/client-developer/web-service-reference/unsubscribe-operation
import { escapeXml } from '../../lib/xml.ts'
import { resultsOf } from '../soap.ts'
import type { Operation, Result } from '../soap.ts'

export const unsubscribe: Operation<string, Result<true>[]> = {
  name: 'Unsubscribe',
  writes: false,
  encode: (id) => `<m:Unsubscribe><m:SubscriptionId>${escapeXml(id)}</m:SubscriptionId></m:Unsubscribe>`,
  decode: (reply) => resultsOf(reply, () => true as const),
}
