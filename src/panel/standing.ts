import type { ConnectionConfig, UserConfig } from '../config.ts'
import { exchangeCure } from '../main.ts'
import type { LaneFacts } from '../store/index.ts'

export type Standing = 'off' | 'starting' | 'healthy' | 'degraded' | 'attention' | 'paused'
export type Transport = 'streaming' | 'polling' | 'none'

/** Trouble that went away by itself until now is not yet somebody's business. */
const PATIENCE = 3

/** How a mailbox stands, in one word. @param facts undefined where it is not connected */
export function standingOf(facts: LaneFacts | undefined): Standing {
  if (facts === undefined) return 'off'
  if (facts.state === 'paused') return 'paused'
  if (facts.held + facts.conflicts > 0) return 'attention'
  if (facts.state === 'failing') return facts.failures >= PATIENCE || needsSomebody(facts) ? 'attention' : 'degraded'
  if (facts.state === 'new' || !facts.complete) return 'starting'
  return facts.failing > 0 ? 'degraded' : 'healthy'
}

/** Nobody but a person can mend a refused login or a missing right. */
const needsSomebody = ({ error }: LaneFacts) => error !== null && /UNAUTHORIZED|FORBIDDEN|DENIED|NO_MAILBOX|CONSENT|CONFIG/.test(error.code)

export const transportOf = (facts: LaneFacts | undefined, connected: ReadonlySet<string>): Transport =>
  facts === undefined || facts.state === 'paused' ? 'none' : connected.has(facts.lane) ? 'streaming' : 'polling'

/** What cures a mailbox's trouble, as far as its code tells. @param entry undefined for the CRM's own trouble */
export function cureOf(error: LaneFacts['error'], connection: ConnectionConfig | undefined, entry?: UserConfig): string | null {
  if (error === null) return null
  const isShared = connection?.impersonation === true || connection?.delegation === true
  switch (error.code) {
    case 'EWS_UNAUTHORIZED':
      return isShared
        ? `Correct the password of ${connection.username ?? 'the service account'} under Connections.`
        : 'The user enters his present password under "My mailbox", or an administrator connects the mailbox again.'
    case 'CRM_TLS':
      return "Add the company's CA certificate to the connection, or renew the server's certificate."
    case 'CRM_UNREACHABLE':
      return 'Check that the server runs and that the firewall lets us through. We try again by ourselves.'
    case 'CRM_LOGIN_REFUSED':
      return "Correct the API user's access key under Connections; it changes with the user's password."
  }
  if (entry === undefined) return null
  const login = (isShared ? connection.username : entry.username) ?? entry.mailbox
  const code = error.code === 'EWS_ACCESS_DENIED' && connection?.impersonation === true ? 'EWS_IMPERSONATION_DENIED' : error.code
  return exchangeCure(code, { mailbox: entry.mailbox, account: login, auth: connection?.auth })
}
