import { badRequest } from './errors.ts'
import { propertyKey } from './extended.ts'

/** Reads a value out of an entry by its path, `['start', 'dateTime']`. */
type Entry = Record<string, unknown>
export type Filter = (entry: Entry) => boolean
type Operand = (entry: Entry, scope: Record<string, unknown>) => unknown
type Test = (entry: Entry, scope: Record<string, unknown>) => boolean

const TOKEN = /\s*('(?:[^']|'')*'|\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?|-?\d+(?:\.\d+)?|[A-Za-z_][\w]*(?:\/[A-Za-z_]\w*)*|[(),:])/y

/**
 * A $filter expression as far as Outlook's resources take one: comparisons, and/or/not, startswith, endswith, contains
 * and any() over a collection.
 * Documentation: https://learn.microsoft.com/graph/filter-query-parameter
 */
export function parseFilter(text: string): Filter {
  const parser = new Parser(text)
  const test = parser.whole()
  return (entry) => test(entry, {})
}

class Parser {
  readonly #text: string
  #tokens: string[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
    TOKEN.lastIndex = 0
    const end = text.trimEnd().length
    while (TOKEN.lastIndex < end) {
      const from = TOKEN.lastIndex
      const match = TOKEN.exec(text)
      if (!match) throw this.#broken(from)
      this.#tokens.push(match[1] ?? '')
    }
  }

  whole(): Test {
    const test = this.#or()
    if (this.#at < this.#tokens.length) throw this.#broken(this.#at)
    return test
  }

  #broken(at: number) {
    return badRequest(`Invalid filter clause: Syntax error at position ${at} in '${this.#text}'.`, 'RequestBroker--ParseUri')
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? ''
  }

  #take(): string {
    return this.#tokens[this.#at++] ?? ''
  }

  #expect(token: string): void {
    if (this.#take() !== token) throw this.#broken(this.#at - 1)
  }

  #or(): Test {
    let left = this.#and()
    while (this.#peek() === 'or') {
      this.#take()
      const [one, other] = [left, this.#and()]
      left = (entry, scope) => one(entry, scope) || other(entry, scope)
    }
    return left
  }

  #and(): Test {
    let left = this.#primary()
    while (this.#peek() === 'and') {
      this.#take()
      const [one, other] = [left, this.#primary()]
      left = (entry, scope) => one(entry, scope) && other(entry, scope)
    }
    return left
  }

  #primary(): Test {
    if (this.#peek() === 'not') {
      this.#take()
      const inner = this.#primary()
      return (entry, scope) => !inner(entry, scope)
    }
    if (this.#peek() === '(') {
      this.#take()
      const inner = this.#or()
      this.#expect(')')
      return inner
    }
    const name = this.#take()
    const last = name.split('/').at(-1)?.toLowerCase()
    if (this.#peek() === '(') return last === 'any' ? this.#any(name) : this.#function(name)
    return this.#comparison(name)
  }

  #function(name: string): Test {
    const call = name.toLowerCase()
    if (!['startswith', 'endswith', 'contains'].includes(call)) throw this.#broken(this.#at)
    this.#expect('(')
    const left = this.#operand(this.#take())
    this.#expect(',')
    const right = this.#operand(this.#take())
    this.#expect(')')
    return (entry, scope) => {
      const [whole, part] = [text(left(entry, scope)), text(right(entry, scope))]
      if (call === 'startswith') return whole.startsWith(part)
      return call === 'endswith' ? whole.endsWith(part) : whole.includes(part)
    }
  }

  /** `singleValueExtendedProperties/Any(ep: ep/id eq '...' and ep/value eq '...')` */
  #any(name: string): Test {
    const path = name.split('/').slice(0, -1)
    this.#expect('(')
    const variable = this.#take()
    this.#expect(':')
    const inner = this.#or()
    this.#expect(')')
    return (entry, scope) => {
      const list = read(entry, path)
      return Array.isArray(list) && list.some((element) => inner(entry, { ...scope, [variable]: element }))
    }
  }

  #comparison(name: string): Test {
    const left = this.#operand(name)
    const operator = this.#take()
    const right = this.#operand(this.#take())
    const isPropertyId = name.endsWith('/id') && name.includes('/')
    const compare = COMPARISONS[operator]
    if (!compare) throw this.#broken(this.#at - 1)
    return (entry, scope) => compare(...alike(left(entry, scope), right(entry, scope), isPropertyId))
  }

  #operand(token: string): Operand {
    if (token === '') throw this.#broken(this.#at)
    if (token.startsWith("'")) return () => token.slice(1, -1).replaceAll("''", "'")
    if (/^\d{4}-/.test(token)) return () => Date.parse(token)
    if (/^-?\d/.test(token)) return () => Number(token)
    if (token === 'true' || token === 'false') return () => token === 'true'
    if (token === 'null') return () => null
    const path = token.split('/')
    return (entry, scope) => {
      const [head = '', ...rest] = path
      return head in scope ? read(scope[head], rest) : read(entry, path)
    }
  }
}

const COMPARISONS: Record<string, (a: any, b: any) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
}

/** Makes both sides comparable: moments as numbers, text without case, property ids in one spelling. */
function alike(left: any, right: any, isPropertyId: boolean): [any, any] {
  if (typeof right === 'number' && typeof left === 'string') return [Date.parse(left), right]
  if (typeof left !== 'string' || typeof right !== 'string') return [left ?? null, right ?? null]
  if (isPropertyId && / /.test(right)) return [propertyKey(left), propertyKey(right)]
  return [left.toLowerCase(), right.toLowerCase()]
}

function read(value: unknown, path: string[]): unknown {
  return path.reduce<any>((inner, name) => inner?.[name], value)
}

const text = (value: unknown) => String(value ?? '').toLowerCase()
