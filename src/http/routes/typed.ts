import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { FastifyRequest } from 'fastify'
import type { Panel } from '../../panel/index.ts'
import { viewerOf } from '../guard.ts'

/** A server whose handlers are typed by their schemas. */
export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>

export const OK = { ok: true } as const

/** Writes down who did what in the panel; said after it was done. */
export async function note(panel: Panel, request: FastifyRequest, action: string, subject: string, detail: Record<string, unknown> = {}): Promise<void> {
  const { id, name } = viewerOf(request)
  await panel.store.panel.people.note({ userId: id, userName: name, action, subject, detail })
}
