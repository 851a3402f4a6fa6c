import { createHash } from 'node:crypto'

import { authenticate, clientIdOf } from './application.ts'
import { codeExpired, codeUnknown, codeUsed, EntraError, missing, unknownApplication, wrongVerifier } from './errors.ts'
import type { Tenant } from './index.ts'

const GRAPH = 'https://graph.microsoft.com'
const CODE_LIFETIME_MS = 600_000

/**
 * Answers a request for tokens.
 * Documentation: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow and
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * @returns the body of a 200
 * @throws EntraError
 */
export function answerToken(tenant: Tenant, form: URLSearchParams, authorization: string | undefined): object {
  const { application, login, clock } = tenant
  const { id } = clientIdOf(form, authorization)
  if (id !== application.clientId) throw unknownApplication(id)
  const names = [tenant.tenant, tenant.domain, 'common', 'organizations']
  const audiences = names.map((name) => `${login}/${name}/oauth2/v2.0/token`)
  authenticate(application, form, authorization, audiences, clock.now())
  switch (form.get('grant_type')) {
    case 'client_credentials':
      return forApplication(tenant, form)
    case 'authorization_code':
      return forCode(tenant, form)
    case 'refresh_token':
      return forRefresh(tenant, form)
    case null:
      throw missing('grant_type')
    default:
      throw new EntraError('unsupported_grant_type', 70003, `The app requested an unsupported grant type '${form.get('grant_type')}'.`)
  }
}

function forApplication(tenant: Tenant, form: URLSearchParams): object {
  const { clientId, roles } = tenant.application
  const scope = form.get('scope')
  if (!scope) throw missing('scope')
  const resource = /^(https?:\/\/.+?)\/?\/\.default$/.exec(scope)?.[1]
  if (resource === undefined)
    throw new EntraError('invalid_scope', 1002012, `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`)
  return tenant.tokens.issue({ kind: 'application', clientId, userId: null, rights: roles }, null, { audience: resource })
}

function forCode(tenant: Tenant, form: URLSearchParams): object {
  const code = tenant.codes.get(form.get('code') ?? '')
  if (!code) throw codeUnknown()
  if (code.redeemed) throw codeUsed()
  if (tenant.clock.now() - code.issued > CODE_LIFETIME_MS) throw codeExpired()
  if (form.get('redirect_uri') !== code.redirectUri)
    throw new EntraError('invalid_client', 500112, `The reply address '${form.get('redirect_uri')}' does not match the reply address '${code.redirectUri}' provided when requesting Authorization code.`)
  checkVerifier(code.challenge, form.get('code_verifier'))
  code.redeemed = true
  return issueFor(tenant, code.userId, code.scopes, code.nonce)
}

function checkVerifier(challenge: string | null, verifier: string | null): void {
  if (challenge === null) return
  if (verifier === null)
    throw new EntraError('invalid_grant', 50148, "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE: it is missing.")
  if (createHash('sha256').update(verifier).digest('base64url') !== challenge) throw wrongVerifier()
}

function forRefresh(tenant: Tenant, form: URLSearchParams): object {
  const { userId, scopes } = tenant.tokens.refresh(form.get('refresh_token') ?? '', tenant.application.clientId)
  const wanted = form.get('scope')
  const fewer = wanted === null ? scopes : readScopes(wanted)
  const beyond = fewer.filter((scope) => !scopes.includes(scope) && scope !== '.default')
  if (beyond.length > 0)
    throw new EntraError('invalid_grant', 65001, `The user or administrator has not consented to use the application with ID '${tenant.application.clientId}'. Send an interactive authorization request for this user and resource.`, { suberror: 'consent_required' })
  // A new refresh token comes with every answer, whether or not the request repeats offline_access.
  return issueFor(tenant, userId, [...new Set([...(fewer.includes('.default') ? scopes : fewer), 'offline_access'])], undefined)
}

function issueFor(tenant: Tenant, userId: string, rights: string[], nonce: string | undefined): object {
  const user = tenant.user(userId)
  if (!user) throw new EntraError('invalid_grant', 50034, 'The user account does not exist in the directory.')
  const principal = { kind: 'user' as const, clientId: tenant.application.clientId, userId, rights }
  return tenant.tokens.issue(principal, user, { nonce, audience: GRAPH })
}

/** Scopes of a request without the address of the resource. */
export function readScopes(text: string): string[] {
  return text.split(' ').filter(Boolean).map((scope) => scope.replace(/^https?:\/\/[^/]+\//, ''))
}
