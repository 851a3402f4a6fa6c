/** The Autodiscover service: SOAP (`.svc`) and POX (`.xml`), with scripted answers per mailbox. */
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Store } from './store.ts'
import { child, childText, descend, escapeXml, parseXml } from './xml.ts'

/** What is said of a mailbox instead of this server's own address. */
export interface Location {
  ewsUrl?: string
  grouping?: string
  /** The mailbox is known under another address. */
  redirectAddress?: string
  /** Another service knows. */
  redirectUrl?: string
  /** HTTP 302 to there, before anybody signs in. */
  httpRedirect?: string
}

const SOAP = 'http://schemas.microsoft.com/exchange/2010/Autodiscover'
const PATH = /^\/autodiscover\/autodiscover\.(svc|xml)/i

export class Autodiscover {
  readonly locations = new Map<string, Location>()
  /** Every address that was asked for, with the form of the question. */
  readonly asked: { address: string; form: 'soap' | 'pox' }[] = []
  readonly #store: Store
  /** Set when the server listens. */
  ewsUrl = ''

  constructor(store: Store) {
    this.#store = store
  }

  isFor(request: IncomingMessage): boolean {
    return PATH.test(request.url ?? '')
  }

  /** Where the request is sent to before anybody signs in; null where it is dealt with here. */
  elsewhere(text: string): string | null {
    const address = addressIn(text)
    return (address && this.locations.get(address.toLowerCase())?.httpRedirect) ?? null
  }

  answer(request: IncomingMessage, text: string, response: ServerResponse): void {
    const soap = PATH.exec(request.url ?? '')?.[1]?.toLowerCase() === 'svc'
    const address = addressIn(text)
    if (address === null) {
      response.writeHead(soap ? 500 : 200, { 'content-type': 'text/xml; charset=utf-8' }).end(soap ? fault() : pox(error(600, 'Invalid Request')))
      return
    }
    this.asked.push({ address, form: soap ? 'soap' : 'pox' })
    const location = this.locations.get(address.toLowerCase()) ?? {}
    const known = this.#store.find(address) !== undefined || Object.keys(location).length > 0
    const ewsUrl = location.ewsUrl ?? this.ewsUrl
    const body = soap ? soapAnswer(known, location, ewsUrl) : poxAnswer(address, known, location, ewsUrl)
    response.writeHead(200, { 'content-type': 'text/xml; charset=utf-8' }).end(body)
  }
}

function addressIn(text: string): string | null {
  try {
    const root = parseXml(text)
    const user = descend(child(root, 'Body'), 'GetUserSettingsRequestMessage', 'Request', 'Users', 'User')
    return childText(user, 'Mailbox') ?? childText(child(root, 'Request'), 'EMailAddress') ?? null
  } catch {
    return null
  }
}

function soapAnswer(known: boolean, location: Location, ewsUrl: string): string {
  const { redirectAddress, redirectUrl, grouping = 'Default-First-Site-Name' } = location
  const user = (code: string, inner = '') =>
    `<UserResponse><ErrorCode>${code}</ErrorCode><ErrorMessage>${code === 'NoError' ? 'No error.' : `The answer is ${code}.`}</ErrorMessage>${inner}</UserResponse>`
  const target = (value: string) => `<RedirectTarget>${escapeXml(value)}</RedirectTarget><UserSettingErrors/><UserSettings/>`
  const setting = (name: string, value: string) =>
    `<UserSetting i:type="StringSetting"><Name>${name}</Name><Value>${escapeXml(value)}</Value></UserSetting>`
  const settings = setting('ExternalEwsUrl', ewsUrl) + setting('InternalEwsUrl', ewsUrl) + setting('GroupingInformation', grouping)
  const response = !known
    ? user('InvalidUser')
    : redirectAddress
      ? user('RedirectAddress', target(redirectAddress))
      : redirectUrl
        ? user('RedirectUrl', target(redirectUrl))
        : user('NoError', `<RedirectTarget i:nil="true"/><UserSettingErrors/><UserSettings>${settings}</UserSettings>`)
  return (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>' +
    `<a:Action s:mustUnderstand="1">${SOAP}/Autodiscover/GetUserSettingsResponse</a:Action></s:Header><s:Body>` +
    `<GetUserSettingsResponseMessage xmlns="${SOAP}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Response><ErrorCode>NoError</ErrorCode>` +
    `<ErrorMessage/><UserResponses>${response}</UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
  )
}

function poxAnswer(address: string, known: boolean, location: Location, ewsUrl: string): string {
  const { redirectAddress, redirectUrl, grouping = 'Default-First-Site-Name' } = location
  if (!known) return pox(error(500, 'The email address can&apos;t be found.'))
  const account = redirectAddress
    ? `<Action>redirectAddr</Action><RedirectAddr>${escapeXml(redirectAddress)}</RedirectAddr>`
    : redirectUrl
      ? `<Action>redirectUrl</Action><RedirectUrl>${escapeXml(redirectUrl)}</RedirectUrl>`
      : `<AccountType>email</AccountType><Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>${escapeXml(ewsUrl)}</EwsUrl>` +
        `<GroupingInformation>${escapeXml(grouping)}</GroupingInformation></Protocol><Protocol><Type>EXPR</Type><EwsUrl>${escapeXml(ewsUrl)}</EwsUrl></Protocol>`
  return pox(
    '<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">' +
      `<User><AutoDiscoverSMTPAddress>${escapeXml(address)}</AutoDiscoverSMTPAddress></User><Account>${account}</Account></Response>`,
  )
}

function error(code: number, message: string): string {
  return `<Response><Error Time="12:00:00.0000000" Id="1"><ErrorCode>${code}</ErrorCode><Message>${message}</Message><DebugData/></Error></Response>`
}

function pox(inner: string): string {
  return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">${inner}</Autodiscover>`
}

function fault(): string {
  return (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>' +
    '<faultstring>The request is malformed.</faultstring></s:Fault></s:Body></s:Envelope>'
  )
}
