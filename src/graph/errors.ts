/**
 * The one place where HTTP statuses, Graph's error codes, refused tokens and socket errors become a SyncError.
 * Nobody else looks at a status or an error code to decide how far trouble reaches.
 */
import { SyncError } from '../lib/errors.ts'
import type { SyncErrorDetails } from '../lib/errors.ts'

/** The call that went wrong. */
export interface CallContext {
  /** Method and what it is about, for messages: `PATCH event`. */
  readonly operation: string
  readonly writes: boolean
  /** Name of the connection in the configuration. */
  readonly connection: string
  readonly url: string
  readonly mailbox: string
  readonly access: 'delegated' | 'application'
}

/** An answer of the server, of one request or of one part of a batch. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly retryAfterMs: number | undefined
}

/** Outcomes that are no errors to the caller. */
export type Verdict = 'ok' | 'gone' | 'stale' | 'resync' | 'error'

const RESYNC = /^(?:syncstatenotfound|syncstateinvalid|resyncrequired|fullsyncrequired|syncstatenotinstalled)$/i
const GONE = /^(?:errorItemNotFound|itemNotFound|resourceNotFound|errorInvalidMailboxItemId|errorInvalidIdMalformed|errorInvalidId|invalidItemId)$/i
/** Codes of the item alone; any other one of a missing thing may mean the mailbox. */
const WIDER = /mailbox|user|tenant|unknown/i
/** To Do tells a missing task this way. https://github.com/microsoftgraph/microsoft-graph-explorer-v4/issues/2743 */
const NO_TASK = /does not contain a task with given id/i
const STALE = /^(?:errorIrresolvableConflict|errorStaleObject|errorChangeKeyRequired)$/i

/** @returns what the answer means; an id of another server or of another format stands for nothing here, so it is gone */
export function verdictOf(answer: Answer): Verdict {
  const { status, body } = answer
  if (status >= 200 && status < 300) return 'ok'
  const code = codeIn(body)
  if (status === 410 || RESYNC.test(code)) return 'resync'
  if (status === 412 || STALE.test(code)) return 'stale'
  return saysGone(answer) ? 'gone' : 'error'
}

/**
 * Only Graph's own words about the item count: a mailbox that cannot be found, or a proxy in between, answers 404 for
 * every item, and none of them was deleted.
 */
function saysGone(answer: Answer): boolean {
  const code = codeIn(answer.body)
  if (isNoMailbox(answer)) return false
  if (GONE.test(code) || (answer.status === 400 && NO_TASK.test(messageIn(answer.body)))) return true
  return answer.status === 404 && code !== '' && !WIDER.test(code)
}

/** The same code names a subscription that is gone and a mailbox that cannot be found; only its words tell. */
const isNoMailbox = ({ body }: Answer): boolean =>
  NO_MAILBOX.test(codeIn(body)) || (/^resourceNotFound$/i.test(codeIn(body)) && /could not be discovered/i.test(messageIn(body)))

/** The server does not have the function or refuses this way of asking; another way may work. */
export const isUnsupported = (answer: Answer): boolean =>
  [400, 404, 405, 501].includes(answer.status) && !RESYNC.test(codeIn(answer.body)) && !isNoMailbox(answer)

/** The same create was carried out before, and the server says so instead of answering with the item. */
export const isDuplicateCreate = (answer: Answer): boolean =>
  answer.status === 409 || /^(?:errorDuplicateTransactionId|errorItemAlreadyExists|errorDuplicate\w*)$/i.test(codeIn(answer.body))

const NO_MAILBOX = /^(?:mailboxNotEnabledForRESTAPI|mailboxNotSupportedForRESTAPI|errorNonExistentMailbox|errorInvalidUser|request_ResourceNotFound|resourceNotFoundUser|errorMailboxNotFound)$/i
const CONCURRENT = /^(?:errorConcurrentItemSave|errorMailboxStoreUnavailable|errorMailboxFailover|errorInternalServerTransientError|errorTimeoutExpired|serviceNotAvailable)$/i

const DEFAULT_BUSY_MS = 30_000

