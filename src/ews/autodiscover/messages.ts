import { child, childText, childrenOf, descend, escapeXml, parseXml } from '../../lib/xml.ts'
import type { XmlElement } from '../../lib/xml.ts'

/** What an Autodiscover service says of a mailbox. */
export type Finding =
  | { readonly type: 'settings'; readonly external: string | null; readonly internal: string | null; readonly grouping: string }
  | { readonly type: 'address'; readonly address: string }
  | { readonly type: 'url'; readonly url: string }
  /** `known`: it is an Autodiscover service, and has nothing for this mailbox. */
  | { readonly type: 'nothing'; readonly known: boolean; readonly why: string }

const AUTODISCOVER = 'http://schemas.microsoft.com/exchange/2010/Autodiscover'
const SETTINGS = ['ExternalEwsUrl', 'InternalEwsUrl', 'GroupingInformation']

/** https://learn.microsoft.com/exchange/client-developer/web-service-reference/getusersettings-operation-soap */
export function soapRequest(address: string, url: string): string {
  return '<?xml version="1.0" encoding="utf-8"?>'
    + `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="${AUTODISCOVER}" xmlns:w="http://www.w3.org/2005/08/addressing"><s:Header>`
    + '<a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion>'
    + `<w:Action>${AUTODISCOVER}/Autodiscover/GetUserSettings</w:Action><w:To>${escapeXml(url)}</w:To></s:Header><s:Body>`
    + `<a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>${escapeXml(address)}</a:Mailbox></a:User></a:Users>`
    + `<a:RequestedSettings>${SETTINGS.map((name) => `<a:Setting>${name}</a:Setting>`).join('')}</a:RequestedSettings>`
    + '</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>'
}

/** https://learn.microsoft.com/exchange/client-developer/web-service-reference/pox-autodiscover-request-for-exchange */
export function poxRequest(address: string): string {
  return '<?xml version="1.0" encoding="utf-8"?>'
    + '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
    + `<EMailAddress>${escapeXml(address)}</EMailAddress>`
    + '<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>'
    + '</Request></Autodiscover>'
}

/** Either form of answer; whatever is neither is no Autodiscover service. */
export function readFinding(text: string): Finding {
  let root: XmlElement
  try {
    root = parseXml(text)
  } catch {
    return { type: 'nothing', known: false, why: 'no Autodiscover answer' }
  }
  if (root.name === 'Autodiscover') return readPox(root)
  const body = root.name === 'Envelope' ? child(root, 'Body')?.children[0] : undefined
  if (body?.name === 'Fault') return { type: 'nothing', known: true, why: childText(body, 'faultstring') ?? 'a fault' }
  const response = child(body, 'Response')
  if (response === undefined) return { type: 'nothing', known: false, why: 'no Autodiscover answer' }
  return readSoap(response)
}

function readSoap(response: XmlElement): Finding {
  const user = descend(response, 'UserResponses', 'UserResponse')
  const code = childText(user, 'ErrorCode') ?? childText(response, 'ErrorCode') ?? 'NoError'
  const target = childText(user, 'RedirectTarget') ?? ''
  if (code === 'RedirectAddress') return { type: 'address', address: target }
  if (code === 'RedirectUrl') return { type: 'url', url: target }
  if (user === undefined || code !== 'NoError') {
    return { type: 'nothing', known: true, why: `${code}${said(childText(user, 'ErrorMessage') ?? childText(response, 'ErrorMessage'))}` }
  }
  const settings = new Map(childrenOf(child(user, 'UserSettings'), 'UserSetting').map((setting) => [childText(setting, 'Name'), childText(setting, 'Value')]))
  return settingsOf(settings.get('ExternalEwsUrl'), settings.get('InternalEwsUrl'), settings.get('GroupingInformation'))
}

function readPox(root: XmlElement): Finding {
  const response = child(root, 'Response')
  const error = child(response, 'Error')
  if (error !== undefined) return { type: 'nothing', known: true, why: `error ${childText(error, 'ErrorCode') ?? ''}${said(childText(error, 'Message'))}` }
  const user = child(response, 'Account')
  const action = childText(user, 'Action')?.toLowerCase()
  if (action === 'redirectaddr') return { type: 'address', address: childText(user, 'RedirectAddr') ?? '' }
  if (action === 'redirecturl') return { type: 'url', url: childText(user, 'RedirectUrl') ?? '' }
  const protocols = childrenOf(user, 'Protocol')
  const ewsUrl = (type: string) => protocols.map((protocol) => (childText(protocol, 'Type')?.toUpperCase() === type ? childText(protocol, 'EwsUrl') : undefined)).find((url) => url !== undefined)
  const grouping = protocols.map((protocol) => childText(protocol, 'GroupingInformation')).find((text) => text !== undefined)
  return settingsOf(ewsUrl('EXPR') ?? ewsUrl('EXHTTP'), ewsUrl('EXCH'), grouping)
}

function settingsOf(external: string | undefined, internal: string | undefined, grouping: string | undefined): Finding {
  const clean = (url: string | undefined) => (url === undefined || url.trim() === '' ? null : url.trim())
  const found = { external: clean(external), internal: clean(internal) }
  if (found.external === null && found.internal === null) return { type: 'nothing', known: true, why: 'an answer without an EWS address' }
  return { type: 'settings', ...found, grouping: grouping?.trim() ?? '' }
}

const said = (text: string | undefined) => (text === undefined || text === '' ? '' : ` (${text.slice(0, 200)})`)
