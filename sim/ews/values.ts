import type { FieldSpec } from './fields.ts'
import type { Attendee, Body, Dictionary, FieldValue, XmlText } from './model.ts'
import type { XmlElement } from './xml.ts'
import { childText, descend, escapeXml, toXml } from './xml.ts'
import { ianaOf, instantOf, isKnownZone, readInstant, wallOf, writeInstant } from './zones.ts'
import { ResponseError } from './errors.ts'

/** A Start or End as written by the client; its meaning depends on zones that may follow later in the request. */
export interface UnreadWall {
  raw: string
}

/**
 * Reads the value of a field element.
 * @param zone Windows zone id of the request's TimeZoneContext, for times without offset.
 */
export function readValue(spec: FieldSpec, element: XmlElement, zone: string): FieldValue | UnreadWall {
  switch (spec.type) {
    case 'bool':
      return element.text.trim() === 'true' || element.text.trim() === '1'
    case 'int':
      return Number(element.text)
    case 'instant':
      return checkedInstant(element.text, zone)
    case 'wall':
      return { raw: element.text }
    case 'date': {
      const day = wallOf(zone, checkedInstant(element.text, zone))
      return Math.floor(day / 86_400_000) * 86_400_000
    }
    case 'strings':
      return element.children.map((entry) => entry.text)
    case 'body':
      return { type: element.attrs['BodyType'] === 'HTML' ? 'HTML' : 'Text', text: element.text }
    case 'attendees':
      return element.children.map(readAttendee)
    case 'dictionary':
      return readDictionary(element)
    case 'zone':
      return readZone(element)
    case 'xml':
      return { xml: toXml(element) }
    default:
      return element.text
  }
}

function checkedInstant(text: string, zone: string): number {
  const instant = readInstant(text, zone)
  if (Number.isNaN(instant)) throw new ResponseError('ErrorInvalidRequest', `The value '${text}' is no date.`)
  return instant
}

function readAttendee(element: XmlElement): Attendee {
  const mailbox = descend(element, 'Mailbox') ?? element
  const address = childText(mailbox, 'EmailAddress') ?? ''
  if (!address.includes('@')) throw new ResponseError('ErrorInvalidRecipients')
  return { address, name: childText(mailbox, 'Name') ?? address, response: 'Unknown' }
}

function readDictionary(element: XmlElement): Dictionary {
  const entries: Dictionary = {}
  for (const entry of element.children) {
    const key = entry.attrs['Key'] ?? ''
    entries[key] =
      entry.children.length > 0 ? Object.fromEntries(entry.children.map((part) => [part.name, part.text])) : entry.text
  }
  return entries
}

function readZone(element: XmlElement): string {
  const id = element.attrs['Id'] ?? ''
  // A definition with its own periods is a custom zone and kept under its id; a bare id has to be known.
  if (!isKnownZone(id) && element.children.length === 0) throw new ResponseError('ErrorTimeZone')
  return id || 'UTC'
}

/**
 * Writes a stored value as the element of its field.
 * @param zone Windows zone id the client wants its times in.
 */
export function writeValue(spec: FieldSpec, value: FieldValue, zone: string, bodyType: string): string {
  const { name } = spec
  switch (spec.type) {
    case 'instant':
    case 'wall':
      return `<t:${name}>${writeInstant(value as number, zone)}</t:${name}>`
    case 'date':
      return `<t:${name}>${writeInstant(instantOf(zone, value as number), zone)}</t:${name}>`
    case 'strings':
      return wrap(
        name,
        (value as string[]).map((entry) => `<t:String>${escapeXml(entry)}</t:String>`),
      )
    case 'body':
      return bodyXml(name, value as Body, bodyType)
    case 'attendees':
      return wrap(
        name,
        (value as Attendee[]).map((person) =>
          name.endsWith('Recipients') ? mailboxXml(person) : attendeeXml(person, zone),
        ),
      )
    case 'dictionary':
      return dictionaryXml(name, value as Dictionary)
    case 'zone':
      return `<t:${name} Id="${escapeXml(value as string)}" Name="${escapeXml(ianaOf(value as string))}"/>`
    case 'xml':
      return (value as XmlText).xml
    default:
      return `<t:${name}>${escapeXml(String(value))}</t:${name}>`
  }
}

function wrap(name: string, entries: string[]): string {
  return entries.length > 0 ? `<t:${name}>${entries.join('')}</t:${name}>` : ''
}

export function mailboxXml(person: { address: string; name: string }): string {
  return (
    `<t:Mailbox><t:Name>${escapeXml(person.name)}</t:Name><t:EmailAddress>${escapeXml(person.address)}` +
    '</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>'
  )
}

function attendeeXml(attendee: Attendee, zone: string): string {
  const { response, lastResponse } = attendee
  const instant = lastResponse === undefined ? '' : writeInstant(lastResponse, zone)
  const time = instant && `<t:LastResponseTime>${instant}</t:LastResponseTime>`
  return `<t:Attendee>${mailboxXml(attendee)}<t:ResponseType>${response}</t:ResponseType>${time}</t:Attendee>`
}

const ADDRESS_PARTS = ['Street', 'City', 'State', 'CountryOrRegion', 'PostalCode']

function dictionaryXml(name: string, entries: Dictionary): string {
  return wrap(
    name,
    Object.entries(entries).map(([key, value]) => {
      if (typeof value === 'string') return `<t:Entry Key="${escapeXml(key)}">${escapeXml(value)}</t:Entry>`
      const parts = ADDRESS_PARTS.filter((part) => value[part] !== undefined)
      return (
        `<t:Entry Key="${escapeXml(key)}">` +
        `${parts.map((part) => `<t:${part}>${escapeXml(value[part] ?? '')}</t:${part}>`).join('')}</t:Entry>`
      )
    }),
  )
}

export function bodyXml(name: string, body: Body, wanted: string): string {
  const type = wanted === 'Text' || wanted === 'HTML' ? wanted : body.type
  let text = body.text
  if (type !== body.type) text = type === 'HTML' ? htmlOf(text) : textOf(text)
  return `<t:${name} BodyType="${type}">${escapeXml(text)}</t:${name}>`
}

/** HTML as Exchange builds it around a plain body. */
function htmlOf(text: string): string {
  return (
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body>' +
    `<div>${escapeXml(text).replace(/\r?\n/g, '<br>\r\n')}</div></body></html>`
  )
}

/** A plain rendering of HTML: enough for assertions, not a browser. */
export function textOf(html: string): string {
  return html
    .replace(/<(head|style|script)\b[\s\S]*?<\/\1>/gi, '')
    .replace(/\s+/g, ' ')
    .replace(/<br\s*\/?>\s*/gi, '\r\n')
    .replace(/<\/(p|div|li|tr|h[1-6])>\s*/gi, '\r\n')
    .replace(/<li\b[^>]*>/gi, '* ')
    .replace(/<[^>]+>/g, '')
    .replace(/&nbsp;/g, ' ')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&amp;/g, '&')
    .trim()
}
