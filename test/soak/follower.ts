import { asSyncError } from '../../src/lib/errors.ts'
import { instant } from '../../src/model/index.ts'
import type { ItemId, ItemKind, Mailbox, SyncState, Token } from '../../src/model/index.ts'
import type { Clock, Exchange } from '../../src/ports.ts'

export const KINDS = ['event', 'task'] as const satisfies readonly ItemKind[]
/** Of a mailbox's history, to be read when it ends out of step. */
const REMEMBERED = 80

/** What a mailbox's owner would lose if the connector lost it: everything told, and everything he wanted written. */
export class Follower {
  readonly mailbox: Mailbox
  /** Subjects by id, as told. */
  readonly known: Readonly<Record<'event' | 'task', Map<string, string>>> = { event: new Map(), task: new Map() }
  readonly history: string[] = []
  readonly #exchange: Exchange
  readonly #clock: Clock
  readonly #states = new Map<ItemKind, SyncState | null>()
  readonly #dirty = new Set<ItemKind>(KINDS)
  /** Items that could not be read: asked for again until they can. */
  readonly #broken = new Map<ItemId, ItemKind>()
  /** Tokens of tasks that are to be there once. */
  readonly #wanted: Token[] = []
  #running: Promise<void> | null = null
  #retryAt = 0

  constructor(mailbox: Mailbox, exchange: Exchange, clock: Clock) {
    this.mailbox = mailbox
    this.#exchange = exchange
    this.#clock = clock
  }

  note(what: string): void {
    this.history.push(`${Math.round(this.#clock.elapsedMs() / 1000) % 100_000} s: ${what}`)
    if (this.history.length > REMEMBERED) this.history.shift()
  }

  hint(kinds: readonly ItemKind[], why: string): void {
    this.note(`${why} ${kinds.join('+')}`)
    for (const kind of kinds) if (kind !== 'contact') this.#dirty.add(kind)
  }

  want(token: Token): void {
    this.#wanted.push(token)
  }

  get isSettled(): boolean {
    return this.#dirty.size === 0 && this.#wanted.length === 0 && this.#broken.size === 0 && this.#running === null
  }

  /** One run where something is due; trouble is waited out for as long as the error says. @throws the connector's own errors */
  work(): Promise<void> {
    if (this.#running !== null) return this.#running
    if (this.isSettled || this.#clock.elapsedMs() < this.#retryAt) return Promise.resolve()
    this.#running = this.#run().catch((thrown: unknown) => {
      const error = asSyncError(thrown)
      if (error.remedy === 'bug') throw error
      this.note(`${error.code} of ${String(error.context['operation'])}, again in ${error.retryAfterMs ?? 1_000} ms`)
      this.#retryAt = this.#clock.elapsedMs() + (error.retryAfterMs ?? 1_000)
    }).finally(() => { this.#running = null })
    return this.#running
  }

  async #run(): Promise<void> {
    for (const kind of [...this.#dirty]) {
      this.#dirty.delete(kind)
      await this.#pull(kind as 'event' | 'task').catch((error: unknown) => { this.#dirty.add(kind); throw error })
    }
    for (const [id, kind] of [...this.#broken]) await this.#readAgain(kind as 'event' | 'task', id)
    for (let token = this.#wanted[0]; token !== undefined; token = this.#wanted[0]) {
      await this.#create(token)
      this.#wanted.shift()
    }
  }

  /** As the engine does it after a create whose answer was lost: it looks before it writes. */
  async #create(token: Token): Promise<void> {
    const item = { kind: 'task' as const, fields: { subject: `ours ${token}` } }
    if ((await this.#exchange.findCreated({ kind: 'task', token, item, uid: null, since: instant(0) })) !== null) return this.note(`found ${token}`)
    const [made] = await this.#exchange.create([{ item, token, stamp: { instance: 'i', kind: 'task', record: '9x1' as never, token } }])
    if (made?.type !== 'done') throw made?.type === 'failed' ? made.error : new Error(`a create ended as ${made?.type ?? 'nothing'}`)
    this.note(`made ${token}`)
  }

  async #readAgain(kind: 'event' | 'task', id: ItemId): Promise<void> {
    const [found] = await this.#exchange.get(kind, [id])
    if (found === undefined || found.type === 'failed') throw found?.error ?? new Error('get answered nothing')
    if (found.type === 'seen') this.known[kind].set(id, subjectOf(found.snapshot.item.fields))
    this.#broken.delete(id)
  }

  async #pull(kind: 'event' | 'task'): Promise<void> {
    const known = this.known[kind]
    for (let more = true; more;) {
      const page = await this.#exchange.pull(kind, this.#states.get(kind) ?? null, () => Promise.resolve(new Map()))
      if (page.type === 'resync-required') {
        this.note(`${kind}: sync state refused`)
        known.clear()
        this.#states.set(kind, null)
        continue
      }
      for (const change of page.changes) {
        if (change.type === 'seen') known.set(change.snapshot.id, subjectOf(change.snapshot.item.fields))
        if (change.type === 'gone') known.delete(change.id)
        if (change.type === 'broken') this.#broken.set(change.id, kind)
        else this.#broken.delete(change.type === 'seen' ? change.snapshot.id : change.id)
      }
      this.note(`${kind}: ${page.changes.length} changes`)
      this.#states.set(kind, page.next)
      more = page.more
    }
  }
}

const subjectOf = (fields: object): string => ('subject' in fields ? String(fields.subject) : '')
