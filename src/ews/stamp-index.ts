/**
 * After a move of the mailbox every item has another id, and each is searched for. A search by stamp makes the server
 * look at the whole folder, so after a few of them all stamps are read at once.
 */
import { childText } from '../lib/xml.ts'
import type { ItemKind, Token } from '../model/index.ts'
import type { Clock } from '../ports.ts'
import type { EwsItem } from './operations/ids.ts'
import { stampOf } from './stamp.ts'

/** Searches of one kind within the time after which reading everything is the lesser work. */
const MANY = 10
const MINUTE = 60_000

/** An item without creation time is never preferred to one that has it: copy and paste copies the stamp, and the copy is younger. */
export function oldest(hits: readonly EwsItem[] | undefined): EwsItem | undefined {
  return hits?.toSorted((left, right) => (born(left) < born(right) ? -1 : born(left) > born(right) ? 1 : 0))[0]
}
const born = (hit: EwsItem) => childText(hit.properties, 'DateTimeCreated') ?? '9'

/** The ids of stamped items in the synced folders. A hint: whoever uses an id reads the item, and what is not here may be there. */
export class StampIndex {
  readonly #clock: Clock
  readonly #searches = new Map<ItemKind, { since: number; count: number }>()
  readonly #ids = new Map<ItemKind, { readonly ids: Promise<ReadonlyMap<Token, string>>; usedAt: number; timer: NodeJS.Timeout }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param readAll the stamped items of each place, the synced folder first
   * @returns the id under which the item was last seen; null when it has to be searched for
   */
  async find(kind: ItemKind, token: Token, readAll: () => Promise<readonly (readonly EwsItem[])[]>): Promise<string | null> {
    const now = this.#clock.elapsedMs()
    let known = this.#ids.get(kind)
    if (known === undefined) {
      if (!this.#isMany(kind, now)) return null
      const ids = readAll().then(inSyncedFolder)
      known = { ids, usedAt: now, timer: setInterval(() => { this.#forgetUnused(kind) }, MINUTE).unref() }
      this.#ids.set(kind, known)
      ids.catch(() => { this.#forget(kind) })
    }
    known.usedAt = now
    return (await known.ids).get(token) ?? null
  }

  #isMany(kind: ItemKind, now: number): boolean {
    const last = this.#searches.get(kind)
    const searches = last === undefined || now - last.since > MINUTE ? { since: now, count: 0 } : last
    searches.count += 1
    this.#searches.set(kind, searches)
    return searches.count > MANY
  }

  #forgetUnused(kind: ItemKind): void {
    if (this.#clock.elapsedMs() - (this.#ids.get(kind)?.usedAt ?? 0) >= MINUTE) this.#forget(kind)
  }

  #forget(kind: ItemKind): void {
    clearInterval(this.#ids.get(kind)?.timer)
    this.#ids.delete(kind)
  }
}

/** Of several items with one stamp the oldest counts, wherever it is. */
function inSyncedFolder(places: readonly (readonly EwsItem[])[]): ReadonlyMap<Token, string> {
  const here = new Set(places[0])
  const first = new Map<Token, EwsItem>()
  for (const hit of places.flat()) {
    const token = stampOf(hit.properties)?.token
    if (token !== undefined) first.set(token, oldest([...first.has(token) ? [first.get(token) as EwsItem] : [], hit]) ?? hit)
  }
  return new Map([...first].flatMap(([token, hit]) => (here.has(hit) ? [[token, hit.id]] : [])))
}
