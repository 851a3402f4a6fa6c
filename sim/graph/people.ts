import type { Call, Reply } from './call.ts'
import { needObject } from './call.ts'
import { badRequest } from './errors.ts'
import type { Mailbox } from './model.ts'
import { entity, readQuery, selected } from './odata.ts'
import { ianaOf } from './zones.ts'

function render(mailbox: Mailbox): Record<string, unknown> {
  return {
    businessPhones: [],
    displayName: mailbox.name,
    givenName: mailbox.name,
    jobTitle: null,
    mail: mailbox.address,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: null,
    userPrincipalName: mailbox.username,
    id: mailbox.id,
  }
}

/** Documentation: https://learn.microsoft.com/graph/api/user-get */
export function getUser(call: Call): Reply {
  const extra = { accountEnabled: true, proxyAddresses: [`SMTP:${call.mailbox.address}`] }
  const { select } = readQuery(call.url)
  const body = select ? { ...render(call.mailbox), ...extra } : render(call.mailbox)
  return entity(call, 200, selected(body, select, [], 'user'))
}

/** Documentation: https://learn.microsoft.com/graph/api/user-get-mailboxsettings */
export function getMailboxSettings(call: Call): Reply {
  return entity(call, 200, settings(call.mailbox))
}

/** One setting alone, `mailboxSettings/timeZone`. */
export function getMailboxSetting(call: Call): Reply {
  const name = call.params.setting ?? ''
  const all = settings(call.mailbox)
  if (!(name in all)) throw badRequest(`Resource not found for the segment '${name}'.`)
  return entity(call, 200, { value: all[name] })
}

/** Documentation: https://learn.microsoft.com/graph/api/user-update-mailboxsettings */
export function updateMailboxSettings(call: Call): Reply {
  const { timeZone } = needObject(call.body)
  if (timeZone !== undefined) {
    if (typeof timeZone !== 'string' || ianaOf(timeZone) === null)
      throw badRequest(`The time zone '${String(timeZone)}' is not known.`, 'ErrorInvalidTimeZone')
    call.mailbox.zone = timeZone
  }
  return getMailboxSettings(call)
}

function settings(mailbox: Mailbox): Record<string, unknown> {
  return {
    archiveFolder: '',
    timeZone: mailbox.zone,
    delegateMeetingMessageDeliveryOptions: 'sendToDelegateOnly',
    dateFormat: 'dd/MM/yyyy',
    timeFormat: 'HH:mm',
    userPurpose: 'user',
    automaticRepliesSetting: { status: 'disabled', externalAudience: 'all', internalReplyMessage: '', externalReplyMessage: '' },
    language: { locale: 'it-IT', displayName: 'Italian (Italy)' },
    workingHours: {
      daysOfWeek: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'],
      startTime: '08:00:00.0000000',
      endTime: '17:00:00.0000000',
      timeZone: { name: mailbox.zone },
    },
  }
}
