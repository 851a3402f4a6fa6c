import { randomUUID } from 'node:crypto'

import { checkAccess } from './access.ts'
import type { Reply, World } from './call.ts'
import { findFolder, needObject } from './call.ts'
import type { Asked } from './dispatch.ts'
import { segmentsOf } from './dispatch.ts'
import { badRequest, denied, GraphError, notFound } from './errors.ts'
import type { Kind, Mailbox } from './model.ts'
import type { Subscription } from './subscriptions.ts'

const HANDSHAKE_MS = 10_000
const MINUTE = 60_000
/** https://learn.microsoft.com/graph/api/resources/subscription#subscription-lifetime */
const LIFETIME_MINUTES: Record<Kind, number> = { event: 10_080, contact: 10_080, task: 4_230 }
const SHORTEST_MINUTES = 45
const MOST_PER_MAILBOX = 1_000
const MOST_STATE = 128

/** What a request under /subscriptions is, and how it is carried out. */
export function subscriptionRequest(world: World, asked: Asked): { operation: string; run: () => Reply | Promise<Reply> } {
  const [, id, action] = segmentsOf(asked.url)
  const route = `${asked.method}${id === undefined ? '' : ' id'}${action === undefined ? '' : ` ${action}`}`
  switch (route) {
    case 'POST':
      return { operation: 'createSubscription', run: () => create(world, asked) }
    case 'GET':
      return { operation: 'listSubscriptions', run: () => list(world, asked) }
    case 'GET id':
      return { operation: 'getSubscription', run: () => answer(world, asked, 200, own(world, asked, id)) }
    case 'PATCH id':
      return { operation: 'updateSubscription', run: () => renew(world, asked, own(world, asked, id)) }
    case 'POST id reauthorize':
      return { operation: 'reauthorizeSubscription', run: () => reauthorize(own(world, asked, id)) }
    case 'DELETE id':
      return { operation: 'deleteSubscription', run: () => remove(world, own(world, asked, id)) }
    default:
      throw badRequest(`Resource not found for the segment '${action ?? id ?? 'subscriptions'}'.`)
  }
}

function own(world: World, { who }: Asked, id = ''): Subscription {
  const found = world.subscriptions.find(id)
  if (!found || found.clientId !== who.clientId || (who.userId !== null && found.creatorId !== who.userId))
    throw new GraphError(404, 'ResourceNotFound', 'The object was not found.')
  return found
}

function render(subscription: Subscription, entry = false): Record<string, unknown> {
  const { id, resource, clientId, changeTypes, clientState, notificationUrl, lifecycleNotificationUrl, expires, creatorId } = subscription
  return {
    id, resource, applicationId: clientId, changeType: changeTypes.join(','),
    // A list never shows the secret.
    clientState: entry ? null : clientState,
    notificationUrl, notificationQueryOptions: null, lifecycleNotificationUrl,
    expirationDateTime: new Date(expires).toISOString(),
    creatorId: creatorId ?? clientId, includeResourceData: null, latestSupportedTlsVersion: 'v1_2', encryptionCertificate: null,
    encryptionCertificateId: null, notificationUrlAppId: null,
  }
}

function answer(_world: World, { url }: Asked, status: number, subscription: Subscription): Reply {
  return { status, body: { '@odata.context': `${url.origin}/v1.0/$metadata#subscriptions/$entity`, ...render(subscription) } }
}

