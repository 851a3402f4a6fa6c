import type { Reply, World } from './call.ts'
import type { Asked } from './dispatch.ts'
import { GraphError } from './errors.ts'

export function subscriptionRequest(_world: World, _asked: Asked): { operation: string; run: () => Reply | Promise<Reply> } {
  throw new GraphError(501, 'NotImplemented', 'Subscriptions follow.')
}
