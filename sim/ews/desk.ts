import type { DraftFields } from './calendar.ts'
import { settleTimes } from './calendar.ts'
import { newUid } from './computed.ts'
import { fillDefaults } from './create-item.ts'
import { fieldOf } from './fields.ts'
import { changeKey, idOf, parseId } from './ids.ts'
import { keepAnswers, sendInvitations } from './meetings.ts'
import type { Attendee, Fields, FieldValue, Folder, Item, Mailbox } from './model.ts'
import { occurrenceOn, occurrencesBetween, originalStartOn, settleSeries } from './series.ts'
import { kindOfClass, type Store } from './store.ts'
import { coupleStatus } from './tasks.ts'
import { saveItem, saveTask, settleItem } from './save-item.ts'
import type { UnreadWall } from './values.ts'
import { readInstant } from './zones.ts'

/**
 * Plain values of an item's fields by their EWS element names. Instants and dates as ISO text (without offset: wall
 * clock of the item's zone, else of the mailbox), Body as text or { type, text }, attendees as addresses or
 * { address, name, response }, zones as Windows ids, Recurrence as the XML of the element with prefix `t:`.
 * Besides the EWS names: `extended` (by canonical key), `organizer` (makes it a received meeting), `response`,
 * `cancelled`, and `send`: true tells the attendees, as the owner's Outlook asks him.
 */
export type PlainFields = Record<string, unknown>

/** An item as tests look at it. */
export interface PlainItem {
  id: string
  changeKey: string
  /** Element name: CalendarItem, Task, Contact, Message. */
  class: string
  /** Distinguished id of the folder, or its display name. */
  folder: string
  /** Instants as ISO text in UTC, task dates as YYYY-MM-DD. */
  fields: Record<string, unknown>
  /** Extended properties by canonical key, for example `{set guid}/name:VtenextSync:String` without the braces. */
  extended: Record<string, string | string[]>
  /** Milliseconds on the simulators' clock. */
  created: number
  modified: number
  /** Of a recurring master: its exceptions as items, and the original starts (UTC) of its deleted occurrences. */
  series?: { exceptions: PlainItem[]; deleted: string[] }
}

/** What a person does to his mailbox in Outlook: no change keys, no Send* attributes, same rules of content. */
export class Desk {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  put(address: string, folderName: string, plain: PlainFields): PlainItem {
    return this.putInto(this.#store.mailbox(address), folderName, plain)
  }

