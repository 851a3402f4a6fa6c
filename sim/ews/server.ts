import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import type { FaultEffect, Faults } from '../faults.ts'
import type { Autodiscover } from './autodiscover.ts'
import { getUserAvailability } from './availability.ts'
import type { Call } from './call.ts'
import type { Certificate } from './certificate.ts'
import { createItem } from './create-item.ts'
import { copyItem, deleteItem, moveItem } from './delete-item.ts'
import { ResponseError, SoapFault } from './errors.ts'
import { findItem } from './find-item.ts'
import { createFolder, deleteFolder, findFolder, getFolder, syncFolderHierarchy, updateFolder } from './folders.ts'
import { getItem } from './get-item.ts'
import { parseId } from './ids.ts'
import type { Mailbox } from './model.ts'
import { resolveNames } from './resolve-names.ts'
import type { EwsSchema } from './schema.ts'
import type { SignIn } from './sign-in.ts'
import { byUsername } from './sign-in.ts'
import type { ServerVersion } from './soap.ts'
import { envelope, failure, faultEnvelope, responseBody, SCHEMA_VERSIONS } from './soap.ts'
import type { Store } from './store.ts'
import type { Streams } from './streaming.ts'
import type { Subscriptions } from './subscriptions.ts'
import { subscribe, unsubscribe } from './subscriptions.ts'
import { syncFolderItems } from './sync-folder-items.ts'
import type { Refusal, Throttle } from './throttle.ts'
import { updateItem } from './update-item.ts'
import type { XmlElement } from './xml.ts'
import { child, descend, MESSAGES_NS, parseXml, SOAP_NS, XmlSyntaxError } from './xml.ts'

export interface ServerParts {
  store: Store
  faults: Faults
  subscriptions: Subscriptions
  streams: Streams
  service: { username: string; password: string }
  signIn: SignIn
  autodiscover: Autodiscover
  throttle: Throttle
  /** How long every call takes. */
  latencyMs: number
  /** Null serves plain http. */
  certificate: Certificate | null
  version: ServerVersion
  schema: EwsSchema | null
  affinity: boolean
  /** Servers behind the balancer that are gone for good; what is still sent to one of them by its cookie fails. */
  goneBackends: Set<string>
  /** Those that hold subscriptions. */
  backends: Set<string>
  forcePageSize: number
}

const OPERATIONS: Record<string, (call: Call) => string[]> = {
  GetFolder: getFolder,
  FindFolder: findFolder,
  CreateFolder: createFolder,
  DeleteFolder: deleteFolder,
  UpdateFolder: updateFolder,
  SyncFolderHierarchy: syncFolderHierarchy,
  SyncFolderItems: syncFolderItems,
  GetItem: getItem,
  FindItem: findItem,
  CreateItem: createItem,
  UpdateItem: updateItem,
  DeleteItem: deleteItem,
  MoveItem: moveItem,
  CopyItem: copyItem,
  ResolveNames: resolveNames,
}

const COOKIE = 'X-BackEndOverrideCookie'
const AVAILABILITY = 'GetUserAvailability'

