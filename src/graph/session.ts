/** One mailbox on one connection: its addresses below Graph's root, its requests, its reads in batches. */
import type { ItemId, ItemKind, Mailbox } from '../model/index.ts'
import type { Clock, Log } from '../ports.ts'
import type { SyncError } from '../lib/errors.ts'
import { verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import type { Page, Resource } from './resources.ts'
import type { Caller, GraphRequest, Transport } from './transport.ts'

/** How far events are followed, in days around now. */
export interface Range {
  readonly pastDays: number
  readonly futureDays: number
}

export interface Session {
  readonly mailbox: Mailbox
  readonly caller: Caller
  readonly clock: Clock
  readonly log: Log
  readonly range: Range
  /** What this mailbox can be asked for. */
  readonly kinds: ReadonlySet<ItemKind>
  /** Changes per page. */
  readonly pageSize: number
  /** `/users/alice%40example.test`, or `/me` where the owner signed in. */
  readonly root: string
  send(request: GraphRequest): Promise<Answer>
  batch(requests: readonly GraphRequest[]): Promise<Answer[]>
  /** A resource that has to be there. @throws SyncError */
  need<T>(request: GraphRequest): Promise<T>
  /** All pages of a list. @throws SyncError */
  list<T extends Resource>(path: string): Promise<T[]>
  pathOf(link: string): string
  error(answer: Answer, request: GraphRequest): SyncError
}

const LIST_PAGE = 100

export function openSession(transport: Transport, parts: Pick<Session, 'mailbox' | 'caller' | 'clock' | 'log' | 'range' | 'kinds' | 'pageSize' | 'root'>): Session {
  const { caller } = parts
  const session: Session = {
    ...parts,
    send: (request) => transport.send(request, caller),
    batch: (requests) => (requests.length === 0 ? Promise.resolve([]) : transport.batch(requests, caller)),
    async need<T>(request: GraphRequest) {
      const answer = await session.send(request)
      if (verdictOf(answer) !== 'ok') throw session.error(answer, request)
      return (answer.body ?? {}) as T
    },
    async list<T extends Resource>(path: string) {
      const all: T[] = []
      for (let next: string | undefined = path; next !== undefined;) {
        const page: Page<T> = await session.need<Page<T>>({ method: 'GET', path: next, pageSize: LIST_PAGE })
        all.push(...page.value ?? [])
        next = page['@odata.nextLink'] === undefined ? undefined : session.pathOf(page['@odata.nextLink'])
      }
      return all
    },
    pathOf: (link) => transport.pathOf(link, caller),
    error: (answer, request) => transport.error(answer, request, caller),
  }
  return session
}

/** Ids hold characters that mean something in addresses (rule R-16). */
export const segment = (id: ItemId | string): string => encodeURIComponent(id)

/** A query, encoded; the `$` of its names is left as people write it. */
export function query(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
}
