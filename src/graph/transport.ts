/** Requests to Graph: headers, tokens, limits per mailbox, batches, and the waits the server asks for. */
import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import type { Dispatcher } from 'undici'
import type { Clock } from '../ports.ts'
import type { SyncError } from '../lib/errors.ts'
import { badReply, fromAnswer, fromNetwork, retryAfterMs } from './errors.ts'
import type { Answer, CallContext } from './errors.ts'
import { Gate } from './gate.ts'
import type { TokenSource } from './tokens.ts'

export interface GraphRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below the version, `/users/…`, already encoded. */
  readonly path: string
  readonly body?: unknown
  /** The version that is written over (`If-Match`). */
  readonly expect?: string
  /** Items per page of a delta round. */
  readonly pageSize?: number
}

/** Who asks for whose mailbox. */
export interface Caller {
  readonly mailbox: string
  readonly tokens: TokenSource
  /** The mailbox's own places; https://learn.microsoft.com/graph/throttling-limits counts four at once. */
  readonly gate: Gate
}

export interface TransportOptions {
  readonly name: string
  /** Without the version. */
  readonly graphUrl: string
  readonly access: CallContext['access']
  readonly userAgent: string
  readonly ca?: string
  readonly maxConcurrent: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Microsoft's number. https://learn.microsoft.com/graph/json-batching */
export const BATCH = 20
export const PER_MAILBOX = 4
const MAX_REPLY = 64 * 1024 * 1024
/** A longer wait is the lane's affair: the places are needed by others. */
const PATIENCE_MS = 10_000
const ATTEMPTS = 3

export const newGate = () => new Gate(PER_MAILBOX)

export class Transport {
  readonly #options: TransportOptions
  readonly #pool: Pool
  readonly #root: URL

  constructor(options: TransportOptions) {
    this.#options = options
    this.#root = new URL(`${options.graphUrl.replace(/\/+$/, '').replace(/\/v1\.0$/, '')}/v1.0`)
    this.#pool = new Pool(this.#root.origin, {
      connections: options.maxConcurrent, pipelining: 1, keepAliveTimeout: 30_000, maxResponseSize: MAX_REPLY,
      connect: { timeout: 15_000, ...(options.ca === undefined ? {} : { ca: options.ca }) },
      headersTimeout: options.timeoutMs, bodyTimeout: options.timeoutMs,
    })
  }

  /**
   * One request. What the server says, whatever it says, is an answer; waits that are short are waited out here.
   * @throws SyncError when there is no answer
   */
  async send(request: GraphRequest, caller: Caller): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await caller.gate.run(1, () => this.#authorized(request, caller, request.path))
      const waitMs = patience(answer, request)
      if (waitMs === null || attempt === ATTEMPTS) return answer
      await this.#options.clock.sleep(waitMs)
    }
  }

  /**
   * Any number of requests, twenty at a time; one answer each, in their order. Parts the server wants later are sent
   * again by themselves.
   * @throws SyncError when a whole batch gets no answer: then nothing is known about its writes
   */
  async batch(requests: readonly GraphRequest[], caller: Caller): Promise<Answer[]> {
    if (requests.length === 1 && requests[0] !== undefined) return [await this.send(requests[0], caller)]
    const answers: Answer[] = []
    for (let at = 0; at < requests.length; at += BATCH) answers.push(...await this.#batchOf(requests.slice(at, at + BATCH), caller))
    return answers
  }

  /** A link the server gave, as a path below the version. @throws SyncError when it leads to another server */
  pathOf(link: string, caller: Caller): string {
    const url = URL.parse(link, this.#root.href)
    if (url === null || url.origin !== this.#root.origin || !url.pathname.startsWith(`${this.#root.pathname}/`)) {
      throw badReply('a link to another server', this.context({ method: 'GET', path: '/delta' }, caller))
    }
    return `${url.pathname.slice(this.#root.pathname.length)}${url.search}`
  }

  context(request: Pick<GraphRequest, 'method' | 'path'>, caller: Caller): CallContext {
    return {
      operation: `${request.method} ${subjectOf(request.path)}`, writes: request.method !== 'GET', connection: this.#options.name,
      url: this.#root.href, mailbox: caller.mailbox, access: this.#options.access,
    }
  }

  error(answer: Answer, request: Pick<GraphRequest, 'method' | 'path'>, caller: Caller): SyncError {
    return fromAnswer(answer, this.context(request, caller))
  }

  async close(): Promise<void> {
    await this.#pool.destroy().catch(() => undefined)
  }

  async #batchOf(requests: readonly GraphRequest[], caller: Caller): Promise<Answer[]> {
    const answers: Answer[] = []
    let due = requests.map((request, at) => ({ request, at }))
    for (let attempt = 1; ; attempt++) {
      const results = await this.#sendBatch(due.map(({ request }) => request), caller)
      due.forEach(({ at }, index) => { answers[at] = results[index] ?? NO_ANSWER })
      const again = due.flatMap((one) => {
        const waitMs = patience(answers[one.at] ?? NO_ANSWER, one.request)
        return waitMs === null ? [] : [{ ...one, waitMs }]
      })
      if (again.length === 0 || attempt === ATTEMPTS) return answers
      await this.#options.clock.sleep(Math.max(...again.map(({ waitMs }) => waitMs)))
      due = again
    }
  }

  async #sendBatch(requests: readonly GraphRequest[], caller: Caller): Promise<Answer[]> {
    const writes = requests.find(({ method }) => method !== 'GET')
    const about = writes ?? { method: 'GET' as const, path: requests[0]?.path ?? '/$batch' }
    const parts = requests.map((request, at) => ({
      id: String(at), method: request.method, url: request.path, headers: headersOf(request), ...(request.body === undefined ? {} : { body: request.body }),
    }))
    const envelope: GraphRequest = { method: 'POST', path: '/$batch', body: { requests: parts } }
    const answer = await caller.gate.run(requests.length, () => this.#authorized(envelope, caller, about.path, writes !== undefined))
    // A batch that is refused as a whole was not begun: each part hears what the whole heard.
    if (answer.status !== 200) return requests.map(() => answer)
    const responses = (answer.body as { responses?: unknown } | null | undefined)?.responses
    if (!Array.isArray(responses)) throw badReply('a batch without responses', this.context(about, caller))
    const byId = new Map((responses as Part[]).map((part) => [String(part.id), part]))
    return requests.map((_, at) => partAnswer(byId.get(String(at))))
  }

  /** Sends with a token; one the server no longer takes is renewed once. */
  async #authorized(request: GraphRequest, caller: Caller, about: string, writes = request.method !== 'GET'): Promise<Answer> {
    const token = await caller.tokens.token()
    const context = { ...this.context({ method: request.method, path: about }, caller), writes }
    const answer = await this.#request(request, token, context)
    if (answer.status !== 401) return answer
    return this.#request(request, await caller.tokens.token(token), context)
  }

  async #request(request: GraphRequest, token: string, context: CallContext): Promise<Answer> {
    const options: Dispatcher.RequestOptions = {
      method: request.method, path: `${this.#root.pathname}${request.path}`,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      headers: {
        ...headersOf(request), authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': this.#options.userAgent,
        'client-request-id': randomUUID(), 'return-client-request-id': 'true',
      },
    }
    let reply: { status: number; retryAfter: string | undefined; text: string }
    try {
      const response = await this.#pool.request(options)
      reply = { status: response.statusCode, retryAfter: [response.headers['retry-after']].flat()[0], text: await response.body.text() }
    } catch (error) {
      throw fromNetwork(error, context)
    }
    return { status: reply.status, retryAfterMs: retryAfterMs(reply.retryAfter), body: parse(reply.text, reply.status, context) }
  }
}

