import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { FaultEffect, Faults } from '../faults.ts'
import type { Crm } from './context.ts'
import { PhpFatal, WebServiceError } from './errors.ts'
import { OPERATIONS, type Parameters } from './operations.ts'
import type { Sessions } from './sessions.ts'

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers?: Record<string, string>
}

const JSON_TYPE = 'application/json'
const FATAL: Answer = { status: 500, body: '', headers: { 'content-type': 'text/html; charset=UTF-8' } }

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length === 1 ? (chunks[0] as Buffer).toString('utf8') : Buffer.concat(chunks).toString('utf8')
}

/** PHP sees the operation and the session wherever they stand, all else only where the operation's verb puts it. */
interface Request {
  readonly operation: string
  readonly sessionName: string | undefined
  readonly username: string | undefined
  parameters(verb: 'GET' | 'POST'): Parameters
}

function parseRequest(method: string, search: string, body: string): Request {
  const fromUrl = new URLSearchParams(search)
  const fromBody = new URLSearchParams(method === 'POST' ? body : '')
  const any = (name: string): string | undefined => (fromBody.get(name) ?? fromUrl.get(name)) || undefined
  return {
    operation: any('operation') ?? '',
    sessionName: any('sessionName'),
    username: any('username'),
    parameters(verb) {
      const source = verb === 'GET' ? fromUrl : fromBody
      // PHP's empty(): a parameter of "0" counts as absent.
      return (name) => {
        const value = source.get(name)
        return value === null || value === '' || value === '0' ? undefined : value
      }
    },
  }
}

const success = (result: unknown): Answer => ({ status: 200, body: JSON.stringify({ success: true, result }) })
const failure = (code: string, message: string, status = 200): Answer => ({
  status,
  body: JSON.stringify({ success: false, error: { code, message } }),
})

function perform(crm: Crm, sessions: Sessions, request: Request): Answer {
  const operation = OPERATIONS.get(request.operation)
  if (!operation) return FATAL
  try {
    const caller = operation.isOpen
      ? { user: crm.people.user('admin'), number: 1 }
      : sessions.caller(request.sessionName)
    const parameters = request.parameters(operation.verb)
    return success(operation.run(crm, sessions, caller, parameters, request.sessionName))
  } catch (error) {
    if (error instanceof WebServiceError) return failure(error.code, error.message)
    if (error instanceof PhpFatal) return FATAL
    throw error
  }
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(body), ...headers })
  response.end(body)
}

/** Plays a scripted fault; the work is done or left as the effect says. */
async function misbehave(effect: FaultEffect, response: ServerResponse, work: () => Answer): Promise<void> {
  switch (effect.type) {
    case 'status':
      send(response, {
        status: effect.status,
        body: effect.body ?? '',
        ...(effect.headers ? { headers: effect.headers } : {}),
      })
      return
    case 'error':
      send(response, failure(effect.code, effect.message ?? 'Simulated error', effect.status))
      return
    case 'drop-before':
      response.destroy()
      return
    case 'drop-after':
      work()
      response.destroy()
      return
    case 'status-after':
      work()
      send(response, { status: effect.status, body: '' })
      return
    case 'half': {
      const { status, body } = work()
      const bytes = Buffer.from(body)
      response.writeHead(status, { 'content-type': JSON_TYPE, 'content-length': bytes.length })
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
      return
    }
    case 'delay':
      await wait(effect.ms)
      send(response, work())
      return
    case 'stall':
      return
  }
}

async function serve(
  crm: Crm,
  sessions: Sessions,
  faults: Faults,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = request.url ?? '/'
  const question = url.indexOf('?')
  const [path, search] = question < 0 ? [url, ''] : [url.slice(0, question), url.slice(question + 1)]
  const body = request.method === 'POST' ? await readBody(request) : ''
  if (path !== '/webservice.php') {
    send(response, { status: 404, body: 'Not Found', headers: { 'content-type': 'text/html' } })
    return
  }
  const parsed = parseRequest(request.method ?? 'GET', search, body)
  const subject = sessions.usernameOf(parsed.sessionName) ?? parsed.username ?? null
  const effect = faults.take(parsed.operation, subject)
  const work = (): Answer => perform(crm, sessions, parsed)
  if (effect) await misbehave(effect, response, work)
  else send(response, work())
}

/** Listens on 127.0.0.1; port 0 means a free one. */
export async function listen(
  crm: Crm,
  sessions: Sessions,
  faults: Faults,
  port: number,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    serve(crm, sessions, faults, request, response).catch((error: unknown) => {
      // A mistake of the simulator itself must be seen, not look like a fault of the CRM.
      if (!request.errored && !response.destroyed) console.error('simulated vtenext:', error)
      response.destroy()
    })
  })
  server.keepAliveTimeout = 75_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return { server, port: (server.address() as AddressInfo).port }
}
