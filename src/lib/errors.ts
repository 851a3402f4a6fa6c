/** How far the damage reaches: an item's error never stops its mailbox, a mailbox's never its server. */
export type ErrorScope = 'item' | 'folder' | 'mailbox' | 'server' | 'system'
/**
 * What to do next; `leave`: the item stays as it is until somebody changes it, and nothing is wrong; `apart`: its series cannot
 * hold the occurrence like that, an event of its own can.
 */
export type ErrorRemedy = 'retry' | 'wait' | 'resync' | 'ask-human' | 'leave' | 'apart' | 'bug'

export interface SyncErrorDetails {
  scope: ErrorScope
  remedy: ErrorRemedy
  /** The server's own number for how long to stay away, in milliseconds. */
  retryAfterMs?: number
  /** True when a write may have been executed although no answer came: ask the server before sending again. */
  outcomeUnknown?: boolean
  /** Ids only: never bodies, never secrets. */
  context?: Readonly<Record<string, string | number>>
  cause?: unknown
}

/**
 * The one error that crosses module borders. Its message tells an operator what happened, to whom, and what to do.
 * Adapters translate raw trouble into it in exactly one file each; the engine looks only at scope and remedy.
 */
export class SyncError extends Error {
  readonly code: string
  readonly scope: ErrorScope
  readonly remedy: ErrorRemedy
  readonly retryAfterMs: number | undefined
  readonly outcomeUnknown: boolean
  readonly context: Readonly<Record<string, string | number>>

  /** @param code stable, upper case, prefixed by its origin: EWS_, CRM_, STORE_, CONFIG_, ENGINE_ */
  constructor(code: string, message: string, details: SyncErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'SyncError'
    this.code = code
    this.scope = details.scope
    this.remedy = details.remedy
    this.retryAfterMs = details.retryAfterMs
    this.outcomeUnknown = details.outcomeUnknown ?? false
    this.context = details.context ?? {}
  }
}

/** Any thrown value as a SyncError; what is not one already is a bug of ours and says so. */
export function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new SyncError('ENGINE_UNEXPECTED', `Unexpected error: ${message}`, {
    scope: 'mailbox',
    remedy: 'bug',
    cause: thrown,
  })
}
