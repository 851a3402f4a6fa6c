/** An error of the sign-in service: https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
export class EntraError extends Error {
  readonly status: number
  /** OAuth 2.0 error name, such as invalid_grant. */
  readonly error: string
  readonly code: number
  readonly suberror: string | undefined

  constructor(error: string, code: number, message: string, options: { status?: number; suberror?: string } = {}) {
    super(message)
    this.error = error
    this.code = code
    this.status = options.status ?? (error === 'invalid_client' || error === 'unauthorized_client' ? 401 : 400)
    this.suberror = options.suberror
  }
}

/** The text after the code, with the traces Microsoft adds. */
export function describe({ code, message }: EntraError, trace: string, now: number): string {
  const timestamp = new Date(now).toISOString().slice(0, 19).replace('T', ' ')
  return `AADSTS${code}: ${message} Trace ID: ${trace} Correlation ID: ${trace} Timestamp: ${timestamp}Z`
}

export function errorBody(error: EntraError, trace: string, now: number): object {
  return {
    error: error.error,
    error_description: describe(error, trace, now),
    error_codes: [error.code],
    timestamp: `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`,
    trace_id: trace,
    correlation_id: trace,
    error_uri: `https://login.microsoftonline.com/error?code=${error.code}`,
    ...(error.suberror === undefined ? {} : { suberror: error.suberror }),
  }
}

const invalidGrant = (code: number, message: string, suberror?: string) =>
  new EntraError('invalid_grant', code, message, suberror === undefined ? {} : { suberror })

export const codeUsed = () => invalidGrant(54005, 'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.')
export const codeExpired = () => invalidGrant(70008, 'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.')
export const codeUnknown = () => invalidGrant(9002313, 'Invalid request. Request is malformed or invalid.')
export const wrongVerifier = () => invalidGrant(501481, 'The Code_Verifier does not match the code_challenge supplied in the authorization request.')
export const refreshIdle = () => invalidGrant(700082, 'The refresh token has expired due to inactivity. The token was inactive for 90.00:00:00.')
export const refreshRevoked = () => invalidGrant(50173, 'The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.', 'bad_token')
export const refreshUsed = () => invalidGrant(70000, 'Provided grant is invalid or malformed.', 'token_expired')
export const unknownApplication = (id: string) =>
  new EntraError('unauthorized_client', 700016, `Application with identifier '${id}' was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`, { status: 400 })
export const unknownTenant = (name: string) =>
  new EntraError('invalid_request', 90002, `Tenant '${name}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.`)
export const wrongSecret = (id: string) =>
  new EntraError('invalid_client', 7000215, `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${id}'.`)
export const expiredSecret = (id: string) =>
  new EntraError('invalid_client', 7000222, `The provided client secret keys for app '${id}' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.`)
export const noCredential = () =>
  new EntraError('invalid_client', 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
export const wrongAssertion = (reason: string) =>
  new EntraError('invalid_client', 700027, `The certificate with identifier used to sign the client assertion is not registered on application, or the signature is wrong. [Reason - ${reason}]`)
export const assertionTime = () =>
  new EntraError('invalid_client', 700024, 'Client assertion is not within its valid time range.')
export const missing = (name: string) =>
  new EntraError('invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`)
