import { createHash } from 'node:crypto'

import type { SimClock } from '../clock.ts'
import { mailboxToken } from './ids.ts'
import type { Change, Folder, Item, Kind, Mailbox, MailSent, Permission } from './model.ts'

export interface MailboxOptions {
  address: string
  /** Default: the address. */
  username?: string
  /** Default: `<part before the @>-password`. */
  password?: string
  /** Windows zone id; default W. Europe Standard Time. */
  zone?: string
  /** False: the user exists, his mailbox is not in the cloud. */
  enabled?: boolean
}

/** The folders every mailbox has: kind, display name, well-known name. */
const FOLDERS: [Kind, string, string][] = [
  ['event', 'Calendar', 'calendar'],
  ['contact', 'Contacts', 'contacts'],
  ['task', 'Tasks', 'defaultList'],
  ['task', 'Flagged Emails', 'flaggedEmails'],
]

type Draft<T> = T extends Item ? Omit<T, 'serial' | 'moves' | 'createdSeq' | 'seq' | 'created' | 'modified' | 'folder'> : never

/** All cloud mailboxes of the simulated tenant, with the rules of change numbers, moves and tombstones. */
export class Store {
  readonly clock: SimClock
  readonly writes = { created: 0, updated: 0, deleted: 0 }
  outbox: MailSent[] = []
  /** False while a person acts at the desk: what he sends is no mail of an application. */
  recordsMail = true
  /** Told of every change; subscriptions listen here. */
  onChange: (change: Change) => void = () => {}
  #byAddress = new Map<string, Mailbox>()
  #byToken = new Map<string, Mailbox>()
  #generation = 0

  constructor(clock: SimClock) {
    this.clock = clock
  }

