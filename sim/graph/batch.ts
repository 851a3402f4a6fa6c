import type { IncomingHttpHeaders } from 'node:http'

import type { Reply, World } from './call.ts'
import { needObject } from './call.ts'
import type { Asked, Prepared } from './dispatch.ts'
import { failure, scripted, throttleKey } from './dispatch.ts'
import { badRequest, GraphError } from './errors.ts'

const MOST = 20

interface Part {
  id: string
  method: string
  url: string
  headers?: Record<string, string>
  body?: unknown
  dependsOn?: string[]
}

/**
 * Up to twenty requests in one; each has its own status. A part whose predecessor failed is not carried out.
 * Documentation: https://learn.microsoft.com/graph/json-batching
 */
export async function batch(world: World, asked: Asked, requestId: string, prepare: (part: Asked) => Prepared): Promise<Reply> {
  if (asked.method !== 'POST') throw new GraphError(405, 'BadRequest', 'The batch endpoint takes POST only.')
  const parts = readParts(needObject(asked.body))
  const responses: { id: string; status: number; headers: Record<string, string>; body?: object }[] = []
  for (const part of parts) {
    const failed = part.dependsOn?.some((id) => (responses.find((one) => one.id === id)?.status ?? 0) >= 400) ?? false
    const error = failed ? new GraphError(424, 'FailedDependency', 'The dependency has failed.') : null
    const reply = error ? failure(world, error, requestId) : await runPart(world, asked, part, requestId, prepare)
    responses.push({
      id: part.id,
      status: reply.status,
      headers: { 'Content-Type': 'application/json', ...titled(reply.headers ?? {}) },
      ...(reply.body === undefined ? {} : { body: reply.body }),
    })
  }
  return { status: 200, body: { responses } }
}

function readParts(body: Record<string, any>): Part[] {
  const parts = body.requests as Part[] | undefined
  if (!Array.isArray(parts) || parts.length === 0) throw badRequest('Invalid batch payload format.')
  if (parts.length > MOST) throw badRequest(`Number of batch request steps exceeds the maximum value of '${MOST}'.`, 'MaximumValueExceeded')
  const seen = new Set<string>()
  for (const part of parts) {
    if (typeof part.id !== 'string' || typeof part.method !== 'string' || typeof part.url !== 'string')
      throw badRequest('Every request of a batch needs id, method and url.')
    if (seen.has(part.id)) throw badRequest(`Request Id '${part.id}' is used twice.`)
    const unknown = part.dependsOn?.find((id) => !seen.has(id))
    if (unknown !== undefined) throw badRequest(`Request '${part.id}' depends on '${unknown}', which is no earlier request of the batch.`)
    seen.add(part.id)
  }
  return parts
}

async function runPart(world: World, asked: Asked, part: Part, requestId: string, prepare: (part: Asked) => Prepared): Promise<Reply> {
  let leave = () => {}
  try {
    const url = new URL(`${asked.url.origin}/v1.0/${part.url.replace(/^\/+/, '')}`)
    const headers: IncomingHttpHeaders = {}
    for (const [name, value] of Object.entries(part.headers ?? {})) headers[name.toLowerCase()] = value
    if (part.body !== undefined && headers['content-type'] === undefined)
      throw badRequest(`Request '${part.id}' has a body and no Content-Type header.`)
    // Limits count for every part as for a request of its own.
    leave = world.throttle.enter(throttleKey(asked.who, url))
    const { operation, subject, run } = prepare({ method: part.method.toUpperCase(), url, headers, body: part.body, who: asked.who })
    const effect = world.faults.take(operation, subject)
    if (effect?.type === 'error') throw scripted(effect)
    if (effect?.type === 'status') return { status: effect.status, headers: effect.headers ?? {}, body: {} }
    const reply = await run()
    // A part has no connection of its own to lose; the gateway answers for it.
    if (!effect || !['drop-after', 'half', 'status-after'].includes(effect.type)) return reply
    throw new GraphError(effect.type === 'status-after' ? effect.status : 504, 'UnknownError', 'The request timed out.')
  } catch (error) {
    if (error instanceof GraphError) return failure(world, error, requestId)
    throw error
  } finally {
    leave()
  }
}

/** Headers inside a batch are written as people write them. */
function titled(headers: Record<string, string>): Record<string, string> {
  const title = (name: string) => name.replace(/(^|-)(\w)/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [title(name), value]))
}
