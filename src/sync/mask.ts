import type { Copy, EventFields, Item, Policy, Series, Snapshot, Traits } from '../model/index.ts'
import { isUnwanted } from './wishes.ts'

export const isSecret = (item: Item) =>
  item.kind !== 'contact' && (item.fields.sensitivity === 'private' || item.fields.sensitivity === 'confidential')

type Privacy = Pick<Policy, 'privateItems' | 'availabilityOnly'>

/**
 * A private Exchange item as the CRM may know it, before it is stored anywhere. Only words that come from Exchange are
 * hidden: an event that was private in the CRM from the start keeps the words it has there.
 *
 * @param copy the copy the item is linked to, if any
 */
export function mask(snapshot: Snapshot, copy: Copy | null, policy: Privacy & Pick<Policy, 'categories'>): Snapshot {
  const hidden = hide(snapshot, copy, policy)
  const { categories } = policy
  // With the words go the categories, which say whether it is wanted at all.
  const isLeftOut = copy === null && hidden.traits?.masked === true && categories !== undefined && isUnwanted(snapshot, { categories }) !== null
  return isLeftOut ? { ...hidden, unsupported: hidden.unsupported ?? 'category' } : hidden
}

function hide(snapshot: Snapshot, copy: Copy | null, policy: Privacy): Snapshot {
  // An occurrence of a series that began in the CRM: what may be told of it was decided with its master.
  if (copy === null && isTheCrms(snapshot.traits ?? {})) return snapshot
  if (policy.availabilityOnly === true && snapshot.item.kind === 'event') return availabilityOf(snapshot, copy, policy)
  if (policy.privateItems === 'full') return snapshot
  if (!isSecret(snapshot.item)) return snapshot.series === undefined ? snapshot : { ...snapshot, series: maskExceptions(snapshot.series, false) }
  if (copy !== null && isTheCrms(copy.traits) && isSecret(copy.base.exchange)) return snapshot
  if (policy.privateItems === 'skip' && copy === null) return { ...wordless(snapshot), unsupported: 'private' }
  return wordless(snapshot)
}

/** Whether the CRM knows the words by itself, and still does: once masked they are only Exchange's. */
const isTheCrms = ({ fromCrm, masked }: Traits) => fromCrm === true && masked !== true

/** An event of a calendar that shares its availability only. Words that began in the CRM stay, and no other word comes after them. */
function availabilityOf(snapshot: Snapshot, copy: Copy | null, policy: Privacy): Snapshot {
  if (copy !== null && isTheCrms(copy.traits)) return withKnownWords(withoutMask(snapshot), copy.base.exchange)
  if (policy.privateItems === 'skip' && copy === null && isSecret(snapshot.item)) return { ...wordless(snapshot), unsupported: 'private' }
  return wordless(snapshot)
}

function withoutMask(snapshot: Snapshot): Snapshot {
  const { masked: _, ...traits } = snapshot.traits ?? {}
  return { ...snapshot, traits }
}

/**
 * What a change of the policy may ask to be told otherwise: of a linked item whatever is private, or every event where
 * the calendar begins or ends to share its times only.
 */
export const isConcerned = (item: Item, sharesLess: boolean): boolean => isSecret(item) || (sharesLess && item.kind === 'event')

/**
 * The item with the words that are known already in place of its own.
 * @param series what was known of the master's exceptions; the others are told with the words of the master
 */
export function withKnownWords(snapshot: Snapshot, known: Item, series?: Series): Snapshot {
  if (snapshot.item.kind !== 'event' || known.kind !== 'event') return snapshot
  const item: Item = { kind: 'event', fields: reworded(snapshot.item.fields, known.fields) }
  if (snapshot.series === undefined) return { ...snapshot, item }
  const exceptions = snapshot.series.exceptions.map((exception) => {
    const before = series?.exceptions.find(({ start }) => start === exception.start)
    return { ...exception, fields: reworded(exception.fields, before?.fields ?? known.fields) }
  })
  return { ...snapshot, item, series: { ...snapshot.series, exceptions } }
}

/**
 * An event that shares only its time meets a record that says more: what the CRM itself wrote is no secret of Exchange.
 * An item that carries our stamp tells where it began; an occurrence carries none, but its series does.
 */
export function withWordsOfRecord(exchange: Snapshot, crm: Snapshot): Snapshot {
  const isWritten = crm.item.kind === 'event' && (crm.item.fields.subject ?? NO_WORDS.subject) !== NO_WORDS.subject
  if (exchange.traits?.masked !== true || !isWritten) return exchange
  const { fromCrm, occurrence } = exchange.traits
  const began = fromCrm === true || (exchange.stamp === undefined ? occurrence !== true : exchange.stamp.born !== undefined)
  if (!began) return exchange
  const { traits, ...rest } = withoutMask(exchange)
  return withKnownWords({ ...rest, traits: { ...traits, fromCrm: true } }, crm.item)
}

/** Who is invited counts as a word, what they answered does not. */
function reworded(fresh: Partial<EventFields>, known: Partial<EventFields>): Partial<EventFields> {
  const isWord = ([name]: [string, unknown]) => name in NO_WORDS
  const words = Object.fromEntries(Object.entries(known).filter(isWord))
  const rest = Object.fromEntries(Object.entries(fresh).filter((entry) => !isWord(entry)))
  const answers = new Map(fresh.attendees?.map(({ address, answer }) => [address, answer]))
  const attendees = known.attendees?.map((one) => ({ ...one, answer: answers.get(one.address) ?? one.answer }))
  return { ...rest, ...words, ...(attendees === undefined ? {} : { attendees }) }
}

/** @param all whether the whole series is private; otherwise single occurrences may be */
function maskExceptions(series: Series, all: boolean): Series {
  const exceptions = series.exceptions.map((exception) =>
    all || isSecret({ kind: 'event', fields: exception.fields }) ? { ...exception, fields: { ...exception.fields, ...NO_WORDS }, masked: true as const } : exception)
  return { ...series, exceptions }
}

const NO_WORDS = { subject: 'Busy', body: '', place: '', categories: [], attendees: [], organizer: null } as const
const NO_WORDS_OF_TASK = { subject: 'Private task', body: '', categories: [] } as const

/** Whether a record says no more than a masked item does, as far as the CRM holds it. */
export function isWordless({ kind, fields }: Item): boolean {
  if (kind === 'contact') return false
  const { subject, body } = kind === 'event' ? NO_WORDS : NO_WORDS_OF_TASK
  return fields.subject === subject && (fields.body ?? '') === body && (kind === 'task' || (fields.place ?? '') === '')
}

function wordless(snapshot: Snapshot): Snapshot {
  const { item } = snapshot
  const masked: Item =
    item.kind === 'event'
      ? { kind: 'event', fields: { ...item.fields, ...NO_WORDS } }
      : item.kind === 'task'
        ? { kind: 'task', fields: { ...item.fields, ...NO_WORDS_OF_TASK } }
        : item
  const series = snapshot.series === undefined ? {} : { series: maskExceptions(snapshot.series, true) }
  return { ...snapshot, ...series, item: masked, traits: { ...snapshot.traits, masked: true } }
}
