import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { z } from 'zod'
import * as s from './schemas.ts'

type Transform = typeof jsonSchemaTransform
type Input = Parameters<Transform>[0]

const named = (url: string) => Object.fromEntries([...url.matchAll(/:(\w+)/g)].map(([, name]) => [name ?? '', z.string()]))

/** What every route of the API has beside its own description: its parameters, how it says no, and who may ask. */
export const describeRoute: Transform = (input: Input) => {
  const { schema, url } = input
  if (schema === undefined || schema.hide === true || !url.startsWith('/api/')) return jsonSchemaTransform({ ...input, schema: { ...schema, hide: true } } as Input)
  const tags = (schema.tags ?? []) as readonly string[]
  const params = named(url)
  return jsonSchemaTransform({
    ...input,
    schema: {
      ...schema,
      ...(Object.keys(params).length > 0 ? { params: z.object(params) } : {}),
      response: { ...(schema.response as object | undefined), default: s.problem.describe('What is wrong, and how to mend it') },
      ...(tags.includes('session') ? { security: [] } : {}),
      ...(tags.some((tag) => tag === 'connect' || tag === 'tasks') && input.route.method !== 'DELETE' ? { security: [{ token: [] }, { session: [] }, { setup: [] }] } : {}),
    },
  } as Input)
}

const answer = (description: string, type: string) => ({ description, content: { [type]: { schema: { type: type === 'application/json' ? 'object' as const : 'string' as const } } } })
const supervision = (summary: string, responses: object) => ({ tags: ['supervision'], summary, security: [], responses: responses as Record<string, ReturnType<typeof answer>> })

/** The service's addresses beside the API: for supervisors, for the CRM and for Microsoft 365. They ask for no sign-in. */
export const OUTSIDE = {
  '/healthz': { get: supervision('Whether the process lives', { 200: answer('It does', 'application/json') }) },
  '/readyz': { get: supervision('Whether it does its work', { 200: answer('It does, with counts', 'application/json'), 503: answer('It does not, with the reasons', 'application/json') }) },
  '/metrics': { get: supervision('Counts and states for Prometheus', { 200: answer('Text format of Prometheus', 'text/plain') }) },
  '/notify/crm': { post: supervision('The CRM changed: it is asked at once', { 202: answer('It will be', 'application/json') }) },
  '/notify/graph/{connection}': {
    post: {
      ...supervision("Microsoft 365's change notifications, checked by their client state", { 200: answer('The validation token, sent back', 'text/plain'), 202: answer('Received', 'application/json'), 404: answer('No such connection', 'application/json') }),
      parameters: [{ name: 'connection', in: 'path' as const, required: true, schema: { type: 'string' as const } }, { name: 'validationToken', in: 'query' as const, required: false, schema: { type: 'string' as const } }],
    },
  },
}