interface Part {
  readonly id?: unknown
  readonly status?: unknown
  readonly headers?: Readonly<Record<string, unknown>> | null
  readonly body?: unknown
}
/** A part the batch left out: it may have been carried out. */
const NO_ANSWER: Answer = { status: 504, body: undefined, retryAfterMs: undefined }

function partAnswer(part: Part | undefined): Answer {
  if (part === undefined || typeof part.status !== 'number') return NO_ANSWER
  const header = Object.entries(part.headers ?? {}).find(([name]) => name.toLowerCase() === 'retry-after')?.[1]
  return { status: part.status, body: part.body, retryAfterMs: retryAfterMs(header === undefined ? undefined : String(header)) }
}

/**
 * `Prefer` stands on every request, also on each part of a batch: an id of the other format would be another item
 * (rule R-17). https://learn.microsoft.com/graph/outlook-immutable-id
 */
function headersOf({ body, expect, pageSize }: GraphRequest): Record<string, string> {
  const prefer = ['IdType="ImmutableId"', 'outlook.timezone="UTC"', ...(pageSize === undefined ? [] : [`odata.maxpagesize=${pageSize}`])]
  return {
    prefer: prefer.join(', '),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(expect === undefined ? {} : { 'if-match': expect }),
  }
}

/**
 * How long to wait before the very same request may be sent again; null when it may not. Busy (429) means not done; after
 * 503 and 504 a write may have been done all the same. https://learn.microsoft.com/graph/throttling
 */
function patience({ status, retryAfterMs: asked }: Answer, { method }: GraphRequest): number | null {
  const harmless = status === 429 || (method === 'GET' && (status === 503 || status === 504))
  if (!harmless) return null
  const waitMs = asked ?? 1_000
  return waitMs <= PATIENCE_MS ? waitMs : null
}

function parse(text: string, status: number, context: CallContext): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (status < 200 || status >= 300) return undefined
    throw badReply('no JSON', context, cause)
  }
}

/** What a request is about, without ids or addresses. */
function subjectOf(path: string): string {
  const words = path.split('?')[0]?.split('/').filter((part) => /^(?:events|calendarView|contacts|contactFolders|tasks|lists|linkedResources|subscriptions|calendars|calendarPermissions|getSchedule|delta|me)$/.test(part)) ?? []
  return words.join('/') || 'mailbox'
}
