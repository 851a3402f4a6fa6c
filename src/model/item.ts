import type { Instant, PlainDate } from './ids.ts'

export type ItemKind = 'event' | 'task' | 'contact'
export const ITEM_KINDS: readonly ItemKind[] = ['event', 'task', 'contact']

export type FreeBusy = 'free' | 'tentative' | 'busy' | 'oof' | 'workingElsewhere'
export type Sensitivity = 'normal' | 'personal' | 'private' | 'confidential'
export type Importance = 'low' | 'normal' | 'high'
export type TaskStatus = 'notStarted' | 'inProgress' | 'completed' | 'waitingOnOthers' | 'deferred'

/**
 * When an event is. Start, end, all-day and zone travel as one value: changing one of them alone moves
 * events by hours on real servers (rule R-20).
 */
export type EventTime =
  | {
      readonly allDay: false
      readonly start: Instant
      readonly end: Instant
      /** IANA zone the event was planned in; absent where the side does not know it. */
      readonly zone?: string
    }
  | {
      readonly allDay: true
      readonly firstDay: PlainDate
      /** Last day that belongs to the event; an exclusive end exists only on the wire. */
      readonly lastDay: PlainDate
    }

/** Somebody on a meeting, by SMTP address in lower case. */
export interface Person {
  readonly address: string
  readonly name: string
}
export type Answer = 'none' | 'accepted' | 'tentative' | 'declined'
export interface Attendee extends Person {
  readonly role: 'required' | 'optional' | 'resource'
  readonly answer: Answer
}

export interface PostalAddress {
  readonly street: string
  readonly pobox: string
  readonly city: string
  readonly state: string
  readonly zip: string
  readonly country: string
}

export interface EventFields {
  readonly subject: string
  /** Plain text, `\n` line ends. */
  readonly body: string
  readonly time: EventTime
  readonly place: string
  readonly freeBusy: FreeBusy
  readonly sensitivity: Sensitivity
  readonly importance: Importance
  readonly categories: readonly string[]
  /** Minutes before the start; null means no reminder. */
  readonly reminder: number | null
  /** Everybody but the organizer, by address. On an event without invitations: whom the CRM has on it. */
  readonly attendees: readonly Attendee[]
  /** Null for an event without invitations. */
  readonly organizer: Person | null
  /** The organizer called it off; absent on what is no meeting. */
  readonly cancelled: boolean
  /** What the owner of the mailbox answered; absent where nobody invited them. */
  readonly answer: Answer
}

export interface TaskFields {
  readonly subject: string
  readonly body: string
  readonly startDate: PlainDate | null
  readonly dueDate: PlainDate | null
  readonly status: TaskStatus
  readonly importance: Importance
  readonly sensitivity: Sensitivity
  readonly categories: readonly string[]
}

export interface ContactFields {
  readonly salutation: string
  readonly firstName: string
  readonly lastName: string
  readonly jobTitle: string
  readonly department: string
  readonly company: string
  readonly email: string
  readonly businessPhone: string
  readonly mobilePhone: string
  readonly homePhone: string
  readonly otherPhone: string
  readonly fax: string
  readonly assistant: string
  readonly assistantPhone: string
  readonly birthday: PlainDate | null
  readonly body: string
  readonly businessAddress: PostalAddress
  readonly otherAddress: PostalAddress
}

/**
 * The content that is kept in step. A field that a side cannot hold is absent on that side's items:
 * absent never means empty, and never erases anything.
 */
export interface EventItem {
  readonly kind: 'event'
  readonly fields: Partial<EventFields>
}
export interface TaskItem {
  readonly kind: 'task'
  readonly fields: Partial<TaskFields>
}
export interface ContactItem {
  readonly kind: 'contact'
  readonly fields: Partial<ContactFields>
}
export type Item = EventItem | TaskItem | ContactItem

export type FieldName = keyof EventFields | keyof TaskFields | keyof ContactFields
export type FieldValue = string | number | boolean | null | readonly string[] | readonly Attendee[] | EventTime | PostalAddress | Person
/** Some fields of an item, by name: what a write changes, what a conflict is about. */
export type Fields = Readonly<Partial<Record<FieldName, FieldValue>>>

/** The same item with some fields replaced. The names must be fields of the item's kind. */
export function withFields<T extends Item>(item: T, fields: Fields): T {
  return { ...item, fields: { ...item.fields, ...fields } }
}

/** An item of a kind from loose fields; the caller vouches that the names belong to the kind. */
export function itemOf(kind: ItemKind, fields: Fields): Item {
  return { kind, fields } as Item
}