export function createEwsServer(parts: ServerParts): Server {
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    handle(parts, request, response).catch((error: unknown) => {
      // A bug of the simulator must be visible in the test that meets it.
      if (response.headersSent) response.destroy()
      else
        response
          .writeHead(500, { 'content-type': 'text/plain' })
          .end(error instanceof Error ? error.stack : String(error))
    })
  }
  const { certificate } = parts
  return certificate ? createTlsServer({ cert: certificate.cert, key: certificate.key }, listener) : createServer(listener)
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function handle(parts: ServerParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readBody(request)
  response.setHeader('request-id', randomUUID())
  const clientId = request.headers['client-request-id']
  if (clientId !== undefined && request.headers['return-client-request-id'] === 'true')
    response.setHeader('client-request-id', clientId)
  const elsewhere = parts.autodiscover.isFor(request) ? parts.autodiscover.elsewhere(text) : null
  if (elsewhere) {
    response.writeHead(302, { location: elsewhere, 'content-length': 0 }).end()
    return
  }
  const signedIn = parts.signIn.of(request)
  if ('refused' in signedIn) {
    response.writeHead(401, { 'www-authenticate': signedIn.challenge, 'content-length': 0 }).end()
    return
  }
  const { user } = signedIn
  if (parts.autodiscover.isFor(request)) {
    parts.autodiscover.answer(request, text, response)
    return
  }
  if (!/^\/ews\/exchange\.asmx/i.test(request.url ?? '')) {
    response.writeHead(404).end()
    return
  }
  if (request.method !== 'POST') {
    response.writeHead(405, { allow: 'POST' }).end()
    return
  }
  parts.store.runTouches()
  try {
    await pacedAnswer(parts, readCall(parts, request, user, text), request, response)
  } catch (error) {
    if (!(error instanceof SoapFault)) throw error
    send(response, error.status, faultEnvelope(error))
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = Buffer.from(text)
  response
    .writeHead(status, { 'content-type': 'text/xml; charset=utf-8', 'content-length': body.length, ...headers })
    .end(body)
}

function readCall(parts: ServerParts, request: IncomingMessage, user: string, text: string): Call {
  const root = parse(parts, text)
  const header = child(root, 'Header')
  const body = child(root, 'Body')?.children[0]
  if (root.ns !== SOAP_NS || !body || body.ns !== MESSAGES_NS)
    throw violation(1, 1, 'The envelope holds no operation of the messages namespace.')
  checkVersion(parts.version, child(header, 'RequestServerVersion'))
  const impersonation = child(header, 'ExchangeImpersonation')
  const foreign = impersonation ? undefined : (foreignMailbox(parts, user, body) ?? subscribedMailbox(parts, user, body))
  const mailbox = foreign ?? targetMailbox(parts, user, impersonation)
  const trouble = TROUBLES[mailbox.condition ?? '']
  if (trouble !== undefined) throw new SoapFault(trouble)
  if (mailbox.movingUntil > parts.store.clock.now()) throw new SoapFault('ErrorMailboxMoveInProgress')
  return {
    store: parts.store,
    // The only request whose element has another name than its operation.
    operation: body.name === 'GetUserAvailabilityRequest' ? AVAILABILITY : body.name,
    body,
    mailbox,
    user,
    delegate: foreign ? user : null,
    zone: descend(header, 'TimeZoneContext', 'TimeZoneDefinition')?.attrs['Id'] ?? null,
    headers: request.headers,
    responseHeaders: {},
    forcePageSize: parts.forcePageSize,
  }
}

function violation(line: number, position: number, message: string): SoapFault {
  return new SoapFault('ErrorSchemaValidation', {
    message: `The request failed schema validation: ${message}`,
    values: { LineNumber: line, LinePosition: position, Violation: message },
  })
}

function parse(parts: ServerParts, text: string): XmlElement {
  try {
    const root = parseXml(text)
    const broken = parts.schema?.check(text)
    if (broken) throw violation(broken.line, broken.position, broken.message)
    return root
  } catch (error) {
    if (error instanceof XmlSyntaxError) throw violation(error.line, error.column, error.message)
    throw error
  }
}

function checkVersion(own: ServerVersion, element: XmlElement | undefined): void {
  const asked = element?.attrs['Version']
  if (asked === undefined) return
  const index = SCHEMA_VERSIONS.indexOf(asked)
  if (index < 0 || index > SCHEMA_VERSIONS.indexOf(own.schema)) throw new SoapFault('ErrorInvalidServerVersion')
}

const TROUBLES: Record<string, string> = {
  disabled: 'ErrorAccountDisabled',
  'password-expired': 'ErrorPasswordExpired',
  offline: 'ErrorMailboxStoreUnavailable',
}

/** The mailbox of somebody else that the first id of the request lies in: to be worked in by folder rights. */
function foreignMailbox(parts: ServerParts, user: string, body: XmlElement): Mailbox | undefined {
  const reference = firstReference(body)
  if (!reference) return undefined
  const address = child(child(reference, 'Mailbox'), 'EmailAddress')?.text.trim()
  const token = parseId(reference.attrs['Id'] ?? '')?.token
  const found = address ? parts.store.find(address) : token === undefined ? undefined : parts.store.byToken(token)
  return found === undefined || found === byUsername(parts.store, user) ? undefined : found
}

/** Streams carry no folder, and their reader may have no mailbox: it is about those subscribed to. */
function subscribedMailbox(parts: ServerParts, user: string, body: XmlElement): Mailbox | undefined {
  const id = child(body, 'SubscriptionId') ?? child(body, 'SubscriptionIds')?.children[0]
  const subscription = parts.subscriptions.get(id?.text.trim() ?? '')
  return subscription?.owner === user && !byUsername(parts.store, user) ? subscription.mailbox : undefined
}

function firstReference(element: XmlElement): XmlElement | undefined {
  if (/^(?:Distinguished)?FolderId$|^ItemId$/.test(element.name)) return element
  for (const one of element.children) {
    const found = firstReference(one)
    if (found) return found
  }
  return undefined
}

/** The caller's own mailbox, or the one the service account stands in for. */
function targetMailbox(parts: ServerParts, user: string, impersonation: XmlElement | undefined): Mailbox {
  if (!impersonation) {
    const own = byUsername(parts.store, user)
    if (!own)
      throw new SoapFault('ErrorMissingEmailAddress', { message: `The account ${user} has no mailbox of its own.` })
    return own
  }
  if (user !== parts.service.username) throw new SoapFault('ErrorImpersonateUserDenied')
  const sid = child(impersonation, 'ConnectingSID')?.children[0]
  const name = sid?.text.trim() ?? ''
  const mailbox =
    sid?.name === 'PrincipalName' ? (byUsername(parts.store, name) ?? parts.store.find(name)) : parts.store.find(name)
  if (!mailbox) throw new SoapFault('ErrorNonExistentMailbox')
  // SmtpAddress takes any address of the mailbox, PrimarySmtpAddress the main one.
  if (sid?.name === 'PrimarySmtpAddress' && mailbox.address.toLowerCase() !== name.toLowerCase())
    throw new SoapFault('ErrorNonPrimarySmtpAddress', { values: { Primary: mailbox.address } })
  return mailbox
}

async function pacedAnswer(
  parts: ServerParts,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Streams have a limit of their own.
  if (call.operation === 'GetStreamingEvents') return answer(parts, call, request, response)
  const refusal = parts.throttle.enter(call.user, call.mailbox.address)
  if (refusal) {
    tooBusy(parts, refusal, call, response)
    return
  }
  try {
    if (parts.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, parts.latencyMs))
    await answer(parts, call, request, response)
  } finally {
    parts.throttle.leave(call.user)
  }
}

