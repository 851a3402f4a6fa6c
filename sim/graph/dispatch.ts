import type { IncomingHttpHeaders } from 'node:http'

import type { FaultEffect } from '../faults.ts'
import type { Principal } from '../entra/index.ts'
import { checkAccess, refuseMe } from './access.ts'
import type { Call, Reply, World } from './call.ts'
import { findFolder, readPreferences } from './call.ts'
import { badRequest, errorBody, GraphError, statusOf } from './errors.ts'
import type { Folder, Kind, Mailbox } from './model.ts'
import type { Route } from './routes.ts'
import { findRoute, knowsPath } from './routes.ts'

/** A request without its transport; a part of a batch looks like this too. */
export interface Asked {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: any
  who: Principal
}

/** What to do, not yet done: fault rules want to know first. */
export interface Prepared {
  operation: string
  /** Address of the mailbox; null where none is concerned. */
  subject: string | null
  run: () => Reply | Promise<Reply>
}

/** A request whose operation is known. */
export interface Routed {
  call: Call
  route: Route
}

/** Containers whose content is addressed below them, by the first segments of the path. */
const CONTAINERS: { path: string[]; kind: Kind; strip: number }[] = [
  { path: ['calendars', ':id'], kind: 'event', strip: 2 },
  { path: ['contactFolders', ':id'], kind: 'contact', strip: 2 },
]

/** Segments of a path after the version; `users('x')` is `users/x`. */
export function segmentsOf(url: URL): string[] {
  const segments = url.pathname.split('/').slice(2).filter(Boolean).map(decode)
  return segments
    .flatMap((segment) => /^(\w+)\('(.*)'\)$/.exec(segment)?.slice(1) ?? [segment])
    .map((segment) => segment.replace(/^microsoft\.graph\./, '').replace(/\(\)$/, ''))
}

/** Limits count for each application and mailbox; what belongs to no mailbox has a count of its own. */
export function throttleKey(who: Principal, url: URL): string {
  const [head, name = ''] = segmentsOf(url)
  return `${who.clientId} ${head === 'me' ? who.userId : head === 'users' ? name.toLowerCase() : head}`
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest(`The segment '${segment}' is not correctly encoded.`)
  }
}

/** Finds mailbox, container and operation, and checks what the token allows. */
export function route(world: World, asked: Asked): Routed {
  const segments = segmentsOf(asked.url)
  const { mailbox, rest } = findMailbox(world, asked.who, segments)
  if (rest[0] === 'todo' && !world.switches.todo) throw badRequest("Resource not found for the segment 'todo'.")
  const { folder, inner } = findContainer(world, mailbox, rest)
  const found = findRoute(asked.method, inner)
  if (!found) {
    if (knowsPath(inner)) throw new GraphError(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.')
    throw badRequest(`Resource not found for the segment '${inner.at(-1) ?? ''}'.`)
  }
  checkAccess(asked.who, mailbox, folder, found.route.need, world.applicationScope)
  if (!mailbox.enabled && !['User', 'none'].includes(found.route.need.area))
    throw new GraphError(404, 'MailboxNotEnabledForRESTAPI', 'The mailbox is either inactive, soft-deleted, or is hosted on-premise.')
  const preferences = readPreferences(asked.headers, mailbox, world.switches.uid)
  return { call: { ...asked, ...preferences, world, mailbox, folder, params: found.params }, route: found.route }
}

function findMailbox(world: World, who: Principal, segments: string[]): { mailbox: Mailbox; rest: string[] } {
  const [head, name = ''] = segments
  if (head === 'me') {
    const mailbox = who.userId === null ? undefined : world.store.find(who.userId)
    if (!mailbox) throw refuseMe()
    return { mailbox, rest: segments.slice(1) }
  }
  if (head !== 'users') throw badRequest(`Resource not found for the segment '${head ?? ''}'.`)
  const mailbox = world.store.find(name)
  if (mailbox) return { mailbox, rest: segments.slice(2) }
  if (segments.length === 2)
    throw new GraphError(404, 'Request_ResourceNotFound', `Resource '${name}' does not exist or one of its queried reference-property objects are not present.`)
  throw new GraphError(404, 'ErrorInvalidUser', `The requested user '${name}' is invalid.`)
}

/** Takes a container off the front of a path: `calendars/{id}/events` is `events` in that calendar. */
function findContainer(world: World, mailbox: Mailbox, rest: string[]): { folder: Folder | null; inner: string[] } {
  if (rest[0] === 'calendar' && rest.length > 1) return { folder: world.store.wellKnown(mailbox, 'calendar'), inner: rest.slice(1) }
  for (const { path, kind, strip } of CONTAINERS) {
    const fits = rest.length > strip && path.every((part, at) => part.startsWith(':') || part.toLowerCase() === rest[at]?.toLowerCase())
    // `contactFolders/delta` names a function, no folder.
    if (fits) return { folder: findFolder(world.store, mailbox, rest[path.indexOf(':id')] ?? '', kind), inner: rest.slice(strip) }
  }
  if (rest[0] === 'todo' && rest[1] === 'lists' && rest.length > 3)
    return { folder: findFolder(world.store, mailbox, rest[2] ?? '', 'task'), inner: ['todo', ...rest.slice(3)] }
  return { folder: null, inner: rest }
}

export function failure(world: World, error: GraphError, requestId: string): Reply {
  return { status: error.status, headers: error.headers, body: errorBody(error.code, error.message, requestId, world.clock.now()) }
}

/** The answer to a scripted protocol error. */
export function scripted(effect: Extract<FaultEffect, { type: 'error' }>): GraphError {
  const status = effect.status ?? statusOf(effect.code)
  const headers: Record<string, string> = {}
  if (effect.backOffMs !== undefined) headers['retry-after'] = String(Math.ceil(effect.backOffMs / 1000))
  return new GraphError(status, effect.code, effect.message ?? 'The server cannot process the request now.', headers)
}
