import type { FastifyInstance } from 'fastify'

/** @returns false when there is no such connection; entries that are not ours are ignored without a word */
export type ReceiveNotifications = (connection: string, body: unknown) => Promise<boolean>

/** Several changes travel together. */
const BODY_LIMIT = 1024 * 1024
const LONGEST_TOKEN = 4096

/**
 * `POST /notify/graph/<connection>`, where Microsoft 365 tells of changes and of its subscriptions. A question for
 * validation is answered with its own token; a notification with 202 before anything is done about it, because slow
 * answers make Microsoft hold back or drop what follows.
 * https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
 */
export function addGraphNotifications(server: FastifyInstance, receive: ReceiveNotifications): void {
  // The question may come without a body but with the JSON type, which would be refused before it is looked at.
  void server.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    scope.post<{ Params: { connection: string }; Querystring: { validationToken?: string | string[] } }>(
      '/notify/graph/:connection', { bodyLimit: BODY_LIMIT }, async (request, reply) => {
        const { validationToken } = request.query
        if (typeof validationToken === 'string') {
          if (validationToken.length > LONGEST_TOKEN) return reply.code(400).send()
          return reply.code(200).headers({ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }).send(validationToken)
        }
        const body = parse(request.body)
        if (body === undefined) return reply.code(400).send({ ok: false })
        return reply.code(await receive(request.params.connection, body) ? 202 : 404).send()
      },
    )
  })
}

function parse(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined
  } catch {
    return undefined
  }
}
