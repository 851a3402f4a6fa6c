/**
 * The one place where HTTP statuses, SOAP faults, response codes and socket errors become a SyncError.
 * Nobody else looks at a status or a response code to decide how far trouble reaches.
 */
import { SyncError } from '../lib/errors.ts'
import type { SyncErrorDetails } from '../lib/errors.ts'
import { certificateTrouble } from './certificate-trouble.ts'
import { impersonationCure, signInCure } from './cures.ts'
import type { ChannelBinding } from './ntlm/choice.ts'
import type { Failure } from './soap.ts'

/** The call that went wrong. */
export interface CallContext {
  readonly operation: string
  readonly writes: boolean
  /** Name of the connection in the configuration. */
  readonly connection: string
  readonly url: string
  readonly mailbox: string
  /** The user name that signs in. */
  readonly account: string
  /** One account serves all mailboxes. */
  readonly shared: boolean
  /** Default basic. */
  readonly auth?: 'basic' | 'ntlm'
  /** Of NTLM. */
  readonly channelBinding?: ChannelBinding
  /** The connection names CA certificates of its own. */
  readonly hasCa?: boolean
}

/** Outcomes that are no errors to the caller. */
export type Verdict = 'gone' | 'stale' | 'resync' | 'folder-gone' | 'error'

const VERDICTS: Readonly<Record<string, Verdict>> = {
  ErrorItemNotFound: 'gone',
  // The id of another protocol: the mailbox moved here from Microsoft 365.
  ErrorInvalidIdMalformed: 'gone',
  ErrorCalendarOccurrenceIsDeletedFromRecurrence: 'gone',
  ErrorStaleObject: 'stale',
  ErrorIrresolvableConflict: 'stale',
  ErrorInvalidSyncStateData: 'resync',
  ErrorFolderNotFound: 'folder-gone',
  ErrorSyncFolderNotFound: 'folder-gone',
}
export const verdictOf = (failure: Failure): Verdict => VERDICTS[failure.code] ?? 'error'

/** The server refuses to search by this property; another way may work. */
export const cannotSearch = (failure: Failure): boolean =>
  ['ErrorInvalidRestriction', 'ErrorUnsupportedPathForQuery', 'ErrorUnsupportedQueryFilter', 'ErrorUnsupportedTypeForConversion',
    'ErrorUnsupportedPropertyDefinition', 'ErrorContainsFilterWrongType'].includes(failure.code)

/** A subscription that must be made anew; everything that was missed is found by a pull. */
export const isDeadSubscription = (failure: Failure): boolean =>
  ['ErrorSubscriptionNotFound', 'ErrorInvalidSubscription', 'ErrorReadEventsFailed', 'ErrorMissedNotificationEvents',
    'ErrorInvalidWatermark', 'ErrorExpiredSubscription', 'ErrorSubscriptionAccessDenied', 'ErrorProxyRequestNotAllowed',
    'ErrorNoSubscription', 'ErrorSubscriptionDelegateAccessNotSupported'].includes(failure.code)

