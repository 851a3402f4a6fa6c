import type { SyncError } from '../lib/errors.ts'
import { asSyncError } from '../lib/errors.ts'
import { CURES, folderCure } from './cures.ts'
import { Folders } from './folders.ts'
import { getFolder, getFolderRights } from './operations/get-folder.ts'
import type { Session } from './session.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was found, in words. */
  readonly detail: string
  /** What to do about it; empty when nothing is wrong. */
  readonly cure: string
}

/** How the connection gets into mailboxes. */
export interface Access {
  readonly impersonation: boolean
  readonly delegation: boolean
  readonly auth: 'basic' | 'ntlm'
}

const STEPS = ['reachable', 'tls', 'login', 'access', 'folders'] as const
type Step = (typeof STEPS)[number]

/** Looks step by step whether a mailbox can be kept in step; what lies behind a failed step is not reported. */
export async function checkMailbox(session: Session, access: Access): Promise<Check[]> {
  const [rights, error] = access.delegation
    ? await checkRights(session).then((check) => [check, null] as const, (thrown: unknown) => [null, asSyncError(thrown)] as const)
    : [null, await firstCall(session)] as const
  const failed = error === null ? undefined : stepOf(error)
  const checks: Check[] = []
  for (const step of STEPS.slice(0, -1)) {
    if (error !== null && step === failed) return [...checks, broken(step, error, session, access)]
    if (step === 'access' && rights?.ok === false) return [...checks, rights]
    checks.push({ name: step, ok: true, detail: detailOf(step, session, access), cure: '' })
  }
  // A fresh look: what an earlier run found says nothing about now.
  const folders = await new Folders(session).synced().then(() => null, asSyncError)
  if (folders !== null) return [...checks, broken('folders', folders, session, access)]
  return [...checks, { name: 'folders', ok: true, detail: 'Calendar, tasks, Deleted Items and the contacts folder "vtenext" are there.', cure: '' }]
}

async function firstCall(session: Session): Promise<SyncError | null> {
  return session.batch(getFolder, [{ distinguished: 'calendar' }], 1)
    .then(([result]) => (result?.ok === true ? null : session.error(getFolder, result?.failure ?? { code: 'NoAnswer', text: '' })), asSyncError)
}

/** As people call the folder that has no name in a command. */
const ROOT = 'the mailbox itself'

/** The least a service account needs in each folder, and the smallest role that holds it. */
const NEEDED = [
  { distinguished: 'calendar', name: 'Calendar', role: 'Editor', rights: ['Read', 'CreateContents', 'Modify', 'Delete'] },
  { distinguished: 'tasks', name: 'Tasks', role: 'Editor', rights: ['Read', 'CreateContents', 'Modify', 'Delete'] },
  // For the folder "vtenext" below it, which inherits the role.
  { distinguished: 'contacts', name: 'Contacts', role: 'PublishingEditor', rights: ['Read', 'CreateHierarchy', 'CreateContents', 'Modify', 'Delete'] },
  { distinguished: 'deleteditems', name: 'Deleted Items', role: 'Author', rights: ['Read', 'CreateContents'] },
  // What vanished is looked for in all folders one may see, before it counts as deleted: seeing the root is enough.
  { distinguished: 'msgfolderroot', name: '', role: 'FolderVisible', rights: [] },
] as const

