/** What the simulated server stores. Plain data, so that a whole server can be cloned for a backup. */

export type ItemKind = 'CalendarItem' | 'Task' | 'Contact' | 'Message'

export interface Body {
  type: 'Text' | 'HTML'
  text: string
}

export interface Attendee {
  address: string
  name: string
  /** Accept, Tentative, Decline, NoResponseReceived, Unknown, Organizer. */
  response: string
  /** When the answer came: UTC milliseconds. */
  lastResponse?: number
}

/** A keyed dictionary: plain entries (e-mail, phone) or entries with parts (postal address). */
export type Dictionary = Record<string, string | Record<string, string>>

/** An element kept as it was written, with the prefix `t:`. */
export interface XmlText {
  xml: string
}

/**
 * Value of one stored field, by the field's kind: text and zone ids as string, instants as UTC milliseconds,
 * task dates as UTC midnight of the date, lists as string[].
 */
export type FieldValue = string | number | boolean | string[] | Body | Attendee[] | Dictionary | XmlText
export type Fields = Record<string, FieldValue>

export interface Item {
  serial: number
  kind: ItemKind
  itemClass: string
  /** Serial of the folder it lies in. */
  folder: number
  /** Change number at which it entered its folder, and of its last change. */
  createdSeq: number
  seq: number
  created: number
  modified: number
  /** Survives moves and copies, like PidTagSearchKey. */
  searchKey: number
  fields: Fields
  extended: Record<string, string | string[]> | null
  /** The last changes: change number and the fields it touched, for AutoResolve. */
  history: [number, string[]][] | null
  /** Of a recurring master only. */
  series: Series | null
  /** Only on the picture of one occurrence that is worked out of its master; such an item is never stored. */
  occurrence?: Occurrence
}

/** What a recurring master knows besides its fields. Days count from 1970-01-01 on the calendar of its zone. */
export interface Series {
  /** Wall clock of every occurrence: milliseconds after midnight, and how long it takes. */
  timeOfDay: number
  length: number
  exceptions: Map<number, Exception>
  deleted: Set<number>
}

/** What one occurrence has of its own, over the fields of its master; null: it lacks what the master has. */
export interface Exception {
  fields: Record<string, FieldValue | null>
  extended: Record<string, string | string[] | null>
}

export interface Occurrence {
  /** Its day in the pattern. */
  day: number
  /** Where the pattern puts it: UTC milliseconds. */
  originalStart: number
  exception: boolean
}

export interface Tombstone {
  serial: number
  createdSeq: number
  seq: number
}

export interface Folder {
  serial: number
  distinguished: string | null
  name: string
  folderClass: string
  parent: number
  createdSeq: number
  /** Change number of the folder's own properties. */
  seq: number
  /** Highest change number among its items. */
  contentSeq: number
  items: Map<number, Item> | null
  tombstones: Tombstone[] | null
  /** As last written by UpdateFolder; null: as in the beginning. */
  permissions: FolderPermission[] | null
  /** Roles of other people, by user name in lower case: `Editor`, `Reviewer` and so on. */
  grants?: Record<string, string>
  /** Extended properties as they were written, by set and name. */
  extended?: Record<string, string>
}

export interface FolderPermission {
  /** Main address of a mailbox, `Default` or `Anonymous`. */
  who: string
  level: string
  /** The single rights of level Custom; other levels have none of their own. */
  rights: Record<string, string>
}

export interface Mailbox {
  address: string
  /** Secondary addresses, in lower case. */
  aliases: string[]
  username: string
  password: string
  /** Before it was changed. */
  formerPassword?: string
  name: string
  /** Windows zone id in which the user's own edits without zone are meant. */
  zone: string
  /** Renewed when every id changes; all ids of the mailbox contain the token derived from it. */
  generation: number
  token: string
  /** Last change number given out. */
  seq: number
  nextSerial: number
  /** Sync states of another epoch are refused. */
  epoch: number
  /** Change numbers that a restored backup has undone: states issued there are refused. */
  undone: [number, number][]
  /** Made at the first access: thousands of mailboxes that nobody opens cost little. */
  folders: Map<number, Folder> | null
  folderTombstones: Tombstone[]
  items: Map<number, Item>
  /** Sim-clock time until which every request is refused with ErrorMailboxMoveInProgress. */
  movingUntil: number
  condition?: MailboxCondition | null
}

/** What keeps a mailbox from being used. */
export type MailboxCondition = 'disabled' | 'password-expired' | 'full' | 'offline'

export interface MailSent {
  from: string
  to: string
  subject: string
  kind: 'invitation' | 'update' | 'cancellation' | 'response' | 'message'
  /** Of a response: Accept, Tentative or Decline. */
  response?: string
  /** ISO 8601, UTC, on the simulators' clock. */
  at: string
}

export interface ChangeEvent {
  kind: 'Created' | 'Modified' | 'Deleted' | 'Moved' | 'Copied'
  mailbox: Mailbox
  at: number
  /** Absent: the event is about the folder itself. */
  item?: { serial: number; seq: number }
  folder: number
  old?: { serial: number; folder: number }
}
