/**
 * The identity provider of a tenant and how the application proves who it is there.
 * https://learn.microsoft.com/entra/identity-platform/v2-protocols
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { Agent, fetch as undiciFetch } from 'undici'
import { instantMs } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import { SyncError } from '../lib/errors.ts'
import { codeOf, fromNetwork, retryAfterMs } from './errors.ts'
import type { CallContext } from './errors.ts'

/** How the application proves who it is; without any it is a public client, which only delegated access allows. */
export interface ClientProof {
  readonly secret?: string
  /** PEM of the certificate that is registered with the application, and of its private key. */
  readonly certificate?: { readonly cert: string; readonly key: string }
}

export interface AuthorityOptions {
  /** Name of the connection, for messages. */
  readonly name: string
  /** `https://login.microsoftonline.com`, or that of a national cloud. */
  readonly loginUrl: string
  readonly tenant: string
  readonly clientId: string
  readonly proof: ClientProof
  readonly ca?: string
  readonly allowHttp: boolean
  readonly timeoutMs: number
  readonly clock: Clock
}

/** An answer of the token endpoint. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly expiresInSeconds: number
  readonly claims: oauth.IDToken | undefined
}

/** Why the identity provider wants to see the user again. */
export class SignInRequired extends Error {
  /** `AADSTS700082` or the protocol's own word. */
  readonly reason: string

  constructor(reason: string) {
    super(`The user has to sign in: ${reason}`)
    this.name = 'SignInRequired'
    this.reason = reason
  }
}

const CLOCK_TOLERANCE_SECONDS = 300

export class Authority {
  readonly #options: AuthorityOptions
  readonly #agent: Agent
  readonly #http: { readonly [oauth.customFetch]: (url: string, init: object) => Promise<Response>; readonly [oauth.allowInsecureRequests]: boolean }
  #server: Promise<oauth.AuthorizationServer> | undefined
  #authentication: Promise<oauth.ClientAuth> | undefined

