import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import type { Config } from '../config.ts'
import type { Connector } from '../main.ts'
import type { PostgresStore } from '../store/index.ts'

export interface Expiry {
  /** Of a server; of a company's CA or an application, as configured; a secret of an application; a token of a script. */
  readonly what: 'certificate' | 'own-certificate' | 'secret' | 'token'
  readonly of: string
  readonly at: string
}

const CERTIFICATES = 'certificates'

/** What ends soonest: certificates of the servers, as last looked at, what the configuration names, what we prove ourselves with to Microsoft 365, and tokens of scripts. */
export async function expiries(store: PostgresStore, { config, graph }: Pick<Connector, 'config' | 'graph'>): Promise<Expiry[]> {
  const known = await store.transaction((tx) => tx.setting(CERTIFICATES))
  const certificates = known === null ? [] : (JSON.parse(known) as Expiry[])
  const tokens = (await store.panel.people.tokens()).map((token): Expiry => ({ what: 'token', of: token.name, at: token.expiresAt.toISOString() }))
  const own = config.exchange.flatMap(({ name, ca }): Expiry[] => {
    const end = graph(name)?.secretEnd()
    return [
      ...(ca === undefined ? [] : certificateEnds(ca)).map((at): Expiry => ({ what: 'own-certificate', of: name, at: at.toISOString() })),
      ...(end == null ? [] : [{ what: end.what === 'certificate' ? ('own-certificate' as const) : ('secret' as const), of: name, at: end.at.toISOString() }]),
    ]
  })
  return [...certificates, ...own, ...tokens].sort((left, right) => (left.at < right.at ? -1 : 1)).slice(0, 20)
}

/** @param given a file, or the certificate itself; what cannot be read is for the connection to complain of */
function certificateEnds(given: string): Date[] {
  try {
    const text = given.includes('-----BEGIN') || !existsSync(given) ? given : readFileSync(given, 'utf8')
    return [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(([pem]) => new X509Certificate(pem).validToDate)
  } catch {
    return []
  }
}

/** Reads the certificates of the CRM and of every Exchange server that is spoken to over TLS. */
export async function lookAtCertificates(store: PostgresStore, config: Config | null): Promise<string> {
  const urls = config === null ? [] : [config.crm.url, ...config.exchange.flatMap(({ url }) => url ?? [])]
  const hosts = [...new Set(urls.filter((url) => url.startsWith('https:')).map((url) => new URL(url).host))]
  const found = await Promise.all(hosts.map(async (host): Promise<Expiry[]> => {
    const at = await certificateEnd(host)
    return at === null ? [] : [{ what: 'certificate', of: host, at: at.toISOString() }]
  }))
  await store.transaction((tx) => tx.saveSetting(CERTIFICATES, JSON.stringify(found.flat())))
  return hosts.length === 0 ? 'no server is spoken to over TLS' : `${found.flat().length} of ${hosts.length} certificates read`
}

/** Only its dates are read, nothing is sent: whether it is to be trusted is for the connections to judge. */
function certificateEnd(host: string): Promise<Date | null> {
  const { hostname, port } = new URL(`https://${host}`)
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: port === '' ? 443 : Number(port), servername: hostname, rejectUnauthorized: false, timeout: 10_000 })
    const end = (at: Date | null) => {
      socket.destroy()
      resolve(at)
    }
    socket.once('secureConnect', () => end(new Date(socket.getPeerCertificate().valid_to)))
    socket.once('error', () => end(null))
    socket.once('timeout', () => end(null))
  })
}
