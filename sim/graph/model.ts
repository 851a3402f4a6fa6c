/** What the simulated cloud stores. Plain data, so that a mailbox can be cloned. */

export type Kind = 'event' | 'contact' | 'task'

export interface EmailAddress {
  name: string
  address: string
}

export interface Attendee {
  type: string
  /** none, organizer, tentativelyAccepted, accepted, declined, notResponded; time is an ISO text. */
  status: { response: string; time: string }
  emailAddress: EmailAddress
}

export interface ItemBody {
  contentType: 'html' | 'text'
  content: string
}

export interface EventFields {
  subject: string
  body: ItemBody
  importance: string
  sensitivity: string
  showAs: string
  isAllDay: boolean
  /** UTC milliseconds. An all-day event floats: UTC midnight of its first day, and of the day after its last. */
  start: number
  end: number
  /** Zone names as the client gave them, Windows or IANA. */
  startZone: string
  endZone: string
  location: Record<string, unknown>
  locations: Record<string, unknown>[]
  attendees: Attendee[]
  organizer: EmailAddress
  isOrganizer: boolean
  response: { response: string; time: string }
  isReminderOn: boolean
  reminderMinutesBeforeStart: number
  categories: string[]
  isCancelled: boolean
  /** Changes wait to be sent to the attendees. */
  isDraft: boolean
  responseRequested: boolean
  allowNewTimeProposals: boolean
  hideAttendees: boolean
  isOnlineMeeting: boolean
  onlineMeetingProvider: string
  onlineMeeting: { joinUrl: string } | null
  transactionId: string | null
}

export type DayName = 'sunday' | 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday'

export interface Pattern {
  type: 'daily' | 'weekly' | 'absoluteMonthly' | 'relativeMonthly' | 'absoluteYearly' | 'relativeYearly'
  interval: number
  month: number
  dayOfMonth: number
  daysOfWeek: DayName[]
  firstDayOfWeek: DayName
  index: 'first' | 'second' | 'third' | 'fourth' | 'last'
}

export interface Range {
  type: 'endDate' | 'noEnd' | 'numbered'
  /** YYYY-MM-DD in the zone of the series. */
  startDate: string
  endDate: string
  recurrenceTimeZone: string
  numberOfOccurrences: number
}

export interface Recurrence {
  pattern: Pattern
  range: Range
}

/** An occurrence that differs from its series. */
export interface Exception {
  /** Only what it has of its own; the rest follows the master. */
  own: Partial<EventFields>
  extended: Record<string, string>
  created: number
  modified: number
}

export interface Series {
  recurrence: Recurrence
  /** By the date on which the rule has them, YYYY-MM-DD in the zone of the series. */
  exceptions: Map<string, Exception>
  cancelled: Set<string>
}

interface Stored {
  serial: number
  /** Serial of the calendar, contact folder or task list. */
  folder: number
  /** Ordinary ids change with every move. */
  moves: number
  createdSeq: number
  seq: number
  created: number
  modified: number
  /** Single-value extended properties by id, as the client wrote the id. */
  extended: Record<string, string>
  /** Open extensions by name. */
  extensions: Record<string, Record<string, unknown>>
}

export interface EventItem extends Stored {
  kind: 'event'
  /** Hexadecimal global object id, the same in every attendee's mailbox. */
  uid: string
  fields: EventFields
  series: Series | null
}

export interface ContactItem extends Stored {
  kind: 'contact'
  fields: Record<string, unknown>
}

export interface TaskItem extends Stored {
  kind: 'task'
  fields: Record<string, unknown>
  linkedResources: Record<string, unknown>[]
  checklistItems: Record<string, unknown>[]
}

export type Item = EventItem | ContactItem | TaskItem

export interface Folder {
  serial: number
  kind: Kind
  name: string
  /** `calendar`, `contacts`, `tasks` of the folders every mailbox has, else null. */
  wellKnown: string | null
  parent: number | null
  createdSeq: number
  seq: number
  color: string
  extended: Record<string, string>
  permissions: Permission[]
}

export interface Permission {
  id: string
  /** Null address is the entry of the whole organisation. */
  name: string
  address: string | null
  role: string
}

export interface Tombstone {
  kind: Kind
  serial: number
  folder: number
  moves: number
  seq: number
  createdSeq: number
}

export interface Mailbox {
  /** The user's object id. */
  id: string
  address: string
  /** User principal name with which he signs in. */
  username: string
  password: string
  name: string
  /** Windows zone id of the mailbox settings. */
  zone: string
  generation: number
  /** The part that all ids of the mailbox share. */
  token: string
  seq: number
  nextSerial: number
  /** Delta tokens of another epoch are refused. */
  epoch: number
  /** Made at the first access. */
  folders: Map<number, Folder> | null
  items: Map<number, Item>
  tombstones: Tombstone[]
  folderTombstones: Tombstone[]
  /** Without it the account exists but has no cloud mailbox. */
  enabled: boolean
}

export interface MailSent {
  from: string
  to: string
  subject: string
  kind: 'request' | 'update' | 'cancellation' | 'response'
  /** ISO 8601, UTC, on the simulators' clock. */
  at: string
}

export interface Change {
  type: 'created' | 'updated' | 'deleted'
  mailbox: Mailbox
  item: Item
}