  putInto(mailbox: Mailbox, folderName: string, plain: PlainFields): PlainItem {
    const folder = this.folder(mailbox, folderName)
    const itemClass = typeof plain['ItemClass'] === 'string' ? plain['ItemClass'] : classOfFolder(folder)
    const kind = kindOfClass(itemClass)
    const draft: DraftFields = {}
    this.#write(mailbox, draft, kind, plain)
    if (kind === 'CalendarItem') {
      draft['StartTimeZone'] ??= mailbox.zone
      draft['ReminderIsSet'] ??= false
    }
    fillDefaults(draft, kind, mailbox.zone, this.#store.clock.now())
    const fields = draft as Fields
    const series = kind === 'CalendarItem' ? settleSeries(fields, null, false) : null
    const item = this.#store.create(mailbox, folder, { kind, itemClass, fields, extended: extendedOf(plain), series })
    if (kind === 'CalendarItem') {
      item.fields['UID'] ??= newUid(`${mailbox.token}#${item.serial}`)
      sendInvitations(this.#store, mailbox, item, modeOf(plain), null)
    }
    return this.plain(mailbox, item)
  }

  edit(address: string, id: string, plain: PlainFields): PlainItem {
    const mailbox = this.#store.mailbox(address)
    return this.editIn(mailbox, this.item(mailbox, id), plain)
  }

  editIn(mailbox: Mailbox, item: Item, plain: PlainFields): PlainItem {
    const draft: DraftFields = { ...item.fields }
    this.#write(mailbox, draft, item.kind, plain)
    if (item.kind === 'CalendarItem') settleTimes(draft, item.fields, mailbox.zone, this.#store.clock.now())
    const extended = extendedOf(plain)
    const next = { ...item, fields: draft as Fields }
    if (extended) next.extended = { ...item.extended, ...extended }
    const touched = new Set(Object.keys(plain).filter((name) => name !== 'send' && name !== 'extended'))
    if (item.kind === 'CalendarItem') {
      settleItem(mailbox, item, next, this.#store.keepExceptions)
      keepAnswers(next.fields, item.fields)
      sendInvitations(this.#store, mailbox, next, modeOf(plain), item.fields)
    }
    const save = item.kind === 'Task' ? saveTask : saveItem
    return this.plain(mailbox, save(this.#store, mailbox, item, next, touched))
  }

  occurrences(address: string, id: string, from: string, to: string): PlainItem[] {
    const mailbox = this.#store.mailbox(address)
    const master = this.item(mailbox, id)
    if (!master.series) throw new Error(`${id} is no recurring master; only masters have occurrences.`)
    const [start, end] = [readInstant(from, mailbox.zone), readInstant(to, mailbox.zone)]
    if (Number.isNaN(start + end)) throw new Error(`From '${from}' to '${to}' is no time; write 2026-12-01T00:00:00Z.`)
    return occurrencesBetween(master, start, end).map((occurrence) => this.plain(mailbox, occurrence))
  }

  move(address: string, id: string, target: string): PlainItem {
    const mailbox = this.#store.mailbox(address)
    return this.plain(mailbox, this.#store.move(mailbox, this.item(mailbox, id), this.folder(mailbox, target)))
  }

  /** All items of a mailbox or of one folder, oldest first; without a folder those in the dumpster stay out. */
  items(address: string, folderName?: string): PlainItem[] {
    const mailbox = this.#store.mailbox(address)
    const only = folderName === undefined ? undefined : this.folder(mailbox, folderName)
    return [...mailbox.items.values()]
      .filter((item) =>
        only
          ? item.folder === only.serial
          : this.#store.folderOf(mailbox, item).distinguished !== 'recoverableitemsdeletions',
      )
      .map((item) => this.plain(mailbox, item))
  }

  /** Distinguished id, folder id or display name. */
  folder(mailbox: Mailbox, name: string): Folder {
    const parsed = parseId(name)
    const folders = [...this.#store.folders(mailbox).values()]
    const found =
      folders.find((folder) => folder.distinguished === name) ??
      folders.find((folder) =>
        parsed ? parsed.type === 'folder' && folder.serial === parsed.serial : folder.name === name,
      )
    if (!found)
      throw new Error(
        `${mailbox.address} has no folder ${name}. Existing: ${folders.map((folder) => folder.distinguished ?? folder.name).join(', ')}.`,
      )
    return found
  }

  item(mailbox: Mailbox, id: string): Item {
    const parsed = parseId(id)
    const item =
      parsed?.type === 'item' && parsed.token === mailbox.token ? mailbox.items.get(parsed.serial) : undefined
    if (!item)
      throw new Error(
        `${mailbox.address} has no item ${id}; it may have been deleted or moved (a move changes the id).`,
      )
    if (parsed?.day === null || parsed?.day === undefined) return item
    const occurrence = occurrenceOn(item, parsed.day)
    if (!occurrence)
      throw new Error(`${mailbox.address} has no occurrence ${id}: it was deleted or the pattern changed.`)
    return occurrence
  }

  plain(mailbox: Mailbox, item: Item): PlainItem {
    const fields: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(item.fields))
      fields[name.replace('#', '')] = plainValue(item, name, value)
    const folder = this.#store.folderOf(mailbox, item)
    return {
      id: idOf(mailbox, item),
      changeKey: changeKey(mailbox, item.seq),
      class: item.kind,
      folder: folder.distinguished ?? folder.name,
      fields,
      extended: { ...item.extended },
      created: item.created,
      modified: item.modified,
      ...(item.series ? { series: this.#series(mailbox, item) } : {}),
    }
  }

  #series(mailbox: Mailbox, master: Item): NonNullable<PlainItem['series']> {
    const sorted = (days: Iterable<number>) => [...days].sort((a, b) => a - b)
    const { exceptions = new Map<number, never>(), deleted = new Set<number>() } = master.series ?? {}
    return {
      exceptions: sorted(exceptions.keys()).flatMap((day) => {
        const exception = occurrenceOn(master, day)
        return exception ? [this.plain(mailbox, exception)] : []
      }),
      deleted: sorted(deleted).map((day) => isoOf(originalStartOn(master, day))),
    }
  }

  #write(mailbox: Mailbox, draft: DraftFields, kind: Item['kind'], plain: PlainFields): void {
    const today = Math.floor(this.#store.clock.now() / 86_400_000) * 86_400_000
    for (const [name, value] of Object.entries(plain)) {
      if (name === 'ItemClass' || name === 'extended' || name === 'send') continue
      if (name === 'organizer') {
        draft['#organizer'] = String(value)
        draft['#state'] = 3
        draft['#response'] ??= 'NoResponseReceived'
      } else if (name === 'response') draft['#response'] = String(value)
      else if (name === 'cancelled') draft['#state'] = Number(draft['#state'] ?? 1) | (value ? 4 : 0)
      else {
        const written = this.#read(mailbox, kind, name, value)
        if (written === undefined) delete draft[name]
        else draft[name] = written
        if (kind === 'Task') coupleStatus(draft, name, today)
        if (name.endsWith('Attendees') && (value as unknown[]).length > 0)
          draft['#state'] = Number(draft['#state'] ?? 0) | 1
      }
    }
  }

  #read(mailbox: Mailbox, kind: Item['kind'], name: string, value: unknown): FieldValue | UnreadWall | undefined {
    const spec = fieldOf(kind, name)
    if (!spec || spec.type === 'computed') throw new Error(`A ${kind} has no field ${name} to set.`)
    if (value === null || value === undefined) return undefined
    switch (spec.type) {
      case 'wall':
        return { raw: String(value) }
      case 'instant':
        return readInstant(String(value), mailbox.zone)
      case 'date':
        return readInstant(String(value).slice(0, 10), 'UTC')
      case 'body':
        return typeof value === 'string' ? { type: 'Text', text: value } : (value as FieldValue)
      case 'attendees':
        return (value as (string | Attendee)[]).map((entry) =>
          typeof entry === 'string' ? { address: entry, name: entry, response: 'Unknown' } : entry,
        )
      case 'xml':
        return { xml: String(value) }
      default:
        return value as FieldValue
    }
  }
}

function modeOf(plain: PlainFields): string {
  return plain['send'] === true ? 'SendToAllAndSaveCopy' : 'SendToNone'
}

function classOfFolder(folder: Folder): string {
  return (
    { 'IPF.Appointment': 'IPM.Appointment', 'IPF.Task': 'IPM.Task', 'IPF.Contact': 'IPM.Contact' }[
      folder.folderClass
    ] ?? 'IPM.Note'
  )
}

function extendedOf(plain: PlainFields): Item['extended'] {
  return (plain['extended'] as Item['extended'] | undefined) ?? null
}

function isoOf(instant: number): string {
  return new Date(instant).toISOString().replace('.000Z', 'Z')
}

function plainValue(item: Item, name: string, value: FieldValue): unknown {
  const type = fieldOf(item.kind, name)?.type
  if (type === 'wall' || type === 'instant') return isoOf(value as number)
  if (type === 'date') return new Date(value as number).toISOString().slice(0, 10)
  if (type === 'xml') return (value as { xml: string }).xml
  return value
}
