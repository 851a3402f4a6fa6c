import type { World } from './call.ts'
import { makeContact, patchContact, renderContact } from './contacts.ts'
import type { View } from './event-render.ts'
import { NEVER, renderInstance, renderMaster } from './event-render.ts'
import { changeOccurrence, deleteOccurrence } from './event-occurrence.ts'
import { makeEvent, patchEvent } from './events.ts'
import { changeKey, folderId, itemId, parseId } from './ids.ts'
import { announce, cancelAll, withdraw } from './meetings.ts'
import type { EventItem, Folder, Item, Mailbox } from './model.ts'
import { instanceOn } from './series.ts'
import { makeTask, patchTask, renderOf } from './todo.ts'

/**
 * What a person writes, in the words of a Graph request body. A time may be plain text, the wall clock of the mailbox. Of
 * an event besides: `organizer` (an address: makes it a received meeting), `response` (none, accepted, declined,
 * tentativelyAccepted, notResponded), `cancelled`, `unsent` (saved, and its attendees know nothing of it yet), `uid` (which an
 * invitation brings along) and `extended` (values by property id) of events and contacts.
 */
export type PlainFields = Record<string, any>

/** An item as tests look at it. */
export interface PlainItem {
  kind: Item['kind']
  /** Immutable where there is such a thing. */
  id: string
  /** Ordinary id: another one after a move. */
  restId: string
  changeKey: string
  /** Well-known name of the folder, or its display name. */
  folder: string
  /** As Graph shows it with times in UTC and the body as text. */
  fields: Record<string, any>
  extended: Record<string, string>
  cancelledDates: string[]
  exceptionDates: string[]
  /** Milliseconds on the simulators' clock. */
  created: number
  modified: number
}

const TIMES = ['start', 'end', 'dueDateTime', 'startDateTime', 'reminderDateTime', 'completedDateTime']

