import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

import { allowsRedirect } from './application.ts'
import { describe, EntraError, unknownApplication } from './errors.ts'
import type { Tenant } from './index.ts'
import { readScopes } from './token-endpoint.ts'

const COOKIE = 'ESTSAUTH'

/**
 * The sign-in page: GET shows the form, POST with `login` and `passwd` signs in and sends the browser back with a code;
 * `cancel` refuses. A session cookie signs in without the form unless `prompt` wants it.
 * Documentation: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export function authorize(tenant: Tenant, request: IncomingMessage, url: URL, form: URLSearchParams, response: ServerResponse): void {
  // The form repeats what stands in the address.
  const asked = new URLSearchParams(Object.fromEntries([...url.searchParams, ...form]))
  const broken = findPageError(tenant, asked)
  if (broken) return page(response, 400, `<p id="error">${escape(describe(broken, randomUUID(), tenant.clock.now()))}</p>`)
  try {
    checkRequest(tenant, asked)
    if (request.method === 'POST') return submit(tenant, asked, response)
    const session = sessionOf(tenant, request)
    if (session !== null && !['login', 'select_account', 'consent'].includes(asked.get('prompt') ?? ''))
      return grant(tenant, asked, session, response)
    if (asked.get('prompt') === 'none')
      throw new EntraError('login_required', 50058, 'A silent sign-in request was sent but no user is signed in.')
    showForm(asked, response, '')
  } catch (error) {
    if (!(error instanceof EntraError)) throw error
    const description = describe(error, randomUUID(), tenant.clock.now())
    sendBack(asked, { error: error.error, error_description: description }, response)
  }
}

/** What is shown on the page, since the address to go back to cannot be trusted. */
function findPageError({ application }: Tenant, asked: URLSearchParams): EntraError | null {
  const id = asked.get('client_id') ?? ''
  if (id !== application.clientId) return unknownApplication(id)
  const uri = asked.get('redirect_uri') ?? ''
  if (allowsRedirect(application, uri)) return null
  return new EntraError('invalid_request', 50011, `The redirect URI '${uri}' specified in the request does not match the redirect URIs configured for the application '${id}'.`)
}

function checkRequest({ application }: Tenant, asked: URLSearchParams): void {
  if (asked.get('response_type') !== 'code')
    throw new EntraError('unsupported_response_type', 700054, `response_type '${asked.get('response_type')}' is not enabled for the application.`)
  const scopes = readScopes(asked.get('scope') ?? '')
  if (scopes.length === 0) throw new EntraError('invalid_request', 900144, "The request body must contain the following parameter: 'scope'.")
  const method = asked.get('code_challenge_method')
  if (asked.has('code_challenge') && method !== 'S256')
    throw new EntraError('invalid_request', 501491, `Invalid size of Code_Challenge parameter or unsupported code_challenge_method '${method}'; use S256.`)
  const unknown = scopes.filter((scope) => !application.scopes.includes(scope) && scope !== '.default')
  if (unknown.length > 0)
    throw new EntraError('invalid_client', 650053, `The application asked for scope '${unknown.join(' ')}' that doesn't exist on the resource.`)
}

function submit(tenant: Tenant, asked: URLSearchParams, response: ServerResponse): void {
  if (asked.has('cancel')) throw new EntraError('access_denied', 65004, 'User declined to consent to access the app.')
  const user = tenant.user(asked.get('login') ?? '')
  if (!user || user.password !== asked.get('passwd'))
    return showForm(asked, response, 'AADSTS50126: Error validating credentials due to invalid username or password.')
  if (tenant.application.adminConsentOnly)
    throw new EntraError('consent_required', 90094, 'An administrator of the tenant has set a policy that prevents you from granting the application the permissions it is requesting.')
  const session = randomUUID()
  tenant.sessions.set(session, user.id)
  response.setHeader('set-cookie', `${COOKIE}=${session}; Path=/; HttpOnly`)
  grant(tenant, asked, user.id, response)
}

function sessionOf(tenant: Tenant, request: IncomingMessage): string | null {
  const id = new RegExp(`${COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1]
  return id === undefined ? null : (tenant.sessions.get(id) ?? null)
}

function grant(tenant: Tenant, asked: URLSearchParams, userId: string, response: ServerResponse): void {
  const code = `1.${randomBytes(32).toString('base64url')}`
  const scopes = readScopes(asked.get('scope') ?? '')
  tenant.codes.set(code, {
    userId,
    redirectUri: asked.get('redirect_uri') ?? '',
    scopes: scopes.includes('.default') ? [...scopes.filter((one) => one !== '.default'), ...tenant.application.scopes] : scopes,
    challenge: asked.get('code_challenge'),
    nonce: asked.get('nonce') ?? undefined,
    issued: tenant.clock.now(),
    redeemed: false,
  })
  sendBack(asked, { code, session_state: randomUUID() }, response)
}

function sendBack(asked: URLSearchParams, answer: Record<string, string>, response: ServerResponse): void {
  const state = asked.get('state')
  const values = { ...answer, ...(state === null ? {} : { state }) }
  const target = asked.get('redirect_uri') ?? ''
  const mode = asked.get('response_mode') ?? 'query'
  if (mode === 'form_post') {
    const inputs = Object.entries(values).map(([name, value]) => hidden(name, value))
    return page(response, 200, `<form method="post" action="${escape(target)}">${inputs.join('')}<button>Continue</button></form><script>document.forms[0].submit()</script>`)
  }
  const mark = mode === 'fragment' ? '#' : target.includes('?') ? '&' : '?'
  response.writeHead(302, { location: `${target}${mark}${new URLSearchParams(values).toString()}` }).end()
}

/** The form keeps the whole request, so that a POST by hand needs no more than the page shows. */
function showForm(asked: URLSearchParams, response: ServerResponse, message: string): void {
  const kept = [...asked].filter(([name]) => !['login', 'passwd', 'cancel'].includes(name))
  const known = asked.get('login') ?? asked.get('login_hint') ?? ''
  page(
    response, 200,
    `<form method="post">${kept.map(([name, value]) => hidden(name, value)).join('')}
<p id="error">${escape(message)}</p>
<p><label>Name <input name="login" value="${escape(known)}" autofocus></label></p>
<p><label>Password <input name="passwd" type="password"></label></p>
<p><button>Sign in</button> <button name="cancel" value="1">Cancel</button></p></form>`,
  )
}

const hidden = (name: string, value: string) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`

function page(response: ServerResponse, status: number, body: string): void {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to your account</title><h1>Sign in</h1>${body}</html>`
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html)
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
