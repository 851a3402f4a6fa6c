import type { Call, Reply } from './call.ts'
import type { Entry } from './delta-token.ts'
import { deltaPage, readState, removed, tombstonesAfter } from './delta-token.ts'
import { badRequest } from './errors.ts'
import { folderId } from './ids.ts'
import type { Folder, Item, Kind } from './model.ts'

const PAGE = 100

interface Feed<T> {
  /** Names the feed in the token. */
  name: string
  folder: Folder
  items: T[]
  render(item: T, select: string[] | null, expand: string): Record<string, unknown>
  idOf(item: Pick<Item, 'serial' | 'moves'>): string
  type: string
}

/**
 * Changes in one folder of contacts or list of tasks; options are kept in the token.
 * Documentation: https://learn.microsoft.com/graph/api/contact-delta and https://learn.microsoft.com/graph/api/todotask-delta
 */
export function itemDelta<T extends Item>(call: Call, feed: Feed<T>): Reply {
  const option = (wanted: string) => [...call.url.searchParams].find(([name]) => name.toLowerCase() === wanted)?.[1]
  const asked = option('$select')
  const [expanded, top] = [option('$expand'), option('$top')]
  const refused = [...call.url.searchParams.keys()].find((name) => ['$expand', '$search'].includes(name.toLowerCase()))
  if (refused !== undefined && feed.type === 'contact')
    throw badRequest(`The following parameters are not supported with change tracking over the 'Contacts' resource: '${refused}'.`, 'ErrorInvalidUrlQuery')
  const state = readState(call, feed.name, () => ({
    folder: feed.folder.serial,
    ...(asked === undefined ? {} : { select: asked }),
    ...(expanded === undefined ? {} : { expand: expanded }),
    ...(top === undefined ? {} : { pageSize: Math.max(1, Number(top) || PAGE) }),
  }))
  if (state.folder !== feed.folder.serial) throw badRequest('Badly formed token.', 'ErrorInvalidParameter')
  const select = state.select === undefined ? null : state.select.split(',').map((name) => name.trim())
  const entries: Entry[] = feed.items
    .filter((item) => item.seq > state.since)
    .map((item) => ({
      seq: item.seq, index: 0, render: () => ({ '@odata.type': `#microsoft.graph.${feed.type}`, ...feed.render(item, select, state.expand ?? '') }),
    }))
  const kind = feed.items[0]?.kind ?? (feed.type === 'contact' ? 'contact' : 'task')
  if (!state.first)
    for (const stone of tombstonesAfter(call.mailbox, feed.folder.serial, kind, state.since))
      entries.push({ seq: stone.seq, index: 0, render: () => removed(feed.idOf(stone)) })
  return deltaPage(call, state, entries, PAGE)
}

/** Changes among the folders themselves: `contactFolders/delta`, `todo/lists/delta`. */
export function folderDelta(call: Call, kind: Kind, name: string, render: (folder: Folder) => object): Reply {
  const { mailbox, world } = call
  const state = readState(call, name, () => ({ folder: 0 }))
  const entries: Entry[] = [...world.store.folders(mailbox).values()]
    .filter((folder) => folder.kind === kind && folder.seq > state.since && !(kind === 'contact' && folder.wellKnown))
    .map((folder) => ({ seq: folder.seq, index: 0, render: () => render(folder) }))
  if (!state.first)
    for (const stone of mailbox.folderTombstones)
      if (stone.kind === kind && stone.seq > state.since)
        entries.push({ seq: stone.seq, index: 0, render: () => removed(folderId(mailbox, stone)) })
  return deltaPage(call, state, entries, PAGE)
}
