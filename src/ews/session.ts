/** One mailbox on one connection: calls as its owner, its folders, and batches cut to what the server bears. */
import type { ItemId, ItemKind, Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import type { SyncError } from '../lib/errors.ts'
import { asSyncError } from '../lib/errors.ts'
import { badReply, fromFailure } from './errors.ts'
import type { CallContext } from './errors.ts'
import { Gate } from './gate.ts'
import { SHAPES } from './item-shape.ts'
import { getItem } from './operations/get-item.ts'
import type { AnyItemRef, EwsItem } from './operations/ids.ts'
import type { Failure, Operation, Result } from './soap.ts'
import type { Route } from './route.ts'
import type { Caller, CallExtras } from './transport.ts'

/** Microsoft's number: a batch is cut off after a minute. */
export const BATCH = 10
const READS_IN_FLIGHT = 2

export interface Session {
  readonly mailbox: Mailbox
  readonly caller: Caller
  /** Address for folders by name, where a service account works in the mailbox by folder rights alone. */
  readonly folderOwner: string | undefined
  /** Which server the calls go to. */
  readonly route: Route
  readonly clock: Clock
  readonly log: Log
  /** @throws SyncError */
  call<Request, Reply>(operation: Operation<Request, Reply>, request: Request, extras?: CallExtras): Promise<Reply>
  /** As `call`, for one result per requested item: a short answer is an error, never a shift by one. */
  batch<Request, T>(operation: Operation<Request, Result<T>[]>, request: Request, count: number): Promise<Result<T>[]>
  /** Reads any number of items, in the order of the ids. @param properties default: the kind's whole shape */
  read(kind: ItemKind, ids: readonly ItemId[] | readonly string[], properties?: string): Promise<Result<EwsItem>[]>
  /** As `read`, by other ids than an item's own. */
  readRefs(refs: readonly AnyItemRef[], properties: string): Promise<Result<EwsItem>[]>
  error(operation: { readonly name: string; readonly writes: boolean }, failure: Failure): SyncError
  /** How this mailbox signs in, in words. */
  describeSignIn(): string
}

export interface SessionOptions {
  readonly route: Route
  readonly caller: Caller
  /** Delegation: the account signs in as itself and uses the rights it has in the mailbox's folders. */
  readonly delegation: boolean
  readonly clock: Clock
  readonly log: Log
}

export function openSession(mailbox: Mailbox, { route, caller: first, delegation, clock, log }: SessionOptions): Session {
  let caller = first
  const reads = new Gate(READS_IN_FLIGHT)
  const contextOf = (operation: { readonly name: string; readonly writes: boolean }): CallContext =>
    route.last?.transport.context(operation, caller) ?? {
      operation: operation.name, writes: operation.writes, connection: mailbox.connection, url: 'Autodiscover', mailbox: caller.mailbox,
      account: caller.credentials.username, shared: false,
    }

  async function call<Request, Reply>(operation: Operation<Request, Reply>, request: Request, extras?: CallExtras): Promise<Reply> {
    const { transport } = await route.place()
    try {
      return await transport.call(operation, request, caller, extras)
    } catch (thrown) {
      const error = asSyncError(thrown)
      const { primary } = error.context
      if (error.code === 'EWS_RENAMED' && typeof primary === 'string' && primary !== caller.mailbox) {
        caller = { ...caller, mailbox: primary }
        log.warn({ mailbox: mailbox.id }, 'The mailbox has another address now; correct it under "users". Until then it is followed')
        return transport.call(operation, request, caller, extras)
      }
      if (error.outcomeUnknown || !(await route.hasMoved(error))) throw error
      log.info({ mailbox: mailbox.id }, 'The mailbox is on another server now')
      return (await route.place()).transport.call(operation, request, caller, extras)
    }
  }

  const session: Session = {
    mailbox, route, clock, log, call,
    get caller() {
      return caller
    },
    get folderOwner() {
      return delegation ? caller.mailbox : undefined
    },
    async batch(operation, request, count) {
      const results = await session.call(operation, request)
      if (results.length === count) return results
      throw badReply(`${count} results were due and ${results.length} came`, contextOf(operation))
    },
    read: (kind, ids, properties = SHAPES[kind]) => session.readRefs(ids.map((id) => ({ id })), properties),
    async readRefs(refs, properties) {
      const parts = await Promise.all(inBatches(refs).map((part) => reads.run(() =>
        session.batch(getItem, { items: part, properties }, part.length))))
      return parts.flat()
    },
    describeSignIn: () => route.last?.transport.describeSignIn() ?? '',
    error: (operation, failure) => fromFailure(failure, contextOf(operation)),
  }
  return session
}

export function inBatches<T>(all: readonly T[], size = BATCH): readonly T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size))
}