/** An answer that is not what was asked for. */
export function fromAnswer(answer: Answer, call: CallContext): SyncError {
  const { status, body } = answer
  const code = codeIn(body)
  const says = `HTTP ${status}${code === '' ? '' : ` ${code}`}${messageIn(body) === '' ? '' : ` (${messageIn(body).slice(0, 300)})`}`
  if (status === 429) return busy(call, says, answer.retryAfterMs, false)
  if (/quota/i.test(code)) {
    return make('GRAPH_MAILBOX_FULL', call, `Mailbox ${call.mailbox} is full: ${says}. Make room or raise its quota.`, 'mailbox', 'ask-human')
  }
  if (isNoMailbox(answer)) {
    return make('GRAPH_NO_MAILBOX', call, `Microsoft 365 has no mailbox ${call.mailbox} that Graph can open: ${says}. Correct the address, give the user `
      + 'an Exchange Online licence, or move the user to the connection of the server where the mailbox is.', 'mailbox', 'ask-human')
  }
  if (status === 503) return busy(call, says, answer.retryAfterMs, call.writes)
  if (status >= 500 || CONCURRENT.test(code)) {
    return make('GRAPH_TRANSIENT', call, `Microsoft 365 broke off ${call.operation} for ${call.mailbox}: ${says}. It is tried again.`, 'mailbox', 'retry',
      { outcomeUnknown: call.writes, ...(answer.retryAfterMs === undefined ? {} : { retryAfterMs: answer.retryAfterMs }) })
  }
  if (status === 401) {
    return make('GRAPH_UNAUTHORIZED', call, `Microsoft 365 refuses our token for ${call.mailbox}: ${says}. ${call.access === 'delegated'
      ? 'Its owner has to sign in again.' : `Check tenant, clientId and the secret of connection "${call.connection}".`}`,
    call.access === 'delegated' ? 'mailbox' : 'server', 'ask-human')
  }
  if (status === 403) return forbidden(call, says)
  if (status >= 300 && status < 400) {
    return make('GRAPH_NOT_GRAPH', call, `${call.url} sends us elsewhere (HTTP ${status}). Set graphUrl of connection "${call.connection}" to the cloud's own address.`, 'server', 'ask-human')
  }
  if (code === '' || /^unknownError$/i.test(code)) return notGraph(status, call)
  if (/^errorOccurrenceCrossingBoundary$/i.test(code)) {
    return make('GRAPH_NOT_IN_SERIES', call, `Exchange does not let an occurrence of ${call.mailbox} lie beyond its neighbours in the series: ${says}. Move it between them.`, 'item', 'apart')
  }
  return make('GRAPH_REFUSED', call, `Microsoft 365 refused ${call.operation} for ${call.mailbox}: ${says}.`, 'item', 'ask-human')
}

/** A wrong address, or a proxy that answers in its own name. */
function notGraph(status: number, call: CallContext): SyncError {
  const [scope, remedy] = status === 404 ? ['mailbox', 'wait'] as const : ['item', 'ask-human'] as const
  return make('GRAPH_NOT_GRAPH', call, `${call.url} refused ${call.operation} for ${call.mailbox} with HTTP ${status}, but not in Graph's words: something else seems to `
    + `answer there. Check graphUrl of connection "${call.connection}" and the proxies in between.`, scope, remedy)
}

function forbidden(call: CallContext, says: string): SyncError {
  const cure = call.access === 'application'
    ? 'Give the application the right for this mailbox (docs/graph.md, "Application access"): New-ManagementRoleAssignment -App <clientId> '
      + '-Role "Application Calendars.ReadWrite" -CustomResourceScope "CRM mailboxes". It can take two hours to arrive.'
    : 'An administrator has to consent to Calendars.ReadWrite, Contacts.ReadWrite and Tasks.ReadWrite, and the user has to sign in again.'
  return make('GRAPH_FORBIDDEN', call, `We may not ${call.operation} in ${call.mailbox}: ${says}. ${cure}`, 'mailbox', 'ask-human')
}

/** Errors of the socket or of undici. Those in `UNSENT` happen before a byte of the request is sent. */
export function fromNetwork(error: unknown, call: CallContext): SyncError {
  const code = codeOf(error)
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(code)) {
    return make('GRAPH_TLS', call, `The certificate of ${call.url} is not accepted (${code}). Put the CA certificate of the proxy in between (PEM) into "ca" `
      + `of connection "${call.connection}".`, 'server', 'ask-human', { cause: error })
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code.startsWith('HPE_')) return badReply(`too large or no HTTP (${code})`, call, error)
  return make('GRAPH_UNREACHABLE', call, `${call.url} cannot be reached (${code}). Check the network and the proxies; it is tried again by itself.`,
    'server', 'wait', { outcomeUnknown: call.writes && !UNSENT.includes(code), cause: error })
}

const UNSENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']

/** An answer that broke off or makes no sense. */
export function badReply(detail: string, call: CallContext, cause?: unknown): SyncError {
  return make('GRAPH_BAD_REPLY', call, `The answer to ${call.operation} for ${call.mailbox} cannot be read: ${detail}. It is tried again.`,
    'mailbox', 'retry', { outcomeUnknown: call.writes, cause })
}

