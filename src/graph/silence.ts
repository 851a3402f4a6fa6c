import type { ItemKind } from '../model/index.ts'

export interface PulledPage {
  readonly hasNews: boolean
  /** Of a round that begins from nothing: it tells what was there before anybody was told of changes. */
  readonly isFirst: boolean
  /** The round ends with it. */
  readonly isOver: boolean
}

/**
 * Whether the notifications of a mailbox really come. Nobody tells when the way to us is blocked: changes that a pull
 * finds between two others, and that no notification has told of, are the only sign. All times are those of the clock.
 */
export class Silence {
  readonly #ends = new Map<ItemKind, number>()
  readonly #open = new Set<ItemKind>()
  #heardMs = -Infinity
  #doubtMs: number | null = null

  /** A notification came. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs
    this.#doubtMs = null
  }

  /** @param sinceMs since when the kind is told of; undefined where it is not. Only the first page of a round is judged. */
  pulled(kind: ItemKind, sinceMs: number | undefined, { hasNews, isFirst, isOver }: PulledPage, nowMs: number): void {
    const ended = this.#ends.get(kind) ?? -Infinity
    const isLate = sinceMs !== undefined && ended > sinceMs && this.#heardMs < ended
    if (hasNews && !isFirst && isLate && !this.#open.has(kind)) this.#doubtMs ??= nowMs
    if (!isOver) this.#open.add(kind)
    else {
      this.#open.delete(kind)
      this.#ends.set(kind, nowMs)
    }
  }

  /** Since when a notification is overdue; null while nothing speaks against them. */
  get doubtMs(): number | null {
    return this.#doubtMs
  }

  forget(): void {
    this.#doubtMs = null
  }
}
