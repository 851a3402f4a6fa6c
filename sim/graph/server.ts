import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'

import type { Principal } from '../entra/index.ts'
import type { FaultEffect } from '../faults.ts'
import { batch } from './batch.ts'
import type { Reply, World } from './call.ts'
import type { Asked, Prepared } from './dispatch.ts'
import { failure, route, scripted, segmentsOf, throttleKey } from './dispatch.ts'
import { badRequest, GraphError } from './errors.ts'
import { subscriptionRequest } from './subscription-routes.ts'

export function createGraphServer(world: World): Server {
  return createServer((request, response) => {
    handle(world, request, response).catch((error: unknown) => {
      // A bug of the simulator must be visible in the test that meets it.
      if (response.headersSent) response.destroy()
      else response.writeHead(500, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.stack : String(error))
    })
  })
}

async function handle(world: World, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const requestId = String(request.headers['client-request-id'] ?? randomUUID())
  response.setHeader('request-id', requestId)
  response.setHeader('client-request-id', requestId)
  let leave = () => {}
  try {
    world.subscriptions.remind()
    if (world.outage !== null) throw new GraphError(world.outage, 'serviceNotAvailable', 'The service is temporarily unavailable.')
    const who = signIn(world, request)
    const url = new URL(request.url ?? '/', originOf(request))
    leave = world.throttle.enter(throttleKey(who, url))
    response.once('close', leave)
    const body = await readBody(request)
    if (!/^\/v1\.0\//.test(url.pathname)) throw badRequest(`Invalid version: ${url.pathname.split('/')[1] ?? ''}`)
    const asked: Asked = { method: request.method ?? 'GET', url, headers: request.headers, body, who }
    await answer(world, asked, request, response, requestId)
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    send(response, failure(world, error, requestId))
  } finally {
    if (response.writableEnded) leave()
  }
}

/** The address under which the client knows the server; links in answers begin with it. */
function originOf({ headers }: IncomingMessage): string {
  const proto = [headers['x-forwarded-proto']].flat()[0] ?? 'http'
  const host = [headers['x-forwarded-host']].flat()[0] ?? headers.host ?? '127.0.0.1'
  return `${proto}://${host}`
}

function signIn(world: World, request: IncomingMessage): Principal {
  const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || token === '')
    throw new GraphError(401, 'InvalidAuthenticationToken', 'Access token is empty.', challenge(world))
  const who = world.entra.accept(token)
  if (who) return who
  throw new GraphError(401, 'InvalidAuthenticationToken', 'Lifetime validation failed, the token is expired.', challenge(world))
}

function challenge({ entra }: World): Record<string, string> {
  return { 'www-authenticate': `Bearer realm="", authorization_uri="${entra.login}/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"` }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw badRequest('Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.')
  }
}

async function answer(world: World, asked: Asked, request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> {
  const { operation, subject, run } = prepare(world, asked, requestId)
  const effect = world.faults.take(operation, subject)
  if (effect && (await refuse(effect, request, response))) return
  const reply = await run()
  if (effect?.type === 'drop-after') request.socket.destroy()
  else if (effect?.type === 'status-after') send(response, afterwards(world, effect.status, requestId))
  else if (effect?.type === 'half') {
    const text = Buffer.from(JSON.stringify(reply.body ?? {}))
    response.writeHead(reply.status, { 'content-type': 'application/json', 'content-length': Math.max(2, text.length) })
    response.write(text.subarray(0, text.length / 2), () => request.socket.destroy())
  } else send(response, reply)
}

function prepare(world: World, asked: Asked, requestId: string): Prepared {
  const [head] = segmentsOf(asked.url)
  if (head === '$batch') {
    const part = (inner: Asked) => {
      if (segmentsOf(inner.url)[0] === '$batch') throw badRequest('A batch cannot contain another one.')
      return prepare(world, inner, requestId)
    }
    return { operation: 'batch', subject: null, run: () => batch(world, asked, requestId, part) }
  }
  if (head === 'subscriptions') return { ...subscriptionRequest(world, asked), subject: null }
  const { call, route: found } = route(world, asked)
  return { operation: found.name, subject: call.mailbox.address, run: () => found.run(call) }
}

/** Faults that take the place of the work. Returns true when the request is dealt with. */
async function refuse(effect: FaultEffect, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  switch (effect.type) {
    case 'status':
      response.writeHead(effect.status, { 'content-type': 'application/json', ...effect.headers }).end(effect.body)
      return true
    case 'error':
      throw scripted(effect)
    case 'drop-before':
      request.socket.destroy()
      return true
    case 'stall':
      return true
    case 'delay':
      await new Promise((resolve) => setTimeout(resolve, effect.ms).unref())
      return false
    default:
      return false
  }
}

function afterwards(world: World, status: number, requestId: string): Reply {
  const code = status === 504 ? 'UnknownError' : status === 503 ? 'serviceNotAvailable' : 'generalException'
  return failure(world, new GraphError(status, code, 'The request timed out or the answer was lost.'), requestId)
}

export function send(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  if (body === undefined) {
    response.writeHead(status, headers).end()
    return
  }
  const text = Buffer.from(JSON.stringify(body))
  response
    .writeHead(status, { 'content-type': 'application/json; odata.metadata=minimal; charset=utf-8', 'content-length': text.length, ...headers })
    .end(text)
}
