/** The servers of one connection: the one of its url, or those that Autodiscover finds. */
import { SyncError } from '../lib/errors.ts'
import { domainOf } from './autodiscover/candidates.ts'
import { discover } from './autodiscover/discover.ts'
import { createVisitor } from './autodiscover/visitor.ts'
import type { Credentials } from './basic-auth.ts'
import type { EwsConnectionOptions } from './connection.ts'
import { discoveredRoutes, fixedRoute } from './route.ts'
import type { Route } from './route.ts'
import { SignIns } from './sign-ins.ts'
import { Transport, signInContext } from './transport.ts'

export interface Servers {
  routeOf(address: string, credentials: Credentials): Route
  close(): Promise<void>
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/
/** An Autodiscover candidate that does not answer in time is passed over. */
const CANDIDATE_MS = 10_000

export function createServers(options: EwsConnectionOptions): Servers {
  const transports = new Map<string, Transport>()
  const transportOf = (url: string): Transport => {
    checkUrl(options.name, url, options.allowHttp === true)
    const known = transports.get(url.toLowerCase())
    if (known !== undefined) return known
    const made = open(options, url)
    transports.set(url.toLowerCase(), made)
    return made
  }
  const { url } = options
  const typed = url === undefined ? null : fixedRoute(transportOf(url))
  const found = discoveredRoutes({ clock: options.clock, find: finder(options), transport: transportOf })
  return {
    routeOf: (address, credentials) => typed ?? found(address, credentials),
    async close() {
      await Promise.all([...transports.values()].map((transport) => transport.close()))
    },
  }
}

function open(options: EwsConnectionOptions, url: string): Transport {
  const { name, auth, impersonation, ca, clock, log } = options
  return new Transport({
    name, url, auth, impersonation, shared: impersonation || options.delegation === true, clock, log, ...(ca === undefined ? {} : { ca }),
    userAgent: userAgentOf(options), maxConcurrent: options.maxConcurrent ?? 10, timeoutMs: options.timeoutMs ?? 60_000, patienceMs: options.patienceMs ?? 0,
  })
}

/** One guard for all candidates: a password that one of them refuses is not carried to the next. */
function finder(options: EwsConnectionOptions) {
  const { name, auth, ca, autodiscover } = options
  const shared = options.impersonation || options.delegation === true
  const signIns = new SignIns(options.clock)
  const endpoints = new Map<string, string>()
  return async (address: string, credentials: Credentials) => {
    const visitor = createVisitor({
      auth, credentials, signIns, ca, userAgent: userAgentOf(options), timeoutMs: Math.min(options.timeoutMs ?? CANDIDATE_MS, CANDIDATE_MS),
      context: (url) => ({ operation: 'Autodiscover', writes: false, connection: name, url, mailbox: address, account: credentials.username, shared, ...signInContext(ca === undefined ? { auth } : { auth, ca }) }),
      ...(autodiscover?.resolveSrv === undefined ? {} : { resolveSrv: (srv: string) => autodiscover.resolveSrv?.(srv) ?? Promise.resolve([]) }),
    })
    const domain = domainOf(address)
    const found = await discover(address, visitor, {
      connection: name, typed: autodiscover?.url, trusted: autodiscover?.trusted ?? [], known: endpoints.get(domain),
    })
    endpoints.set(domain, found.endpoint)
    return found
  }
}

const userAgentOf = (options: EwsConnectionOptions) => options.userAgent ?? 'exchange-connector'

/** @throws SyncError EWS_CONFIG */
export function checkUrl(name: string, url: string, allowHttp: boolean): void {
  const wrong = (message: string) => new SyncError('EWS_CONFIG', `Connection "${name}": ${message}`, { scope: 'server', remedy: 'ask-human' })
  const parsed = URL.parse(url)
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) throw wrong(`"${url}" is no http address; use https://<server>/EWS/Exchange.asmx.`)
  if (parsed.protocol === 'http:' && !allowHttp && !LOOPBACK.test(parsed.hostname)) {
    throw wrong(`"${url}" would send passwords readable; use https, or set allowHttp if the way to the server is safe.`)
  }
}
