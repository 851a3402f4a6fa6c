import { createHash } from 'node:crypto'
import { canonicalJson } from '../src/lib/content-hash.ts'
import { SyncError } from '../src/lib/errors.ts'
import { changeKey, instant, instantMs } from '../src/model/index.ts'
import type { ChangeKey, FieldName, Instant, Item, ItemId, ItemKind, OccurrenceRef, OccurrenceStart, SkipReason, Token, Traits } from '../src/model/index.ts'
import type { Change, Clock, Crm, Mailing, Replica, Store } from '../src/ports.ts'
import { MemoryCrm } from './memory-crm.ts'
import { MemoryCloudMailbox } from './memory-cloud-mailbox.ts'
import { MemoryMailbox } from './memory-mailbox.ts'

/** What goes wrong with one request; `lost` kinds answer with an unknown outcome. */
export type Trouble = 'refused' | 'lost-before' | 'lost-after' | 'down'

export interface Call {
  readonly side: 'crm' | 'exchange'
  readonly at: string
  readonly name: string
  readonly id: ItemId | null
}

/** What a test may do while remote calls and commits happen. */
export interface Script {
  /** Runs before and after the effect of every remote call and store commit; throwing kills the process. */
  boundary(name: string): Promise<void>
  trouble(call: Call): Trouble | null
  /** How a page of changes is told: repeated, reordered. */
  tell(changes: readonly Change[]): readonly Change[]
  /** Told of every write that reached a server. */
  wrote(write: RemoteWrite): void
}

export interface RemoteWrite {
  readonly side: 'crm' | 'exchange'
  readonly at: string
  readonly type: 'create' | 'update' | 'remove'
  readonly kind: ItemKind
  readonly item: Item
  /** Which fields an update wrote. */
  readonly fields?: readonly FieldName[]
  /** One occurrence of the item, a master, was written. */
  readonly occurrence?: OccurrenceStart
  /** Whom the write tells by mail. */
  readonly mailing?: Mailing
  readonly traits?: Traits
}

/** What a request says of itself. */
export const told = ({ fields, occurrence, mailing }: { readonly fields?: object; readonly occurrence?: OccurrenceRef; readonly mailing?: Mailing }) => ({
  ...(fields === undefined ? {} : { fields: Object.keys(fields) as FieldName[] }),
  ...(occurrence === undefined ? {} : { occurrence: occurrence.start }), ...(mailing === undefined ? {} : { mailing }),
})

export const QUIET: Script = {
  boundary: async () => undefined,
  trouble: () => null,
  tell: (changes) => changes,
  wrote: () => undefined,
}

/** The servers of both sides and the time they live in. They outlive every process that talks to them. */
export interface World {
  readonly clock: Clock
  nowMs(): number
  pass(ms: number): void
  script: Script
  readonly crm: MemoryCrm
  mailbox(id: string): MemoryMailbox
  /** A request that is executed although its sender has died. */
  later(ms: number, effect: () => void): void
  next(): number
}

/**
 * @param startMs milliseconds since the epoch
 * @param inCloud the mailboxes that are in Microsoft 365
 */
export function createWorld(startMs = Date.parse('2026-12-01T09:00:00Z'), inCloud: readonly string[] = []): World {
  let nowMs = startMs
  let count = 0
  let inFlight: { dueMs: number; effect: () => void }[] = []
  const mailboxes = new Map<string, MemoryMailbox>()
  const pass = (ms: number) => {
    nowMs += ms
    const due = inFlight.filter((one) => one.dueMs <= nowMs)
    inFlight = inFlight.filter((one) => one.dueMs > nowMs)
    for (const { effect } of due) effect()
  }
  const clock: Clock = {
    now: () => instant(nowMs),
    elapsedMs: () => nowMs - startMs,
    sleep: async (ms) => pass(ms),
  }
  const world: World = {
    clock, pass, script: QUIET,
    nowMs: () => nowMs,
    next: () => ++count,
    later: (ms, effect) => void inFlight.push({ dueMs: nowMs + ms, effect }),
    crm: undefined as unknown as MemoryCrm,
    mailbox(id) {
      const found = mailboxes.get(id) ?? (inCloud.includes(id) ? new MemoryCloudMailbox(world, id) : new MemoryMailbox(world, id))
      mailboxes.set(id, found)
      return found
    },
  }
  Object.assign(world, { crm: new MemoryCrm(world) })
  return world
}

/** A process that may die: from then on nothing it asks for happens any more. */
export class Process {
  dead = false
  readonly world: World

  constructor(world: World) {
    this.world = world
  }

  async boundary(name: string): Promise<void> {
    this.check()
    try {
      await this.world.script.boundary(name)
    } catch (error) {
      this.dead = true
      throw error
    }
    this.check()
  }

  check(): void {
    if (this.dead) throw new SyncError('TEST_DEAD', 'The process has died.', { scope: 'system', remedy: 'bug' })
  }

