import type { RenderContext } from './computed.ts'
import { computedValue } from './computed.ts'
import { ResponseError } from './errors.ts'
import { extendedKey } from './extended.ts'
import { fieldOfUri, indexedField } from './fields.ts'
import type { Body, Dictionary, Item } from './model.ts'
import { extendedOf } from './shape.ts'
import type { XmlElement } from './xml.ts'
import { readInstant } from './zones.ts'

type Comparable = string | number | boolean | string[] | undefined

/** Value of the property a path names, as restrictions and sort orders compare it. */
export function valueAt(path: XmlElement, item: Item, context: RenderContext): Comparable {
  if (path.name === 'ExtendedFieldURI') {
    const key = extendedKey(path)
    if (!key) throw new ResponseError('ErrorInvalidExtendedProperty')
    return extendedOf(item, key, context)
  }
  const uri = path.attrs['FieldURI'] ?? ''
  if (path.name === 'IndexedFieldURI') {
    const field = indexedField(uri)
    const entry = field
      ? (item.fields[field.dictionary] as Dictionary | undefined)?.[path.attrs['FieldIndex'] ?? '']
      : undefined
    return typeof entry === 'object' ? entry[field?.part ?? ''] : entry
  }
  const spec = fieldOfUri(item.kind, uri)
  if (!spec) return undefined
  if (spec.name === 'LastModifiedTime') return item.modified
  if (spec.name === 'DateTimeCreated' || spec.name === 'DateTimeReceived') return item.created
  if (spec.type === 'computed') return computedValue(spec.name, item, context)
  const value = item.fields[spec.name]
  if (spec.type === 'body') return (value as Body | undefined)?.text
  return typeof value === 'object' && !Array.isArray(value) ? undefined : (value as Comparable)
}

/**
 * Does the item match a search expression?
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/restriction
 */
export function matches(expression: XmlElement, item: Item, context: RenderContext): boolean {
  const [first, second] = expression.children
  switch (expression.name) {
    case 'And':
      return expression.children.every((part) => matches(part, item, context))
    case 'Or':
      return expression.children.some((part) => matches(part, item, context))
    case 'Not':
      return first !== undefined && !matches(first, item, context)
    case 'Exists':
      return first !== undefined && valueAt(first, item, context) !== undefined
  }
  if (!first) throw new ResponseError('ErrorInvalidRestriction', `The expression ${expression.name} names no property.`)
  const value = valueAt(first, item, context)
  if (expression.name === 'Contains') return contains(value, second?.attrs['Value'] ?? '', expression)
  const operand = second?.children[0]
  const other =
    operand?.name === 'Constant' ? operand.attrs['Value'] : operand ? valueAt(operand, item, context) : undefined
  return compare(expression.name, value, other)
}

function compare(operator: string, value: Comparable, other: Comparable): boolean {
  if (value === undefined || other === undefined) return operator === 'IsNotEqualTo' && value !== other
  const order = orderOf(value, other)
  switch (operator) {
    case 'IsEqualTo':
      return order === 0
    case 'IsNotEqualTo':
      return order !== 0
    case 'IsGreaterThan':
      return order > 0
    case 'IsGreaterThanOrEqualTo':
      return order >= 0
    case 'IsLessThan':
      return order < 0
    case 'IsLessThanOrEqualTo':
      return order <= 0
    default:
      throw new ResponseError('ErrorUnsupportedPathForQuery', `The search expression ${operator} is not supported.`)
  }
}

/** Exchange compares text without regard to case. */
export function orderOf(value: Exclude<Comparable, undefined>, other: Exclude<Comparable, undefined>): number {
  if (typeof value === 'number') {
    const number = typeof other === 'string' && !/^-?[\d.]+$/.test(other) ? readInstant(other, 'UTC') : Number(other)
    return value - number
  }
  const a = String(value).toLowerCase()
  const b = String(other).toLowerCase()
  return a < b ? -1 : a > b ? 1 : 0
}

function contains(value: Comparable, wanted: string, expression: XmlElement): boolean {
  if (value === undefined) return false
  const fold = (expression.attrs['ContainmentComparison'] ?? 'Exact') !== 'Exact'
  const needle = fold ? wanted.toLowerCase() : wanted
  return (Array.isArray(value) ? value : [String(value)]).some((entry) => {
    const text = fold ? entry.toLowerCase() : entry
    switch (expression.attrs['ContainmentMode'] ?? 'FullString') {
      case 'FullString':
        return text === needle
      case 'Prefixed':
        return text.startsWith(needle)
      case 'PrefixOnWords':
        return text.split(/\W+/).some((word) => word.startsWith(needle))
      default:
        return text.includes(needle)
    }
  })
}