/** Documentation: https://learn.microsoft.com/graph/api/subscription-post-subscriptions */
async function create(world: World, asked: Asked): Promise<Reply> {
  const body = needObject(asked.body)
  const changeTypes = readChangeTypes(body.changeType)
  for (const name of ['notificationUrl', 'resource', 'expirationDateTime'])
    if (typeof body[name] !== 'string') throw invalid(`The property '${name}' is missing.`)
  if (typeof body.clientState === 'string' && body.clientState.length > MOST_STATE) throw invalid(`clientState is longer than ${MOST_STATE} characters.`)
  const { mailbox, kind, folder } = watched(world, asked, body.resource)
  const resource = String(body.resource)
  const same = world.subscriptions.all().filter((one) => one.mailbox === mailbox)
  if (same.length >= MOST_PER_MAILBOX) throw new GraphError(403, 'ErrorAccessDenied', 'The subscription quota of the mailbox is exhausted.')
  const isSame = (one: Subscription) =>
    one.clientId === asked.who.clientId && one.kind === kind && one.folder === folder && one.changeTypes.join() === changeTypes.join()
  if (same.some(isSame))
    throw new GraphError(409, 'InvalidRequest', 'Subscription already exists for the requested combination.')
  const expires = readExpiry(world, body.expirationDateTime, kind)
  await shake(String(body.notificationUrl), 'notificationUrl')
  const lifecycle = typeof body.lifecycleNotificationUrl === 'string' ? body.lifecycleNotificationUrl : null
  if (lifecycle !== null) await shake(lifecycle, 'lifecycleNotificationUrl')
  const subscription = world.subscriptions.add({
    clientId: asked.who.clientId, creatorId: asked.who.userId, resource, changeTypes, notificationUrl: body.notificationUrl,
    lifecycleNotificationUrl: lifecycle, clientState: body.clientState ?? null, expires, mailbox, kind, folder,
    immutable: /IdType\s*=\s*"?ImmutableId"?/i.test([asked.headers.prefer].flat().join()),
  })
  return answer(world, asked, 201, subscription)
}

const invalid = (message: string) => badRequest(message, 'InvalidRequest')

function readChangeTypes(value: unknown): string[] {
  const types = String(value ?? '').split(',').map((type) => type.trim().toLowerCase()).filter(Boolean)
  const unknown = types.find((type) => !['created', 'updated', 'deleted'].includes(type))
  if (types.length === 0 || unknown !== undefined) throw invalid(`Invalid 'changeType' attribute: '${String(value)}'.`)
  return types.sort()
}

/** Whose items of which kind a resource such as `users/{id}/events` means. */
function watched(world: World, { who }: Asked, resource: string): { mailbox: Mailbox; kind: Kind; folder: number | null } {
  const [head = '', ...rest] = resource.replace(/^\/+/, '').split('/').map(decodeURIComponent)
  const isMe = head.toLowerCase() === 'me'
  const mailbox = world.store.find(isMe ? (who.userId ?? '') : (rest.shift() ?? ''))
  if (!mailbox || (!isMe && head.toLowerCase() !== 'users')) throw new GraphError(404, 'ResourceNotFound', `The resource '${resource}' was not found.`)
  const path = rest.join('/')
  if (path === 'events' || path === 'calendar/events') return allowed(world, who, mailbox, 'event', null)
  if (path === 'contacts') return allowed(world, who, mailbox, 'contact', null)
  const [container = '', id = '', items = ''] = rest
  if (container === 'contactFolders' && items === 'contacts')
    return allowed(world, who, mailbox, 'contact', findFolder(world.store, mailbox, id, 'contact').serial)
  if (container === 'calendars' && items === 'events')
    return allowed(world, who, mailbox, 'event', findFolder(world.store, mailbox, id, 'event').serial)
  if (rest.length === 4 && container === 'todo' && rest[3] === 'tasks')
    return allowed(world, who, mailbox, 'task', findFolder(world.store, mailbox, rest[2] ?? '', 'task').serial)
  throw invalid(`The resource '${resource}' cannot be subscribed to.`)
}