  /** The store as this process sees it. */
  store(store: Store): Store {
    return {
      transaction: async (work, fence) => {
        await this.boundary('commit:before')
        const result = await store.transaction(work, fence)
        await this.boundary('commit:after')
        return result
      },
      snapshot: (work) => {
        this.check()
        return store.snapshot(work)
      },
      raiseFence: async (lane) => {
        this.check()
        return store.raiseFence(lane)
      },
      close: () => store.close(),
    }
  }

  /** A server as this process sees it: every call is two boundaries, every request of a batch its own moment. */
  replica<Side extends Replica>(server: Side, at: string): Side {
    const { world } = this
    const around = async <T>(name: string, call: () => T | Promise<T>): Promise<T> => {
      await this.boundary(`${at}.${name}:before`)
      if (world.script.trouble({ side: server.side, at, name, id: null }) === 'down') throw down(server.side)
      const result = await call()
      await this.boundary(`${at}.${name}:after`)
      return result
    }
    const each = async <Request, Outcome>(name: string, requests: readonly Request[], one: (request: Request) => Promise<readonly Outcome[]>) => {
      const outcomes: Outcome[] = []
      for (const request of requests) outcomes.push(...(await this.write(server, at, name, request, () => one(request))))
      return outcomes
    }
    return {
      ...server,
      side: server.side,
      hold: (item: Item) => server.hold(item),
      pull: (...args: Parameters<Replica['pull']>) => around('pull', async () => {
        const page = await server.pull(...args)
        return page.type === 'page' ? { ...page, changes: world.script.tell(page.changes) } : page
      }),
      get: (...args: Parameters<Replica['get']>) => around('get', () => server.get(...args)),
      findCreated: (...args: Parameters<Replica['findCreated']>) => around('find', () => server.findCreated(...args)),
      locate: (...args: Parameters<Replica['locate']>) => around('locate', () => server.locate(...args)),
      create: (requests: Parameters<Replica['create']>[0]) => each('create', requests, (one) => server.create([one])),
      update: (requests: Parameters<Replica['update']>[0]) => each('update', requests, (one) => server.update([one])),
      remove: (requests: Parameters<Replica['remove']>[0]) => each('remove', requests, (one) => server.remove([one])),
      open: async () => undefined,
      users: async () => [],
      groups: async () => [],
      set: (uid: string) => around('set', () => (server as unknown as Crm).set(uid)),
    } as unknown as Side
  }

  private async write<Outcome>(server: Replica, at: string, name: string, request: unknown, effect: () => Promise<readonly Outcome[]>): Promise<readonly Outcome[]> {
    const id = (request as { id?: ItemId }).id ?? null
    try {
      await this.boundary(`${at}.${name}:before`)
    } catch (error) {
      if (error instanceof Crash && error.inFlight) this.world.later(1900, () => void effect())
      throw error
    }
    const trouble = this.world.script.trouble({ side: server.side, at, name, id })
    if (trouble === 'down') return [{ type: 'failed', error: down(server.side) } as Outcome]
    if (trouble === 'refused') return [{ type: 'failed', error: refused() } as Outcome]
    if (trouble === 'lost-before') return [{ type: 'failed', error: lost() } as Outcome]
    const outcomes = await effect()
    await this.boundary(`${at}.${name}:after`)
    return trouble === 'lost-after' ? [{ type: 'failed', error: lost() } as Outcome] : outcomes
  }
}

/** The death of the process at a boundary. */
export class Crash extends Error {
  /** The request was sent and is executed all the same. */
  readonly inFlight: boolean
  constructor(inFlight = false) {
    super('the process dies here')
    this.inFlight = inFlight
  }
}

const down = (side: string) => new SyncError('TEST_DOWN', `The ${side} server is down.`, { scope: 'server', remedy: 'retry' })
const refused = () => new SyncError('TEST_REFUSED', 'The server refuses this item.', { scope: 'item', remedy: 'retry' })
const lost = () => new SyncError('TEST_LOST', 'The answer was lost.', { scope: 'item', remedy: 'retry', outcomeUnknown: true })

/** What a server keeps of an item; the version rises with every change. */
export interface Row {
  readonly id: ItemId
  readonly kind: ItemKind
  readonly item: Item
  readonly version: number
  /** Place in the feed. */
  readonly seq: number
  readonly modifiedAt: Instant
  readonly bornAt: string
  readonly uid: string
  readonly token: Token | null
  readonly traits?: Traits
  readonly unsupported?: SkipReason
}

export const contentKey = (parts: unknown): ChangeKey =>
  changeKey(createHash('sha1').update(canonicalJson(parts as object)).digest('base64url').slice(0, 12))

export const wholeMinute = (at: Instant): Instant => instant(Math.floor(instantMs(at) / 60_000) * 60_000)
