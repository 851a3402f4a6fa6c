import type { Copy, EventFields, Item, Policy, Series, Snapshot } from '../model/index.ts'

export const isSecret = (item: Item) =>
  item.kind !== 'contact' && (item.fields.sensitivity === 'private' || item.fields.sensitivity === 'confidential')

/** How much of a mailbox's items may be known. */
export interface Privacy extends Pick<Policy, 'privateItems'> {
  /** Of events nothing but the time, private or not. */
  readonly availabilityOnly: boolean
}

/**
 * A private Exchange item as the CRM may know it, before it is stored anywhere. Only words that come from Exchange are
 * hidden: an event that was private in the CRM from the start keeps the words it has there.
 *
 * @param copy the copy the item is linked to, if any
 */
export function mask(snapshot: Snapshot, copy: Copy | null, policy: Pick<Policy, 'privateItems'> & Partial<Privacy>): Snapshot {
  if (policy.availabilityOnly === true && snapshot.item.kind === 'event') return availabilityOf(snapshot, copy, policy)
  if (policy.privateItems === 'full') return snapshot
  if (!isSecret(snapshot.item)) return snapshot.series === undefined ? snapshot : { ...snapshot, series: maskExceptions(snapshot.series, false) }
  if (copy !== null && copy.traits.masked !== true && isSecret(copy.base.exchange)) return snapshot
  if (policy.privateItems === 'skip' && copy === null) return { ...wordless(snapshot), unsupported: 'private' }
  return wordless(snapshot)
}

/**
 * An event of a calendar that shares its availability only. Words that both sides agreed on are known anyway, because the
 * CRM wrote them or was told before; they stay, and no other word comes after them.
 */
function availabilityOf(snapshot: Snapshot, copy: Copy | null, policy: Pick<Policy, 'privateItems'>): Snapshot {
  if (copy !== null && copy.traits.masked !== true) return withKnownWords(snapshot, copy.base.exchange)
  if (policy.privateItems === 'skip' && copy === null && isSecret(snapshot.item)) return { ...wordless(snapshot), unsupported: 'private' }
  return wordless(snapshot)
}

/**
 * The item with the words that are known already in place of its own.
 * @param series what was known of the master's exceptions; others are told without words of their own
 */
export function withKnownWords(snapshot: Snapshot, known: Item, series?: Series): Snapshot {
  if (snapshot.item.kind !== 'event' || known.kind !== 'event') return snapshot
  const item: Item = { kind: 'event', fields: { ...withoutWords(snapshot.item.fields), ...wordsOf(known.fields) } }
  if (snapshot.series === undefined) return { ...snapshot, item }
  const exceptions = snapshot.series.exceptions.map((exception) => {
    const before = series?.exceptions.find(({ original }) => original === exception.original)
    return { ...exception, fields: { ...withoutWords(exception.fields), ...wordsOf(before?.fields ?? {}) } }
  })
  return { ...snapshot, item, series: { ...snapshot.series, exceptions } }
}

/** Whether a record says more than a busy block does: somebody wrote it in the CRM. */
export const hasWords = ({ item }: Snapshot): boolean =>
  item.kind === 'event' && (item.fields.subject ?? NO_WORDS.subject) !== NO_WORDS.subject

const isWord = (name: string) => name in NO_WORDS
const wordsOf = (fields: Partial<EventFields>) => Object.fromEntries(Object.entries(fields).filter(([name]) => isWord(name)))
const withoutWords = (fields: Partial<EventFields>) => Object.fromEntries(Object.entries(fields).filter(([name]) => !isWord(name)))

/** @param all whether the whole series is private; otherwise single occurrences may be */
function maskExceptions(series: Series, all: boolean): Series {
  const exceptions = series.exceptions.map((exception) =>
    all || isSecret({ kind: 'event', fields: exception.fields }) ? { ...exception, fields: { ...exception.fields, ...NO_WORDS } } : exception)
  return { ...series, exceptions }
}

const NO_WORDS = { subject: 'Busy', body: '', place: '', categories: [], attendees: [], organizer: null } as const

function wordless(snapshot: Snapshot): Snapshot {
  const { item } = snapshot
  const masked: Item =
    item.kind === 'event'
      ? { kind: 'event', fields: { ...item.fields, ...NO_WORDS } }
      : item.kind === 'task'
        ? { kind: 'task', fields: { ...item.fields, subject: 'Private task', body: '', categories: [] } }
        : item
  const series = snapshot.series === undefined ? {} : { series: maskExceptions(snapshot.series, true) }
  return { ...snapshot, ...series, item: masked, traits: { ...snapshot.traits, masked: true } }
}
