import { WebServiceError } from './errors.ts'

export type Operator = '=' | '<' | '>' | '<=' | '>=' | '!=' | 'in' | 'like'

export interface Condition {
  readonly column: string
  readonly operator: Operator
  readonly values: string[]
}

export interface Query {
  /** Column names, or `*`, or `count(*)`. */
  readonly columns: string[] | '*' | 'count(*)'
  readonly module: string
  /** Alternatives of conjunctions: `and` binds tighter than `or`. */
  readonly where: Condition[][]
  readonly order: { column: string; descending: boolean }[]
  readonly offset: number
  readonly limit: number
}

interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'symbol' | 'end'
  readonly text: string
}

const DEFAULT_LIMIT = 1000
const TOKENS = /\s*(?:('(?:[^']|'')*')|(\d+(?:\.\d+)?)|([A-Za-z_][\w.]*)|(<=|>=|!=|<>|[=<>*,;()])|(\S))/y
const KEYWORDS = new Set(['select', 'from', 'where', 'and', 'or', 'in', 'like', 'order', 'by', 'asc', 'desc', 'limit'])
const SYMBOLS: Record<string, string> = {
  '(': 'PARENOPEN',
  ')': 'PARENCLOSE',
  ';': 'SEMICOLON',
  ',': 'COMMA',
  '*': 'ASTERISK',
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKENS.lastIndex = 0
  for (let match = TOKENS.exec(text); match; match = TOKENS.exec(text)) {
    const [, string, number, word, symbol, other] = match
    if (string !== undefined) tokens.push({ kind: 'string', text: string.slice(1, -1).replaceAll("''", "'") })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else tokens.push({ kind: 'symbol', text: symbol ?? other ?? '' })
  }
  return tokens
}

class Parser {
  readonly #tokens: Token[]
  #position = 0

  constructor(text: string) {
    this.#tokens = tokenize(text)
  }

  get #next(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', text: this.#tokens.at(-1)?.text ?? '' }
  }

  /** The message names the token as vtenext's generated parser does. */
  #fail(expected: string, role = 'COLUMNNAME'): never {
    const { kind, text } = this.#next
    const name = kind === 'end' ? 'End of Input' : kind === 'symbol' ? (SYMBOLS[text] ?? 'Unknown') : role
    const shown = kind === 'end' ? '0' : text
    const message = `Syntax Error on line 1: token '${text}' Unexpected ${name}(${shown}), expected one of: ${expected}`
    throw new WebServiceError('QUERY_SYNTAX_ERROR', message)
  }

  #accept(text: string): boolean {
    const token = this.#next
    if (token.kind === 'string' || token.kind === 'end' || token.text.toLowerCase() !== text) return false
    this.#position += 1
    return true
  }

  #expect(text: string, name = text.toUpperCase(), role?: string): void {
    if (!this.#accept(text)) this.#fail(name, role)
  }

  #word(): string {
    const token = this.#next
    if (token.kind !== 'word' || KEYWORDS.has(token.text.toLowerCase())) this.#fail('COLUMNNAME')
    this.#position += 1
    return token.text
  }

  #literal(): string {
    const token = this.#next
    if (token.kind === 'symbol' || token.kind === 'end') this.#fail('VALUE')
    this.#position += 1
    return token.text
  }

  #number(): number {
    const token = this.#next
    if (token.kind !== 'number') this.#fail('INTEGER')
    this.#position += 1
    return Number(token.text)
  }

  query(): Query {
    this.#expect('select', 'SELECT', 'Unknown')
    const columns = this.#columns()
    this.#expect('from', 'FROM')
    const module = this.#word()
    const where = this.#accept('where') ? this.#conditions() : []
    const order = this.#accept('order') ? this.#order() : []
    const [offset, limit] = this.#accept('limit') ? this.#limit() : [0, DEFAULT_LIMIT]
    this.#expect(';', 'SEMICOLON')
    if (this.#next.kind !== 'end') this.#fail('End of Input')
    return { columns, module, where, order, offset, limit }
  }

  #columns(): Query['columns'] {
    if (this.#accept('*')) return '*'
    const columns = [this.#word()]
    if (columns[0]?.toLowerCase() === 'count' && this.#accept('(')) {
      this.#expect('*', 'ASTERISK')
      this.#expect(')', 'PARENCLOSE')
      return 'count(*)'
    }
    while (this.#accept(',')) columns.push(this.#word())
    return columns
  }

  #conditions(): Condition[][] {
    const alternatives = [[this.#condition()]]
    for (;;) {
      if (this.#accept('and')) alternatives.at(-1)?.push(this.#condition())
      else if (this.#accept('or')) alternatives.push([this.#condition()])
      else return alternatives
    }
  }

  #condition(): Condition {
    const column = this.#word()
    for (const operator of ['<=', '>=', '!=', '=', '<', '>', 'like'] as const) {
      if (this.#accept(operator)) return { column, operator, values: [this.#literal()] }
    }
    if (!this.#accept('in')) this.#fail('EQ,LT,GT,LTE,GTE,NE,IN,LIKE', 'VALUE')
    this.#expect('(', 'PARENOPEN')
    const values = [this.#literal()]
    while (this.#accept(',')) values.push(this.#literal())
    this.#expect(')', 'PARENCLOSE')
    return { column, operator: 'in', values }
  }

  #order(): Query['order'] {
    this.#expect('by', 'BY')
    const order: Query['order'] = []
    do {
      const column = this.#word()
      const descending = this.#accept('desc')
      if (!descending) this.#accept('asc')
      order.push({ column, descending })
    } while (this.#accept(','))
    return order
  }

  #limit(): [offset: number, limit: number] {
    const first = this.#number()
    return this.#accept(',') ? [first, this.#number()] : [0, first]
  }
}

/**
 * Reads VTQL: no parentheses, no functions, no `is null`, no `not`; the final `;` is required. Throws
 * QUERY_SYNTAX_ERROR.
 */
export function parseQuery(text: string): Query {
  return new Parser(text).query()
}
