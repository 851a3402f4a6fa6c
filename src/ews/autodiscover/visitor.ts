import { resolveSrv } from 'node:dns/promises'
import { Client } from 'undici'
import type { Dispatcher } from 'undici'
import type { Credentials } from '../basic-auth.ts'
import { fromNetwork, fromStatus } from '../errors.ts'
import type { CallContext } from '../errors.ts'
import { BindingChoice } from '../ntlm/choice.ts'
import { NtlmWire } from '../ntlm/wire.ts'
import type { SignIns } from '../sign-ins.ts'
import type { Auth } from '../transport.ts'
import { BasicWire, connector, offers, trust } from '../wire.ts'
import type { Answer, WireRequest } from '../wire.ts'
import type { SrvRecord } from './candidates.ts'
import type { Visited, Visitor } from './discover.ts'
import { srvName } from './candidates.ts'

export interface VisitorOptions {
  readonly auth: Auth
  readonly credentials: Credentials
  readonly signIns: SignIns
  readonly ca: string | undefined
  readonly userAgent: string
  readonly timeoutMs: number
  context(url: string): CallContext
  resolveSrv?(name: string): Promise<readonly SrvRecord[]>
}

const MAX_ANSWER = 1024 * 1024

/**
 * The password goes out only where three things have come together: the certificate was verified, the host is one that
 * `discover` believes, and it asks for a sign-in. A web site at the mail domain that knows no Autodiscover never sees it.
 */
export function createVisitor(options: VisitorOptions): Visitor {
  const tls = trust(options.ca)
  const wireOptions = (url: string) => ({ origin: new URL(url).origin, tls, sockets: 1, timeoutMs: options.timeoutMs })

  async function unsigned(url: string, request: WireRequest): Promise<Answer> {
    const one = wireOptions(url)
    const client = new Client(one.origin, { allowH2: false, headersTimeout: one.timeoutMs, bodyTimeout: one.timeoutMs, maxResponseSize: MAX_ANSWER, connect: connector(one, false) })
    try {
      const response = await client.request(request)
      return { status: response.statusCode, headers: response.headers, text: await response.body.text() }
    } catch (error) {
      throw fromNetwork(error, options.context(url))
    } finally {
      void client.destroy().catch(() => undefined)
    }
  }

  function signed(url: string, request: WireRequest): Promise<Answer> {
    const wire = options.auth.kind === 'basic'
      ? new BasicWire(wireOptions(url), options.credentials)
      : new NtlmWire(wireOptions(url), options.credentials, new BindingChoice(options.auth.channelBinding))
    return options.signIns.run(options.credentials, async () => {
      const answer = await wire.request(request).catch((error: unknown) => {
        throw fromNetwork(error, options.context(url))
      })
      if (answer.status === 401) throw fromStatus(401, undefined, options.context(url), offers(answer.headers))
      return answer
    }).finally(() => void wire.close())
  }

  return {
    async look(url) {
      return visited(await unsigned(url, requestOf(url, 'GET', null, options.userAgent)))
    },
    async ask(url, body) {
      const request = requestOf(url, 'POST', body, options.userAgent)
      const first = await unsigned(url, request)
      return visited(first.status === 401 ? await signed(url, request) : first)
    },
    async srv(domain) {
      if (options.resolveSrv !== undefined) return options.resolveSrv(srvName(domain))
      const records = await resolveSrv(srvName(domain)).catch(() => [])
      return records.map(({ name, port, priority, weight }) => ({ host: name, port, priority, weight }))
    },
  }
}

function requestOf(url: string, method: 'GET' | 'POST', body: string | null, userAgent: string): WireRequest {
  const { pathname, search } = new URL(url)
  const headers: Record<string, string> = { 'user-agent': userAgent, ...(body === null ? {} : { 'content-type': 'text/xml; charset=utf-8', accept: 'text/xml' }) }
  return { method, path: `${pathname}${search}`, body, headers } satisfies Dispatcher.RequestOptions
}

function visited({ status, headers, text }: Answer): Visited {
  return { status, location: [headers['location']].flat()[0], text }
}
