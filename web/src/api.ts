import type { Problem } from '../../src/http/api-types.ts'

/** Trouble that the service told in words. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

let csrf: string | null = null
let seeAs: string | null = null
let setupToken: string | null = null
let onSignedOut: () => void = () => undefined

export const api = {
  setCsrf: (token: string | null) => void (csrf = token),
  setSeeAs: (id: string | null) => void (seeAs = id),
  setSetupToken: (token: string | null) => void (setupToken = token),
  whenSignedOut: (work: () => void) => void (onSignedOut = work),
  get: <T>(path: string, query: Record<string, string | number | boolean | null | undefined> = {}): Promise<T> => request<T>('GET', withQuery(path, query)),
  post: <T = unknown>(path: string, body: unknown = {}): Promise<T> => request<T>('POST', path, body),
  put: <T = unknown>(path: string, body: unknown): Promise<T> => request<T>('PUT', path, body),
  patch: <T = unknown>(path: string, body: unknown): Promise<T> => request<T>('PATCH', path, body),
  delete: <T = unknown>(path: string): Promise<T> => request<T>('DELETE', path),
}

function withQuery(path: string, query: Record<string, string | number | boolean | null | undefined>): string {
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined || value === null || value === '' ? [] : [[key, String(value)]]))
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (csrf !== null && method !== 'GET') headers['x-csrf-token'] = csrf
  if (seeAs !== null) headers['x-see-as'] = seeAs
  if (setupToken !== null) headers['x-setup-token'] = setupToken
  const response = await fetch(`/api${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  const answer: unknown = await response.json().catch(() => null)
  if (response.ok) return answer as T
  const { code, message } = (answer as Problem | null)?.error ?? { code: 'HTTP', message: `HTTP ${response.status}` }
  if (response.status === 401 && code === 'SIGN_IN') onSignedOut()
  throw new ApiError(response.status, code, message)
}
