/** A simulated sign-in service: Microsoft Entra ID for one tenant. */
import { randomUUID, X509Certificate } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { SimClock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Application } from './application.ts'
import { authorize } from './authorize.ts'
import { discovery } from './discovery.ts'
import { EntraError, errorBody, unknownTenant } from './errors.ts'
import { jsonWebKeys } from './jwt.ts'
import { answerToken } from './token-endpoint.ts'
import type { Principal, User } from './tokens.ts'
import { Tokens } from './tokens.ts'

export type { Principal } from './tokens.ts'

export interface EntraOptions {
  clock: SimClock
  faults: Faults
  tenant: string
  /** A verified domain of the tenant, another name for it. */
  domain: string
  application: Application
  /** Finds a user by name; null where nobody has it. */
  user(name: string): (User & { password: string }) | null
  accessSeconds?: number
  strictRotation?: boolean
  port?: number
}

/** One sign-in service with what its endpoints share. */
export interface Tenant extends EntraOptions {
  login: string
  issuer: string
  tokens: Tokens
  codes: Map<string, Code>
  /** Browser sessions: cookie to user id. */
  sessions: Map<string, string>
}

/** An authorization code waiting to be redeemed. */
export interface Code {
  userId: string
  redirectUri: string
  scopes: string[]
  challenge: string | null
  nonce: string | undefined
  issued: number
  redeemed: boolean
}

export interface Entra {
  readonly login: string
  readonly tenant: string
  readonly application: Application
  readonly tokens: Tokens
  accept(token: string): Principal | null
  /** Voids refresh tokens, of one user's address or of everybody. */
  revokeRefreshTokens(address?: string): void
  expireAccessTokens(address?: string): void
  /** The client secret in use is expired from now on. */
  expireSecret(): void
  /** Adds a secret beside those there are; returns it. */
  addSecret(value?: string): string
  /** Registers a certificate (PEM) for client assertions. */
  addCertificate(pem: string): void
  stop(): Promise<void>
}

/** Starts the service on the loopback address; it listens when the promise resolves. */
export async function startEntra(options: EntraOptions): Promise<Entra> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const login = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const issuer = `${login}/${options.tenant}/v2.0`
  const tokens = new Tokens({
    clock: options.clock, tenant: options.tenant, issuer, strictRotation: options.strictRotation ?? false,
    ...(options.accessSeconds === undefined ? {} : { accessSeconds: options.accessSeconds }),
  })
  const tenant: Tenant = { ...options, login, issuer, tokens, codes: new Map(), sessions: new Map() }
  server.on('request', (request, response) => {
    handle(tenant, request, response).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(error instanceof Error ? error.stack : String(error))
    })
  })
  const { application } = options
  const idOf = (address?: string) => (address === undefined ? null : (options.user(address)?.id ?? null))
  return {
    login,
    tenant: options.tenant,
    application,
    tokens,
    accept: (token) => tokens.accept(token),
    revokeRefreshTokens: (address) => tokens.revoke(idOf(address)),
    expireAccessTokens: (address) => tokens.expire(idOf(address)),
    expireSecret() {
      for (const secret of application.secrets) secret.expired = true
    },
    addSecret(value = `${randomUUID()}~secret`) {
      application.secrets.push({ value, expired: false })
      return value
    },
    addCertificate: (pem) => void application.certificates.push(new X509Certificate(pem)),
    stop: () => close(server),
  }
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}

async function handle(tenant: Tenant, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', tenant.login)
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
  const json = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store, no-cache' }).end(JSON.stringify(body))
  const [, name = '', ...rest] = url.pathname.split('/')
  const path = rest.join('/')
  try {
    checkTenant(tenant, name)
    if (path === 'v2.0/.well-known/openid-configuration') return void json(200, discovery(tenant, name))
    if (path === 'discovery/v2.0/keys') return void json(200, jsonWebKeys(tenant.issuer))
    if (path === 'oauth2/v2.0/authorize') return authorize(tenant, request, url, form, response)
    if (path === 'oauth2/v2.0/token' && request.method === 'POST') {
      if (await struck(tenant, form, request, response)) return
      return void json(200, answerToken(tenant, form, request.headers.authorization))
    }
    if (path === 'oauth2/v2.0/logout') return void response.writeHead(200, { 'set-cookie': 'ESTSAUTH=; Max-Age=0; Path=/' }).end('You are signed out.')
    response.writeHead(404).end()
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    json(error.status, errorBody(error, randomUUID(), tenant.clock.now()))
  }
}

function checkTenant(tenant: Tenant, name: string): void {
  const known = [tenant.tenant, tenant.domain, 'common', 'organizations']
  if (!known.includes(name.toLowerCase())) throw unknownTenant(name)
}

/** A scripted fault of the token endpoint, operation `token`. True when the request is dealt with. */
async function struck(tenant: Tenant, form: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
  const effect = tenant.faults.take('token', null)
  if (!effect) return false
  if (effect.type === 'error') throw new EntraError(effect.code, 90033, effect.message ?? 'A transient error has occurred. Please try again.', { status: effect.status ?? 400 })
  if (effect.type === 'delay') await new Promise((resolve) => setTimeout(resolve, effect.ms).unref())
  if (effect.type === 'delay') return false
  if (effect.type === 'stall') return true
  if (effect.type === 'status') response.writeHead(effect.status, effect.headers).end(effect.body)
  else if (effect.type === 'drop-before') request.socket.destroy()
  else {
    // The rest happens after the work: the grant is used up, its answer lost.
    answerToken(tenant, form, request.headers.authorization)
    if (effect.type === 'status-after') response.writeHead(effect.status).end()
    else request.socket.destroy()
  }
  return true
}
