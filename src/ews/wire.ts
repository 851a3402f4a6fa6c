/** HTTP as the transport needs it: requests that are signed in, over sockets that belong to one credential. */
import { createSecureContext, rootCertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { Client, Pool, buildConnector } from 'undici'
import type { Dispatcher } from 'undici'
import { authorization } from './basic-auth.ts'
import type { Credentials } from './basic-auth.ts'

export type WireRequest = Omit<Dispatcher.RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> }

/** An answer, read in full. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** All sockets of one credential to one server. */
export interface Wire {
  request(request: WireRequest): Promise<Answer>
  /** A response that goes on for minutes, on a socket of its own; `close` tears that socket down. */
  stream(request: WireRequest): Promise<{ readonly response: Dispatcher.ResponseData; close(): Promise<void> }>
  close(): Promise<void>
}

export interface WireOptions {
  readonly origin: string
  readonly tls: Tls
  /** Sockets for calls; streams are not counted. */
  readonly sockets: number
  readonly timeoutMs: number
}

/** Trust in certificates: the public ones, and a company's own. One context for all sockets: the list is long. */
export interface Tls {
  readonly secureContext?: SecureContext
}
export const trust = (ca: string | undefined): Tls => (ca === undefined ? {} : { secureContext: createSecureContext({ ca: [...rootCertificates, ca] }) })

const MAX_REPLY = 64 * 1024 * 1024

export const callOptions = ({ timeoutMs }: WireOptions): Client.Options => ({
  keepAliveTimeout: 30_000, pipelining: 1, allowH2: false, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: MAX_REPLY,
})
/** No limit of silence: the stream's own watchdog knows what its server's signs of life are. */
export const streamOptions = ({ timeoutMs }: WireOptions): Client.Options => ({
  pipelining: 1, allowH2: false, headersTimeout: timeoutMs, bodyTimeout: 0, maxHeaderSize: 64 * 1024,
})

/** HTTP/1.1 only: NTLM is bound to a connection that HTTP/2 would share. */
export const connector = ({ tls, timeoutMs }: WireOptions, stream: boolean) => buildConnector({
  ...tls, allowH2: false, timeout: Math.min(timeoutMs, 15_000), ...(stream ? { keepAlive: true, keepAliveInitialDelay: 30_000 } : {}),
})

/** The schemes of sign-in a server offers, `Negotiate`, `NTLM`, `Basic`. */
export const offers = (headers: Answer['headers']): readonly string[] =>
  [headers['www-authenticate'] ?? []].flat().flatMap((line) => line.split(',')).flatMap((offer) => /^\s*(negotiate|ntlm|basic|bearer)\b/i.exec(offer)?.[1] ?? [])

export async function readAnswer(response: Dispatcher.ResponseData): Promise<Answer> {
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
}

/** Basic: every request carries the password, any socket will do. */
export class BasicWire implements Wire {
  readonly #options: WireOptions
  readonly #authorization: string
  #pool: Pool | undefined

  constructor(options: WireOptions, credentials: Credentials) {
    this.#options = options
    this.#authorization = authorization(credentials)
  }

  async request(request: WireRequest): Promise<Answer> {
    return readAnswer(await this.#open().request(this.#signed(request)))
  }

  async stream(request: WireRequest) {
    const client = new Client(this.#options.origin, { ...streamOptions(this.#options), connect: connector(this.#options, true) })
    const close = () => client.destroy().catch(() => undefined)
    try {
      return { response: await client.request(this.#signed(request)), close }
    } catch (error) {
      await close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#pool?.destroy().catch(() => undefined)
  }

  /** Given up when its last socket closes: thousands of mailboxes sit idle for most of the day. */
  #open(): Pool {
    if (this.#pool !== undefined) return this.#pool
    const pool = new Pool(this.#options.origin, { ...callOptions(this.#options), connections: this.#options.sockets, connect: connector(this.#options, false) })
    this.#pool = pool
    pool.on('disconnect', () => {
      const { connected, running, pending, queued } = pool.stats
      if (this.#pool !== pool || connected + running + pending + queued > 0) return
      this.#pool = undefined
      void pool.close().catch(() => undefined)
    })
    return pool
  }

  #signed(request: WireRequest): WireRequest {
    return { ...request, headers: { ...request.headers, authorization: this.#authorization } }
  }
}
