import { SaxesParser } from 'saxes'

/** An element as the adapters read it. Namespace prefixes are cut off: servers choose them freely or use none. */
export interface XmlElement {
  readonly name: string
  /** By local name; namespace declarations are left out. */
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  /** Its own character data, in one piece. */
  readonly text: string
}

/** The text is not XML, or more of it than we are willing to hold. */
export class XmlError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'XmlError'
  }
}

const MAX_DEPTH = 100
/** Everything XML 1.0 forbids: most control characters, lone surrogates and the two non-characters of the first plane. */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu

/**
 * Reads one document. No DTD, so no entities besides the five predefined ones.
 * Exchange copies control characters from item texts into its answers, which makes them no XML at all: such an
 * answer is read a second time without them.
 * @throws XmlError
 */
export function parseXml(text: string): XmlElement {
  try {
    return read(text)
  } catch (error) {
    const cleaned = withoutForbidden(text)
    if (cleaned === text) throw error
    return read(cleaned)
  }
}

interface Open {
  name: string
  attributes: Record<string, string>
  children: XmlElement[]
  text: string
}

function read(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: false })
  const open: Open[] = []
  let root: XmlElement | undefined
  parser.on('error', (error) => {
    throw new XmlError(error.message)
  })
  parser.on('doctype', () => {
    throw new XmlError('A document type declaration is not accepted.')
  })
  parser.on('opentag', (tag) => {
    if (open.length >= MAX_DEPTH) throw new XmlError(`More than ${MAX_DEPTH} elements inside one another.`)
    const element = { name: localName(tag.name), attributes: attributesOf(tag.attributes), children: [], text: '' }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  parser.on('text', (part) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += part
  })
  parser.on('cdata', (part) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += part
  })
  parser.on('closetag', () => {
    root = open.pop()
  })
  parser.write(text).close()
  if (root === undefined) throw new XmlError('There is no element in it.')
  return root
}

function attributesOf(raw: Record<string, string>): Record<string, string> {
  const result: Record<string, string> = {}
  for (const name in raw) {
    if (!name.startsWith('xmlns')) result[localName(name)] = raw[name] ?? ''
  }
  return result
}

function localName(name: string): string {
  const colon = name.indexOf(':')
  return colon < 0 ? name : name.slice(colon + 1)
}

function withoutForbidden(text: string): string {
  return withoutIllegalXml(text).replace(/&#(?:x([0-9a-fA-F]+)|(\d+));/g, (reference, hex?: string, decimal?: string) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return code <= 0x10ffff && withoutIllegalXml(String.fromCodePoint(code)) !== '' ? reference : ''
  })
}

/** The text without the characters that no XML 1.0 document may contain, NUL among them. */
export function withoutIllegalXml(text: string): string {
  return text.replace(FORBIDDEN, '')
}

/** Text as element content; also safe inside a double-quoted attribute. */
export function escapeXml(text: string): string {
  return withoutIllegalXml(text).replace(/[&<>"\r]/g, (char) => ESCAPES[char] ?? char)
}

// A bare carriage return would come back as a line feed.
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#xD;',
}

/** The first child of that name: some servers (gromox 3.1) send a property twice. */
export function child(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((candidate) => candidate.name === name)
}

export function childrenOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((candidate) => candidate.name === name) ?? []
}

/** @returns the text of the first child of that name, undefined when there is none */
export function childText(element: XmlElement | undefined, name: string): string | undefined {
  return child(element, name)?.text
}

/** Follows a path of child names. */
export function descend(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => child(at, name), element)
}
