import type { X509Certificate } from 'node:crypto'
import { createHash, timingSafeEqual, verify } from 'node:crypto'

import { assertionTime, expiredSecret, missing, noCredential, unknownApplication, wrongAssertion, wrongSecret } from './errors.ts'
import { readToken } from './jwt.ts'

/** The registration of the client application in the tenant. */
export interface Application {
  clientId: string
  secrets: { value: string; expired: boolean }[]
  certificates: X509Certificate[]
  /** Addresses a code may be sent to; any port of the own machine is allowed besides. */
  redirectUris: string[]
  /** Application permissions with admin consent. */
  roles: string[]
  /** Delegated permissions users may consent to. */
  scopes: string[]
  /** Only an administrator may consent. */
  adminConsentOnly: boolean
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Which client_id a token request speaks for; Basic credentials count too. */
export function clientIdOf(form: URLSearchParams, authorization: string | undefined): { id: string; secret: string | null } {
  const basic = /^Basic (.+)$/i.exec(authorization ?? '')?.[1]
  if (basic !== undefined) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':')
    return { id: decodeURIComponent(id), secret: decodeURIComponent(secret) }
  }
  const id = form.get('client_id') ?? (readToken(form.get('client_assertion') ?? '')?.claims.iss as string | undefined)
  if (!id) throw missing('client_id')
  return { id, secret: form.get('client_secret') }
}

/**
 * Does the client prove that it is the application?
 * Documentation: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 * @param audiences what the assertion may be addressed to
 * @param now UTC milliseconds
 */
export function authenticate(
  application: Application,
  form: URLSearchParams,
  authorization: string | undefined,
  audiences: string[],
  now: number,
): void {
  const { id, secret } = clientIdOf(form, authorization)
  if (id !== application.clientId) throw unknownApplication(id)
  if (secret !== null) return checkSecret(application, secret)
  const assertion = form.get('client_assertion')
  if (assertion === null) throw noCredential()
  if (form.get('client_assertion_type') !== ASSERTION_TYPE) throw missing('client_assertion_type')
  checkAssertion(application, assertion, audiences, now)
}

function checkSecret(application: Application, secret: string): void {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const known = application.secrets.find(({ value }) => timingSafeEqual(digest(value), digest(secret)))
  if (!known) throw wrongSecret(application.clientId)
  if (known.expired) throw expiredSecret(application.clientId)
}

function checkAssertion(application: Application, assertion: string, audiences: string[], now: number): void {
  const jwt = readToken(assertion)
  if (!jwt) throw wrongAssertion('The assertion is no JWT')
  const { header, claims, signed, signature } = jwt
  const certificate = application.certificates.find((one) => thumbprints(one).includes(header['x5t#S256'] ?? header['x5t']))
  if (!certificate) throw wrongAssertion('The key was not found')
  const padding = header.alg === 'PS256' ? { padding: 6, saltLength: 32 } : {}
  if (header.typ !== 'JWT') throw wrongAssertion('The header has no typ')
  if (header.alg !== 'PS256' && header.alg !== 'RS256') throw wrongAssertion(`Algorithm ${String(header.alg)} is not supported`)
  if (!verify('RSA-SHA256', Buffer.from(signed), { key: certificate.publicKey, ...padding }, signature))
    throw wrongAssertion('The signature is wrong')
  if (claims.iss !== application.clientId || claims.sub !== application.clientId)
    throw wrongAssertion("iss and sub have to be the application's client id")
  if (![claims.aud].flat().some((audience: string) => audiences.includes(audience)))
    throw wrongAssertion(`The audience ${String(claims.aud)} is not this token endpoint`)
  const seconds = now / 1000
  if (!(claims.exp > seconds) || (claims.nbf !== undefined && claims.nbf > seconds + 300)) throw assertionTime()
}

/** The two ways to name a certificate in the header of an assertion. */
function thumbprints(certificate: X509Certificate): string[] {
  return ['sha1', 'sha256'].map((algorithm) => createHash(algorithm).update(certificate.raw).digest('base64url'))
}

/** Any port of the own machine is allowed where one of its addresses is registered. */
export function allowsRedirect(application: Application, uri: string): boolean {
  if (application.redirectUris.includes(uri)) return true
  return /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(uri)
}
