import type { Exchange } from '../ports.ts'
import type { EventFeed } from './event-feed.ts'
import type { Folders } from './folders.ts'
import { hold } from './hold.ts'
import { pullPage } from './pull.ts'
import { getAll } from './read.ts'
import { findCreated, locate } from './search.ts'
import type { Listings } from './search.ts'
import type { Session } from './session.ts'
import { createAll, removeAll, updateAll } from './write.ts'

/** A mailbox of Microsoft 365 as the engine sees it. */
export function createReplica(session: Session, folders: Folders, feed: EventFeed): Exchange {
  const listings: Listings = new Map()
  return {
    side: 'exchange',
    async open(readOnly = false) {
      folders.readOnly = readOnly
      await folders.open()
    },
    lacks: (kind) => kind === 'task' && folders.withoutTasks,
    hold,
    pull: (kind, since, known) => pullPage(session, folders, feed, kind, since, known),
    get: async (kind, ids) => getAll(session, await folders.places(kind), kind, ids),
    create: (requests) => createAll(session, folders, requests),
    update: (requests) => updateAll(session, folders, requests),
    remove: (requests) => removeAll(session, folders, requests),
    findCreated: (query) => findCreated(session, folders, query),
    locate: (kind, token, uid) => locate(session, folders, listings, kind, token, uid),
  }
}
