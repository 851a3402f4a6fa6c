import { escapeXml } from './xml.ts'

/** Message texts as Exchange gives them; codes without one get a general sentence. */
const TEXTS: Record<string, string> = {
  ErrorItemNotFound:
    'The specified object was not found in the store., The process failed to get the correct properties.',
  ErrorFolderNotFound: 'The specified folder could not be found in the store.',
  ErrorSyncFolderNotFound: 'The folder to synchronize was not found.',
  ErrorInvalidIdMalformed: 'Id is malformed.',
  ErrorInvalidIdEmpty: 'Id must be non-empty.',
  ErrorInvalidChangeKey: 'The change key is invalid.',
  ErrorInvalidSyncStateData: 'Synchronization state data is corrupt or otherwise invalid.',
  ErrorChangeKeyRequiredForWriteOperations: 'A change key is required for this operation.',
  ErrorIrresolvableConflict:
    'The send or update operation could not be performed because the change key passed in the ' +
    'request does not match the current change key for the item.',
  ErrorStaleObject: 'The object that was sent is not up to date.',
  ErrorSendMeetingInvitationsRequired: 'SendMeetingInvitations attribute is required for calendar items.',
  ErrorSendMeetingInvitationsOrCancellationsRequired:
    'SendMeetingInvitationsOrCancellations attribute is required for calendar items.',
  ErrorSendMeetingCancellationsRequired: 'SendMeetingCancellations attribute is required for calendar items.',
  ErrorAffectedTaskOccurrencesRequired: 'AffectedTaskOccurrences attribute is required for tasks.',
  ErrorMessageDispositionRequired: 'Message disposition is required for messages.',
  ErrorInvalidPropertyDelete: 'Property does not support deletion.',
  ErrorInvalidPropertySet: 'Set action is invalid for property.',
  ErrorInvalidPropertyAppend: 'Append action is invalid for property.',
  ErrorInvalidPropertyRequest: 'Property is not valid for this object type.',
  ErrorUpdatePropertyMismatch:
    'An object within a change description must contain one and only one property to modify.',
  ErrorObjectTypeChanged: 'The item type of the change does not match the item.',
  ErrorCalendarEndDateIsEarlierThanStartDate: 'EndDate is earlier than StartDate',
  ErrorCalendarDurationIsTooLong: 'Duration is longer than the maximum of five years.',
  ErrorCalendarViewRangeTooBig: 'The specified view range exceeds the maximum range of two years.',
  ErrorCalendarCannotUpdateDeletedItem: 'A deleted calendar item cannot send updates.',
  ErrorCannotCreateCalendarItemInNonCalendarFolder: 'Cannot create calendar item in non-calendar folder.',
  ErrorCannotCreateContactInNonContactFolder: 'Cannot create contact in non-contact folder.',
  ErrorCannotCreateTaskInNonTaskFolder: 'Cannot create task in non-task folder.',
  ErrorFolderExists: 'A folder with the specified name already exists.',
  ErrorDeleteDistinguishedFolder: 'Distinguished folders cannot be deleted.',
  ErrorTimeZone: 'The time zone is not valid.',
  ErrorInvalidExtendedProperty: 'The extended property attribute combination is invalid.',
  ErrorInvalidRecipients: 'At least one recipient is not valid.',
  ErrorSubscriptionNotFound: 'The specified subscription was not found.',
  ErrorInvalidSubscription: 'The subscription is invalid.',
  ErrorInvalidSubscriptionRequest: 'Subscription information is not valid.',
  ErrorExceededConnectionCount:
    'You have exceeded the available concurrent connections for your account.  Try again ' +
    'once your other requests have completed.',
  ErrorServerBusy: 'The server cannot service this request right now. Try again later.',
  ErrorMailboxMoveInProgress: 'Mailbox move in progress. Try again later.',
  ErrorImpersonateUserDenied: 'The account does not have permission to impersonate the requested user.',
  ErrorAccountDisabled: 'The account is disabled.',
  ErrorPasswordExpired: 'The password has expired.',
  ErrorQuotaExceeded: 'The mailbox has exceeded its quota.',
  ErrorMailboxStoreUnavailable: 'The mailbox database is temporarily unavailable.',
  ErrorAccessDenied: 'Access is denied. Check credentials and try again.',
  ErrorNonExistentMailbox: 'The SMTP address has no mailbox associated with it.',
  ErrorNonPrimarySmtpAddress: 'The primary SMTP address must be specified when referencing a mailbox.',
  ErrorInvalidPermissionSettings: 'The permission settings were not valid.',
  ErrorDuplicateUserIdsSpecified: 'More than one permission was specified for the same user.',
  ErrorInvalidUserInfo: 'The user info was not valid: the user cannot be found in the directory.',
  ErrorNoFreeBusyAccess: 'The caller does not have access to free/busy data.',
  ErrorIdentityArrayEmpty: 'The list of mailboxes is empty.',
  ErrorIdentityArrayTooBig: 'There are too many mailboxes in the list; the maximum is 100.',
  ErrorTimeIntervalTooBig: 'The specified time period is longer than the maximum of 62 days.',
  ErrorInvalidTimeInterval: 'The time window is not valid.',
  ErrorInvalidMergedFreeBusyInterval: 'MergedFreeBusyIntervalInMinutes must be between 5 and 1440.',
  ErrorInvalidServerVersion: 'The specified server version is invalid.',
  ErrorSchemaValidation: 'The request failed schema validation.',
  ErrorNameResolutionNoResults: 'No results were found.',
  ErrorNameResolutionMultipleResults: 'Multiple results were found.',
}

export function textOfCode(code: string): string {
  return TEXTS[code] ?? `The operation failed with ${code}.`
}

/** One item, folder or subscription of a request failed; the others go on. */
export class ResponseError extends Error {
  readonly code: string
  constructor(code: string, message?: string) {
    super(message ?? textOfCode(code))
    this.name = 'ResponseError'
    this.code = code
  }
}

/** The whole request is refused with a SOAP fault. */
export class SoapFault extends Error {
  readonly code: string
  readonly status: number
  /** Named values for MessageXml: BackOffMilliseconds and Primary as `t:Value`, the others as elements of their own name. */
  readonly values: Record<string, string | number>
  constructor(
    code: string,
    options: { message?: string | undefined; status?: number; values?: Record<string, string | number> } = {},
  ) {
    super(options.message ?? textOfCode(code))
    this.name = 'SoapFault'
    this.code = code
    this.status = options.status ?? 500
    this.values = options.values ?? {}
  }
}

export function messageXml(values: Record<string, string | number>, prefix: 'm' | 't'): string {
  const entries = Object.entries(values)
  if (entries.length === 0) return ''
  const inner = entries.map(([name, value]) =>
    name === 'BackOffMilliseconds' || name === 'Primary'
      ? `<t:Value Name="${name}">${value}</t:Value>`
      : `<t:${name}>${escapeXml(String(value))}</t:${name}>`,
  )
  const ns = prefix === 't' ? ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"' : ''
  return `<${prefix}:MessageXml${ns}>${inner.join('')}</${prefix}:MessageXml>`
}
