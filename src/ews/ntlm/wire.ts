/** NTLM over HTTP: three legs that are bound to one TCP connection, and everything after them on the same one. */
import { TLSSocket } from 'node:tls'
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Credentials } from '../basic-auth.ts'
import { callOptions, connector, readAnswer, streamOptions } from '../wire.ts'
import type { Answer, Wire, WireOptions, WireRequest } from '../wire.ts'
import { channelBinding } from './channel-binding.ts'
import type { BindingChoice } from './choice.ts'
import { NoChallenge, authenticate, negotiate, readChallenge } from './messages.ts'

/** How often a connection may be lost between the legs before that counts as trouble. */
const BROKEN_HANDSHAKES = 3

/** What one user's sign-ins have come to, over all his sockets. */
interface Luck {
  /** Times he was refused however it was tried, since the last time he was let in. */
  refused: number
}

/** One socket, signed in as one user for as long as it lives. */
class SignedSocket {
  readonly client: Client
  readonly #credentials: Credentials
  readonly #choice: BindingChoice
  readonly #luck: Luck
  readonly #host: string
  /** Counts connections: undici opens the next one by itself, and nobody is signed in on that one. */
  #connection = 0
  #signedIn = 0
  #certificate: Buffer | null = null

  constructor(options: WireOptions, credentials: Credentials, { choice, luck }: { choice: BindingChoice; luck: Luck }, stream: boolean) {
    this.#credentials = credentials
    this.#choice = choice
    this.#luck = luck
    this.#host = new URL(options.origin).hostname
    const connect = connector(options, stream)
    this.client = new Client(options.origin, {
      ...(stream ? streamOptions(options) : callOptions(options)),
      connect: (target, callback) => connect(target, (...outcome) => {
        const [, socket] = outcome
        if (socket !== null) {
          this.#connection += 1
          this.#certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw ?? null : null
        }
        callback(...outcome)
      }),
    })
  }

  /** One at a time. @returns the answer; status 401 when the user is refused */
  async request(request: WireRequest): Promise<Dispatcher.ResponseData> {
    if (this.#connection > 0 && this.#signedIn === this.#connection) {
      const response = await this.client.request(request)
      if (response.statusCode !== 401) return response
      await response.body.dump()
    }
    return this.#handshake(request)
  }

  async #handshake(request: WireRequest): Promise<Dispatcher.ResponseData> {
    let broken = 0
    for (let at = 0; ;) {
      const first = negotiate()
      const asked = await this.client.request({ ...request, body: '', headers: withToken(request, first) })
      const token = challengeIn(asked.headers)
      // Anything else is the server's last word: no NTLM here, or an error of its own.
      if (asked.statusCode !== 401 || token === null) return asked
      await asked.body.dump()
      const connection = this.#connection
      const certificate = this.#certificate
      const order = this.#choice.order(certificate, this.#luck.refused)
      const bound = order[at] ?? false
      const response = await this.client.request({ ...request, headers: withToken(request, this.#answer(first, token, bound ? certificate : null)) })
      // Another connection than the one that was asked: the challenge was not for it, and the password not looked at.
      const lost = this.#connection !== connection
      if (response.statusCode !== 401) {
        this.#signedIn = this.#connection
        this.#choice.worked(certificate, bound)
        this.#luck.refused = 0
        return response
      }
      if (lost && ++broken < BROKEN_HANDSHAKES) await response.body.dump()
      else if (!lost && at + 1 < order.length) {
        at += 1
        await response.body.dump()
      } else {
        this.#choice.refused(certificate)
        this.#luck.refused += 1
        return response
      }
    }
  }

  #answer(first: Buffer, token: Buffer, certificate: Buffer | null): Buffer {
    const binding = certificate === null ? null : { hash: channelBinding(certificate), service: `HTTP/${this.#host}` }
    return authenticate({ user: this.#credentials, challenge: readChallenge(token), negotiate: first, binding, nowMs: Date.now() })
  }
}

function withToken(request: WireRequest, message: Buffer): Record<string, string> {
  return { ...request.headers, authorization: `NTLM ${message.toString('base64')}` }
}

/** The second leg; null where the server offers none. */
function challengeIn(headers: Dispatcher.ResponseData['headers']): Buffer | null {
  for (const offer of [headers['www-authenticate'] ?? []].flat().flatMap((line) => line.split(','))) {
    const token = /^\s*NTLM\s+([A-Za-z0-9+/=]+)\s*$/i.exec(offer)?.[1]
    if (token !== undefined) return Buffer.from(token, 'base64')
  }
  return null
}

/** A few sockets, each signed in by itself and used by one request at a time. */
export class NtlmWire implements Wire {
  readonly #options: WireOptions
  readonly #credentials: Credentials
  readonly #ways: { readonly choice: BindingChoice; readonly luck: Luck }
  readonly #idle: SignedSocket[] = []
  readonly #all = new Set<SignedSocket>()
  readonly #waiting: ((socket: SignedSocket) => void)[] = []

  constructor(options: WireOptions, credentials: Credentials, choice: BindingChoice) {
    this.#options = options
    this.#credentials = credentials
    this.#ways = { choice, luck: { refused: 0 } }
  }

  /** @throws NoChallenge when the server's second leg is none */
  async request(request: WireRequest): Promise<Answer> {
    const socket = await this.#take()
    try {
      return await readAnswer(await socket.request(request))
    } finally {
      this.#give(socket)
    }
  }

  async stream(request: WireRequest) {
    const socket = new SignedSocket(this.#options, this.#credentials, this.#ways, true)
    const close = () => socket.client.destroy().catch(() => undefined)
    try {
      return { response: await socket.request(request), close }
    } catch (error) {
      await close()
      throw error
    }
  }

  async close(): Promise<void> {
    const sockets = [...this.#all]
    this.#all.clear()
    await Promise.all(sockets.map((socket) => socket.client.destroy().catch(() => undefined)))
  }

  async #take(): Promise<SignedSocket> {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#all.size >= this.#options.sockets) return new Promise((resolve) => this.#waiting.push(resolve))
    const socket = new SignedSocket(this.#options, this.#credentials, this.#ways, false)
    this.#all.add(socket)
    // The server closes idle connections: nothing of them is kept.
    socket.client.on('disconnect', () => {
      const at = this.#idle.indexOf(socket)
      if (at >= 0) this.#drop(this.#idle.splice(at, 1)[0])
    })
    return socket
  }

  #give(socket: SignedSocket): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next(socket)
    else if (socket.client.stats.connected) this.#idle.push(socket)
    else this.#drop(socket)
  }

  #drop(socket: SignedSocket | undefined): void {
    if (socket === undefined || !this.#all.delete(socket)) return
    void socket.client.close().catch(() => undefined)
  }
}

export { NoChallenge }
