import { SaxesParser } from 'saxes'

export const SOAP_NS = 'http://schemas.xmlsoap.org/soap/envelope/'
export const TYPES_NS = 'http://schemas.microsoft.com/exchange/services/2006/types'
export const MESSAGES_NS = 'http://schemas.microsoft.com/exchange/services/2006/messages'

/** One element of a request: local name, namespace, attributes by local name, child elements, own text. */
export interface XmlElement {
  name: string
  ns: string
  attrs: Record<string, string>
  children: XmlElement[]
  text: string
}

/** The request is not well-formed XML; `line` and `column` count from 1. */
export class XmlSyntaxError extends Error {
  readonly line: number
  readonly column: number
  constructor(message: string, line: number, column: number) {
    super(message)
    this.name = 'XmlSyntaxError'
    this.line = line
    this.column = column
  }
}

/** Parses a document into a tree; throws XmlSyntaxError. */
export function parseXml(source: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true, position: true })
  const stack: XmlElement[] = []
  let root: XmlElement | undefined
  parser.on('error', (error) => {
    throw new XmlSyntaxError(error.message, parser.line, parser.column)
  })
  parser.on('opentag', (tag) => {
    const attrs: Record<string, string> = {}
    for (const key in tag.attributes) {
      const attribute = tag.attributes[key]
      if (attribute && attribute.prefix !== 'xmlns' && attribute.name !== 'xmlns')
        attrs[attribute.local] = attribute.value
    }
    const element: XmlElement = { name: tag.local, ns: tag.uri, attrs, children: [], text: '' }
    const parent = stack[stack.length - 1]
    if (parent) parent.children.push(element)
    else root = element
    stack.push(element)
  })
  parser.on('closetag', () => {
    stack.pop()
  })
  const addText = (text: string) => {
    const element = stack[stack.length - 1]
    if (element) element.text += text
  }
  parser.on('text', addText)
  parser.on('cdata', addText)
  parser.write(source).close()
  if (!root) throw new XmlSyntaxError('The document has no root element.', 1, 1)
  return root
}

export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  if (!element) return undefined
  for (const candidate of element.children) if (candidate.name === name) return candidate
  return undefined
}

export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return child(element, name)?.text
}

/** Follows a path of child names. */
export function descend(element: XmlElement | undefined, ...names: string[]): XmlElement | undefined {
  let current = element
  for (const name of names) current = child(current, name)
  return current
}

const SPECIAL = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/
const SPECIAL_ALL = /[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Escapes text for element content and attribute values; characters XML 1.0 cannot hold are dropped. */
export function escapeXml(text: string): string {
  if (!SPECIAL.test(text)) return text
  return text.replace(SPECIAL_ALL, (char) => {
    switch (char) {
      case '&':
        return '&amp;'
      case '<':
        return '&lt;'
      case '>':
        return '&gt;'
      case '"':
        return '&quot;'
      // A literal carriage return would reach the reader as a line feed.
      case '\r':
        return '&#xD;'
      default:
        return ''
    }
  })
}

/** Writes an element of the types namespace with the prefix `t:`. */
export function toXml(element: XmlElement): string {
  const prefix = element.ns === MESSAGES_NS ? 'm:' : 't:'
  let attrs = ''
  for (const key in element.attrs) attrs += ` ${key}="${escapeXml(element.attrs[key] ?? '')}"`
  const inner = element.children.length > 0 ? element.children.map(toXml).join('') : escapeXml(element.text)
  return `<${prefix}${element.name}${attrs}>${inner}</${prefix}${element.name}>`
}