/** An item whose content contradicts itself. @param what names the property and the value */
export function unreadableItem(id: string, what: string, cause?: unknown): SyncError {
  return new SyncError('GRAPH_UNREADABLE_ITEM', `Item ${id} cannot be read: ${what}. Correct it in Outlook; until then it is left alone.`,
    { scope: 'item', remedy: 'ask-human', context: { item: id }, cause })
}

/** An item of the other side that has no form in Exchange: a day or a zone that does not exist. */
export function unwritableItem(what: string, cause: unknown): SyncError {
  return new SyncError('GRAPH_UNWRITABLE_ITEM', `Exchange cannot hold ${what}: ${cause instanceof Error ? cause.message : String(cause)} `
    + 'Correct it in the CRM; until then it is left alone.', { scope: 'item', remedy: 'ask-human', cause })
}

/** A write that Graph cannot do without mailing people, and that is therefore not done. */
export function wouldMail(id: string, what: string): SyncError {
  return new SyncError('GRAPH_WOULD_MAIL', `${what} item ${id} was left undone: the meeting has attendees, and Microsoft 365 mails them at every such change. `
    + 'Change the meeting in Outlook.', { scope: 'item', remedy: 'leave', context: { item: id } })
}

/** The text of an online meeting holds the way into it, which a new text would throw away. */
export function onlineMeeting(id: string): SyncError {
  return new SyncError('GRAPH_ONLINE_MEETING', `The text of item ${id} was left as it is: it holds the link of an online meeting. Change the text in Outlook.`,
    { scope: 'item', remedy: 'leave', context: { item: id } })
}

/** One occurrence that could not be written. @param start as the rule has it */
export function occurrenceTrouble(master: string, start: string, what: string): SyncError {
  return new SyncError('GRAPH_OCCURRENCE', `The occurrence of ${start} of the series ${master} was not written: ${what}. Change or delete it in Outlook.`,
    { scope: 'item', remedy: 'ask-human', context: { item: master } })
}

/** The write is done; that its result could not be read leaves its outcome to be asked for. */
export function afterWrite(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    scope: error.scope, remedy: error.remedy, context: error.context, cause: error, outcomeUnknown: true,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  })
}

/** A kind of item this mailbox cannot be asked for: To Do without consent, or a cloud without To Do. */
export function kindMissing(kind: string, mailbox: string): SyncError {
  return new SyncError('GRAPH_NO_SUCH_KIND', `Items of the kind "${kind}" cannot be kept in step for ${mailbox}: To Do needs delegated access or the `
    + 'connection\'s "tasks: true" with the permission Tasks.ReadWrite.All, and a cloud that has it.', { scope: 'item', remedy: 'ask-human' })
}

/** A mailbox whose owner has to sign in (again). @param why the identity provider's code, or what is missing */
export function needsSignIn(mailbox: string, why: string): SyncError {
  return new SyncError('GRAPH_SIGN_IN_NEEDED', `${mailbox} is waiting for its owner to sign in to Microsoft 365 (${why}). Nothing is lost: it goes on where it stopped.`,
    { scope: 'mailbox', remedy: 'ask-human' })
}

/** @param header seconds or an HTTP date */
export function retryAfterMs(header: string | undefined, nowMs = Date.now()): number | undefined {
  if (header === undefined || header.trim() === '') return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs
  if (Number.isNaN(ms)) return undefined
  return Math.min(Math.max(ms, 0), 3_600_000)
}

function busy(call: CallContext, says: string, backOffMs: number | undefined, outcomeUnknown: boolean): SyncError {
  const waitMs = backOffMs ?? DEFAULT_BUSY_MS
  return make('GRAPH_BUSY', call, `Microsoft 365 asks to slow down for ${call.mailbox}: ${says}. Work on it goes on in ${Math.ceil(waitMs / 1000)} s.`,
    'mailbox', 'wait', { retryAfterMs: waitMs, outcomeUnknown })
}

/** The code in `{"error":{"code":…}}`; empty where there is none. */
export const codeIn = (body: unknown): string => text((body as { error?: { code?: unknown } } | null | undefined)?.error?.code)
const messageIn = (body: unknown): string => text((body as { error?: { message?: unknown } } | null | undefined)?.error?.message)
const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export function codeOf(error: unknown): string {
  const { code, cause, name, message } = error as { code?: unknown; cause?: unknown; name?: string; message?: string }
  if (typeof code === 'string') return code
  return cause === undefined || cause === null ? name ?? message ?? 'unknown' : codeOf(cause)
}

function make(
  code: string, call: CallContext, message: string, scope: SyncErrorDetails['scope'], remedy: SyncErrorDetails['remedy'],
  more: Pick<SyncErrorDetails, 'retryAfterMs' | 'outcomeUnknown' | 'cause'> = {},
): SyncError {
  return new SyncError(code, message, { scope, remedy, ...more, context: { operation: call.operation, connection: call.connection } })
}
