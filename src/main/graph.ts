import { readFileSync } from 'node:fs'
import type { Config, ConnectionConfig } from '../config.ts'
import { createGraphConnection } from '../graph/index.ts'
import type { GraphConnection, Vault } from '../graph/index.ts'
import { SyncError } from '../lib/errors.ts'
import type { Clock, Log } from '../ports.ts'

/** Below the service's public address; one for each connection, so that its tenant's notifications stay apart. */
export const notificationPath = (connection: string) => `/notify/graph/${encodeURIComponent(connection)}`

/** A connection to Microsoft 365 as the configuration describes it. @throws SyncError CONFIG_INVALID, CONFIG_CERTIFICATE */
export function openGraph(config: Config, name: string, vault: Vault, log: Log, clock: Clock): GraphConnection {
  const found = config.exchange.find((one) => one.name === name && one.kind === 'graph')
  const { tenant, clientId } = found ?? {}
  if (found === undefined || tenant === undefined || clientId === undefined) {
    throw new SyncError('CONFIG_INVALID', `There is no Microsoft 365 connection "${name}" with tenant and clientId in the configuration.`, { scope: 'system', remedy: 'ask-human' })
  }
  const { clientSecret, clientSecretExpires, access, tasks, loginUrl, graphUrl, allowHttp, pollSeconds } = found
  const publicUrl = found.publicUrl ?? config.http.publicUrl
  const certificate = certificateOf(found)
  return createGraphConnection({
    name, tenant, clientId, access, tasks, allowHttp, vault, log, clock,
    proof: { ...(clientSecret === undefined ? {} : { secret: clientSecret }), ...(certificate === undefined ? {} : { certificate }) },
    range: { pastDays: config.sync.pastDays, futureDays: config.sync.futureDays },
    hints: { pollMs: [pollSeconds * 1000, Math.max(300, pollSeconds) * 1000] },
    ...(clientSecretExpires === undefined ? {} : { secretExpires: clientSecretExpires }),
    ...(loginUrl === undefined ? {} : { loginUrl }),
    ...(graphUrl === undefined ? {} : { graphUrl }),
    ...(publicUrl === undefined ? {} : { notificationUrl: `${publicUrl.replace(/\/+$/, '')}${notificationPath(name)}` }),
    ...(found.ca === undefined ? {} : { ca: readPem(found.name, 'ca', found.ca) }),
  })
}

function certificateOf(connection: ConnectionConfig): { cert: string; key: string } | undefined {
  if (connection.certificate === undefined) return undefined
  const cert = readPem(connection.name, 'certificate', connection.certificate)
  return { cert, key: connection.certificateKey === undefined ? cert : readPem(connection.name, 'certificateKey', connection.certificateKey) }
}

function readPem(connection: string, key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SyncError('CONFIG_CERTIFICATE', `The file ${file} of the connection "${connection}" cannot be read. Correct "${key}" or the file's rights.`, { scope: 'system', remedy: 'ask-human', cause })
  }
}
