import type { SyncError } from '../lib/errors.ts'
import { asSyncError } from '../lib/errors.ts'
import { impersonationCure } from './errors.ts'
import { Folders } from './folders.ts'
import { getFolder } from './operations/get-folder.ts'
import type { Session } from './session.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was found, in words. */
  readonly detail: string
  /** What to do about it; empty when nothing is wrong. */
  readonly cure: string
}

const STEPS = ['reachable', 'tls', 'login', 'access', 'folders'] as const
type Step = (typeof STEPS)[number]

/** Looks step by step whether a mailbox can be kept in step; what lies behind a failed step is not reported. */
export async function checkMailbox(session: Session, impersonation: boolean): Promise<Check[]> {
  const error = await session.batch(getFolder, [{ distinguished: 'calendar' }], 1)
    .then(([result]) => (result?.ok === true ? null : session.error(getFolder, result?.failure ?? { code: 'NoAnswer', text: '' })), asSyncError)
  const failed = error === null ? undefined : stepOf(error)
  const checks: Check[] = []
  for (const step of STEPS.slice(0, -1)) {
    if (error !== null && step === failed) return [...checks, broken(step, error, session, impersonation)]
    checks.push({ name: step, ok: true, detail: detailOf(step, session, impersonation), cure: '' })
  }
  // A fresh look: what an earlier run found says nothing about now.
  const folders = await new Folders(session).synced().then(() => null, asSyncError)
  if (folders !== null) return [...checks, broken('folders', folders, session, impersonation)]
  return [...checks, { name: 'folders', ok: true, detail: 'Calendar, tasks, Deleted Items and the contacts folder "vtenext" are there.', cure: '' }]
}

function stepOf(error: SyncError): Step {
  switch (error.code) {
    case 'EWS_AUTODISCOVER': case 'EWS_UNREACHABLE': case 'EWS_NOT_EWS': case 'EWS_BAD_REPLY': return 'reachable'
    case 'EWS_TLS': return 'tls'
    case 'EWS_UNAUTHORIZED': case 'EWS_NO_SIGN_IN': case 'EWS_FORBIDDEN': return 'login'
    default: return 'access'
  }
}

function broken(name: Step, error: SyncError, session: Session, impersonation: boolean): Check {
  const cure = error.code === 'EWS_IMPERSONATION_DENIED' || (impersonation && error.code === 'EWS_ACCESS_DENIED')
    ? `In the Exchange Management Shell: ${impersonationCure(session.caller.credentials.username)}`
    : CURES[error.code] ?? 'Mend what the message names and run the check again.'
  return { name, ok: false, detail: error.message, cure }
}

const CURES: Readonly<Record<string, string>> = {
  EWS_UNREACHABLE: 'Check the host name, the port, the firewall and that the server runs.',
  EWS_AUTODISCOVER: 'Type the "url" of the connection, or publish Autodiscover: Get-ClientAccessService | fl AutoDiscoverServiceInternalUri shows what the servers know.',
  EWS_NOT_EWS: 'Use the address that Get-WebServicesVirtualDirectory | fl ExternalUrl,InternalUrl shows.',
  EWS_BAD_REPLY: 'Look at the address in a browser: a proxy or a login page answers instead of Exchange.',
  EWS_TLS: 'Name the CA certificate (PEM) under "ca" of the connection; verification cannot be switched off.',
  EWS_UNAUTHORIZED: 'Correct user name and password; Set-WebServicesVirtualDirectory -BasicAuthentication $true turns Basic on.',
  EWS_NO_SIGN_IN: 'Set "auth" of the connection to what the server offers.',
  EWS_FORBIDDEN: 'Set-CASMailbox <user> -EwsEnabled $true, and let EWSApplicationAccessPolicy allow the connector\'s user agent.',
  EWS_NO_MAILBOX: 'Correct the address; Get-Mailbox shows the right one.',
  EWS_BUSY: 'Wait, or raise the throttling policy of the account (New-ThrottlingPolicy, Set-ThrottlingPolicyAssociation).',
}

function detailOf(step: Step, session: Session, impersonation: boolean): string {
  const { username } = session.caller.credentials
  const url = session.route.last?.transport.url ?? ''
  switch (step) {
    case 'reachable': return `${url} answers.`
    case 'tls': return url.startsWith('https:') ? 'The certificate is valid.' : 'Plain http, allowed by the configuration: everything travels readable.'
    case 'login': return `${username} may sign in (${session.describeSignIn()}).`
    case 'access': return impersonation ? `${username} may act for ${session.mailbox.address}.` : `The mailbox of ${username} opens.`
    case 'folders': return ''
  }
}
