/**
 * The parts of Microsoft Graph's resources that are read. Everything may be missing: servers leave out what they like,
 * and a delta leaves out what did not change.
 */
export interface DateTimeTimeZone {
  /** Wall clock, `2026-12-01T09:00:00.0000000`. */
  readonly dateTime?: string
  readonly timeZone?: string
}
export interface ItemBody {
  readonly contentType?: string
  readonly content?: string | null
}
export interface Recipient {
  readonly emailAddress?: { readonly name?: string; readonly address?: string }
}
export interface ExtendedProperty {
  readonly id?: string
  readonly value?: string
}

/** What every Outlook item and task carries. */
export interface Resource {
  readonly id?: string
  readonly '@odata.etag'?: string
  readonly '@removed'?: { readonly reason?: string }
  readonly createdDateTime?: string
  readonly lastModifiedDateTime?: string
  readonly categories?: readonly string[]
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[]
}

/** https://learn.microsoft.com/graph/api/resources/event */
export interface EventResource extends Resource {
  readonly type?: string
  readonly seriesMasterId?: string | null
  readonly subject?: string | null
  readonly body?: ItemBody | null
  readonly start?: DateTimeTimeZone
  readonly end?: DateTimeTimeZone
  readonly originalStartTimeZone?: string
  readonly isAllDay?: boolean
  readonly location?: { readonly displayName?: string | null } | null
  readonly showAs?: string
  readonly sensitivity?: string
  readonly importance?: string
  readonly isReminderOn?: boolean
  readonly reminderMinutesBeforeStart?: number
  readonly iCalUId?: string
  /** What the create was sent with; a copy made by hand has none. */
  readonly transactionId?: string | null
  readonly isOrganizer?: boolean
  readonly organizer?: Recipient | null
  readonly attendees?: readonly AttendeeResource[]
  readonly responseStatus?: { readonly response?: string } | null
  readonly isCancelled?: boolean
  /** Changes of it wait to be sent to its attendees. */
  readonly isDraft?: boolean
  readonly recurrence?: RecurrenceResource | null
  /** Of an occurrence or exception: where the rule has it, in UTC. */
  readonly originalStart?: string
  readonly exceptionOccurrences?: readonly EventResource[]
  readonly cancelledOccurrences?: readonly string[]
  readonly isOnlineMeeting?: boolean
}

export interface AttendeeResource extends Recipient {
  readonly type?: string
  readonly status?: { readonly response?: string }
}

export interface RecurrenceResource {
  readonly pattern?: PatternResource
  readonly range?: RangeResource
}
export interface PatternResource {
  readonly type?: string
  readonly interval?: number
  readonly daysOfWeek?: readonly string[]
  readonly firstDayOfWeek?: string
  readonly dayOfMonth?: number
  readonly month?: number
  readonly index?: string
}
export interface RangeResource {
  readonly type?: string
  readonly startDate?: string
  readonly endDate?: string
  readonly numberOfOccurrences?: number
  readonly recurrenceTimeZone?: string
}

/** https://learn.microsoft.com/graph/api/resources/todotask */
export interface TaskResource extends Resource {
  readonly title?: string | null
  readonly body?: ItemBody | null
  readonly status?: string
  readonly importance?: string
  readonly startDateTime?: DateTimeTimeZone | null
  readonly dueDateTime?: DateTimeTimeZone | null
  readonly recurrence?: unknown
  readonly linkedResources?: readonly LinkedResource[]
}
/** https://learn.microsoft.com/graph/api/resources/linkedresource */
export interface LinkedResource {
  readonly id?: string
  readonly applicationName?: string
  readonly displayName?: string
  readonly externalId?: string
}

export interface AddressResource {
  readonly street?: string | null
  readonly city?: string | null
  readonly state?: string | null
  readonly postalCode?: string | null
  readonly countryOrRegion?: string | null
}
/** https://learn.microsoft.com/graph/api/resources/contact */
export interface ContactResource extends Resource {
  readonly title?: string | null
  readonly givenName?: string | null
  readonly surname?: string | null
  readonly jobTitle?: string | null
  readonly department?: string | null
  readonly companyName?: string | null
  readonly emailAddresses?: readonly { readonly name?: string | null; readonly address?: string | null }[]
  readonly businessPhones?: readonly string[]
  readonly homePhones?: readonly string[]
  readonly mobilePhone?: string | null
  readonly assistantName?: string | null
  readonly birthday?: string | null
  readonly personalNotes?: string | null
  readonly businessAddress?: AddressResource | null
  readonly otherAddress?: AddressResource | null
}

/** A page of a list or of a delta round. */
export interface Page<T> {
  readonly value?: readonly T[]
  readonly '@odata.nextLink'?: string
  readonly '@odata.deltaLink'?: string
}
