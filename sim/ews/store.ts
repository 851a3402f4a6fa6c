import type { SimClock } from '../clock.ts'
import { mailboxToken } from './ids.ts'
import type { ChangeEvent, Folder, Item, ItemKind, Mailbox, MailSent, Series, Tombstone } from './model.ts'

const NO_ITEMS: ReadonlyMap<number, Item> = new Map()
const NO_TOMBSTONES: readonly Tombstone[] = []
const HISTORY_LENGTH = 8

/** The folders every mailbox has: distinguished id, display name, folder class, parent. */
const DISTINGUISHED: [string, string, string, string | null][] = [
  ['root', 'Root', '', null],
  ['msgfolderroot', 'Top of Information Store', 'IPF', 'root'],
  ['calendar', 'Calendar', 'IPF.Appointment', 'msgfolderroot'],
  ['contacts', 'Contacts', 'IPF.Contact', 'msgfolderroot'],
  ['deleteditems', 'Deleted Items', 'IPF.Note', 'msgfolderroot'],
  ['drafts', 'Drafts', 'IPF.Note', 'msgfolderroot'],
  ['inbox', 'Inbox', 'IPF.Note', 'msgfolderroot'],
  ['journal', 'Journal', 'IPF.Journal', 'msgfolderroot'],
  ['junkemail', 'Junk Email', 'IPF.Note', 'msgfolderroot'],
  ['notes', 'Notes', 'IPF.StickyNote', 'msgfolderroot'],
  ['outbox', 'Outbox', 'IPF.Note', 'msgfolderroot'],
  ['sentitems', 'Sent Items', 'IPF.Note', 'msgfolderroot'],
  ['tasks', 'Tasks', 'IPF.Task', 'msgfolderroot'],
  ['recoverableitemsroot', 'Recoverable Items', '', 'root'],
  ['recoverableitemsdeletions', 'Deletions', '', 'recoverableitemsroot'],
]

export interface Touch {
  mailbox: Mailbox
  serial: number
  due: number
}

export type NewItem = Pick<Item, 'kind' | 'itemClass' | 'fields' | 'extended'> & { series?: Series | null }

/** All mailboxes of the simulated organisation, with the rules of change numbers, moves and tombstones. */
export class Store {
  readonly clock: SimClock
  readonly touchAfterWrite: boolean
  /** A changed pattern keeps the exceptions whose day it has too, instead of dropping all. */
  readonly keepExceptions: boolean
  /** An accepted meeting is a new item: Delete and Create instead of Update. */
  readonly acceptRecreates: boolean
  outbox: MailSent[] = []
  readonly writes = { created: 0, updated: 0, deleted: 0 }
  /** Told of every change; the streaming connections listen here. */
  onChange: (event: ChangeEvent) => void = () => {}
  #mailboxes = new Map<string, Mailbox>()
  #byToken = new Map<string, Mailbox>()
  /** Main address of each secondary one. */
  #byAlias = new Map<string, string>()
  /** Calendars of people elsewhere who invite mailboxes of this server; nobody signs in to them. */
  #outside = new Map<string, Mailbox>()
  #touches: Touch[] = []
  #generation = 0

  constructor(clock: SimClock, options: { touchAfterWrite: boolean; keepExceptions: boolean; acceptRecreates: boolean }) {
    this.clock = clock
    this.touchAfterWrite = options.touchAfterWrite
    this.keepExceptions = options.keepExceptions
    this.acceptRecreates = options.acceptRecreates
  }

  addMailbox(options: {
    address: string
    aliases?: string[]
    username?: string
    password?: string
    zone?: string
  }): Mailbox {
    const {
      address,
      aliases = [],
      username = address,
      password = `${address.split('@')[0]}-password`,
      zone = 'W. Europe Standard Time',
    } = options
    const mailbox = this.#newMailbox({ address, username, password, zone })
    this.#mailboxes.set(address.toLowerCase(), mailbox)
    this.#byToken.set(mailbox.token, mailbox)
    for (const alias of aliases) this.#addAlias(mailbox, alias)
    return mailbox
  }

