/**
 * HTTP to one Exchange server. Every credential has its own sockets, so that nothing that is bound to a connection
 * can ever serve somebody else; all of them together keep to the server's pace.
 */
import { randomUUID } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import type { Clock, Log } from '../ports.ts'
import type { Credentials } from './basic-auth.ts'
import { badReply, fromFailure, fromNetwork, fromStatus, isBusy, isCut } from './errors.ts'
import type { CallContext } from './errors.ts'
import { BindingChoice } from './ntlm/choice.ts'
import type { ChannelBinding } from './ntlm/choice.ts'
import { NoChallenge, NtlmWire } from './ntlm/wire.ts'
import { Pace } from './pace.ts'
import { SignIns } from './sign-ins.ts'
import { envelope, openEnvelope } from './soap.ts'
import type { Failure, Operation, Result, ServerVersion } from './soap.ts'
import { BasicWire, offers, trust } from './wire.ts'
import type { Answer, Tls, Wire, WireRequest } from './wire.ts'

export type Auth = { readonly kind: 'basic' } | { readonly kind: 'ntlm'; readonly channelBinding: ChannelBinding }

export interface TransportOptions {
  readonly name: string
  readonly url: string
  readonly auth: Auth
  readonly ca?: string
  readonly userAgent: string
  readonly impersonation: boolean
  /** One credential serves all mailboxes. */
  readonly shared: boolean
  /** Calls in flight to this server, streams not counted. */
  readonly maxConcurrent: number
  readonly timeoutMs: number
  /** The longest pause the server asks for that a call waits out by itself; 0 leaves every pause to the caller. */
  readonly patienceMs: number
  readonly clock: Clock
  readonly log: Log
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

/** An own credential reads twice and writes once at a time; a service account may use all the server allows. */
const SOCKETS_PER_USER = 3
/** How often one call waits out a pause; a server that is busy for longer is the caller's matter. */
const PAUSES = 3

export class Transport {
  readonly #options: TransportOptions
  readonly #url: URL
  readonly #tls: Tls
  readonly #wires = new Map<string, Wire>()
  readonly #choice: BindingChoice
  readonly #signIns: SignIns
  readonly #pace: Pace
  #version: ServerVersion | null = null

  constructor(options: TransportOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#tls = trust(options.ca)
    this.#choice = new BindingChoice(options.auth.kind === 'ntlm' ? options.auth.channelBinding : 'off')
    this.#signIns = new SignIns(options.clock)
    this.#pace = new Pace({ name: options.name, most: options.maxConcurrent, clock: options.clock, log: options.log })
  }

  get url(): string {
    return this.#options.url
  }

  /** As the server told it last; null before its first answer, and of a server that tells none. */
  get version(): ServerVersion | null {
    return this.#version
  }

  /** How people sign in, in words. */
  describeSignIn(): string {
    return this.#options.auth.kind === 'basic' ? 'Basic' : `NTLM ${this.#choice.describe()}`
  }