function allowed(world: World, who: Asked['who'], mailbox: Mailbox, kind: Kind, folder: number | null) {
  // Of tasks only a user can be told; the permission tables say so for applications.
  if (kind === 'task' && who.kind === 'application')
    throw new GraphError(
      403, 'ExtensionError',
      'Operation: Create; Exception: [Status Code: Forbidden; Reason: Application permissions are not supported for todoTask.]',
    )
  // Permissions on shared folders do not count here.
  if (who.kind === 'user' && who.userId !== mailbox.id) throw denied()
  const area = ({ event: 'Calendars', contact: 'Contacts', task: 'Tasks' } as const)[kind]
  checkAccess(who, mailbox, null, { area, write: false }, world.applicationScope)
  if (!mailbox.enabled) throw notFound()
  return { mailbox, kind, folder }
}

/** Too long is refused, too short is made longer. */
function readExpiry(world: World, value: string, kind: Kind): number {
  const now = world.clock.now()
  const asked = Date.parse(value)
  if (Number.isNaN(asked)) throw invalid(`expirationDateTime '${value}' is no moment.`)
  if (asked <= now) throw invalid('Subscription expiration must be in the future.')
  const most = LIFETIME_MINUTES[kind]
  if (asked > now + most * MINUTE + MINUTE) throw invalid(`Subscription expiration can only be ${most} minutes in the future.`)
  return Math.max(asked, now + SHORTEST_MINUTES * MINUTE)
}

/**
 * The endpoint proves that it wants notifications: it sends back the decoded token as plain text within ten seconds.
 * Documentation: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks#notificationurl-validation
 */
async function shake(address: string, name: string): Promise<void> {
  const token = `Validation: Testing client application reachability for subscription Request-Id: ${randomUUID()}`
  let reason: string
  try {
    const url = new URL(address)
    url.searchParams.set('validationToken', token)
    const headers = { 'content-type': 'text/plain; charset=utf-8' }
    const response = await fetch(url, { method: 'POST', headers, signal: AbortSignal.timeout(HANDSHAKE_MS) })
    const text = await response.text()
    const type = response.headers.get('content-type') ?? ''
    if (response.status === 200 && type.startsWith('text/plain') && text === token) return
    reason = response.status === 200 ? 'Validation response is not the token as text/plain' : `HTTP status code is '${response.status}'`
  } catch (error) {
    reason = error instanceof Error && error.name === 'TimeoutError' ? 'The endpoint did not answer in time' : 'The endpoint could not be reached'
  }
  throw new GraphError(400, 'ValidationError', `Subscription validation request failed for ${name}. ${reason}.`)
}

/** Documentation: https://learn.microsoft.com/graph/api/subscription-list */
function list(world: World, { who, url }: Asked): Reply {
  const own = world.subscriptions.all().filter((one) => one.clientId === who.clientId && (who.userId === null || one.creatorId === who.userId))
  return { status: 200, body: { '@odata.context': `${url.origin}/v1.0/$metadata#subscriptions`, value: own.map((one) => render(one, true)) } }
}

/** Documentation: https://learn.microsoft.com/graph/api/subscription-update */
async function renew(world: World, asked: Asked, subscription: Subscription): Promise<Reply> {
  const body = needObject(asked.body)
  if (body.lifecycleNotificationUrl !== undefined && subscription.lifecycleNotificationUrl === null)
    throw invalid('lifecycleNotificationUrl can only be set when a subscription is created.')
  if (typeof body.notificationUrl === 'string') {
    await shake(body.notificationUrl, 'notificationUrl')
    subscription.notificationUrl = body.notificationUrl
  }
  if (body.expirationDateTime !== undefined) subscription.expires = readExpiry(world, String(body.expirationDateTime), subscription.kind)
  subscription.warned = false
  return answer(world, asked, 200, subscription)
}

/** Documentation: https://learn.microsoft.com/graph/api/subscription-reauthorize */
function reauthorize(subscription: Subscription): Reply {
  subscription.warned = false
  return { status: 200 }
}

/** Documentation: https://learn.microsoft.com/graph/api/subscription-delete */
function remove(world: World, subscription: Subscription): Reply {
  world.subscriptions.remove(subscription.id)
  return { status: 204 }
}
