import { X509Certificate } from 'node:crypto'
import type { SyncError } from '../lib/errors.ts'
import { asSyncError } from '../lib/errors.ts'
import { instantMs } from '../model/index.ts'
import { Folders } from './folders.ts'
import type { Session } from './session.ts'
import type { SignInState } from './sign-in.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was found, in words. */
  readonly detail: string
  /** What to do about it; empty when nothing is wrong. */
  readonly cure: string
  /** Nothing is broken yet. */
  readonly warning?: true
}

/** As whom mailboxes are opened. */
export interface Asker {
  readonly access: 'delegated' | 'application'
  readonly clientId: string
}

/** Looks step by step whether a mailbox can be kept in step; what lies behind a failed step is not reported. */
export async function checkMailbox(session: Session, { access, clientId }: Asker, state: SignInState | null): Promise<Check[]> {
  const checks: Check[] = []
  if (state !== null && state.type !== 'signed-in') {
    const detail = state.type === 'never' ? 'Its owner has never signed in.' : `Its owner has to sign in again since ${state.since} (${state.reason}).`
    return [{ name: 'login', ok: false, detail, cure: 'Open the connector\'s page and sign in with Microsoft.' }]
  }
  const token = await session.caller.tokens.token().catch(asSyncError)
  if (token instanceof Error) return [broken('login', token)]
  checks.push({ name: 'login', ok: true, detail: state === null ? 'The application may sign in.' : `${state.as} is signed in.`, cure: '' })
  // A fresh look: what an earlier run found says nothing about now.
  const folders = new Folders(session)
  const places = await folders.open().catch(asSyncError)
  const restrict = () => restriction(clientId, session.mailbox.address)
  if (places instanceof Error) {
    const check = broken('access', places)
    return [...checks, access === 'application' && places.code === 'GRAPH_FORBIDDEN' ? { ...check, cure: restrict() } : check]
  }
  checks.push({ name: 'access', ok: true, detail: 'Calendar and contacts folder "vtenext" are there.', cure: '' })
  if (access === 'application' && opensEverything(token)) {
    checks.push({
      name: 'scope', ok: false, warning: true, detail: 'The application may open every mailbox of the tenant: its rights were granted in Entra, where nothing restricts them.',
      cure: `${restrict()} Then take Calendars.ReadWrite and Contacts.ReadWrite away in Entra, "API permissions".`,
    })
  }
  if (places.list !== undefined) return [...checks, { name: 'tasks', ok: true, detail: 'To Do is there.', cure: '' }]
  return [...checks, {
    name: 'tasks', ok: false, warning: true, detail: 'Tasks are not kept in step for this mailbox.',
    cure: access === 'application' ? session.kinds.has('task')
      ? '"tasks: true" is set, but To Do does not open: consent to the application permission Tasks.ReadWrite.All in Entra for the whole tenant. A cloud without To Do needs "tasks: false".'
      : 'Use delegated access, or consent to Tasks.ReadWrite.All for the whole tenant and set "tasks: true" (docs/graph.md).'
      : 'This cloud has no To Do, or the user has not consented to Tasks.ReadWrite: let him sign in again.',
  }]
}

/** https://learn.microsoft.com/exchange/permissions-exo/application-rbac */
function restriction(clientId: string, mailbox: string): string {
  const group = '"CRM mailboxes"'
  const assign = (role: string) => `New-ManagementRoleAssignment -App ${clientId} -Role "Application ${role}" -CustomResourceScope ${group}`
  return [
    `In Exchange Online PowerShell (the object id stands in Entra under "Enterprise applications"): New-ServicePrincipal -AppId ${clientId} -ObjectId <objectId> -DisplayName exchange-connector`,
    `New-ManagementScope -Name ${group} -RecipientRestrictionFilter "MemberOfGroup -eq '$((Get-DistributionGroup ${group.replaceAll('"', "'")}).DistinguishedName)'"`,
    assign('Calendars.ReadWrite'), assign('Contacts.ReadWrite'), `Test-ServicePrincipalAuthorization -Identity ${clientId} -Resource ${mailbox}. It can take two hours to arrive.`,
  ].join('; ')
}

