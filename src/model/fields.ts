import type { Attendee, EventTime, FieldName, Fields, FieldValue, Item, ItemKind } from './item.ts'

/** Every field of every kind, in the order people read them. */
export const FIELDS: Readonly<Record<ItemKind, readonly FieldName[]>> = {
  event: ['subject', 'time', 'place', 'body', 'freeBusy', 'sensitivity', 'importance', 'categories', 'reminder', 'attendees', 'organizer', 'cancelled', 'answer'],
  task: ['subject', 'status', 'startDate', 'dueDate', 'body', 'importance', 'sensitivity', 'categories'],
  contact: [
    'salutation', 'firstName', 'lastName', 'jobTitle', 'department', 'company', 'email', 'businessPhone',
    'mobilePhone', 'homePhone', 'otherPhone', 'fax', 'assistant', 'assistantPhone', 'birthday', 'body',
    'businessAddress', 'otherAddress',
  ],
}

/** The fields of an item by name, whatever its kind. */
export const fieldsOf = (item: Item): Fields => item.fields

/** Line ends and trailing blanks differ between servers without anybody having edited the text. */
export function normaliseText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[ \t\u00a0]+$/gm, '').replace(/\u00a0/g, ' ').replace(/\s+$/, '')
}

/**
 * Whether two values of a field mean the same to a person. Absent equals only absent.
 * Times are compared to the minute and without their zone: the CRM stores neither seconds nor zones.
 */
export function sameValue(left: FieldValue | undefined, right: FieldValue | undefined): boolean {
  if (left === right) return true
  if (left === undefined || right === undefined || left === null || right === null) return false
  if (typeof left === 'string' && typeof right === 'string') return normaliseText(left) === normaliseText(right)
  if (Array.isArray(left) && Array.isArray(right)) {
    if (isPeople(left) || isPeople(right)) return samePeople(left as Attendee[], right as Attendee[])
    return sameSet(left as string[], right as string[])
  }
  if (typeof left === 'object' && typeof right === 'object') {
    if ('allDay' in left && 'allDay' in right) return sameTime(left, right)
    // A name is how a server spells a person, not who it is.
    if ('address' in left && 'address' in right) return left.address === right.address
    if ('street' in left && 'street' in right) {
      return (Object.keys(left) as (keyof typeof left)[]).every((part) => sameValue(left[part], right[part]))
    }
  }
  return false
}

function sameTime(left: EventTime, right: EventTime): boolean {
  if (left.allDay) return right.allDay && left.firstDay === right.firstDay && left.lastDay === right.lastDay
  if (right.allDay) return false
  return minute(left.start) === minute(right.start) && minute(left.end) === minute(right.end)
}

const minute = (at: string) => at.slice(0, 16)

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value) => right.includes(value))
}

const isPeople = (list: readonly unknown[]) => typeof list[0] === 'object'

function samePeople(left: readonly Attendee[], right: readonly Attendee[]): boolean {
  return left.length === right.length && left.every((one) =>
    right.some((other) => other.address === one.address && other.role === one.role && other.answer === one.answer))
}

/** The fields of `wanted` that are not already so in `present`. Fields `present` does not have are left out. */
export function differing(wanted: Item, present: Item): Fields {
  const wantedFields = fieldsOf(wanted)
  const presentFields = fieldsOf(present)
  const result: Partial<Record<FieldName, FieldValue>> = {}
  for (const name of FIELDS[wanted.kind]) {
    const value = wantedFields[name]
    if (value === undefined || presentFields[name] === undefined) continue
    if (!sameValue(value, presentFields[name])) result[name] = value
  }
  return result
}

/** Whether a value says nothing: empty text, no date, no entries. */
export function isBlank(value: FieldValue | undefined): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  if (typeof value === 'object' && 'street' in value) return Object.values(value).every((part) => part === '')
  return false
}

/**
 * A key under which the same event or task made by hand on both sides is found: kind, subject as the narrower
 * side holds it, and when. Null where there is too little to tell two items apart.
 */
export function naturalKey(item: Item): string | null {
  if (item.kind === 'contact') return null
  const subject = normaliseText(item.fields.subject ?? '').toLowerCase()
  if (subject === '') return null
  if (item.kind === 'task') return `task|${subject.slice(0, 100)}|${item.fields.dueDate ?? ''}`
  const time = item.fields.time
  if (time === undefined) return null
  const when = time.allDay ? `${time.firstDay}..${time.lastDay}` : `${minute(time.start)}..${minute(time.end)}`
  return `event|${subject.slice(0, 100)}|${when}`
}
