import type { Copy, Item, Policy, Series, Snapshot } from '../model/index.ts'

export const isSecret = (item: Item) =>
  item.kind !== 'contact' && (item.fields.sensitivity === 'private' || item.fields.sensitivity === 'confidential')

/**
 * A private Exchange item as the CRM may know it, before it is stored anywhere. Only words that come from Exchange are
 * hidden: an event that was private in the CRM from the start keeps the words it has there.
 *
 * @param copy the copy the item is linked to, if any
 */
export function mask(snapshot: Snapshot, copy: Copy | null, policy: Pick<Policy, 'privateItems'>): Snapshot {
  if (policy.privateItems === 'full') return snapshot
  if (!isSecret(snapshot.item)) return snapshot.series === undefined ? snapshot : { ...snapshot, series: maskExceptions(snapshot.series, false) }
  if (copy !== null && copy.traits.masked !== true && isSecret(copy.base.exchange)) return snapshot
  if (policy.privateItems === 'skip' && copy === null) return { ...wordless(snapshot), unsupported: 'private' }
  return wordless(snapshot)
}

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