function tooBusy(parts: ServerParts, { code, backOffMs }: Refusal, call: Call, response: ServerResponse): void {
  if (code === 503) {
    response.writeHead(503, { 'retry-after': '1', 'content-length': 0 }).end()
    return
  }
  const values: Record<string, number> = backOffMs === undefined ? {} : { BackOffMilliseconds: backOffMs }
  if (parts.throttle.status === 500) throw new SoapFault(code, { values })
  const messages = Array.from({ length: partsOf(call) }, () =>
    failure(call.operation, new ResponseError(code), { values, inner: emptyContent(call.operation) }),
  )
  send(response, 200, envelope(parts.version, responseBody(call.operation, messages)))
}

async function answer(
  parts: ServerParts,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (parts.goneBackends.has(backendOf(request) ?? '')) {
    response.writeHead(500).end()
    return
  }
  const effect = parts.faults.take(call.operation, call.mailbox.address)
  if (effect && (await refuse(parts, effect, call, request, response))) return
  if (call.operation === 'GetStreamingEvents') {
    parts.streams.open(call, parts.subscriptions, response, backendOf(request))
    if (effect && effect.type !== 'delay') response.destroy()
    return
  }
  const body =
    call.operation === AVAILABILITY
      ? getUserAvailability(call)
      : responseBody(call.operation, perform(parts, call, request))
  const text = envelope(parts.version, body)
  if (effect?.type === 'drop-after') request.socket.destroy()
  else if (effect?.type === 'status-after') response.writeHead(effect.status).end()
  else if (effect?.type === 'half') {
    const body = Buffer.from(text)
    response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8', 'content-length': body.length })
    response.write(body.subarray(0, body.length / 2), () => request.socket.destroy())
  } else send(response, 200, text, call.responseHeaders)
}

