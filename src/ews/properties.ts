import { extendedXml } from './stamp.ts'

/** A property as both write operations need it. */
export interface Property {
  /** Place in the schema's sequence; a wrong order is refused as a schema violation. */
  readonly order: number
  /** What UpdateItem addresses it by. */
  readonly path: string
  /** The whole element; empty means the property has no value. */
  readonly element: string
  /** Dictionary that the element is an entry of. */
  readonly within?: string
  /** For a part of an entry (one line of an address): the entry around it, opened and closed. */
  readonly entry?: readonly [string, string]
}

export const EXTENDED_ORDER = 30

/** @param value escaped; empty deletes the property, or with `keepEmpty` sets it to the empty text */
export function property(order: number, uri: string, name: string, value: string, options: { keepEmpty?: boolean } = {}): Property {
  const element = value === '' && options.keepEmpty !== true ? '' : `<t:${name}>${value}</t:${name}>`
  return { order, path: `<t:FieldURI FieldURI="${uri}"/>`, element }
}

/** @param value as it is, not escaped */
export function extended(path: string, value: string): Property {
  return { order: EXTENDED_ORDER, path, element: value === '' ? '' : extendedXml(path, value) }
}

/** Properties with a value, in the schema's order; entries of a dictionary and lines of an address in one element. */
export function createXml(properties: readonly Property[]): string {
  const present = properties.filter((candidate) => candidate.element !== '').toSorted((left, right) => left.order - right.order)
  let xml = ''
  let dictionary: string | undefined
  let entry: readonly [string, string] | undefined
  const close = (next: Property | undefined) => {
    if (entry !== undefined && entry[0] !== next?.entry?.[0]) {
      xml += entry[1]
      entry = undefined
    }
    if (dictionary !== undefined && dictionary !== next?.within) {
      xml += `</t:${dictionary}>`
      dictionary = undefined
    }
  }
  for (const next of present) {
    close(next)
    if (next.within !== undefined && dictionary === undefined) {
      dictionary = next.within
      xml += `<t:${dictionary}>`
    }
    if (next.entry !== undefined && entry === undefined) {
      entry = next.entry
      xml += entry[0]
    }
    xml += next.element
  }
  close(undefined)
  return xml
}

/** @param itemElement `CalendarItem`, `Task`, `Contact` */
export function updateXml(properties: readonly Property[], itemElement: string): string {
  return properties.toSorted(byUpdateOrder).map(({ path, element, within, entry }) => {
    if (element === '') return `<t:DeleteItemField>${path}</t:DeleteItemField>`
    const [open, close] = entry ?? ['', '']
    const inner = within === undefined ? element : `<t:${within}>${open}${element}${close}</t:${within}>`
    return `<t:SetItemField>${path}<t:${itemElement}>${inner}</t:${itemElement}></t:SetItemField>`
  }).join('')
}

const byUpdateOrder = (left: Property, right: Property) => left.order - right.order
