/**
 * Elements, property URIs and distinguished folders that our requests use, each one in the schema of Exchange 2013 SP1:
 * the page of every element tells since when it exists (all of these since 2007 or 2010, streaming since 2010 SP1).
 * A request that needs another name needs this list, and so a look at that page:
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/ews-xml-elements-in-exchange
 */
const NAMES = `
AbsoluteMonthlyRecurrence AbsoluteYearlyRecurrence AcceptItem AdditionalProperties AssistantName Attendee BaseShape Birthday Body
BodyType CalendarItem Categories City CompanyName ConnectionTimeout Constant Contact ContactsFolder Contains CountryOrRegion
CreateFolder CreateItem DailyRecurrence DayOfMonth DayOfWeekIndex DaysOfWeek DeclineItem DeleteItem DeleteItemField Department
DisplayName DistinguishedFolderId DueDate EmailAddress EmailAddresses End EndDate EndDateRecurrence EndTimeZone Entry EventType
EventTypes Exists ExtendedFieldURI ExtendedProperty FieldURI FieldURIOrConstant FileAs FindFolder FindItem FirstDayOfWeek FolderClass
FolderId FolderIds FolderShape Folders GetFolder GetItem GetStreamingEvents GivenName Importance IndexedFieldURI
IndexedPageFolderView IndexedPageItemView Interval IsAllDayEvent IsEqualTo ItemChange ItemChanges ItemId ItemIds ItemShape Items
JobTitle LegacyFreeBusyStatus Location Mailbox MaxChangesReturned Month MoveItem Name NoEndRecurrence NumberOfOccurrences
NumberedRecurrence OccurrenceItemId OptionalAttendees ParentFolderId ParentFolderIds PhoneNumbers PhysicalAddresses PostalCode
Recurrence RecurringMasterItemId ReferenceItemId RelativeMonthlyRecurrence RelativeYearlyRecurrence ReminderIsSet
ReminderMinutesBeforeStart RequiredAttendees ResolveNames Resources Restriction SavedItemFolderId Sensitivity SetItemField Start
StartDate StartTimeZone State Status StreamingSubscriptionRequest Street String Subject Subscribe SubscriptionId SubscriptionIds
Surname SyncFolderHierarchy SyncFolderId SyncFolderItems SyncState Task TentativelyAcceptItem ToFolderId UID UnresolvedEntry
Unsubscribe UpdateItem Updates Value WeeklyRecurrence
calendar:AppointmentState calendar:CalendarItemType calendar:DeletedOccurrences calendar:End calendar:EndTimeZone
calendar:IsAllDayEvent calendar:IsCancelled calendar:IsMeeting calendar:IsRecurring calendar:LegacyFreeBusyStatus calendar:Location
calendar:MeetingRequestWasSent calendar:ModifiedOccurrences calendar:MyResponseType calendar:OptionalAttendees calendar:Organizer calendar:OriginalStart
calendar:Recurrence calendar:RequiredAttendees calendar:Resources calendar:Start calendar:StartTimeZone calendar:UID
contacts:AssistantName contacts:Birthday contacts:CompanyName contacts:Department contacts:DisplayName contacts:EmailAddress
contacts:EmailAddresses contacts:FileAs contacts:GivenName contacts:JobTitle contacts:PhoneNumber contacts:PhoneNumbers
contacts:PhysicalAddress:City contacts:PhysicalAddress:CountryOrRegion contacts:PhysicalAddress:PostalCode
contacts:PhysicalAddress:State contacts:PhysicalAddress:Street contacts:PhysicalAddresses contacts:Surname
folder:DisplayName folder:EffectiveRights folder:FolderClass item:Body item:Categories item:DateTimeCreated item:Importance
item:LastModifiedTime item:ParentFolderId item:ReminderIsSet item:ReminderMinutesBeforeStart item:Sensitivity item:Subject
task:DueDate task:IsRecurring task:Recurrence task:StartDate task:Status
calendar contacts msgfolderroot`

const KNOWN = new Set(NAMES.split(/\s+/))

/** The names in a request that are not on the list. */
export function unknownTo2013(xml: string): string[] {
  const elements = [...xml.matchAll(/<[tm]:(\w+)/g)].map((match) => match[1] ?? '')
  const uris = [...xml.matchAll(/FieldURI="([\w:]+)"/g)].map((match) => match[1] ?? '')
  const folders = [...xml.matchAll(/<t:DistinguishedFolderId Id="(\w+)"/g)].map((match) => match[1] ?? '')
  return [...new Set([...elements, ...uris, ...folders])].filter((name) => !KNOWN.has(name))
}