  addMailbox(options: MailboxOptions): Mailbox {
    const { address } = options
    const local = address.split('@')[0] ?? address
    const generation = ++this.#generation
    const digest = createHash('sha256').update(address).digest('hex')
    const mailbox: Mailbox = {
      id: `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
      address,
      username: options.username ?? address,
      password: options.password ?? `${local}-password`,
      name: local.slice(0, 1).toUpperCase() + local.slice(1),
      zone: options.zone ?? 'W. Europe Standard Time',
      generation,
      token: mailboxToken(address, generation),
      seq: 0,
      nextSerial: 1,
      epoch: 0,
      folders: null,
      items: new Map(),
      tombstones: [],
      folderTombstones: [],
      enabled: options.enabled ?? true,
    }
    this.#byAddress.set(address.toLowerCase(), mailbox)
    this.#byToken.set(mailbox.token, mailbox)
    return mailbox
  }

  removeMailbox(address: string): void {
    const mailbox = this.mailbox(address)
    this.#byAddress.delete(address.toLowerCase())
    this.#byToken.delete(mailbox.token)
  }

  /** The mailbox of an address; throws for an unknown one. */
  mailbox(address: string): Mailbox {
    const mailbox = this.find(address)
    if (mailbox) return mailbox
    throw new Error(`There is no cloud mailbox ${address}. Existing: ${[...this.#byAddress.keys()].slice(0, 10).join(', ')}.`)
  }

  /** By address, user principal name or object id. */
  find(name: string): Mailbox | undefined {
    const key = name.toLowerCase()
    const direct = this.#byAddress.get(key)
    if (direct) return direct
    for (const mailbox of this.#byAddress.values())
      if (mailbox.id === key || mailbox.username.toLowerCase() === key) return mailbox
    return undefined
  }

  all(): Mailbox[] {
    return [...this.#byAddress.values()]
  }

  folders(mailbox: Mailbox): Map<number, Folder> {
    if (mailbox.folders) return mailbox.folders
    mailbox.folders = new Map()
    for (const [kind, name, wellKnown] of FOLDERS) this.addFolder(mailbox, kind, name, null, wellKnown)
    return mailbox.folders
  }

  addFolder(mailbox: Mailbox, kind: Kind, name: string, parent: number | null, wellKnown: string | null = null): Folder {
    const folders = mailbox.folders ?? this.folders(mailbox)
    const seq = ++mailbox.seq
    const folder: Folder = {
      serial: mailbox.nextSerial++, kind, name, wellKnown, parent, createdSeq: seq, seq, color: 'auto', extended: {},
      permissions: kind === 'event' ? [organisationEntry()] : [],
    }
    folders.set(folder.serial, folder)
    return folder
  }

  wellKnown(mailbox: Mailbox, name: string): Folder {
    for (const folder of this.folders(mailbox).values()) if (folder.wellKnown === name) return folder
    throw new Error(`${mailbox.address} has no folder ${name}.`)
  }

  items<K extends Kind>(mailbox: Mailbox, kind: K, folder?: Folder): Extract<Item, { kind: K }>[] {
    const found: Extract<Item, { kind: K }>[] = []
    for (const item of mailbox.items.values())
      if (item.kind === kind && (!folder || item.folder === folder.serial)) found.push(item as Extract<Item, { kind: K }>)
    return found
  }

  create<T extends Item>(mailbox: Mailbox, folder: Folder, draft: Draft<T>): T {
    const seq = ++mailbox.seq
    const now = this.clock.now()
    const item = {
      ...draft, serial: mailbox.nextSerial++, folder: folder.serial, moves: 0, createdSeq: seq, seq, created: now, modified: now,
    } as unknown as T
    mailbox.items.set(item.serial, item)
    this.onChange({ type: 'created', mailbox, item })
    return item
  }

  changed(mailbox: Mailbox, item: Item): void {
    item.seq = ++mailbox.seq
    item.modified = this.clock.now()
    this.onChange({ type: 'updated', mailbox, item })
  }

  remove(mailbox: Mailbox, item: Item): void {
    mailbox.items.delete(item.serial)
    this.#bury(mailbox, item)
    this.onChange({ type: 'deleted', mailbox, item })
  }

  /** The item keeps its immutable id; the ordinary one changes. */
  move(mailbox: Mailbox, item: Item, folder: Folder): void {
    this.#bury(mailbox, item)
    this.onChange({ type: 'deleted', mailbox, item })
    item.folder = folder.serial
    item.moves += 1
    item.createdSeq = item.seq = ++mailbox.seq
    item.modified = this.clock.now()
    this.onChange({ type: 'created', mailbox, item })
  }

  removeFolder(mailbox: Mailbox, folder: Folder): void {
    for (const item of [...mailbox.items.values()]) if (item.folder === folder.serial) this.remove(mailbox, item)
    this.folders(mailbox).delete(folder.serial)
    const { kind, serial, createdSeq } = folder
    mailbox.folderTombstones.push({ kind, serial, folder: folder.parent ?? 0, moves: 0, createdSeq, seq: ++mailbox.seq })
  }

  /** Every id of the mailbox becomes a new one, and old delta tokens are refused. */
  renewIds(mailbox: Mailbox): void {
    this.#byToken.delete(mailbox.token)
    mailbox.generation = ++this.#generation
    mailbox.token = mailboxToken(mailbox.address, mailbox.generation)
    mailbox.epoch += 1
    this.#byToken.set(mailbox.token, mailbox)
  }

  /** Puts a backup in place of everything; what was issued since is void where numbers would be given out twice. */
  restore(mailboxes: Mailbox[]): void {
    for (const mailbox of mailboxes) {
      const now = this.#byAddress.get(mailbox.address.toLowerCase())
      // Numbers go on from where they were, and states of the lost time are refused.
      if (now && now.seq > mailbox.seq) Object.assign(mailbox, { seq: now.seq, nextSerial: now.nextSerial, epoch: now.epoch + 1 })
    }
    this.#byAddress = new Map(mailboxes.map((mailbox) => [mailbox.address.toLowerCase(), mailbox]))
    this.#byToken = new Map(mailboxes.map((mailbox) => [mailbox.token, mailbox]))
  }

  mail(mail: Omit<MailSent, 'at'>): void {
    if (this.recordsMail) this.outbox.push({ ...mail, at: new Date(this.clock.now()).toISOString() })
  }

  #bury(mailbox: Mailbox, { kind, serial, folder, moves, createdSeq }: Item): void {
    mailbox.tombstones.push({ kind, serial, folder, moves, createdSeq, seq: ++mailbox.seq })
  }
}

function organisationEntry(): Permission {
  return { id: 'RGVmYXVsdA==', name: 'My Organization', address: null, role: 'freeBusyRead' }
}
