/** What takes back the writes of the running transaction, newest last. */
export type UndoLog = (() => void)[]

/**
 * Rows by key, in order of their first insertion. Every write leaves its way back in the undo log, so that a
 * transaction costs what it writes and not what the table holds.
 */
export class MemoryTable<Row> {
  private readonly rows = new Map<string, Row>()
  private readonly keyOf: (row: Row) => string

  constructor(keyOf: (row: Row) => string) {
    this.keyOf = keyOf
  }

  get(key: string): Row | undefined {
    return this.rows.get(key)
  }

  all(): Row[] {
    return [...this.rows.values()]
  }

  where(matches: (row: Row) => boolean): Row[] {
    const found: Row[] = []
    for (const row of this.rows.values()) if (matches(row)) found.push(row)
    return found
  }

  put(row: Row, undo: UndoLog): void {
    const key = this.keyOf(row)
    const before = this.rows.get(key)
    undo.push(() => (before === undefined ? this.rows.delete(key) : this.rows.set(key, before)))
    this.rows.set(key, row)
  }

  remove(key: string, undo: UndoLog): void {
    const before = this.rows.get(key)
    if (before === undefined) return
    // Taking back a removal appends the row again: readers sort by what the row says, never by place.
    undo.push(() => this.rows.set(key, before))
    this.rows.delete(key)
  }
}

/** One key from several parts; the separator occurs in no id. */
export const keyOf = (...parts: readonly string[]): string => parts.join('\u0001')
