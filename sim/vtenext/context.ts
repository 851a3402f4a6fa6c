import type { SimClock } from '../clock.ts'
import type { Schema } from './modules.ts'
import type { People } from './people.ts'
import type { RecordStore } from './store.ts'
import type { InvitationMail, SimCrmUser, WriteCounts } from './types.ts'
import { stampText } from './zones.ts'

/** What the operations of one simulated CRM share. */
export interface Crm {
  readonly clock: SimClock
  readonly serverZone: string
  readonly schema: Schema
  readonly people: People
  readonly store: RecordStore
  readonly writes: WriteCounts
  readonly mails: InvitationMail[]
  /** Running numbers of contacts and accounts. */
  readonly numbers: { contacts: number; accounts: number }
  /** Now as `yyyy-mm-dd hh:mm:ss` in the server's zone. */
  now(): string
}

/** Builds `now` so that it renders the text once a second. */
export function serverNow(clock: SimClock, zone: string): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const current = Math.floor(clock.now() / 1000)
    if (current !== second) {
      second = current
      text = stampText(zone, current * 1000)
    }
    return text
  }
}

/** One request's caller. */
export interface Caller {
  readonly user: SimCrmUser
  /** Number of the user, from `19x<number>`. */
  readonly number: number
}