  #addAlias(mailbox: Mailbox, alias: string): void {
    mailbox.aliases.push(alias.toLowerCase())
    this.#byAlias.set(alias.toLowerCase(), mailbox.address.toLowerCase())
  }

  /** As when somebody marries: another main address, the old one goes on as a secondary one, everything else stays. */
  renameMailbox(address: string, to: string): void {
    const mailbox = this.mailbox(address)
    if (this.find(to)) throw new Error(`${to} is taken already.`)
    const old = mailbox.address
    this.#mailboxes.delete(old.toLowerCase())
    mailbox.address = to
    this.#mailboxes.set(to.toLowerCase(), mailbox)
    for (const alias of mailbox.aliases) this.#byAlias.set(alias, to.toLowerCase())
    this.#addAlias(mailbox, old)
    for (const other of this.#mailboxes.values())
      for (const folder of other.folders?.values() ?? [])
        for (const entry of folder.permissions ?? []) if (entry.who === old) entry.who = to
  }

  /** The calendar of somebody elsewhere, made when first asked for; throws for an address of this server. */
  outsider(address: string, zone = 'W. Europe Standard Time'): Mailbox {
    if (this.find(address)) throw new Error(`${address} has a mailbox here: put, edit and delete its meetings there.`)
    const known = this.#outside.get(address.toLowerCase())
    if (known) return known
    const mailbox = this.#newMailbox({ address, username: '', password: '', zone })
    this.#outside.set(address.toLowerCase(), mailbox)
    return mailbox
  }

  /** Where somebody's own meetings are: his mailbox, or the calendar of an outsider who has invited before. */
  organizer(address: string): Mailbox | undefined {
    return this.find(address) ?? this.#outside.get(address.toLowerCase())
  }

  #newMailbox(options: Pick<Mailbox, 'address' | 'username' | 'password' | 'zone'>): Mailbox {
    const { address, username, password, zone } = options
    const generation = ++this.#generation
    const local = address.split('@')[0] ?? address
    return {
      address,
      aliases: [],
      username,
      password,
      zone,
      name: local.slice(0, 1).toUpperCase() + local.slice(1),
      generation,
      token: mailboxToken(address, generation),
      seq: 0,
      nextSerial: 1,
      epoch: 0,
      undone: [],
      folders: null,
      folderTombstones: [],
      items: new Map(),
      movingUntil: 0,
    }
  }

  removeMailbox(address: string): void {
    const mailbox = this.mailbox(address)
    this.#mailboxes.delete(mailbox.address.toLowerCase())
    this.#byToken.delete(mailbox.token)
  }

  /** The mailbox of an address; throws for an unknown one. */
  mailbox(address: string): Mailbox {
    const mailbox = this.find(address)
    if (!mailbox)
      throw new Error(
        `There is no mailbox ${address}. Existing: ${[...this.#mailboxes.keys()].slice(0, 10).join(', ')}.`,
      )
    return mailbox
  }

  find(address: string): Mailbox | undefined {
    const name = address.toLowerCase()
    return this.#mailboxes.get(name) ?? this.#mailboxes.get(this.#byAlias.get(name) ?? '')
  }

  byToken(token: string): Mailbox | undefined {
    return this.#byToken.get(token)
  }

  all(): Iterable<Mailbox> {
    return this.#mailboxes.values()
  }

  folders(mailbox: Mailbox): Map<number, Folder> {
    if (mailbox.folders) return mailbox.folders
    mailbox.folders = new Map()
    const serials = new Map<string, number>()
    for (const [distinguished, name, folderClass, parent] of DISTINGUISHED) {
      const folder = this.addFolder(mailbox, {
        distinguished,
        name,
        folderClass,
        parent: serials.get(parent ?? '') ?? 0,
      })
      serials.set(distinguished, folder.serial)
    }
    return mailbox.folders
  }

  addFolder(
    mailbox: Mailbox,
    options: { distinguished?: string; name: string; folderClass: string; parent: number },
  ): Folder {
    const folders = mailbox.folders ?? this.folders(mailbox)
    const serial = mailbox.nextSerial++
    const seq = ++mailbox.seq
    const folder: Folder = {
      serial,
      distinguished: options.distinguished ?? null,
      name: options.name,
      folderClass: options.folderClass,
      parent: options.parent,
      createdSeq: seq,
      seq,
      contentSeq: seq,
      items: null,
      tombstones: null,
      permissions: null,
    }
    folders.set(serial, folder)
    return folder
  }

  distinguished(mailbox: Mailbox, name: string): Folder | undefined {
    for (const folder of this.folders(mailbox).values()) if (folder.distinguished === name) return folder
    return undefined
  }

  itemsOf(folder: Folder): ReadonlyMap<number, Item> {
    return folder.items ?? NO_ITEMS
  }

  tombstonesOf(folder: Folder): readonly Tombstone[] {
    return folder.tombstones ?? NO_TOMBSTONES
  }

  create(mailbox: Mailbox, folder: Folder, content: NewItem, searchKey?: number): Item {
    const seq = ++mailbox.seq
    const now = this.clock.now()
    const serial = mailbox.nextSerial++
    const item: Item = {
      serial,
      kind: content.kind,
      itemClass: content.itemClass,
      folder: folder.serial,
      createdSeq: seq,
      seq,
      created: now,
      modified: now,
      searchKey: searchKey ?? serial,
      fields: content.fields,
      extended: content.extended,
      history: null,
      series: content.series ?? null,
    }
    this.#enter(mailbox, folder, item)
    this.onChange({ kind: 'Created', mailbox, at: now, item, folder: folder.serial })
    return item
  }

  /** Marks the item as changed; `names` are the fields that differ. */
  changed(mailbox: Mailbox, item: Item, names: string[]): void {
    item.seq = ++mailbox.seq
    item.modified = this.clock.now()
    item.history = [...(item.history ?? []), [item.seq, names] as [number, string[]]].slice(-HISTORY_LENGTH)
    const folder = this.folderOf(mailbox, item)
    folder.contentSeq = item.seq
    this.onChange({ kind: 'Modified', mailbox, at: item.modified, item, folder: folder.serial })
  }

  remove(mailbox: Mailbox, item: Item): void {
    const folder = this.folderOf(mailbox, item)
    this.#leave(mailbox, folder, item)
    this.onChange({ kind: 'Deleted', mailbox, at: this.clock.now(), item, folder: folder.serial })
  }

  /** A move is copy and delete inside the store: the item gets a new id, the source folder a tombstone. */
  move(mailbox: Mailbox, item: Item, target: Folder): Item {
    const source = this.folderOf(mailbox, item)
    this.#leave(mailbox, source, item)
    const seq = ++mailbox.seq
    const moved: Item = { ...item, serial: mailbox.nextSerial++, folder: target.serial, createdSeq: seq, seq }
    this.#enter(mailbox, target, moved)
    this.onChange({
      kind: 'Moved',
      mailbox,
      at: this.clock.now(),
      item: moved,
      folder: target.serial,
      old: { serial: item.serial, folder: source.serial },
    })
    return moved
  }

  copy(mailbox: Mailbox, item: Item, target: Folder): Item {
    const seq = ++mailbox.seq
    const copied: Item = {
      ...structuredClone(item),
      serial: mailbox.nextSerial++,
      folder: target.serial,
      createdSeq: seq,
      seq,
    }
    this.#enter(mailbox, target, copied)
    this.onChange({
      kind: 'Copied',
      mailbox,
      at: this.clock.now(),
      item: copied,
      folder: target.serial,
      old: { serial: item.serial, folder: item.folder },
    })
    return copied
  }

  folderOf(mailbox: Mailbox, item: Item): Folder {
    const folder = this.folders(mailbox).get(item.folder)
    if (!folder) throw new Error(`Item ${item.serial} of ${mailbox.address} lies in a folder that does not exist.`)
    return folder
  }

  /** Everything goes and no sync state, tombstone or event says so: the picture of a lost database. */
  vanish(mailbox: Mailbox): void {
    mailbox.items.clear()
    for (const folder of this.folders(mailbox).values()) folder.items = null
  }

  removeFolder(mailbox: Mailbox, folder: Folder): void {
    for (const nested of [...this.folders(mailbox).values()])
      if (nested.parent === folder.serial) this.removeFolder(mailbox, nested)
    for (const item of [...this.itemsOf(folder).values()]) mailbox.items.delete(item.serial)
    this.folders(mailbox).delete(folder.serial)
    mailbox.folderTombstones.push({ serial: folder.serial, createdSeq: folder.createdSeq, seq: ++mailbox.seq })
    this.onChange({
      kind: 'Deleted',
      mailbox,
      at: this.clock.now(),
      folder: folder.serial,
      old: { serial: 0, folder: folder.parent },
    })
  }

  /** Gives every folder and item a new id; the content stays. Sync states and ids of before are worthless. */
  renewIds(mailbox: Mailbox): void {
    this.#byToken.delete(mailbox.token)
    mailbox.generation = ++this.#generation
    mailbox.token = mailboxToken(mailbox.address, mailbox.generation)
    mailbox.epoch += 1
    this.#byToken.set(mailbox.token, mailbox)
    for (const folder of this.folders(mailbox).values()) folder.tombstones = null
    mailbox.folderTombstones = []
  }

  /** Notes a mail that leaves this server; what outsiders send does not. */
  mail(mail: Omit<MailSent, 'at'>): void {
    if (!this.find(mail.from)) return
    this.outbox.push({ ...mail, at: new Date(this.clock.now()).toISOString() })
  }

  /** Plans the server's own touch of an item 1 to 3 s after a write: new change key, same content. */
  planTouch(mailbox: Mailbox, item: Item): void {
    if (!this.touchAfterWrite) return
    this.#touches.push({ mailbox, serial: item.serial, due: this.clock.now() + 1000 + ((item.serial * 7919) % 2000) })
  }

  runTouches(): void {
    if (this.#touches.length === 0) return
    const now = this.clock.now()
    const due = this.#touches.filter((touch) => touch.due <= now)
    if (due.length === 0) return
    this.#touches = this.#touches.filter((touch) => touch.due > now)
    for (const { mailbox, serial } of due) {
      const item = mailbox.items.get(serial)
      if (item) this.changed(mailbox, item, [])
    }
  }

  /** A copy of everything, for a restored backup. */
  snapshot(): Mailbox[] {
    return structuredClone([...this.#mailboxes.values()])
  }

  /** Puts a snapshot back. Change numbers go on from where they are; states issued since the snapshot are refused. */
  restore(snapshot: Mailbox[]): void {
    const live = new Map(this.#mailboxes)
    this.#mailboxes.clear()
    this.#byToken.clear()
    for (const saved of structuredClone(snapshot)) {
      const current = live.get(saved.address.toLowerCase())
      if (current && current.seq > saved.seq) {
        saved.undone.push([saved.seq + 1, current.seq])
        saved.seq = current.seq
        saved.nextSerial = Math.max(saved.nextSerial, current.nextSerial)
      }
      this.#mailboxes.set(saved.address.toLowerCase(), saved)
      this.#byToken.set(saved.token, saved)
      for (const alias of saved.aliases) this.#byAlias.set(alias, saved.address.toLowerCase())
    }
  }

  #enter(mailbox: Mailbox, folder: Folder, item: Item): void {
    folder.items ??= new Map()
    folder.items.set(item.serial, item)
    folder.contentSeq = item.seq
    mailbox.items.set(item.serial, item)
  }

  #leave(mailbox: Mailbox, folder: Folder, item: Item): void {
    folder.items?.delete(item.serial)
    mailbox.items.delete(item.serial)
    folder.tombstones ??= []
    folder.contentSeq = ++mailbox.seq
    folder.tombstones.push({ serial: item.serial, createdSeq: item.createdSeq, seq: mailbox.seq })
  }
}

const KIND_OF_CLASS: [string, ItemKind][] = [
  ['IPM.Appointment', 'CalendarItem'],
  ['IPM.Task', 'Task'],
  ['IPM.Contact', 'Contact'],
  ['IPM', 'Message'],
]

export function kindOfClass(itemClass: string): ItemKind {
  return KIND_OF_CLASS.find(([prefix]) => itemClass.startsWith(prefix))?.[1] ?? 'Message'
}

export const DEFAULT_FOLDER: Record<ItemKind, string> = {
  CalendarItem: 'calendar',
  Task: 'tasks',
  Contact: 'contacts',
  Message: 'drafts',
}

export const DEFAULT_CLASS: Record<ItemKind, string> = {
  CalendarItem: 'IPM.Appointment',
  Task: 'IPM.Task',
  Contact: 'IPM.Contact',
  Message: 'IPM.Note',
}
