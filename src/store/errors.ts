import { SyncError } from '../lib/errors.ts'
import type { MailboxId } from '../model/index.ts'

const UNREACHABLE_NET = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN', 'EACCES'])
/** https://www.postgresql.org/docs/18/errcodes-appendix.html: cut off for its length, shut down, starting up, too many connections, session cut off. */
const UNREACHABLE_SQL = new Set(['57014', '57P01', '57P02', '57P03', '57P05', '25P03', '25P04', '53300'])
/** Not serializable, a deadlock, a lock that did not come, and a row that somebody else has just added. */
const CONFLICT_SQL = new Set(['40001', '40P01', '55P03', '23505'])
const REFUSED_SQL = new Set(['28000', '28P01', '3D000', '42501'])
const FULL_SQL = new Set(['53100', '53200'])

/** Trouble of the database as the one error that leaves the store. Values, addresses and passwords stay out of it. */
export function toStoreError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown
  const code = codeOf(thrown)
  const text = withoutSecrets(thrown instanceof Error ? thrown.message : String(thrown))
  const cause = new Error(code ? `${code}: ${text}` : text)
  if (CONFLICT_SQL.has(code)) {
    return new SyncError('STORE_CONFLICT', 'Two changes of the database met; this one was taken back and can be repeated.', {
      scope: 'mailbox', remedy: 'retry', cause,
    })
  }
  if (REFUSED_SQL.has(code)) {
    return new SyncError(
      'STORE_REFUSED', `The database refused us (${text}). Check user, password and database name in DATABASE_URL.`,
      { scope: 'system', remedy: 'ask-human', cause },
    )
  }
  if (FULL_SQL.has(code)) {
    return new SyncError('STORE_FULL', `The database has no room left (${text}). Free disk space; work goes on by itself.`, {
      scope: 'system', remedy: 'wait', cause,
    })
  }
  if (UNREACHABLE_NET.has(code) || UNREACHABLE_SQL.has(code) || code.startsWith('08') || isCut(text)) {
    return new SyncError('STORE_UNREACHABLE', `The database cannot be reached (${text}). Work goes on when it is back.`, {
      scope: 'system', remedy: 'wait', cause,
    })
  }
  return new SyncError('STORE_FAILED', `The database refused a statement (${cause.message}).`, {
    scope: 'mailbox', remedy: 'bug', cause,
  })
}

export function fenced(lane: MailboxId): SyncError {
  return new SyncError('STORE_FENCED', `Another run has taken the lane ${lane}; this run's changes were not saved.`, {
    scope: 'mailbox', remedy: 'retry', context: { lane },
  })
}

/** Trouble that only the person who installs the service can mend. */
export function setupError(code: string, message: string, cause?: unknown): SyncError {
  return new SyncError(code, message, { scope: 'system', remedy: 'ask-human', cause })
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return codeOf(thrown.errors[0])
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : ''
}

// node-postgres reports a lost connection without a code.
const isCut = (text: string) =>
  /connection terminated|timeout exceeded when trying to connect|connection timeout|client has encountered a connection error|not queryable|server conn crashed/i.test(text)

const withoutSecrets = (text: string) => text.replace(/(\w+:\/\/[^\s:@/]*):[^\s@]*@/g, '$1:***@')
