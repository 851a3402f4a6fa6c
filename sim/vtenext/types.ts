import type { SimClock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { DateFormat } from './values.ts'

/** Modules that hold records. Events and tasks (module `Calendar`) share one table and one number space. */
export type RecordModule = 'Events' | 'Calendar' | 'Contacts' | 'Accounts'

export interface SimCrmUserSeed {
  username: string
  /** Default `<username>@example.test`. */
  email?: string
  email2?: string
  firstName?: string
  lastName?: string
  /** IANA name, default the server's zone. */
  zone?: string
  dateFormat?: DateFormat
  admin?: boolean
  active?: boolean
  /** `H1`, `H2`, ...: who has a smaller number sees the calendars of those with a greater one. Default `H3`. */
  role?: string
  password?: string
  accessKey?: string
}

export interface SimCrmUser {
  /** `19x4` */
  id: string
  username: string
  accessKey: string
  password: string
  email: string
  email2: string
  firstName: string
  lastName: string
  admin: boolean
  zone: string
  dateFormat: DateFormat
  active: boolean
  role: string
}

export interface SimGroupSeed {
  name: string
  description?: string
  /** User names. */
  members?: string[]
}

export interface SimGroup {
  /** `22x7` */
  id: string
  name: string
  description: string
  /** User names. */
  members: string[]
}

/** `id` is `19x5` for users and `4x24` for contacts; `partecipation` 0 = no answer, 1 = no, 2 = yes. */
export interface StoredInvitee {
  id: string
  partecipation: 0 | 1 | 2
}

export interface InvitationMail {
  to: string
  subject: string
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  at: number
}

export interface WriteCounts {
  create: number
  revise: number
  update: number
  delete: number
}

/** A record as stored: every field as text, dates `yyyy-mm-dd`, times in the server's zone. */
export type RecordView = Record<string, string> & { id: string }
export type RecordWithExtras = Record<string, unknown> & { id: string; deleted: boolean; invitees: StoredInvitee[] }

export interface SeriesOptions {
  /** User name whose zone and date format the fields are in. Default admin. */
  as?: string
  /** Fields of the first occurrence. */
  fields: Record<string, unknown>
  /** Number of occurrences. */
  count: number
  /** Days from one occurrence to the next. Default 7. */
  everyDays?: number
}

export interface VtenextSimOptions {
  clock?: SimClock
  faults?: Faults
  /** IANA name, default Europe/Rome. */
  serverZone?: string
  port?: number
  /** Added to admin, alice, bob and carol. */
  users?: SimCrmUserSeed[]
  /** Added to Sales. */
  groups?: SimGroupSeed[]
  /** Gives Events, Calendar and Contacts a text field labelled "Exchange ID". Default true. */
  exchangeIdField?: boolean
  /** Idle time after which PHP's garbage collection ends a session. Default 1440000. */
  phpSessionIdleMs?: number
}

export interface VtenextSim {
  /** `http://127.0.0.1:<port>/webservice.php` */
  readonly url: string
  readonly users: SimCrmUser[]
  readonly groups: SimGroup[]
  readonly clock: SimClock
  readonly faults: Faults
  readonly serverZone: string
  /** Calls answered so far, of any kind. */
  readonly requests: number
  /** Write calls over the web service that changed something; `updateRecord` counts as update. */
  readonly writes: WriteCounts
  /** Mails vtenext would send to contacts that are newly invited. */
  readonly mails: InvitationMail[]
  /** All records of a module, those in the bin included, in the server's zone. */
  records(module: string): RecordWithExtras[]
  /** Saves a record as that user (default admin) would in the browser; mandatory fields get sensible values. */
  put(module: string, fields: Record<string, unknown>, options?: { as?: string }): string
  /** Changes a record as that user (default admin) would in the browser: zone and date format are that user's. */
  edit(id: string, fields: Record<string, unknown>, options?: { as?: string }): void
  /** Moves a record to the bin. */
  remove(id: string): void
  /** Takes a record out of the bin. */
  restore(id: string): void
  /** Deletes a record for good; no change feed ever mentions it. */
  purge(id: string): void
  /** Records an answer as the link in the invitation mail does: modifiedtime stays. */
  answerInvitation(id: string, inviteeId: string, partecipation: 0 | 1 | 2): void
  /** A series as the browser makes it: records with one ical_uuid and recurr_idx 0..n-1. Gives the ids. */
  makeSeries(options: SeriesOptions): string[]
  /** Lets `sharee` see the calendar of `owner`. */
  shareCalendar(owner: string, sharee: string, onlyOccupied?: boolean): void
  /** Adds a text field; gives its name (`cf_<number>`). */
  addTextField(module: string, label: string): string
  addUser(seed: SimCrmUserSeed): SimCrmUser
  /** Changes a user; the user is named by `username`. */
  setUser(change: Partial<SimCrmUserSeed> & { username: string }): SimCrmUser
  /** Another name to sign in with; the id stays. */
  renameUser(username: string, to: string): SimCrmUser
  addGroup(seed: SimGroupSeed): SimGroup
  setGroupMembers(name: string, members: string[]): void
  expireSessions(): void
  /** Forgets every record at once, as after a lost database; users stay. */
  emptyAll(): void
  /** Back to the seed: records, users, groups, sessions, counts and mails. */
  reset(): void
  stop(): Promise<void>
}
