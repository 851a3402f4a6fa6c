/**
 * Where the Autodiscover service of a mail domain may be, in the order to ask, and whom to believe.
 * https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-generate-a-list-of-autodiscover-endpoints
 */

export interface SrvRecord {
  readonly host: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase()

/** SOAP first: one call, chosen settings. POX is what older and foreign servers have. */
export const endpointsOf = (host: string): readonly string[] => ['svc', 'xml'].map((kind) => `https://${host}/autodiscover/autodiscover.${kind}`)

/** @param typed an address of the configuration, asked before all others */
export function firstCandidates(domain: string, typed: string | undefined): readonly string[] {
  return [...(typed === undefined ? [] : [typed, other(typed)]), ...endpointsOf(domain), ...endpointsOf(`autodiscover.${domain}`)]
}

/** Asked without credentials; only its redirection counts. */
export const plainCandidate = (domain: string): string => `http://autodiscover.${domain}/autodiscover/autodiscover.xml`

export const srvName = (domain: string): string => `_autodiscover._tcp.${domain}`

/** The records in the order to ask: lowest priority value, then highest weight. Only TLS is asked. */
export function srvCandidates(records: readonly SrvRecord[]): readonly string[] {
  return records.filter(({ host }) => host !== '' && host !== '.')
    .toSorted((left, right) => left.priority - right.priority || right.weight - left.weight)
    .flatMap(({ host, port }) => endpointsOf(`${host.replace(/\.$/, '').toLowerCase()}${port === 443 ? '' : `:${port}`}`))
}

export const isSoap = (url: string): boolean => new URL(url).pathname.toLowerCase().endsWith('.svc')

function other(url: string): string {
  return isSoap(url) ? url.replace(/\.svc(?=$|[?#])/i, '.xml') : url.replace(/\.xml(?=$|[?#])/i, '.svc')
}

/** Where an HTTP redirection leads; null where it leads nowhere we would go. */
export function redirection(status: number, location: string | undefined, from: string): string | null {
  if (![301, 302, 307, 308].includes(status) || location === undefined) return null
  const target = URL.parse(location, from)
  return target?.protocol === 'https:' ? target.href : null
}

/**
 * Plain http and DNS can be forged by whoever sits in between, so a host they name gets no credentials unless it lies in
 * the mail domain itself or an administrator named it. What a host says over verified TLS is believed.
 */
export function isTrusted(url: string, domain: string, trusted: readonly string[]): boolean {
  const { hostname, host } = new URL(url)
  return hostname === domain || hostname.endsWith(`.${domain}`) || trusted.some((name) => name.toLowerCase() === hostname || name.toLowerCase() === host)
}
