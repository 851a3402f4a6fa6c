import type { Call, Reply } from './call.ts'
import { badRequest } from './errors.ts'
import type { Filter } from './filter.ts'
import { parseFilter } from './filter.ts'

const MAX_TOP = 1_000

export interface Expansion {
  name: string
  /** The text inside the parentheses. */
  inner: string
}

/** The options of a read: https://learn.microsoft.com/graph/query-parameters */
export interface Query {
  select: string[] | null
  expand: Expansion[]
  filter: Filter | null
  orderBy: { path: string[]; descending: boolean }[]
  top: number | null
  skip: number
  count: boolean
}

export function readQuery(url: URL): Query {
  const option = (name: string) => url.searchParams.get(`$${name}`) ?? url.searchParams.get(name)
  const select = option('select')
  const filter = option('filter')
  return {
    select: select === null ? null : select.split(',').map((name) => name.trim()).filter(Boolean),
    expand: splitTop(option('expand') ?? '').map(readExpansion),
    filter: filter === null ? null : parseFilter(filter),
    orderBy: splitTop(option('orderby') ?? '').map((term) => {
      const [path = '', direction] = term.split(/\s+/)
      return { path: path.split('/'), descending: direction?.toLowerCase() === 'desc' }
    }),
    top: wholeNumber(option('top'), 'Top'),
    skip: wholeNumber(option('skip'), 'Skip') ?? 0,
    count: option('count') === 'true',
  }
}

function wholeNumber(text: string | null, name: string): number | null {
  if (text === null) return null
  if (!/^\d+$/.test(text))
    throw badRequest(`Invalid value '${text}' for $${name.toLowerCase()} query option found: it must be a non-negative integer.`, 'RequestBroker--ParseUri')
  const value = Number(text)
  if (name === 'Top' && (value < 1 || value > MAX_TOP))
    throw badRequest(`The limit of '${MAX_TOP}' for Top query has been exceeded. The value from the incoming request is '${value}'.`, 'ErrorInvalidParameter')
  return value
}

/** Splits at commas that stand outside of parentheses and quotes. */
function splitTop(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]
    if (sign === "'") quoted = !quoted
    else if (!quoted && sign === '(') depth += 1
    else if (!quoted && sign === ')') depth -= 1
    else if (!quoted && depth === 0 && sign === ',') {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim()).filter(Boolean)
}

function readExpansion(text: string): Expansion {
  const match = /^(\w+)(?:\((.*)\))?$/s.exec(text)
  if (!match) throw badRequest(`Term '${text}' is not valid in a $expand expression.`, 'RequestBroker--ParseUri')
  return { name: match[1] ?? '', inner: match[2] ?? '' }
}

/** The ids named by $expand=singleValueExtendedProperties($filter=id eq '...' or id eq '...'); null where it is not expanded. */
export function expandedIds(query: Query): string[] | null {
  const expansion = query.expand.find(({ name }) => name.toLowerCase() === 'singlevalueextendedproperties')
  if (!expansion) return null
  return [...expansion.inner.matchAll(/\bid\s+eq\s+'((?:[^']|'')*)'/gi)].map((match) => (match[1] ?? '').replaceAll("''", "'"))
}

/** Only what $select names, the id and annotations besides. An unknown name is refused. */
export function selected(body: Record<string, unknown>, select: string[] | null, optional: string[], type: string): Record<string, unknown> {
  if (select === null) {
    for (const name of optional) if (body[name] === undefined) delete body[name]
    return body
  }
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) if (name.startsWith('@odata.') || name === 'id' || select.includes(name)) kept[name] = value
  const unknown = select.find((name) => !(name in body) && !optional.includes(name))
  if (unknown !== undefined) throw badRequest(`Could not find a property named '${unknown}' on type 'microsoft.graph.${type}'.`, 'RequestBroker--ParseUri')
  return kept
}

export function order<T>(entries: T[], query: Query, json: (entry: T) => Record<string, unknown>): T[] {
  if (query.orderBy.length === 0) return entries
  const at = (entry: T, path: string[]) => path.reduce<any>((value, name) => value?.[name], json(entry))
  return [...entries].sort((a, b) => {
    for (const { path, descending } of query.orderBy) {
      const [left, right] = [at(a, path) ?? '', at(b, path) ?? '']
      if (left !== right) return (left < right ? -1 : 1) * (descending ? -1 : 1)
    }
    return 0
  })
}

/**
 * One page of a collection with the link to the next one.
 * Documentation: https://learn.microsoft.com/graph/paging
 * @param size of a page where the client names none
 */
export function collection<T>(call: Call, query: Query, entries: T[], render: (entry: T) => object, size = 10): Reply {
  const wanted = query.top ?? call.maxPageSize ?? size
  const length = Math.min(wanted, call.world.switches.forcePageSize)
  const slice = entries.slice(query.skip, query.skip + length)
  const body: Record<string, unknown> = { '@odata.context': contextOf(call) }
  if (query.count) body['@odata.count'] = entries.length
  if (query.skip + length < entries.length) {
    const next = new URL(call.url)
    next.searchParams.set('$skip', String(query.skip + length))
    body['@odata.nextLink'] = next.href
  }
  body.value = slice.map(render)
  return { status: 200, body }
}

export function contextOf(call: Call, entity = false): string {
  const path = call.url.pathname.split('/').slice(2).join('/')
  return `${call.url.origin}/v1.0/$metadata#${path}${entity ? '/$entity' : ''}`
}

/** The answer to a write or a read of one thing. */
export function entity(call: Call, status: number, body: Record<string, unknown>): Reply {
  const etag = body['@odata.etag']
  return {
    status,
    body: { '@odata.context': contextOf(call, true), ...body },
    ...(typeof etag === 'string' ? { headers: { etag } } : {}),
  }
}
