/**
 * HTTP to one Exchange server. Every credential has its own sockets, so that nothing that is bound to a connection
 * can ever serve somebody else; all of them together stay below the server's limit of calls in flight.
 */
import { randomUUID } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { Client, Pool } from 'undici'
import type { Dispatcher } from 'undici'
import { SyncError } from '../lib/errors.ts'
import { authorization } from './basic-auth.ts'
import type { Credentials } from './basic-auth.ts'
import { badReply, fromFailure, fromNetwork, fromStatus } from './errors.ts'
import type { CallContext } from './errors.ts'
import { envelope, openEnvelope } from './soap.ts'
import type { Operation } from './soap.ts'

export interface TransportOptions {
  readonly name: string
  readonly url: string
  readonly ca?: string
  readonly userAgent: string
  readonly impersonation: boolean
  /** Calls in flight to this server, streams not counted. */
  readonly maxConcurrent: number
  readonly timeoutMs: number
}

/** On whose behalf a call is made. */
export interface Caller {
  readonly credentials: Credentials
  /** SMTP address of the mailbox; impersonated on an impersonating connection. */
  readonly mailbox: string
}
export interface CallExtras {
  /** For server affinity: the mailbox whose server is to answer. */
  readonly anchor?: string
  readonly cookie?: string
  /** As the account itself, also on an impersonating connection. */
  readonly asSelf?: boolean
  onCookies?(setCookie: readonly string[]): void
  readonly signal?: AbortSignal
}

const MAX_REPLY = 64 * 1024 * 1024
/** An own credential reads twice and writes once at a time; a service account may use all the server allows. */
const SOCKETS_PER_USER = 3

export class Transport {
  readonly #options: TransportOptions
  readonly #url: URL
  readonly #tls: { ca?: string[] }
  readonly #pools = new Map<string, Pool>()
  readonly #gate: Gate

  constructor(options: TransportOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#tls = options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }
    this.#gate = new Gate(options.maxConcurrent)
  }

  /** @throws SyncError */
  async call<Request, Reply>(operation: Operation<Request, Reply>, request: Request, caller: Caller, extras: CallExtras = {}): Promise<Reply> {
    const context = this.context(operation, caller)
    const body = this.#envelope(operation.encode(request), caller, extras)
    const answer = await this.#gate.run(() => this.#send(this.#pool(caller.credentials), body, caller, context, extras))
    return readReply(answer, operation, context)
  }

  /**
   * A response of its own socket that goes on for minutes.
   * @returns the body's chunks; closing is the caller's task (`close` tears the socket down at once)
   * @throws SyncError
   */
  async stream<Request, Reply>(operation: Operation<Request, Reply>, request: Request, caller: Caller, extras: CallExtras): Promise<{ chunks: AsyncIterable<Buffer>; close(): Promise<void> }> {
    const context = this.context(operation, caller)
    const client = new Client(this.#url.origin, {
      connect: { ...this.#tls, timeout: this.#options.timeoutMs, keepAlive: true, keepAliveInitialDelay: 30_000 },
      headersTimeout: this.#options.timeoutMs, bodyTimeout: 0, maxHeaderSize: 64 * 1024,
    })
    const close = () => client.destroy().catch(() => undefined)
    try {
      const response = await client.request(this.#request(this.#envelope(operation.encode(request), caller, extras), caller, extras))
      if (response.statusCode !== 200) {
        const text = await limited(response.body)
        readReply({ status: response.statusCode, retryAfter: header(response.headers, 'retry-after'), text }, operation, context)
        throw fromStatus(response.statusCode, header(response.headers, 'retry-after'), context)
      }
      return { chunks: response.body as AsyncIterable<Buffer>, close }
    } catch (error) {
      await close()
      throw isOurs(error) ? error : fromNetwork(error, context)
    }
  }

  context(operation: { readonly name: string; readonly writes: boolean }, caller: Caller): CallContext {
    return {
      operation: operation.name, writes: operation.writes, connection: this.#options.name, url: this.#options.url,
      mailbox: caller.mailbox, account: caller.credentials.username, impersonation: this.#options.impersonation,
    }
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map((pool) => pool.destroy().catch(() => undefined)))
  }

  async #send(pool: Pool, body: string, caller: Caller, context: CallContext, extras: CallExtras): Promise<Answer> {
    try {
      const response = await pool.request(this.#request(body, caller, extras))
      const text = await response.body.text()
      const cookies = response.headers['set-cookie']
      if (cookies !== undefined) extras.onCookies?.([cookies].flat())
      return { status: response.statusCode, retryAfter: header(response.headers, 'retry-after'), text }
    } catch (error) {
      throw fromNetwork(error, context)
    }
  }

  #request(body: string, caller: Caller, extras: CallExtras): Dispatcher.RequestOptions {
    return {
      method: 'POST', path: `${this.#url.pathname}${this.#url.search}`, body, signal: extras.signal ?? null,
      headers: {
        authorization: authorization(caller.credentials),
        'content-type': 'text/xml; charset=utf-8', accept: 'text/xml',
        'user-agent': this.#options.userAgent,
        'x-anchormailbox': extras.anchor ?? caller.mailbox,
        'client-request-id': randomUUID(), 'return-client-request-id': 'true',
        ...(extras.anchor === undefined ? {} : { 'x-preferserveraffinity': 'true' }),
        ...(extras.cookie === undefined ? {} : { cookie: extras.cookie }),
      },
    }
  }

  #envelope(body: string, caller: Caller, { asSelf = false }: CallExtras): string {
    return envelope(body, this.#options.impersonation && !asSelf ? caller.mailbox : undefined)
  }

  #pool(credentials: Credentials): Pool {
    const key = `${credentials.username}\n${credentials.password}`
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new Pool(this.#url.origin, {
        connections: this.#options.impersonation ? this.#options.maxConcurrent : SOCKETS_PER_USER,
        connect: { ...this.#tls, timeout: 15_000 }, keepAliveTimeout: 30_000, pipelining: 1,
        headersTimeout: this.#options.timeoutMs, bodyTimeout: this.#options.timeoutMs, maxResponseSize: MAX_REPLY,
      })
      this.#pools.set(key, pool)
    }
    return pool
  }
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
}

/** Faults are looked for whatever the status: gromox sends them with 200, Exchange's back-off comes with 200 or 500. */
function readReply<Reply>({ status, retryAfter, text }: Answer, operation: Operation<never, Reply>, context: CallContext): Reply {
  const looksLikeXml = text.trimStart().startsWith('<') && !/^\s*<(?:!doctype )?html/i.test(text)
  if (status !== 200 && (status !== 500 || !looksLikeXml)) throw fromStatus(status, retryAfter, context)
  try {
    const opened = openEnvelope(text)
    if (opened.type === 'fault') throw fromFailure(opened.fault, context)
    if (status !== 200) throw fromStatus(status, retryAfter, context)
    return operation.decode(opened.reply)
  } catch (error) {
    if (isOurs(error)) throw error
    throw badReply(error instanceof Error ? error.message : String(error), context, error)
  }
}

const isOurs = (error: unknown) => error instanceof SyncError

function header(headers: Record<string, string | string[] | undefined>, name: string): string | undefined {
  return [headers[name]].flat()[0]
}

async function limited(chunks: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > 1024 * 1024) break
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** At most so many at once; the others wait their turn. */
export class Gate {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(size: number) {
    this.#free = size
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