const BUSY = [
  'ErrorServerBusy', 'ErrorExceededConnectionCount', 'ErrorExceededSubscriptionCount', 'ErrorExceededFindCountLimit',
  'ErrorTooManyObjectsOpened',
]
/** The server asks for a pause, and says that it did not do the work. */
export const isBusy = (failure: Failure): boolean => BUSY.includes(failure.code)
/** Over in a moment, and the server says that it did not do the work. */
const TRANSIENT = [
  'ErrorMailboxStoreUnavailable', 'ErrorConnectionFailed', 'ErrorBatchProcessingStopped', 'ErrorADUnavailable', 'ErrorInsufficientResources',
]
/** The mailbox is on its way, or on another server already. */
const MOVED = ['ErrorMailboxMoveInProgress', 'ErrorProxyRequestNotAllowed', 'ErrorNoRespondingCASInDestinationSite', 'ErrorMailboxFailover', 'ErrorProxyGroupSidLimitExceeded']
/** The server gave up half-way: a write may have happened. */
const UNCERTAIN = ['ErrorInternalServerTransientError', 'ErrorInternalServerError', 'ErrorTimeoutExpired', 'ErrorConcurrentItemSave']
const NO_MAILBOX = [
  'ErrorNonExistentMailbox', 'ErrorMailboxConfiguration', 'ErrorMissingEmailAddress', 'ErrorCannotFindUser',
  'ErrorInvalidUserInfo', 'ErrorInvalidSmtpAddress', 'ErrorUserNotFound',
]
const DISABLED = ['ErrorAccountDisabled', 'ErrorAccountDisabledForUser', 'ErrorAccountSuspend', 'ErrorMailboxIsDisabled']
const EXPIRED = ['ErrorPasswordExpired', 'ErrorPasswordChangeRequired']
const FULL = ['ErrorQuotaExceeded', 'ErrorMailboxQuotaExceeded', 'ErrorMessageSizeExceeded']
const IMPERSONATION = ['ErrorImpersonateUserDenied', 'ErrorImpersonationDenied', 'ErrorImpersonationFailed']
const NOT_IN_SERIES = ['ErrorOccurrenceCrossingBoundary', 'ErrorOccurrenceTimeSpanTooBig']
const OUR_BUG = ['ErrorSchemaValidation', 'ErrorInvalidRequest', 'ErrorInvalidServerVersion', 'ErrorChangeKeyRequired',
  'ErrorChangeKeyRequiredForWriteOperations', 'ErrorSendMeetingInvitationsRequired', 'ErrorSendMeetingCancellationsRequired',
  'ErrorSendMeetingInvitationsOrCancellationsRequired', 'ErrorAffectedTaskOccurrencesRequired', 'Client']

const DEFAULT_BUSY_MS = 60_000

/** A response code, of one item or of a whole call (SOAP fault). */
export function fromFailure(failure: Failure, call: CallContext): SyncError {
  const { code } = failure
  const says = `${code}${failure.text === '' ? '' : ` (${failure.text.slice(0, 300)})`}`
  if (BUSY.includes(code)) return busy(call, says, failure.backOffMs)
  if (TRANSIENT.includes(code)) {
    return make('EWS_TRANSIENT', call, `Exchange could not serve ${call.mailbox} just now: ${says}. It is tried again.`, 'mailbox', 'retry')
  }
  if (MOVED.includes(code)) {
    return make('EWS_MOVED', call, `Exchange is moving ${call.mailbox}, or has moved it: ${says}. It is tried again and found where it is; with a typed url that `
      + `no longer fits, correct "url" of connection "${call.connection}" or leave it out for Autodiscover.`, 'mailbox', 'retry')
  }
  if (UNCERTAIN.includes(code)) {
    return make('EWS_TRANSIENT', call, `Exchange broke off ${call.operation} for ${call.mailbox}: ${says}. It is tried again.`, 'mailbox', 'retry',
      { outcomeUnknown: call.writes })
  }
  if (NO_MAILBOX.includes(code)) {
    return make('EWS_NO_MAILBOX', call, `Exchange knows no mailbox ${call.mailbox}: ${says}. Correct the address in the configuration, `
      + 'or create or move the mailbox to this server.', 'mailbox', 'ask-human')
  }
  if (IMPERSONATION.includes(code)) {
    return make('EWS_IMPERSONATION_DENIED', call, `${call.account} may not act for ${call.mailbox}: ${says}. Give it the right in the `
      + `Exchange Management Shell: ${impersonationCure(call.account)}`, 'mailbox', 'ask-human')
  }
  if (code === 'ErrorAccessDenied') {
    return make('EWS_ACCESS_DENIED', call, `${call.account} may not ${call.operation} in ${call.mailbox}: ${says}. `
      + 'Check the permissions of the folder or item.', 'item', 'ask-human')
  }
  if (FULL.includes(code)) {
    return make('EWS_MAILBOX_FULL', call, `Mailbox ${call.mailbox} is full: ${says}. Make room or raise its quota; what waits is written then.`, 'mailbox', 'ask-human')
  }
  if (code === 'ErrorNonPrimarySmtpAddress') {
    const { primary } = failure
    return make('EWS_RENAMED', call, `${call.mailbox} is not, or no longer, the main address of its mailbox${primary === undefined ? '' : `, which is ${primary}`}: ${says}. Write the main address under "users" and this one among its aliases; nothing that is linked is lost.`, 'mailbox', 'ask-human',
      primary === undefined ? {} : { context: { primary } })
  }
  if (DISABLED.includes(code)) {
    return make('EWS_DISABLED', call, `Mailbox ${call.mailbox} is disabled: ${says}. Enable it (Enable-Mailbox, Enable-ADAccount) or take it out of "users"; nothing is deleted on either side.`, 'mailbox', 'ask-human')
  }
  if (EXPIRED.includes(code)) {
    return make('EWS_PASSWORD_EXPIRED', call, `The password of ${call.account} has expired: ${says}. Give it a new one and write that into the configuration.`, call.shared ? 'server' : 'mailbox', 'ask-human')
  }
  if (verdictOf(failure) === 'folder-gone') {
    return make('EWS_FOLDER_GONE', call, `A folder of ${call.mailbox} that is kept in step is gone: ${says}. It is looked up again.`, 'folder', 'retry')
  }
  if (NOT_IN_SERIES.includes(code)) {
    return make('EWS_NOT_IN_SERIES', call, `Exchange does not let an occurrence of ${call.mailbox} lie beyond its neighbours in the series: ${says}. Move it between them.`, 'item', 'apart')
  }
  if (OUR_BUG.includes(code)) {
    return make('EWS_SCHEMA', call, `Exchange refused our ${call.operation} as malformed: ${says}. This is an error in the connector; please report it.`, 'item', 'bug')
  }
  return make('EWS_REFUSED', call, `Exchange refused ${call.operation} for ${call.mailbox}: ${says}.`, 'item', 'ask-human')
}