async function checkRights(session: Session): Promise<Check> {
  const { username } = session.caller.credentials
  const owner = session.caller.mailbox
  const results = await session.batch(getFolderRights, NEEDED.map(({ distinguished }) => ({ distinguished, of: owner })), NEEDED.length)
  const missing = NEEDED.flatMap((needed, at) => {
    const result = results[at]
    if (result?.ok !== true) {
      const code = result?.failure.code ?? ''
      // A folder one has no right in is not there, says Exchange.
      if (!['ErrorFolderNotFound', 'ErrorAccessDenied', 'ErrorItemNotFound'].includes(code)) throw session.error(getFolder, result?.failure ?? { code: 'NoAnswer', text: '' })
      return [{ folder: needed.name || ROOT, lacks: needed.rights.length === 0 ? 'FolderVisible' : 'every right', cure: folderCure(owner, needed.name, username, needed.role) }]
    }
    const { name, rights } = result.value
    const lacks = needed.rights.filter((right: string) => !rights.has(right))
    // Localised names are the mailbox's own. A role that is too small is replaced.
    const cure = folderCure(owner, name, username, needed.role).replace(/^Add-/, rights.size > 0 ? 'Set-' : 'Add-')
    return lacks.length === 0 ? [] : [{ folder: name, lacks: lacks.join(', '), cure }]
  })
  if (missing.length === 0) return { name: 'access', ok: true, detail: '', cure: '' }
  const names = missing.some(({ lacks }) => lacks === 'every right') ? ` Folder names may be translated: Get-MailboxFolderStatistics "${owner}" | fl FolderPath,FolderType` : ''
  return {
    name: 'access', ok: false, detail: `${username} lacks rights in ${owner}: ${missing.map(({ folder, lacks }) => `${folder} (${lacks})`).join('; ')}.`,
    cure: `In the Exchange Management Shell: ${missing.map(({ cure }) => cure).join('; ')}.${names}`,
  }
}

function stepOf(error: SyncError): Step {
  switch (error.code) {
    case 'EWS_AUTODISCOVER': case 'EWS_UNREACHABLE': case 'EWS_NOT_EWS': case 'EWS_BAD_REPLY': return 'reachable'
    case 'EWS_TLS': return 'tls'
    case 'EWS_UNAUTHORIZED': case 'EWS_NO_SIGN_IN': case 'EWS_FORBIDDEN': case 'EWS_PASSWORD_EXPIRED': return 'login'
    default: return 'access'
  }
}

function broken(name: Step, error: SyncError, session: Session, { impersonation, auth }: Access): Check {
  const { credentials, mailbox } = session.caller
  const code = impersonation && error.code === 'EWS_ACCESS_DENIED' ? 'EWS_IMPERSONATION_DENIED' : error.code
  const cure = CURES[code]?.({ mailbox, account: credentials.username, auth }) ?? 'Mend what the message names and run the check again.'
  const isCommand = code === 'EWS_IMPERSONATION_DENIED'
  return { name, ok: false, detail: error.message, cure: isCommand ? `In the Exchange Management Shell: ${cure}` : cure }
}

function detailOf(step: Step, session: Session, { impersonation, delegation }: Access): string {
  const { credentials: { username }, mailbox } = session.caller
  const url = session.route.last?.transport.url ?? ''
  switch (step) {
    case 'reachable': return `${url} answers${versionOf(session)}.`
    case 'tls': return url.startsWith('https:') ? 'The certificate is valid.' : 'Plain http, allowed by the configuration: everything travels readable.'
    case 'login': return `${username} may sign in (${session.describeSignIn()}).`
    case 'access': {
      const renamed = mailbox === session.mailbox.address ? '' : ` Its address is ${mailbox} now: correct it under "users".`
      const how = impersonation ? `${username} may act for ${session.mailbox.address}.` : delegation ? `${username} has the rights it needs in the folders of ${mailbox}.` : `The mailbox of ${username} opens.`
      return `${how}${renamed}`
    }
    case 'folders': return ''
  }
}

const PRODUCTS: Readonly<Record<string, string>> = { '15.0': 'Exchange 2013', '15.1': 'Exchange 2016', '15.2': 'Exchange 2019 or SE' }

function versionOf(session: Session): string {
  const version = session.route.last?.transport.version ?? null
  if (version === null) return ''
  const product = PRODUCTS[`${version.major}.${version.minor}`]
  return ` (version ${version.major}.${version.minor}.${version.build}${product === undefined ? '' : `, ${product}`})`
}
