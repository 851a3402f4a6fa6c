import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import fixedFiles from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { refused } from '../panel/index.ts'

/** A checkout, or the built package. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const SOURCES = join(ROOT, 'web')

/**
 * The folder of the built pages. A checkout builds them when they are missing or older than their sources; an installed
 * package brings them.
 * @param tell said before a build begins, which takes some seconds
 * @throws Error when they cannot be built
 */
export async function findAssets(tell: (message: string) => void): Promise<string> {
  if (!existsSync(join(SOURCES, 'vite.config.ts'))) return SOURCES
  const built = join(SOURCES, 'dist')
  if (isFresh(built)) return built
  tell('Building the pages of the panel …')
  // Two that start at once build twice and harm nobody: the last one stays.
  const making = join(SOURCES, `.dist-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js')
    await promisify(execFile)(process.execPath, [vite, 'build', SOURCES, '--outDir', making, '--emptyOutDir', '--logLevel', 'warn'], { cwd: SOURCES, env: { ...process.env, NODE_ENV: 'production' } })
    rmSync(built, { recursive: true, force: true })
    renameSync(making, built)
  } catch (cause) {
    if (isFresh(built)) return built
    throw new Error(`The pages of the panel could not be built: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
  return built
}

function isFresh(built: string): boolean {
  const page = statSync(join(built, 'index.html'), { throwIfNoEntry: false })
  if (page === undefined) return false
  const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => !/^(dist|\.dist|node_modules)/.test(name))
  return sources.every((name) => (statSync(join(SOURCES, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= page.mtimeMs)
}

/** Nothing runs or loads but what we serve; styles that Mantine makes carry the page's nonce. */
const policyOf = (nonce: string, frameAncestors: readonly string[]) => [
  "default-src 'none'", "script-src 'self'", `style-src 'self' 'nonce-${nonce}'`, "img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
  `frame-ancestors ${["'self'", ...frameAncestors].join(' ')}`, "base-uri 'none'", "form-action 'self'",
].join('; ')

/** The pages: one document for every address, and files whose names change with their content. */
export async function serveAssets(server: FastifyInstance, folder: string | null, frameAncestors: readonly string[]): Promise<void> {
  server.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', policyOf('none', frameAncestors))
  })
  if (folder !== null) {
    await server.register(fixedFiles, { root: join(folder, 'assets'), prefix: '/assets/', immutable: true, maxAge: '365d', index: false, preCompressed: true })
    await server.register(fixedFiles, { root: folder, serve: true, wildcard: false, index: false, decorateReply: false, globIgnore: ['index.html', 'assets/**'], preCompressed: false })
  }
  const page = folder === null ? null : readFileSync(join(folder, 'index.html'), 'utf8')
  server.setNotFoundHandler((request, reply) => {
    if (page === null || request.method !== 'GET' || /^\/(api|assets|notify)\//.test(request.url)) {
      const { status, code, message } = refused(404, 'NOT_FOUND', `There is nothing at ${request.method} ${request.url.split('?')[0] ?? ''}. The API is described at /api/openapi.json.`)
      return reply.code(status).send({ error: { code, message } })
    }
    const nonce = randomBytes(16).toString('base64')
    return reply
      .header('content-security-policy', policyOf(nonce, frameAncestors))
      .header('cache-control', 'no-store')
      .type('text/html')
      .send(page.replaceAll('NONCE', nonce))
  })
}
