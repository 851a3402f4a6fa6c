/**
 * The SOAP 1.1 envelope around every EWS call. Out: version, UTC as the zone of zoneless times, whose mailbox.
 * In: tolerant about prefixes and about faults that come with HTTP 200 (gromox 3.1 does both).
 */
import { child, childText, childrenOf, descend, escapeXml, parseXml } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'

/** One EWS operation as pure codec; the transport adds the envelope. */
export interface Operation<Request, Reply> {
  /** The protocol's own name. */
  readonly name: string
  /** Whether an unanswered call may have changed something. */
  readonly writes: boolean
  encode(request: Request): string
  /** @param reply the `…Response` element */
  decode(reply: XmlElement): Reply
}

/** What a server says instead of a result. */
export interface Failure {
  /** Response code, `ErrorItemNotFound`. */
  readonly code: string
  readonly text: string
  readonly backOffMs?: number
  /** The address that is the right one now. */
  readonly primary?: string
}
/** One item of a batch. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

/** 15.0 is Exchange 2013, 15.1 2016, 15.2 2019 and SE. */
export interface ServerVersion {
  readonly major: number
  readonly minor: number
  readonly build: number
}
/** A server that does not tell its version has null. */
export type Envelope = { readonly version: ServerVersion | null } &
  ({ readonly type: 'reply'; readonly reply: XmlElement } | { readonly type: 'fault'; readonly fault: Failure })

/** The answer is no EWS answer. */
export class BadReply extends Error {}

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages'
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types'

/** @param actAs SMTP address of the mailbox to impersonate */
export function envelope(body: string, actAs?: string): string {
  const impersonation = actAs === undefined
    ? ''
    : `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>${escapeXml(actAs)}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
  return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="${SOAP}" xmlns:m="${MESSAGES}" xmlns:t="${TYPES}"><s:Header>`
    + `<t:RequestServerVersion Version="Exchange2013_SP1"/>${impersonation}`
    + '<t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext>'
    + `</s:Header><s:Body>${body}</s:Body></s:Envelope>`
}

/**
 * @throws XmlError when the text is not XML
 * @throws BadReply when it is XML but no envelope
 */
export function openEnvelope(text: string): Envelope {
  const root = parseXml(text)
  const body = root.name === 'Envelope' ? child(root, 'Body') : undefined
  const content = body?.children[0]
  if (content === undefined) throw new BadReply(`It is a <${root.name}>, not a SOAP envelope with a body.`)
  const version = versionOf(child(child(root, 'Header'), 'ServerVersionInfo'))
  return content.name === 'Fault' ? { version, type: 'fault', fault: faultOf(content) } : { version, type: 'reply', reply: content }
}

function versionOf(told: XmlElement | undefined): ServerVersion | null {
  const number = (name: string) => Number(told?.attributes[name] ?? NaN)
  const version = { major: number('MajorVersion'), minor: number('MinorVersion'), build: number('MajorBuildNumber') }
  return Object.values(version).every(Number.isInteger) ? version : null
}

/** Exchange names the response code in the detail, gromox in the fault code itself. */
function faultOf(fault: XmlElement): Failure {
  const detail = child(fault, 'detail')
  const faultCode = (childText(fault, 'faultcode') ?? '').replace(/^.*:/, '')
  return failure(childText(detail, 'ResponseCode') ?? faultCode, childText(fault, 'faultstring') ?? '', child(detail, 'MessageXml'))
}

function failure(code: string, text: string, messageXml: XmlElement | undefined): Failure {
  const value = (name: string) => childrenOf(messageXml, 'Value').find((entry) => entry.attributes['Name'] === name)?.text.trim()
  const backOff = value('BackOffMilliseconds')
  const primary = value('Primary')
  return {
    code: code.trim(), text: text.trim(), ...(backOff !== undefined && Number(backOff) >= 0 ? { backOffMs: Number(backOff) } : {}),
    ...(primary === undefined || primary === '' ? {} : { primary }),
  }
}

/**
 * The results of a batch, in the order of the request.
 * @throws BadReply when there is no response message at all
 */
export function resultsOf<T>(reply: XmlElement, read: (message: XmlElement) => T): Result<T>[] {
  const messages = child(reply, 'ResponseMessages')?.children
  if (messages === undefined || messages.length === 0) throw new BadReply(`<${reply.name}> has no response message.`)
  return messages.map((message) => {
    const refused = failureOf(message)
    return refused === null ? { ok: true, value: read(message) } : { ok: false, failure: refused }
  })
}

/** What a response message complains about, null when it does not. Warnings complain too: "batch stopped" is one. */
export function failureOf(message: XmlElement): Failure | null {
  const code = childText(message, 'ResponseCode') ?? (message.attributes['ResponseClass'] === 'Success' ? 'NoError' : '')
  if (code === 'NoError') return null
  return failure(code, childText(message, 'MessageText') ?? '', child(message, 'MessageXml'))
}

/** The element, or BadReply saying what is missing. */
export function need(element: XmlElement | undefined, what: string): XmlElement {
  if (element === undefined) throw new BadReply(`<${what}> is missing.`)
  return element
}

/** Items inside a response message (`Items` of GetItem, `RootFolder/Items` of FindItem). */
export function itemsIn(message: XmlElement): readonly XmlElement[] {
  return (child(message, 'Items') ?? descend(message, 'RootFolder', 'Items'))?.children ?? []
}
