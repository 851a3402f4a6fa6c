/**
 * The vtenext CRM as one side of the synchronisation, over its web services as an administrator.
 * Reading order: record (what a record is), feed (what changed), write (what we change), installation (what we
 * rely on).
 */
import type { ItemKind } from '../model/index.ts'
import type { Clock, Crm, Log } from '../ports.ts'
import type { CrmCheck } from './check.ts'
import { createContactBook } from './contact-book.ts'
import { pullPage } from './feed.ts'
import { findCreated, locate } from './find.ts'
import { holdItem } from './hold.ts'
import { createInstallation } from './installation.ts'
import { getRecords } from './read.ts'
import { readSet } from './series.ts'
import { createSessions } from './session.ts'
import { createTransport } from './transport.ts'
import { createRecords, deleteRecord, reviseRecords } from './write.ts'

export type { CrmCheck } from './check.ts'
export { signIn } from './sign-in.ts'
export type { SignIn } from './sign-in.ts'

export interface VtenextOptions {
  /** Address of webservice.php. */
  readonly url: string
  /** The API user: an administrator with the server's time zone and the date format yyyy-mm-dd. */
  readonly username: string
  readonly accessKey: string
  /** Label of the text field that carries the Exchange id, where the administrator has added one. */
  readonly referenceLabel?: string
  /** Sessions used at the same time. */
  readonly parallel?: number
  /** Records per page of the change feed. */
  readonly pageSize?: number
  /** Seconds from one look at answers to invitations to the next, 60 where not said; 0 looks with every pull. */
  readonly answersSeconds?: number
  readonly log: Log
  readonly clock: Clock
  /** Allows plain http to other machines than this one. */
  readonly allowHttp?: boolean
}

export interface Vtenext extends Crm {
  /** Everything the connector relies on, for `doctor` and the start. Never throws. */
  check(): Promise<readonly CrmCheck[]>
  /** Logs out and closes the connections. */
  close(): Promise<void>
}

/** @throws SyncError CRM_MISCONFIGURED when the address is not usable; nothing is asked of the CRM yet */
export function createVtenext(options: VtenextOptions): Vtenext {
  const { log, clock, username, accessKey, parallel = 4, pageSize = 200, answersSeconds = 60 } = options
  const transport = createTransport(options.url, parallel, options.allowHttp ?? false)
  const sessions = createSessions({ transport, username, accessKey, parallel, clock, log })
  const installation = createInstallation(sessions, clock, options.referenceLabel ?? 'Exchange ID')
  const writing = { sessions, installation, clock, book: createContactBook(sessions, clock) }
  const feed = { sessions, installation, clock, log, pageSize, answersSeconds }

  /** Refuses to work on a CRM whose set-up would shift times; a failing item later is the item's own. */
  const sound = async <T>(work: () => Promise<T>): Promise<T> => {
    await installation.zone()
    return work()
  }

  return {
    side: 'crm',
    hold: (item) => holdItem(item, installation),
    pull: (kind, since, known) => pullPage(feed, kind, since, known),
    get: (kind: ItemKind, ids) => sound(() => getRecords({ sessions, installation }, kind, ids)),
    create: (requests) => sound(() => createRecords(writing, requests)),
    update: (requests) => sound(() => reviseRecords(writing, requests)),
    remove: (requests) => sound(() => sessions.map(requests, (request) => deleteRecord(writing, request))),
    findCreated: (query) => findCreated(sessions, installation, query),
    locate: (kind, token, uid) => locate(sessions, installation, kind, token, uid),
    users: () => installation.people.users(),
    groups: () => installation.people.groups(),
    set: (uid) => readSet({ sessions, installation }, uid),
    check: () => installation.check(),
    close: () => sessions.close(),
  }
}
