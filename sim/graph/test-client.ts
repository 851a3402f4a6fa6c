import type { GraphSim } from './index.ts'

export const ALICE = 'alice@example.test'
export const BOB = 'bob@example.test'
export const CAROL = 'carol@example.test'
export const STAMP = 'String {11111111-2222-4333-8444-555555555555} Name VtenextSync'
export const IMMUTABLE = { prefer: 'IdType="ImmutableId"' }

export interface Answer {
  status: number
  body: any
  headers: Headers
}

export interface AskOptions {
  headers?: Record<string, string>
  /** Bearer token; default: the application's. */
  token?: string
}

const applicationTokens = new WeakMap<GraphSim, Promise<string>>()

/** Posts a form to the token endpoint. */
export async function askToken(sim: GraphSim, form: Record<string, string>, tenant = sim.tenant): Promise<Answer> {
  const response = await fetch(`${sim.login}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

export function secretForm(sim: GraphSim): Record<string, string> {
  return { grant_type: 'client_credentials', client_id: sim.clientId, client_secret: sim.clientSecret, scope: 'https://graph.microsoft.com/.default' }
}

/** A fresh token of the application. */
export async function applicationToken(sim: GraphSim): Promise<string> {
  return (await askToken(sim, secretForm(sim))).body.access_token
}

const DELEGATED = 'openid profile offline_access User.Read Calendars.ReadWrite Contacts.ReadWrite Tasks.ReadWrite'
export const REDIRECT = 'http://localhost:8399/signed-in'

/** What the sign-in page sends back to the client, after a user signed in by hand. */
export async function signInPage(sim: GraphSim, address: string, more: Record<string, string> = {}): Promise<URL> {
  const url = new URL(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize`)
  const asked = { client_id: sim.clientId, response_type: 'code', redirect_uri: REDIRECT, scope: DELEGATED, state: 'here', ...more }
  url.search = new URLSearchParams(asked).toString()
  const user = sim.mailboxes.find((mailbox) => mailbox.address === address)
  const form = new URLSearchParams({ login: user?.username ?? address, passwd: user?.password ?? '' })
  const response = await fetch(url, { method: 'POST', body: form, redirect: 'manual' })
  return new URL(response.headers.get('location') ?? `${REDIRECT}?page=${encodeURIComponent(await response.text())}`)
}

/** Tokens of a user who signed in by hand. */
export async function userTokens(sim: GraphSim, address: string, scope = DELEGATED): Promise<any> {
  const code = (await signInPage(sim, address, { scope })).searchParams.get('code') ?? ''
  const { client_id, client_secret } = secretForm(sim) as { client_id: string; client_secret: string }
  return (await askToken(sim, { grant_type: 'authorization_code', client_id, client_secret, code, redirect_uri: REDIRECT })).body
}

/** Sends one request by hand; `path` after the version, or a whole link. */
export async function ask(sim: GraphSim, method: string, path: string, body?: unknown, options: AskOptions = {}): Promise<Answer> {
  let token = options.token
  if (token === undefined) {
    const known = applicationTokens.get(sim) ?? applicationToken(sim)
    applicationTokens.set(sim, known)
    token = await known
  }
  const response = await fetch(path.startsWith('http') ? path : `${sim.url}/v1.0${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}

export const users = (address: string, path: string) => `/users/${address}/${path}`

/** A body for an event of one hour; `at` is the wall clock in the zone. */
export function eventBody(subject: string, at: string, more: Record<string, unknown> = {}, timeZone = 'Europe/Rome'): Record<string, unknown> {
  const end = new Date(Date.parse(`${at}Z`) + 3_600_000).toISOString().slice(0, 19)
  return { subject, start: { dateTime: at, timeZone }, end: { dateTime: end, timeZone }, ...more }
}

/** Follows a delta round to its end. */
export async function round(sim: GraphSim, link: string, options: AskOptions = {}): Promise<{ value: any[]; deltaLink: string; pages: number }> {
  const value: any[] = []
  for (let next = link, pages = 1; ; pages++) {
    const { status, body } = await ask(sim, 'GET', next, undefined, options)
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    value.push(...body.value)
    if (body['@odata.deltaLink']) return { value, deltaLink: body['@odata.deltaLink'], pages }
    next = body['@odata.nextLink']
  }
}