/** An HTTP answer that carries no EWS answer. `retryAfter` is the header as sent, `offered` the schemes of sign-in. */
export function fromStatus(status: number, retryAfter: string | undefined, call: CallContext, offered: readonly string[] = []): SyncError {
  if (status === 401) return unauthorized(call, offered)
  if (status === 403) {
    return make('EWS_FORBIDDEN', call, `Exchange forbids ${call.account} to use EWS at ${call.url} (HTTP 403). Check `
      + `Get-CASMailbox ${call.account} | fl Ews*, and that a proxy in front lets it pass.`, call.shared ? 'server' : 'mailbox', 'ask-human')
  }
  if (status >= 300 && status < 400) {
    return make('EWS_NOT_EWS', call, `${call.url} sends us elsewhere (HTTP ${status}). Put the final EWS address into connection "${call.connection}".`, 'server', 'ask-human')
  }
  if (status === 404 || status === 405) {
    return make('EWS_NOT_EWS', call, `There is no EWS at ${call.url} (HTTP ${status}). The address usually ends in /EWS/Exchange.asmx.`, 'server', 'ask-human')
  }
  if (status === 429 || status === 503) return busy(call, `HTTP ${status}`, retryAfterMs(retryAfter), call.writes)
  if (status >= 500) {
    return make('EWS_BAD_REPLY', call, `Exchange answered ${call.operation} for ${call.mailbox} with HTTP ${status} and nothing else. It is tried again.`,
      'mailbox', 'retry', { outcomeUnknown: call.writes })
  }
  return make('EWS_BAD_REPLY', call, `Exchange answered ${call.operation} with HTTP ${status}, which EWS does not use. Check the proxies in front of ${call.url}.`,
    'server', 'ask-human', { outcomeUnknown: call.writes && status < 400 })
}

/** A service account serves all mailboxes: its wrong password is the server's trouble, not one mailbox's. */
function unauthorized(call: CallContext, offered: readonly string[]): SyncError {
  const scope = call.shared ? 'server' : 'mailbox'
  const scheme = call.auth === 'ntlm' ? 'NTLM' : 'Basic'
  if (offered.length > 0 && !offered.some((offer) => offer.toLowerCase() === scheme.toLowerCase())) {
    return make('EWS_NO_SIGN_IN', call, `${call.url} does not offer ${scheme} but ${offered.join(', ')}. Set "auth" of connection "${call.connection}" to what it offers, `
      + `or turn ${scheme} on: ${signInCure(call.auth)}`, 'server', 'ask-human')
  }
  const whose = call.shared ? `connection "${call.connection}"` : `${call.mailbox} under "users" or in the panel`
  return make('EWS_UNAUTHORIZED', call, `Exchange refused the sign-in of ${call.account} at ${call.url} (HTTP 401). Check user name and password of ${whose}, `
    + `that the account is not locked (each further attempt counts towards that), ${signInHint(call)}`, scope, 'ask-human')
}

