import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { GraphSim } from '../graph/index.ts'
import { startGraphSim } from '../graph/index.ts'
import { ALICE, ask, askToken, REDIRECT, secretForm, signInPage, userTokens, users } from '../graph/test-client.ts'
import { selfSigned } from './test-certificate.ts'

let sim: GraphSim

beforeEach(async () => {
  sim = await startGraphSim()
})
afterEach(() => sim.stop())

const client = () => ({ client_id: sim.clientId, client_secret: sim.clientSecret })
const codeOf = async (more: Record<string, string> = {}) => (await signInPage(sim, ALICE, more)).searchParams.get('code') ?? ''
const redeem = (code: string, more: Record<string, string> = {}) =>
  askToken(sim, { grant_type: 'authorization_code', ...client(), code, redirect_uri: REDIRECT, ...more })
const refresh = (token: string, more: Record<string, string> = {}) =>
  askToken(sim, { grant_type: 'refresh_token', ...client(), refresh_token: token, ...more })

describe('an application by itself', () => {
  it('signs in with its secret, by the tenant id or a domain', async () => {
    const { status, body } = await askToken(sim, secretForm(sim))
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3599 })
    expect(body).not.toHaveProperty('refresh_token')
    expect((await askToken(sim, secretForm(sim), 'example.test')).status).toBe(200)
    expect((await ask(sim, 'GET', users(ALICE, 'events'), undefined, { token: body.access_token })).status).toBe(200)
  })

  it.each([
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
    ['no credential', { client_secret: '' }, 401, 'invalid_client', 7000215],
    ['another application', { client_id: randomUUID() }, 400, 'unauthorized_client', 700016],
    ['a scope without .default', { scope: 'Calendars.ReadWrite' }, 400, 'invalid_scope', 1002012],
    ['an unknown grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
  ])('is refused with %s', async (_, wrong, status, error, code) => {
    const answer = await askToken(sim, { ...secretForm(sim), ...wrong })
    expect(answer).toMatchObject({ status, body: { error, error_codes: [code] } })
    expect(answer.body.error_description).toMatch(new RegExp(`^AADSTS${code}: .+Trace ID:`))
  })

  it('is refused in an unknown tenant', async () => {
    expect((await askToken(sim, secretForm(sim), 'elsewhere.example')).body).toMatchObject({ error: 'invalid_request', error_codes: [90002] })
  })

  it('is refused once its secret has expired, and let in with a new one', async () => {
    sim.entra.expireSecret()
    expect((await askToken(sim, secretForm(sim))).body).toMatchObject({ error: 'invalid_client', error_codes: [7000222] })
    const fresh = sim.entra.addSecret()
    expect((await askToken(sim, { ...secretForm(sim), client_secret: fresh })).status).toBe(200)
  })
})

