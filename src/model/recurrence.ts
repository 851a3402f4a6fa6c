import type { Instant, ItemId, PlainDate } from './ids.ts'
import type { EventFields, EventTime } from './item.ts'

export type Weekday = 'sunday' | 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday'
export const WEEKDAYS: readonly Weekday[] = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']

/** Which day of a month a relative pattern means: "the second tuesday", "the last weekday". */
export type RelativeDay = Weekday | 'day' | 'weekday' | 'weekendDay'
export type WeekIndex = 'first' | 'second' | 'third' | 'fourth' | 'last'

/** Everything Exchange can express. Intervals count from 1. A day of month beyond a month's end is its last day. */
export type RecurrencePattern =
  | { readonly type: 'daily'; readonly interval: number }
  /** Weeks are counted from the one that holds the first occurrence and begin on `firstDay`. */
  | { readonly type: 'weekly'; readonly interval: number; readonly days: readonly Weekday[]; readonly firstDay: Weekday }
  | { readonly type: 'absoluteMonthly'; readonly interval: number; readonly day: number }
  | { readonly type: 'relativeMonthly'; readonly interval: number; readonly day: RelativeDay; readonly index: WeekIndex }
  | { readonly type: 'absoluteYearly'; readonly interval: number; readonly month: number; readonly day: number }
  | { readonly type: 'relativeYearly'; readonly interval: number; readonly month: number; readonly day: RelativeDay; readonly index: WeekIndex }

/** Days are those of the series' own zone; `first` is the day from which the pattern counts. */
export type RecurrenceRange =
  | { readonly type: 'endless'; readonly first: PlainDate }
  /** `last` is the last day on which an occurrence may begin. */
  | { readonly type: 'until'; readonly first: PlainDate; readonly last: PlainDate }
  | { readonly type: 'count'; readonly first: PlainDate; readonly count: number }

export interface Recurrence {
  readonly pattern: RecurrencePattern
  readonly range: RecurrenceRange
}

/**
 * Which occurrence: its start as the rule has it, wherever it was moved to since. A moment for timed series, a day for
 * all-day ones.
 */
export type OccurrenceStart = Instant | PlainDate

/** An occurrence as the rule has it. */
export interface Occurrence {
  /** Place in the rule's own sequence, from 1; deleted ones count. */
  readonly index: number
  readonly start: OccurrenceStart
  readonly time: EventTime
}

/** An occurrence that was edited or moved. */
export interface Exception {
  readonly start: OccurrenceStart
  /** All of its content, not only what differs. */
  readonly fields: Partial<EventFields>
  readonly modifiedAt?: Instant
  /** Private by itself: its words were replaced before they were stored. */
  readonly masked?: true
}

/** What makes an event repeat. The item it belongs to holds the content that every unedited occurrence shares. */
export interface Series {
  readonly recurrence: Recurrence
  /** The first occurrence by the rule; its zone is the one in which the series keeps its wall clock time. */
  readonly time: EventTime
  readonly exceptions: readonly Exception[]
  readonly deleted: readonly OccurrenceStart[]
}

/** Addresses one occurrence of a master. */
export interface OccurrenceRef {
  readonly start: OccurrenceStart
  readonly index: number
}

/**
 * Which of our numbers stands for which occurrence. The number (vtenext's `recurr_idx`) is the ordinal in the rule's
 * sequence, and stays with its occurrence when the rule changes.
 */
export interface Slot {
  readonly slot: number
  readonly start: OccurrenceStart
}

const SEPARATOR = '#~'

/** The UID of one occurrence of a series; number 0 keeps the series' own, so that a single event can become one. */
export const occurrenceUid = (uid: string, slot: number): string => (slot === 0 ? uid : `${uid}${SEPARATOR}${slot}`)

/** @returns the UID that all occurrences share, and the occurrence's number */
export function splitUid(uid: string): { readonly uid: string; readonly slot: number } {
  const match = /^(.*)#~(\d{1,9})$/s.exec(uid)
  return match === null ? { uid, slot: 0 } : { uid: match[1] ?? '', slot: Number(match[2]) }
}

const OCCURRENCE_ID = /^occ:(\d{1,9}):(.*)$/s

/** Our id of an occurrence: servers share or change theirs. Number 0 is addressed by the master itself. */
export const occurrenceId = (master: ItemId, slot: number): ItemId => (slot === 0 ? master : (`occ:${slot}:${master}` as ItemId))

/** @returns the master and the occurrence's number; any other id is its own master */
export function splitOccurrenceId(id: ItemId): { readonly master: ItemId; readonly slot: number } {
  const match = OCCURRENCE_ID.exec(id)
  return match === null ? { master: id, slot: 0 } : { master: (match[2] ?? '') as ItemId, slot: Number(match[1]) }
}
