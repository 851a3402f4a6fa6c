import { Agent, type Dispatcher } from 'undici'
import { SyncError } from '../lib/errors.ts'
import { answerError, badReply, misconfigured, staleSocket, unreachable, type AnswerError } from './errors.ts'

/** The operations this adapter uses, with their verb; the wrong verb hides the parameters from the server. */
export const OPERATIONS = {
  getchallenge: { verb: 'GET', write: false },
  login: { verb: 'POST', write: false },
  login_pwd: { verb: 'POST', write: false },
  logout: { verb: 'POST', write: false },
  listtypes: { verb: 'GET', write: false },
  describe: { verb: 'GET', write: false },
  query: { verb: 'GET', write: false },
  retrieve: { verb: 'GET', write: false },
  'vtesync.get_changes': { verb: 'GET', write: false },
  create: { verb: 'POST', write: true },
  revise: { verb: 'POST', write: true },
  delete: { verb: 'POST', write: true },
} as const
export type OperationName = keyof typeof OPERATIONS
export type Params = Readonly<Record<string, string>>

export interface Transport {
  /** Sends one operation and gives its `result`. @throws SyncError for everything else */
  send(operation: OperationName, params: Params): Promise<unknown>
  close(): Promise<void>
}

const TIMEOUT_MS = 60_000
/** A page of 200 records whose texts are all full is a quarter of this. */
const REPLY_LIMIT = 64 * 1024 * 1024

/**
 * webservice.php over HTTP, one POST or GET per operation (vtenext web services, REST API v0.22).
 * @param url of webservice.php, or of the folder it is in
 * @throws SyncError CRM_MISCONFIGURED when the address is not usable
 */
export function createTransport(url: string, connections: number, allowHttp: boolean): Transport {
  const { origin, path } = readAddress(url, allowHttp)
  const agent = new Agent({
    connections,
    pipelining: 1,
    connect: { timeout: 15_000 },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })

  async function exchange(operation: OperationName, params: Params): Promise<Dispatcher.ResponseData> {
    const { verb } = OPERATIONS[operation]
    const form = new URLSearchParams({ operation, ...params }).toString()
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    return verb === 'GET'
      ? await agent.request({ origin, path: `${path}?${form}`, method: 'GET', signal })
      : await agent.request({
          origin,
          path,
          method: 'POST',
          body: form,
          signal,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        })
  }

  async function attempt(operation: OperationName, params: Params): Promise<unknown> {
    const call = { operation, write: OPERATIONS[operation].write }
    const response = await exchange(operation, params)
    const body = await readBody(response, call)
    if (response.statusCode !== 200) {
      const what = `HTTP ${response.statusCode}${body === '' ? ' and an empty body' : ''}`
      throw badReply(what, call, response.statusCode, retryAfter(response.headers['retry-after']))
    }
    return unwrap(body, call)
  }

  return {
    async send(operation, params) {
      const call = { operation, write: OPERATIONS[operation].write }
      try {
        return await attempt(operation, params)
      } catch (thrown) {
        if (thrown instanceof SyncError) throw thrown
        if (call.write || !staleSocket(thrown)) throw unreachable(thrown, call)
      }
      // Apache closes idle connections after seconds; a read that met one is simply asked again.
      try {
        return await attempt(operation, params)
      } catch (thrown) {
        throw thrown instanceof SyncError ? thrown : unreachable(thrown, call)
      }
    },
    close: () => agent.destroy(),
  }
}

function readAddress(url: string, allowHttp: boolean): { origin: string; path: string } {
  if (!URL.canParse(url)) throw misconfigured(`crm.url "${url}" is not an address. Write https://host/webservice.php.`)
  const parsed = new URL(url)
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname)
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && (loopback || allowHttp))) {
    throw misconfigured(
      "crm.url must start with https://: over plain http the CRM's data and session could be read on" +
        ' the way. Set crm.allowHttp to true only where the network is trusted.',
    )
  }
  const path = parsed.pathname.endsWith('.php')
    ? parsed.pathname
    : `${parsed.pathname.replace(/\/$/, '')}/webservice.php`
  return { origin: parsed.origin, path }
}

async function readBody(
  response: Dispatcher.ResponseData,
  call: { operation: string; write: boolean },
): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += (chunk as Buffer).length
    if (size > REPLY_LIMIT) throw badReply(`more than ${REPLY_LIMIT / 1024 / 1024} MB`, call, response.statusCode)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unwrap(body: string, call: { operation: string; write: boolean }): unknown {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    throw badReply(body === '' ? 'an empty body' : 'something that is not JSON', call, 200)
  }
  if (typeof answer !== 'object' || answer === null || !('success' in answer)) {
    throw badReply('JSON that is not a vtenext answer', call, 200)
  }
  if (answer.success === true) return 'result' in answer ? answer.result : null
  throw answerError(readError('error' in answer ? answer.error : null), call)
}

function readError(error: unknown): AnswerError | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, message } = error as { code?: unknown; message?: unknown }
  return { code: String(code ?? ''), message: String(message ?? '') }
}

function retryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header)
  return Number.isFinite(seconds) && seconds >= 0 && header !== undefined ? seconds * 1_000 : undefined
}