  /** @throws SyncError */
  async call<Request, Reply>(operation: Operation<Request, Reply>, request: Request, caller: Caller, extras: CallExtras = {}): Promise<Reply> {
    const context = this.context(operation, caller)
    const wanted = this.#request(this.#envelope(operation.encode(request), caller, extras), caller, extras)
    for (let pauses = 0, cuts = 0; ;) {
      try {
        return await this.#pace.run(caller.mailbox, () => this.#once(operation, wanted, caller, context, extras))
      } catch (error) {
        // A kept connection may have ended unseen; only what changes nothing is asked again unasked.
        if (!operation.writes && isCut(error) && cuts++ === 0) continue
        if (!this.#isPatient(error) || ++pauses > PAUSES) throw error
        await this.#options.clock.sleep(error.retryAfterMs ?? 0, extras.signal)
      }
    }
  }

  /**
   * A response of its own socket that goes on for minutes.
   * @returns the body's chunks; closing is the caller's task (`close` tears the socket down at once)
   * @throws SyncError
   */
  async stream<Request, Reply>(operation: Operation<Request, Reply>, request: Request, caller: Caller, extras: CallExtras): Promise<{ chunks: AsyncIterable<Buffer>; close(): Promise<void> }> {
    const context = this.context(operation, caller)
    const wanted = this.#request(this.#envelope(operation.encode(request), caller, extras), caller, extras)
    return this.#signIns.run(caller.credentials, async () => {
      const { response, close } = await this.#wire(caller.credentials).stream(wanted).catch((error: unknown) => {
        throw fromWire(error, context)
      })
      if (response.statusCode === 200) return { chunks: response.body as AsyncIterable<Buffer>, close }
      try {
        this.#read({ status: response.statusCode, headers: response.headers, text: await limited(response.body) }, operation, context)
        throw fromStatus(response.statusCode, header(response.headers, 'retry-after'), context, offers(response.headers))
      } catch (error) {
        throw fromWire(error, context)
      } finally {
        await close()
      }
    })
  }

  /** A stream was refused for the server's sake: its calls slow down, too. */
  slow(mailbox: string, error: SyncError): void {
    this.#pace.slow(mailbox, error)
  }

  context(operation: { readonly name: string; readonly writes: boolean }, caller: Caller): CallContext {
    return {
      operation: operation.name, writes: operation.writes, connection: this.#options.name, url: this.#options.url,
      mailbox: caller.mailbox, account: caller.credentials.username, shared: this.#options.shared, ...signInContext(this.#options),
    }
  }

  async close(): Promise<void> {
    const wires = [...this.#wires.values()]
    this.#wires.clear()
    await Promise.all(wires.map((wire) => wire.close()))
  }

  async #once<Reply>(operation: Operation<never, Reply>, wanted: WireRequest, caller: Caller, context: CallContext, extras: CallExtras): Promise<Reply> {
    const answer = await this.#signIns.run(caller.credentials, async () => {
      const got = await this.#wire(caller.credentials).request(wanted).catch((error: unknown) => {
        throw fromWire(error, context)
      })
      if (got.status === 401) throw fromStatus(401, undefined, context, offers(got.headers))
      return got
    })
    const cookies = answer.headers['set-cookie']
    if (cookies !== undefined) extras.onCookies?.([cookies].flat())
    const reply = this.#read(answer, operation, context)
    const busy = busyIn(reply)
    if (busy === null) return reply
    const error = fromFailure(busy.failure, context)
    // Nothing of it was done: as good as a refusal of the whole call.
    if (busy.all) throw error
    this.#pace.slow(caller.mailbox, error)
    return reply
  }

  /** Faults are looked for whatever the status: gromox sends them with 200, Exchange's back-off comes with 200 or 500. */
  #read<Reply>({ status, headers, text }: Answer, operation: Operation<never, Reply>, context: CallContext): Reply {
    const refused = () => fromStatus(status, header(headers, 'retry-after'), context, offers(headers))
    if (status !== 200 && (status !== 500 || !isXml(text))) throw refused()
    try {
      const opened = openEnvelope(text)
      this.#version = opened.version ?? this.#version
      if (opened.type === 'fault') throw fromFailure(opened.fault, context)
      if (status !== 200) throw refused()
      return operation.decode(opened.reply)
    } catch (error) {
      if (error instanceof SyncError) throw error
      throw badReply(error instanceof Error ? error.message : String(error), context, error)
    }
  }

  #isPatient(error: unknown): error is SyncError {
    return error instanceof SyncError && error.code === 'EWS_BUSY' && !error.outcomeUnknown && (error.retryAfterMs ?? Infinity) <= this.#options.patienceMs
  }

  #request(body: string, caller: Caller, extras: CallExtras): WireRequest {
    return {
      method: 'POST', path: `${this.#url.pathname}${this.#url.search}`, body, signal: extras.signal ?? null,
      headers: {
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

  #wire(credentials: Credentials): Wire {
    const key = `${credentials.username}\n${credentials.password}`
    let wire = this.#wires.get(key)
    if (wire === undefined) {
      const { shared, maxConcurrent, timeoutMs, auth } = this.#options
      const options = { origin: this.#url.origin, tls: this.#tls, timeoutMs, sockets: shared ? maxConcurrent : SOCKETS_PER_USER }
      wire = auth.kind === 'basic' ? new BasicWire(options, credentials) : new NtlmWire(options, credentials, this.#choice)
      this.#wires.set(key, wire)
    }
    return wire
  }
}

/** What messages about a refused sign-in or certificate need to know. */
export function signInContext({ auth, ca }: Pick<TransportOptions, 'auth' | 'ca'>): Pick<CallContext, 'auth' | 'channelBinding' | 'hasCa'> {
  return { auth: auth.kind, ...(auth.kind === 'ntlm' ? { channelBinding: auth.channelBinding } : {}), hasCa: ca !== undefined }
}

function fromWire(error: unknown, context: CallContext): SyncError {
  if (error instanceof SyncError) return error
  return error instanceof NoChallenge ? badReply(error.message, context, error) : fromNetwork(error, context)
}

function isXml(text: string): boolean {
  return text.trimStart().startsWith('<') && !/^\s*<(?:!doctype )?html/i.test(text)
}

/** A back-off that comes item by item, with HTTP 200. */
function busyIn(reply: unknown): { readonly failure: Failure; readonly all: boolean } | null {
  if (!Array.isArray(reply)) return null
  const busy = (reply as (Partial<Result<unknown>> | null)[]).flatMap((result) => (result?.ok === false && 'failure' in result && isBusy(result.failure as Failure) ? [result.failure as Failure] : []))
  const [failure] = busy
  return failure === undefined ? null : { failure, all: busy.length === reply.length }
}

function header(headers: Answer['headers'], name: string): string | undefined {
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