  constructor(options: AuthorityOptions) {
    this.#options = options
    this.#agent = new Agent({ connect: { timeout: 15_000, ...(options.ca === undefined ? {} : { ca: options.ca }) }, headersTimeout: options.timeoutMs, bodyTimeout: options.timeoutMs })
    this.#http = {
      [oauth.customFetch]: (url, init) => undiciFetch(url, { ...init, dispatcher: this.#agent }) as unknown as Promise<Response>,
      [oauth.allowInsecureRequests]: options.allowHttp,
    }
  }

  /** Tokens are judged by our clock, and by Microsoft's measure of how far clocks may be apart. */
  get client(): oauth.Client {
    const { clientId, clock } = this.#options
    return { client_id: clientId, [oauth.clockSkew]: Math.round((instantMs(clock.now()) - Date.now()) / 1000), [oauth.clockTolerance]: CLOCK_TOLERANCE_SECONDS }
  }

  /** The endpoints, from the tenant's own document. @throws SyncError */
  server(): Promise<oauth.AuthorizationServer> {
    this.#server ??= this.#discover().catch((error: unknown) => {
      this.#server = undefined
      throw error
    })
    return this.#server
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow @throws SyncError */
  application(scope: string): Promise<Tokens> {
    return this.#grant(async (server, proof) => oauth.processClientCredentialsResponse(server, this.client,
      await oauth.clientCredentialsGrantRequest(server, this.client, proof, { scope }, this.#http)))
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow @throws SyncError, SignInRequired */
  code(callback: URLSearchParams, redirectUri: string, verifier: string, nonce: string): Promise<Tokens> {
    return this.#grant(async (server, proof) => oauth.processAuthorizationCodeResponse(server, this.client,
      await oauth.authorizationCodeGrantRequest(server, this.client, proof, callback, redirectUri, verifier, this.#http),
      { expectedNonce: nonce, requireIdToken: true }))
  }

  /** https://learn.microsoft.com/entra/identity-platform/refresh-tokens @throws SyncError, SignInRequired */
  refresh(refreshToken: string): Promise<Tokens> {
    return this.#grant(async (server, proof) => oauth.processRefreshTokenResponse(server, this.client,
      await oauth.refreshTokenGrantRequest(server, this.client, proof, refreshToken, this.#http)))
  }

  async close(): Promise<void> {
    await this.#agent.close().catch(() => undefined)
  }

  /** https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc */
  async #discover(): Promise<oauth.AuthorizationServer> {
    const { loginUrl, tenant } = this.#options
    const url = `${loginUrl.replace(/\/+$/, '')}/${encodeURIComponent(tenant)}/v2.0/.well-known/openid-configuration`
    let status = 0
    try {
      const response = await undiciFetch(url, { dispatcher: this.#agent, redirect: 'error' })
      status = response.status
      const found = await response.json() as Partial<oauth.AuthorizationServer>
      // A tenant named by its domain has its id in the issuer, so the address asked says nothing about it.
      if (typeof found.issuer === 'string' && typeof found.token_endpoint === 'string') return found as oauth.AuthorizationServer
    } catch (error) {
      if (status === 0) throw fromNetwork(error, this.#context(url))
    }
    throw new SyncError('GRAPH_TENANT', `${url} describes no tenant (HTTP ${status}). Correct "tenant" (a domain of the company or the directory id) or "loginUrl" of `
      + `connection "${this.#options.name}".`, { scope: 'server', remedy: status >= 500 ? 'wait' : 'ask-human' })
  }

  async #grant(ask: (server: oauth.AuthorizationServer, proof: oauth.ClientAuth) => Promise<oauth.TokenEndpointResponse>): Promise<Tokens> {
    const server = await this.server()
    this.#authentication ??= authentication(this.#options, server.token_endpoint ?? '')
    try {
      const reply = await ask(server, await this.#authentication)
      return {
        accessToken: reply.access_token, refreshToken: reply.refresh_token, expiresInSeconds: reply.expires_in ?? 3600,
        claims: oauth.getValidatedIdTokenClaims(reply),
      }
    } catch (error) {
      throw this.#explain(error, server.token_endpoint ?? '')
    }
  }

  #explain(error: unknown, url: string): Error {
    if (error instanceof SyncError) return error
    if (error instanceof oauth.ResponseBodyError) return this.#refusal(error)
    const status = error instanceof oauth.OperationProcessingError && error.cause instanceof Response ? error.cause.status : undefined
    if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
      const busy = status === 429 || (status !== undefined && status >= 500)
      return new SyncError('GRAPH_TOKEN_REPLY', `The answer of ${url} is no token: ${error.message}${status === undefined ? '' : ` (HTTP ${status})`}. `
        + (busy ? 'It is tried again.' : `Check loginUrl and tenant of connection "${this.#options.name}", and the clock of this machine.`),
      { scope: 'server', remedy: busy ? 'wait' : 'ask-human', cause: error })
    }
    return fromNetwork(error, this.#context(url))
  }

  /** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
  #refusal(error: oauth.ResponseBodyError): Error {
    const { name, clientId } = this.#options
    const reason = /AADSTS\d+/.exec(error.error_description ?? '')?.[0] ?? error.error
    if (['invalid_grant', 'interaction_required', 'consent_required', 'login_required'].includes(error.error)) return new SignInRequired(reason)
    if (error.status === 429 || error.status >= 500 || error.error === 'temporarily_unavailable') {
      const waitMs = retryAfterMs(error.response.headers.get('retry-after') ?? undefined)
      return new SyncError('GRAPH_LOGIN_BUSY', `The identity provider asks to come back later (${reason}).`,
        { scope: 'server', remedy: 'wait', cause: error, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) })
    }
    const cure = CURES[reason] ?? (error.error === 'invalid_client' ? CURES['AADSTS7000215'] : 'Compare tenant, clientId and permissions with the app registration.')
    return new SyncError('GRAPH_CLIENT', `The identity provider refuses application ${clientId} of connection "${name}": ${reason}. ${cure}`,
      { scope: 'server', remedy: 'ask-human', cause: error })
  }

  #context(url: string): CallContext {
    return { operation: 'sign in', writes: false, connection: this.#options.name, url, mailbox: `connection "${this.#options.name}"`, access: 'application' }
  }
}

const CURES: Readonly<Record<string, string>> = {
  AADSTS7000215: 'The client secret is wrong: make a new one under "Certificates & secrets" and take its value, not its id.',
  AADSTS7000222: 'The client secret has expired: make a new one under "Certificates & secrets".',
  AADSTS700016: 'The tenant has no such application: correct clientId or tenant.',
  AADSTS90002: 'There is no such tenant: correct "tenant".',
  AADSTS7000218: 'The application has to prove itself: set clientSecret or certificate.',
  AADSTS7000112: 'The application was disabled: enable it in Entra, "Enterprise applications".',
  AADSTS700024: 'The clock of this machine is wrong by minutes: set it.',
  AADSTS700027: 'The certificate is not registered with the application, or has expired: upload it under "Certificates & secrets".',
  AADSTS65001: 'Nobody has consented to the permissions: an administrator has to grant them.',
}

async function authentication({ proof, name }: AuthorityOptions, tokenEndpoint: string): Promise<oauth.ClientAuth> {
  if (proof.certificate !== undefined) return certificateProof(proof.certificate, name, tokenEndpoint)
  return proof.secret === undefined ? oauth.None() : oauth.ClientSecretPost(proof.secret)
}

/** As long as Microsoft advises: our clock may be a little wrong. */
const ASSERTION_SECONDS = 600

/** https://learn.microsoft.com/entra/identity-platform/certificate-credentials */
async function certificateProof({ cert, key }: { cert: string; key: string }, name: string, tokenEndpoint: string): Promise<oauth.ClientAuth> {
  try {
    const thumbprint = createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url')
    const pkcs8 = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
    const signing = await crypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign'])
    return oauth.PrivateKeyJwt(signing, {
      [oauth.modifyAssertion](header: Record<string, oauth.JsonValue | undefined>, payload: Record<string, oauth.JsonValue | undefined>) {
        Object.assign(header, { typ: 'JWT', 'x5t#S256': thumbprint })
        // Others address it to the issuer; Microsoft documents the token endpoint.
        Object.assign(payload, { aud: tokenEndpoint, exp: Number(payload['nbf']) + ASSERTION_SECONDS })
      },
    })
  } catch (cause) {
    throw new SyncError('GRAPH_CERTIFICATE', `The certificate of connection "${name}" cannot be used (${codeOf(cause)}): it has to be an RSA certificate in PEM, `
      + 'with its private key in the same file or in "certificateKey".', { scope: 'server', remedy: 'ask-human', cause })
  }
}