function signInHint({ auth, channelBinding }: CallContext): string {
  if (auth !== 'ntlm') return 'and that Basic authentication is on for the EWS virtual directory.'
  const proxy = 'that no proxy shares its connections between clients'
  if (channelBinding === 'off') return `${proxy}, and that Extended Protection is not required ("channelBinding" is off; auto is for that).`
  if (channelBinding === 'on') return `${proxy}, and that none in front has a certificate of its own ("channelBinding" is on; off is for that).`
  return `${proxy}, and, where Extended Protection is required, that none in front has a certificate of its own.`
}

/** Errors of the socket or of undici. Those in `UNSENT` happen before a byte of the request is sent. */
export function fromNetwork(error: unknown, call: CallContext): SyncError {
  const code = codeOf(error)
  if (/CERT|TLS|SSL|EPROTO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(code)) {
    return make('EWS_TLS', call, certificateTrouble(code, call), 'server', 'ask-human', { cause: error })
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code.startsWith('HPE_')) return badReply(`too large or no HTTP (${code})`, call, error)
  return make('EWS_UNREACHABLE', call, `${call.url} cannot be reached (${code}). Check the network and the server; it is tried again by itself.`,
    'server', 'wait', { outcomeUnknown: call.writes && !UNSENT.includes(code), cause: error })
}

/** The connection ended before an answer came, as one does that was idle for too long. */
export const isCut = (error: unknown): boolean =>
  error instanceof SyncError && error.code === 'EWS_UNREACHABLE' && ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(codeOf(error.cause))

const UNSENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

/** An answer that broke off or makes no sense. */
export function badReply(detail: string, call: CallContext, cause?: unknown): SyncError {
  return make('EWS_BAD_REPLY', call, `The answer to ${call.operation} for ${call.mailbox} cannot be read: ${detail}. It is tried again.`,
    'mailbox', 'retry', { outcomeUnknown: call.writes, cause })
}

/** An item whose content contradicts itself. @param what names the property and the value */
export function unreadableItem(id: string, what: string, cause?: unknown): SyncError {
  return new SyncError('EWS_UNREADABLE_ITEM', `Item ${id} cannot be read: ${what}. Correct it in Outlook; until then it is left alone.`,
    { scope: 'item', remedy: 'ask-human', context: { item: id }, cause })
}

/** An item of the other side that has no form in Exchange: a day or a zone that does not exist. */
export function unwritableItem(what: string, cause: unknown): SyncError {
  return new SyncError('EWS_UNWRITABLE_ITEM', `Exchange cannot hold ${what}: ${cause instanceof Error ? cause.message : String(cause)} `
    + 'Correct it in the CRM; until then it is left alone.', { scope: 'item', remedy: 'ask-human', cause })
}

function busy(call: CallContext, says: string, backOffMs: number | undefined, outcomeUnknown = false): SyncError {
  const retryAfterMs = backOffMs ?? DEFAULT_BUSY_MS
  return make('EWS_BUSY', call, `Exchange asks to slow down for ${call.mailbox}: ${says}. Work on it goes on in ${Math.ceil(retryAfterMs / 1000)} s.`,
    'mailbox', 'wait', { retryAfterMs, outcomeUnknown })
}

/** Seconds or an HTTP date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - Date.now()
  return ms >= 0 ? Math.min(ms, 3_600_000) : undefined
}

function codeOf(error: unknown): string {
  const { code, cause, name, message } = error as { code?: unknown; cause?: unknown; name?: string; message?: string }
  if (typeof code === 'string') return code
  return cause === undefined || cause === null ? name ?? message ?? 'unknown' : codeOf(cause)
}

function make(
  code: string, call: CallContext, message: string, scope: SyncErrorDetails['scope'], remedy: SyncErrorDetails['remedy'],
  more: Pick<SyncErrorDetails, 'retryAfterMs' | 'outcomeUnknown' | 'cause' | 'context'> = {},
): SyncError {
  return new SyncError(code, message, { scope, remedy, ...more, context: { ...more.context, operation: call.operation, connection: call.connection } })
}
