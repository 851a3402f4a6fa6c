import type { ItemKind } from './model.ts'

/** How a field is read from a request, kept, and written into an answer. */
export type FieldType =
  | 'text'
  | 'bool'
  | 'int'
  /** An instant: UTC milliseconds. */
  | 'instant'
  /** Start and End of a calendar item: kept as instant, read together with the item's zones. */
  | 'wall'
  /** StartDate, DueDate, CompleteDate of a task: a date, kept as UTC midnight. */
  | 'date'
  | 'strings'
  | 'body'
  | 'attendees'
  | 'dictionary'
  | 'zone'
  | 'xml'
  /** Worked out from the item when asked for. */
  | 'computed'

export interface FieldSpec {
  name: string
  type: FieldType
  /** A client may set it. */
  writable: boolean
  /** Part of the Default shape. */
  byDefault: boolean
  /** Part of the AllProperties shape. */
  inAll: boolean
}

/** `Name:type` with the marks `!` read-only, `*` Default shape, `-` only when named. Order is the schema's order. */
function specs(text: string): FieldSpec[] {
  return text
    .trim()
    .split(/\s+/)
    .map((entry) => {
      const [name = '', rest = 'text'] = entry.split(':')
      const type = rest.replace(/[!*-]/g, '') as FieldType
      return {
        name,
        type,
        writable: type !== 'computed' && !rest.includes('!'),
        byDefault: rest.includes('*'),
        inAll: !rest.includes('-'),
      }
    })
}

const ITEM = specs(`
  ItemId:computed* ParentFolderId:computed ItemClass:computed Subject:text* Sensitivity:text Body:body
  DateTimeReceived:computed Size:computed Categories:strings Importance:text InReplyTo:text IsSubmitted:computed
  IsDraft:computed IsFromMe:computed IsResend:computed IsUnmodified:computed DateTimeSent:computed
  DateTimeCreated:computed ResponseObjects:computed ReminderDueBy:instant ReminderIsSet:bool ReminderNextTime:computed-
  ReminderMinutesBeforeStart:int DisplayCc:computed DisplayTo:computed HasAttachments:computed*
  ExtendedProperty:computed- Culture:text EffectiveRights:computed LastModifiedName:computed
  LastModifiedTime:computed IsAssociated:computed Flag:xml Preview:computed- TextBody:computed- SearchKey:computed-
`)

const CALENDAR = specs(`
  UID:text RecurrenceId:instant! DateTimeStamp:computed Start:wall* End:wall* OriginalStart:instant!-
  IsAllDayEvent:bool LegacyFreeBusyStatus:text* Location:text* When:text IsMeeting:computed IsCancelled:computed
  IsRecurring:computed MeetingRequestWasSent:computed IsResponseRequested:bool CalendarItemType:computed*
  MyResponseType:computed Organizer:computed* RequiredAttendees:attendees OptionalAttendees:attendees
  Resources:attendees ConflictingMeetingCount:computed- AdjacentMeetingCount:computed- Duration:computed
  TimeZone:computed AppointmentReplyTime:instant! AppointmentSequenceNumber:computed AppointmentState:computed
  Recurrence:xml FirstOccurrence:computed LastOccurrence:computed ModifiedOccurrences:computed
  DeletedOccurrences:computed
  MeetingTimeZone:xml StartTimeZone:zone EndTimeZone:zone ConferenceType:int AllowNewTimeProposal:bool
  IsOnlineMeeting:bool MeetingWorkspaceUrl:text NetShowUrl:text StartWallClock:computed- EndWallClock:computed-
  StartTimeZoneId:computed- EndTimeZoneId:computed- JoinOnlineMeetingUrl:text!- IsOrganizer:computed-
`)

const TASK = specs(`
  ActualWork:int AssignedTime:instant! BillingInformation:text ChangeCount:computed Companies:strings CompleteDate:date
  Contacts:strings DelegationState:computed- Delegator:text! DueDate:date* IsAssignmentEditable:int!
  IsComplete:computed IsRecurring:computed IsTeamTask:computed Mileage:text Owner:computed PercentComplete:int*
  Recurrence:xml StartDate:date* Status:text* StatusDescription:computed TotalWork:int
`)

const CONTACT = specs(`
  FileAs:text* FileAsMapping:text DisplayName:text* GivenName:text Initials:text MiddleName:text Nickname:text
  CompleteName:computed CompanyName:text* EmailAddresses:dictionary* PhysicalAddresses:dictionary*
  PhoneNumbers:dictionary* AssistantName:text Birthday:instant BusinessHomePage:text Children:strings Companies:strings
  ContactSource:computed- Department:text Generation:text ImAddresses:dictionary* JobTitle:text Manager:text
  Mileage:text OfficeLocation:text PostalAddressIndex:text Profession:text SpouseName:text Surname:text
  WeddingAnniversary:instant HasPicture:computed
`)

const MESSAGE = specs(`
  ToRecipients:attendees CcRecipients:attendees BccRecipients:attendees IsRead:bool*
`)

/** Every field of an item class in the order the schema wants them written. */
export const FIELDS: Record<ItemKind, readonly FieldSpec[]> = {
  CalendarItem: [...ITEM, ...CALENDAR],
  Task: [...ITEM, ...TASK],
  Contact: [...ITEM, ...CONTACT],
  Message: [...ITEM, ...MESSAGE],
}

const PREFIX: Record<ItemKind, string> = {
  CalendarItem: 'calendar:',
  Task: 'task:',
  Contact: 'contacts:',
  Message: 'message:',
}

const BY_NAME = Object.fromEntries(
  Object.entries(FIELDS).map(([kind, list]) => [kind, new Map(list.map((spec) => [spec.name, spec]))]),
) as Record<ItemKind, Map<string, FieldSpec>>

export function fieldOf(kind: ItemKind, name: string): FieldSpec | undefined {
  return BY_NAME[kind].get(name)
}

/** The field a FieldURI means for an item of this class; undefined when the class has no such field. */
export function fieldOfUri(kind: ItemKind, uri: string): FieldSpec | undefined {
  const [prefix = '', name = ''] = uri.split(':')
  const spec = BY_NAME[kind].get(name)
  if (!spec) return undefined
  return `${prefix}:` === (ITEM.includes(spec) ? 'item:' : PREFIX[kind]) ? spec : undefined
}

/** Is the FieldURI one of some item class, though perhaps not of this one? */
export function isForeignUri(kind: ItemKind, uri: string): boolean {
  const prefix = uri.slice(0, uri.indexOf(':') + 1)
  return prefix !== 'item:' && prefix !== PREFIX[kind]
}

/** Dictionary that an IndexedFieldURI addresses, and the part of its entry when it has parts. */
export function indexedField(uri: string): { dictionary: string; part: string | null } | undefined {
  const [, name = '', part] = uri.split(':')
  const dictionary = {
    EmailAddress: 'EmailAddresses',
    PhoneNumber: 'PhoneNumbers',
    ImAddress: 'ImAddresses',
    PhysicalAddress: 'PhysicalAddresses',
  }[name]
  return dictionary ? { dictionary, part: part ?? null } : undefined
}
