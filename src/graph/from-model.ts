/** Items of the model as Graph's JSON: whole for a create, property by property for an update. */
import type { Attendee, ContactFields, EventFields, Fields, ItemKind, PostalAddress, Recurrence, Stamp, TaskFields } from '../model/index.ts'
import { newBody } from './event-body.ts'
import { attendeeResources } from './people-to-model.ts'
import { recurrenceResource } from './recurrence-json.ts'
import type { AddressResource, ContactResource, EventResource, ExtendedProperty, ItemBody, TaskResource } from './resources.ts'
import { CONTACT_EXTENDED, POBOXES } from './shapes.ts'
import { stampLink, stampProperty, uidProperty } from './stamp.ts'
import { writeDay, writeTime } from './times.ts'

/** What an event's fields do not say by themselves. */
export interface EventMore {
  /** The body as it is to stand, people included; without it a new text names nobody. */
  readonly body?: ItemBody
  /** Real guests: whoever writes them has them mailed. */
  readonly attendees?: readonly Attendee[]
  readonly recurrence?: Recurrence
  /** The UID that was asked for. */
  readonly uid?: string
}

/**
 * @param fields only what is to be written; a blank value empties the property
 * @param stamp goes with the item; a task that exists already takes it through its linked resources instead
 * @throws RangeError for a day or a time that does not exist
 */
export function toResource(kind: ItemKind, fields: Fields, mailboxZone: string, stamp?: Stamp, more: EventMore = {}): object {
  switch (kind) {
    case 'event': return { ...eventResource(fields as Partial<EventFields>, mailboxZone, more), ...extended([...(stamp === undefined ? [] : [stampProperty(stamp)]), ...(more.uid === undefined ? [] : [uidProperty(more.uid)])]) }
    case 'task': return { ...taskResource(fields as Partial<TaskFields>), ...(stamp === undefined ? {} : { linkedResources: [stampLink(stamp)] }) }
    case 'contact': return contactResource(fields as Partial<ContactFields>, stamp)
  }
}

const extended = (properties: readonly ExtendedProperty[]) => (properties.length === 0 ? {} : { singleValueExtendedProperties: properties })

/** https://learn.microsoft.com/graph/api/user-post-events, https://learn.microsoft.com/graph/api/event-update */
function eventResource(fields: Partial<EventFields>, mailboxZone: string, more: EventMore): EventResource {
  const { subject, time, place, freeBusy, sensitivity, importance, categories, reminder } = fields
  const body = more.body ?? (fields.body === undefined ? undefined : newBody(fields.body, { organizer: null, attendees: [] }))
  const zone = time?.allDay === false ? time.zone ?? mailboxZone : mailboxZone
  return {
    ...(subject === undefined ? {} : { subject }),
    ...(body === undefined ? {} : { body }),
    ...(more.attendees === undefined ? {} : { attendees: attendeeResources(more.attendees) }),
    ...(more.recurrence === undefined ? {} : { recurrence: recurrenceResource(more.recurrence, zone) }),
    ...(time === undefined ? {} : writeTime(time, mailboxZone)),
    ...(place === undefined ? {} : { location: { displayName: place } }),
    ...(freeBusy === undefined ? {} : { showAs: freeBusy }),
    ...(sensitivity === undefined ? {} : { sensitivity }),
    ...(importance === undefined ? {} : { importance }),
    ...(categories === undefined ? {} : { categories }),
    ...(reminder === undefined ? {} : { isReminderOn: reminder !== null, ...(reminder === null ? {} : { reminderMinutesBeforeStart: reminder }) }),
  }
}

/** https://learn.microsoft.com/graph/api/todotasklist-post-tasks, https://learn.microsoft.com/graph/api/todotask-update */
function taskResource(fields: Partial<TaskFields>): TaskResource {
  const { subject, body, startDate, dueDate, status, importance, categories } = fields
  return {
    ...(subject === undefined ? {} : { title: subject }),
    ...(body === undefined ? {} : { body: { contentType: 'text', content: body } }),
    ...(startDate === undefined ? {} : { startDateTime: startDate === null ? null : writeDay(startDate) }),
    ...(dueDate === undefined ? {} : { dueDateTime: dueDate === null ? null : writeDay(dueDate) }),
    ...(status === undefined ? {} : { status }),
    ...(importance === undefined ? {} : { importance }),
    ...(categories === undefined ? {} : { categories }),
  }
}

/** https://learn.microsoft.com/graph/api/user-post-contacts, https://learn.microsoft.com/graph/api/contact-update */
function contactResource(fields: Partial<ContactFields>, stamp: Stamp | undefined): ContactResource {
  const { email, businessPhone, homePhone, birthday, businessAddress, otherAddress } = fields
  const texts = Object.entries(CONTACT_TEXTS).flatMap(([field, property]) => {
    const value = fields[field as keyof typeof CONTACT_TEXTS]
    return value === undefined ? [] : [[property, value === '' ? null : value] as const]
  })
  return {
    ...Object.fromEntries(texts),
    ...names(fields),
    ...(email === undefined ? {} : { emailAddresses: email === '' ? [] : [{ address: email, name: email }] }),
    ...(businessPhone === undefined ? {} : { businessPhones: businessPhone === '' ? [] : [businessPhone] }),
    ...(homePhone === undefined ? {} : { homePhones: homePhone === '' ? [] : [homePhone] }),
    ...(birthday === undefined ? {} : { birthday: birthday === null ? null : `${birthday}T00:00:00Z` }),
    ...(businessAddress === undefined ? {} : { businessAddress: addressResource(businessAddress) }),
    ...(otherAddress === undefined ? {} : { otherAddress: addressResource(otherAddress) }),
    ...extended([...extendedProperties(fields), ...(stamp === undefined ? [] : [stampProperty(stamp)])]),
  }
}

const CONTACT_TEXTS = {
  salutation: 'title', firstName: 'givenName', lastName: 'surname', jobTitle: 'jobTitle', department: 'department', company: 'companyName',
  mobilePhone: 'mobilePhone', assistant: 'assistantName', body: 'personalNotes',
} as const satisfies Partial<Record<keyof ContactFields, keyof ContactResource>>

function extendedProperties(fields: Partial<ContactFields>): ExtendedProperty[] {
  const phones = Object.entries(CONTACT_EXTENDED).flatMap(([field, id]) => {
    const value = fields[field as keyof typeof CONTACT_EXTENDED]
    return value === undefined ? [] : [{ id, value }]
  })
  const boxes = Object.entries(POBOXES).flatMap(([field, id]) => {
    const value = fields[field as keyof typeof POBOXES]
    return value === undefined ? [] : [{ id, value: value.pobox }]
  })
  return [...phones, ...boxes]
}

const addressResource = ({ street, city, state, zip, country }: PostalAddress): AddressResource =>
  ({ street, city, state, postalCode: zip, countryOrRegion: country })

/** How the contact is shown and sorted; Exchange does not follow changes of the names by itself. */
function names({ firstName, lastName, company, email }: Partial<ContactFields>): object {
  if (firstName === undefined || lastName === undefined) return {}
  const shown = [firstName, lastName].filter((part) => part !== '').join(' ') || company || email || ''
  const filed = [lastName, firstName].filter((part) => part !== '').join(', ') || company || email || ''
  return { displayName: shown, fileAs: filed }
}
