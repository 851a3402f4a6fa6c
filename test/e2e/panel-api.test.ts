import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, openOffice } from '../browser/support/office.ts'
import type { Office } from '../browser/support/office.ts'

interface Operation {
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly security?: readonly Record<string, unknown>[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: unknown
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema?: object }> }>
}

let office: Office
const routes: string[] = []
let operations: { path: string; method: string; operation: Operation }[] = []
const tokens = { all: '', read: '', user: '' }

const noteRoutes = (message: unknown) => {
  const { fastify } = message as { fastify: FastifyInstance }
  fastify.addHook('onRoute', ({ method, url }) => void routes.push(...[method].flat().map((one) => `${one} ${url.replace(/:(\w+)/g, '{$1}')}`)))
}

beforeAll(async () => {
  subscribe('fastify.initialization', noteRoutes)
  office = await openOffice({})
  await eventually('the service is ready', () => office.running.service.prepared())
  const { paths } = (await (await fetch(`${office.url}/api/openapi.json`)).json()) as { paths: Record<string, Record<string, Operation>> }
  operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))
  const { door, station } = office.running.panel
  const users = station.need().connector.directory().users
  const token = async (name: string, scope: 'all' | 'read') => {
    const user = users.find((one) => one.name === name)
    if (user === undefined) throw new Error(`no ${name}`)
    return (await door.makeToken({ ...user, readOnly: false }, name, scope, 1)).secret
  }
  Object.assign(tokens, { all: await token('admin', 'all'), read: await token('admin', 'read'), user: await token('alice', 'all') })
})
afterAll(async () => {
  unsubscribe('fastify.initialization', noteRoutes)
  await office?.close()
})

const ask = (method: string, path: string, token: string | null, body?: unknown) => fetch(`${office.url}${path.replace(/\{\w+\}/g, 'nobody')}`, {
  method,
  headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})
const ofTheApi = () => operations.filter(({ path, operation }) => path.startsWith('/api/') && operation.security?.length !== 0)
const isForUsers = (operation: Operation) => ['me', 'activity', 'attention', 'live'].includes(operation.tags?.[0] ?? '')
const codeOf = async (answer: Response) => `${answer.status} ${((await answer.json()) as { error?: { code: string } }).error?.code ?? ''}`

describe('the description of the API', () => {
  it('names every address that the service answers, and no other', () => {
    const served = routes.filter((route) => !/^(HEAD|OPTIONS) /.test(route) && !/ (\/assets|\*|\/pop-up\.js|\/icon\.svg|\/oauth\/microsoft$|\/api\/openapi\.json$)/.test(route))
    expect(operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...new Set(served)].sort())
    expect(operations.length).toBeGreaterThan(50)
  })

  it('says of each what it is for, what it takes, what it answers and how it refuses', () => {
    const lacking = operations.flatMap(({ path, method, operation }) => {
      const lacks: string[] = []
      if ((operation.summary ?? '').length < 8) lacks.push('a summary')
      if (operation.tags?.length !== 1) lacks.push('a tag')
      for (const [, name] of path.matchAll(/\{(\w+)\}/g)) if (operation.parameters?.some((one) => one.name === name && one.in === 'path' && one.required === true) !== true) lacks.push(`the parameter ${name}`)
      const good = Object.entries(operation.responses).filter(([status]) => /^2/.test(status))
      if (good.length === 0 || good.some(([, { content }]) => Object.values(content ?? {}).every(({ schema }) => schema === undefined))) lacks.push('its answer')
      if (path.startsWith('/api/') && operation.responses['default']?.content === undefined) lacks.push('how it refuses')
      return lacks.map((lack) => `${method} ${path} lacks ${lack}`)
    })
    expect(lacking).toEqual([])
  })

  it('is true of every question: it is answered as described', async () => {
    const from = new Date().toISOString()
    const asked = { '/api/why': '?item=18x1', '/api/availability': `?from=${from}&to=${from}` } as Record<string, string>
    for (const { path, operation } of ofTheApi().filter((one) => one.method === 'GET' && !/\{|live/.test(one.path))) {
      const required = (operation.parameters ?? []).filter((one) => one.required === true).map(({ name }) => name)
      const query = asked[path] ?? ''
      expect(required.every((name) => query.includes(`${name}=`)), `${path} needs ${required.join(', ')}`).toBe(true)
      // What does not fit its schema is answered with 500.
      const answer = await ask('GET', path + query, tokens.read)
      expect(`${path} ${answer.status}`).toBe(`${path} 200`)
    }
  })
})

describe('who may ask', () => {
  it('nobody without a token, and nobody with a wrong one', async () => {
    for (const { path, method } of ofTheApi()) {
      expect(`${method} ${path} ${(await ask(method, path, null)).status}`).toBe(`${method} ${path} 401`)
      expect(`${method} ${path} ${(await ask(method, path, 'ec_guessed')).status}`).toBe(`${method} ${path} 401`)
    }
  })

  it('a token for reading changes nothing', async () => {
    for (const { path, method } of ofTheApi().filter((one) => one.method !== 'GET')) {
      expect(`${method} ${path} ${await codeOf(await ask(method, path, tokens.read))}`).toBe(`${method} ${path} 403 READ_ONLY`)
    }
  })

  it('who is no administrator reaches nothing of the administration', async () => {
    for (const { path, method, operation } of ofTheApi().filter((one) => !isForUsers(one.operation) && one.path !== '/api/availability')) {
      const answer = await ask(method, path, tokens.user, operation.requestBody === undefined ? undefined : {})
      expect(`${method} ${path} ${await codeOf(answer)}`).toBe(`${method} ${path} 403 ADMINISTRATORS_ONLY`)
    }
  })

  it('what is not valid is refused with the name of the field', async () => {
    const answer = await ask('PATCH', '/api/jobs/sweep', tokens.all, { paused: 'perhaps' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'BAD_REQUEST', message: expect.stringContaining('paused') as unknown } })
    expect(await codeOf(await ask('GET', '/api/users/nobody', tokens.all))).toBe('404 NO_SUCH_USER')
    expect(await codeOf(await ask('GET', '/api/nothing', tokens.all))).toBe('404 NOT_FOUND')
  })
})

describe('for supervisors', () => {
  it('/healthz, /readyz and /metrics answer without a sign-in, and name nobody', async () => {
    await eventually('it does its work', async () => (await fetch(`${office.url}/readyz`)).ok)
    expect(await (await fetch(`${office.url}/healthz`)).json()).toEqual({ ok: true })
    const metrics = await (await fetch(`${office.url}/metrics`)).text()
    for (const name of ['connector_configured 1', 'connector_mailboxes{standing="healthy"}', 'connector_latency_seconds', 'connector_job_failed{job="crm-poll"} 0', 'connector_attention{what="held"} 0']) expect(metrics).toContain(name)
    expect(metrics).not.toContain('example.test')
  })
})
