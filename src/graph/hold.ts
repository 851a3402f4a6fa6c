import { itemOf, normaliseText } from '../model/index.ts'
import type { Attendee, EventTime, FieldName, Fields, FieldValue, Item, ItemKind, Person, PostalAddress } from '../model/index.ts'
import { blockPeople, splitPeople } from '../lib/people-block.ts'
import { withoutIllegalXml } from '../lib/xml.ts'
import { wholeMinute } from './times.ts'

/** Where Exchange cuts one-line texts. */
const LINE = 255
/** Where its reminder ends: five years in minutes. */
const MAX_REMINDER = 2_629_800

/** What Graph has no place for; absent means unknown to the engine, so nothing is ever erased by it. */
const MISSING: Readonly<Record<ItemKind, readonly FieldName[]>> = { event: [], task: ['sensitivity'], contact: [] }

/**
 * The item as Exchange Online holds it through Graph: texts lose control characters and trailing blanks, lines are single
 * and cut at 255, times are whole minutes, people without SMTP address are left out, tasks have no sensitivity. Idempotent.
 */
export function hold(item: Item): Item {
  const held: Partial<Record<FieldName, FieldValue>> = {}
  for (const [name, value] of Object.entries(item.fields as Fields) as [FieldName, FieldValue | undefined][]) {
    if (value !== undefined && !MISSING[item.kind].includes(name)) held[name] = holdValue(item, name, value)
  }
  return itemOf(item.kind, held)
}

function holdValue({ kind }: Item, name: FieldName, value: FieldValue): FieldValue {
  if (typeof value === 'number') return Math.min(Math.max(Math.trunc(value), 0), MAX_REMINDER)
  if (typeof value === 'boolean' || value === null) return value
  if (typeof value === 'string') {
    if (name !== 'body') return holdLine(value)
    // Who is on the event is told by its own fields, never by the text.
    return kind === 'event' ? normaliseText(splitPeople(holdText(value)).text) : holdText(value)
  }
  if (isList(value)) return isPeople(name, value) ? holdPeople(value) : (value as readonly string[]).map(withoutIllegalXml)
  if ('allDay' in value) return holdTime(value)
  if ('address' in value) return holdPerson(value)
  return Object.fromEntries(Object.entries(value).map(([part, text]) => [part, part === 'street' ? holdText(text) : holdLine(text)])) as unknown as PostalAddress
}

type List = readonly string[] | readonly Attendee[]
const isList = (value: List | EventTime | PostalAddress | Person): value is List => Array.isArray(value)
const isPeople = (name: FieldName, _list: List): _list is readonly Attendee[] => name === 'attendees'

const holdText = (text: string): string => normaliseText(withoutIllegalXml(text))

function holdLine(text: string): string {
  const line = holdText(text).replace(/\s*\n\s*/g, ' ')
  // Never half of a character outside the first plane.
  return normaliseText(line.length <= LINE ? line : withoutIllegalXml(line.slice(0, LINE)))
}

/** By address, each once. */
const holdPeople = (attendees: readonly Attendee[]): readonly Attendee[] =>
  blockPeople({ organizer: null, attendees: attendees.map((one) => ({ ...one, name: holdLine(one.name) })) }).attendees

const holdPerson = (person: Person): Person | null =>
  blockPeople({ organizer: { ...person, name: holdLine(person.name) }, attendees: [] }).organizer

function holdTime(time: EventTime): EventTime {
  return time.allDay ? time : { ...time, start: wholeMinute(time.start), end: wholeMinute(time.end) }
}
