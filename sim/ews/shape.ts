import type { RenderContext } from './computed.ts'
import { computedXml, globalObjectId, searchKey } from './computed.ts'
import { ResponseError } from './errors.ts'
import { extendedKey, extendedXml } from './extended.ts'
import type { FieldSpec } from './fields.ts'
import { FIELDS, fieldOfUri, indexedField, isForeignUri } from './fields.ts'
import type { Dictionary, Item, ItemKind } from './model.ts'
import { writeValue } from './values.ts'
import type { XmlElement } from './xml.ts'
import { child, childText } from './xml.ts'

type Step =
  | { type: 'field'; spec: FieldSpec }
  | { type: 'extended'; paths: { key: string; path: XmlElement }[] }
  | { type: 'indexed'; spec: FieldSpec; entries: [string, string | null][] }

/**
 * An ItemShape of a request, compiled once per item class.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/itemshape
 */
export class ItemShape {
  readonly #base: string
  readonly #bodyType: string
  readonly #uris: string[] = []
  readonly #indexed: { dictionary: string; index: string; part: string | null }[] = []
  readonly #extended: { key: string; path: XmlElement }[] = []
  readonly #strict: boolean
  readonly #withheld: readonly string[]
  #plans = new Map<ItemKind, Step[] | ResponseError>()

  /**
   * @param strict a named property of another item class is an error, as in GetItem.
   * @param withheld properties that the operation never returns.
   */
  constructor(element: XmlElement | undefined, strict: boolean, withheld: readonly string[] = []) {
    this.#withheld = withheld
    this.#base = childText(element, 'BaseShape') ?? 'IdOnly'
    this.#bodyType = childText(element, 'BodyType') ?? 'Best'
    this.#strict = strict
    for (const path of child(element, 'AdditionalProperties')?.children ?? []) this.#add(path)
  }

  #add(path: XmlElement): void {
    const uri = path.attrs['FieldURI'] ?? ''
    if (path.name === 'FieldURI') this.#uris.push(uri)
    else if (path.name === 'IndexedFieldURI') {
      const field = indexedField(uri)
      if (field) this.#indexed.push({ ...field, index: path.attrs['FieldIndex'] ?? '' })
    } else {
      const key = extendedKey(path)
      if (!key) throw new ResponseError('ErrorInvalidExtendedProperty')
      this.#extended.push({ key, path })
    }
  }

  /** Writes one item; throws ResponseError when a named property does not belong to its class. */
  render(item: Item, context: RenderContext): string {
    let plan = this.#plans.get(item.kind)
    if (!plan) {
      plan = this.#compile(item.kind)
      this.#plans.set(item.kind, plan)
    }
    if (plan instanceof ResponseError) throw plan
    let xml = ''
    for (const step of plan) xml += this.#write(step, item, context)
    return `<t:${item.kind}>${xml}</t:${item.kind}>`
  }

  #compile(kind: ItemKind): Step[] | ResponseError {
    const named = new Set<FieldSpec>()
    for (const uri of this.#uris) {
      const spec = fieldOfUri(kind, uri)
      if (spec) named.add(spec)
      else if (this.#strict && isForeignUri(kind, uri)) return new ResponseError('ErrorInvalidPropertyRequest')
    }
    const steps: Step[] = []
    for (const spec of FIELDS[kind]) {
      if (spec.name === 'ExtendedProperty') {
        if (this.#extended.length > 0) steps.push({ type: 'extended', paths: this.#extended })
        continue
      }
      if (this.#withheld.includes(spec.name)) continue
      const inBase =
        this.#base === 'AllProperties' ? spec.inAll : this.#base === 'Default' ? spec.byDefault : spec.name === 'ItemId'
      const entries = this.#indexed.filter((path) => path.dictionary === spec.name)
      if (inBase || named.has(spec)) steps.push({ type: 'field', spec })
      else if (entries.length > 0)
        steps.push({ type: 'indexed', spec, entries: entries.map((path) => [path.index, path.part]) })
    }
    return steps
  }

  #write(step: Step, item: Item, context: RenderContext): string {
    if (step.type === 'extended') {
      let xml = ''
      for (const { key, path } of step.paths) {
        const value = extendedOf(item, key, context)
        if (value !== undefined) xml += extendedXml(path, value)
      }
      return xml
    }
    const { spec } = step
    if (spec.type === 'computed') return computedXml(spec.name, item, context)
    const value = item.fields[spec.name]
    if (value === undefined) return ''
    if (step.type === 'field') return writeValue(spec, value, context.zone, this.#bodyType)
    return writeValue(spec, pick(value as Dictionary, step.entries), context.zone, this.#bodyType)
  }
}

function pick(dictionary: Dictionary, entries: [string, string | null][]): Dictionary {
  const picked: Dictionary = {}
  for (const [index, part] of entries) {
    const entry = dictionary[index]
    if (entry === undefined) continue
    if (part === null || typeof entry === 'string') picked[index] = entry
    else if (entry[part] !== undefined)
      picked[index] = { ...(picked[index] as Record<string, string>), [part]: entry[part] }
  }
  return picked
}

/** An extended property: a stored one, or one of the store's own that clients read by number. */
export function extendedOf(item: Item, key: string, context: RenderContext): string | string[] | undefined {
  const stored = item.extended?.[key]
  if (stored !== undefined) return stored
  if (key === 'tag:300b:Binary') return searchKey(context.mailbox, item)
  const meeting = /^6ed8da90-450b-101b-98da-00aa003f1305\/id:(35|3):Binary$/.exec(key)
  if (!meeting || item.fields['UID'] === undefined) return undefined
  // The clean form (35) is the same for the whole series; the other one holds the day of an occurrence.
  return globalObjectId(String(item.fields['UID']), meeting[1] === '3' ? item.occurrence?.day : undefined)
}
