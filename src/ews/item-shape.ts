import type { ItemKind } from '../model/index.ts'
import { STAMP_PATH } from './stamp.ts'

/** Properties that EWS has no element for, by the MAPI names Outlook stores them under. */
export const SALUTATION_PATH = '<t:ExtendedFieldURI PropertyTag="0x3a45" PropertyType="String"/>'
export const WORK_POBOX_PATH = '<t:ExtendedFieldURI DistinguishedPropertySetId="Address" PropertyId="32842" PropertyType="String"/>'
export const OTHER_POBOX_PATH = '<t:ExtendedFieldURI PropertyTag="0x3a64" PropertyType="String"/>'

const fieldPaths = (...uris: readonly string[]) => uris.map((uri) => `<t:FieldURI FieldURI="${uri}"/>`).join('')

const COMMON = fieldPaths('item:ParentFolderId', 'item:Subject', 'item:Body', 'item:DateTimeCreated', 'item:LastModifiedTime')

/** What GetItem reads of each kind. */
export const SHAPES: Readonly<Record<ItemKind, string>> = {
  event: COMMON + fieldPaths(
    'item:Sensitivity', 'item:Importance', 'item:Categories', 'item:ReminderIsSet', 'item:ReminderMinutesBeforeStart',
    'calendar:UID', 'calendar:Start', 'calendar:End', 'calendar:IsAllDayEvent', 'calendar:StartTimeZone', 'calendar:EndTimeZone',
    'calendar:LegacyFreeBusyStatus', 'calendar:Location', 'calendar:CalendarItemType', 'calendar:IsRecurring', 'calendar:Recurrence',
    'calendar:ModifiedOccurrences', 'calendar:DeletedOccurrences', 'calendar:OriginalStart',
    'calendar:IsMeeting', 'calendar:MeetingRequestWasSent', 'calendar:IsCancelled', 'calendar:MyResponseType', 'calendar:AppointmentState', 'calendar:Organizer',
    'calendar:RequiredAttendees', 'calendar:OptionalAttendees', 'calendar:Resources',
  ) + STAMP_PATH,
  task: COMMON + fieldPaths(
    'item:Sensitivity', 'item:Importance', 'item:Categories', 'task:StartDate', 'task:DueDate', 'task:Status',
    'task:IsRecurring', 'task:Recurrence',
  ) + STAMP_PATH,
  contact: COMMON + fieldPaths(
    'contacts:GivenName', 'contacts:Surname', 'contacts:JobTitle', 'contacts:Department', 'contacts:CompanyName',
    'contacts:EmailAddresses', 'contacts:PhoneNumbers', 'contacts:PhysicalAddresses', 'contacts:AssistantName', 'contacts:Birthday',
  ) + SALUTATION_PATH + WORK_POBOX_PATH + OTHER_POBOX_PATH + STAMP_PATH,
}

/** What a search reads of its hits. */
export const FOUND_SHAPE = fieldPaths('item:DateTimeCreated') + STAMP_PATH

/** The elements that are items of a kind; anything else in the folder is not kept in step. */
export const ELEMENTS: Readonly<Record<ItemKind, string>> = { event: 'CalendarItem', task: 'Task', contact: 'Contact' }
