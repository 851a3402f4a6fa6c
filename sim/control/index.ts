/** One HTTP server on the loopback address through which tests and people script the simulated servers. */
import { once } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { SimClock } from '../clock.ts'
import type { EwsSim } from '../ews/index.ts'
import type { GraphSim } from '../graph/index.ts'
import type { VtenextSim } from '../vtenext/index.ts'
import type { Route } from './ews-routes.ts'
import { ewsControl } from './ews-routes.ts'
import { graphControl } from './graph-routes.ts'
import { vtenextControl } from './vtenext-routes.ts'

export interface ControlOptions {
  /** Absent where only another server runs. */
  ews?: EwsSim | undefined
  graph?: GraphSim | undefined
  vtenext?: VtenextSim | undefined
  clock: SimClock
  /** Default: any free port. */
  port?: number
}

export interface Control {
  url: string
  stop(): Promise<void>
}

/** Bad input: answered with status 400 and the message. */
class BadRequest extends Error {}

/**
 * Starts the control server. Every route takes and gives JSON; `GET /` lists them. A request that cannot be carried out
 * is answered with 400 and {"error": what is wrong and how to mend it}.
 */
export async function startControl(options: ControlOptions): Promise<Control> {
  const routes = collectRoutes(options)
  const server = createServer((request, response) => {
    const reply = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value, null, 2)}\n`)
    run(routes, options, request).then(
      (value) => reply(200, value ?? { ok: true }),
      (error: unknown) => reply(400, { error: error instanceof Error ? error.message : String(error) }),
    )
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => close(server) }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

function collectRoutes({ ews, graph, vtenext, clock }: ControlOptions): Map<string, Route> {
  const routes = new Map<string, Route>()
  routes.set('clock', {
    takes: '{advanceMs?}: moves the clock of all servers forward',
    run(body) {
      const now = moveClock(clock, body)
      graph?.tick()
      return now
    },
  })
  if (ews) for (const [name, route] of Object.entries(ewsControl(ews))) routes.set(`ews/${name}`, route)
  if (graph) for (const [name, route] of Object.entries(graphControl(graph))) routes.set(`graph/${name}`, route)
  if (vtenext) {
    for (const [name, route] of Object.entries(vtenextControl(vtenext)))
      routes.set(`vtenext/${name}`, { takes: 'JSON', run: route })
  }
  return routes
}

function moveClock(clock: SimClock, body: { advanceMs?: unknown }): object {
  const { advanceMs = 0 } = body
  if (typeof advanceMs !== 'number' || !(advanceMs >= 0)) {
    throw new BadRequest(
      `advanceMs is ${JSON.stringify(advanceMs)}; the clock takes milliseconds from 0 up: {"advanceMs": 60000}.`,
    )
  }
  clock.advance(advanceMs)
  return { now: new Date(clock.now()).toISOString() }
}

async function run(routes: Map<string, Route>, options: ControlOptions, request: IncomingMessage): Promise<unknown> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1)
  const body = await readJson(request)
  if (request.method === 'GET') {
    if (path === '') return listRoutes(routes)
    if (path === 'outbox') return { ews: options.ews?.outbox ?? [], graph: options.graph?.outbox ?? [], vtenext: options.vtenext?.mails ?? [] }
    if (path === 'clock') return moveClock(options.clock, {})
  }
  const route = routes.get(path)
  if (!route) throw new BadRequest(`There is no control route ${request.method} /${path}; GET / lists them.`)
  if (request.method !== 'POST') throw new BadRequest(`/${path} wants POST with a JSON body ${route.takes}.`)
  return route.run(body)
}

function listRoutes(routes: Map<string, Route>): string[] {
  return [
    'GET /outbox: mails of all servers',
    'GET /clock',
    ...[...routes].map(([name, { takes }]) => `POST /${name} ${takes}`),
  ]
}

async function readJson(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8').trim()
  if (text === '') return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new BadRequest(
      `The body is no JSON (${(error as Error).message}); send an object such as {"advanceMs": 60000}.`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequest('The body has to be a JSON object.')
  return value
}
