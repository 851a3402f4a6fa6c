import type { SyncError } from '../lib/errors.ts'
import type { Clock } from '../ports.ts'
import type { Discovered } from './autodiscover/discover.ts'
import type { Credentials } from './basic-auth.ts'
import { Gate } from './gate.ts'
import type { Transport } from './transport.ts'

/** The server of a mailbox, and which mailboxes may share a stream with it. */
export interface Place {
  readonly transport: Transport
  /** GroupingInformation of Autodiscover; empty where the address of the server is typed. */
  readonly grouping: string
}

/** Mailboxes with the same name may share a stream. */
export const groupOf = ({ transport, grouping }: Place): string => `${transport.url} ${grouping}`

/** Where the calls for one mailbox go. */
export interface Route {
  /** @throws SyncError when the server cannot be found */
  place(): Promise<Place>
  /** The last place that was found. */
  readonly last: Place | null
  /** Called with every failure. @returns whether the mailbox turned out to be on another server now */
  hasMoved(error: SyncError): Promise<boolean>
}

/** One server for everybody: its address stands in the configuration. */
export function fixedRoute(transport: Transport): Route {
  const last = { transport, grouping: '' }
  return { last, place: () => Promise.resolve(last), hasMoved: () => Promise.resolve(false) }
}

export interface RoutesOptions {
  readonly clock: Clock
  find(address: string, credentials: Credentials): Promise<Discovered>
  transport(url: string): Transport
}

/** How long an address is believed without being asked again, and the least time between two questions. */
const BELIEVED_MS = 24 * 60 * 60_000
const SETTLE_MS = 60_000
/** Questions at a time: a server that starts again is not asked by thousands at once. */
const QUESTIONS = 4

/** Trouble that a move of the mailbox would explain. */
const MOVED = ['EWS_MOVED', 'EWS_NO_MAILBOX', 'EWS_NOT_EWS', 'EWS_UNREACHABLE', 'EWS_FOLDER_GONE']

/** Servers found by Autodiscover: looked up once per mailbox, and again when a mailbox is no longer where it was. */
export function discoveredRoutes(options: RoutesOptions): (address: string, credentials: Credentials) => Route {
  const gate = new Gate(QUESTIONS)
  return (address, credentials) => {
    let last: Place | null = null
    let known: { readonly at: number; readonly place: Promise<Place> } | null = null
    let askedAt = -Infinity

    function look(): Promise<Place> {
      askedAt = options.clock.elapsedMs()
      const place = gate.run(() => options.find(address, credentials)).then(({ ewsUrl, grouping }) => {
        last = { transport: options.transport(ewsUrl), grouping }
        return last
      })
      known = { at: askedAt, place }
      place.catch(() => { known = null })
      return place
    }

    return {
      get last() {
        return last
      },
      place() {
        if (known !== null && options.clock.elapsedMs() - known.at < BELIEVED_MS) return known.place
        return look()
      },
      async hasMoved(error) {
        if (!MOVED.includes(error.code) || last === null || options.clock.elapsedMs() - askedAt < SETTLE_MS) return false
        const before = last
        const now = await look().catch(() => null)
        // Not found just now: what was known still stands, and the next failure asks again.
        if (now === null) known = { at: askedAt, place: Promise.resolve(before) }
        return now !== null && groupOf(now) !== groupOf(before)
      },
    }
  }
}
