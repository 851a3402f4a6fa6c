/** Graph's events, tasks and contacts as snapshots of the model. */
import { changeKey, instant, itemId, itemOf, normaliseText } from '../model/index.ts'
import type {
  ChangeKey, EventFields, Fields, FreeBusy, Importance, ItemKind, PlainDate, Sensitivity, Series, Snapshot, TaskFields, TaskStatus,
} from '../model/index.ts'
import { SyncError } from '../lib/errors.ts'
import { splitPeople } from '../lib/people-block.ts'
import { contactFields } from './contact-to-model.ts'
import { unreadableItem } from './errors.ts'
import { bodyText } from './event-body.ts'
import { meetingFacts, peopleFields, traitsOf } from './people-to-model.ts'
import type { ContactResource, DateTimeTimeZone, EventResource, Resource, TaskResource } from './resources.ts'
import { ruleOf, seriesOf, zoneOfSeries } from './series-to-model.ts'
import type { MasterParts } from './series-to-model.ts'
import { extendedValue, stampOf, UID_ID } from './stamp.ts'
import { parseInstant, readDay, readTime } from './times.ts'

/** Whose mailbox it is: decides who the organizer is, and stands in for a zone the item does not have. */
export interface Owner {
  readonly address: string
  readonly zone: string
}

const FREE_BUSY: readonly FreeBusy[] = ['free', 'tentative', 'busy', 'oof', 'workingElsewhere']
const SENSITIVITIES: readonly Sensitivity[] = ['normal', 'personal', 'private', 'confidential']
const IMPORTANCES: readonly Importance[] = ['low', 'normal', 'high']
const STATUSES: readonly TaskStatus[] = ['notStarted', 'inProgress', 'completed', 'waitingOnOthers', 'deferred']

/** The version of an item: its ETag, which a write can be made conditional on. Empty where the server tells none. */
export function keyOf(resource: Resource): ChangeKey {
  const { changeKey: bare } = resource as { changeKey?: unknown }
  const named = resource['@odata.etag'] ?? (typeof bare === 'string' ? `W/"${bare}"` : undefined)
  return changeKey(named ?? resource.lastModifiedDateTime ?? '')
}

