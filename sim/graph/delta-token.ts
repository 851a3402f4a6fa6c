import type { Call, Reply } from './call.ts'
import { badRequest, GraphError } from './errors.ts'
import type { Mailbox, Tombstone } from './model.ts'
import { contextOf } from './odata.ts'

/** What a delta token encodes; opaque to clients. */
export interface DeltaState {
  /** Token of the mailbox's ids: another one after the mailbox was renewed. */
  mailbox: string
  epoch: number
  /** Which feed: a window of one calendar belongs to no other one. */
  feed: string
  folder: number
  /** Changes after this number are wanted. */
  since: number
  /** Inside a round: the entries up to here were delivered. */
  after?: { seq: number; index: number }
  /** First round: what was removed before it is of no interest. */
  first: boolean
  /** Window in UTC milliseconds. */
  window?: [number, number]
  select?: string
  expand?: string
  /** Empty pages delivered in this round. */
  empty?: number
  pageSize?: number
}

/** One line of a feed; `seq` is the change that put it there, `index` its place among those of one item. */
export interface Entry {
  seq: number
  index: number
  render(): object
}

export function removed(id: string): object {
  return { id, '@removed': { reason: 'deleted' } }
}

/** Tombstones after a change number in one folder. */
export function tombstonesAfter(mailbox: Mailbox, folder: number, kind: Tombstone['kind'], since: number): Tombstone[] {
  return mailbox.tombstones.filter((one) => one.kind === kind && one.folder === folder && one.seq > since)
}

/**
 * Reads the token of a follow-up request, or begins a round.
 * Documentation: https://learn.microsoft.com/graph/delta-query-overview
 * @param begin state of a first request; its `since` is 0
 */
export function readState(call: Call, feed: string, begin: () => Omit<DeltaState, 'mailbox' | 'epoch' | 'feed' | 'since' | 'first'>): DeltaState {
  const { searchParams } = call.url
  const token = [...searchParams].find(([name]) => /^\$?(deltatoken|skiptoken)$/i.test(name))?.[1]
  const { mailbox } = call
  if (token === undefined || token === '') return { ...begin(), mailbox: mailbox.token, epoch: mailbox.epoch, feed, since: 0, first: true }
  const state = decode(token)
  if (!state || state.feed !== feed) throw badRequest('Badly formed token.', 'ErrorInvalidParameter')
  if (state.mailbox !== mailbox.token || state.epoch !== mailbox.epoch) throw lost(call)
  const replays = state.after || state.first ? 0 : call.world.switches.replays
  return { ...state, since: Math.max(0, state.since - replays) }
}

/** The server has dropped the state: begin anew at the address in Location. */
function lost(call: Call): GraphError {
  const fresh = new URL(call.url)
  fresh.search = ''
  return new GraphError(410, 'SyncStateNotFound', "The sync state generation is not found; generation = '0'.", { location: fresh.href })
}

function decode(token: string): DeltaState | null {
  try {
    const state = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'))
    return typeof state.since === 'number' ? state : null
  } catch {
    return null
  }
}

/**
 * One page of a round. What changes while a client pages moves to the end of the round, so that nothing is skipped.
 * @param entries everything of the round, in any order
 */
export function deltaPage(call: Call, state: DeltaState, entries: Entry[], size: number): Reply {
  const { mailbox, world } = call
  const after = state.after
  const rest = entries
    .filter(({ seq, index }) => !after || seq > after.seq || (seq === after.seq && index > after.index))
    .sort((a, b) => a.seq - b.seq || a.index - b.index)
  const length = Math.min(call.maxPageSize ?? state.pageSize ?? size, world.switches.forcePageSize)
  const page = rest.slice(0, length)
  const last = page.at(-1)
  const body: Record<string, unknown> = { '@odata.context': contextOf(call) }
  const empty = state.empty ?? 0
  const pageSize = call.maxPageSize ?? state.pageSize
  const kept = { ...state, ...(pageSize === undefined ? {} : { pageSize }) }
  const reached = last ? { after: { seq: last.seq, index: last.index } } : {}
  if (rest.length > length) body['@odata.nextLink'] = link(call, '$skiptoken', { ...kept, ...reached })
  else if (empty < world.switches.emptyPages) body['@odata.nextLink'] = link(call, '$skiptoken', { ...kept, ...reached, empty: empty + 1 })
  else {
    const { after: _done, empty: _pages, ...next } = kept
    body['@odata.deltaLink'] = link(call, '$deltatoken', { ...next, since: mailbox.seq, first: false })
  }
  body.value = page.flatMap((entry) => (world.switches.repeatEntries ? [entry.render(), entry.render()] : [entry.render()]))
  return { status: 200, body }
}

function link(call: Call, name: string, state: DeltaState): string {
  const url = new URL(call.url)
  url.search = `?${name}=${Buffer.from(JSON.stringify(state)).toString('base64url')}`
  return url.href
}