describe('an application with a certificate', () => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const certificate = selfSigned(keys)

  function assertion(claims: Record<string, unknown> = {}, key = keys.privateKey): string {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(sim.clock.now() / 1000)
    const header = { alg: 'RS256', typ: 'JWT', 'x5t#S256': createHash('sha256').update(certificate.der).digest('base64url') }
    const aud = `${sim.login}/${sim.tenant}/oauth2/v2.0/token`
    const body = { aud, iss: sim.clientId, sub: sim.clientId, jti: randomUUID(), nbf: now, exp: now + 300, ...claims }
    const signed = `${encode(header)}.${encode(body)}`
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`
  }
  const askWith = (client_assertion: string) =>
    askToken(sim, {
      grant_type: 'client_credentials', client_id: sim.clientId, scope: 'https://graph.microsoft.com/.default', client_assertion,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })

  it('signs in with a signed assertion when the certificate is registered', async () => {
    expect((await askWith(assertion())).body).toMatchObject({ error: 'invalid_client', error_codes: [700027] })
    sim.entra.addCertificate(certificate.pem)
    expect((await askWith(assertion())).status).toBe(200)
  })

  it('is refused with a wrong signature, audience or time', async () => {
    sim.entra.addCertificate(certificate.pem)
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    expect((await askWith(assertion({}, other))).body.error_codes).toEqual([700027])
    expect((await askWith(assertion({ aud: 'https://elsewhere.example/token' }))).body.error_codes).toEqual([700027])
    // Microsoft documents the token endpoint, and nothing else.
    expect((await askWith(assertion({ aud: `${sim.login}/${sim.tenant}/v2.0` }))).body.error_codes).toEqual([700027])
    expect((await askWith(assertion({ sub: 'somebody' }))).body.error_codes).toEqual([700027])
    const late = assertion()
    sim.clock.advance(301_000)
    expect((await askWith(late)).body.error_codes).toEqual([700024])
  })
})

describe('the sign-in page', () => {
  it('shows a form with the name from login_hint that works when posted as it is', async () => {
    const query = new URLSearchParams({ client_id: sim.clientId, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', state: 's 1', login_hint: ALICE })
    const page = await (await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize?${query.toString()}`)).text()
    expect(page).toContain(`name="login" value="${ALICE}"`)
    const fields = Object.fromEntries([...page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((match) => [match[1], match[2]]))
    const form = new URLSearchParams({ ...fields, login: ALICE, passwd: 'alice-password' })
    const response = await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize`, { method: 'POST', body: form, redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(new URL(response.headers.get('location') ?? '').searchParams.get('state')).toBe('s 1')
  })

  it('says that a password is wrong, and sends nobody away', async () => {
    sim.setPassword(ALICE, 'changed')
    const query = new URLSearchParams({ client_id: sim.clientId, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid' })
    const form = new URLSearchParams({ login: ALICE, passwd: 'alice-password' })
    const response = await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize?${query.toString()}`, { method: 'POST', body: form, redirect: 'manual' })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('AADSTS50126')
  })

  it.each([
    ['a request without a user when prompt is none', { prompt: 'none' }, 'login_required'],
    ['an unknown response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['a plain challenge', { code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request'],
    ['a permission that is not there', { scope: 'Mail.Send' }, 'invalid_client'],
  ])('sends %s back with an error', async (_, wrong, error) => {
    const query = new URLSearchParams({ client_id: sim.clientId, response_type: 'code', redirect_uri: REDIRECT, scope: 'openid', state: 'x', ...wrong })
    const response = await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize?${query.toString()}`, { redirect: 'manual' })
    const back = new URL(response.headers.get('location') ?? '')
    expect(back.searchParams.get('error')).toBe(error)
    expect(back.searchParams.get('state')).toBe('x')
  })

  it('shows the error itself when the address to return to is not registered', async () => {
    const query = new URLSearchParams({ client_id: sim.clientId, response_type: 'code', redirect_uri: 'https://elsewhere.example/', scope: 'openid' })
    const response = await fetch(`${sim.login}/${sim.tenant}/oauth2/v2.0/authorize?${query.toString()}`, { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('AADSTS50011')
  })

  it('tells the client that the user refused', async () => {
    expect((await signInPage(sim, ALICE, { cancel: '1' })).searchParams.get('error')).toBe('access_denied')
  })
})

describe('a signed-in user', () => {
  it('gets an id token that is signed with a published key and repeats the nonce', async () => {
    const { body } = await redeem(await codeOf({ nonce: 'n-1' }))
    const [head = '', payload = '', signature = ''] = body.id_token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const metadata = (await (await fetch(`${sim.login}/${sim.tenant}/v2.0/.well-known/openid-configuration`)).json()) as any
    expect(claims).toMatchObject({ nonce: 'n-1', aud: sim.clientId, iss: metadata.issuer, preferred_username: ALICE, tid: sim.tenant })
    const { keys } = (await (await fetch(metadata.jwks_uri)).json()) as any
    const jwk = keys.find((key: any) => key.kid === JSON.parse(Buffer.from(head, 'base64url').toString()).kid)
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    expect(verify('RSA-SHA256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
  })

  it('redeems a code once, with the verifier of its challenge and the same address', async () => {
    const verifier = 'v'.repeat(50)
    const code_challenge = createHash('sha256').update(verifier).digest('base64url')
    const code = await codeOf({ code_challenge, code_challenge_method: 'S256' })
    expect((await redeem(code)).body.error_codes).toEqual([50148])
    expect((await redeem(code, { code_verifier: 'w'.repeat(50) })).body).toMatchObject({ error: 'invalid_grant', error_codes: [501481] })
    expect((await redeem(code, { code_verifier: verifier, redirect_uri: 'http://localhost:1/' })).body.error_codes).toEqual([500112])
    expect((await redeem(code, { code_verifier: verifier })).status).toBe(200)
    expect((await redeem(code, { code_verifier: verifier })).body).toMatchObject({ error: 'invalid_grant', error_codes: [54005] })
  })

  it('must redeem a code within ten minutes', async () => {
    const code = await codeOf()
    sim.clock.advance(600_001)
    expect((await redeem(code)).body).toMatchObject({ error: 'invalid_grant', error_codes: [70008] })
  })

  it('gets a new refresh token with every refresh; the old one goes on unless the tenant is strict', async () => {
    const first = (await userTokens(sim, ALICE)).refresh_token
    const second = (await refresh(first)).body
    expect(second.refresh_token).not.toBe(first)
    expect((await refresh(first)).status).toBe(200)
    sim.entra.tokens.strictRotation = true
    expect((await refresh(first)).body.error).toBe('invalid_grant')
    expect((await refresh(second.refresh_token)).status).toBe(200)
  })

  it('has to sign in again after 90 idle days, a new password or a revocation', async () => {
    const idle = (await userTokens(sim, ALICE)).refresh_token
    sim.clock.advance(90 * 86_400_000 + 1)
    expect((await refresh(idle)).body).toMatchObject({ error: 'invalid_grant', error_codes: [700082] })
    const revoked = (await userTokens(sim, ALICE)).refresh_token
    sim.entra.revokeRefreshTokens(ALICE)
    expect((await refresh(revoked)).body).toMatchObject({ error: 'invalid_grant', error_codes: [50173] })
    const before = (await userTokens(sim, ALICE)).refresh_token
    sim.setPassword(ALICE, 'changed')
    expect((await refresh(before)).body.error_codes).toEqual([50173])
    expect((await refresh((await userTokens(sim, ALICE)).refresh_token)).status).toBe(200)
  })

  it('gets no more rights with a refresh than were granted', async () => {
    const { refresh_token } = await userTokens(sim, ALICE, 'offline_access Calendars.Read')
    expect((await refresh(refresh_token, { scope: 'Calendars.ReadWrite' })).body).toMatchObject({ error: 'invalid_grant', suberror: 'consent_required' })
  })

  it('finds his access token expired after an hour, or when told so', async () => {
    const { access_token: token } = await userTokens(sim, ALICE)
    expect((await ask(sim, 'GET', '/me', undefined, { token })).body.mail).toBe(ALICE)
    sim.entra.expireAccessTokens(ALICE)
    const expired = await ask(sim, 'GET', '/me', undefined, { token })
    expect(expired).toMatchObject({ status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } })
    expect(expired.headers.get('www-authenticate')).toMatch(/^Bearer/)
    const { access_token: another } = await userTokens(sim, ALICE)
    sim.clock.advance(3_600_000)
    expect((await ask(sim, 'GET', '/me', undefined, { token: another })).status).toBe(401)
  })

  it('keeps a grant whose answer was lost used up', async () => {
    const code = await codeOf()
    sim.faults.add({ operation: 'token', times: 1, effect: { type: 'drop-after' } })
    await expect(redeem(code)).rejects.toThrow()
    expect((await redeem(code)).body.error_codes).toEqual([54005])
  })
})
