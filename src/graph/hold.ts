import { itemOf, normaliseText } from '../model/index.ts'
import type { EventTime, FieldName, Fields, FieldValue, Item, ItemKind, PostalAddress } from '../model/index.ts'
import { withoutIllegalXml } from '../lib/xml.ts'
import { wholeMinute } from './times.ts'

/** Where Exchange cuts one-line texts. */
const LINE = 255
/** Where its reminder ends: five years in minutes. */
const MAX_REMINDER = 2_629_800

/** What Graph has no place for; absent means unknown to the engine, so nothing is ever erased by it. */
const MISSING: Readonly<Record<ItemKind, readonly FieldName[]>> = { event: ['attendees', 'organizer', 'cancelled', 'answer'], task: ['sensitivity'], contact: [] }

/**
 * The item as Exchange Online holds it through Graph: texts lose control characters and trailing blanks, lines are single
 * and cut at 255, times are whole minutes, tasks have no sensitivity. Idempotent.
 */
export function hold(item: Item): Item {
  const held: Partial<Record<FieldName, FieldValue>> = {}
  for (const [name, value] of Object.entries(item.fields as Fields) as [FieldName, FieldValue | undefined][]) {
    if (value !== undefined && !MISSING[item.kind].includes(name)) held[name] = holdValue(name, value)
  }
  return itemOf(item.kind, held)
}

function holdValue(name: FieldName, value: FieldValue): FieldValue {
  if (typeof value === 'number') return Math.min(Math.max(Math.trunc(value), 0), MAX_REMINDER)
  if (typeof value === 'string') return name === 'body' ? holdText(value) : holdLine(value)
  if (typeof value === 'boolean' || value === null) return value
  if (isList(value)) return value.map((part) => (typeof part === 'string' ? withoutIllegalXml(part) : part)) as FieldValue
  if ('allDay' in value) return holdTime(value)
  return Object.fromEntries(Object.entries(value).map(([part, text]) => [part, part === 'street' ? holdText(text) : holdLine(text)])) as unknown as PostalAddress
}

const isList = (value: readonly unknown[] | object): value is readonly unknown[] => Array.isArray(value)

const holdText = (text: string): string => normaliseText(withoutIllegalXml(text))

function holdLine(text: string): string {
  const line = holdText(text).replace(/\s*\n\s*/g, ' ')
  // Never half of a character outside the first plane.
  return normaliseText(line.length <= LINE ? line : withoutIllegalXml(line.slice(0, LINE)))
}

function holdTime(time: EventTime): EventTime {
  return time.allDay ? time : { ...time, start: wholeMinute(time.start), end: wholeMinute(time.end) }
}
