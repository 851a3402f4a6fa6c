/** An answer in the error format of Graph: https://learn.microsoft.com/graph/errors */
export class GraphError extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

export function errorBody(code: string, message: string, requestId: string, now: number): object {
  return {
    error: {
      code,
      message,
      innerError: { date: new Date(now).toISOString().slice(0, 19), 'request-id': requestId, 'client-request-id': requestId },
    },
  }
}

export const notFound = () => new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.')
export const malformedId = () => new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.')
export const denied = () => new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.')
export const badRequest = (message: string, code = 'BadRequest') => new GraphError(400, code, message)
export const notValid = (message = 'At least one property failed validation.') =>
  new GraphError(400, 'ErrorPropertyValidationFailure', message)
export const conflict = () =>
  new GraphError(
    412, 'ErrorIrresolvableConflict',
    'The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.',
  )
export const unknownProperty = (name: string, type: string) =>
  new GraphError(
    400, 'RequestBodyRead',
    `The property '${name}' does not exist on type 'microsoft.graph.${type}'. Make sure to only use property names that are defined by the type.`,
  )

/** Codes a test may inject without naming a status. */
const STATUS_BY_CODE: Record<string, number> = {
  ApplicationThrottled: 429,
  TooManyRequests: 429,
  ErrorAccessDenied: 403,
  ErrorItemNotFound: 404,
  MailboxNotEnabledForRESTAPI: 404,
  InvalidAuthenticationToken: 401,
  ErrorIrresolvableConflict: 412,
  SyncStateNotFound: 410,
  resyncRequired: 410,
  ErrorServerBusy: 503,
  ErrorMailboxStoreUnavailable: 503,
  serviceNotAvailable: 503,
  ConcurrentItemSave: 503,
  UnknownError: 504,
}

export function statusOf(code: string): number {
  return STATUS_BY_CODE[code] ?? 400
}
