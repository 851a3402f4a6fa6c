import { SyncError } from '../lib/errors.ts'

/** What a call was, as far as its troubles depend on it. */
export interface CallKind {
  readonly operation: string
  /** Whether it changes something: then a lost answer leaves the outcome open. */
  readonly write: boolean
}

/** The error of an answer `{success:false}`. */
export interface AnswerError {
  readonly code: string
  readonly message: string
}

/** Internal codes that never leave the adapter. */
export const GONE = 'CRM_GONE'
export const SESSION_ENDED = 'CRM_SESSION_ENDED'

const SESSION_CODES = new Set(['INVALID_SESSIONID', 'AUTHENTICATION_REQUIRED', 'SESSION_EXPIRED', 'SESSION_LEFT_IDLE'])
/** vtenext has no "not found": for an administrator this very text means gone, any other text means forbidden. */
const GONE_MESSAGE = 'Permission to perform the operation is denied'
const RECORD_OPERATIONS = new Set(['retrieve', 'revise', 'delete'])
/** Trouble that comes before the first byte of the request is sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])

/** The server's own words, short enough for a log line. */
const words = (text: string) => text.replace(/\s+/g, ' ').slice(0, 200)

/** The socket failed, or the reply never ended. */
export function unreachable(thrown: unknown, call: CallKind): SyncError {
  const code = codeOf(thrown)
  const tls = /CERT|TLS|SSL|SIGNATURE/.test(code)
  const cure = tls
    ? 'Install a valid certificate on the CRM, or add its authority to NODE_EXTRA_CA_CERTS.'
    : 'Check that crm.url is right and the web server runs; the connector tries again by itself.'
  return new SyncError('CRM_UNREACHABLE', `The CRM did not answer "${call.operation}" (${code}). ${cure}`, {
    scope: 'system',
    remedy: tls ? 'ask-human' : 'wait',
    outcomeUnknown: call.write && !NOT_SENT.has(code),
    context: { operation: call.operation, cause: code },
  })
}

/** Whether trouble on the socket may be gone on a fresh one: a kept-alive connection that the server has closed. */
export const staleSocket = (thrown: unknown) => ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(thrown))

function codeOf(thrown: unknown): string {
  for (let at = thrown; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code
    if (at.name === 'TimeoutError') return 'ETIMEDOUT'
  }
  return thrown instanceof Error ? thrown.name : 'unknown'
}

/**
 * Something came back, but not vtenext's JSON. PHP fatals are HTTP 500 with an empty body.
 * @param what what is wrong with it, as the end of a sentence
 */
export function badReply(what: string, call: CallKind, status?: number, retryAfterMs?: number): SyncError {
  const away = status === 429 || status === 502 || status === 503 || status === 504
  const code = away ? 'CRM_UNREACHABLE' : 'CRM_BAD_REPLY'
  const cure =
    status !== undefined && status >= 300 && status < 500 && status !== 429
      ? 'Check that crm.url is the address of webservice.php itself, without redirect or password.'
      : 'Look into the PHP error log of the CRM if it stays.'
  return new SyncError(code, `The CRM answered "${call.operation}" with ${what}. ${cure}`, {
    scope: 'system',
    remedy: 'wait',
    outcomeUnknown: call.write,
    context: { operation: call.operation, ...(status === undefined ? {} : { status }) },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** `success: false` as an error; `null` stands for `error: null`, which a lost session gives. */
export function answerError(error: AnswerError | null, call: CallKind): SyncError {
  if (error === null || SESSION_CODES.has(error.code)) {
    return new SyncError(SESSION_ENDED, 'The CRM has ended the session and a new one did not last either.', {
      scope: 'system',
      remedy: 'wait',
      context: { operation: call.operation },
    })
  }
  const context = { operation: call.operation, code: error.code }
  const item = (code: string, message: string, outcomeUnknown = false) =>
    new SyncError(code, message, { scope: 'item', remedy: 'ask-human', outcomeUnknown, context })
  const record = RECORD_OPERATIONS.has(call.operation)
  if (error.code === 'ACCESS_DENIED' && record && error.message === GONE_MESSAGE)
    return item(GONE, 'The record is gone.')
  switch (error.code) {
    case 'ACCESS_DENIED':
      return item(
        'CRM_FORBIDDEN',
        `The CRM refused "${call.operation}": ${words(error.message)}. Give the API user the` +
          ' right, or check that the module is active.',
      )
    case 'INVALID_ID_ATTRIBUTE':
      // An administrator's create with an owner that does not exist is refused after the record was saved.
      return item(
        'CRM_REJECTED',
        `The CRM refused "${call.operation}": ${words(error.message)}. Check the record's owner.`,
        call.write && call.operation === 'create',
      )
    case 'DATABASE_QUERY_ERROR':
    case 'INTERNAL_SERVER_ERROR':
      return new SyncError(
        'CRM_SERVER_ERROR',
        `The CRM failed on "${call.operation}": ${words(error.message)}. Look into` + ' its log if it stays.',
        { scope: 'item', remedy: 'retry', outcomeUnknown: call.write, context },
      )
    default:
      return item('CRM_REJECTED', `The CRM refused "${call.operation}" (${error.code}): ${words(error.message)}.`)
  }
}

/** The access key or the user was refused; asking again in a loop locks the user out (LOGIN_LOCKED). */
export function loginRefused(code: string, username: string): SyncError {
  const message =
    code === 'LOGIN_LOCKED' || code === 'IP_BANNED'
      ? `The CRM has locked the login of user "${username}" (${code}). Unlock it in the CRM, then check crm.accessKey.`
      : `The CRM refused the login of user "${username}" (${code}). Check crm.username and crm.accessKey: the key is` +
        " in the user's preferences and changes with the password."
  return new SyncError('CRM_LOGIN_REFUSED', message, { scope: 'system', remedy: 'ask-human', context: { code } })
}

/** The set-up of the CRM or its API user does not let values be read safely. */
export function misconfigured(message: string): SyncError {
  return new SyncError('CRM_MISCONFIGURED', message, { scope: 'system', remedy: 'ask-human' })
}

/** One record's content cannot be carried; the message tells what to mend in the CRM. */
export function badRecord(id: string, message: string): SyncError {
  return new SyncError('CRM_BAD_RECORD', `CRM record ${id}: ${message}`, {
    scope: 'item',
    remedy: 'ask-human',
    context: { record: id },
  })
}

/** Somebody saves the record again and again; what is read of it does not fit together. */
export function changedWhileRead(id: string): SyncError {
  return new SyncError('CRM_BUSY', `CRM record ${id} was changed while it was read; the connector reads it again later.`, {
    scope: 'item',
    remedy: 'retry',
    context: { record: id },
  })
}

/** The adapter never does this by design: whoever asked for it has a bug. */
export function unsupported(message: string, remedy: 'bug' | 'ask-human' = 'ask-human'): SyncError {
  return new SyncError('CRM_UNSUPPORTED', message, { scope: 'item', remedy })
}