function perform(parts: ServerParts, call: Call, request: IncomingMessage): string[] {
  if (call.operation === 'Subscribe')
    return subscribe(call, parts.subscriptions, subscribingBackend(parts, call, request))
  if (call.operation === 'Unsubscribe') return unsubscribe(call, parts.subscriptions)
  if (call.mailbox.condition === 'full' && /^(?:Create|Update)(?:Item|Folder)$/.test(call.operation)) {
    const inner = emptyContent(call.operation)
    const full = () => failure(call.operation, new ResponseError('ErrorQuotaExceeded'), { inner })
    return Array.from({ length: partsOf(call) }, full)
  }
  const operation = OPERATIONS[call.operation]
  if (!operation)
    throw new SoapFault('ErrorInvalidRequest', {
      message: `This server does not know the operation ${call.operation}.`,
    })
  return operation(call)
}

/** Faults that take the place of the work. Returns true when the request is dealt with. */
async function refuse(
  parts: ServerParts,
  effect: FaultEffect,
  call: Call,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  switch (effect.type) {
    case 'status':
      response.writeHead(effect.status, effect.headers).end(effect.body)
      return true
    case 'error': {
      const values: Record<string, number> =
        effect.backOffMs === undefined ? {} : { BackOffMilliseconds: effect.backOffMs }
      if (effect.status !== 200 || call.operation === AVAILABILITY)
        throw new SoapFault(effect.code, { message: effect.message, status: effect.status ?? 500, values })
      const error = new ResponseError(effect.code, effect.message)
      const messages = Array.from({ length: partsOf(call) }, () =>
        failure(call.operation, error, { values, inner: emptyContent(call.operation) }),
      )
      send(response, 200, envelope(parts.version, responseBody(call.operation, messages)))
      return true
    }
    case 'drop-before':
      request.socket.destroy()
      return true
    case 'stall':
      return true
    case 'delay':
      await new Promise((resolve) => setTimeout(resolve, effect.ms).unref())
      return false
    default:
      return false
  }
}

/** What an error message of the operation holds by its schema. */
function emptyContent(operation: string): string {
  if (/^(?:Create|Get|Update|Move|Copy)Item$/.test(operation)) return '<m:Items/>'
  return /^(?:Create|Get|Update)Folder$/.test(operation) ? '<m:Folders/>' : ''
}

/** How many response messages the request would get. */
function partsOf(call: Call): number {
  const lists = ['ItemIds', 'Items', 'ItemChanges', 'FolderIds', 'Folders', 'FolderChanges', 'ParentFolderIds']
  for (const name of lists) {
    const list = child(call.body, name)
    if (list) return Math.max(1, list.children.length)
  }
  return 1
}

/** The server a request is tied to by cookie and X-PreferServerAffinity; null without either. */
function backendOf(request: IncomingMessage): string | null {
  if (String(request.headers['x-preferserveraffinity']).toLowerCase() !== 'true') return null
  return new RegExp(`${COOKIE}=([^;]+)`, 'i').exec(request.headers.cookie ?? '')?.[1] ?? null
}

function subscribingBackend(parts: ServerParts, call: Call, request: IncomingMessage): string | null {
  if (!parts.affinity) return null
  const given = backendOf(request)
  if (given) return given
  // Without the header the subscription lands on a server nobody can name again.
  const chosen = `sim-backend-${randomUUID()}~1942062522`
  parts.backends.add(chosen)
  if (String(request.headers['x-preferserveraffinity']).toLowerCase() === 'true') {
    call.responseHeaders['set-cookie'] = `${COOKIE}=${chosen}; path=/; HttpOnly`
  }
  return chosen
}