/** What a person does to his mailbox in Outlook: no tokens and no change keys, the same rules of content, no recorded mail. */
export class Desk {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  put(address: string, folderName: string, plain: PlainFields): PlainItem {
    return this.#silently(() => {
      const mailbox = this.#mailbox(address)
      const folder = this.folder(mailbox, folderName)
      const { store } = this.#world
      const body = bodyOf(mailbox, plain)
      let item: Item
      if (folder.kind === 'contact') item = makeContact(store, mailbox, folder, body)
      else if (folder.kind === 'task') item = makeTask(store, mailbox, folder, body)
      else {
        item = makeEvent(store, mailbox, folder.serial, body)
        receive(item, plain)
        if (plain.unsent === true) item.fields = { ...item.fields, isDraft: true }
        else announce(this.#world, mailbox, item, null)
      }
      return this.plain(mailbox, item)
    })
  }

  /** Of an occurrence's id: that occurrence alone. */
  edit(address: string, id: string, plain: PlainFields): PlainItem {
    return this.#silently(() => {
      const mailbox = this.#mailbox(address)
      const { item, occurrence } = this.item(mailbox, id)
      const { store, clock } = this.#world
      const body = bodyOf(mailbox, plain)
      if (item.kind === 'task') patchTask(store, mailbox, item, body)
      else if (item.kind === 'contact') {
        patchContact(item, body)
        store.changed(mailbox, item)
      } else {
        const before = structuredClone({ fields: item.fields, series: item.series })
        if (occurrence === null) patchEvent(item, body)
        else changeOccurrence(item, occurrence, body, clock.now())
        receive(item, plain)
        store.changed(mailbox, item)
        announce(this.#world, mailbox, item, before)
      }
      return this.plain(mailbox, item)
    })
  }

  /** Of an occurrence's id: that occurrence alone. The organizer's deletion cancels the meeting. */
  delete(address: string, id: string): void {
    this.#silently(() => {
      const mailbox = this.#mailbox(address)
      const { item, occurrence } = this.item(mailbox, id)
      const { store } = this.#world
      if (item.kind === 'event' && occurrence !== null) {
        const before = structuredClone({ fields: item.fields, series: item.series })
        deleteOccurrence(item, occurrence)
        store.changed(mailbox, item)
        withdraw(this.#world, mailbox, item, before)
        return
      }
      if (item.kind === 'event') cancelAll(this.#world, mailbox, item)
      store.remove(mailbox, item)
    })
  }

  move(address: string, id: string, target: string): PlainItem {
    const mailbox = this.#mailbox(address)
    const { item } = this.item(mailbox, id)
    const folder = this.folder(mailbox, target)
    if (folder.kind !== item.kind) throw new Error(`A ${item.kind} cannot be moved to ${folder.name}, a folder of ${folder.kind}s.`)
    this.#world.store.move(mailbox, item, folder)
    return this.plain(mailbox, item)
  }

  /** All items of a mailbox or of one folder, oldest first. */
  items(address: string, folderName?: string): PlainItem[] {
    const mailbox = this.#mailbox(address)
    const only = folderName === undefined ? null : this.folder(mailbox, folderName)
    return [...mailbox.items.values()].filter((item) => !only || item.folder === only.serial).map((item) => this.plain(mailbox, item))
  }

  #mailbox(address: string): Mailbox {
    return this.#world.store.mailbox(address)
  }

  #silently<T>(work: () => T): T {
    const { store } = this.#world
    store.recordsMail = false
    try {
      return work()
    } finally {
      store.recordsMail = true
    }
  }

  /** Well-known name (calendar, contacts, tasks), id or display name. */
  folder(mailbox: Mailbox, name: string): Folder {
    const folders = [...this.#world.store.folders(mailbox).values()]
    const wanted = name === 'tasks' ? 'defaultList' : name
    const found =
      folders.find((folder) => folder.wellKnown === wanted) ?? folders.find((folder) => folderId(mailbox, folder) === name || folder.name === name)
    if (found) return found
    throw new Error(`${mailbox.address} has no folder ${name}. Existing: ${folders.map((folder) => folder.wellKnown ?? folder.name).join(', ')}.`)
  }

  item(mailbox: Mailbox, id: string): { item: Item; occurrence: string | null } {
    const parsed = parseId(id)
    const item = parsed?.type === 'item' && parsed.token === mailbox.token ? mailbox.items.get(parsed.serial) : undefined
    if (item && parsed?.type === 'item') return { item, occurrence: parsed.occurrence }
    throw new Error(`${mailbox.address} has no item ${id}; it may have been deleted.`)
  }

  plain(mailbox: Mailbox, item: Item): PlainItem {
    const folder = this.#world.store.folders(mailbox).get(item.folder)
    const series = item.kind === 'event' ? item.series : null
    return {
      kind: item.kind,
      id: itemId(mailbox, item, item.kind !== 'task'),
      restId: itemId(mailbox, item, false),
      changeKey: changeKey(mailbox, item.seq),
      folder: folder?.wellKnown ?? folder?.name ?? '',
      fields: this.#fields(mailbox, item),
      extended: { ...item.extended },
      cancelledDates: [...(series?.cancelled ?? [])].sort(),
      exceptionDates: [...(series?.exceptions.keys() ?? [])].sort(),
      created: item.created,
      modified: item.modified,
    }
  }

  #fields(mailbox: Mailbox, item: Item): Record<string, any> {
    if (item.kind === 'contact') return renderContact(mailbox, item, true)
    if (item.kind === 'task') return { ...renderOf(mailbox, item), linkedResources: item.linkedResources }
    return renderMaster(viewOf(mailbox), item)
  }

  /** One occurrence of a series as Graph shows it; null where it was cancelled or never was. */
  occurrence(address: string, id: string, date: string): Record<string, any> | null {
    const mailbox = this.#mailbox(address)
    const { item } = this.item(mailbox, id)
    const instance = item.kind === 'event' ? instanceOn(item, date) : null
    return instance && renderInstance(viewOf(mailbox), instance)
  }
}

function viewOf(mailbox: Mailbox): View {
  return { mailbox, immutable: true, zone: 'UTC', body: 'text', uid: true }
}

/** A person's fields as a request body. */
function bodyOf(mailbox: Mailbox, plain: PlainFields): Record<string, any> {
  const { organizer: _organizer, response: _response, cancelled: _cancelled, unsent: _unsent, uid: _uid, extended, ...rest } = plain
  const body: Record<string, any> = { ...rest }
  for (const name of TIMES)
    if (typeof body[name] === 'string') body[name] = { dateTime: body[name], timeZone: /Z$/.test(body[name]) ? 'UTC' : mailbox.zone }
  if (typeof body.body === 'string') body.body = { contentType: 'text', content: body.body }
  if (typeof body.location === 'string') body.location = { displayName: body.location }
  if (Array.isArray(body.attendees))
    body.attendees = body.attendees.map((one: any) => (typeof one === 'string' ? { emailAddress: { address: one } } : one))
  if (extended) body.singleValueExtendedProperties = Object.entries(extended).map(([id, value]) => ({ id, value }))
  return body
}

/** Makes an event a meeting that came from somebody else. */
function receive(event: EventItem, { organizer, response, cancelled, uid }: PlainFields): void {
  if (typeof uid === 'string') event.uid = uid
  if (typeof organizer === 'string')
    event.fields = {
      ...event.fields, isOrganizer: false, organizer: { name: organizer, address: organizer },
      response: { response: 'notResponded', time: NEVER },
    }
  if (typeof response === 'string') event.fields = { ...event.fields, response: { response, time: event.fields.response.time } }
  if (typeof cancelled === 'boolean') event.fields = { ...event.fields, isCancelled: cancelled }
}