/** What Entra granted stands in the token; what Exchange Online granted for some mailboxes does not. Nobody promises that it can be read. */
function opensEverything(token: string): boolean {
  try {
    const { roles } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { roles?: unknown }
    return Array.isArray(roles) && roles.some((role) => /^(?:Calendars|Contacts)\.ReadWrite$/.test(String(role)))
  } catch {
    return false
  }
}

/** Where each user signs in himself: whether the sign-in service knows the tenant, before anybody has. */
export async function checkService(server: () => Promise<unknown>): Promise<Check> {
  const trouble = await server().then(() => null, asSyncError)
  return trouble === null ? { name: 'reachable', ok: true, detail: 'The sign-in service answers and knows the tenant. Each user signs in himself, under "My mailbox".', cure: '' } : broken('reachable', trouble)
}

function broken(name: string, error: SyncError): Check {
  return { name, ok: false, detail: error.message, cure: CURES[error.code] ?? 'Mend what the message names and run the check again.' }
}

const CURES: Readonly<Record<string, string>> = {
  GRAPH_UNREACHABLE: 'Check name resolution, proxies and the firewall: the connector needs to reach loginUrl and graphUrl by https.',
  GRAPH_TLS: 'Name the CA certificate (PEM) of the proxy under "ca" of the connection; verification cannot be switched off.',
  GRAPH_TENANT: 'Take the directory id from "Overview" of Microsoft Entra, and the loginUrl of the right cloud (docs/graph.md).',
  GRAPH_FORBIDDEN: 'docs/graph.md, "Application access", has the commands; Test-ServicePrincipalAuthorization shows what the application may.',
  GRAPH_NO_MAILBOX: 'Get-EXOMailbox shows whether the mailbox is in the cloud; one on the company\'s own server belongs to an ews connection.',
  GRAPH_SIGN_IN_NEEDED: 'Open the connector\'s page and sign in with Microsoft.',
}

const DAY_MS = 86_400_000
/** Long enough before that somebody can be found who may renew it. */
const WARN_DAYS = 30

export interface SecretExpiry {
  /** When the client secret ends, as the administrator wrote it down: Graph tells only those who may read all applications. */
  readonly secretExpires: string | undefined
  readonly certificate: string | undefined
}

/** What the application proves itself with, and until when; null where nobody wrote down when a secret ends, or there is none. */
export function proofEnd({ secretExpires, certificate }: SecretExpiry): { readonly what: 'certificate' | 'client secret'; readonly at: Date } | null {
  if (certificate !== undefined) return { what: 'certificate', at: new X509Certificate(certificate).validToDate }
  return secretExpires === undefined ? null : { what: 'client secret', at: new Date(secretExpires) }
}

/** The application's own proof, before it ends and takes every mailbox with it. */
export function checkExpiry(expiry: SecretExpiry, hasSecret: boolean, now: Parameters<typeof instantMs>[0]): Check[] {
  const end = hasSecret || expiry.certificate !== undefined ? proofEnd(expiry) : null
  if (end !== null) return [ending(end.what, end.at, instantMs(now))]
  if (!hasSecret) return []
  return [{
    name: 'client secret', ok: false, warning: true, detail: 'Nobody wrote down when the client secret ends; Microsoft does not remind you.',
    cure: 'Set clientSecretExpires (yyyy-mm-dd) of the connection to the date shown under "Certificates & secrets".',
  }]
}

function ending(what: string, end: Date, nowMs: number): Check {
  const days = Math.floor((end.getTime() - nowMs) / DAY_MS)
  const day = end.toISOString().slice(0, 10)
  if (days >= WARN_DAYS) return { name: what, ok: true, detail: `The ${what} is good until ${day}.`, cure: '' }
  const cure = 'Make a new one under "Certificates & secrets" of the app registration and put it into the configuration; both work side by side.'
  if (days < 0) return { name: what, ok: false, detail: `The ${what} ended on ${day}.`, cure }
  return { name: what, ok: false, warning: true, detail: `The ${what} ends on ${day}, in ${days} days.`, cure }
}