/** @throws SyncError GRAPH_UNREADABLE_ITEM, naming the item, the property and its value */
export function toSnapshot(resource: Resource, kind: ItemKind, owner: Owner): Snapshot {
  const id = resource.id ?? ''
  const moment = (name: 'createdDateTime' | 'lastModifiedDateTime') => {
    const text = resource[name]
    return text === undefined ? undefined : explain(id, `${name} "${text}"`, () => parseInstant(text))
  }
  const event: EventResource = kind === 'event' ? resource : {}
  const [born, stamp, facts] = [moment('createdDateTime'), stampOf(resource), kind === 'event' ? traitsOf(meetingFacts(event, owner)) : undefined]
  const fields = fieldsIn(resource, kind, owner)
  const series = isMaster(event) ? readSeries(event, fields as Partial<EventFields>, owner) : undefined
  // An event of ours has a UID that Graph chose and the CRM does not know; that it carries our transaction proves that it
  // is no copy, so the UID that was asked for counts, and without one the stamp alone identifies it.
  const isOurs = stamp !== undefined && event.transactionId === stamp.token
  const own = event.iCalUId?.trim()
  const uid = isOurs ? extendedValue(event, UID_ID) : own
  // Whom it invites sees Graph's.
  const traits = isOurs && own !== undefined && own !== '' && own !== uid ? { ...facts, invitationUid: own } : facts
  return {
    id: itemId(id),
    changeKey: keyOf(resource),
    item: itemOf(kind, fields),
    modifiedAt: moment('lastModifiedDateTime') ?? born ?? instant(0),
    ...(born === undefined ? {} : { bornAt: born }),
    ...(uid === undefined || uid === '' ? {} : { uid }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(traits === undefined ? {} : { traits }),
    ...(series === undefined || series === null ? {} : { series }),
    ...(series === null ? { unsupported: 'unreadable' as const } : series === undefined && isRecurring(resource, kind) ? { unsupported: 'recurring' as const } : {}),
  }
}

function fieldsIn(resource: Resource, kind: ItemKind, owner: Owner): Fields {
  switch (kind) {
    case 'event': return eventFields(resource, owner)
    case 'task': return taskFields(resource, owner.zone)
    case 'contact': return contactFields(resource as ContactResource, (text, read) => explain(resource.id ?? '', `birthday "${text}"`, read))
  }
}

function eventFields(event: EventResource, owner: Owner): Fields {
  const { start, end, isAllDay = false } = event
  const id = event.id ?? ''
  if (start === undefined || end === undefined) throw unreadableItem(id, 'an event without start or end')
  const time = explain(id, `start "${start.dateTime ?? ''}", end "${end.dateTime ?? ''}"`, () =>
    readTime(start, end, isAllDay, event.originalStartTimeZone, owner.zone))
  const split = splitPeople(bodyText(event.body))
  return {
    subject: line(event.subject), body: normaliseText(split.text), time, place: line(event.location?.displayName), reminder: reminderOf(event),
    categories: [...event.categories ?? []],
    ...known('freeBusy', FREE_BUSY, event.showAs, 'busy'),
    ...known('sensitivity', SENSITIVITIES, event.sensitivity, 'normal'),
    ...known('importance', IMPORTANCES, event.importance, 'normal'),
    ...peopleFields(event, owner, split),
  } satisfies Partial<EventFields> as Fields
}

function taskFields(task: TaskResource, mailboxZone: string): Fields {
  const day = (name: 'startDateTime' | 'dueDateTime'): PlainDate | null => {
    const value: DateTimeTimeZone | null | undefined = task[name]
    return value === null || value === undefined ? null : explain(task.id ?? '', `${name} "${value.dateTime ?? ''}"`, () => readDay(value, mailboxZone))
  }
  return {
    subject: line(task.title), body: bodyText(task.body), startDate: day('startDateTime'), dueDate: day('dueDateTime'), categories: [...task.categories ?? []],
    ...known('status', STATUSES, task.status, 'notStarted'),
    ...known('importance', IMPORTANCES, task.importance, 'normal'),
  } satisfies Partial<TaskFields> as Fields
}

/**
 * A property that is not sent has its default; a word we do not know (`unknown`, a later server's) is nothing we could
 * write back, so it counts as not told.
 */
function known<Name extends string, Word extends string>(name: Name, words: readonly Word[], value: string | undefined, standard: Word): { [Key in Name]?: Word } {
  const word = value === undefined ? standard : words.find((candidate) => candidate === value)
  return word === undefined ? {} : { [name]: word } as { [Key in Name]?: Word }
}

const line = (text: string | null | undefined): string => normaliseText(text ?? '')

function reminderOf(event: EventResource): number | null {
  if (event.isReminderOn !== true) return null
  const minutes = event.reminderMinutesBeforeStart ?? 15
  return Number.isInteger(minutes) && minutes >= 0 ? minutes : 15
}

function isRecurring(resource: EventResource & TaskResource, kind: ItemKind): boolean {
  if (kind === 'contact') return false
  const hasRule = resource.recurrence !== undefined && resource.recurrence !== null
  return hasRule || (kind === 'event' && (resource.type ?? 'singleInstance') !== 'singleInstance')
}

/** @param event read with its parts; the answer to a write shows none, and then nothing is known of exceptions */
const isMaster = (event: EventResource): boolean => event.type === 'seriesMaster'

/** @returns null when the rule cannot be read */
function readSeries(event: EventResource, master: Partial<EventFields>, owner: Owner): Series | null {
  const { time } = master
  if (time === undefined) return null
  const zone = zoneOfSeries(event, owner.zone)
  return lenient(() => seriesOf(event as MasterParts, ruleOf(event, time, zone), zone, (exception) => lenient(() => {
    const fields = eventFields({ ...exception, originalStartTimeZone: exception.originalStartTimeZone ?? event.originalStartTimeZone ?? '' }, { ...owner, zone }) as Partial<EventFields>
    return exception.body === undefined && master.body !== undefined ? { ...fields, body: master.body } : fields
  })))
}

/** @returns null for what cannot be read; a series is more than one bad value in it */
function lenient<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyncError) return null
    throw error
  }
}

function explain<T>(id: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw unreadableItem(id, what, error)
  }
}
