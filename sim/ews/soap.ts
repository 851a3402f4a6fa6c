import type { SoapFault } from './errors.ts'
import { messageXml, ResponseError } from './errors.ts'
import { escapeXml } from './xml.ts'

export interface ServerVersion {
  major: number
  minor: number
  build: number
  revision: number
  /** Highest schema the server understands, for example `Exchange2013_SP1`. */
  schema: string
}

/** Exchange Server Subscription Edition RTM. */
export const EXCHANGE_SE: ServerVersion = { major: 15, minor: 2, build: 2562, revision: 17, schema: 'V2017_07_11' }

/** Schema versions in the order in which they appeared. */
export const SCHEMA_VERSIONS = [
  'Exchange2007',
  'Exchange2007_SP1',
  'Exchange2009',
  'Exchange2010',
  'Exchange2010_SP1',
  'Exchange2010_SP2',
  'Exchange2012',
  'Exchange2013',
  'Exchange2013_SP1',
  'Exchange2015',
  'Exchange2016',
  'V2015_10_05',
  'V2016_01_06',
  'V2016_04_13',
  'V2016_07_13',
  'V2016_10_10',
  'V2017_01_07',
  'V2017_04_14',
  'V2017_07_11',
]

const HEAD = '<?xml version="1.0" encoding="utf-8"?>'
const NAMESPACES =
  'xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ' +
  'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'

/** The answer of an operation: a whole envelope around the given body element. */
export function envelope(version: ServerVersion, body: string): string {
  return (
    `${HEAD}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>` +
    `<h:ServerVersionInfo MajorVersion="${version.major}" MinorVersion="${version.minor}" ` +
    `MajorBuildNumber="${version.build}" MinorBuildNumber="${version.revision}" Version="${version.schema}" ` +
    'xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header>' +
    `<s:Body>${body}</s:Body></s:Envelope>`
  )
}

/**
 * One envelope of a stream. Exchange writes these with other prefixes than its ordinary answers: the envelope in the
 * default namespace, header and body as soap11. ews-javascript-api looks for `<Envelope` and `</Envelope>` literally.
 */
export function streamEnvelope(version: ServerVersion, body: string): string {
  const ns = 'xmlns:soap11="http://schemas.xmlsoap.org/soap/envelope/"'
  return (
    `${HEAD}<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><soap11:Header ${ns}>` +
    `<ServerVersionInfo MajorVersion="${version.major}" MinorVersion="${version.minor}" ` +
    `MajorBuildNumber="${version.build}" MinorBuildNumber="${version.revision}" Version="${version.schema}" ` +
    'xmlns="http://schemas.microsoft.com/exchange/services/2006/types"/></soap11:Header>' +
    `<soap11:Body ${ns}>${body}</soap11:Body></Envelope>`
  )
}

/** Body element of an operation's answer around its response messages. */
export function responseBody(operation: string, messages: string[]): string {
  return `<m:${operation}Response ${NAMESPACES}><m:ResponseMessages>${messages.join('')}</m:ResponseMessages></m:${operation}Response>`
}

export function faultEnvelope(fault: SoapFault): string {
  const schema = fault.code === 'ErrorSchemaValidation'
  const errors = 'xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors"'
  return (
    `${HEAD}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>` +
    '<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:' +
    `${fault.code}</faultcode><faultstring xml:lang="en-US">${escapeXml(fault.message)}</faultstring><detail>` +
    `<e:ResponseCode ${errors}>${fault.code}</e:ResponseCode>` +
    `<e:Message ${errors}>${escapeXml(schema ? 'The request failed schema validation.' : fault.message)}</e:Message>` +
    `${messageXml(fault.values, 't')}</detail></s:Fault></s:Body></s:Envelope>`
  )
}

export function success(name: string, inner = ''): string {
  return `<m:${name}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>${inner}</m:${name}ResponseMessage>`
}

export function failure(
  name: string,
  error: { code: string; message: string },
  options: { inner?: string; values?: Record<string, string | number>; warning?: boolean } = {},
): string {
  return (
    `<m:${name}ResponseMessage ResponseClass="${options.warning ? 'Warning' : 'Error'}">` +
    `<m:MessageText>${escapeXml(error.message)}</m:MessageText><m:ResponseCode>${error.code}</m:ResponseCode>` +
    `<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>${messageXml(options.values ?? {}, 'm')}${options.inner ?? ''}</m:${name}ResponseMessage>`
  )
}

/**
 * Runs one part of a batch and turns a ResponseError into its response message; the other parts go on.
 * @param inner what the message carries besides the error, as `<m:Items/>`.
 */
export function attempt(name: string, run: () => string, inner = ''): string {
  try {
    return run()
  } catch (error) {
    if (error instanceof ResponseError) return failure(name, error, { inner })
    throw error
  }
}
